"""The circuit breaker of one endpoint, so that a dead endpoint does not get ten thousand requests."""

from __future__ import annotations

import re

from ...wire.reply import ProviderError

__all__ = ["TRIPS", "Breaker"]

TRIPS = 10
"""The number of consecutive cases with an endpoint error after which the run stops."""

_NUMBER_OF_REQUEST = re.compile(
    r"\(?request[ _-]?id:?\s*[\w-]+\)?|\b(?:req|chatcmpl)[_-][\w-]+|\b(?=[0-9a-f-]*[0-9])[0-9a-f-]{16,}\b",
    re.IGNORECASE,
)
"""The part that differs between equal error messages: the id that a server gives to each request."""


class Breaker:
    """Counts consecutive cases without an answer. `answered`: the endpoint has answered at least once.

    A run stops at once if the quota is spent, and after TRIPS cases if the endpoint does not answer, or refuses every
    request with the same message. With `refusals=False` the last does not count: the requests are independent of each
    other, so ten that are too long say nothing about the next one.
    """

    def __init__(self, *, refusals: bool = True) -> None:
        self.answered = False
        self._counts_refusals = refusals
        self._failures = 0
        self._refusal: tuple[int | None, str, str] | None = None
        self._refusals = 0

    def succeeded(self) -> None:
        """Note that an answer has arrived."""
        self.answered = True
        self._failures = 0
        self._refusal, self._refusals = None, 0

    def failed(self, error: ProviderError, message: str) -> str | None:
        """Note that a case ended without an answer. Return the reason to stop, or None.

        `message` is the error's message with secrets masked. Other transient failures, such as rate limits, do not count.
        """
        if error.spent:
            return f"the provider reports that credit or quota is spent ({message})"
        if error.status is None or error.status in (401, 403, 404) or error.status >= 500:
            self._failures += 1
            if self._failures >= TRIPS:
                return f"{TRIPS} cases in a row got no answer ({message})"
        if error.retryable or not self._counts_refusals:
            return None
        refusal = (error.status, error.code, _NUMBER_OF_REQUEST.sub("", error.message))
        self._refusals = self._refusals + 1 if refusal == self._refusal else 1
        self._refusal = refusal
        if self._refusals < TRIPS:
            return None
        return f"{TRIPS} cases in a row were refused with the same message ({message})"
