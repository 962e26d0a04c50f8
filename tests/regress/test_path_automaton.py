"""Many paths followed at once select what each of them selects by itself, whichever places were asked about before."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from runner.checks.jsonpath import parse
from runner.regress.rules.json_walk import children
from runner.regress.rules.path_automaton import Reach, reach

from .support import values

PATHS = [
    "$", "$.a", "$.b", "$[0]", "$[1]", "$[-1]", "$[-2]", "$[*]", "$.*", "$..a", "$..[-1]", "$..[0]", "$..[-2].a",
    "$.a[-1]", "$.a[0][-1]", "$[*][-1]", "$..[-1][-1]", "$..id",
]  # fmt: skip


def places(value: Any, at: Reach, path: tuple[str | int, ...] = (), backwards: bool = False) -> Any:
    yield path, at
    length = len(value) if isinstance(value, list) else None
    steps = list(children(value))
    for step, child in reversed(steps) if backwards else steps:
        yield from places(child, at.follow(step, length), (*path, step), backwards)


@given(
    st.lists(st.sampled_from(PATHS), min_size=1, max_size=5, unique=True),
    st.lists(values, max_size=4),
    st.booleans(),
)
def test_paths_select_together_what_they_select_alone(
    paths: list[str], asked: list[Any], backwards: bool
) -> None:
    parsed = [parse(path) for path in paths]
    start = reach(parsed)
    for value in asked:
        for path, at in places(value, start, backwards=backwards):
            alone = {index for index, each in enumerate(parsed) if each.matches(path, value)}
            assert set(at.selecting) == alone, (path, value)


def test_a_place_from_the_end_is_found_in_lists_of_any_length_and_order() -> None:
    start = reach([parse("$[-1]"), parse("$[-2]")])
    for length in (3, 1, 2, 3):
        for step in (0, length - 1, length - 2, 0):
            if step >= 0:
                found = {str(start._automaton.paths[index]) for index in start.follow(step, length).selecting}
                assert found == (
                    {"$[-1]"} if step == length - 1 else {"$[-2]"} if step == length - 2 else set()
                )
