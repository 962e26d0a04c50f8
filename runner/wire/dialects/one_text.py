"""The text of the only message of a prompt, for formats that take a text instead of a conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

from ...values import Json, JsonPath
from ..dialect import UntranslatableError
from ..joining import is_empty

__all__ = ["only_text", "refuse", "text_of"]


def refuse(path: JsonPath, reason: str, hint: str | None = None) -> NoReturn:
    """Raise UntranslatableError for the key at `path`."""
    raise UntranslatableError(path, reason, hint)


def only_text(messages: Json, api: str, hint: str) -> str:
    """Return the text of the only message, of role user; "" without messages. `api` is the name of the format in prose."""
    listed: Sequence[Json] = messages if isinstance(messages, list | tuple) else ()
    if len(listed) > 1:
        refuse(("messages", 1), "there is a second message", hint)
    for message in listed:
        if isinstance(message, Mapping) and message.get("role") != "user":
            refuse(("messages", 0, "role"), "the only message is the user's", hint)
        return text_of(message, ("messages", 0), api)
    return ""


def text_of(message: Json, at: JsonPath, api: str) -> str:
    """Return the text of a message that has nothing else."""
    if not isinstance(message, Mapping):
        refuse(at, "it is not a message")
    for key, value in message.items():
        if key not in ("role", "content") and not is_empty(value):
            refuse((*at, key), "a text has no such key")
    content = message.get("content")
    if isinstance(content, list | tuple):
        return "".join(_part(part, (*at, "content", index), api) for index, part in enumerate(content))
    if not isinstance(content, str):
        refuse((*at, "content"), "the message is empty")
    return content


def _part(part: Json, at: JsonPath, api: str) -> str:
    text = part.get("text") if isinstance(part, Mapping) and part.get("type") == "text" else None
    if not isinstance(part, Mapping) or not isinstance(text, str):
        refuse(at, f"the {api} reads nothing but text")
    for key, value in part.items():
        if key not in ("type", "text") and not is_empty(value):
            refuse((*at, key), "a text has no such key")
    return text
