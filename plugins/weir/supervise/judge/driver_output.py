"""Read from a driver's output why it failed, for jobs that record no exit reason themselves. Pure.

What counts is the exception that ended it: of a Python driver the traceback at the end, of a JVM the exception of its main thread, or
that of a query. The driver survived everything before it; what follows is the shutdown, which looks the same after a success. A driver
that was killed prints no exception; a script that exits with its own exit code prints none either.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from spark_jobs.runtime.contract import Exit
from spark_jobs.runtime.outages import OUT_OF_MEMORY, OUT_OF_PATIENCE, names_outage, store_is_away

LONGEST = 500  # characters of an error
LOG_LINE = re.compile(r"\d{2,4}[-/]\d\d[-/]\d\d[ T]\d\d:\d\d:\d\d\S* |\{\"")  # ends an exception: Spark's layout, ISO dates, JSON
TRACEBACK = "Traceback (most recent call last):"
MAIN = re.compile(r'(?:Exception in thread "[^"]+"|User class threw exception:) (?=[\w.$]+)')  # the latter in YARN's diagnostics
BEHIND = re.compile(r".*ERROR \S+: Query .*terminated with error$|Exception from the cluster:$")  # the latter: it could not be launched
RAISED = re.compile(
    r"(?:Caused by: |: )?(?P<module>(?:[A-Za-z_]\w*\.)*)(?P<kind>[A-Za-z_][\w$]*(?:Error|Exception|Exit|Interrupt)\b|(?<=\.)[A-Z]\w*(?=:))"
    r"(?P<text>.*)"
)
REFUSED = re.compile(r"(?:Error: |\S*python\S*: )(?P<text>.+)")  # by SparkSubmit, and by Python when it cannot open the script
PLAN = "=== Streaming Query ==="  # and what it works with, by name
# What wraps an error and differs from one attempt to the next: a batch that fails twice is recognized by the same error.
WRAPPINGS = re.compile(
    r"\[STREAM_FAILED\] |Query \[id = [^]]*\] terminated with exception: |Job aborted due to stage failure: "
    r"|Task \S+ in stage \S+ failed \d+ times, most recent failure: |Lost task \S+ in stage \S+ \(TID \d+\) \([^)]*\): | SQLSTATE: \w+"
)
FAILED_QUERY = re.compile(r"\[id = ([0-9a-f-]{36}), runId = ")
IDENTITIES = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|(?<=@)[0-9a-f]{4,}\b")
# The program asks for what is not there, and no disk or network is away: as of the JVM's, whose families leave the same out.
NOT_THERE = (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError)


@dataclass(frozen=True)
class Ending:
    """Why a driver failed."""

    reason: str = ""  # as in an attempt's row: failed, lost (an outage) or out_of_memory; empty: unknown
    error: str = ""  # one line, equal for the same error of another attempt
    query: str = ""  # id of the failed query, as in the `metadata` of its checkpoint; empty: none, or unknown


def read_ending(printed: str) -> Ending:
    """Return the ending of a driver that failed according to the cluster."""
    block = _last_exception(printed.splitlines())
    raised = list(_raised(block))
    if not raised:
        return Ending()
    error, query = _in_one_line(raised), FAILED_QUERY.search("\n".join(block))
    said = error.removeprefix(f"{'.'.join(OUT_OF_PATIENCE)}: ")  # Weir's own sentence
    return Ending(_reason(raised, error).name.lower(), said, query[1] if query else "")


def _reason(raised: Sequence[str], error: str) -> Exit:
    text = "\n".join(raised)
    if OUT_OF_MEMORY in text or error.startswith("MemoryError"):
        return Exit.OUT_OF_MEMORY
    module, _, kind = error.partition(":")[0].rpartition(".")
    return Exit.LOST if names_outage(text) or store_is_away(module, kind) or _is_os_error(kind) else Exit.FAILED


def _is_os_error(kind: str) -> bool:
    """Return whether it is Python's error of a disk or a network. By its name, since a library's own `ConnectionError` counts, too."""
    known = getattr(builtins, kind, None)
    return isinstance(known, type) and issubclass(known, OSError) and not issubclass(known, NOT_THERE)


def _last_exception(lines: Sequence[str]) -> Sequence[str]:
    """From the line that the exception begins with to the next line of a log; empty if there is none."""
    for begins in (_of_python, _of_main, _of_query, _of_start):
        first = max((n for n, line in enumerate(lines) if begins(line)), default=None)
        if first is not None:
            end = next((n for n in range(first + 1, len(lines)) if LOG_LINE.match(lines[n])), len(lines))
            return lines[first:end]
    return []


def _of_python(line: str) -> bool:
    return line == TRACEBACK


def _of_main(line: str) -> bool:
    return bool(MAIN.match(line))


def _of_query(line: str) -> bool:
    return bool(BEHIND.match(line))


def _of_start(line: str) -> bool:
    """Of a script that cannot be read or compiled, or a class that is not there."""
    return bool(REFUSED.match(line)) or line.startswith(("SyntaxError: ", "IndentationError: ", "TabError: "))


def _raised(block: Sequence[str]) -> Iterator[str]:
    """The lines of what was raised, without the frames of a trace and without a plan."""
    planned = False
    for line in block:
        planned = line.startswith(PLAN) or (planned and not line.startswith(("\tat ", "Caused by: ")))
        if line.strip() and not planned and not line.startswith(("  ", "\t")) and line != TRACEBACK and not BEHIND.match(line):
            yield MAIN.sub("", line)


def _in_one_line(raised: Sequence[str]) -> str:
    """The innermost cause with its kind."""
    causes = [line for line in raised if RAISED.match(line)]
    line = WRAPPINGS.sub("", causes[-1] if causes else raised[0])
    found = RAISED.match(line)
    inner = RAISED.match(found["text"].removeprefix(": ")) if found else None
    best = inner or found
    text = f"{best['module']}{best['kind']}{best['text']}" if best else line
    return IDENTITIES.sub("...", " ".join(text.split()))[:LONGEST]
