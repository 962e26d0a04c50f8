"""Handlebars templates to a tree, with the white space around standalone tags removed as Handlebars' own parser does.

The grammar is that of Handlebars 4 without decorators, raw blocks and subexpressions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = [
    "Block",
    "Constant",
    "Content",
    "HandlebarsError",
    "Mustache",
    "Part",
    "Partial",
    "PathExpression",
    "parse",
]


class HandlebarsError(ValueError):
    """What Handlebars cannot read, or what is not translated; `line` counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


@dataclass(frozen=True, slots=True)
class PathExpression:
    """A variable: how many contexts upward, its parts; `data` for those with `@`, `this` where it began with it."""

    parts: tuple[str, ...]
    up: int = 0
    data: bool = False
    this: bool = False


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant."""

    value: str | float | int | bool | None


Argument = PathExpression | Constant


@dataclass(slots=True)
class Content:
    """Text. `original` is what it was before white space was removed."""

    value: str
    original: str
    line: int


@dataclass(slots=True)
class Mustache:
    """`{{ name arguments }}`."""

    path: Argument
    params: list[Argument]
    hash: dict[str, Argument]
    line: int
    open: bool = False
    close: bool = False


@dataclass(slots=True)
class Partial:
    """`{{> name }}`; `indent` is what a standalone one adds to each line."""

    name: str
    params: list[Argument]
    hash: dict[str, Argument]
    line: int
    indent: str = ""
    open: bool = False
    close: bool = False


@dataclass(slots=True)
class _Comment:
    line: int
    open: bool = False
    close: bool = False


@dataclass(slots=True)
class Block:
    """`{{#name}} body {{else}} otherwise {{/name}}`; an `else if` is an `otherwise` of one block, `chained`."""

    path: PathExpression
    params: list[Argument]
    hash: dict[str, Argument]
    names: list[str]
    body: list[Part]
    otherwise: list[Part] | None
    line: int
    chained: bool = False
    open: tuple[bool, bool] = (False, False)
    middle: tuple[bool, bool] = (False, False)
    close: tuple[bool, bool] = (False, False)


Part = Content | Mustache | Partial | Block | _Comment

_OPEN = re.compile(r"\\\\(?=\{\{)|\\\{\{|\{\{")
_ARGUMENT = re.compile(
    r"""\s*(?:(?P<hash>[^\s!"#%-,./;->@\[-^`{-~]+)=)?(?P<value>"[^"]*"|'[^']*'|[^\s()|"'=]+|\|[^|]*\|)"""
)
_DEEPEST = 50


@dataclass(slots=True)
class _Reader:
    text: str
    at: int = 0
    depth: int = 0
    stack: list[Block] = field(default_factory=list)

    def line(self, at: int | None = None) -> int:
        return self.text.count("\n", 0, self.at if at is None else at) + 1

    def parts(self, closing: str | None) -> tuple[list[Part], tuple[str, str, int, bool, bool] | None]:
        """The parts up to `{{/closing}}`, `{{else…}}` or the end; and the tag that ended them."""
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
                found.append(_Comment(line, open_, close))
                continue
            if inner.startswith("/"):
                return found, ("/", inner[1:].strip(), start, open_, close)
            if inner == "else" or inner == "^" or re.match(r"else\s", inner):
                if closing is None:
                    raise HandlebarsError("{{else}} stands in no block", line)
                return found, ("else", inner[4:].strip() if inner != "^" else "", start, open_, close)
            if inner.startswith(">"):
                found.append(self._partial(inner[1:], line, open_, close))
            elif inner.startswith(("#", "^")):
                found.append(self._block(inner, line, open_, close))
            else:
                inner = inner.removeprefix("&")
                if not inner.strip():
                    raise HandlebarsError("{{}} names nothing", line)
                path, params, hash_, names = self._arguments(inner, line)
                if names:
                    raise HandlebarsError("names between | | stand in a block only", line)
                found.append(Mustache(path, params, hash_, line, open_, close))

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
        """What stands between the braces."""
        line = self.line()
        comment = re.compile(r"\{\{(~?)!--").match(self.text, self.at)
        if comment is not None:
            end = re.compile(r"--(~?)\}\}").search(self.text, comment.end())
            if end is None:
                raise HandlebarsError("a comment is never closed", line)
            self.at = end.end()
            return f"{comment[1]}!{end[1]}"
        if self.text.startswith("{{{{", self.at):
            raise HandlebarsError("a raw block has no counterpart", line)
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
            raise HandlebarsError("a brace stands inside of a tag", line)
        return inner

    def _partial(self, inner: str, line: int, open_: bool, close: bool) -> Partial:  # noqa: FBT001
        words = inner.strip()
        name, _, rest = words.partition(" ")
        name = name.strip("\"'")
        if not name or name.startswith("("):
            raise HandlebarsError("a partial whose name is computed", line)
        params: list[Argument] = []
        hash_: dict[str, Argument] = {}
        if rest.strip():
            _, params, hash_, _ = self._arguments(f"x {rest}", line)
        return Partial(name, params, hash_, line, "", open_, close)

    def _block(self, inner: str, line: int, open_: bool, close: bool) -> Block:  # noqa: FBT001
        if inner.startswith(("#>", "#*")):
            raise HandlebarsError("a partial block or a decorator has no counterpart", line)
        self.depth += 1
        if self.depth > _DEEPEST:
            raise HandlebarsError("blocks are nested too deeply", line)
        inverted = inner.startswith("^")
        block = self._opened(inner[1:], line)
        block.open = (open_, close)
        body, ended = self.parts(block.path.parts[0])
        block.body = body
        self._finish(block, ended, line)
        if inverted:
            block.body, block.otherwise = block.otherwise or [], block.body
        self.depth -= 1
        return block

    def _finish(self, block: Block, ended: tuple[str, str, int, bool, bool] | None, line: int) -> None:
        name = ".".join(block.path.parts)
        if ended is None:
            raise HandlebarsError(f"{{{{#{name}}}}} is never closed", line)
        kind, words, start, open_, close = ended
        if kind == "else":
            block.middle = (open_, close)
            if words:  # a chained block, which shares the closing tag
                inner = self._opened(words, self.line(start))
                inner.chained = True
                inner.open = (open_, close)
                inner.body, following = self.parts(name)
                self._finish_chain(inner, following, block, line)
                block.otherwise = [inner]
                block.close = inner.close
                return
            block.otherwise, following = self.parts(name)
            if following is None or following[0] == "else":
                raise HandlebarsError(f"{{{{#{name}}}}} is never closed", line)
            kind, words, start, open_, close = following
        if words != name and words != "/".join(block.path.parts):
            raise HandlebarsError(f"{{{{/{words}}}}} closes {{{{#{name}}}}}", self.line(start))
        block.close = (open_, close)

    def _finish_chain(
        self, inner: Block, ended: tuple[str, str, int, bool, bool] | None, outer: Block, line: int
    ) -> None:
        name = ".".join(outer.path.parts)
        if ended is None:
            raise HandlebarsError(f"{{{{#{name}}}}} is never closed", line)
        if ended[0] == "else":
            inner.middle = ended[3:5]
            if ended[1]:
                deeper = self._opened(ended[1], self.line(ended[2]))
                deeper.chained = True
                deeper.open = ended[3:5]
                deeper.body, following = self.parts(name)
                self._finish_chain(deeper, following, outer, line)
                inner.otherwise = [deeper]
                inner.close = deeper.close
                return
            inner.otherwise, following = self.parts(name)
            if following is None or following[0] == "else":
                raise HandlebarsError(f"{{{{#{name}}}}} is never closed", line)
            ended = following
        if ended[1] != name:
            raise HandlebarsError(f"{{{{/{ended[1]}}}}} closes {{{{#{name}}}}}", self.line(ended[2]))
        inner.close = ended[3:5]

    def _opened(self, inner: str, line: int) -> Block:
        path, params, hash_, names = self._arguments(inner, line)
        if not isinstance(path, PathExpression) or not path.parts:
            raise HandlebarsError("a block without a name", line)
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
            raise HandlebarsError("a tag without a name", line)
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
        raise HandlebarsError(f"{text!r} is no name", line)
    return PathExpression(tuple(parts), up, data, this)


def parse(text: str) -> list[Part]:
    """The tree of a template. Raises HandlebarsError."""
    reader = _Reader(text)
    parts, ended = reader.parts(None)
    if ended is not None:
        raise HandlebarsError(f"{{{{/{ended[1]}}}}} closes nothing", reader.line(ended[2]))
    _strip(parts, root=True)
    return parts


# --- white space, as Handlebars' whitespace-control.js has it ----------------------------------------------------------


def _strip(body: list[Part], *, root: bool) -> None:
    for index, part in enumerate(body):
        if isinstance(part, Content):
            continue
        opened = closed = inline = False
        if isinstance(part, Block):
            opened, closed = _strip_block(part)
            strip_open, strip_close = part.open[0], part.close[1]
        else:
            strip_open, strip_close = part.open, part.close
            inline = isinstance(part, Partial | _Comment)
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
    """What stands right before the closing tag."""
    if block.otherwise is None:
        return block.body
    if len(block.otherwise) == 1 and isinstance(block.otherwise[0], Block) and block.otherwise[0].chained:
        return _last_body(block.otherwise[0])
    return block.otherwise


def _strip_block(block: Block) -> tuple[bool, bool]:
    """Strip inside of a block; whether it may be standalone at its opening and at its closing tag."""
    _strip(block.body, root=False)
    otherwise = block.otherwise
    first = otherwise
    if otherwise is not None:
        _strip(otherwise, root=False)
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
