"""Decode the header fields of a response, the same for every transport."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["read_fields"]


def read_fields(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the fields by lower-case name; repeated fields are joined (RFC 9110, 5.3).

    Bytes beyond ASCII, which the RFC does not define, are decoded as UTF-8, else as Latin-1, so that any bytes become
    valid text.
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
