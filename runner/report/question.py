"""What was asked, as it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..values import Json

__all__ = ["Question"]


@dataclass(frozen=True, slots=True)
class Question:
    """The messages of a request, or why they are not known.

    `changed` says that the prompt has changed since, so that these are the messages of another request.
    """

    messages: Sequence[Json] | None
    why: str | None = None
    changed: bool = False
