"""The categories of OpenAI's moderation models (API reference, "Moderations"), by which misspelt ones are found."""

from __future__ import annotations

__all__ = ["CATEGORIES", "DEFAULT_MODEL", "is_of_openai"]

DEFAULT_MODEL = "omni-moderation-latest"

CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)


def is_of_openai(model: str) -> bool:
    """Return whether a model has these categories; other providers have their own."""
    return model.startswith(("omni-moderation", "text-moderation"))
