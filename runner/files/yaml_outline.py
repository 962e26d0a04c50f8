"""Where the parts of a YAML document stand, read from PyYAML's node tree on demand."""

from __future__ import annotations

import re

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

__all__ = ["YamlPlace", "content_start"]

# An anchor and a tag before a value (YAML 1.2.2, 6.9), with the spaces, comments and line breaks after them.
_PROPERTIES = re.compile(r"(?:[&!][^\s,\[\]{}]*(?:\s+(?:#[^\n]*)?)*)+")


def content_start(node: Node, text: str) -> int:
    """The offset of the value itself, after its anchor and tag."""
    assert node.start_mark
    assert node.end_mark
    start: int = node.start_mark.index
    if text[start : start + 1] in ("&", "!") and (properties := _PROPERTIES.match(text, start)):
        return min(properties.end(), node.end_mark.index)
    return start


class YamlPlace:
    """One YAML value in its text; see `documents.Place`. Aliases lead to the anchored value."""

    __slots__ = ("_node", "_restore", "_text")

    def __init__(self, node: Node, text: str, restore: dict[int, str]) -> None:
        self._node = node
        self._text = text
        self._restore = restore

    @property
    def start(self) -> int:
        """The offset of the value's first character."""
        return content_start(self._node, self._text)

    @property
    def style(self) -> str:
        """How a string is written: `|`, `>`, `"`, `'` or "" (plain, or not a string)."""
        return (self._node.style or "") if isinstance(self._node, ScalarNode) else ""

    def child(self, part: str | int) -> tuple[int, YamlPlace] | None:
        """The value under a key or an index, with the offset of its key (of the item itself in a list)."""
        if (
            isinstance(self._node, SequenceNode)
            and isinstance(part, int)
            and 0 <= part < len(self._node.value)
        ):
            place = YamlPlace(self._node.value[part], self._text, self._restore)
            return place.start, place
        if isinstance(self._node, MappingNode) and isinstance(part, str):
            return self._member(self._node, part)
        return None

    def _member(self, node: MappingNode, name: str) -> tuple[int, YamlPlace] | None:
        merged: list[Node] = []
        for key, value in node.value:
            if key.tag == "?" and key.value == "<<":
                merged = value.value if isinstance(value, SequenceNode) else [value]
            elif key.value.translate(self._restore) == name:
                return content_start(key, self._text), YamlPlace(value, self._text, self._restore)
        for part in merged:
            if found := YamlPlace(part, self._text, self._restore).child(name):
                return found
        return None
