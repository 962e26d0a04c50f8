"""What an answer holds besides its text: all of it is kept, whole and streamed, whatever the outcome."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.wire.classify import read_reply
from runner.wire.reply import Answer, Outcome, Reply

LOGPROBS = {"content": [{"token": "a", "logprob": -0.125, "bytes": None, "top_logprobs": []}]}
CITATION = {"type": "url_citation", "url_citation": {"url": "https://example.org/a"}}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}


def whole(*choices: dict[str, Any], **beside: Any) -> bytes:
    return json.dumps({"id": "c", "choices": list(choices), **beside}).encode()


def choice(content: Any = "hi", finish: str = "stop", beside: Any = None, **message: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": content, **message}
    return {"index": 0, "finish_reason": finish, "message": said, **(beside or {})}


def events(*chunks: Any) -> bytes:
    return (
        b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"
    )


def delta(finish: str | None = None, index: int = 0, beside: Any = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": fields, "finish_reason": finish, **(beside or {})}]}


def read(body: bytes, status: int = 200, **request: Any) -> Reply:
    return read_reply(status, {}, body, request=request)


def one(body: bytes, **request: Any) -> Answer:
    (answer,) = read(body, **request).answers
    return answer


# --- by name --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        {"reasoning_content": "thought"},
        {"reasoning": "thought"},
        {"reasoning_details": [{"type": "reasoning.text", "text": "thou"}, {"type": "x", "summary": "ght"}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "thought"}]}, {"type": "text", "text": "hi"}]},
        {"content": [{"type": "think", "think": "thought"}, {"type": "text", "text": "hi"}]},
    ],
)  # fmt: skip
@pytest.mark.parametrize("finish", ["stop", "length", "content_filter", "abort", "wandered_off", "refusal"])
def test_reasoning_is_kept_wherever_it_stands_and_however_it_ended(message: Any, finish: str) -> None:
    said = {"content": "hi", **message}
    assert one(whole(choice(finish=finish, **said))).reasoning == "thought"
    assert one(events(delta(finish, **said))).reasoning == "thought"


def test_reasoning_without_a_text_is_kept() -> None:
    answer = one(whole(choice(None, reasoning="thought")))
    assert (answer.outcome, answer.reasoning, answer.detail) == (
        Outcome.EMPTY,
        "thought",
        "The answer has reasoning, but no text.",
    )


def test_pieces_of_reasoning_are_joined() -> None:
    got = one(events(delta(reasoning="thou"), delta(reasoning="ght"), delta("stop", content="hi")))
    assert (got.reasoning, got.text, got.extra) == ("thought", "hi", None)


def test_details_of_reasoning_are_joined_by_their_index() -> None:
    chunks = [
        delta(reasoning="t", reasoning_details=[{"type": "reasoning.text", "index": 0, "text": piece}])
        for piece in ("tho", "ught")
    ]
    last = delta(
        "stop", content="hi", reasoning_details=[{"type": "reasoning.encrypted", "index": 1, "data": "x"}]
    )
    extra = one(events(*chunks, last)).extra
    assert extra == {
        "message": {
            "reasoning_details": [
                {"type": "reasoning.text", "index": 0, "text": "thought"},
                {"type": "reasoning.encrypted", "index": 1, "data": "x"},
            ]
        }
    }


def test_two_reasonings_that_differ_are_both_kept() -> None:
    answer = one(whole(choice(reasoning_content="one", reasoning="two")))
    assert (answer.reasoning, answer.extra) == ("one", {"message": {"reasoning": "two"}})


def test_logprobs_are_kept_and_two_equal_tokens_of_a_stream_stay_two() -> None:
    assert one(whole(choice(beside={"logprobs": LOGPROBS}))).logprobs == LOGPROBS
    got = one(events(*(delta(content="a", beside={"logprobs": LOGPROBS}) for _ in range(2)), delta("stop")))
    assert got.logprobs == {"content": LOGPROBS["content"] * 2}


def test_annotations_and_lists_of_sources_are_kept_as_annotations() -> None:
    beside = {"citations": ["https://example.org/a"], "search_results": [{"title": "A"}]}
    sources = [
        {"type": "citations", "citations": ["https://example.org/a"]},
        {"type": "search_results", "search_results": [{"title": "A"}]},
    ]
    assert one(whole(choice(annotations=[CITATION]), **beside)).annotations == [CITATION, *sources]
    # Perplexity says them again with every chunk.
    chunks = [{**delta(content="a"), **beside}, {**delta("stop", annotations=[CITATION]), **beside}]
    assert one(events(*chunks)).annotations == [CITATION, *sources]


AUDIO = {"id": "a", "data": "QUJD", "transcript": "Paris it is", "expires_at": 1}


def test_the_transcript_of_a_spoken_answer_is_its_text() -> None:
    answer = one(whole(choice(None, audio=AUDIO)), audio={"voice": "alloy", "format": "wav"})
    assert (answer.outcome, answer.text) == (Outcome.OK, "Paris it is")
    assert answer.audio == {**AUDIO, "format": "wav"}


def test_the_transcript_is_parsed_where_json_was_asked_for() -> None:
    answer = one(
        whole(choice(None, audio={**AUDIO, "transcript": '{"a": 1}'})),
        response_format={"type": "json_object"},
    )
    assert answer.output == {"a": 1}


def test_a_written_text_goes_before_the_spoken_one() -> None:
    answer = one(whole(choice("written", audio=AUDIO)))
    assert (answer.text, answer.audio) == ("written", AUDIO)


def test_audio_without_a_transcript_is_empty_and_kept() -> None:
    answer = one(whole(choice(None, audio={"id": "a", "data": "QUJD"})))
    assert (answer.outcome, answer.audio) == (Outcome.EMPTY, {"id": "a", "data": "QUJD"})
    assert answer.detail == "The answer has audio, but no transcript."


@pytest.mark.parametrize(
    "pieces",
    [
        [base64.b64encode(piece).decode() for piece in (b"some", b" sound, i", b"n pieces")],  # padded, each
        ["c29tZSBzb3VuZ", "CwgaW4gcGll", "Y2Vz"],  # one text, cut anywhere
    ],
)
def test_sound_in_pieces_is_one_sound(pieces: list[str]) -> None:
    chunks = [delta(audio={"id": "a", "transcript": word}) for word in ("Paris", " it is")]
    got = one(events(*chunks, *(delta(audio={"data": piece}) for piece in pieces), delta("stop")))
    assert got.audio is not None
    assert isinstance(got.audio, dict)
    assert base64.b64decode(str(got.audio["data"])) == b"some sound, in pieces"
    assert (got.text, got.audio["id"], got.audio["transcript"]) == ("Paris it is", "a", "Paris it is")


# --- the rest -------------------------------------------------------------------------------------------------------


def test_an_answer_without_other_parts_has_none() -> None:
    body = whole(
        choice(refusal=None, annotations=[], audio=None, tool_calls=None, beside={"logprobs": None}),
        object="chat.completion", created=1, model="m", usage={}, system_fingerprint="f", service_tier="flex",
    )  # fmt: skip
    answer = one(body)
    assert answer == Answer(0, Outcome.OK, "hi", finish_reason="stop")


@pytest.mark.parametrize(
    ("body", "extra"),
    [
        (whole(choice("", images=[PICTURE])), {"message": {"images": [PICTURE]}}),
        (whole(choice([{"type": "text", "text": "hi"}, PICTURE])), {"message": {"content": [PICTURE]}}),
        (whole(choice(beside={"native_finish_reason": "STOP"})), {"choice": {"native_finish_reason": "STOP"}}),
        (whole(choice(), provider="Google"), {"completion": {"provider": "Google"}}),
        (whole(choice(refusal="no")), {"message": {"content": "hi"}}),
        (whole(choice(finish="length", refusal="no")), {"message": {"refusal": "no"}}),
        (whole(choice({"odd": 1})), {"message": {"content": [{"odd": 1}]}}),
        (whole({"index": 0, "finish_reason": "stop", "text": "hi"}), {"choice": {"text": "hi"}}),
        (whole(choice(tool_calls="odd")), {"message": {"tool_calls": "odd"}}),
        (
            whole(choice([{"type": "text", "text": "hi", "annotations": [CITATION]}])),
            {"message": {"content": [{"type": "text", "text": "hi", "annotations": [CITATION]}]}},
        ),
    ],
)  # fmt: skip
def test_what_has_no_name_is_kept_as_extra(body: bytes, extra: Any) -> None:
    assert one(body).extra == extra


def test_pictures_of_a_stream_are_kept() -> None:
    got = one(events(delta(content=[PICTURE]), delta(images=[PICTURE]), delta("stop")))
    assert got.extra == {"message": {"content": [PICTURE], "images": [PICTURE]}}


def test_what_stands_beside_the_choices_is_told_once() -> None:
    choices = [{**choice(), "index": index} for index in (1, 0)]
    first, second = read(whole(*choices, provider="Google"), n=2).answers
    assert (first.extra, second.extra) == ({"completion": {"provider": "Google"}}, None)


def test_a_custom_tool_call_is_joined_and_named() -> None:
    call = {"index": 0, "id": "c", "type": "custom", "custom": {"name": "math_exp", "input": "4 "}}
    more = {"index": 0, "custom": {"input": "+ 4"}}
    got = one(
        events(delta(tool_calls=[call]), delta("tool_calls", tool_calls=[more])), tools=[{"type": "custom"}]
    )
    assert got.tool_calls == (
        {"id": "c", "type": "custom", "custom": {"name": "math_exp", "input": "4 + 4"}},
    )
    assert got.detail == "The model called math_exp."


def test_what_a_tool_call_holds_besides_is_kept_in_a_stream_too() -> None:
    signature = {"google": {"thought_signature": "abc"}}
    call = {"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}, "extra_content": signature}
    got = one(events(delta("tool_calls", tool_calls=[call])))
    assert got.tool_calls[0]["extra_content"] == signature


# --- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        events(delta(content="The first "), delta(content="half"), {"error": {"message": "m", "code": 502}}),
        events(delta(content="The first half"), "odd"),
        b'data: {"choices":[{"index":0,"delta":{"content":"The first half"}}]}\n\n',
        whole(choice("The first half"), error={"message": "m", "code": 502}),
    ],
)
def test_what_had_come_before_an_error_is_kept(body: bytes) -> None:
    reply = read(body)
    assert reply.error is not None
    assert reply.partial is not None
    assert reply.partial.text == "The first half"


def test_the_usage_of_an_answer_that_broke_off_is_kept() -> None:
    reply = read(events(delta(content="a"), {"error": {"message": "m"}, "usage": {"total_tokens": 7}}))
    assert reply.usage == {"total_tokens": 7}


@pytest.mark.parametrize(
    ("body", "extra"),
    [
        (b'{"output": "the text"}', {"completion": {"output": "the text"}}),
        (b"the text", {"completion": {"body": "the text"}}),
        (b'["the text", 1]', {"completion": {"body": ["the text", 1]}}),
    ],
)
def test_a_paid_body_that_nobody_understands_is_kept(body: bytes, extra: Any) -> None:
    reply = read(body)
    assert reply.error is not None
    assert reply.partial is not None
    assert reply.partial.extra == extra


def test_choices_beyond_those_asked_for_are_one_error_and_kept() -> None:
    reply = read(whole(choice("a"), choice("b"), choice("c")), n=2)
    assert reply.error is not None
    assert (reply.answers, reply.error.code, reply.error.retryable) == ((), "surplus_choices", False)
    assert reply.partial is not None
    assert reply.partial.text == "a"
    assert [each["message"]["content"] for each in (reply.partial.extra or {})["choices"]] == ["b", "c"]  # type: ignore[index, union-attr, call-overload]


@pytest.mark.slow
def test_many_choices_beyond_those_asked_for_are_kept_within_bounds() -> None:
    reply = read(events(*(delta("stop", index, content="x" * 1000) for index in range(5000))))
    assert reply.error is not None
    assert reply.partial is not None
    assert len(json.dumps(reply.partial.extra)) < 1_100_000
    assert "too long to store" in reply.error.message


# --- nothing is lost ------------------------------------------------------------------------------------------------

NAMES = [
    *("content", "refusal", "reasoning", "reasoning_content", "reasoning_details", "thinking", "annotations"),
    *("audio", "images", "citations", "search_results", "tool_calls", "function_call", "extra_content", "odd"),
    *("text", "transcript", "data", "function", "custom", "name", "input", "arguments", "summary", "url"),
]  # fmt: skip


KINDS = st.sampled_from(["text", "thinking", "image_url", "refusal", "function", "custom", "odd"])
SHAPES = st.recursive(
    st.just(""),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES), inner, min_size=1, max_size=3)
        | st.tuples(KINDS, st.sampled_from(NAMES), inner).map(
            lambda part: {"type": part[0], part[1]: part[2]}
        )
    ),
    max_leaves=5,
)
FIELDS = st.dictionaries(st.sampled_from(NAMES), SHAPES, max_size=3)


def marked(value: Any, numbers: Iterator[int]) -> Any:
    """`value` with another text in each of its empty ones, so that each can be looked for."""
    if isinstance(value, dict):
        return {key: marked(item, numbers) if key != "type" else item for key, item in value.items()}
    if isinstance(value, list):
        return [marked(item, numbers) for item in value]
    return f"mark{next(numbers)}k" if value == "" else value


def strings(value: Any) -> set[str]:
    if isinstance(value, str):
        return {value} if value.startswith("mark") else set()
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return set().union(*map(strings, items))


def told(reply: Reply) -> str:
    return json.dumps([reply.answers, reply.partial, reply.usage, reply.served_model], default=str)


ENDS = st.sampled_from(["stop", "length", "content_filter", "tool_calls", "abort", "wandered_off", None])


@settings(max_examples=60)
@given(FIELDS, FIELDS, FIELDS, FIELDS, ENDS)
def test_nothing_of_an_answer_is_lost(
    message: Any, beside: Any, completion: Any, logprobs: Any, finish: Any
) -> None:
    one_choice = {**beside, "message": message, "finish_reason": finish, "logprobs": logprobs}
    body = marked({**completion, "choices": [one_choice]}, count())
    reply = read(json.dumps(body).encode())
    assert not {mark for mark in strings(body) if mark not in told(reply)}


@settings(max_examples=60)
@given(st.lists(FIELDS, min_size=1, max_size=4), ENDS)
def test_nothing_of_a_stream_is_lost(shapes: Any, finish: Any) -> None:
    deltas = marked(shapes, count())
    chunks = [{"choices": [{"index": 0, "delta": each, "finish_reason": None}]} for each in deltas]
    reply = read(events(*chunks, {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}))
    assert not {mark for mark in strings(deltas) if mark not in told(reply)}
