"""Whatever the template and the values: both ways give the same text, or the same error at the same place.

The comparison itself is in `tests.render.support`, through which every test of rendering goes.
"""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runner.errors import RunnerError
from tests.render.support import CompiledPrompt, compile_expression, compile_prompt, make_prompt

pytestmark = pytest.mark.slow

NAMES = ("a", "b", "xs", "range")

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)

EXPRESSIONS: st.SearchStrategy[str] = st.recursive(
    st.sampled_from(
        ["a", "b", "xs", "a.key", "b['key']", "xs[0]", "loop.index", "nope", "1", "2.5", "'t\\n'", "none", "range(3)"]
    )
    | st.text("ab é\U0001f600", max_size=3).map(repr),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["~", "+", "*", "==", "<", "in", "and", "-", "**"]), inner),
        st.builds(
            "{} | {}".format,
            inner,
            st.sampled_from(
                ["upper", "tojson", "tojson(indent=2)", "default('-')", "length", "list", "sort", "int", "join(',')",
                 "first", "replace('a', 'b')", "map('string') | list", "trim", "nofilter", "unique | list"]
            ),
        ),
        st.builds("{} is {}".format, inner, st.sampled_from(["defined", "string", "number", "none", "odd", "notest"])),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("{{'k': {}}}".format, inner),
        st.builds("{}.{}".format, inner, st.sampled_from(["items()", "upper()", "key", "__class__", "split()"])),
    ),
    max_leaves=4,
)  # fmt: skip

TEMPLATES: st.SearchStrategy[str] = st.recursive(
    st.one_of(
        st.text("abc \n\téö\U0001f600{}%#\"'", max_size=8),
        EXPRESSIONS.map("{{{{ {} }}}}".format),
        st.sampled_from(
            ["{% include 'one' %}", "{% include 'two' %}", "{% import 'two' as m %}", "{% include 'gone' %}", "{# note #}",
             "{% set a = 1 %}", "{%- if a -%}", "{% endif %}", "{% raw %}{{ x }}{% endraw %}", "{{", "\r\n"]
        ),
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=4).map("".join),
        st.builds("{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, EXPRESSIONS, inner, inner),
        st.builds("{{% for x in {} %}}{}{{{{ x }}}}\n{{% endfor %}}".format, EXPRESSIONS, inner),
        st.builds("{{% macro m(x) %}}{}{{% endmacro %}}{{{{ m({}) }}}}".format, inner, EXPRESSIONS),
        st.builds("{{% set b %}}{}{{% endset %}}{{{{ b }}}}".format, inner),
    ),
    max_leaves=5,
)  # fmt: skip

MANY = settings(max_examples=400)


@MANY
@given(
    contents=st.lists(TEMPLATES, min_size=1, max_size=3),
    files=st.fixed_dictionaries({"one": TEMPLATES, "two": TEMPLATES}),
    values=st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, VALUES)), max_size=3),
    declared=st.none() | st.lists(st.sampled_from(NAMES), unique=True),
    whitespace=st.sampled_from(["trim", "raw"]),
)
@example(
    ["{{ a }}"], {"one": "", "two": ""}, [{"a": -0.0}, {"a": 1e16}, {"a": 2**70}, {"a": 1.0}], None, "trim"
)
@example(["{{ range }}{{ a }}"], {"one": "", "two": ""}, [{"a": 1, "range": 2}], ["a", "range"], "trim")
@example(["{{ a is defined }}"], {"one": "", "two": ""}, [{}, {"a": None}], None, "raw")
def test_both_ways_give_the_same(
    contents: list[str],
    files: dict[str, str],
    values: list[dict[str, Any]],
    declared: list[str] | None,
    whitespace: str,
) -> None:
    text = json.dumps(
        {
            "messages": [{"role": "user", "content": content} for content in contents],
            "template": {"whitespace": whitespace},
            **({} if declared is None else {"inputs": {name: {} for name in declared}}),
        },
        ensure_ascii=False,
    )
    prompt: CompiledPrompt | None = None
    with contextlib.suppress(RunnerError):
        prompt = compile_prompt(make_prompt(text, files))
    for given_values in values if prompt is not None else ():
        assert prompt is not None
        with contextlib.suppress(RunnerError):
            prompt.render(given_values)
        with contextlib.suppress(RunnerError):
            prompt.render({name: value for name, value in given_values.items() if name in prompt.variables})


@MANY
@example("1.key and a", None, None, [])
@given(EXPRESSIONS, VALUES, VALUES, st.lists(VALUES, max_size=3))
def test_both_ways_give_expressions_the_same_value(source: str, a: Any, b: Any, xs: list[Any]) -> None:
    with contextlib.suppress(ValueError):
        compile_expression(source, names=frozenset(NAMES) - {"range"}).evaluate(a=a, b=b, xs=xs)
