"""Assertions of type moderation, from the answer to the replay in CI."""

from __future__ import annotations

import json
import threading

import pytest

import runner
from tests.faults import FaultServer, Received, Steps, reply
from tests.patience import wait_until

from .asking import KEY, run
from .judging import MODERATED, paths, scripted, write_project
from .project import Done, ProjectFolder


@pytest.fixture(autouse=True)
def _scripted(server: FaultServer, project: ProjectFolder) -> None:
    server.play(scripted())
    write_project(project, server.base_url)


def with_assert(entry: str) -> str:
    return MODERATED.replace("{type: moderation}", entry)


def said(text: str) -> tuple[str, str]:
    return "--var", f"text={text}"


def test_a_flagged_answer_fails_with_its_category(project: ProjectFolder) -> None:
    done = run(project, *said("I will kill you"))
    assert done.code == 1
    [check] = done.records()[0]["checks"]
    assert check["message"] == "expected text that is not flagged, but it is flagged: violence"
    assert check["judge"]["model"] == "omni-moderation-latest"


def test_what_must_be_flagged_passes_only_if_it_is(project: ProjectFolder) -> None:
    project.write("said.prompt.yaml", with_assert("{type: not-moderation}"))
    assert run(project, *said("I will kill you")).code == 0
    assert run(project, *said("Good morning")).code == 1


def test_a_threshold_compares_the_scores_of_the_named_categories(project: ProjectFolder) -> None:
    project.write(
        "said.prompt.yaml", with_assert("{type: moderation, threshold: 0.015, categories: [harassment]}")
    )
    assert run(project, *said("I will kill you")).code == 0
    project.write("said.prompt.yaml", with_assert("{type: moderation, threshold: 0.015}"))
    done = run(project, *said("Good morning"))
    assert done.code == 1
    assert "violence has the score 0.02" in done.records()[0]["checks"][0]["message"]


def test_the_variables_are_moderated_instead_of_the_answer(
    project: ProjectFolder, server: FaultServer
) -> None:
    project.write("said.prompt.yaml", with_assert("{type: moderation, of: input}"))
    assert run(project, *said("I will kill you")).code == 1
    assert server.requests[-1].json["input"] == '{"text":"I will kill you"}'


def test_nothing_is_asked_about_an_answer_that_fails_anyway(
    project: ProjectFolder, server: FaultServer
) -> None:
    project.write("said.prompt.yaml", with_assert("{type: moderation}, {type: contains, value: day}"))
    assert run(project, *said("Good morning")).code == 1
    assert paths(server.requests) == ["chat/completions"]


def test_an_endpoint_without_moderations_is_no_verdict(project: ProjectFolder, server: FaultServer) -> None:
    answer = scripted()

    def without(request: Received) -> Steps:
        missing = request.target.endswith("/moderations")
        return reply(404, {"error": {"message": "Not Found"}}) if missing else answer(request)

    server.play(without)
    done = run(project)
    assert done.code == 3
    [record] = done.records()
    assert (record["outcome"], record["passed"], record["text"]) == ("error", False, "Have a nice day.")
    assert record["error"]["code"] == "unchecked"
    assert "moderations did not answer: Not Found" in record["error"]["message"]


def test_an_unknown_category_is_an_error_at_its_place(project: ProjectFolder, server: FaultServer) -> None:
    project.write("said.prompt.yaml", with_assert("{type: moderation, categories: [harasment]}"))
    done = project.run("check")
    assert done.code == 2
    assert 'said.prompt.yaml:6:42: error: moderation: there is no category "harasment"' in done.err
    assert 'did you mean "harassment"?' in done.err
    assert not server.requests


def test_categories_of_another_provider_are_not_known_here(project: ProjectFolder) -> None:
    project.write(
        "said.prompt.yaml", with_assert("{type: moderation, categories: [pii], model: mistral-moderation}")
    )
    done = run(project)
    assert done.code == 3
    assert "the answer has no category pii" in done.records()[0]["error"]["message"]


def test_an_endpoint_that_does_not_exist_is_an_error_at_its_place(project: ProjectFolder) -> None:
    project.write("said.prompt.yaml", with_assert("{type: moderation, endpoint: fakes}"))
    done = project.run("check")
    assert done.code == 2
    assert 'said.prompt.yaml:6:39: error: there is no endpoint "fakes"' in done.err
    write_project(project, "http://127.0.0.1:9/v1", more="moderation: {endpoint: fakes}\n")
    done = project.run("check")
    assert done.code == 2
    assert 'runner.yaml:4:24: error: there is no endpoint "fakes"' in done.err


def test_an_approved_verdict_is_replayed_without_server_and_key(
    project: ProjectFolder, server: FaultServer
) -> None:
    assert run_test(project).code == 4
    assert project.run("accept", "--all").code == 0
    asked = len(server.requests)
    done = project.run("test", "--ci")
    assert (done.code, len(server.requests)) == (0, asked)


def test_another_model_makes_the_verdict_stale_and_is_named(project: ProjectFolder) -> None:
    run_test(project, "--update", "missing")
    project.write("said.prompt.yaml", with_assert("{type: moderation, model: omni-moderation-2026-01-01}"))
    done = project.run("test", "--ci")
    assert done.code == 4
    assert "omni-moderation-latest then, omni-moderation-2026-01-01 now" in done.out
    assert run_test(project, "--update", "changed").code == 0
    assert project.run("test", "--ci").code == 0


def test_an_answer_approved_before_the_assertion_was_never_judged(project: ProjectFolder) -> None:
    project.write("said.prompt.yaml", with_assert("{type: contains, value: nice}"))
    run_test(project, "--update", "missing")
    project.write("said.prompt.yaml", MODERATED)
    done = project.run("test", "--ci")
    assert done.code == 4
    assert "was never judged by moderations" in done.out


def test_a_stored_verdict_is_read_with_the_threshold_of_today(
    project: ProjectFolder, server: FaultServer
) -> None:
    run_test(project, "--update", "missing")
    asked = len(server.requests)
    project.write("said.prompt.yaml", with_assert("{type: moderation, threshold: 0.001}"))
    done = project.run("test", "--ci")
    assert (done.code, len(server.requests)) == (1, asked)
    assert "violence has the score 0.02" in done.out


def test_a_masked_answer_is_replayed_by_what_is_stored(project: ProjectFolder) -> None:
    project.write("said.prompt.yaml", MODERATED.replace("nice day", "nice day, 4711"))
    with (project.folder / "runner.yaml").open("a") as file:
        file.write("redact: [{regex: '[0-9]{4}', replace: NUMBER}]\n")
    done = run_test(project, "--update", "missing")
    assert done.code == 0, done.out + done.err
    assert "4711" not in next((project.folder / "__snapshots__/said").iterdir()).read_text()
    assert project.run("test", "--ci").code == 0


def test_the_same_text_is_asked_about_once(project: ProjectFolder, server: FaultServer) -> None:
    assert run(project, "--repeat", "4", "--no-cache").code == 0
    assert paths(server.requests).count("moderations") == 1


def test_a_stopped_run_judges_what_it_had_received(project: ProjectFolder, server: FaultServer) -> None:
    answer = scripted()
    failing = [True]

    def at_first_down(request: Received) -> Steps:
        if request.target.endswith("/moderations") and failing:
            return reply(401, {"error": {"message": "who are you"}})
        return answer(request)

    server.play(at_first_down)
    assert run(project).code == 3
    failing.clear()
    done = run(project, "--resume", "last")
    assert done.code == 0, done.out + done.err
    assert paths(server.requests) == ["chat/completions", "moderations", "moderations"]


def test_calls_count_against_max_cost(project: ProjectFolder, server: FaultServer) -> None:
    write_project(
        project,
        server.base_url,
        more="models: {gpt-test: {price: {input: 0, output: 0}}, 'omni-*': {price: {input: 5, output: 0}}}\n",
    )
    done = run(project, "--max-cost", "1", "--repeat", "2")
    assert done.code == 3
    assert "the cost of an answer from fake is unknown" in done.out


def test_the_python_interface_judges_too(project: ProjectFolder) -> None:
    prompt = runner.load(project.folder / "said.prompt.yaml", environ={"FAKE_KEY": KEY})
    results = [prompt.run(text=text) for text in ("Good morning", "I will kill you")]
    assert [result.passed for result in results] == [True, False]
    assert [result.checks[0]["judge"]["flagged"] for result in results] == [False, True]  # type: ignore[index, call-overload]


@pytest.mark.slow
def test_a_run_killed_while_it_judges_asks_nothing_again_that_was_answered(
    project: ProjectFolder, server: FaultServer
) -> None:
    answer, release = scripted(), threading.Event()

    def hangs(request: Received) -> Steps:
        judged = paths(server.requests).count("moderations")
        return (release, *answer(request)) if judged > 3 else answer(request)

    server.play(hangs)
    rows = "".join(json.dumps({"text": f"text {number}"}) + "\n" for number in range(12))
    project.write("rows.jsonl", rows)
    args = ("--input", "rows.jsonl", "--jobs", "2", "--no-cache")
    process = project.start("run", *args, env={"FAKE_KEY": KEY})
    wait_until(lambda: paths(server.requests).count("moderations") >= 5)
    process.kill()
    process.communicate()
    release.set()
    server.play(answer)
    done = run(project, "--resume", "last", "--no-cache")
    assert done.code == 0, done.out + done.err
    assert len(done.records()) == 12
    asked = [(request.target, request.body) for request in server.requests]
    chats = [each for each in asked if each[0].endswith("chat/completions")]
    assert len(chats) == len(set(chats)) == 12
    assert len(asked) - len(set(asked)) <= 2, "only what was in flight is asked again"


@pytest.mark.slow
def test_a_test_killed_while_it_judges_goes_on_where_it_was(
    project: ProjectFolder, server: FaultServer
) -> None:
    answer, release = scripted(), threading.Event()

    def hangs(request: Received) -> Steps:
        judged = paths(server.requests).count("moderations")
        return (release, *answer(request)) if judged > 3 else answer(request)

    server.play(hangs)
    tests = "".join(f"  - {{id: t{number}, vars: {{text: 'text {number}'}}}}\n" for number in range(8))
    project.write("said.prompt.yaml", MODERATED + tests)
    process = project.start("test", "-j", "2", env={"FAKE_KEY": KEY})
    wait_until(lambda: paths(server.requests).count("moderations") >= 5)
    process.kill()
    process.communicate()
    release.set()
    server.play(answer)
    assert run_test(project).code == 4
    asked = [(request.target, request.body) for request in server.requests]
    chats = [each for each in asked if each[0].endswith("chat/completions")]
    assert len(chats) == len(set(chats)) == 9
    assert len(asked) - len(set(asked)) <= 2, "only what was in flight is asked again"


def run_test(project: ProjectFolder, *args: str) -> Done:
    return project.run("test", *args, env={"FAKE_KEY": KEY})
