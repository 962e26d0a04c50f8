"""Parse the JavaScript of assertions to a tree: tokens, and expressions by precedence climbing."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["NotTranslatableError", "Parser", "SyntaxNode", "string_of", "tokens"]


class NotTranslatableError(ValueError):
    """Code that has no equivalent; the message explains the reason to its author."""


@dataclass(frozen=True, slots=True)
class SyntaxNode:
    """A node of the tree: its kind, its name or literal value, and its parts."""

    kind: str
    value: object = None
    parts: tuple[SyntaxNode, ...] = ()


_TOKEN = re.compile(
    r"""(?P<space>(?:\s|//[^\n]*|/\*.*?\*/)+)|(?P<number>\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)"""
    r"""|(?P<name>[A-Za-z_$][\w$]*)|(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(?P<template>`(?:\\.|[^`\\])*`)"""
    r"""|(?P<op>=>|===|!==|==|!=|<=|>=|&&|\|\||\?\?|\?\.(?!\d)|\.\.\.|\*\*|\+\+|--|\+=|-=|[-+*/%<>!?:;,.(){}\[\]=])""",
    re.DOTALL,
)
_FILLED = re.compile(r"(?<!\\)\$\{([^{}`]*)\}")
_REGEX = re.compile(r"/((?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+)/([a-z]*)")
_DEEPEST = 60

_Token = tuple[str, str]


def tokens(code: str) -> list[_Token]:
    """Return the tokens with their kinds. Raises NotTranslatableError."""
    found: list[_Token] = []
    at = 0
    while at < len(code):
        if code[at] == "/" and not code.startswith(("//", "/*"), at) and _may_begin_regex(found):
            literal = _REGEX.match(code, at)
            if literal is None:
                raise NotTranslatableError("a regular expression cannot be read")
            found.append(("regex", literal[0]))
            at = literal.end()
            continue
        token = _TOKEN.match(code, at)
        if token is None or token.lastgroup is None:
            raise NotTranslatableError(f"{code[at : at + 20]!r} cannot be read")
        if token.lastgroup != "space":
            found.append((token.lastgroup, token[0]))
        at = token.end()
    return found


def _may_begin_regex(before: list[_Token]) -> bool:
    if not before:
        return True
    kind, text = before[-1]
    return (kind == "op" and text not in (")", "]", "}")) or text == "return"


class Parser:
    """Parser of expressions by precedence climbing. Used for one text."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0

    def peek(self, *texts: str) -> bool:
        """Return whether the next token is one of these operators or words."""
        return (
            self.at < len(self.tokens)
            and self.tokens[self.at][1] in texts
            and self.tokens[self.at][0] in ("op", "name")
        )

    def take(self, text: str) -> bool:
        """Skip an operator or a word if it is next, and return whether it was."""
        if self.peek(text):
            self.at += 1
            return True
        return False

    def need(self, text: str) -> None:
        """Skip an operator or a word. Raises NotTranslatableError if it is not next."""
        if not self.take(text):
            raise NotTranslatableError(f"{text!r} is missing")

    def done(self) -> bool:
        """Return whether there are no more tokens."""
        return self.at >= len(self.tokens)

    def next(self) -> _Token:
        """Read a token and return it. Raises NotTranslatableError at the end."""
        if self.done():
            raise NotTranslatableError("it ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def expression(self) -> SyntaxNode:
        """Read an expression. Raises NotTranslatableError."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise NotTranslatableError("it is nested too deeply")
        try:
            if (arrow := self._arrow()) is not None:
                return arrow
            test = self._binary(0)
            if self.take("?"):
                yes = self.expression()
                self.need(":")
                return SyntaxNode("if", None, (test, yes, self.expression()))
            return test
        finally:
            self.depth -= 1

    def block(self) -> SyntaxNode:
        """Read the body of a function after its opening brace."""
        raise NotTranslatableError("a function has a body")

    def names(self, closing: str) -> list[str]:
        """Read the names of parameters and the closing bracket."""
        found: list[str] = []
        while not self.take(closing):
            kind, text = self.next()
            if kind != "name":
                raise NotTranslatableError(f"{text!r} is not a valid name of a parameter")
            found.append(text)
            if not self.take(","):
                self.need(closing)
                break
        return found

    def _arrow(self) -> SyntaxNode | None:
        start = self.at
        names: list[str] = []
        try:
            if self.take("("):
                names = self.names(")")
            elif not self.done() and self.tokens[self.at][0] == "name":
                names.append(self.next()[1])
        except NotTranslatableError:  # parentheses around an expression
            self.at = start
            return None
        if not self.take("=>"):
            self.at = start
            return None
        body = self.block() if self.take("{") else self.expression()
        return SyntaxNode("arrow", tuple(names), (body,))

    _LEVELS = (
        ("??",),
        ("||",),
        ("&&",),
        ("===", "!==", "==", "!="),
        ("<", ">", "<=", ">=", "in"),
        ("+", "-"),
        ("*", "/", "%"),
    )

    def _binary(self, level: int) -> SyntaxNode:
        if level == len(self._LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while self.peek(*self._LEVELS[level]):
            operator = self.next()[1]
            left = SyntaxNode("binary", operator, (left, self._binary(level + 1)))
        return left

    def _unary(self) -> SyntaxNode:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise NotTranslatableError("it is nested too deeply")
        try:
            for operator in ("!", "-", "+", "typeof"):
                if self.take(operator):
                    return SyntaxNode("unary", operator, (self._unary(),))
            return self._members(self._primary())
        finally:
            self.depth -= 1

    def _members(self, node: SyntaxNode) -> SyntaxNode:
        while True:
            optional = False
            if self.take("?."):
                optional = True
                if not self.peek("[", "("):
                    node = SyntaxNode("member?", self._word(), (node,))
                    continue
            if self.take("."):
                node = SyntaxNode("member", self._word(), (node,))
            elif self.take("["):
                index = self.expression()
                self.need("]")
                node = SyntaxNode("index?" if optional else "index", None, (node, index))
            elif self.take("("):
                given = self._list(")")
                # `(() => …)()` is the return value of the function.
                called = node.kind == "arrow" and not node.value and not given
                node = node.parts[0] if called else SyntaxNode("call", None, (node, *given))
            else:
                return node

    def _word(self) -> str:
        kind, text = self.next()
        if kind != "name":
            raise NotTranslatableError(f"{text!r} is not a valid name of a member")
        return text

    def _list(self, closing: str) -> list[SyntaxNode]:
        items: list[SyntaxNode] = []
        while not self.take(closing):
            items.append(self.expression())
            if not self.take(","):
                self.need(closing)
                break
        return items

    def _primary(self) -> SyntaxNode:
        kind, text = self.next()
        if kind == "number":
            number = float(text.replace("_", ""))
            return SyntaxNode(
                "number", int(number) if number.is_integer() and abs(number) < 2**53 else number
            )
        if kind == "string":
            return SyntaxNode("string", string_of(text))
        if kind == "template":
            return self._template(text)
        if kind == "regex":
            return SyntaxNode("regex", text)
        if kind == "name":
            if text == "function":
                if not self.peek("("):
                    self._word()
                self.need("(")
                names = self.names(")")
                self.need("{")
                return SyntaxNode("arrow", tuple(names), (self.block(),))
            if text in ("new", "async", "await", "class", "delete", "void", "in", "instanceof"):
                raise NotTranslatableError(f"`{text}` has no equivalent in an expression")
            return SyntaxNode("name", text)
        if text == "(":
            inner = self.expression()
            self.need(")")
            return inner
        if text == "[":
            return SyntaxNode("list", None, tuple(self._list("]")))
        if text == "{":
            return self._object()
        raise NotTranslatableError(f"{text!r} cannot be read here")

    def _template(self, text: str) -> SyntaxNode:
        """Read a template string into its parts."""
        parts: list[SyntaxNode] = []
        end = 1
        for found in _FILLED.finditer(text):
            parts.append(SyntaxNode("string", string_of(f"`{text[end : found.start()]}`")))
            inner = type(self)(tokens(found[1]))
            inner.depth = self.depth + 1
            parts.append(inner.expression())
            if not inner.done():
                raise NotTranslatableError("a template string cannot be read")
            end = found.end()
        last = text[end:-1]
        if "${" in last:
            raise NotTranslatableError("a template string cannot be read")
        parts.append(SyntaxNode("string", string_of(f"`{last}`")))
        return SyntaxNode("template", None, tuple(parts)) if len(parts) > 1 else parts[0]

    def _object(self) -> SyntaxNode:
        members: list[SyntaxNode] = []
        while not self.take("}"):
            kind, text = self.next()
            if kind not in ("name", "string"):
                raise NotTranslatableError("an object cannot be read")
            name = string_of(text) if kind == "string" else text
            value = self.expression() if self.take(":") else SyntaxNode("name", name)
            members.append(SyntaxNode("pair", name, (value,)))
            if not self.take(","):
                self.need("}")
                break
        return SyntaxNode("object", None, tuple(members))


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": ""}
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)


def string_of(text: str) -> str:
    """Return the value of a string literal."""

    def spelt(found: re.Match[str]) -> str:
        code = found[1] or found[2] or found[3]
        if code:
            if int(code, 16) > 0x10FFFF:
                raise NotTranslatableError("an escape is not a valid character")
            return chr(int(code, 16))
        return _ESCAPES.get(found[4], found[4])

    text = _ESCAPE.sub(spelt, text[1:-1])
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
