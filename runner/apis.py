"""The wire formats, each by its `api` word in runner.yaml. To add one, write its module and add its line here."""

from __future__ import annotations

__all__ = ["APIS", "DEFAULT_API"]

DEFAULT_API = "chat"
"""The format of an endpoint that names none. Files on disk do not name it either, so older ones stay valid."""

APIS: dict[str, str] = {
    "chat": "runner.wire.dialects.chat",
    "messages": "runner.wire.dialects.anthropic_messages",
    "responses": "runner.wire.dialects.responses",
}
"""The module of each format, whose `DIALECT` is a `runner.wire.dialect.Dialect`. It is imported when it is first used."""
