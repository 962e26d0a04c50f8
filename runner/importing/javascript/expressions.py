"""Translate expressions of JavaScript to Jinja."""

from __future__ import annotations

import json
from collections.abc import Callable

from .filters import filters_of, is_split, is_words
from .methods import static_function, text_method
from .statements import inlined
from .syntax import NotTranslatableError, SyntaxNode
from .values import Value, pattern_of, quoted, thrown

__all__ = ["Emitter"]

_LONGEST = 4000


class Emitter:
    """Translator of a tree to a Jinja expression. Used for one assertion.

    `parsed`: the answer is parsed JSON. `rename` maps the names of variables. A number passes if it is at least `threshold`.
    """

    def __init__(self, *, parsed: bool, rename: Callable[[str], str], threshold: float | None = None) -> None:
        self.threshold = threshold
        self.parsed = parsed
        self.rename = rename
        self.size = 0

    def value(self, node: SyntaxNode) -> Value:
        """Return the expression of a node. Raises NotTranslatableError."""
        self.size += 1
        if self.size > 3000:
            raise NotTranslatableError("it is too long")
        method = getattr(self, f"_{node.kind.rstrip('?')}", None)
        if method is None:
            raise NotTranslatableError(f"a {node.kind} has no equivalent")
        made: Value = method(node)
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
        return thrown(test, made.base)

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
        return thrown(f"({made.code} is defined or true)", made.base)

    def _after(self, node: SyntaxNode) -> Value:
        first, then = node.parts
        made = self.value(then)
        return Value(f"({made.code} if {self._computed(first)} else none)", made.kind)

    def _strict(self, node: SyntaxNode) -> str:
        made = self.value(node)
        return made.code if made.kind == "bool" else f"(true if {self.truth(node)} else false)"

    def _number(self, node: SyntaxNode) -> Value:
        return Value(json.dumps(node.value), "number")

    def _string(self, node: SyntaxNode) -> Value:
        return Value(quoted(str(node.value)), "string")

    def _regex(self, node: SyntaxNode) -> Value:
        raise NotTranslatableError("a regular expression is not used as a test")

    def _arrow(self, node: SyntaxNode) -> Value:
        raise NotTranslatableError("a function is used other than in some, every, filter or includes")

    def _object(self, node: SyntaxNode) -> Value:
        raise NotTranslatableError("an object is inside an expression")

    def _list(self, node: SyntaxNode) -> Value:
        return Value(f"[{', '.join(self.value(each).code for each in node.parts)}]", "list")

    def _name(self, node: SyntaxNode) -> Value:
        name = str(node.value)
        if name == "output":
            return Value("output", "any") if self.parsed else Value("text", "string")
        words = {"true": ("true", "bool"), "false": ("false", "bool"), "null": ("none", "null")}
        if name in words:
            return Value(*words[name])
        if name == "undefined":
            return Value("none", "undefined")
        raise NotTranslatableError(f"`{name}` is not available to assertions in runner")

    def _template(self, node: SyntaxNode) -> Value:
        parts = [self.value(each) for each in node.parts if each != SyntaxNode("string", "")]
        if any(part.kind != "string" for part in parts):
            raise NotTranslatableError("a template string contains a value that may not be a string")
        return Value(f"({' ~ '.join(part.code for part in parts)})", "string")

    def _branch(self, node: SyntaxNode) -> Value:
        return self._if(node)

    def _if(self, node: SyntaxNode) -> Value:
        test, yes, no = node.parts
        if not self.parsed and (word := _typeof_output(test)) is not None:
            return self.value(yes if word == "string" else no)
        one, other = self.value(yes), self.value(no)
        kind = one.kind if one.kind == other.kind else "any"
        return Value(f"({one.code} if {self.truth(test)} else {other.code})", kind)

    def _unary(self, node: SyntaxNode) -> Value:
        (part,) = node.parts
        if node.value == "!":
            return Value(f"(not {self.truth(part)})", "bool")
        if node.value == "typeof":
            raise NotTranslatableError("`typeof` is not compared with a constant")
        made = self.value(part)
        if made.kind != "number":
            raise NotTranslatableError(f"`{node.value}` precedes a value that may not be a number")
        return Value(f"({node.value}{made.code})", "number")

    def _binary(self, node: SyntaxNode) -> Value:
        operator, (left, right) = str(node.value), node.parts
        if operator in ("===", "!==", "==", "!="):
            return self._equality(left, right, negated=operator.startswith("!"), loose=len(operator) == 2)
        if operator in ("&&", "||"):
            one, other = self.value(left), self.value(right)
            if "match" in (one.kind, other.kind) and not (operator == "&&" and other.kind == "bool"):
                raise NotTranslatableError("the match of a regular expression is used as a value")
            word = "and" if operator == "&&" else "or"
            if one.kind == "bool" and other.kind == "bool":
                return Value(f"({one.code} {word} {other.code})", "bool")
            if one.kind == other.kind and one.kind in ("string", "number"):
                return Value(f"({one.code} {word} {other.code})", one.kind)
            if operator == "&&" and other.kind == "bool":
                # JavaScript returns the first value if it is falsy, which may not be a boolean but is never true.
                return Value(f"(true if {self.truth(left)} and {other.code} else false)", "bool")
            return (
                Value(f"({other.code} if {self.truth(left)} else {one.code})", "any")
                if operator == "&&"
                else Value(
                    f"({one.code} if {self.truth(left)} else {other.code})",
                    other.kind if one.kind == "any" else "any",
                )
            )
        if operator == "??":
            one, other = self.value(left), self.value(right)
            return Value(f"({one.code} if {one.code} is not none else {other.code})", "any")
        if (folded := _folded(operator, left, right)) is not None:
            return self.value(folded)
        one, other = self.value(left), self.value(right)
        if "match" in (one.kind, other.kind):
            raise NotTranslatableError("the match of a regular expression is used as a value")
        if operator in ("<", ">", "<=", ">="):
            if {one.kind, other.kind} <= {"number", "any"}:
                return Value(f"({one.code} {operator} {other.code})", "bool")
            raise NotTranslatableError(f"`{operator}` has operands that may not be numbers")
        if operator == "+" and one.kind == other.kind == "string":
            return Value(f"({one.code} ~ {other.code})", "string")
        if one.kind == other.kind == "number" and operator in ("+", "-", "*", "/"):
            return Value(f"({one.code} {operator} {other.code})", "number")
        if operator in ("-", "*", "/") and {one.kind, other.kind} <= {"number", "any"}:
            return Value(f"({one.code} {operator} {other.code})", "number")
        raise NotTranslatableError(f"`{operator}` has operands that may not be numbers")

    def _equality(self, left: SyntaxNode, right: SyntaxNode, *, negated: bool, loose: bool) -> Value:
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
            return Value(thrown(f"(not ({positive}))", one.base), "bool")
        if other.kind in ("null", "undefined"):
            return Value(thrown(f"({positive})", one.base), "bool")
        return Value(f"({positive})", "bool")

    def _same(self, one: Value, other: Value, *, loose: bool) -> str:
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

    def _typeof(self, node: SyntaxNode, word: SyntaxNode, *, negated: bool) -> Value:
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
        return Value(thrown(f"(not ({test}))", made.base) if negated else f"({test})", "bool")

    def _member(self, node: SyntaxNode) -> Value:
        (owner,) = node.parts
        name = str(node.value)
        if (
            owner.kind == "member"
            and owner.value == "vars"
            and owner.parts[0] == SyntaxNode("name", "context")
        ):
            raw = f"vars[{quoted(self.rename(name))}]"
            return Value(raw, "any")
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
        return self._part(made, quoted(name), optional=node.kind.endswith("?"))

    def _part(self, made: Value, key: str, *, optional: bool) -> Value:
        inner = made.code if optional or made.raw is None else made.raw
        raw = f"{inner}[{key}]"
        # JavaScript throws on a member of null, and the check fails.
        base = None if optional else made.code
        return Value(f"({raw} | default(none))", "any", raw, base=base)

    def _index(self, node: SyntaxNode) -> Value:
        owner, index = node.parts
        if (
            owner.kind == "member"
            and owner.value == "vars"
            and owner.parts[0] == SyntaxNode("name", "context")
        ):
            if index.kind != "string":
                raise NotTranslatableError("the name of a variable is computed")
            return Value(f"vars[{quoted(self.rename(str(index.value)))}]", "any")
        made, key = self.value(owner), self.value(index)
        if made.kind == "string" or key.kind not in ("number", "string") or key.code.startswith("(-"):
            raise NotTranslatableError("an index has no equivalent")
        return self._part(made, key.code, optional=node.kind.endswith("?"))

    def _length(self, owner: SyntaxNode) -> Value:
        if owner.kind == "call" and owner.parts[0].kind == "member":
            callee, *given = owner.parts
            if callee.value == "filter" and len(given) == 1 and callee.parts[0].kind == "list":
                items = self._literal(callee.parts[0])
                return Value(
                    "("
                    + " + ".join(f"(1 if {self.truth(_applied(given[0], each))} else 0)" for each in items)
                    + ")",
                    "number",
                )
            if is_split(owner) and given[0].value in (r"/\s+/", r"/\s+/g"):
                inner = callee.parts[0]
                trimmed = inner.kind == "call" and inner.parts[0] == SyntaxNode(
                    "member", "trim", inner.parts[0].parts
                )
                text = self.value(inner.parts[0].parts[0] if trimmed else inner)
                if text.kind == "string" and trimmed:
                    return Value(f"({text.code} | wordcount)", "number")
                if text.kind == "string":  # white space at an end makes an empty string
                    ends = " + ".join(
                        f"(1 if {text.code} is search({quoted(end)}) else 0)" for end in (r"\A\s", r"\s\Z")
                    )
                    return Value(f"(({text.code} | wordcount) + {ends})", "number")
            if callee.value == "filter" and len(given) == 1 and is_words(callee.parts[0], given[0]):
                text = self.value(callee.parts[0].parts[0].parts[0])
                if text.kind == "string":
                    return Value(f"({text.code} | wordcount)", "number")
        made = self.value(owner)
        if made.kind == "string" or made.kind == "list":
            return Value(f"({made.code} | length)", "number")
        if made.kind != "any":
            raise NotTranslatableError("`length` of a value that has no length")
        # The length of an object is undefined.
        code = made.raw or made.code
        return Value(f"({code} | length if {made.code} is not mapping else none)", "any")

    def _literal(self, node: SyntaxNode) -> tuple[SyntaxNode, ...]:
        if node.kind != "list":
            raise NotTranslatableError("a function is applied to a list that is not a literal")
        if not node.parts or len(node.parts) > 60:
            raise NotTranslatableError("a list has no items" if not node.parts else "a list is too long")
        return node.parts

    def _call(self, node: SyntaxNode) -> Value:
        callee, *given = node.parts
        if callee.kind == "member" or callee.kind == "member?":
            return self._method(callee, given)
        if callee.kind == "arrow":
            names = callee.value if isinstance(callee.value, tuple) else ()
            if len(names) != len(given):
                raise NotTranslatableError("a function is called with the wrong number of arguments")
            return self.value(inlined(callee.parts[0], dict(zip(map(str, names), given, strict=True))))
        if callee == SyntaxNode("name", "Boolean") and len(given) == 1:
            return Value(f"(true if {self.truth(given[0])} else false)", "bool")
        if (
            callee == SyntaxNode("name", "String")
            and len(given) == 1
            and (made := self.value(given[0])).kind == "string"
        ):
            return made
        name = callee.value if callee.kind == "name" else "a function"
        raise NotTranslatableError(f"the function `{name}()` has no equivalent")

    def _method(self, callee: SyntaxNode, given: list[SyntaxNode]) -> Value:
        (owner,) = callee.parts
        name = str(callee.value)
        if owner.kind == "name" and owner.value in ("JSON", "Array", "Object", "Math", "Number"):
            return static_function(f"{owner.value}.{name}", [self.value(each) for each in given])
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
            return Value(f"({word.join(parts)})", "bool")
        if name == "match" and len(given) == 1 and given[0].kind == "regex":
            found = self._searched(owner, given[0])
            return Value(found.code, "match")
        return self._of_text(owner, name, given)

    def _code(self, node: SyntaxNode) -> str:
        return self.value(node).code

    def _over(self, owner: SyntaxNode, name: str, function: SyntaxNode) -> Value:
        """Return the expression for `some` or `every` of a list: it compares the number of items that pass the filters."""
        made = self.value(owner)
        if made.kind not in ("any", "list") or function.kind != "arrow":
            raise NotTranslatableError(f"`{name}` of a value that may not be a list")
        names = function.value if isinstance(function.value, tuple) else ()
        if len(names) != 1:
            raise NotTranslatableError("a function has several parameters")
        code = made.raw or made.code
        chosen = (
            f"{code} | {' | '.join(filters_of(function.parts[0], str(names[0]), self._code))} | list | length"
        )
        if name == "some":
            return Value(f"({chosen} > 0)", "bool")
        return Value(f"({code} is not mapping and ({chosen}) == ({code} | length))", "bool")

    def _filtered(self, owner: SyntaxNode, function: SyntaxNode) -> Value:
        """Return the expression for `filter` of a list."""
        if is_words(owner, function):
            text = self.value(owner.parts[0].parts[0])
            if text.kind == "string":
                return Value(f"({text.code}.split())", "list")
        made = self.value(owner)
        if made.kind != "list":
            raise NotTranslatableError("`filter` of a value that may not be a list")
        if function == SyntaxNode("name", "Boolean"):
            return Value(f"({made.code} | select | list)", "list")
        names = function.value if isinstance(function.value, tuple) else ()
        if function.kind != "arrow" or len(names) != 1:
            raise NotTranslatableError("a function is not written inline")
        chosen = " | ".join(filters_of(function.parts[0], str(names[0]), self._code))
        return Value(f"({made.code} | {chosen} | list)", "list")

    def _words(self, owner: SyntaxNode, literal: str) -> Value:
        """Return the expression for `split`. White space at an end of the text would make an empty string, so it must have none."""
        trimmed = owner.kind == "call" and owner.parts[0].kind == "member" and owner.parts[0].value == "trim"
        text = self.value(owner)
        if literal in (r"/\s+/", r"/\s+/g") and trimmed and text.kind == "string":
            return Value(f"({self.value(owner.parts[0].parts[0]).code}.split())", "list")
        raise NotTranslatableError("`split` with a regular expression")

    def _of_text(self, owner: SyntaxNode, name: str, given: list[SyntaxNode]) -> Value:
        made = self.value(owner)
        if any(each.kind == "regex" for each in given):
            raise NotTranslatableError(f"`{name}` with a regular expression")
        return text_method(name, made, given, [self.value(each) for each in given])

    def _searched(self, text: SyntaxNode, pattern: SyntaxNode) -> Value:
        made = self.value(text)
        if made.kind != "string" and made.kind != "any":
            raise NotTranslatableError("a regular expression is applied to a value that is not a string")
        return Value(f"({made.raw or made.code} is search({quoted(pattern_of(str(pattern.value)))}))", "bool")


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


def _applied(function: SyntaxNode, item: SyntaxNode) -> SyntaxNode:
    if function.kind != "arrow":
        if function == SyntaxNode("name", "Boolean"):
            return item
        raise NotTranslatableError("a function is not written inline")
    names = function.value if isinstance(function.value, tuple) else ()
    if len(names) != 1:
        raise NotTranslatableError("a function has several parameters")
    return inlined(function.parts[0], {str(names[0]): item})
