"""The answers of the service as models: the rows that commands print as JSON. Times are in ISO 8601; empty for none."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")


class Model(BaseModel):
    """A model without undeclared fields."""

    model_config = ConfigDict(extra="forbid")


class Page(Model, Generic[T]):
    items: list[T]
    next: str | None = Field(description="Send it as `cursor` for the next page; null on the last page.")


class Problem(Model):
    """RFC 9457."""

    type: str = Field(description="The heading in the runbook.", examples=["docs/runbook.md#weir-301"])
    title: str
    status: int
    detail: str = Field(description="What happened, to what.", examples=["error_counts is at attempt 4 now."])
    code: str = Field(description="As on the command line.", examples=["WEIR-301"])
    next: str = Field(description="What to do next; may be empty.", examples=["Run: weir health error_counts"])


class Job(Model):
    """A row of `weir jobs`."""

    job: str = Field(examples=["error_counts"])
    kind: str = Field(description="What the job is: counts, or plain. It decides what can be asked of it.", examples=["counts"])
    desired: str = Field(description="running, stopped or not deployed", examples=["running"])
    version: str
    verdict: str = Field(examples=["ok"])
    paused: str = Field(description="The active pause in words; empty for none.")
    standby: str
    concerns: str = Field(
        description="What is wrong beside the verdict, separated by commas; empty for nothing.", examples=["unproven recount"]
    )
    since: str = Field(description="Since when the job has this verdict.", examples=["2026-01-31T12:00:00Z"])
    attempt: int
    epoch: int | None
    batch_id: int | None
    lag: int | None = Field(description="Lines that have not landed; null if unknown.")
    proven_up_to: str | None
    proven_share: float | None


class Health(Model):
    """`weir health`: the verdict with its evidence."""

    job: str = Field(examples=["error_counts"])
    verdict: str = Field(examples=["stalled"])
    attempt: int
    since: str
    sentence: str = Field(examples=["error_counts has landed nothing for 7 min, and 1204 lines wait"])
    next_step: str = Field(examples=["weir logs error_counts"])
    evidence: dict[str, Any] = Field(description="The evidence for the verdict; times in ISO 8601.")
    lag_since: str
    frontier: dict[str, int] = Field(description="The next offset to count, by partition.")
    act: str = Field(description="The next automatic action: none, restart or rebuild.")
    plan: str
    not_before: str
    lag_seen: str
    at: str
    settled: int
    standby_act: str
    behind_since: str
    closest: int = Field(description="The smallest lag in lines since `behind_since`, first at `closest_at`; 0 if not behind.")
    closest_at: str
    silent_since: str = Field(description="Since when the cluster no longer reports the driver's state; empty if it does.")
    covers: str = Field(description="During maintenance, the verdict without it; otherwise empty.", examples=["poisoned"])


class Event(Model):
    """An entry of `weir timeline`."""

    at: str
    kind: str = Field(examples=["restart"])
    attempt: int
    who: str = Field(examples=["ana"])
    text: str
    reason: str
    detail: dict[str, Any]


class Count(Model):
    """A window of `weir counts`, with the requested dimensions."""

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
    first: str = Field(description="Start of the first window with it.")
    last: str
    new: bool = Field(description="Seen since the last deploy, and not in the seven days before it.")


class ServiceErrors(Model):
    service: str
    n: int


class Signatures(Model):
    """The error signatures of a span, those with the most errors first."""

    since: str
    until: str
    window: str = Field(description="The resolution of `first` and `last`.", examples=["10s"])
    deployed: str
    items: list[Signature]
    more: int = Field(description="How many signatures are left out.")
    services: list[ServiceErrors]


class BatchFile(Model):
    """A file of a batch, as it was when the batch was claimed."""

    path: str
    size: int
    modified_at: str


class Batch(Model):
    """A row of `weir ledger`: a batch, or a gap, with what was left out and who decided it."""

    epoch: int
    batch_id: int | None
    state: str = Field(examples=["landed"])
    offsets: dict[str, list[int]] = Field(description="[first, one after the last] by partition.")
    lines: int
    rejected: int
    continuations: int = Field(
        default=0, description="Lines that continue the one before, such as stack traces: not counted, not rejected."
    )
    late: int
    landed_at: str | None
    began_at: str | None = None
    attempt: int
    levels: dict[str, int] | None = None
    rejected_by_reason: dict[str, int] | None = None
    skipped: int
    version: str | None = None
    gap: dict[str, Any] | None = None
    rows: int | None = Field(default=None, description="Of a landed job: rows written to its sink.")
    digest: str | None = Field(default=None, description="Of a landed job: the digest of these rows, the same in any order.")
    files: list[BatchFile] | None = Field(default=None, description="Of a landed job that reads folders: the files of the batch.")


class Recount(BaseModel):
    """The result of a recount; older releases kept fewer fields."""

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
    value: str = Field(description=r"The line. Bytes that are not printable UTF-8 are \xNN, and a backslash is doubled.")


class Finding(Model):
    path: str
    finding: str
    action: str
    harmless: bool


class Checkpoint(Model):
    """`weir checkpoint`, with the doctor's findings."""

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
    ok: bool | None = Field(description="null for unknown, which refuses nothing.")
    text: str
    word: str = Field(description="What is said instead of unknown, such as WAITS; empty: unknown.")


class Plan(Model):
    """What a deploy would do."""

    job: str
    version: str
    before: str
    kind: str = Field(examples=["same checkpoint"])
    why: list[str]
    differences: list[str]
    checks: list[Check]
    refusals: str = Field(description="Why the deploy would be refused; empty if it would not.")


class Offer(Model):
    """A description of an action."""

    action: str = Field(examples=["restart"])
    title: str
    says: str = Field(description="What will happen.")
    command: str = Field(description="The equivalent command.")
    dangerous: bool = Field(description="It stops or replaces a driver.")
    reason: bool = Field(description="A reason is required.")
    lasts: bool = Field(description="A duration is required, as `for`.")


class Offers(Model):
    items: list[Offer]


class Form(Offer):
    """An action with what it would do now."""

    lines: list[str]
    body: dict[str, str | int] = Field(
        description="What the action applies to: send it unchanged with the action.", examples=[{"attempt": 3}]
    )
    refused: bool


class Order(Model):
    """The parameters of an action: `reason`, `for`, and the `body` from the action's GET."""

    reason: str = Field("", max_length=2000, description="Recorded in the job's timeline.", examples=["new certificates"])
    lasts: str = Field("", alias="for", max_length=20, description="Duration from now: 30m, 2h.", examples=["2h"])
    attempt: int | None = Field(None, ge=0, lt=2**31, description="Act only if this attempt is still the current one.", examples=[3])
    batch: int | None = Field(None, ge=-1, lt=2**63, description="The batch to leave out.")
    mark: str = Field("", max_length=100, description="Digest of what would be left out.")
    plan: str = Field("", max_length=500, description="Deploy only if the plan is still this one.")


class Done(Model):
    """The result of an action."""

    changed: bool = Field(description="False if there was nothing to do.")
    attempt: int
    sentence: str = Field(examples=["error_counts: attempt 4 was submitted as driver-20260131120000-0004."])
