"""`--input -`: rows from a pipe, read as often as needed, and asked for again where a run goes on."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.faults import FaultServer, echo, reply

from .asking import KEY, run
from .project import ProjectFolder

pytestmark = pytest.mark.slow

HELLO = "prompts/hello.prompt.yaml"
ROWS = '{"name": "Ada"}\n{"name": "Bob"}\n'


def piped(
    project: ProjectFolder,
    data: str | bytes,
    *args: str,
    command: str = "run",
    env: Mapping[str, str] | None = None,
) -> tuple[int, str, str]:
    process = subprocess.run(
        [sys.executable, "-W", "error", "-m", "runner", command, *args],
        cwd=project.folder,
        env=project.environ({"FAKE_KEY": KEY, **(env or {})}),
        input=data if isinstance(data, bytes) else data.encode(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    return process.returncode, process.stdout.decode(), process.stderr.decode()


def names(out: str) -> list[str]:
    return sorted(json.loads(line)["vars"]["name"] for line in out.splitlines())


@pytest.mark.parametrize(
    ("data", "args"),
    [
        (ROWS, ()),
        ("\n\n  " + ROWS, ()),
        ("\ufeff" + ROWS, ()),
        ('[{"name": "Ada"},\n {"name": "Bob"}]', ()),
        ("name\nAda\nBob\n", ()),
        ("sep=;\nname\nAda\nBob\n", ()),
        ('\ufeff"name"\r\nAda\r\nBob\r\n', ()),
        ("name\nAda\nBob\n".encode("utf-16"), ("--encoding", "utf-16")),
        (ROWS.encode("utf-16"), ("--encoding", "utf-16")),
        ("no|name\n1|Ada\n2|Bob\n", ("--delimiter", "|", "--id", "no")),
    ],
)
def test_rows_come_from_standard_input_in_the_format_that_they_begin_in(
    asked: ProjectFolder, data: str | bytes, args: tuple[str, ...]
) -> None:
    code, out, err = piped(asked, data, HELLO, "--input", "-", "--json", *args)
    assert (code, names(out)) == (0, ["Ada", "Bob"]), err


def test_rows_of_standard_input_are_rendered_too(asked: ProjectFolder) -> None:
    code, out, err = piped(asked, ROWS, HELLO, "--input", "-", command="render")
    assert (code, out.count("Hello Ada"), out.count("Hello Bob")) == (0, 1, 1), err


def test_a_mistake_in_them_is_told_at_its_line(asked: ProjectFolder, server: FaultServer) -> None:
    code, _, err = piped(asked, ROWS + '{"nam": "x"}\n', HELLO, "--input", "-")
    assert (code, server.requests) == (2, [])
    assert err.startswith('standard input:3:2: error: row 3: "nam" is not a declared variable')


def test_a_standard_input_that_is_empty_has_no_rows(asked: ProjectFolder, server: FaultServer) -> None:
    code, _, err = piped(asked, "", HELLO, "--input", "-")
    assert (code, server.requests) == (5, [])
    assert "nothing to run: standard input has no rows" in err


def test_a_delimiter_for_what_is_no_csv_is_refused(asked: ProjectFolder, server: FaultServer) -> None:
    code, _, err = piped(asked, ROWS, HELLO, "--input", "-", "--delimiter", "|")
    assert (code, server.requests) == (2, [])
    assert "--delimiter is for .csv and .tsv, and --input - is neither" in err


@pytest.mark.parametrize("data", [ROWS, '{"nam": 1}\n'])
def test_the_copy_of_standard_input_is_gone_when_the_command_ends(
    asked: ProjectFolder, tmp_path_factory: pytest.TempPathFactory, data: str
) -> None:
    folder = tmp_path_factory.mktemp("temporary")
    piped(asked, data, HELLO, "--input", "-", env={"TMPDIR": str(folder)})
    assert list(folder.iterdir()) == []


def test_a_run_goes_on_only_with_the_rows_given_again(asked: ProjectFolder, server: FaultServer) -> None:
    server.play(echo, reply(400, {"error": {"message": "no"}}))
    code, _, err = piped(asked, ROWS, HELLO, "--input", "-", "--jobs", "1")
    assert code == 3, err
    server.play(echo)
    server.requests.clear()
    code, _, err = piped(asked, "", "--resume", "last")
    assert (code, server.requests) == (2, [])
    assert "was started with --input -, and data from standard input is not stored" in err
    assert "--input FILE" in err
    code, _, err = piped(asked, ROWS.replace("Bob", "Eve"), "--resume", "last", "--input", "-")
    assert (code, server.requests) == (2, [])
    assert "--input changed" in err
    code, out, err = piped(asked, ROWS, "--resume", "last", "--input", "-", "--json")
    assert (code, names(out), len(server.requests)) == (0, ["Bob"], 1), err


def test_or_with_a_file_that_has_the_same_rows(asked: ProjectFolder, server: FaultServer) -> None:
    server.play(echo, reply(400, {"error": {"message": "no"}}))
    assert piped(asked, ROWS, HELLO, "--input", "-", "--jobs", "1")[0] == 3
    server.play(echo)
    asked.write("rows.jsonl", ROWS)
    assert run(asked, "--resume", "last", "--input", "rows.jsonl").code == 0


@pytest.mark.parametrize("args", [("--var", "name=@-"), ("--vars", "-")])
def test_so_it_is_for_variables_of_standard_input(
    asked: ProjectFolder, server: FaultServer, args: tuple[str, ...]
) -> None:
    server.play(reply(400, {"error": {"message": "no"}}))
    assert piped(asked, "name: Ada", HELLO, *args)[0] == 3
    server.play(echo)
    server.requests.clear()
    code, _, err = piped(asked, "name: Ada", "--resume", "last")
    assert (code, server.requests) == (2, [])
    assert "data from standard input is not stored" in err
    assert piped(asked, "name: Ada", "--resume", "last", *args)[0] == 0


def test_a_file_of_a_variable_that_only_run_json_names_is_read_inside_the_project_alone(
    asked: ProjectFolder, server: FaultServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside: Path = tmp_path_factory.mktemp("outside") / "secret.txt"
    outside.write_text("of another")
    server.play(reply(400, {"error": {"message": "no"}}))
    assert run(asked, HELLO, "--var", f"name=@{outside}").code == 3
    server.play(echo)
    server.requests.clear()
    done = run(asked, "--resume", "last")
    assert (done.code, server.requests) == (2, [])
    assert f"names --var name=@{outside}, which is outside the project" in done.err
    assert run(asked, "--resume", "last", "--var", f"name=@{outside}").code == 0
