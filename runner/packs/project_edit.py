"""Add and remove entries of `packs` in the text of runner.yaml; every other character stays the same.

Each new text is parsed again and must have the same value as the old one, except for the entry. A layout that these
functions misjudge (aliases, unusual indentation) results in no edit, never in a wrong one. Pure.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from yaml.error import YAMLError
from yaml.nodes import MappingNode, Node, ScalarNode

from ..documents.documents import parse_document
from ..documents.text import TextError
from ..documents.yaml_compose import compose_python
from ..documents.yaml_edit import behind, child, node_at, within, without_entry
from ..documents.yaml_writer import scalar
from ..errors import FileError
from ..values import Json

__all__ = ["entry_lines", "with_entry", "with_value", "without_pack", "without_setting"]

_DEEPEST = 100
_PACKS = "packs"


def entry_lines(alias: str, entry: Mapping[str, str | bool], indent: int = 0) -> str:
    """Return an entry as lines of YAML, for a file or for a person to type."""
    pad = " " * indent
    lines = [f"{pad}{scalar(alias)}:", *(f"{pad}  {key}: {_scalar(value)}" for key, value in entry.items())]
    return "\n".join(lines)


def with_entry(text: str, alias: str, entry: Mapping[str, str | bool]) -> str | None:
    """Return `text`, a runner.yaml with `\\n` line ends, with one more pack; None if that is not safe."""
    expected = _value(text)
    if expected is None:
        return None
    expected.setdefault(_PACKS, {})[alias] = dict(entry)
    return _verified(text, expected, lambda root: _with_entry(text, root, alias, entry))


def without_pack(text: str, alias: str) -> str | None:
    """Return `text` without a pack, and without the key `packs` if it was the last one; None if that is not safe."""
    expected = _value(text)
    if not expected or alias not in expected.get(_PACKS, {}):
        return None
    del expected[_PACKS][alias]
    path: tuple[str, ...] = (_PACKS, alias)
    if not expected[_PACKS]:
        del expected[_PACKS]
        path = (_PACKS,)
    return _verified(text, expected or None, lambda root: _without(text, root, path))


def without_setting(text: str, alias: str, key: str) -> str | None:
    """Return `text` without one key of a pack; None if that is not safe."""
    expected = _value(text)
    if not expected or key not in expected.get(_PACKS, {}).get(alias, {}):
        return None
    del expected[_PACKS][alias][key]
    return _verified(text, expected, lambda root: _without(text, root, (_PACKS, alias, key)))


def with_value(text: str, alias: str, key: str, value: str) -> str | None:
    """Return `text` with another value for an existing key of a pack; None if that is not safe."""
    expected = _value(text)
    if not expected or key not in expected.get(_PACKS, {}).get(alias, {}):
        return None
    expected[_PACKS][alias][key] = value
    return _verified(text, expected, lambda root: _with_value(text, root, (_PACKS, alias, key), value))


def _value(text: str) -> dict[str, Any] | None:
    """Return the value of a text as a copy to change: {} for an empty file, None if it cannot be parsed."""
    try:
        value = parse_document(text.encode(), "runner.yaml").value
    except FileError:
        return None
    if value is None:
        return {}
    return copy.deepcopy(value) if isinstance(value, dict) else None


def _verified(text: str, expected: Json, edit: Any) -> str | None:
    try:
        new: str | None = edit(compose_python(text, _DEEPEST))
        if new is None or parse_document(new.encode(), "runner.yaml").value != expected:
            return None
    except (FileError, TextError, YAMLError):
        return None
    return new


def _with_entry(text: str, root: Node | None, alias: str, entry: Mapping[str, str | bool]) -> str | None:
    if root is None or (isinstance(root, ScalarNode) and not root.value):
        start = text if not text or text.endswith("\n") else f"{text}\n"
        return f"{start}{_PACKS}:\n{entry_lines(alias, entry, 2)}\n"
    if not isinstance(root, MappingNode) or root.flow_style:
        return None
    packs = child(root, _PACKS)
    if packs is None:
        return behind(text, root, f"{_PACKS}:\n{entry_lines(alias, entry, 2)}")
    if not isinstance(packs, MappingNode):
        return None
    if packs.flow_style:
        inside = ", ".join(f"{key}: {_scalar(value)}" for key, value in entry.items())
        return within(text, packs, f"{scalar(alias)}: {{{inside}}}")
    return behind(text, packs, entry_lines(alias, entry, packs.start_mark.column))


def _without(text: str, root: Node | None, path: Sequence[str]) -> str | None:
    mapping = node_at(root, path[:-1])
    return without_entry(text, mapping, path[-1]) if isinstance(mapping, MappingNode) else None


def _with_value(text: str, root: Node | None, path: Sequence[str], value: str) -> str | None:
    node = node_at(root, path)
    if not isinstance(node, ScalarNode) or node.style in ("|", ">"):
        return None
    return text[: node.start_mark.index] + scalar(value) + text[node.end_mark.index :]


def _scalar(value: str | bool) -> str:  # noqa: FBT001 - a value of YAML
    return scalar(value) if isinstance(value, str) else str(value).lower()
