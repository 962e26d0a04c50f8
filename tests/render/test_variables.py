"""Which variables a prompt has, and what is said about those that are missing, unknown or misspelt."""

from __future__ import annotations

import keyword

import pytest
from jinja2 import Environment, meta

from runner.errors import CaseError, Location, Problems, RunnerError, TemplateError
from runner.files.inputs import usable_in_jinja
from runner.render.analysis import analyze

from .support import compile_prompt, compile_text, make_prompt

TEMPLATES = [
    "{{ a }}{{ b.c }}{{ d['e'] }}{{ f[g] }}",
    "{% for x in xs if x > limit %}{{ x }}{{ loop.index }}{{ y }}{% else %}{{ x }}{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}{{ v }}{% endfor %}{{ k }}",
    "{% set x = x | default(1) %}{{ x }}",
    "{% set x = a %}{% set y %}{{ x }}{{ b }}{% endset %}{{ y }}",
    "{% if a %}{{ b }}{% elif c %}{{ d }}{% else %}{{ e }}{% endif %}",
    "{% if a %}{% set x = 1 %}{% else %}{{ x }}{% endif %}",
    "{% macro m(p, q=dflt) %}{{ p }}{{ q }}{{ free }}{{ caller() }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1) }}",
    "{% call(u) m(v) %}{{ u }}{{ w }}{% endcall %}",
    "{% with a = b, c = 1 %}{{ a }}{{ c }}{{ d }}{% endwith %}{{ c }}",
    "{% filter upper %}{{ a }}{% endfilter %}",
    "{% set ns = namespace(v=1) %}{% set ns.v = a %}{{ ns.v }}",
    "{% block b %}{{ a }}{% set x = 1 %}{{ x }}{% endblock %}",
    "{{ range(n) | list }}{{ dict(a=b) }}",
    "{{ a is defined }}{{ b | default(c) }}{{ d if e else f }}{{ not g }}",
    "{{ [x, y] ~ {'k': z} }}{{ w(v, *args, **kw) }}",
    "{% for x in tree recursive %}{{ x.name }}{{ loop(x.children) }}{% endfor %}",
]


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_walk_finds_the_variables_that_jinja_finds(template: str) -> None:
    tree = Environment().parse(template)
    free = {use.name for use in analyze(tree).uses} - {"range", "dict", "namespace"}
    assert free == meta.find_undeclared_variables(tree) - {"range", "dict", "namespace"}


def test_a_name_set_in_one_branch_only_is_the_authors_own() -> None:
    content = "{% if a %}{% set greeting = 'hi' %}{% endif %}{{ greeting }}"
    assert compile_text(content).variables == {"a"}
    with pytest.raises(TemplateError, match="variable 'greeting' has no value"):
        compile_text(content).render({"a": False})


def test_a_macro_sees_what_is_set_after_it() -> None:
    content = "{% macro m() %}{{ sep }}{% endmacro %}{% set sep = '-' %}{{ m() }}"
    assert compile_text(content).variables == frozenset()
    assert compile_text(content).render({})[0]["content"] == "-"


def test_variables_are_gathered_over_messages_includes_and_placeholders() -> None:
    text = """
messages:
  - {role: system, content: "{% include 'a' %}"}
  - {type: placeholder, name: history}
  - {role: user, content: [{type: text, text: "{{ t }}"}, {type: image_url, image_url: {url: "{{ u }}"}}]}
"""
    compiled = compile_prompt(make_prompt(text, {"a": "{{ x }}{% include 'b' %}", "b": "{{ y | d(1) }}"}))
    assert compiled.variables == {"x", "y", "history", "t", "u"}
    assert compiled.required == {"x", "history", "t", "u"}


def test_a_variable_without_a_value_is_an_error_at_the_place_that_reads_it() -> None:
    text = "messages:\n  - role: system\n    content: Hi\n  - role: user\n    content: |-\n      lang\n      in {{ lang }}\n"
    compiled = compile_prompt(make_prompt(text))
    with pytest.raises(TemplateError) as caught:
        compiled.render({}, location=Location("cases.jsonl", 3))
    assert caught.value.location == Location("p.prompt.yaml", 7, 13)
    assert caught.value.message == "messages[1]: variable 'lang' has no value"
    assert caught.value.hint == "give it in `vars` at cases.jsonl:3 or with --var lang=..."


def test_what_a_prompt_needs_does_not_depend_on_the_values() -> None:
    compiled = compile_text("{% if premium %}{{ name }}{% endif %}")
    with pytest.raises(TemplateError, match="variable 'name' has no value"):
        compiled.render({"premium": False})


def test_several_missing_variables_are_told_at_once() -> None:
    with pytest.raises(TemplateError, match="variables 'a', 'b' have no value"):
        compile_text("{{ b }}{{ a }}").render({})


@pytest.mark.parametrize("content", ["{{ x | default('-') }}", "{{ x if x is defined else '-' }}"])
def test_a_variable_behind_a_guard_may_be_missing(content: str) -> None:
    assert compile_text(content).render({})[0]["content"] == "-"


def test_a_value_that_the_prompt_does_not_know_is_an_error_at_the_case() -> None:
    with pytest.raises(CaseError, match=r"^cases.jsonl:3: the prompt has no variable 'tiket'") as caught:
        compile_text("{{ ticket }}").render({"tiket": "x"}, location=Location("cases.jsonl", 3))
    assert caught.value.hint == 'did you mean "ticket"?'


def test_an_undeclared_variable_is_an_error_at_its_line_with_the_nearest_input() -> None:
    text = "inputs: {ticket: {type: string}}\nmessages:\n  - role: user\n    content: |-\n      A\n      {{ tiket }}\n"
    with pytest.raises(
        TemplateError, match=r"^p\.prompt\.yaml:6:10: variable 'tiket' is not declared"
    ) as caught:
        compile_prompt(make_prompt(text))
    assert caught.value.hint == 'did you mean "ticket"?'


def test_an_undeclared_variable_in_an_included_file_is_told_at_that_files_line() -> None:
    text = "inputs: {a: {}}\nmessages: [{role: user, content: \"{% include 'i' %}\"}, {role: user, content: \"{% include 'i' %}\"}]"
    with pytest.raises(TemplateError, match=r"^i:2:4: variable 'b' is not declared"):
        compile_prompt(make_prompt(text, {"i": "{{ a }}\n{{ b }}"}))


def test_a_placeholder_that_is_not_declared_is_an_error() -> None:
    text = "inputs: {a: {}}\nmessages:\n  - {role: user, content: '{{ a }}'}\n  - {type: placeholder, name: history}\n"
    with pytest.raises(TemplateError, match=r"^p\.prompt\.yaml:4:\d+: variable 'history' is not declared"):
        compile_prompt(make_prompt(text))


def test_all_errors_of_a_prompt_are_told_together_each_at_its_line() -> None:
    text = """inputs: {a: {}}
messages:
  - role: system
    content: |-
      {{ a | uper }}
      {{ b }}
  - role: user
    content: "{% if a %}"
  - role: user
    content: "{% include 'broken' %}"
"""
    with pytest.raises(Problems) as caught:
        compile_prompt(make_prompt(text, {"broken": "fine\n{{ a"}))
    found = {(str(error.location), error.message.split(",")[0]) for error in caught.value.errors}
    assert found == {
        ("p.prompt.yaml:5", "there is no filter 'uper'"),
        ("p.prompt.yaml:8", "the 'if' block is never closed"),
        ("broken:2", "the template ends too early"),
        ("p.prompt.yaml:6:10", "variable 'b' is not declared in `inputs`"),
    }


WORDS = sorted({*keyword.kwlist, *keyword.softkwlist, "none", "true", "false", "null", "loop", "self", "super", "caller", "varargs", "kwargs", "range", "dict", "namespace", "cycler", "joiner", "lipsum", "text", "vars", "output"})  # fmt: skip


@pytest.mark.parametrize("name", WORDS)
def test_what_is_called_usable_is_what_a_template_reads(name: str) -> None:
    def reads(word: str) -> bool:
        prompt = make_prompt(f"messages: [{{role: user, content: '{{{{ {word} }}}}'}}]")
        try:
            return compile_prompt(prompt).render({word: "here"})[0]["content"] == "here"
        except RunnerError:
            return False

    usable = usable_in_jinja(name)
    assert reads(name) == (usable is None)
    assert usable is None or reads(usable)
