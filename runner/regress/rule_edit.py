"""A rule written into the text of a prompt file: one insertion, everything else stays byte for byte. Pure.

Where the rules stand is found in YAML's node tree. The text that results is parsed again and must say what the old one
said, with the new rule as the last: whatever was misjudged (an alias, an odd layout) ends in no edit, never a wrong one.
"""

from __future__ import annotations

import copy
from typing import Any

from yaml.error import YAMLError
from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

from ..errors import FileError
from ..files.documents import parse_document
from ..files.text import TextError
from ..files.yaml_compose import compose_python
from ..values import Json
from .proposals import Proposal, spell_rule

__all__ = ["with_rule"]

_DEEPEST = 100


def with_rule(text: str, path: str, proposal: Proposal) -> str | None:
    """`text`, a prompt file with line ends as `\n`, with the rule added for `path`; None where that is not safe."""
    try:
        old = parse_document(text.encode(), "prompt").value
        root = compose_python(text, _DEEPEST)
        new = _inserted(text, root, spell_rule(path, proposal))
        if new is None or parse_document(new.encode(), "prompt").value != _expected(old, path, proposal):
            return None
    except (FileError, TextError, YAMLError):
        return None
    return new


def _expected(old: Json, path: str, proposal: Proposal) -> Json:
    new: Any = copy.deepcopy(old)
    new.setdefault("regression", {}).setdefault("rules", []).append({"path": path, **proposal})
    return new  # type: ignore[no-any-return]  # JSON, like what it was copied from


def _inserted(text: str, root: Node | None, rule: str) -> str | None:
    if not isinstance(root, MappingNode) or root.flow_style:
        return None
    regression = _child(root, "regression")
    if regression is None:
        return _behind(text, root, f"regression:\n  rules:\n    - {rule}")
    if not isinstance(regression, MappingNode):
        return None
    rules = _child(regression, "rules")
    if rules is None:
        if regression.flow_style:
            return _within(text, regression, f"rules: [{rule}]")
        pad = " " * regression.start_mark.column
        return _behind(text, regression, f"{pad}rules:\n{pad}  - {rule}")
    if not isinstance(rules, SequenceNode):
        return None
    if rules.flow_style:
        return _within(text, rules, rule)
    return _behind(text, rules, f"{' ' * rules.start_mark.column}- {rule}")


def _child(mapping: MappingNode, key: str) -> Node | None:
    for name, value in mapping.value:
        if name.value == key:
            return value  # type: ignore[no-any-return]  # PyYAML's nodes are untyped inside
    return None


def _within(text: str, flow: CollectionNode, addition: str) -> str:
    """Behind the last entry of a collection in brackets."""
    last = _last(flow)
    at = flow.start_mark.index + 1 if last is None else last.end_mark.index
    return f"{text[:at]}{', ' if last else ''}{addition}{text[at:]}"


def _behind(text: str, block: Node, lines: str) -> str:
    """On the line behind everything in a block collection."""
    node = block
    while isinstance(node, CollectionNode) and not node.flow_style and (last := _last(node)) is not None:
        node = last
    end: int = node.end_mark.index
    if isinstance(node, ScalarNode) and node.style in ("|", ">") and node.end_mark.column == 0:
        at = len(text[:end].rstrip("\n")) + 1
    else:
        newline = text.find("\n", end)
        at = len(text) if newline < 0 else newline + 1
    before = text[:at] if text[:at].endswith("\n") else f"{text[:at]}\n"
    return f"{before}{lines}\n{text[at:]}"


def _last(node: CollectionNode) -> Node | None:
    if not node.value:
        return None
    last = node.value[-1]
    return last[1] if isinstance(node, MappingNode) else last  # type: ignore[no-any-return]  # as above
