"""Strict YAML 1.2: what a scalar means, what is refused, and that nothing else ever comes out."""

from __future__ import annotations

import json
import math
import re
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runner.documents.text import decode
from runner.documents.yaml_compose import Composing, compose_c, compose_python
from runner.documents.yaml_reader import parse_yaml
from runner.errors import FileError, SyntaxFileError
from runner.values import Json
from tests import conformance


def json_values(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Json]:
    return st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
        max_leaves=12,
    )


@pytest.fixture(params=[compose_c, compose_python], ids=["libyaml", "python"])
def composing(request: pytest.FixtureRequest) -> Composing:
    if request.param is None:
        pytest.skip("PyYAML was built without libyaml")
    chosen: Composing = request.param
    return chosen


def read(text: str, composing: Composing | None = None) -> Json:
    return parse_yaml(text, "f.yaml", compose_with=composing).value


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("true", True),
        ("True", True),
        ("TRUE", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-12", -12),
        ("+12", 12),
        ("0o17", 15),
        ("0xFf", 255),
        ("1e-3", 0.001),
        ("1e3", 1000.0),
        ("1.10", 1.1),
        (".5", 0.5),
        ("1.", 1.0),
        ("9007199254740993", 9007199254740993),
        ("'12'", "12"),
        ('"true"', "true"),
        ("!!str 12", "12"),
        ('!!int "12"', 12),
        ("!!float 12", 12.0),
    ],
)
def test_a_scalar_has_the_type_of_the_core_schema(written: str, meant: Json, composing: Composing) -> None:
    value = read(f"key: {written}", composing)
    assert value == {"key": meant}
    assert isinstance(value, dict)
    assert type(value["key"]) is type(meant)


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "no",
        "on",
        "off",
        "y",
        "n",
        "Yes",
        "tRUE",
        "12:30",
        "012:30",
        "2024-01-01",
        "1_000",
        "0b11",
        "0x",
        "1e",
        ".e1",
        "-",
        "-a",
        "+",
        "=",
        "<<",
        "1.2.3",
        "NaN",
        "inf",
    ],
)
def test_what_yaml_1_1_would_guess_stays_text(text: str, composing: Composing) -> None:
    assert read(f"[a, {text}]", composing) == ["a", text]


def test_a_key_is_the_text_that_is_written(composing: Composing) -> None:
    text = "50256: -100\ntrue: 1\n~: 2\n0x10: 3\n1.50: 4\n2024-01-01: 5\n"
    assert read(text, composing) == {"50256": -100, "true": 1, "~": 2, "0x10": 3, "1.50": 4, "2024-01-01": 5}


@pytest.mark.parametrize("text", ["1: a\n'1': b", "a: 1\na: 1", "{a: 1, a: 2}", '- x: {a: 1, "a": 2}'])
def test_a_duplicate_key_is_refused(text: str, composing: Composing) -> None:
    with pytest.raises(SyntaxFileError, match="appears twice; the first is on line 1"):
        read(text, composing)


def test_line_breaks_of_yaml_1_1_are_ordinary_characters(composing: Composing) -> None:
    text = "a: |\n  one\u2028two\x85three\u2029four\nb: x\u2028y"
    assert read(text, composing) == {"a": "one\u2028two\x85three\u2029four\n", "b": "x\u2028y"}


def test_the_characters_that_stand_in_for_old_line_breaks_may_be_used_by_the_file(
    composing: Composing,
) -> None:
    text = "a\u2028b\ue000\ue001\ue002"
    assert read(f"- {text}", composing) == [text]


def test_a_merge_key_adds_what_is_not_there(composing: Composing) -> None:
    text = "one: &one {a: 1, b: 1}\ntwo: &two {b: 2, c: 2}\nall: {c: 3, <<: [*one, *two], a: 3}\n"
    value = read(text, composing)
    assert isinstance(value, dict)
    assert value["all"] == {"c": 3, "a": 3, "b": 1}


def test_a_quoted_merge_key_is_a_key_like_any_other(composing: Composing) -> None:
    assert read("'<<': 1", composing) == {"<<": 1}


def test_aliases_do_not_share_their_value() -> None:
    value = read("a: &a [1]\nb: *a\n")
    assert isinstance(value, dict)
    assert value["a"] == value["b"]
    assert value["a"] is not value["b"]


def test_a_bomb_of_aliases_is_refused_quickly(composing: Composing) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    with pytest.raises(SyntaxFileError, match="more than 50000 values once its aliases are expanded"):
        parse_yaml("\n".join(lines), "f.yaml", max_nodes=50_000, compose_with=composing)


@pytest.mark.parametrize("text", ["[" * 5000, "{a: " * 5000, "- " * 5000, "&a [*a]", "&a {k: [*a]}"])
def test_nesting_is_limited(text: str, composing: Composing) -> None:
    with pytest.raises(SyntaxFileError, match="more than 100 levels deep"):
        read(text, composing)


def test_a_hundred_levels_are_allowed(composing: Composing) -> None:
    value = read("[" * 100 + "]" * 100, composing)
    for _ in range(99):
        assert isinstance(value, list)
        value = value[0]
    assert value == []


@pytest.mark.parametrize(
    "number", [".inf", "-.INF", "+.Inf", ".NaN", "1e400", "-1e999", "9" * 5000, "0x" + "f" * 5000]
)
def test_a_number_that_json_does_not_have_is_refused(number: str, composing: Composing) -> None:
    with pytest.raises(SyntaxFileError) as caught:
        read(f"a: 1\nb: {number}", composing)
    assert str(caught.value.location) == "f.yaml:2:4"


@pytest.mark.parametrize(
    "tag",
    [
        "!!binary aGk=",
        "!!timestamp 2024-01-01",
        "!mine x",
        "!!set {a}",
        "!!omap []",
        "!!int x",
        "! 12",
        "&a ! x",
        '! "12"',
        "!",
    ],
)
def test_other_tags_than_the_core_ones_are_refused(tag: str, composing: Composing) -> None:
    with pytest.raises(SyntaxFileError, match="tag"):
        read(f"a: {tag}", composing)


@pytest.mark.parametrize("char", ["\x00", "\x07", "\x7f", "\x9f", "\ufeff", "\ufffe"])
def test_an_invisible_character_is_refused_at_its_place(char: str, composing: Composing) -> None:
    with pytest.raises(SyntaxFileError, match=f"U\\+{ord(char):04X}") as caught:
        read(f"a: 1\nb: x{char}", composing)
    assert str(caught.value.location) == "f.yaml:2:5"


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n"])
def test_an_empty_file_is_null(text: str, composing: Composing) -> None:
    assert read(text, composing) is None


@pytest.mark.parametrize(
    "text",
    [
        "content: {{ x }}",
        "- {{ x }}",
        "[{{ x }}]",
        "{{ x }}: 1",
        "{a: {{ x }}}",
        "{a: b {{ x }}}",
        "a: {{ x }} b",
        "a: {{ x | upper }}",
        "a: {{ x }}: b",
        "a:\n  {{ x }}\n  {{ y }}",
    ],
)
def test_an_unquoted_template_is_named(text: str, composing: Composing) -> None:
    with pytest.raises(SyntaxFileError, match=r"^f.yaml:\d+:\d+: \{\{ [xy].*is not in quotes.*quote"):
        read(text, composing)


@pytest.mark.parametrize("text", ['a: "{{ x }}" b', 'a: "{{ x }}', 'a: b: "{{ x }}"', "{a: 1}: '{{ x }}'"])
def test_a_quoted_template_is_not_blamed(text: str, composing: Composing) -> None:
    with pytest.raises(SyntaxFileError) as caught:
        read(text, composing)
    assert "is not in quotes" not in caught.value.message


@pytest.mark.parametrize("text", ["@x", "`x`", "%x", "? x"])
def test_a_text_that_needs_its_quotes_is_told_so(text: str, composing: Composing) -> None:
    with pytest.raises(
        SyntaxFileError, match=re.escape(f"a string cannot begin with {text[0]} unless it is quoted")
    ):
        read(f"key: {text}", composing)


@pytest.mark.parametrize("composing", [compose_c or compose_python, compose_python])
@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"\ud83d\ude00"', "\U0001f600"),
        (r'{"\uD83D\uDE00": "a\ud83d\ude00b\ud83d\ude00"}', {"\U0001f600": "a\U0001f600b\U0001f600"}),
        (r"'\ud83d\ude00'", r"\ud83d\ude00"),
        (r"a\ud83d\ude00", r"a\ud83d\ude00"),
    ],
)
def test_two_halves_in_double_quotes_are_one_character_as_in_json(text, value, composing):
    assert read(text, composing) == value


@pytest.mark.parametrize("composing", [compose_c or compose_python, compose_python])
@pytest.mark.parametrize(
    ("text", "column"),
    [(r'"a\ud83d"', 3), (r'"\ude00\ud83d"', 2), (r'"\ud83d\ude00 \ud83d"', 15), (r'"\ud83d\U0000DE00"', 2)],
)
def test_a_half_without_its_other_half_is_refused_at_its_place(text, column, composing):
    with pytest.raises(SyntaxFileError, match=rf":1:{column}: .* is half a character"):
        read(text, composing)


@given(json_values(st.text()))
@example({"a": "\u2028", "\x85": "\ue000"})
@settings(max_examples=120)
def test_json_is_yaml_and_means_the_same(value: Json) -> None:
    # YAML writes characters as they are: no \u escapes in halves, and DEL and the C1 controls escaped.
    text = "".join(
        f"\\u{ord(char):04x}" if char in "\x7f\ufeff\ufffe\uffff" or "\x80" <= char < "\xa0" else char
        for char in json.dumps(value, ensure_ascii=False)
    )
    assert json.dumps(read(text)) == json.dumps(value)


# PyYAML writes the line breaks of YAML 1.1 as such.
_PLAIN_LINES = st.text(st.characters(codec="utf-8", exclude_characters="\x85\u2028\u2029"))


@pytest.mark.slow
@given(json_values(_PLAIN_LINES), st.sampled_from(["|", '"', "'", ">", None]), st.booleans())
@settings(max_examples=120)
def test_what_pyyaml_writes_loads_back_equal(value: Json, style: str | None, flow: bool) -> None:
    text = yaml.dump(
        value,
        Dumper=_CoreDumper,
        default_style=style,
        default_flow_style=flow,
        allow_unicode=True,
        sort_keys=False,
    )
    assert json.dumps(read(text)) == json.dumps(value)


class _CoreDumper(yaml.SafeDumper):
    """Texts and floats always quoted or tagged, because PyYAML quotes by the rules of YAML 1.1."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=dumper.default_style or '"')


def _float(dumper: yaml.SafeDumper, number: float) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:float", repr(number))


_CoreDumper.add_representer(str, _text)
_CoreDumper.add_representer(float, _float)

_PIECES = [*"ab1:-?[]{},&*!|>'\"%@`#\\ \n\t.<~=ux", "{{", "}}", "---", "\n  ", ": ", "- "]
yaml_like = st.lists(st.sampled_from(_PIECES), max_size=30).map("".join)


def _is_json(value: object) -> bool:
    if isinstance(value, dict):
        return type(value) is dict and all(type(key) is str and _is_json(item) for key, item in value.items())
    if isinstance(value, list):
        return type(value) is list and all(map(_is_json, value))
    if type(value) is float:
        return math.isfinite(value)
    return value is None or type(value) in (bool, int, str)


@given(st.text() | yaml_like)
@settings(max_examples=250)
def test_any_text_is_json_values_or_an_error_with_a_line(text: str) -> None:
    try:
        value = read(text)
    except FileError as error:
        location = error.location
        assert location is not None
        assert location.line is not None
        assert location.column is not None
        assert 1 <= location.line <= text.count("\n") + 1
        assert 1 <= location.column <= len(text) + 1
        assert error.hint
        assert not any(word in str(error) for word in ("token", "scalar", "constructor", "node", "<block"))
    else:
        assert _is_json(value)


@given(yaml_like)
@settings(max_examples=200)
@pytest.mark.skipif(compose_c is None, reason="PyYAML was built without libyaml")
def test_what_both_parsers_accept_they_read_alike(text: str) -> None:
    found: list[str] = []
    for composing in (compose_c, compose_python):
        try:
            found.append(json.dumps(read(text, composing)))
        except FileError:
            return
    assert found[0] == found[1]


@pytest.mark.slow
def test_strictness_costs_no_time_against_pyyaml() -> None:
    if compose_c is None:
        pytest.skip("PyYAML was built without libyaml")
    case = '  - id: case-{}\n    vars: {{ticket: "I want my money back {}", lang: en}}\n    assert: [{{type: equals, path: $.category, value: refund}}]\n'
    text = "tests:\n" + "".join(case.format(i, i) for i in range(400))

    def seconds(load: object) -> float:
        start = time.process_time()
        assert callable(load)
        load()
        return time.process_time() - start

    ours = min(seconds(lambda: read(text)) for _ in range(3))
    theirs = min(seconds(lambda: yaml.load(text, yaml.CSafeLoader)) for _ in range(3))
    assert ours < 1.5 * theirs


FOREIGN = sorted((conformance.HERE / "formats").glob("*/*.y*ml"))
FOREIGN += [
    path
    for folder in ("dotprompt-conformance", "github-prompt-yml", "promptflow", "semantic-kernel")
    for path in conformance.recorded(f"formats/{folder}", ".yaml", ".yml")
]


def test_there_are_files_in_the_style_of_other_tools() -> None:
    assert len(FOREIGN) >= 5


@pytest.mark.parametrize("path", FOREIGN, ids=lambda path: path.name)
def test_files_of_other_tools_load(path: Path) -> None:
    read(decode(path.read_bytes(), path.name))
