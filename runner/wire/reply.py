"""The result of one exchange with a provider: answers with outcomes, or a provider error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from ..values import Json
from .medium import Medium

__all__ = ["Answer", "Outcome", "ProviderError", "Reply"]


class Outcome(StrEnum):
    """How one answer ended (docs/outcomes.md). Only `OK` may pass, unless the case expects another outcome."""

    OK = "ok"
    REFUSED = "refused"
    TRUNCATED = "truncated"
    FILTERED = "filtered"
    EMPTY = "empty"
    UNPARSABLE = "unparsable"
    INVALID = "invalid"
    TOOL_CALL = "tool_call"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class ProviderError:
    """An error reported by the provider or by the transport. `message` is the provider's own, with keys masked.

    `code` is always text, because servers send both "429" and 429. `retry_after` is in seconds. `spent`: the account
    has no credit or quota left, so that no other request would be answered either.
    """

    code: str
    message: str
    status: int | None = None
    type: str | None = None
    param: str | None = None
    retryable: bool = False
    retry_after: float | None = None
    hint: str | None = None
    request_id: str | None = None
    spent: bool = False


class Answer(NamedTuple):
    """One choice. `text` is the answer's text (of the refusal if refused); `output` is parsed JSON or None.

    `finish_reason` is the provider's own word. `detail` says in one sentence why the outcome is not ok. The last six
    fields are everything besides the text: `media` are images and sounds, `annotations` is a list, `audio` and `extra` are objects, `logprobs` is
    unchanged.
    """

    choice: int
    outcome: Outcome
    text: str | None = None
    output: Json = None
    finish_reason: str | None = None
    refusal: str | None = None
    tool_calls: tuple[Mapping[str, Json], ...] = ()
    detail: str | None = None
    error: ProviderError | None = None
    reasoning: str | None = None
    logprobs: Json = None
    annotations: Json = None
    audio: Json = None
    extra: Mapping[str, Json] | None = None
    media: tuple[Medium, ...] = ()


class Reply(NamedTuple):
    """One exchange: the answers in choice order, or an error instead of all of them.

    `partial` is the part of an answer that arrived before the error. `fingerprint` is the server's own word for the
    configuration that it runs (`system_fingerprint`).
    """

    answers: tuple[Answer, ...] = ()
    error: ProviderError | None = None
    id: str | None = None
    served_model: str | None = None
    usage: Mapping[str, Json] | None = None
    partial: Answer | None = None
    fingerprint: str | None = None
