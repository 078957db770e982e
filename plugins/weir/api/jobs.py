"""The routes that read."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query

from weir.api import counting, models, reads
from weir.api.access import editor, only_known, reader
from weir.api.ask import Asks, Now
from weir.api.contract import responses

router = APIRouter(tags=["jobs"], dependencies=[Depends(reader), Depends(only_known)], responses=responses(400, 401, 403, 429, 503))
OF_JOB: Any = {"responses": responses(404)}
OR_CONFLICT: Any = {"responses": responses(404, 409)}

Name = Annotated[str, Path(description="The job's name.", max_length=200, examples=["error_counts"])]
Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]
Cursor = Annotated[str, Query(max_length=4000, description="`next` of the previous page; empty for the first page.")]
Since = Annotated[str, Query(max_length=40, description="A duration up to `until`, or a time in ISO 8601.", examples=["6h"])]
Until = Annotated[str, Query(max_length=40, description="A time; default: now.", examples=["2026-01-31T12:00:00Z"])]
Window = Annotated[str, Query(max_length=20, description="A multiple of the pane.", examples=["1m"])]
Slide = Annotated[str, Query(max_length=20, description="From one window's start to the next; default: the window.")]
Names = Annotated[str, Query(max_length=200, description="Separated by commas; `none`, or for levels `all`.")]
Closed = Annotated[bool, Query(description="Only closed windows.")]


def _asked(
    since: Since = "1h",
    until: Until = "",
    window: Window = "10s",
    slide: Slide = "",
    by: Names = "service,level,signature",
    levels: Names = "error",
    service: Annotated[list[str], Query(max_length=100, description="Only these services.")] = [],  # noqa: B006
    signature: Annotated[str, Query(max_length=300, description="Only signatures that contain this text.")] = "",
    closed: Closed = False,
) -> counting.Asked:
    return counting.Asked(since, until, window, slide, by, levels, closed, tuple(service), signature)


@router.get("/jobs", summary="Every job with its desired state and verdict")
async def jobs(ask: Asks, limit: Limit = 100, cursor: Cursor = "") -> models.Page[models.Job]:
    return await ask(lambda manager: reads.jobs(manager, limit, cursor))


@router.get("/jobs/{job}", summary="The verdict of a job with its evidence", **OF_JOB)
async def health(ask: Asks, job: Name) -> models.Health:
    return await ask(lambda manager: reads.health(manager, job))


@router.get("/jobs/{job}/timeline", summary="The timeline of a job, newest first", **OF_JOB)
async def timeline(ask: Asks, job: Name, limit: Limit = 20, cursor: Cursor = "") -> models.Page[models.Event]:
    return await ask(lambda manager: reads.timeline(manager, job, limit, cursor))


@router.get("/jobs/{job}/counts", summary="Lines by window", response_model_exclude_unset=True, **OR_CONFLICT)
async def counts(
    ask: Asks, job: Name, now: Now, asked: Annotated[counting.Asked, Depends(_asked)], limit: Limit = 1000, cursor: Cursor = ""
) -> models.Page[models.Count]:
    return await ask(lambda manager: counting.look(manager, job, asked, limit, cursor, now))


@router.get("/jobs/{job}/signatures", summary="The errors of a span by signature: number, first and last time, new or not", **OR_CONFLICT)
async def signatures(
    ask: Asks, job: Name, now: Now, since: Since = "24h", until: Until = "", service: Annotated[str, Query(max_length=1000)] = ""
) -> models.Signatures:
    return await ask(lambda manager: reads.signatures(manager, job, since, until, service, now))


@router.get("/jobs/{job}/ledger", summary="The batches, newest first", response_model_exclude_unset=True, **OF_JOB)
async def ledger(ask: Asks, job: Name, limit: Limit = 20, cursor: Cursor = "") -> models.Page[models.Batch]:
    return await ask(lambda manager: reads.ledger(manager, job, limit, cursor))


@router.get("/jobs/{job}/recounts", summary="Results of recounts, newest first", response_model_exclude_unset=True, **OF_JOB)
async def recounts(ask: Asks, job: Name, limit: Limit = 20, cursor: Cursor = "") -> models.Page[models.Recount]:
    return await ask(lambda manager: reads.recounts(manager, job, limit, cursor))


@router.get("/jobs/{job}/rejected", summary="Samples of rejected lines, newest first", **OF_JOB)
async def rejected(
    ask: Asks, job: Name, reason: Annotated[str, Query(max_length=100)] = "", limit: Limit = 100, cursor: Cursor = ""
) -> models.Page[models.Rejected]:
    return await ask(lambda manager: reads.rejected(manager, job, reason, limit, cursor))


@router.get("/jobs/{job}/rows", summary="The rows of a landed job in PostgreSQL, by their key", **OR_CONFLICT)
async def rows(
    ask: Asks,
    job: Name,
    key: Annotated[list[str], Query(max_length=10, description="Only rows whose key begins with these values.")] = [],  # noqa: B006
    limit: Limit = 100,
    cursor: Cursor = "",
) -> models.Page[dict[str, Any]]:
    return await ask(lambda manager: reads.rows_of(manager, job, key, limit, cursor))


@router.get("/jobs/{job}/checkpoint", summary="The checkpoint that the next attempt continues from, with findings", **OF_JOB)
async def checkpoint(ask: Asks, job: Name) -> models.Checkpoint:
    return await ask(lambda manager: reads.checkpoint(manager, job))


@router.get("/jobs/{job}/versions", summary="The deployed versions, newest first", **OF_JOB)
async def versions(ask: Asks, job: Name, limit: Limit = 100, cursor: Cursor = "") -> models.Page[models.Version]:
    return await ask(lambda manager: reads.versions(manager, job, limit, cursor))


@router.get("/jobs/{job}/plan", summary="What a deploy would do", dependencies=[Depends(editor)], **OR_CONFLICT)
async def plan(  # for editors only: it imports the job's code in a process of its own
    ask: Asks, job: Name, to: Annotated[str, Query(max_length=100, description="A version to go back to; default: the present one.")] = ""
) -> models.Plan:
    return await ask(lambda manager: reads.plan(manager, job, to))
