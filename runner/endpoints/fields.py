"""The header fields of a response as text, the same for every transport."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["read_fields"]


def read_fields(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Fields by lower-case name; those that occur more than once are joined (RFC 9110, 5.3).

    Bytes beyond ASCII, which the RFC leaves undefined, are read as UTF-8, else as Latin-1: any bytes become text that
    a file can hold.
    """
    fields: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name = raw_name.decode("latin-1").lower()
        try:
            value = raw_value.decode()
        except UnicodeDecodeError:
            value = raw_value.decode("latin-1")
        known = fields.get(name)
        fields[name] = value if known is None else f"{known}, {value}"
    return fields
