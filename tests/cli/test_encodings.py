"""Standard output and standard error in encodings that cannot hold what is to be printed.

Windows gives a redirected output an old code page, and the C locale is ASCII.
"""

from __future__ import annotations

import json
import os
import sys

import pytest

from tests.faults import FaultServer, Received, Steps, echo, reply
from tests.regress.repository import GitFolder

from .project import ProjectFolder

pytestmark = pytest.mark.slow

WORDS = "שלום 🎉 → café"
PROMPT = f"""
model: m
description: {WORDS}
messages: [{{role: user, content: "{{{{ q }}}}"}}]
tests: [{{id: a, vars: {{q: "{WORDS}"}}, description: "{WORDS}"}}, {{id: b, vars: {{q: "second {WORDS}"}}}}]
"""
ENCODINGS = [("cp1252", "strict"), ("latin-1", "strict"), ("ascii", "strict"), ("ascii", "surrogateescape")]
DATA = [
    ("render",),
    ("render", "--format", "request"),
    ("render", "--format", "curl"),
    ("diff", "--base", "HEAD", "--format", "markdown"),
    ("diff", "--base", "HEAD", "--format", "json"),
    ("pending", "--json"),
    ("runs", "show", "last", "--json"),
    ("schema", "prompt"),
    ("schema", "project"),
    ("schema", "pack"),
    ("pack", "list", "--json"),
    ("models", "--json"),
]
PROSE = [
    ("--help",),
    ("--version",),
    ("check",),
    ("diff", "--base", "HEAD"),
    ("explain", "a"),
    ("pending",),
    ("review",),
    ("runs",),
    ("runs", "show", "last"),
    ("prune", "--dry-run"),
    ("models",),
    ("cache",),
    ("init", "new"),
    ("pack", "list"),
    ("run",),
    ("run", "--stream"),
    ("run", "--debug", "--no-cache"),
    ("run", "--dry-run"),
    ("run", "--resume", "last"),
    ("test",),
    ("test", "--ci"),
    ("accept", "--all"),
    ("no-such-command-→",),
    ("run", "--no-such-option-→"),
    ("run", "no-such-file-→.yaml"),
    ("run", "--case", WORDS),
    ("run", "prompts", "--var", f"{WORDS}=1"),
]


@pytest.fixture
def told(project: ProjectFolder, server: FaultServer) -> ProjectFolder:
    """A project that has something to show in every command, none of which ASCII can hold."""
    project.write(
        "runner.yaml",
        f"endpoint: fake\nendpoints:\n  fake: {{base_url: '{server.base_url}', max_retries: 0, timeout: 20}}\n",
    )
    git = GitFolder(project.folder)
    project.write("prompts/größe.prompt.yaml", PROMPT.replace("second", "first"))
    git.commit()
    project.write("prompts/größe.prompt.yaml", PROMPT)
    server.play(models_or_echo)
    assert project.run("run").code == 0
    assert project.run("test").code == 4
    return project


def models_or_echo(request: Received) -> Steps:
    return reply(200, {"data": [{"id": WORDS}]}) if request.target.endswith("/models") else echo(request)


@pytest.mark.parametrize("form", ENCODINGS, ids="-".join)
def test_every_command_ends_without_a_traceback_and_data_is_utf8(
    told: ProjectFolder, form: tuple[str, str]
) -> None:
    encoding, errors = form
    expected = {args: told.run(*args) for args in DATA}
    for args in DATA:
        found = told.run(*args, encoding=encoding, errors=errors)
        assert (found.code, found.out_bytes) == (expected[args].code, expected[args].out_bytes), args
    for args in PROSE:
        told.run(*args, encoding=encoding, errors=errors)


@pytest.mark.parametrize("form", ENCODINGS, ids="-".join)
def test_a_result_as_json_is_json_in_any_encoding(told: ProjectFolder, form: tuple[str, str]) -> None:
    done = told.run("run", "--json", encoding=form[0], errors=form[1])
    assert [json.loads(line)["text"] for line in done.out_bytes.splitlines()] == [WORDS, f"second {WORDS}"]


def test_what_an_encoding_cannot_hold_is_spelt_out_for_a_person(told: ProjectFolder) -> None:
    done = told.run("run", encoding="cp1252")
    assert b"\\u2192 caf\xe9" in done.out_bytes


C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize(
    "args",
    [("check",), ("render",), ("run", "--json"), ("test",), ("explain", "a")],
)
def test_the_c_locale_takes_text_of_any_language_in_files(told: ProjectFolder, args: tuple[str, ...]) -> None:
    (told.folder / "prompts/größe.prompt.yaml").rename(told.folder / "prompts/size.prompt.yaml")
    process = told.start(*args, env=C_LOCALE)
    _, err = process.communicate(timeout=60)
    assert ("Traceback" in err, process.returncode) == (False, 4 if args == ("test",) else 0)


@pytest.mark.parametrize(
    "args",
    [
        ("check",),
        ("run",),
        ("test", "--offline"),
        ("explain", "a"),
        ("diff", "--base", "HEAD"),
        ("run", "prompts", "--var", f"q={WORDS}"),
        ("run", "prompts", "--input", "größe.csv"),
        ("check", "prompts/größe.prompt.yaml"),
    ],
    ids=" ".join,
)
def test_a_name_that_the_c_locale_cannot_spell_is_refused_in_words(
    told: ProjectFolder, args: tuple[str, ...]
) -> None:
    process = told.start(*args, env=C_LOCALE)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "is not text in ASCII, the encoding of the locale" in err
    assert "hint: set LC_ALL=C.UTF-8, or PYTHONUTF8=1" in err


def test_so_is_one_that_a_file_names(told: ProjectFolder) -> None:
    (told.folder / "prompts/größe.prompt.yaml").rename(told.folder / "prompts/size.prompt.yaml")
    told.write("prompts/size.prompt.yaml", PROMPT.split("tests:")[0] + "tests: [{file: größe.csv}]\n")
    process = told.start("check", env=C_LOCALE)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in err) == (2, False)


@pytest.mark.skipif(sys.platform != "linux", reason="a file name is any bytes on Linux only")
@pytest.mark.parametrize("args", [("check",), ("run",), ("test",), ("render",), ("explain", "a")])
def test_a_file_name_that_is_no_utf8_is_refused(project: ProjectFolder, args: tuple[str, ...]) -> None:
    project.write(os.fsdecode(b"a\xff.prompt.yaml"), "model: m\nmessages: [{role: user, content: hi}]\n")
    done = project.run(*args)
    assert done.code == 2
    assert "is not text in UTF-8" in done.err
