"""`runner test` and its companions: what is asked, what waits, what is approved, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.engine.plan.job import Unit
from runner.files.model import Case
from tests.faults import FaultServer, Received, Steps, completion, reply

from .project import Done, ProjectFolder

KEY = "sk-test-planted-key-0123456789"

PROMPT = """
name: triage
model: gpt-test
inputs: {ticket: {type: string}}
messages: [{role: user, content: "As JSON: {{ ticket }}"}]
response_format:
  type: json_schema
  json_schema:
    name: triage
    strict: true
    schema:
      type: object
      properties:
        label: {type: string}
        confidence: {type: number}
      required: [label, confidence]
      additionalProperties: false
tests:
  - {id: refund, vars: {ticket: I want my money back}}
  - {id: parcel, vars: {ticket: Where is my parcel}}
regression:
  rules: [{path: $.confidence, compare: number, abs: 0.05}]
"""


def answers(**by_word: dict[str, Any]) -> Any:
    """A behaviour that answers by a word of the last message."""

    def behave(request: Received) -> Steps:
        asked = request.json["messages"][-1]["content"]
        for word, output in by_word.items():
            if word in asked:
                return completion(json.dumps(output))
        return reply(500, {"error": {"message": "unexpected question"}})

    return behave


FIRST = answers(money={"label": "refund", "confidence": 0.9}, parcel={"label": "shipping", "confidence": 0.8})


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(FIRST) as server:
        yield server


@pytest.fixture
def asked(project: ProjectFolder, server: FaultServer) -> ProjectFolder:
    project.write(
        "runner.yaml",
        f"endpoint: fake\nendpoints: {{fake: {{base_url: '{server.base_url}', api_key_env: FAKE_KEY, max_retries: 1}}}}\n",
    )
    project.write("prompts/triage.prompt.yaml", PROMPT)
    return project


def call(project: ProjectFolder, *args: str, **env: str) -> Done:
    return project.run(*args, env={"FAKE_KEY": KEY, **env})


def snapshots(project: ProjectFolder) -> dict[str, bytes]:
    folder = project.folder / "prompts" / "__snapshots__"
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def approved(asked: ProjectFolder, server: FaultServer) -> ProjectFolder:
    """The same project with both answers recorded and approved."""
    assert call(asked, "test").code == 4
    assert call(asked, "accept", "--all").code == 0
    server.requests.clear()
    return asked


def test_the_first_run_asks_and_waits_for_approval(asked: ProjectFolder, server: FaultServer) -> None:
    done = call(asked, "test")
    assert done.code == 4
    assert len(server.requests) == 2
    assert snapshots(asked) == {} if (asked.folder / "prompts" / "__snapshots__").exists() else True
    waiting = json.loads(call(asked, "pending", "--json").out)
    assert [(entry["kind"], entry["case"]) for entry in waiting] == [("new", "parcel"), ("new", "refund")]


def test_a_case_is_rendered_once_to_be_checked_and_sent(
    asked: ProjectFolder, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered: list[str] = []
    messages = Unit.messages

    def counted(unit: Unit, case: Case) -> Any:
        rendered.append(case.id)
        return messages(unit, case)

    monkeypatch.setattr(Unit, "messages", counted)
    assert call(asked, "test").code == 4
    assert rendered == ["refund", "parcel"]
    assert len(server.requests) == 2


def test_what_was_checked_is_sent_although_the_rows_change_meanwhile(
    asked: ProjectFolder, server: FaultServer
) -> None:
    asked.write("prompts/rows.jsonl", '{"ticket": "my money"}\n{"ticket": "my parcel"}\n')
    before, _, after = PROMPT.partition("tests:")
    rest = after[after.index("regression:") :]
    asked.write("prompts/triage.prompt.yaml", f"{before}tests:\n  - file: rows.jsonl\n{rest}")

    def behave(request: Received) -> Steps:
        asked.write("prompts/rows.jsonl", '{"ticket": "other money"}\n{"ticket": "another parcel"}\n')
        steps: Steps = FIRST(request)
        return steps

    server.play(behave)
    done = call(asked, "test", "--jobs", "1")
    texts = [request.json["messages"][0]["content"] for request in server.requests]
    assert texts == ["As JSON: my money", "As JSON: my parcel"]
    assert all("index" not in record for record in done.records())


def test_accept_then_test_is_green_and_asks_nobody(approved: ProjectFolder, server: FaultServer) -> None:
    done = approved.run("test", "--offline")
    assert done.code == 0
    assert server.requests == []
    assert sorted(snapshots(approved)) == ["triage/parcel.snap.yaml", "triage/refund.snap.yaml"]


def test_a_current_case_needs_no_key(approved: ProjectFolder, server: FaultServer) -> None:
    assert approved.run("test").code == 0
    assert server.requests == []


def test_replaying_twice_changes_no_byte(approved: ProjectFolder) -> None:
    before = snapshots(approved)
    first, second = approved.run("test", "--offline"), approved.run("test", "--offline")
    assert snapshots(approved) == before
    assert first.code == second.code == 0


def test_an_edited_prompt_cannot_pass_a_ci_without_a_new_recording(approved: ProjectFolder) -> None:
    approved.write("prompts/triage.prompt.yaml", PROMPT.replace("As JSON", "Answer as JSON"))
    done = approved.run("test", env={"CI": "true"})
    assert done.code == 4
    assert "messages" in done.out
    assert "--record new_episodes" in done.out


def test_a_ci_asks_nothing_and_writes_nothing(asked: ProjectFolder, server: FaultServer) -> None:
    done = call(asked, "test", CI="true")
    assert done.code == 4
    assert server.requests == []
    assert not (asked.folder / "prompts" / "__snapshots__").exists()


def test_the_same_answer_to_a_changed_request_is_refreshed_and_keeps_the_approved_value(
    approved: ProjectFolder, server: FaultServer
) -> None:
    approved.write("prompts/triage.prompt.yaml", PROMPT.replace("As JSON", "Answer as JSON"))
    server.play(
        answers(
            money={"label": "refund", "confidence": 0.93}, parcel={"label": "shipping", "confidence": 0.8}
        )
    )
    assert call(approved, "test").code == 4
    assert {entry["kind"] for entry in json.loads(call(approved, "pending", "--json").out)} == {"refreshed"}
    assert call(approved, "accept", "--kind", "refreshed").code == 0
    assert b"confidence: 0.9\n" in snapshots(approved)["triage/refund.snap.yaml"]
    assert approved.run("test", "--offline").code == 0


def test_an_answer_beyond_the_rules_is_a_regression(approved: ProjectFolder, server: FaultServer) -> None:
    approved.write("prompts/triage.prompt.yaml", PROMPT.replace("As JSON", "Answer as JSON"))
    server.play(
        answers(money={"label": "other", "confidence": 0.9}, parcel={"label": "shipping", "confidence": 0.8})
    )
    done = call(approved, "test")
    assert done.code == 1
    assert "$.label" in done.out
    kinds = {entry["case"]: entry["kind"] for entry in json.loads(call(approved, "pending", "--json").out)}
    assert kinds == {"refund": "changed", "parcel": "refreshed"}


def test_reject_forgets_the_answer_and_leaves_the_approved_one(
    approved: ProjectFolder, server: FaultServer
) -> None:
    before = snapshots(approved)
    server.play(
        answers(money={"label": "other", "confidence": 0.9}, parcel={"label": "shipping", "confidence": 0.8})
    )
    assert call(approved, "test", "--live").code == 1
    assert call(approved, "reject", "--all").code == 0
    assert snapshots(approved) == before
    assert json.loads(call(approved, "pending", "--json").out) == []


def test_live_asks_even_where_nothing_changed_and_tells_the_drift(
    approved: ProjectFolder, server: FaultServer
) -> None:
    assert call(approved, "test", "--live").code == 0
    assert len(server.requests) == 2
    server.play(
        answers(money={"label": "refund", "confidence": 0.5}, parcel={"label": "shipping", "confidence": 0.8})
    )
    assert call(approved, "test", "--live").code == 1


def test_update_changed_approves_at_once_and_deletes_nothing(
    approved: ProjectFolder, server: FaultServer
) -> None:
    server.play(
        answers(money={"label": "other", "confidence": 0.9}, parcel={"label": "shipping", "confidence": 0.8})
    )
    assert call(approved, "test", "--live", "-u").code == 0
    assert b"label: other\n" in snapshots(approved)["triage/refund.snap.yaml"]


def test_todays_schema_judges_yesterdays_answers(approved: ProjectFolder) -> None:
    # The schema is part of the request: an unchanged request with a stricter assertion is what can break offline.
    approved.write(
        "prompts/triage.prompt.yaml", PROMPT + "assert: [{type: equals, path: $.label, value: refund}]\n"
    )
    done = approved.run("test", "--offline")
    assert done.code == 1
    assert "triage/parcel" in done.out


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (
            reply(
                200,
                {
                    "model": "m",
                    "choices": [
                        {
                            "index": 0,
                            "finish_reason": "stop",
                            "message": {"role": "assistant", "content": None, "refusal": "No."},
                        }
                    ],
                },
            ),
            1,
        ),
        (
            reply(
                200,
                {
                    "model": "m",
                    "choices": [
                        {
                            "index": 0,
                            "finish_reason": "length",
                            "message": {"role": "assistant", "content": "{}"},
                        }
                    ],
                },
            ),
            1,
        ),
        (completion(""), 1),
        (completion('{"label": 1}'), 1),
        (reply(401, {"error": {"message": "no"}}), 3),
    ],
    ids=["refused", "truncated", "empty", "invalid", "error"],
)
def test_what_is_no_answer_is_never_admitted(
    asked: ProjectFolder, server: FaultServer, answer: Steps, code: int
) -> None:
    server.play(answer)
    assert call(asked, "test", "-u").code == code
    assert not (asked.folder / "prompts" / "__snapshots__").exists()
    assert json.loads(call(asked, "pending", "--json").out) == []


def test_a_declared_refusal_is_recorded_and_replayed(asked: ProjectFolder, server: FaultServer) -> None:
    asked.write("prompts/triage.prompt.yaml", PROMPT.replace("id: refund,", "id: refund, outcome: refused,"))
    server.play(
        lambda request: (
            FIRST(request)
            if "parcel" in request.json["messages"][-1]["content"]
            else reply(
                200,
                {
                    "model": "m",
                    "choices": [
                        {
                            "index": 0,
                            "finish_reason": "stop",
                            "message": {"role": "assistant", "content": None, "refusal": "No."},
                        }
                    ],
                },
            )
        )
    )
    assert call(asked, "test", "-u").code == 0
    assert asked.run("test", "--offline").code == 0


def test_an_invalid_answer_is_not_asked_again_until_it_fits(
    asked: ProjectFolder, server: FaultServer
) -> None:
    server.play(completion('{"label": 1}'), FIRST)
    call(asked, "test", "--case", "refund")
    assert len(server.requests) == 1


def test_a_subset_touches_no_file_outside_it(approved: ProjectFolder, server: FaultServer) -> None:
    before = snapshots(approved)
    server.play(answers(money={"label": "x", "confidence": 0.1}, parcel={"label": "y", "confidence": 0.1}))
    assert call(approved, "test", "--live", "-u", "--case", "refund").code == 0
    after = snapshots(approved)
    assert after["triage/parcel.snap.yaml"] == before["triage/parcel.snap.yaml"]
    assert after["triage/refund.snap.yaml"] != before["triage/refund.snap.yaml"]


def test_a_renamed_case_is_moved_without_a_call(approved: ProjectFolder, server: FaultServer) -> None:
    before = snapshots(approved)
    approved.write("prompts/triage.prompt.yaml", PROMPT.replace("id: refund", "id: money-back"))
    assert call(approved, "test").code == 4
    assert server.requests == []
    assert call(approved, "accept", "--kind", "moved").code == 0
    assert snapshots(approved)["triage/money-back.snap.yaml"] == before["triage/refund.snap.yaml"]
    assert approved.run("test", "--offline", "--ci").code == 0


def test_a_snapshot_without_a_case_is_named_and_only_prune_deletes_it(approved: ProjectFolder) -> None:
    lines = [line for line in PROMPT.splitlines() if "id: parcel" not in line]
    approved.write("prompts/triage.prompt.yaml", "\n".join(lines) + "\n")
    assert approved.run("test", "--offline").code == 0
    done = approved.run("test", "--offline", "--unreferenced", "reject")
    assert done.code == 4
    assert "parcel.snap.yaml" in done.out
    assert "would delete" in approved.run("prune", "--dry-run").out
    assert "triage/parcel.snap.yaml" in snapshots(approved)
    assert approved.run("prune").code == 0
    assert sorted(snapshots(approved)) == ["triage/refund.snap.yaml"]


def test_a_filtered_run_calls_nothing_unreferenced(approved: ProjectFolder) -> None:
    assert approved.run("test", "--offline", "--ci", "--case", "refund").code == 0


def test_a_conflict_is_told_apart_and_recorded_anew(approved: ProjectFolder) -> None:
    path = approved.folder / "prompts/__snapshots__/triage/refund.snap.yaml"
    text = path.read_text()
    path.write_text(f"<<<<<<< ours\n{text}=======\n{text}>>>>>>> theirs\n")
    done = approved.run("test", "--offline")
    assert done.code == 4
    assert "conflict" in done.out
    assert call(approved, "test", "-u").code == 0
    assert path.read_text() == text


def test_samples_show_what_varies_and_propose_a_rule(asked: ProjectFolder, server: FaultServer) -> None:
    outputs = [{"label": "refund", "confidence": 0.9}] * 3 + [{"label": "exchange", "confidence": 0.9}]
    server.play(*(completion(json.dumps(output)) for output in outputs))
    done = call(asked, "test", "--case", "refund", "--samples", "4")
    assert "$.label" in done.out
    assert "seen" in done.out
    [entry] = json.loads(call(asked, "pending", "--json").out)
    assert entry["output"]["label"] == "refund"


def test_a_shard_is_a_part_and_the_parts_are_the_whole(asked: ProjectFolder) -> None:
    rows = "".join(
        json.dumps({"id": f"n{index}", "vars": {"ticket": f"money {index}"}}) + "\n" for index in range(12)
    )
    asked.write("prompts/rows.jsonl", rows)
    asked.write("prompts/triage.prompt.yaml", PROMPT.replace("tests:\n", "tests:\n  - {file: rows.jsonl}\n"))
    seen: list[str] = []
    for index in (1, 2, 3):
        call(asked, "test", "--shard", f"{index}/3", "-u")
        now = snapshots(asked)
        seen.append(str(len(now)))
    assert len(snapshots(asked)) == 14
    assert len(set(seen)) == 3


@pytest.mark.parametrize("shard", ["0/2", "3/2", "x", "1/0"])
def test_a_shard_that_cannot_be_is_refused(asked: ProjectFolder, shard: str) -> None:
    assert call(asked, "test", "--shard", shard).code == 2


def test_nothing_selected_is_exit_5(asked: ProjectFolder) -> None:
    assert call(asked, "test", "--case", "nobody").code == 5


def test_no_key_reaches_any_file(asked: ProjectFolder, server: FaultServer) -> None:
    server.play(completion(json.dumps({"label": KEY, "confidence": 1})))
    done = call(asked, "test", "-u")
    assert done.code != 0
    assert KEY not in done.out + done.err
    kept = [path for path in asked.folder.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert kept == []


def test_a_key_shape_in_an_answer_stops_the_write(asked: ProjectFolder, server: FaultServer) -> None:
    secret = "ghp_" + "a1B2" * 9
    server.play(completion(json.dumps({"label": secret, "confidence": 1})))
    assert call(asked, "test", "-u").code == 2
    assert not list((asked.folder / "prompts").rglob("*.snap.yaml"))


def test_two_modes_that_say_the_same_are_refused(asked: ProjectFolder) -> None:
    assert call(asked, "test", "--offline", "--live").code == 2
    assert call(asked, "test", "--record", "sometimes").code == 2


@pytest.mark.slow
def test_offline_opens_no_socket_and_loads_no_http_library(approved: ProjectFolder, tmp_path: Path) -> None:
    from .test_startup import modules_after

    loaded = modules_after(approved, "test", "--offline")
    assert "runner.regress.regression_run" in loaded
    assert (
        loaded & {"httpx", "httpcore", "aiohttp", "http.client", "urllib.request", "xllamacpp", "asyncio"}
        == set()
    )


def test_a_forged_artifact_cannot_write_outside_the_snapshots(asked: ProjectFolder) -> None:
    call(asked, "test", "--case", "refund")
    [entry] = (asked.folder / ".runner" / "pending").rglob("*.json")
    forged = json.loads(entry.read_text()) | {"snapshot_file": "../../outside.snap.yaml", "case": "evil"}
    asked.write("artifact/x.snap.yaml.json", json.dumps(forged))
    done = call(asked, "accept", "--all", "--from", "artifact")
    assert done.code == 2
    assert not list(asked.folder.parent.glob("**/outside.snap.yaml*"))


def test_an_answer_that_changed_in_between_is_not_approved_blindly(
    approved: ProjectFolder, server: FaultServer
) -> None:
    server.play(
        answers(money={"label": "other", "confidence": 0.9}, parcel={"label": "shipping", "confidence": 0.8})
    )
    call(approved, "test", "--live")
    path = approved.folder / "prompts/__snapshots__/triage/refund.snap.yaml"
    path.write_text(path.read_text().replace("label: refund", "label: edited"))
    done = call(approved, "accept", "--all")
    assert done.code == 2
    assert "has changed since" in done.err
    assert "label: edited" in path.read_text()


def test_the_snapshots_of_a_prompt_that_is_gone_are_named_and_pruned(approved: ProjectFolder) -> None:
    approved.write("prompts/other.prompt.yaml", "model: m\nmessages: [{role: user, content: hi}]\n")
    (approved.folder / "prompts" / "triage.prompt.yaml").unlink()
    done = approved.run("test", "--offline", "--unreferenced", "reject")
    assert done.code == 4
    assert "triage/refund.snap.yaml" in done.out
    assert approved.run("prune").code == 0
    assert snapshots(approved) == {}


def test_another_prompts_snapshots_are_not_taken_for_abandoned(approved: ProjectFolder) -> None:
    approved.write("prompts/other.prompt.yaml", "model: m\nmessages: [{role: user, content: hi}]\n")
    done = approved.run("test", "prompts/other.prompt.yaml", "--offline", "--unreferenced", "reject")
    assert "triage" not in done.out
    assert len(snapshots(approved)) == 2


def test_a_prompt_of_another_project_is_tested_there(approved: ProjectFolder, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside.prompt.yaml"
    outside.write_text("model: m\nmessages: [{role: user, content: hi}]\n")
    done = approved.run("test", str(outside), "--offline")
    assert done.code == 2
    assert "outside the project" in done.err


def test_an_answer_from_the_cache_is_counted_as_one_and_not_as_asked(
    asked: ProjectFolder, server: FaultServer
) -> None:
    assert "2 asked" in call(asked, "test").out
    assert call(asked, "reject", "--all").code == 0
    again = call(asked, "test")
    assert " · 2 from the cache\n" in again.out
    assert " asked" not in again.out
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("option", "asked_again"),
    [
        (("--record", "none"), 0),
        (("--record", "once"), 0),
        (("--record", "new_episodes"), 0),
        (("--record", "all"), 2),
        (("--live",), 2),
        (("--live", "--samples", "2"), 4),
        (("--record", "all", "--samples", "3"), 6),
    ],
    ids=str,
)
def test_of_the_record_modes_only_all_asks_for_what_is_current_and_never_the_cache(
    approved: ProjectFolder, server: FaultServer, option: tuple[str, ...], asked_again: int
) -> None:
    for _ in range(2):
        server.requests.clear()
        done = call(approved, "test", *option)
        assert done.code == 0
        assert len(server.requests) == asked_again
        assert ("2 asked" in done.out) == bool(asked_again)
        assert "from the cache" not in done.out


def test_check_and_test_warn_of_a_comparison_that_can_find_nothing(approved: ProjectFolder) -> None:
    approved.write("prompts/triage.prompt.yaml", PROMPT.replace("abs: 0.05", "rel: 2"))
    checked = approved.run("check")
    assert (checked.code, "1 warning" in checked.out) == (0, True)
    assert "prompts/triage.prompt.yaml:22:11: W011 rel 2 treats any two numbers as equal" in checked.err
    tested = approved.run("test", "--offline")
    assert "prompts/triage.prompt.yaml:22:11: rel 2 treats any two numbers as equal" in tested.out


def test_an_answer_all_of_which_is_ignored_is_told(approved: ProjectFolder) -> None:
    rules = "[{path: $.confidence, ignore: true}, {path: $.label, ignore: true}]"
    approved.write(
        "prompts/triage.prompt.yaml",
        PROMPT.replace("[{path: $.confidence, compare: number, abs: 0.05}]", rules),
    )
    done = approved.run("test", "--offline")
    assert "the rules ignore every part of every approved answer" in done.out
