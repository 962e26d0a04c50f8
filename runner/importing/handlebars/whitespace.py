"""Remove white space from a Handlebars tree, by the rules of Handlebars' own whitespace-control.js."""

from __future__ import annotations

import re

from .tree import Block, Comment, Content, Part, Partial

__all__ = ["strip_whitespace"]


def strip_whitespace(body: list[Part], *, root: bool) -> None:
    """Remove the white space around `~` and standalone tags from a template (`root`) or the body of a block."""
    for index, part in enumerate(body):
        if isinstance(part, Content):
            continue
        opened = closed = inline = False
        if isinstance(part, Block):
            opened, closed = _strip_block(part)
            strip_open, strip_close = part.open[0], part.close[1]
        else:
            strip_open, strip_close = part.open, part.close
            inline = isinstance(part, Partial | Comment)
        before, after = _white_before(body, index, root=root), _white_after(body, index, root=root)
        if strip_close:
            _omit_right(body, index, many=True)
        if strip_open:
            _omit_left(body, index, many=True)
        if inline and before and after:
            _omit_right(body, index)
            indent = _omit_left(body, index)
            if isinstance(part, Partial):
                part.indent = indent
        if isinstance(part, Block):
            last = _last_body(part)
            if opened and before:
                _omit_right(part.body, None)
                _omit_left(body, index)
            if closed and after:
                _omit_right(body, index)
                _omit_left(last, None)


def _last_body(block: Block) -> list[Part]:
    """Return the parts right before the closing tag."""
    if block.otherwise is None:
        return block.body
    if len(block.otherwise) == 1 and isinstance(block.otherwise[0], Block) and block.otherwise[0].chained:
        return _last_body(block.otherwise[0])
    return block.otherwise


def _strip_block(block: Block) -> tuple[bool, bool]:
    """Strip a block inside. Return whether its opening tag, and its closing tag, may be standalone."""
    strip_whitespace(block.body, root=False)
    otherwise = block.otherwise
    first = otherwise
    if otherwise is not None:
        strip_whitespace(otherwise, root=False)
        if len(otherwise) == 1 and isinstance(otherwise[0], Block) and otherwise[0].chained:
            first = otherwise[0].body
    last = _last_body(block)
    opened = _white_after(block.body, None, root=False)
    closed = _white_before(last if block.otherwise is not None else block.body, None, root=False)
    if block.open[1]:
        _omit_right(block.body, None, many=True)
    if first is not None:
        if block.middle[0]:
            _omit_left(block.body, None, many=True)
        if block.middle[1]:
            _omit_right(first, None, many=True)
        if block.close[0]:
            _omit_left(last, None, many=True)
        if _white_before(block.body, None, root=False) and _white_after(first, None, root=False):
            _omit_left(block.body, None)
            _omit_right(first, None)
    elif block.close[0]:
        _omit_left(block.body, None, many=True)
    return opened, closed


def _at(body: list[Part], index: int) -> Part | None:
    return body[index] if 0 <= index < len(body) else None


def _white_before(body: list[Part], index: int | None, *, root: bool) -> bool:
    at = len(body) if index is None else index
    before, sibling = _at(body, at - 1), _at(body, at - 2)
    if before is None:
        return root
    if not isinstance(before, Content):
        return False
    pattern = r"\r?\n\s*?\Z" if sibling is not None or not root else r"(?:\A|\r?\n)\s*?\Z"
    return re.search(pattern, before.original) is not None


def _white_after(body: list[Part], index: int | None, *, root: bool) -> bool:
    at = -1 if index is None else index
    after, sibling = _at(body, at + 1), _at(body, at + 2)
    if after is None:
        return root
    if not isinstance(after, Content):
        return False
    pattern = r"\s*?\r?\n" if sibling is not None or not root else r"\s*?(?:\r?\n|\Z)"
    return re.match(pattern, after.original) is not None


def _omit_right(body: list[Part], index: int | None, *, many: bool = False) -> None:
    part = _at(body, 0 if index is None else index + 1)
    if isinstance(part, Content):
        part.value = re.sub(r"\A\s+" if many else r"\A[ \t]*\r?\n?", "", part.value)


def _omit_left(body: list[Part], index: int | None, *, many: bool = False) -> str:
    part = _at(body, (len(body) if index is None else index) - 1)
    if not isinstance(part, Content):
        return ""
    found = re.search(r"\s+\Z" if many else r"[ \t]+\Z", part.value)
    if found is None:
        return ""
    part.value = part.value[: found.start()]
    return found[0]
