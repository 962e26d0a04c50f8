"""`stream` and `astream`: the text as it arrives, then the whole result."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import runner
from tests.faults import CLOSE, FaultServer, chunked, completion, event_stream, reply
from tests.patience import wait_until

from .prompts import loaded


def chunk(text: str | None, finish: str | None = None, index: int = 0) -> dict[str, object]:
    delta = {} if text is None else {"content": text}
    return {"model": "m", "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


ANSWER = event_stream(chunk("Hello"), chunk(", "), chunk("you"), chunk(None, "stop"))


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(ANSWER) as server:
        yield server


@pytest.fixture
def prompt(tmp_path: Path, server: FaultServer) -> Iterator[runner.LoadedPrompt]:
    with loaded(tmp_path, server.base_url, concurrency=2) as prompt:
        yield prompt


def test_the_pieces_are_the_text_and_the_result_is_the_whole_answer(prompt: runner.LoadedPrompt) -> None:
    stream = prompt.stream(text="x")
    assert "".join(stream) == "Hello, you"
    result = stream.result()
    assert (result.outcome, result.text) == ("ok", "Hello, you")


def test_the_same_in_a_coroutine(prompt: runner.LoadedPrompt) -> None:
    async def work() -> tuple[list[str], runner.Result]:
        async with prompt.astream({"text": "x"}) as stream:
            return [piece async for piece in stream], await stream.result()

    pieces, result = asyncio.run(work())
    assert ("".join(pieces), result.outcome) == ("Hello, you", "ok")


def test_a_piece_is_there_before_the_answer_is_complete(
    prompt: runner.LoadedPrompt, server: FaultServer
) -> None:
    rest = threading.Event()
    head, *others = chunked(
        *(f"data: {line}\n\n".encode() for line in _lines()), headers={"content-type": "text/event-stream"}
    )
    server.play((head, others[0], rest, *others[1:]))
    with prompt.stream(text="x") as stream:
        assert next(stream) == "Hello"
        rest.set()
        assert list(stream) == [", you"]


def _lines() -> list[str]:
    import json

    return [json.dumps(chunk("Hello")), json.dumps(chunk(", you", "stop")), "[DONE]"]


def test_the_result_may_be_asked_for_without_the_pieces(prompt: runner.LoadedPrompt) -> None:
    stream = prompt.stream(text="x")
    assert stream.result().text == "Hello, you"
    assert "".join(stream) == "Hello, you"


def test_the_answer_is_validated_at_the_end(tmp_path: Path, server: FaultServer) -> None:
    text = (
        "model: m\nmessages: [{role: user, content: json}]\nresponse_format: {type: json_schema, json_schema:"
        " {name: x, schema: {type: object}}}\n"
    )
    with loaded(tmp_path, server.base_url, text) as prompt:
        stream = prompt.stream()
        assert "".join(stream) == "Hello, you"
        assert stream.result().outcome == "unparsable"


def test_a_stream_that_breaks_after_a_piece_is_an_error_and_not_sent_again(
    prompt: runner.LoadedPrompt, server: FaultServer
) -> None:
    server.play(
        chunked(
            f"data: {_lines()[0]}\n\n".encode(), headers={"content-type": "text/event-stream"}, ended=False
        ),
        ANSWER,
    )
    stream = prompt.stream(text="x")
    assert list(stream) == ["Hello"]
    assert stream.result().outcome == "error"
    assert len(server.requests) == 1


@pytest.mark.slow
def test_before_the_first_piece_a_request_is_sent_again(
    prompt: runner.LoadedPrompt, server: FaultServer
) -> None:
    server.play(reply(500, {"error": {"message": "busy"}}), (CLOSE,), ANSWER)
    stream = prompt.stream(text="x")
    assert "".join(stream) == "Hello, you"
    assert stream.result().attempts == 3


def test_a_server_that_does_not_stream_gives_a_result(
    prompt: runner.LoadedPrompt, server: FaultServer
) -> None:
    server.play(completion("whole"))
    stream = prompt.stream(text="x")
    list(stream)
    assert stream.result().text == "whole"


def test_several_choices_are_in_the_result(tmp_path: Path, server: FaultServer) -> None:
    server.play(event_stream(chunk("a", "stop", 0), chunk("b", "stop", 1)))
    with loaded(
        tmp_path, server.base_url, "model: m\nn: 2\nmessages: [{role: user, content: hi}]\n"
    ) as prompt:
        stream = prompt.stream()
        assert list(stream) == ["a"]
        assert [each.text for each in stream.result().choices] == ["a", "b"]


def test_leaving_early_drops_the_request_and_frees_its_place(
    prompt: runner.LoadedPrompt, server: FaultServer
) -> None:
    never = threading.Event()
    head, *_ = chunked(f"data: {_lines()[0]}\n\n".encode(), headers={"content-type": "text/event-stream"})
    piece = chunked(f"data: {_lines()[0]}\n\n".encode())[1]
    server.play((head, piece, never))
    for _ in range(3):  # two requests may be in flight
        with prompt.stream(text="x") as stream:
            assert next(stream) == "Hello"
    with pytest.raises(runner.RunnerError, match="closed"):
        stream.result()
    never.set()
    wait_until(lambda: server.closed >= 3)


def test_nothing_is_sent_before_the_first_piece_is_asked_for(
    prompt: runner.LoadedPrompt, server: FaultServer
) -> None:
    with prompt.stream(text="x"):
        pass
    assert server.requests == []


def test_bad_variables_are_refused_at_once(prompt: runner.LoadedPrompt) -> None:
    with pytest.raises(runner.RunnerError, match="text"):
        prompt.stream(text=3)


def test_many_streams_at_once_share_the_connections(prompt: runner.LoadedPrompt, server: FaultServer) -> None:
    async def read() -> str:
        return "".join([piece async for piece in prompt.astream(text="x")])

    async def work() -> list[str]:
        return await asyncio.gather(*(read() for _ in range(20)))

    assert set(asyncio.run(work())) == {"Hello, you"}
    assert server.connections <= 2
