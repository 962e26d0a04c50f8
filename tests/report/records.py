"""Records to report on, made of little: `record(case="hello", passed=False)`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from runner.engine.journal.counters import Counters
from runner.engine.journal.record import Record

WRONG_CATEGORY = {
    "type": "equals",
    "passed": False,
    "path": "$.category",
    "message": 'expected "complaint", got "other"',
}
TOO_LARGE = {
    "type": "json-schema",
    "passed": False,
    "path": "$.confidence",
    "message": "1.4 is greater than the maximum of 1",
}
HELD = {"type": "contains", "passed": True, "path": None, "message": 'contains "refund"'}

RATE_LIMIT = {
    "code": "rate_limit_exceeded",
    "message": "Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000.",
    "status": 429,
    "type": "tokens",
    "hint": "set `tpm` for this endpoint in runner.yaml",
    "request_id": "req_1",
}
TIMEOUT = {
    "code": "timeout",
    "message": "No answer within 600 s.",
    "status": None,
    "type": None,
    "hint": None,
    "request_id": None,
}


def record(**changes: Any) -> Record:
    """A passing record of the prompt `triage`, with changes."""
    base: dict[str, Any] = {
        "prompt": "triage",
        "file": "prompts/triage.prompt.yaml",
        "case": "refund-late",
        "variant": None,
        "sample": 0,
        "outcome": "ok",
        "passed": True,
        "output": {"category": "refund", "confidence": 0.93},
        "text": '{"category":"refund","confidence":0.93}',
        "checks": [],
        "error": None,
        "detail": None,
        "model": "gpt-4o-2024-08-06",
        "served_model": "gpt-4o-2024-08-06",
        "finish_reason": "stop",
        "usage": {"prompt_tokens": 80, "completion_tokens": 20, "total_tokens": 100},
        "cost": 0.0002,
        "latency_ms": 410.0,
        "attempts": 1,
        "cached": False,
        "fingerprint": "sha256:ab",
        "vars": {"ticket": "I want my money back"},
    }
    return cast("Record", base | changes)


def failed(**changes: Any) -> Record:
    """An answer that two checks refuse."""
    given = {
        "passed": False,
        "checks": [HELD, WRONG_CATEGORY, TOO_LARGE],
        "output": {"category": "other", "confidence": 1.4},
    }
    return record(**given | changes)


def errored(error: dict[str, Any] = RATE_LIMIT, **changes: Any) -> Record:
    """A case that got no answer."""
    nothing = {
        "text": None,
        "output": None,
        "usage": None,
        "cost": None,
        "served_model": None,
        "finish_reason": None,
    }
    return record(**nothing | {"passed": False, "outcome": "error", "error": error} | changes)


def truncated(**changes: Any) -> Record:
    """An answer that was cut off."""
    detail = "The answer was cut off at max_completion_tokens (400)."
    return record(
        **{
            "passed": False,
            "outcome": "truncated",
            "output": None,
            "text": '{"category": "ref',
            "detail": detail,
        }
        | changes
    )


def counted(records: Iterable[Record], *, total: int | None = None) -> Counters:
    """The counters of a run that received these records."""
    counters = Counters(total=total)
    for one in records:
        counters.add(one)
    return counters
