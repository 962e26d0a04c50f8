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
