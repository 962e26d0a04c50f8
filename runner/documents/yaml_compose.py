"""Compose YAML text into PyYAML's node tree, with libyaml if PyYAML was built with it, else in pure Python.

Both composers give the same nodes: they omit the tags that YAML 1.1 would guess (`yaml_scalars` reads scalars by YAML
1.2) and limit the nesting while composing, because libyaml's composer recurses in C.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Callable
from operator import is_
from typing import TypeAlias

from yaml.composer import Composer
from yaml.error import MarkedYAMLError
from yaml.nodes import Node, ScalarNode
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

from .text import TextError

try:
    from yaml._yaml import CParser
except ImportError:  # PyYAML without libyaml: a source build, or a platform without a wheel
    CParser = None  # type: ignore[assignment, misc]  # to mypy the name is only a class

__all__ = ["PLAIN", "Composing", "compose_c", "compose_python", "paused_collector", "too_deep"]

PLAIN = "?"
"""The tag of a scalar without quotes and without a tag, whose characters determine its type."""

_STRING = "tag:yaml.org,2002:str"
_COLLECTION = ""

# YAML 1.2.2 production 1, without the byte order mark: invisible in a text, and the two parsers treat it differently.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")

_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F]")

Composing: TypeAlias = Callable[[str, int], Node | None]
"""Compose a text, with the allowed levels of nesting, into the node tree of its one document (None: no document).

Raises TextError for characters that YAML does not allow and for deeper nesting, and MarkedYAMLError for everything that
PyYAML refuses.
"""


class _Hooks:
    """The hooks that both composers call for each node. `room` counts the levels that may still be entered."""

    max_depth: int
    room: int

    def resolve(self, kind: type[Node], value: str | None, implicit: tuple[bool, bool]) -> str:
        """Return the tag of a node that declares none."""
        if kind is not ScalarNode:
            return _COLLECTION
        return PLAIN if implicit[0] else _STRING

    def descend_resolver(self, parent: Node | None, index: object) -> None:
        """Count a level of nesting; called before a node is composed."""
        self.room -= 1
        if self.room < 0 and parent is not None:
            raise too_deep(self.max_depth, parent.start_mark.index)

    def ascend_resolver(self) -> None:
        """Leave a level of nesting; called after a node was composed."""
        self.room += 1


class _PythonComposer(_Hooks, Reader, Scanner, Parser, Composer):
    def __init__(self, text: str, max_depth: int) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        self.max_depth, self.room = max_depth, max_depth + 1


def compose_python(text: str, max_depth: int) -> Node | None:
    """Compose in pure Python; see Composing."""
    _refuse_unprintable(text)
    return _PythonComposer(text, max_depth).get_single_node()


compose_c: Composing | None = None
"""Compose with libyaml, ten times as fast; None if PyYAML was built without it. See Composing."""

if CParser is not None:

    class _CComposer(_Hooks, CParser):
        __slots__ = ("max_depth", "room")  # without them the two counters take a quarter of the time

        def __init__(self, text: str, max_depth: int) -> None:
            CParser.__init__(self, text)
            self.max_depth, self.room = max_depth, max_depth + 1

    class _ShallowComposer(CParser):
        """For texts that cannot be too deep: its two hooks for levels are functions in C that do nothing."""

        __slots__ = ()
        resolve = _Hooks.resolve
        descend_resolver = staticmethod(is_)
        ascend_resolver = staticmethod(bool)

    def _compose_c(text: str, max_depth: int) -> Node | None:
        _refuse_unprintable(text)
        try:
            if _most_levels(text) <= max_depth:
                return _ShallowComposer(text).get_single_node()
            return _CComposer(text, max_depth).get_single_node()
        except MarkedYAMLError as error:
            problem = error.problem or ""
            # libyaml 0.2.6 looks ahead and has its own limit, far beyond ours; the Python composer reaches ours
            # first. libyaml also refuses the two halves in which JSON escapes a character, which Python's keeps.
            if "maximum nesting depth" in problem or ("character escape" in problem and _PAIR.search(text)):
                return compose_python(text, max_depth)
            raise

    compose_c = _compose_c


def _most_levels(text: str) -> int:
    """Return a bound for the levels of nesting: each list and each object has an indicator of its own."""
    return sum(map(text.count, "[{-:?")) + 1


def _refuse_unprintable(text: str) -> None:
    if bad := _UNPRINTABLE.search(text):
        code = f"{ord(bad[0]):04x}"
        hint = f'remove it, or write it as "\\u{code}" inside double quotes'
        raise TextError(f"there is an invisible character here, U+{code.upper()}", bad.start(), hint)


def too_deep(max_depth: int, offset: int) -> TextError:
    """Return the error for nesting beyond `max_depth`, in the text or through aliases."""
    hint = "is a bracket not closed, or does an anchor contain its own alias?"
    return TextError(f"the values are nested more than {max_depth} levels deep", offset, hint)


class paused_collector:  # noqa: N801 - read as a function, like contextlib's own
    """Pause garbage collection, which would walk the growing tree again and again and take half of the time."""

    __slots__ = ("_collecting",)

    def __enter__(self) -> None:
        self._collecting = gc.isenabled()
        gc.disable()

    def __exit__(self, *raised: object) -> None:
        if self._collecting:
            gc.enable()
