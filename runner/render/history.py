"""`{type: placeholder}`: a variable whose value is a list of messages, checked and put in as they are.

The messages are data: nothing in them is rendered, and only `allow_roles` of the prompt file lets one of them speak
as `system` or `developer`. The rules are those of the chat completions request (OpenAI API reference, "Create chat
completion").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from ..errors import CaseError, Location
from ..values import Json, JsonPath
from .sources import Use
from .wording import kind_of

__all__ = ["Placeholder"]

_ROLES = frozenset({"user", "assistant", "tool"})

_PARTS = {
    "user": ("text", "image_url", "input_audio", "file"),
    "assistant": ("text", "refusal"),
}
_TEXT_ONLY = ("text",)


@dataclass(frozen=True, slots=True)
class Placeholder:
    """Entry `index` of `messages`; `roles` are those that the messages of the variable `name` may have."""

    index: int
    name: str
    roles: frozenset[str]
    uses: tuple[Use, ...]

    @classmethod
    def of(cls, index: int, entry: Mapping[str, Json], use: Use) -> Placeholder:
        """Read the entry `{type: placeholder, name, allow_roles?}`."""
        allowed = entry.get("allow_roles", ())
        assert isinstance(allowed, Iterable), "the loader has checked the prompt file"
        return cls(index, use.name, _ROLES | {str(role) for role in allowed}, (use,))

    def render(
        self, values: dict[str, Json], texts: Iterator[str], location: Callable[[], Location]
    ) -> list[dict[str, Json]]:
        """The messages of the variable. Raises CaseError, which names the message that breaks a rule."""
        value = values[self.name]
        if not isinstance(value, list):
            self._refuse((), f"is {kind_of(value)}, not a list of messages", location)
        messages: list[dict[str, Json]] = []
        for index, message in enumerate(value):
            if not isinstance(message, dict):
                self._refuse((index,), f"is {kind_of(message)}, not a message", location)
            if broken := _broken_rule(message, self.roles):
                self._refuse((index, *broken[0]), broken[1], location, broken[2])
            messages.append(dict(message))
        return messages

    def _refuse(
        self, path: JsonPath, message: str, location: Callable[[], Location], hint: str | None = None
    ) -> NoReturn:
        name = self.name + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
        raise CaseError(f"{name} {message}", location=location(), hint=hint)


_Broken = tuple[JsonPath, str, str | None]


def _broken_rule(message: Mapping[str, Json], roles: frozenset[str]) -> _Broken | None:
    """The first rule that a message breaks: where, what, and a hint."""
    role = message.get("role")
    if not isinstance(role, str):
        return ("role",), "is missing" if "role" not in message else "is no string", None
    if role not in roles:
        known = ", ".join(sorted(roles))
        if role in ("system", "developer"):
            return (
                ("role",),
                f"is {role!r}, but values may only be {known}",
                f"allow it in the placeholder: allow_roles: [{role}]",
            )
        return ("role",), f"is {role!r}; roles are {known}", None
    if role == "tool" and not isinstance(message.get("tool_call_id"), str):
        return ("tool_call_id",), "is missing: a tool message names the call it answers", None
    calls = message.get("tool_calls")
    if calls is not None:
        if role != "assistant":
            return ("tool_calls",), "is for assistant messages only", None
        if not isinstance(calls, list) or not calls or not all(isinstance(call, dict) for call in calls):
            return ("tool_calls",), "is no list of tool calls", None
    return _broken_content(message, role, has_calls=calls is not None)


def _broken_content(message: Mapping[str, Json], role: str, *, has_calls: bool) -> _Broken | None:
    content = message.get("content")
    if content is None:
        if role == "assistant" and (has_calls or isinstance(message.get("refusal"), str)):
            return None
        return (
            ("content",),
            "is missing" if "content" not in message else "is null",
            ("only an assistant message with tool_calls goes without" if role == "assistant" else None),
        )
    if isinstance(content, str):
        return None
    if not isinstance(content, list) or not content:
        return ("content",), "is neither a string nor a list of parts", None
    allowed = _PARTS.get(role, _TEXT_ONLY)
    for index, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        if not isinstance(part, dict) or kind not in allowed:
            what = f"has type {kind!r}" if isinstance(kind, str) else "has no type"
            return (
                ("content", index),
                f"{what}; {role} messages have parts of type {', '.join(allowed)}",
                None,
            )
        if not isinstance(part.get(str(kind)), str if kind in ("text", "refusal") else dict):
            return ("content", index, str(kind)), "is missing or of the wrong type", None
    return None
