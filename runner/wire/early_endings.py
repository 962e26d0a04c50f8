"""Tell from a finish_reason alone how an answer ended, as far as that is possible, for a new answer and a stored one."""

from __future__ import annotations

from ..finish_reasons import Ending
from .reply import Answer, Outcome, ProviderError

__all__ = ["LONGEST_WORD", "end_early", "failed"]

LONGEST_WORD = 200
"""The most characters of a finish_reason that are kept."""


def end_early(answer: Answer, ending: Ending, status: int | None = None) -> Answer | None:
    """Return the answer if its finish_reason alone determines the outcome, or None if the rest must be checked."""
    word = (answer.finish_reason or "")[:LONGEST_WORD]
    match ending:
        case Ending.STOP | Ending.CALL:
            return None
        case Ending.LENGTH:
            return answer._replace(outcome=Outcome.TRUNCATED, detail=_why_cut(answer))
        case Ending.FILTER:
            said = "The provider's content filter withheld or cut the answer"
            reason = "" if word == "content_filter" else f" (finish_reason {word!r})"
            return answer._replace(outcome=Outcome.FILTERED, detail=f"{said}{reason}.")
        case Ending.REFUSAL:
            said = f"The model refused to answer (finish_reason {word!r})."
            return answer._replace(outcome=Outcome.REFUSED, text=answer.refusal or answer.text, detail=said)
        case Ending.BROKEN:
            said = f"The provider ended this choice with finish_reason {word!r}."
            return failed(answer, ProviderError("generation_failed", said, status=status, retryable=True))
        case Ending.PAUSE:
            said = f"The turn is not over (finish_reason {word!r}): the provider expects it to be sent back."
            return failed(answer, ProviderError("paused_turn", said, status=status, hint=_PAUSED))
        case Ending.UNKNOWN:
            said = f"The finish_reason {word!r} is unknown, so the answer may be incomplete."
            return failed(answer, ProviderError("unknown_finish_reason", said, status=status, hint=_DECLARE))


_PAUSED = "runner sends one request per case and does not continue a turn"
_DECLARE = (
    "if you know what it means, declare it in runner.yaml, under finish_reasons of the endpoint:"
    " stop, length, content_filter or error"
)


def _why_cut(answer: Answer) -> str:
    said = f"The answer was cut off (finish_reason {(answer.finish_reason or '')[:LONGEST_WORD]!r})"
    if not answer.text:
        return f"{said} before any text arrived; reasoning counts towards the token limit too."
    return f"{said} after {len(answer.text)} characters."


def failed(answer: Answer, error: ProviderError) -> Answer:
    """Return the answer as one that ended in an error."""
    return answer._replace(outcome=Outcome.ERROR, detail=error.message, error=error)
