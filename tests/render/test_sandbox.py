"""A template reaches its values and nothing else."""

from __future__ import annotations

import pytest

from runner.errors import CaseError, TemplateError
from runner.render.environment import PromptEnvironment
from runner.render.message_words import GLOBAL_NAMES
from runner.values import Json

from .support import compile_text, render

ESCAPES = [
    "{{ x.__class__ }}",
    "{{ x['__class__'] }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ x.__init__.__globals__ }}",
    "{{ (x|attr('__class__')) }}",
    "{{ [x]|map(attribute='__class__')|list }}",
    "{{ ['__class__']|map('attr', x)|list }}",
    "{{ x|map('format')|list }}",
    "{{ '{0.__class__}'.format(x) }}",
    "{{ '{0.__class__}'.format_map({'0': x}) }}",
    "{% set f = ''.format %}{{ f(x) }}",
    "{{ ''|attr('format') }}",
    "{{ range.__self__ }}",
    "{{ range.__globals__ }}",
    "{{ dict.__base__ }}",
    "{{ dict.mro() }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ self.__init__ }}",
    "{% macro m() %}{% endmacro %}{{ m.__globals__ }}",
    "{% macro m() %}{% endmacro %}{{ m._func.__globals__ }}",
    "{% macro m() %}{% endmacro %}{{ m._environment }}",
    "{% for i in [1] %}{{ loop._iterator }}{% endfor %}",
    "{% for i in [1] %}{{ loop.__init__.__globals__ }}{% endfor %}",
    "{{ ([1]|map('string')).gi_frame.f_globals }}",
    "{{ (1).to_bytes(1000000000) }}",
    "{{ x.encode().decode() }}",
    "{{ x.translate({}) }}",
    "{{ undefined_thing.__class__ }}",
    "{% set x.y = 1 %}",
    "{{ x.upper.__self__ }}",
    "{{ x.upper.func }}",
]


@pytest.mark.parametrize("template", ESCAPES)
def test_an_attempt_to_leave_the_sandbox_is_an_error(template: str) -> None:
    with pytest.raises(TemplateError):
        compiled = compile_text(template)
        compiled.render(dict.fromkeys(compiled.variables, "value"))


@pytest.mark.parametrize(
    "change", ["l.append(2)", "l.clear()", "l.pop()", "d.update({'a': 2})", "d.pop('a')", "d.clear()"]
)
def test_a_template_cannot_change_a_value(change: str) -> None:
    values: dict[str, Json] = {"l": [1], "d": {"a": 1}}
    compiled = compile_text(f"{{{{ {change} }}}}{{{{ l }}}}{{{{ d }}}}")
    with pytest.raises(TemplateError, match="not accessible"):
        compiled.render(values)
    assert values == {"l": [1], "d": {"a": 1}}


@pytest.mark.parametrize(
    "name", ["now", "lipsum", "cycler", "joiner", "env", "environ", "open", "request", "config"]
)
def test_there_are_no_functions_but_range_dict_and_namespace(name: str) -> None:
    assert compile_text(f"{{{{ {name} }}}}").variables == {name}
    assert (
        PromptEnvironment(whitespace="trim").globals.keys() == GLOBAL_NAMES == {"range", "dict", "namespace"}
    )


@pytest.mark.parametrize(
    "name",
    ["random", "xmlattr", "urlize", "pprint", "attr", "format", "safe", "e", "wordwrap", "batch", "slice"],
)
def test_a_filter_that_is_unsafe_in_prompts_is_refused_when_the_prompt_is_loaded(name: str) -> None:
    with pytest.raises(TemplateError, match=f"filter '{name}' is not available in prompts"):
        compile_text(f"{{{{ x | {name} }}}}")


def test_the_filters_of_the_compiler_have_no_name_an_author_can_write() -> None:
    for operator in ("~", "."):
        with pytest.raises(TemplateError):
            compile_text(f"{{{{ x | {operator} }}}}")
        with pytest.raises(TemplateError):
            compile_text(f"{{% filter {operator} %}}x{{% endfilter %}}")


@pytest.mark.parametrize(
    "value", [object(), {1, 2}, b"bytes", (1, 2), {1: 2}, [object()], lambda: 1, float("nan"), "\ud800"]
)
def test_a_value_that_is_no_json_is_refused_before_anything_runs(value: object) -> None:
    with pytest.raises(CaseError, match="which is not JSON"):
        compile_text("{% if false %}{{ x }}{% endif %}").render({"x": value})  # type: ignore[dict-item] # on purpose


def test_a_subclass_of_a_json_type_is_refused_because_it_carries_code() -> None:
    class Text(str):
        pass

    with pytest.raises(CaseError, match="type Text"):
        render("{{ x }}", x=Text("a"))


def test_a_value_that_contains_itself_is_refused() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(CaseError, match="nested too deeply"):
        render("{{ x }}", x=loop)


def test_html_escaping_cannot_be_switched_on() -> None:
    with pytest.raises(TemplateError, match="autoescape"):
        compile_text("{% autoescape true %}{{ x }}{% endautoescape %}")


@pytest.mark.parametrize(
    "template",
    [
        "{% include x %}",
        "{% include [x, 'a'] %}",
        "{% import x as m %}",
        "{% from x import m %}",
        "{% extends x %}",
        "{% include 'a' ~ x %}",
    ],
)
def test_a_value_cannot_select_a_file(template: str) -> None:
    with pytest.raises(TemplateError, match="quoted name"):
        compile_text(template, {"a": "", "secret": "s"})
