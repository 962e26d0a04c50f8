from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.checks.jsonpath import parse
from runner.errors import FormatError, Problems
from runner.files.disk.tree import MemoryTree
from runner.files.model import Project
from runner.files.prompt import load_prompt
from runner.regress.rules.path_automaton import automaton_of
from runner.regress.rules.rules import compile_rules

from .support import HEAD, compiled


def test_without_a_regression_block_one_sample_is_compared_exactly():
    rules = compiled()
    assert (rules.samples, rules.passes_needed(1), rules.default, rules.rules) == (1, None, "exact", ())


@pytest.mark.parametrize(("declared", "needed"), [("2", 2), ("2/3", 2), ("1/2", 2), ("3/3", 3), ("4/5", 3)])
def test_min_pass_is_a_number_or_a_share_of_the_samples(declared, needed):
    assert compiled(samples=3, min_pass=declared).passes_needed(3) == needed


def test_min_pass_keeps_its_share_when_a_run_takes_another_number_of_samples():
    assert compiled(samples=3, min_pass=2).passes_needed(5) == 4


RULES = {
    "{path: $.a, ignore: true}": "$.a ignore",
    "{path: $.a, compare: exact}": "$.a exact",
    "{path: $.a, compare: text}": "$.a text unicode whitespace",
    "{path: $.a, compare: text, normalise: [case, markdown]}": "$.a text case markdown",
    "{path: $.a, compare: number, abs: 0.05}": "$.a number abs 0.05",
    "{path: $.a, compare: number, rel: 0.01, abs: 1}": "$.a number abs 1 rel 0.01",
    "{path: $.a, compare: set}": "$.a set",
    "{path: $.a, compare: unordered}": "$.a unordered",
    "{path: $.a, compare: keyed, key: sku}": "$.a keyed sku",
    "{path: $.a, compare: regex, pattern: '\\d+'}": "$.a regex \\d+",
    "{path: $.a, compare: seen}": "$.a seen",
    "{path: $.a, compare: similar, min: 0.85}": "$.a similar lexical 0.85",
    "{path: $.a, compare: similar, min: 0.85, with: lexical}": "$.a similar lexical 0.85",
    "{path: /a/0, presence: optional}": "/a/0 presence optional",
    '{path: "$.a[*]", compare: seen, presence: optional}': "$.a[*] seen presence optional",
    "{path: $..a, length: {abs: 2}}": "$..a length abs 2",
}


@pytest.mark.parametrize(("rule", "name"), RULES.items(), ids=RULES.values())
def test_every_kind_of_rule_is_called_by_its_path_and_what_it_does(rule, name):
    assert [each.name for each in compiled(rule).rules] == [name]


WRONG = {
    "path": (
        "{path: '$.a[?b]', ignore: true}",
        'p.prompt.yaml:5:14: regression.rules[0]: "$.a[?b]" is not a path: column 5: filters are not supported in paths',
    ),
    "regex": (
        "{path: $.a, compare: regex, pattern: '('}",
        'p.prompt.yaml:5:44: regression.rules[0]: "(" is not a regular expression: missing ), unterminated subpattern at position 0',
    ),
    "no limit": (
        "{path: $.a, compare: number}",
        "p.prompt.yaml:5:7: regression.rules[0]: number needs abs or rel (e.g. abs: 0.05, or rel: 0.01 for 1 %)",
    ),
    "nothing": (
        "{path: $.a}",
        "p.prompt.yaml:5:7: regression.rules[0]: the rule has no effect (give it compare, ignore, presence or length)",
    ),
    "unknown compare": (
        "{path: $.a, compare: numbr}",
        'p.prompt.yaml:5:28: regression.rules[0].compare must be "exact", "text", "number", "set", "unordered", "keyed", "regex", "seen" or "similar", not "numbr" (did you mean "number"?)',
    ),
    "judge": (
        "{path: $.a, compare: judge}",
        'p.prompt.yaml:5:28: regression.rules[0].compare must be "exact", "text", "number", "set", "unordered", "keyed", "regex", "seen" or "similar", not "judge" (rules call no model, so that a test needs no key; `similar` compares texts offline)',
    ),
    "embedding": (
        "{path: $.a, compare: similar, min: 0.8, with: embedding}",
        'p.prompt.yaml:5:53: regression.rules[0].with must be "lexical", not "embedding" (rules call no model, so that a test needs no key; `lexical` compares texts offline)',
    ),
    "odd parameter": (
        "{path: $.a, compare: set, abs: 1}",
        'p.prompt.yaml:5:33: unknown key "abs" in regression.rules[0] (known here: path, compare, presence)',
    ),
    "parameter without compare": (
        "{path: $.a, abs: 1}",
        'p.prompt.yaml:5:19: unknown key "abs" in regression.rules[0] (known here: path, compare, presence, length)',
    ),
    "ignore with more": (
        "{path: $.a, ignore: true, presence: optional}",
        'p.prompt.yaml:5:33: unknown key "presence" in regression.rules[0] (known here: path, ignore)',
    ),
    "missing key": (
        "{path: $.a, compare: keyed}",
        'p.prompt.yaml:5:7: regression.rules[0] needs "key"',
    ),
    "missing min": (
        "{path: $.a, compare: similar}",
        'p.prompt.yaml:5:7: regression.rules[0] needs "min"',
    ),
    "normaliser": (
        "{path: $.a, compare: text, normalise: [whitespce]}",
        'p.prompt.yaml:5:46: regression.rules[0].normalise[0] must be "whitespace", "case", "punctuation", "unicode" or "markdown", not "whitespce" (did you mean "whitespace"?)',
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rule", "message"), WRONG.values(), ids=WRONG)
def test_a_rule_that_cannot_be_meant_is_refused_at_its_line(rule, message):
    with pytest.raises(FormatError) as caught:
        compiled(rule)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("samples", "min_pass", "message"),
    [
        (1, "2", "regression.min_pass: 2 of 1 is more than the number of samples (samples is 1)"),
        (3, "4/3", "regression.min_pass: 4/3 is more than the number of samples (samples is 3)"),
    ],
)
def test_more_passes_than_samples_are_refused(samples, min_pass, message):
    with pytest.raises(FormatError) as caught:
        compiled(samples=samples, min_pass=min_pass)
    assert str(caught.value) == f"p.prompt.yaml:5:13: {message}"


def test_all_mistakes_are_told_together():
    with pytest.raises(Problems) as caught:
        compiled("{path: $.a}", "{path: a, ignore: true}")
    assert len(caught.value.errors) == 2


# --- precedence -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weaker", "stronger", "place"),
    [
        ("$..price", "$.items[*].price", ("items", 0, "price")),
        ("$.items[*].price", "$.items[0].price", ("items", 0, "price")),
        ("$.items[*]", "$.items[-1]", ("items", 1)),
        ("$.*", "$.a", ("a",)),
        ("$..*", "$..a", ("x", "a")),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_the_more_specific_path_decides_wherever_it_stands(weaker, stronger, place, turned):
    written = [stronger, weaker] if turned else [weaker, stronger]
    assert deciding(written, place, length=2) == stronger


def test_of_equally_specific_paths_the_later_one_decides():
    assert deciding(["$.a[*]", "$['a'].*"], ("a", 0)) == "$['a'].*"


def deciding(paths, place, length=None):
    here = automaton_of([parse(path) for path in paths])
    for step in place:
        here = here.follow(step, length if isinstance(step, int) else None)
    return paths[here.selecting[0]]


selectors = st.sampled_from([".a", ".b", "[*]", "[0]", "[-1]", "..a", "..*", "..[1]", "['0']"])
paths = st.lists(selectors, max_size=4).map(lambda parts: "$" + "".join(parts)) | st.sampled_from(
    ["/a/0", "/0"]
)
places = st.lists(st.sampled_from(["a", "b", "0", 0, 1, 2]), max_size=5)


@given(st.lists(paths, max_size=4), places)
def test_following_many_paths_at_once_finds_what_asking_each_finds(texts, place):
    here = automaton_of([parse(text) for text in texts])
    value = built(place)
    for step in place:
        here = here.follow(step, 3 if isinstance(step, int) else None)
    found = [{selected for selected, _ in parse(text).find(value)} for text in texts]
    expected = {index for index, each in enumerate(found) if tuple(place) in each}
    assert set(here.selecting) == expected


def built(place):
    value = None
    for step in reversed(place):
        value = {step: value} if isinstance(step, str) else [value if at == step else None for at in range(3)]
    return value


def test_the_documented_rules_are_rules():
    page = (Path(__file__).parents[2] / "docs" / "regression-rules.md").read_text(encoding="utf-8")
    block = page.split("```yaml\nregression:\n")[1].split("```")[0]
    data = f"{HEAD}regression:\n{block}".encode()
    prompt = load_prompt("p.prompt.yaml", MemoryTree({"p.prompt.yaml": data}))
    assert len(compile_rules(prompt, Project("/")).rules) == 11
