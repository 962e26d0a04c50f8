"""Rules for a provider's errors: whether a retry can help, and a hint for the user.

The retry rules are those of OpenAI's clients (408, 409, 429, 5xx, `x-should-retry`), except for errors that, by
OpenAI's error guide, do not go away by waiting: billing, spend and quota.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from ..finish_reasons import word_key
from ..values import JsonObject

__all__ = ["ANYTHING", "Asked", "hint_for", "hint_for_page", "is_retryable", "is_spent", "status_behind"]


class Asked(NamedTuple):
    """The known facts about the request that caused an error, so that no hint mentions something that was not sent.

    `fields` are the declared ones (None: unknown), `keyed` is whether a key was sent, `path` is the operation's below
    the base URL. `names` has the declared fields from which the wire format writes a field of another name, by the
    path of that field, such as `text.format`.
    """

    fields: JsonObject | None = None
    keyed: bool = True
    path: str = "chat/completions"
    names: Mapping[str, tuple[str, ...]] = MappingProxyType({})

    def sent(self, name: str) -> bool:
        """Return whether the body has a field, or the root field of a path such as `messages[0].role`."""
        root = re.match(r"\w*", name)
        if self.fields is None or root is None:
            return False
        return root[0] == "messages" or root[0] in self.fields

    def source(self, name: str) -> str | None:
        """Return the declared field from which a field of the body, or a part of it, is written; None if there is none."""
        words = re.findall(r"\w+", name)
        for length in range(len(words), 0, -1):
            declared = self.names.get(".".join(words[:length]), ())
            if found := next((each for each in declared if self.sent(each)), None):
                return found
        return words[0] if words and self.sent(words[0]) else None


ANYTHING = Asked()

_BILLING = frozenset(
    word_key(word)
    for word in (
        *(
            "insufficient_quota",
            "billing_hard_limit_reached",
            "billing_not_active",
            "credit_balance_exhausted",
        ),
        *("organization_spend_limit_exceeded", "project_spend_limit_exceeded", "spend_limit_exceeded"),
        *("organization_usage_limit_exceeded", "usage_limit_exceeded", "exceeded_current_quota_error"),
        *("insufficient_balance", "insufficient_credits", "insufficient_credit", "insufficient_funds"),
        *("insufficient_user_quota", "pre_consume_token_quota_failed", "token_quota_exhausted"),
        *("quota_exhausted", "credits_exhausted", "credit_exhausted", "out_of_credits", "no_credits"),
        *("billing_error", "billing_limit_reached", "payment_required", "account_balance_insufficient"),
        *("arrearage", "1113", "account_overdue", "account_overdue_error", "budget_exceeded"),
    )
)
_BILLING_WORDS = re.compile(
    r"\b(?:insufficient|not enough|no|out of|exhausted|used all|negative)"
    r"(?: (?:your|of|the|available|account|remaining|prepaid|free)){0,3} (?:balance|credits?|funds)\b"
    r"|exceeded your current quota|limited to [0-9,]{1,9} api calls / month|credit balance is too low|requires? more credits|purchase (?:more )?credits|check your plan and billing"
    r"|billing hard limit|monthly (?:spending|included credits?|budget)|spend(?:ing)? limit|account is in good standing"
    r"|余额不足|额度不足|欠费"
)
_COMES_BACK = re.compile(
    r"(?:retry|try again) in [0-9]|per (?:minute|second)|perminute|retrydelay|quota exceeded for"
)
"""Gemini uses "check your plan and billing" for limits per minute too."""

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
"""For an error with status 200 (or in a stream): the status that its code or type has elsewhere."""

_TOO_LARGE_FOR_LIMIT = "request too large"
_WRONG_ENDPOINT = "unexpected endpoint"
_ELSEWHERE = re.compile(r"/responses\b|responses api|not a chat model|chatcompletion operation does not work")
_CHAT_ONLY = re.compile(r"v1/chat/completions|\bcompletion operation does not work")
_NO_TEMPLATE = re.compile(r"(?:no|not have a|without a|default) chat[ _]template|provide a chat template")
_DEPLOYMENT = re.compile(r"deploymentnotfound|deployment\b[^.]{0,60}\b(?:does not exist|not found)")
_CONTEXT = re.compile(
    r"context[ _-]?(?:length|window|size|limit)|(?:prompt|input|messages?|request|conversation) (?:is |are |was )?too long"
    r"|too_many_prompt_tokens|too many (?:prompt |input )?tokens|reduce (?:the|your) (?:length|prompt|input|messages)"
    r"|(?:input|prompt) (?:token count|tokens?|length)\b[^.]{0,60}\b(?:exceed|greater|larger|more than|maximum|limit)"
    r"|exceeds? the (?:maximum|max|limit)[^.]{0,40}\btokens|range of input length|maximum (?:number of )?(?:input|prompt) tokens"
    r"|tokens?`? \+ `?max_(?:new_)?tokens|max_model_len|max(?:imum)? (?:input|prompt) length|n_ctx"
)

_HINTS = {
    401: "check the key: it is read from the variable in api_key_env of the endpoint (OPENAI_API_KEY for openai)",
    403: "the key was sent, but is not allowed to do this: check its permissions, the model and the region",
    408: "the server timed out: try again, or request a shorter answer",
    413: "the request is too large for the server or a proxy in front of it: shorten the messages or their media",
    429: "lower --jobs, or set rpm and tpm for the endpoint in runner.yaml",
    503: "the provider is overloaded: lower --jobs, or try again later",
    504: "a proxy timed out: try again, or request a shorter answer",
    529: "the provider is overloaded: lower --jobs, or try again later",
}
_HINTS_WITHOUT_KEY = {
    401: "no key was sent: set api_key_env of the endpoint in runner.yaml to the name of the key's variable",
    403: "no key was sent: the server may require one (api_key_env of the endpoint), or may not serve your region",
}


def status_behind(status: int, code: str | None, kind: str | None) -> int:
    """Return the HTTP status of an error: `status` itself, or for 2xx the one that its code or type implies."""
    if not 200 <= status < 300:
        return status
    for name in (code, kind):
        if name and _STATUS.fullmatch(name):
            return int(name)
        if name in _STATUS_OF_NAME:
            return _STATUS_OF_NAME[name]
    return status


def is_retryable(status: int, code: str, kind: str | None, message: str, should_retry: str | None) -> bool:
    """Return whether a retry may help. `status` comes from `status_behind`, `should_retry` is the x-should-retry header."""
    if is_spent(status, code, kind, message) or _TOO_LARGE_FOR_LIMIT in message.lower():
        return False
    if should_retry in {"true", "false"}:
        return should_retry == "true"
    return status in _TRANSIENT


def is_spent(status: int, code: str, kind: str | None, message: str) -> bool:
    """Return whether the account has no credit, budget or quota left, which waiting does not restore."""
    if status == 402 or word_key(code) in _BILLING or word_key(kind or "") in _BILLING:
        return True
    said = message.lower()
    return status < 500 and bool(_BILLING_WORDS.search(said)) and not _COMES_BACK.search(said)


def hint_for(
    status: int, code: str, kind: str | None, message: str, param: str | None, asked: Asked = ANYTHING
) -> str | None:
    """Return a one-sentence hint on what the user can do, or None. `status` comes from `status_behind`."""
    said = message.lower()
    if is_spent(status, code, kind, message):
        return "waiting does not help: check credit and limits on the provider's billing page"
    if _TOO_LARGE_FOR_LIMIT in said:
        return "this single request exceeds the account's tokens-per-minute limit: shorten it, or have the limit raised"
    if _WRONG_ENDPOINT in said:
        return _base_url(asked)
    words = f"{code} {kind or ''} {said}".lower()
    if status in {400, 404, 422} and asked.path == "chat/completions" and _ELSEWHERE.search(said):
        return _elsewhere(said, asked)
    if status in {400, 404, 422} and asked.path == "completions" and _CHAT_ONLY.search(said):
        return "this model is served at /chat/completions: set `api: chat` for the endpoint in runner.yaml"
    if status in {400, 422} and asked.path == "chat/completions" and _NO_TEMPLATE.search(said):
        return "a base model continues texts: set `api: completions` for the endpoint in runner.yaml"
    if status in {400, 404} and _DEPLOYMENT.search(words):
        return "on Azure use the name of a deployment, not of a model: check it; a new deployment takes some minutes"
    if status in {200, 400, 413, 422, 500} and _CONTEXT.search(words):
        return _too_long(asked)
    if (status == 404 and "model" in f"{code} {said}") or word_key(code) in ("unknownmodel", "modelnotfound"):
        allowed = ", and that this key may use it" if asked.keyed else ""
        return f"check the model's name{allowed}; `runner models` lists those that the endpoint offers"
    if status in {400, 422} and (named := _declared(param, message, asked)):
        return named
    if 300 <= status < 400:
        return f"the server redirects, and redirects are not followed: {_base_url(asked)}"
    if status == 404:
        return _base_url(asked)
    if status >= 500:
        return _HINTS.get(status, "the provider's server failed: try again later")
    return _HINTS_WITHOUT_KEY.get(status, _HINTS.get(status)) if not asked.keyed else _HINTS.get(status)


_NAMED = re.compile(r"([a-z_]+(?:\.\w+)*): ")
"""How Anthropic's messages begin if they are about a parameter."""


def _declared(param: str | None, message: str, asked: Asked) -> str | None:
    """Return the hint for a parameter that the provider refuses, if the author declared it."""
    found = None if param else _NAMED.match(message)
    param = found[1] if found else param
    source = asked.source(param) if param else None
    if param is None or source is None:
        return None
    checked = "; `runner check` names mistakes in its schema" if source == "response_format" else ""
    change = f"change or remove it in the prompt file{checked}"
    if re.split(r"\W", param)[0] == source:
        return f"{param} is sent exactly as declared: {change}"
    return f"{param} is written from {source}, which is sent as declared: {change}"


def _elsewhere(said: str, asked: Asked) -> str:
    """Return the hint for a model, or a model with certain parameters, that the provider serves at another path."""
    if "not a chat model" in said or "chatcompletion operation" in said:
        older = "; for a base model `api: completions`" if "v1/completions" in said else ""
        return f"this model is not served at /{asked.path}: {_RESPONSES}{older}, or choose another model"
    if asked.fields is None or asked.sent("tools"):
        effort = "" if asked.fields is None or asked.sent("reasoning_effort") else " (currently not sent)"
        if "tool" in said:
            return (
                "this model accepts tools at /chat/completions only with reasoning_effort: none, if at all"
                f"{effort}: declare that, or {_RESPONSES}"
            )
    return f"the provider serves this at /responses only: {_RESPONSES}"


_RESPONSES = "set `api: responses` for the endpoint in runner.yaml"


def _too_long(asked: Asked) -> str:
    limit = next((name for name in ("max_completion_tokens", "max_tokens") if asked.sent(name)), None)
    less = f", lower {limit}" if limit else ""
    return f"shorten the messages{less}, or choose a model with a longer context"


def _base_url(asked: Asked) -> str:
    return f"check base_url: it usually ends in /v1, and /{asked.path} is appended to it"


def hint_for_page(status: int, asked: Asked = ANYTHING) -> str | None:
    """Return the hint for an HTML page instead of JSON. A gateway's error page does not mean a wrong base_url."""
    return hint_for(status, "", None, "", None) if status >= 500 else _base_url(asked)
