"""The route that streams landed records. Only the standalone service has it: subscribers must not take Airflow's threads and memory."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import StreamingResponse

from weir.api.access import only_known, reader
from weir.api.answers import HEADERS
from weir.api.ask import Asks
from weir.api.jobs import Name
from weir.api.streams import Streams
from weir.sink_readers.records import beginning

# Without this header nginx holds a stream back until its buffer is full.
STREAM_HEADERS = {**HEADERS, "X-Accel-Buffering": "no"}
# Not in the contract: OpenAPI has no words for a stream. docs/rest.md describes it.
router = APIRouter(dependencies=[Depends(reader), Depends(only_known)], include_in_schema=False)


@router.get("/jobs/{job}/rows/events")
async def events(
    request: Request,
    ask: Asks,
    job: Name,
    start: Annotated[Literal["now", "earliest"], Query()] = "now",
    after: Annotated[str, Header(alias="Last-Event-ID", max_length=4000)] = "",
) -> StreamingResponse:
    streams: Streams = request.app.state.streams
    streams.require_room()
    begin = await ask(lambda manager: beginning(manager.source, manager.spec(job), after, start))
    return StreamingResponse(streams.listen(begin), headers=STREAM_HEADERS, media_type="text/event-stream")
