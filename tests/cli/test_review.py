"""`runner review` on a real terminal, and off one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from runner.regress.pending import load_pending, save_pending
from runner.regress.results import FieldChange, Kind, PendingEntry
from runner.regress.snapshots.snapshot import Snapshot
from runner.regress.snapshots.store import SnapshotStore
from runner.regress.snapshots.writer import write_snapshot

from .project import ProjectFolder

if sys.platform == "win32":
    pytest.skip("needs a pseudo terminal", allow_module_level=True)

from .terminal import Terminal

PROMPT = """\
name: triage
model: gpt-test
messages: [{role: user, content: Hello}]
tests:
  - {id: refund, vars: {}}
regression:
  # what may wobble
  rules:
    - {path: $.confidence, compare: number, abs: 0.05} # measured
"""
CTRL_C = "\x03"
LABEL = FieldChange("$.label", "refund", "other", "exact", equal=False)
COUNT = FieldChange("$.count", 3, 5, "exact", equal=False)
CLOSE = FieldChange("$.confidence", 0.92, 0.9, "number abs 0.05", equal=True, note="differs by 0.02")


def snapshot(digit: str, output: Any) -> Snapshot:
    return Snapshot(
        f"sha256:{digit * 64}", {"messages": digit * 8, "params": "0" * 8, "schema": "0" * 8}, output
    )


def wait(project: ProjectFolder, case: str, kind: Kind = "changed", **changes: Any) -> None:
    """Let an answer of a case wait for approval, compared with an approved one unless it is new."""
    file = f"prompts/__snapshots__/triage/{case}.snap.yaml"
    if kind != "new":
        project.write(
            file, write_snapshot(snapshot("a", {"label": "refund", "confidence": 0.92, "count": 3}))
        )
    entry = PendingEntry(
        kind,
        "triage",
        "prompts/triage.prompt.yaml",
        case,
        None,
        file,
        snapshot("b", {"label": "other", "confidence": 0.9, "count": 5}),
        fields=() if kind == "new" else (LABEL, CLOSE, COUNT),
        against=SnapshotStore(project.folder).digest(file),
    )
    save_pending(project.folder, entry)


@pytest.fixture
def waiting(project: ProjectFolder) -> ProjectFolder:
    project.write("runner.yaml", "version: 1\n")
    project.write("prompts/triage.prompt.yaml", PROMPT)
    for case in ("first", "second", "third"):
        wait(project, case)
    return project


def pending(project: ProjectFolder) -> list[str]:
    return [entry.case for entry in load_pending(project.folder)]


def everything(project: ProjectFolder) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(project.folder.rglob("*")) if path.is_file()}


def approved(project: ProjectFolder, case: str) -> str:
    return (project.folder / f"prompts/__snapshots__/triage/{case}.snap.yaml").read_text()


def test_one_key_accepts_rejects_or_skips(waiting: ProjectFolder) -> None:
    with Terminal(waiting, "review") as terminal:
        assert "1/3  changed  triage/first" in terminal.press()
        assert "3/3  changed  triage/third" in terminal.press("a", "r")
        terminal.press("s")
        assert terminal.end() == 0
    assert "label: other" in approved(waiting, "first")
    assert "label: refund" in approved(waiting, "second")
    assert pending(waiting) == ["third"]


def test_a_capital_decides_all_that_are_left(waiting: ProjectFolder) -> None:
    with Terminal(waiting, "review") as terminal:
        terminal.press("r", "A")
        assert terminal.end() == 0
    assert "label: refund" in approved(waiting, "first")
    assert "label: other" in approved(waiting, "third")
    assert pending(waiting) == []


def test_ctrl_c_leaves_everything_as_it_was(waiting: ProjectFolder) -> None:
    before = everything(waiting)
    with Terminal(waiting, "review") as terminal:
        terminal.press("a", "j", "j", "e", "r", CTRL_C)
        assert terminal.end() == 130
        assert terminal.text.rindex("\x1b[?1049l") > terminal.text.rindex("\x1b[?1049h")
    assert everything(waiting) == before


def test_enter_decides_nothing_and_q_leaves(waiting: ProjectFolder) -> None:
    with Terminal(waiting, "review") as terminal:
        assert "1/3" in terminal.press("\r", " ")
        terminal.press("q")
        assert terminal.end() == 0
    assert len(pending(waiting)) == 3


def test_the_table_the_diff_and_the_origin_are_shown(waiting: ProjectFolder) -> None:
    with Terminal(waiting, "review", "first") as terminal:
        table = terminal.press("j", "\x1b[B", "k")
        assert "request changed: messages" in table
        assert "> $.confidence  0.92      0.9      number abs 0.05  allowed: differs by 0.02" in table
        diff = terminal.press("d")
        assert "-  label: refund" in diff
        assert "+  label: other" in diff
        assert "sha256:bbbb" in terminal.press("i")


def test_a_rule_goes_into_the_prompt_and_keeps_every_comment(waiting: ProjectFolder) -> None:
    with Terminal(waiting, "review", "first") as terminal:
        said = terminal.press("j", "j", "e")
        assert "{path: $.count, compare: number, abs: 3}" in said
        terminal.press("s")
        assert terminal.end() == 0
    text = (waiting.folder / "prompts/triage.prompt.yaml").read_text()
    assert text == PROMPT + "    - {path: $.count, compare: number, abs: 3}\n"


def test_a_rule_that_cannot_be_written_safely_is_shown_to_paste(waiting: ProjectFolder) -> None:
    text = PROMPT.replace("rules:", "rules: &shared").replace("tests:", "x-rules: *shared\ntests:")
    waiting.write("prompts/triage.prompt.yaml", text)
    with Terminal(waiting, "review", "first") as terminal:
        said = terminal.press("e")
        assert "paste this into its regression.rules" in said
        assert "path: $.label" in said


def test_a_new_answer_is_shown_whole(project: ProjectFolder) -> None:
    project.write("runner.yaml", "version: 1\n")
    wait(project, "fresh", "new")
    with Terminal(project, "review") as terminal:
        assert "label: other" in terminal.press()


def test_an_approved_answer_that_changed_meanwhile_is_not_replaced(waiting: ProjectFolder) -> None:
    with Terminal(waiting, "review", "first", "second") as terminal:
        terminal.press("a")
        waiting.write(
            "prompts/__snapshots__/triage/first.snap.yaml", write_snapshot(snapshot("c", {"label": "third"}))
        )
        terminal.press("a")
        assert terminal.end() == 2
    assert "label: third" in approved(waiting, "first")
    assert "label: other" in approved(waiting, "second")


def test_off_a_terminal_it_prints_the_differences_and_exits_2(waiting: ProjectFolder) -> None:
    before = everything(waiting)
    done = waiting.run("review", "first")
    assert done.code == 2
    assert "$.label" in done.out
    assert "+  label: other" in done.out
    assert "second" not in done.out
    assert "a review needs a terminal" in done.err
    assert everything(waiting) == before


def test_nothing_to_review_is_exit_5(waiting: ProjectFolder) -> None:
    assert waiting.run("review", "nope").code == 5
