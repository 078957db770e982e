"""Progress of `weir up` and `weir down`: a live display on a terminal, plain lines elsewhere. Each step has its duration."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self, TextIO

from weir.errors import OutputLost


class Reporter:
    """Prints nothing; for tests and programs. Several steps may overlap."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None

    def begin(self, step: str) -> None:
        """`step` has started."""

    def done(self, step: str, detail: str = "") -> None:
        """`step` is done; `detail` is useful information, such as an address."""

    def failed(self, step: str) -> None:
        """`step` did not succeed; the error that follows says why."""

    def note(self, text: str) -> None:
        """Report something that is not a step."""

    @contextmanager
    def step(self, step: str, detail: str = "") -> Iterator[None]:
        self.begin(step)
        try:
            yield
        except BaseException:
            self.failed(step)
            raise
        self.done(step, detail)


class _Timed(Reporter):
    def __init__(self) -> None:
        self._began: dict[str, float] = {}

    def begin(self, step: str) -> None:
        self._began[step] = time.monotonic()

    def _seconds(self, step: str) -> str:
        return f"{time.monotonic() - self._began.pop(step, time.monotonic()):.1f} s"


class Lines(_Timed):
    """Prints a line at the end of each step, for logs and CI, and one at its start, since a long silence would look like a hang."""

    def __init__(self, out: TextIO | None = None) -> None:
        super().__init__()
        self._out = out or sys.stdout

    def _say(self, text: str) -> None:
        with suppress(OutputLost):  # a full disk for its messages must not stop what starts
            self._out.write(text + "\n")
            self._out.flush()

    def begin(self, step: str) -> None:
        super().begin(step)
        self._say(f"...  {step}")

    def done(self, step: str, detail: str = "") -> None:
        self._say(f"ok   {step}: {self._seconds(step)}" + (f"  {detail}" if detail else ""))

    def failed(self, step: str) -> None:
        self._say(f"FAIL {step}: {self._seconds(step)}")

    def note(self, text: str) -> None:
        self._say(f"     {text}")


class Live(_Timed):
    """Spinners with running clocks; a finished step stays as a line above them."""

    def __init__(self) -> None:
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        super().__init__()
        self._bars = Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), transient=True)
        self._tasks: dict[str, object] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bars.stop()

    def begin(self, step: str) -> None:
        super().begin(step)
        self._tasks[step] = self._bars.add_task(step, total=None)

    def done(self, step: str, detail: str = "") -> None:
        self._end(step, f"[green]✓[/] {step} [dim]{self._seconds(step)}  {detail}[/]")

    def failed(self, step: str) -> None:
        self._end(step, f"[red]✗[/] {step} [dim]{self._seconds(step)}[/]")

    def note(self, text: str) -> None:
        self._bars.console.print(f"  [yellow]{text}[/]", highlight=False)

    def _end(self, step: str, line: str) -> None:
        task = self._tasks.pop(step, None)
        if task is not None:
            self._bars.remove_task(task)  # type: ignore[arg-type]
        self._bars.console.print(line, highlight=False)


def reporter() -> Reporter:
    """Return the reporter for standard output."""
    return Live() if sys.stdout.isatty() else Lines()
