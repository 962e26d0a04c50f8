"""`runner run --batch`: submitted once, waited for, collected, whatever goes wrong on the way."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.batch_server import BatchServer
from tests.patience import wait_until

from .asking import KEY
from .project import Done, ProjectFolder

PROMPT = """
name: hello
model: gpt-test
max_completion_tokens: 100
inputs: {name: {type: string}}
messages: [{role: user, content: "Hello {{ name }}"}]
assert: [{type: contains, value: Hello}]
tests: [{id: ada, vars: {name: Ada}}, {id: bob, vars: {name: Bob}}]
"""

PROJECT = """
endpoint: fake
endpoints:
  fake: {{base_url: '{base_url}', api_key_env: FAKE_KEY, max_retries: 3{more}}}
models:
  gpt-*: {{price: {{input: 2, output: 10, batch: 0.5}}}}
"""

ROWS = 12
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX systems")


@pytest.fixture
def service() -> Iterator[BatchServer]:
    with BatchServer() as server:
        yield server


@pytest.fixture
def asked(project: ProjectFolder, service: BatchServer) -> ProjectFolder:
    project.write("runner.yaml", PROJECT.format(base_url=service.base_url, more=""))
    project.write("prompts/hello.prompt.yaml", PROMPT)
    project.write("rows.jsonl", "".join(json.dumps({"name": f"n{n}"}) + "\n" for n in range(ROWS)))
    return project


def run(project: ProjectFolder, *args: str) -> Done:
    return project.run("run", *args, env={"FAKE_KEY": KEY})


def batch(project: ProjectFolder, *args: str) -> Done:
    return run(project, "hello", "--input", "rows.jsonl", "--batch", *args)


def resume(project: ProjectFolder, *args: str) -> Done:
    return run(project, "--resume", "last", *args)


def answered_once(done: Done, count: int = ROWS) -> bool:
    cases = Counter((record["case"], record["variant"], record["sample"]) for record in done.records())
    return set(cases.values()) == {1} and len(cases) == count


# --- what a batch is --------------------------------------------------------------------------------------------------


def test_the_file_in_order_is_that_of_an_online_run_but_for_batch_latency_and_cost(
    asked: ProjectFolder, service: BatchServer
) -> None:
    assert run(asked, "hello", "--input", "rows.jsonl", "--output", "online.jsonl", "--in-order").code == 0
    done = batch(asked, "--output", "batch.jsonl", "--in-order", "--no-cache")
    assert done.code == 0, done.err
    online, lines = (
        (asked.folder / name).read_text().splitlines() for name in ("online.jsonl", "batch.jsonl")
    )

    def rest(line: str) -> str:
        line = line.replace('"batch":true,', "")
        return re.sub(r'"(?:latency_ms|cost)":[^,]+,', "", line)

    assert lines != online
    assert [rest(line) for line in lines] == [rest(line) for line in online]
    assert len(service.online) == ROWS


def test_a_batch_costs_its_declared_part_and_has_no_latency(asked: ProjectFolder) -> None:
    record = batch(asked).records()[0]
    assert record["batch"] is True
    assert record["latency_ms"] is None
    assert record["cost"] == pytest.approx((10 * 2 + 5 * 10) / 1e6 / 2)


def test_a_price_without_a_part_for_batches_counts_in_full_and_that_is_said(
    asked: ProjectFolder, service: BatchServer
) -> None:
    asked.write("runner.yaml", PROJECT.format(base_url=service.base_url, more="").replace(", batch: 0.5", ""))
    done = batch(asked)
    assert "no price of batches is declared for gpt-test" in done.err
    assert done.records()[0]["cost"] == pytest.approx((10 * 2 + 5 * 10) / 1e6)


def test_the_input_and_the_creation_are_what_the_documentation_says(
    asked: ProjectFolder, service: BatchServer
) -> None:
    done = batch(asked)
    [created] = service.batches.values()
    [upload, create] = [number for number, call in enumerate(service.calls) if call.startswith("POST")]
    assert service.calls[upload] == "POST /files"
    assert service.calls[create] == "POST /batches"
    assert service.headers[upload]["content-type"].startswith("multipart/form-data; boundary=")
    assert all(headers["authorization"] == f"Bearer {KEY}" for headers in service.headers)
    assert created.request["endpoint"] == "/v1/chat/completions"
    assert created.request["completion_window"] == "24h"
    metadata = created.request["metadata"]
    [stored] = done.summary()["batches"]
    assert metadata == {
        "runner_token": stored["token"],
        "runner_run": done.summary()["run"],
        "part": "1",
    }
    assert created.lines[0]["custom_id"].startswith("0-")
    assert created.lines[0]["body"]["messages"] == [{"role": "user", "content": "Hello n0"}]


def test_a_batch_is_in_the_manifest_before_it_is_created_and_with_its_file(
    asked: ProjectFolder, service: BatchServer
) -> None:
    seen: dict[str, Any] = {}

    def look(call: str) -> None:
        if call.startswith("POST"):
            [folder] = (asked.folder / ".runner" / "runs").iterdir()
            [seen[call]] = json.loads((folder / "run.json").read_text())["batches"]

    service.hold = look
    assert batch(asked).code == 0
    upload, create = seen["POST /files"], seen["POST /batches"]
    assert upload["token"] == create["token"]
    assert (upload["state"], upload["file"], upload["id"]) == ("uploading", None, None)
    assert (create["state"], create["id"]) == ("submitting", None)
    assert create["file"] in service.files
    assert (create["first"], create["last"], create["lines"]) == (0, ROWS - 1, ROWS)


def test_no_key_is_in_any_file(asked: ProjectFolder) -> None:
    batch(asked, "--output", "out.jsonl")
    kept = [file for file in asked.folder.rglob("*") if file.is_file()]
    assert not any(KEY.encode() in file.read_bytes() for file in kept)


def test_each_model_has_its_own_batch(asked: ProjectFolder, service: BatchServer) -> None:
    done = batch(asked, "--model", "gpt-a", "--model", "gpt-b")
    assert done.code == 0, done.err
    assert [len(each.lines) for each in service.batches.values()] == [ROWS, ROWS]
    assert answered_once(done, 2 * ROWS)


def test_samples_are_lines_of_their_own(asked: ProjectFolder, service: BatchServer) -> None:
    done = run(asked, "hello", "--batch", "--repeat", "3")
    assert done.code == 0, done.err
    assert answered_once(done, 6)
    assert set(service.submitted.values()) == {1}
    assert len(service.submitted) == 6


def test_the_responses_api_has_batches_of_its_own_operation(
    asked: ProjectFolder, service: BatchServer
) -> None:
    asked.write("runner.yaml", PROJECT.format(base_url=service.base_url, more=", api: responses"))
    service.invalid = [{"code": "x", "message": "not served here"}]
    done = batch(asked)
    assert "not served here" in done.err
    [created] = service.batches.values()
    assert created.request["endpoint"] == "/v1/responses"
    assert "input" in created.lines[0]["body"]


def test_progress_in_a_pipe_is_lines_about_states(asked: ProjectFolder) -> None:
    out = batch(asked, "--quiet").out
    assert re.findall(r"^(?:submitted )?batch batch_\d+: .*$", out, re.MULTILINE) == [
        "submitted batch batch_2: 12 requests to gpt-test (validating)",
        "batch batch_2: in_progress, 0 of 12 done",
        "batch batch_2: finalizing, 0 of 12 done",
        "batch batch_2: completed, 12 of 12 done",
    ]
    assert "\r" not in out


@pytest.mark.slow
def test_the_cache_saves_requests_as_it_does_online(asked: ProjectFolder, service: BatchServer) -> None:
    assert batch(asked).code == 0
    online = run(asked, "hello", "--input", "rows.jsonl")
    assert online.code == 0
    assert service.online == []
    again = batch(asked)
    assert again.code == 0
    assert {record["cached"] for record in again.records()} == {True}
    assert len(service.batches) == 1
    assert batch(asked, "--no-cache").code == 0
    assert len(service.batches) == 2


def test_a_key_that_expires_while_the_batch_is_waited_for_is_renewed(
    asked: ProjectFolder, service: BatchServer
) -> None:
    uses = asked.write("uses", "")
    program = asked.write(
        "key.py",
        f"f = open({str(uses)!r}, 'a+'); f.write('x'); f.seek(0); print(f'key-of-batch-{{len(f.read())}}')\n",
    )
    command = json.dumps([sys.executable, str(program)])
    declared = PROJECT.format(base_url=service.base_url, more="")
    asked.write("runner.yaml", declared.replace("api_key_env: FAKE_KEY", f"api_key_command: {command}"))
    service.expired = {"Bearer key-of-batch-1"}
    service.expire_after = 3
    done = batch(asked)
    assert done.code == 0, done.err
    keys = [headers["authorization"] for headers in service.headers]
    assert list(dict.fromkeys(keys)) == ["Bearer key-of-batch-1", "Bearer key-of-batch-2"]


def test_a_dry_run_estimates_the_price_of_batches(asked: ProjectFolder, service: BatchServer) -> None:
    online = run(asked, "hello", "--input", "rows.jsonl", "--dry-run").out
    dry = batch(asked, "--dry-run").out
    assert "at most $0.0120 for the answers" in online
    assert "at most $0.0060 for the answers" in dry
    assert service.calls == []


# --- submitting now, collecting later ---------------------------------------------------------------------------------


def test_without_waiting_the_batch_is_submitted_and_collected_later(
    asked: ProjectFolder, service: BatchServer
) -> None:
    done = batch(asked, "--no-wait")
    assert done.code == 3
    assert "1 batch is still in progress" in done.out
    assert not [call for call in service.calls if call.startswith("GET")]
    later = resume(asked, "--no-wait")
    assert later.code == 3
    assert service.calls[-1].startswith("GET /batches/")
    service.states = ["completed"]
    last = resume(asked)
    assert last.code == 0, last.err
    assert answered_once(last)
    assert set(service.submitted.values()) == {1}


def test_a_complete_run_asks_nobody(asked: ProjectFolder, service: BatchServer) -> None:
    batch(asked)
    calls = len(service.calls)
    assert resume(asked).code == 0
    assert len(service.calls) == calls


def test_runs_show_says_where_each_batch_stands(asked: ProjectFolder) -> None:
    batch(asked, "--no-wait")
    assert "batch_2: validating, 12 requests, submitted 20" in asked.run("runs", "show", "last").out
    resume(asked)
    assert "batch_2: completed, collected, 12 requests" in asked.run("runs", "show", "last").out


def test_a_run_with_a_batch_in_progress_is_not_deleted(asked: ProjectFolder) -> None:
    batch(asked, "--no-wait")
    assert "0 runs" in asked.run("runs", "gc", "--keep", "0", "--unfinished").out
    resume(asked)
    assert "1 run," in asked.run("runs", "gc", "--keep", "0", "--unfinished").out


@pytest.mark.slow
def test_the_wait_ends_and_the_batch_goes_on(asked: ProjectFolder, service: BatchServer) -> None:
    service.states = ["in_progress"]
    done = batch(asked, "--wait", "1s")
    assert done.code == 3
    assert "still in progress" in done.out
    service.states = ["completed"]
    assert resume(asked).code == 0


def test_a_cancelled_batch_keeps_what_was_answered(asked: ProjectFolder, service: BatchServer) -> None:
    batch(asked, "--no-wait")
    cancelled = asked.run("runs", "cancel", "last", env={"FAKE_KEY": KEY})
    assert cancelled.code == 0, cancelled.err
    assert "batch batch_2: cancelling" in cancelled.out
    done = resume(asked)
    assert done.code == 3
    outcomes = Counter(record["outcome"] for record in done.records())
    assert outcomes == {"ok": ROWS // 2, "error": ROWS // 2}
    assert {record["error"]["code"] for record in done.records() if record["error"]} == {"batch_cancelled"}
    again = asked.run("runs", "cancel", "last", env={"FAKE_KEY": KEY})
    assert again.code == 2
    assert "has no batch in progress" in again.err


def test_a_batch_is_not_cancelled_at_another_server(asked: ProjectFolder) -> None:
    batch(asked, "--no-wait")
    asked.write("runner.yaml", PROJECT.format(base_url="http://127.0.0.1:9/v1", more=""))
    done = asked.run("runs", "cancel", "last", env={"FAKE_KEY": KEY})
    assert done.code == 2
    assert "was submitted to" in done.err


# --- what goes wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metadata", [True, False])
def test_a_lost_answer_to_the_creation_is_no_second_batch(
    asked: ProjectFolder, service: BatchServer, metadata: bool
) -> None:
    service.lose_created, service.keep_metadata = 1, metadata
    done = batch(asked)
    assert done.code == 0, done.err
    assert len(service.batches) == 1
    assert answered_once(done)


@pytest.mark.slow
def test_a_creation_that_never_arrived_is_made_again(asked: ProjectFolder, service: BatchServer) -> None:
    service.lose_before = 1
    done = batch(asked)
    assert done.code == 0, done.err
    assert len(service.batches) == 1


def test_a_batch_on_a_later_page_of_the_list_is_found(asked: ProjectFolder, service: BatchServer) -> None:
    for _ in range(3):
        batch(asked, "--no-wait")
    [oldest, *_] = sorted((asked.folder / ".runner" / "runs").iterdir())
    manifest = json.loads((oldest / "run.json").read_text())
    manifest["batches"][0] |= {"id": None, "state": "submitting"}
    (oldest / "run.json").write_text(json.dumps(manifest))
    done = run(asked, "--resume", oldest.name)
    assert done.code == 0, done.err
    assert len(service.batches) == 3
    assert "whose creation was not confirmed" in done.out


@pytest.mark.slow
def test_rate_limits_of_the_creation_are_waited_for(asked: ProjectFolder, service: BatchServer) -> None:
    service.answers = [(429, {"message": "slow down", "code": "rate_limit_exceeded"})] * 2
    done = batch(asked)
    assert done.code == 0, done.err
    assert "rate limited by fake" in done.out
    assert set(service.submitted.values()) == {1}


def test_a_spent_quota_at_the_creation_stops_the_run(asked: ProjectFolder, service: BatchServer) -> None:
    service.answers = [(429, {"message": "no credit", "code": "insufficient_quota"})]
    done = batch(asked)
    assert done.code == 3
    assert "credit or quota is spent (no credit)" in done.out
    assert not service.batches
    service.answers = []
    assert resume(asked).code == 0


def test_a_creation_that_is_refused_is_an_error_and_leaves_no_batch(
    asked: ProjectFolder, service: BatchServer
) -> None:
    service.answers = [(400, {"message": "gpt-test has no batches", "code": "model_not_found"})]
    done = batch(asked)
    assert done.code == 3
    assert "the batch was not accepted: gpt-test has no batches (status 400)" in done.err
    assert done.summary()["batches"] == []


def test_a_batch_that_fails_validation_names_the_line_and_the_case(
    asked: ProjectFolder, service: BatchServer
) -> None:
    service.invalid = [{"code": "invalid_json", "message": "bad line", "line": 3, "param": None}]
    done = run(asked, "hello", "--var", "name=x", "--batch")
    assert done.code == 3
    done = batch(asked)
    assert done.code == 3
    assert re.search(
        r"refused batch batch_\d+: line 3 \(hello/case-\w+\): bad line \(invalid_json\)", done.err
    )


def test_a_full_queue_is_not_an_error_of_the_requests(asked: ProjectFolder, service: BatchServer) -> None:
    service.invalid = [{"code": "token_limit_exceeded", "message": "Enqueued token limit reached"}]
    done = batch(asked)
    assert done.code == 3
    assert "too much is queued" in done.out
    service.invalid = []
    assert resume(asked).code == 0


@pytest.mark.slow
def test_lines_that_failed_are_errors_and_are_asked_again(asked: ProjectFolder, service: BatchServer) -> None:
    service.refuse = lambda line: (
        {"message": "too long", "code": "context"} if "n3" in json.dumps(line) else None
    )
    done = batch(asked)
    assert done.code == 3
    [failed] = [record for record in done.records() if record["error"]]
    assert failed["error"]["message"] == "too long"
    assert failed["error"]["status"] == 400
    service.refuse = lambda _: None
    last = resume(asked)
    assert last.code == 0, last.err
    assert [len(each.lines) for each in service.batches.values()] == [ROWS, 1]


@pytest.mark.parametrize("listed", [True, False])
def test_a_batch_that_expires_half_way_keeps_what_came_and_submits_the_rest_again(
    asked: ProjectFolder, service: BatchServer, listed: bool
) -> None:
    service.states = ["in_progress", "expired" if listed else "cancelled"]
    late = {f"n{number}" for number in range(0, ROWS, 2)}
    service.unanswered = lambda line: any(f'Hello {name}"' in json.dumps(line) for name in late)
    done = batch(asked)
    assert done.code == 3
    assert Counter(record["outcome"] for record in done.records()) == {"ok": ROWS // 2, "error": ROWS // 2}
    codes = {record["error"]["code"] for record in done.records() if record["error"]}
    assert codes == {"batch_expired" if listed else "batch_cancelled"}
    service.unanswered, service.states = (lambda _: False), ["completed"]
    assert resume(asked).code == 0
    assert [len(each.lines) for each in service.batches.values()] == [ROWS, ROWS // 2]


def test_the_rest_of_an_expired_batch_can_be_sent_online(asked: ProjectFolder, service: BatchServer) -> None:
    service.states = ["expired"]
    service.unanswered = lambda line: "n3" in json.dumps(line)
    assert batch(asked).code == 3
    done = resume(asked, "--no-batch")
    assert done.code == 0, done.err
    assert len(service.batches) == 1
    assert len(service.online) == 1


def test_what_is_in_a_batch_is_not_sent_online_too(asked: ProjectFolder, service: BatchServer) -> None:
    batch(asked, "--no-wait")
    service.states = ["in_progress", "completed"]
    done = resume(asked, "--no-batch")
    assert done.code == 0, done.err
    assert service.online == []
    assert answered_once(done)


def test_a_spent_quota_in_the_results_stops_the_run_with_all_of_them_stored(
    asked: ProjectFolder, service: BatchServer
) -> None:
    service.refuse = lambda line: (
        {"message": "no credit", "code": "insufficient_quota"} if "n1" in json.dumps(line) else None
    )
    done = batch(asked)
    assert done.code == 3
    assert "credit or quota is spent" in done.out
    assert len(done.records()) == ROWS


def test_a_state_that_goes_back_changes_nothing(asked: ProjectFolder, service: BatchServer) -> None:
    service.states = ["in_progress", "finalizing", "in_progress", "validating", "completed"]
    done = batch(asked)
    assert done.code == 0, done.err
    assert answered_once(done)


def test_results_that_are_not_all_there_yet_are_fetched_again(
    asked: ProjectFolder, service: BatchServer
) -> None:
    service.states, service.omit_lines = ["completed", "in_progress", "completed"], 2
    done = batch(asked)
    assert done.code == 0, done.err
    assert "of 12 results are there; asking again" in done.out
    assert answered_once(done)


def test_results_that_never_come_are_errors(asked: ProjectFolder, service: BatchServer) -> None:
    service.states, service.omit_lines = ["completed"], 100
    done = batch(asked)
    assert done.code == 3
    assert {record["error"]["code"] for record in done.records() if record["error"]} == {
        "batch_without_result"
    }


def test_a_state_that_nobody_knows_is_waited_for_and_shown(
    asked: ProjectFolder, service: BatchServer
) -> None:
    service.states = ["in_progress", "pondering", "completed"]
    done = batch(asked)
    assert done.code == 0
    assert "pondering" in done.out


def test_a_batch_of_another_key_is_an_error(asked: ProjectFolder, service: BatchServer) -> None:
    batch(asked, "--no-wait")
    service.batches.clear()
    done = resume(asked)
    assert done.code == 3
    assert "batch batch_2 cannot be asked for: no /batches/batch_2 (status 404)" in done.err


def test_a_case_that_fails_decides_the_exit_code(asked: ProjectFolder) -> None:
    asked.write("prompts/hello.prompt.yaml", PROMPT.replace("value: Hello}", "value: Bye}"))
    assert batch(asked).code == 1


MODERATED = PROMPT.replace(
    "{type: contains, value: Hello}", "{type: moderation, endpoint: fake, model: gpt-mod}"
)


@pytest.mark.slow
def test_answers_of_a_batch_are_judged_by_calls_that_are_made_online(
    asked: ProjectFolder, service: BatchServer
) -> None:
    asked.write("prompts/hello.prompt.yaml", MODERATED)
    done = batch(asked, "--no-cache")
    assert done.code == 0, done.err
    assert answered_once(done)
    assert len(service.online) == ROWS


@pytest.mark.slow
def test_an_answer_that_waits_to_be_judged_is_not_collected_twice(
    asked: ProjectFolder, service: BatchServer
) -> None:
    asked.write("prompts/hello.prompt.yaml", MODERATED)
    batch(asked, "--no-cache")
    [folder] = (asked.folder / ".runner" / "runs").iterdir()
    manifest = json.loads((folder / "run.json").read_text())
    manifest["status"] = "running"
    manifest["batches"][0]["closed"] = False  # as if it had been killed just before
    (folder / "run.json").write_text(json.dumps(manifest))
    lines = (folder / "results.jsonl").read_text().splitlines(keepends=True)
    (folder / "results.jsonl").write_text("".join(lines[:3]))
    done = resume(asked, "--no-cache")
    assert done.code == 0, done.err
    assert answered_once(done)
    assert len(service.online) == ROWS, "nor is it judged twice"


# --- Anthropic --------------------------------------------------------------------------------------------------------


@pytest.fixture
def messages(asked: ProjectFolder, service: BatchServer) -> ProjectFolder:
    """The same project, whose server speaks Anthropic's format."""
    asked.write("runner.yaml", PROJECT.format(base_url=service.base_url, more=", api: messages"))
    return asked


def test_a_batch_of_messages_has_one_request_with_all_lines(
    messages: ProjectFolder, service: BatchServer
) -> None:
    done = batch(messages, "--no-cache")
    assert done.code == 0, done.err
    assert answered_once(done)
    [created] = service.batches.values()
    first = created.lines[0]
    assert first.keys() == {"custom_id", "params"}
    assert first["params"]["max_tokens"] == 100
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", first["custom_id"])
    assert all(headers["anthropic-version"] == "2023-06-01" for headers in service.headers)
    assert [call for call in service.calls if call.startswith("POST")] == ["POST /messages/batches"]
    assert done.records()[0]["cost"] == pytest.approx((10 * 2 + 5 * 10) / 1e6 / 2)


def test_the_file_of_messages_in_order_is_that_of_an_online_run(messages: ProjectFolder) -> None:
    run(messages, "hello", "--input", "rows.jsonl", "--output", "online.jsonl", "--in-order")
    assert batch(messages, "--no-cache", "--output", "batch.jsonl", "--in-order").code == 0
    online, lines = (
        [json.loads(line) for line in (messages.folder / name).read_text().splitlines()]
        for name in ("online.jsonl", "batch.jsonl")
    )
    for record in (*online, *lines):
        for name in ("batch", "latency_ms", "cost"):
            record.pop(name, None)
    assert online == lines


def test_results_of_messages_that_are_none_are_errors_and_are_asked_again(
    messages: ProjectFolder, service: BatchServer
) -> None:
    service.refuse = lambda line: (
        {"type": "invalid_request_error", "message": "bad"} if "n3" in json.dumps(line) else None
    )
    service.unanswered = lambda line: "n5" in json.dumps(line)
    done = batch(messages)
    assert done.code == 3
    codes = {record["vars"]["name"]: record["error"]["code"] for record in done.records() if record["error"]}
    assert codes == {"n3": "invalid_request_error", "n5": "batch_expired"}
    service.refuse, service.unanswered = (lambda _: None), (lambda _: False)
    assert resume(messages).code == 0
    assert [len(each.lines) for each in service.batches.values()] == [ROWS, 2]


@pytest.mark.slow
def test_a_batch_of_messages_whose_creation_was_lost_is_found_by_its_results(
    messages: ProjectFolder, service: BatchServer
) -> None:
    assert batch(messages, "--no-wait").code == 3  # another one of the same size and time
    service.lose_created = 1
    done = batch(messages, "--no-cache")
    assert done.code == 0, done.err
    assert answered_once(done)
    assert len(service.batches) == 2
    assert set(service.submitted.values()) == {1}
    [mine] = done.summary()["batches"]
    assert {line["custom_id"].rpartition("-")[2] for line in service.batches[mine["id"]].lines} == {
        mine["token"][:8]
    }


def test_a_batch_of_messages_is_cancelled(messages: ProjectFolder, service: BatchServer) -> None:
    batch(messages, "--no-wait")
    assert messages.run("runs", "cancel", "last", env={"FAKE_KEY": KEY}).code == 0
    assert "POST /messages/batches/batch_1/cancel" in service.calls
    done = resume(messages)
    assert done.code == 3
    assert {record["error"]["code"] for record in done.records()} == {"batch_canceled"}


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (("--batch", "--stream"), "a batch has none"),
        (("--batch", "--jobs", "3"), "--jobs is for requests that are sent online"),
        (("--batch", "--wait", "1h", "--no-wait"), "contradict"),
        (("--wait", "1h"), "--wait is for --batch"),
        (("--no-wait",), "--no-wait is for --batch"),
        (("--batch", "--wait", "soon"), "not a number with a unit"),
        (("--batch", "--endpoint", "local"), "has no batches"),
        (("--batch", "--max-cost", "1", "--model", "other"), "no price is known for other"),
    ],
)
def test_what_a_batch_cannot_do_is_refused_before_anything_is_sent(
    asked: ProjectFolder, service: BatchServer, args: tuple[str, ...], why: str
) -> None:
    done = run(asked, "hello", *args)
    assert done.code == 2
    assert why in done.err
    assert service.calls == []
    assert not list((asked.folder / ".runner").glob("runs/*"))


def test_a_batch_that_may_cost_too_much_is_not_submitted(asked: ProjectFolder, service: BatchServer) -> None:
    done = batch(asked, "--max-cost", "0.000001")
    assert done.code == 3
    assert "the batches may cost up to $" in done.out
    assert service.calls == []
    assert resume(asked, "--max-cost", "1").code == 0


def test_the_cost_of_a_batch_in_progress_counts(asked: ProjectFolder, service: BatchServer) -> None:
    service.states = ["in_progress"]
    assert batch(asked, "--no-wait", "--max-cost", "0.0065").code == 3
    [stored] = json.loads(next((asked.folder / ".runner" / "runs").glob("*/run.json")).read_text())["batches"]
    assert stored["reckoned"] == pytest.approx(ROWS * 100 * 10 / 1e6 / 2, rel=0.1)
    assert len(service.batches) == 1


def test_max_cost_needs_a_limit_on_the_answers(asked: ProjectFolder, service: BatchServer) -> None:
    asked.write("prompts/hello.prompt.yaml", PROMPT.replace("max_completion_tokens: 100\n", ""))
    done = batch(asked, "--max-cost", "1")
    assert done.code == 2
    assert "it sets no max_completion_tokens" in done.err
    assert service.calls == []


@pytest.mark.parametrize(
    "broken", [5, [5], [{}], [{"part": "1"}], "places", "ends", "type"], ids=lambda each: str(each)
)
def test_a_damaged_list_of_batches_is_said(asked: ProjectFolder, broken: object) -> None:
    batch(asked, "--no-wait")
    file = next((asked.folder / ".runner" / "runs").glob("*/run.json"))
    manifest = json.loads(file.read_text())
    if broken == "places":
        manifest["batches"][0]["places"] = [[3, 1]]
    elif broken == "ends":
        manifest["batches"][0]["places"] = [[1]]
    elif broken == "type":
        manifest["batches"][0]["closed"] = "no"
    else:
        manifest["batches"] = broken
    file.write_text(json.dumps(manifest))
    done = resume(asked)
    assert done.code == 2
    assert "damaged" in done.err
    assert "Traceback" not in done.err


# --- kill -9 ----------------------------------------------------------------------------------------------------------

KILLS = [pytest.param(4, 0, marks=pytest.mark.slow)]
KILLS += [pytest.param(15, seed, marks=pytest.mark.e2e) for seed in (1, 2)]
MODELS = ("--model", "gpt-a", "--model", "gpt-b")


@posix
@pytest.mark.parametrize(("kills", "seed"), KILLS)
def test_killed_at_any_point_each_line_is_submitted_once_and_each_case_answered_once(
    asked: ProjectFolder, service: BatchServer, kills: int, seed: int
) -> None:
    chance = random.Random(seed)
    left, rounds = kills, 0
    points: Counter[str] = Counter()
    while left > 0:
        rounds += 1
        service.states = ["in_progress"] * chance.randint(0, 2) + ["completed"]
        args: tuple[str, ...] = ("run", "hello", "--input", "rows.jsonl", "--batch", "--no-cache", *MODELS)
        before = len(service.batches)
        for _ in range(min(left, chance.randint(1, 4))):
            if kill_somewhere(asked, service, args, chance, points):
                left -= 1
            if list(asked.folder.glob(".runner/runs/*/run.json")):
                args = ("run", "--resume", "last", "--no-cache")
        service.hold = lambda _: None
        runs = list(asked.folder.glob(".runner/runs/*/run.json"))
        done = resume(asked, "--no-cache") if runs else batch(asked, "--no-cache", *MODELS)
        assert done.code == 0, done.err
        assert answered_once(done, 2 * ROWS)
        assert len(service.batches) - before == 2, "no batch was created twice"
        assert set(service.submitted.values()) == {1}
        service.submitted.clear()
        for folder in (asked.folder / ".runner" / "runs").iterdir():
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()
    print(f"{kills} kills in {rounds} runs:", dict(points))


def kill_somewhere(
    project: ProjectFolder,
    service: BatchServer,
    args: tuple[str, ...],
    chance: random.Random,
    points: Counter[str],
) -> bool:
    """Start the command and kill it when its n-th request arrives, or shortly after; False if it ended before."""
    countdown, pause = chance.randint(1, 9), chance.choice([0.0, 0.0, chance.uniform(0, 0.1)])
    reached, calls = threading.Event(), 0
    process: Any = None
    started = threading.Event()

    def hold(call: str) -> None:
        nonlocal calls
        calls += 1
        if calls == countdown:
            started.wait()
            where = re.sub(r"(batch|file|output_file_id)[-_][\w-]+", "ID", call)
            if not pause:
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
                points[f"before the answer to {where}"] += 1
            else:
                threading.Timer(pause, kill_late, (where,)).start()
            reached.set()

    def kill_late(where: str) -> None:
        points[f"after the answer to {where}"] += 1
        process.kill()

    service.hold = hold
    process = project.start(*args, env={"FAKE_KEY": KEY})
    started.set()
    wait_until(lambda: process.poll() is not None)
    process.communicate()
    service.hold = lambda _: None
    return process.returncode == -signal.SIGKILL
