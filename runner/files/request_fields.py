"""The values of request fields that are not in the prompt file: from `--set`, or from a program."""

from __future__ import annotations

from ..errors import UsageError
from ..values import Json
from .formats import schema, violations
from .prompt import OWN_KEYS, as_sent
from .provider_fields import EXTRA, collisions, extra_fault
from .violations import near

__all__ = ["field_value"]


def field_value(name: str, value: Json, said: str) -> Json:
    """Return the value of a request field as it is sent. Raises UsageError, which begins with `said`, if it is not valid."""
    known = schema("prompt")["properties"].keys() - OWN_KEYS - {"messages"}
    if name.partition(".")[0] == EXTRA:
        if name == EXTRA and not isinstance(value, dict):
            raise UsageError(f"{said}: extra_body is an object", hint=f"set one field: {EXTRA}.NAME=VALUE")
        if refused := extra_fault(name, value):
            raise UsageError(f"{said}: {refused[0]}", hint=refused[1])
        return value
    if name not in known:
        raise UsageError(f"{said}: {name} is not a request field", hint=near(name, known))
    faults = [fault for fault in violations({name: value}, "prompt") if fault.path[:1] == (name,)]
    for fault in faults or collisions({name: value}):
        raise UsageError(f"{said}: {fault.message}", hint=fault.hint)
    return as_sent(name, value)
