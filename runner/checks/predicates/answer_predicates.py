"""What assertions require of an answer as a whole: its cost, its latency, how it ended, an expression over all of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import cast

from ...render.sandbox import Members, Sandbox
from ...schema import show
from ...values import Json
from .predicate import Builder, Predicate, SpecError, Unfit, plain

__all__ = ["ANSWER_BUILDERS"]


def _cost(value: Json) -> Predicate:
    limit = _limit(value)
    return _at_most(
        limit, f"a cost of at most {_dollars(limit)}", f"a cost above {_dollars(limit)}", _dollars
    )


def _dollars(amount: float) -> str:
    return f"${amount:.9f}".rstrip("0").rstrip(".")


def _latency(value: Json) -> Predicate:
    limit = _limit(value)
    if not limit:
        raise SpecError("no answer takes 0 ms", "threshold is in milliseconds")
    words = f"an answer within {_milliseconds(limit)}"
    return _at_most(limit, words, f"an answer after more than {_milliseconds(limit)}", _milliseconds)


def _milliseconds(amount: float) -> str:
    return f"{amount:,.0f} ms"


_LARGEST = sys.float_info.max


def _limit(value: Json) -> float:
    limit = cast("float", value)
    if not limit <= _LARGEST:  # an integer may be larger than any float, and nothing holds for NaN
        raise SpecError(f"threshold must be a finite number, got {show(value)}")
    return limit


def _at_most(limit: float, wanted: str, unwanted: str, spell: Callable[[float], str]) -> Predicate:
    def amount(actual: Json) -> float:
        assert isinstance(actual, int | float)
        return actual

    return Predicate(
        wanted,
        unwanted,
        limit,
        lambda actual: amount(actual) <= limit,
        shown=lambda actual: spell(amount(actual)),
    )


def _finish_reason(value: Json) -> Predicate:
    reason = cast("str", value)
    return Predicate(
        f"finish_reason {show(reason)}",
        f"any finish_reason but {show(reason)}",
        reason,
        lambda actual: actual == reason,
    )


def _expr(value: Json, _: Mapping[str, Json], sandbox: Sandbox) -> Predicate:
    source = cast("str", value)
    try:
        expression = sandbox.expression(source, names=frozenset({"output", "text", "vars", "row"}))
    except ValueError as error:
        raise SpecError(f"value is not an expression: {error}") from None
    if not expression.reads:
        raise SpecError(
            f"{show(source)} is the same for every answer",
            "an expr reads output, text, vars or row: output.n > 3",
        )

    def holds(seen: Json) -> bool:
        assert isinstance(seen, Mapping)
        try:
            result = expression.evaluate(**seen)
        except ValueError as error:
            raise Unfit(f"{show(source)} cannot be evaluated: {error}") from None
        if not isinstance(result, bool):
            raise Unfit(f"{show(source)} must be true or false, but is {show(result)}")
        return result

    return Predicate(
        f"{source} to be true",
        f"{source} to be false",
        source,
        holds,
        reads=expression.reads,
        read=lambda seen: _values_read(seen, expression.reads),
    )


def _values_read(seen: Json, reads: Mapping[str, Members]) -> str:
    """Describe the values that an expression has read: `output.category is "delivery" and vars.label is "other"`."""
    assert isinstance(seen, Mapping)
    found = []
    for name, members in reads.items():
        value = seen.get(name)
        if members.whole or not isinstance(value, Mapping):
            found.append(f"{name} is {show(value, _READ)}")
            continue
        for member in sorted(members.names):
            there = f"is {show(value[member], _READ)}" if member in value else "is missing"
            found.append(f"{name}.{member} {there}")
    return " and ".join(found)


_READ = 120


ANSWER_BUILDERS: Mapping[str, Builder] = {
    "cost": plain(_cost),
    "latency": plain(_latency),
    "finish-reason": plain(_finish_reason),
    "expr": _expr,
}
