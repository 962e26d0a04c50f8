"""What comes back from a provider, through the command line: never a pass by default, and nothing of it lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.faults import FaultServer, Steps, event_stream, reply

from .asking import KEY, run
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
    lines[0]["finish_reason"] = word
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    server.requests.clear()
    assert run(asked, "--resume", "last").code == 0
    assert len(server.requests) == again
