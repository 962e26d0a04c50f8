"""`runner review` on a real terminal, and off one."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from runner.regress.pending_answers import load_pending, save_pending
from runner.regress.results import FieldChange, PendingEntry, PendingKind
from runner.regress.snapshots.snapshot import Snapshot
from runner.regress.snapshots.store import SnapshotStore
from runner.regress.snapshots.writer import write_snapshot
from tests.golden_files import assert_golden

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


def wait(project: ProjectFolder, case: str, kind: PendingKind = "changed", **changes: Any) -> None:
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


@pytest.mark.slow
def test_one_key_accepts_rejects_or_skips(waiting: ProjectFolder) -> None:
    with Terminal(waiting, "review") as terminal:
        assert "1/3  changed  triage/first" in terminal.press()
        assert "3/3  changed  triage/third" in terminal.press("a", "r")
        terminal.press("s")
        assert terminal.end() == 0
    assert "label: other" in approved(waiting, "first")
    assert "label: refund" in approved(waiting, "second")
    assert pending(waiting) == ["third"]


@pytest.mark.slow
def test_a_capital_decides_all_that_are_left(waiting: ProjectFolder) -> None:
    with Terminal(waiting, "review") as terminal:
        terminal.press("r", "A")
        assert terminal.end() == 0
    assert "label: refund" in approved(waiting, "first")
    assert "label: other" in approved(waiting, "third")
    assert pending(waiting) == []


@pytest.mark.slow
def test_ctrl_c_leaves_everything_as_it_was(waiting: ProjectFolder) -> None:
    before = everything(waiting)
    with Terminal(waiting, "review") as terminal:
        terminal.press("a", "j", "j", "e", "r", CTRL_C)
        assert terminal.end() == 130
        assert terminal.text.rindex("\x1b[?1049l") > terminal.text.rindex("\x1b[?1049h")
    assert everything(waiting) == before


@pytest.mark.slow
def test_enter_decides_nothing_and_q_leaves(waiting: ProjectFolder) -> None:
    with Terminal(waiting, "review") as terminal:
        assert "1/3" in terminal.press("\r", " ")
        terminal.press("q")
        assert terminal.end() == 0
    assert len(pending(waiting)) == 3


@pytest.mark.slow
def test_the_table_the_diff_and_the_origin_are_shown(waiting: ProjectFolder) -> None:
    with Terminal(waiting, "review", "first") as terminal:
        table = terminal.press("j", "\x1b[B", "k")
        assert "request changed: messages" in table
        assert "> $.confidence  0.92      0.9      number abs 0.05  allowed: differs by 0.02" in table
        diff = terminal.press("d")
        assert "-  label: refund" in diff
        assert "+  label: other" in diff
        assert "sha256:bbbb" in terminal.press("i")


@pytest.mark.slow
def test_a_rule_goes_into_the_prompt_and_keeps_every_comment(waiting: ProjectFolder) -> None:
    with Terminal(waiting, "review", "first") as terminal:
        said = terminal.press("j", "j", "e")
        assert "{path: $.count, compare: number, abs: 3}" in said
        terminal.press("s")
        assert terminal.end() == 0
    text = (waiting.folder / "prompts/triage.prompt.yaml").read_text()
    assert text == PROMPT + "    - {path: $.count, compare: number, abs: 3}\n"


@pytest.mark.slow
def test_a_rule_that_cannot_be_written_safely_is_shown_to_paste(waiting: ProjectFolder) -> None:
    text = PROMPT.replace("rules:", "rules: &shared").replace("tests:", "x-rules: *shared\ntests:")
    waiting.write("prompts/triage.prompt.yaml", text)
    with Terminal(waiting, "review", "first") as terminal:
        said = terminal.press("e")
        assert "paste this into its regression.rules" in said
        assert "path: $.label" in said


@pytest.mark.slow
def test_a_new_answer_is_shown_whole(project: ProjectFolder) -> None:
    project.write("runner.yaml", "version: 1\n")
    wait(project, "fresh", "new")
    with Terminal(project, "review") as terminal:
        assert "label: other" in terminal.press()


@pytest.mark.slow
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


def test_a_name_that_matches_nothing_is_exit_5(waiting: ProjectFolder) -> None:
    assert waiting.run("review", "nope").code == 5


@pytest.mark.parametrize("command", [("review",), ("accept", "--all"), ("reject", "--all")], ids=" ".join)
def test_that_nothing_is_pending_is_no_error(project: ProjectFolder, command: tuple[str, ...]) -> None:
    project.write("runner.yaml", "version: 1\n")
    done = project.run(*command)
    assert (done.code, done.out, done.err) == (0, "no answers are pending\n", "")


# --- the whole answer, and what was asked -------------------------------------------------------------------------------

LETTER = """\
name: letter
model: gpt-test
inputs: {letter: {type: string}}
messages:
  - {role: system, content: Answer the letter politely.}
  - {role: user, content: "{{ letter }}"}
tests:
  - {id: long, vars: {letter: Where is my refund?}}
  - {id: paragraph, vars: {letter: When do you pay?}}
  - {id: short, vars: {letter: Hello}}
"""
LINES = [f"Paragraph {number}: we are sorry for item {number} of your list." for number in range(1, 55)]
PARAGRAPH = (
    "Dear customer, thank you very much for your message of last Monday, which we have read with great attention and "
    "care. We will {}pay your refund within ten working days."
)


def propose(project: ProjectFolder, case: str, before: str | None, after: str) -> None:
    """Let a text of a case of the letters be pending."""
    file = f"prompts/__snapshots__/letter/{case}.snap.yaml"
    if before is not None:
        project.write(file, write_snapshot(snapshot("a", before)))
    fields = () if before is None else (FieldChange("$", before, after, "exact", equal=False),)
    entry = PendingEntry(
        "new" if before is None else "changed", "letter", "prompts/letter.prompt.yaml", case, None, file,
        snapshot("b", after), fields=fields, against=SnapshotStore(project.folder).digest(file),
    )  # fmt: skip
    save_pending(project.folder, entry)


@pytest.fixture
def letters(project: ProjectFolder) -> ProjectFolder:
    project.write("runner.yaml", "version: 1\n")
    project.write("prompts/letter.prompt.yaml", LETTER)
    propose(project, "long", "\n".join(LINES), "\n".join(LINES).replace("item 40", "item 41"))
    propose(project, "paragraph", PARAGRAPH.format(""), PARAGRAPH.format("not "))
    propose(project, "short", None, "Good morning!")
    return project


SIZES = {"80x24": {"COLUMNS": "80", "LINES": "24"}, "120x40": {"COLUMNS": "120", "LINES": "40"}}
SCREENS: dict[str, tuple[str, ...]] = {
    "long": (),
    "long-end": ("G",),
    "long-diff": ("d",),
    "long-refused": ("a",),
    "paragraph": ("s",),
    "new": ("ss",),
    "help": ("?",),
    "info": ("i",),
}


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("screen", SCREENS)
def test_the_screen(letters: ProjectFolder, screen: str, size: str) -> None:
    with Terminal(letters, "review", env=SIZES[size]) as terminal:
        terminal.press()
        for keys in SCREENS[screen]:
            terminal.press(*keys)
        lines = terminal.screen.split("\n")
    height, width = int(SIZES[size]["LINES"]), int(SIZES[size]["COLUMNS"])
    assert len(lines) == height
    assert all(len(line) < width for line in lines)
    assert_golden(f"review/{screen}-{size}.txt", terminal.screen + "\n")


@pytest.mark.slow
def test_an_answer_is_accepted_only_when_its_end_was_on_the_screen(letters: ProjectFolder) -> None:
    with Terminal(letters, "review", "long", env=SIZES["80x24"]) as terminal:
        refused = terminal.press("a")
        assert "The end of this answer has not been shown yet, so it cannot be accepted" in refused
        assert "space shows more of the answer" in refused
        assert "1/1  changed  letter/long" in terminal.press(" ", "a")
        assert "Paragraph 54" in terminal.press(" ", " ")
        terminal.press("a")
        assert terminal.end() == 0
    assert pending(letters) == ["paragraph", "short"]


@pytest.mark.slow
@pytest.mark.parametrize("key", ["d", "i", "?"])
def test_no_other_view_shows_the_answer_whole(letters: ProjectFolder, key: str) -> None:
    with Terminal(letters, "review", "long", env=SIZES["80x24"]) as terminal:
        assert "1/1" in terminal.press(key, "G", "\x1b", "a")
        assert "\n" in terminal.press("a")
        terminal.press("q")
        assert terminal.end() == 0
    assert "long" in pending(letters)


@pytest.mark.slow
def test_accepting_all_stops_at_an_answer_that_does_not_fit(letters: ProjectFolder) -> None:
    with Terminal(letters, "review", env=SIZES["80x24"]) as terminal:
        assert "1/3  changed  letter/long" in terminal.press("A")
        assert "3/3" in terminal.press("s", "s")
        terminal.press("A")
        assert terminal.end() == 0
    assert pending(letters) == ["long", "paragraph"]


@pytest.mark.slow
def test_keys_that_arrive_together_all_count(waiting: ProjectFolder) -> None:
    with Terminal(waiting, "review") as terminal:
        terminal.press("sss")
        assert terminal.end() == 0
    assert len(pending(waiting)) == 3


@pytest.mark.slow
def test_a_decision_is_undone(waiting: ProjectFolder) -> None:
    with Terminal(waiting, "review") as terminal:
        assert "2/3" in terminal.press("a")
        assert "Undone: first is no longer accepted." in terminal.press("u")
        assert "There is nothing to undo." in terminal.press("u")
        terminal.press("s", "s", "s")
        assert terminal.end() == 0
    assert len(pending(waiting)) == 3


@pytest.mark.slow
def test_an_earlier_answer_is_shown_again_and_decided_anew(waiting: ProjectFolder) -> None:
    with Terminal(waiting, "review") as terminal:
        assert "1/3  changed  triage/first  (accepted)" in terminal.press("a", "p")
        assert "2/3" in terminal.press("r")
        terminal.press("s", "s")
        assert terminal.end() == 0
    assert "label: refund" in approved(waiting, "first")
    assert pending(waiting) == ["second", "third"]


@pytest.mark.slow
def test_a_rule_is_undone(waiting: ProjectFolder) -> None:
    with Terminal(waiting, "review", "first") as terminal:
        assert "Undone: the rule for $.label is not added." in terminal.press("e", "u")
        terminal.press("s")
        assert terminal.end() == 0
    assert (waiting.folder / "prompts/triage.prompt.yaml").read_text() == PROMPT


@pytest.mark.slow
def test_a_rule_is_added_once(waiting: ProjectFolder) -> None:
    with Terminal(waiting, "review", "first") as terminal:
        assert "already" in terminal.press("j", "j", "e", "e")
        terminal.press("s")
        assert terminal.end() == 0
    text = (waiting.folder / "prompts/triage.prompt.yaml").read_text()
    assert text == PROMPT + "    - {path: $.count, compare: number, abs: 3}\n"


def test_without_colours_carets_mark_the_words(letters: ProjectFolder) -> None:
    done = letters.run("review", "paragraph")
    old, new = (line for line in done.out.splitlines() if line[2:3] in ("-", "+"))
    carets = done.out.splitlines()[done.out.splitlines().index(new) + 1]
    assert carets.strip() == "^^^^"
    assert new[carets.index("^") :].startswith("not ")
    assert old.replace("will pay", "will not pay")[3:] == new[3:]


@pytest.mark.slow
def test_with_colours_the_words_are_underlined(letters: ProjectFolder) -> None:
    with Terminal(letters, "review", "paragraph", env={"NO_COLOR": "", **SIZES["120x40"]}) as terminal:
        terminal.press()
        assert "\x1b[1;4;32mnot \x1b[0m" in terminal.text
        assert "^" not in terminal.screen


def test_what_was_asked_is_shown_with_a_pipe_too(letters: ProjectFolder) -> None:
    done = letters.run("review", "short")
    assert "Answer the letter politely." in done.out
    assert "letter: Hello" in done.out


def test_a_deleted_case_is_named_as_such(letters: ProjectFolder) -> None:
    letters.write("prompts/letter.prompt.yaml", LETTER.replace("id: short", "id: other"))
    assert "(the prompt no longer has this case)" in letters.run("review", "short").out


def test_a_deleted_case_is_accepted_with_a_remark_or_refused_with_a_way_out(letters: ProjectFolder) -> None:
    letters.write(
        "prompts/letter.prompt.yaml",
        LETTER.replace("id: short", "id: other").replace("id: long", "id: longer"),
    )
    done = letters.run("accept", "short")
    assert done.code == 0
    assert "no longer has this case: runner prune deletes the snapshot" in done.out
    (letters.folder / "prompts/__snapshots__/letter/long.snap.yaml").unlink()
    refused = letters.run("accept", "long")
    assert refused.code == 2
    assert (
        "hint: the prompt no longer has this case; to discard the answer: runner reject letter/long"
        in refused.err
    )
    assert letters.run("reject", "letter/long").code == 0


def test_prune_names_the_pending_answers_without_a_case(letters: ProjectFolder) -> None:
    letters.write("prompts/letter.prompt.yaml", LETTER.replace("id: short", "id: other"))
    done = letters.run("prune", "--dry-run")
    assert done.out.count("has no case") == 1
    assert "the pending answer of letter/short has no case: runner reject letter/short" in done.out
    assert "short" in pending(letters)


def test_a_snapshot_with_a_merge_conflict_is_called_so(letters: ProjectFolder) -> None:
    file = "prompts/__snapshots__/letter/short.snap.yaml"
    letters.write(file, "<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> other\n")
    out = letters.run("review", "short").out
    assert "conflict  letter/short" in out
    assert "The approved snapshot has a merge conflict: accepting replaces it." in out


@pytest.mark.slow
@pytest.mark.parametrize(("columns", "lines"), [("39", "24"), ("80", "11")])
def test_a_terminal_that_is_too_small_is_refused(letters: ProjectFolder, columns: str, lines: str) -> None:
    with Terminal(letters, "review", env={"COLUMNS": columns, "LINES": lines}) as terminal:
        assert terminal.end() == 2
        assert f"the terminal has {columns} x {lines} characters" in terminal.text
        assert "at least 40 x 12" in terminal.text


@pytest.mark.slow
@pytest.mark.parametrize("text", ["é" * 3000, "退款" * 1500, "word " * 2000, "x" * 5000, "\u202eabc" * 500])
def test_every_part_of_a_long_text_is_shown(letters: ProjectFolder, text: str) -> None:
    propose(letters, "short", None, text)
    with Terminal(letters, "review", "short", env=SIZES["80x24"]) as terminal:
        shown: dict[int, str] = {}
        total = 1
        while len(shown) < total:
            screen = terminal.press(" ") if shown else terminal.press()
            position = re.search(r"lines (\d+)-(\d+) of (\d+)", screen)
            assert position is not None
            first, last, total = map(int, position.groups())
            assert first <= len(shown) + 1, "a screen goes on where the one before ended"
            body = screen.split("\n")[2:]
            shown |= {number: body[number - first] for number in range(first, last + 1)}
        terminal.press("q")
        terminal.end()
    strip = str.maketrans("", "", " ↳")
    assert text.replace("\u202e", "\\u202e").translate(strip) in "".join(
        shown[number] for number in sorted(shown)
    ).translate(strip)
