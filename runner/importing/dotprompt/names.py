"""Translate the variables of a dotprompt file, by the blocks around them, to expressions of Jinja."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ...errors import Location
from ...values import Json
from ..handlebars.tree import Argument, Constant, HandlebarsError, PathExpression
from ..ledger import Ledger
from ..names import input_name

__all__ = ["BodyNames", "Scope"]


@dataclass(frozen=True, slots=True)
class Scope:
    """The meaning of names in a block: `base` is the Jinja expression of the context, None for the variables of the prompt."""

    base: str | None
    above: Scope | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    loop: str | None = None


@dataclass(slots=True)
class BodyNames:
    """The variables of one body. `schema` is that of the input; `used` are those that the body reads, `walked` those whose members."""

    place: Location
    schema: Mapping[str, Json]
    ledger: Ledger
    used: dict[str, None] = field(default_factory=dict)
    walked: set[str] = field(default_factory=set)
    renamed: dict[str, str] = field(default_factory=dict)

    def argument(self, value: Argument, scope: Scope, line: int) -> str:
        """Return the expression for a constant or a variable."""
        if isinstance(value, Constant):
            if value.value is None:
                return "none"
            return json.dumps(value.value, ensure_ascii=False)
        return self.path(value, scope, line)

    def path(self, path: PathExpression, scope: Scope, line: int) -> str:
        """Return the expression for a variable; it is empty if there is no such member."""
        if path.data:
            return self._data(path, scope, line)
        here: Scope | None = scope
        for _ in range(path.up):
            here = here.above if here is not None else None
        if here is None:
            raise HandlebarsError("../ has no outer context", line)
        parts = path.parts
        if parts and not path.this and not path.up:
            named: Scope | None = here
            while named is not None:
                if parts[0] in named.names:
                    return _member(named.names[parts[0]], parts[1:])
                named = named.above
        if here.base is not None:
            return _member(here.base, parts)
        if not parts:
            raise HandlebarsError("`this` is the whole input", line)
        return _member(self.variable(parts[0], walked=len(parts) > 1), parts[1:])

    def variable(self, name: str, *, walked: bool = False) -> str:
        """Return the name of a variable in the prompt file."""
        self.used.setdefault(name)
        if walked:
            self.walked.add(name)
        ours = input_name(name)
        if ours != name:
            self.renamed[name] = ours
        return ours

    def _data(self, path: PathExpression, scope: Scope, line: int) -> str:
        name = path.parts[0] if path.parts else ""
        if name == "root" and len(path.parts) > 1:
            return _member(self.variable(path.parts[1], walked=len(path.parts) > 2), path.parts[2:])
        if scope.loop is None or path.up or len(path.parts) != 1:
            raise HandlebarsError(f"@{'.'.join(path.parts)} is set by code", line)
        if name == "key":
            return scope.loop if scope.loop != "loop" else "loop.index0"
        words = {"index": "loop.index0", "first": "loop.first", "last": "loop.last"}
        if name not in words:
            raise HandlebarsError(f"@{name} is set by code", line)
        return words[name]

    def truth(self, value: Argument, scope: Scope, line: int) -> str:
        """Return the expression for a condition."""
        expression = self.argument(value, scope, line)
        if isinstance(value, PathExpression) and self.type_of(value, scope) == "object":
            self.ledger.remark(
                Location(self.place.path, line + (self.place.line or 1) - 1, 1), "I607", f'variable "{".".join(value.parts)}"',
                "an empty object is true in Handlebars, and false in runner",
            )  # fmt: skip
        return expression

    def type_of(self, path: PathExpression, scope: Scope) -> str | None:
        """Return the type of a variable in the schema of the input."""
        if scope.base is not None or path.up or path.data or not path.parts:
            return None
        schema: Json = dict(self.schema)
        for part in path.parts:
            properties = schema.get("properties") if isinstance(schema, dict) else None
            schema = properties.get(part) if isinstance(properties, dict) else None
        kind = schema.get("type") if isinstance(schema, dict) else None
        kinds = [each for each in kind if each != "null"] if isinstance(kind, list) else [kind]
        return str(kinds[0]) if len(kinds) == 1 and kinds[0] else None

    def is_optional(self, path: PathExpression) -> bool:
        """Return whether the schema of the input lets a variable be missing."""
        required = self.schema.get("required")
        return bool(path.parts) and not (isinstance(required, list) and path.parts[0] in required)


def _member(base: str, parts: tuple[str, ...]) -> str:
    made = base
    for part in parts:
        step = (
            f".{part}"
            if re.fullmatch(r"[A-Za-z_]\w*", part) and part not in _METHODS
            else f"[{json.dumps(part)}]"
        )
        made = f'({made}{step} | default(""))'
    return made


_METHODS = {"get", "items", "keys", "values", "count", "index"}
