"""Find JSON objects in a text among other words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from ..documents.json_outline import MAX_DEPTH
from ..values import Json

__all__ = ["objects_in"]

_RUN = re.compile(r"[{\[\s]*")
_DECODER = json.JSONDecoder()
_MOST = 1000
"""The number of opening braces that are tried; each may cost a scan to the end of the text."""


def objects_in(text: str) -> Iterator[Json]:
    """Yield the outermost JSON objects of a text, from left to right."""
    at = text.find("{")
    for _ in range(_MOST):
        if at < 0:
            return
        end = at + 1
        run = _RUN.match(text, at)
        assert run is not None
        if sum(map(run[0].count, "{[")) > MAX_DEPTH:
            end = max(end, text.rfind("{", at, run.end()))
        else:
            try:
                value, end = _DECODER.raw_decode(text, at)
            except RecursionError:
                return
            except ValueError:
                pass
            else:
                yield value
        at = text.find("{", end)
