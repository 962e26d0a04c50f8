"""Find JSON objects in a text among other words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..documents.strict_json import load_strict_at
from ..values import Json

__all__ = ["TooManyBracesError", "objects_in"]

_OPENING = re.compile(r'\{(?=[ \t\r\n]*["}])')
_MOST = 1000
"""The number of opening braces at which no object may begin; each may cost a scan to the end of the text."""


class TooManyBracesError(Exception):
    """A text was not searched to its end; the message says so, to follow the name of the text."""

    def __init__(self) -> None:
        super().__init__(f"has more than {_MOST:,} opening braces that begin no JSON object")


def objects_in(text: str) -> Iterator[Json]:
    """Yield the outermost JSON objects of a text, from left to right: those that `is-json` would accept.

    Raises TooManyBracesError where the rest of the text is not searched.
    """
    failures, at = 0, 0
    while opening := _OPENING.search(text, at):
        found = load_strict_at(text, opening.start())
        if found is not None:
            value, at = found
            yield value
            continue
        failures += 1
        if failures > _MOST:
            raise TooManyBracesError
        at = opening.end()
