"""Many paths followed at once select what each of them selects by itself, whichever places were asked about before."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.checks.jsonpath import parse
from runner.regress.rules.json_walk import children
from runner.regress.rules.path_automaton import PathAutomaton, automaton_of

from .support import values

PATHS = [
    "$", "$.a", "$.b", "$[0]", "$[1]", "$[-1]", "$[-2]", "$[*]", "$.*", "$..a", "$..[-1]", "$..[0]", "$..[-2].a",
    "$.a[-1]", "$.a[0][-1]", "$[*][-1]", "$..[-1][-1]", "$..id", "/a/0", "/1",
]  # fmt: skip


def places(value: Any, at: PathAutomaton, path: tuple[str | int, ...] = (), backwards: bool = False) -> Any:
    yield path, at
    length = len(value) if isinstance(value, list) else None
    steps = list(children(value))
    for step, child in reversed(steps) if backwards else steps:
        yield from places(child, at.follow(step, length), (*path, step), backwards)


@pytest.mark.slow
@given(
    st.lists(st.sampled_from(PATHS), min_size=1, max_size=5, unique=True),
    st.lists(values, max_size=4),
    st.booleans(),
)
def test_paths_select_together_what_they_select_alone(
    paths: list[str], asked: list[Any], backwards: bool
) -> None:
    parsed = [parse(path) for path in paths]
    start = automaton_of(parsed)
    for value in asked:
        found = [{place for place, _ in each.find(value)} for each in parsed]
        for path, at in places(value, start, backwards=backwards):
            alone = {index for index, each in enumerate(found) if path in each}
            assert set(at.selecting) == alone, (path, value)


def is_reached(path: str, *steps: str | int | tuple[int, int | None]) -> bool:
    """Follow the steps to a place; the pairs are an index and the length of its list, None if that is unknown."""
    here = automaton_of([parse(path)])
    for step in steps:
        here = here.follow(*step) if isinstance(step, tuple) else here.follow(step)
    return here.selecting == (0,)


@pytest.mark.parametrize("path", ["$.list[1]", "/list/1"])
def test_an_index_is_reached_at_its_place_and_no_other(path: str) -> None:
    assert is_reached(path, "list", 1)
    assert not is_reached(path, "list", 0)
    assert not is_reached(path, "list", 2)


@pytest.mark.parametrize("length", [None, 1, 3])
def test_the_first_place_of_a_list_is_no_place_from_its_end(length: int | None) -> None:
    assert is_reached("$[0]", (0, length))
    assert not is_reached("$[0]", (1, length))


def test_only_a_pointer_takes_an_index_for_the_name_of_a_member() -> None:
    assert is_reached("/list/1", "list", "1")
    assert not is_reached("$.list[1]", "list", "1")
    assert not is_reached("$.list['1']", "list", 1)


@pytest.mark.parametrize(
    ("place", "reached"),
    [
        (("b",), True),
        (("a", "b"), True),
        (("a", 0, "c", "b"), True),
        ((), False),
        (("a",), False),
        (("b", "a"), False),
    ],
)
def test_a_descent_reaches_its_name_at_every_depth_and_nothing_else(
    place: tuple[str | int, ...], reached: bool
) -> None:
    assert is_reached("$..b", *place) is reached


def test_an_index_from_the_end_is_reached_only_where_the_length_of_the_list_is_known() -> None:
    assert is_reached("$.a[-1].b", "a", (1, 2), "b")
    assert not is_reached("$.a[-1].b", "a", (0, 2), "b")
    assert not is_reached("$.a[-1].b", "a", (1, None), "b")


def test_a_place_from_the_end_is_found_in_lists_of_any_length_and_order() -> None:
    start = automaton_of([parse("$[-1]"), parse("$[-2]")])
    for length in (3, 1, 2, 3):
        for step in (0, length - 1, length - 2, 0):
            if step >= 0:
                found = {str(start._automaton.paths[index]) for index in start.follow(step, length).selecting}
                assert found == (
                    {"$[-1]"} if step == length - 1 else {"$[-2]"} if step == length - 2 else set()
                )
