"""Read the text of a message's `content`, which some servers send as a list of parts (Mistral, Databricks)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..values import Json
from .decoding import visible
from .joining import is_empty

__all__ = ["MessageContent", "read_content"]

_REASONING_TYPES = frozenset({"thinking", "reasoning", "think"})


class MessageContent(NamedTuple):
    """The contents of `content`. `text` is None if there is no text; `other` has the types of all other parts.

    `left` has these other parts as received; `marked` has parts of the text, the reasoning and the refusal that have
    further fields, such as citations and signatures.
    """

    text: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    other: tuple[str, ...] = ()
    left: tuple[Json, ...] = ()
    marked: tuple[Json, ...] = ()


def read_content(content: Json) -> MessageContent:
    """Join the text parts of `content` to one text, with reasoning and refusals kept separate."""
    if content is None or isinstance(content, str):
        return MessageContent(text=content)
    if not isinstance(content, list | tuple):
        return MessageContent(other=(type(content).__name__,), left=(content,))
    texts: list[str] = []
    reasoning: list[str] = []
    refusals: list[str] = []
    other: list[str] = []
    left: list[Json] = []
    marked: list[Json] = []
    for part in content:
        kind = part.get("type") if isinstance(part, Mapping) else None
        read_keys: set[str] = set()
        if isinstance(part, str):
            texts.append(part)
        elif not isinstance(part, Mapping) or not isinstance(kind, str):
            other.append(type(part).__name__)
            left.append(part)
            continue
        elif kind in _REASONING_TYPES:
            key = kind if kind in part else "text"
            thought = read_content(part.get(key))
            reasoning.append(thought.text or "")
            read_keys = set() if thought.left or thought.marked else {key}
        elif kind == "refusal" and isinstance(refusal := part.get("refusal"), str):
            refusals.append(refusal)
            read_keys = {"refusal"}
        elif kind in {"text", "output_text"} and isinstance(text := part.get("text"), str):
            texts.append(text)
            read_keys = {"text"}
        else:
            other.append(str(visible(kind)))
            left.append(part)
            continue
        if isinstance(part, Mapping) and not all(
            is_empty(value) for key, value in part.items() if key not in read_keys and key != "type"
        ):
            marked.append(part)
    return MessageContent(
        _joined(texts), _joined(reasoning), _joined(refusals), tuple(other), tuple(left), tuple(marked)
    )


def _joined(pieces: list[str]) -> str | None:
    return "".join(pieces) if pieces else None
