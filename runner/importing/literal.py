"""Texts of requests as templates: what the other tool fills in becomes a variable, everything else stays as it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ..values import Json
from .nunjucks import verbatim

__all__ = ["all_texts", "filled", "in_texts"]


def filled(text: str, placeholder: re.Pattern[str], name_of: Callable[[re.Match[str]], str | None]) -> str:
    """A text as Jinja: each placeholder a variable, the text between them to the character.

    `name_of` gives the variable's name here; None leaves a placeholder as the text that it is.
    """
    pieces: list[str] = []
    at = 0
    for found in placeholder.finditer(text):
        name = name_of(found)
        if name is None:
            continue
        before = verbatim(text[at : found.start()])
        if before.endswith("{"):  # it would belong to the tag
            before = f"{before[:-1]}{{{{ '{{' }}}}"
        pieces += [before, f"{{{{ {name} }}}}"]
        at = found.end()
    return "".join([*pieces, verbatim(text[at:])])


def in_texts(value: Json, change: Callable[[str], str]) -> Json:
    """The contents of messages with each of their texts and addresses changed."""
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
    """The texts in a value."""
    if isinstance(value, str):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from all_texts(each)
