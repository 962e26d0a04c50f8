"""Chunks put together are the completion they stand for, or the error that ended them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runner.wire.reply import ProviderError
from runner.wire.sse import SseEvent
from runner.wire.stream import StreamAccumulator, read_stream


def chunk(*choices: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 5,
        "model": "m",
        "choices": list(choices),
        **fields,
    }


def delta(index: int = 0, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"index": index, "delta": fields, "finish_reason": finish}


def stream(*chunks: dict[str, Any] | str, done: bool = True) -> bytes:
    texts = [part if isinstance(part, str) else json.dumps(part) for part in chunks]
    return "".join(f"data: {text}\n\n" for text in [*texts, *(["[DONE]"] if done else [])]).encode()


def completion(*chunks: dict[str, Any] | str, done: bool = True) -> dict[str, Any]:
    result = read_stream(stream(*chunks, done=done))
    assert not isinstance(result, ProviderError)
    return result


def failure(body: bytes) -> ProviderError:
    result = read_stream(body)
    assert isinstance(result, ProviderError)
    return result


def test_pieces_of_text_are_joined() -> None:
    got = completion(chunk(delta(role="assistant", content="")), chunk(delta(content="Hel")), chunk(delta(content="lo")), chunk(delta(finish="stop")))  # fmt: skip
    assert got == {
        "id": "c1",
        "object": "chat.completion",
        "created": 5,
        "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
        ],
    }


def test_usage_comes_from_the_last_chunk_that_has_it() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    got = completion(chunk(delta(content="a", finish="stop"), usage=None), chunk(usage=usage))
    assert got["usage"] == usage


def test_azures_first_chunk_is_empty_throughout() -> None:
    first = {"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": []}
    got = completion(first, chunk(delta(content="a", finish="stop")))
    assert (got["id"], got["created"], got["model"]) == ("c1", 5, "m")


def test_choices_interleave() -> None:
    got = completion(
        chunk(delta(1, content="b")), chunk(delta(0, content="a")), chunk(delta(1, content="B", finish="stop")), chunk(delta(0, content="A", finish="length")),
    )  # fmt: skip
    assert [(c["index"], c["message"]["content"], c["finish_reason"]) for c in got["choices"]] == [
        (0, "aA", "length"),
        (1, "bB", "stop"),
    ]


def test_refusal_and_reasoning_stay_apart_from_the_text() -> None:
    got = completion(
        chunk(delta(reasoning="thin")), chunk(delta(reasoning_content="king")), chunk(delta(refusal="no")), chunk(delta(finish="stop")),
    )  # fmt: skip
    message = got["choices"][0]["message"]
    assert message == {"role": "assistant", "content": None, "refusal": "no", "reasoning_content": "thinking"}


def call(index: int | None, **fields: Any) -> dict[str, Any]:
    named = {key: fields.pop(key) for key in ("name", "arguments") if key in fields}
    return {**({} if index is None else {"index": index}), **fields, "function": named}


def calls_of(*deltas: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    chunks = [chunk(delta(tool_calls=calls)) for calls in deltas]
    got = completion(*chunks, chunk(delta(finish="tool_calls")))["choices"][0]["message"]["tool_calls"]
    return [(c["id"], c["function"]["name"], c["function"]["arguments"]) for c in got]


def test_tool_calls_are_collected_by_their_index() -> None:
    got = calls_of(
        [call(0, id="a", type="function", name="f", arguments="")],
        [call(1, id="b", type="function", name="g", arguments="{")],
        [call(0, arguments='{"x"')],
        [call(1, arguments="}"), call(0, arguments=":1}")],
    )
    assert got == [("a", "f", '{"x":1}'), ("b", "g", "{}")]


def test_calls_that_all_have_index_0_are_told_apart_by_their_ids() -> None:
    got = calls_of([call(0, id="a", name="f", arguments="{}")], [call(0, id="b", name="f", arguments="[]")])
    assert got == [("a", "f", "{}"), ("b", "f", "[]")]


def test_calls_without_an_index_are_told_apart_by_their_ids() -> None:
    got = calls_of(
        [call(None, id="a", name="f", arguments="{}"), call(None, id="b", name="g", arguments="{}")]
    )
    assert got == [("a", "f", "{}"), ("b", "g", "{}")]


def test_the_single_function_call_of_old_is_joined() -> None:
    got = completion(chunk(delta(function_call={"name": "f", "arguments": "{"})), chunk(delta(function_call={"arguments": "}"})), chunk(delta(finish="function_call")))  # fmt: skip
    assert got["choices"][0]["message"]["function_call"] == {"name": "f", "arguments": "{}"}


def test_a_whole_completion_in_one_event_is_taken() -> None:
    whole = {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}]
    }
    assert completion(whole)["choices"][0]["message"]["content"] == "a"


def test_halves_of_a_character_in_two_chunks_are_one_character() -> None:
    got = completion(chunk(delta(content="\ud83d")), chunk(delta(content="\ude00", finish="stop")))
    assert got["choices"][0]["message"]["content"] == "\U0001f600"


def test_text_for_printing_comes_as_it_arrives() -> None:
    accumulator = StreamAccumulator()
    fed = [accumulator.feed(SseEvent(json.dumps(part))) for part in (
        chunk(delta(content="")), chunk(delta(0, content="a"), delta(1, content="b")), chunk(delta(reasoning="r")),
    )]  # fmt: skip
    assert fed == [[], [(0, "a"), (1, "b")], []]


def test_text_for_printing_can_always_be_printed() -> None:
    ((_, text),) = StreamAccumulator().feed(SseEvent(json.dumps(chunk(delta(content="\ud83d")))))
    assert text.encode() == rb"\ud83d"


@pytest.mark.parametrize(
    "chunks",
    [
        (),
        (chunk(delta(content="a")),),
        (chunk(delta(0, content="a", finish="stop"), delta(1, content="b")),),
    ],
)
def test_a_stream_without_an_end_is_cut_and_may_be_asked_for_again(
    chunks: tuple[dict[str, Any], ...],
) -> None:
    error = failure(stream(*chunks, done=False))
    assert (error.code, error.retryable) == ("stream_cut", True)


def test_a_finish_reason_is_an_end_even_without_done() -> None:
    assert (
        completion(chunk(delta(content="a", finish="stop")), done=False)["choices"][0]["finish_reason"]
        == "stop"
    )


@pytest.mark.parametrize(
    ("words", "counts"),
    [
        (["length", ""], "length"),
        (["length", "stop"], "length"),
        (["stop", "abort", "stop"], "abort"),
        (["", "stop", ""], "stop"),
        (["", ""], ""),
    ],
)
def test_a_later_word_does_not_make_a_bad_end_good(words: list[str], counts: str) -> None:
    chunks = [chunk(delta(content="a", finish=word)) for word in words]
    assert completion(*chunks)["choices"][0]["finish_reason"] == counts


def test_done_is_an_end_even_without_a_finish_reason() -> None:
    assert completion(chunk(delta(content="a")))["choices"][0]["finish_reason"] is None


def test_nothing_counts_after_done() -> None:
    got = completion(chunk(delta(content="a", finish="stop")), "[DONE]", chunk(delta(content="b")))
    assert got["choices"][0]["message"]["content"] == "a"


@pytest.mark.parametrize(
    ("body", "code", "retryable"),
    [
        (b'data: {"error":{"message":"m","code":"rate_limit_exceeded"}}\n\n', "rate_limit_exceeded", True),
        (
            b'data: {"error":{"message":"m","code":502},"choices":[{"delta":{},"finish_reason":"error"}]}\n\n',
            "502",
            True,
        ),
        (b'event: error\ndata: {"message":"m","code":"tool_use_failed"}\n\n', "tool_use_failed", False),
        (b'error: {"code":500,"message":"m","type":"server_error"}\n\n', "500", True),
        (b'data: {"object":"error","message":"m","code":400}\n\n', "400", False),
        (b'data: {"choices"\n\n', "malformed_stream", False),
        (b'data: {"choices":[7]}\n\n', "malformed_stream", False),
        (b"data: 7\n\n", "provider_error", False),
        (b"data: \xff\n\n", "malformed_stream", False),
    ],
)
def test_errors_inside_a_stream(body: bytes, code: str, retryable: bool) -> None:
    error = failure(stream(chunk(delta(content="a")), done=False) + body + stream())
    assert (error.code, error.retryable) == (code, retryable)
