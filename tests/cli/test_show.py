from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from tests.faults import FaultServer, completion, reply
from tests.golden_files import assert_golden

from .asking import run
from .project import ProjectFolder
from .terminal import Terminal

PROMPT = """
name: triage
model: gpt-test
inputs: {ticket: {type: string}}
messages:
  - {role: system, content: "Classify the ticket."}
  - {role: user, content: "Ticket: {{ ticket }}"}
tests:
  - {id: late, vars: {ticket: "My parcel is late"}, assert: [{type: icontains, value: late}]}
  - {id: refund, vars: {ticket: "I want my money back"}, assert: [{type: contains, value: nothing of the kind}]}
"""


@pytest.fixture
def past(asked: ProjectFolder) -> ProjectFolder:
    """A project with one run: a case that passed, and one that failed."""
    (asked.folder / "prompts" / "hello.prompt.yaml").unlink()
    asked.write("prompts/triage.prompt.yaml", PROMPT)
    assert run(asked, "--jobs", "1").code == 1  # answers are shown in the order in which they came
    return asked


def shown(project: ProjectFolder, *args: str) -> str:
    done = project.run("show", *args)
    assert (done.code, done.err) == (0, "")
    return done.out


def test_each_case_is_shown_with_its_question_its_variables_its_answer_and_its_checks(
    past: ProjectFolder,
) -> None:
    text = shown(past)
    text = re.sub(r"run \S+", "run RUN", text)
    text = re.sub(r"\d+\.\d+ s", "0.01 s", text)
    assert_golden("cli/show.txt", text)


def test_failed_leaves_out_what_passed(past: ProjectFolder) -> None:
    text = shown(past, "--failed")
    assert "triage/refund" in text
    assert "triage/late" not in text


@pytest.mark.parametrize("glob", ["late", "l*", "[kl]ate"])
def test_a_case_is_named_by_its_id_or_a_glob(past: ProjectFolder, glob: str) -> None:
    text = shown(past, "last", "--case", glob)
    assert "triage/late" in text
    assert "triage/refund" not in text


@pytest.mark.parametrize("name", ["triage", "prompts/triage.prompt.yaml", "triage.prompt.yaml", "tri*"])
def test_a_prompt_is_named_by_its_name_or_its_file(past: ProjectFolder, name: str) -> None:
    assert "triage/late" in shown(past, "--prompt", name)


def test_a_case_that_got_no_answer_is_shown_with_its_error(asked: ProjectFolder, server: FaultServer) -> None:
    server.play(*[reply(400, {"error": {"message": "no such thing"}})] * 2)
    run(asked)
    text = shown(asked, "--outcome", "error", "--case", "ada")
    assert "ERROR  hello/ada" in text
    assert "Hello Ada" in text
    assert "no such thing" in text


def test_json_is_the_record_with_its_messages(past: ProjectFolder) -> None:
    [record] = [json.loads(line) for line in shown(past, "--json", "--case", "late").splitlines()]
    assert record["messages"][1] == {"role": "user", "content": "Ticket: My parcel is late"}
    assert record["messages_remark"] is None
    assert record["vars"] == {"ticket": "My parcel is late"}


def test_it_says_so_where_the_prompt_has_changed_since(past: ProjectFolder) -> None:
    past.write("prompts/triage.prompt.yaml", PROMPT.replace("Classify", "Sort"))
    text = shown(past, "--case", "late")
    assert "the prompt has changed since" in text
    assert "Sort the ticket." in text


def test_the_answers_of_a_prompt_that_is_gone_are_shown_all_the_same(past: ProjectFolder) -> None:
    (past.folder / "prompts" / "triage.prompt.yaml").unlink()
    text = shown(past, "--case", "late")
    assert "the prompt cannot be read" in text
    assert "ticket: My parcel is late" in text


def test_an_answer_that_was_asked_for_again_counts_as_it_was_in_the_end(
    asked: ProjectFolder, server: FaultServer
) -> None:
    server.play(*[reply(400, {"error": {"message": "no such thing"}})] * 2)
    run(asked)
    server.play(*[completion("at last")] * 2)
    run(asked, "--resume", "last")
    text = shown(asked)
    assert text.count("hello/ada") == 1
    assert "at last" in text
    assert "no such thing" not in text


def test_nothing_failed_is_no_error(asked: ProjectFolder) -> None:
    run(asked)
    done = asked.run("show", "--failed")
    assert (done.code, done.out) == (0, "")
    assert "nothing failed in the run" in done.err


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["--case", "lat"], 5, 'did you mean "late"?'),
        (["--outcome", "eror"], 2, 'did you mean "error"?'),
        (["nope"], 2, "there is no run nope"),
    ],
)
def test_what_is_not_there_is_an_error_with_a_hint(
    past: ProjectFolder, args: list[str], code: int, said: str
) -> None:
    done = past.run("show", *args)
    assert done.code == code
    assert said in done.err


def test_a_control_character_of_a_model_is_spelt_out(asked: ProjectFolder, server: FaultServer) -> None:
    server.play(*[completion("\x1b]0;owned\x07 \u202e")] * 2)
    run(asked)
    text = shown(asked)
    assert "\x1b" not in text
    assert "\\x1b]0;owned\\x07 \\u202e" in text


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
class TestPager:
    def pager(self, folder: Path, body: str) -> Path:
        folder.mkdir(exist_ok=True)
        program = folder / "own-pager"
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
        return program

    @pytest.mark.slow
    def test_a_terminal_is_shown_it_through_the_pager(
        self, past: ProjectFolder, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        program = self.pager(tmp_path_factory.mktemp("bin"), "sed 's/^/paged: /'")
        with Terminal(past, "show", env={"PAGER": str(program), "NO_COLOR": "1"}) as terminal:
            assert terminal.end() == 0
        assert "paged: pass   triage/late" in terminal.text

    @pytest.mark.slow
    def test_less_says_that_more_follows_and_how_to_leave(
        self, past: ProjectFolder, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        program = self.pager(tmp_path_factory.mktemp("bin"), 'echo "LESS is $LESS"; cat')
        for own in ({}, {"LESS": "S"}):
            with Terminal(past, "show", env={"PAGER": str(program), **own}) as terminal:
                assert terminal.end() == 0
            assert ("LESS is S" if own else r"more follows\: space shows it, q leaves") in terminal.text

    @pytest.mark.slow
    def test_a_pager_that_is_left_early_ends_the_command_in_peace(
        self, past: ProjectFolder, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        program = self.pager(tmp_path_factory.mktemp("bin"), "exec <&-")
        with Terminal(past, "show", env={"PAGER": str(program)}) as terminal:
            assert terminal.end() == 0

    @pytest.mark.slow
    def test_a_pager_of_the_project_is_never_started(self, past: ProjectFolder) -> None:
        program = self.pager(past.folder / "tools", "touch started; cat")
        for named in (str(program), "./tools/own-pager", "tools/own-pager"):
            with Terminal(past, "show", env={"PAGER": named}) as terminal:
                assert terminal.end() == 0
            assert "triage/late" in terminal.text
            assert "is not a program outside the project: printing without it" in terminal.text
        assert not list(past.folder.rglob("started"))

    @pytest.mark.slow
    def test_a_pager_that_is_no_command_is_an_error(self, past: ProjectFolder) -> None:
        with Terminal(past, "show", env={"PAGER": "less '"}) as terminal:
            assert terminal.end() == 2
        assert "PAGER is not a valid command" in terminal.text

    @pytest.mark.slow
    @pytest.mark.parametrize("value", ["", "cat"])
    def test_no_pager_is_wanted(self, past: ProjectFolder, value: str) -> None:
        with Terminal(past, "show", env={"PAGER": value}) as terminal:
            assert terminal.end() == 0
        assert "triage/late" in terminal.text
