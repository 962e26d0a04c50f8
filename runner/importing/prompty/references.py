"""Resolve references in the front matter of a Prompty file: `${file:NAME}` and `${env:NAME}`."""

from __future__ import annotations

import re

from ...errors import RunnerError
from ...values import Json
from ..nodes import Node
from ..sources import Folder

__all__ = ["REFERENCE", "UnreadError", "resolved"]

REFERENCE = re.compile(r"\$\{(env|file):([^}]*)\}\Z", re.IGNORECASE)
"""A string that is a reference."""


class UnreadError(Exception):
    """A value that is outside of the file and is not read."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why


def resolved(node: Node, folder: Folder, inside: str) -> Json:
    """Return a value in which references to files, named from the folder `inside`, are replaced by their content.

    Raises UnreadError for a reference to the environment, and for a file that cannot be read.
    """
    value = node.value
    if isinstance(value, str):
        text = value.strip()
        found = REFERENCE.match(text)
        if found is None:
            return text
        if found[1].lower() == "env":
            raise UnreadError("I104", "it reads the environment")
        try:
            name = folder.name_of(inside, found[2], node.location)
            if name.endswith((".json", ".yaml", ".yml")):
                return folder.document(name, node.location).value
            return folder.text(name, node.location)
        except RunnerError as error:
            raise UnreadError("I302", error.message) from None
    if isinstance(value, list):
        return [resolved(item, folder, inside) for item in node.items()]
    if isinstance(value, dict):
        return {key: resolved(part, folder, inside) for key, part in node.entries()}
    return value
