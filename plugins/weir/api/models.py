"""What the service answers, as models: the rows that commands print as JSON. Times are in ISO 8601, empty for none."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")


class Model(BaseModel):
    """Nothing is answered that is not in the contract."""

    model_config = ConfigDict(extra="forbid")


class Page(Model, Generic[T]):
    items: list[T]
    next: str | None = Field(description="Send it as `cursor` for the next page; null if this is the last one.")


class Problem(Model):
    """RFC 9457."""

    type: str = Field(description="Leads to the heading of the runbook.", examples=["docs/runbook.md#weir-301"])
    title: str
    status: int
    detail: str = Field(description="What happened, to what.", examples=["error_counts is at attempt 4 now."])
    code: str = Field(description="As on the command line.", examples=["WEIR-301"])
    next: str = Field(description="What to do next; empty if there is nothing to say.", examples=["Run: weir health error_counts"])


class Job(Model):
    """A row of `weir jobs`."""

    job: str = Field(examples=["error_counts"])
    kind: str = Field(description="What the job is: counts, or plain. It decides what can be asked of it.", examples=["counts"])
    desired: str = Field(description="running, stopped or not deployed", examples=["running"])
    version: str
    verdict: str = Field(examples=["ok"])
    paused: str = Field(description="A person's word that Weir leaves it alone; empty for none.")
    standby: str
    since: str = Field(description="Since when the verdict is so.", examples=["2026-01-31T12:00:00Z"])
    attempt: int
    epoch: int | None
    batch_id: int | None
    lag: int | None = Field(description="Lines that have not landed; null where nobody can say.")
    proven_up_to: str | None
    proven_share: float | None


class Health(Model):
    """`weir health`: the verdict in words, and its evidence."""

    job: str = Field(examples=["error_counts"])
    verdict: str = Field(examples=["stalled"])
    attempt: int
    since: str
    sentence: str = Field(examples=["error_counts has landed nothing for 7 min, and 1204 lines wait"])
    next_step: str = Field(examples=["weir logs error_counts"])
    evidence: dict[str, Any] = Field(description="By what the verdict was made; times in ISO 8601.")
    lag_since: str
    frontier: dict[str, int] = Field(description="The next offset to be counted, by partition.")
    act: str = Field(description="What Weir will do by itself: none, restart or rebuild.")
    plan: str
    not_before: str
    lag_seen: str
    at: str
    settled: int
    standby_act: str
    behind_since: str
    closest: int = Field(description="The fewest lines that it was behind since then, first at `closest_at`; 0 while it is not.")
    closest_at: str
    silent_since: str = Field(description="Since when the cluster, which could tell of the driver before, does not; empty if it does.")
    covers: str = Field(description="In a maintenance window, the verdict without it; else empty.", examples=["poisoned"])


class Event(Model):
    """A line of `weir timeline`."""

    at: str
    kind: str = Field(examples=["restart"])
    attempt: int
    who: str = Field(examples=["ana"])
    text: str
    reason: str
    detail: dict[str, Any]


class Count(Model):
    """A window of `weir counts`; the dimensions are those that were asked for."""

    window_start: str
    window_end: str
    service: str | None = None
    level: str | None = None
    signature: str | None = None
    n: int


class Signature(Model):
    service: str
    signature: str
    n: int
    first: str = Field(description="When the first window with it began.")
    last: str
    new: bool = Field(description="Seen since the last deploy, and not in the seven days before it.")


class ServiceErrors(Model):
    service: str
    n: int


class Signatures(Model):
    """The error signatures of a span, those with the most errors first."""

    since: str
    until: str
    window: str = Field(description="How finely first and last are told.", examples=["10s"])
    deployed: str
    items: list[Signature]
    more: int = Field(description="How many signatures are left out.")
    services: list[ServiceErrors]


class Batch(Model):
    """A row of `weir ledger`: a batch, or a gap, which says what was left out and by whose word."""

    epoch: int
    batch_id: int | None
    state: str = Field(examples=["landed"])
    offsets: dict[str, list[int]] = Field(description="[first, one after the last] by partition.")
    lines: int
    rejected: int
    late: int
    landed_at: str | None
    began_at: str | None = None
    attempt: int
    levels: dict[str, int] | None = None
    rejected_by_reason: dict[str, int] | None = None
    skipped: int
    version: str | None = None
    gap: dict[str, Any] | None = None


class Recount(BaseModel):
    """What `weir recount` found; an older release kept fewer members."""

    model_config = ConfigDict(extra="allow")

    at: str = ""
    missing: int | None = None
    doubled: int | None = None
    late: int | None = None
    rejected: int | None = None
    checked_lines: int | None = None
    unchecked_lines: int | None = None


class Rejected(Model):
    """A sample of `weir rejected`."""

    topic: str
    partition: int
    offset: int
    service: str | None
    reason: str = Field(examples=["bad_time"])
    value: str = Field(description=r"The line; what is not printable UTF-8 as \xNN, a backslash doubled.")


class Finding(Model):
    path: str
    finding: str
    action: str
    harmless: bool


class Checkpoint(Model):
    """`weir checkpoint`, with what the doctor finds."""

    job: str
    health: str = Field(examples=["ok"])
    epoch: int
    attempt: int
    planned_batch: int | None
    committed_batch: int | None
    offsets: dict[str, int]
    bytes: int
    files: int
    location: str
    findings: list[Finding]


class Version(Model):
    """A row of `weir versions`."""

    version: str
    deployed_at: str
    current: bool
    good: bool
    kept: bool


class Check(Model):
    name: str
    ok: bool | None = Field(description="null where nobody can say: that refuses nothing.")
    text: str


class Plan(Model):
    """What a deploy would do."""

    job: str
    version: str
    before: str
    kind: str = Field(examples=["same checkpoint"])
    why: list[str]
    differences: list[str]
    checks: list[Check]
    refusals: str = Field(description="Why it would be refused; empty if it would not.")


class Offer(Model):
    """An action, in words."""

    action: str = Field(examples=["restart"])
    title: str
    says: str = Field(description="What will happen.")
    command: str = Field(description="The command that does the same.")
    dangerous: bool = Field(description="It stops or replaces a driver.")
    reason: bool = Field(description="A reason must be sent with it.")
    lasts: bool = Field(description="A duration must be sent with it, as `for`.")


class Offers(Model):
    items: list[Offer]


class Form(Offer):
    """An action with what it would do now."""

    lines: list[str]
    body: dict[str, str | int] = Field(
        description="What the action is held to: send it with the action, as it is.", examples=[{"attempt": 3}]
    )
    refused: bool


class Order(Model):
    """What an action needs beside its name: what `reason`, `lasts` and `body` of the look at it say."""

    reason: str = Field("", max_length=2000, description="Why; kept in the job's timeline.", examples=["new certificates"])
    lasts: str = Field("", alias="for", max_length=20, description="How long from now on: 30m, 2h.", examples=["2h"])
    attempt: int | None = Field(None, ge=0, lt=2**31, description="Only if this attempt is still the one that may write.", examples=[3])
    batch: int | None = Field(None, ge=-1, lt=2**63, description="The batch to be left out.")
    mark: str = Field("", max_length=100, description="Of what would be left out.")
    plan: str = Field("", max_length=500, description="Only if a deploy would still do that.")


class Done(Model):
    """What became of it."""

    changed: bool = Field(description="False if there was nothing to do.")
    attempt: int
    sentence: str = Field(examples=["error_counts: attempt 4 was submitted as driver-20260131120000-0004."])
