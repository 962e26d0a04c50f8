"""The circuit breaker of one endpoint: one that gives no answers is not asked ten thousand times."""

from __future__ import annotations

import re

from ...wire.reply import ProviderError

__all__ = ["TRIPS", "Breaker"]

TRIPS = 10
"""Cases in a row that may end in an endpoint error before the run stops asking."""

_NUMBER_OF_REQUEST = re.compile(
    r"\(?request[ _-]?id:?\s*[\w-]+\)?|\b(?:req|chatcmpl)[_-][\w-]+|\b(?=[0-9a-f-]*[0-9])[0-9a-f-]{16,}\b",
    re.IGNORECASE,
)
"""What differs between two equal messages: the name that a server gives to each request."""


class Breaker:
    """Counts the cases in a row that ended without an answer. `answered`: the endpoint is known to be there.

    Three things stop a run: a quota that is spent, at once; an endpoint that does not answer; and one that refuses every
    request in the same words.
    """

    def __init__(self) -> None:
        self.answered = False
        self._failures = 0
        self._refusal: tuple[int | None, str, str] | None = None
        self._refusals = 0

    def succeeded(self) -> None:
        """An answer result."""
        self.answered = True
        self._failures = 0
        self._refusal, self._refusals = None, 0

    def failed(self, error: ProviderError, message: str) -> str | None:
        """A case ended without an answer; the reason to stop, if there is one. `message` is the error's, fit to print.

        Other passing failures, such as a rate limit, are no reason.
        """
        if error.spent:
            return f"the provider says that credit or quota is spent ({message})"
        if error.status is None or error.status in (401, 403, 404) or error.status >= 500:
            self._failures += 1
            if self._failures >= TRIPS:
                return f"{TRIPS} cases in a row got no answer ({message})"
        if error.retryable:
            return None
        refusal = (error.status, error.code, _NUMBER_OF_REQUEST.sub("", error.message))
        self._refusals = self._refusals + 1 if refusal == self._refusal else 1
        self._refusal = refusal
        if self._refusals < TRIPS:
            return None
        return f"{TRIPS} cases in a row were refused in the same words ({message})"
