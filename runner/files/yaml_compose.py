"""YAML text to PyYAML's node tree, through libyaml where PyYAML was built with it, else in pure Python.

Both ways give the same nodes: the tags that YAML 1.1 would guess are left out (`yaml_reader` reads scalars by YAML
1.2), and nesting is limited while composing, because libyaml's composer recurses in C.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from yaml.composer import Composer
from yaml.nodes import Node
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

from .text import TextError

try:
    from yaml._yaml import CParser
except ImportError:  # PyYAML without libyaml: a source build, or a platform without a wheel
    CParser = None  # type: ignore[assignment, misc]  # mypy takes the name for a class only

__all__ = ["PLAIN", "compose", "compose_c", "compose_python"]

PLAIN = "?"
"""The tag of a scalar without quotes and without a tag: its characters decide its type."""

_STRING = "tag:yaml.org,2002:str"
_COLLECTION = ""

# YAML 1.2.2 production 1, without the byte order mark: invisible inside a text, and read differently by the two ways.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


class _Hooks:
    """What both composers call for each node."""

    max_depth: int
    depth: int

    def resolve(self, kind: type[Node], value: str | None, implicit: Any) -> str:
        """The tag of a node that has none of its own."""
        if value is None or not isinstance(implicit, tuple):
            return _COLLECTION
        return PLAIN if implicit[0] else _STRING

    def descend_resolver(self, parent: Node | None, index: object) -> None:
        """Called before a node is composed."""
        self.depth += 1
        if self.depth > self.max_depth + 1 and parent is not None:
            assert parent.start_mark
            raise TextError(
                f"the values are nested more than {self.max_depth} levels deep",
                parent.start_mark.index,
                "flatten the data, or look for brackets that are never closed",
            )

    def ascend_resolver(self) -> None:
        """Called after a node was composed."""
        self.depth -= 1


class _PythonComposer(_Hooks, Reader, Scanner, Parser, Composer):
    def __init__(self, text: str, max_depth: int) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        self.depth, self.max_depth = 0, max_depth


def compose_python(text: str, max_depth: int) -> Node | None:
    """The node tree of the one document in `text` (None: no document), without libyaml."""
    return _PythonComposer(text, max_depth).get_single_node()


compose_c: Callable[[str, int], Node | None] | None = None
"""The same with libyaml; None where PyYAML was built without it."""

if CParser is not None:

    class _CComposer(_Hooks, CParser):
        def __init__(self, text: str, max_depth: int) -> None:
            CParser.__init__(self, text)
            self.depth, self.max_depth = 0, max_depth

    def _compose_c(text: str, max_depth: int) -> Node | None:
        return _CComposer(text, max_depth).get_single_node()

    compose_c = _compose_c


def compose(text: str, max_depth: int, way: Callable[[str, int], Node | None] | None = None) -> Node | None:
    """The node tree of the one document in `text`; None where it holds none.

    Raises TextError for characters YAML does not allow and for nesting deeper than `max_depth`, and PyYAML's
    `yaml.MarkedYAMLError` for everything it refuses.
    """
    if bad := _UNPRINTABLE.search(text):
        raise TextError(
            f"the invisible character U+{ord(bad[0]):04X} stands here",
            bad.start(),
            f'remove it, or write it as "\\u{ord(bad[0]):04x}" inside double quotes',
        )
    return (way or compose_c or compose_python)(text, max_depth)
