"""What assertions require of a JSON value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...schema import SchemaProblem, Validator, show, vacuity, wrapper
from ...values import Json, JsonPath
from ..equality import difference
from .predicate import Builder, Predicate, SpecError, Unfit, plain

__all__ = ["VALUE_BUILDERS", "allowed_range", "bounds", "validator_of"]


def _equals(value: Json) -> Predicate:
    def detail(actual: Json) -> tuple[JsonPath, str]:
        place = difference(value, actual) or ()
        wanted, came = _at(value, place), _at(actual, place)
        return place, f"expected {wanted}, got {came}"

    return Predicate(
        show(value),
        f"anything but {show(value)}",
        value,
        lambda actual: difference(value, actual) is None,
        detail,
    )


def _at(value: Json, place: JsonPath) -> str:
    for step in place:
        if isinstance(value, Mapping) and step not in value:
            return "no such key"
        part: Any = value
        value = part[step]
    return f"{show(value)} ({len(value):,} items)" if isinstance(value, list) else show(value)


def _json_schema(value: Json) -> Predicate:
    validator = validator_of(value)

    def detail(actual: Json) -> tuple[JsonPath, str]:
        first, *more = validator.check(actual)
        return first.path, first.message + (f" (and {len(more)} more)" if more else "")

    return Predicate(
        "a value that matches the schema",
        "a value that does not match the schema",
        value,
        lambda actual: not validator.check(actual),
        detail,
    )


def validator_of(value: Json) -> Validator:
    """Return the validator of an assertion's schema. Raises SpecError if it is none, or refuses nothing."""
    nothing = wrapper(value)
    if nothing is None:
        try:
            validator = Validator(value)
        except SchemaProblem as problem:
            raise SpecError(f"value is not a JSON Schema: {problem}") from None
        nothing = vacuity(value)
    if nothing is not None:
        raise SpecError(f"{nothing.message} ({nothing.hint})")
    return validator


def _length(value: Json) -> Predicate:
    allowed, allows = allowed_range(value, "length")
    words = f"a length of {allowed}"

    def length(actual: Json) -> int:
        if not isinstance(actual, str | list | Mapping):
            raise Unfit(f"expected {words}, but {show(actual)} has none")
        return len(actual)

    def shown(actual: Json) -> str:
        unit = "characters" if isinstance(actual, str) else "items" if isinstance(actual, list) else "keys"
        return f"{length(actual):,} {unit}"

    return Predicate(
        words, f"anything but {words}", value, lambda actual: allows(length(actual)), shown=shown
    )


def allowed_range(value: Json, what: str) -> tuple[str, Callable[[int], bool]]:
    """Return the words for the numbers that a `length` or a `word-count` allows, and whether it allows a number."""
    least, most = bounds(value)
    if most is not None and least > most:
        raise SpecError(f"no {what} is at least {least} and at most {most}")
    if least == 0 and most is None:
        raise SpecError(f"every {what} is at least 0", "give it a max, or a min of 1 or more")
    if least == most:
        words = f"{least:,}"
    elif most is None:
        words = f"at least {least:,}"
    else:
        words = f"{least:,} to {most:,}" if least else f"at most {most:,}"
    return words, lambda number: least <= number and (most is None or number <= most)


def bounds(value: Json) -> tuple[int, int | None]:
    """Return the minimum and maximum that the `value` of a `length` or a `word-count` allows."""
    given = value if isinstance(value, Mapping) else {"min": value, "max": value}
    low, high = given.get("min"), given.get("max")
    return (low if isinstance(low, int) else 0), (high if isinstance(high, int) else None)


VALUE_BUILDERS: Mapping[str, Builder] = {
    "equals": plain(_equals),
    "json-schema": plain(_json_schema),
    "length": plain(_length),
}
