"""Translate expressions of JavaScript to Jinja."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from ...patterns import PatternError
from ..regexes import python_pattern
from .statements import inlined
from .syntax import NotTranslatableError, SyntaxNode

__all__ = ["Emitter", "pattern_of"]

_LONGEST = 4000


@dataclass(frozen=True, slots=True)
class _Value:
    """A Jinja expression and the type of its value: bool, number, string, list (or object), any. `safe`: it is never undefined."""

    code: str
    kind: str
    raw: str | None = None
    """The expression without a default for an undefined value."""
    items: tuple[SyntaxNode, ...] | None = None
    base: str | None = None


class Emitter:
    """Translator of a tree to a Jinja expression. Used for one assertion.

    `parsed`: the answer is parsed JSON. `rename` maps the names of variables. A number passes if it is at least `threshold`.
    """

    def __init__(self, *, parsed: bool, rename: Callable[[str], str], threshold: float | None = None) -> None:
        self.threshold = threshold
        self.parsed = parsed
        self.rename = rename
        self.size = 0

    def value(self, node: SyntaxNode) -> _Value:
        """Return the expression of a node. Raises NotTranslatableError."""
        self.size += 1
        if self.size > 3000:
            raise NotTranslatableError("it is too long")
        method = getattr(self, f"_{node.kind.rstrip('?')}", None)
        if method is None:
            raise NotTranslatableError(f"a {node.kind} has no equivalent")
        made: _Value = method(node)
        if len(made.code) > _LONGEST:
            raise NotTranslatableError("it is too long")
        return made

    def truth(self, node: SyntaxNode) -> str:
        """Return an expression that is true if the value is truthy in JavaScript."""
        made = self.value(node)
        if made.kind in ("bool", "string", "number", "match"):
            return made.code
        if made.kind == "list":
            return f"({made.code} is not none)"
        code = made.code
        test = f"({code} is mapping or ({code} is sequence and {code} is not string) or {code})"
        return _thrown(test, made.base)

    def verdict(self, node: SyntaxNode) -> str:
        """Return the expression for the whole assertion, which is true or false."""
        if node.kind == "object":
            parts = {str(part.value): part.parts[0] for part in node.parts}
            if "pass" not in parts:
                raise NotTranslatableError("it returns an object without `pass`")
            made = self.value(parts["pass"])
            if made.kind != "bool":
                raise NotTranslatableError("`pass` may not be a boolean")
            return made.code
        if node.kind in ("if", "branch"):
            test, yes, no = node.parts
            return f"({self.verdict(yes)} if {self.truth(test)} else {self.verdict(no)})"
        if node.kind == "try":  # an exception fails the assertion
            return self.verdict(node.parts[0])
        if node.kind == "after":
            first, then = node.parts
            return f"({self.verdict(then)} if {self._computed(first)} else false)"
        if node.kind == "binary" and node.value == "&&":
            left, right = node.parts
            return f"({self._strict(left)} and {self.verdict(right)})"
        made = self.value(node)
        if made.kind == "bool":
            return made.code
        bound = "> 0" if self.threshold is None else f">= {json.dumps(self.threshold)}"
        if made.kind == "number":
            return f"({made.code} {bound})"
        if made.kind == "any":
            code = made.code
            return f"({code} is true or ({code} is number and {code} is not boolean and {code} {bound}))"
        raise NotTranslatableError("its value is not a boolean, so promptfoo fails")

    def _computed(self, node: SyntaxNode) -> str:
        """Return an expression that is true, and that fails if computing the value would throw."""
        made = self.value(node)
        return _thrown(f"({made.code} is defined or true)", made.base)

    def _after(self, node: SyntaxNode) -> _Value:
        first, then = node.parts
        made = self.value(then)
        return _Value(f"({made.code} if {self._computed(first)} else none)", made.kind)

    def _strict(self, node: SyntaxNode) -> str:
        made = self.value(node)
        return made.code if made.kind == "bool" else f"(true if {self.truth(node)} else false)"

    def _number(self, node: SyntaxNode) -> _Value:
        return _Value(json.dumps(node.value), "number")

    def _string(self, node: SyntaxNode) -> _Value:
        return _Value(_quoted(str(node.value)), "string")

    def _regex(self, node: SyntaxNode) -> _Value:
        raise NotTranslatableError("a regular expression is not used as a test")

    def _arrow(self, node: SyntaxNode) -> _Value:
        raise NotTranslatableError("a function is used other than in some, every, filter or includes")

    def _object(self, node: SyntaxNode) -> _Value:
        raise NotTranslatableError("an object is inside an expression")

    def _list(self, node: SyntaxNode) -> _Value:
        return _Value(
            f"[{', '.join(self.value(each).code for each in node.parts)}]", "list", items=node.parts
        )

    def _name(self, node: SyntaxNode) -> _Value:
        name = str(node.value)
        if name == "output":
            return _Value("output", "any") if self.parsed else _Value("text", "string")
        words = {"true": ("true", "bool"), "false": ("false", "bool"), "null": ("none", "null")}
        if name in words:
            return _Value(*words[name])
        if name == "undefined":
            return _Value("none", "undefined")
        raise NotTranslatableError(f"`{name}` is not available to assertions in runner")

    def _template(self, node: SyntaxNode) -> _Value:
        parts = [self.value(each) for each in node.parts if each != SyntaxNode("string", "")]
        if any(part.kind != "string" for part in parts):
            raise NotTranslatableError("a template string contains a value that may not be a string")
        return _Value(f"({' ~ '.join(part.code for part in parts)})", "string")

    def _branch(self, node: SyntaxNode) -> _Value:
        return self._if(node)

    def _if(self, node: SyntaxNode) -> _Value:
        test, yes, no = node.parts
        if not self.parsed and (word := _typeof_output(test)) is not None:
            return self.value(yes if word == "string" else no)
        one, other = self.value(yes), self.value(no)
        kind = one.kind if one.kind == other.kind else "any"
        return _Value(f"({one.code} if {self.truth(test)} else {other.code})", kind)

    def _unary(self, node: SyntaxNode) -> _Value:
        (part,) = node.parts
        if node.value == "!":
            return _Value(f"(not {self.truth(part)})", "bool")
        if node.value == "typeof":
            raise NotTranslatableError("`typeof` is not compared with a constant")
        made = self.value(part)
        if made.kind != "number":
            raise NotTranslatableError(f"`{node.value}` precedes a value that may not be a number")
        return _Value(f"({node.value}{made.code})", "number")

    def _binary(self, node: SyntaxNode) -> _Value:
        operator, (left, right) = str(node.value), node.parts
        if operator in ("===", "!==", "==", "!="):
            return self._equality(left, right, negated=operator.startswith("!"), loose=len(operator) == 2)
        if operator in ("&&", "||"):
            one, other = self.value(left), self.value(right)
            if "match" in (one.kind, other.kind) and not (operator == "&&" and other.kind == "bool"):
                raise NotTranslatableError("the match of a regular expression is used as a value")
            word = "and" if operator == "&&" else "or"
            if one.kind == "bool" and other.kind == "bool":
                return _Value(f"({one.code} {word} {other.code})", "bool")
            if one.kind == other.kind and one.kind in ("string", "number"):
                return _Value(f"({one.code} {word} {other.code})", one.kind)
            if operator == "&&" and other.kind == "bool":
                # JavaScript returns the first value if it is falsy, which may not be a boolean but is never true.
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
        if (folded := _folded(operator, left, right)) is not None:
            return self.value(folded)
        one, other = self.value(left), self.value(right)
        if "match" in (one.kind, other.kind):
            raise NotTranslatableError("the match of a regular expression is used as a value")
        if operator in ("<", ">", "<=", ">="):
            if {one.kind, other.kind} <= {"number", "any"}:
                return _Value(f"({one.code} {operator} {other.code})", "bool")
            raise NotTranslatableError(f"`{operator}` has operands that may not be numbers")
        if operator == "+" and one.kind == other.kind == "string":
            return _Value(f"({one.code} ~ {other.code})", "string")
        if one.kind == other.kind == "number" and operator in ("+", "-", "*", "/"):
            return _Value(f"({one.code} {operator} {other.code})", "number")
        if operator in ("-", "*", "/") and {one.kind, other.kind} <= {"number", "any"}:
            return _Value(f"({one.code} {operator} {other.code})", "number")
        raise NotTranslatableError(f"`{operator}` has operands that may not be numbers")

    def _equality(self, left: SyntaxNode, right: SyntaxNode, *, negated: bool, loose: bool) -> _Value:
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
                    "the match of a regular expression is compared with a value other than null"
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
            raise NotTranslatableError("two lists are never equal in JavaScript")
        if loose and one.kind != other.kind and "any" not in (one.kind, other.kind):
            raise NotTranslatableError("`==` compares values of two types")
        for value, boolean in ((one, other), (other, one)):
            if boolean.kind == "bool" and boolean.code in ("true", "false"):
                return f"{value.code} is {boolean.code}"
            if boolean.kind == "number" and boolean.code in ("0", "1") and value.kind == "any":
                return f"{value.code} == {boolean.code} and {value.code} is not boolean"
        if one.kind == other.kind == "any" and loose:
            raise NotTranslatableError("`==` compares values that may have different types")
        return f"{one.code} == {other.code}"

    def _typeof(self, node: SyntaxNode, word: SyntaxNode, *, negated: bool) -> _Value:
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
            raise NotTranslatableError("`typeof` is not compared with a constant")
        test = tests[str(word.value)]
        return _Value(_thrown(f"(not ({test}))", made.base) if negated else f"({test})", "bool")

    def _member(self, node: SyntaxNode) -> _Value:
        (owner,) = node.parts
        name = str(node.value)
        if (
            owner.kind == "member"
            and owner.value == "vars"
            and owner.parts[0] == SyntaxNode("name", "context")
        ):
            raw = f"vars[{_quoted(self.rename(name))}]"
            return _Value(raw, "any")
        if owner == SyntaxNode("name", "context"):
            raise NotTranslatableError(f"`context.{name}` is not available to assertions in runner")
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
            raise NotTranslatableError(f"`{owner.value}.{name}` has no equivalent")
        made = self.value(owner)
        if made.kind != "any":
            raise NotTranslatableError(f"`{name}` is a member of a value that is not an object")
        return self._part(made, _quoted(name), optional=node.kind.endswith("?"))

    def _part(self, made: _Value, key: str, *, optional: bool) -> _Value:
        inner = made.code if optional or made.raw is None else made.raw
        raw = f"{inner}[{key}]"
        # JavaScript throws on a member of null, and the check fails.
        base = None if optional else made.code
        return _Value(f"({raw} | default(none))", "any", raw, base=base)

    def _index(self, node: SyntaxNode) -> _Value:
        owner, index = node.parts
        if (
            owner.kind == "member"
            and owner.value == "vars"
            and owner.parts[0] == SyntaxNode("name", "context")
        ):
            if index.kind != "string":
                raise NotTranslatableError("the name of a variable is computed")
            return _Value(f"vars[{_quoted(self.rename(str(index.value)))}]", "any")
        made, key = self.value(owner), self.value(index)
        if made.kind == "string" or key.kind not in ("number", "string") or key.code.startswith("(-"):
            raise NotTranslatableError("an index has no equivalent")
        return self._part(made, key.code, optional=node.kind.endswith("?"))

    def _length(self, owner: SyntaxNode) -> _Value:
        if owner.kind == "call" and owner.parts[0].kind == "member":
            callee, *given = owner.parts
            if callee.value == "filter" and len(given) == 1 and callee.parts[0].kind == "list":
                items = self._literal(callee.parts[0])
                return _Value(
                    "("
                    + " + ".join(f"(1 if {self.truth(_applied(given[0], each))} else 0)" for each in items)
                    + ")",
                    "number",
                )
            if _is_split(owner) and given[0].value in (r"/\s+/", r"/\s+/g"):
                inner = callee.parts[0]
                trimmed = inner.kind == "call" and inner.parts[0] == SyntaxNode(
                    "member", "trim", inner.parts[0].parts
                )
                text = self.value(inner.parts[0].parts[0] if trimmed else inner)
                if text.kind == "string" and trimmed:
                    return _Value(f"({text.code} | wordcount)", "number")
                if text.kind == "string":  # white space at an end makes an empty string
                    ends = " + ".join(
                        f"(1 if {text.code} is search({_quoted(end)}) else 0)" for end in (r"\A\s", r"\s\Z")
                    )
                    return _Value(f"(({text.code} | wordcount) + {ends})", "number")
            if callee.value == "filter" and len(given) == 1 and _is_words(callee.parts[0], given[0]):
                text = self.value(callee.parts[0].parts[0].parts[0])
                if text.kind == "string":
                    return _Value(f"({text.code} | wordcount)", "number")
        made = self.value(owner)
        if made.kind == "string" or made.kind == "list":
            return _Value(f"({made.code} | length)", "number")
        if made.kind != "any":
            raise NotTranslatableError("`length` of a value that has no length")
        # The length of an object is undefined.
        code = made.raw or made.code
        return _Value(f"({code} | length if {made.code} is not mapping else none)", "any")

    def _literal(self, node: SyntaxNode) -> tuple[SyntaxNode, ...]:
        if node.kind != "list":
            raise NotTranslatableError("a function is applied to a list that is not a literal")
        if not node.parts or len(node.parts) > 60:
            raise NotTranslatableError("a list has no items" if not node.parts else "a list is too long")
        return node.parts

    def _call(self, node: SyntaxNode) -> _Value:
        callee, *given = node.parts
        if callee.kind == "member" or callee.kind == "member?":
            return self._method(callee, given)
        if callee.kind == "arrow":
            names = callee.value if isinstance(callee.value, tuple) else ()
            if len(names) != len(given):
                raise NotTranslatableError("a function is called with the wrong number of arguments")
            return self.value(inlined(callee.parts[0], dict(zip(map(str, names), given, strict=True))))
        if callee == SyntaxNode("name", "Boolean") and len(given) == 1:
            return _Value(f"(true if {self.truth(given[0])} else false)", "bool")
        if (
            callee == SyntaxNode("name", "String")
            and len(given) == 1
            and (made := self.value(given[0])).kind == "string"
        ):
            return made
        name = callee.value if callee.kind == "name" else "a function"
        raise NotTranslatableError(f"the function `{name}()` has no equivalent")

    def _method(self, callee: SyntaxNode, given: list[SyntaxNode]) -> _Value:
        (owner,) = callee.parts
        name = str(callee.value)
        if owner.kind == "name" and owner.value in ("JSON", "Array", "Object", "Math", "Number"):
            return self._static(f"{owner.value}.{name}", given)
        if owner.kind == "regex":
            if name == "test" and len(given) == 1:
                return self._searched(given[0], owner)
            raise NotTranslatableError(f"`{name}` of a regular expression")
        if name == "filter" and len(given) == 1 and owner.kind != "list":
            return self._filtered(owner, given[0])
        if name == "split" and len(given) == 1 and given[0].kind == "regex":
            return self._words(owner, str(given[0].value))
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

    def _over(self, owner: SyntaxNode, name: str, function: SyntaxNode) -> _Value:
        """Return the expression for `some` or `every` of a list: it compares the number of items that pass the filters."""
        made = self.value(owner)
        if made.kind not in ("any", "list") or function.kind != "arrow":
            raise NotTranslatableError(f"`{name}` of a value that may not be a list")
        names = function.value if isinstance(function.value, tuple) else ()
        if len(names) != 1:
            raise NotTranslatableError("a function has several parameters")
        code = made.raw or made.code
        chosen = f"{code} | {' | '.join(self._filters(function.parts[0], str(names[0])))} | list | length"
        if name == "some":
            return _Value(f"({chosen} > 0)", "bool")
        return _Value(f"({code} is not mapping and ({chosen}) == ({code} | length))", "bool")

    def _filtered(self, owner: SyntaxNode, function: SyntaxNode) -> _Value:
        """Return the expression for `filter` of a list."""
        if _is_words(owner, function):
            text = self.value(owner.parts[0].parts[0])
            if text.kind == "string":
                return _Value(f"({text.code}.split())", "list")
        made = self.value(owner)
        if made.kind != "list":
            raise NotTranslatableError("`filter` of a value that may not be a list")
        if function == SyntaxNode("name", "Boolean"):
            return _Value(f"({made.code} | select | list)", "list")
        names = function.value if isinstance(function.value, tuple) else ()
        if function.kind != "arrow" or len(names) != 1:
            raise NotTranslatableError("a function is not written inline")
        chosen = " | ".join(self._filters(function.parts[0], str(names[0])))
        return _Value(f"({made.code} | {chosen} | list)", "list")

    def _words(self, owner: SyntaxNode, literal: str) -> _Value:
        """Return the expression for `split`. White space at an end of the text would make an empty string, so it must have none."""
        trimmed = owner.kind == "call" and owner.parts[0].kind == "member" and owner.parts[0].value == "trim"
        text = self.value(owner)
        if literal in (r"/\s+/", r"/\s+/g") and trimmed and text.kind == "string":
            return _Value(f"({self.value(owner.parts[0].parts[0]).code}.split())", "list")
        raise NotTranslatableError("`split` with a regular expression")

    def _filters(self, test: SyntaxNode, item: str) -> list[str]:
        """Return the filters that keep the items for which a test is true."""
        if test.kind == "binary" and test.value == "&&":
            return [*self._filters(test.parts[0], item), *self._filters(test.parts[1], item)]
        attribute = _member_of(test, item)
        if attribute is not None:  # truthy in JavaScript
            return [_defined(attribute), _filter("reject", attribute, "in", '[none, "", 0, false]')]
        if _is_filled(test, item):
            return [_filter("select", "", "search", _quoted(r"\S"))]
        if test.kind == "call" and test.parts[0].kind == "member" and len(test.parts) == 2:
            callee, argument = test.parts
            if callee.value in ("startsWith", "endsWith") and argument.kind == "string":
                begun = _member_of(callee.parts[0], item)
                if begun is not None:
                    sought = re.escape(str(argument.value))
                    sought = rf"\A{sought}" if callee.value == "startsWith" else rf"{sought}\Z"
                    return [_filter("select", begun, "search", _quoted(sought))]
            of, inside = _member_of(callee.parts[0], item), _member_of(argument, item)
            if callee.value == "includes" and inside is not None and callee.parts[0].kind == "list":
                listed = self.value(callee.parts[0]).code
                return [_defined(inside), _filter("select", inside, "in", listed)]
            if callee.value == "includes" and of is not None and argument.kind == "string":
                return [_filter("select", of, "search", _quoted(re.escape(str(argument.value))))]
            if callee.value == "test" and callee.parts[0].kind == "regex" and inside is not None:
                return [_filter("select", inside, "search", _quoted(pattern_of(str(callee.parts[0].value))))]
        if test.kind == "binary" and test.value in ("===", "!=="):
            return self._compared(test, item)
        raise NotTranslatableError("a function is applied to a list that is not a literal")

    def _compared(self, test: SyntaxNode, item: str) -> list[str]:
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
            if negated:  # a missing member is not null
                return [_filter("reject", of, "none")]
            return [_defined(of), _filter("select", of, "none")]
        if of is not None and right.kind == "string":
            return [
                _defined(of),
                _filter("reject" if negated else "select", of, "equalto", _quoted(str(right.value))),
            ]
        raise NotTranslatableError("a function is applied to a list that is not a literal")

    def _of_text(self, owner: SyntaxNode, name: str, given: list[SyntaxNode]) -> _Value:
        made = self.value(owner)
        if name == "toString" and not given and re.fullmatch(r"\d+", made.code):
            return _Value(_quoted(made.code), "string")
        arguments = [self.value(each) for each in given if each.kind != "regex"]
        if len(arguments) != len(given):
            raise NotTranslatableError(f"`{name}` with a regular expression")
        if name == "includes" and len(given) == 1:
            part = arguments[0]
            if made.kind == "string" and part.kind not in ("string", "any"):
                raise NotTranslatableError("`includes` with an argument that is not a string")
            within = f"{part.code} in {made.raw or made.code}"
            if made.kind == "any":
                return _Value(f"({made.code} is not mapping and {within})", "bool")
            return _Value(f"({within})", "bool")
        if made.kind not in ("string", "any"):
            raise NotTranslatableError(f"`{name}` of a value that is not a string")
        code = made.raw or made.code
        if made.kind == "any" and name in ("toLowerCase", "toUpperCase", "trim"):
            # Only strings have this method in JavaScript; in Jinja, adding a string fails for other values.
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
        if name in ("slice", "substring") and made.kind == "string" and given:
            return _Value(f"({code}[{_sliced(name, given)}])", "string")
        if name in ("replace", "replaceAll") and len(given) == 2 and made.kind == "string":
            old, new = arguments
            if old.kind != "string" or given[1].kind != "string" or "$" in str(given[1].value):
                raise NotTranslatableError(
                    f"`{name}` of a value that is not a string, or with a match of a regular expression"
                )
            once = ", 1" if name == "replace" else ""
            return _Value(f"({code}.replace({old.code}, {new.code}{once}))", "string")
        if name == "indexOf" and len(given) == 1 and made.kind == "string" and arguments[0].kind == "string":
            return _Value(f"({code}.find({arguments[0].code}))", "number")
        raise NotTranslatableError(f"the method `{name}()` has no equivalent")

    def _static(self, name: str, given: list[SyntaxNode]) -> _Value:
        if name == "JSON.parse" and len(given) == 1:
            text = self.value(given[0])
            if text.kind != "string":
                raise NotTranslatableError("`JSON.parse` of a value that is not a string")
            return _Value(f"({text.code} | fromjson)", "any")
        if name == "Array.isArray" and len(given) == 1:
            code = self.value(given[0]).code
            return _Value(f"({code} is sequence and {code} is not string and {code} is not mapping)", "bool")
        if name == "Object.keys" and len(given) == 1:
            made = self.value(given[0])
            return _Value(f"({made.raw or made.code} | list)", "list")
        if name in ("Math.min", "Math.max") and given:
            numbers = [self.value(each) for each in given]
            if all(number.kind == "number" for number in numbers):
                return _Value(f"([{', '.join(number.code for number in numbers)}] | {name[5:]})", "number")
        if name == "Math.abs" and len(given) == 1:
            made = self.value(given[0])
            if made.kind == "number":
                return _Value(f"({made.code} | abs)", "number")
        if name == "Number.isInteger" and len(given) == 1:
            code = self.value(given[0]).code
            return _Value(f"({code} is integer)", "bool")
        raise NotTranslatableError(f"`{name}` has no equivalent")

    def _searched(self, text: SyntaxNode, pattern: SyntaxNode) -> _Value:
        made = self.value(text)
        if made.kind != "string" and made.kind != "any":
            raise NotTranslatableError("a regular expression is applied to a value that is not a string")
        return _Value(
            f"({made.raw or made.code} is search({_quoted(pattern_of(str(pattern.value)))}))", "bool"
        )


def _typeof_output(test: SyntaxNode) -> object:
    """Return the type with which a test compares `typeof output`, or None."""
    if test.kind != "binary" or test.value not in ("===", "=="):
        return None
    left, right = test.parts
    return right.value if left == SyntaxNode("unary", "typeof", (SyntaxNode("name", "output"),)) else None


def _folded(operator: str, left: SyntaxNode, right: SyntaxNode) -> SyntaxNode | None:
    """Return the integer that an operation on two integer literals gives, or None."""
    one, other = left.value, right.value
    if not (left.kind == right.kind == "number" and type(one) is int and type(other) is int):
        return None
    made = one + other if operator == "+" else one - other if operator == "-" else one * other
    return SyntaxNode("number", made) if operator in ("+", "-", "*") and 0 <= made < 2**53 else None


def _is_split(node: SyntaxNode) -> bool:
    """Return whether a node is `….split(/…/)`."""
    return (
        node.kind == "call"
        and len(node.parts) == 2
        and node.parts[0].kind == "member"
        and node.parts[0].value == "split"
        and node.parts[1].kind == "regex"
    )


def _is_words(owner: SyntaxNode, function: SyntaxNode) -> bool:
    """Return whether a filter keeps the words of a text: `….split(/\\s+/).filter(Boolean)`, or an equivalent function."""
    if not _is_split(owner) or owner.parts[1].value not in (r"/\s+/", r"/\s+/g"):
        return False
    if function == SyntaxNode("name", "Boolean"):
        return True
    names = function.value if isinstance(function.value, tuple) else ()
    return (
        function.kind == "arrow"
        and len(names) == 1
        and _is_filled(function.parts[0], str(names[0]), blank=True)
    )


def _is_filled(test: SyntaxNode, item: str, *, blank: bool = False) -> bool:
    """Return whether a test requires that an item is more than white space; with `blank`, that it is not empty."""
    if test.kind == "binary" and (test.value, test.parts[1]) in (
        (">", SyntaxNode("number", 0)),
        (">=", SyntaxNode("number", 1)),
    ):
        test = (
            test.parts[0].parts[0]
            if test.parts[0].kind == "member" and test.parts[0].value == "length"
            else test
        )
    elif (
        test.kind == "binary" and test.value in ("!==", "!=") and test.parts[1] == SyntaxNode("string", "")
    ) or (test.kind == "member" and test.value == "length"):
        test = test.parts[0]
    trimmed = SyntaxNode("call", None, (SyntaxNode("member", "trim", (SyntaxNode("name", item),)),))
    return test == trimmed or (blank and test == SyntaxNode("name", item))


def _sliced(name: str, given: list[SyntaxNode]) -> str:
    """Return the bounds of a slice, which are integer literals."""
    bounds: list[int] = []
    for each in given:
        negative = each.kind == "unary" and each.value == "-"
        number = each.parts[0].value if negative else each.value
        if len(given) > 2 or type(number) is not int or (negative and name == "substring"):
            raise NotTranslatableError(f"`{name}` with bounds that are not integer literals")
        bounds.append(-number if negative else number)
    if name == "substring":
        bounds.sort()
    return ":".join(map(str, bounds)) if len(bounds) == 2 else f"{bounds[0]}:"


def _thrown(code: str, base: str | None) -> str:
    """Return an expression that fails for a member of null, on which JavaScript throws."""
    return f"({code} if {base} is not none else 1 // 0)" if base else code


def _member_of(node: SyntaxNode, item: str) -> str | None:
    """Return the member of an item that a node reads; "" for the item itself, None for anything else."""
    if node == SyntaxNode("name", item):
        return ""
    if node.kind == "member" and node.parts[0] == SyntaxNode("name", item) and node.value != "length":
        return str(node.value)
    return None


def _filter(kind: str, attribute: str, test: str, *arguments: str) -> str:
    given = ", ".join((f'"{test}"', *arguments))
    return f'{kind}attr("{attribute}", {given})' if attribute else f"{kind}({given})"


def _defined(attribute: str) -> str:
    return _filter("select", attribute, "defined")


def _applied(function: SyntaxNode, item: SyntaxNode) -> SyntaxNode:
    if function.kind != "arrow":
        if function == SyntaxNode("name", "Boolean"):
            return item
        raise NotTranslatableError("a function is not written inline")
    names = function.value if isinstance(function.value, tuple) else ()
    if len(names) != 1:
        raise NotTranslatableError("a function has several parameters")
    return inlined(function.parts[0], {str(names[0]): item})


def pattern_of(literal: str) -> str:
    """Return the pattern of a literal such as `/a+/i` in Python's syntax."""
    source, _, flags = literal[1:].rpartition("/")
    try:
        return python_pattern(source, flags)
    except PatternError as error:
        raise NotTranslatableError(f"a regular expression has no equivalent in Python: {error}") from None


def _quoted(text: str) -> str:
    """Return a string literal of Jinja, which has the escapes of Python."""
    return json.dumps(text, ensure_ascii=False)
