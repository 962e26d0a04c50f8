"""`runner compare` that asks: arms that take turns, looks that stop early, a journal that is resumed, git revisions."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.faults import FaultServer, Received, Steps
from tests.patience import PATIENCE

from .project import ProjectFolder
from .test_compare import KEY, Arms, breaks, verdict
from .test_gates import served

MODELS = ("--model", "a", "--model", "b")


@pytest.fixture
def arms(project: ProjectFolder, server: FaultServer) -> Iterator[Arms]:
    return Arms(project, server)


def by_model(**failing: tuple[int, ...]):  # type: ignore[no-untyped-def]
    return lambda model, case, sample: breaks(*failing.get(model, ()))(model, case, sample)


def models(server: FaultServer) -> list[str]:
    return [request.json["model"] for request in server.requests]


# --- asking -----------------------------------------------------------------------------------------------------------


def test_two_models_take_turns_case_by_case(arms: Arms, server: FaultServer) -> None:
    arms.write(3)
    arms.run("compare", *MODELS, "--samples", "2", "--jobs", "1", "--no-cache")
    assert models(server) == ["a", "b"] * 6
    asked = [re.findall(r"\d+", request.json["messages"][-1]["content"])[0] for request in server.requests]
    assert asked == ["0"] * 4 + ["1"] * 4 + ["2"] * 4


def test_equal_models_are_asked_twice_and_no_more(arms: Arms) -> None:
    arms.right = by_model()
    found = arms.compared(*MODELS)
    assert verdict(found) == "held"
    assert set(arms.asked.values()) == {2}


def test_a_worse_model_is_found_before_the_last_look(arms: Arms) -> None:
    arms.right = by_model(b=tuple(range(10)))
    found = arms.compared(*MODELS, code=1)
    assert verdict(found) == "worse"
    assert set(arms.asked.values()) == {2}
    [first, second] = found["comparisons"][0]["arms"]
    assert (first["arm"], second["arm"]) == ("a", "b")


@pytest.mark.slow
def test_what_two_samples_do_not_decide_is_asked_again(arms: Arms) -> None:
    # One case of 20 fails more often: beyond the margin after 2 samples, not certain, and within it in the end.
    arms.right = lambda model, case, sample: model == "a" or case > 2 or sample > 0
    found = arms.compared(*MODELS)
    assert set(arms.asked.values()) == {5}
    assert found["comparisons"][0]["contrasts"][0]["verdict"] in ("inconclusive", "held")


def test_a_prompt_that_is_decided_is_not_asked_again(arms: Arms) -> None:
    arms.write(name="other", first=100)
    arms.right = lambda model, case, sample: model == "a" or case > 2 or sample > 0
    arms.compared(*MODELS)
    times: Counter[int] = Counter()
    for (_, case), number in arms.asked.items():
        times[case // 100] = max(times[case // 100], number)
    assert times == {0: 5, 1: 2}


def test_a_number_of_samples_is_one_look(arms: Arms) -> None:
    arms.compared(*MODELS, "--samples", "3")
    assert set(arms.asked.values()) == {3}


def test_samples_at_temperature_0_that_are_copies_are_not_asked_for_again(
    arms: Arms, server: FaultServer
) -> None:
    arms.write(20, head="temperature: 0\n")
    bad = {"case 1", "case 2", "case 3"}

    def answer(request: Received) -> Steps:
        text = request.json["messages"][-1]["content"]
        return served("bad" if request.json["model"] == "b" and text in bad else f"good {text}")

    server.play(answer)
    found = arms.compared(*MODELS, "--no-cache")
    assert verdict(found) == "inconclusive"
    assert len(server.requests) == 80
    assert any("further samples would be the same" in note for note in found["comparisons"][0]["notes"])


def test_values_of_a_request_field_are_arms(arms: Arms, server: FaultServer) -> None:
    found = arms.compared("--set", "temperature=0.1", "--set", "temperature=0.9")
    assert [arm["arm"] for arm in found["comparisons"][0]["arms"]] == ["temperature=0.1", "temperature=0.9"]
    assert {request.json["temperature"] for request in server.requests} == {0.1, 0.9}


def test_one_value_is_nothing_to_compare(arms: Arms, server: FaultServer) -> None:
    done = arms.run("compare", "--model", "a")
    assert done.code == 2
    assert "only one variant" in done.err
    assert not server.requests


def test_the_comparison_is_a_run_that_can_be_compared_again(arms: Arms) -> None:
    arms.right = by_model(b=tuple(range(10)))
    asked = arms.compared(*MODELS, code=1)
    again = arms.compared("last", code=1)
    assert again["comparisons"][0]["arms"][1]["value"] == asked["comparisons"][0]["arms"][1]["value"]
    assert [arm["arm"] for arm in again["comparisons"][0]["arms"]] == ["a", "b"]


def test_answers_come_from_the_cache_the_second_time(arms: Arms, server: FaultServer) -> None:
    arms.compared(*MODELS)
    server.requests.clear()
    assert verdict(arms.compared(*MODELS)) == "held"
    assert not server.requests


def test_answers_of_the_cache_beside_new_ones_are_named(arms: Arms) -> None:
    arms.compared(*MODELS)
    found = arms.compared("--model", "a", "--model", "c", "--samples", "2")
    assert any("a: 40 of 40 answers came from the cache" in note for note in found["comparisons"][0]["notes"])


def test_options_for_asking_are_refused_for_stored_runs(arms: Arms) -> None:
    arms.ask(repeat=1)
    for option in (["--samples", "3"], ["--max-cost", "1"], ["--no-cache"], ["--case", "c01"]):
        done = arms.run("compare", "last", *option)
        assert done.code == 2
        assert f"{option[0]} is for arms that are asked" in done.err
    assert arms.run("compare", *MODELS, "--by-id").code == 2


# --- stopping and resuming --------------------------------------------------------------------------------------------


def test_a_budget_that_ends_judges_nothing_and_the_comparison_continues(arms: Arms) -> None:
    priced = "models: {'*': {price: {input: 1000, output: 1000}}}\n"
    file = arms.project.folder / "runner.yaml"
    file.write_text(file.read_text() + priced)
    done = arms.run("compare", *MODELS, "--max-cost", "0.2", "--jobs", "1")
    assert done.code == 3, done.out + done.err
    assert "nothing is judged on a part of the samples" in done.out
    assert "saved" not in done.out
    [run] = re.findall(r"runner compare --resume (\S+)", done.out)
    before = sum(arms.asked.values())
    assert 0 < before < 80
    found = json.loads(arms.run("compare", "--resume", run, "--format", "json").out)
    assert verdict(found) == "held"
    assert before + sum(arms.asked.values()) == 80


@pytest.mark.slow
def test_a_killed_comparison_is_resumed_without_asking_again(arms: Arms, server: FaultServer) -> None:
    released, reached = threading.Event(), threading.Event()

    def answer(request: Received) -> Steps:
        if len(server.requests) > 30:
            reached.set()
            return (released, *arms.answer(request))
        return arms.answer(request)

    server.play(answer)
    process = arms.project.start("compare", *MODELS, "--jobs", "1", env=KEY)
    assert reached.wait(PATIENCE)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    released.set()
    server.play(arms.answer)
    done = arms.run("compare", "--resume", "last", "--format", "json")
    assert done.code == 0, done.err
    assert sum(arms.asked.values()) == 80 - 30


def test_only_a_comparison_is_resumed_and_only_as_it_was(arms: Arms) -> None:
    run = arms.ask(repeat=1)
    done = arms.run("compare", "--resume", run)
    assert done.code == 2
    assert "is not a comparison that asked" in done.err
    arms.compared(*MODELS)
    done = arms.run("run", "--resume", "last")
    assert done.code == 2
    assert "runner compare --resume" in done.err
    assert arms.run("compare", "--resume", "last", "--model", "c").code == 2
    file = arms.project.folder / "prompts" / "triage.prompt.yaml"
    file.write_text(file.read_text().replace("{{ ticket }}", "Please: {{ ticket }}"))
    done = arms.run("compare", "--resume", "last")
    assert done.code == 2
    assert "messages changed" in done.err


# --- revisions --------------------------------------------------------------------------------------------------------


def git(arms: Arms, *args: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *args], cwd=arms.project.folder, check=True, capture_output=True)


@pytest.fixture
def committed(arms: Arms) -> Arms:
    git(arms, "init", "-q", "-b", "main")
    git(arms, "add", "-A")
    git(arms, "commit", "-qm", "first")
    return arms


def edit(arms: Arms, old: str, new: str, name: str = "triage") -> None:
    file = arms.project.folder / "prompts" / f"{name}.prompt.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_the_prompt_of_a_revision_is_compared_with_the_one_in_the_working_tree(
    committed: Arms, server: FaultServer
) -> None:
    edit(committed, "{{ ticket }}", "Please: {{ ticket }}")

    def answer(request: Received) -> Steps:
        text = request.json["messages"][-1]["content"]
        case = int(re.findall(r"case (\d+)", text)[0])
        committed.answers += 1
        worse = text.startswith("Please") and case < 10
        return served(f"{'bad' if worse else 'good'} {committed.answers}")

    server.play(answer)
    found = committed.compared("--base", "main", code=1)
    assert verdict(found) == "worse"
    assert [arm["arm"] for arm in found["comparisons"][0]["arms"]] == ["main", "working tree"]
    again = committed.compared("last", code=1)
    assert [arm["arm"] for arm in again["comparisons"][0]["arms"]] == ["main", "working tree"]


def test_nothing_is_asked_if_no_request_differs(committed: Arms, server: FaultServer) -> None:
    edit(committed, "name: triage", "name: triage\ndescription: only a word")
    done = committed.run("compare", "--base", "main")
    assert done.code == 5
    assert "no request differs from main" in done.err
    assert not server.requests


def test_only_the_cases_whose_request_differs_are_asked(committed: Arms, server: FaultServer) -> None:
    edit(committed, "{{ ticket }}", "{% if ticket == 'case 3' %}Please: {% endif %}{{ ticket }}")
    done = committed.run("compare", "--base", "main", "--samples", "2")
    assert "19 cases have the same request as in main, so they are not asked" in done.out
    assert len(server.requests) == 4


def test_both_sides_are_judged_by_the_assertions_and_cases_of_now(
    committed: Arms, server: FaultServer
) -> None:
    edit(committed, "{{ ticket }}", "Please: {{ ticket }}")
    edit(
        committed,
        "tests:\n",
        "assert: [{type: contains, value: excellent}]\ntests:\n  - {id: new, vars: {ticket: 'case 99'}}\n",
    )
    found = committed.compared("--base", "main", "--samples", "1")
    assert [arm["value"] for arm in found["comparisons"][0]["arms"]] == [0, 0]
    assert found["comparisons"][0]["cases"] == 21


def test_a_prompt_that_the_revision_lacks_is_named(committed: Arms) -> None:
    committed.write(name="new", first=200)
    edit(committed, "{{ ticket }}", "Please: {{ ticket }}")
    done = committed.run("compare", "--base", "main", "--samples", "1")
    assert "new is not in main, so it is not compared" in done.out


def test_a_revision_that_cannot_be_rendered_is_an_error_before_anything_is_sent(
    committed: Arms, server: FaultServer
) -> None:
    edit(committed, "{{ ticket }}", "{{ ticket }} {{ nothing }}")
    git(committed, "commit", "-qam", "broken")
    edit(committed, " {{ nothing }}", "")
    done = committed.run("compare", "--base", "main")
    assert done.code == 2
    assert "in main" in done.err
    assert "main:prompts/triage.prompt.yaml" in done.err
    assert not server.requests
    assert committed.run("compare", "--base", "nowhere").code == 2


def test_a_comparison_with_a_revision_resumes_with_the_commit_it_began_with(committed: Arms) -> None:
    edit(committed, "{{ ticket }}", "Please: {{ ticket }}")
    priced = "models: {'*': {price: {input: 1000, output: 1000}}}\n"
    file = committed.project.folder / "runner.yaml"
    file.write_text(file.read_text() + priced)
    done = committed.run("compare", "--base", "main", "--max-cost", "0.2", "--jobs", "1")
    assert done.code == 3, done.out + done.err
    before = len(committed.server.requests)
    git(committed, "commit", "-qam", "main moves")
    found = json.loads(committed.run("compare", "--resume", "last", "--format", "json").out)
    assert verdict(found) == "held"
    assert len(committed.server.requests) == 80
    assert 0 < before < 80


def test_an_asking_comparison_reads_like_this(arms: Arms) -> None:
    from tests.golden_files import assert_golden

    arms.right = by_model(b=tuple(range(10)))
    said = arms.run("compare", *MODELS, "-q").out
    said = re.sub(r"\d{8}T\d+Z-[0-9a-f]{6}", "RUN", said)
    said = re.sub(r"latency [\d.]+ s → [\d.]+ s \([\d.]+ times\)", "latency …", said)
    assert_golden("cli/compare-asking.txt", re.sub(r"· [\d.]+ s", "· 0.1 s", said))


@pytest.mark.parametrize(
    "damage",
    [
        {"asking": None},
        {"asking": {"paths": 1}},
        {"samples": []},
        {"samples": [2, 1]},
        {"samples": ["2"]},
        {"samples": 5},
        {"base": 7},
        {"options": None},
        {"options": {"margin": "much"}},
        {"options": {"unknown": 1}},
        {"options": {"margin": 0.05, "confidence": 2.0}},
        {"options": {"metric": 3}},
    ],
)
def test_a_damaged_run_is_not_resumed(arms: Arms, damage: dict[str, object]) -> None:
    arms.write(2)
    arms.run("compare", *MODELS, "--samples", "1")
    [run] = (arms.project.folder / ".runner" / "runs").iterdir()
    manifest = json.loads((run / "run.json").read_text())
    manifest["comparing"] |= damage
    (run / "run.json").write_text(json.dumps(manifest))
    done = arms.run("compare", "--resume", "last")
    assert done.code == 2, done.out
    assert "run.json is damaged" in done.err
