"""List the wire formats by the value of `api` in runner.yaml. To add one, write its module and add a line here."""

from __future__ import annotations

__all__ = ["APIS", "DEFAULT_API", "OPERATIONS"]

DEFAULT_API = "chat"
"""The format of an endpoint without `api`. Files on disk do not name it either, so older ones stay valid."""

APIS: dict[str, str] = {
    "chat": "runner.wire.dialects.chat",
    "completions": "runner.wire.dialects.completions",
    "images": "runner.wire.dialects.images",
    "messages": "runner.wire.dialects.anthropic_messages",
    "responses": "runner.wire.dialects.responses",
    "speech": "runner.wire.dialects.speech",
    "transcriptions": "runner.wire.dialects.transcriptions",
}
"""The module of each format, whose `DIALECT` is a `runner.wire.dialect.Dialect`. It is imported when it is first used."""

OPERATIONS: dict[str, str] = {
    "embeddings": "runner.wire.dialects.embeddings",
    "moderations": "runner.wire.dialects.moderations",
}
"""The modules of the operations that only assertions use; an endpoint offers them beside its `api`."""
