"""Write the entries into the page as data: rows of JSON in blocks, each compressed and encoded in base64. Pure.

No text of an entry can end a block or begin markup, because base64 has neither `<` nor `&`. The page unpacks a block to
list its rows, and again to show one of them in full.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...compact_json import compact_ascii
from ...engine.journal.media_files import read_medium
from ...engine.journal.record import Record
from ...errors import StorageError
from ...values import Json, JsonObject
from ...wire.usage import token_count
from ..terminal.record_words import label
from .entry import ReportEntry

__all__ = ["Blocks"]

_BLOCK = 512 * 1024
_LONGEST_URL = 200


_MOST_MEDIA = 32_000_000
"""The bytes of media that a report shows; the others are named."""

_SHOWN = frozenset(
    {
        "image/png",
        "image/jpeg",
        "image/webp",
        "image/gif",
        "audio/mpeg",
        "audio/wav",
        "audio/opus",
        "audio/aac",
        "audio/flac",
    }
)


class Blocks:
    """Collects rows and returns packed blocks. `packed` counts the bytes returned so far."""

    def __init__(self, root: Path | None = None) -> None:
        """`root` is the project's, from which media are read; without it they are only named."""
        self._root = root
        self._room = _MOST_MEDIA
        self._rows: list[str] = []
        self._size = 0
        self.packed = 0

    def add(self, entry: ReportEntry, why: int | None, change: str | None, *, brief: bool) -> Iterator[bytes]:
        """Add an entry; yield the block that it completes, if any. `brief` keeps only what the list shows."""
        row = _row(entry, brief=brief)
        row["why"], row["change"] = why, change
        if not brief and (media := entry.record.get("media")):
            row["media"] = [self._medium(each) for each in media]
        try:
            # In ASCII, so that a lone surrogate, which UTF-8 cannot encode, is preserved.
            line = compact_ascii({name: each for name, each in row.items() if each is not None})
        except (ValueError, RecursionError):
            raise StorageError(
                f"the record of {row['name']} has a value that is not JSON, or is nested too deeply to be shown",
                hint="its journal was edited by hand",
            ) from None
        self._rows.append(line)
        self._size += len(line)
        if self._size >= _BLOCK:
            yield self._pack()

    def _medium(self, medium: JsonObject) -> JsonObject:
        """Return a medium as it is shown: an image or a sound as a data: URL, as long as there is room for it."""
        shown = {key: medium.get(key) for key in ("type", "bytes", "sha256", "file")}
        kind = str(medium.get("type"))
        size = medium.get("bytes")
        if self._root is None or kind not in _SHOWN or not isinstance(size, int) or size > self._room:
            return shown
        data = read_medium(self._root, medium)
        if data is None:
            return {**shown, "lost": True}
        self._room -= len(data)
        return {**shown, "url": f"data:{kind};base64,{base64.b64encode(data).decode()}"}

    def end(self) -> Iterator[bytes]:
        """Yield the last block."""
        if self._rows:
            yield self._pack()

    def _pack(self) -> bytes:
        data = ("[" + ",".join(self._rows) + "]").encode("ascii")
        self._rows, self._size = [], 0
        packer = zlib.compressobj(2, zlib.DEFLATED, 31)  # gzip; zlib writes its header without a time
        packed = base64.b64encode(packer.compress(data) + packer.flush())
        self.packed += len(packed)
        return b'<script type="application/gzip" class="block">' + packed + b"</script>\n"


def _row(entry: ReportEntry, *, brief: bool) -> dict[str, Any]:
    record = entry.record
    row: dict[str, Any] = {
        "name": label(record),
        "prompt": record["prompt"],
        "variant": record["variant"],
        "state": entry.state,
        "outcome": record["outcome"],
        "latency": None if entry.replayed else record["latency_ms"],
        "cost": record["cost"],
        "in": token_count(record["usage"], "prompt_tokens"),
        "out": token_count(record["usage"], "completion_tokens"),
        "cached": record["cached"] or None,
        "replayed": entry.replayed or None,
    }
    if brief:
        return {**row, "brief": True}
    approved, earlier = entry.approved, entry.earlier
    row |= {
        "file": record["file"],
        **_answer(record),
        "reasoning": record.get("reasoning"),
        "annotations": record.get("annotations"),
        "extra": record.get("extra"),
        "checks": list(record["checks"]) or None,
        "error": record["error"],
        "detail": record["detail"],
        "model": record["model"],
        "served": record["served_model"],
        "finish": record["finish_reason"],
        "attempts": record["attempts"],
        "fingerprint": record["fingerprint"],
        "vars": dict(record["vars"]),
        "columns": dict(record.get("row", {})) or None,
        "messages": entry.question.messages and [_shortened(each) for each in entry.question.messages],
        "unknown": entry.question.why,
        "changed": entry.question.changed or None,
        "verdict": entry.verdict,
        "kind": entry.kind,
    }
    if approved is not None:
        row["approved"] = {"value": approved.value, "agreement": approved.agreement}
        row["approved"]["fields"] = [asdict(each) for each in approved.fields]
    if earlier is not None:
        before = earlier.record
        row["earlier"] = {
            "state": earlier.state,
            "outcome": before["outcome"],
            **_answer(before),
            "latency": before["latency_ms"],
            "cost": before["cost"],
            "fingerprint": before["fingerprint"],
        }
    return row


def _answer(record: Record) -> dict[str, Json]:
    """Return the answer as it is compared: its JSON, or its text if there is no JSON, and its tool calls."""
    answer: dict[str, Json] = {}
    if record["output"] is not None:
        answer["output"] = record["output"]
    elif record["text"] is not None:
        answer["text"] = record["text"]
    if calls := record.get("tool_calls"):
        answer["calls"] = calls
    return answer


def _shortened(value: Json) -> Json:
    """Return a message with the data of images, sounds and files replaced by their size."""
    if isinstance(value, str):
        return value if not value.startswith("data:") else _data(value)
    if isinstance(value, Mapping):
        return {
            name: f"({len(each):,} characters of base64)"
            if name in ("data", "file_data") and isinstance(each, str) and len(each) > _LONGEST_URL
            else _shortened(each)
            for name, each in value.items()
        }
    if isinstance(value, Sequence):
        return [_shortened(each) for each in value]
    return value


def _data(url: str) -> str:
    kind, comma, data = url.partition(",")
    return url if len(url) <= _LONGEST_URL or not comma else f"{kind[:100]},… ({len(data):,} characters)"
