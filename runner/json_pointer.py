"""Escape and unescape the names of a JSON Pointer (https://www.rfc-editor.org/rfc/rfc6901#section-3)."""

from __future__ import annotations

__all__ = ["escape_token", "unescape_token"]


def escape_token(name: str) -> str:
    """Return a name as one reference token of a pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def unescape_token(token: str) -> str:
    """Return the name that a reference token refers to."""
    return token.replace("~1", "/").replace("~0", "~")  # in this order: "~01" is the name "~1"
