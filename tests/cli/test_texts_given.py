"""Texts from files and from standard input, and the text of an answer beside what is said about it."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.faults import FaultServer

from .asking import KEY, run
from .project import ProjectFolder
from .terminal import Terminal

HELLO = "prompts/hello.prompt.yaml"
LONG = "one\ntwo 'three' \"four\" {{ five }}\n" * 9000


def names(project: ProjectFolder, *args: str) -> list[str]:
    done = run(project, HELLO, "--json", *args)
    assert done.code == 0, done.err
    return [record["vars"]["name"] for record in done.json_lines()]


def test_a_variable_takes_the_text_of_a_file_as_it_stands(asked: ProjectFolder) -> None:
    asked.write("mail.txt", LONG)
    assert names(asked, "--var", "name=@mail.txt") == [LONG]


def test_two_signs_are_one_that_is_meant(asked: ProjectFolder) -> None:
    assert names(asked, "--var", "name=@@ada") == ["@ada"]
    assert names(asked, "--var", "name=ada@example.com") == ["ada@example.com"]


@pytest.mark.parametrize("given", ["@missing.txt", "@", "@prompts"])
def test_a_file_that_cannot_be_read_is_told_and_nothing_is_sent(
    asked: ProjectFolder, server: FaultServer, given: str
) -> None:
    done = run(asked, HELLO, "--var", f"name={given}")
    assert (done.code, server.requests) == (2, [])
    assert "hint: write @@ for a text that begins with @" in done.err


def test_the_file_of_a_variable_is_not_written_over(asked: ProjectFolder, server: FaultServer) -> None:
    asked.write("mail.json", "x")
    done = run(asked, HELLO, "--var", "name=@mail.json", "--output", "mail.json")
    assert (done.code, server.requests) == (2, [])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("args", "given"),
    [(("--var", "name=@-"), "Ada"), (("--vars", "-"), '{"name": "Ada"}'), (("--vars", "-"), "name: Ada")],
)
def test_standard_input_is_read_where_it_is_named(
    asked: ProjectFolder, args: tuple[str, ...], given: str
) -> None:
    process = asked.start("run", HELLO, "--json", *args, env={"FAKE_KEY": KEY}, stdin=subprocess.PIPE)
    out, err = process.communicate(given, timeout=60)
    assert process.returncode == 0, err
    assert json.loads(out)["vars"]["name"] == "Ada"


@pytest.mark.slow
def test_a_streamed_answer_and_its_verdict_stand_on_lines_of_their_own(asked: ProjectFolder) -> None:
    with Terminal(asked, "run", HELLO, "--stream", env={"FAKE_KEY": KEY}) as terminal:
        assert terminal.end() == 0
        text = terminal.text
    lines = [line.strip() for line in text.replace("\r", "\n").split("\n")]
    assert any(line.startswith("pass") and "hello/ada" in line for line in lines), text


def test_a_missing_variable_is_asked_for_once(asked: ProjectFolder) -> None:
    asked.write(HELLO, "model: m\nmessages: [{role: user, content: '{{ a }} {{ b }}'}]\n")
    done = run(asked, HELLO, "--var", "a=1")
    assert "at --var" not in done.err
