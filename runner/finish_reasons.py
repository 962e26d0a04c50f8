"""The finish reasons of all servers and the meaning of each, in one table; no word passes by default.

Words are compared regardless of case, underscores, hyphens and spaces: MAX_TOKENS, max-tokens and maxTokens are one word.
The sources are OpenAI's API reference (chat completions), Anthropic (`stop_reason`), Gemini (`FinishReason`), Bedrock
(`StopReason`), Cohere, Mistral, DeepSeek, Z.ai, vLLM, SGLang, TGI, LM Studio, xAI and OpenRouter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

__all__ = [
    "DECLARABLE",
    "NONE_DECLARED",
    "Declared",
    "Ending",
    "ending_of",
    "gravest",
    "overruled",
    "word_key",
]

Declared = Literal["stop", "length", "content_filter", "error"]
"""The meanings that an endpoint's `finish_reasons` may give to a word."""


class Ending(StrEnum):
    """The meaning of a finish_reason. Only `STOP` and `CALL` may pass."""

    STOP = "stop"
    CALL = "tool_calls"
    LENGTH = "length"
    FILTER = "content_filter"
    REFUSAL = "refusal"
    BROKEN = "error"
    """The server broke off; a retry may help."""
    PAUSE = "pause"
    """The turn is not over; the provider expects it to be sent back."""
    UNKNOWN = "unknown"


_API = ("stop", "length", "tool_calls", "function_call", "content_filter")
"""The words of the API itself, which have the same meaning at every endpoint."""

_WORDS: Mapping[Ending, tuple[str, ...]] = {
    Ending.STOP: (
        *("stop", "end_turn", "stop_sequence", "eos", "eos_token", "eos_found", "stop_string_found"),
        *("complete", "completed", "finish_reason_stop", "reason_stop"),
    ),
    Ending.CALL: (
        *("tool_calls", "function_call", "tool_use", "tool_call", "tool_code_scheduling"),
        *("reason_tool_calls", "finish_reason_tool_calls"),
    ),
    Ending.LENGTH: (
        *("length", "max_tokens", "max_length", "model_length", "max_output_tokens", "max_completion_tokens"),
        *("max_new_tokens", "max_tokens_reached", "max_predicted_tokens_reached", "token_limit", "truncated"),
        *("model_context_window_exceeded", "context_window_exceeded", "context_length_exceeded"),
        *("context_length_reached", "context_length", "context_window", "max_context_length", "error_limit"),
        *("incomplete", "output_token_limit", "finish_reason_max_tokens", "reason_max_len"),
        *("reason_max_context", "repetition"),
    ),
    Ending.FILTER: (
        *("content_filter", "content_filtered", "content_filter_error", "filtered", "filter", "sensitive"),
        *("safety", "recitation", "blocklist", "prohibited_content", "spii", "language", "image_safety"),
        *("image_prohibited_content", "image_recitation", "model_armor", "jailbreak", "error_toxic"),
        *("guardrail", "guardrails", "guardrail_intervened", "guardrail_violation", "intervened"),
        *("input_guardrail_triggered", "output_guardrail_triggered", "content_blocked", "blocked", "block"),
        *(
            "content_policy",
            "content_policy_violation",
            "policy_violation",
            "moderation",
            "moderated",
            "flagged",
        ),
        *("responsible_ai_policy_violation", "data_inspection_failed", "censorship_blocked", "risk_control"),
        *(
            "finish_reason_safety",
            "finish_reason_recitation",
            "finish_reason_blocklist",
            "finish_reason_spii",
        ),
        "finish_reason_prohibited_content",
    ),
    Ending.REFUSAL: ("refusal", "refused"),
    Ending.BROKEN: (
        *("error", "errored", "network_error", "server_error", "internal_error", "api_error", "engine_error"),
        *(
            "abort",
            "aborted",
            "cancel",
            "canceled",
            "cancelled",
            "user_cancel",
            "user_stopped",
            "interrupted",
        ),
        *(
            "disconnect",
            "disconnected",
            "timeout",
            "timed_out",
            "time_limit",
            "reason_time_limit",
            "preempted",
        ),
        *(
            "insufficient_system_resource",
            "insufficient_system_resources",
            "resource_exhausted",
            "overloaded",
        ),
        *("rate_limit", "rate_limit_exceeded", "failed", "failure", "model_unloaded"),
        *("malformed_function_call", "malformed_tool_call", "malformed_tool_use", "malformed_model_output"),
        *("malformed_response", "unexpected_tool_call", "too_many_tool_calls", "missing_thought_signature"),
        *("no_image", "image_other", "other", "unspecified", "finish_reason_unspecified", "reason_invalid"),
    ),
    Ending.PAUSE: ("pause_turn", "pause", "paused", "compaction"),
}


def word_key(word: str) -> str:
    """Return the form that all spellings of a word share. A word that consists of separators is its own form."""
    return word.casefold().translate(_SEPARATORS) or word


_SEPARATORS = dict.fromkeys(map(ord, "_- "))


_TABLE: Mapping[str, Ending] = {word_key(word): ending for ending, words in _WORDS.items() for word in words}
_OF_THE_API = frozenset(map(word_key, _API))
_DECLARED: Mapping[str, Ending] = {
    "stop": Ending.STOP,
    "length": Ending.LENGTH,
    "content_filter": Ending.FILTER,
    "error": Ending.BROKEN,
}
DECLARABLE = tuple(_DECLARED)
NONE_DECLARED: Mapping[str, Declared] = MappingProxyType({})


def ending_of(word: str | None, declared: Mapping[str, Declared] = NONE_DECLARED) -> Ending:
    """Return the meaning of a finish_reason. `declared` is an endpoint's own table (by `word_key`), which takes precedence.

    A finish_reason that is absent, null or empty counts as stop: many compatible servers send none.
    """
    if not word:
        return Ending.STOP
    if not declared and (known := _TABLE.get(word)) is not None:  # usually "stop", spelled as in the table
        return known
    key = word_key(word)
    if key in declared:
        return _DECLARED[declared[key]]
    return _TABLE.get(key, Ending.UNKNOWN)


def gravest(words: Iterable[str], declared: Mapping[str, Declared] = NONE_DECLARED) -> str | None:
    """Return the word that counts of several in the stream of one choice: the last one that may not pass, else the last."""
    received = [word for word in words if word]
    bad = [word for word in received if ending_of(word, declared) not in (Ending.STOP, Ending.CALL)]
    return next(reversed(bad or received), None)


def overruled(word: str, declared: str) -> str | None:
    """Return, in words, the meaning of a known word that `declared` must not override; None if it may.

    A word of the API itself keeps its meaning, and a word for an answer that was cut, withheld or refused cannot be
    declared a good end.
    """
    ending = _TABLE.get(word_key(word))
    if ending is None or ending is _DECLARED[declared]:
        return None
    withheld = declared == "stop" and ending in (Ending.LENGTH, Ending.FILTER, Ending.REFUSAL)
    return _MEANINGS[ending] if withheld or word_key(word) in _OF_THE_API else None


_MEANINGS = {
    Ending.STOP: "the answer is complete",
    Ending.CALL: "the model calls a tool",
    Ending.LENGTH: "the answer was cut off",
    Ending.FILTER: "a filter withheld the answer",
    Ending.REFUSAL: "the model refused to answer",
}
