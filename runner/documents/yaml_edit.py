"""Edits of YAML text that leave every other character as it is. Pure.

Where things stand is found in YAML's node tree. None of these functions knows whether an edit means what it should: who
calls them parses the new text and compares.
"""

from __future__ import annotations

from collections.abc import Sequence

from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode

__all__ = ["behind", "child", "last", "node_at", "within", "without_entry"]


def child(mapping: MappingNode, key: str) -> Node | None:
    """The value of a key; None where there is no such key."""
    for name, value in mapping.value:
        if name.value == key:
            return value  # type: ignore[no-any-return]  # PyYAML's nodes are untyped inside
    return None


def node_at(root: Node | None, path: Sequence[str]) -> Node | None:
    """The node that keys lead to; None where one of them is missing, or stands in no mapping."""
    node = root
    for key in path:
        node = child(node, key) if isinstance(node, MappingNode) else None
    return node


def within(text: str, flow: CollectionNode, addition: str) -> str:
    """`text` with an addition behind the last entry of a collection in brackets."""
    end = last(flow)
    at = flow.start_mark.index + 1 if end is None else end.end_mark.index
    return f"{text[:at]}{', ' if end else ''}{addition}{text[at:]}"


def behind(text: str, block: Node, lines: str) -> str:
    """`text` with lines behind everything in a block collection."""
    at = _line_behind(text, block)
    before = text[:at] if text[:at].endswith("\n") else f"{text[:at]}\n"
    return f"{before}{lines}\n{text[at:]}"


def without_entry(text: str, mapping: MappingNode, key: str) -> str | None:
    """`text` without one entry of a mapping that has others; comments on lines of their own stay.

    None where the entry is not there, or stands in brackets beside a comment.
    """
    index = next((at for at, (name, _) in enumerate(mapping.value) if name.value == key), None)
    if index is None:
        return None
    name, value = mapping.value[index]
    if not mapping.flow_style:
        start: int = text.rfind("\n", 0, name.start_mark.index) + 1
        end = _line_behind(text, value)
        comments = [
            line for line in text[start:end].splitlines(keepends=True) if line.lstrip().startswith("#")
        ]
        return text[:start] + "".join(comments) + text[end:]
    if index + 1 < len(mapping.value):
        start, end = name.start_mark.index, mapping.value[index + 1][0].start_mark.index
    else:
        before = mapping.value[index - 1][1].end_mark.index if index else name.start_mark.index
        start, end = before, value.end_mark.index
    return None if "#" in text[start:end] else text[:start] + text[end:]


def last(node: CollectionNode) -> Node | None:
    """The last value of a collection; None of an empty one."""
    if not node.value:
        return None
    end = node.value[-1]
    return end[1] if isinstance(node, MappingNode) else end  # type: ignore[no-any-return]  # as above


def _line_behind(text: str, block: Node) -> int:
    """Where the line after everything in a node begins."""
    node = block
    while isinstance(node, CollectionNode) and not node.flow_style and (end := last(node)) is not None:
        node = end
    index: int = node.end_mark.index
    if isinstance(node, ScalarNode) and node.style in ("|", ">") and node.end_mark.column == 0:
        return len(text[:index].rstrip("\n")) + 1
    newline = text.find("\n", index)
    return len(text) if newline < 0 else newline + 1
