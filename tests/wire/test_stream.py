"""Chunks put together are the completion they stand for, or the error that ended them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runner.wire.reply import ProviderError
from runner.wire.sse import SseEvent
from runner.wire.stream import StreamAccumulator, feed_all


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


def read_stream(body: bytes) -> dict[str, Any] | ProviderError:
    reader = StreamAccumulator()
    feed_all(reader, body)
    return reader.finish()


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


# --- whatever else comes in pieces ---------------------------------------------------------------------------------


def fed(
    *parts: dict[str, Any], name: str = "message"
) -> tuple[StreamAccumulator, list[list[tuple[int, str]]]]:
    accumulator = StreamAccumulator()
    return accumulator, [accumulator.feed(SseEvent(json.dumps(part), name)) for part in parts]


def choice_of(*parts: dict[str, Any]) -> dict[str, Any]:
    """The one choice of a stream of these parts of it."""
    (choice,) = completion(*[chunk({"index": 0, **part}) for part in parts])["choices"]
    return choice  # type: ignore[no-any-return]


def message_of(*deltas: dict[str, Any]) -> dict[str, Any]:
    message = choice_of(*[{"delta": each} for each in deltas], {"finish_reason": "stop"})["message"]
    assert message.pop("role") == "assistant"
    return message  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", ["id", "created", "model", "system_fingerprint", "service_tier", "object"])
def test_what_a_stream_says_once_counts_where_it_is_first_said(name: str) -> None:
    got = completion(
        chunk(**{name: ""}), chunk(**{name: "first"}), chunk(delta(content="a"), **{name: "later"})
    )
    assert got[name] == ("chat.completion" if name == "object" else "first")


def test_what_stands_beside_the_choices_is_what_was_said_last() -> None:
    got = completion(
        chunk(note="a"), chunk(note="b"), chunk(note="a"), chunk(note=None), chunk(delta(finish="stop"))
    )
    assert got["note"] == "a"
    assert completion(chunk(note="a"), chunk(delta(finish="stop"), note="b"))["note"] == "b"


def test_padding_against_eavesdroppers_is_left_out() -> None:
    assert "obfuscation" not in completion(chunk(delta(content="a", finish="stop"), obfuscation="xyz"))


def test_what_stands_beside_a_delta_is_what_was_said_last() -> None:
    choice = choice_of(
        {
            "delta": {"content": "a"},
            "stop_reason": "x",
            "content_filter_results": {"hate": {"filtered": False}},
        },
        {"delta": {"content": "b"}, "stop_reason": "y", "finish_reason": "stop"},
    )
    assert choice == {
        "index": 0,
        "message": {"role": "assistant", "content": "ab"},
        "finish_reason": "stop",
        "stop_reason": "y",
        "content_filter_results": {"hate": {"filtered": False}},
    }


@pytest.mark.parametrize("index", [None, "x", [1]])
def test_a_choice_without_a_number_is_the_first(index: Any) -> None:
    (choice,) = completion(chunk({"index": index, "delta": {"content": "a"}, "finish_reason": "stop"}))[
        "choices"
    ]
    assert (choice["index"], choice["message"]["content"]) == (0, "a")


def test_the_error_of_a_choice_is_kept_with_it() -> None:
    choice = choice_of({"delta": {"content": "a"}}, {"error": {"code": 502}, "finish_reason": "error"})
    assert (choice["error"], choice["message"]["content"]) == ({"code": 502}, "a")


def test_a_delta_that_is_no_object_is_kept_and_adds_no_text() -> None:
    assert choice_of({"delta": "odd", "finish_reason": "stop"})["message"] == "odd"
    for empty in (None, "", [], {}):
        assert choice_of({"delta": empty, "finish_reason": "stop"})["message"] == {
            "role": "assistant",
            "content": None,
        }
    assert fed(chunk({"index": 0, "delta": "odd"}))[1] == [[]]


def test_pieces_of_a_field_that_nobody_knows_are_joined_even_where_they_repeat() -> None:
    assert message_of({"x": "ha"}, {"x": "ha"}) == {"content": None, "x": "haha"}


def test_a_message_in_an_event_is_one_like_a_delta() -> None:
    assert choice_of({"message": {"content": "a"}, "finish_reason": "stop"})["message"]["content"] == "a"


def test_messages_in_events_are_pieces_like_deltas() -> None:
    choice = choice_of({"message": {"content": "a"}}, {"message": {"content": "b"}, "finish_reason": "stop"})
    assert choice["message"] == {"role": "assistant", "content": "ab"}


def test_the_message_of_a_stream_is_the_assistants_whatever_its_pieces_say() -> None:
    assert choice_of({"delta": {"role": "model", "content": "a"}})["message"]["role"] == "assistant"


def test_parts_of_the_content_are_told_apart() -> None:
    cited = {"type": "text", "text": "b", "citations": [1]}
    got = message_of(
        {"content": [{"type": "text", "text": "a"}, cited]},
        {"content": [{"type": "refusal", "refusal": "no"}, {"type": "thinking", "thinking": "hm"}]},
    )
    assert got == {
        "content": "ab",
        "content_parts": [cited],
        "refusal": "no",
        "reasoning_content": "hm",
    }


def test_parts_that_are_no_text_stand_behind_the_text() -> None:
    picture = {"type": "image_url", "image_url": {"url": "u"}}
    assert message_of({"content": "a"}, {"content": [picture]}) == {
        "content": [{"type": "text", "text": "a"}, picture]
    }
    assert message_of({"content": [picture]}) == {"content": [picture]}


def test_two_reasonings_of_one_delta_are_both_kept() -> None:
    assert message_of({"reasoning_content": "one", "reasoning": "two"}) == {
        "content": None,
        "reasoning_content": "one",
        "reasoning": "two",
    }
    assert message_of({"reasoning_content": "one", "reasoning": "one"}) == {
        "content": None,
        "reasoning_content": "one",
    }


def test_reasoning_that_is_no_text_is_kept_once_and_an_empty_one_not_at_all() -> None:
    assert message_of({"reasoning_content": {"a": 1}}) == {"content": None, "reasoning": {"a": 1}}
    assert message_of({"reasoning_content": ""}, {"reasoning": ""}) == {"content": None}


def test_what_should_be_calls_or_a_refusal_and_is_not_is_kept_under_names_of_its_own() -> None:
    assert message_of({"refusal": {"a": 1}}) == {"content": None, "other_refusals": [{"a": 1}]}
    assert message_of({"tool_calls": ["odd", "", None]}) == {"content": None, "other_tool_calls": ["odd"]}
    assert message_of({"tool_calls": "odd"}) == {"content": None, "other_tool_calls": "odd"}
    assert message_of({"function_call": "odd"}) == {"content": None, "other_tool_calls": "odd"}
    assert message_of({"tool_calls": [], "function_call": None, "refusal": None}) == {"content": None}


def test_the_transcript_of_sound_is_printed_where_no_text_came() -> None:
    def told(*deltas: dict[str, Any]) -> list[list[tuple[int, str]]]:
        return fed(*[chunk({"index": 0, "delta": each}) for each in deltas])[1]

    assert told({"audio": {"transcript": "Hel"}}, {"audio": {"transcript": "lo"}}) == [
        [(0, "Hel")],
        [(0, "lo")],
    ]
    assert told({"content": "a"}, {"audio": {"transcript": "b"}}) == [[(0, "a")], []]
    assert told({"audio": {"data": "QQ=="}}, {"audio": {"transcript": 5}}, {"audio": "odd"}) == [[], [], []]


# --- calls -----------------------------------------------------------------------------------------------------------


def test_a_call_takes_its_id_type_and_name_from_where_they_are_first_said() -> None:
    got = message_of(
        {"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]},
        {"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f"}}]},
        {"tool_calls": [{"index": 0, "id": "a", "type": "other", "function": {"arguments": "}"}}]},
    )
    assert got["tool_calls"] == [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    ]


def test_a_call_keeps_a_type_of_its_own() -> None:
    got = message_of(
        {"tool_calls": [{"index": 0, "id": "a", "type": "own", "function": {"name": "f"}}]},
        {"tool_calls": [{"index": 0, "type": "function", "function": {"arguments": "{}"}}]},
    )
    assert got["tool_calls"] == [{"id": "a", "type": "own", "function": {"name": "f", "arguments": "{}"}}]


def test_another_name_of_the_same_call_is_kept() -> None:
    got = message_of(
        {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f"}}]},
        {"tool_calls": [{"index": 0, "function": {"name": "g"}}]},
        {"tool_calls": [{"index": 0, "function": {"name": "f"}}]},
        {"tool_calls": [{"index": 0, "function": {"name": ""}}]},
    )
    assert got["tool_calls"] == [
        {
            "id": "a",
            "type": "function",
            "function": {"name": "f", "arguments": None, "other_names": ["g"]},
        }
    ]


def test_arguments_that_are_no_text_are_written_as_json() -> None:
    got = message_of(
        {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": {"x": 1}}}]}
    )
    assert got["tool_calls"][0]["function"]["arguments"] == '{"x": 1}'


def test_what_a_call_holds_besides_is_kept_where_it_stood() -> None:
    got = message_of(
        {"tool_calls": [{"index": 0, "id": "a", "y": "b", "function": {"name": "f", "x": "ha"}}]},
        {"tool_calls": [{"index": 0, "y": "b", "function": {"x": "ha"}}]},
        {"tool_calls": [{"index": 0, "function": "odd"}]},
    )
    assert got["tool_calls"] == [
        {
            "id": "a",
            "type": "function",
            "y": "bb",
            "other_function": ["odd"],
            "function": {"name": "f", "arguments": None, "x": "haha"},
        }
    ]


def test_a_custom_call_is_one_unless_it_has_a_function() -> None:
    got = message_of(
        {"tool_calls": [{"index": 0, "id": "a", "custom": {"name": "c", "input": "x"}}]},
        {"tool_calls": [{"index": 0, "custom": {"input": "y"}}]},
        {
            "tool_calls": [
                {"index": 1, "id": "b", "custom": None, "function": {"name": "f", "arguments": "{}"}}
            ]
        },
    )
    assert got["tool_calls"] == [
        {"id": "a", "type": "custom", "custom": {"name": "c", "input": "xy"}},
        {"id": "b", "type": "function", "function": {"name": "f", "arguments": "{}"}},
    ]


def test_a_call_goes_on_under_its_index_whether_or_not_it_repeats_its_id() -> None:
    assert calls_of(
        [call(0, id="a", name="f", arguments="{")], [call(0, id="a", arguments="1")], [call(0, arguments="}")]
    ) == [("a", "f", "{1}")]
    assert calls_of(
        [call(None, id="a", name="f", arguments="{")],
        [call(None, id="b", name="g", arguments="{")],
        [call(None, id="a", arguments="}")],
        [call(None, id="b", arguments="}")],
    ) == [("a", "f", "{}"), ("b", "g", "{}")]
    assert calls_of([call(None, name="f", arguments="{")], [call(None, arguments="}")]) == [(None, "f", "{}")]


def test_the_last_finish_reason_that_is_no_text_counts() -> None:
    assert choice_of({"finish_reason": 1}, {"finish_reason": "stop"}, {"finish_reason": [2]})[
        "finish_reason"
    ] == [2]
    assert choice_of({"delta": {"content": "a"}, "finish_reason": ""})["finish_reason"] == ""
    assert choice_of({"delta": {"content": "a"}})["finish_reason"] is None


# --- errors ------------------------------------------------------------------------------------------------------------


def test_an_error_is_kept_with_what_came_beside_it_and_ends_the_stream() -> None:
    event = {
        "error": {"message": "m"},
        "choices": [{"index": 0, "delta": {"content": "b"}}],
        "usage": {"x": 1},
    }
    accumulator, told = fed(chunk(delta(content="a")), event, chunk(delta(content="c")))
    error = accumulator.finish()
    assert isinstance(error, ProviderError)
    assert (error.message, error.status) == ("m", 200)
    assert accumulator.failure == event
    so_far = accumulator.so_far()
    assert isinstance(so_far["choices"], list)
    assert so_far["choices"][0]["message"]["content"] == "ab"  # type: ignore[index,call-overload]
    assert (so_far["usage"], told) == ({"x": 1}, [[(0, "a")], [], []])


def test_what_nobody_could_read_is_told_as_the_splitter_says_it() -> None:
    accumulator = StreamAccumulator()
    assert accumulator.feed(SseEvent("one event is too large", "fault")) == []
    error = accumulator.finish()
    assert isinstance(error, ProviderError)
    assert error.status == 200
    assert (error.code, error.message, error.retryable) == (
        "malformed_stream",
        "one event is too large",
        False,
    )


def test_an_event_is_an_error_by_its_name_by_its_error_or_by_what_it_calls_itself() -> None:
    def failed(event: Any, name: str = "message") -> bool:
        accumulator, _ = fed(event, name=name)
        accumulator.feed(SseEvent("[DONE]"))
        return isinstance(accumulator.finish(), ProviderError)

    assert failed({"message": "m"}, "error")
    assert failed({"error": {"message": "m"}})
    assert failed({"object": "error", "message": "m"})
    assert failed("text")
    assert not failed({"usage": {"total_tokens": 1}})
    assert not failed({"error": None})
    assert not failed(chunk(object="error"))


def test_empty_events_say_nothing() -> None:
    accumulator = StreamAccumulator()
    assert accumulator.feed(SseEvent(" \n")) == []
    accumulator.feed(SseEvent(json.dumps(chunk(delta(content="a", finish="stop")))))
    assert not isinstance(accumulator.finish(), ProviderError)


def test_a_stream_without_a_failure_has_none() -> None:
    accumulator, _ = fed(chunk(delta(content="a", finish="stop")))
    assert accumulator.failure is None


def test_a_cut_stream_says_how_much_had_come() -> None:
    error = failure(stream(chunk(delta(content="Hello")), chunk(delta(1, content="you")), done=False))
    assert error.message == "The stream ended without a finish_reason or [DONE], after 8 characters of text."
