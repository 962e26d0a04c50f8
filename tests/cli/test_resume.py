"""`runner run --resume`: a run that was stopped goes on as if it had not been."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.faults import FaultServer, Received, Steps, completion, echo, reply

from .asking import KEY, rows, run, write_rows
from .project import ProjectFolder

BULK = ("prompts/hello.prompt.yaml", "--input", "rows.jsonl", "--no-cache", "--jobs", "3")


def stopped(project: ProjectFolder, server: FaultServer, count: int = 20, answered: int = 7) -> Path:
    """A run of `count` rows of which `answered` are: the journal ends there, as after a kill."""
    write_rows(project, rows(count))
    done = run(project, *BULK)
    assert done.code == 0
    [folder] = (project.folder / ".runner" / "runs").iterdir()
    lines = (folder / "results.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "results.jsonl").write_bytes(b"".join(lines[:answered]))
    manifest = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**manifest, "status": "running"}))
    server.requests.clear()
    return folder


def texts(folder: Path) -> list[str]:
    return sorted(json.loads(line)["text"] for line in (folder / "results.jsonl").read_text().splitlines())


def everybody(count: int = 20) -> list[str]:
    return sorted(f"Hello {name}" for name in rows(count))


@pytest.mark.parametrize("how", [("--resume", "last"), (*BULK, "--resume", "last")])
def test_only_what_is_missing_is_asked(
    asked: ProjectFolder, server: FaultServer, how: tuple[str, ...]
) -> None:
    folder = stopped(asked, server)
    done = run(asked, *how)
    assert done.code == 0
    assert "7 of 20 are answered" in done.out
    assert len(server.requests) == 13
    assert texts(folder) == everybody()
    assert "20 passed" in done.out
    summary = done.summary()
    assert (summary["status"], summary["done"], summary["stretches"]) == ("complete", 20, 2)


def test_a_run_that_is_complete_asks_nothing_and_changes_nothing(
    asked: ProjectFolder, server: FaultServer
) -> None:
    run(asked, "--output", "out.jsonl")
    server.requests.clear()
    before = {path: path.read_bytes() for path in asked.folder.rglob("*") if path.is_file()}
    done = run(asked, "--resume", "last")
    assert done.code == 0
    assert "is complete: nothing is left to send" in done.out
    assert server.requests == []
    assert before == {path: path.read_bytes() for path in asked.folder.rglob("*") if path.is_file()}


def test_a_complete_run_says_again_that_it_failed(asked: ProjectFolder, server: FaultServer) -> None:
    server.play(completion(""))
    assert run(asked).code == 1
    done = run(asked, "--resume", "last")
    assert done.code == 1
    assert "2 failed" in done.out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("--set", "temperature=1"), "prompts/hello.prompt.yaml: temperature was not given, is 1"),
        (("--model", "other"), "prompts/hello.prompt.yaml: model was gpt-test, is other"),
        (("--limit", "3"), "--limit was not given, is 3"),
        (("--repeat", "2"), "--repeat was 1, is 2"),
    ],
)
def test_a_changed_command_line_is_refused_with_what_differs(
    asked: ProjectFolder, server: FaultServer, change: tuple[str, str], said: str
) -> None:
    folder = stopped(asked, server)
    before = (folder / "results.jsonl").read_bytes()
    done = run(asked, "--resume", "last", *change)
    assert done.code == 2
    assert said in done.err
    assert server.requests == []
    assert (folder / "results.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (
            "prompts/hello.prompt.yaml",
            "Hello {{",
            "Goodbye {{",
            "prompts/hello.prompt.yaml: messages changed",
        ),
        ("prompts/hello.prompt.yaml", "model: gpt-test", "model: gpt-5", "model was gpt-test, is gpt-5"),
        ("prompts/hello.prompt.yaml", "{name: {type: string}}", "{name: {}}", "inputs changed"),
        ("rows.jsonl", "n3", "n333", "--input changed"),
        ("runner.yaml", "/v1", "/v2", "base_url was "),
    ],
)
def test_a_changed_file_is_refused_with_what_differs(
    asked: ProjectFolder, server: FaultServer, file: str, old: str, new: str, said: str
) -> None:
    stopped(asked, server)
    path = asked.folder / file
    path.write_text(path.read_text().replace(old, new))
    done = run(asked, "--resume", "last")
    assert done.code == 2
    assert said in done.err
    assert server.requests == []


def test_an_included_file_that_changed_is_refused_at_the_case(
    asked: ProjectFolder, server: FaultServer
) -> None:
    asked.write("prompts/who.txt", "dear")
    text = (asked.folder / "prompts/hello.prompt.yaml").read_text()
    asked.write("prompts/hello.prompt.yaml", text.replace("Hello {{", "Hello {% include 'who.txt' %} {{"))
    stopped(asked, server)
    asked.write("prompts/who.txt", "poor")
    done = run(asked, "--resume", "last")
    assert done.code == 2
    assert "the request of prompts/hello.prompt.yaml case case-" in done.err
    assert server.requests == []


def test_a_refusal_leaves_the_output_file_alone(asked: ProjectFolder, server: FaultServer) -> None:
    stopped(asked, server)
    asked.write("out.jsonl", "precious")
    assert run(asked, "--resume", "last", "--limit", "1", "--output", "out.jsonl").code == 2
    assert (asked.folder / "out.jsonl").read_text() == "precious"


def test_cases_that_got_no_answer_are_asked_again_and_the_new_line_counts(
    asked: ProjectFolder, server: FaultServer
) -> None:
    server.play(reply(400, {"error": {"message": "no"}}), echo)
    assert run(asked, "--jobs", "1").code == 3
    server.requests.clear()
    done = run(asked, "--resume", "last", "--output", "out.jsonl")
    assert done.code == 0
    assert len(server.requests) == 1
    assert "2 passed, 0 failed, 0 errors" in done.out
    lines = (asked.folder / "out.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["case"] for line in lines) == ["ada", "bob"]


def test_what_is_over_by_its_own_bounds_can_be_gone_on_with(
    asked: ProjectFolder, server: FaultServer
) -> None:
    write_rows(asked, rows(60))
    server.play(*[reply(400, {"error": {"message": "no"}})] * 3, echo)
    done = run(asked, *BULK, "--max-errors", "2")
    assert done.code == 3
    assert "--max-errors 2: 3 cases got no answer" in done.out
    assert "to resume: runner run --resume " in done.out
    assert run(asked, "--resume", "last").code == 0


def test_all_choices_of_an_answer_are_one_job(asked: ProjectFolder, server: FaultServer) -> None:
    def two(request: Received) -> Steps:
        choices = [
            {"index": n, "finish_reason": "stop", "message": {"role": "assistant", "content": f"{n}"}}
            for n in range(2)
        ]
        return reply(200, {"model": "m", "choices": choices})

    server.play(two)
    run(asked, "--set", "n=2", "--no-cache")
    [folder] = (asked.folder / ".runner" / "runs").iterdir()
    whole = (folder / "results.jsonl").read_bytes()
    ends = [index + 1 for index, byte in enumerate(whole) if byte == 0x0A]
    for cut in (ends[0], ends[0] + 5, ends[1], ends[2], ends[2] + 5):
        (folder / "results.jsonl").write_bytes(whole[:cut])
        server.requests.clear()
        done = run(asked, "--resume", "last", "--no-cache")
        assert done.code == 0
        records = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
        assert sorted((each["case"], each["choice"]) for each in records) == [
            ("ada", 0),
            ("ada", 1),
            ("bob", 0),
            ("bob", 1),
        ]
        assert len(server.requests) == (1 if cut >= ends[1] else 2)


def test_a_torn_last_line_is_dropped_and_its_case_asked_again(
    asked: ProjectFolder, server: FaultServer
) -> None:
    folder = stopped(asked, server)
    whole = (folder / "results.jsonl").read_bytes()
    (folder / "results.jsonl").write_bytes(whole[:-10])
    done = run(asked, "--resume", "last")
    assert done.code == 0
    assert "half written" in done.out
    assert len(server.requests) == 14
    assert texts(folder) == everybody()


def test_damage_in_the_middle_is_told_and_nothing_is_touched(
    asked: ProjectFolder, server: FaultServer
) -> None:
    folder = stopped(asked, server)
    lines = (folder / "results.jsonl").read_bytes().splitlines(keepends=True)
    lines[2] = b"\0" * len(lines[2][:-1]) + b"\n"
    (folder / "results.jsonl").write_bytes(b"".join(lines))
    done = run(asked, "--resume", "last")
    assert done.code == 3
    assert "results.jsonl:3: the line is not a record" in done.err
    assert (folder / "results.jsonl").read_bytes() == b"".join(lines)
    assert server.requests == []


def test_a_run_that_is_still_going_on_is_left_alone(asked: ProjectFolder, server: FaultServer) -> None:
    from runner.engine.journal.journal import Journal

    folder = stopped(asked, server)
    journal = Journal.reopen(folder)
    try:
        done = run(asked, "--resume", "last")
    finally:
        journal.close()
    assert done.code == 2
    assert "is still in progress" in done.err
    assert server.requests == []


def test_a_run_is_resumed_where_it_was_started(asked: ProjectFolder, server: FaultServer) -> None:
    stopped(asked, server)
    inner = ProjectFolder(asked.folder / "prompts")
    done = inner.run("run", "--resume", "last", env={"FAKE_KEY": KEY})
    assert done.code == 2
    assert f"cd {asked.folder}" in done.err


@pytest.mark.parametrize(
    ("name", "said"), [("nonsense", "there is no run nonsense"), ("2", "runs begin with 2")]
)
def test_a_run_that_is_not_there_is_named(
    asked: ProjectFolder, server: FaultServer, name: str, said: str
) -> None:
    run(asked)
    run(asked)
    done = run(asked, "--resume", name)
    assert done.code == 2
    assert said in done.err


def test_a_run_of_runner_test_cannot_be_resumed(asked: ProjectFolder) -> None:
    asked.run("test", env={"FAKE_KEY": KEY})
    done = run(asked, "--resume", "last")
    assert done.code == 2
    assert "not a run of `runner run`" in done.err
    assert "`runner test` resumes its own runs" in done.err


def test_output_in_the_order_of_the_input_spans_all_stretches(
    asked: ProjectFolder, server: FaultServer
) -> None:
    def odd_ones_are_slow(request: Received) -> Steps:
        name = request.json["messages"][-1]["content"]
        return (0.03 * (int(name[-1]) % 3), *echo(request))

    server.play(odd_ones_are_slow)
    stopped(asked, server)
    assert run(asked, "--resume", "last", "--output", "out.jsonl", "--in-order", "--jobs", "5").code == 0
    records: list[Any] = [json.loads(line) for line in (asked.folder / "out.jsonl").read_text().splitlines()]
    assert [each["index"] for each in records] == list(range(20))
    assert [each["vars"]["name"] for each in records] == rows(20)


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"arguments": {}},
        {"arguments": {"asking": {}, "output": None, "in_order": False}},
        {"arguments": []},
        {"configuration": []},
        {"configuration": {"cases": []}},
        {"files": None},
        {"cwd": None},
        {"cwd": ...},
        {"status": 5},
        {"seconds": "x"},
        {"started": None},
        {"started": "yesterday"},
        {"total": "x"},
        {"done": None},
        {"stretches": "x"},
        {"prompts": None},
        "{",
        "[]",
        "\xff",
        "[" * 100_000,
    ],
    ids=lambda change: str(change)[:40],
)
def test_a_damaged_run_is_told_and_leaves_the_others_alone(
    asked: ProjectFolder, server: FaultServer, change: Any
) -> None:
    write_rows(asked, rows(3))
    assert run(asked, *BULK, "--limit", "1").code == 0
    [good] = (asked.folder / ".runner" / "runs").iterdir()
    assert run(asked, *BULK).code == 0
    bad = max((asked.folder / ".runner" / "runs").iterdir())
    if isinstance(change, str):
        (bad / "run.json").write_bytes(change.encode("latin-1"))
    else:
        manifest = {**json.loads((bad / "run.json").read_text()), **change}
        manifest = {name: value for name, value in manifest.items() if value is not ...}
        (bad / "run.json").write_text(json.dumps(manifest))
    server.requests.clear()
    for command in (["run", "--resume", "last"], ["merge", "last"]):
        done = asked.run(*command, env={"FAKE_KEY": KEY})
        assert done.code == 2
        assert "hint: " in done.err
    listed = asked.run("runs")
    assert listed.code == 0
    assert {good.name, bad.name} <= {line.split()[0] for line in listed.out.splitlines()}
    assert asked.run("runs", "show", "last").code in (0, 2)
    assert asked.run("runs", "gc", "--keep", "0").code == 0
    assert not good.exists()
    assert not server.requests
