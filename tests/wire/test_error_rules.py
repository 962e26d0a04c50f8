"""The rules about errors: which are retried, which waiting does not resolve, and the exact hint for each."""

from __future__ import annotations

from typing import Any

import pytest

from runner.wire.error_rules import (
    ANYTHING,
    Asked,
    hint_for,
    hint_for_page,
    is_retryable,
    is_spent,
    status_behind,
)

SPENT = [
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "usage_limit_exceeded",
    "exceeded_current_quota_error",
    "insufficient_balance",
    "insufficient_credits",
    "insufficient_credit",
    "insufficient_funds",
    "insufficient_user_quota",
    "pre_consume_token_quota_failed",
    "token_quota_exhausted",
    "quota_exhausted",
    "credits_exhausted",
    "credit_exhausted",
    "out_of_credits",
    "no_credits",
    "billing_error",
    "billing_limit_reached",
    "payment_required",
    "account_balance_insufficient",
    "arrearage",
    "1113",
    "account_overdue",
    "account_overdue_error",
    "budget_exceeded",
]

SPENT_IN_WORDS = [
    "insufficient balance",
    "You have not enough credits left.",
    "no remaining prepaid credits",
    "You are out of funds",
    "exhausted your available credit",
    "used all of the free credits",
    "negative account balance",
    "You exceeded your current quota",
    "You are limited to 1,000 API calls / month",
    "Your credit balance is too low",
    "This request requires more credits",
    "Please purchase more credits",
    "purchase credits",
    "check your plan and billing details",
    "Billing hard limit has been reached",
    "monthly spending cap",
    "monthly included credits",
    "your monthly budget",
    "spend limit reached",
    "spending limit reached",
    "make sure that your account is in good standing",
    "账户余额不足",
    "用户额度不足",
    "账户已欠费",
]

COMES_BACK = [
    "retry in 3s",
    "try again in 20s",
    "limit of 3 requests per minute",
    "5 per second",
    "GenerateRequestsPerMinutePerProject",
    "retryDelay: 30s",
    "Quota exceeded for metric",
]


@pytest.mark.parametrize("word", SPENT)
def test_by_these_words_an_account_has_nothing_left_and_is_not_asked_again(word: str) -> None:
    for code, kind in ((word, None), (word.upper().replace("_", "-"), None), ("429", word)):
        assert is_spent(429, code, kind, "No.")
        assert not is_retryable(429, code, kind, "No.", None)
        assert "billing page" in (hint_for(429, code, kind, "No.", None) or "")


@pytest.mark.parametrize("message", SPENT_IN_WORDS)
def test_by_these_sentences_it_has_nothing_left_either(message: str) -> None:
    assert is_spent(429, "429", None, message)
    assert is_spent(499, "499", None, message)
    assert not is_spent(500, "500", None, message)  # a server that broke down may quote anything


@pytest.mark.parametrize("message", COMES_BACK)
def test_a_limit_that_comes_back_is_none_of_money(message: str) -> None:
    assert not is_spent(429, "429", None, f"Check your plan and billing details. {message}")


@pytest.mark.parametrize(("status", "spent"), [(402, True), (401, False), (403, False), (429, False)])
def test_payment_required_is_a_status_of_its_own(status: int, spent: bool) -> None:
    assert is_spent(status, str(status), None, "No.") is spent


def test_these_statuses_are_asked_again_and_no_others() -> None:
    again = [status for status in range(100, 600) if is_retryable(status, "x", None, "No.", None)]
    assert again == [408, 409, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529]


@pytest.mark.parametrize(
    ("status", "header", "again"),
    [(400, "true", True), (500, "false", False), (500, "maybe", True), (400, "", False), (400, None, False)],
)
def test_the_servers_own_word_counts_where_it_is_one(status: int, header: str | None, again: bool) -> None:
    assert is_retryable(status, "x", None, "No.", header) is again


def test_the_servers_word_restores_no_credit_and_shortens_no_request() -> None:
    assert not is_retryable(429, "insufficient_quota", None, "No.", "true")
    assert not is_retryable(429, "x", None, "Request too large for gpt-test", "true")
    assert "exceeds the account's tokens-per-minute limit" in str(
        hint_for(429, "x", None, "Request too large for gpt-test", None)
    )


NAMES = {
    "invalid_api_key": 401,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "timeout": 408,
    "request_too_large": 413,
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "too_many_requests": 429,
    "slow_down": 429,
    "server_error": 500,
    "internal_error": 500,
    "internal_server_error": 500,
    "api_error": 500,
    "network_error": 502,
    "server_is_overloaded": 503,
    "service_unavailable": 503,
    "overloaded_error": 529,
    "418": 418,
    "599": 599,
}


@pytest.mark.parametrize("name", NAMES)
def test_an_error_within_a_200_amounts_to_the_status_that_its_code_or_type_stands_for(name: str) -> None:
    for status in (200, 299):
        assert status_behind(status, name, None) == NAMES[name]
        assert status_behind(status, "another", name) == NAMES[name]
    assert status_behind(199, name, None) == 199
    assert status_behind(300, name, None) == 300


@pytest.mark.parametrize("name", [None, "", "another", "200", "399", "600", "4040", "40"])
def test_a_name_that_stands_for_no_status_leaves_it(name: str | None) -> None:
    assert status_behind(200, name, name) == 200


def test_the_code_goes_before_the_type() -> None:
    assert status_behind(200, "slow_down", "server_error") == 429


NO_KEY = Asked({}, keyed=False)
SENT = Asked({"seed": 1, "tools": [], "max_tokens": 5})
HINTS: list[tuple[int, dict[str, Any], str | None]] = [
    (401, {}, "check the key: it is read from the variable in api_key_env"),
    (401, {"asked": NO_KEY}, "no key was sent: set api_key_env"),
    (403, {}, "the key was sent, but is not allowed to do this"),
    (403, {"asked": NO_KEY}, "no key was sent: the server may require one"),
    (404, {}, "check base_url"),
    (404, {"asked": NO_KEY}, "check base_url"),
    (404, {"code": "model_not_found"}, "check the model's name, and that this key may use it"),
    (404, {"message": "The Model x"}, "check the model's name, and that this key may use it"),
    (404, {"message": "The Model x", "asked": NO_KEY}, "check the model's name"),
    (400, {"message": "Unexpected endpoint or method."}, "check base_url"),
    (404, {"code": "DeploymentNotFound"}, "on Azure use the name of a deployment"),
    (400, {"message": "The API deployment x does not exist."}, "on Azure"),
    (404, {"message": "deployment for this resource not found"}, "on Azure"),
    (403, {"code": "DeploymentNotFound"}, "the key was sent"),
    (400, {"param": "seed"}, "seed is sent exactly as declared"),
    (
        400,
        {"param": "response_format", "asked": Asked({"response_format": {}})},
        "response_format is sent exactly as declared: change or remove it in the prompt file; `runner check`",
    ),
    (422, {"param": "seed", "asked": SENT}, "seed is sent exactly as declared"),
    (422, {"param": "top_p", "asked": SENT}, None),
    (400, {"param": "messages[0].role", "asked": SENT}, "messages[0].role is sent exactly as declared"),
    (429, {"param": "seed"}, "lower --jobs, or set rpm and tpm"),
    (400, {}, None),
    (408, {}, "the server timed out"),
    (413, {}, "the request is too large for the server"),
    (301, {}, "the server redirects, and redirects are not followed: check base_url"),
    (300, {}, "the server redirects"),
    (399, {}, "the server redirects"),
    (500, {}, "the provider's server failed"),
    (503, {}, "the provider is overloaded"),
    (504, {}, "a proxy timed out"),
    (529, {}, "the provider is overloaded"),
    (599, {}, "the provider's server failed"),
    (418, {}, None),
]


def hint(status: int, message: str = "No.", **known: Any) -> str | None:
    asked = known.get("asked") or ANYTHING
    if known.get("param") == "seed" and asked is ANYTHING:
        asked = SENT
    return hint_for(status, known.get("code", "x"), known.get("kind"), message, known.get("param"), asked)


@pytest.mark.parametrize(("status", "known", "told"), HINTS, ids=str)
def test_a_person_is_told_what_to_do(status: int, known: dict[str, Any], told: str | None) -> None:
    said = hint(status, **known)
    assert said is None if told is None else (said or "").startswith(told)


def test_only_a_schema_is_checked_by_runner_check() -> None:
    assert hint(400, param="seed", asked=SENT) == (
        "seed is sent exactly as declared: change or remove it in the prompt file"
    )


def test_without_a_key_a_models_name_is_all_there_is_to_check() -> None:
    said = hint(404, "The model x", asked=NO_KEY)
    assert said == "check the model's name; `runner models` lists those that the endpoint offers"


@pytest.mark.parametrize("code", ["model_not_found", "ModelNotFound", "unknown_model"])
def test_a_model_that_is_not_there_is_one_under_any_status(code: str) -> None:
    assert (hint(400, code=code) or "").startswith("check the model's name")


@pytest.mark.parametrize("status", [299, 499])
def test_a_status_that_says_nothing_of_itself_has_no_hint(status: int) -> None:
    assert hint(status) is None


TOO_LONG = [
    "This model's maximum context length is 4096 tokens",
    "context_window exceeded",
    "exceeds the context size",
    "context limit",
    "prompt is too long: 9 tokens",
    "input too long",
    "messages are too long",
    "the conversation was too long",
    "too_many_prompt_tokens",
    "too many input tokens",
    "too many tokens",
    "Please reduce the length of the messages",
    "reduce your prompt",
    "The input token count (9) exceeds the maximum",
    "prompt tokens are larger than allowed",
    "exceeds the maximum number of tokens",
    "Range of input length should be [1, 6000]",
    "maximum number of input tokens",
    "max_model_len is 9",
    "maximum prompt length",
    "n_ctx 5",
]


@pytest.mark.parametrize("message", TOO_LONG)
@pytest.mark.parametrize("status", [200, 400, 413, 422, 500])
def test_a_prompt_that_is_too_long_for_the_model_is_told_as_one(status: int, message: str) -> None:
    assert hint(status, message) == "shorten the messages, or choose a model with a longer context"


def test_the_limit_that_was_sent_is_named_where_a_prompt_is_too_long() -> None:
    for name in ("max_completion_tokens", "max_tokens"):
        assert hint(400, "context length", asked=Asked({name: 5})) == (
            f"shorten the messages, lower {name}, or choose a model with a longer context"
        )
    assert "longer context" not in (hint(429, "context length") or "")


TOOLS = "this model accepts tools at /chat/completions only with reasoning_effort: none, if at all"


@pytest.mark.parametrize(
    ("message", "asked", "told"),
    [
        ("This is not a chat model", ANYTHING, "this model is not served at /chat/completions"),
        ("only supported in v1/responses", ANYTHING, "the provider serves this at /responses only"),
        ("use the Responses API", ANYTHING, "the provider serves this at /responses only"),
        ("Function tools: use /v1/responses", ANYTHING, f"{TOOLS}: declare that"),
        ("Function tools: use /v1/responses", Asked({"tools": []}), f"{TOOLS} (currently not sent): declare"),
        (
            "Function tools: use /v1/responses",
            Asked({"tools": [], "reasoning_effort": "low"}),
            f"{TOOLS}: declare",
        ),
        ("Function tools: use /v1/responses", Asked({}), "the provider serves this at /responses only"),
        ("use /v1/responses", Asked({"tools": []}), "the provider serves this at /responses only"),
    ],
)
@pytest.mark.parametrize("status", [400, 404, 422])
def test_what_is_served_under_another_address_is_told_as_that(
    status: int, message: str, asked: Asked, told: str
) -> None:
    assert (hint(status, message, asked=asked) or "").startswith(told)


def test_another_status_says_nothing_about_the_address() -> None:
    assert hint(403, "use /v1/responses") == hint(403)


@pytest.mark.parametrize(
    ("name", "sent"),
    [("seed", True), ("messages", True), ("messages[0].content", True), ("top_p", False), ("", False)],
)
def test_no_hint_speaks_of_what_was_not_sent(name: str, sent: bool) -> None:
    assert SENT.sent(name) is sent
    assert not ANYTHING.sent(name)


def test_a_page_in_the_place_of_json_is_another_address_unless_a_gateway_failed() -> None:
    assert (hint_for_page(404) or "").startswith("check base_url")
    assert (hint_for_page(200) or "").startswith("check base_url")
    assert (hint_for_page(499) or "").startswith("check base_url")
    assert hint_for_page(500) == "the provider's server failed: try again later"
    assert (hint_for_page(504) or "").startswith("a proxy timed out")


CHAT_ONLY = "This is a chat model: use v1/chat/completions."
NO_TEMPLATE = "The tokenizer does not have a chat template."


@pytest.mark.parametrize(
    ("status", "message", "path", "api"),
    [
        *((status, CHAT_ONLY, "completions", "chat") for status in (400, 404, 422)),
        *((status, NO_TEMPLATE, "chat/completions", "completions") for status in (400, 422)),
    ],
)
def test_a_model_of_the_other_completions_api_is_named(
    status: int, message: str, path: str, api: str
) -> None:
    assert f"set `api: {api}` for the endpoint" in (hint(status, message, asked=Asked({}, path=path)) or "")


@pytest.mark.parametrize(
    ("status", "message", "path"),
    [
        *((status, CHAT_ONLY, "completions") for status in (399, 401, 403, 405, 421, 423, 500)),
        (400, CHAT_ONLY, "responses"),
        (400, "No.", "completions"),
        *((status, NO_TEMPLATE, "chat/completions") for status in (399, 401, 404, 421, 423, 500)),
        (400, NO_TEMPLATE, "completions"),
        (400, "No.", "chat/completions"),
    ],
)
def test_other_statuses_paths_and_words_are_not_of_the_other_completions_api(
    status: int, message: str, path: str
) -> None:
    assert "set `api:" not in (hint(status, message, asked=Asked({}, path=path)) or "")


TRACED = {"text.format": ("response_format",), "text.format.schema": ("seed", "tools"), "a": ("x",)}


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("text.format.name", "response_format"),  # the longest known beginning
        ("text.format", "response_format"),
        ("text.format.schema", "tools"),  # the first that was sent
        ("text.format.schema.items", "tools"),
        ("max_tokens", "max_tokens"),
        ("a", None),  # not sent
        ("text", None),
        ("messages[0].role", "messages"),
        ("", None),
    ],
)
def test_a_field_of_the_body_is_traced_to_what_was_declared(name: str, source: str | None) -> None:
    sent = {"response_format": {}, "tools": [], "max_tokens": 5}
    assert Asked(sent, names=TRACED).source(name) == source


def test_a_name_of_one_word_is_traced_too() -> None:
    assert Asked({"max_tokens": 5}, names={"limit": ("max_tokens",)}).source("limit") == "max_tokens"
    assert Asked({"max_tokens": 5}, names={"": ("max_tokens",)}).source("limit") is None


def test_a_parameter_is_read_from_the_beginning_of_the_message_if_it_is_not_given() -> None:
    asked = Asked({"seed": 1, "tools": []}, names={"tool_list": ("tools",)})
    said = "tool_list.0: is not a list"
    assert (hint(400, said, asked=asked) or "").startswith(
        "tool_list.0 is written from tools, which is sent as declared"
    )
    assert (hint(400, said, param="seed", asked=asked) or "").startswith("seed is sent exactly as declared")


def test_a_base_model_is_named_only_where_the_server_names_its_api() -> None:
    other = "This is not a chat model; did you mean v1/completions?"
    assert "for a base model `api: completions`, or choose" in (hint(404, other, asked=Asked({})) or "")
    plain = hint(404, "This is not a chat model.", asked=Asked({})) or ""
    assert plain.endswith("runner.yaml, or choose another model")
