"""The event streams of live pages: what they check, and which parts of a page they update."""

from __future__ import annotations

from typing import Any

from fastapi import HTTPException, Request, status
from fastapi.responses import Response, StreamingResponse

from weir.airflow.triggers.session import ask
from weir.console import fleet, job
from weir.console.answers import HEADERS, LATE, fragment
from weir.console.live import MOST, Fragments, Live, Look, Render
from weir.console.panels import Panel

# Without this header nginx holds a stream back until its buffer is full.
STREAM_HEADERS = {**HEADERS, "X-Accel-Buffering": "no"}
FULL = f"{MOST} pages are live already, so this one does not update. Reload it by hand, or close others."


async def fleet_events(request: Request, verdict: str = "", q: str = "") -> Response:
    """Stream the changes of the fleet's page."""
    view: fleet.View = request.app.state.view

    def render(rows: Any) -> Fragments:
        if isinstance(rows, Exception):
            return _away(rows)
        chosen = fleet.chosen(rows, verdict, q)
        asof = fragment("asof.html", trouble="", live=True, shown=len(chosen), all=len(rows))
        return {"asof": asof, "fleet": fragment("rows.html", rows=chosen) if chosen else ""}

    return _stream(request, "the fleet", view.rows, f"{verdict}\0{q}", render)


async def job_events(request: Request, name: str) -> Response:
    """Stream the changes of a job's page: verdict, newest start, timeline. 404 if there is no such job."""
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
    """Keep what is shown, and mark it as old."""
    return {"asof": fragment("asof.html", trouble=f"This page is out of date: {error or LATE}", live=True, all=None)}


def _stream(request: Request, topic: str, look: Look, asked: str, render: Render) -> Response:
    live: Live = request.app.state.live
    if live.full:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, FULL, {"Retry-After": "60"})
    return StreamingResponse(live.listen(topic, look, asked, render), headers=STREAM_HEADERS, media_type="text/event-stream")
