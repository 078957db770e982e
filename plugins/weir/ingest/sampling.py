"""Show the first lines of a run to whoever judges them, before they are sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from weir.ingest.cutting import Block
from weir.ingest.position import Place
from weir.ingest.reading import Text
from weir.ingest.sending import Input

SIZE = 1000  # lines
FEW = 20  # lines of a file that grows slowly are judged when there are so many
Look = Callable[[Sequence[bytes]], None]


class Sampled:
    """An input whose first lines are shown once."""

    def __init__(self, inner: Input, look: Look) -> None:
        self._inner, self._look = inner, look
        self._lines: list[bytes] = []
        self._shown = False

    @property
    def texts(self) -> Sequence[Text]:
        return self._inner.texts

    def parts(self) -> Iterator[tuple[Text, Block] | None]:
        for part in self._inner.parts():
            if not self._shown:
                self._take(part)
            yield part
        self._show()

    def place(self) -> Place:
        return self._inner.place()

    def committed(self) -> None:
        self._inner.committed()

    def _take(self, part: tuple[Text, Block] | None) -> None:
        lines = part[1].lines if part else ()
        self._lines += islice((line for line in lines if line is not None), SIZE - len(self._lines))
        if len(self._lines) >= (SIZE if part else FEW):
            self._show()

    def _show(self) -> None:
        if self._lines and not self._shown:
            self._look(self._lines)
        self._shown, self._lines = True, []
