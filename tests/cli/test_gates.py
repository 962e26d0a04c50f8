"""`runner baseline` and the gates of `runner test`: what is written, what is asked, what each verdict comes to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from xml.etree import ElementTree

import pytest

from tests.faults import FaultServer, Received, Steps, completion, reply

from .project import Done, ProjectFolder

KEY = {"FAKE_KEY": "not-a-secret-0"}
PROMPT = """\
name: triage
model: gpt-test
{head}inputs: {{ticket: {{type: string}}}}
messages: [{{role: user, content: "{{{{ ticket }}}}"}}]
tests:
{tests}{tail}"""


def served(content: str, model: str = "gpt-test", finish_reason: str = "stop") -> Steps:
    message = {"role": "assistant", "content": content}
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    return reply(200, {"object": "chat.completion", "model": model, "choices": [choice], "usage": usage})


class Suite:
    """Create a prompt with this many cases, and a server whose nth answer to a case is right or wrong as configured."""

    def __init__(self, project: ProjectFolder, server: FaultServer) -> None:
        self.project = project
        self.server = server
        self.right: Callable[[int, int], bool] = lambda _case, _sample: True
        self.asked: Counter[int] = Counter()
        self.model = "served-1"
        server.play(self.answer)
        project.write(
            "runner.yaml",
            f"endpoint: fake\nendpoints: {{fake: {{base_url: '{server.base_url}', api_key_env: FAKE_KEY, max_retries: 0}}}}\n",
        )
        self.write()

    def write(
        self,
        gate: str | None = "{}",
        *,
        cases: int = 20,
        head: str = "",
        tags: Mapping[int, str] | None = None,
        asserting: bool = True,
        name: str = "triage",
    ) -> None:
        asserts = ", assert: [{type: contains, value: good}]" if asserting else ""
        tests = "".join(
            f"  - {{id: c{case}, vars: {{ticket: 'case {case}'}}{asserts}"
            + (f", tags: [{tags[case]}]" if tags and case in tags else "")
            + "}\n"
            for case in range(cases)
        )
        tail = "" if gate is None else f"regression: {{gate: {gate}}}\n"
        text = PROMPT.format(head=head, tests=tests, tail=tail)
        self.project.write(f"prompts/{name}.prompt.yaml", text.replace("name: triage", f"name: {name}"))

    def answer(self, request: Received) -> Steps:
        case = int(re.findall(r"case (\d+)", request.json["messages"][-1]["content"])[-1])
        number = self.asked[case]
        self.asked[case] += 1
        # No two answers are the same, so that they are samples.
        word = "good" if self.right(case, number) else "bad"
        return served(f"{word} {sum(self.asked.values())}", self.model)

    def run(self, *args: str, **env: str) -> Done:
        self.asked.clear()
        return self.project.run(*args, env={**KEY, **env})

    def baseline(self, *args: str) -> str:
        done = self.run("baseline", *args)
        assert done.code == 0, done.out + done.err
        return self.rates()

    def rates(self, name: str = "triage") -> str:
        return (self.project.folder / "prompts" / "__snapshots__" / f"{name}.rates.yaml").read_text()

    def live(self, *args: str, **env: str) -> Done:
        return self.run("test", "--live", *args, **env)


@pytest.fixture
def suite(project: ProjectFolder, server: FaultServer) -> Iterator[Suite]:
    return Suite(project, server)


def breaks(*cases: int) -> Callable[[int, int], bool]:
    return lambda case, _sample: case not in cases


def said(done: Done) -> str:
    """The lines about gates."""
    lines = [line for line in done.out.splitlines() if line.startswith(("triage  ", " ", "gate"))]
    return "\n".join(lines)


# --- the baseline -----------------------------------------------------------------------------------------------------


def test_a_baseline_is_a_line_for_each_case(suite: Suite) -> None:
    suite.write(cases=3)
    suite.right = lambda case, sample: case != 1 or sample < 3
    text = suite.baseline()
    head, lines = text.splitlines()[:4], text.splitlines()[4:]
    assert head == ["runner_rates: 1", "samples: 10", "served_model: served-1", "cases:"]
    assert [re.sub(r'request: "?[0-9a-f]{8}"?', "request: …", line) for line in lines] == [
        "  c0: {request: …, passed: 10/10}",
        "  c1: {request: …, passed: 3/10}",
        "  c2: {request: …, passed: 10/10}",
    ]
    assert suite.asked == {0: 10, 1: 10, 2: 10}


def test_a_baseline_approves_nothing(suite: Suite) -> None:
    suite.baseline("--samples", "2")
    assert list(suite.project.folder.rglob("*.snap.yaml*")) == []
    assert suite.run("test", "--offline").code == 4


def test_it_says_what_changed_since_the_last_one(suite: Suite) -> None:
    suite.write(cases=4)
    suite.baseline("--samples", "5")
    suite.right = lambda case, sample: case or sample
    done = suite.run("baseline", "--samples", "5")
    assert "triage: 95.0 % pass (95 %: " in done.out
    assert "4 cases x 5 samples; was 100.0 %: −5.0 points (" in done.out


def test_answers_that_did_not_come_are_asked_for_again(suite: Suite) -> None:
    failed: list[int] = []

    def answer(request: Received) -> Steps:
        if len(failed) < 3:
            failed.append(1)
            return reply(500, {"error": {"message": "busy"}})
        return suite.answer(request)

    suite.server.play(answer)
    suite.write(cases=3)
    done = suite.run("baseline", "--samples", "4")
    assert done.code == 0
    assert "3 answers did not arrive; sending again" in done.out
    assert suite.rates().count("/4}") == 3


def test_where_answers_stay_away_nothing_is_written(suite: Suite) -> None:
    suite.write(cases=3)
    before = suite.baseline("--samples", "2")

    def answer(request: Received) -> Steps:
        return (
            reply(500, {"error": {"message": "busy"}})
            if "case 1" in str(request.json)
            else suite.answer(request)
        )

    suite.server.play(answer)
    done = suite.run("baseline", "--samples", "2")
    assert done.code == 3
    assert "2 answers did not arrive: nothing was written" in done.out
    assert suite.rates() == before


def test_a_case_that_is_new_gets_its_rate_beside_the_others(suite: Suite) -> None:
    suite.write(cases=3)
    before = suite.baseline("--samples", "2")
    suite.write(cases=4)
    after = suite.baseline("--samples", "2", "--case", "c3")
    assert suite.asked == {3: 2}
    assert after.startswith(before)
    assert len(after.splitlines()) == len(before.splitlines()) + 1


def test_rates_of_different_sizes_do_not_stand_in_one_file(suite: Suite) -> None:
    suite.write(cases=3)
    suite.baseline("--samples", "2")
    done = suite.run("baseline", "--samples", "3", "--case", "c1")
    assert done.code == 2
    assert "have 2 samples, not 3" in done.err
    assert not suite.asked


def test_samples_that_are_copies_are_written_as_one(suite: Suite) -> None:
    suite.write(cases=2)
    suite.server.play(lambda _: completion("good"))
    assert suite.baseline().count("passed: 1/1") == 2
    suite.write(cases=2, head="temperature: 0\n")
    assert suite.baseline().count("passed: 10/10") == 2


def test_each_variant_has_rates_and_a_gate_of_its_own(suite: Suite) -> None:
    suite.write(cases=6, head="matrix: {model: [a, b]}\n")
    suite.run("baseline", "--samples", "2")
    assert suite.rates("triage@a").count("passed: 2/2") == 6
    assert suite.rates("triage@b").count("passed: 2/2") == 6
    done = suite.live()
    assert done.code == 0
    assert "triage@a  pass_rate  held" in done.out
    assert "triage@b  pass_rate  held" in done.out


def test_a_link_in_the_place_of_rates_is_not_followed(suite: Suite) -> None:
    suite.write(cases=2)
    suite.baseline("--samples", "2")
    file = suite.project.folder / "prompts" / "__snapshots__" / "triage.rates.yaml"
    file.rename(suite.project.folder / "elsewhere")
    file.symlink_to(suite.project.folder / "elsewhere")
    done = suite.live()
    assert done.code == 2
    assert "it is a link" in done.err


# --- verdicts -----------------------------------------------------------------------------------------------------------


def test_a_suite_that_did_not_change_has_held_after_two_samples(suite: Suite) -> None:
    suite.right = lambda case, sample: not (case < 3 and sample % 3 == 2)
    suite.baseline()
    done = suite.live()
    assert done.code == 0, done.out
    assert "triage  pass_rate  held" in done.out
    assert set(suite.asked.values()) == {2}
    assert "20 cases, 40 calls, 160 saved" in done.out
    assert "gate: 1 held" in done.out


def test_cases_that_break_make_it_worse_and_are_named(suite: Suite) -> None:
    suite.baseline()
    suite.right = breaks(3, 5, 7)
    done = suite.live()
    assert done.code == 1
    assert "triage  pass_rate  WORSE by 15.0 points (100.0 → 85.0 %, 95 %: " in done.out
    assert "3 worse, 0 better: c3 10/10 → 0/2, c5 10/10 → 0/2, c7 10/10 → 0/2" in done.out
    assert "gate: 1 worse" in done.out


def test_single_cases_that_fail_or_wait_do_not_fail_what_a_gate_decides(suite: Suite) -> None:
    suite.right = breaks(0)
    suite.baseline()
    done = suite.live()
    assert done.code == 0
    assert "1 failed" in done.out.splitlines()[-1]
    suite.write(None)
    assert suite.live().code == 1


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_a_case_that_must_pass_fails_the_run_alone(suite: Suite, form: str) -> None:
    asserts = '[{"type": "contains", "value": "good"}]'
    if form == "jsonl":
        rows = [
            f'{{"id": "c{n}", "vars": {{"ticket": "case {n}"}}, "assert": {asserts}, "must_pass": {str(n == 4).lower()}}}'
            for n in range(20)
        ]
    else:
        cell = '"' + asserts.replace('"', '""') + '"'
        rows = ["id,vars,assert,must_pass"]
        rows += [f'c{n},"{{""ticket"": ""case {n}""}}",{cell},{"true" if n == 4 else ""}' for n in range(20)]
    suite.project.write(f"prompts/rows.{form}", "\n".join(rows) + "\n")
    suite.write(cases=0)
    file = suite.project.folder / "prompts" / "triage.prompt.yaml"
    text = file.read_text().replace("tests:\n", f"tests: [{{file: rows.{form}}}]\n")
    file.write_text(text.replace("gate: {}", "gate: {}, default: ignore"))
    suite.baseline()
    assert suite.live("--update", "all").code == 0
    suite.right = breaks(5)
    assert suite.live().code == 0
    suite.right = breaks(4)
    done = suite.live()
    assert done.code == 1
    assert "pass_rate  held" in done.out
    assert re.search(r"^FAIL +triage/c4", done.out, re.MULTILINE)


def test_a_drop_within_the_margin_has_held(suite: Suite) -> None:
    suite.write("{samples: 10}")
    suite.baseline()
    suite.right = breaks(0)
    done = suite.live()
    assert (done.code, "held −5.0 points" in done.out) == (0, True)
    suite.write("{samples: 10, max_drop: 0.04}")
    assert suite.live().code == 1


def test_a_drop_without_evidence_is_inconclusive_and_fails_only_where_it_is_asked_to(suite: Suite) -> None:
    suite.write("{samples: 1}")
    suite.baseline("--samples", "1")
    suite.right = breaks(0, 1)
    done = suite.live()
    assert (done.code, "INCONCLUSIVE −10.0 points" in done.out) == (0, True)
    suite.write("{samples: 1, unsure: fail}")
    assert suite.live().code == 3


def test_evidence_comes_with_more_looks(suite: Suite) -> None:
    suite.right = lambda _case, sample: sample % 2 == 0
    suite.baseline()
    first_two_right = {0, 2, 4, 6, 8}
    suite.right = lambda case, sample: (
        (case + sample) % 2 == 0 if case % 4 else sample in first_two_right and case > 8
    )
    done = suite.live()
    assert set(suite.asked.values()) <= {2, 5, 10}
    assert done.code in (0, 1)
    assert max(suite.asked.values()) > 2


def test_calls_of_later_looks_are_counted_and_priced(suite: Suite) -> None:
    project = suite.project
    text = (project.folder / "runner.yaml").read_text()
    project.write("runner.yaml", text + "models: {gpt-test: {price: {input: 1000, output: 1000}}}\n")
    suite.right = lambda _case, sample: sample % 2 == 0
    suite.write("{samples: [1, 2]}")
    suite.baseline()
    suite.right = lambda case, sample: case % 3 == 0
    done = suite.live()
    calls = sum(suite.asked.values())
    assert calls in (20, 40)
    assert f"20 asked{f' in {calls} calls' if calls > 20 else ''}" in done.out


def test_samples_on_the_command_line_are_one_look(suite: Suite) -> None:
    suite.baseline()
    suite.live("--samples", "3")
    assert set(suite.asked.values()) == {3}


def test_a_least_rate_needs_no_baseline(suite: Suite) -> None:
    suite.write("{min: 0.9}")
    assert suite.live().code == 0
    suite.right = lambda case, _sample: case % 2 == 0
    done = suite.live()
    assert done.code == 1
    assert "pass_rate min 0.9  WORSE: 50.0 % (95 %: " in done.out


def test_to_prove_takes_more_than_not_to_fail(suite: Suite) -> None:
    suite.write("{prove: true, unsure: fail}")
    suite.baseline()
    done = suite.live()
    assert done.code == 3
    assert "INCONCLUSIVE" in done.out


@pytest.mark.slow
def test_inputs_like_these_are_a_harder_question(suite: Suite) -> None:
    suite.write("[{about: inputs, samples: 5}, {samples: 5, max_drop: 0.1}]")
    suite.baseline()
    suite.right = breaks(0, 1, 2)
    done = suite.live()
    assert done.code == 1
    assert done.out.count("INCONCLUSIVE") == 1
    assert done.out.count("WORSE by") == 1


@pytest.mark.parametrize(("limit", "code"), [(1000, 0), (1, 1)])
def test_tokens_are_a_plain_limit(suite: Suite, limit: int, code: int) -> None:
    suite.write(f"{{metric: tokens, max: {limit}}}")
    done = suite.live()
    assert done.code == code, done.out


def test_a_cost_that_nobody_knows_cannot_be_checked(suite: Suite) -> None:
    suite.write("{metric: cost, max: 0.01}")
    done = suite.live()
    assert done.code == 3
    assert "NOT CHECKED: no answer has a known cost" in done.out


def test_each_tag_is_a_gate(suite: Suite) -> None:
    suite.write("{by: tag}", tags={case: "hard" if case < 10 else "easy" for case in range(20)})
    suite.baseline()
    suite.right = breaks(0, 1, 2)
    done = suite.live()
    assert done.code == 1
    assert "pass_rate [easy]  held" in done.out
    assert "pass_rate [hard]  WORSE by 30.0 points" in done.out
    assert "(Benjamini-Hochberg over 2)" in done.out


def test_cases_without_a_tag_are_told_where_tags_are_judged(suite: Suite) -> None:
    suite.write("{by: tag}", tags=dict.fromkeys(range(17), "easy"))
    suite.baseline()
    done = suite.live()
    assert (
        done.code,
        "3 cases without a tag are not judged, because this gate is judged by tag" in done.out,
    ) == (0, True)


def test_by_tag_without_tags_is_not_held(suite: Suite) -> None:
    suite.write("{by: tag}")
    suite.baseline("--samples", "2")
    done = suite.live()
    assert (done.code, "no case has a tag" in done.out) == (3, True)


def test_a_project_has_a_gate_for_all_and_a_prompt_one_of_its_own(suite: Suite) -> None:
    text = (suite.project.folder / "runner.yaml").read_text()
    suite.project.write("runner.yaml", text + "gate: {min: 0.5}\n")
    suite.write(None)
    assert "pass_rate min 0.5  held" in suite.live().out
    suite.write("{min: 0.6}")
    assert "pass_rate min 0.6  held" in suite.live().out


# --- edges --------------------------------------------------------------------------------------------------------------


def test_without_a_baseline_nothing_is_held(suite: Suite) -> None:
    done = suite.live()
    assert done.code == 3
    assert "NOT CHECKED: there is no baseline: runner baseline prompts/triage.prompt.yaml" in done.out


def test_a_case_in_one_arm_only_is_left_out_and_named(suite: Suite) -> None:
    suite.baseline("--samples", "2")
    suite.write(cases=22)
    done = suite.live()
    assert done.code == 0
    assert "2 new cases without a rate: c20, c21; runner baseline --case c20" in done.out
    suite.write(cases=19)
    assert "1 case of the baseline no longer there: c19" in suite.live().out


@pytest.mark.parametrize("cases", [30, 12])
def test_where_a_fifth_is_in_one_arm_only_nothing_is_said_of_the_rest(suite: Suite, cases: int) -> None:
    suite.baseline("--samples", "2")
    suite.write(cases=cases)
    done = suite.live()
    assert done.code == 0
    assert "INCONCLUSIVE: only " in done.out


def test_a_baseline_of_another_request_is_told(suite: Suite) -> None:
    suite.baseline("--samples", "2")
    suite.write(head="max_tokens: 7\n")
    done = suite.live()
    assert (done.code, "baseline of another request for 20 cases" in done.out) == (0, True)


def test_another_model_than_the_baselines_is_told(suite: Suite) -> None:
    suite.baseline("--samples", "2")
    suite.model = "served-2"
    assert "served by served-2, the baseline by served-1" in suite.live().out


def test_a_case_whose_line_is_in_conflict_has_no_rate(suite: Suite) -> None:
    text = suite.baseline("--samples", "2")
    line = next(line for line in text.splitlines() if line.startswith("  c7:"))
    file = "prompts/__snapshots__/triage.rates.yaml"
    suite.project.write(file, text.replace(line, f"<<<<<<< a\n{line}\n=======\n{line}\n>>>>>>> b"))
    done = suite.live()
    assert (done.code, "1 case in a merge conflict: c7" in done.out) == (0, True)


@pytest.mark.parametrize(("failing", "code"), [(1, 0), (2, 3)])
def test_answers_that_did_not_come_are_no_evidence(suite: Suite, failing: int, code: int) -> None:
    suite.baseline()

    def answer(request: Received) -> Steps:
        case = int(str(request.json["messages"][-1]["content"]).removeprefix("case "))
        return reply(500, {"error": {"message": "no"}}) if case < failing else suite.answer(request)

    suite.server.play(answer)
    done = suite.live()
    assert done.code == code, done.out
    words = (
        "1 case with fewer than half of the answers left out"
        if not code
        else "NOT CHECKED: 4 of 40 answers did not arrive"
    )
    assert words in done.out


def test_refused_and_cut_answers_are_failed_samples_and_shown_by_kind(suite: Suite) -> None:
    suite.baseline()
    cut = served("good", finish_reason="length")
    suite.server.play(lambda request: cut if "case 1" in str(request.json) else suite.answer(request))
    done = suite.live()
    assert done.code == 1
    assert "failed without an answer to judge: 22 truncated" in done.out


def test_copies_of_one_answer_count_as_one_sample(suite: Suite) -> None:
    suite.write("{samples: 10, max_drop: 0.1}")
    suite.baseline()
    suite.server.play(
        lambda request: completion(
            "bad" if request.json["messages"][-1]["content"] in ("case 0", "case 1", "case 2") else "good"
        )
    )
    done = suite.live()
    assert "all samples of each case are the same answer: they count as one" in done.out
    assert "c0 10/10 → 0/1" in done.out


@pytest.mark.parametrize("args", [("--case", "c1"), ("--tag", "x"), ("--shard", "1/2")])
def test_a_gate_is_never_judged_on_a_part(suite: Suite, args: tuple[str, ...]) -> None:
    suite.write(tags={1: "x"})
    suite.baseline("--samples", "2")
    suite.right = breaks(*range(20))
    done = suite.live(*args)
    assert done.code == 1
    assert "not judged on a" in done.out
    assert "WORSE" not in done.out


def test_offline_a_drop_is_not_judged_and_a_least_rate_is_by_the_baseline(suite: Suite) -> None:
    suite.write("[{}, {min: 0.9}]")
    suite.baseline("--samples", "5")
    done = suite.run("test", "--offline")
    assert not suite.asked
    assert "pass_rate  not judged: only --live sends every case" in done.out
    assert "pass_rate min 0.9  held: 100.0 % (95 %: " in done.out
    assert "judged on the baseline" in done.out
    suite.write("[{}, {min: 0.9}]", head="max_tokens: 7\n")
    assert "20 cases without a rate for the current request" in suite.run("test", "--offline").out


def test_a_run_that_was_stopped_judges_no_gate(suite: Suite) -> None:
    suite.baseline("--samples", "2")
    suite.server.play(lambda _: reply(401, {"error": {"message": "no such key"}}))
    done = suite.live()
    assert done.code == 3
    assert "held" not in done.out


@pytest.mark.slow
def test_of_many_prompts_the_chance_of_any_alarm_is_kept(suite: Suite) -> None:
    suite.write("{samples: 1}", cases=20)
    for number in range(9):
        suite.write("{samples: 1}", cases=20, name=f"other{number}")
    suite.baseline("--samples", "1")
    calls: Counter[str] = Counter()

    def answer(request: Received) -> Steps:
        text = str(request.json["messages"][-1]["content"])
        calls[text] += 1
        return completion(
            "bad" if text in {f"case {n}" for n in range(6)} and calls[text] == 1 else f"good {text}"
        )

    suite.server.play(answer)
    done = suite.live("-j", "1")
    assert "WORSE" not in done.out
    assert (done.code, "1 inconclusive, 9 held (Benjamini-Hochberg over 10)" in done.out) == (0, True)


# --- what can never fail, or never pass ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gate", "place", "message"),
    [
        ("{max_drop: 1}", "11:31", "a rate cannot fall by more than 1, so this gate can never fail"),
        ("{max_drop: 5}", "11:31", "so this gate can never fail"),
        ("{min: 0}", "11:26", "every rate is at least that, so this gate can never fail"),
        ("{min: 85}", "11:26", "no rate is that high, so this gate can never pass"),
        ("{min: 1, prove: true}", "11:26", "so this gate can never pass"),
        ("{max: 0.9}", "11:26", "a pass rate cannot be too high, so this gate can never fail"),
        ("{min: 0.9, max_drop: 0.1}", "11:26", "min and max_drop are two gates"),
        ("{min: 0.9, about: inputs}", "11:38", "about is for max_drop"),
        ("{metric: cost}", "11:29", "a gate of cost needs max"),
        ("{metric: cost, max: 1, prove: true}", "11:50", "cost is a plain limit, which has no prove"),
        ("{samples: [5, 2]}", "11:30", "must increase from look to look"),
        ("{samples: often}", "11:30", "write auto, a number, or a list of increasing numbers"),
        ("{confidence: 97.5}", "11:33", "confidence"),
        ("{max_drop: -0.1}", "11:31", "max_drop"),
        ("{maxdrop: 0.1}", "11:21", 'did you mean "max_drop"'),
        ("{metric: accuracy}", "11:29", "accuracy: triage declares no labels"),
        ("{metric: pas_rate}", "11:29", 'did you mean "pass_rate"'),
        ("{metric: tone}", "11:29", 'no assertion of triage has the metric "tone"'),
        ("{metric: recall}", "11:29", "needs the label"),
        ("{label: bug}", "11:28", "pass_rate is not about one label"),
        ("{metric: mae, min: 1}", "11:39", "of which less is better"),
        ("{metric: accuracy, max: 1}", "11:44", "accuracy cannot be too high"),
        ("[{}, {}]", "11:25", "the gate pass_rate appears twice"),
        ("[]", "11:20", "gate"),
    ],
)
def test_a_gate_that_means_nothing_is_refused_at_its_place(
    suite: Suite, gate: str, place: str, message: str
) -> None:
    suite.write(gate, cases=5)
    for command in (("check",), ("test", "--live")):
        done = suite.run(*command)
        assert done.code == 2, done.out
        assert f"prompts/triage.prompt.yaml:{place}: error: " in done.err
        assert message in done.err
    assert not suite.asked


def test_without_assertions_no_gate_can_fail(suite: Suite) -> None:
    suite.write(asserting=False)
    for command in (("check",), ("test", "--live")):
        done = suite.run(*command)
        assert done.code == 2
        assert (
            "no case of triage asserts anything, so every answer passes and this gate can never fail"
            in done.err
        )
    assert not suite.asked
    assert "the rates mean nothing" in suite.run("baseline", "--samples", "1").out


@pytest.mark.parametrize(
    ("gate", "right", "message"),
    [
        ("{}", False, "only 0 % of its baseline passed"),
        ("{about: inputs}", True, "5 cases with 2 baseline samples are too few for a confidence of 97.5 %"),
    ],
)
def test_what_the_baseline_lets_never_fail_is_refused_before_it_is_paid_for(
    suite: Suite, gate: str, message: str, *, right: bool
) -> None:
    suite.write(gate, cases=5)
    suite.right = lambda _case, _sample: right
    suite.baseline("--samples", "2")
    done = suite.live()
    assert done.code == 2
    assert f"this gate can never fail: {message}" in done.err
    assert not suite.asked


def test_a_least_rate_that_so_few_cases_never_miss_is_refused(suite: Suite) -> None:
    suite.write("{min: 0.05}", cases=5)
    done = suite.live()
    assert done.code == 2
    assert "min 0.05 of 5 cases can never fail" in done.err


def test_a_margin_finer_than_one_case_is_told(suite: Suite) -> None:
    suite.write("{max_drop: 0.01}")
    assert (
        "W023 max_drop 0.01 of 20 cases is finer than one case, which is 5 points" in suite.run("check").err
    )
    suite.write("{max_drop: 0.05}")
    assert "W023" not in suite.run("check").err


def test_check_says_how_large_a_drop_would_be_found(suite: Suite) -> None:
    suite.write(cases=20)
    words = "20 cases with a baseline of 10 samples a case find drops of 19 points at its first look and of 10 at its last"
    assert words in suite.run("check").err
    suite.right = lambda _case, sample: sample != 1
    suite.baseline("--samples", "5")
    assert "20 cases with its baseline of 5 samples a case find drops of" in suite.run("check").err
    assert suite.run("check").code == 0


# --- who is told --------------------------------------------------------------------------------------------------------


def test_junit_has_a_case_for_each_gate_and_no_failure_of_single_cases(suite: Suite) -> None:
    suite.baseline()
    suite.right = breaks(3, 5, 7)
    suite.live("--output", "results.xml")
    tree = ElementTree.parse(suite.project.folder / "results.xml").getroot()
    [gate] = [case for case in tree.iter("testcase") if case.get("name") == "gate/triage/pass_rate"]
    properties = {each.get("name"): each.get("value") for each in gate.iter("property")}
    assert properties["status"] == "worse"
    assert properties.keys() == {"status", "calls", "drop", "low", "high", "p", "samples"}
    assert [failure.get("type") for failure in tree.iter("failure")] == ["worse"]
    assert tree.get("failures") == "1"


def test_github_gets_one_annotation_for_a_gate_and_a_table(suite: Suite) -> None:
    suite.baseline()
    suite.right = breaks(3, 5, 7)
    summary = suite.project.folder / "summary.md"
    done = suite.live(GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))
    errors = [line for line in done.out.splitlines() if line.startswith("::error ")]
    assert len(errors) == 1
    assert errors[0].startswith("::error file=prompts/triage.prompt.yaml,line=26,")
    assert "WORSE by 15.0 points" in errors[0]
    text = summary.read_text()
    assert "#### Gates" in text
    assert "### Prompts: worse than their baseline" in text
