"""The Completions API: what of a request is written or refused, and how its answers are read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runner.files.formats import schema
from runner.files.prompt import OWN_KEYS
from runner.wire.dialect import UntranslatableError, dialect_of
from runner.wire.dialects.completions import REFUSED, SAME, TRANSLATED
from runner.wire.reply import Answer, Reply

COMPLETIONS = dialect_of("completions")
HELLO = {"role": "user", "content": "Once upon"}


def encode(**request: Any) -> Any:
    return COMPLETIONS.encode({"model": "m", "messages": [HELLO], **request})


def read(body: Any, **request: Any) -> Reply:
    return COMPLETIONS.read_reply(200, {}, json.dumps(body).encode(), request=request)


def answer(body: Any, **request: Any) -> Answer:
    return read(body, **request).answers[0]


def stream(*chunks: Any, done: bool = True) -> bytes:
    events = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
    return "".join([*events, *(["data: [DONE]\n\n"] if done else [])]).encode()


def completion(**choice: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}
    whole = {"text": " a time", "index": 0, "logprobs": None, "finish_reason": "stop", **choice}
    return {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1,
        "model": "m-1",
        "choices": [whole],
        "usage": usage,
    }


def test_every_field_of_a_prompt_is_translated_or_refused() -> None:
    assert SAME | TRANSLATED | REFUSED.keys() == schema("prompt")["properties"].keys() - OWN_KEYS
    assert not (SAME | TRANSLATED) & REFUSED.keys()


def test_the_message_is_the_prompt_and_keys_keep_their_order() -> None:
    body = encode(temperature=0, max_completion_tokens=9, logit_bias={"5": 1}, top_k=3, echo=True)
    assert list(body) == ["model", "prompt", "temperature", "max_tokens", "logit_bias", "top_k", "echo"]
    assert (body["prompt"], body["max_tokens"]) == ("Once upon", 9)
    parts = [{"type": "text", "text": "Once "}, {"type": "text", "text": "upon"}]
    assert encode(messages=[{"role": "user", "content": parts, "name": None}])["prompt"] == "Once upon"


@pytest.mark.parametrize(
    ("declared", "sent"),
    [
        ({"logprobs": True}, 1),
        ({"logprobs": True, "top_logprobs": 5}, 5),
        ({"logprobs": True, "top_logprobs": 0}, 0),
        ({"logprobs": False}, None),
        ({"logprobs": None}, None),
    ],
)
def test_the_number_of_logprobs_has_one_key(declared: dict[str, Any], sent: int | None) -> None:
    body = encode(**declared)
    assert body["logprobs"] == sent
    assert "top_logprobs" not in body


@pytest.mark.parametrize(
    ("declared", "path"),
    [
        ({"max_tokens": 1, "max_completion_tokens": 1}, ("max_completion_tokens",)),
        ({"top_logprobs": 2}, ("top_logprobs",)),
        ({"top_logprobs": 2, "logprobs": False}, ("top_logprobs",)),
        ({"messages": [HELLO, HELLO]}, ("messages", 1)),
        ({"messages": [{"role": "system", "content": "x"}]}, ("messages", 0, "role")),
        ({"messages": [{"role": "user", "content": "x", "name": "a"}]}, ("messages", 0, "name")),
        ({"messages": [{"role": "user", "content": None}]}, ("messages", 0, "content")),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]}, ("messages", 0, "content", 0)),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {"type": "e"}}]}]}, ("messages", 0, "content", 0, "cache_control")),
        *(({key: 1}, (key,)) for key in REFUSED),
    ],
)  # fmt: skip
def test_what_has_no_place_is_refused_where_it_stands(
    declared: dict[str, Any], path: tuple[Any, ...]
) -> None:
    with pytest.raises(UntranslatableError) as refused:
        encode(**declared)
    assert refused.value.path == path


def test_a_text_is_an_answer_with_its_usage() -> None:
    found = read(completion())
    assert (found.answers[0].outcome, found.answers[0].text) == ("ok", " a time")
    assert (found.id, found.served_model, (found.usage or {})["total_tokens"]) == ("cmpl-1", "m-1", 5)
    assert found.answers[0].extra is None


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        ("stop", "ok"),
        ("length", "truncated"),
        ("content_filter", "filtered"),
        ("odd", "error"),
    ],
)
def test_the_reason_decides_the_outcome(reason: str | None, outcome: str) -> None:
    assert answer(completion(finish_reason=reason)).outcome == outcome


def test_several_texts_are_several_choices() -> None:
    body = completion()
    body["choices"] = [
        {"text": word, "index": index, "finish_reason": "stop"} for index, word in [(1, "b"), (0, "a")]
    ]
    assert [each.text for each in read(body, n=2).answers] == ["a", "b"]


def test_an_empty_text_is_empty_and_a_schema_is_checked_here() -> None:
    assert answer(completion(text="")).outcome == "empty"
    assert answer(completion(), response_format={"type": "json_object"}).outcome == "unparsable"
    assert answer(completion(text='{"a": 1}'), response_format={"type": "json_object"}).output == {"a": 1}


OLD = {
    "tokens": [" a", " time"],
    "token_logprobs": [-0.5, -0.1],
    "top_logprobs": [{" a": -0.5, " the": -1.5}, None],
    "text_offset": [9, 11],
}
NEW = {
    "content": [
        {"token": " a", "logprob": -0.5, "top_logprobs": [{"token": " a", "logprob": -0.5}, {"token": " the", "logprob": -1.5}]},
        {"token": " time", "logprob": -0.1},
    ],
    "text_offset": [9, 11],
}  # fmt: skip


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (OLD, NEW),
        ({"content": [{"token": "a", "logprob": -1}]}, {"content": [{"token": "a", "logprob": -1}]}),
        ({**OLD, "token_logprobs": [-1]}, {**OLD, "token_logprobs": [-1]}),
        ({"tokens": "x"}, {"tokens": "x"}),
    ],
)
def test_logprobs_have_the_form_of_chat_completions(given: Any, kept: Any) -> None:
    assert answer(completion(logprobs=given)).logprobs == kept


def test_what_has_no_name_in_a_chat_completion_is_kept() -> None:
    assert answer(completion(stop_reason=128001, token_ids=[1])).extra == {
        "choice": {"stop_reason": 128001, "token_ids": [1]}
    }


def test_a_stream_is_joined_with_its_logprobs_and_usage() -> None:
    def piece(text: str, tokens: Any = None, reason: str | None = None) -> dict[str, Any]:
        whole = completion(text=text, logprobs=tokens, finish_reason=reason)
        return {**whole, "usage": None}

    first = {key: value[:1] for key, value in OLD.items()}
    second = {key: value[1:] for key, value in OLD.items()}
    last = {**completion(), "choices": []}
    body = stream(piece(" a", first), piece(" time", second), piece("", None, "length"), last)
    reply = COMPLETIONS.read_reply(200, {"content-type": "text/event-stream"}, body, request={})
    assert (reply.answers[0].text, reply.answers[0].outcome) == (" a time", "truncated")
    assert reply.answers[0].logprobs == NEW
    assert (reply.usage or {})["total_tokens"] == 5


def test_a_stream_that_breaks_off_is_an_error_with_what_came() -> None:
    body = stream(completion(finish_reason=None), done=False)
    reply = COMPLETIONS.read_reply(200, {"content-type": "text/event-stream"}, body, request={})
    assert reply.error is not None
    assert reply.error.code == "stream_cut"
    assert reply.partial is not None
    assert reply.partial.text == " a time"


@pytest.mark.parametrize(
    ("status", "message", "hint"),
    [
        (404, "This is a chat model and not supported in the v1/completions endpoint. Did you mean to use v1/chat/completions?", "`api: chat`"),
        (400, "The completion operation does not work with the specified model, m.", "`api: chat`"),
        (400, "You set prompt wrong.", "prompt is written from messages"),
        (404, "", "/completions is appended"),
    ],
)  # fmt: skip
def test_an_error_has_its_hint(status: int, message: str, hint: str) -> None:
    body = json.dumps({"error": {"message": message, "param": "prompt"}}).encode()
    error = COMPLETIONS.read_reply(status, {}, body, request={"messages": []}).error
    assert error is not None
    assert hint in (error.hint or "")


def test_a_base_model_is_sent_here_from_chat_completions() -> None:
    message = "default chat template is no longer allowed, so you must provide a chat template"
    body = json.dumps({"error": {"message": message}}).encode()
    error = dialect_of("chat").read_reply(400, {}, body, request={}).error
    assert error is not None
    assert "`api: completions`" in (error.hint or "")
