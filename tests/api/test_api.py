"""`runner.load(...)`: the same path as the command line, from Python."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import runner
from runner.errors import CaseError
from tests.faults import FaultServer, completion, reply
from tests.isolation.support import children, needs_proc

PROMPT = """
name: sentiment
model: gpt-test
inputs: {review: {type: string}, lang: {type: string, default: en}}
messages: [{role: user, content: "{{ lang }}, as JSON: {{ review }}"}]
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
"""


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(
        completion('{"label": "good"}', usage={"prompt_tokens": 3, "completion_tokens": 2})
    ) as server:
        yield server


@pytest.fixture
def prompt(tmp_path: Path, server: FaultServer) -> runner.LoadedPrompt:
    path = tmp_path / "sentiment.prompt.yaml"
    path.write_text(PROMPT)
    return runner.load(path, environ={"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "key-12345678"})


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["x" * 5000, "x" * 5000 + ".prompt.yaml", "x" * 300 + "/y.prompt.yaml", "loop/x"]
)
def test_a_path_that_the_system_refuses_is_an_error_of_runner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    for path in (name, str(tmp_path / name)):
        with pytest.raises(runner.RunnerError) as raised:
            runner.load(path, environ={})
        assert raised.value.exit_code == 2


def test_run_gives_the_validated_output(prompt: runner.LoadedPrompt) -> None:
    result = prompt.run(review="fine")
    assert result.output == {"label": "good"}
    assert result.text == '{"label": "good"}'
    assert (result.outcome, result.passed) == ("ok", True)
    assert result.usage is not None
    assert result.usage["prompt_tokens"] == 3
    assert result.raise_for_outcome() is result


def test_arun_may_be_awaited_many_times_at_once(prompt: runner.LoadedPrompt, server: FaultServer) -> None:
    async def ask() -> list[runner.Result]:
        return await asyncio.gather(*(prompt.arun(review=str(number)) for number in range(5)))

    assert [result.outcome for result in asyncio.run(ask())] == ["ok"] * 5
    assert len(server.requests) == 5


def test_a_prompt_shows_itself_by_its_name(prompt: runner.LoadedPrompt) -> None:
    assert repr(prompt) == f"<LoadedPrompt {prompt.name}>"


def test_run_works_inside_a_running_loop_as_in_a_notebook(prompt: runner.LoadedPrompt) -> None:
    async def cell() -> runner.Result:
        return prompt.run(review="x")

    assert asyncio.run(cell()).outcome == "ok"


def test_render_and_request_ask_nobody(prompt: runner.LoadedPrompt, server: FaultServer) -> None:
    assert prompt.render(review="fine") == [{"role": "user", "content": "en, as JSON: fine"}]
    assert list(prompt.request(review="fine", lang="de")) == ["model", "messages", "response_format"]
    assert server.requests == []


def test_an_answer_that_fails_is_returned_and_raises_only_when_asked(
    prompt: runner.LoadedPrompt, server: FaultServer
) -> None:
    server.play(completion('{"label": "ugly"}'))
    result = prompt.run(review="x")
    assert (result.outcome, result.passed) == ("invalid", False)
    with pytest.raises(runner.OutcomeError, match=r"\$\.label") as caught:
        result.raise_for_outcome()
    assert caught.value.result is result


def test_an_endpoint_error_is_a_result_too(prompt: runner.LoadedPrompt, server: FaultServer) -> None:
    server.play(reply(404, {"error": {"message": "no such model", "code": "model_not_found"}}))
    result = prompt.run(review="x")
    assert result.outcome == "error"
    assert result.error is not None
    assert result.error["code"] == "model_not_found"


def test_choices_hold_all_answers(tmp_path: Path, server: FaultServer) -> None:
    path = tmp_path / "many.prompt.yaml"
    path.write_text("model: m\nn: 2\nmessages: [{role: user, content: hi}]\n")
    choices = [
        {"index": index, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        for index, text in enumerate("ab")
    ]
    server.play(reply(200, {"model": "m", "choices": choices}))
    loaded = runner.load(path, environ={"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "key-12345678"})
    assert [result.text for result in loaded.run().choices] == ["a", "b"]


def test_nothing_is_written(prompt: runner.LoadedPrompt, tmp_path: Path) -> None:
    prompt.run(review="fine")
    assert [path.name for path in tmp_path.iterdir()] == ["sentiment.prompt.yaml"]


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "review"),
        ({"review": 3}, "string"),
        ({"review": "x", "reveiw": "y"}, "reveiw"),
        ({"review": object()}, "object"),
    ],
)
def test_bad_variables_are_refused_before_anything_is_sent(
    prompt: runner.LoadedPrompt, server: FaultServer, variables: dict[str, object], said: str
) -> None:
    with pytest.raises(runner.RunnerError, match=said):
        prompt.run(**variables)  # type: ignore[arg-type]  # that is the point
    assert server.requests == []


def test_a_broken_file_is_refused_at_load_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "p.prompt.yaml"
    path.write_text("model: m\nmessages: [{role: user, content: '{{ x'}]\n")
    with pytest.raises(runner.RunnerError, match=r"p\.prompt\.yaml:2"):
        runner.load(path)


def test_a_missing_key_is_told_when_asking(tmp_path: Path) -> None:
    path = tmp_path / "p.prompt.yaml"
    path.write_text("model: m\nmessages: [{role: user, content: hi}]\n")
    loaded = runner.load(path, environ={})
    with pytest.raises(runner.RunnerError, match="OPENAI_API_KEY"):
        loaded.run()


def test_the_public_names_are_those_documented() -> None:
    assert runner.__all__ == [
        "AsyncTextStream",
        "LoadedPrompt",
        "OutcomeError",
        "Prompt",
        "Result",
        "RunnerError",
        "TextStream",
        "__version__",
        "load",
    ]
    for name in runner.__all__:
        assert getattr(runner, name) is not None


ISOLATED = """
import asyncio, sys
import runner

with runner.load(sys.argv[1], environ={}, isolate=True) as prompt:
    print([message["content"] for message in prompt.render(review="fine")], prompt.variables == {"review", "lang"})
    print("jinja2" in sys.modules)
"""


@pytest.mark.slow
def test_an_isolated_prompt_renders_the_same_without_jinja_in_this_process(
    prompt: runner.LoadedPrompt, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ISOLATED, str(tmp_path / "sentiment.prompt.yaml")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "['en, as JSON: fine'] True\nFalse\n"
    assert done.stderr == ""


def test_an_isolated_prompt_may_be_asked_many_times_at_once(tmp_path: Path, server: FaultServer) -> None:
    path = tmp_path / "sentiment.prompt.yaml"
    path.write_text(PROMPT)
    environ = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "key-12345678"}
    with runner.load(path, environ=environ, isolate=True) as prompt:

        async def ask() -> list[runner.Result]:
            return await asyncio.gather(*(prompt.arun(review=str(number)) for number in range(5)))

        assert [result.outcome for result in asyncio.run(ask())] == ["ok"] * 5
    assert {request.json["messages"][0]["content"] for request in server.requests} == {
        f"en, as JSON: {number}" for number in range(5)
    }
    with pytest.raises(runner.RunnerError, match="the prompt is closed"):
        prompt.run(review="x")


@needs_proc
def test_an_isolated_prompt_that_does_not_load_leaves_no_process(tmp_path: Path) -> None:
    path = tmp_path / "p.prompt.yaml"
    path.write_text("model: m\nmessages: [{role: user, content: '{{ x'}]\n")
    before = children()
    with pytest.raises(runner.RunnerError, match=r"p\.prompt\.yaml:2"):
        runner.load(path, isolate=True)
    assert children() == before


def test_closing_a_prompt_that_is_not_isolated_changes_nothing(prompt: runner.LoadedPrompt) -> None:
    with prompt:
        pass
    assert prompt.render(review="fine")


def test_a_value_nested_without_end_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "p.prompt.yaml").write_text("model: m\nmessages: [{role: user, content: '{{ x }}'}]\n")
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(CaseError, match="x: a value that is nested too deeply is not JSON"):
        runner.load(tmp_path / "p.prompt.yaml").request(x=deep)
