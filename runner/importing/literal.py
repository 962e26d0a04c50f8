"""Turn the texts of requests into templates: placeholders of the other tool become variables, other text stays unchanged."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ..values import Json
from .nunjucks import verbatim

__all__ = ["all_texts", "filled", "in_texts"]


def filled(text: str, placeholder: re.Pattern[str], name_of: Callable[[re.Match[str]], str | None]) -> str:
    """Return a text as a Jinja template in which each placeholder is a variable, and all other text is unchanged.

    `name_of` returns the name of the variable, or None to keep a placeholder as text.
    """
    pieces: list[str] = []
    at = 0
    for found in placeholder.finditer(text):
        name = name_of(found)
        if name is None:
            continue
        before = verbatim(text[at : found.start()])
        if before.endswith("{"):  # Jinja would read it as a part of the tag
            before = f"{before[:-1]}{{{{ '{{' }}}}"
        pieces += [before, f"{{{{ {name} }}}}"]
        at = found.end()
    return "".join([*pieces, verbatim(text[at:])])


def in_texts(value: Json, change: Callable[[str], str]) -> Json:
    """Return the contents of messages with each text and URL changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [in_texts(each, change) for each in value]
    if isinstance(value, dict):
        return {
            key: part if key in ("role", "type", "name", "detail", "id") else in_texts(part, change)
            for key, part in value.items()
        }
    return value


def all_texts(value: Json) -> Iterator[str]:
    """Yield the strings in a value."""
    if isinstance(value, str):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from all_texts(each)
