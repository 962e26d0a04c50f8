"""Translate the body of a dotprompt file (Handlebars) to messages whose contents are Jinja templates."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field

from ...errors import Location, RunnerError
from ...values import Json
from ..front_matter import split
from ..handlebars.parser import parse
from ..handlebars.tree import (
    Block,
    Constant,
    Content,
    HandlebarsError,
    Mustache,
    Part,
    Partial,
    PathExpression,
)
from ..ledger import Ledger, RefusedSourceError
from ..nunjucks import verbatim
from ..sources import Folder
from .names import BodyNames, Scope

__all__ = ["HandlebarsBody"]

_ROLES = {"system": "system", "user": "user", "model": "assistant", "assistant": "assistant"}
_DEEPEST = 12


@dataclass(slots=True)
class _Message:
    role: str
    pieces: list[str | dict[str, Json]] = field(default_factory=list)

    def add(self, text: str) -> None:
        if self.pieces and isinstance(self.pieces[-1], str):
            self.pieces[-1] += text
        else:
            self.pieces.append(text)


@dataclass(slots=True)
class HandlebarsBody:
    """Translator of one body to Jinja. Used for one import."""

    folder: Folder
    inside: str
    place: Location
    ledger: Ledger
    names: BodyNames
    messages: list[Json] = field(default_factory=list)
    current: _Message = field(default_factory=lambda: _Message("user"))
    looped: set[str] = field(default_factory=set)
    number: int = 0
    partials: tuple[str, ...] = ()

    # --- messages ---

    def finish(self) -> None:
        """End the current message."""
        content = [piece for piece in self.current.pieces if not isinstance(piece, str) or piece.strip()]
        if content:
            self.messages.append({"role": self.current.role, "content": _content(content)})
        self.current = _Message("user")

    def top(self, parts: list[Part], scope: Scope) -> None:
        """Read parts outside of blocks, where roles, histories and media are allowed."""
        for part in parts:
            if isinstance(part, Mustache) and self._marker(part):
                continue
            if isinstance(part, Partial):
                self.top(self._included(part), self._given_to(part, scope))
                self.partials = self.partials[:-1]
                continue
            self.current.add(_joined(self.current.pieces, self.one(part, scope)))

    def _marker(self, part: Mustache) -> bool:
        if (
            not isinstance(part.path, PathExpression)
            or part.path.up
            or part.path.data
            or len(part.path.parts) != 1
        ):
            return False
        name = part.path.parts[0]
        if name == "role" and part.params:
            role = part.params[0]
            if not isinstance(role, Constant) or not isinstance(role.value, str) or role.value not in _ROLES:
                raise HandlebarsError("the role is not system, user or model", part.line)
            if any(isinstance(piece, dict) or piece.strip() for piece in self.current.pieces):
                self.finish()
            self.current = _Message(_ROLES[role.value])
            return True
        if name == "history":
            self.finish()
            self.messages.append({"type": "placeholder", "name": "history"})
            self.current = _Message("assistant")
            return True
        if name == "media":
            self.current.pieces.append(self._media(part))
            return True
        if name == "section":
            raise HandlebarsError("a section is filled by code", part.line)
        return False

    def _media(self, part: Mustache) -> dict[str, Json]:
        url = part.hash.get("url")
        kind = part.hash.get("contentType")
        if url is None:
            raise HandlebarsError("media has no url", part.line)
        if isinstance(kind, Constant) and isinstance(kind.value, str) and not kind.value.startswith("image/"):
            raise HandlebarsError(f"media of the type {kind.value}", part.line)
        if isinstance(kind, PathExpression):
            self.ledger.remark(
                Location(self.place.path, part.line + (self.place.line or 1) - 1, 1), "I610", "media",
                "its type is a variable; it is sent as an image",
            )  # fmt: skip
        text = (
            str(url.value)
            if isinstance(url, Constant)
            else "{{ " + self.names.path(url, Scope(None), part.line) + " }}"
        )
        return {"type": "image_url", "image_url": {"url": text}}

    # --- text ---

    def text(self, parts: list[Part], scope: Scope) -> str:
        """Return parts inside of a block as Jinja."""
        pieces: list[str | dict[str, Json]] = []
        for part in parts:
            if isinstance(part, Mustache) and (word := _marker_of(part)) is not None:
                raise HandlebarsError(f"{word} inside of a block or a loop", part.line)
            if isinstance(part, Partial):
                made = self.text(self._included(part), self._given_to(part, scope))
                self.partials = self.partials[:-1]
            else:
                made = self.one(part, scope)
            pieces = ["".join(str(piece) for piece in pieces) + _joined(pieces, made)]
        return str(pieces[0]) if pieces else ""

    def one(self, part: Part, scope: Scope) -> str:
        """Return one part as Jinja."""
        if isinstance(part, Content):
            return verbatim(part.value)
        if isinstance(part, Mustache):
            return self._mustache(part, scope)
        if isinstance(part, Block):
            return self._block(part, scope)
        return ""

    def _mustache(self, part: Mustache, scope: Scope) -> str:
        path = part.path
        if isinstance(path, Constant):
            return verbatim(str(path.value))
        name = path.parts[0] if path.parts else ""
        if name == "json" and len(part.params) == 1:
            indent = part.hash.get("indent")
            value = self.names.argument(part.params[0], scope, part.line)
            if isinstance(indent, Constant) and isinstance(indent.value, int) and indent.value > 0:
                return "{{ " + f"{value} | tojson({indent.value})" + " }}"
            self.ledger.remark(
                Location(self.place.path, part.line + (self.place.line or 1) - 1, 1), "I605", "json",
                "the JSON has a space after each comma and colon",
            )  # fmt: skip
            return "{{ " + f"{value} | tojson" + " }}"
        if part.params or part.hash:
            raise HandlebarsError(f"the helper {'.'.join(path.parts)} is defined in code", part.line)
        if path.data and path.parts and path.parts[0] in ("index", "first", "last", "key"):
            return "{{ " + self.names.path(path, scope, part.line) + " }}"
        return "{{ " + self._printed(path, scope, part.line) + " }}"

    def _printed(self, path: PathExpression, scope: Scope, line: int) -> str:
        """Return a value as Handlebars prints it: missing values as nothing, lists with commas between the items."""
        expression = self.names.path(path, scope, line)
        kind = self.names.type_of(path, scope)
        if kind == "array":
            return f'{expression} | join(",")'
        if kind == "object":
            self.ledger.remark(
                Location(self.place.path, line + (self.place.line or 1) - 1, 1), "I606", f'variable "{".".join(path.parts)}"',
                "Handlebars prints [object Object] for it; runner prints JSON",
            )  # fmt: skip
        if kind in ("integer", "number", "boolean") and scope.base is None and self.names.is_optional(path):
            return f'"" if {expression} is none else {expression}'
        return expression

    def _block(self, block: Block, scope: Scope) -> str:
        name = ".".join(block.path.parts)
        if name in ("if", "unless") and len(block.params) == 1:
            test = self.names.truth(block.params[0], scope, block.line)
            body, otherwise = self.text(block.body, scope), self._otherwise(block, scope)
            if name == "unless":
                test = f"not ({test})"
            return "{% if " + test + " %}" + body + otherwise + "{% endif %}"
        if name in ("ifEquals", "unlessEquals") and len(block.params) == 2:
            sign = "==" if name == "ifEquals" else "!="
            one, other = (self.names.argument(each, scope, block.line) for each in block.params)
            body, otherwise = self.text(block.body, scope), self._otherwise(block, scope)
            return "{% if " + f"{one} {sign} {other}" + " %}" + body + otherwise + "{% endif %}"
        if name == "each" and len(block.params) == 1 and isinstance(block.params[0], PathExpression):
            return self._each(block, block.params[0], scope)
        if name == "with" and len(block.params) == 1 and isinstance(block.params[0], PathExpression):
            base = self.names.path(block.params[0], scope, block.line)
            test = self.names.truth(block.params[0], scope, block.line)
            inner = Scope(f"({base})", scope, dict.fromkeys(block.names[:1], f"({base})"), scope.loop)
            body, otherwise = self.text(block.body, inner), self._otherwise(block, scope)
            return "{% if " + test + " %}" + body + otherwise + "{% endif %}"
        if not block.params and not block.hash and name not in ("each", "if", "unless", "with"):
            return self._section(block, scope)
        raise HandlebarsError(f"the block helper {name} is defined in code", block.line)

    def _section(self, block: Block, scope: Scope) -> str:
        """Return `{{#name}}`: a loop over a list, the context of an object, or a condition, by the type of the variable."""
        kind = self.names.type_of(block.path, scope)
        if kind == "array":
            return self._each(block, block.path, scope)
        if kind not in ("object", "boolean"):  # an empty string, or 0, would not end it
            raise HandlebarsError(
                f"the block {'.'.join(block.path.parts)} may be a loop, a context or a condition", block.line
            )
        base = self.names.path(block.path, scope, block.line)
        test = self.names.truth(block.path, scope, block.line)
        inner = scope if kind == "boolean" else Scope(f"({base})", scope, {}, scope.loop)
        body, otherwise = self.text(block.body, inner), self._otherwise(block, scope)
        return "{% if " + test + " %}" + body + otherwise + "{% endif %}"

    def _otherwise(self, block: Block, scope: Scope) -> str:
        return "" if block.otherwise is None else "{% else %}" + self.text(block.otherwise, scope)

    def _each(self, block: Block, over: PathExpression, scope: Scope) -> str:
        self.number += 1
        item = f"item{self.number}"
        listed = self.names.path(over, scope, block.line)
        if scope.base is None and not over.up and over.parts:
            self.looped.add(over.parts[0])
        names = {}
        if block.names:
            names[block.names[0]] = item
        loop = "loop"
        if self.names.type_of(over, scope) == "object":
            key = f"key{self.number}"
            if len(block.names) > 1:
                names[block.names[1]] = key
            inner = Scope(item, scope, names, key)
            head = f"for {key}, {item} in {listed}.items()"
        else:
            if len(block.names) > 1:
                names[block.names[1]] = "loop.index0"
            inner = Scope(item, scope, names, loop)
            head = f"for {item} in {listed}"
        body = self.text(block.body, inner)
        return "{% " + head + " %}" + body + self._otherwise(block, scope) + "{% endfor %}"

    def _given_to(self, part: Partial, scope: Scope) -> Scope:
        """Return the meaning of names in a partial: `{{> name context key=value}}`."""
        if len(part.params) > 1 or any(isinstance(each, Constant) for each in part.params):
            raise HandlebarsError(f"the partial {part.name} has several arguments", part.line)
        if part.params:
            value = part.params[0]
            assert isinstance(value, PathExpression)
            if value.parts or value.up or scope.base is not None:
                scope = Scope(f"({self.names.path(value, scope, part.line)})", scope, {}, scope.loop)
        if not part.hash:
            return scope
        named = {key: f"({self.names.argument(each, scope, part.line)})" for key, each in part.hash.items()}
        return Scope(scope.base, scope.above, {**scope.names, **named}, scope.loop)

    def _included(self, part: Partial) -> list[Part]:
        """Return the parts of a partial, which is the file `_name.prompt` beside the prompt."""
        if part.name in self.partials or len(self.partials) > _DEEPEST:
            raise HandlebarsError(f"the partial {part.name} includes itself", part.line)
        folder, _, stem = part.name.rpartition("/")
        reference = f"{folder}/_{stem}.prompt" if folder else f"_{stem}.prompt"
        try:
            name = self.folder.name_of(self.inside, reference, self.place)
            text = self.folder.text(name, self.place)
        except RunnerError:
            raise HandlebarsError(
                f"the partial {part.name} does not exist ({reference})", part.line
            ) from None
        with contextlib.suppress(RefusedSourceError):  # a partial may have no front matter
            text = split(text, name).body.strip()
        if part.indent:
            text = "\n".join(f"{part.indent}{line}" if line else line for line in text.split("\n"))
        self.partials = (*self.partials, part.name)
        return parse(text)


def _marker_of(part: Mustache) -> str | None:
    """Return the marker of a tag that begins a message or a part of one."""
    if not isinstance(part.path, PathExpression) or len(part.path.parts) != 1:
        return None
    name = part.path.parts[0]
    marks = name == "history" or (name in ("role", "media", "section") and bool(part.params or part.hash))
    return name if marks else None


def _joined(pieces: list[str | dict[str, Json]], text: str) -> str:
    """Return a text that can follow the others: Jinja would read a brace before a tag as a part of the tag."""
    last = pieces[-1] if pieces else ""
    if isinstance(last, str) and last.endswith("{") and text.startswith("{") and isinstance(pieces[-1], str):
        pieces[-1] = f"{last[:-1]}{{{{ '{{' }}}}"
    return text


def _content(pieces: list[str | dict[str, Json]]) -> Json:
    if len(pieces) == 1 and isinstance(pieces[0], str):
        return pieces[0]
    return [{"type": "text", "text": piece} if isinstance(piece, str) else piece for piece in pieces]
