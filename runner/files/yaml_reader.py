"""Strict YAML: the core schema of YAML 1.2 (chapter 10.3), one document, JSON values only, nothing guessed.

`yes`, `on`, `12:30` and `2024-01-01` are texts and `1e-3` is a number, unlike in YAML 1.1. Duplicate keys, values
that JSON does not have, tags beyond the core ones and alias bombs are errors.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from yaml.error import MarkedYAMLError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ..values import Json
from .documents import Document
from .json_outline import MAX_DIGITS
from .text import TextError, located
from .yaml_compose import PLAIN, compose
from .yaml_errors import explain, unquoted_template
from .yaml_outline import YamlPlace, content_start

__all__ = ["parse_yaml"]

_CORE = "tag:yaml.org,2002:"
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_SURROGATE = re.compile("[\ud800-\udfff]")
# Line breaks of YAML 1.1 that are ordinary characters in YAML 1.2 (5.4): PyYAML would fold or replace them.
_OLD_BREAKS = ("\x85", "\u2028", "\u2029")


def parse_yaml(
    text: str,
    shown: str,
    *,
    max_nodes: int = 1_000_000,
    max_depth: int = 100,
    compose_with: Callable[[str, int], Node | None] | None = None,
) -> Document:
    """Read one YAML document; `shown` is the file's name in messages.

    An empty file is null. `max_nodes` counts values after aliases are expanded, `max_depth` levels of nesting.
    `compose_with` chooses one of the two parsers of `yaml_compose` (for tests; default: the fastest there is).

    Raises SyntaxFileError, always with line and column.
    """
    try:
        shielded, restore = _shield(text)
        root = _compose(shielded, text, max_depth, compose_with)
        value = _Builder(text, restore, max_nodes, max_depth).value(root, 1) if root else None
    except TextError as error:
        raise located(error, text, shown) from None
    return Document(value, shown, text, lambda: YamlPlace(root, text, restore) if root else None)


def _compose(
    shielded: str, text: str, max_depth: int, compose_with: Callable[[str, int], Node | None] | None
) -> Node | None:
    try:
        return compose(shielded, max_depth, compose_with)
    except MarkedYAMLError as error:
        raise explain(error, text) from None


def _shield(text: str) -> tuple[str, dict[int, str]]:
    """The text with old line breaks replaced by characters it does not hold, and the table that brings them back."""
    restore: dict[int, str] = {}
    unused = (chr(code) for code in range(0xE000, 0xF900) if chr(code) not in text)
    for old in _OLD_BREAKS:
        if old in text:
            stand_in = next(unused, None)
            if stand_in is None:
                raise TextError(f"the character U+{ord(old):04X} cannot be read here", text.index(old))
            restore[ord(stand_in)] = old
            text = text.replace(old, stand_in)
    return text, restore


class _Builder:
    """Values from nodes. An alias is built anew each time, so no two parts of a value share a list or a dict."""

    __slots__ = ("budget", "max_depth", "max_nodes", "restore", "text")

    def __init__(self, text: str, restore: dict[int, str], max_nodes: int, max_depth: int) -> None:
        self.text = text
        self.restore = restore
        self.max_nodes = self.budget = max_nodes
        self.max_depth = max_depth

    def value(self, node: Node, depth: int) -> Json:
        self.budget -= 1
        if self.budget < 0:
            raise self.fault(
                node, f"the file holds more than {self.max_nodes} values once its aliases are expanded"
            )
        if isinstance(node, ScalarNode):
            return self.scalar(node)
        if depth > self.max_depth:
            raise self.too_deep(node)
        if isinstance(node, SequenceNode):
            self.check_tag(node, "seq")
            return [self.value(item, depth + 1) for item in node.value]
        assert isinstance(node, MappingNode)
        return self.mapping(node, depth)

    def mapping(self, node: MappingNode, depth: int) -> dict[str, Json]:
        self.check_tag(node, "map")
        found: dict[str, Json] = {}
        seen: dict[str, Node] = {}
        merged: Node | None = None
        for key_node, value_node in node.value:
            if key_node.tag == PLAIN and key_node.value == "<<":
                if merged is not None:
                    raise self.fault(
                        key_node, "<< stands twice in this mapping", "list the anchors: <<: [*one, *two]"
                    )
                merged = key_node
                for key, value in self.merge(value_node, depth):
                    found.setdefault(key, value)
                continue
            key = self.key(key_node)
            if key in seen:
                earlier = content_start(seen[key], self.text)
                start = content_start(key_node, self.text)
                raise TextError(
                    f'the key "{key}" stands twice in this mapping',
                    start,
                    "remove one of the two",
                    earlier=earlier,
                )
            seen[key] = key_node
            found[key] = self.value(value_node, depth + 1)
        return found

    def merge(self, node: Node, depth: int) -> list[tuple[str, Json]]:
        """The members that `<<: *anchor` or `<<: [*one, *two]` adds; of two with one key the earlier counts."""
        parts = node.value if isinstance(node, SequenceNode) else [node]
        members: list[tuple[str, Json]] = []
        for part in parts:
            value = self.value(part, depth + 1)
            if not isinstance(value, dict):
                raise self.fault(
                    part,
                    "<< merges mappings, and this is none",
                    "name an anchor of a mapping, such as *defaults",
                )
            members.extend(value.items())
        return members

    def key(self, node: Node) -> str:
        """The key as text: what is written, so that `50256:` and `true:` keep their spelling."""
        if not isinstance(node, ScalarNode):
            start = content_start(node, self.text)
            if self.text.startswith("{{", start):
                raise unquoted_template(self.text, start)
            if self.text.startswith("{", start) and self.text[max(start - 1, 0)] == "{":
                raise unquoted_template(self.text, start - 1)
            kind = "list" if isinstance(node, SequenceNode) else "mapping"
            raise self.fault(node, f"a key must be a text, and this is a {kind}", "put the key in quotes")
        if node.tag != PLAIN:
            self.scalar(node)
        elif not node.value:
            raise self.fault(
                node, "a colon stands here without a key before it", 'an empty key is written ""'
            )
        return self.string(node)

    def string(self, node: Node) -> str:
        text: str = node.value
        if self.restore:
            text = text.translate(self.restore)
        if not text.isascii() and _SURROGATE.search(text):
            raise self.fault(
                node, "the text holds half a character", "write the character itself instead of \\u escapes"
            )
        return text

    def scalar(self, node: ScalarNode) -> Json:
        tag: str = node.tag
        text = self.string(node)
        if tag != PLAIN:
            return text if tag == _CORE + "str" and node.style != "" else self.tagged(node, tag, text)
        return self.plain(node, text)

    def plain(self, node: Node, text: str) -> Json:
        """A scalar without quotes, by the core schema."""
        if text in _WORDS:
            return _WORDS[text]
        if text[0] not in "0123456789+-.":
            return text
        if _INT.fullmatch(text):
            if len(text) > MAX_DIGITS:
                raise self.fault(node, f"a number of {len(text)} digits", "quote it if it is an identifier")
            return int(text)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if math.isinf(number):
                raise self.fault(node, f"the number {text[:40]} is too large", "quote it if it is a text")
            return number
        if text[0] == "0" and (_OCTAL.fullmatch(text) or _HEX.fullmatch(text)):
            return int(text, 0)
        if _NOT_FINITE.fullmatch(text):
            raise self.fault(
                node, f"{text} is a number that JSON does not have", f'write null, or quote it: "{text}"'
            )
        return text

    def tagged(self, node: ScalarNode, tag: str, text: str) -> Json:
        """A scalar with one of the core tags: !!str !!int !!float !!bool !!null."""
        kind = tag.removeprefix(_CORE)
        if kind == "str":
            return text
        value = self.plain(node, text)
        if (
            (kind == "null" and value is None)
            or (kind == "bool" and isinstance(value, bool))
            or (kind == "int" and type(value) is int)
            or (kind == "float" and isinstance(value, float))
        ):
            return value
        if kind == "float" and type(value) is int:
            return float(value)
        if kind in ("null", "bool", "int", "float"):
            raise self.fault(
                node, f'"{text[:40]}" is not of the type that its tag !!{kind} says', "remove the tag"
            )
        raise self.unknown_tag(node)

    def check_tag(self, node: Node, kind: str) -> None:
        if node.tag and node.tag != _CORE + kind:
            raise self.unknown_tag(node)

    def unknown_tag(self, node: Node) -> TextError:
        assert node.start_mark
        start = node.start_mark.index
        written = re.search(r"![^\s,\[\]{}]*", self.text[start:])
        name = written[0] if written else node.tag
        return TextError(
            f"the tag {name} is not known", start, "remove it; put the text in quotes if it begins with !"
        )

    def too_deep(self, node: Node) -> TextError:
        """Deeper than the text itself is nested (that was checked): aliases inside aliases, or one inside itself."""
        return self.fault(
            node,
            f"aliases nest the values more than {self.max_depth} levels deep",
            "does an anchor contain its own alias?",
        )

    def fault(self, node: Node, message: str, hint: str | None = None) -> TextError:
        return TextError(message, content_start(node, self.text), hint)
