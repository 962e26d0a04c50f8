"""Errors that are verdicts: filters of all providers, and generations that a provider's own check did not let pass."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runner.wire.classify import read_reply
from runner.wire.reply import Outcome, Reply

AZURE = {
    "message": "The response was filtered due to the prompt triggering the content management policy.",
    "type": None,
    "param": "prompt",
    "code": "content_filter",
    "innererror": {
        "code": "ResponsibleAIPolicyViolation",
        "content_filter_result": {"hate": {"filtered": True, "severity": "high"}},
    },
}


def said(message: str = "m", **fields: Any) -> dict[str, Any]:
    return {"error": {"message": message, **fields}}


FILTERS: dict[str, tuple[int, Any]] = {
    "azure": (400, {"error": AZURE}),
    "azure, by the inner code alone": (400, said(innererror={"code": "ResponsibleAIPolicyViolation"})),
    "azure, without choices": (200, {"choices": [], "prompt_filter_results": [{"content_filter_results": {"hate": {"filtered": True}}}]}),
    "openai": (400, said(code="content_policy_violation", type="image_generation_user_error")),
    "openai, a reasoning model": (400, said("Invalid prompt: your prompt was flagged as potentially violating our usage policy.", code="invalid_prompt")),
    "openai, in words": (400, said("Your request was rejected as a result of our safety system.")),
    "openrouter": (403, said("Your chosen model requires moderation and your input was flagged", code=403, metadata={"reasons": ["harassment"], "flagged_input": "bad"})),
    "openrouter, upstream": (400, said("Provider returned error", code=400, metadata={"raw": json.dumps({"error": AZURE})})),
    "deepseek": (400, said("Content Exists Risk", type="invalid_request_error", code="invalid_request_error")),
    "dashscope": (400, said("Input data may contain inappropriate content.", type="data_inspection_failed", code="data_inspection_failed")),
    "dashscope, in words": (400, said("<400> InternalError.Algo.DataInspectionFailed: Input text data may contain inappropriate content.")),
    "zhipu": (400, {"contentFilter": [{"level": 1, "role": "user"}], "error": {"code": "1301", "message": "系统检测到输入或生成内容可能包含不安全或敏感内容"}}),
    "minimax": (200, {"choices": None, "input_sensitive": True, "base_resp": {"status_code": 1026, "status_msg": "input new_sensitive"}}),
    "moonshot": (400, said("The request was rejected because it was considered high risk", type="content_filter")),
    "stepfun": (451, said("The content you provided or machine outputted is blocked.", type="censorship_blocked")),
    "volcengine": (400, said(code="InputTextSensitiveContentDetected", type="BadRequest")),
    "xai": (403, {"code": "The caller does not have permission", "error": "Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO"}),
    "gemini": (200, {"candidates": [], "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}),
    "gemini, other": (200, {"promptFeedback": {"blockReason": "OTHER"}}),
    "bedrock": (400, {"message": "The request was denied: a guardrail intervened."}),
    "litellm": (400, said(type="ContentPolicyViolationError")),
    "litellm, in words": (400, said("litellm.ContentPolicyViolationError: AzureException - filtered", code="400")),
    "a dictionary in words": (400, said("Error code: 400 - {'error': {'message': 'Your input was flagged'}}", code="400")),
    "cloudflare": (400, said("Prompt blocked due to security configurations", code=2016)),
    "mistral": (403, {"object": "error", "message": "Message was flagged", "type": "guardrail_violation"}),
    "a 200 with an error": (200, {"error": AZURE}),
    "a 500 with a clear word": (500, said(code="content_filter")),
    "text": (400, b"Content Exists Risk"),
}  # fmt: skip


def read(status: int, payload: Any, **request: Any) -> Reply:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return read_reply(status, {}, body, request=request)


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_is_an_outcome_whatever_its_shape(name: str) -> None:
    reply = read(*FILTERS[name])
    assert reply.error is None
    (answer,) = reply.answers
    assert (answer.outcome, answer.error) == (Outcome.FILTERED, None)
    assert (answer.detail or "").startswith("The provider's content filter refused: ")


def test_the_providers_words_are_the_detail_and_its_error_is_kept() -> None:
    (answer,) = read(400, {"error": AZURE}).answers
    assert str(AZURE["message"]) in (answer.detail or "")
    assert answer.extra == {"error": AZURE}


def test_a_filter_answers_for_each_choice() -> None:
    assert [a.outcome for a in read(400, {"error": AZURE}, n=3).answers] == [Outcome.FILTERED] * 3


NO_FILTERS: dict[str, tuple[int, Any]] = {
    "a wrong key": (401, said(code="content_filter")),
    "credit": (402, said("content blocked: no credit")),
    "a rate": (429, said(code="content_filter")),
    "an account": (403, said("Your account was deactivated for violating our usage policies.")),
    "an unknown parameter": (400, said("Unknown parameter: 'content_filter'.", code="unknown_parameter")),
    "a guardrail that is not there": (400, {"message": "The guardrail identifier provided does not exist."}),
    "a firewall": (403, b"<html><title>Sorry, you have been blocked</title> inappropriate content</html>"),
    "a firewall, in JSON": (403, said("Your request was blocked.")),
    "what was sent, quoted": (400, said("could not parse 'find harmful content'", code="invalid_request_error")),
    "a schema's names": (400, said("Invalid schema: In context=('properties', 'unsafe content'), no type", code=None)),
    "a schema's names, bare": (400, said("schema: harmful content has no type", param="response_format")),
    "what was sent, put back": (422, {"detail": [{"type": "extra_forbidden", "msg": "m", "input": {"type": "moderation"}}]}),
    "an outage": (500, said("The server had an error")),
    "context": (400, said("maximum context length is 5 tokens", code="context_length_exceeded")),
    "filters that let pass": (200, {"choices": [], "prompt_filter_results": [{"hate": {"filtered": False}}]}),
    "gemini, unspecified": (200, {"promptFeedback": {"blockReason": "BLOCK_REASON_UNSPECIFIED"}}),
    "a generation that is not there": (400, said(code="json_validate_failed")),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_FILTERS)
def test_other_errors_stay_errors(name: str) -> None:
    reply = read(*NO_FILTERS[name])
    assert reply.answers == ()
    assert reply.error is not None


def test_a_filter_inside_a_choice_or_a_stream_keeps_the_text_that_came() -> None:
    choice = {"index": 0, "message": {"content": "The first"}, "finish_reason": "error", "error": AZURE}
    events = [{"choices": [{"index": 0, "delta": {"content": "The first"}}]}, {"error": AZURE}]
    stream = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    for payload in ({"choices": [choice]}, stream):
        (answer,) = read(200, payload).answers
        assert (answer.outcome, answer.text) == (Outcome.FILTERED, "The first")


JSON = {"response_format": {"type": "json_object"}}


@pytest.mark.parametrize(
    ("code", "generation", "message", "outcome", "text"),
    [
        ("json_validate_failed", '{"category": refund}', "m", Outcome.UNPARSABLE, '{"category": refund}'),
        ("json_validate_failed", '{"category": 1}', "m", Outcome.INVALID, '{"category": 1}'),
        ("json_validate_failed", {"category": 1}, "m", Outcome.INVALID, '{"category": 1}'),
        ("json_validate_failed", "", "m", Outcome.EMPTY, ""),
        ("json_validate_failed", '{"a', "max completion tokens reached before", Outcome.TRUNCATED, '{"a'),
        ("tool_use_failed", "maybe", "m", Outcome.UNPARSABLE, "maybe"),
        ("tool_use_failed", '{"a": 1}', "m", Outcome.UNPARSABLE, '{"a": 1}'),
    ],
)
@pytest.mark.parametrize("status", [400, 200])
def test_a_generation_that_failed_its_providers_check_is_never_ok_and_kept(
    code: str, generation: Any, message: str, outcome: Outcome, text: str, status: int
) -> None:
    reply = read(status, said(message, code=code, failed_generation=generation), **JSON)
    (answer,) = reply.answers
    assert (answer.outcome, answer.text, answer.output) == (outcome, text, None)
    assert code in (answer.detail or "")


def test_a_generation_that_a_gateway_hands_on_inside_words_is_kept() -> None:
    inner = json.dumps({"error": {"code": "json_validate_failed", "message": "m", "failed_generation": "{x"}})
    message = f"litellm.BadRequestError: GroqException - {inner}. Received Model Group=a"
    (answer,) = read(400, said(message, code="400"), **JSON).answers
    assert (answer.outcome, answer.text) == (Outcome.UNPARSABLE, "{x")
