"""Strict JSON documents with positions (RFC 8259 without its leniencies: see `strict_json`)."""

from __future__ import annotations

import json

from .documents import Document
from .json_outline import outline
from .strict_json import load_strict
from .text import TextError, located

__all__ = ["parse_json"]


def parse_json(text: str, shown: str, *, first_line: int = 1) -> Document:
    """Read one JSON value; `shown` is the file's name in messages, `first_line` the line on which `text` begins.

    The value is read at the speed of `json.loads`. Positions are found by a second reading, which happens only
    when a position is needed or to explain what is wrong.

    Raises SyntaxFileError for text that is not strict JSON (see `load_strict`).
    """
    try:
        try:
            value = load_strict(text)
        except ValueError as refusal:
            raise _explained(text, refusal) from None
    except TextError as error:
        raise located(error, text, shown, first_line) from None
    return Document(value, shown, text, lambda: outline(text), first_line=first_line)


def _explained(text: str, refusal: ValueError) -> TextError:
    """Return what the exact reading finds wrong in a text that the fast one refused."""
    try:
        outline(text)
    except TextError as error:
        return error
    # The two readers disagree: believe the stricter.
    return TextError("this is not JSON", refusal.pos if isinstance(refusal, json.JSONDecodeError) else 0)
