"""A record as the one line of JSON that `--json`, `--output x.jsonl` and results.jsonl consist of."""

from __future__ import annotations

import json
import re

from ..engine.record import Record

__all__ = ["json_line"]

_SURROGATE = re.compile("[\ud800-\udfff]")


def json_line(record: Record) -> str:
    r"""The record as compact JSON (RFC 8259) without a line end, its text readable rather than `\u`-escaped.

    Half a surrogate pair, which a model can send as `\ud83d` and UTF-8 cannot hold, keeps its escape.
    Raises ValueError for NaN and infinities, which are not JSON.
    """
    line = json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return _SURROGATE.sub(lambda found: f"\\u{ord(found.group()):04x}", line)
