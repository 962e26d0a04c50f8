"""The record: the result of one answer, as written to `results.jsonl`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NotRequired, TypedDict
from zlib import crc32

from ...compact_json import compact_json
from ...errors import Location
from ...files.versions import is_version, reader_of
from ...values import Json, JsonObject

__all__ = [
    "CheckRecord",
    "ErrorRecord",
    "Record",
    "calls_in",
    "cleaned",
    "journal_line",
    "json_line",
    "read_journal_line",
    "spent",
    "was_judged",
]

_SURROGATE = re.compile("[\ud800-\udfff]")


class CheckRecord(TypedDict):
    """One check of one answer. `path` is a JSONPath ("$.label") or None; `message` has the expected and the actual value.

    `passed` is None if the assertion does not apply to the answer (`when`). `expected` is the value that an `equals` or
    a label expects, where that is a short text, a number, true, false or null. `metric` is the named score that it counts
    towards, and `weight` how much, unless that is 1.
    `judge` is the answer of the call that decided it: `prompt` (the judge or the operation), `request` (the fingerprint
    of the call), `model`, what was found, `cost`; a list if there were several calls.
    """

    type: str
    passed: bool | None
    path: str | None
    message: str
    expected: NotRequired[Json]
    judge: NotRequired[Json]
    metric: NotRequired[str]
    weight: NotRequired[float]


class ErrorRecord(TypedDict):
    """The reason why there is no answer to judge. `code` is the provider's code as text, or ours: connect, timeout, ..."""

    code: str
    message: str
    status: int | None
    type: str | None
    hint: str | None
    request_id: str | None


class Record(TypedDict):
    """One line of results.jsonl (docs/outcomes.md). It has no headers and no keys.

    `index` is the place of the request in the whole run, from 0 (with `--input`, the number of the row); `file` is the
    prompt's path as the user gave it; `sample` counts repeats from 0; `choice` of `choices` is present only if
    `n` > 1; `output` is the parsed JSON if a schema or json_object is declared, else None; `text` is the answer's text;
    `cost` is in US dollars, or None without a known price; `latency_ms` is the latency of the successful attempt;
    `attempts` counts all requests for it (0: from cache). `system_fingerprint` is present if the server sent one;
    `reasoning`, `logprobs`, `annotations`, `audio` and `media` if the answer has them. `media` has the `type`, `bytes`
    and `sha256` of each image or sound, and its `file` from the project's root (its `data` in base64 where nothing is
    stored). `waiting` is true in `waiting.jsonl` only;
    `extra` has all other fields, by the object that they were in. `row` has the columns of the row that are not
    variables, if it has any. `batch` is present, and true, if the request was part of a batch. `measured` has, for each
    of the prompt's targets of which the case has a right value (`labels`, `numbers`, `sets`), the `path` as it is
    written, what was `expected` and, if there is one, the value that it `got`. `score` is the share of the assertions
    that hold, by weight, and `scores` are the named ones, if there are any.
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
    system_fingerprint: NotRequired[str]
    finish_reason: str | None
    tool_calls: NotRequired[Json]
    reasoning: NotRequired[str]
    logprobs: NotRequired[Json]
    annotations: NotRequired[Json]
    audio: NotRequired[Json]
    media: NotRequired[list[JsonObject]]
    extra: NotRequired[JsonObject]
    usage: JsonObject | None
    cost: float | None
    retries_cost: NotRequired[float]
    latency_ms: float | None
    attempts: int
    cached: bool
    batch: NotRequired[bool]
    fingerprint: str
    vars: JsonObject
    row: NotRequired[JsonObject]
    waiting: NotRequired[bool]
    measured: NotRequired[JsonObject]
    score: NotRequired[float]
    scores: NotRequired[Mapping[str, float]]


def spent(record: Record) -> float | None:
    """Return the cost in US dollars of a result, with failed attempts and the calls that judged it; None if nothing is known."""
    own = None if record["cached"] or record.get("choice") else paid(record)
    if not was_judged(record):
        return own
    judges = [call["cost"] for check in record["checks"] for call in calls_in(check) if "cost" in call]
    known = [each for each in (own, *judges) if isinstance(each, int | float)]
    return sum(known) if known else None


def was_judged(record: Record) -> bool:
    """Return whether calls have judged a result."""
    return any("judge" in check for check in record["checks"])


def calls_in(check: CheckRecord) -> list[Mapping[str, Json]]:
    """Return what is recorded about the calls that decided a check."""
    judge = check.get("judge")
    return [each for each in (judge if isinstance(judge, list) else [judge]) if isinstance(each, Mapping)]


def paid(record: Record) -> float | None:
    """Return the cost in US dollars of an answer and of the failed attempts before it; None if nothing is known."""
    retries = record.get("retries_cost")
    return record["cost"] if retries is None else (record["cost"] or 0.0) + retries


def json_line(record: Record) -> str:
    r"""Return a record as compact JSON (RFC 8259) without a line end; text is readable, not `\u`-escaped.

    A lone surrogate, which a model can send as `\ud83d` and UTF-8 cannot encode, keeps its escape.
    Raises ValueError for NaN and infinities, which are not JSON.
    """
    line = compact_json(record)
    return line if line.isascii() else _SURROGATE.sub(lambda found: f"\\u{ord(found.group()):04x}", line)


_SEAL = re.compile(rb'(?s)(.*),"checksum":"([0-9a-f]{8})"}\s*')


def journal_line(line: str) -> bytes:
    """Return a line of `json_line` in the journal's form: with a checksum as the last key, and a line end."""
    data = line.encode()
    return b'%b,"checksum":"%b"}\n' % (data[:-1], _checksum(data))


def cleaned(records: Sequence[Record], clean: Callable[[str], str]) -> tuple[Sequence[Record], bytes]:
    """Return the records of a job without keys, and their lines in the journal. `clean` masks the keys in a JSON text."""
    lines = [json_line(record) for record in records]
    masked = [clean(line) for line in lines]
    kept = records if masked == lines else [json.loads(line) for line in masked]
    return kept, b"".join(map(journal_line, masked))


def read_journal_line(line: bytes, locate: Callable[[], Location]) -> dict[str, Json] | None:
    """Return the object of a journal line without its checksum, or None if the line was damaged after it was written.

    A line without a checksum, as older versions wrote it, is accepted. A line has its version under `format`, unless
    that is 1. Raises NewerFormatError at `locate()` for a line from a newer runner.
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
"""For each version of a line, the function that converts it to a current record."""


def _checksum(data: bytes) -> bytes:
    """Return the CRC-32, which detects every change of up to 32 consecutive bits at a tenth of the cost of a digest."""
    return b"%08x" % crc32(data)
