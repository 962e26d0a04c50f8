"""Define what an assertion requires of a value, wherever the value comes from: one builder per assertion type.

A builder receives the assertion's `value` or `threshold`, already validated by the JSON Schema of prompt files, and
refuses values that could never fail or never pass, such as a regular expression that every text matches.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from ..matching import TooSlowError, is_found
from ..patterns import PatternError, compile_pattern
from ..render.sandbox import Members, Sandbox
from ..schema import SchemaProblem, Validator, show, vacuity, wrapper
from ..values import Json, JsonPath
from ..wire.decoding import parse_answer
from .edit_distance import within_distance
from .equality import difference
from .json_in_text import TooManyBracesError, objects_in

__all__ = ["BUILDERS", "Builder", "Predicate", "SpecError", "Unfit", "bounds", "listed"]


class SpecError(ValueError):
    """An assertion makes no sense. Its text and `hint` are for its author.

    `at` is the part of it that is wrong or, with `at_key`, the key of that part.
    """

    def __init__(
        self, message: str, hint: str | None = None, at: JsonPath = (), *, at_key: bool = False
    ) -> None:
        super().__init__(message)
        self.hint = hint
        self.at = at
        self.at_key = at_key


class Unfit(Exception):
    """The value has the wrong type: both the check and its `not-` form fail."""


@dataclass(frozen=True, slots=True)
class Predicate:
    """A yes-or-no question about one value, with the words for both results: "expected {wanted}, got ...".

    `holds` raises Unfit. `detail` explains why `holds` is false for a value: the place inside the value, and a message.
    `reads` are the members of `output`, `text`, `vars` and `row` that an `expr` reads, and `read` describes their values in an
    answer: "expected {wanted}, but {read}".
    """

    wanted: str
    unwanted: str
    expected: Json
    holds: Callable[[Json], bool]
    detail: Callable[[Json], tuple[JsonPath, str]] | None = None
    shown: Callable[[Json], str] = show
    reads: Mapping[str, Members] | None = None
    read: Callable[[Json], str] | None = None


Builder: TypeAlias = Callable[[Json, Mapping[str, Json], Sandbox], Predicate]
"""Builds the predicate from an assertion's argument and the further keys of its type; Jinja runs in the sandbox.

Raises SpecError.
"""


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


def _contains(value: Json) -> Predicate:
    part = cast("str", value)
    return _on_text(
        f"contains {show(part)}", f"does not contain {show(part)}", part, lambda text: part in text
    )


def _icontains(value: Json) -> Predicate:
    part = cast("str", value).casefold()
    words = f"{show(value)} (in any case)"
    return _on_text(
        f"contains {words}", f"does not contain {words}", value, lambda text: part in text.casefold()
    )


def _contains_any(value: Json) -> Predicate:
    parts = cast("list[str]", value)
    return _on_text(
        f"contains one of {listed(parts)}",
        f"contains none of {listed(parts)}",
        value,
        lambda text: any(part in text for part in parts),
    )


def _contains_all(value: Json) -> Predicate:
    parts = cast("list[str]", value)

    def detail(text: Json) -> tuple[JsonPath, str]:
        missing = [part for part in parts if part not in str(text)]
        return (
            (),
            f"expected text that contains all of {listed(parts)}, {listed(missing)} is missing from {show(text)}",
        )

    return _on_text(
        f"contains all of {listed(parts)}",
        f"does not contain all of {listed(parts)}",
        value,
        lambda text: all(part in text for part in parts),
        detail,
    )


def _icontains_any(value: Json) -> Predicate:
    parts = cast("list[str]", value)
    folded = [part.casefold() for part in parts]
    return _on_text(
        f"contains one of {listed(parts)} (in any case)",
        f"contains none of {listed(parts)} (in any case)",
        value,
        lambda text: any(part in text.casefold() for part in folded),
    )


def _icontains_all(value: Json) -> Predicate:
    parts = cast("list[str]", value)

    def detail(text: Json) -> tuple[JsonPath, str]:
        missing = [part for part in parts if part.casefold() not in str(text).casefold()]
        words = f"expected text that contains all of {listed(parts)} (in any case)"
        return (), f"{words}, {listed(missing)} is missing from {show(text)}"

    return _on_text(
        f"contains all of {listed(parts)} (in any case)",
        f"does not contain all of {listed(parts)} (in any case)",
        value,
        lambda text: all(part.casefold() in text.casefold() for part in parts),
        detail,
    )


def _starts_with(value: Json) -> Predicate:
    part = cast("str", value)
    return _on_text(
        f"starts with {show(part)}",
        f"does not start with {show(part)}",
        part,
        lambda text: text.startswith(part),
    )


def _ends_with(value: Json) -> Predicate:
    part = cast("str", value)
    return _on_text(
        f"ends with {show(part)}", f"does not end with {show(part)}", part, lambda text: text.endswith(part)
    )


def _istarts_with(value: Json) -> Predicate:
    part = cast("str", value).casefold()
    words = f"{show(value)} (in any case)"
    return _on_text(
        f"starts with {words}",
        f"does not start with {words}",
        value,
        lambda text: text.casefold().startswith(part),
    )


def _iends_with(value: Json) -> Predicate:
    part = cast("str", value).casefold()
    words = f"{show(value)} (in any case)"
    return _on_text(
        f"ends with {words}", f"does not end with {words}", value, lambda text: text.casefold().endswith(part)
    )


def _regex(value: Json) -> Predicate:
    source = cast("str", value)
    try:
        pattern = compile_pattern(source)
    except PatternError as error:
        raise SpecError(f"{show(source)} is not a regular expression: {error}") from None
    if _matches_every_text(pattern):
        raise SpecError(
            f"{show(source)} matches every text, including the empty one", "+ means one or more, * any number"
        )

    def searched(text: str) -> bool:
        try:
            return is_found(pattern, text)
        except TooSlowError as error:
            raise Unfit(f"{show(source)} {error}") from None

    return _on_text(
        f"matches {show(source)}",
        f"does not match {show(source)}",
        source,
        searched,
    )


_LOOKS = re.compile(
    r"\[\^|(?P<around>\\[bB])|(?P<back>\^|\\A|\(\?<[=!])|(?P<ahead>\$|\\[Zz]|\(\?[=!>(]|[*+?}]\+)|\\.",
    re.DOTALL,
)
"""The parts of a pattern that look beyond what they match; other escapes, and `[^`, are parts that do not."""


def _matches_every_text(pattern: re.Pattern[str]) -> bool:
    """Return whether a pattern is known to be found in every text, because it matches the empty text.

    A pattern that matches the empty text also matches at the end of any text, unless it looks behind, and at the
    beginning of any text, unless it looks ahead (or does not backtrack, as `(?>...)` and `*+`).
    """
    if pattern.search("") is None:
        return False
    looks = {part.lastgroup for part in _LOOKS.finditer(pattern.pattern)}
    return "around" not in looks and not looks >= {"back", "ahead"}


def _validator(value: Json) -> Validator:
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


def _is_json(value: Json) -> Predicate:
    validator = None if value is None else _validator(value)

    def fault(text: str) -> str | None:
        try:
            parsed = parse_answer(text)
        except ValueError as error:
            return f"is not JSON: {error}"
        found = validator.check(parsed) if validator else ()
        return found[0].message if found else None

    words = "is JSON" if validator is None else "is JSON that matches the schema"
    return _on_text(
        words,
        f"is not JSON{'' if validator is None else ' that matches the schema'}",
        value,
        lambda text: fault(text) is None,
        lambda text: ((), f"expected text that {words}, {fault(str(text))}: {show(text)}"),
    )


def _contains_json(value: Json) -> Predicate:
    validator = None if value is None else _validator(value)
    words = "a JSON object" if validator is None else "a JSON object that matches the schema"

    def holds(text: str) -> bool:
        try:
            return any(validator is None or not validator.check(each) for each in objects_in(text))
        except TooManyBracesError as error:
            raise Unfit(f"{show(text)} {error}") from None

    return _on_text(f"contains {words}", f"contains no {words.removeprefix('a ')}", value, holds)


def _json_schema(value: Json) -> Predicate:
    validator = _validator(value)

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


def _word_count(value: Json) -> Predicate:
    allowed, allows = _range(value, "number of words")
    words = f"{allowed} words"
    return _on_text(
        f"has {words}",
        f"does not have {words}",
        value,
        lambda text: allows(len(text.split())),
        shown=lambda actual: f"{len(str(actual).split()):,}",
    )


def _levenshtein(value: Json, keys: Mapping[str, Json], _: Sandbox) -> Predicate:
    wanted, most = cast("str", value), cast("int", keys.get("threshold", 5))
    if len(wanted) <= most:
        raise SpecError(
            f"the empty text is {len(wanted)} characters away from {show(wanted)}",
            "give it a threshold below the length of the value",
        )
    words = f"{most} characters from {show(wanted)}"
    return _on_text(
        f"is at most {words}",
        f"is more than {words}",
        value,
        lambda text: within_distance(text, wanted, most),
    )


def _length(value: Json) -> Predicate:
    allowed, allows = _range(value, "length")
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


def _range(value: Json, what: str) -> tuple[str, Callable[[int], bool]]:
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


def _on_text(
    wanted: str,
    unwanted: str,
    expected: Json,
    holds: Callable[[str], bool],
    detail: Callable[[Json], tuple[JsonPath, str]] | None = None,
    shown: Callable[[Json], str] = show,
) -> Predicate:
    def holds_of_text(actual: Json) -> bool:
        if not isinstance(actual, str):
            raise Unfit(f"expected text that {wanted}, but {show(actual)} is not text")
        return holds(actual)

    return Predicate(f"text that {wanted}", f"text that {unwanted}", expected, holds_of_text, detail, shown)


def listed(values: Sequence[Json]) -> str:
    """Return values as JSON for a message: the first ten, and how many more there are."""
    shown = ", ".join(show(each) for each in values[:10])
    return shown if len(values) <= 10 else f"{shown} and {len(values) - 10} more"


def _plain(build: Callable[[Json], Predicate]) -> Builder:
    """Return the builder of a type that has no further keys and does not run Jinja."""
    return lambda value, _, __: build(value)


BUILDERS: Mapping[str, Builder] = {
    "equals": _plain(_equals),
    "contains": _plain(_contains),
    "icontains": _plain(_icontains),
    "contains-any": _plain(_contains_any),
    "contains-all": _plain(_contains_all),
    "icontains-any": _plain(_icontains_any),
    "icontains-all": _plain(_icontains_all),
    "starts-with": _plain(_starts_with),
    "ends-with": _plain(_ends_with),
    "istarts-with": _plain(_istarts_with),
    "iends-with": _plain(_iends_with),
    "regex": _plain(_regex),
    "json-schema": _plain(_json_schema),
    "is-json": _plain(_is_json),
    "contains-json": _plain(_contains_json),
    "word-count": _plain(_word_count),
    "levenshtein": _levenshtein,
    "length": _plain(_length),
    "cost": _plain(_cost),
    "latency": _plain(_latency),
    "finish-reason": _plain(_finish_reason),
    "expr": _expr,
}
"""The builder of each type of `files.assertion_types`."""
