"""The values of request fields that are not in the prompt file: from `--set`, or from a program."""

from __future__ import annotations

from ..errors import UsageError
from ..values import Json
from .formats import schema, violations
from .prompt import OWN_KEYS, as_sent
from .provider_fields import collisions
from .violations import near

__all__ = ["field_value"]


def field_value(name: str, value: Json, said: str) -> Json:
    """Return the value of a request field as it is sent. Raises UsageError, which begins with `said`, if it is not valid."""
    known = schema("prompt")["properties"].keys() - OWN_KEYS - {"messages"}
    if name not in known:
        raise UsageError(f"{said}: {name} is not a request field", hint=near(name, known))
    faults = [fault for fault in violations({name: value}, "prompt") if fault.path[:1] == (name,)]
    for fault in faults or collisions({name: value}):
        raise UsageError(f"{said}: {fault.message}", hint=fault.hint)
    return as_sent(name, value)
