"""The real model: llama.cpp in this process, SmolLM2-135M, no key."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import runner

pytestmark = pytest.mark.e2e

REPOSITORY = Path(__file__).resolve().parents[2]


def run(*args: str, cwd: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "runner", *args],
        cwd=cwd,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def results(*args: str, cwd: Path = REPOSITORY) -> list[dict[str, Any]]:
    done = run(*args, "--json", "--no-cache", cwd=cwd)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_every_starter_prompt_passes_its_tests_on_the_embedded_model() -> None:
    done = run("run", "prompts/", "--endpoint", "local", "--no-cache")
    assert done.returncode == 0, done.stdout
    assert "0 failed, 0 errors" in done.stdout


def test_the_schema_holds_a_real_model_to_its_shape() -> None:
    [record] = results(
        "run", "prompts/sentiment.prompt.yaml", "--endpoint", "local", "--var", "review=Awful. Never again."
    )
    assert record["outcome"] == "ok"
    assert record["served_model"] == "smollm2-135m-instruct"
    assert record["usage"]["completion_tokens"] > 0


def test_streaming_and_not_streaming_say_the_same() -> None:
    whole = results("run", "prompts/summarize.prompt.yaml", "--endpoint", "local")
    streamed = run(
        "run", "prompts/summarize.prompt.yaml", "--endpoint", "local", "--stream", "--no-cache"
    ).stdout
    assert whole
    for record in whole:
        assert record["text"] in streamed


def test_a_cut_answer_is_truncated_not_passed() -> None:
    done = run(
        "run", "prompts/math-tutor.prompt.yaml", "--endpoint", "local", "--set", "max_tokens=5", "--no-cache"
    )
    assert done.returncode == 1
    assert "truncated" in done.stdout


def test_a_project_made_by_init_runs_at_once(tmp_path: Path) -> None:
    assert run("init", cwd=tmp_path).returncode == 0
    done = run("run", cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_the_python_interface_asks_the_same_model() -> None:
    prompt = runner.load(REPOSITORY / "prompts" / "sentiment.prompt.yaml", endpoint="local")
    result = prompt.run(review="I love it, best purchase ever!")
    assert result.outcome == "ok"
    assert result.usage is not None


RESPONSES = """
endpoint: local
endpoints: {local: {embedded: smollm2-135m-instruct, model: smollm2-135m-instruct, api: responses}}
"""
GREETING = """
name: greeting
temperature: 0
max_completion_tokens: LIMIT
messages: [{role: user, content: "Say hello to {{ name }}."}]
tests: [{id: ada, vars: {name: Ada}}]
"""
SHAPE = """
response_format:
  type: json_schema
  json_schema:
    name: greeting
    strict: true
    schema: {type: object, additionalProperties: false, required: [text], properties: {text: {type: string}}}
"""


def responses(folder: Path, limit: int, more: str = "", *options: str) -> dict[str, Any]:
    """The record of the greeting over the Responses API, which this server speaks too."""
    (folder / "runner.yaml").write_text(RESPONSES, encoding="utf-8")
    (folder / "greeting.prompt.yaml").write_text(
        GREETING.replace("LIMIT", str(limit)) + more, encoding="utf-8"
    )
    run("run", "--no-cache", "--output", "out.jsonl", "--force", *options, cwd=folder)
    [line] = (folder / "out.jsonl").read_text(encoding="utf-8").splitlines()
    record: dict[str, Any] = json.loads(line)
    return record


@pytest.mark.parametrize("options", [(), ("--stream",)])
def test_the_responses_api_of_a_real_server_is_asked_and_read(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    record = responses(tmp_path, 60, "", *options)
    assert (record["outcome"], record["finish_reason"]) == ("ok", "stop")
    assert record["text"]
    assert 0 < record["usage"]["completion_tokens"] < 60


@pytest.mark.parametrize("options", [(), ("--stream",)])
def test_a_cut_answer_that_the_server_calls_completed_is_truncated(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    assert responses(tmp_path, 5, "", *options)["outcome"] == "truncated"


@pytest.mark.parametrize("options", [(), ("--stream",)])
def test_a_schema_that_the_server_ignores_is_checked_here(tmp_path: Path, options: tuple[str, ...]) -> None:
    record = responses(tmp_path, 60, SHAPE, *options)
    assert (record["outcome"], record["passed"]) == ("unparsable", False)
