"""What a provider's error means: is asking again of use, and what can a person do about it?

The retry rules are those of OpenAI's clients (408, 409, 429, 5xx, `x-should-retry`), less what OpenAI's error
guide says that waiting does not mend: billing, spend and quota.
"""

from __future__ import annotations

import re

__all__ = ["hint_for", "hint_for_page", "is_retryable", "status_behind"]

_BILLING = frozenset(
    {
        "insufficient_quota",
        "billing_hard_limit_reached",
        "billing_not_active",
        "credit_balance_exhausted",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
    }
)
_TRANSIENT = frozenset({408, 409, 429, 500, 502, 503, 504, 529, *range(520, 525)})

_STATUS = re.compile(r"[45][0-9]{2}")

_STATUS_OF_NAME = {
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
}
"""For an error that comes with status 200 (or inside a stream): the status its code or type stands for elsewhere."""

_TOO_LARGE_FOR_LIMIT = "request too large"
_WRONG_ENDPOINT = "unexpected endpoint"
_BASE_URL = "check base_url: it usually ends in /v1, and /chat/completions is added to it"

_HINTS = {
    401: "check the key: it is read from the variable that api_key_env of the endpoint names (OPENAI_API_KEY for openai)",
    403: "the key was read, but may not do this: check its permissions, the model and the region",
    404: _BASE_URL,
    408: "the server gave up waiting: try again, or ask for a shorter answer",
    413: "the request is too large for the server or a proxy before it: shorten the messages or the media in them",
    429: "lower --jobs, or set rpm and tpm for the endpoint in runner.yaml",
    503: "the provider is overloaded: lower --jobs, or try again later",
    504: "a proxy gave up waiting: try again, or ask for a shorter answer",
    529: "the provider is overloaded: lower --jobs, or try again later",
}
_TOO_LONG = frozenset({"context_length_exceeded", "exceed_context_size_error"})
_FILTERED = frozenset({"content_filter", "content_policy_violation"})


def status_behind(status: int, code: str | None, kind: str | None) -> int:
    """The HTTP status that an error amounts to: `status` itself, or for 2xx the one its code or type tells."""
    if not 200 <= status < 300:
        return status
    for name in (code, kind):
        if name and _STATUS.fullmatch(name):
            return int(name)
        if name in _STATUS_OF_NAME:
            return _STATUS_OF_NAME[name]
    return status


def is_retryable(status: int, code: str, kind: str | None, message: str, should_retry: str | None) -> bool:
    """Whether asking again may help. `status` is what `status_behind` says, `should_retry` the x-should-retry header."""
    if _is_billing(code, kind) or _TOO_LARGE_FOR_LIMIT in message.lower():
        return False
    if should_retry in {"true", "false"}:
        return should_retry == "true"
    return status in _TRANSIENT


def hint_for(status: int, code: str, kind: str | None, message: str, param: str | None) -> str | None:
    """What a person can do about it, in one sentence, or None. `status` is what `status_behind` says."""
    said = message.lower()
    if _is_billing(code, kind) or status == 402:
        return "waiting does not help: look at credit and limits on the provider's billing page"
    if _TOO_LARGE_FOR_LIMIT in said:
        return "this one request is above the account's tokens-per-minute limit: shorten it, or have the limit raised"
    if _WRONG_ENDPOINT in said:
        return _BASE_URL
    if code in _TOO_LONG:
        return "shorten the messages, or choose a model with a longer context"
    if code in _FILTERED:
        return "the provider's content filter refused the prompt itself"
    if status == 404 and "model" in f"{code} {said}":
        return "check the model's name, and that this key may use it"
    if status in {400, 422} and param:
        return f"{param} is sent exactly as declared: change or remove it in the prompt file"
    if 300 <= status < 400:
        return f"the server redirects, which is not followed: {_BASE_URL}"
    if status >= 500:
        return _HINTS.get(status, "the failure is on the provider's side: try again later")
    return _HINTS.get(status)


def hint_for_page(status: int) -> str | None:
    """What to do about an HTML page where JSON should be. A gateway's error page says nothing about base_url."""
    return hint_for(status, "", None, "", None) if status >= 500 else _BASE_URL


def _is_billing(code: str, kind: str | None) -> bool:
    """Whether the error is about credit, spend or quota, which no waiting restores."""
    return code.lower() in _BILLING or (kind or "").lower() in _BILLING
