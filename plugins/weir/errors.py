"""One tree of errors. Each says what happened, to what, and what to do next; each code has a heading in docs/runbook.md."""

from __future__ import annotations


class WeirError(Exception):
    """Something a person should read. `code` is stable: the CLI, the service and the runbook use the same one."""

    code = "WEIR-000"

    def __init__(self, what: str, next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.code}: {self.what}" + (f" {self.next_step}" if self.next_step else "")


class BadInput(WeirError):
    """A value from a person does not fit; the message names the field and the rule."""

    code = "WEIR-101"


class BadSpec(BadInput):
    """A job.yaml does not fit its model; the message names the field."""

    code = "WEIR-102"


class BadRules(BadInput):
    """A file of alert rules does not fit its model; the message names the field."""

    code = "WEIR-104"


class UnknownJob(BadInput):
    """There is no such job."""

    code = "WEIR-103"


class KeyReused(BadInput):
    """An idempotency key came again with another request."""

    code = "WEIR-105"


class NotRunning(WeirError):
    """The stack, or a part of it, cannot be reached."""

    code = "WEIR-201"


class DriverEnded(NotRunning):
    """A driver that was waited for has ended."""


class StackFailed(WeirError):
    """A part of the embedded stack did not start, or did not become healthy in time."""

    code = "WEIR-202"


class Prerequisite(WeirError):
    """Something that must be on the machine is missing or of the wrong version."""

    code = "WEIR-203"


class TopicMissing(NotRunning):
    """The broker answers, and has no such topic."""

    code = "WEIR-204"


class TimedOut(WeirError):
    """What was waited for did not happen in time."""

    code = "WEIR-205"


class StoreBehind(WeirError):
    """The store answers, and its schema is not the one that this version of Weir asks."""

    code = "WEIR-206"


class Conflict(WeirError):
    """Somebody else changed the job first; what was judged is no longer so."""

    code = "WEIR-301"


class AtWork(Conflict):
    """The same request, by its idempotency key, is still at work."""

    after_s = 1  # when to ask again


class Diverged(WeirError):
    """Checkpoint and ledger disagree: to go on from this checkpoint would lose or double lines."""

    code = "WEIR-302"


class DataLoss(WeirError):
    """The broker no longer has lines that were not counted, or the topic is another one: to go on needs a person's word."""

    code = "WEIR-303"


class Refused(WeirError):
    """A deploy cannot be done as asked; nothing was stopped."""

    code = "WEIR-304"


class NotKept(WeirError):
    """The version that a deploy should go back to is not kept, or cannot be read by this release."""

    code = "WEIR-305"


class NotConfirmed(WeirError):
    """The driver of a job that nothing fences cannot be confirmed ended, so no other one is started."""

    code = "WEIR-306"


class NotProven(WeirError):
    """A fold, a validation or a recount did not come out equal; nothing was published."""

    code = "WEIR-401"


class NotDelivered(WeirError):
    """A sink did not take a message. It is kept, and sent again."""

    code = "WEIR-501"


class NotSignedIn(WeirError):
    """Nobody is known who asks the REST service, or no longer."""

    code = "WEIR-601"


class NotAllowed(WeirError):
    """Who asks the REST service may not do that."""

    code = "WEIR-602"


class TooMany(WeirError):
    """More requests of one person than the REST service answers in that time."""

    code = "WEIR-603"

    def __init__(self, what: str, next_step: str = "", after_s: int = 1) -> None:
        super().__init__(what, next_step)
        self.after_s = after_s
