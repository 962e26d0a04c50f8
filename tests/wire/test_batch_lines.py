from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.wire.batch_lines import (
    LineId,
    custom_id,
    mark_of,
    read_custom_id,
    read_result_line,
    reply_of,
    request_line,
)
from runner.wire.dialect import dialect_of
from runner.wire.reply import Outcome, Reply

FINGERPRINT = "sha256:" + "0123456789abcdef" * 4
COMPLETION = {
    "id": "c",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
    "model": "served",
}
MESSAGE = {
    "id": "m",
    "type": "message",
    "role": "assistant",
    "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn",
    "model": "served",
    "usage": {"input_tokens": 3, "output_tokens": 1},
}


def line(**fields: object) -> bytes:
    return json.dumps({"custom_id": "1-" + "a" * 24, **fields}).encode()


def reply(api: str = "chat", **fields: object) -> Reply:
    return reply_of(read_result_line(line(**fields)), dialect_of(api), request={"model": "m"})


def response(status: int = 200, body: object = COMPLETION) -> dict[str, object]:
    return {"status_code": status, "request_id": "req_1", "body": body}


@given(
    st.integers(0, 10**12 - 1),
    st.text("0123456789abcdef", min_size=64, max_size=64),
    st.sampled_from(["sha256:", "v2:sha256:"]),
    st.none() | st.text("0123456789abcdef", min_size=8, max_size=8),
)
def test_a_custom_id_is_read_back_and_is_accepted_by_every_provider(
    place: int, digest: str, version: str, token: str | None
) -> None:
    name = custom_id(place, version + digest, token)
    assert read_custom_id(name) == LineId(place, mark_of(version + digest), token)
    assert len(name) <= 64
    assert name.replace("-", "").isalnum() and name.isascii()


def test_a_plain_custom_id_has_at_most_40_characters() -> None:
    assert len(custom_id(10**12 - 1, FINGERPRINT)) <= 40


@pytest.mark.parametrize(
    "text",
    ["", "request-1", "1-abc", "01-" + "a" * 24, "1-" + "A" * 24, "1-" + "a" * 24 + "-xyz", "-1-" + "a" * 24],
)
def test_a_custom_id_of_someone_else_is_not_read(text: str) -> None:
    assert read_custom_id(text) is None


def test_a_request_line_has_the_body_unchanged() -> None:
    body = b'{"model":"m","x":1e2}'
    assert request_line("1-a", "/v1/chat/completions", body) == (
        b'{"custom_id":"1-a","method":"POST","url":"/v1/chat/completions","body":{"model":"m","x":1e2}}\n'
    )


def test_an_answer_is_read_as_the_same_response_is_read_online() -> None:
    online = dialect_of("chat").read_reply(200, {}, json.dumps(COMPLETION).encode(), request={"model": "m"})
    assert reply(response=response(), error=None) == online
    assert online.answers[0].outcome is Outcome.OK


def test_a_message_of_anthropic_is_read_as_the_same_response_is_read_online() -> None:
    online = dialect_of("messages").read_reply(200, {}, json.dumps(MESSAGE).encode(), request={"model": "m"})
    assert reply("messages", result={"type": "succeeded", "message": MESSAGE}) == online
    assert online.answers[0].text == "Hi"


def test_an_error_response_keeps_its_status_its_message_and_its_request_id() -> None:
    error = reply(response=response(400, {"error": {"message": "too long", "code": "context"}})).error
    assert error is not None
    assert (error.status, error.code, error.message, error.request_id) == (
        400,
        "context",
        "too long",
        "req_1",
    )


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        ({"response": None, "error": {"code": "batch_expired", "message": "late"}}, "batch_expired", "late"),
        ({"error": {"message": "no code"}}, "provider_error", "no code"),
        ({"error": "a text"}, "provider_error", "a text"),
        ({"response": response(), "error": {"code": "x", "message": "y"}}, "x", "y"),
        ({"response": response(500, None), "error": {"code": "x", "message": "y"}}, "x", "y"),
        ({"result": {"type": "expired"}}, "batch_expired", "expired before"),
        ({"result": {"type": "canceled"}}, "batch_canceled", "canceled before"),
        (
            {"result": {"type": "errored", "error": {"type": "error", "error": {"type": "api_error", "message": "z"}}}},
            "api_error",
            "z",
        ),
    ],
)  # fmt: skip
def test_a_request_without_a_response_is_an_error_without_a_status(
    fields: dict[str, Any], code: str, message: str
) -> None:
    error = reply(**fields).error
    assert error is not None
    assert (error.code, error.status) == (code, None)
    assert message in error.message


def test_a_spent_quota_is_recognised_in_a_line() -> None:
    error = reply(response=response(429, {"error": {"code": "insufficient_quota", "message": "no"}})).error
    assert error is not None and error.spent
    error = reply(error={"code": "billing_hard_limit_reached", "message": "no"}).error
    assert error is not None and error.spent


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "Expecting value"),
        (b"[]", "not a JSON object"),
        (b"{}", "no custom_id"),
        (b'{"custom_id": 5}', "no custom_id"),
        (b'{"custom_id": "a"}', "neither a response nor an error"),
        (b'{"custom_id": "a", "response": 5}', "not an object"),
        (b'{"custom_id": "a", "response": {}}', "no status_code"),
        (b'{"custom_id": "a", "response": {"status_code": true}}', "no status_code"),
        (b'{"custom_id": "a", "response": {"status_code": 20}}', "no status_code"),
        (b'{"custom_id": "a", "result": null}', "unknown type"),
        (b'{"custom_id": "a", "result": {"type": "won"}}', "unknown type"),
        (b'{"custom_id": "a", "result": {"type": ["won"]}}', "unknown type"),
        (b"\xff", "UTF-8"),
        (b"[" * 100_000, "nested"),
    ],
)
def test_a_line_that_is_no_result_says_why(text: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_result_line(text)


@given(st.binary(max_size=200) | st.text().map(lambda text: json.dumps({"custom_id": text}).encode()))
def test_reading_a_line_never_fails_in_another_way(text: bytes) -> None:
    try:
        read = read_result_line(text)
    except ValueError:
        return
    reply_of(read, dialect_of("chat"), request={})
