"""The texts of messages, to be read on a phone at three in the morning. Pure."""

from __future__ import annotations

from weir.alerts.book import CONCERN, STREAM, Incident, Message
from weir.output import printable
from weir.times import iso

LONGEST = 300  # characters of text from a log line
HEADLINE = 100  # characters of a title: a phone cuts off the rest


def span(ms: int) -> str:
    """Format a duration with at most two units: `4 min 10 s`, `2 h 5 min`, `3 d 4 h`."""
    seconds = max(0, ms) // 1000
    parts = [(seconds // 86_400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s")]
    while len(parts) > 1 and parts[0][0] == 0:
        parts.pop(0)
    return " ".join(f"{n} {unit}" for n, unit in parts[:2] if n) or "0 s"


def plain(text: str) -> str:
    """Return one line of printable text, cut to LONGEST: log lines may contain anything."""
    told = printable(" ".join(text.split()))
    return told if len(told) <= LONGEST else told[: LONGEST - 3] + "..."


def name_of(job: str, incident: Incident) -> str:
    cause = incident.cause.removeprefix(CONCERN).replace("_", " ") if incident.cause.startswith(CONCERN) else incident.cause
    what = "stream" if incident.cause == STREAM else f"{cause} {' '.join(incident.key)}".strip()
    return plain(f"{job}: {what}")


def headline(job: str, incident: Incident) -> str:
    """Return the problem for a title: for a stream its sentence, which begins with the job's name."""
    told = plain(incident.sentence) if incident.cause == STREAM and incident.sentence else name_of(job, incident)
    return told if len(told) <= HEADLINE else told[: HEADLINE - 3] + "..."


def opened(job: str, incident: Incident, done: list[str], silenced: str = "") -> tuple[str, str]:
    """Return title and text of the message that an incident is open."""
    facts = [plain(incident.sentence), f"since {iso(incident.since)}"]
    if incident.late:
        facts.append(f"late: this message comes {span(incident.opened_at - incident.since)} after it began")
    if silenced:
        facts.append(f"silenced until now: {plain(silenced)}")
    return f"[{incident.severity}] {headline(job, incident)}", _text(job, incident, facts, done)


def updated(job: str, incident: Incident, done: list[str]) -> tuple[str, str]:
    return f"[{incident.severity}] {headline(job, incident)} (update)", _text(job, incident, [plain(incident.sentence)], done)


def resolved(job: str, incident: Incident, ended: int, how: str, lost: int | None, never_told: bool) -> tuple[str, str]:
    """Return title and text, such as `recovered after 4 min 10 s, 0 lost`. `lost` is None if it does not apply."""
    after = f"{how} after {span(ended - incident.since)}" + ("" if lost is None else f", {lost} lost")
    facts = [after, plain(incident.sentence), f"from {iso(incident.since)} to {iso(ended)}"]
    if never_told:
        facts.append("it was over before a message was sent")
    if incident.late:
        facts.append("late: these windows were evaluated long after they ended")
    return f"[resolved] {name_of(job, incident)}: {after}", "\n".join([*facts, *_links(job, incident.cause)])


def amended(job: str, rule: str, key: tuple[str, ...], start: int, end: int, sentence: str) -> tuple[str, str]:
    """Return title and text: late lines changed a window's result. An empty sentence: it no longer breaks the rule."""
    name, when = plain(f"{job}: {rule} {' '.join(key)}".strip()), f"{iso(start)} to {iso(end)}"
    told = f"after late lines it breaks the rule: {plain(sentence)}" if sentence else "after late lines it no longer breaks the rule"
    return f"[amended] {name}", "\n".join([f"{when}: {told}", *_links(job, rule)])


def acknowledged(job: str, incident: Incident) -> tuple[str, str]:
    ack = incident.ack
    told = f"acknowledged by {ack.who} at {iso(ack.at)}: {plain(ack.comment)}" if ack else ""
    return f"[acknowledged] {name_of(job, incident)}", "\n".join([plain(told), *_links(job, incident.cause)])


def repeat(message: Message) -> str:
    """Return the text, marked as a possible repeat: the sender was killed, or got no answer."""
    return f"(this may be a repeat)\n{message.text}"


def _text(job: str, incident: Incident, facts: list[str], done: list[str]) -> str:
    facts += [f"already done: {plain(one)}" for one in done[-3:]]
    if incident.next_step:
        facts.append(f"next: {plain(incident.next_step)}")
    return "\n".join([*facts, f"acknowledge: weir alerts ack {incident.id} --comment ...", *_links(job, incident.cause)])


def _links(job: str, cause: str) -> list[str]:
    if cause == STREAM or cause.startswith(CONCERN):
        return [f"look: weir health {job}; weir timeline {job}; docs/runbook.md#verdicts"]
    return [f"look: weir counts --job {job} --window 5m --by service,signature; docs/runbook.md#messages"]
