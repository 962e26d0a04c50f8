"""`runner explain`: one case with its question, its answers, and which rule decides each field."""

from __future__ import annotations

import sys

import pytest

from runner.regress.pending_answers import save_pending
from runner.regress.results import FieldChange, PendingEntry
from runner.regress.snapshots.snapshot import Snapshot
from runner.regress.snapshots.store import SnapshotStore
from runner.regress.snapshots.writer import write_snapshot
from tests.golden_files import assert_golden

from .project import ProjectFolder

PROMPT = """\
name: letter
model: gpt-test
inputs: {letter: {type: string}}
messages:
  - {role: system, content: Answer the letter politely.}
  - {role: user, content: "{{ letter }}"}
tests:
  - {id: refund, vars: {letter: Where is my refund?}}
"""
FILE = "prompts/__snapshots__/letter/refund.snap.yaml"
ANSWER = (
    "Dear customer, thank you very much for your message of last Monday, which we have read with great attention and "
    "care. We will {}pay your refund within ten working days."
)


def snapshot(text: str) -> Snapshot:
    return Snapshot(
        "sha256:" + "a" * 64, {"messages": "0" * 8, "params": "0" * 8, "schema": "0" * 8}, ANSWER.format(text)
    )


@pytest.fixture
def letters(project: ProjectFolder) -> ProjectFolder:
    project.write("runner.yaml", "version: 1\n")
    project.write("prompts/letter.prompt.yaml", PROMPT)
    project.write(FILE, write_snapshot(snapshot("")))
    return project


@pytest.fixture
def waiting(letters: ProjectFolder) -> ProjectFolder:
    change = FieldChange("$", ANSWER.format(""), ANSWER.format("not "), "exact", equal=False)
    against = SnapshotStore(letters.folder).digest(FILE)
    entry = PendingEntry(
        "changed", "letter", "prompts/letter.prompt.yaml", "refund", None, FILE, snapshot("not "),
        fields=(change,), against=against,
    )  # fmt: skip
    save_pending(letters.folder, entry)
    return letters


def test_the_question_and_the_whole_approved_answer_are_shown(letters: ProjectFolder) -> None:
    out = letters.run("explain", "refund").out
    assert "      Answer the letter politely." in out
    assert "    letter: Where is my refund?" in out
    assert f"   output: {ANSWER.format('')}" in out
    assert "stale: messages, params, schema changed since it was approved" in out


def test_a_pending_answer_is_shown_as_a_diff(waiting: ProjectFolder) -> None:
    lines = waiting.run("explain", "refund").out.splitlines()
    new = next(number for number, line in enumerate(lines) if line.startswith("  +output"))
    assert lines[new][lines[new + 1].index("^") :].startswith("not pay")
    assert "  pending   changed: runner review, accept or reject" in lines


def test_a_case_without_an_answer_shows_its_question(letters: ProjectFolder) -> None:
    (letters.folder / FILE).unlink()
    out = letters.run("explain", "refund").out
    assert "status    missing: nothing is approved yet" in out
    assert "Where is my refund?" in out


def test_a_merge_conflict_is_a_status(letters: ProjectFolder) -> None:
    letters.write(FILE, "<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> other\n")
    done = letters.run("explain", "refund")
    assert done.code == 0
    assert "status    conflict: the snapshot has a merge conflict" in done.out


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
@pytest.mark.parametrize(("columns", "lines"), [("80", "24"), ("120", "40")])
def test_the_text_on_a_terminal(waiting: ProjectFolder, columns: str, lines: str) -> None:
    from .terminal import Terminal

    env = {"COLUMNS": columns, "LINES": lines, "PAGER": "cat"}
    with Terminal(waiting, "explain", "refund", env=env) as terminal:
        assert terminal.end() == 0
        assert all(len(line) < int(columns) for line in terminal.screen.splitlines())
        assert_golden(f"review/explain-{columns}x{lines}.txt", terminal.screen)
