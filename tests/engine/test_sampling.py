from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.engine.plan.sampling import Condition, Draw
from runner.engine.plan.shard import Shard
from runner.errors import CaseError, Location, UsageError
from runner.files.model import Case
from runner.values import Json

ids = st.lists(st.from_regex(r"[a-z0-9][a-z0-9._-]{0,8}", fullmatch=True), unique=True, max_size=50)


def case(name: str, **variables: Json) -> Case:
    return Case(name, variables, Location("rows.jsonl", 3), tags=("smoke",))


def drawn(draw: Draw, names: list[str]) -> list[str]:
    cases = [case(name) for name in names]
    draw.of("p", cases)
    return [each.id for each in draw.drawn("p", cases)]


@given(ids, st.integers(1, 60), st.integers())
def test_exactly_so_many_are_drawn_in_their_order(names: list[str], count: int, seed: int) -> None:
    chosen = drawn(Draw(count, seed), names)
    assert len(chosen) == min(count, len(names))
    assert chosen == [name for name in names if name in chosen]


@given(ids, st.integers(1, 60), st.integers(), st.randoms())
def test_the_order_of_the_cases_does_not_change_what_is_drawn(
    names: list[str], count: int, seed: int, random: st.DataObject
) -> None:
    shuffled = list(names)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert set(drawn(Draw(count, seed), names)) == set(drawn(Draw(count, seed), shuffled))


def test_another_seed_draws_others() -> None:
    names = [f"case-{number}" for number in range(100)]
    assert drawn(Draw(10, 0), names) != drawn(Draw(10, 1), names)


def test_a_condition_sees_variables_id_and_tags() -> None:
    condition = Condition.of('vars.n > 2 and id == "a" and "smoke" in tags')
    assert condition.holds(case("a", n=3))
    assert not condition.holds(case("a", n=2))
    assert not condition.holds(case("b", n=3))


@pytest.mark.parametrize("source", ["vars.n >", "n > 2"])
def test_a_condition_that_cannot_be_asked_is_a_usage_error(source: str) -> None:
    with pytest.raises(UsageError, match="--where"):
        Condition.of(source)


@pytest.mark.parametrize("source", ["vars.missing == 1", "vars.n", "1 / 0 == 1", "vars.__class__"])
def test_a_condition_without_yes_or_no_names_the_case_it_failed_at(source: str) -> None:
    with pytest.raises(CaseError, match=r"rows\.jsonl:3: --where"):
        Condition.of(source).holds(case("a", n=1))


@pytest.mark.slow
@given(ids, st.integers(1, 7))
def test_each_case_falls_to_exactly_one_shard(names: list[str], count: int) -> None:
    shards = [Shard(index, count) for index in range(1, count + 1)]
    hits = Counter(name for name in names for shard in shards if shard.has("p.prompt.yaml", name, None))
    assert hits == Counter(names)
