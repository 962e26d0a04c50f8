"""Collect the errors of one file, to report them together in the order of the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import Problems, RunnerError, raise_all

__all__ = ["MOST", "ProblemList"]

MOST = 200
"""The number of errors reported per file or row: nobody reads more, and finding all of them may take long."""


class ProblemList:
    """The errors found so far."""

    __slots__ = ("_errors",)

    def __init__(self) -> None:
        self._errors: list[RunnerError] = []

    def __bool__(self) -> bool:
        return bool(self._errors)

    def add(self, error: RunnerError) -> None:
        """Keep an error."""
        self._errors.append(error)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep the error that the block raises, if any, and continue after the block."""
        try:
            yield
        except RunnerError as error:
            self.add(error)

    def raise_any(self) -> None:
        """Raise the only error as it is, several as Problems in the order of the file; do nothing if there are none."""
        if self._errors:
            raise_all(sorted(Problems(self._errors).errors, key=_position))


def _position(error: RunnerError) -> tuple[str, int, int]:
    place = error.location
    return (place.path, place.line or 0, place.column or 0) if place else ("", 0, 0)
