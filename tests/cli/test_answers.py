"""What comes back from a provider, through the command line: never a pass by default, and nothing of it lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.faults import FaultServer, Steps, event_stream, reply

from .asking import KEY, PROMPT, rows, run, write_rows
from .project import Done, ProjectFolder


def answered(content: Any = "The first half of", finish: Any = "stop", **message: Any) -> Steps:
    return reply(200, body(content, finish, **message))


def body(content: Any = "The first half of", finish: Any = "stop", **message: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": content, **message}
    return {
        "id": "c",
        "object": "chat.completion",
        "model": "gpt-test",
        "choices": [{"index": 0, "finish_reason": finish, "message": said}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8},
    }


def declare(project: ProjectFolder, server: FaultServer, **more: Any) -> None:
    endpoint = {"base_url": server.base_url, "api_key_env": "FAKE_KEY", "max_retries": 0, **more}
    project.write("runner.yaml", json.dumps({"endpoint": "fake", "endpoints": {"fake": endpoint}}))


def test(project: ProjectFolder, *args: str) -> Done:
    return project.run("test", *args, env={"FAKE_KEY": KEY})


test.__test__ = False  # type: ignore[attr-defined]


# --- finish_reason --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "outcome", "code"),
    [
        ("abort", "error", 3),
        ("insufficient_system_resource", "error", 3),
        ("RECITATION", "filtered", 1),
        ("wandered_off", "error", 3),
        ("pause_turn", "error", 3),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_an_odd_end_never_passes_is_never_cached_and_keeps_its_text(
    asked: ProjectFolder, server: FaultServer, word: str, outcome: str, code: int, *, stream: bool
) -> None:
    declare(asked, server)
    chunk = {"choices": [{"index": 0, "delta": {"content": "The first half of"}, "finish_reason": word}]}
    server.play(event_stream(chunk) if stream else answered(finish=word))
    for _ in range(2):
        done = run(asked, "--case", "ada", *(["--stream"] if stream else []))
        [record] = done.records()
        assert done.code == code
        assert (record["outcome"], record["passed"], record["cached"]) == (outcome, False, False)
        assert (record["text"], record["finish_reason"]) == ("The first half of", word)
    assert len(server.requests) == 2


@pytest.mark.slow
def test_what_the_server_broke_off_is_asked_again(asked: ProjectFolder, server: FaultServer) -> None:
    server.play(answered(finish="abort"), answered("whole"))
    done = run(asked, "--case", "ada")
    assert done.code == 0
    assert [(record["text"], record["attempts"]) for record in done.records()] == [("whole", 2)]


def test_an_unknown_word_tells_how_to_declare_it_and_a_declared_one_counts(
    asked: ProjectFolder, server: FaultServer
) -> None:
    declare(asked, server)
    server.play(answered(finish="wandered_off"))
    done = run(asked, "--case", "ada")
    assert "wandered_off" in done.out + done.err
    assert "finish_reasons" in done.out + done.err
    declare(asked, server, finish_reasons={"Wandered_Off": "stop"})
    assert run(asked, "--case", "ada").code == 0


def test_a_cached_answer_is_read_by_the_table_of_today(asked: ProjectFolder, server: FaultServer) -> None:
    declare(asked, server, finish_reasons={"wandered_off": "stop"})
    server.play(answered(finish="wandered_off"))
    assert run(asked, "--case", "ada").code == 0
    assert run(asked, "--case", "ada").records()[0]["cached"] is True
    declare(asked, server)
    done = run(asked, "--case", "ada")
    assert done.code == 3
    assert (done.records()[0]["cached"], len(server.requests)) == (False, 2)


def test_an_odd_end_is_not_admitted_to_a_snapshot(asked: ProjectFolder, server: FaultServer) -> None:
    declare(asked, server)
    server.play(answered(finish="wandered_off"))
    assert test(asked, "--case", "ada", "--update", "missing").code == 3
    assert not list(asked.folder.rglob("*.snap.yaml"))


def approved(project: ProjectFolder, server: FaultServer, word: str) -> Path:
    """A snapshot of an answer that ended with that word, as a version that let it pass would have approved it."""
    server.play(answered("whole"))
    assert test(project, "--case", "ada", "--update", "missing").code == 0
    [snapshot] = project.folder.rglob("*.snap.yaml")
    text = snapshot.read_text()
    snapshot.write_text(text.replace("model: gpt-test\n", f"model: gpt-test\nfinish_reason: {word}\n"))
    assert text != snapshot.read_text()
    return snapshot


@pytest.mark.parametrize(
    ("word", "outcome"), [("abort", "error"), ("wandered_off", "error"), ("RECITATION", "filtered")]
)
def test_a_snapshot_of_an_odd_end_no_longer_passes(
    asked: ProjectFolder, server: FaultServer, word: str, outcome: str
) -> None:
    declare(asked, server)
    approved(asked, server, word)
    done = test(asked, "--case", "ada", "--ci", "--offline")
    assert done.code == 1
    assert f"got {outcome}" in done.out + done.err
    assert word in done.out + done.err


def test_a_snapshot_passes_by_what_the_endpoint_declares(asked: ProjectFolder, server: FaultServer) -> None:
    declare(asked, server, finish_reasons={"wandered_off": "stop"})
    approved(asked, server, "wandered_off")
    assert test(asked, "--case", "ada", "--ci", "--offline").code == 0


def test_a_run_goes_on_only_with_the_finish_reasons_it_had(asked: ProjectFolder, server: FaultServer) -> None:
    declare(asked, server)
    server.play(answered(finish="wandered_off"))
    assert run(asked, "--no-cache").code == 3
    declare(asked, server, finish_reasons={"wandered_off": "stop"})
    done = run(asked, "--resume", "last")
    assert done.code == 2
    assert "finish_reasons" in done.err


@pytest.mark.parametrize(("word", "again"), [("abort", 1), ("RECITATION", 1), ("eos", 0)])
def test_what_an_older_version_took_for_a_good_end_is_asked_again_by_resume(
    asked: ProjectFolder, server: FaultServer, word: str, again: int
) -> None:
    declare(asked, server)
    server.play(answered("whole"))
    assert run(asked, "--no-cache").code == 0
    [journal] = asked.folder.glob(".runner/runs/*/results.jsonl")
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    for line in lines:
        line.pop("checksum", None)  # a line without one is taken as it is
    lines[0]["finish_reason"] = word
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    server.requests.clear()
    assert run(asked, "--resume", "last").code == 0
    assert len(server.requests) == again


# --- verdicts told as errors ----------------------------------------------------------------------------------------

FILTER = reply(
    400,
    {
        "error": {
            "code": "content_filter",
            "message": f"The prompt triggered the content management policy. {KEY}",
            "innererror": {"code": "ResponsibleAIPolicyViolation", "note": f"key {KEY}"},
        }
    },
)
BLOCKED = PROMPT.replace("{id: ada,", "{id: ada, outcome: filtered,").replace(
    "{id: bob,", "{id: bob, outcome: filtered,"
)


def test_a_prompt_that_a_filter_refuses_is_filtered(asked: ProjectFolder, server: FaultServer) -> None:
    server.play(FILTER)
    done = run(asked)
    assert done.code == 1
    assert len(server.requests) == 2
    assert [record["outcome"] for record in done.records()] == ["filtered", "filtered"]
    assert "content management policy" in done.records()[0]["detail"]
    assert KEY not in json.dumps(done.records())
    run(asked, "--resume", "last")
    assert len(server.requests) == 2  # an answer, not a failure: it is not asked again


def test_a_case_that_expects_the_filter_passes_in_run_and_in_test(
    asked: ProjectFolder, server: FaultServer
) -> None:
    asked.write("prompts/hello.prompt.yaml", BLOCKED)
    server.play(FILTER)
    assert run(asked).code == 0
    assert test(asked, "--update", "missing").code == 0
    server.requests.clear()
    assert test(asked, "--ci", "--offline").code == 0
    assert not server.requests


def test_filters_in_a_row_do_not_stop_a_run(asked: ProjectFolder, server: FaultServer) -> None:
    server.play(FILTER)
    write_rows(asked, rows(25))
    done = run(asked, "prompts/hello.prompt.yaml", "--input", "rows.jsonl", "--jobs", "1")
    assert (done.code, len(done.records()), len(server.requests)) == (1, 25, 25)


def test_a_generation_that_its_provider_refused_is_unparsable_and_kept(
    asked: ProjectFolder, server: FaultServer
) -> None:
    asked.write("prompts/hello.prompt.yaml", f"{PROMPT}response_format: {{type: json_object}}\n")
    error = {
        "code": "json_validate_failed",
        "message": "Failed to generate JSON.",
        "failed_generation": '{"category": refund}',
    }
    server.play(reply(400, {"error": error}))
    done = run(asked, "--no-lint", "--case", "ada", "--output", "out.jsonl")
    [record] = done.records()
    assert (done.code, record["outcome"], record["text"]) == (1, "unparsable", '{"category": refund}')
    assert json.loads((asked.folder / "out.jsonl").read_text())["text"] == '{"category": refund}'


# --- what is paid for -----------------------------------------------------------------------------------------------

LOGPROBS = {"content": [{"token": "Paris", "logprob": -0.125, "bytes": None, "top_logprobs": []}]}


def test_what_was_paid_for_is_in_the_journal_the_output_and_without_keys(
    asked: ProjectFolder, server: FaultServer
) -> None:
    came = body("Paris", reasoning_content=f"France, so Paris {KEY}", images=[{"url": f"data:{KEY}"}])
    came["choices"][0]["logprobs"] = LOGPROBS
    came["citations"] = ["https://example.org/a"]
    server.play(reply(200, came))
    done = run(asked, "--case", "ada", "--output", "out.json")
    for record in (done.records()[0], json.loads((asked.folder / "out.json").read_text())[0]):
        assert record["logprobs"] == LOGPROBS
        assert record["reasoning"] == "France, so Paris [key]"
        assert record["annotations"] == [{"type": "citations", "citations": ["https://example.org/a"]}]
        assert record["extra"] == {"message": {"images": [{"url": "data:[key]"}]}}
        assert KEY not in json.dumps(record)
    assert run(asked, "--case", "ada").records()[0]["logprobs"] == LOGPROBS  # from the cache, too


def test_a_record_without_such_parts_is_as_it_was(asked: ProjectFolder, server: FaultServer) -> None:
    record = run(asked, "--case", "ada").records()[0]
    assert not {"reasoning", "logprobs", "annotations", "audio", "extra"} & record.keys()


def test_a_spoken_answer_passes_by_its_transcript_and_is_approved_by_it(
    asked: ProjectFolder, server: FaultServer
) -> None:
    asked.write(
        "prompts/hello.prompt.yaml",
        f"{PROMPT}modalities: [text, audio]\naudio: {{voice: alloy, format: wav}}\n",
    )
    audio = {"id": "a", "data": "QUJD", "transcript": "Paris it is", "expires_at": 1}
    server.play(answered(None, audio=audio))
    done = run(asked, "--case", "ada")
    [record] = done.records()
    assert (done.code, record["text"], record["audio"]) == (0, "Paris it is", {**audio, "format": "wav"})
    assert test(asked, "--case", "ada", "--update", "missing").code == 0
    [snapshot] = asked.folder.rglob("*.snap.yaml")
    assert "Paris it is" in snapshot.read_text()
    assert "QUJD" not in snapshot.read_text()


def test_a_custom_tool_call_is_named_and_passes_where_the_tool_is_declared(
    asked: ProjectFolder, server: FaultServer
) -> None:
    asked.write(
        "prompts/hello.prompt.yaml", f"{PROMPT}tools: [{{type: custom, custom: {{name: math_exp}}}}]\n"
    )
    call = {"id": "c", "type": "custom", "custom": {"name": "math_exp", "input": "4 + 4"}}
    server.play(answered(None, "tool_calls", tool_calls=[call]))
    done = run(asked, "--case", "ada")
    [record] = done.records()
    assert (done.code, record["detail"]) == (0, "The model called math_exp.")
    assert test(asked, "--case", "ada", "--update", "missing").code == 0
    assert test(asked, "--case", "ada", "--ci", "--offline").code == 0


@pytest.mark.parametrize("command", ["run", "test"])
def test_choices_that_nobody_asked_for_are_one_error(
    asked: ProjectFolder, server: FaultServer, command: str
) -> None:
    came = body("a")
    came["choices"] = [{**came["choices"][0], "index": index} for index in range(300)]
    server.play(reply(200, came))
    done = (
        run(asked, "--case", "ada") if command == "run" else test(asked, "--case", "ada", "--update", "all")
    )
    [record] = done.records()
    assert (done.code, record["outcome"], record["error"]["code"]) == (3, "error", "surplus_choices")
    assert (record["text"], len(record["extra"]["choices"])) == ("a", 299)
    assert not list(asked.folder.rglob("*.snap.yaml"))


def test_what_came_before_a_stream_broke_off_is_kept(asked: ProjectFolder, server: FaultServer) -> None:
    declare(asked, server)
    chunk = {"choices": [{"index": 0, "delta": {"content": "The first half"}, "finish_reason": None}]}
    server.play(event_stream(chunk, {"error": {"message": "m", "code": "server_error"}}))
    [record] = run(asked, "--case", "ada", "--stream").records()
    assert (record["outcome"], record["text"]) == ("error", "The first half")


# --- when to stop asking --------------------------------------------------------------------------------------------


def bulk(project: ProjectFolder, server: FaultServer, count: int = 40) -> Done:
    declare(project, server)
    write_rows(project, rows(count))
    return run(project, "prompts/hello.prompt.yaml", "--input", "rows.jsonl", "--jobs", "1", "--no-cache")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (429, {"code": "insufficient_quota", "message": "You exceeded your current quota"}),
        (402, {"message": "Insufficient Balance"}),
        (400, {"message": "Your credit balance is too low"}),
        (403, {"code": "insufficient_user_quota", "message": "m"}),
    ],
)
def test_a_spent_quota_stops_a_run_at_once_and_it_goes_on_later(
    asked: ProjectFolder, server: FaultServer, status: int, error: Any
) -> None:
    server.play(reply(status, {"error": error}))
    done = bulk(asked, server)
    assert (done.code, len(server.requests)) == (3, 1)
    assert "stopped early" in done.out + done.err
    assert "quota" in done.out + done.err
    server.play(answered("whole"))
    assert run(asked, "--resume", "last").code == 0


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, {"code": "unknown_parameter", "message": "Unknown parameter: 'foo'. (request id: abc-1)"}),
        (413, {"message": "too large"}),
        (422, {"message": "unprocessable"}),
        (404, {"message": "no such model"}),
        (200, {"message": "no such thing"}),
    ],
)
def test_ten_equal_refusals_in_a_row_stop_a_run(
    asked: ProjectFolder, server: FaultServer, status: int, error: Any
) -> None:
    server.play(reply(status, {"error": error}))
    done = bulk(asked, server)
    assert (done.code, len(server.requests)) == (3, 10)
    assert "stopped early: 10 cases in a row" in done.out + done.err


def test_refusals_that_differ_or_that_answers_interrupt_stop_nothing(
    asked: ProjectFolder, server: FaultServer
) -> None:
    equal = reply(400, {"error": {"message": "m", "code": "c"}})
    server.play(
        *([equal] * 9),
        answered("whole"),
        *([equal] * 9),
        answered("whole"),
        *([equal] * 9),
        answered("whole"),
    )
    assert len(bulk(asked, server).records()) == 40
    differing = [reply(400, {"error": {"message": f"you sent {number} tokens"}}) for number in range(40)]
    server.play(*differing)
    assert len(bulk(asked, server).records()) == 40
