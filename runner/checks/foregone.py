"""Find assertions whose result is known before any request: those that can never fail, and those that can never pass.

Only conclusions from the prompt itself are drawn: from the outcome that a case expects, and from response_format and its
schema. An answer with another outcome, or that violates the schema, has failed before its assertions are checked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..finish_reasons import NONE_DECLARED, Declared, Ending, ending_of, overruled
from ..schema import show
from ..values import Json, JsonPath
from .assertions import CompiledAssertion
from .places import Places, places
from .predicates import Unfit, bounds, listed

__all__ = ["Doubt", "Foregone", "Ground", "doubt", "foregone"]


@dataclass(frozen=True, slots=True)
class Ground:
    """What is known about the answers that an assertion will check.

    `outcome` is the one that the case expects. `json`: the response_format requires JSON; `schema` is declared there
    (None: any). `finish_reasons` are the words that each endpoint declares; None if they are unknown.
    """

    outcome: str
    json: bool
    schema: Json = None
    tools: bool = False
    finish_reasons: Sequence[Mapping[str, Declared]] | None = None

    @property
    def parsed(self) -> bool:
        """Return whether the answers have an output."""
        return self.json and self.outcome in ("ok", "invalid")


@dataclass(frozen=True, slots=True)
class Foregone:
    """The reason why the result of an assertion is known, and what to do; `at` is the part of the assertion to blame."""

    message: str
    hint: str | None
    at: JsonPath


def foregone(assertion: CompiledAssertion, ground: Ground) -> Foregone | None:
    """Return why `assertion` can never fail, or never pass, on this ground; None if it can do both.

    Evaluators of GitHub's format check the text in any case, so their results are never foregone.
    """
    if assertion.trimmed:
        return None
    subject = assertion.kind.subject
    if subject in ("text", "output", "json"):
        return (
            _without_json(assertion, ground)
            or _about_text(assertion, ground)
            or _about_output(assertion, ground)
        )
    if assertion.name == "finish-reason":
        return _about_finish_reason(assertion, ground)
    if assertion.name == "expr" and "output" in (assertion.predicate.reads or {}) and not ground.parsed:
        why, hint = _no_json(ground)
        return Foregone(f"{assertion.type}: output is always null: {why}", hint, ("value",))
    return None


class Doubt(NamedTuple):
    """A remark about an assertion that its author probably did not intend."""

    code: str
    message: str
    hint: str


def doubt(assertion: CompiledAssertion, ground: Ground) -> Doubt | None:
    """Return a remark on what was probably not intended, although the assertion can both fail and pass.

    W012: an expr does not read the answer. W013: a forbidden text may be escaped in JSON.
    """
    predicate = assertion.predicate
    if predicate.reads is not None and not predicate.reads.keys() & {"output", "text"}:
        read = " and ".join(sorted(predicate.reads, reverse=True))
        return Doubt(
            "W012",
            f"{assertion.type}: {show(predicate.expected)} reads only {read}, so no answer can change its result",
            f"compare {read} with output or text",
        )
    of_json = (
        assertion.ask is None
        and ground.parsed
        and assertion.path is None
        and assertion.kind.subject == "text"
    )
    if of_json and assertion.negated and json.dumps(predicate.expected).count("\\"):
        return Doubt(
            "W013",
            f"{assertion.type}: in the text of a JSON answer {show(predicate.expected)} may be written with escapes",
            "select the part with path",
        )
    return None


def _no_json(ground: Ground) -> tuple[str, str]:
    if ground.json:
        return f"an answer that is {ground.outcome} has no JSON output", "assert something about its text"
    return (
        "the prompt's response_format does not require JSON",
        "declare a response_format, or assert something about the text",
    )


def _without_json(assertion: CompiledAssertion, ground: Ground) -> Foregone | None:
    if ground.parsed or (assertion.path is None and assertion.kind.subject != "json"):
        return None
    why, hint = _no_json(ground)
    what = "path" if assertion.path is not None else "value"
    return Foregone(f"{assertion.type} can never pass: {why}", hint, (what,))


def _about_text(assertion: CompiledAssertion, ground: Ground) -> Foregone | None:
    if assertion.path is not None or (ground.parsed and assertion.kind.subject != "text"):
        return None
    if ground.outcome == "empty":
        return Foregone(
            f"{assertion.type} checks nothing: an answer that is empty has no text",
            "leave the assertion out",
            (),
        )
    if ground.outcome != "ok":
        return None
    value = assertion.predicate.expected
    if assertion.name == "equals" and not isinstance(value, str):
        why = f"the answer is text, which never equals {show(value)}"
        return _never(
            assertion, holds=False, why=why, hint="declare a response_format, or put the value in quotes"
        )
    if assertion.name == "equals" and not str(value).strip():
        return _never(assertion, holds=False, why=_NEVER_EMPTY, hint=_EXPECT_EMPTY)
    if assertion.name == "is-json" and ground.parsed and value is None:
        why = "the prompt's response_format requires JSON, and any other answer fails anyway"
        return _never(assertion, holds=True, why=why, hint="leave the assertion out")
    if assertion.name in ("length", "word-count"):
        least, most = bounds(value)
        if most == 0 or (least <= 1 and most is None):
            return _never(assertion, holds=most is None, why=_NEVER_EMPTY, hint=_EXPECT_EMPTY)
    if assertion.name == "regex" and value in _ANY_TEXT:
        return _never(
            assertion, holds=True, why=f"{show(value)} matches every text; {_NEVER_EMPTY}", hint=_EXPECT_EMPTY
        )
    return None


_NEVER_EMPTY = "an answer without text is empty, which fails anyway"
_EXPECT_EMPTY = "for a case that expects no text, write `outcome: empty`"
# Patterns that match every text that is not blank; blank texts never reach an assertion.
_ANY_TEXT = frozenset(
    {
        ".", ".+", ".+?", r"\S", r"\S+", r"[\s\S]", r"[\s\S]+", r"(.|\n)+", "(?s).", "(?s).+", "(?s)^.+$", "(?s)^.*$",
        r"^[\s\S]+$", r"^[\s\S]*$", r"^(.|\n)+$", r"^(.|\n)*$", r"(?s)\A.+\Z", r"(?s)\A.*\Z",
    }
)  # fmt: skip


def _about_output(assertion: CompiledAssertion, ground: Ground) -> Foregone | None:
    if not ground.parsed or ground.outcome != "ok" or ground.schema is None:
        return None
    if assertion.path is None and assertion.kind.subject == "text":
        return None
    allowed = places(ground.schema, assertion.path)
    if allowed is None:
        return None
    where = str(assertion.path) if assertion.path else "the output"
    if not allowed.schemas:
        if assertion.path is None:
            return None  # the schema allows nothing, which is not the assertion's fault
        why = f"the schema of response_format allows nothing at {where}"
        return Foregone(f"{assertion.type} can never pass: {why}", allowed.hint, ("path",))
    if assertion.ask is not None:
        return None  # only the call can tell
    return _by_type(assertion, allowed, where) or _by_value(assertion, allowed, where)


_TAKES = {"text": {"string"}, "length": {"string", "array", "object"}}


def _by_type(assertion: CompiledAssertion, allowed: Places, where: str) -> Foregone | None:
    takes = _TAKES.get("length" if assertion.name == "length" else assertion.kind.subject)
    types = allowed.types
    if takes is None or types is None or types & takes:
        return None
    came = " or ".join(sorted(types))
    why = f"{where} is of type {came} according to the schema of response_format"
    hint = "compare it with equals" if takes == {"string"} else None
    return Foregone(f"{assertion.type} can never pass: {why}", hint, ("path",) if assertion.path else ())


def _by_value(assertion: CompiledAssertion, allowed: Places, where: str) -> Foregone | None:
    expected = assertion.predicate.expected
    values = allowed.values
    if assertion.name == "equals" and not allowed.allows(expected):
        why = f"the schema of response_format never allows {show(expected)} at {where}"
        hint = f"it allows {listed(values)}" if values else None
        return _never(assertion, holds=False, why=why, hint=hint)
    if not values:
        return None
    passing = []
    for value in values:
        try:
            passing.append(assertion.predicate.holds(value) is not assertion.negated)
        except Unfit:
            passing.append(False)
    why = f"the schema of response_format allows {listed(values)} at {where}"
    if not any(passing):
        return Foregone(f"{assertion.type} can never pass: {why}", None, ("value",))
    if all(passing) and (allowed.certain or assertion.negated):
        return Foregone(f"{assertion.type} can never fail: {why}", None, ("value",))
    return None


_ENDINGS = {
    "ok": {Ending.STOP},
    "truncated": {Ending.LENGTH},
    "filtered": {Ending.FILTER},
    "refused": {Ending.STOP, Ending.CALL, Ending.REFUSAL},
    "empty": {Ending.STOP},
    "unparsable": {Ending.STOP},
    "invalid": {Ending.STOP, Ending.CALL},
    "tool_call": {Ending.STOP, Ending.CALL},
}


def _about_finish_reason(assertion: CompiledAssertion, ground: Ground) -> Foregone | None:
    word = str(assertion.predicate.expected)
    possible = set(_ENDINGS.get(ground.outcome, set(Ending)))
    if ground.outcome == "ok" and ground.tools:
        possible.add(Ending.CALL)
    ending = ending_of(word)
    if any(ending_of(word, declared) in possible for declared in ground.finish_reasons or (NONE_DECLARED,)):
        return None
    if ground.finish_reasons is None and overruled(word, "stop") is None and ending is not Ending.CALL:
        return None  # an endpoint may give the word another meaning
    if ending is Ending.UNKNOWN:
        why, hint = (
            f"{show(word)} is not a known finish_reason",
            "declare an endpoint's own words under its finish_reasons",
        )
    else:
        why = f"an answer with finish_reason {show(word)} is never {ground.outcome}"
        outcome = next((name for name, endings in _ENDINGS.items() if endings == {ending}), None)
        return _never(
            assertion,
            holds=False,
            why=why,
            hint=f"write `outcome: {outcome}` on the case" if outcome else None,
        )
    return _never(assertion, holds=False, why=why, hint=hint)


def _never(assertion: CompiledAssertion, *, holds: bool, why: str, hint: str | None) -> Foregone:
    """Return the finding for an assertion that always `holds`, or never; for its `not-` form the result is reversed."""
    passes = holds is not assertion.negated
    return Foregone(f"{assertion.type} can never {'fail' if passes else 'pass'}: {why}", hint, ("value",))
