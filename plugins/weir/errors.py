"""One tree of errors. Each says what happened, to what, and what to do next; each code has a heading in docs/runbook.md."""

from __future__ import annotations


class WeirError(Exception):
    """An error with a message for people. `code` is stable: CLI, service and runbook use the same one."""

    code = "WEIR-000"

    def __init__(self, what: str, next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.code}: {self.what}" + (f" {self.next_step}" if self.next_step else "")


class BadInput(WeirError):
    """An argument is not valid; the message names the field and the rule."""

    code = "WEIR-101"


class BadSpec(BadInput):
    """A job.yaml is not valid; the message names the field."""

    code = "WEIR-102"


class BadRules(BadInput):
    """A file of alert rules is not valid; the message names the field."""

    code = "WEIR-104"


class UnknownJob(BadInput):
    """There is no such job."""

    code = "WEIR-103"


class KeyReused(BadInput):
    """An idempotency key was reused for another request."""

    code = "WEIR-105"


class BadSetting(BadInput):
    """A setting, or the file that it names, is not valid; the message names the setting."""

    code = "WEIR-106"


class UnreadableInput(BadInput):
    """A file of lines cannot be read, or not in its encoding or compression; the message names the file."""

    code = "WEIR-107"


class OperatingSystem(WeirError):
    """The operating system refused: a full disk, a file that is not there, a missing right."""

    code = "WEIR-108"


class NoReader(BadInput):
    """The spec of a landed job names no role that may read its sink."""

    code = "WEIR-109"


class StatementFailed(BadInput):
    """PostgreSQL refuses a statement; the message quotes why."""

    code = "WEIR-110"


class NotRunning(WeirError):
    """A service cannot be reached."""

    code = "WEIR-201"


class NotTaken(NotRunning):
    """A cluster has answered that it does not take a driver: none was started. Without an answer that is not known."""


class DriverEnded(NotRunning):
    """A driver that was waited for has ended."""


class StackFailed(WeirError):
    """A service of the embedded stack did not start, or did not become healthy in time."""

    code = "WEIR-202"


class Prerequisite(WeirError):
    """A prerequisite is missing on this machine, or has the wrong version."""

    code = "WEIR-203"


class TopicMissing(NotRunning):
    """The broker has no such topic."""

    code = "WEIR-204"


class FolderMissing(NotRunning):
    """A folder that a job reads does not exist."""

    code = "WEIR-215"


class TimedOut(WeirError):
    """Timed out."""

    code = "WEIR-205"


class StoreBehind(WeirError):
    """The tables in Cassandra do not match this version of Weir."""

    code = "WEIR-206"


class NameNotResolved(NotRunning):
    """The name of a server has no address: a wrong name, or a name service that does not answer."""

    code = "WEIR-207"


class ConnectionRefused(NotRunning):
    """A server's machine has refused the connection: nothing listens at that port."""

    code = "WEIR-208"


class HandshakeFailed(NotRunning):
    """The TLS handshake with a server failed; the message names the fault of the certificate, or that one side speaks no TLS."""

    code = "WEIR-209"


class LoginRefused(NotRunning):
    """A server does not accept this user with this password or certificate, or asks for one."""

    code = "WEIR-210"


class NotAuthorized(NotRunning):
    """The login was accepted, and the user lacks a permission; the message names it."""

    code = "WEIR-211"


class KeyspaceMissing(NotRunning):
    """Cassandra has no such keyspace."""

    code = "WEIR-212"


class WrongDatacenter(NotRunning):
    """No node that answers is of the data centre that is set; the message names theirs."""

    code = "WEIR-213"


class TooFewNodes(NotRunning):
    """Fewer nodes or brokers than copies are asked for: nothing can be written, or not with that many copies."""

    code = "WEIR-214"


class Conflict(WeirError):
    """The job changed before this action ran."""

    code = "WEIR-301"


class AtWork(Conflict):
    """A request with the same idempotency key is still running."""

    after_s = 1  # when to ask again


class Diverged(WeirError):
    """Checkpoint and ledger disagree: continuing from this checkpoint would lose or double lines."""

    code = "WEIR-302"


class DataLoss(WeirError):
    """Data loss: an operator must accept it before the job continues."""

    code = "WEIR-303"


class Refused(WeirError):
    """Deploy refused; nothing was stopped."""

    code = "WEIR-304"


class NotKept(WeirError):
    """The version to go back to is not kept, or this release cannot read it."""

    code = "WEIR-305"


class NotConfirmed(WeirError):
    """The driver of a job that nothing fences cannot be confirmed ended, so no other one is started."""

    code = "WEIR-306"


class StateLost(WeirError):
    """The state of a landed job is lost or would be given up: an operator must choose how it continues."""

    code = "WEIR-307"


class SpoolDiffers(WeirError):
    """A collector's spool and its position in Kafka disagree: continuing would lose or double lines."""

    code = "WEIR-308"


class SpoolDamaged(WeirError):
    """A file of a collector's spool is damaged or missing."""

    code = "WEIR-309"


class ReaderWrites(WeirError):
    """The role that should only read a sink may also change something; the statement was not run."""

    code = "WEIR-310"


class NotProven(WeirError):
    """A fold, a validation or a recount found a difference; nothing was published."""

    code = "WEIR-401"


class NotDelivered(WeirError):
    """A sink did not accept a message. The message is kept and sent again."""

    code = "WEIR-501"


class OutputLost(WeirError):
    """Standard output cannot be written. `reader_left`: its reader, such as head, has closed its end."""

    code = "WEIR-701"

    def __init__(self, what: str, next_step: str = "", reader_left: bool = False) -> None:
        super().__init__(what, next_step)
        self.reader_left = reader_left


class NotSignedIn(WeirError):
    """The token is missing, unknown or expired."""

    code = "WEIR-601"


class NotAllowed(WeirError):
    """The token does not allow this action."""

    code = "WEIR-602"


class TooMany(WeirError):
    """Too many requests by one user."""

    code = "WEIR-603"

    def __init__(self, what: str, next_step: str = "", after_s: int = 1) -> None:
        super().__init__(what, next_step)
        self.after_s = after_s
