"""What assertions require of a text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias, cast

from ...matching import TooSlowError, is_found
from ...patterns import PatternError, compile_pattern
from ...render.sandbox import Sandbox
from ...schema import show
from ...values import Json, JsonPath
from ...wire.decoding import parse_answer
from ..edit_distance import within_distance
from ..json_in_text import TooManyBracesError, objects_in
from .predicate import Builder, Predicate, SpecError, Unfit, listed, on_text, plain
from .value_predicates import allowed_range, validator_of

__all__ = ["TEXT_BUILDERS"]

_Relation: TypeAlias = Callable[[str, str], bool]


def _relation(
    value: Json, *, wanted: str, unwanted: str, holds: _Relation, ignoring_case: bool = False
) -> Predicate:
    """Return a predicate about a text and a string; `holds` is called with both."""
    fold = _fold(ignoring_case=ignoring_case)
    part = fold(cast("str", value))
    words = show(value) + _remark(ignoring_case=ignoring_case)
    return on_text(f"{wanted} {words}", f"{unwanted} {words}", value, lambda text: holds(fold(text), part))


def _contains_any(value: Json, *, ignoring_case: bool = False) -> Predicate:
    fold = _fold(ignoring_case=ignoring_case)
    parts = [fold(part) for part in cast("list[str]", value)]
    words = listed(cast("list[str]", value)) + _remark(ignoring_case=ignoring_case)
    return on_text(
        f"contains one of {words}",
        f"contains none of {words}",
        value,
        lambda text: any(part in fold(text) for part in parts),
    )


def _contains_all(value: Json, *, ignoring_case: bool = False) -> Predicate:
    fold = _fold(ignoring_case=ignoring_case)
    parts = cast("list[str]", value)
    words = listed(parts) + _remark(ignoring_case=ignoring_case)

    def missing(text: str) -> list[str]:
        return [part for part in parts if fold(part) not in fold(text)]

    def detail(text: Json) -> tuple[JsonPath, str]:
        lacks = f"{listed(missing(str(text)))} is missing from {show(text)}"
        return (), f"expected text that contains all of {words}, {lacks}"

    return on_text(
        f"contains all of {words}",
        f"does not contain all of {words}",
        value,
        lambda text: not missing(text),
        detail,
    )


def _fold(*, ignoring_case: bool) -> Callable[[str], str]:
    return str.casefold if ignoring_case else str


def _remark(*, ignoring_case: bool) -> str:
    return " (in any case)" if ignoring_case else ""


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

    return on_text(
        f"matches {show(source)}",
        f"does not match {show(source)}",
        source,
        searched,
    )


_LOOKS = re.compile(
    r"\[\^?\]?(?:\\.|[^\]\\])*\]|(?P<around>\\[bB])|(?P<back>\^|\\A|\(\?<[=!])|(?P<ahead>\$|\\[Zz]|\(\?[=!>(]|[*+?}]\+)|\\.",
    re.DOTALL,
)
"""The parts of a pattern that look beyond what they match; other escapes, and `[^$]`, are parts that do not."""


def _matches_every_text(pattern: re.Pattern[str]) -> bool:
    """Return whether a pattern is known to be found in every text, because it matches the empty text.

    A pattern that matches the empty text also matches at the end of any text, unless it looks behind, and at the
    beginning of any text, unless it looks ahead (or does not backtrack, as `(?>...)` and `*+`).
    """
    if pattern.search("") is None:
        return False
    looks = {part.lastgroup for part in _LOOKS.finditer(pattern.pattern)}
    return "around" not in looks and not looks >= {"back", "ahead"}


def _is_json(value: Json) -> Predicate:
    validator = None if value is None else validator_of(value)

    def fault(text: str) -> str | None:
        try:
            parsed = parse_answer(text)
        except ValueError as error:
            return f"is not JSON: {error}"
        found = validator.check(parsed) if validator else ()
        return found[0].message if found else None

    words = "is JSON" if validator is None else "is JSON that matches the schema"
    return on_text(
        words,
        f"is not JSON{'' if validator is None else ' that matches the schema'}",
        value,
        lambda text: fault(text) is None,
        lambda text: ((), f"expected text that {words}, {fault(str(text))}: {show(text)}"),
    )


def _contains_json(value: Json) -> Predicate:
    validator = None if value is None else validator_of(value)
    words = "a JSON object" if validator is None else "a JSON object that matches the schema"

    def holds(text: str) -> bool:
        try:
            return any(validator is None or not validator.check(each) for each in objects_in(text))
        except TooManyBracesError as error:
            raise Unfit(f"{show(text)} {error}") from None

    return on_text(f"contains {words}", f"contains no {words.removeprefix('a ')}", value, holds)


def _word_count(value: Json) -> Predicate:
    allowed, allows = allowed_range(value, "number of words")
    words = f"{allowed} words"
    return on_text(
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
    return on_text(
        f"is at most {words}",
        f"is more than {words}",
        value,
        lambda text: within_distance(text, wanted, most),
    )


_CONTAINS = partial(_relation, wanted="contains", unwanted="does not contain", holds=str.__contains__)
_STARTS = partial(_relation, wanted="starts with", unwanted="does not start with", holds=str.startswith)
_ENDS = partial(_relation, wanted="ends with", unwanted="does not end with", holds=str.endswith)

TEXT_BUILDERS: Mapping[str, Builder] = {
    "contains": plain(_CONTAINS),
    "icontains": plain(partial(_CONTAINS, ignoring_case=True)),
    "contains-any": plain(_contains_any),
    "contains-all": plain(_contains_all),
    "icontains-any": plain(partial(_contains_any, ignoring_case=True)),
    "icontains-all": plain(partial(_contains_all, ignoring_case=True)),
    "starts-with": plain(_STARTS),
    "ends-with": plain(_ENDS),
    "istarts-with": plain(partial(_STARTS, ignoring_case=True)),
    "iends-with": plain(partial(_ENDS, ignoring_case=True)),
    "regex": plain(_regex),
    "is-json": plain(_is_json),
    "contains-json": plain(_contains_json),
    "word-count": plain(_word_count),
    "levenshtein": _levenshtein,
}
