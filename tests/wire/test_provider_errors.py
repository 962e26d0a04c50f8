"""One error out of every shape. Bodies marked (r) are recorded ones, the others follow the servers' documentation."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.wire.error_rules import Asked
from runner.wire.provider_errors import read_error
from runner.wire.reply import ProviderError


def error_of(status: int, payload: Any, **headers: str) -> ProviderError:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return read_error(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


SHAPES: dict[str, tuple[int, Any, str, str]] = {
    "openai": (400, {"error": {"message": "Bad.", "type": "t", "param": "seed", "code": "unsupported_value"}}, "unsupported_value", "Bad."),
    "openai without code (r)": (400, {"error": {"message": "Bad.", "type": "t", "param": None, "code": None}}, "400", "Bad."),
    "azure (r)": (401, {"error": {"code": "401", "message": "Bad."}}, "401", "Bad."),
    "openrouter (r)": (429, {"error": {"code": 429, "message": "Provider returned error", "metadata": {"provider_name": "G", "raw": "slow"}}, "user_id": "u"}, "429", "Provider returned error: slow"),
    "openrouter, upstream's JSON": (429, {"error": {"code": 429, "message": "P", "metadata": {"raw": '{"error":{"message":"deep"}}'}}}, "429", "P: deep"),
    "openrouter, upstream only": (502, {"error": {"code": 502, "metadata": {"raw": "deep"}}}, "502", "deep"),
    "groq (r)": (400, {"error": {"message": "Bad.", "type": "t", "code": "json_validate_failed", "failed_generation": "x"}}, "json_validate_failed", "Bad."),
    "anthropic (r)": (404, {"type": "error", "error": {"type": "not_found_error", "message": "Bad."}, "request_id": "r"}, "404", "Bad."),
    "lm studio": (400, {"error": "Bad."}, "400", "Bad."),
    "lm studio, JSON in text": (400, {"error": '{"error":{"message":"Bad."}}'}, "400", "Bad."),
    "vllm, flat": (400, {"object": "error", "message": "Bad.", "type": "BadRequestError", "param": None, "code": 400}, "400", "Bad."),
    "llama.cpp": (400, {"error": {"code": 400, "message": "Bad.", "type": "exceed_context_size_error", "n_ctx": 5}}, "400", "Bad."),
    "mistral (r)": (401, {"detail": "Invalid API Key"}, "401", "Invalid API Key"),
    "mistral, 422": (422, {"object": "error", "message": {"detail": [{"loc": ["body", "n"], "msg": "Bad."}]}, "type": "invalid"}, "422", "body.n: Bad."),
    "fastapi": (422, {"detail": [{"loc": ["body", "messages", 0], "msg": "Field required", "type": "missing"}]}, "422", "body.messages.0: Field required"),
    "bedrock": (400, {"message": "Bad."}, "400", "Bad."),
    "databricks": (400, {"error_code": "BAD_REQUEST", "message": "Bad."}, "BAD_REQUEST", "Bad."),
    "gemini, in a list": (400, [{"error": {"code": 400, "message": "Bad.", "status": "INVALID_ARGUMENT"}}], "400", "Bad."),
    "gateway": (400, {"errors": [{"message": "Bad."}]}, "400", "Bad."),
    "z.ai": (429, {"error": {"code": "1302", "message": "Bad."}}, "1302", "Bad."),
    "new-api": (503, {"error": {"message": "No channel", "type": "new_api_error", "param": "", "code": None}}, "503", "No channel"),
    "unknown object": (500, {"a": 1}, "500", "HTTP 500 with an error without a message"),
    "null": (500, None, "500", "HTTP 500 with an error without a message"),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_code_and_message_of_every_shape(name: str) -> None:
    status, payload, code, message = SHAPES[name]
    error = error_of(status, payload)
    assert (error.code, error.message, error.status) == (code, message, status)


def test_type_param_and_request_id_are_kept() -> None:
    error = error_of(400, SHAPES["openai"][1], x_request_id="req_1")
    assert (error.type, error.param, error.request_id) == ("t", "seed", "req_1")


def test_anthropics_type_is_the_inner_one_and_its_request_id_stands_in_the_body() -> None:
    error = error_of(404, SHAPES["anthropic (r)"][1])
    assert (error.type, error.request_id) == ("not_found_error", "r")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            b"<html><head><title>404 Not\n Found &amp; gone</title></head><body>long</body></html>",
            "404 Not Found & gone",
        ),
        (b"<h1>Bad gateway</h1><hr>nginx", "Bad gateway nginx"),
    ],
)
def test_a_page_is_told_by_its_title(body: bytes, message: str) -> None:
    error = error_of(404, body, content_type="text/html")
    assert error.code == "non_json_body"
    assert error.message == f"HTTP 404 with an HTML page instead of JSON: {message}"
    assert "base_url" in (error.hint or "")


def test_a_gateways_page_is_retryable_and_does_not_blame_base_url() -> None:
    error = error_of(502, b"<html><title>Bad Gateway</title></html>")
    assert error.retryable
    assert "base_url" not in (error.hint or "")


def test_plain_text_is_told_with_its_content_type() -> None:
    error = error_of(500, b"upstream connect error", content_type="text/plain")
    assert "text/plain" in error.message
    assert "upstream connect error" in error.message


def test_an_empty_body_is_told() -> None:
    error = error_of(502, b"")
    assert (error.code, error.message, error.retryable) == ("502", "HTTP 502 with an empty body", True)


@pytest.mark.parametrize(
    "body",
    [
        b"<p>" + b"word " * 100_000,
        b"word " * 100_000,
        json.dumps({"error": "word " * 100_000}).encode(),
        b"<" * 100_000,
    ],
)
def test_messages_are_short(body: bytes) -> None:
    assert len(error_of(500, body).message) <= 500


@pytest.mark.parametrize(
    "body", [b"key sk-proj-abcdef1234567890abcd", b'{"error":"key sk-proj-abcdef1234567890abcd"}']
)
def test_keys_are_masked(body: bytes) -> None:
    error = error_of(401, body)
    assert "abcdef1234567890" not in error.message
    assert "key [key]" in error.message


RETRIES = [
    (400, {}, {}, False),
    (401, {}, {}, False),
    (402, {}, {}, False),
    (403, {}, {}, False),
    (404, {}, {}, False),
    (408, {}, {}, True),
    (409, {}, {}, True),
    (413, {}, {}, False),
    (422, {}, {}, False),
    (429, {"code": "rate_limit_exceeded", "type": "tokens"}, {}, True),
    (429, {"code": "slow_down"}, {}, True),
    (429, {"code": "insufficient_quota", "type": "insufficient_quota"}, {}, False),
    (429, {"code": None, "type": "insufficient_quota"}, {}, False),
    (429, {"code": "billing_hard_limit_reached"}, {"x-should-retry": "true"}, False),
    (429, {"message": "Request too large for gpt-4o: Limit 1, Requested 2"}, {}, False),
    (429, {}, {"x-should-retry": "false"}, False),
    (400, {}, {"x-should-retry": "true"}, True),
    (500, {}, {}, True),
    (501, {}, {}, False),
    (502, {}, {}, True),
    (503, {}, {}, True),
    (504, {}, {}, True),
    (520, {}, {}, True),
    (524, {}, {}, True),
    (529, {}, {}, True),
    (301, {}, {}, False),
    (200, {"code": 429}, {}, True),
    (200, {"code": "502"}, {}, True),
    (200, {"code": "rate_limit_exceeded"}, {}, True),
    (200, {"type": "overloaded_error"}, {}, True),
    (200, {"code": "insufficient_quota"}, {}, False),
    (200, {"code": 400}, {}, False),
    (200, {}, {}, False),
]


@pytest.mark.parametrize(("status", "fields", "headers", "retryable"), RETRIES)
def test_retryable(status: int, fields: dict[str, Any], headers: dict[str, str], retryable: bool) -> None:
    body = json.dumps({"error": {"message": "m", **fields}}).encode()
    assert read_error(status, headers, body).retryable is retryable


def test_wait_is_told_for_what_may_be_asked_again() -> None:
    assert error_of(429, {"error": "m"}, retry_after="1", retry_after_ms="0").retry_after == 1.0
    assert error_of(429, {"error": "m"}, x_ratelimit_reset_tokens="8.64s").retry_after == 8.64
    assert error_of(401, {"error": "m"}, retry_after="1").retry_after is None


def test_dates_to_wait_for_are_measured_by_the_servers_clock() -> None:
    headers = {"date": "Sun, 06 Nov 1994 08:49:37 GMT", "retry_after": "Sun, 06 Nov 1994 08:50:07 GMT"}
    assert error_of(503, {"error": "m"}, **headers).retry_after == 30.0


@pytest.mark.parametrize(
    ("status", "fields", "word"),
    [
        (401, {}, "api_key_env"),
        (402, {}, "billing"),
        (404, {"code": "model_not_found"}, "model's name"),
        (404, {"message": "Not Found"}, "/v1"),
        (413, {}, "too large"),
        (429, {"code": "insufficient_quota"}, "billing"),
        (429, {"code": "rate_limit_exceeded"}, "--jobs"),
        (429, {"message": "Request too large for gpt-4o"}, "tokens-per-minute"),
        (400, {"code": "context_length_exceeded", "param": "messages"}, "shorten"),
        (301, {}, "redirects"),
        (500, {}, "provider's server"),
        (200, {"message": "Unexpected endpoint or method. (POST /chat/completions)"}, "/v1"),
    ],
)
def test_hints_say_what_to_do(status: int, fields: dict[str, Any], word: str) -> None:
    assert word in (error_of(status, {"error": {"message": "m", **fields}}).hint or "")


def test_unsupported_parameter_is_told_in_the_providers_words() -> None:
    said = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    body = {
        "error": {
            "message": said,
            "type": "invalid_request_error",
            "param": "max_tokens",
            "code": "unsupported_parameter",
        }
    }
    assert error_of(400, body).message == said


SENT = {"model": "m", "messages": [], "max_tokens": 5}


def hint_of(status: int, message: str, *, keyed: bool = True, sent: Any = SENT, **fields: Any) -> str:
    body = json.dumps({"error": {"message": message, **fields}}).encode()
    return read_error(status, {}, body, Asked(sent, keyed)).hint or ""


@pytest.mark.parametrize(
    ("status", "message", "fields", "word"),
    [
        (404, "This model is only supported in v1/responses and not in v1/chat/completions.", {"param": "model"}, "/responses"),
        (404, "This is not a chat model and thus not supported in the v1/chat/completions endpoint.", {}, "not served at"),
        (400, "Function tools with reasoning_effort are not supported for m in /v1/chat/completions. Please use /v1/responses.", {"param": "reasoning_effort"}, "/responses"),
        (400, "The chatCompletion operation does not work with the specified model, gpt-5-codex.", {"code": "OperationNotSupported"}, "not served at"),
        (400, "Unknown model: x", {"code": "unknown_model"}, "model's name"),
        (422, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000", {}, "shorten"),
        (404, "The API deployment for this resource does not exist.", {"code": "DeploymentNotFound"}, "deployment"),
    ],
)  # fmt: skip
def test_a_hint_names_the_address_that_is_meant(status: int, message: str, fields: Any, word: str) -> None:
    hint = hint_of(status, message, **fields)
    assert word in hint
    assert "/v1" not in hint
    assert "as declared" not in hint


def test_tools_that_another_address_serves_are_told_by_what_was_sent() -> None:
    said = "Function tools with reasoning_effort are not supported for m. Please use /v1/responses."
    assert "currently not sent" in hint_of(400, said, sent={**SENT, "tools": []})
    assert "currently not sent" not in hint_of(
        400, said, sent={**SENT, "tools": [], "reasoning_effort": "low"}
    )


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        ("This model's maximum context length is 1048565 tokens. However, you requested 1250025 tokens", {}),
        ("prompt too long; exceeded max context length by 3 tokens", {}),
        ("This endpoint's maximum context length is 5 tokens.", {"code": 400}),
        ("Too much.", {"type": "too_many_prompt_tokens"}),
        ("prompt is too long: 210000 tokens > 200000 maximum", {}),
        ("request (65646 tokens) exceeds the available context size (65536 tokens)", {}),
        ("The input token count (5) exceeds the maximum number of tokens allowed (4).", {}),
        ("Input is too long for requested model.", {}),
        ("Range of input length should be [1, 30720]", {}),
        ("m", {"code": "context_window_exceeded"}),
        ("Please reduce the length of the messages or completion.", {}),
    ],
)
def test_a_request_beyond_the_context_is_told_so(message: str, fields: Any) -> None:
    assert hint_of(400, message, **fields) == (
        "shorten the messages, lower max_tokens, or choose a model with a longer context"
    )
    assert "max_tokens" not in hint_of(400, message, sent={"model": "m"}, **fields)


def test_no_hint_speaks_of_a_field_that_was_not_sent() -> None:
    fields = {"code": "unsupported_parameter", "param": "max_tokens"}
    assert "max_tokens is sent exactly" in hint_of(400, "m", **fields)
    assert hint_of(400, "m", sent={"model": "m"}, **fields) == ""
    assert "messages[0].role is sent" in hint_of(400, "m", param="messages[0].role")


@pytest.mark.parametrize("status", [401, 403, 404])
def test_no_hint_speaks_of_a_key_that_was_not_sent(status: int) -> None:
    hint = hint_of(status, "no such model", keyed=False)
    assert "this key" not in hint
    assert "the key" not in hint.replace("the key's variable", "")


@pytest.mark.parametrize(
    ("status", "message", "fields"),
    [
        (402, "m", {}),
        (429, "m", {"code": "insufficient_quota"}),
        (429, "m", {"type": "insufficient_quota"}),
        (429, "m", {"code": "billing_hard_limit_reached"}),
        (429, "m", {"code": "credit_balance_exhausted"}),
        (429, "m", {"code": "organization_spend_limit_exceeded"}),
        (429, "m", {"code": "project_spend_limit_exceeded"}),
        (429, "m", {"code": "organization_usage_limit_exceeded"}),
        (429, "You exceeded your current quota, please check your plan and billing details.", {}),
        (400, "Your credit balance is too low to access the API.", {"type": "invalid_request_error"}),
        (403, "Your team has either used all available credits or reached its monthly spending limit.", {}),
        (403, "m", {"code": "insufficient_user_quota"}),
        (400, "Access denied, please make sure your account is in good standing.", {"code": "Arrearage"}),
        (429, "账户余额不足", {"code": "1113"}),
        (429, "suspended due to insufficient balance", {"type": "exceeded_current_quota_error"}),
        (200, "insufficient balance", {}),
    ],
)
def test_a_spent_quota_is_known_and_never_asked_again(status: int, message: str, fields: Any) -> None:
    error = error_of(status, {"error": {"message": message, **fields}})
    assert (error.spent, error.retryable) == (True, False)
    assert "billing" in (error.hint or "")


@pytest.mark.parametrize(
    "message",
    [
        "Rate limit reached for m. Please try again in 20s.",
        "You exceeded your current quota, please check your plan and billing details. Please retry in 12.3s.",
        "Quota exceeded for metric: generate_content_requests, limit: 15. Check your plan and billing.",
    ],
)
def test_a_limit_that_comes_back_is_not_spent(message: str) -> None:
    error = error_of(429, {"error": {"message": message}})
    assert (error.spent, error.retryable) == (False, True)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["error", "message", "detail", "code", "type", "metadata", "raw", "errors", "loc", "param"]), inner, max_size=4),
    max_leaves=10,
)  # fmt: skip


@given(json_values, st.sampled_from([200, 301, 400, 429, 500]))
def test_any_json_gives_an_error(payload: Any, status: int) -> None:
    error = error_of(status, payload)
    assert error.message
    assert error.code
