"""Find API keys in sources by the names of their fields, and mask them in everything that is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..masking import find_secret, mask
from ..values import Json
from .ledger import Ledger
from .nodes import Node

__all__ = ["holds_key", "is_key_name", "keys_in", "report_keys", "scrubbed", "without_keys"]

_KEY_NAME = re.compile(
    r"(?i)^(?:[a-z0-9]+[_-])*(?:api[_-]?key|apikey|key[_-]?secret|secret(?:[_-]?(?:key|access[_-]?key))?|password|passwd|"
    r"access[_-]?token|auth[_-]?token|bearer|authorization|token|private[_-]?key|client[_-]?secret|x-api-key|credentials?)$"
)
_NOT_KEYS = re.compile(r"(?i)(?:max|min|stop|special|top|total|input|output|prompt|completion)[_-]?tokens?$")


def is_key_name(name: str) -> bool:
    """Return whether a field with this name contains a key."""
    spelt = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return _KEY_NAME.match(spelt) is not None and _NOT_KEYS.search(spelt) is None


def keys_in(node: Node, depth: int = 0) -> Iterator[tuple[Node, str]]:
    """Yield the literal keys in a value, with their nodes."""
    if depth > 60:
        return
    for name, value in node.entries():
        if (
            is_key_name(name)
            and isinstance(value.value, str)
            and value.value
            and not _is_reference(value.value)
        ):
            yield value, value.value
        else:
            yield from keys_in(value, depth + 1)
    for item in node.items():
        yield from keys_in(item, depth + 1)


def report_keys(root: Node, ledger: Ledger) -> frozenset[str]:
    """Report each key in a source, and return the keys."""
    found = tuple(keys_in(root))
    for node, _ in found:
        ledger.remark(
            node.key_location,
            "I103",
            f'key "{node.path[-1]}"',
            "the key in this file is not copied; revoke it",
        )
    return frozenset(key for _, key in found)


def _is_reference(text: str) -> bool:
    """Return whether a text is a reference to a key, or a placeholder: `${env:X}`, `{{ env.X }}`, `$X`, `<your key>`."""
    return text.startswith(("$", "{{", "<", "env:", "ENV:")) or text.strip() == ""


def scrubbed(value: Json, keys: frozenset[str]) -> Json:
    """Return a value in which fields with names of keys, and known keys in strings, are masked."""
    if isinstance(value, dict):
        return {
            name: "[key]" if is_key_name(name) and isinstance(part, str) else scrubbed(part, keys)
            for name, part in value.items()
        }
    if isinstance(value, list):
        return [scrubbed(part, keys) for part in value]
    return without_keys(value, keys) if isinstance(value, str) else value


def without_keys(text: str, keys: frozenset[str]) -> str:
    """Return a text in which known keys, and everything that looks like a key, are masked."""
    for key in sorted(keys, key=len, reverse=True):
        if len(key) >= 4:
            text = text.replace(key, "[key]")
    return mask(text)


def holds_key(text: str, keys: frozenset[str]) -> bool:
    """Return whether a text contains a key."""
    return find_secret(text) is not None or any(key in text for key in keys if len(key) >= 4)
