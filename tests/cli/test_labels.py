"""Labelled rows and named scores, through `runner run`: what is shown, what is stored, what is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from tests.faults import FaultServer, Received, Steps, completion, reply

from .project import ProjectFolder

KEY = {"FAKE_KEY": "not-a-secret-0"}
SCHEMA = """\
response_format:
  type: json_schema
  json_schema:
    name: t
    strict: true
    schema:
      type: object
      additionalProperties: false
      required: [topic]
      properties: {topic: {type: string, enum: [bug, login, payment, other]}}
"""
HEAD = """\
name: triage
model: gpt-test
inputs: {ticket: {type: string}}
messages: [{role: user, content: "{{ ticket }}"}]
"""
ROWS = "ticket,topic\n" + "".join(
    f"case {number},{topic}\n" for number, topic in enumerate(["bug", "login", "payment"] * 4)
)


def refusal() -> Steps:
    message = {"role": "assistant", "content": None, "refusal": "I cannot."}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return reply(200, {"object": "chat.completion", "model": "gpt-test", "choices": [choice]})


@pytest.fixture
def labelled(
    project: ProjectFolder, server: FaultServer
) -> Callable[[Callable[[int], str | None]], ProjectFolder]:
    """Return a function that makes a labelled prompt and a server whose answer to each case is given; None refuses."""

    def make(answer: Callable[[int], str | None]) -> ProjectFolder:
        def play(request: Received) -> Steps:
            case = int(re.findall(r"case (\d+)", request.json["messages"][-1]["content"])[-1])
            topic = answer(case)
            return refusal() if topic is None else completion(json.dumps({"topic": topic}))

        server.play(play)
        project.write(
            "runner.yaml",
            f"endpoint: fake\nendpoints: {{fake: {{base_url: '{server.base_url}', api_key_env: FAKE_KEY, max_retries: 0}}}}\n",
        )
        project.write(
            "triage.prompt.yaml",
            HEAD + SCHEMA + "labels: {path: $.topic, from: topic}\ntests: [{file: rows.csv}]\n",
        )
        project.write("rows.csv", ROWS)
        return project

    return make


TOPICS = ["bug", "login", "payment"]


def flawed(case: int) -> str | None:
    """Right, except that case 0 is refused, case 3 (a bug) is called a login, and case 4 (a login) something else."""
    return {0: None, 3: "login", 4: "other"}.get(case, TOPICS[case % 3])


def test_a_run_ends_with_accuracy_and_a_line_for_each_label(labelled):
    done = labelled(flawed).run("run", env=KEY)
    assert done.code == 1
    lines = [line.rstrip() for line in done.out.splitlines()]
    assert any(line.startswith("accuracy 75.0 % (47 … 91) · macro F1 0.81 (") for line in lines)
    table = [line.split() for line in lines if re.match(r"  (bug|login|payment) ", line)]
    assert [row[0:6] for row in table] == [
        ["bug", "4", "2", "100.0", "%", "50.0"],
        ["login", "4", "4", "75.0", "%", "75.0"],
        ["payment", "4", "4", "100.0", "%", "100.0"],
    ]
    assert "  most often confused: login instead of bug, in 1 of 4 answers" in lines
    assert "  no label, and so wrong: (refused) 1" in lines
    assert "  in no case, and left out of macro F1: other 1" in lines


def test_the_same_answers_give_the_same_figures(labelled):
    project = labelled(flawed)
    project.run("run", env=KEY)
    first, second = (
        [line for line in project.run("run", env=KEY).out.splitlines() if "accuracy" in line or "F1" in line]
        for _ in range(2)
    )
    assert first == second


def test_the_label_is_never_sent(labelled, server):
    labelled(flawed).run("run", env=KEY)
    assert server.requests
    assert not any(
        b"payment" in request.body.replace(b'"enum":["bug","login","payment","other"]', b"")
        for request in server.requests
    )


def test_the_figures_are_stored_with_the_run_and_what_came_with_each_record(labelled):
    project = labelled(flawed)
    project.run("run", env=KEY)
    (folder,) = (project.folder / ".runner" / "runs").iterdir()
    [stored] = json.loads((folder / "run.json").read_text())["metrics"]
    assert stored["prompt"] == "triage"
    assert stored["metrics"]["accuracy"]["value"] == 0.75
    assert stored["labels"]['"bug"']["recall"] == 0.5
    assert stored["confusion"]['"bug"'] == {'"bug"': 2, '"login"': 1, "(refused)": 1}
    records = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    measured = {record["vars"]["ticket"]: record["measured"]["labels"] for record in records}
    assert measured["case 3"] == {"path": "$.topic", "expected": "bug", "got": "login"}
    assert measured["case 0"] == {"path": "$.topic", "expected": "bug"}


def test_a_resumed_or_cached_run_counts_every_answer(labelled):
    project = labelled(flawed)
    project.run("run", "--case", "nothing", env=KEY)
    project.run("run", env=KEY)
    assert "accuracy 75.0 %" in project.run("run", env=KEY).out


def test_rows_without_the_column_run_without_figures(labelled):
    project = labelled(flawed)
    project.write("new.csv", "ticket\ncase 1\ncase 2\n")
    done = project.run("run", "--input", "new.csv", env=KEY)
    assert done.code == 0, done.err
    assert "accuracy" not in done.out


def test_a_label_that_no_answer_can_have_is_refused_before_anything_is_sent(labelled, server):
    project = labelled(flawed)
    project.write("rows.csv", ROWS.replace("case 5,payment", "case 5,paiment"))
    done = project.run("run", env=KEY)
    assert done.code == 2
    assert 'rows.csv:7:8: error: label: the schema of response_format never allows "paiment"' in done.err
    assert 'did you mean "payment"?' in done.err
    assert not server.requests
    assert project.run("check").code == 2


def test_check_warns_of_labels_that_say_nothing(labelled):
    project = labelled(flawed)
    project.write("rows.csv", "ticket,topic\ncase 0,bug\ncase 1,bug\ncase 2,\n")
    done = project.run("check")
    assert done.code == 0
    assert "W030 1 of 3 cases have no label" in done.err
    assert 'W031 all 2 labels are "bug"' in done.err


def test_named_scores_are_shown_and_an_assertion_that_does_not_apply_is_marked(labelled):
    project = labelled(flawed)
    project.write(
        "reply.prompt.yaml",
        HEAD.replace("triage", "reply")
        + "assert:\n"
        + "  - {type: contains, value: topic, metric: tone, weight: 3}\n"
        + "  - {type: contains, value: absent, metric: tone}\n"
        + "  - {type: contains, value: absent, metric: late, when: \"vars.ticket == 'case 9'\"}\n"
        + "tests:\n  - {id: one, vars: {ticket: case 1}, threshold: 0.7}\n  - {id: two, vars: {ticket: case 2}, threshold: 0.8}\n",
    )
    done = project.run("run", "reply.prompt.yaml", env=KEY)
    assert done.code == 1
    assert "tone 0.75 (" in done.out
    assert "late" not in done.out.split("tone 0.75")[1].splitlines()[0]
    assert "a score of 0.75, and 0.8 is needed" in project.run("show", "--case", "two").out
    shown = project.run("show", "--case", "one")
    assert "n/a   contains: not applicable: vars.ticket == 'case 9' is false" in shown.out
    records = project.run("run", "reply.prompt.yaml", "--json", env=KEY).out.splitlines()
    assert [json.loads(line)["checks"][2]["passed"] for line in records] == [None, None]


def test_the_report_has_the_metrics_and_a_column_for_answers_without_a_label(labelled):
    project = labelled(flawed)
    project.run("run", "--report", "r.html", env=KEY)
    page = (project.folder / "r.html").read_text()
    assert "<h3>Metrics</h3>" in page
    assert "<h3>Labels of triage</h3>" in page
    matrix = page[page.index("expected against got") :]
    assert "(refused)" in matrix[: matrix.index("</thead>")]
