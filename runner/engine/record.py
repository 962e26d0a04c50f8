"""The record: what one answer came to, as it stands in `results.jsonl`, and the counters a run keeps instead of lists."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import NotRequired, TypedDict

from ..values import Json, JsonObject

__all__ = ["CheckRecord", "Counters", "ErrorRecord", "Record", "json_line"]

_SURROGATE = re.compile("[\ud800-\udfff]")


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

    `file` is the prompt's path as the user gave it; `sample` counts repeats from 0; `choice` is there only when `n` > 1; `output` is the parsed JSON where a schema or
    json_object is declared, else None; `text` is what came back; `cost` is in US dollars or None when no price is
    known; `latency_ms` is that of the answering attempt; `attempts` counts all requests made for it (0: from cache).
    """

    prompt: str
    file: str
    case: str
    variant: str | None
    sample: int
    choice: NotRequired[int]
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
    line = json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return _SURROGATE.sub(lambda found: f"\\u{ord(found.group()):04x}", line)


@dataclass(slots=True)
class Counters:
    """Running totals of a run; its size does not depend on the number of cases.

    `total` is the number of records expected (None: not known). `cost` is None until a priced answer came.
    """

    total: int | None = None
    done: int = 0
    passed: int = 0
    failed: int = 0
    errors: int = 0
    cached: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    outcomes: Counter[str] = field(default_factory=Counter)

    @property
    def unfinished(self) -> int:
        """How many of the expected records have not come (0 when their number is not known)."""
        return max((self.total or 0) - self.done, 0)

    def add(self, record: Record) -> None:
        """Count one finished record: passed, failed (an answer that is wrong) or error (no answer to judge)."""
        self.done += 1
        self.outcomes[record["outcome"]] += 1
        if record["passed"]:
            self.passed += 1
        elif record["outcome"] == "error":
            self.errors += 1
        else:
            self.failed += 1
        self.cached += record["cached"]
        self.retries += max(record["attempts"] - 1, 0)
        usage = record["usage"] or {}
        if not record["cached"] and not record.get("choice"):
            for name in ("prompt_tokens", "completion_tokens"):
                count = usage.get(name)
                if isinstance(count, int):
                    setattr(self, name, getattr(self, name) + count)
            if record["cost"] is not None:
                self.cost = (self.cost or 0.0) + record["cost"]
