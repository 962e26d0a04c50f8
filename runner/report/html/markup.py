"""HTML from values: the one function that escapes, and elements made with it. Pure.

`Markup` is text that is HTML already. Everything else is escaped when it becomes part of an element, so that no text
of a model, a prompt or a file can be markup; characters that nobody sees are spelled out.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...visible import visible

__all__ = ["Markup", "element", "joined", "text"]


class Markup(str):
    """HTML that is safe as it stands."""

    __slots__ = ()


_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})


def text(value: object) -> Markup:
    """A value as text of an element or of an attribute."""
    return value if isinstance(value, Markup) else Markup(visible(str(value)).translate(_ESCAPES))


def element(name: str, *content: object, **attributes: object) -> Markup:
    """`<name a="1">content</name>`.

    `_` in names of attributes is `-`, and one at the end is left out (`class_`). None and False leave an attribute out.
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
    """The parts one after the other."""
    return Markup("".join(text(part) for part in parts))


_VOID = frozenset({"br", "hr", "meta"})
