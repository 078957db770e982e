"""The streams of pages that are followed: what is looked at for them, and which parts of a page it is made into."""

from __future__ import annotations

from typing import Any

from fastapi import HTTPException, Request, status
from fastapi.responses import Response, StreamingResponse

from weir.airflow.triggers.session import ask
from weir.console import fleet, job
from weir.console.answers import HEADERS, LATE, fragment
from weir.console.live import MOST, Fragments, Live, Look, Render
from weir.console.panels import Panel

# nginx keeps a stream back until its buffer is full, unless told not to.
STREAM_HEADERS = {**HEADERS, "X-Accel-Buffering": "no"}
FULL = f"{MOST} pages are followed already. This one stays as it is: look again by hand, or close others."


async def fleet_events(request: Request, verdict: str = "", q: str = "") -> Response:
    """What changes on the page of all jobs that are asked for."""
    view: fleet.View = request.app.state.view

    def render(rows: Any) -> Fragments:
        if isinstance(rows, Exception):
            return _away(rows)
        chosen = fleet.chosen(rows, verdict, q)
        asof = fragment("asof.html", trouble="", live=True, shown=len(chosen), all=len(rows))
        return {"asof": asof, "fleet": fragment("rows.html", rows=chosen) if chosen else ""}

    return _stream(request, "the fleet", view.rows, f"{verdict}\0{q}", render)


async def job_events(request: Request, name: str) -> Response:
    """What changes on a job's page: its verdict, how far its newest start has come, its timeline. 404 if there is no such job."""
    panels = request.app.state.panels
    await ask(lambda manager: manager.known(name))

    async def look() -> object:
        return await ask(lambda manager: job.follow(manager, panels, name))

    def render(found: Any) -> Fragments:
        return _away(found) if isinstance(found, Exception) else job_fragments(name, found)

    return _stream(request, f"job {name}", look, "", render)


def job_fragments(name: str, found: dict[str, Panel]) -> Fragments:
    parts = {"said": "job_said.html", "verdict": "job_verdict.html", "events": "job_timeline.html"}
    if "start" in found:
        parts["start"] = "job_start.html"
    asof = fragment("asof.html", trouble="", live=True, all=None)
    return {"asof": asof, **{place: fragment(part, job=name, panels=found) for place, part in parts.items()}}


def _away(error: Exception) -> Fragments:
    """What was shown stays, and it is said that it is of an earlier moment."""
    return {"asof": fragment("asof.html", trouble=f"What is shown is old: {error or LATE}", live=True, all=None)}


def _stream(request: Request, topic: str, look: Look, asked: str, render: Render) -> Response:
    live: Live = request.app.state.live
    if live.full:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, FULL, {"Retry-After": "60"})
    return StreamingResponse(live.listen(topic, look, asked, render), headers=STREAM_HEADERS, media_type="text/event-stream")
