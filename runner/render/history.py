"""`{type: placeholder}`: a variable whose value is a list of messages, which are checked and inserted unchanged.

The messages are data: nothing in them is rendered, and only `allow_roles` of the prompt file allows the roles `system`
and `developer`. Otherwise the rules are those for a message in a prompt file.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from ..errors import CaseError, Location
from ..files.formats import violations
from ..files.provider_fields import merged_message, message_collisions
from ..files.violations import FormatViolation, spell
from ..values import Json, JsonPath
from .message_words import kind_of
from .template_sources import LocatedUse

__all__ = ["Placeholder"]

_ROLES = frozenset({"user", "assistant", "tool"})


@dataclass(frozen=True, slots=True)
class Placeholder:
    """Entry `index` of `messages`; `roles` are the roles that the messages in the variable `name` may have."""

    index: int
    name: str
    roles: frozenset[str]
    uses: tuple[LocatedUse, ...]

    @classmethod
    def of(cls, index: int, entry: Mapping[str, Json], use: LocatedUse) -> Placeholder:
        """Read the entry `{type: placeholder, name, allow_roles?}`."""
        allowed = entry.get("allow_roles", ())
        assert isinstance(allowed, Iterable), "the loader has checked the prompt file"
        return cls(index, use.name, _ROLES | {str(role) for role in allowed}, (use,))

    def render(
        self, values: dict[str, Json], texts: Iterator[str], location: Callable[[], Location]
    ) -> list[dict[str, Json]]:
        """Return the messages of the variable. Raises CaseError, which names the message that breaks a rule."""
        value = values[self.name]
        if not isinstance(value, list):
            raise CaseError(f"{self.name} is {kind_of(value)}, not a list of messages", location=location())
        messages: list[dict[str, Json]] = []
        for index, message in enumerate(value):
            at = (self.name, index)
            if not isinstance(message, dict):
                raise CaseError(f"{spell(at)} is {kind_of(message)}, not a message", location=location())
            if fault := self._fault(message, at):
                raise CaseError(fault.message, location=location(), hint=fault.hint)
            messages.append(dict(merged_message(message)))
        return messages

    def _fault(self, message: dict[str, Json], at: JsonPath) -> FormatViolation | None:
        """Return the first rule that a message breaks, or None."""
        role, where = message.get("role"), spell((*at, "role"))
        if not isinstance(role, str):
            return FormatViolation(at, f"{where} {'is not a string' if 'role' in message else 'is missing'}")
        if role not in self.roles:
            known = ", ".join(sorted(self.roles))
            if role in ("system", "developer"):
                hint = f"allow it in the placeholder: allow_roles: [{role}]"
                return FormatViolation(
                    at, f"{where} is {role!r}, but in values only {known} are allowed", hint
                )
            return FormatViolation(at, f"{where} is {role!r}; roles are {known}")
        shape = _shape(message)
        if shape in _SOUND:
            return None
        for fault in violations(message, "prompt", "wireMessage", at) or message_collisions(message, at):
            return fault
        if len(_SOUND) >= _MOST_SOUND:
            _SOUND.clear()
        _SOUND.add(shape)
        return None


_SOUND: set[Hashable] = set()
"""Cached shapes of valid messages: the rows of a data file repeat a few shapes, and a check is slow."""

_MOST_SOUND = 1024
_TOLD_APART = frozenset({"role", "type", "detail", "format"})
"""Keys whose values decide what else is allowed; all other strings are only checked for being empty."""


def _shape(value: Json, key: str = "") -> Hashable:
    """Return everything in a message on which the rules depend."""
    if isinstance(value, str):
        return value if key in _TOLD_APART else bool(value)
    if isinstance(value, dict):
        return tuple((name, _shape(each, name)) for name, each in value.items())
    if isinstance(value, list):
        return ("list", *(_shape(each) for each in value))
    return type(value).__name__
