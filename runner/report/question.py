"""The request of an answer, as it is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..values import Json

__all__ = ["Question"]


@dataclass(frozen=True, slots=True)
class Question:
    """The messages of a request, or the reason why they are not known.

    `changed` says that the prompt has changed since, so that these are the messages of another request. `variables` are
    the case's variables, if the reader sees them nowhere else.
    """

    messages: Sequence[Json] | None
    why: str | None = None
    changed: bool = False
    variables: Mapping[str, Json] | None = None

    @property
    def remark(self) -> str | None:
        """Return what a reader has to know about the messages, or why there are none."""
        if self.changed:
            return "the prompt has changed since: these are its current messages"
        return self.why
