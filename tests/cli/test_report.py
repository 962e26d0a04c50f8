"""`runner report`, `runner view`, and `--report` of `run` and `test`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.faults import FaultServer, Received, Steps, completion, reply
from tests.report.reports import rows_of

from .asking import KEY, run
from .project import Done, ProjectFolder

PROMPT = """
name: triage
model: gpt-test
inputs: {ticket: {type: string}}
messages:
  - {role: system, content: Classify the ticket.}
  - {role: user, content: "{{ ticket }}"}
response_format:
  type: json_schema
  json_schema:
    name: label
    strict: true
    schema:
      type: object
      properties: {label: {type: string}, score: {type: number}}
      required: [label, score]
      additionalProperties: false
regression: {rules: [{path: $.score, compare: number, abs: 0.1}]}
tests:
  - {id: late, vars: {ticket: late}, assert: [{type: equals, path: $.label, value: late}]}
  - {id: lost, vars: {ticket: lost}, assert: [{type: equals, path: $.label, value: late}]}
"""


def labels(request: Received) -> Steps:
    return completion(json.dumps({"label": request.json["messages"][-1]["content"], "score": 0.9}))


@pytest.fixture
def project(asked: ProjectFolder, server: FaultServer) -> ProjectFolder:
    (asked.folder / "prompts" / "hello.prompt.yaml").unlink()
    asked.write("prompts/triage.prompt.yaml", PROMPT)
    server.play(labels)
    return asked


def html(project: ProjectFolder, name: str = "report.html") -> str:
    return (project.folder / name).read_text("utf-8")


def rows(project: ProjectFolder, name: str = "report.html") -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in rows_of(html(project, name))}


def report(project: ProjectFolder, *args: str) -> Done:
    done = project.run("report", *args)
    assert (done.code, done.err) == (0, "")
    return done


def test_the_last_run_becomes_report_html(project: ProjectFolder) -> None:
    run(project)
    assert report(project).out.startswith("report.html: 2 answers of the run 2")
    found = rows(project)
    assert {name: row["state"] for name, row in found.items()} == {
        "triage/late": "passed",
        "triage/lost": "failed",
    }
    assert found["triage/late"]["messages"] == [
        {"role": "system", "content": "Classify the ticket."},
        {"role": "user", "content": "late"},
    ]
    assert "changed" not in found["triage/late"]
    assert found["triage/lost"]["output"] == {"label": "lost", "score": 0.9}


def test_the_same_run_has_the_same_bytes(project: ProjectFolder) -> None:
    run(project)
    report(project, "-o", "one.html")
    report(project, "-o", "two.html")
    assert (project.folder / "one.html").read_bytes() == (project.folder / "two.html").read_bytes()


def test_run_writes_the_same_report(project: ProjectFolder) -> None:
    assert "report: now.html" in run(project, "--report", "now.html").out
    report(project)
    assert html(project, "now.html") == html(project)


def test_messages_of_a_prompt_that_has_changed_since_are_called_that(project: ProjectFolder) -> None:
    run(project)
    project.write("prompts/triage.prompt.yaml", PROMPT.replace("Classify", "Sort"))
    report(project)
    assert rows(project)["triage/late"]["changed"] is True
    assert rows(project)["triage/late"]["messages"][0]["content"] == "Sort the ticket."


def test_a_prompt_that_is_gone_leaves_the_answers(project: ProjectFolder) -> None:
    run(project)
    (project.folder / "prompts/triage.prompt.yaml").unlink()
    report(project)
    row = rows(project)["triage/late"]
    assert "messages" not in row
    assert row["unknown"].startswith("the prompt cannot be read")
    assert row["output"]["label"] == "late"


def test_a_run_is_compared_with_another_case_by_case(project: ProjectFolder, server: FaultServer) -> None:
    run(project)
    first = next((project.folder / ".runner/runs").iterdir()).name
    server.play(lambda _: completion('{"label": "late", "score": 0.5}'))
    project.write("prompts/triage.prompt.yaml", PROMPT.replace("{id: late,", "{id: fresh,"))
    run(project, "--no-cache")
    report(project, "--against", first)
    found = rows(project)
    assert {name: row["change"] for name, row in found.items()} == {
        "triage/fresh": "new",
        "triage/lost": "fixed",
    }
    assert found["triage/lost"]["earlier"]["output"] == {"label": "lost", "score": 0.9}
    assert "Only in the other run" in html(project)
    assert "<code>triage/late</code>" in html(project)


def test_a_case_that_was_asked_again_is_in_the_report_once(
    project: ProjectFolder, server: FaultServer
) -> None:
    server.play(lambda _: reply(400, {"error": {"message": "no", "code": "bad"}}))
    run(project)
    server.play(labels)
    run(project, "--resume", "last")
    report(project)
    assert {name: row["state"] for name, row in rows(project).items()} == {
        "triage/late": "passed",
        "triage/lost": "failed",
    }


def test_a_test_has_what_is_approved_and_the_rule_that_decides(
    project: ProjectFolder, server: FaultServer
) -> None:
    project.write(
        "prompts/triage.prompt.yaml",
        PROMPT.replace(", assert: [{type: equals, path: $.label, value: late}]", ""),
    )
    env = {"FAKE_KEY": KEY}
    project.run("test", env=env)
    project.run("accept", "--all")
    server.play(lambda _: completion('{"label": "late", "score": 0.95}'))
    assert project.run("test", "--live", "--report", "t.html", env=env).code == 1
    found = rows(project, "t.html")
    assert [found[f"triage/{name}"]["state"] for name in ("late", "lost")] == ["passed", "failed"]
    [score] = found["triage/late"]["approved"]["fields"]
    assert (score["path"], score["approved"], score["new"], score["rule"], score["equal"]) == (
        "$.score", 0.9, 0.95, "number abs 0.1", True,
    )  # fmt: skip
    assert [each["path"] for each in found["triage/lost"]["approved"]["fields"] if not each["equal"]] == [
        "$.label"
    ]


def test_an_offline_test_has_the_replayed_answers(project: ProjectFolder) -> None:
    project.write(
        "prompts/triage.prompt.yaml",
        PROMPT.replace(", assert: [{type: equals, path: $.label, value: late}]", ""),
    )
    project.run("test", env={"FAKE_KEY": KEY})
    project.run("accept", "late")
    project.run("test", "--offline", "--report", "t.html")
    found = rows(project, "t.html")
    assert (found["triage/late"]["state"], found["triage/late"]["replayed"]) == ("passed", True)
    assert found["triage/late"]["output"] == {"label": "late", "score": 0.9}
    assert (found["triage/lost"]["state"], found["triage/lost"]["outcome"]) == ("outdated", "not asked")


@pytest.mark.parametrize("command", ["run", "test"])
def test_no_key_gets_into_a_report(project: ProjectFolder, server: FaultServer, command: str) -> None:
    server.play(lambda _: completion(json.dumps({"label": f"it is {KEY}", "score": 1})))
    project.run(command, "--report", "r.html", env={"FAKE_KEY": KEY})
    assert KEY not in html(project, "r.html")
    assert KEY not in json.dumps(rows_of(html(project, "r.html")))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("report", "-o", "runner.yaml"), "does not end in .html"),
        (("report", "-o", "mine.html"), "exists and is not a report of runner"),
        (("report", "-o", ".runner/r.html"), "belongs to runner"),
        (("report", "nobody"), "there is no run nobody"),
        (("report", "--against", "nobody"), "there is no run nobody"),
        (("run", "--report", "mine.html"), '--report "mine.html" exists and is not a report of runner'),
        (("run", "--report", "r.xml"), '--report "r.xml" does not end in .html'),
        (("test", "--offline", "--report", "mine.html"), "is not a report of runner"),
    ],
)
def test_what_cannot_be_written_is_told_before_anything_is_asked(
    project: ProjectFolder, server: FaultServer, arguments: tuple[str, ...], said: str
) -> None:
    run(project)
    asked = len(server.requests)
    project.write("mine.html", "<h1>mine</h1>")
    done = project.run(*arguments, env={"FAKE_KEY": KEY})
    assert done.code == 2
    assert said in done.err
    assert len(server.requests) == asked
    assert html(project, "mine.html") == "<h1>mine</h1>"


def test_a_damaged_journal_leaves_an_older_report_as_it_was(project: ProjectFolder) -> None:
    run(project)
    report(project)
    before = html(project)
    [journal] = (project.folder / ".runner/runs").glob("*/results.jsonl")
    journal.write_bytes(journal.read_bytes().replace(b"late", b"lite", 1))
    done = project.run("report")
    assert done.code == 3
    assert "results.jsonl:1" in done.err
    assert html(project) == before
    assert [each.name for each in project.folder.glob(".*.part")] == []


def test_an_older_report_is_replaced(project: ProjectFolder) -> None:
    run(project)
    report(project)
    project.write("prompts/triage.prompt.yaml", PROMPT.replace("Classify", "Sort"))
    run(project)
    report(project)
    assert rows(project)["triage/late"]["messages"][0]["content"] == "Sort the ticket."


@pytest.mark.skipif(sys.platform == "win32", reason="the opener is a script")
def test_view_opens_a_report_in_the_users_cache(
    project: ProjectFolder, tmp_path_factory: pytest.TempPathFactory
) -> None:
    run(project)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    opener = elsewhere / "opener"
    opener.write_text(f'#!/bin/sh\nprintf %s "$1" > {elsewhere}/opened\n')
    opener.chmod(0o755)
    done = project.run(
        "view", env={"BROWSER": str(opener), "XDG_CACHE_HOME": str(elsewhere), "HOME": str(elsewhere)}
    )
    assert (done.code, done.err) == (0, "")
    opened = Path((elsewhere / "opened").read_text())
    assert done.out == f"{opened}\n"
    assert rows_of(opened.read_text("utf-8"))


@pytest.mark.skipif(sys.platform == "win32", reason="the opener is a script")
def test_view_starts_no_program_of_the_project(project: ProjectFolder) -> None:
    run(project)
    opener = project.write("opener", "#!/bin/sh\ntouch started\n")
    opener.chmod(0o755)
    done = project.run("view", env={"BROWSER": str(opener)})
    assert done.code == 0
    assert "open this file in one" in done.out
    assert not (project.folder / "started").exists()


def test_a_run_is_compared_with_the_answers_that_a_revision_has_approved(
    project: ProjectFolder, server: FaultServer
) -> None:
    for args in (("test",), ("accept", "--all")):
        project.run(*args, env={"FAKE_KEY": KEY})
    for args in (
        ("init", "-q", "."),
        ("add", "-A"),
        ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"),
    ):
        subprocess.run(["git", *args], cwd=project.folder, check=True)
    server.play(completion(json.dumps({"label": "lost", "score": 0.5})))
    run(project, "--no-cache")
    report(project, "--against", "HEAD")
    found = rows(project)
    assert found["triage/late"]["earlier"]["outcome"] == "ok"
    assert found["triage/late"]["earlier"]["state"] == "passed"
    assert "This run compared with <code>HEAD</code>" in html(project)


def test_what_is_neither_a_run_nor_a_revision_is_refused_as_both(project: ProjectFolder) -> None:
    run(project)
    subprocess.run(["git", "init", "-q", "."], cwd=project.folder, check=True)
    done = project.run("report", "--against", "nobody")
    assert done.code == 2
    assert "there is no run nobody" in done.err
    assert "there is no revision nobody in this repository" in done.err
