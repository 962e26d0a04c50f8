"""A yes-or-no question about a value, and the errors of building and of asking it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ...render.sandbox import Members, Sandbox
from ...schema import show
from ...values import Json, JsonPath

__all__ = ["Builder", "Predicate", "SpecError", "Unfit", "listed", "on_text", "plain"]


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


def on_text(
    wanted: str,
    unwanted: str,
    expected: Json,
    holds: Callable[[str], bool],
    detail: Callable[[Json], tuple[JsonPath, str]] | None = None,
    shown: Callable[[Json], str] = show,
) -> Predicate:
    """Return a predicate that only texts fit; `wanted` and `unwanted` follow "text that"."""

    def holds_of_text(actual: Json) -> bool:
        if not isinstance(actual, str):
            raise Unfit(f"expected text that {wanted}, but {show(actual)} is not text")
        return holds(actual)

    return Predicate(f"text that {wanted}", f"text that {unwanted}", expected, holds_of_text, detail, shown)


def listed(values: Sequence[Json]) -> str:
    """Return values as JSON for a message: the first ten, and how many more there are."""
    shown = ", ".join(show(each) for each in values[:10])
    return shown if len(values) <= 10 else f"{shown} and {len(values) - 10} more"


def plain(build: Callable[[Json], Predicate]) -> Builder:
    """Return the builder of a type that has no further keys and does not run Jinja."""
    return lambda value, _, __: build(value)
