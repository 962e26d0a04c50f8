"""The fast reader of snapshots never differs from the YAML reader, and errors are reported with their line."""

from __future__ import annotations

import pytest

from runner.errors import FileError, FormatError
from runner.regress.snapshots.reader import ConflictError, read_snapshot, snapshot_request
from runner.regress.snapshots.snapshot import Snapshot, Variation
from runner.regress.snapshots.writer import write_snapshot

ONE = "sha256:" + "11" * 32
TWO = "sha256:" + "22" * 32
HEAD = f"runner_snapshot: 1\nrequest: {ONE}\n"


def test_a_conflict_names_both_requests() -> None:
    text = (
        f"runner_snapshot: 1\n<<<<<<< HEAD\nrequest: {ONE}\n=======\nrequest: {TWO}\n>>>>>>> b\noutput: x\n"
    )
    with pytest.raises(ConflictError, match=rf"s\.yaml:2: a merge conflict between {ONE} and {TWO}"):
        read_snapshot(text, "s.yaml")


def test_a_conflict_in_a_windows_checkout_is_one_too() -> None:
    text = (
        f"runner_snapshot: 1\r\n<<<<<<< HEAD\r\nrequest: {ONE}\r\n=======\r\nrequest: {TWO}\r\n>>>>>>> b\r\n"
    )
    with pytest.raises(ConflictError, match=f"between {ONE} and {TWO}"):
        read_snapshot(text, "s.yaml")


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ("output: x\nmodel: 5\n", "s:4:1: model must be a string"),
        ("output: x\nparts:\n  messages: 12345678\n", "s:5:3: messages must be a string: put it in quotes"),
        ("output: x\nparts: {message: a}\n", 's:4:9: unknown part "message"'),
        ("output: x\nsamples: true\n", "s:4:1: samples must be a number"),
        ("output: x\nsamples: 0\n", "s:4:1: samples must be at least 1"),
        ("output: x\nsamples: 2\nvariants:\n  - count: 2\n    output: y\n", "s:6:5: the counts must be part"),
        ("output: x\nsamples: 2\nvariants:\n  - count: 1\n", "s:6:5: a variant has a count and an output"),
        ("output: x\nunstable: [1]\n", "s:4:12: a path must be a string"),
        ("output: x\ntool_calls: none\n", "s:4:1: tool_calls must be a list"),
        ("output:\n  a: 1\n  a: 2\n", "s:5:3: the key \"a\" appears twice"),
        ("output: " + "[" * 120 + "]" * 120 + "\n", "levels deep"),
        ("output: &a [1]\nunstable: [*a, *a]\n", "a path must be a string"),
    ],
)  # fmt: skip
def test_what_is_off_is_told_with_its_line(rest: str, said: str) -> None:
    with pytest.raises(FileError) as caught:
        read_snapshot(HEAD + rest, "s")
    assert said in str(caught.value)


def test_a_newer_version_is_not_called_an_edit() -> None:
    with pytest.raises(
        FormatError,
        match=r"was written by a newer runner \(format 4; this one reads up to 3\): upgrade runner",
    ):
        read_snapshot(f"runner_snapshot: 4\nrequest: {ONE}\noutput: x\n", "s")


def test_a_bomb_of_aliases_is_refused() -> None:
    lines = "".join(f"  - &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))
    with pytest.raises(FileError, match="once its aliases are expanded"):
        read_snapshot(f"{HEAD}output:\n  - &a0 [1]\n{lines}", "s")


def test_samples_come_back_with_their_agreement() -> None:
    snapshot = Snapshot(
        ONE, {}, "a", samples=5, variants=(Variation(1, "b"), Variation(1, None)), unstable=("$",)
    )
    found = read_snapshot(write_snapshot(snapshot), "s")
    assert (found, found.agreement) == (snapshot, 3)


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        (write_snapshot(Snapshot(ONE, {}, f"request: {TWO}\nrequest: {TWO}")), ONE),
        (f"runner_snapshot: 1\r\nrequest: {ONE}\r\noutput: x\r\n", ONE),
        (f"<<<<<<< a\nrequest: {ONE}\n=======\nrequest: {TWO}\n>>>>>>> b\n", None),
        ("runner_snapshot: 1\nrequest: sha256:11\n", None),
        ("", None),
    ],
    ids=["ours", "windows", "conflict", "cut", "empty"],
)
def test_the_fingerprint_is_found_without_reading_the_rest(text: str, request_: str | None) -> None:
    assert snapshot_request(text.encode()) == request_
