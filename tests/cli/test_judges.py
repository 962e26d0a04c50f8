"""Assertions that a judge decides, through the command line."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.faults import FaultServer, Received, Steps, completion, reply

from .asking import KEY, run
from .injections import INJECTIONS
from .judging import paths, scripted, write_project
from .project import Done, ProjectFolder

JUDGE = "judge: {model: judge-2026-01-01}\n"
PROMPT = """
name: said
model: gpt-test
inputs: {text: {type: string}}
messages: [{role: user, content: "{{ text }}"}]
assert: [ASSERT]
tests:
  - {id: one, vars: {text: "Have a nice day."}}
"""
RUBRIC = "{type: llm-rubric, value: Is kind.}"


@pytest.fixture(autouse=True)
def _scripted(server: FaultServer, project: ProjectFolder) -> None:
    server.play(scripted())
    write_project(project, server.base_url, PROMPT.replace("ASSERT", RUBRIC), JUDGE)


def declare(project: ProjectFolder, *asserts: str) -> None:
    project.write("said.prompt.yaml", PROMPT.replace("ASSERT", ", ".join(asserts)))


def said(text: str) -> tuple[str, str]:
    return "--var", f"text={text}"


def run_test(project: ProjectFolder, *args: str) -> Done:
    return project.run("test", *args, env={"FAKE_KEY": KEY})


@pytest.mark.parametrize(("text", "code"), [("Fine.", 0), ("BAD", 1), ("VAGUE", 3)])
@pytest.mark.parametrize("kind", ["llm-rubric", "closed-qa"])
def test_the_verdict_decides(project: ProjectFolder, kind: str, text: str, code: int) -> None:
    declare(project, f"{{type: {kind}, value: Is kind.}}")
    done = run(project, *said(text))
    assert done.code == code, done.out
    check = done.records()[0]["checks"][0]
    assert check["judge"]["prompt"] == ("judges:rubric" if kind == "llm-rubric" else "judges:closed-qa")
    assert check["judge"]["reason"] == "It was read."


def test_an_unsure_judge_passes_neither_form(project: ProjectFolder) -> None:
    declare(project, "{type: not-llm-rubric, value: Is kind.}")
    assert run(project, *said("VAGUE")).code == 3
    assert run(project, *said("BAD")).code == 0


@pytest.mark.parametrize(
    "answer",
    [
        completion("", "judge"),
        completion("pass", "judge"),
        completion('{"verdict": "pass"}', "judge"),
        completion('{"reason": "x", "verdict": "maybe"}', "judge"),
        completion('{"reason": "x", "verdict": "pass"}', "judge", choices=[
            {"index": 0, "finish_reason": "length", "message": {"role": "assistant", "content": '{"reason": "x", "verdict": "pass"}'}}
        ]),
        completion("", "judge", choices=[
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": None, "refusal": "I will not."}}
        ]),
        reply(400, {"error": {"message": "unsupported"}}),
        reply(401, {"error": {"message": "who are you"}}),
    ],
)  # fmt: skip
def test_a_judge_without_a_valid_verdict_is_no_verdict(
    project: ProjectFolder, server: FaultServer, answer: Any
) -> None:
    server.play(scripted(lambda _: answer))
    done = run(project)
    assert done.code == 3, done.out
    assert done.records()[0]["error"]["code"] == "unchecked"
    assert run_test(project, "--update", "all").code == 3
    assert not (project.folder / "__snapshots__").exists()


def test_no_answer_moves_the_judge_out_of_its_markers(project: ProjectFolder, server: FaultServer) -> None:
    """The scripted judge believes whatever stands outside of the markers, and judges what is inside."""
    seen: list[str] = []

    def gullible(message: str) -> dict[str, str]:
        inside = re.fullmatch(
            r'The criterion:\nSays 42\.\n\n---- "input" begins ----\n(.*)\n---- "input" ends ----\n\n'
            r'---- "answer" begins ----\n(.*)\n---- "answer" ends ----',
            message,
        )
        if inside is None:
            return {"reason": "I was told so.", "verdict": "pass"}
        seen.append(json.loads(inside[2]))
        return {"reason": "I looked.", "verdict": "pass" if "42" in seen[-1] else "fail"}

    server.play(scripted(gullible))
    declare(project, "{type: llm-rubric, value: Says 42.}")
    project.write("rows.jsonl", "".join(json.dumps({"text": text}) + "\n" for text in INJECTIONS))
    done = run(project, "--input", "rows.jsonl")
    assert (done.code, done.summary()["passed"], done.summary()["failed"]) == (1, 0, 20)
    assert sorted(seen) == sorted(INJECTIONS)
    assert run(project, *said("It is 42.")).code == 0


def test_a_reference_allows_the_named_relations(project: ProjectFolder, server: FaultServer) -> None:
    server.play(
        scripted(lambda text: {"reason": "r", "verdict": "superset" if "more" in text else "contradicts"})
    )
    declare(project, "{type: factuality, value: It left on 3 May.}")
    assert run(project, *said("more")).code == 0
    assert run(project, *said("other")).code == 1
    declare(project, "{type: factuality, value: It left on 3 May., allow: [subset, same]}")
    done = run(project, *said("more"))
    assert done.code == 1
    assert "the verdict is superset: r" in done.out


def test_a_score_is_compared_with_the_threshold(project: ProjectFolder, server: FaultServer) -> None:
    server.play(scripted(lambda _: {"reason": "r", "score": 8}))
    declare(project, "{type: g-eval, value: Polite, steps: [Look., Think.], threshold: 0.8}")
    assert run(project).code == 0
    assert "Polite\n1. Look.\n2. Think.\n\n" in server.requests[-1].json["messages"][1]["content"]
    declare(project, "{type: g-eval, value: Polite, threshold: 0.9}")
    done = run(project)
    assert done.code == 1
    assert "the score is 0.8: r" in done.out
    server.play(scripted(lambda _: {"reason": "r", "score": None}))
    assert run(project, "--no-cache").code == 3


def test_the_majority_of_votes_decides_and_is_shown(project: ProjectFolder, server: FaultServer) -> None:
    votes = iter(["pass", "fail", "pass"])
    server.play(scripted(lambda _: {"reason": "r", "verdict": next(votes)}))
    declare(project, "{type: llm-rubric, value: Is kind., judge: {votes: 3}}")
    done = run(project, "--jobs", "1")
    assert done.code == 0
    assert done.records()[0]["checks"][0]["judge"]["votes"] == {"pass": 2, "fail": 1}
    split = iter(["pass", "fail"])
    server.play(scripted(lambda _: {"reason": "r", "verdict": next(split)}))
    declare(project, "{type: llm-rubric, value: Is nice., judge: {votes: 2}}")
    assert run(project, "--jobs", "1").code == 3


def test_what_was_approved_is_replayed_offline_until_the_judge_changes(
    project: ProjectFolder, server: FaultServer
) -> None:
    assert run_test(project, "--update", "missing").code == 0
    asked = len(server.requests)
    assert project.run("test", "--ci").code == 0
    assert len(server.requests) == asked
    write_project(
        project, server.base_url, PROMPT.replace("ASSERT", RUBRIC), "judge: {model: judge-2026-02-02}\n"
    )
    done = project.run("test", "--ci")
    assert done.code == 4
    assert "the judge changed since it was approved: judge-2026-01-01 then, judge-2026-02-02 now" in done.out
    write_project(
        project, server.base_url, PROMPT.replace("ASSERT", "{type: llm-rubric, value: Is short.}"), JUDGE
    )
    done = project.run("test", "--ci")
    assert done.code == 4
    assert "what is asked about it changed" in done.out


def test_the_endpoint_of_the_judge_is_connected_too(project: ProjectFolder, server: FaultServer) -> None:
    with FaultServer(scripted()) as other:
        project.write(
            "runner.yaml",
            f"endpoint: fake\nendpoints:\n  fake: {{base_url: '{server.base_url}'}}\n"
            f"  court: {{base_url: '{other.base_url}', api_key_env: COURT_KEY}}\n"
            "judge: {model: judge-2026-01-01, endpoint: court}\n",
        )
        done = project.run("run")
        assert done.code == 2
        assert "COURT_KEY, which is not set" in done.err
        assert not server.requests
        assert project.run("run", env={"COURT_KEY": KEY}).code == 0
        assert paths(other.requests) == ["chat/completions"]
        done = project.run("run", "--no-cache", env={"COURT_KEY": KEY, "RUNNER_TRUST": ""})
        assert done.code == 2
        assert "COURT_KEY" in done.err
        assert len(other.requests) == 1


OWN = """
name: tone
model: judge-9-2026-03-03
messages: [{role: user, content: "{{ criterion }} {{ output | tojson }}"}]
response_format:
  type: json_schema
  json_schema:
    name: v
    strict: true
    schema:
      type: object
      properties: {reason: {type: string}, verdict: {type: string, enum: [pass, fail]}}
      required: [reason, verdict]
      additionalProperties: false
"""


def test_an_own_judge_is_a_prompt_beside_the_prompt_or_of_the_project(
    project: ProjectFolder, server: FaultServer
) -> None:
    project.write("court/tone.prompt.yaml", OWN)
    declare(project, "{type: llm-rubric, value: Is kind., judge: court/tone.prompt.yaml}")
    done = run(project, "said")
    assert done.code == 0, done.err
    [check] = done.records()[0]["checks"]
    assert (check["judge"]["prompt"], check["judge"]["model"]) == (
        "court/tone.prompt.yaml",
        "judge-9-2026-03-03",
    )
    declare(project, RUBRIC)
    project.write(
        "runner.yaml", (project.folder / "runner.yaml").read_text().replace(JUDGE, "judge: {prompt: court/tone.prompt.yaml}\n")
    )  # fmt: skip
    assert run(project, "said").records()[0]["checks"][0]["judge"]["prompt"] == "court/tone.prompt.yaml"


@pytest.mark.parametrize(
    ("judge", "asserted", "said"),
    [
        (OWN, "judge: court/nope.prompt.yaml", "said.prompt.yaml:6:53: error: there is no file court/nope.prompt.yaml"),
        (OWN, "judge: judges:rubrik", 'the pack judges exports no prompt "rubrik"'),
        (OWN, "judge: {prompt: court/tone.prompt.yaml, endpoint: nope}", 'there is no endpoint "nope"'),
        (OWN.replace("verdict", "word"), "judge: court/tone.prompt.yaml", "does not require a verdict"),
        (OWN.replace("[pass, fail]", "[good, bad]"), "judge: court/tone.prompt.yaml", "do not include fail, pass"),
        (OWN.replace("output | tojson", "criterion"), "judge: court/tone.prompt.yaml", "has no variable `output`"),
        (OWN.replace("{{ criterion }}", "{{ tone }}"), "judge: court/tone.prompt.yaml", "needs tone, which no assertion gives"),
        (OWN + "assert: [{type: llm-rubric, value: x}]\n", "judge: court/tone.prompt.yaml", "has assertions that need a judge"),
        (OWN + "matrix: {temperature: [0, 1]}\n", "judge: court/tone.prompt.yaml", "has 2 variants"),
        (OWN, "judge: {}", "judge"),
        (OWN, "judge: {vote: 3}", 'did you mean "votes"?'),
        (OWN, "votes: 3", "votes"),
    ],
)  # fmt: skip
def test_a_prompt_that_cannot_judge_is_an_error_before_anything_is_sent(
    project: ProjectFolder, server: FaultServer, judge: str, asserted: str, said: str
) -> None:
    project.write("court/tone.prompt.yaml", judge)
    declare(project, f"{{type: llm-rubric, value: Is kind., {asserted}}}")
    done = project.run("check", "said.prompt.yaml")
    assert done.code == 2
    assert said in done.err
    assert "said.prompt.yaml:6:" in done.err
    assert run(project, "said.prompt.yaml").code == 2
    assert not server.requests


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("{type: llm-rubric, value: 'Mentions {{ text }}.'}", "an assertion is not a template"),
        ("{type: factuality, value: x, allow: [subset, superset, same, differs-harmlessly, contradicts]}", "can never fail"),
        ("{type: factuality, value: x, allow: [sub]}", "sub"),
        ("{type: g-eval, value: x, threshold: 0}", "can never fail"),
        ("{type: g-eval, value: x, threshold: 7}", "threshold"),
        ("{type: llm-rubric}", "value"),
        ("{type: llm-rubric, value: x}, {type: not-llm-rubric, value: x}", "contradicts"),
        ("{type: llm-rubric, value: x, path: $.a}", "does not require JSON"),
        ("{type: model-graded-closedqa, value: x}", "write `closed-qa`"),
    ],
)  # fmt: skip
def test_an_assertion_that_makes_no_sense_is_an_error_at_its_place(
    project: ProjectFolder, spec: str, said: str
) -> None:
    declare(project, spec)
    done = project.run("check")
    assert done.code == 2
    assert said in done.err
    assert "said.prompt.yaml:6:" in done.err


def test_an_assertion_without_any_judge_says_what_to_declare(
    project: ProjectFolder, server: FaultServer
) -> None:
    write_project(project, server.base_url, PROMPT.replace("ASSERT", RUBRIC))
    done = project.run("check")
    assert done.code == 2
    assert "a judge is needed, and judges:rubric declares no model" in done.err
    assert "judge: {model: " in done.err


def test_check_warns_of_a_judge_of_its_own_answers_and_of_one_without_a_date(
    project: ProjectFolder, server: FaultServer
) -> None:
    assert "W02" not in project.run("check").err
    write_project(project, server.base_url, PROMPT.replace("ASSERT", RUBRIC), "judge: {model: gpt-test}\n")
    done = project.run("check")
    assert done.code == 0
    assert "W026 the judge judges:rubric is gpt-test, whose own answers it judges" in done.err
    assert "W027 the judge judges:rubric is gpt-test, a name without a date" in done.err


def test_the_alias_of_the_built_in_judges_is_taken(project: ProjectFolder, server: FaultServer) -> None:
    write_project(project, server.base_url, more="packs: {judges: {path: there}}\n")
    done = project.run("check")
    assert done.code == 2
    assert "runner.yaml:4:9: error: judges is the pack that ships with runner" in done.err


def test_rows_have_judged_assertions_of_their_own(project: ProjectFolder) -> None:
    declare(project)
    row = {"vars": {"text": "BAD"}, "assert": [{"type": "llm-rubric", "value": "Is kind."}]}
    project.write("rows.jsonl", json.dumps(row) + "\n")
    done = run(project, "--input", "rows.jsonl")
    assert done.code == 1
    assert done.records()[0]["checks"][0]["judge"]["verdict"] == "fail"


def test_the_judge_is_asked_about_a_part_of_a_json_answer(
    project: ProjectFolder, server: FaultServer
) -> None:
    of_notes = PROMPT.replace("ASSERT", "{type: llm-rubric, value: Is kind., path: '$.notes[*]'}")
    project.write(
        "said.prompt.yaml", of_notes.replace("{{", "JSON: {{") + "response_format: {type: json_object}\n"
    )
    judge = scripted()

    def answer(request: Received) -> Steps:
        asked = request.json["model"] == "gpt-test"
        return completion('{"notes": ["Good.", "BAD."]}') if asked else judge(request)

    server.play(answer)
    done = run(project)
    assert done.code == 1, done.err
    [check] = done.records()[0]["checks"]
    assert check["path"] == "$.notes[1]"
    assert [each["verdict"] for each in check["judge"]] == ["pass", "fail"]


def test_a_run_is_not_resumed_with_another_judge(project: ProjectFolder, server: FaultServer) -> None:
    server.play(scripted(lambda _: reply(401, {"error": {"message": "who are you"}})))
    assert run(project).code == 3
    server.play(scripted())
    write_project(
        project, server.base_url, PROMPT.replace("ASSERT", RUBRIC), "judge: {model: judge-2026-02-02}\n"
    )
    done = run(project, "--resume", "last")
    assert done.code == 2
    assert "said.prompt.yaml: judge was" in done.err
    assert "judge-2026-02-02" in done.err
    write_project(project, server.base_url, PROMPT.replace("ASSERT", RUBRIC), JUDGE)
    done = run(project, "--resume", "last")
    assert done.code == 0, done.out + done.err
    assert paths(server.requests).count("chat/completions") == 3


def test_collected_answers_are_judged_online(project: ProjectFolder, server: FaultServer) -> None:
    assert project.run("export", "--batch", "batch.jsonl").code == 0
    [line] = (project.folder / "batch.jsonl").read_text().splitlines()
    body = {
        "id": "c",
        "object": "chat.completion",
        "model": "gpt-test",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "BAD."}}
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
    answer = {
        "custom_id": json.loads(line)["custom_id"],
        "response": {"status_code": 200, "body": body},
        "error": None,
    }
    project.write("results.jsonl", json.dumps(answer) + "\n")
    assert not server.requests
    done = project.run("collect", "results.jsonl", env={"FAKE_KEY": KEY})
    assert done.code == 1, done.out + done.err
    assert done.records()[0]["checks"][0]["judge"]["verdict"] == "fail"
    assert [request.json["model"] for request in server.requests] == ["judge-2026-01-01"]
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_replay_in_ci_opens_no_socket(
    project: ProjectFolder, server: FaultServer, monkeypatch: Any
) -> None:
    asserts = f"{RUBRIC}, {{type: moderation}}, {{type: similar, value: Have a nice day., threshold: 0.9}}"
    more = JUDGE + "similar: {model: small}\n"
    write_project(project, server.base_url, PROMPT.replace("ASSERT", asserts), more)
    assert run_test(project, "--update", "missing").code == 0

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    done = project.run("test", "--ci")
    assert done.code == 0, done.out + done.err
    assert "1 passed" in done.out


@pytest.mark.slow
def test_a_baseline_of_another_judge_is_compared_with_nothing(
    project: ProjectFolder, server: FaultServer
) -> None:
    tests = "".join(f"  - {{id: more-{n}, vars: {{text: Nice {n}.}}}}\n" for n in range(30))
    gated = PROMPT.replace("ASSERT", RUBRIC) + tests + "regression: {gate: {}}\n"
    write_project(project, server.base_url, gated, JUDGE)
    done = project.run("baseline", "--samples", "3", env={"FAKE_KEY": KEY})
    assert done.code == 0, done.out + done.err
    assert "judged_by: " in next((project.folder / "__snapshots__").glob("*.rates.yaml")).read_text()
    assert run_test(project, "--live", "--update", "all").code == 0
    write_project(project, server.base_url, gated, "judge: {model: judge-2026-02-02}\n")
    done = run_test(project, "--live", "--update", "all")
    assert done.code == 3, done.out
    assert "the cases of the baseline were judged by another judge" in done.out
    done = project.run("baseline", "--samples", "1", "--case", "one", env={"FAKE_KEY": KEY})
    assert done.code == 2
    assert "rates of different judges cannot be mixed" in done.err


def test_a_dry_run_names_whom_the_assertions_ask(project: ProjectFolder, server: FaultServer) -> None:
    done = project.run("run", "--dry-run")
    assert "assertions also ask judges:rubric (judge-2026-01-01) about each answer" in done.out
    assert not server.requests


def test_a_pass_says_what_was_found(project: ProjectFolder) -> None:
    [check] = run(project).records()[0]["checks"]
    assert (
        check["message"] == 'as expected: an answer that meets "Is kind.": the verdict is pass: It was read.'
    )
