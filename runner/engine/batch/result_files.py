"""Find the result of each request in files of results, which may be far larger than the memory and in any order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

from ...wire.batch_lines import MARK, LineId, ResultLine, read_custom_id, read_result_line
from ...wire.decoding import visible

__all__ = ["Refusals", "ResultFiles"]

_OFFSET, _LENGTH, _MARK = 48, 40, 4 * MARK
_MOST_NAMED = 20
_LONGEST_SHOWN = 80


class Refusals:
    """Names lines of results that are refused, the first twenty of them; the others are counted."""

    def __init__(self) -> None:
        self.count = 0
        self.named: list[str] = []

    def add(self, text: str) -> None:
        """Refuse a line."""
        self.count += 1
        if len(self.named) < _MOST_NAMED:
            self.named.append(text)

    def lines(self) -> Iterator[str]:
        """Yield one sentence for each line that is named, and one for the others."""
        yield from self.named
        if self.count > len(self.named):
            yield f"and {self.count - len(self.named):,} more lines that are refused"


class ResultFiles:
    """Index of files of results: for each place in the run, the position of its line. Two numbers per line in memory.

    Lines that are not results, have a custom_id of someone else, or repeat the place of an earlier line are refused.
    `shown` are the names of the files in messages. `known` says whether a custom_id belongs to the batch.
    """

    def __init__(
        self, files: Sequence[tuple[str, BinaryIO]], known: Callable[[LineId], bool] = lambda _: True
    ) -> None:
        self.refusals = Refusals()
        self._files = files
        self._lines: dict[int, int] = {}
        for number, (shown, file) in enumerate(files):
            self._index(number, shown, file, known)

    def __len__(self) -> int:
        """Return the number of lines that were not taken yet."""
        return len(self._lines)

    def _index(self, number: int, shown: str, file: BinaryIO, known: Callable[[LineId], bool]) -> None:
        offset = 0
        file.seek(0)
        for at, line in enumerate(file, 1):
            if line.strip():
                try:
                    name = read_result_line(line).custom_id
                except ValueError as error:
                    self.refusals.add(f"{shown}:{at}: not a result: {error}")
                else:
                    found = read_custom_id(name)
                    if found is None or not known(found):
                        self.refusals.add(
                            f"{shown}:{at}: the custom_id {_shown(name)} is unknown: no request of this run has it"
                        )
                    elif found.place in self._lines:
                        self.refusals.add(
                            f"{shown}:{at}: the custom_id {_shown(name)} occurs twice; the first line counts"
                        )
                    else:
                        position = ((number << _OFFSET) | offset) << _LENGTH
                        self._lines[found.place] = (position | len(line)) << _MARK | int(found.mark, 16)
            offset += len(line)

    def __contains__(self, place: int) -> bool:
        """Return whether there is a line for a place."""
        return place in self._lines

    def check(self, place: int, marks: Sequence[str]) -> None:
        """Refuse the line at a place if it belongs to another request.

        `marks` are the beginnings that the fingerprint of the request at this place may have.
        """
        found = self._lines.get(place)
        if found is None:
            return
        mark = f"{found & ((1 << _MARK) - 1):0{MARK}x}"
        if mark not in marks:
            del self._lines[place]
            shown, _ = self._files[found >> (_MARK + _LENGTH + _OFFSET)]
            self.refusals.add(
                f"{shown}: the custom_id {place}-{mark} has the fingerprint of another request than the one at"
                f" place {place} of this run"
            )

    def take(self, place: int, marks: Sequence[str]) -> ResultLine | None:
        """Return the result at a place, once; None if there is none, or if it belongs to another request (see `check`)."""
        self.check(place, marks)
        found = self._lines.pop(place, None)
        if found is None:
            return None
        length, position = (found >> _MARK) & ((1 << _LENGTH) - 1), found >> (_MARK + _LENGTH)
        _, file = self._files[position >> _OFFSET]
        file.seek(position & ((1 << _OFFSET) - 1))
        return read_result_line(file.read(length))

    def drop(self, place: int) -> bool:
        """Ignore the line at a place, whose request is answered already. Return whether there was one."""
        return self._lines.pop(place, None) is not None

    def refuse_rest(self) -> None:
        """Refuse the lines of places that the run does not have."""
        for place in sorted(self._lines):
            self.refusals.add(
                f"the custom_id of place {place} is unknown: no request of this run is at this place"
            )
        self._lines.clear()


def _shown(name: str) -> str:
    text = str(visible(name))
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"
