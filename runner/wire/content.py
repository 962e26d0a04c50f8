"""The text in a message's `content`, which some servers send as a list of parts (Mistral, Databricks)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..values import Json

__all__ = ["Content", "read_content"]

_REASONING_TYPES = frozenset({"thinking", "reasoning"})


class Content(NamedTuple):
    """What `content` holds. `text` is None when there is none; `other` names the types of parts that are neither."""

    text: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    other: tuple[str, ...] = ()


def read_content(content: Json) -> Content:
    """`content` as one text: the text parts of a list joined, reasoning and refusals apart."""
    if content is None or isinstance(content, str):
        return Content(text=content)
    if not isinstance(content, list | tuple):
        return Content(other=(type(content).__name__,))
    texts: list[str] = []
    reasoning: list[str] = []
    refusals: list[str] = []
    other: list[str] = []
    for part in content:
        kind = part.get("type") if isinstance(part, Mapping) else None
        if isinstance(part, str):
            texts.append(part)
        elif not isinstance(part, Mapping) or not isinstance(kind, str):
            other.append(type(part).__name__)
        elif kind in _REASONING_TYPES:
            thought = part.get(kind, part.get("text"))
            reasoning.append(read_content(thought).text or "")
        elif kind == "refusal" and isinstance(refusal := part.get("refusal"), str):
            refusals.append(refusal)
        elif kind in {"text", "output_text"} and isinstance(text := part.get("text"), str):
            texts.append(text)
        else:
            other.append(kind)
    return Content(_joined(texts), _joined(reasoning), _joined(refusals), tuple(other))


def _joined(pieces: list[str]) -> str | None:
    return "".join(pieces) if pieces else None
