"""`runner drift`: nights of a suite against its baseline and the nights since, their history, their sparkline."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.faults import FaultServer, Received, Steps, reply
from tests.golden_files import assert_golden

from .project import Done, ProjectFolder
from .test_gates import Suite, breaks


class Nights(Suite):
    """A suite that is asked night by night; `fingerprint` is what the server says of its configuration."""

    fingerprint: str | None = None

    def answer(self, request: Received) -> Steps:
        case = int(re.findall(r"case (\d+)", request.json["messages"][-1]["content"])[-1])
        number = self.asked[case]
        self.asked[case] += 1
        message = {
            "role": "assistant",
            "content": f"{'good' if self.right(case, number) else 'bad'} {sum(self.asked.values())}",
        }
        body: dict[str, Any] = {
            "object": "chat.completion",
            "model": self.model,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        }
        if self.fingerprint is not None:
            body["system_fingerprint"] = self.fingerprint
        return reply(200, body)

    def night(self, *args: str, code: int = 0) -> Done:
        done = self.run("drift", *args)
        assert done.code == code, done.out + done.err
        return done

    def history(self, name: str = ".runner/drift.jsonl") -> list[dict[str, Any]]:
        text = (self.project.folder / name).read_text()
        return [json.loads(line) for line in text.splitlines()]

    def states(self) -> list[str]:
        return [line["state"] for line in self.history()]


@pytest.fixture
def nights(project: ProjectFolder, server: FaultServer) -> Iterator[Nights]:
    found = Nights(project, server)
    found.write(None)
    yield found


def noisy(night: int, *broken: int) -> Callable[[int, int], bool]:
    """One other case fails each night, and these ones always."""
    return lambda case, sample: case not in broken and (case + night + sample) % 20 != 0


def test_a_night_like_the_baseline_is_steady(nights: Nights) -> None:
    nights.right = noisy(0)
    nights.baseline()
    done = nights.night()
    assert "triage  steady  95.0 % tonight, 95.0 % in the baseline" in done.out
    assert "there is no history in .runner/drift.jsonl yet" in done.out
    [line] = nights.history()
    assert line["runner_drift"] == 1
    assert line["prompt"] == "prompts/triage.prompt.yaml"
    assert (line["state"], line["rate"], line["served"]) == ("steady", 0.95, ["served-1"])
    assert len(line["cases"]) == 20
    assert sum(nights.asked.values()) == 20


def test_nothing_is_approved_and_no_case_fails_the_night(nights: Nights) -> None:
    nights.baseline()
    nights.right = breaks(4)
    nights.night()
    assert not (nights.project.folder / "prompts" / "__snapshots__" / "triage").exists()
    assert not (nights.project.folder / ".runner" / "pending").exists()


def test_a_bad_night_is_watched_and_bad_nights_are_drift(nights: Nights) -> None:
    nights.right = noisy(0)
    nights.baseline()
    nights.night()
    nights.right = noisy(1, 3, 4, 5, 6)
    watched = nights.night()
    assert "watch" in watched.out
    assert "one such night may be chance" in watched.out
    for number in range(2, 5):
        nights.right = noisy(number, 3, 4, 5, 6)
        done = nights.run("drift")
        if done.code:
            break
    assert done.code == 1
    assert "DRIFT" in done.out
    assert "fell furthest: c" in done.out
    assert nights.states()[:2] == ["steady", "watch"]
    assert nights.states()[-1] == "drift"
    assert len(nights.states()) <= 5


def test_a_collapse_is_drift_at_once(nights: Nights) -> None:
    nights.baseline()
    nights.right = lambda _case, _sample: False
    assert "DRIFT" in nights.night(code=1).out


def test_a_rise_is_better_and_no_failure(nights: Nights) -> None:
    nights.right = lambda case, sample: (case + sample) % 3 == 0
    nights.baseline()
    nights.right = lambda _case, _sample: True
    assert "better" in nights.night().out


def test_nights_count_as_the_past(nights: Nights) -> None:
    nights.right = noisy(0)
    nights.baseline()
    for _ in range(3):
        done = nights.night()
    assert "in the baseline and 2 nights" in done.out


def test_a_new_baseline_begins_anew(nights: Nights) -> None:
    nights.right = noisy(0)
    nights.baseline()
    nights.night()
    nights.right = noisy(1)
    nights.baseline("--samples", "5")
    assert re.search(r"in the baseline$", nights.night().out, re.MULTILINE)


def test_without_a_baseline_the_first_night_is_not_judged_and_the_second_is(nights: Nights) -> None:
    done = nights.night(code=3)
    assert (
        "NOT CHECKED: there is nothing to compare this first night with: runner baseline prompts/triage.prompt.yaml"
        in done.out
    )
    assert "in 1 night" in nights.night().out


def test_cases_of_another_request_have_no_past(nights: Nights) -> None:
    nights.baseline()
    file = nights.project.folder / "prompts" / "triage.prompt.yaml"
    file.write_text(file.read_text().replace("'case 3'", "'the case 3'"))
    nights.right = breaks(3)
    done = nights.night()
    assert "the baseline has another request for 1 case: c3; runner baseline" in done.out
    assert "1 case without a past not judged: c3" in done.out
    assert "steady" in done.out


def test_what_the_server_says_about_itself_is_evidence_and_no_verdict(nights: Nights) -> None:
    nights.fingerprint = "fp_1"
    nights.baseline()
    nights.model = "served-2"
    assert "the served model is served-2; at the baseline it was served-1" in nights.night().out
    nights.fingerprint = "fp_2"
    done = nights.night()
    assert re.search(r"the system_fingerprint is fp_2; on \d{4}-\d\d-\d\d it was fp_1", done.out)
    assert "served model" not in done.out


def test_missing_answers_make_no_night(nights: Nights, server: FaultServer) -> None:
    nights.baseline()

    def failing(request: Received) -> Steps:
        if request.json["messages"][-1]["content"] in ("case 7", "case 13"):
            return reply(400, {"error": {"message": "no", "code": "bad"}})
        return nights.answer(request)

    server.play(failing)
    done = nights.night(code=3)
    assert "2 of 20 answers did not arrive, so this night is left out" in done.out
    assert not (nights.project.folder / ".runner" / "drift.jsonl").exists()


def test_without_assertions_an_answer_passes_if_it_is_as_approved(
    nights: Nights, server: FaultServer
) -> None:
    nights.write(None, asserting=False)
    done = nights.night(code=3)
    assert "20 cases without an approved answer: each answer would pass" in done.out
    from .test_gates import served

    server.play(lambda _: served("good"))
    nights.run("test", "--update", "all")
    assert nights.run("baseline").code == 0
    nights.night()
    server.play(lambda _: served("good, but other words"))
    nights.night(code=1)


def test_the_history_is_kept_where_it_is_said(nights: Nights) -> None:
    nights.baseline()
    nights.night("--history", "nightly/drift.jsonl")
    nights.night("--history", "nightly/drift.jsonl")
    assert len(nights.history("nightly/drift.jsonl")) == 2
    assert not (nights.project.folder / ".runner" / "drift.jsonl").exists()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("not json", "this is not a line of a history of nights"),
        ('{"runner_drift": 1}', "this line of a history of nights is damaged"),
        ("{}", "this line of a history of nights is damaged"),
        ('{"runner_drift": 9}', "this line was written by a newer runner"),
    ],
)
def test_a_damaged_history_is_an_error_at_its_line_before_anything_is_sent(
    nights: Nights, server: FaultServer, line: str, said: str
) -> None:
    nights.baseline()
    nights.night()
    file = nights.project.folder / ".runner" / "drift.jsonl"
    file.write_text(file.read_text() + line + "\n")
    server.requests.clear()
    done = nights.night(code=2)
    assert f".runner/drift.jsonl:2: error: {said}" in done.err.replace(str(nights.project.folder) + "/", "")
    assert not server.requests


def test_a_history_is_not_any_other_file(nights: Nights) -> None:
    done = nights.run("drift", "--history", "runner.yaml")
    assert done.code == 2
    assert nights.run("drift", "--plot", "--history", "runner.yaml").code == 2
    assert nights.run("drift", "--plot").code == 5


def test_the_nights_are_a_sparkline(nights: Nights) -> None:
    nights.right = noisy(0)
    nights.baseline()
    for number in range(4):
        nights.right = noisy(number)
        nights.night()
    for number in range(2):
        nights.right = noisy(number, 3, 4, 5, 6)
        nights.run("drift")
    said = re.sub(r"\d{4}-\d\d-\d\d", "DATE", nights.night("--plot").out)
    assert_golden("cli/drift-plot.txt", said)
    assert nights.night("--plot", "triage").out.count("nights") == 1


def test_a_night_of_drift_reads_like_this(nights: Nights) -> None:
    nights.write(None, name="steady")
    nights.right = noisy(0)
    nights.baseline()
    nights.right = lambda case, sample: noisy(0, 3, 4, 5, 6, 7, 8)(case, sample) or nights.asked[case] > 1
    nights.model = "served-2"
    done = nights.run("drift", "-q", "-j", "1")
    assert_golden("cli/drift.txt", done.out)


def test_a_history_of_the_first_version_stays_readable(nights: Nights) -> None:
    nights.project.write(
        "old.jsonl",
        '{"runner_drift": 1, "at": "2026-11-26T03:17:00+00:00", "prompt": "prompts/triage.prompt.yaml", "variant": null,'
        ' "state": "steady", "baseline": "0f3a9c0211aa22bb", "rate": 0.95, "past_rate": 0.94, "p": 0.5, "nights": 1,'
        ' "served": ["served-1"], "fingerprints": [], "cases": {"c1": [1, 1, "1f3a9c02"], "c2": [0, 1, "77ab01de"]}}\n',
    )
    assert (
        "1 night, 2026-11-26 to 2026-11-26; last 95.0 %, steady"
        in nights.night("--plot", "--history", "old.jsonl").out
    )
