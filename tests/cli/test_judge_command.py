"""`runner judge`: how far a judge can be trusted, measured by a scripted judge."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest

from tests.faults import FaultServer

from .asking import KEY, run
from .judging import scripted, write_project
from .project import Done, ProjectFolder

JUDGE = "judge: {model: judge-2026-01-01}\n"
PROMPT = """
name: said
model: gpt-test
inputs: {text: {type: string}}
messages: [{role: user, content: "{{ text }}"}]
assert: [{type: llm-rubric, value: Is kind.}]
"""


@pytest.fixture(autouse=True)
def _scripted(server: FaultServer, project: ProjectFolder) -> None:
    server.play(scripted())
    write_project(project, server.base_url, PROMPT, JUDGE)


def judge(project: ProjectFolder, *args: str) -> Done:
    return project.run("judge", *args, env={"FAKE_KEY": KEY})


def write_labels(project: ProjectFolder, rows: list[dict[str, Any]], name: str = "labels.jsonl") -> None:
    project.write(name, "".join(json.dumps(row) + "\n" for row in rows))


def labels(good: int, bad: int, *, missed: int = 0, waved: int = 0) -> list[dict[str, Any]]:
    """So many labels of either kind; the judge fails `missed` of the good ones and passes `waved` of the bad ones."""
    rows = [
        {"label": "pass", "output": f"{'BAD' if number < missed else 'fine'} {number}"}
        for number in range(good)
    ]
    rows += [
        {"label": "fail", "output": f"{'fine' if number < waved else 'BAD'} no {number}"}
        for number in range(bad)
    ]
    return [{"criterion": "Is kind.", **row} for row in rows]


def test_a_judge_that_agrees_is_good_and_its_calibration_is_written(project: ProjectFolder) -> None:
    write_labels(project, labels(60, 60, missed=2, waved=3))
    done = judge(project, "calibrate", "labels.jsonl")
    assert done.code == 0, done.out + done.err
    assert "judges:rubric, judge-2026-01-01: 120 labels" in done.out
    assert "TPR 97 % (95 %: 89 % to 99 %)" in done.out.replace("%", " %").replace("  %", " %")
    assert "kappa 0.92" in done.out
    assert "twice the same verdict: 100" in done.out
    assert "good: use its verdicts as they are" in done.out
    assert "row 1: label pass, judge fail and fail: It was read." in done.out
    written = (project.folder / "judges/rubric.calibration.yaml").read_text()
    assert "passed_right: 58" in written
    assert "failed_wrong: 3" in written
    assert 'word: "good"' in written


def test_a_judge_that_always_passes_is_refused(project: ProjectFolder, server: FaultServer) -> None:
    server.play(scripted(lambda _: {"reason": "r", "verdict": "pass"}))
    write_labels(project, labels(50, 50))
    done = judge(project, "calibrate", "labels.jsonl")
    assert done.code == 1
    assert "do not use" in done.out
    assert "the judge contradicts 50 labels, such as:" in done.out
    assert done.out.count("row ") == 10


def test_a_judge_that_is_often_unsure_is_refused(project: ProjectFolder, server: FaultServer) -> None:
    write_labels(
        project,
        labels(60, 60) + [{"criterion": "c", "output": f"VAGUE {n}", "label": "pass"} for n in range(20)],
    )
    done = judge(project, "calibrate", "labels.jsonl")
    assert done.code == 1
    assert "undecided: 20" in done.out


def test_a_judge_that_contradicts_itself_shows_it(project: ProjectFolder, server: FaultServer) -> None:
    turn = iter(range(10_000))
    server.play(scripted(lambda text: {"reason": "r", "verdict": "pass" if next(turn) % 2 else "fail"}))
    write_labels(project, labels(30, 30))
    done = judge(project, "calibrate", "labels.jsonl", "--jobs", "1")
    assert done.code == 1
    assert "twice the same verdict: 0" in done.out


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (labels(29, 60), "labels.jsonl has 29 labels pass: at least 30 of each kind are needed"),
        (labels(60, 0), "labels.jsonl has 0 labels fail"),
        ([{"output": "x"}], "labels.jsonl:1:1: error: the row has no label"),
        ([{"output": "x", "label": "good"}], 'labels.jsonl:1:26: error: "good" is not a label'),
        ([{**row, "criterion": None} for row in labels(30, 30)], "criterion"),
    ],
)
def test_labels_that_prove_nothing_are_refused_before_anything_is_sent(
    project: ProjectFolder, server: FaultServer, rows: list[dict[str, Any]], said: str
) -> None:
    write_labels(project, rows)
    done = judge(project, "calibrate", "labels.jsonl")
    assert done.code == 2
    assert said in done.err
    assert not server.requests


def test_a_judge_that_does_not_answer_is_not_calibrated(project: ProjectFolder, server: FaultServer) -> None:
    from tests.faults import reply

    server.play(reply(500, {"error": {"message": "down"}}))
    write_labels(project, labels(30, 30))
    done = judge(project, "calibrate", "labels.jsonl")
    assert done.code == 3
    assert "nothing was written" in done.out
    assert not (project.folder / "judges").exists()


def test_rows_without_a_label_and_columns_that_are_not_used_are_named(project: ProjectFolder) -> None:
    rows = [
        *labels(30, 30),
        {"criterion": "c", "output": "x", "label": ""},
        {"criterion": "c", "output": "y", "label": None, "note": "?"},
    ]
    write_labels(project, rows)
    done = judge(project, "calibrate", "labels.jsonl")
    assert "2 rows have no label and are left out" in done.out
    assert "columns that are not used: note" in done.out


@pytest.mark.slow
def test_a_sample_of_a_run_is_labelled_and_corrects_its_pass_rate(
    project: ProjectFolder, server: FaultServer
) -> None:
    # A judge that waves half of the bad answers through.
    server.play(
        scripted(
            lambda text: {
                "reason": "r",
                "verdict": "fail" if re.search(r"BAD \d*[02468]\b", text) else "pass",
            }
        )
    )
    project.write(
        "rows.jsonl",
        "".join(json.dumps({"text": f"{'BAD' if n % 3 == 0 else 'fine'} {n}"}) + "\n" for n in range(300)),
    )
    assert run(project, "--input", "rows.jsonl", "--quiet").code == 1
    drawn = judge(project, "sample", "last", "150")
    assert drawn.code == 0, drawn.err
    rows = list(csv.DictReader(io.StringIO(drawn.out)))
    assert len(rows) == 150
    assert [*rows[0]] == [
        "label",
        "criterion",
        "output",
        "input",
        "run",
        "case",
        "variant",
        "sample",
        "check",
    ]
    assert not any(row["label"] for row in rows)
    assert judge(project, "sample", "last", "150").out == drawn.out
    assert judge(project, "sample", "last", "150", "--seed", "1").out != drawn.out
    write_labels(project, [{**row, "label": "fail" if "BAD" in row["output"] else "pass"} for row in rows])
    done = judge(project, "calibrate", "labels.jsonl")
    assert done.code == 0, done.out + done.err
    assert "usable with correction" in done.out
    found = re.search(
        r"the judge passes 250 of 300 .*corrected by the labels: (\d+)\s?% \(95 %: (\d+)\s?% to (\d+)\s?%\)",
        done.out,
    )
    assert found is not None, done.out
    rate, low, high = map(int, found.groups())
    assert low <= 67 <= high
    assert abs(rate - 67) < abs(83 - 67)
    again = run(project, "--input", "rows.jsonl", "--quiet")
    assert (
        "judges:rubric passes 250 of 300 (83%); without its errors, as in judges/rubric.calibration.yaml"
        in again.out
    )


def test_a_calibration_of_another_judge_corrects_nothing_and_says_so(
    project: ProjectFolder, server: FaultServer
) -> None:
    write_labels(project, labels(40, 40))
    assert judge(project, "calibrate", "labels.jsonl").code == 0
    write_project(project, server.base_url, PROMPT, "judge: {model: judge-2026-02-02}\n")
    done = run(project, "--var", "text=fine")
    assert (
        "judges/rubric.calibration.yaml is about another judge than judges:rubric as it is now (judge-2026-02-02)"
        in done.out
    )


def test_a_gate_on_a_judge_without_calibration_is_remarked(
    project: ProjectFolder, server: FaultServer
) -> None:
    gated = PROMPT + "tests: [{vars: {text: hi}}]\nregression: {gate: {min: 0.5}}\n"
    write_project(project, server.base_url, gated, JUDGE)
    done = project.run("check")
    assert "W029 a gate depends on the judge judges:rubric, whose error rates are unknown" in done.err
    write_labels(project, labels(40, 40))
    assert judge(project, "calibrate", "labels.jsonl").code == 0
    assert "W029" not in project.run("check").err
    project.write("judges/rubric.calibration.yaml", "runner_calibration: 1\nword: good\n")
    done = project.run("check")
    assert done.code == 2
    assert "rubric.calibration.yaml: error: this is not a calibration" in done.err
    project.write("judges/rubric.calibration.yaml", "runner_calibration: 2\n")
    assert "was written by a newer runner" in project.run("check").err


def test_verdicts_of_several_judges_are_not_mixed(project: ProjectFolder, server: FaultServer) -> None:
    both = PROMPT.replace("Is kind.}", "Is kind.}, {type: closed-qa, value: Is short.}")
    write_project(project, server.base_url, both, JUDGE)
    assert run(project, "--var", "text=fine").code == 0
    done = judge(project, "sample", "last", "10")
    assert done.code == 2
    assert "has verdicts of several judges: judges:closed-qa" in done.err
    assert judge(project, "sample", "last", "10", "--judge", "judges:closed-qa").code == 0
    done = judge(project, "sample", "last", "10", "--judge", "judges:steps")
    assert done.code == 2


def test_pairs_are_judged_in_both_orders_and_a_bias_for_a_seat_is_shown(
    project: ProjectFolder, server: FaultServer
) -> None:
    server.play(scripted(lambda _: {"reason": "r", "verdict": "first"}))
    rows = [{"criterion": "c", "first": f"a {n}", "second": f"b {n}", "label": "tie"} for n in range(20)]
    write_labels(project, rows)
    done = judge(project, "calibrate", "labels.jsonl", "--judge", "judges:pairwise")
    assert done.code == 0, done.out + done.err
    assert "decided in both orders alike: 0" in done.out
    assert "the first seat won 100" in done.out
    assert "a bias" in done.out


@pytest.mark.parametrize("name", ["rubric", "judges:pairwise", "steps", "factuality", "closed-qa"])
def test_a_copied_judge_can_be_used_at_once(project: ProjectFolder, server: FaultServer, name: str) -> None:
    done = judge(project, "copy", name, "court/own.prompt.yaml")
    assert done.code == 0, done.err
    assert project.run("check", "court/own.prompt.yaml", "--quiet").code in (0, 2)
    assert judge(project, "copy", name, "court/own.prompt.yaml").code == 2
    assert judge(project, "copy", name, "court/own.prompt.yaml", "--force").code == 0
    if name == "rubric":
        write_project(
            project,
            server.base_url,
            PROMPT,
            "judge: {model: judge-2026-01-01, prompt: court/own.prompt.yaml}\n",
        )
        assert (
            run(project, "said", "--var", "text=fine").records()[0]["checks"][0]["judge"]["prompt"]
            == "court/own.prompt.yaml"
        )
    assert judge(project, "copy", "rubrik").code == 2
