"""Follow the file of a name as log shippers do: when it grows, is renamed, truncated, deleted, or another one gets its name."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from weir.errors import UnreadableInput
from weir.ingest.cutting import MAX_LINE, Block
from weir.ingest.position import Mark, Place
from weir.ingest.reading import Text, opened, shown, unreadable
from weir.ingest.rotated import find, since
from weir.ingest.writers import has_writer

POLL_S = 0.2
QUIET_S = 300.0  # after so long without growth a renamed file is over, if nobody knows whether somebody still writes to it
NOWHERE = Place()
Part = tuple[Text, Block] | None  # None: nothing is there at the moment


class Once:
    """Texts that are sent to their end, one after the other."""

    def __init__(self, texts: list[Text]) -> None:
        self.texts = texts

    def parts(self) -> Iterator[Part]:
        """Yield the lines of all texts. Raises UnreadableInput."""
        while left := [text for text in self.texts if not text.ended]:  # after a rewind they have lines again
            yield from ((left[0], block) for block in left[0].blocks())
            yield from ((left[0], block) for block in left[0].rest())

    def place(self) -> Place:
        files = tuple(text.mark() for text in self.texts)
        return Place(files, looked=max((mark.changed for mark in files), default=0))

    def committed(self) -> None:
        """Keep all: the position of a file that was sent to its end says so."""


class Tail:
    """The texts behind a name: the file that has it now, and earlier ones until they are over and committed."""

    def __init__(self, path: Path, texts: list[Text], say: Callable[[str], None], limit: int = MAX_LINE, before: Place = NOWHERE) -> None:
        self._path, self.texts, self._say, self._limit = path, texts, say, limit
        self._said = ""
        self._ended = before.ended
        self._looked = max([before.looked, *(os.fstat(text.handle).st_mtime_ns for text in texts if self._has_name(text))])
        self._quiet: dict[Text, tuple[int, float]] = {}  # of earlier files: what was read by when

    def parts(self) -> Iterator[Part]:
        """Yield lines as they come, for ever. Raises UnreadableInput for a file that is not text."""
        while True:
            for text in [one for one in self.texts if not one.ended]:
                if not text.was_cut():
                    yield from ((text, block) for block in text.blocks())
                if text.over:
                    yield from ((text, block) for block in text.rest())
            yield None
            if not self._look():
                time.sleep(POLL_S)

    def place(self) -> Place:
        files = tuple(text.mark() for text in self.texts if not text.ended)
        ended = (*self._ended, *(_last_mark(text) for text in self.texts if text.ended))
        return Place(files, tuple(mark for mark in ended if mark.changed > self._looked), self._looked)

    def committed(self) -> None:
        """Let go of the files that are over: all that they had is acknowledged."""
        self._ended = self.place().ended
        ended = [text for text in self.texts if text.ended]
        self.texts = [text for text in self.texts if not text.ended]
        for text in ended:
            self._quiet.pop(text, None)
            text.close()

    def _look(self) -> bool:
        """Look what became of the files. Return whether there is something to read at once."""
        news = self._truncated() + self._replaced()
        if news:  # between two looks, as while Kafka was away, several files may have come and gone
            self.texts += since(self.place(), self._path, self._limit, self.texts)
        for text in self.texts:
            changed = os.fstat(text.handle).st_mtime_ns
            if self._has_name(text):
                self._looked = max(self._looked, changed)
            elif not text.over and not text.gone:
                text.over = self._is_over(text)
                news += text.over
        return bool(news)

    def _truncated(self) -> int:
        """Begin anew with files that were truncated. What was not read of one is read from its copy, if there is one."""
        cut = [text for text in self.texts if not text.gone and not text.over and text.was_cut()]
        for text in cut:
            self._say(f"{shown(text.name)} was truncated; reading it from its beginning.")
            copy = self._copy_of(text)
            self.texts += [text.anew(), *([copy] if copy else [])]
            text.over, text.ended = copy is None, copy is not None  # without a copy, its unfinished line is all that will come
        return len(cut)

    def _copy_of(self, text: Text) -> Text | None:
        """Return the copy that was made before a file was truncated, if it has all that was read of the file."""
        sent = text.sent
        copy = find(replace(text.mark(), offset=sent + text.unfinished), self._path, self._limit) if sent else None
        if copy is None or os.path.samestat(os.fstat(copy.handle), os.fstat(text.handle)):
            return None
        copy.seek(sent)
        copy.kept = text.sent = text.kept  # after a rewind, the copy has what was not committed
        return copy

    def _replaced(self) -> int:
        """Open the file that has the name now, if it is another one."""
        try:
            found = self._path.stat()
            if any(os.path.samestat(os.fstat(text.handle), found) for text in self.texts):
                return self._said_nothing()
            self.texts.append(opened(self._path, self._limit))
        except FileNotFoundError:
            return self._once(f"{shown(self._path)} is not there; waiting for it.")
        except UnreadableInput as error:
            return self._once(f"{error.code}: {error.what} Waiting until it can be read.")
        except OSError as error:
            return self._once(f"{unreadable(str(self._path), error).what} Waiting until it can be read.")
        self._said_nothing()
        return 1

    def _has_name(self, text: Text) -> bool:
        try:
            return os.path.samestat(self._path.stat(), os.fstat(text.handle))
        except OSError:
            return False

    def _is_over(self, text: Text) -> bool:
        """Return whether a file that lost its name will not grow any more: nobody writes to it, and all of it was read.

        Who renames a file may have it written to until its writer is told: minutes, for httpd's graceful restart.
        """
        writer = has_writer(text.handle)
        if writer is False:
            return os.fstat(text.handle).st_size <= text.read
        read, since = self._quiet.get(text, (-1, 0.0))
        if read != text.read:
            self._quiet[text] = (text.read, time.monotonic())
            return False
        return time.monotonic() - since > (12 * QUIET_S if writer else QUIET_S)

    def _once(self, sentence: str) -> int:
        if sentence != self._said:
            self._said = sentence
            self._say(sentence)
        return 0

    def _said_nothing(self) -> int:
        self._said = ""
        return 0


def _last_mark(text: Text) -> Mark:
    """Return the mark of a file that was sent to its end. A truncated one has lost its text to another of the same inode."""
    mark = replace(text.mark(), changed=os.fstat(text.handle).st_mtime_ns)
    return replace(mark, inode=0) if text.gone else mark
