"""Gates on accuracy, F1, errors and named scores: judged against a baseline of labels, refused where they mean nothing."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from tests.faults import FaultServer, Received, Steps, completion

from .project import Done, ProjectFolder

KEY = {"FAKE_KEY": "not-a-secret-0"}
PROMPT = """\
name: triage
model: gpt-test
inputs: {{ticket: {{type: string}}}}
messages: [{{role: user, content: "{{{{ ticket }}}}"}}]
response_format:
  type: json_schema
  json_schema:
    name: t
    strict: true
    schema:
      type: object
      additionalProperties: false
      required: [topic, amount]
      properties: {{topic: {{type: string, enum: [bug, login, payment]}}, amount: {{type: number}}}}
labels: {{path: $.topic, from: topic}}
numbers: {{path: $.amount, from: amount, within: {{abs: 1}}}}
assert: [{{type: expr, value: "output.topic != 'bug' or output.amount < 50", metric: tone}}]
tests: [{{file: rows.csv}}]
regression: {{gate: {gate}}}
"""
TOPICS = ["bug", "login", "payment"]


class Labelled:
    """A labelled prompt of 24 cases, and a server that answers with a label and a number for each case and sample."""

    def __init__(self, project: ProjectFolder, server: FaultServer) -> None:
        self.project = project
        self.server = server
        self.asked: Counter[int] = Counter()
        self.topic: Callable[[int, int], str] = lambda case, _sample: TOPICS[case % 3]
        self.amount: Callable[[int, int], float] = lambda _case, _sample: 10.0
        server.play(self.answer)
        project.write(
            "runner.yaml",
            f"endpoint: fake\nendpoints: {{fake: {{base_url: '{server.base_url}', api_key_env: FAKE_KEY, max_retries: 0}}}}\n",
        )
        rows = "".join(f"case {case},{TOPICS[case % 3]},10\n" for case in range(24))
        project.write("rows.csv", "ticket,topic,amount\n" + rows)

    def answer(self, request: Received) -> Steps:
        case = int(re.findall(r"case (\d+)", request.json["messages"][-1]["content"])[-1])
        number = self.asked[case]
        self.asked[case] += 1
        # The white space makes the samples different answers.
        text = json.dumps({"topic": self.topic(case, number), "amount": self.amount(case, number)})
        return completion(text + " " * (sum(self.asked.values()) % 97))

    def run(self, gate: str, *args: str) -> Done:
        self.asked.clear()
        self.project.write("triage.prompt.yaml", PROMPT.format(gate=gate))
        return self.project.run(*args, env=KEY)

    def judged(self, gate: str) -> Done:
        return self.run(gate, "test", "--live")


@pytest.fixture
def labelled(project: ProjectFolder, server: FaultServer) -> Labelled:
    suite = Labelled(project, server)
    assert suite.run("{}", "baseline").code == 0
    return suite


def bugs_are_lost(case: int, _sample: int) -> str:
    return "login" if case % 3 == 0 else TOPICS[case % 3]


def test_the_baseline_counts_the_labels_that_came_and_the_scores(labelled: Labelled) -> None:
    text = (labelled.project.folder / "__snapshots__" / "triage.rates.yaml").read_text()
    assert text.startswith("runner_rates: 2\n")
    assert text.count('passed: 10/10, came: {bug: 10}, scores: {tone: {"1": 10}, within: {"1": 10}}') == 8


@pytest.mark.slow
@pytest.mark.parametrize(
    ("gate", "verdict"),
    [("{metric: accuracy}", "accuracy  WORSE by 33.3 points (100.0 → 66.7 %"),
     ("{metric: macro_f1}", "macro_f1  WORSE by 44.4 points (100.0 → 55.6 %"),
     ("{metric: recall, label: bug}", "recall bug  WORSE by 100.0 points (100.0 → 0.0 %"),
     ("{metric: f1, label: login, max_drop: 0.1}", "f1 login max_drop 0.1  WORSE by 33.3 points"),
     ("{metric: precision, label: login, min: 0.9}", "precision login min 0.9  WORSE: 50.0 %"),
     ("{metric: recall, label: payment}", "recall payment  held"),
     ("{metric: within}", "within  held"),
     ("{metric: tone}", "tone  held")],
)  # fmt: skip
def test_what_a_gate_says_when_one_label_is_lost(labelled: Labelled, gate: str, verdict: str) -> None:
    labelled.topic = bugs_are_lost
    done = labelled.judged(gate)
    assert f"triage  {verdict}" in done.out
    assert done.code == ("WORSE" in verdict)


@pytest.mark.slow
def test_a_label_that_is_never_given_has_no_precision_to_judge(labelled: Labelled) -> None:
    labelled.topic = bugs_are_lost
    done = labelled.judged("{metric: precision, label: bug, min: 0.5, unsure: fail}")
    assert "INCONCLUSIVE: no answer gave the label, so there is no precision" in done.out
    assert done.code == 3


@pytest.mark.slow
def test_an_error_that_is_too_large_is_worse(labelled: Labelled) -> None:
    labelled.amount = lambda _case, _sample: 13.0
    done = labelled.judged("[{metric: mae, max: 2}, {metric: rmse, max: 4}, {metric: within}]")
    assert "mae max 2  WORSE: 3 (" in done.out
    assert "rmse max 4  held: 3 (" in done.out
    assert "within  WORSE by 100.0 points" in done.out


@pytest.mark.slow
def test_a_named_score_has_a_gate_of_its_own(labelled: Labelled) -> None:
    labelled.amount = lambda case, _sample: 99.0 if case % 3 == 0 else 10.0
    done = labelled.judged("[{metric: tone}, {metric: accuracy}]")
    assert "tone  WORSE by 33.3 points" in done.out
    assert "accuracy  held" in done.out


@pytest.mark.slow
def test_nothing_changed_is_held_by_every_gate(labelled: Labelled) -> None:
    gates = ["accuracy", "macro_f1", "weighted_f1", "within", "tone"]
    done = labelled.judged("[" + ", ".join(f"{{metric: {name}}}" for name in gates) + "]")
    assert done.out.count("  held ") == len(gates)
    assert done.code == 1 if "WORSE" in done.out else done.code == 0


def test_min_is_judged_offline_on_the_baseline(labelled: Labelled) -> None:
    done = labelled.run("{metric: macro_f1, min: 0.8}", "test", "--offline")
    assert "macro_f1 min 0.8  held: 100.0 %" in done.out


@pytest.mark.slow
def test_a_baseline_without_labels_is_not_taken_for_one_with(labelled: Labelled) -> None:
    path = labelled.project.folder / "__snapshots__" / "triage.rates.yaml"
    path.write_text(re.sub(r", came: .*\}", "}", path.read_text()).replace("rates: 2", "rates: 1"))
    done = labelled.judged("{metric: accuracy}")
    assert "NOT CHECKED: the baseline does not record accuracy: runner baseline" in done.out
    assert done.code == 3


@pytest.mark.slow
def test_a_corrected_label_needs_no_new_baseline(labelled: Labelled) -> None:
    """The baseline knows what came; what is right is decided today."""
    rows = (labelled.project.folder / "rows.csv").read_text()
    labelled.project.write("rows.csv", rows.replace("case 0,bug", "case 0,login"))
    done = labelled.judged("{metric: accuracy}")
    assert "accuracy  held 0.0 points (95.8 → 95.8 %" in done.out or "accuracy  held 0 points" in done.out


@pytest.mark.parametrize(
    ("gate", "why"),
    [("{metric: recall, label: bgu}", 'no case of triage has the label "bgu"'),
     ("{metric: recall, label: 3}", "no case of triage has the label 3 (the labels are"),
     ("{metric: f1, label: bug, min: 0}", "can never fail"),
     ("{metric: recall, label: bug, min: 0.01}", "can never fail: even if all answers were wrong, 8 cases prove nothing"),
     ("{metric: jaccard, min: 0.5}", "triage declares no sets"),
     ("{metric: toen}", 'did you mean "tone"'),
     ("{metric: mae}", "a gate on mae needs max"),
     ("{metric: accuracy, label: bug}", "accuracy is not about one label")],
)  # fmt: skip
def test_a_gate_that_means_nothing_is_refused_by_check_and_before_anything_is_sent(
    labelled: Labelled, gate: str, why: str
) -> None:
    sent = len(labelled.server.requests)
    for command in (["check"], ["test", "--live"]):
        done = labelled.run(gate, *command)
        assert done.code == 2
        assert "triage.prompt.yaml:19:" in done.err
        assert why.partition(" (")[0] in done.err
    assert len(labelled.server.requests) == sent


@pytest.mark.slow
def test_the_files_of_a_test_have_the_metrics(labelled: Labelled) -> None:
    labelled.topic = bugs_are_lost
    labelled.run("{metric: accuracy}", "test", "--live", "--output", "out.xml")
    tree = ElementTree.parse(labelled.project.folder / "out.xml").getroot()
    properties = {
        each.get("name"): each.get("value") for each in tree.findall("./testsuite/properties/property")
    }
    assert properties["accuracy"] == "0.666667"
    assert properties["recall.bug"] == "0"
    assert "precision.bug" not in properties
    labelled.run("{metric: accuracy}", "test", "--live", "--output", "out.md")
    text = (labelled.project.folder / "out.md").read_text()
    assert "| <code>triage</code> | <code>accuracy</code> | 66.7 % |" in text
    assert "| <code>bug</code> | 8 | 0 | - | 0.0 % |" in text


@pytest.mark.slow
def test_cases_of_a_group_count_as_one_for_inputs_like_these(
    project: ProjectFolder, server: FaultServer
) -> None:
    suite = Labelled(project, server)
    rows = "".join(
        f"case {case},{TOPICS[case % 3]},10,{'one' if case % 3 == 0 else case}\n" for case in range(24)
    )
    project.write("rows.csv", "ticket,topic,amount,customer\n" + rows)
    gate = "{metric: accuracy, about: inputs}"
    suite.run("{}", "baseline")
    suite.topic = bugs_are_lost
    alone = suite.judged(gate)
    assert "WORSE by 33.3 points" in alone.out
    grouped = PROMPT.replace("[{{file: rows.csv}}]", "[{{file: rows.csv, group: customer}}]")
    suite.asked.clear()
    project.write("triage.prompt.yaml", grouped.format(gate=gate))
    together = project.run("test", "--live", env=KEY)
    # All that fell belong to one customer: one of 17 that fell may be chance.
    assert "INCONCLUSIVE" in together.out


def test_prune_removes_the_baseline_of_a_prompt_that_is_gone(labelled: Labelled) -> None:
    folder = labelled.project.folder
    gone = folder / "__snapshots__" / "gone.rates.yaml"
    gone.write_text("runner_rates: 1\nsamples: 1\ncases: {}\n")
    kept = folder / "__snapshots__" / "triage.rates.yaml"
    listed = labelled.run("{}", "prune", "--dry-run")
    assert "would delete __snapshots__/gone.rates.yaml" in listed.out
    assert gone.exists()
    done = labelled.run("{}", "prune")
    assert "deleted __snapshots__/gone.rates.yaml" in done.out
    assert "1 baseline without a prompt" in done.out
    assert not gone.exists()
    assert kept.exists()


def test_prune_leaves_baselines_alone_while_a_prompt_beside_them_is_not_given(labelled: Labelled) -> None:
    folder = labelled.project.folder
    labelled.project.write("other.prompt.yaml", "model: m\nmessages: [{role: user, content: hi}]\n")
    gone = folder / "__snapshots__" / "gone.rates.yaml"
    gone.write_text("runner_rates: 1\nsamples: 1\ncases: {}\n")
    assert labelled.run("{}", "prune", "other.prompt.yaml").code == 0
    assert gone.exists()


def test_gates_that_are_not_judged_offline_take_one_line(labelled: Labelled) -> None:
    done = labelled.run("[{}, {metric: accuracy}]", "test", "--offline")
    assert "2 gates not judged: only --live sends every case" in done.out
