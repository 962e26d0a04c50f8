"""The error of a schema that cannot be used."""

from __future__ import annotations

from ..values import JsonPath
from .wording import json_path

__all__ = ["SchemaProblem"]


class SchemaProblem(ValueError):
    """A JSON Schema cannot be used. `path` is the place in the schema, `message` is one sentence."""

    def __init__(self, path: JsonPath, message: str) -> None:
        super().__init__(f"{json_path(path)}: {message}")
        self.path = path
        self.message = message
