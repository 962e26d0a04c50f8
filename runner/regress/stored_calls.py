"""The answers of calls that are stored beside an approved answer, so that it is judged again without calls. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..checks.calls import CallQuestion, Find, Found
from ..engine.journal.record import Record, calls_in
from ..engine.plan.job import Unit
from ..files.model import Case
from ..values import Json, JsonObject
from .answers import answer_of
from .snapshots.snapshot import Snapshot

__all__ = ["find_in", "judged_in", "why_not_judged"]

_OF_CALL = ("request", "cost")
"""What a record says about a call that is not stored: its fingerprint is its name."""


def find_in(unit: Unit, judged: Mapping[str, Json]) -> Find:
    """Return a function that finds the answer to a question among stored ones."""

    def find(question: CallQuestion) -> Found | None:
        asks = unit.asks
        assert asks is not None, "only a unit that asks has questions"
        request = asks.jobs(question)[0].fingerprint
        stored = judged.get(request)
        if not isinstance(stored, Mapping):
            return None
        value = {name: each for name, each in stored.items() if name not in ("prompt", "model")}
        return Found(value, request, str(stored["prompt"]), str(stored["model"]))

    return find


def judged_in(
    unit: Unit, case: Case, snapshot: Snapshot, answers: Iterable[tuple[Record, Json]]
) -> JsonObject:
    """Return what is stored beside an approved answer and its variants: for each call, what it found.

    `answers` are the records with the values that are stored, which may be masked. A call is stored under the fingerprint
    of the question about the stored value, so that it is found when that value is judged again.
    """
    stored: dict[str, Json] = {}
    for record, value in answers:
        calls = [call for check in record["checks"] for call in calls_in(check)]
        if not calls:
            continue
        asks = unit.asks
        assert asks is not None, "it was asked"
        answer = answer_of(snapshot, unit.prompt.request, value, unit.endpoint.finish_reasons)
        questions = unit.judge.judge(answer, case, model=unit.model, replayed=True).questions
        for question, call in zip(questions, calls, strict=False):  # a masked value may need fewer
            kept = {name: each for name, each in call.items() if name not in _OF_CALL}
            stored[asks.jobs(question)[0].fingerprint] = kept
    return stored


def why_not_judged(unit: Unit, questions: Iterable[CallQuestion], judged: Mapping[str, Json]) -> str:
    """Return what changed since the stored calls were made, so that none of them answers these questions."""
    asks = unit.asks
    assert asks is not None
    known = [each for each in judged.values() if isinstance(each, Mapping)]
    for question in questions:
        name, model = asks.name(question), asks.model(question)
        if not known:
            return f"the approved answer was never judged by {name}"
        of_name = [each for each in known if each["prompt"] == name]
        if not of_name:
            return f"the judge changed since it was approved: {known[0]['prompt']} then, {name} now"
        if all(each["model"] != model for each in of_name):
            return f"the judge changed since it was approved: {of_name[0]['model']} then, {model} now"
    return "what is asked about it changed since it was approved: the judge's prompt or the assertion"
