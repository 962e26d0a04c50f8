"""An error in a template is reported at the author's line, however the YAML is written."""

from __future__ import annotations

import pytest

from runner.errors import RunnerError

from .support import compile_prompt, make_prompt

AS_TEXT = (
    "write literal braces between {% raw %} and {% endraw %}, or in a prompt with"
    " template: {engine: simple} (only {{ name }} is a variable) or none"
)

LOADED = {
    "block": ("messages:\n- role: user\n  content: |-\n    one\n\n    {{ x | nope }}\n", 6),
    "indented block": ("messages:\n- role: user\n  content: |2-\n      one\n    {{ x | nope }}\n", 5),
    "folded": ("messages:\n- role: user\n  content: >-\n    one\n    two\n    {{ x | nope }}\n", 6),
    "double quotes": ('messages:\n- role: user\n  content: "one\\n{{ x | nope }}"\n', 3),
    "double quotes over lines": ('messages:\n- role: user\n  content: "one\n\n    {{ x | nope }}"\n', 5),
    "single quotes": ("messages:\n- role: user\n  content: 'one\n\n    {{ x | nope }}'\n", 5),
    "plain": ("messages:\n- role: user\n  content: one {{ x | nope }}\n", 3),
    "part": (
        "messages:\n- role: user\n  content:\n  - type: text\n    text: |-\n      a\n      {{ x | nope }}\n",
        7,
    ),
    "flow": (
        "messages: [\n {role: user, content: [{type: image_url, image_url: {url: 'a{{ x | nope }}'}}]}]\n",
        2,
    ),
    "after other messages": (
        "messages:\n- {role: system, content: a}\n- role: user\n  content: |-\n\n    a\n    {% endif %}\n",
        7,
    ),
}


# A folded scalar is one line of text, so its errors stand where that line begins.
LOADED["folded"] = (LOADED["folded"][0], 4)


@pytest.mark.parametrize("style", LOADED)
def test_an_error_at_load_stands_at_its_line(style: str) -> None:
    text, line = LOADED[style]
    with pytest.raises(RunnerError) as caught:
        compile_prompt(make_prompt(text))
    assert caught.value.location is not None
    assert (caught.value.location.path, caught.value.location.line) == ("p.prompt.yaml", line)


@pytest.mark.parametrize("style", [style for style in LOADED if style != "after other messages"])
def test_an_error_while_rendering_stands_at_its_line(style: str) -> None:
    text, line = LOADED[style]
    compiled = compile_prompt(make_prompt(text.replace("x | nope", "x.nope")))
    with pytest.raises(RunnerError) as caught:
        compiled.render({"x": {}})
    assert caught.value.location is not None
    assert (caught.value.location.path, caught.value.location.line) == ("p.prompt.yaml", line)


def test_an_error_in_a_macro_of_an_included_file_stands_in_that_file() -> None:
    files = {
        "m": "{% macro f(x) %}\n\n{{ x.nope }}\n{% endmacro %}",
        "i": "a\n{% import 'm' as m %}{{ m.f(x) }}",
    }
    compiled = compile_prompt(make_prompt("messages: [{role: user, content: \"{% include 'i' %}\"}]", files))
    with pytest.raises(RunnerError, match=r"^m:3: messages\[0\]: the object has no key 'nope'"):
        compiled.render({"x": {}})


@pytest.mark.parametrize(
    ("content", "message", "hint"),
    [
        ("{% if x %}", "the 'if' block is never closed", "add {% endif %}"),
        (
            "{% for a in x %}{% endif %}",
            "there is no tag 'endif' inside 'for'",
            "{% for %} ends with {% endfor %}",
        ),
        ("{% foo %}", "there is no tag 'foo'", AS_TEXT),
        ('{{"k": 1}}', "expected token '}}', got ':'", AS_TEXT),
        ("a {%20} b", "tag name expected", AS_TEXT),
        ("## Setup {#setup}", "{# begins a comment, but no #} ends it", AS_TEXT),
        ("{% do x %}", "there is no tag 'do'", AS_TEXT),
        ("{{ x }", "unexpected '}'", f"is a }} missing, as in {{{{ name }}}}? Otherwise {AS_TEXT}"),
        ("{{ x", "the template ends too early, expected '}}'", AS_TEXT),
        ("{{ x is odd", "the template ends too early, expected '}}'", AS_TEXT),
        ("{{ x | upr }}", "there is no filter 'upr'", 'did you mean "upper"?'),
        ("{{ x is dfined }}", "there is no test 'dfined'", 'did you mean "defined"?'),
        ("{% block a %}{% endblock %}{% block a %}{% endblock %}", "block 'a' defined twice", None),
    ],
)
def test_a_mistake_is_told_in_plain_words(content: str, message: str, hint: str | None) -> None:
    with pytest.raises(RunnerError) as caught:
        compile_prompt(make_prompt("messages:\n- role: user\n  content: |-\n    " + content))
    assert (caught.value.message, caught.value.hint) == (message, hint)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("1.key and x", "'key' does not exist in a number"),
        ("{}['k'] or x", "the object has no key 'k'"),
        ("x if [].k else 1", "'k' does not exist in a list"),
        ("[] | first and x", "No first item, sequence was empty"),
        ("{[1]: 1} and x", "this does not work with these values: unhashable type: a list"),
    ],
)
def test_what_fails_without_any_value_is_told_when_the_prompt_is_loaded(
    expression: str, message: str
) -> None:
    text = (
        "messages:\n- role: user\n  content: |-\n    a\n    {% if x %}\n    {{ "
        + expression
        + " }}{% endif %}"
    )
    with pytest.raises(RunnerError) as caught:
        compile_prompt(make_prompt(text))
    assert (caught.value.message, str(caught.value.location)) == (message, "p.prompt.yaml:6")


@pytest.mark.parametrize(
    "content", ["{{ x }", "{{ 1 + }}", "{% set %}", "{{ “x” }}", "{# x", "{% raw %}x", "{{ a b }}"]
)
def test_no_message_speaks_of_jinja_or_of_offsets(content: str) -> None:
    with pytest.raises(RunnerError) as caught:
        compile_prompt(make_prompt("messages:\n- role: user\n  content: |-\n    " + content))
    text = str(caught.value).lower()
    assert "jinja" not in text
    assert "print statement" not in text
    assert " at 3" not in text
