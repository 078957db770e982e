"""Run checks side by side, each within a time of its own: one that hangs says so, and hides nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from weir.doctor.line import Line, Question, failed, unknown
from weir.errors import WeirError
from weir.system_errors import explained

WITHIN_S = 30.0  # a Cassandra that is away takes 10 s, the parsing of DAGs up to 20 s on a busy machine


def run(questions: Mapping[str, Question], within_s: float = WITHIN_S) -> list[Line]:
    """Return the lines of all checks, in their order. Never raises what a check raised."""
    answers: dict[str, list[Line]] = {name: [] for name in questions}
    # Daemons: a client that hangs in a system call must not keep the command from ending.
    threads = [threading.Thread(target=lines_of, args=(*each, answers[each[0]]), daemon=True) for each in questions.items()]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + within_s
    for thread, (name, found) in zip(threads, list(answers.items()), strict=True):
        thread.join(max(0.0, deadline - time.monotonic()))
        late = [unknown(name, f"no answer within {within_s:.0f} s", "Repeat the command.")] if thread.is_alive() else []
        answers[name] = [*found, *late]
    return [line for lines in answers.values() for line in lines]


def lines_of(name: str, question: Question, found: list[Line] | None = None) -> list[Line]:
    """Return the lines of a check up to its end, or to the error that ended it. Each is put into `found` as it comes."""
    found = [] if found is None else found
    try:
        for line in question():  # one by one, so that those before an error stay
            found.append(line)
    except WeirError as error:
        found.append(failed(name, error))
    except OSError as error:
        found.append(failed(name, explained(error)))
    except Exception as error:  # noqa: BLE001  (a check that fails says nothing about what it looks at)
        found.append(
            unknown(name, f"the check itself failed: {type(error).__name__}: {error}", "This is a bug in Weir: report it with this line.")
        )
    return found
