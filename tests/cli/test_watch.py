"""`runner test --watch`: a saved file runs the tests that it concerns, and no others."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.commands.watch_tests import Dependencies

from .asking import KEY
from .project import ProjectFolder

PROMPT = """
name: {name}
model: gpt-test
messages: [{{role: user, content: "{{% include 'tone.txt' %}} {name}"}}]
tests: [{{id: one}}]
"""
WAITING = "waiting for a file to be saved"


@pytest.fixture
def watched(asked: ProjectFolder) -> Iterator[tuple[ProjectFolder, subprocess.Popen[str]]]:
    (asked.folder / "prompts/hello.prompt.yaml").unlink()
    asked.write("prompts/tone.txt", "Be kind.")
    for name in ("one", "two"):
        asked.write(f"prompts/{name}.prompt.yaml", PROMPT.format(name=name))
    process = asked.start("test", "--watch", env={"FAKE_KEY": KEY}, stderr=subprocess.STDOUT)
    with process:
        try:
            until(process, WAITING)
            yield asked, process
        finally:
            process.kill()


def until(process: subprocess.Popen[str], word: str) -> str:
    """The lines up to the one with this word in it."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if word in line:
            return "".join(lines)
    raise AssertionError(f"it ended without {word!r}: {lines}")


@pytest.mark.slow
def test_a_saved_prompt_is_tested_alone_and_an_include_with_all_that_read_it(
    watched: tuple[ProjectFolder, subprocess.Popen[str]],
) -> None:
    project, process = watched
    project.write("prompts/one.prompt.yaml", PROMPT.format(name="one") + "# saved\n")
    assert "1 prompt on fake" in until(process, WAITING)
    project.write("notes.txt", "of nobody's concern")
    project.write("prompts/tone.txt", "Be brief.")
    told = until(process, WAITING)
    assert "2 prompts on fake" in told
    assert "tone.txt" in told


@pytest.mark.slow
def test_a_mistake_is_shown_and_mended_by_the_next_save(
    watched: tuple[ProjectFolder, subprocess.Popen[str]],
) -> None:
    project, process = watched
    project.write("prompts/one.prompt.yaml", "mesages: []\n")
    assert 'unknown key "mesages"' in until(process, WAITING)
    project.write("prompts/one.prompt.yaml", PROMPT.format(name="one"))
    assert "error" not in until(process, WAITING)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_ends_it(watched: tuple[ProjectFolder, subprocess.Popen[str]]) -> None:
    _, process = watched
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130


def test_nothing_is_sent_in_ci_and_no_file_is_rewritten(asked: ProjectFolder) -> None:
    assert asked.run("test", "--watch", "--ci").code == 2
    assert asked.run("test", "--watch", "--output", "out.xml").code == 2
    assert not (asked.folder / "out.xml").exists()


ONE = Dependencies(
    {"one": frozenset({Path("/p/one.prompt.yaml"), Path("/p/x.txt")})}, {"one": Path("/p/__snapshots__/one")}
)


@pytest.mark.parametrize(
    ("saved", "touched"),
    [
        ("/p/one.prompt.yaml", ["one"]),
        ("/p/x.txt", ["one"]),
        ("/p/__snapshots__/one/a.snap.yaml", ["one"]),
        ("/p/notes.txt", []),
        ("/p/new.prompt.yaml", None),
        ("/p/runner.yaml", None),
        ("/p/image.png", None),
    ],
)
def test_which_prompts_a_file_concerns(saved: str, touched: list[str] | None) -> None:
    assert ONE.touched([Path(saved)]) == touched


def test_while_a_prompt_has_an_error_any_file_may_concern_it() -> None:
    assert Dependencies(complete=False).touched([Path("/p/notes.txt")]) is None
