"""Pair the items of two lists whose order does not matter. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Protocol, TypeAlias, TypeVar

from ...checks.json_key import identity
from ...schema import show
from ...values import Json

__all__ = ["MAX_PAIRS", "aligned", "counterparts", "partners"]

MAX_PAIRS = 10_000
"""The maximum number of pairs to try, of items that have no exact equal in the other list."""


class _Judged(Protocol):
    @property
    def equal(self) -> bool: ...


_T = TypeVar("_T", bound=_Judged)

_Pair: TypeAlias = Callable[[int | None, int | None], list[_T]]
"""Compare the item at an index of one list with one of the other; None for a missing counterpart."""


def aligned(items: Sequence[Json], key: str) -> dict[Hashable, int] | str:
    """Return the index of each item by its property `key`, or a message if the property does not identify the items."""
    places: dict[Hashable, int] = {}
    for index, item in enumerate(items):
        if not isinstance(item, Mapping) or key not in item:
            return f"item {index} has no {show(key)}"
        value = item[key]
        if isinstance(value, list | Mapping):
            return f"the {show(key)} of item {index} is neither a string nor a number"
        if places.setdefault(identity(value), index) != index:
            return f"two items have {show(key)} {show(value)}"
    return places


def partners(ours: Sequence[Json], theirs: Sequence[Json], pair: _Pair[_T]) -> list[list[_T]] | None:
    """Pair each item of one list with an item of the other; return None if there would be too many pairs to try.

    A maximum matching by `pair`, in which exactly equal items are matched first. The result holds what `pair` returned
    for pairs that are not exactly equal, and for items without a counterpart.
    """
    waiting: dict[Hashable, list[int]] = defaultdict(list)
    for index, item in enumerate(theirs):
        waiting[identity(item)].append(index)
    rest = []
    for index, item in enumerate(ours):
        if same := waiting[identity(item)]:
            same.pop(0)
        else:
            rest.append(index)
    others = sorted(index for same in waiting.values() for index in same)
    if len(rest) * len(others) > MAX_PAIRS:
        return None
    fitting = {
        index: {other: said for other in others if _equal(said := pair(index, other))} for index in rest
    }
    taken = _matching(fitting)
    partner_of = {index: other for other, index in taken.items()}
    found = [
        fitting[index][partner_of[index]] if index in partner_of else pair(index, None) for index in rest
    ]
    return found + [pair(None, other) for other in others if other not in taken]


def counterparts(ours: Sequence[Json], theirs: Sequence[Json], pair: _Pair[_T]) -> list[list[_T]] | None:
    """Pair items as `partners` does, but let one item be the equal of many: lists as sets."""
    our_own, their_own = _distinct(ours), _distinct(theirs)
    lonely = [index for key, index in our_own.items() if key not in their_own]
    strangers = [index for key, index in their_own.items() if key not in our_own]
    if len(lonely) * len(their_own) + len(our_own) * len(strangers) > MAX_PAIRS:
        return None

    def best(index: int) -> list[_T]:
        tries = (pair(index, other) for other in their_own.values())
        match = next((said for said in tries if _equal(said)), None)
        return pair(index, None) if match is None else match

    unknown = (
        other for other in strangers if not any(_equal(pair(index, other)) for index in our_own.values())
    )
    return [best(index) for index in lonely] + [pair(None, other) for other in unknown]


def _equal(said: Sequence[_Judged]) -> bool:
    return all(each.equal for each in said)


def _distinct(items: Sequence[Json]) -> dict[Hashable, int]:
    places: dict[Hashable, int] = {}
    for index, item in enumerate(items):
        places.setdefault(identity(item), index)
    return places


def _matching(fitting: Mapping[int, Mapping[int, object]]) -> dict[int, int]:
    """Return a maximum matching by augmenting paths (Kuhn 1955): the partner of each of the others."""
    taken: dict[int, int] = {}

    def place(index: int, tried: set[int]) -> bool:
        for other in fitting[index]:
            if other not in tried:
                tried.add(other)
                if other not in taken or place(taken[other], tried):
                    taken[other] = index
                    return True
        return False

    for index in fitting:
        place(index, set())
    return taken
