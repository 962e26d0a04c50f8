"""JavaScript assertions of one expression, or of constants and a `return`, become Jinja expressions that mean the same.

The grammar is that of the assertions people write: members, calls of a few well-known methods, operators, regular
expressions, arrow functions over lists that stand in the code. Whatever else there is raises NotTranslatableError; where
JavaScript would give `undefined` and Jinja an error, the check fails either way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..patterns import PatternError
from .regexes import python_pattern

__all__ = ["NotTranslatableError", "as_assertion", "lacks_return"]


class NotTranslatableError(ValueError):
    """What the code does has no counterpart, in words for its author."""


@dataclass(frozen=True, slots=True)
class _Node:
    kind: str
    value: object = None
    parts: tuple[_Node, ...] = ()


_TOKEN = re.compile(
    r"""(?P<space>(?:\s|//[^\n]*|/\*.*?\*/)+)|(?P<number>\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)"""
    r"""|(?P<name>[A-Za-z_$][\w$]*)|(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(?P<template>`(?:\\.|[^`\\])*`)"""
    r"""|(?P<op>=>|===|!==|==|!=|<=|>=|&&|\|\||\?\?|\?\.(?!\d)|\.\.\.|\*\*|\+\+|--|[-+*/%<>!?:;,.(){}\[\]=])""",
    re.DOTALL,
)
_REGEX = re.compile(r"/((?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+)/([a-z]*)")
_LONGEST = 4000
_DEEPEST = 60

_Token = tuple[str, str]


def _tokens(code: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while at < len(code):
        if code[at] == "/" and not code.startswith(("//", "/*"), at) and _may_begin_regex(found):
            literal = _REGEX.match(code, at)
            if literal is None:
                raise NotTranslatableError("a regular expression that cannot be read")
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


class _Parser:
    """Expressions by precedence climbing. Lives for one text."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0

    def peek(self, *texts: str) -> bool:
        return (
            self.at < len(self.tokens)
            and self.tokens[self.at][1] in texts
            and self.tokens[self.at][0] in ("op", "name")
        )

    def take(self, text: str) -> bool:
        if self.peek(text):
            self.at += 1
            return True
        return False

    def need(self, text: str) -> None:
        if not self.take(text):
            raise NotTranslatableError(f"{text!r} is missing")

    def done(self) -> bool:
        return self.at >= len(self.tokens)

    def next(self) -> _Token:
        if self.done():
            raise NotTranslatableError("it ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def expression(self) -> _Node:
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
                return _Node("if", None, (test, yes, self.expression()))
            return test
        finally:
            self.depth -= 1

    def _arrow(self) -> _Node | None:
        start = self.at
        names: list[str] = []
        if self.take("("):
            while not self.done() and self.tokens[self.at][0] == "name":
                names.append(self.next()[1])
                if not self.take(","):
                    break
            closed = self.take(")")
        else:
            closed = not self.done() and self.tokens[self.at][0] == "name"
            if closed:
                names.append(self.next()[1])
        if closed and self.take("=>"):
            if self.peek("{"):
                self.need("{")
                self.need("return")
                body = self.expression()
                self.take(";")
                self.need("}")
                return _Node("arrow", tuple(names), (body,))
            return _Node("arrow", tuple(names), (self.expression(),))
        self.at = start
        return None

    _LEVELS = (
        ("??",),
        ("||",),
        ("&&",),
        ("===", "!==", "==", "!="),
        ("<", ">", "<=", ">="),
        ("+", "-"),
        ("*", "/", "%"),
    )

    def _binary(self, level: int) -> _Node:
        if level == len(self._LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while self.peek(*self._LEVELS[level]):
            operator = self.next()[1]
            left = _Node("binary", operator, (left, self._binary(level + 1)))
        return left

    def _unary(self) -> _Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise NotTranslatableError("it is nested too deeply")
        try:
            for operator in ("!", "-", "+", "typeof"):
                if self.take(operator):
                    return _Node("unary", operator, (self._unary(),))
            return self._members(self._primary())
        finally:
            self.depth -= 1

    def _members(self, node: _Node) -> _Node:
        while True:
            optional = False
            if self.take("?."):
                optional = True
                if not self.peek("[", "("):
                    node = _Node("member?", self._word(), (node,))
                    continue
            if self.take("."):
                node = _Node("member", self._word(), (node,))
            elif self.take("["):
                index = self.expression()
                self.need("]")
                node = _Node("index?" if optional else "index", None, (node, index))
            elif self.take("("):
                node = _Node("call", None, (node, *self._list(")")))
            else:
                return node

    def _word(self) -> str:
        kind, text = self.next()
        if kind != "name":
            raise NotTranslatableError(f"{text!r} is no name of a member")
        return text

    def _list(self, closing: str) -> list[_Node]:
        items: list[_Node] = []
        while not self.take(closing):
            items.append(self.expression())
            if not self.take(","):
                self.need(closing)
                break
        return items

    def _primary(self) -> _Node:
        kind, text = self.next()
        if kind == "number":
            number = float(text.replace("_", ""))
            return _Node("number", int(number) if number.is_integer() and abs(number) < 2**53 else number)
        if kind == "string":
            return _Node("string", _string(text))
        if kind == "template":
            if "${" in text:
                raise NotTranslatableError("a template string with values")
            return _Node("string", _string(text))
        if kind == "regex":
            return _Node("regex", text)
        if kind == "name":
            if text in ("function", "new", "async", "await", "class", "delete", "void", "in", "instanceof"):
                raise NotTranslatableError(f"`{text}` has no counterpart in an expression")
            return _Node("name", text)
        if text == "(":
            inner = self.expression()
            self.need(")")
            return inner
        if text == "[":
            return _Node("list", None, tuple(self._list("]")))
        if text == "{":
            return self._object()
        raise NotTranslatableError(f"{text!r} cannot be read here")

    def _object(self) -> _Node:
        members: list[_Node] = []
        while not self.take("}"):
            kind, text = self.next()
            if kind not in ("name", "string"):
                raise NotTranslatableError("an object that cannot be read")
            name = _string(text) if kind == "string" else text
            value = self.expression() if self.take(":") else _Node("name", name)
            members.append(_Node("pair", name, (value,)))
            if not self.take(","):
                self.need("}")
                break
        return _Node("object", None, tuple(members))


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": ""}
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)


def _string(text: str) -> str:
    def spelt(found: re.Match[str]) -> str:
        code = found[1] or found[2] or found[3]
        if code:
            if int(code, 16) > 0x10FFFF:
                raise NotTranslatableError("a character that does not exist")
            return chr(int(code, 16))
        return _ESCAPES.get(found[4], found[4])

    text = _ESCAPE.sub(spelt, text[1:-1])
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


# --- statements ------------------------------------------------------------------------------------------------------


def _program(code: str, *, several: bool) -> _Node:
    """The expression whose value the code returns, its constants put in their places.

    Code of one line returns its last expression; code of several lines is the body of a function (that is how promptfoo
    reads both).
    """
    code = code.strip()
    parser = _Parser(_tokens(code))
    constants: dict[str, _Node] = {}
    result = _statements(parser, constants, several=several)
    if not parser.done():
        raise NotTranslatableError("there is code behind its result")
    return result


def _statements(parser: _Parser, constants: dict[str, _Node], *, several: bool) -> _Node:
    declared = False
    while True:
        while parser.take(";"):
            pass
        if parser.done() or parser.peek("}"):
            raise NotTranslatableError("it returns nothing: promptfoo fails on it as well")
        if parser.peek("const", "let", "var") and len(parser.tokens) > parser.at + 2:
            parser.next()
            _declare(parser, constants)
            declared = True
            continue
        if parser.take("if"):
            return _guard(parser, constants, several=several)
        if parser.peek("try", "for", "while", "switch", "throw", "do"):
            raise NotTranslatableError(f"`{parser.next()[1]}` has no counterpart in an expression")
        if parser.take("return"):
            if not several:
                raise NotTranslatableError(
                    "a `return` on the one line of an expression: promptfoo fails on it as well"
                )
            value = _inlined(parser.expression(), constants)
            while parser.take(";"):
                pass
            return value
        if several:
            raise NotTranslatableError("a statement that has no counterpart in an expression")
        value = _inlined(parser.expression(), constants)
        while parser.take(";"):
            pass
        if not parser.done():
            raise NotTranslatableError(
                "several statements" if not declared else "there is code behind its result"
            )
        return value


def _declare(parser: _Parser, constants: dict[str, _Node]) -> None:
    while True:
        kind, name = parser.next()
        if kind != "name":
            raise NotTranslatableError("a declaration that takes values apart")
        parser.need("=")
        constants[name] = _inlined(parser.expression(), constants)
        if not parser.take(","):
            break
    parser.take(";")


def _guard(parser: _Parser, constants: dict[str, _Node], *, several: bool) -> _Node:
    """`if (test) return a; … return b;` is one conditional expression."""
    parser.need("(")
    test = _inlined(parser.expression(), constants)
    parser.need(")")
    braces = parser.take("{")
    parser.need("return")
    yes = _inlined(parser.expression(), constants)
    while parser.take(";"):
        pass
    if braces:
        parser.need("}")
    if parser.take("else"):
        braces = parser.take("{")
        no = _statements(parser, dict(constants), several=several)
        if braces:
            parser.need("}")
    else:
        no = _statements(parser, dict(constants), several=several)
    while parser.take(";"):
        pass
    return _Node("if", None, (test, yes, no))


def _inlined(node: _Node, constants: Mapping[str, _Node]) -> _Node:
    if node.kind == "name" and isinstance(node.value, str) and node.value in constants:
        return constants[node.value]
    if node.kind == "arrow":
        names = node.value if isinstance(node.value, tuple) else ()
        constants = {name: value for name, value in constants.items() if name not in names}
    if not node.parts:
        return node
    return _Node(node.kind, node.value, tuple(_inlined(part, constants) for part in node.parts))


# --- what it means in Jinja ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Value:
    """A Jinja expression and what it gives: bool, number, string, list (or object), any. `safe`: it is never undefined."""

    code: str
    kind: str
    raw: str | None = None
    """The expression as it is where it may be undefined."""
    items: tuple[_Node, ...] | None = None
    base: str | None = None


class _Emitter:
    def __init__(self, *, output: str, parsed: bool, rename: Callable[[str], str]) -> None:
        self.output = output
        self.parsed = parsed
        self.rename = rename
        self.size = 0

    def value(self, node: _Node) -> _Value:
        self.size += 1
        if self.size > 3000:
            raise NotTranslatableError("it is too long")
        method = getattr(self, f"_{node.kind.rstrip('?')}", None)
        if method is None:
            raise NotTranslatableError(f"a {node.kind} has no counterpart here")
        made: _Value = method(node)
        if len(made.code) > _LONGEST:
            raise NotTranslatableError("it is too long")
        return made

    def truth(self, node: _Node) -> str:
        """An expression that is true where the value is truthy in JavaScript."""
        made = self.value(node)
        if made.kind in ("bool", "string", "number", "match"):
            return made.code
        if made.kind == "list":
            return f"({made.code} is not none)"
        code = made.code
        test = f"({code} is mapping or ({code} is sequence and {code} is not string) or {code})"
        return _thrown(test, made.base)

    def verdict(self, node: _Node) -> str:
        """The expression of the whole assertion, which gives true or false."""
        if node.kind == "object":
            parts = {str(part.value): part.parts[0] for part in node.parts}
            if "pass" not in parts:
                raise NotTranslatableError("it returns an object without `pass`")
            made = self.value(parts["pass"])
            if made.kind != "bool":
                raise NotTranslatableError("`pass` may be something else than true or false")
            return made.code
        if node.kind == "if":
            test, yes, no = node.parts
            return f"({self.verdict(yes)} if {self.truth(test)} else {self.verdict(no)})"
        if node.kind == "binary" and node.value == "&&":
            left, right = node.parts
            return f"({self._strict(left)} and {self.verdict(right)})"
        made = self.value(node)
        if made.kind == "bool":
            return made.code
        if made.kind == "number":
            return f"({made.code} > 0)"
        if made.kind == "any":
            code = made.code
            return f"({code} is true or ({code} is number and {code} is not boolean and {code} > 0))"
        raise NotTranslatableError("its value is neither true nor false, on which promptfoo fails")

    def _strict(self, node: _Node) -> str:
        made = self.value(node)
        return made.code if made.kind == "bool" else f"(true if {self.truth(node)} else false)"

    def _number(self, node: _Node) -> _Value:
        return _Value(json.dumps(node.value), "number")

    def _string(self, node: _Node) -> _Value:
        return _Value(_quoted(str(node.value)), "string")

    def _regex(self, node: _Node) -> _Value:
        raise NotTranslatableError("a regular expression that is no test")

    def _arrow(self, node: _Node) -> _Value:
        raise NotTranslatableError(
            "a function that is used in another way than some, every, filter and includes"
        )

    def _object(self, node: _Node) -> _Value:
        raise NotTranslatableError("an object inside of an expression")

    def _list(self, node: _Node) -> _Value:
        return _Value(
            f"[{', '.join(self.value(each).code for each in node.parts)}]", "list", items=node.parts
        )

    def _name(self, node: _Node) -> _Value:
        name = str(node.value)
        if name == "output":
            return _Value(self.output, "any" if self.parsed else "string")
        words = {"true": ("true", "bool"), "false": ("false", "bool"), "null": ("none", "null")}
        if name in words:
            return _Value(*words[name])
        if name == "undefined":
            return _Value("none", "undefined")
        raise NotTranslatableError(f"`{name}` is nothing that an assertion here can see")

    def _if(self, node: _Node) -> _Value:
        test, yes, no = node.parts
        one, other = self.value(yes), self.value(no)
        kind = one.kind if one.kind == other.kind else "any"
        return _Value(f"({one.code} if {self.truth(test)} else {other.code})", kind)

    def _unary(self, node: _Node) -> _Value:
        (part,) = node.parts
        if node.value == "!":
            return _Value(f"(not {self.truth(part)})", "bool")
        if node.value == "typeof":
            raise NotTranslatableError("`typeof` that is not compared with a word")
        made = self.value(part)
        if made.kind != "number":
            raise NotTranslatableError(f"`{node.value}` before what may be no number")
        return _Value(f"({node.value}{made.code})", "number")

    def _binary(self, node: _Node) -> _Value:
        operator, (left, right) = str(node.value), node.parts
        if operator in ("===", "!==", "==", "!="):
            return self._equality(left, right, negated=operator.startswith("!"), loose=len(operator) == 2)
        if operator in ("&&", "||"):
            one, other = self.value(left), self.value(right)
            if "match" in (one.kind, other.kind) and not (operator == "&&" and other.kind == "bool"):
                raise NotTranslatableError("what a regular expression finds is used as a value")
            word = "and" if operator == "&&" else "or"
            if one.kind == "bool" and other.kind == "bool":
                return _Value(f"({one.code} {word} {other.code})", "bool")
            if one.kind == other.kind and one.kind in ("string", "number"):
                return _Value(f"({one.code} {word} {other.code})", one.kind)
            if operator == "&&" and other.kind == "bool":
                # JavaScript gives the first where that is falsy: neither true nor false, but never true.
                return _Value(f"(true if {self.truth(left)} and {other.code} else false)", "bool")
            return (
                _Value(f"({other.code} if {self.truth(left)} else {one.code})", "any")
                if operator == "&&"
                else _Value(
                    f"({one.code} if {self.truth(left)} else {other.code})",
                    other.kind if one.kind == "any" else "any",
                )
            )
        if operator == "??":
            one, other = self.value(left), self.value(right)
            return _Value(f"({one.code} if {one.code} is not none else {other.code})", "any")
        one, other = self.value(left), self.value(right)
        if "match" in (one.kind, other.kind):
            raise NotTranslatableError("what a regular expression finds is used as a value")
        if operator in ("<", ">", "<=", ">="):
            if {one.kind, other.kind} <= {"number", "any"}:
                return _Value(f"({one.code} {operator} {other.code})", "bool")
            raise NotTranslatableError(f"`{operator}` of what may be no numbers")
        if operator == "+" and one.kind == other.kind == "string":
            return _Value(f"({one.code} ~ {other.code})", "string")
        if one.kind == other.kind == "number" and operator in ("+", "-", "*", "/"):
            return _Value(f"({one.code} {operator} {other.code})", "number")
        if operator in ("-", "*", "/") and {one.kind, other.kind} <= {"number", "any"}:
            return _Value(f"({one.code} {operator} {other.code})", "number")
        raise NotTranslatableError(f"`{operator}` of what may be no numbers")

    def _equality(self, left: _Node, right: _Node, *, negated: bool, loose: bool) -> _Value:
        if right.kind == "unary" and right.value == "typeof":
            left, right = right, left
        if left.kind == "unary" and left.value == "typeof":
            return self._typeof(left.parts[0], right, negated=negated)
        one, other = self.value(left), self.value(right)
        if one.kind in ("null", "undefined"):
            one, other = other, one
        positive: str
        if one.kind == "match":
            if other.kind != "null" and not (loose and other.kind == "undefined"):
                raise NotTranslatableError(
                    "what a regular expression finds, compared with something else than null"
                )
            positive = f"not {one.code}"
        elif other.kind in ("null", "undefined") and loose:
            positive = f"{one.code} is none"
        elif other.kind == "undefined":
            positive = f"{one.raw} is not defined" if one.raw else "false"
        elif other.kind == "null":
            positive = f"({one.raw} | default(false)) is none" if one.raw else f"{one.code} is none"
        else:
            positive = self._same(one, other, loose=loose)
        if negated:
            return _Value(_thrown(f"(not ({positive}))", one.base), "bool")
        if other.kind in ("null", "undefined"):
            return _Value(_thrown(f"({positive})", one.base), "bool")
        return _Value(f"({positive})", "bool")

    def _same(self, one: _Value, other: _Value, *, loose: bool) -> str:
        if "list" in (one.kind, other.kind):
            raise NotTranslatableError("lists are never the same in JavaScript")
        if loose and one.kind != other.kind and "any" not in (one.kind, other.kind):
            raise NotTranslatableError("`==` of values of two types")
        for value, boolean in ((one, other), (other, one)):
            if boolean.kind == "bool" and boolean.code in ("true", "false"):
                return f"{value.code} is {boolean.code}"
            if boolean.kind == "number" and boolean.code in ("0", "1") and value.kind == "any":
                return f"{value.code} == {boolean.code} and {value.code} is not boolean"
        if one.kind == other.kind == "any" and loose:
            raise NotTranslatableError("`==` of values that may be of two types")
        return f"{one.code} == {other.code}"

    def _typeof(self, node: _Node, word: _Node, *, negated: bool) -> _Value:
        made = self.value(node)
        code = made.code
        tests = {
            "string": f"{code} is string",
            "number": f"{code} is number and {code} is not boolean",
            "boolean": f"{code} is boolean",
            "object": f"{made.raw or code} is defined and ({code} is none or {code} is mapping or ({code} is sequence and {code} is not string))",
            "undefined": f"{made.raw or code} is not defined",
        }
        if word.kind != "string" or word.value not in tests:
            raise NotTranslatableError("`typeof` that is not compared with a word")
        test = tests[str(word.value)]
        return _Value(_thrown(f"(not ({test}))", made.base) if negated else f"({test})", "bool")

    def _member(self, node: _Node) -> _Value:
        (owner,) = node.parts
        name = str(node.value)
        if owner.kind == "member" and owner.value == "vars" and owner.parts[0] == _Node("name", "context"):
            raw = f"vars[{_quoted(self.rename(name))}]"
            return _Value(raw, "any")
        if owner == _Node("name", "context"):
            raise NotTranslatableError(f"`context.{name}` is nothing that an assertion here can see")
        if name == "length":
            return self._length(owner)
        if owner.kind == "name" and owner.value in (
            "Math",
            "JSON",
            "Object",
            "Array",
            "Number",
            "String",
            "process",
        ):
            raise NotTranslatableError(f"`{owner.value}.{name}` has no counterpart here")
        made = self.value(owner)
        if made.kind != "any":
            raise NotTranslatableError(f"the member `{name}` of what is no object")
        return self._part(made, _quoted(name), optional=node.kind.endswith("?"))

    def _part(self, made: _Value, key: str, *, optional: bool) -> _Value:
        inner = made.code if optional or made.raw is None else made.raw
        raw = f"{inner}[{key}]"
        # Of null JavaScript knows no members: it throws, and the check fails.
        base = None if optional else made.code
        return _Value(f"({raw} | default(none))", "any", raw, base=base)

    def _index(self, node: _Node) -> _Value:
        owner, index = node.parts
        if owner.kind == "member" and owner.value == "vars" and owner.parts[0] == _Node("name", "context"):
            if index.kind != "string":
                raise NotTranslatableError("a variable whose name is computed")
            return _Value(f"vars[{_quoted(self.rename(str(index.value)))}]", "any")
        made, key = self.value(owner), self.value(index)
        if made.kind == "string" or key.kind not in ("number", "string") or key.code.startswith("(-"):
            raise NotTranslatableError("an index that has no counterpart")
        return self._part(made, key.code, optional=node.kind.endswith("?"))

    def _length(self, owner: _Node) -> _Value:
        if owner.kind == "call" and owner.parts[0].kind == "member":
            callee, *given = owner.parts
            if callee.value == "filter" and len(given) == 1:
                items = self._literal(callee.parts[0])
                return _Value(
                    "("
                    + " + ".join(f"(1 if {self.truth(_applied(given[0], each))} else 0)" for each in items)
                    + ")",
                    "number",
                )
            if (
                callee.value == "split"
                and given
                and given[0].kind == "regex"
                and given[0].value in (r"/\s+/", r"/\s+/g")
            ):
                inner = callee.parts[0]
                if (
                    inner.kind == "call"
                    and inner.parts[0].kind == "member"
                    and inner.parts[0].value == "trim"
                ):
                    text = self.value(inner.parts[0].parts[0])
                    if text.kind == "string":
                        return _Value(f"({text.code} | wordcount)", "number")
        made = self.value(owner)
        if made.kind == "string" or made.kind == "list":
            return _Value(f"({made.code} | length)", "number")
        if made.kind != "any":
            raise NotTranslatableError("`length` of what has none")
        # Of an object it is undefined.
        code = made.raw or made.code
        return _Value(f"({code} | length if {made.code} is not mapping else none)", "any")

    def _literal(self, node: _Node) -> tuple[_Node, ...]:
        if node.kind != "list":
            raise NotTranslatableError("a function over a list that is not written in the code")
        if not node.parts or len(node.parts) > 60:
            raise NotTranslatableError(
                "a list without items" if not node.parts else "a list that is too long"
            )
        return node.parts

    def _call(self, node: _Node) -> _Value:
        callee, *given = node.parts
        if callee.kind == "member" or callee.kind == "member?":
            return self._method(callee, given)
        if callee == _Node("name", "Boolean") and len(given) == 1:
            return _Value(f"(true if {self.truth(given[0])} else false)", "bool")
        if (
            callee == _Node("name", "String")
            and len(given) == 1
            and (made := self.value(given[0])).kind == "string"
        ):
            return made
        name = callee.value if callee.kind == "name" else "a function"
        raise NotTranslatableError(f"the function `{name}()` has no counterpart here")

    def _method(self, callee: _Node, given: list[_Node]) -> _Value:
        (owner,) = callee.parts
        name = str(callee.value)
        if owner.kind == "name" and owner.value in ("JSON", "Array", "Object", "Math", "Number"):
            return self._static(f"{owner.value}.{name}", given)
        if owner.kind == "regex":
            if name == "test" and len(given) == 1:
                return self._searched(given[0], owner)
            raise NotTranslatableError(f"`{name}` of a regular expression")
        if name in ("some", "every") and len(given) == 1 and owner.kind != "list":
            return self._over(owner, name, given[0])
        if name in ("some", "every") and len(given) == 1:
            items = self._literal(owner)
            word = " or " if name == "some" else " and "
            parts = [self._strict(_applied(given[0], each)) for each in items]
            return _Value(f"({word.join(parts)})", "bool")
        if name == "match" and len(given) == 1 and given[0].kind == "regex":
            found = self._searched(owner, given[0])
            return _Value(found.code, "match")
        return self._of_text(owner, name, given)

    def _over(self, owner: _Node, name: str, function: _Node) -> _Value:
        """`some` and `every` over a list of the answer: how many of its items pass the filters that the test comes to."""
        made = self.value(owner)
        if made.kind not in ("any", "list") or function.kind != "arrow":
            raise NotTranslatableError(f"`{name}` of what may be no list")
        names = function.value if isinstance(function.value, tuple) else ()
        if len(names) != 1:
            raise NotTranslatableError("a function of several values")
        code = made.raw or made.code
        chosen = f"{code} | {' | '.join(self._filters(function.parts[0], str(names[0])))} | list | length"
        if name == "some":
            return _Value(f"({chosen} > 0)", "bool")
        return _Value(f"({code} is not mapping and ({chosen}) == ({code} | length))", "bool")

    def _filters(self, test: _Node, item: str) -> list[str]:
        """The filters that leave the items for which a test is true."""
        if test.kind == "binary" and test.value == "&&":
            return [*self._filters(test.parts[0], item), *self._filters(test.parts[1], item)]
        attribute = _member_of(test, item)
        if attribute is not None:  # what is truthy in JavaScript
            return [_defined(attribute), _filter("reject", attribute, "in", '[none, "", 0, false]')]
        if test.kind == "call" and test.parts[0].kind == "member" and len(test.parts) == 2:
            callee, argument = test.parts
            of, inside = _member_of(callee.parts[0], item), _member_of(argument, item)
            if callee.value == "includes" and inside is not None and callee.parts[0].kind == "list":
                listed = self.value(callee.parts[0]).code
                return [_defined(inside), _filter("select", inside, "in", listed)]
            if callee.value == "includes" and of is not None and argument.kind == "string":
                return [_filter("select", of, "search", _quoted(re.escape(str(argument.value))))]
            if callee.value == "test" and callee.parts[0].kind == "regex" and inside is not None:
                return [_filter("select", inside, "search", _quoted(_pattern(str(callee.parts[0].value))))]
        if test.kind == "binary" and test.value in ("===", "!=="):
            return self._compared(test, item)
        raise NotTranslatableError("a function over a list that is not written in the code")

    def _compared(self, test: _Node, item: str) -> list[str]:
        left, right = test.parts
        negated = test.value == "!=="
        if left.kind == "unary" and left.value == "typeof" and right.value in ("string", "boolean"):
            of = _member_of(left.parts[0], item)
            if of is not None and not negated:
                return [_defined(of), _filter("select", of, str(right.value))]
        of = _member_of(left, item)
        if of is not None and right.kind == "name" and right.value in ("null", "undefined"):
            if right.value == "undefined":
                return [_filter("reject" if not negated else "select", of, "defined")]
            if negated:  # what is not there is not null
                return [_filter("reject", of, "none")]
            return [_defined(of), _filter("select", of, "none")]
        if of is not None and right.kind == "string":
            return [
                _defined(of),
                _filter("reject" if negated else "select", of, "equalto", _quoted(str(right.value))),
            ]
        raise NotTranslatableError("a function over a list that is not written in the code")

    def _of_text(self, owner: _Node, name: str, given: list[_Node]) -> _Value:
        made = self.value(owner)
        arguments = [self.value(each) for each in given if each.kind != "regex"]
        if len(arguments) != len(given):
            raise NotTranslatableError(f"`{name}` with a regular expression")
        if name == "includes" and len(given) == 1:
            part = arguments[0]
            if made.kind == "string" and part.kind not in ("string", "any"):
                raise NotTranslatableError("`includes` of what is no text")
            within = f"{part.code} in {made.raw or made.code}"
            if made.kind == "any":
                return _Value(f"({made.code} is not mapping and {within})", "bool")
            return _Value(f"({within})", "bool")
        if made.kind not in ("string", "any"):
            raise NotTranslatableError(f"`{name}` of what is no text")
        code = made.raw or made.code
        if made.kind == "any" and name in ("toLowerCase", "toUpperCase", "trim"):
            # Of what is no text JavaScript has no such method; in Jinja adding a text says so.
            code = f'({code} + "")'
        simple = {"toLowerCase": "lower", "toUpperCase": "upper", "trim": "trim"}
        if name in simple and not given:
            return _Value(f"({code} | {simple[name]})", "string")
        if name == "toString" and not given and made.kind == "string":
            return made
        methods = {"startsWith": "startswith", "endsWith": "endswith"}
        if name in methods and len(given) == 1 and arguments[0].kind == "string":
            return _Value(f"({code}.{methods[name]}({arguments[0].code}))", "bool")
        if (
            name == "split"
            and len(given) == 1
            and arguments[0].kind == "string"
            and arguments[0].code != '""'
        ):
            return _Value(f"({code}.split({arguments[0].code}))", "list")
        if name == "indexOf" and len(given) == 1 and made.kind == "string" and arguments[0].kind == "string":
            return _Value(f"({code}.find({arguments[0].code}))", "number")
        raise NotTranslatableError(f"the method `{name}()` has no counterpart here")

    def _static(self, name: str, given: list[_Node]) -> _Value:
        if name == "JSON.parse" and len(given) == 1:
            text = self.value(given[0])
            if text.kind != "string":
                raise NotTranslatableError("`JSON.parse` of what is no text")
            return _Value(f"({text.code} | fromjson)", "any")
        if name == "Array.isArray" and len(given) == 1:
            code = self.value(given[0]).code
            return _Value(f"({code} is sequence and {code} is not string and {code} is not mapping)", "bool")
        if name == "Object.keys" and len(given) == 1:
            made = self.value(given[0])
            return _Value(f"({made.raw or made.code} | list)", "list")
        if name == "Math.abs" and len(given) == 1:
            made = self.value(given[0])
            if made.kind == "number":
                return _Value(f"({made.code} | abs)", "number")
        if name == "Number.isInteger" and len(given) == 1:
            code = self.value(given[0]).code
            return _Value(f"({code} is integer)", "bool")
        raise NotTranslatableError(f"`{name}` has no counterpart here")

    def _searched(self, text: _Node, pattern: _Node) -> _Value:
        made = self.value(text)
        if made.kind != "string" and made.kind != "any":
            raise NotTranslatableError("a regular expression on what is no text")
        return _Value(f"({made.raw or made.code} is search({_quoted(_pattern(str(pattern.value)))}))", "bool")


def _thrown(code: str, base: str | None) -> str:
    """What JavaScript throws on, a member of null, is an error here, too."""
    return f"({code} if {base} is not none else 1 // 0)" if base else code


def _member_of(node: _Node, item: str) -> str | None:
    """The member of an item that a node names: "" is the item itself; None where it is something else."""
    if node == _Node("name", item):
        return ""
    if node.kind == "member" and node.parts[0] == _Node("name", item) and node.value != "length":
        return str(node.value)
    return None


def _filter(kind: str, attribute: str, test: str, *arguments: str) -> str:
    given = ", ".join((f'"{test}"', *arguments))
    return f'{kind}attr("{attribute}", {given})' if attribute else f"{kind}({given})"


def _defined(attribute: str) -> str:
    return _filter("select", attribute, "defined")


def _applied(function: _Node, item: _Node) -> _Node:
    if function.kind != "arrow":
        if function == _Node("name", "Boolean"):
            return item
        raise NotTranslatableError("a function that is not written in its place")
    names = function.value if isinstance(function.value, tuple) else ()
    if len(names) != 1:
        raise NotTranslatableError("a function of several values")
    return _inlined(function.parts[0], {str(names[0]): item})


def _pattern(literal: str) -> str:
    """The pattern of a literal such as `/a+/i`, as Python reads it."""
    source, _, flags = literal[1:].rpartition("/")
    try:
        return python_pattern(source, flags)
    except PatternError as error:
        raise NotTranslatableError(f"a regular expression that Python cannot match: {error}") from None


def _quoted(text: str) -> str:
    """A string of Jinja, whose escapes are Python's."""
    return json.dumps(text, ensure_ascii=False)


def lacks_return(code: str) -> bool:
    """Whether code of several lines has no `return`, so that promptfoo gets nothing from it and fails each time."""
    return "\n" in code.strip() and not re.search(r"\breturn\b", code)


def as_assertion(code: str, *, parsed: bool, rename: Callable[[str], str]) -> dict[str, object]:
    """The assertion of ours for a JavaScript assertion. `parsed`: its `output` is JSON already.

    Code of several lines that lacks a `return` means its last expression.

    Raises NotTranslatableError.
    """
    node = _program(code, several="\n" in code.strip() and not lacks_return(code))
    if not parsed and (simple := _simple(node)) is not None:
        return simple
    emitter = _Emitter(output="output" if parsed else "text", parsed=parsed, rename=rename)
    expression = emitter.verdict(node)
    if expression.startswith("(") and expression.endswith(")") and _is_one_group(expression):
        expression = expression[1:-1]
    return {"type": "expr", "value": expression}


def _is_one_group(text: str) -> bool:
    depth = 0
    quote = None
    for at, sign in enumerate(text):
        if quote:
            if sign == quote and text[at - 1] != "\\":
                quote = None
            continue
        if sign == '"':
            quote = sign
        elif sign == "(":
            depth += 1
        elif sign == ")":
            depth -= 1
            if depth == 0 and at != len(text) - 1:
                return False
    return True


_OUTPUT = _Node("name", "output")


def _simple(node: _Node, *, negated: bool = False) -> dict[str, object] | None:
    """The assertion by name where there is one that says the same."""
    prefix = "not-" if negated else ""
    if node.kind == "unary" and node.value == "!" and not negated:
        return _simple(node.parts[0], negated=True)
    if node.kind != "call" or node.parts[0].kind != "member" or len(node.parts) != 2:
        return None
    callee, given = node.parts
    owner = callee.parts[0]
    if callee.value == "test" and owner.kind == "regex" and given == _OUTPUT:
        return {"type": f"{prefix}regex", "value": _pattern(str(owner.value))}
    if callee.value == "includes" and given.kind == "string" and given.value:
        if owner == _OUTPUT:
            return {"type": f"{prefix}contains", "value": given.value}
        lowered = _Node("call", None, (_Node("member", "toLowerCase", (_OUTPUT,)),))
        if owner == lowered and str(given.value) == str(given.value).lower():
            return {"type": f"{prefix}icontains", "value": given.value}
    return None
