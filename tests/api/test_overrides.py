"""Request fields from Python: `load(..., temperature=0)` and `run(vars, {"temperature": 0})`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import runner
from tests.faults import FaultServer

from .prompts import ECHO, loaded


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


def test_a_field_given_to_load_is_sent_with_every_request(tmp_path: Path, server: FaultServer) -> None:
    prompt = loaded(tmp_path, server.base_url, load={"temperature": 0.7, "model": "other"})
    assert prompt.request(text="x") == {
        "model": "other",
        "messages": [{"role": "user", "content": "x"}],
        "temperature": 0.7,
    }
    prompt.run(text="x")
    assert server.requests[0].json == prompt.request(text="x")


def test_a_field_given_to_a_call_is_sent_with_that_request_only(tmp_path: Path, server: FaultServer) -> None:
    prompt = loaded(tmp_path, server.base_url, load={"temperature": 0.7})
    prompt.run({"text": "x"}, {"temperature": 0, "seed": 3})
    prompt.run({"text": "x"})
    assert [request.json.get("temperature") for request in server.requests] == [0, 0.7]
    assert [request.json.get("seed") for request in server.requests] == [3, None]


def test_a_call_may_choose_a_model_of_another_endpoint(tmp_path: Path, server: FaultServer) -> None:
    path = tmp_path / "p.prompt.yaml"
    path.write_text(ECHO)
    (tmp_path / "runner.yaml").write_text(
        f"endpoints:\n  one: {{base_url: '{server.base_url}'}}\n  two: {{base_url: '{server.base_url}/two'}}\n"
        "endpoint: one\nmodels: {'big-*': {endpoint: two}}\n"
    )
    prompt = runner.load(path, environ={})
    prompt.run({"text": "x"}, {"model": "big-1"})
    prompt.run({"text": "x"})
    assert [request.target for request in server.requests] == [
        "/v1/two/chat/completions",
        "/v1/chat/completions",
    ]


def test_very_many_different_fields_are_each_sent(tmp_path: Path, server: FaultServer) -> None:
    prompt = loaded(tmp_path, server.base_url)
    for seed in range(150):
        prompt.run({"text": "x"}, {"seed": seed})
    assert [request.json["seed"] for request in server.requests] == list(range(150))


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("temprature", 1, r"temprature is not a request field \(did you mean .temperature"),
        ("temperature", "hot", "temperature"),
        ("temperature", float("nan"), "not JSON"),
        ("messages", [], "messages is not a request field"),
        ("tests", [], "tests is not a request field"),
    ],
)
def test_a_field_that_is_not_valid_is_refused(
    tmp_path: Path, server: FaultServer, field: str, value: Any, said: str
) -> None:
    with pytest.raises(runner.RunnerError, match=said):
        loaded(tmp_path, server.base_url, load={field: value})
    prompt = loaded(tmp_path, server.base_url)
    with pytest.raises(runner.RunnerError, match=said):
        prompt.run({"text": "x"}, {field: value})
    assert server.requests == []


def test_a_field_chooses_from_a_matrix(tmp_path: Path, server: FaultServer) -> None:
    text = ECHO + "matrix: {temperature: [0, 1], seed: [1, 2]}\n"
    with pytest.raises(runner.RunnerError, match="4 variants"):
        loaded(tmp_path, server.base_url, text)
    prompt = loaded(tmp_path, server.base_url, text, load={"temperature": 1, "seed": 2})
    assert prompt.request(text="x")["seed"] == 2


def test_variables_may_have_any_name(tmp_path: Path, server: FaultServer) -> None:
    text = "model: m\nmessages: [{role: user, content: '{{ vars }} {{ overrides }} {{ self_ }}'}]\n"
    prompt = loaded(tmp_path, server.base_url, text)
    assert prompt.run(vars="a", overrides="b", self_="c").text == "a b c"
    assert prompt.run({"vars": "a", "overrides": "b", "self_": "c"}).text == "a b c"


def test_a_variable_given_twice_is_refused(tmp_path: Path, server: FaultServer) -> None:
    prompt = loaded(tmp_path, server.base_url)
    with pytest.raises(runner.RunnerError, match="text is given twice"):
        prompt.run({"text": "x"}, text="y")
    with pytest.raises(runner.RunnerError, match="a mapping or keywords, not str"):
        prompt.run("x")  # type: ignore[arg-type]  # that is the point
