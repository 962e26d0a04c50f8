"""Snapshots as text: every JSON value comes back, in every YAML, by either of our readers, and diffs stay line-wise."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from runner.documents.yaml_reader import parse_yaml
from runner.errors import FormatError, SyntaxFileError
from runner.regress.snapshots.reader import ConflictError, read_snapshot
from runner.regress.snapshots.snapshot import Snapshot, Variation, is_snapshot_file, snapshot_file
from runner.regress.snapshots.writer import emit, write_snapshot

REQUEST = "sha256:" + "ab" * 32
FULL = Snapshot(
    REQUEST,
    {"messages": "1f3a9c02", "params": "77ab01de", "schema": "c2d49a10"},
    {"label": "refund", "summary": "The customer asks for a refund.\nIt came nine days late.", "score": 0.92},
    model="gpt-5-mini-2026-04-14",
    finish_reason="end_turn",
    samples=5,
    variants=(Variation(1, {"label": "exchange", "summary": "", "score": 1}),),
    unstable=("$.summary",),
)

WORDS = [
    "yes", "no", "null", "~", "1e3", "0o7", "0x1f", "2024-01-01", "12:30", "on", "<<", "=", "<<<<<<< a", "=======",
    "- a", "a: b", "a #b", "? x", "> x", "true", "NaN", ".inf", "", "  lead", "trail ", "\n", "a\n", "a\n\n", "\n\na",
    "a\n  b\n", "\ta\nb", "a \nb", "1_000", "-", "--- ", "...", "%a", "http://a/b?c=d#e", 'say "hi"', "it's", "{a}",
    "[b]", "a\\b", "é\u2028x", "\x85", "\x00", "😀", "\ufeff", "\U000e0001", "line\r\nline", "=======\n>>>>>>> b",
]  # fmt: skip
CHARACTERS = "abz AZ09_-:#'\"\\{}[],&*?|<>=!%@`~.\n\t \ré\x7fß"


def structures(seed: int) -> Any:
    """An endless supply of nasty JSON values, the same for the same seed."""
    chance = random.Random(seed)

    def text() -> str:
        kind = chance.random()
        if kind < 0.3:
            return chance.choice(WORDS)
        if kind < 0.5:
            return "\n".join(chance.choice(WORDS) for _ in range(chance.randint(1, 4)))
        return "".join(chance.choice(CHARACTERS) for _ in range(chance.randint(0, 20)))

    def value(depth: int) -> Any:
        kind = chance.random()
        if depth == 0 or kind < 0.5:
            numbers = [0, -1, 10**20, 1.5, 1e-7, 1e22, -0.0, 5e-324, 123456.789, chance.random()]
            return chance.choice([None, True, False, chance.choice(numbers), text(), text(), text()])
        if kind < 0.75:
            return [value(depth - 1) for _ in range(chance.randint(0, 4))]
        keys = (text() if chance.random() < 0.9 else "k" * 1200 for _ in range(chance.randint(0, 4)))
        return {key: value(depth - 1) for key in keys}

    while True:
        yield value(4)


def same(one: Any, other: Any) -> bool:
    """Equal, of the same types, with keys in the same order and zeros of the same sign."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) and (
        not isinstance(one, float) or math.copysign(1, one) == math.copysign(1, other)
    )


def text_of(value: Any) -> str:
    return "".join(f"{line}\n" for line in emit({"output": value}))


@pytest.mark.slow
def test_twenty_thousand_structures_come_back_from_every_reader() -> None:
    supply = structures(seed=7)
    for number in range(20_000):
        value = {"output": next(supply)}
        text = text_of(value["output"])
        assert same(yaml.load(text, yaml.CSafeLoader), value), text
        assert same(parse_yaml(text, "x").value, value), text
        if number % 40 == 0:
            assert same(yaml.load(text, yaml.SafeLoader), value), text


JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(JSON_VALUES)
def test_any_json_value_comes_back(value: Any) -> None:
    text = text_of(value)
    assert same(parse_yaml(text, "x").value, {"output": value})
    assert text_of(value) == text


@given(st.text())
def test_nothing_of_an_answer_stands_in_column_0(text: str) -> None:
    written = write_snapshot(Snapshot(REQUEST, {}, {"a": text, text: "x"}))
    keys = {"runner_snapshot", "request", "output"}
    assert {line.partition(":")[0] for line in written.split("\n") if line and line[0] != " "} == keys


def test_a_snapshot_reads_as_a_person_would_write_it() -> None:
    assert write_snapshot(FULL) == (
        f"runner_snapshot: 1\nrequest: {REQUEST}\n"
        'parts:\n  messages: "1f3a9c02"\n  params: "77ab01de"\n  schema: c2d49a10\n'
        "model: gpt-5-mini-2026-04-14\nfinish_reason: end_turn\n"
        "output:\n  label: refund\n  summary: |-\n    The customer asks for a refund.\n    It came nine days late.\n"
        "  score: 0.92\nsamples: 5\nvariants:\n  - count: 1\n    output:\n      label: exchange\n"
        '      summary: ""\n      score: 1\nunstable:\n  - "$.summary"\n'
    )


def test_a_snapshot_comes_back() -> None:
    assert read_snapshot(write_snapshot(FULL), "x") == FULL


def test_absent_is_default() -> None:
    bare = Snapshot(REQUEST, {}, "text")
    assert write_snapshot(bare) == f"runner_snapshot: 1\nrequest: {REQUEST}\noutput: text\n"
    assert read_snapshot(write_snapshot(bare), "x") == bare


def test_a_changed_line_of_text_changes_one_line_of_the_file() -> None:
    before = write_snapshot(Snapshot(REQUEST, {}, "one\ntwo\x00\nthree")).splitlines()
    after = write_snapshot(Snapshot(REQUEST, {}, "one\nTWO\x00\nthree")).splitlines()
    assert sum(old != new for old, new in zip(before, after, strict=True)) == 1


def test_a_file_edited_by_hand_is_read_as_yaml() -> None:
    text = f'# a remark\nrunner_snapshot: 1\n"request": "{REQUEST}"\noutput: {{a: [1, "b"]}}\n'
    assert read_snapshot(text, "x").output == {"a": [1, "b"]}


@pytest.mark.parametrize("marker", ["<<<<<<< HEAD", "=======", ">>>>>>> theirs", "||||||| base"])
def test_a_conflict_marker_in_column_0_is_a_conflict(marker: str) -> None:
    with pytest.raises(ConflictError, match=r"s\.yaml:3") as caught:
        read_snapshot(f"runner_snapshot: 1\nrequest: {REQUEST}\n{marker}\noutput: x\n", "s.yaml")
    assert caught.value.exit_code == 4


def test_samples_that_failed_are_counted_in_version_2_alone() -> None:
    with_failed = replace(FULL, failed=2)
    text = write_snapshot(with_failed)
    assert text.startswith("runner_snapshot: 2\n")
    assert read_snapshot(text, "x") == with_failed
    assert write_snapshot(FULL).startswith("runner_snapshot: 1\n")
    with pytest.raises(FormatError, match='unknown key "failed"'):
        read_snapshot(text.replace("runner_snapshot: 2", "runner_snapshot: 1"), "x")


@pytest.mark.parametrize("failed", [-1, 4, 5])
def test_what_failed_is_part_of_the_samples(failed: int) -> None:
    text = write_snapshot(replace(FULL, failed=1)).replace("failed: 1", f"failed: {failed}")
    with pytest.raises(FormatError, match="must be part of the samples"):
        read_snapshot(text, "x")


def test_a_marker_inside_an_answer_is_no_conflict() -> None:
    snapshot = Snapshot(REQUEST, {}, "<<<<<<< HEAD\n=======\n>>>>>>> theirs\n")
    assert read_snapshot(write_snapshot(snapshot), "x") == snapshot


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a snapshot"),
        ("[]\n", "not a snapshot"),
        (f"runner_snapshot: 0\nrequest: {REQUEST}\noutput: x\n", "runner_snapshot"),
        (f"runner_snapshot: 4\nrequest: {REQUEST}\noutput: x\n", "written by a newer runner"),
        (f"runner_snapshot: 1\nrequest: {REQUEST}\n", "output is missing"),
        (f"runner_snapshot: 1\nrequest: {REQUEST}\noutput: x\nlatency: 3\n", 'x:4:1.*unknown key "latency"'),
        ("runner_snapshot: 1\nrequest: sha256:ab\noutput: x\n", "64 hex"),
        (f"runner_snapshot: 1\nrequest: {REQUEST}\noutput: x\nsamples: many\n", "samples"),
        (f"runner_snapshot: 1\nrequest: {REQUEST}\noutput: x\noutput: y\n", "twice"),
        (f"runner_snapshot: 1\nrequest: {REQUEST}\noutput: !!python/object:os.system x\n", "tag"),
        (f"runner_snapshot: 1\nrequest: {REQUEST}\noutput: {'x' * 70_000}\n", "70,"),
    ],
)
def test_what_is_no_snapshot_is_refused(text: str, said: str) -> None:
    with pytest.raises((FormatError, SyntaxFileError), match=said):
        read_snapshot(text, "x")


@pytest.mark.parametrize(
    ("case", "variant", "name"),
    [
        ("refund-late", None, "refund-late"),
        ("refund-late", "gpt-5-mini", "refund-late@gpt-5-mini"),
        ("a", "gpt-5-mini+temperature=0.7", "a@gpt-5-mini+temperature=0.7"),
    ],
)
def test_files_are_named_after_their_cases(case: str, variant: str | None, name: str) -> None:
    assert (
        snapshot_file("prompts/p.prompt.yaml", "p", case, variant)
        == f"prompts/__snapshots__/p/{name}.snap.yaml"
    )


@pytest.mark.parametrize("variant", ["openai/gpt-4o", "Qwen/Qwen3", "a b", "x" * 200, 'stop=["\\n"]', "a."])
def test_a_name_that_no_file_may_have_becomes_a_slug_and_a_hash(variant: str) -> None:
    name = snapshot_file("p.prompt.yaml", "p", "a", variant).rpartition("/")[2]
    assert len(name) <= 80 + len(".snap.yaml")
    assert not set(name) & set('/\\:*?"<>| ')
    assert name != snapshot_file("p.prompt.yaml", "p", "a", variant + "x").rpartition("/")[2]


def test_json_of_the_output_keeps_the_models_order() -> None:
    snapshot = read_snapshot(write_snapshot(Snapshot(REQUEST, {}, {"z": 1, "a": 2})), "x")
    assert json.dumps(snapshot.output) == '{"z": 1, "a": 2}'


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("prompts/__snapshots__/p/a.snap.yaml", True),
        ("__snapshots__/p/a.snap.yaml", True),
        ("../__snapshots__/p/a.snap.yaml", False),
        ("/etc/__snapshots__/p/a.snap.yaml", False),
        ("prompts/__snapshots__/../../a.snap.yaml", False),
        ("prompts/__snapshots__/p/a.yaml", False),
        ("C:/__snapshots__/p/a.snap.yaml", False),
        ("prompts\\__snapshots__\\p\\a.snap.yaml", False),
        ("runner.yaml", False),
    ],
)
def test_only_files_in_snapshot_folders_are_snapshot_files(path: str, is_one: bool) -> None:
    assert is_snapshot_file(path) is is_one
