"""The result of one call of a prompt from Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from ..engine.journal.record import CheckRecord, ErrorRecord, Record
from ..errors import RunnerError
from ..values import Json, JsonObject
from .html_table import html_table
from .typed_output import typed

__all__ = ["OutcomeError", "Result"]

_T = TypeVar("_T")


class OutcomeError(RunnerError):
    """Raised by `Result.raise_for_outcome` if the answer did not pass. `result` has all details."""

    exit_code = 1

    def __init__(self, result: Result) -> None:
        reason = result.detail or next(
            (check["message"] for check in result.checks if check["passed"] is False), ""
        )
        super().__init__(f"{result.prompt}: {result.outcome}" + (f": {reason}" if reason else ""))
        self.result = result


@dataclass(frozen=True, slots=True)
class Result:
    """One answer. If the prompt requests several choices (`n`), `choices` has all of them, and this is the first.

    `outcome` is one of ok, refused, truncated, filtered, empty, unparsable, invalid, tool_call, error. `passed` is true
    only for an answer that may be used: then `output` is the parsed and validated JSON, if the prompt declares a
    schema. `usage` is the provider's token count, `cost` is in US dollars or None. `reasoning`, `logprobs`,
    `annotations`, `audio`, `media` and `extra` are the parts of the answer besides its text, or None; `media` lists its images or sounds, each
    with `type`, `bytes`, `sha256`, and `data` in base64. Of `map`, `row` is the row as
    it was given, and `index` its number, from 0. A notebook shows a result as a table.
    """

    prompt: str
    outcome: str
    passed: bool
    output: Any
    text: str | None
    checks: Sequence[CheckRecord]
    error: ErrorRecord | None
    detail: str | None
    usage: Mapping[str, Json] | None
    cost: float | None
    served_model: str | None
    finish_reason: str | None
    latency_ms: float | None
    attempts: int
    fingerprint: str
    tool_calls: Json = None
    reasoning: str | None = None
    logprobs: Json = None
    annotations: Json = None
    audio: Json = None
    media: Json = None
    extra: JsonObject | None = None
    choices: tuple[Result, ...] = field(default=(), repr=False)
    model: str | None = None
    row: Any = None
    index: int | None = None

    @classmethod
    def of(cls, records: Sequence[Record], *, row: Any = None, index: int | None = None) -> Result:
        """Return the result of one request's records, in choice order."""
        results = tuple(cls._one(record, row, index) for record in records)
        return cls._one(records[0], row, index, results)

    @classmethod
    def _one(cls, record: Record, row: Any, index: int | None, choices: tuple[Result, ...] = ()) -> Result:
        return cls(
            prompt=record["prompt"],
            outcome=record["outcome"],
            passed=record["passed"],
            output=record["output"],
            text=record["text"],
            checks=record["checks"],
            error=record["error"],
            detail=record["detail"],
            usage=record["usage"],
            cost=record["cost"],
            served_model=record["served_model"],
            finish_reason=record["finish_reason"],
            latency_ms=record["latency_ms"],
            attempts=record["attempts"],
            fingerprint=record["fingerprint"],
            tool_calls=record.get("tool_calls"),
            reasoning=record.get("reasoning"),
            logprobs=record.get("logprobs"),
            annotations=record.get("annotations"),
            audio=record.get("audio"),
            media=record.get("media"),
            extra=record.get("extra"),
            choices=choices,
            model=record["model"],
            row=row,
            index=index,
        )

    @classmethod
    def of_row(cls, prompt: str, code: str, error: RunnerError, row: Any, index: int) -> Result:
        """Return the result of a row for which nothing was sent; `code` says why."""
        found: ErrorRecord = {
            "code": code,
            "message": str(error),
            "status": None,
            "type": None,
            "hint": error.hint,
            "request_id": None,
        }
        result = cls(
            prompt=prompt,
            outcome="error",
            passed=False,
            output=None,
            text=None,
            checks=[],
            error=found,
            detail=str(error),
            usage=None,
            cost=None,
            served_model=None,
            finish_reason=None,
            latency_ms=None,
            attempts=0,
            fingerprint="",
            row=row,
            index=index,
        )
        return replace(result, choices=(result,))

    def raise_for_outcome(self) -> Result:
        """Return the result itself if it passed. Raises OutcomeError otherwise."""
        if not self.passed:
            raise OutcomeError(self)
        return self

    def parse(self, kind: type[_T]) -> _T:
        """Return the output as an instance of a pydantic model or a dataclass.

        Raises OutcomeError if the answer did not pass, UsageError if its output does not fit the class.
        """
        return typed(self.raise_for_outcome().output, kind)

    def _repr_html_(self) -> str:
        shown = {
            "outcome": self.outcome if self.passed or self.outcome != "ok" else "ok, but a check failed",
            "output": self.output if self.output is not None else self.text,
            "detail": self.detail,
            **{
                f"check: {check['type']}": check["message"]
                for check in self.checks
                if check["passed"] is False
            },
            "model": self.served_model or self.model,
            "usage": self.usage,
            "cost": self.cost,
        }
        return html_table(self.prompt, {name: value for name, value in shown.items() if value is not None})
