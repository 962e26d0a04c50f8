"""The operations that only assertions use: whatever the server sends is a result or an error."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.apis import OPERATIONS
from runner.wire.dialect import dialect_of
from runner.wire.reply import Outcome, Reply
from tests import conformance

SCORES = {"hate": 0.1, "violence": 0.9}
RESULT = {"flagged": True, "categories": {"hate": False, "violence": True}, "category_scores": SCORES}


def read(name: str, payload: object, status: int = 200) -> Reply:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return dialect_of(name).read_reply(status, {}, body, request={"model": "m"})


def test_a_moderation_says_what_applies_and_how_much() -> None:
    [answer] = read("moderations", {"model": "m-1", "results": [RESULT]}).answers
    assert answer.outcome is Outcome.OK
    assert answer.output == {"flagged": True, "categories": ["violence"], "scores": SCORES}


@pytest.mark.parametrize(
    "results",
    [
        [],
        [RESULT, RESULT],
        None,
        [{**RESULT, "flagged": "yes"}],
        [{**RESULT, "flagged": None}],
        [{**RESULT, "categories": ["violence"]}],
        [{**RESULT, "category_scores": {"hate": "high"}}],
        [{**RESULT, "category_scores": {"hate": True}}],
        ["fine"],
    ],
)
def test_a_moderation_without_one_clear_result_is_an_error(results: Any) -> None:
    reply = read("moderations", {"results": results})
    assert reply.error is not None
    assert reply.error.code == "malformed_response"


def test_embeddings_come_as_numbers_or_as_base64_and_in_the_order_of_the_texts() -> None:
    packed = base64.b64encode(struct.pack("<2f", 0.5, -1.0)).decode()
    data = [{"index": 1, "embedding": packed}, {"index": 0, "embedding": [1, 0.25]}]
    usage = {"prompt_tokens": 3, "total_tokens": 3}
    reply = read("embeddings", {"data": data, "model": "e-1", "usage": usage})
    assert reply.answers[0].output == {"vectors": [[1, 0.25], [0.5, -1.0]]}
    assert reply.usage == {**usage, "completion_tokens": 0}
    assert reply.served_model == "e-1"


def test_the_list_of_embeddings_alone_is_read_too() -> None:
    data = [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [2.0]}]
    assert read("embeddings", data).answers == read("embeddings", {"data": data}).answers


RECORDED = {path.stem: path for path in conformance.recorded("wire/native/embeddings", ".json")}


@pytest.mark.skipif(not RECORDED, reason="no folder of recordings was given (CONFORMANCE_DATA)")
@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_response_is_read_as_it_is(name: str) -> None:
    record = json.loads(RECORDED[name].read_text(encoding="utf-8"))
    reply = read("embeddings", record["response"], record["status"])
    response = record["response"]
    data = response.get("data") if isinstance(response, dict) else response
    if record["status"] != 200 or not isinstance(data, list):
        assert reply.error is not None
        return
    [answer] = reply.answers
    vectors = [
        list(struct.unpack(f"<{len(raw) // 4}f", raw))
        if isinstance(each["embedding"], str) and (raw := base64.b64decode(each["embedding"]))
        else each["embedding"]
        for each in sorted(data, key=lambda each: each["index"])
    ]
    assert answer.output == {"vectors": vectors}


@pytest.mark.parametrize(
    "data",
    [
        [],
        None,
        [{"embedding": []}],
        [{"embedding": [0.0, 0.0]}],
        [{"embedding": [1.0]}, {"embedding": [1.0, 2.0]}],
        [{"embedding": ["1"]}],
        [{"embedding": [True]}],
        [{"embedding": "!"}],
        [{"embedding": "AAA="}],
        [{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [1]}],
        [{"index": 7, "embedding": [1]}],
        ["x"],
        [{}],
    ],
)
def test_embeddings_without_usable_vectors_are_an_error(data: Any) -> None:
    reply = read("embeddings", {"data": data})
    assert reply.error is not None
    assert not reply.answers


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_error_of_the_server_is_an_error(name: str) -> None:
    reply = read(name, {"error": {"message": "no such route"}}, 404)
    assert reply.error is not None
    assert (reply.error.status, reply.error.retryable) == (404, False)
    assert read(name, b"<html>", 200).error is not None
    assert read(name, {"error": {"message": "overloaded"}}, 503).error.retryable  # type: ignore[union-attr]


@given(
    st.sampled_from(sorted(OPERATIONS)),
    st.binary(max_size=200) | st.text(max_size=50).map(json.dumps).map(str.encode),
)
def test_no_response_raises(name: str, body: bytes) -> None:
    reply = read(name, body)
    assert reply.error is not None or reply.answers
