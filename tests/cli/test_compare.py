"""`runner compare` of stored runs, files of records, variants and the baseline: joined case by case, judged, shown."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.faults import FaultServer, Received, Steps

from .project import Done, ProjectFolder
from .test_gates import served

KEY = {"FAKE_KEY": "not-a-secret-0"}
PROMPT = """\
name: {name}
model: model-a
inputs: {{ticket: {{type: string}}}}
messages: [{{role: user, content: "{{{{ ticket }}}}"}}]
{head}tests:
{tests}"""


class Arms:
    """A prompt with this many cases; whether the nth answer of a model to a case is right is decided by a function."""

    def __init__(self, project: ProjectFolder, server: FaultServer) -> None:
        self.project, self.server = project, server
        self.right: Callable[[str, int, int], bool] = lambda _model, _case, _sample: True
        self.asked: Counter[tuple[str, int]] = Counter()
        self.answers = 0
        server.play(self.answer)
        project.write(
            "runner.yaml",
            f"endpoint: fake\nendpoints: {{fake: {{base_url: '{server.base_url}', api_key_env: FAKE_KEY, max_retries: 0}}}}\n",
        )
        self.write()

    def write(
        self,
        cases: int = 20,
        *,
        name: str = "triage",
        head: str = "",
        asserting: bool = True,
        first: int = 0,
        tag: str = "",
    ) -> None:
        asserts = ", assert: [{type: contains, value: good}]" if asserting else ""
        tests = "".join(
            f"  - {{id: c{case:02d}, vars: {{ticket: 'case {case}'}}{asserts}{tag if case % 2 else ''}}}\n"
            for case in range(first, first + cases)
        )
        self.project.write(f"prompts/{name}.prompt.yaml", PROMPT.format(name=name, head=head, tests=tests))

    def answer(self, request: Received) -> Steps:
        case = int(re.findall(r"case (\d+)", request.json["messages"][-1]["content"])[-1])
        model = request.json["model"]
        number = self.asked[model, case]
        self.asked[model, case] += 1
        self.answers += 1
        return served(f"{'good' if self.right(model, case, number) else 'bad'} {self.answers}", model)

    def run(self, *args: str) -> Done:
        self.asked.clear()
        return self.project.run(*args, env=KEY)

    def ask(self, *args: str, repeat: int = 8) -> str:
        """Run the prompts, and return the id of the run."""
        done = self.run("run", "--repeat", str(repeat), "--no-cache", "-q", *args)
        assert done.code in (0, 1), done.out + done.err
        runs = self.project.folder / ".runner" / "runs"
        return max(runs.iterdir(), key=lambda run: run.stat().st_mtime_ns).name

    def compared(self, *args: str, code: int = 0) -> dict[str, Any]:
        done = self.run("compare", *args, "--format", "json")
        assert done.code == code, done.out + done.err
        return dict(json.loads(done.out))


@pytest.fixture
def arms(project: ProjectFolder, server: FaultServer) -> Iterator[Arms]:
    return Arms(project, server)


def breaks(*cases: int) -> Callable[[str, int, int], bool]:
    """These cases fail; of the others, every fifth sample does."""
    return lambda _model, case, sample: case not in cases and (case + sample) % 5 != 0


def verdict(found: dict[str, Any]) -> str:
    [comparison] = found["comparisons"]
    [contrast] = comparison["contrasts"]
    return str(contrast["verdict"])


# --- the verdicts -----------------------------------------------------------------------------------------------------


def test_a_run_in_which_cases_broke_is_worse(arms: Arms) -> None:
    arms.right = breaks()
    before = arms.ask()
    arms.right = breaks(1, 2, 3, 4)
    after = arms.ask()
    found = arms.compared(before, after, code=1)
    assert verdict(found) == "worse"
    [contrast] = found["comparisons"][0]["contrasts"]
    assert contrast["p"] < 0.01
    assert {change["case"] for change in contrast["changes"]} == {"c01", "c02", "c03", "c04"}
    assert contrast["low"] < contrast["difference"] < 0


def test_the_other_way_round_it_is_better(arms: Arms) -> None:
    arms.right = breaks(1, 2, 3, 4)
    before = arms.ask()
    arms.right = breaks()
    found = arms.compared(before, arms.ask())
    assert verdict(found) == "better"
    assert found["comparisons"][0]["contrasts"][0]["p"] < 0.01


def test_the_same_rates_are_held(arms: Arms) -> None:
    arms.right = breaks()
    assert verdict(arms.compared(arms.ask(), arms.ask())) == "held"


def test_one_sample_of_few_broken_cases_is_inconclusive(arms: Arms) -> None:
    before = arms.ask(repeat=1)
    arms.right = lambda _model, case, _sample: case not in (1, 2, 3)
    after = arms.ask(repeat=1)
    assert verdict(arms.compared(before, after)) == "inconclusive"
    arms.compared(before, after, "--require-conclusive", code=3)


def test_a_larger_margin_allows_the_drop(arms: Arms) -> None:
    arms.right = breaks()
    before = arms.ask()
    arms.right = breaks(1, 2, 3, 4)
    assert verdict(arms.compared(before, arms.ask(), "--margin", "0.3")) == "held"


def test_samples_that_are_copies_count_as_one(arms: Arms, server: FaultServer) -> None:
    server.play(lambda request: served(f"good {request.json['messages'][-1]['content']}"))
    before = arms.ask()
    broken = {"case 1", "case 2", "case 3"}

    def worse(request: Received) -> Steps:
        text = request.json["messages"][-1]["content"]
        return served("bad" if text in broken else f"good {text}")

    server.play(worse)
    found = arms.compared(before, arms.ask())
    assert verdict(found) == "inconclusive"
    assert sum("count as one" in note for note in found["comparisons"][0]["notes"]) == 2


def test_what_only_inputs_like_these_could_tell_is_judged_about_inputs(arms: Arms) -> None:
    arms.right = breaks()
    before = arms.ask()
    arms.right = breaks(1, 2, 3, 4)
    after = arms.ask()
    assert verdict(arms.compared(before, after, "--about", "inputs")) == "inconclusive"


# --- what is compared -------------------------------------------------------------------------------------------------


def test_no_case_in_common_is_exit_code_3(arms: Arms) -> None:
    before = arms.ask()
    arms.write(first=50)
    found = arms.compared(before, arms.ask(), code=3)
    assert verdict(found) == "unchecked"
    assert "no case is in both" in found["comparisons"][0]["contrasts"][0]["reason"]


def test_cases_of_one_side_only_are_left_out_and_named(arms: Arms) -> None:
    before = arms.ask()
    arms.write(21)
    found = arms.compared(before, arms.ask())
    assert any(
        "1 case that the other lacks left out: c20" in note for note in found["comparisons"][0]["notes"]
    )
    assert found["comparisons"][0]["cases"] == 20


def test_other_variables_under_the_same_id_are_refused(arms: Arms) -> None:
    before = arms.ask()
    file = arms.project.folder / "prompts" / "triage.prompt.yaml"
    file.write_text(file.read_text().replace("'case 3'", "'case 33'"))
    after = arms.ask()
    done = arms.run("compare", before, after)
    assert done.code == 2
    assert f"1 case of triage has other variables in {after} than in {before}: c03" in done.err
    assert "--by-id" in done.err
    assert verdict(arms.compared(before, after, "--by-id")) == "held"


def test_prompts_without_assertions_are_not_compared(arms: Arms) -> None:
    arms.write(asserting=False)
    found = arms.compared(arms.ask(), arms.ask(), code=3)
    assert "nothing is asserted" in found["comparisons"][0]["contrasts"][0]["reason"]


def test_too_many_missing_answers_are_no_verdict(arms: Arms, server: FaultServer) -> None:
    before = arms.ask()
    from tests.faults import reply

    def failing(request: Received) -> Steps:
        if "case 1" in request.json["messages"][-1]["content"]:
            return reply(400, {"error": {"message": "no", "code": "bad"}})
        return arms.answer(request)

    server.play(failing)
    done = arms.run("run", "--repeat", "8", "--no-cache", "-q")
    assert done.code == 3 or done.code == 1
    found = arms.compared(before, "last", code=3)
    assert "did not arrive" in found["comparisons"][0]["contrasts"][0]["reason"]


def test_two_prompts_under_other_names_are_compared_if_each_run_has_one(arms: Arms) -> None:
    arms.right = breaks()
    before = arms.ask("triage")
    arms.write(name="again")
    found = arms.compared(before, arms.ask("again"))
    assert verdict(found) == "held"
    assert found["notes"] == [
        "different prompts are compared: prompts/triage.prompt.yaml, prompts/again.prompt.yaml"
    ]


def test_a_run_cannot_be_compared_with_itself(arms: Arms) -> None:
    run = arms.ask(repeat=1)
    done = arms.run("compare", run, "last")
    assert done.code == 2
    assert "cannot be compared with itself" in done.err


def test_a_file_of_records_is_an_arm(arms: Arms) -> None:
    arms.right = breaks()
    before = arms.ask("--output", "before.jsonl")
    arms.right = breaks(1, 2, 3, 4)
    arms.ask()
    assert verdict(arms.compared("before.jsonl", "last", code=1)) == "worse"
    results = arms.project.folder / ".runner" / "runs" / before / "results.jsonl"
    assert verdict(arms.compared(str(results), "last", code=1)) == "worse"


@pytest.mark.parametrize("text", ["", "not json\n", '{"a": 1}\n'])
def test_a_file_of_something_else_is_refused(arms: Arms, text: str) -> None:
    arms.ask(repeat=1)
    arms.project.write("other.jsonl", text)
    done = arms.run("compare", "other.jsonl", "last")
    assert done.code == 2
    assert "other.jsonl" in done.err
    assert "Traceback" not in done.err


def test_the_baseline_is_an_arm(arms: Arms) -> None:
    arms.right = breaks()
    assert arms.run("baseline").code == 0
    arms.right = breaks(1, 2, 3, 4)
    arms.ask()
    found = arms.compared("baseline", "last", code=1)
    assert verdict(found) == "worse"
    file = arms.project.folder / "prompts" / "triage.prompt.yaml"
    file.write_text(file.read_text().replace("{{ ticket }}", "Please: {{ ticket }}"))
    arms.ask()
    [comparison] = arms.compared("baseline", "last", code=1)["comparisons"]
    assert any("other requests" in note for note in comparison["notes"])


def test_without_a_baseline_there_is_nothing_to_compare_with(arms: Arms) -> None:
    arms.ask(repeat=1)
    done = arms.run("compare", "baseline", "last")
    assert done.code == 2
    assert "runner baseline records one" in done.err


# --- variants ---------------------------------------------------------------------------------------------------------


def test_each_variant_of_a_run_is_compared_with_the_first(arms: Arms) -> None:
    failing = {"a": (), "b": (1, 2, 3, 4), "c": ()}
    arms.right = lambda model, case, sample: breaks(*failing[model])(model, case, sample)
    run = arms.ask("--model", "a", "--model", "b", "--model", "c")
    [comparison] = arms.compared(run, code=1)["comparisons"]
    assert [arm["arm"] for arm in comparison["arms"]] == ["a", "b", "c"]
    assert {each["arm"]: each["verdict"] for each in comparison["contrasts"]} == {"b": "worse", "c": "held"}
    assert [arm["level_with_best"] for arm in comparison["arms"]] == [True, False, True]


def test_a_run_without_variants_is_not_compared_alone(arms: Arms) -> None:
    done = arms.run("compare", arms.ask(repeat=1))
    assert done.code == 2
    assert "has no variants" in done.err


def test_each_tag_is_compared_as_well(arms: Arms) -> None:
    arms.write(tag=", tags: [odd]")
    arms.right = breaks()
    before = arms.ask()
    arms.right = breaks(1, 3, 5, 7)
    found = arms.compared(before, arms.ask(), "--by", "tag", code=1)
    assert [(each["tag"], each["cases"]) for each in found["comparisons"]] == [(None, 20), ("odd", 10)]
    assert found["tests"] == 2


# --- what is shown ----------------------------------------------------------------------------------------------------


def test_nothing_separated_from_noise_is_said(arms: Arms) -> None:
    arms.right = breaks()
    before = arms.ask()
    done = arms.run("compare", before, arms.ask())
    assert "no difference is separated from noise" in done.out
    assert "finds drops of" in done.out


def test_a_comparison_reads_like_this(arms: Arms) -> None:
    from tests.golden_files import assert_golden

    failing = {"a": (), "b": (1, 2, 3, 4), "c": (5,)}
    arms.right = lambda model, case, sample: breaks(*failing[model])(model, case, sample)
    run = arms.ask("--model", "a", "--model", "b", "--model", "c")
    done = arms.run("compare", run)
    assert_golden(
        "cli/compare.txt", re.sub(r"latency [\d.]+ s → [\d.]+ s \([\d.]+ times\)", "latency …", done.out)
    )


def test_a_page_has_the_answers_that_flipped_and_no_script(arms: Arms) -> None:
    arms.right = breaks()
    before = arms.ask()
    arms.right = breaks(1, 2, 3, 4)
    done = arms.run("compare", before, arms.ask(), "--output", "page.html")
    assert done.code == 1
    page = (arms.project.folder / "page.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "<script" not in page
    assert "default-src &#39;none&#39;; style-src &#39;sha256-" in page
    assert page.count('<details class="flip">') == 4
    assert "no such answer is stored" not in page
    assert arms.run("compare", before, "last", "--output", "page.html").code == 1, "its own page is replaced"


@pytest.mark.parametrize(("name", "begins"), [("c.md", "### Comparison: 1 arm worse"), ("c.json", "{")])
def test_a_comparison_is_written_in_other_formats(arms: Arms, name: str, begins: str) -> None:
    arms.right = breaks()
    before = arms.ask()
    arms.right = breaks(1, 2, 3, 4)
    after = arms.ask()
    for _ in range(2):  # its own output is replaced
        assert arms.run("compare", before, after, "-o", name).code == 1
    assert (arms.project.folder / name).read_text().startswith(begins)
    arms.project.write(name, "mine")
    assert arms.run("compare", before, after, "-o", name).code == 2
    assert (arms.project.folder / name).read_text() == "mine"


# --- other metrics ----------------------------------------------------------------------------------------------------

LABELLED = """\
name: triage
model: model-a
inputs: {ticket: {type: string}}
messages: [{role: user, content: "{{ ticket }}"}]
response_format: {type: json_schema, json_schema: {name: t, strict: true, schema: {type: object, properties: {topic: {type: string}, amount: {type: number}}, required: [topic, amount], additionalProperties: false}}}
labels: {path: $.topic}
numbers: {path: $.amount, within: {abs: 0.5}}
tests:
"""


class Labelled(Arms):
    """Every third case is a bug, the others are payments; what is not right is called a payment, and 10 more."""

    def write(self, cases: int = 24, **_: Any) -> None:
        tests = "".join(
            f"  - {{id: c{case:02d}, vars: {{ticket: 'case {case}'}}, label: {self.topic(case)}, number: {case}}}\n"
            for case in range(cases)
        )
        self.project.write("prompts/triage.prompt.yaml", LABELLED + tests)

    @staticmethod
    def topic(case: int) -> str:
        return "payment" if case % 3 else "bug"

    def answer(self, request: Received) -> Steps:
        case = int(re.findall(r"case (\d+)", request.json["messages"][-1]["content"])[-1])
        number = self.asked["", case]
        self.asked["", case] += 1
        right = self.right("", case, number)
        value = {"topic": self.topic(case) if right else "payment", "amount": case if right else case + 10}
        return served(json.dumps(value) + " " * number)


@pytest.fixture
def labelled(project: ProjectFolder, server: FaultServer) -> Labelled:
    return Labelled(project, server)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "before", "after"),
    [
        (["--metric", "accuracy"], 1, 2 / 3),
        (["--metric", "macro_f1"], 1, 0.4),
        (["--metric", "recall", "--label", "bug"], 1, 0),
    ],
)
def test_another_metric_is_compared(
    labelled: Labelled, options: list[str], before: float, after: float
) -> None:
    one = labelled.ask(repeat=4)
    labelled.right = lambda _model, case, _sample: case % 3 != 0
    found = labelled.compared(one, labelled.ask(repeat=4), *options, code=1)
    [comparison] = found["comparisons"]
    assert [arm["value"] for arm in comparison["arms"]] == pytest.approx([before, after], abs=0.01)
    assert comparison["contrasts"][0]["verdict"] == "worse"
    assert comparison["metric"] == options[1]


@pytest.mark.slow
def test_less_of_an_error_is_better(labelled: Labelled) -> None:
    one = labelled.ask(repeat=4)
    labelled.right = lambda _model, case, _sample: case % 3 != 0
    two = labelled.ask(repeat=4)
    found = labelled.compared(one, two, "--metric", "mae", "--margin", "1.5", code=1)
    [comparison] = found["comparisons"]
    assert [arm["value"] for arm in comparison["arms"]] == pytest.approx([0, 10 / 3])
    contrast = comparison["contrasts"][0]
    assert (contrast["verdict"], contrast["difference"]) == ("worse", pytest.approx(10 / 3))
    assert contrast["low"] < contrast["difference"] < contrast["high"]
    assert verdict(labelled.compared(two, one, "--metric", "mae", "--margin", "1.5")) == "better"
    said = labelled.run("compare", one, two, "--metric", "mae", "--margin", "1.5", "-o", "mae.html").out
    assert "WORSE by 3.33 (0 → 3.33, 95 %: +" in said
    assert "c00  0 → 10" in said
    assert "3.33" in (labelled.project.folder / "mae.html").read_text()


def test_a_metric_that_no_case_has_is_not_compared(labelled: Labelled) -> None:
    one = labelled.ask(repeat=1)
    two = labelled.ask(repeat=1)
    found = labelled.compared(one, two, "--metric", "politeness", code=3)
    assert "no case has politeness in all arms" in found["comparisons"][0]["contrasts"][0]["reason"]
    assert labelled.run("compare", one, two, "--metric", "recall").code == 2
    assert labelled.run("compare", one, two, "--label", "bug").code == 2
    assert labelled.run("compare", one, two, "--margin", "2").code == 2


def test_a_baseline_has_only_pass_rates(labelled: Labelled) -> None:
    assert labelled.run("baseline").code == 0
    labelled.ask(repeat=1)
    found = labelled.compared("baseline", "last", "--metric", "accuracy", code=3)
    assert found["comparisons"][0]["contrasts"][0]["reason"] == "baseline has only pass rates"
