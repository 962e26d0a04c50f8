"""The wire formats that llama.cpp has, with the real model: no key, no network beyond this machine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.endpoints.embedded import _library
from runner.endpoints.model_files import fetch, find_model

pytestmark = pytest.mark.e2e

STORY = """model: m
messages: [{role: user, content: "Tell a very long story about the sea."}]
tests: [{id: sea}]
"""


def results(folder: Path, *args: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "runner", "run", "--output", "out.jsonl", "--force", "--no-cache", *args],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert (folder / "out.jsonl").exists(), done.stderr
    return [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]


@pytest.fixture
def sky(tmp_path: Path) -> Path:
    """A prompt that the embedded model continues."""
    (tmp_path / "runner.yaml").write_text("endpoint: local\nendpoints: {local: {api: completions}}\n")
    (tmp_path / "sky.prompt.yaml").write_text(
        "max_completion_tokens: 8\nlogprobs: true\ntop_logprobs: 2\n"
        'messages: [{role: user, content: "The sky is"}]\ntests: [{id: sky, outcome: truncated}]\n'
    )
    return tmp_path


def test_the_embedded_model_continues_a_text_with_its_logprobs(sky: Path) -> None:
    [record] = results(sky)
    assert (record["outcome"], record["finish_reason"], record["passed"]) == ("truncated", "length", True)
    tokens = record["logprobs"]["content"]
    assert "".join(entry["token"] for entry in tokens) == record["text"]
    assert all(len(entry["top_logprobs"]) == 2 for entry in tokens)
    assert record["usage"]["completion_tokens"] == 8


def test_a_streamed_continuation_is_the_same(sky: Path) -> None:
    [whole] = results(sky)
    [streamed] = results(sky, "--stream")
    assert streamed["text"] == whole["text"]
    assert [entry["token"] for entry in streamed["logprobs"]["content"]] == [
        entry["token"] for entry in whole["logprobs"]["content"]
    ]


def test_a_schema_that_the_server_ignores_is_checked_here(sky: Path) -> None:
    (sky / "sky.prompt.yaml").write_text(
        'max_completion_tokens: 8\nmessages: [{role: user, content: "The sky is"}]\n'
        "response_format: {type: json_schema, json_schema: {name: a, strict: true, schema: {type: object, "
        "properties: {a: {type: string}}, required: [a], additionalProperties: false}}}\n"
        "stop: ['.', ',']\ntests: [{id: sky}]\n"
    )
    [record] = results(sky)
    assert record["outcome"] in ("unparsable", "truncated")
    assert not record["passed"]


@pytest.fixture
def small_server() -> Iterator[str]:
    """A llama.cpp of one's own, whose context has 256 tokens; the address of its API."""
    library = _library()
    parameters = library.CommonParams()
    path = fetch(find_model("smollm2-135m-instruct", {}), lambda *_: None, lambda: False)
    parameters.model.path = str(path)
    parameters.hostnames, parameters.port = ["127.0.0.1"], 0
    parameters.n_ctx, parameters.n_parallel, parameters.ctx_shift = 256, 1, False
    parameters.sampling.seed, parameters.sampling.temp = 0, 0.0
    parameters.fit_params = parameters.warmup = parameters.ui = False
    parameters.verbosity = -1
    server = library.Server(parameters)
    yield f"{server.listening_address}/v1"
    del server


@pytest.mark.parametrize("stream", [[], ["--stream"]])
@pytest.mark.parametrize("api", ["responses", "chat"])
def test_an_answer_that_fills_the_context_of_a_server_is_truncated(
    tmp_path: Path, small_server: str, api: str, stream: list[str]
) -> None:
    (tmp_path / "runner.yaml").write_text(
        f"endpoint: mine\nendpoints: {{mine: {{base_url: '{small_server}', api: {api}, context_tokens: 256}}}}\n"
    )
    (tmp_path / "story.prompt.yaml").write_text(STORY)
    [record] = results(tmp_path, *stream)
    assert record["outcome"] == "truncated"
