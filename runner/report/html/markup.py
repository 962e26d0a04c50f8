"""Build HTML from values: the only function that escapes, and functions that make elements. Pure.

`Markup` is text that is already HTML. Everything else is escaped when it becomes part of an element, so that no text of
a model, a prompt or a file can be markup; invisible characters are written as escapes.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...visible import visible

__all__ = ["Markup", "element", "joined", "text"]


class Markup(str):
    """Text that is safe to use as HTML."""

    __slots__ = ()


_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})


def text(value: object) -> Markup:
    """Return a value as text of an element or of an attribute."""
    return value if isinstance(value, Markup) else Markup(visible(str(value)).translate(_ESCAPES))


def element(name: str, *content: object, **attributes: object) -> Markup:
    """Return `<name a="1">content</name>`.

    `_` in names of attributes becomes `-`, and a trailing one is removed (`class_`). None and False omit an attribute.
    """
    spelled = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text("" if value is True else value)}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID:
        return Markup(f"<{name}{spelled}>")
    return Markup(f"<{name}{spelled}>{joined(content)}</{name}>")


def joined(parts: Iterable[object]) -> Markup:
    """Return the parts, concatenated."""
    return Markup("".join(text(part) for part in parts))


_VOID = frozenset({"br", "hr", "meta"})
