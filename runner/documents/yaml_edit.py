"""Edit YAML text and leave every other character as it is (pure functions).

Places come from YAML's node tree. These functions do not check that an edit has the intended meaning: callers parse the
new text and compare.
"""

from __future__ import annotations

from collections.abc import Sequence

from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

__all__ = ["behind", "child", "last", "node_at", "within", "without_entry", "without_item"]


def child(mapping: MappingNode, key: str) -> Node | None:
    """Return the value of a key, or None if there is no such key."""
    for name, value in mapping.value:
        if name.value == key:
            return value  # type: ignore[no-any-return]  # PyYAML's nodes are untyped inside
    return None


def node_at(root: Node | None, path: Sequence[str]) -> Node | None:
    """Return the node at a path of keys, or None if one of them is missing or its parent is not a mapping."""
    node = root
    for key in path:
        node = child(node, key) if isinstance(node, MappingNode) else None
    return node


def within(text: str, flow: CollectionNode, addition: str) -> str:
    """Return `text` with an addition after the last entry of a collection in brackets."""
    end = last(flow)
    at = flow.start_mark.index + 1 if end is None else end.end_mark.index
    return f"{text[:at]}{', ' if end else ''}{addition}{text[at:]}"


def behind(text: str, block: Node, lines: str) -> str:
    """Return `text` with lines added after a block collection."""
    at = _line_behind(text, block)
    before = text[:at] if text[:at].endswith("\n") else f"{text[:at]}\n"
    return f"{before}{lines}\n{text[at:]}"


def without_entry(text: str, mapping: MappingNode, key: str) -> str | None:
    """Return `text` without one entry of a mapping that has others; comments on separate lines stay.

    The result is None if there is no such entry, or if it is in brackets next to a comment.
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


def without_item(text: str, block: SequenceNode, index: int) -> str | None:
    """Return `text` without one item of a list that has others; None if the list is in brackets."""
    if block.flow_style:
        return None
    start = text.rfind("\n", 0, block.value[index].start_mark.index) + 1
    return text[:start] + text[_line_behind(text, block.value[index]) :]


def last(node: CollectionNode) -> Node | None:
    """Return the last value of a collection, or None if it is empty."""
    if not node.value:
        return None
    end = node.value[-1]
    return end[1] if isinstance(node, MappingNode) else end  # type: ignore[no-any-return]  # as above


def _line_behind(text: str, block: Node) -> int:
    """Return the offset of the line after the end of a node."""
    node = block
    while isinstance(node, CollectionNode) and not node.flow_style and (end := last(node)) is not None:
        node = end
    index: int = node.end_mark.index
    if isinstance(node, ScalarNode) and node.style in ("|", ">") and node.end_mark.column == 0:
        return len(text[:index].rstrip("\n")) + 1
    newline = text.find("\n", index)
    return len(text) if newline < 0 else newline + 1
