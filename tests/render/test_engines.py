"""The engines and the whitespace of `template`."""

from __future__ import annotations

import pytest

from runner.errors import TemplateError
from runner.values import Json

from .support import compile_prompt, compile_text, make_prompt


def test_trim_takes_block_lines_away_and_raw_keeps_every_byte() -> None:
    content = "a\n  {% if x %}\n  b\n  {% endif %}\nc\n"
    trim, raw = (
        compile_text(content, whitespace=mode).render({"x": True})[0]["content"] for mode in ("trim", "raw")
    )
    assert trim == "a\n  b\nc\n"
    assert raw == "a\n  \n  b\n  \nc\n"


@pytest.mark.parametrize("whitespace", ["trim", "raw"])
@pytest.mark.parametrize("ending", ["", "\n", "\n\n", " ", "\t\n"])
def test_the_end_of_a_text_is_kept(whitespace: str, ending: str) -> None:
    assert (
        compile_text("{{ x }}." + ending, whitespace=whitespace).render({"x": 1})[0]["content"]
        == "1." + ending
    )


def test_line_ends_inside_a_value_are_kept() -> None:
    assert compile_text("<{{ x }}>").render({"x": "a\r\nb\rc\n"})[0]["content"] == "<a\r\nb\rc\n>"


def test_break_and_continue_work() -> None:
    content = "{% for i in range(9) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 4 %}{% break %}{% endif %}{{ i }}{% endfor %}"
    assert compile_text(content).render({})[0]["content"] == "023"


def test_loops_know_their_length_and_may_recurse() -> None:
    content = "{% for n in tree recursive %}{{ n.v }}{{ loop.index }}/{{ loop.length }}{% if n.c %}({{ loop(n.c) }}){% endif %}{% endfor %}"
    tree: Json = [{"v": "a", "c": [{"v": "b", "c": []}]}, {"v": "c", "c": []}]
    assert compile_text(content).render({"tree": tree})[0]["content"] == "a1/2(b1/1)c2/2"


def test_groupby_gives_groups_with_names() -> None:
    content = "{% for g in rows | groupby('k') %}{{ g.grouper }}={{ g.list | map(attribute='v') | list }};{% endfor %}"
    rows: Json = [{"k": "b", "v": 1}, {"k": "a", "v": 2}, {"k": "b", "v": 3}]
    assert compile_text(content).render({"rows": rows})[0]["content"] == "a=[2];b=[1, 3];"


def test_engine_none_sends_the_text_as_it_stands() -> None:
    compiled = compile_text("{{ x }} {% if %}", engine="none")
    assert compiled.variables == frozenset()
    assert compiled.render({})[0]["content"] == "{{ x }} {% if %}"


def test_engine_simple_replaces_names_once_and_nothing_else() -> None:
    compiled = compile_text(
        "{{x}} {{ user-id }} {{ o.items.1.k }} {% if %} {{ x | upper }} {x}", engine="simple"
    )
    assert compiled.variables == {"x", "user-id", "o"}
    values: dict[str, Json] = {"x": "{{ x }}", "user-id": None, "o": {"items": [0, {"k": [True]}]}}
    assert compiled.render(values)[0]["content"] == "{{ x }} null [true] {% if %} {{ x | upper }} {x}"


@pytest.mark.parametrize(
    ("dotted", "message"),
    [
        ("o.kye", "'kye' of 'o.kye' does not exist in an object"),
        ("o.list.9", "'9' of"),
        ("o.list.a", "'a' of"),
        ("o.key.x", "'x' of"),
    ],
)
def test_engine_simple_says_where_a_dotted_name_ends(dotted: str, message: str) -> None:
    compiled = compile_prompt(
        make_prompt(
            "template: {engine: simple}\nmessages:\n- role: user\n  content: |-\n    a\n    {{ "
            + dotted
            + " }}"
        )
    )
    with pytest.raises(TemplateError, match=message) as caught:
        compiled.render({"o": {"key": "v", "list": [1]}})
    assert str(caught.value).startswith("p.prompt.yaml:6: messages[0]: ")


def test_engine_simple_refuses_an_undeclared_variable_at_its_line() -> None:
    text = "template: {engine: simple}\ninputs: {name: {}}\nmessages:\n- role: user\n  content: |-\n    {{ name }}\n    {{ nam.x }}"
    with pytest.raises(TemplateError, match=r"^p\.prompt\.yaml:7:8: variable 'nam' is not declared"):
        compile_prompt(make_prompt(text))
