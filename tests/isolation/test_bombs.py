"""A hostile template ends in an error at its place, within seconds; this process stays small, the next prompt renders."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runner.errors import RunnerError, TemplateError
from runner.isolation.isolated_sandbox import Isolation
from runner.isolation.process_limits import Limits
from tests.render.test_limits import peak_memory

from .support import MIB, compiled, rendered

pytestmark = pytest.mark.slow

LIMITS = Limits(memory=192 * MIB, seconds=1.0)


@pytest.fixture(scope="module")
def isolation() -> Iterator[Isolation]:
    with Isolation(LIMITS) as isolation:
        yield isolation


TWO = "{% set n = namespace(v=[1], w=[1]) %}{% for i in range(60) %}{% set n.v = [n.v, n.v] %}{% set n.w = [n.w, n.w] %}{% endfor %}"
ZEROS = "[" + "0," * 10_000 + "0]"
TURNS = "{% for i in range(100000) %}{% for j in range(100000) %}STEP{% endfor %}{% endfor %}"
DOUBLED = (
    "{% set n = namespace(v='x') %}{% for i in range(60) %}{% set n.v = n.v ~ n.v %}{% endfor %}{{ n.v }}"
)

SLOW = {
    "a search in each turn": TURNS.replace("STEP", "{% if -1 in l %}{% endif %}"),
    "a sort in each turn": TURNS.replace("STEP", "{{ l | max }}"),
    "a sum in each turn": TURNS.replace("STEP", "{{ l | sum }}"),
    "a chain of filters in each turn": TURNS.replace(
        "STEP", "{{ l | map('string') | unique | select('none') | list }}"
    ),
    "a comparison of texts in each turn": "{% set s = 'x' | center(4000000) %}"
    + TURNS.replace("STEP", "{% if s[:-1] == s %}{% endif %}"),
}
"""What takes too long, step by step: the error stands at the line of the step."""

STUCK = {
    "lists that are compared without end": TWO + "{{ n.v == n.w }}",
    "lists that are sorted without end": TWO + "{{ [n.v, n.w] | sort }}",
    "a list that is looked for without end": TWO + "{{ n.v in [n.w] }}",
    "a key that is hashed without end": TWO.replace("[n.v, n.v]", "(n.v, n.v)").replace("v=[1]", "v=(1,)")
    + "{{ {n.v: 1} }}",
    "a duplicate that is looked for without end": TWO.replace("[n.v, n.v]", "(n.v, n.v)").replace(
        "v=[1]", "v=(1,)"
    )
    + "{{ [n.v] | unique | list }}",
}
"""What never comes back to Python: only killing the process helps."""

LARGE = {
    "lists in lists": "{% set n = namespace(v=[]) %}{% for i in range(100000) %}\n{% set n.v = [n.v, "
    + ZEROS
    + "] %}{% endfor %}",
    "objects in objects": "{% set n = namespace(v={}) %}{% for i in range(100000) %}\n{% set n.v = {'a': n.v, 'b': "
    + ZEROS
    + "} %}{% endfor %}",
}
"""What takes too much memory, step by step, under the eyes of the limits that every rendering has."""

REFUSED = {
    "doubling": DOUBLED,
    "doubling lists": DOUBLED.replace("'x'", "[1]").replace("~", "+"),
    "doubling in a macro": "{% macro m(t) %}{{ m(t ~ t) }}{% endmacro %}{{ m('x') }}",
    "endless output": TURNS.replace("STEP", "xxxxxxxx"),
    "loops in loops": TURNS.replace("STEP", TURNS.replace("STEP", "")),
    "a macro that calls itself": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "repetition": "{{ 'x' * 10**10 }}",
    "a list repeated": "{{ [0] * 10**10 }}",
    "a wide text": "{{ 'x' | center(10**10) }}",
    "a wide text by its method": "{{ 'x'.zfill(10**10) }}",
    "a format": "{{ '%1000000000s' % 'x' }}",
    "a replacement": "{{ ('a' * 4000) | replace('', 'b' * 4000) }}",
    "a sort of everything": "{{ range(100000) | list * 100 | sort }}",
    "groups of everything": "{% for i in range(100) %}{{ range(100000) | groupby('real') }}{% endfor %}",
    "a power": "{{ 9 ** (9 ** 9) }}",
}
"""What the limits of every rendering refuse already, here as there."""

FOLDED = {
    "texts": "{{ 'x' | center(4000000) }}" * 9_000,
    "lists": "{{ ('x' | center(2000000)).split() | tojson }}" * 5_000,
    "replacements": "{{ 'x' | center(3999999) | replace(' ', 'y') | replace('y', 'z') | upper | lower }}"
    * 3_000,
    "parentheses": "{{ " + "(" * 100_000 + " }}",
    "signs": "{{ " + "-" * 100_000 + "1 }}",
    "sums": "{{ 1" + " + 1" * 50_000 + " }}",
    "lists in lists": "{{ " + "[" * 50_000 + "]" * 50_000 + " }}",
    "blocks in blocks": "{% if a %}" * 9_000 + "{% endif %}" * 9_000,
    "attributes of attributes": "{{ a" + ".b" * 100_000 + " }}",
    "a number": "{{ " + "9" * 100_000 + " }}",
}
"""What is made or walked through while the template is compiled."""


def ends_in_an_error(isolation: Isolation, content: str) -> RunnerError:
    before = peak_memory()
    with pytest.raises(TemplateError) as caught:
        compiled(isolation, content).render({})
    assert peak_memory() - before < 48 * MIB
    assert rendered(isolation, "{{ a }}!", a=1) == "1!"
    return caught.value


@pytest.mark.parametrize("name", SLOW)
def test_a_template_that_is_slow_is_stopped_at_its_line(isolation: Isolation, name: str) -> None:
    content = "{% set l = range(100000) | list %}\n\n" + SLOW[name]
    error = ends_in_an_error(isolation, content)
    assert error.message == "messages[0]: the template takes longer than 1 seconds"
    assert error.hint == "with --isolate a prompt has 1 seconds and 192 MiB to render in"
    assert str(error.location) == "p.prompt.yaml:6"


@pytest.mark.parametrize("name", STUCK)
def test_a_template_that_is_stuck_is_killed(isolation: Isolation, name: str) -> None:
    error = ends_in_an_error(isolation, STUCK[name])
    assert error.message == "messages[0]: the template takes longer than 1 seconds"
    assert str(error.location) == "p.prompt.yaml:4"


@pytest.mark.parametrize("name", LARGE)
def test_a_template_that_is_large_is_stopped(name: str) -> None:
    with Isolation(Limits(memory=192 * MIB, seconds=30)) as isolation:
        error = ends_in_an_error(isolation, LARGE[name])
    assert error.message == "messages[0]: the template needs more memory than is available"
    assert error.hint == "with --isolate a prompt has 30 seconds and 192 MiB to render in"
    assert str(error.location) == "p.prompt.yaml:5"


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_everywhere_is_refused(isolation: Isolation, name: str) -> None:
    ends_in_an_error(isolation, REFUSED[name])


@pytest.mark.parametrize("name", FOLDED)
def test_a_bomb_for_the_compiler_is_an_error_when_the_prompt_is_loaded(
    isolation: Isolation, name: str
) -> None:
    before = peak_memory()
    with pytest.raises(TemplateError) as caught:
        compiled(isolation, FOLDED[name])
    assert peak_memory() - before < 48 * MIB
    assert str(caught.value.location) == "p.prompt.yaml:4"
