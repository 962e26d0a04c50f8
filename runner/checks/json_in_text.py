"""Find JSON objects in a text among other words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..documents.json_outline import MAX_DEPTH
from ..documents.strict_json import load_strict_at
from ..values import Json

__all__ = ["TooManyBracesError", "objects_in"]

_RUN = re.compile(r"[{\[\s]*")
_MOST = 1000
"""The number of opening braces at which no object may begin; each may cost a scan to the end of the text."""


class TooManyBracesError(Exception):
    """A text was not searched to its end; the message says so, to follow the name of the text."""

    def __init__(self) -> None:
        super().__init__(f"has more than {_MOST:,} opening braces that begin no JSON object")


def objects_in(text: str) -> Iterator[Json]:
    """Yield the outermost JSON objects of a text, from left to right: what `is-json` would take for JSON.

    Raises TooManyBracesError where the rest of the text is not searched.
    """
    failures = 0
    at = text.find("{")
    while at >= 0:
        found = load_strict_at(text, at)
        if found is not None:
            value, end = found
            yield value
        else:
            failures += 1
            if failures > _MOST:
                raise TooManyBracesError
            end = _behind(text, at)
        at = text.find("{", end)


def _behind(text: str, at: int) -> int:
    """Return where to go on behind a brace that begins no object: where too many stand in a row, at the last of them."""
    run = _RUN.match(text, at)
    assert run is not None
    too_deep = sum(map(run[0].count, "{[")) > MAX_DEPTH
    return max(at + 1, text.rfind("{", at, run.end())) if too_deep else at + 1
