"""The record: what one answer came to, as it stands in `results.jsonl`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import NotRequired, TypedDict
from zlib import crc32

from ...errors import Location
from ...files.versions import is_version, reader_of
from ...values import Json, JsonObject

__all__ = ["CheckRecord", "ErrorRecord", "Record", "journal_line", "json_line", "read_journal_line"]

_SURROGATE = re.compile("[\ud800-\udfff]")
_COMPACT = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class CheckRecord(TypedDict):
    """One check of one answer. `path` is a JSONPath ("$.label") or None; `message` says what was expected and what came."""

    type: str
    passed: bool
    path: str | None
    message: str


class ErrorRecord(TypedDict):
    """Why no answer could be judged. `code` is the provider's code as text, or ours: connect, timeout, ..."""

    code: str
    message: str
    status: int | None
    type: str | None
    hint: str | None
    request_id: str | None


class Record(TypedDict):
    """One line of results.jsonl (docs/outcomes.md). Headers and keys are no part of it.

    `index` is the place of the request in the whole run, from 0: with `--input` the number of the row; `file` is the
    prompt's path as the user gave it; `sample` counts repeats from 0; `choice` of `choices` is there only when
    `n` > 1; `output` is the parsed JSON where a schema or json_object is declared, else None; `text` is what came
    back; `cost` is in US dollars or None when no price is known; `latency_ms` is that of the answering attempt;
    `attempts` counts all requests made for it (0: from cache). `reasoning`, `logprobs`, `annotations` and `audio` are
    there when the answer has them; `extra` is whatever else came, by the object it stood in.
    """

    index: NotRequired[int]

    prompt: str
    file: str
    case: str
    variant: str | None
    sample: int
    choice: NotRequired[int]
    choices: NotRequired[int]
    outcome: str
    passed: bool
    output: Json
    text: str | None
    checks: list[CheckRecord]
    error: ErrorRecord | None
    detail: str | None
    model: str
    served_model: str | None
    finish_reason: str | None
    tool_calls: NotRequired[Json]
    reasoning: NotRequired[str]
    logprobs: NotRequired[Json]
    annotations: NotRequired[Json]
    audio: NotRequired[Json]
    extra: NotRequired[JsonObject]
    usage: JsonObject | None
    cost: float | None
    latency_ms: float | None
    attempts: int
    cached: bool
    fingerprint: str
    vars: JsonObject


def json_line(record: Record) -> str:
    r"""The record as compact JSON (RFC 8259) without a line end, its text readable rather than `\u`-escaped.

    Half a surrogate pair, which a model can send as `\ud83d` and UTF-8 cannot hold, keeps its escape.
    Raises ValueError for NaN and infinities, which are not JSON.
    """
    line = _COMPACT.encode(record)
    return line if line.isascii() else _SURROGATE.sub(lambda found: f"\\u{ord(found.group()):04x}", line)


_CHECKSUM = b',"checksum":"'
_SEAL = re.compile(rb'(?s)(.*),"checksum":"([0-9a-f]{8})"}\s*')


def journal_line(line: str) -> bytes:
    """A line of `json_line` as the journal keeps it: with a checksum as its last key, and a line end."""
    data = line.encode()
    return b'%b%b%b"}\n' % (data[:-1], _CHECKSUM, _checksum(data))


def read_journal_line(line: bytes, locate: Callable[[], Location]) -> dict[str, Json] | None:
    """The object of a journal's line without its checksum; None for a line that is not as it was written.

    A line without a checksum, which older versions wrote, is taken as it is. A line says its version under `format`,
    unless that is 1. Raises NewerFormatError at `locate()` for one that a newer runner wrote.
    """
    if found := _SEAL.fullmatch(line):
        line = found[1] + b"}"
        if _checksum(line) != found[2]:
            return None
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    return reader_of(_READERS, value.get("format", 1), "this record", locate)(value)


def _read_v1(value: dict[str, Json]) -> dict[str, Json]:
    if is_version(value.get("format"), 1):
        del value["format"]
    return value


_READERS: dict[int, Callable[[dict[str, Json]], dict[str, Json]]] = {1: _read_v1}
"""For each version of a line, what makes it a record of today."""


def _checksum(data: bytes) -> bytes:
    """CRC-32, which tells every change of up to 32 bits in a row, and costs a tenth of a cryptographic digest."""
    return b"%08x" % crc32(data)
