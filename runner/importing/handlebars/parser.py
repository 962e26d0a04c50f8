"""Parse Handlebars templates, and remove the white space around standalone tags as Handlebars' own parser does.

The grammar is that of Handlebars 4 without decorators, raw blocks and subexpressions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from .tree import (
    Argument,
    Block,
    Comment,
    Constant,
    Content,
    HandlebarsError,
    Mustache,
    Part,
    Partial,
    PathExpression,
)
from .whitespace import strip_whitespace

__all__ = ["parse"]

_OPEN = re.compile(r"\\\\(?=\{\{)|\\\{\{|\{\{")
_ARGUMENT = re.compile(
    r"""\s*(?:(?P<hash>[^\s!"#%-,./;->@\[-^`{-~]+)=)?(?P<value>"[^"]*"|'[^']*'|[^\s()|"'=]+|\|[^|]*\|)"""
)
_DEEPEST = 50


class _End(NamedTuple):
    """The tag that ends a list of parts: `/` or `else`, the words after it, and where it begins."""

    kind: str
    words: str
    start: int
    open: bool
    close: bool


@dataclass(slots=True)
class _Parser:
    text: str
    at: int = 0
    depth: int = 0

    def line(self, at: int | None = None) -> int:
        return self.text.count("\n", 0, self.at if at is None else at) + 1

    def parts(self, *, in_block: bool) -> tuple[list[Part], _End | None]:
        """Return the parts up to `{{/…}}`, `{{else…}}` or the end, and the tag that ended them."""
        found: list[Part] = []
        while True:
            text, begin = self._content()
            if text:
                found.append(Content(text, text, self.line(begin)))
            if self.at >= len(self.text):
                return found, None
            start = self.at
            line = self.line()
            inner = self._tag()
            open_, close = inner.startswith("~"), inner.endswith("~")
            inner = inner[1:] if open_ else inner
            inner = (inner[:-1] if close and inner else inner).strip() if not inner.startswith("!") else inner
            if inner.startswith("!"):
                found.append(Comment(line=line, open=open_, close=close))
                continue
            if inner.startswith("/"):
                return found, _End("/", inner[1:].strip(), start, open_, close)
            if inner == "else" or inner == "^" or re.match(r"else\s", inner):
                if not in_block:
                    raise HandlebarsError("{{else}} is outside of a block", line)
                return found, _End("else", inner[4:].strip() if inner != "^" else "", start, open_, close)
            if inner.startswith(">"):
                found.append(self._partial(inner[1:], line, open_, close))
            elif inner.startswith(("#", "^")):
                found.append(self._block(inner, line, open_, close))
            else:
                inner = inner.removeprefix("&")
                if not inner.strip():
                    raise HandlebarsError("{{}} is empty", line)
                path, params, hash_, names = self._arguments(inner, line)
                if names:
                    raise HandlebarsError("names between | | are allowed only in a block", line)
                found.append(Mustache(path, params, hash_, line=line, open=open_, close=close))

    def _content(self) -> tuple[str, int]:
        pieces: list[str] = []
        begin = self.at
        while True:
            found = _OPEN.search(self.text, self.at)
            if found is None:
                pieces.append(self.text[self.at :])
                self.at = len(self.text)
                break
            pieces.append(self.text[self.at : found.start()])
            if found[0] == "{{":
                self.at = found.start()
                break
            if found[0] == "\\{{":  # the tag is text, up to the next one
                following = self.text.find("{{", found.end())
                end = len(self.text) if following < 0 else following
                if following > 0 and self.text[following - 1] == "\\":
                    end = following - 1
                pieces.append(self.text[found.start() + 1 : end])
                self.at = end
            else:
                pieces.append("\\")
                self.at = found.end()
                break
        return "".join(pieces), begin

    def _tag(self) -> str:
        """Read a tag, and return the text between the braces."""
        line = self.line()
        comment = re.compile(r"\{\{(~?)!--").match(self.text, self.at)
        if comment is not None:
            end = re.compile(r"--(~?)\}\}").search(self.text, comment.end())
            if end is None:
                raise HandlebarsError("a comment is never closed", line)
            self.at = end.end()
            return f"{comment[1]}!{end[1]}"
        if self.text.startswith("{{{{", self.at):
            raise HandlebarsError("a raw block has no equivalent", line)
        if re.compile(r"\{\{~?\{").match(self.text, self.at):
            end = re.compile(r"\}(~?)\}\}").search(self.text, self.at)
            if end is None:
                raise HandlebarsError("{{{ is never closed", line)
            begin = self.text.index("{", self.at + 2) + 1
            lead = "~" if self.text[self.at + 2] == "~" else ""
            inner = f"{lead}{self.text[begin : end.start()]}{end[1]}"
            self.at = end.end()
            return inner
        end_ = self.text.find("}}", self.at)
        if end_ < 0:
            raise HandlebarsError("{{ is never closed", line)
        inner = self.text[self.at + 2 : end_]
        self.at = end_ + 2
        if "{" in inner and not inner.lstrip("~").startswith("!"):
            raise HandlebarsError("a tag contains a brace", line)
        return inner

    def _partial(self, inner: str, line: int, open_: bool, close: bool) -> Partial:  # noqa: FBT001
        words = inner.strip()
        name, _, rest = words.partition(" ")
        name = name.strip("\"'")
        if not name or name.startswith("("):
            raise HandlebarsError("the name of a partial is computed", line)
        params: list[Argument] = []
        hash_: dict[str, Argument] = {}
        if rest.strip():
            _, params, hash_, _ = self._arguments(f"x {rest}", line)
        return Partial(name, params, hash_, line=line, open=open_, close=close)

    def _block(self, inner: str, line: int, open_: bool, close: bool) -> Block:  # noqa: FBT001
        if inner.startswith(("#>", "#*")):
            raise HandlebarsError("a partial block or a decorator has no equivalent", line)
        self.depth += 1
        if self.depth > _DEEPEST:
            raise HandlebarsError("blocks are nested too deeply", line)
        inverted = inner.startswith("^")
        block = self._opened(inner[1:], line)
        block.open = (open_, close)
        body, ended = self.parts(in_block=True)
        block.body = body
        self._finish(block, ended, block, line)
        if inverted:
            block.body, block.otherwise = block.otherwise or [], block.body
        self.depth -= 1
        return block

    def _finish(self, block: Block, ended: _End | None, outer: Block, line: int) -> None:
        """Read a block from the tag that ended its body. `outer` is the block whose closing tag it shares, or itself."""
        name = ".".join(outer.path.parts)
        unclosed = HandlebarsError(f"{{{{#{name}}}}} is never closed", line)
        if ended is None:
            raise unclosed
        if ended.kind == "else":
            block.middle = (ended.open, ended.close)
            if ended.words:
                inner = self._opened(ended.words, self.line(ended.start))
                inner.chained = True
                inner.open = block.middle
                inner.body, following = self.parts(in_block=True)
                self._finish(inner, following, outer, line)
                block.otherwise = [inner]
                block.close = inner.close
                return
            block.otherwise, ended = self.parts(in_block=True)
            if ended is None or ended.kind == "else":
                raise unclosed
        if ended.words not in (name, "/".join(outer.path.parts)):
            raise HandlebarsError(f"{{{{/{ended.words}}}}} closes {{{{#{name}}}}}", self.line(ended.start))
        block.close = (ended.open, ended.close)

    def _opened(self, inner: str, line: int) -> Block:
        path, params, hash_, names = self._arguments(inner, line)
        if not isinstance(path, PathExpression) or not path.parts:
            raise HandlebarsError("a block has no name", line)
        return Block(path, params, hash_, names, [], None, line)

    def _arguments(
        self, text: str, line: int
    ) -> tuple[Argument, list[Argument], dict[str, Argument], list[str]]:
        names: list[str] = []
        if (found := re.search(r"\s+as\s+\|([^|]*)\|\s*$", text)) is not None:
            names = found[1].split()
            text = text[: found.start()]
        values: list[Argument] = []
        hash_: dict[str, Argument] = {}
        at = 0
        text = text.strip()
        while at < len(text):
            found = _ARGUMENT.match(text, at)
            if found is None:
                raise HandlebarsError(f"{{{{{text[:40]}}}}} cannot be read", line)
            at = found.end()
            value = _argument(found["value"], line)
            if found["hash"]:
                hash_[found["hash"]] = value
            elif hash_:
                raise HandlebarsError(f"{{{{{text[:40]}}}}} cannot be read", line)
            else:
                values.append(value)
            if at < len(text) and not text[at].isspace():
                raise HandlebarsError(f"{{{{{text[:40]}}}}} cannot be read", line)
        if not values:
            raise HandlebarsError("a tag has no name", line)
        return values[0], values[1:], hash_, names


_NAME = re.compile(r"[^\s!\"#%&'()*+,./;<=>@\[\\\]^`{|}~]+")


def _argument(text: str, line: int) -> Argument:
    if text[0] in "\"'":
        return Constant(text[1:-1])
    if re.fullmatch(r"-?\d+(?:\.\d+)?", text):
        return Constant(float(text) if "." in text else int(text))
    if text in ("true", "false", "null", "undefined"):
        return Constant({"true": True, "false": False}.get(text))
    data = text.startswith("@")
    rest = text[1:] if data else text
    up = 0
    while rest == ".." or rest.startswith("../"):
        up += 1
        rest = rest[3:]
    this = False
    if rest in (".", "this", ""):
        return PathExpression((), up, data, this=True)
    if rest.startswith(("this.", "this/", "./")):
        this = True
        rest = rest[5:] if rest.startswith("this") else rest[2:]
    parts = re.split(r"[./]", re.sub(r"\[([^\]]*)\]", r"\1", rest))
    if not all(_NAME.fullmatch(part) for part in parts):
        raise HandlebarsError(f"{text!r} is not a valid name", line)
    return PathExpression(tuple(parts), up, data, this)


def parse(text: str) -> list[Part]:
    """Return the parts of a template. Raises HandlebarsError."""
    parser = _Parser(text)
    parts, ended = parser.parts(in_block=False)
    if ended is not None:
        raise HandlebarsError(f"{{{{/{ended.words}}}}} closes nothing", parser.line(ended.start))
    strip_whitespace(parts, root=True)
    return parts
