"""Insert a rule into the text of a prompt file and leave every other byte unchanged. Pure.

The place is found in YAML's node tree. The new text is parsed again and must have the old content plus the new rule as
the last one; so a misjudged layout (an alias, odd indentation) results in no edit, never in a wrong one.
"""

from __future__ import annotations

import copy
from typing import Any

from yaml.error import YAMLError
from yaml.nodes import MappingNode, Node, SequenceNode

from ...documents.documents import parse_document
from ...documents.text import TextError
from ...documents.yaml_compose import compose_python
from ...documents.yaml_edit import behind, child, within
from ...errors import FileError
from ...values import Json
from .proposals import Proposal, spell_rule

__all__ = ["with_rule"]

_DEEPEST = 100


def with_rule(text: str, path: str, proposal: Proposal) -> str | None:
    """Return `text`, a prompt file with `\n` as line ends, with the rule for `path` added; None if that is not safe."""
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
    regression = child(root, "regression")
    if regression is None:
        return behind(text, root, f"regression:\n  rules:\n    - {rule}")
    if not isinstance(regression, MappingNode):
        return None
    rules = child(regression, "rules")
    if rules is None:
        if regression.flow_style:
            return within(text, regression, f"rules: [{rule}]")
        pad = " " * regression.start_mark.column
        return behind(text, regression, f"{pad}rules:\n{pad}  - {rule}")
    if not isinstance(rules, SequenceNode):
        return None
    if rules.flow_style:
        return within(text, rules, rule)
    return behind(text, rules, f"{' ' * rules.start_mark.column}- {rule}")
