"""`runner run` against a real HTTP server on loopback: what is sent, what is kept, how it ends."""

from __future__ import annotations

import csv
import json
import signal
import threading
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from runner.engine.plan.job import Unit
from runner.files.model import Case
from runner.values import Json
from tests.faults import CLOSE, FaultServer, Received, Steps, chunked, completion, echo, event_stream, reply
from tests.patience import PATIENCE, wait_until

from .asking import KEY, PROMPT, read_until, run
from .project import Done, ProjectFolder

JSON_PROMPT = """
name: sentiment
model: gpt-test
messages: [{role: user, content: "Say it as JSON: {{ review }}"}]
response_format:
  type: json_schema
  json_schema:
    name: sentiment
    strict: true
    schema:
      type: object
      properties: {label: {type: string, enum: [good, bad]}}
      required: [label]
      additionalProperties: false
tests:
  - id: one
    vars: {review: fine}
    assert: [{type: equals, path: $.label, value: good}]
"""


# --- what is sent ---------------------------------------------------------------------------------------------------


def test_only_what_was_declared_goes_on_the_wire_in_the_authors_order(
    asked: ProjectFolder, server: FaultServer
) -> None:
    assert run(asked, "--case", "ada").code == 0
    [request] = server.requests
    assert request.body == b'{"model":"gpt-test","messages":[{"role":"user","content":"Hello Ada"}]}'
    assert request.target == "/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept"] == "application/json"


def test_set_and_model_replace_fields_in_place_or_append_them(
    asked: ProjectFolder, server: FaultServer
) -> None:
    run(asked, "--case", "ada", "--model", "other", "--set", "temperature=0.2", "--set", 'stop=["x"]')
    assert list(server.requests[0].json.items()) == [
        ("model", "other"),
        ("messages", [{"role": "user", "content": "Hello Ada"}]),
        ("temperature", 0.2),
        ("stop", ["x"]),
    ]


def test_a_variable_given_replaces_the_tests(asked: ProjectFolder) -> None:
    [record] = run(asked, "--var", "name=Zoë").records()
    assert record["vars"] == {"name": "Zoë"}
    assert record["text"] == "Hello Zoë"


def test_variables_come_from_a_file_too(asked: ProjectFolder) -> None:
    asked.write("vars.yaml", "name: Filed\n")
    assert run(asked, "--vars", "vars.yaml").records()[0]["text"] == "Hello Filed"


def test_rows_become_cases_one_each(asked: ProjectFolder) -> None:
    asked.write("rows.csv", "name\nAda\nBob\nAda\n")
    done = run(asked, "--input", "rows.csv")
    assert done.code == 0
    assert sorted(record["text"] for record in done.records()) == ["Hello Ada", "Hello Ada", "Hello Bob"]
    assert len({record["case"] for record in done.records()}) == 3


def test_repeat_asks_once_per_sample(asked: ProjectFolder, server: FaultServer) -> None:
    done = run(asked, "--case", "ada", "--repeat", "3")
    assert sorted(record["sample"] for record in done.records()) == [0, 1, 2]
    assert len(server.requests) == 3


def test_several_models_are_variants_of_each_case(asked: ProjectFolder) -> None:
    done = run(asked, "--model", "a", "--model", "b")
    assert sorted((record["case"], record["variant"], record["model"]) for record in done.records()) == [
        ("ada", "a", "a"),
        ("ada", "b", "b"),
        ("bob", "a", "a"),
        ("bob", "b", "b"),
    ]


def test_tags_and_ids_narrow_the_selection(asked: ProjectFolder) -> None:
    assert [record["case"] for record in run(asked, "--tag", "smoke").records()] == ["bob"]


def test_a_selection_that_matches_nothing_is_exit_5_with_a_suggestion(
    asked: ProjectFolder, server: FaultServer
) -> None:
    done = run(asked, "--case", "adda")
    assert done.code == 5
    assert 'did you mean "ada"?' in done.err
    assert server.requests == []


def test_a_prompt_that_needs_variables_and_has_no_tests_says_how_to_give_them(asked: ProjectFolder) -> None:
    asked.write("bare.prompt.yaml", 'model: m\nmessages: [{role: user, content: "Hi {{ name }}"}]\n')
    done = run(asked, "bare.prompt.yaml")
    assert done.code == 5
    assert "--var name=" in done.err


def test_a_dry_run_sends_nothing(asked: ProjectFolder, server: FaultServer) -> None:
    done = run(asked, "--dry-run")
    assert done.code == 0
    assert "2 requests" in done.out
    assert server.requests == []
    assert not (asked.folder / ".runner").exists()


# --- what is judged -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "more", "outcome", "code"),
    [
        ('{"label": "good"}', {}, "ok", 0),
        ('{"label": "bad"}', {}, "ok", 1),
        ('{"label": "ugly"}', {}, "invalid", 1),
        ('```json\n{"label": "good"}\n```', {}, "unparsable", 1),
        ("", {}, "empty", 1),
    ],
)
def test_content_is_parsed_validated_and_asserted(
    asked: ProjectFolder, server: FaultServer, content: str, more: dict[str, Any], outcome: str, code: int
) -> None:
    asked.write("s.prompt.yaml", JSON_PROMPT)
    server.play(completion(content, **more))
    done = run(asked, "s.prompt.yaml")
    [record] = done.records()
    assert (record["outcome"], done.code) == (outcome, code)
    assert record["passed"] is (code == 0)


def choice(**fields: Any) -> Steps:
    message = {"role": "assistant", **fields.pop("message")}
    return reply(
        200, {"model": "m", "choices": [{"index": 0, "finish_reason": "stop", "message": message, **fields}]}
    )


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (choice(message={"content": None, "refusal": "I cannot help with that."}), "refused"),
        (choice(message={"content": '{"label": "good"}'}, finish_reason="length"), "truncated"),
        (choice(message={"content": ""}, finish_reason="content_filter"), "filtered"),
        (
            choice(
                message={
                    "content": None,
                    "tool_calls": [
                        {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
                    ],
                },
                finish_reason="tool_calls",
            ),
            "tool_call",
        ),
    ],
)
def test_an_answer_that_is_none_fails_by_its_own_name_and_is_not_cached(
    asked: ProjectFolder, server: FaultServer, answer: Steps, outcome: str
) -> None:
    asked.write("s.prompt.yaml", JSON_PROMPT)
    server.play(answer)
    done = run(asked, "s.prompt.yaml")
    assert done.records()[0]["outcome"] == outcome
    assert done.code == 1
    run(asked, "s.prompt.yaml")
    assert len(server.requests) == 2


def test_an_expected_refusal_passes(asked: ProjectFolder, server: FaultServer) -> None:
    asked.write(
        "r.prompt.yaml",
        "model: m\nmessages: [{role: user, content: Hi}]\ntests: [{id: no, vars: {}, outcome: refused}]\n",
    )
    server.play(choice(message={"content": None, "refusal": "No."}))
    done = run(asked, "r.prompt.yaml")
    assert (done.code, done.records()[0]["passed"]) == (0, True)
    server.play(choice(message={"content": "Sure."}))
    assert run(asked, "r.prompt.yaml", "--no-cache").code == 1


def test_each_of_n_choices_is_a_result_of_its_own(asked: ProjectFolder, server: FaultServer) -> None:
    choices = [
        {"index": index, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        for index, text in enumerate("abc")
    ]
    server.play(
        reply(200, {"model": "m", "choices": choices, "usage": {"prompt_tokens": 5, "completion_tokens": 3}})
    )
    done = run(asked, "--case", "ada", "--set", "n=3")
    assert [(record["choice"], record["text"]) for record in done.records()] == [(0, "a"), (1, "b"), (2, "c")]
    assert done.summary()["prompt_tokens"] == 5


def test_a_price_makes_a_cost(asked: ProjectFolder, server: FaultServer) -> None:
    with (asked.folder / "runner.yaml").open("a") as file:
        file.write("models: {'gpt-*': {price: {input: 2, output: 10}}}\n")
    server.play(
        completion("x", usage={"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100})
    )
    assert run(asked, "--case", "ada").records()[0]["cost"] == pytest.approx(0.003)


# --- the way there fails --------------------------------------------------------------------------------------------

BUSY = reply(
    429,
    {"error": {"message": "slow down", "type": "requests", "code": "rate_limit_exceeded"}},
    headers={"retry-after-ms": "20"},
)


@pytest.mark.slow
def test_passing_failures_are_asked_again(asked: ProjectFolder, server: FaultServer) -> None:
    server.play(BUSY, reply(500, {"error": {"message": "oops"}}), echo)
    done = run(asked, "--case", "ada")
    assert done.code == 0
    assert done.records()[0]["attempts"] == 3
    assert done.summary()["retries"] == 2


@pytest.mark.slow
def test_retry_after_is_waited_for(asked: ProjectFolder, server: FaultServer) -> None:
    server.play(reply(503, {"error": {"message": "later"}}, headers={"retry-after": "1"}), echo)
    run(asked, "--case", "ada")
    first, second = server.requests
    assert second.at - first.at >= 1.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "said", "attempts"),
    [
        (
            reply(
                401, {"error": {"message": f"Incorrect API key provided: {KEY}", "code": "invalid_api_key"}}
            ),
            "FAKE_KEY",
            1,
        ),
        (
            reply(
                404, {"error": {"message": "The model `gpt-test` does not exist", "code": "model_not_found"}}
            ),
            "does not exist",
            1,
        ),
        (
            reply(
                429,
                {
                    "error": {
                        "message": "You exceeded your quota",
                        "type": "insufficient_quota",
                        "code": "insufficient_quota",
                    }
                },
            ),
            "quota",
            1,
        ),
        (reply(500, {"error": {"message": "the server had an error"}}), "the server had an error", 3),
        (
            reply(200, "<html><title>Welcome</title></html>", headers={"content-type": "text/html"}),
            "base_url",
            1,
        ),
        (reply(200, {"error": {"message": "upstream is gone", "code": 400}}), "upstream is gone", 1),
        (reply(200, b'{"choices": [', content_length=100), "", 3),
        (chunked(b'{"choices"', ended=False), "", 3),
    ],
    ids=["401", "404", "quota", "500", "html", "200-with-error", "short-body", "cut-chunks"],
)
def test_an_answer_that_never_came_is_exit_3_with_what_to_do(
    asked: ProjectFolder, server: FaultServer, answer: Steps, said: str, attempts: int
) -> None:
    server.play(answer)
    done = run(asked, "--case", "ada")
    [record] = done.records()
    assert done.code == 3
    assert record["outcome"] == "error"
    assert record["attempts"] == attempts == len(server.requests)
    assert said in done.out
    assert KEY not in done.out + done.err


@pytest.mark.slow
def test_a_stream_that_is_cut_is_an_error_not_an_answer(asked: ProjectFolder, server: FaultServer) -> None:
    piece = {
        "id": "1",
        "model": "m",
        "choices": [{"index": 0, "delta": {"content": "Hel"}, "finish_reason": None}],
    }
    server.play(event_stream(piece, done=False))
    done = run(asked, "--case", "ada", "--stream")
    assert done.code == 3
    assert done.records()[0]["error"]["code"] == "stream_cut"


@pytest.mark.slow
def test_an_endpoint_that_is_down_is_exit_3_and_says_where(project: ProjectFolder) -> None:
    project.write("runner.yaml", "endpoint: gone\nendpoints: {gone: {base_url: 'http://127.0.0.1:9/v1'}}\n")
    project.write("hello.prompt.yaml", PROMPT)
    done = project.run("run")
    assert done.code == 3
    assert "127.0.0.1:9" in done.out


def test_a_dead_endpoint_stops_the_run_instead_of_being_asked_for_every_case(
    asked: ProjectFolder, server: FaultServer
) -> None:
    asked.write("rows.jsonl", "".join(json.dumps({"name": f"n{index}"}) + "\n" for index in range(200)))
    server.play(reply(401, {"error": {"message": "no"}}))
    done = run(asked, "--input", "rows.jsonl", "--jobs", "4")
    assert done.code == 3
    assert len(server.requests) < 20
    assert done.summary()["status"] == "stopped"


def test_a_redirect_is_not_followed_and_the_key_stays_home(asked: ProjectFolder, server: FaultServer) -> None:
    with FaultServer() as elsewhere:
        server.play(reply(302, "", headers={"location": elsewhere.base_url + "/chat/completions"}))
        done = run(asked, "--case", "ada")
        assert done.code == 3
        assert elsewhere.requests == []


# --- what is kept ---------------------------------------------------------------------------------------------------


def test_a_known_answer_is_not_asked_for_again(asked: ProjectFolder, server: FaultServer) -> None:
    run(asked)
    done = run(asked)
    assert len(server.requests) == 2
    assert all(record["cached"] and record["attempts"] == 0 for record in done.records())
    assert "cached" in done.out
    run(asked, "--no-cache")
    assert len(server.requests) == 4


@pytest.mark.parametrize("change", [("--set", "temperature=1"), ("--repeat", "2")])
def test_a_changed_request_or_another_sample_is_asked_for(
    asked: ProjectFolder, server: FaultServer, change: tuple[str, str]
) -> None:
    run(asked, "--case", "ada")
    run(asked, "--case", "ada", *change)
    assert len(server.requests) == 2


def test_the_key_is_in_no_file_and_no_output(asked: ProjectFolder, server: FaultServer) -> None:
    server.play(completion(f"your key is {KEY}, is it not?"))
    done = run(asked, "--json", "--output", "out.jsonl")
    assert KEY not in done.out + done.err
    assert "your key is [key]" in done.out
    kept = [path for path in asked.folder.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert kept == []


def test_json_prints_one_record_a_line_and_nothing_else(asked: ProjectFolder) -> None:
    done = run(asked, "--json")
    records = done.json_lines()
    assert {record["case"] for record in records} == {"ada", "bob"}
    assert set(records[0]) >= {
        "prompt", "case", "sample", "outcome", "passed", "output", "text", "checks", "error", "model", "served_model",
        "finish_reason", "usage", "cost", "latency_ms", "attempts", "fingerprint", "vars",
    }  # fmt: skip


def test_output_is_saved_in_each_format(asked: ProjectFolder) -> None:
    for ending in ("jsonl", "json", "csv", "xml"):
        assert run(asked, "--output", f"out/results.{ending}").code == 0
    out = asked.folder / "out"
    assert {json.loads(line)["case"] for line in (out / "results.jsonl").read_text().splitlines()} == {
        "ada",
        "bob",
    }
    assert {record["case"] for record in json.loads((out / "results.json").read_text())} == {"ada", "bob"}
    with (out / "results.csv").open(newline="") as file:
        assert {row["text"] for row in csv.DictReader(file)} == {"Hello Ada", "Hello Bob"}
    suite = ET.parse(out / "results.xml").getroot()
    assert len(list(suite.iter("testcase"))) == 2


def test_an_output_that_cannot_be_written_is_told_before_anything_is_sent(
    asked: ProjectFolder, server: FaultServer
) -> None:
    assert run(asked, "--output", "results.txt").code == 2
    assert server.requests == []


def test_streaming_prints_the_text_as_it_comes_and_judges_the_same(
    asked: ProjectFolder, server: FaultServer
) -> None:
    def piece(text: str, finish: str | None = None) -> dict[str, Any]:
        return {
            "id": "1",
            "model": "m",
            "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}],
        }

    usage = {
        "id": "1",
        "model": "m",
        "choices": [],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }
    server.play(event_stream(piece("Grüß "), piece("Gott"), piece("", "stop"), usage, pieces=[7] * 30))
    done = run(asked, "--case", "ada", "--stream")
    [record] = done.records()
    assert (done.code, record["text"], record["usage"]["total_tokens"]) == (0, "Grüß Gott", 5)
    assert done.out.endswith("Grüß Gott\n")
    assert server.requests[0].json["stream"] is True


# --- how it ends ----------------------------------------------------------------------------------------------------


def started(project: ProjectFolder, server: FaultServer, answering: threading.Event) -> Any:
    """A run with two requests on the way, which are answered when they may be."""
    project.write("rows.jsonl", "".join(json.dumps({"name": f"n{index}"}) + "\n" for index in range(50)))
    server.play(lambda request: (answering, *echo(request)))
    process = project.start("run", "--input", "rows.jsonl", "--jobs", "2", env={"FAKE_KEY": KEY})
    wait_until(lambda: len(server.requests) == 2)
    return process


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_keeps_what_was_paid_for(
    asked: ProjectFolder, server: FaultServer, number: signal.Signals, code: int
) -> None:
    answering = threading.Event()
    process = started(asked, server, answering)
    process.send_signal(number)
    read_until(process.stdout, "stopping")
    answering.set()
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == code, err
    records = Done(code, out, err, asked.folder).records()
    assert len(records) == len(server.requests) == 2
    assert all(record["passed"] for record in records)


@pytest.mark.slow
def test_a_second_interrupt_stops_at_once(asked: ProjectFolder, server: FaultServer) -> None:
    process = started(asked, server, threading.Event())
    process.send_signal(signal.SIGINT)
    read_until(process.stdout, "stopping")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(
        timeout=PATIENCE / 2
    )  # the answers never come, and are given up after PATIENCE
    assert process.returncode == 130, err


@pytest.mark.slow
def test_a_rate_limit_paces_the_requests(asked: ProjectFolder, server: FaultServer) -> None:
    text = (asked.folder / "runner.yaml").read_text().replace("timeout: 300", "timeout: 300, rpm: 240")
    asked.write("runner.yaml", text)
    asked.write("rows.jsonl", "".join(json.dumps({"name": f"n{index}"}) + "\n" for index in range(14)))
    assert run(asked, "--input", "rows.jsonl").code == 0
    times = [request.at for request in server.requests]
    assert times[-1] - times[0] > 1.2  # 8 at once, then 4 a second


def test_a_connection_closed_between_requests_is_no_failure(
    asked: ProjectFolder, server: FaultServer
) -> None:
    def answer_and_close(request: Received) -> Steps:
        return (*echo(request), CLOSE)

    asked.write("rows.jsonl", "".join(json.dumps({"name": f"n{index}"}) + "\n" for index in range(6)))
    server.play(answer_and_close)
    assert run(asked, "--input", "rows.jsonl", "--jobs", "1").code == 0


def test_a_failing_run_leaves_its_summary(asked: ProjectFolder, server: FaultServer, tmp_path: Path) -> None:
    server.play(reply(401, {"error": {"message": "no"}}))
    summary = run(asked).summary()
    assert (summary["status"], summary["exit_code"], summary["errors"]) == ("complete", 3, 2)


def test_render_renders_each_case_once(project: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("prompts/hello.prompt.yaml", PROMPT)
    rendered = []
    messages = Unit.messages

    def counted(unit: Unit, case: Case) -> list[dict[str, Json]]:
        rendered.append(case.id)
        return messages(unit, case)

    monkeypatch.setattr(Unit, "messages", counted)
    assert project.run("render").code == 0
    assert rendered == ["ada", "bob"]
