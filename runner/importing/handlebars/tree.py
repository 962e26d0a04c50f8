"""Define the tree of a Handlebars template."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "Argument",
    "Block",
    "Comment",
    "Constant",
    "Content",
    "HandlebarsError",
    "Mustache",
    "Part",
    "Partial",
    "PathExpression",
    "Tag",
]


class HandlebarsError(ValueError):
    """A template that Handlebars cannot parse, or that is not translated; `line` counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


@dataclass(frozen=True, slots=True)
class PathExpression:
    """A variable: its parts, the number of `../`, `data` if it begins with `@`, and `this` if it begins with `this`."""

    parts: tuple[str, ...]
    up: int = 0
    data: bool = False
    this: bool = False


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant."""

    value: str | float | int | bool | None


Argument = PathExpression | Constant


@dataclass(slots=True)
class Content:
    """Text. `original` is the text before white space was removed."""

    value: str
    original: str
    line: int


@dataclass(slots=True, kw_only=True)
class Tag:
    """A tag that is no block; `open` and `close` say whether it removes the white space before and after it (`~`)."""

    line: int
    open: bool = False
    close: bool = False


@dataclass(slots=True)
class Mustache(Tag):
    """`{{ name arguments }}`."""

    path: Argument
    params: list[Argument]
    hash: dict[str, Argument]


@dataclass(slots=True)
class Partial(Tag):
    """`{{> name }}`; `indent` is the indent that a standalone one adds to each line."""

    name: str
    params: list[Argument]
    hash: dict[str, Argument]
    indent: str = ""


@dataclass(slots=True)
class Comment(Tag):
    """`{{! text }}`, which prints nothing."""


@dataclass(slots=True)
class Block:
    """`{{#name}} body {{else}} otherwise {{/name}}`; an `else if` is a `chained` block, the only part of `otherwise`."""

    path: PathExpression
    params: list[Argument]
    hash: dict[str, Argument]
    names: list[str]
    body: list[Part]
    otherwise: list[Part] | None
    line: int
    chained: bool = False
    open: tuple[bool, bool] = (False, False)
    middle: tuple[bool, bool] = (False, False)
    close: tuple[bool, bool] = (False, False)


Part = Content | Mustache | Partial | Block | Comment
