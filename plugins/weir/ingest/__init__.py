"""`weir ingest`: send the lines of files or of standard input to the topic. The record's key is the service.

No line of a file is dropped or doubled: lines are committed together with the position in the file, from which a later run goes on. What
cannot be read or sent is told.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from weir.errors import NotRunning
from weir.ingest.cutting import MAX_LINE
from weir.ingest.producers import OUTAGE_S, producer
from weir.ingest.run import Asked, Ears, first_text, send_exactly, send_through
from weir.ingest.sampling import Look
from weir.ingest.sending import RUN, Interrupted, Progress, Sender, Sent
from weir.ingest.starting import Say
from weir.settings import Settings

__all__ = ["MAX_LINE", "OUTAGE_S", "RUN", "Interrupted", "Progress", "Sender", "Sent", "ingest", "ingest_file", "producer"]

TOPIC = "logs"


def ingest_file(
    path: Path | str, service: str, settings: Settings, rate: float | None = None, follow: bool = False, progress: Progress | None = None
) -> int:
    """Send every line of a file, `-` for standard input. Return how many were acknowledged. Raises NotRunning if not all were."""
    sent = ingest(path, service, settings, rate=rate, follow=follow, progress=progress)
    if not sent.complete:
        raise NotRunning(f"{sent.acknowledged} of {sent.lines + sent.refused_lines} lines of {path} were acknowledged.", "See: weir status")
    return sent.acknowledged


def ingest(
    path: Path | str,
    service: str,
    settings: Settings,
    *,
    topic: str = TOPIC,
    rate: float | None = None,
    follow: bool = False,
    resume: bool = False,
    from_start: bool = False,
    progress: Progress | None = None,
    look: Look | None = None,
    say: Say = lambda sentence: None,
    tell: Callable[[Sent], None] = lambda sent: None,
) -> Sent:
    """Send every line; `rate` is in lines/s, `follow` waits for more at the end of the file.

    `resume` sends only what an earlier run has not; `follow` does so too, unless `from_start`. `say` is told what happens on the way,
    `tell` what was sent: if that raises, the run counts as interrupted. `look` is shown the first lines.

    Raises UnreadableInput if the file cannot be read, BadInput if it was sent in part by an interrupted run, NotRunning if Kafka
    does not answer, Conflict if another run sends the same, Interrupted.
    """
    ask = Asked(Path(path), service, topic, rate, follow, resume, from_start)
    ears = Ears(progress, look, say, tell)
    text = first_text(ask)
    if text is not None and not text.regular:
        return send_through(text, ask, settings, ears)
    return send_exactly(text, ask, settings, ears)
