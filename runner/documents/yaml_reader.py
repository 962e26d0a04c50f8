"""Read strict YAML: the core schema of YAML 1.2 (chapter 10.3), one document, JSON values only, nothing guessed.

Duplicate keys, keys that are not scalars, values that JSON does not have, tags beyond the core ones and alias bombs
are errors. Merge keys (`<<: *defaults`), which YAML 1.2 leaves to applications, are supported.
"""

from __future__ import annotations

import re

from yaml.error import MarkedYAMLError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ..values import TYPE_WORDS, Json
from .documents import Document
from .outline import Branch, Place
from .text import TextError, located
from .yaml_compose import PLAIN, Composing, compose_c, compose_python, paused_collector, too_deep
from .yaml_errors import FOREIGN_SPACES, explain, foreign_space, half_character, unquoted_template
from .yaml_scalars import plain_scalar, tagged_scalar

__all__ = ["parse_yaml"]

_CORE = "tag:yaml.org,2002:"
_STRING = _CORE + "str"
_SCALARS = {_CORE + kind: kind for kind in ("int", "float", "bool", "null")}
_SURROGATE = re.compile("[\ud800-\udfff]")
# An escape; half a character matches the first group, and its other half, if it follows, the second.
_ESCAPE = re.compile(
    r"(\\u[dD][89abAB][0-9a-fA-F]{2})(\\u[dD][c-fC-F][0-9a-fA-F]{2})|(\\(?:u|U0000)[dD][89a-fA-F][0-9a-fA-F]{2})|\\."
)
# The tag "not to be resolved" (6.9.1), which PyYAML's two parsers read differently.
_LONE_TAG = re.compile(r"(?:&[^\s,\[\]{}]*\s+)?!(?![^\s,\[\]{}])")
_FOREIGN_SPACE = re.compile(f"[{FOREIGN_SPACES}]")
# Line breaks of YAML 1.1 that are ordinary characters in YAML 1.2 (5.4): PyYAML would fold or replace them.
_OLD_BREAKS = ("\x85", "\u2028", "\u2029")
# An anchor and a tag before a value (YAML 1.2.2, 6.9), with the spaces, comments and line breaks after them.
_PROPERTIES = re.compile(r"(?:[&!][^\s,\[\]{}]*(?:\s+(?:#[^\n]*)?)*)+")


def parse_yaml(
    text: str,
    shown: str,
    *,
    max_nodes: int = 1_000_000,
    max_depth: int = 100,
    compose_with: Composing | None = None,
) -> Document:
    """Read one YAML document; `shown` is the file's name in messages. An empty file is null.

    `max_nodes` limits the values after aliases are expanded, `max_depth` the levels of nesting. `compose_with` chooses
    one of the two parsers of `yaml_compose` (default: the fastest available).

    Raises SyntaxFileError, always with line and column.
    """
    try:
        with paused_collector():
            value, place = _read(text, max_nodes, max_depth, compose_with or compose_c or compose_python)
    except TextError as error:
        raise located(error, text, shown) from None
    return Document(value, shown, text, lambda: place)


def _read(text: str, max_nodes: int, max_depth: int, compose_with: Composing) -> tuple[Json, Place]:
    """Return the value and its place; the nodes in between are freed before garbage collection resumes."""
    shielded, restore = _shield(text)
    try:
        root = compose_with(shielded, max_depth)
    except MarkedYAMLError as error:
        raise explain(error, text) from None
    return _Builder(text, restore, max_nodes, max_depth).build(root, 1) if root else (None, 0)


def _shield(text: str) -> tuple[str, dict[int, str]]:
    """Return the text with old line breaks replaced by characters that it does not contain, and a table to restore them."""
    restore: dict[int, str] = {}
    if text.isascii():
        return text, restore
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
    """Builds values and their places from nodes.

    An alias is built again each time: no two parts of a value share a list or a dict, and an alias bomb costs no more
    than `max_nodes` values before it is refused.
    """

    __slots__ = ("budget", "has_properties", "max_depth", "max_nodes", "restore", "text")

    def __init__(self, text: str, restore: dict[int, str], max_nodes: int, max_depth: int) -> None:
        self.text = text + "\n"  # so that an empty value at the end of the file has a first character too
        self.has_properties = "&" in text or "!" in text
        self.restore = restore
        self.max_nodes = self.budget = max_nodes
        self.max_depth = max_depth

    def build(self, node: Node, depth: int) -> tuple[Json, Place]:
        start = self.start(node) if self.has_properties else node.start_mark.index
        self.budget -= 1
        if self.budget < 0:
            raise TextError(
                f"the file contains more than {self.max_nodes} values once its aliases are expanded", start
            )
        if isinstance(node, ScalarNode):
            return self.scalar(node, start), start
        if depth > self.max_depth:
            raise too_deep(self.max_depth, start)
        if isinstance(node, MappingNode):
            self.check_tag(node, "map")
            return self.mapping(node, start, depth)
        assert isinstance(node, SequenceNode)
        self.check_tag(node, "seq")
        pairs = [self.build(item, depth + 1) for item in node.value]
        return [value for value, _ in pairs], Branch(start, [place for _, place in pairs], {})

    def mapping(self, node: MappingNode, start: int, depth: int) -> tuple[Json, Place]:
        found: dict[str, Json] = {}
        places: dict[str, Place] = {}
        keys: dict[str, int] = {}
        inherited: set[str] = set()
        merge: int | None = None
        for key_node, value_node in node.value:
            key_start = self.start(key_node) if self.has_properties else key_node.start_mark.index
            key = key_node.value
            plain = key_node.tag == PLAIN
            if plain and key == "<<":
                if merge is not None:
                    hint = "list the anchors: <<: [*one, *two]"
                    raise TextError("<< appears twice", key_start, hint, earlier=merge)
                merge = key_start
                for name, value, place, offset in self.merged(value_node, key_start, depth):
                    if name not in found:
                        found[name], places[name], keys[name] = value, place, offset
                        inherited.add(name)
                continue
            if not plain or not key or not key.isascii():  # else it is as it is written
                key = self.key(key_node, key_start)
            if key in inherited:
                inherited.remove(key)
            elif key in keys:
                message = f'the key "{key}" appears twice'
                raise TextError(message, key_start, "remove one of the two", earlier=keys[key])
            keys[key] = key_start
            found[key], places[key] = self.build(value_node, depth + 1)
        return found, Branch(start, places, keys)

    def merged(self, node: Node, start: int, depth: int) -> list[tuple[str, Json, Place, int]]:
        """Return the members that `<<: *anchor` or `<<: [*one, *two]` adds; of two with the same key the first counts."""
        members: list[tuple[str, Json, Place, int]] = []
        for part in node.value if isinstance(node, SequenceNode) else [node]:
            value, place = self.build(part, depth + 1)
            if not isinstance(value, dict) or isinstance(place, int) or isinstance(place.parts, list):
                hint = "use the anchor of an object, such as *defaults"
                raise TextError("<< merges objects, and this is not an object", start, hint)
            members += [(key, value[key], place.parts[key], place.keys[key]) for key in value]
        return members

    def key(self, node: Node, start: int) -> str:
        """Return the key as it is written, so that `50256:` and `true:` keep their spelling."""
        if isinstance(node, ScalarNode):
            text: str = node.value
            if node.tag != PLAIN:
                self.scalar(node, start)
            elif not text:
                raise TextError("there is no key before this colon", start, 'write an empty key as ""')
            elif _FOREIGN_SPACE.match(text):
                raise foreign_space(self.text, start)
            return text if text.isascii() else self.string(text, start)
        for opening in (start, start - 1):  # `{{ x }}: 1`, and the inner mapping of `a: {{ x }}`
            if opening >= 0 and self.text.startswith("{{", opening):
                raise unquoted_template(self.text, opening)
        kind = TYPE_WORDS["array" if isinstance(node, SequenceNode) else "object"]
        raise TextError(f"a key must be a string, not {kind}", start, "put the key in quotes")

    def scalar(self, node: ScalarNode, start: int) -> Json:
        tag: str = node.tag
        text: str = node.value
        if not text.isascii():
            text = self.string(text, start)
        if tag == PLAIN:
            return plain_scalar(text, start)
        if tag == _STRING:
            return text
        if tag in _SCALARS:
            return tagged_scalar(text, _SCALARS[tag], start)
        raise self.unknown_tag(node)

    def string(self, text: str, start: int) -> str:
        """Return a scalar's text, in which the parser may have left stand-ins and halves of characters."""
        text = text.translate(self.restore) if self.restore else text
        if _SURROGATE.search(text):  # libyaml refuses such escapes by itself
            # As in JSON, but not in YAML: two adjacent halves are one character.
            halves = len(_SURROGATE.findall(text))
            for escape in _ESCAPE.finditer(self.text, start):
                halves -= 2 if escape[2] else 0
                if escape[3]:
                    raise half_character(self.text, escape.start())
                if not halves:
                    break
            try:
                text = text.encode("utf-16", "surrogatepass").decode("utf-16")
            except UnicodeDecodeError:
                raise half_character(self.text, start) from None
        return text

    def start(self, node: Node) -> int:
        """Return the offset of the value itself, after its anchor and tag."""
        start: int = node.start_mark.index
        if self.text[start] in "&!" and (properties := _PROPERTIES.match(self.text, start)):
            if _LONE_TAG.match(self.text, start):
                raise TextError(
                    "a lone ! is read as a tag", start, "remove it, or quote the string it is part of"
                )
            return min(properties.end(), node.end_mark.index)
        return start

    def check_tag(self, node: Node, kind: str) -> None:
        if node.tag and node.tag != _CORE + kind:
            raise self.unknown_tag(node)

    def unknown_tag(self, node: Node) -> TextError:
        start = node.start_mark.index
        written = re.compile(r"![^\s,\[\]{}]*").search(self.text, start)
        name = written[0] if written else node.tag
        hint = "remove it, or quote the string if it begins with !"
        return TextError(f"unknown tag {name}", written.start() if written else start, hint)
