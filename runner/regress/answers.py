"""Derive the part of an answer that is compared and stored, in the same form whether fresh or replayed. Pure."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..engine.journal.record import Record
from ..engine.plan.job import Job
from ..finish_reasons import NONE_DECLARED, Declared, ending_of
from ..values import Json, JsonObject
from ..wire.decoding import parse_answer
from ..wire.early_endings import end_early
from ..wire.reply import Answer, Outcome
from .snapshots.snapshot import Snapshot, Variation

__all__ = ["answer_of", "declares_json", "snapshot_of", "stored_value", "value_of"]

_STOP = frozenset({None, "", "stop"})
_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def declares_json(request: JsonObject) -> bool:
    """Return whether a prompt asks for JSON, so that its answers are values and not text."""
    declared = request.get("response_format")
    return isinstance(declared, Mapping) and declared.get("type") in ("json_schema", "json_object")


def value_of(record: Record, request: JsonObject) -> Json:
    """Return the value of a fresh answer: its JSON if JSON is declared, its tool calls, else its text.

    If an answer was expected not to be ok, only its outcome is compared: the wording of a refusal says nothing about
    the prompt.
    """
    if record["outcome"] == Outcome.TOOL_CALL:
        return calls_of(record.get("tool_calls"))
    if record["outcome"] != Outcome.OK:
        return None
    return record["output"] if declares_json(request) else record["text"]


def stored_value(snapshot: Snapshot) -> Json:
    """Return the value of an approved answer, in the form of `value_of`."""
    return snapshot.tool_calls if snapshot.outcome == Outcome.TOOL_CALL else snapshot.output


def calls_of(calls: Json) -> list[Json]:
    """Return tool calls without their ids: the name, and the arguments, parsed if they are JSON."""
    found: list[Json] = []
    for call in calls if isinstance(calls, list) else []:
        function: Any = call.get("function") or call.get("custom") or {} if isinstance(call, Mapping) else {}
        arguments = function.get("arguments", function.get("input"))
        if isinstance(arguments, str):
            # Arguments that are not JSON stay a string; the judge has reported them.
            with contextlib.suppress(ValueError):
                arguments = parse_answer(arguments)
        found.append({"name": function.get("name"), "arguments": arguments})
    return found


def snapshot_of(
    job: Job,
    record: Record,
    value: Json,
    *,
    samples: int = 1,
    variants: Sequence[Variation] = (),
    unstable: Sequence[str] = (),
    failed: int = 0,
) -> Snapshot:
    """Return the snapshot that approving `value`, the answer in `record`, would create."""
    outcome = record["outcome"]
    called = outcome == Outcome.TOOL_CALL
    finish = record["finish_reason"]
    return Snapshot(
        request=job.fingerprint,
        parts=job.parts,
        output=None if called else value,
        model=record["served_model"],
        outcome=None if outcome == Outcome.OK else outcome,
        finish_reason=None if finish in _STOP else finish,
        refusal=record["text"] if outcome == Outcome.REFUSED else None,
        tool_calls=value if called else None,
        samples=samples,
        variants=tuple(variants),
        unstable=tuple(unstable),
        failed=failed,
    )


def answer_of(
    snapshot: Snapshot,
    request: JsonObject,
    value: Json,
    finish_reasons: Mapping[str, Declared] = NONE_DECLARED,
) -> Answer:
    """Return an approved value as an answer, to be judged by the current schema, assertions and finish_reasons.

    It has only what was approved: the text of a JSON answer is its compact form, and times and costs are unknown.
    """
    answer = _as_approved(snapshot, request, value)
    if answer.outcome not in (Outcome.OK, Outcome.TOOL_CALL):
        return answer
    # It may have been approved when its finish_reason was read as stop.
    ended = end_early(answer, ending_of(answer.finish_reason, finish_reasons))
    return answer if ended is None else ended._replace(output=None)


def _as_approved(snapshot: Snapshot, request: JsonObject, value: Json) -> Answer:
    outcome = Outcome(snapshot.outcome or Outcome.OK)
    if outcome is Outcome.TOOL_CALL:
        calls = tuple(_wire_call(call) for call in value) if isinstance(value, list) else ()
        return Answer(0, outcome, tool_calls=calls, finish_reason=snapshot.finish_reason or "stop")
    if outcome is Outcome.OK and declares_json(request):
        text = _COMPACT.encode(value)
        return Answer(0, outcome, text, value, snapshot.finish_reason or "stop")
    said = snapshot.refusal if outcome is Outcome.REFUSED else value if isinstance(value, str) else None
    return Answer(0, outcome, said, finish_reason=snapshot.finish_reason or "stop", refusal=snapshot.refusal)


def _wire_call(call: Any) -> Mapping[str, Json]:
    arguments = call["arguments"]
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return {"type": "function", "function": {"name": call["name"], "arguments": text}}
