"""Find errors that are verdicts: the provider's filter refused, or its own check rejected the model's answer.

Sending the request again would not change the answer, and nothing is wrong with the endpoint. So these are outcomes
of the case, not failures of the request.

Filters, by code, type or reason, or by their messages: OpenAI (content_policy_violation, invalid_prompt), Azure
(content_filter, ResponsibleAIPolicyViolation), OpenRouter (403 with metadata.reasons), DeepSeek ("Content Exists
Risk"), DashScope (data_inspection_failed), Z.ai (1301), MiniMax (1026, 1027), Moonshot, StepFun, Volcengine, xAI, Gemini
(promptFeedback.blockReason), Bedrock guardrails, Cloudflare, LiteLLM.
Generations that failed a check: Groq (json_validate_failed, tool_use_failed), with the text in `failed_generation`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ..finish_reasons import word_key
from ..masking import mask
from ..values import Json
from .decoding import decode_envelope, parse_answer, visible
from .reply import Outcome, ProviderError

__all__ = ["ErrorOutcome", "has_filtered", "verdict_of"]

_DEEPEST = 6
_NOT_ABOUT_CONTENT = frozenset({401, 402, 404, 407, 408, 429})
"""Statuses that are about the key, the account, the URL or the rate, whatever the message is."""

_FILTERS = frozenset(
    word_key(word)
    for word in (
        *("content_filter", "content_filtered", "content_filter_triggered", "content_filter_violation"),
        *(
            "content_policy_violation",
            "moderation_blocked",
            "content_policy",
            "content_policy_error",
            "contentPolicyViolationError",
        ),
        *(
            "ResponsibleAIPolicyViolation",
            "responsible_ai_policy",
            "usage_policy_violation",
            "policy_violation",
        ),
        *("data_inspection_failed", "InternalError.Algo.DataInspectionFailed", "content_inspection_failed"),
        *(
            "content_moderation",
            "content_moderation_failed",
            "content_moderation_blocked",
            "moderation_blocked",
        ),
        *("moderation_failed", "moderation_flagged", "moderation_error", "moderation", "content_flagged"),
        *("sensitive_content", "sensitive", "new_sensitive", "input_new_sensitive", "output_new_sensitive"),
        *("sensitive_words_detected", "safety", "safety_violation", "safety_error", "unsafe_content"),
        *("prohibited_content", "blocklist", "spii", "image_safety", "recitation", "jailbreak"),
        *("censorship_blocked", "content_blocked", "prompt_blocked", "input_blocked", "output_blocked"),
        *("guardrail_intervened", "guardrail_violation", "guardrail_blocked", "guardrails_violation"),
        *("guardrail_raised_exception", "input_guardrail_triggered", "output_guardrail_triggered"),
        *("content_violation", "content_risk", "high_risk_content", "1301", "risk_control_failed"),
    )
)
_ECHOES = frozenset({"choices", "input", "request", "messages", "param", "loc"})
"""Keys under which an error's body repeats the request, or the location of the fault in it (FastAPI's `input`)."""

_FILTER_ENDINGS = ("sensitivecontentdetected", "riskcontentdetected", "datainspectionfailed")
_NAMES = frozenset({"code", "type", "status", "reason", "errorcode", "blockreason", "statusmsg"})
_MINIMAX = frozenset({"1026", "1027"})

_SAID = re.compile(
    r"content management policy|content exists risk|inappropriate content|prohibited content|considered high risk"
    r"|(?:unsafe|sensitive|harmful) (?:or (?:unsafe|sensitive|harmful) )?content"
    r"|violat\w{1,6} (?:(?:our|the|any|openai'?s|xai'?s|[\w-]{1,20}'s) )?(?:terms|usage|content|safety|acceptable use)"
    r" (?:polic|guideline|rule)"
    r"|(?:input|prompt|output|response|content|message)s? (?:(?:was|were|is|are|has been|have been) )?"
    r"(?:flagged|blocked|moderated)"
    r"|request (?:was |is )?flagged|requires moderation|(?:rejected|blocked|denied|refused)[^.]{0,60}\bsafety\b"
    r"|guardrail[^.]{0,60}\b(?:interven|block|violat|trigger|denied|reject)|(?:blocked|denied|rejected|violat\w{1,6})"
    r"[^.]{0,40}\bguardrail|content filter[^.]{0,30}\b(?:block|trigger|reject|refus)"
    r"|contentpolicyviolationerror"
    r"|敏感|不安全|违规(?:信息|内容)|内容安全|内容审核"
)
_SAID_AS_CODE = re.compile(
    r"\bcode['\"]?\s{0,3}[:=]\s{0,3}['\"]?(?:content_filter|content_policy_violation|data_inspection_failed)\b"
    r"|responsibleaipolicyviolation|datainspectionfailed|data_inspection_failed"
)
_QUOTED = re.compile(
    r"""(?<!\w)(?<!['"]:)(?<!['"]: )(?:'[^']{0,2000}'|"[^"]{0,2000}"|`[^`]{0,2000}`)(?!\w)"""
)
"""Quoted text in a message is a name or a piece of the request, not a verdict, unless it is the value of a JSON key."""

_FORM = frozenset({"response_format", "tools", "functions", "tool_choice"})
"""Parameters whose errors are about the form of a request, whatever names occur in them."""

_ABOUT_THE_ACCOUNT = re.compile(r"\b(?:account|organi[sz]ation|api key|deactivated|suspended|terminated)\b")
_FLAGGED_PROMPT = re.compile(r"flagged|violat")
_RAN_OUT = re.compile(
    r"max(?:imum)? (?:completion )?tokens? (?:was |were )?reached|token limit (?:was )?reached"
)


class ErrorOutcome(NamedTuple):
    """The outcome that an error means, the reason, the text that came with it, and the error as the provider sent it."""

    outcome: Outcome
    detail: str
    text: str | None = None
    error: Json = None


def verdict_of(payload: Json, error: ProviderError) -> ErrorOutcome | None:
    """Return the verdict in an error's body (`payload`, None without a body), or None if it is only an error."""
    if error.status in _NOT_ABOUT_CONTENT or error.spent:
        return None
    if isinstance(payload, list | tuple) and payload:
        payload = payload[0]
    if (generation := _failed_generation(payload)) is not None:
        return _of_generation(generation, payload, error)
    if _is_filter(payload, error):
        said = f"The provider's content filter refused: {error.message}"
        return ErrorOutcome(Outcome.FILTERED, said, error=_as_recorded(payload))
    return None


def _is_filter(payload: Json, error: ProviderError) -> bool:
    if any(_names_filter(word) for word in (error.code, error.type or "", *_words(payload))):
        return True
    if isinstance(payload, Mapping) and (_blocks_prompt(payload) or _moderated(payload, error)):
        return True
    said = error.message.lower()
    if (error.param or "").partition(".")[0] in _FORM:
        return False
    if error.code == "invalid_prompt":
        return _FLAGGED_PROMPT.search(said) is not None
    if error.code == "non_json_body" and "html page" in said:
        return False
    own = _QUOTED.sub("''", said)
    return (
        _SAID.search(own) is not None or _SAID_AS_CODE.search(said) is not None
    ) and not _ABOUT_THE_ACCOUNT.search(own)


def _names_filter(word: str) -> bool:
    key = word_key(word)
    return key in _FILTERS or key.endswith(_FILTER_ENDINGS)


def _words(value: Json, levels: int = _DEEPEST) -> Iterator[str]:
    """Yield every word that names a kind of error in an error's body, also in an upstream's JSON that is sent as text."""
    if isinstance(value, str) and levels and value.lstrip().startswith(("{", "[")):
        try:
            yield from _words(decode_envelope(value.encode("utf-8", "backslashreplace")), levels - 1)
        except ValueError:
            return
    elif isinstance(value, list | tuple) and levels:
        for each in value[:20]:
            yield from _words(each, levels - 1)
    elif isinstance(value, Mapping) and levels:
        for key, each in value.items():
            if key in _ECHOES:
                continue
            if word_key(key) in _NAMES and isinstance(each, str | int) and not isinstance(each, bool):
                yield str(each)
            else:
                yield from _words(each, levels - 1)


def _blocks_prompt(payload: Mapping[str, Json]) -> bool:
    """Return whether a body without an answer reports a blocked prompt, as Gemini, Azure and MiniMax do."""
    for name in ("promptFeedback", "prompt_feedback"):
        feedback = payload.get(name)
        reason = (
            (feedback.get("blockReason") or feedback.get("block_reason"))
            if isinstance(feedback, Mapping)
            else None
        )
        if isinstance(reason, str) and not word_key(reason).endswith("unspecified"):
            return True
    base = payload.get("base_resp")
    if isinstance(base, Mapping) and str(base.get("status_code")) in _MINIMAX:
        return True
    if payload.get("input_sensitive") is True or payload.get("output_sensitive") is True:
        return True
    return any(
        has_filtered(payload.get(name)) for name in ("prompt_filter_results", "content_filter_results")
    )


def has_filtered(value: Json, levels: int = _DEEPEST) -> bool:
    """Return whether one of Azure's filter results is positive."""
    if not value:
        return False
    if isinstance(value, Mapping) and levels:
        return value.get("filtered") is True or any(has_filtered(each, levels - 1) for each in value.values())
    return (
        isinstance(value, list | tuple)
        and levels > 0
        and any(has_filtered(each, levels - 1) for each in value[:200])
    )


def _moderated(payload: Mapping[str, Json], error: ProviderError) -> bool:
    """Return whether OpenRouter moderated the input: 403, with the reasons in the metadata."""
    inner = payload.get("error")
    metadata = inner.get("metadata") if isinstance(inner, Mapping) else None
    return (
        isinstance(metadata, Mapping)
        and "403" in (str(error.status), error.code)
        and bool(metadata.get("reasons") or metadata.get("flagged_input"))
    )


def _failed_generation(value: Json, levels: int = _DEEPEST) -> str | None:
    if isinstance(value, Mapping) and levels:
        if (generation := value.get("failed_generation")) is not None:
            return generation if isinstance(generation, str) else json.dumps(generation, ensure_ascii=False)
        for key in ("error", "metadata", "raw", "message"):
            if (found := _failed_generation(value.get(key), levels - 1)) is not None:
                return found
    if isinstance(value, str) and levels and "failed_generation" in value and "{" in value:
        held = value[value.index("{") : value.rfind("}") + 1]  # LiteLLM has words before and after the JSON
        try:
            inner = decode_envelope(held.encode("utf-8", "backslashreplace"))
        except ValueError:
            return None
        return _failed_generation(inner, levels - 1)
    return None


def _of_generation(generation: str, payload: Json, error: ProviderError) -> ErrorOutcome:
    """Return the verdict on a generation that the provider rejected: never ok, even if it looks valid here."""
    text = str(visible(generation))
    said = f"The provider rejected the model's answer ({error.code}): {error.message}"
    outcome = Outcome.UNPARSABLE
    if _RAN_OUT.search(error.message.lower()):
        outcome = Outcome.TRUNCATED
    elif not text.strip():
        outcome = Outcome.EMPTY
    elif word_key(error.code) == "jsonvalidatefailed" and _is_json(text):
        outcome = Outcome.INVALID
    return ErrorOutcome(outcome, said, text, _as_recorded(payload))


def _is_json(text: str) -> bool:
    try:
        parse_answer(text)
    except ValueError:
        return False
    return True


def _as_recorded(payload: Json) -> Json:
    """Return the error for the record: without keys, and without the generation, which is the text."""

    def shown(value: Json) -> Json:
        if isinstance(value, str):
            return mask(value)
        if isinstance(value, Mapping):
            return {key: shown(each) for key, each in value.items() if key != "failed_generation"}
        return [shown(each) for each in value] if isinstance(value, list | tuple) else value

    if not isinstance(payload, Mapping):
        return None
    seen = visible(
        payload["error"]
        if isinstance(payload.get("error"), Mapping)
        else {key: value for key, value in payload.items() if key != "choices"}
    )
    return shown(seen)
