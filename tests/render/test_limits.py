"""A template that multiplies ends in an error, not in a full memory."""

from __future__ import annotations

import sys

import pytest

from runner.errors import TemplateError
from runner.render.limits import MAX_TEXT, join_text

from .support import compile_text, render

DOUBLING = "{% set n = namespace(v=START) %}{% for i in range(60) %}{% set n.v = STEP %}{% endfor %}{{ n.v }}"


def peak_memory() -> int:
    """The most memory this process has ever held, in bytes (macOS counts bytes, Linux kibibytes)."""
    resource = pytest.importorskip("resource", reason="this system does not tell a process its peak memory")
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * (1 if sys.platform == "darwin" else 1024)


BOMBS = [
    "{{ 'x' * (10**8) }}",
    "{{ (10**8) * 'x' }}",
    "{{ [0] * (10**9) }}",
    "{{ 'x' | center(10**9) }}",
    "{{ 'x'.center(10**9) }}",
    "{{ 'x'.ljust(10**9) }}",
    "{{ 'x'.rjust(10**9) }}",
    "{{ 'x'.zfill(10**9) }}",
    "{{ 'x' | center(1000000000) }}",
    "{{ '%1000000000s' % 'x' }}",
    "{{ ('a' * 4000) | replace('a', 'b' * 4000) }}",
    "{{ ('a' * 4000).replace('a', 'b' * 4000) }}",
    "{{ ('a' * 4000).replace('', 'b' * 4000) }}",
    "{{ ('a\n' * 4000) | indent(4000, true, true) }}",
    "{{ 'x' | indent(10**9, true) }}",
    "{{ range(100000) | join('x' * 1000) }}",
    "{{ ('x' * 1000).join(range(100000) | map('string')) }}",
    "{{ [1] | tojson(indent=10**9) }}",
    "{{ 2 ** 100000000 }}",
    "{{ 10 ** (10 ** 10) }}",
    "{{ 1.5 | round(10**9) }}",
    "{{ 15 | round(-(10**9)) }}",
    "{{ range(10**9) | list }}",
    "{% for i in range(100000) %}{% for j in range(100000) %}xxxxxxxx{% endfor %}{% endfor %}",
    "{% set x %}{% for i in range(100000) %}{% for j in range(100000) %}xxxx{% endfor %}{% endfor %}{% endset %}",
    "{% macro m() %}{% for i in range(100000) %}{% for j in range(100) %}x{% endfor %}{% endfor %}{% endmacro %}{{ m() }}",
    "{% filter upper %}{% for i in range(100000) %}{% for j in range(100) %}x{% endfor %}{% endfor %}{% endfilter %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% macro m(t) %}{{ m(t ~ t) }}{% endmacro %}{{ m('x') }}",
    DOUBLING.replace("START", "'x'").replace("STEP", "n.v ~ n.v"),
    DOUBLING.replace("START", "'x'").replace("STEP", "n.v + n.v"),
    DOUBLING.replace("START", "[1]").replace("STEP", "n.v + n.v"),
    DOUBLING.replace("START", "[1]").replace("STEP", "[n.v, n.v]"),
    DOUBLING.replace("START", "{}").replace("STEP", "{'a': n.v, 'b': n.v}"),
    DOUBLING.replace("START", "'x'").replace("STEP", "[n.v, n.v] | join"),
    DOUBLING.replace("START", "'x'").replace("STEP", "n.v | replace('x', 'xx')"),
    DOUBLING.replace("START", "2").replace("STEP", "n.v * n.v"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("template", BOMBS)
def test_a_bomb_is_an_error_that_needs_little_memory(template: str) -> None:
    compiled = compile_text(template)
    before = peak_memory()
    with pytest.raises(TemplateError):
        compiled.render({})
    assert peak_memory() - before < 300 * 2**20


def test_what_an_imported_file_prints_is_bounded_as_well() -> None:
    bomb = "{% for i in range(100000) %}{% for j in range(100000) %}xxxxxxxx{% endfor %}{% endfor %}"
    with pytest.raises(TemplateError, match="longer than"):
        render("{% import 'm' as m %}", {"m": bomb})


def test_text_up_to_the_limit_is_kept_whole() -> None:
    assert len(render("{{ x }}{{ x }}", x="a" * (MAX_TEXT // 2))) == MAX_TEXT
    with pytest.raises(TemplateError, match="4,194,304 characters"):
        render("{{ x }}{{ x }}!", x="a" * (MAX_TEXT // 2))


def test_a_message_that_is_one_value_has_the_length_of_the_value() -> None:
    assert len(render("{{ x }}", x="a" * (MAX_TEXT + 1))) == MAX_TEXT + 1


def test_joining_stops_at_the_limit_without_asking_for_more_parts() -> None:
    asked = 0

    def parts() -> object:
        nonlocal asked
        while True:
            asked += 1
            yield "x" * MAX_TEXT

    with pytest.raises(Exception, match="longer than"):
        join_text(parts())  # type: ignore[arg-type] # an endless generator of str
    assert asked == 2


@pytest.mark.parametrize(
    "bomb", ["(" * 20_000, "[" * 20_000, "a" + " + a" * 5_000, "9" * 5_000, "a" + ".b" * 5_000]
)
def test_an_expression_nested_too_deeply_is_an_error_when_the_prompt_is_loaded(bomb: str) -> None:
    with pytest.raises(TemplateError):
        compile_text("{{ " + bomb + " }}")


def test_statements_nested_too_deeply_are_an_error_when_the_prompt_is_loaded() -> None:
    with pytest.raises(TemplateError, match="nested too deeply"):
        compile_text("{% for a in b %}" * 30 + "{% endfor %}" * 30)


def test_a_template_longer_than_the_limit_is_refused() -> None:
    with pytest.raises(TemplateError, match="262,144"):
        compile_text("{{ x }}" + "a" * 262_144)
