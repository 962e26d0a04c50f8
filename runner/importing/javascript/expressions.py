"""Translate expressions of JavaScript to Jinja."""

from __future__ import annotations

import json
from collections.abc import Callable

from .calls import called, length_of
from .operators import operation
from .syntax import NotTranslatableError, SyntaxNode
from .values import Value, quoted, thrown

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
        self.items: list[str] = []
        """The names of the items of the comprehensions around the value."""

    def value(self, node: SyntaxNode) -> Value:
        """Return the expression of a node. Raises NotTranslatableError."""
        made = self._value(node)
        return Value(thrown(made.code, made.base), "bool") if made.kind == "bool" and made.base else made

    def _value(self, node: SyntaxNode) -> Value:
        """Return the expression of a node. A boolean with a `base` is false where JavaScript throws on a member of null."""
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
        if node.kind == "binary" and node.value in ("&&", "||"):
            word = "and" if node.value == "&&" else "or"
            return f"({self.truth(node.parts[0])} {word} {self.truth(node.parts[1])})"
        if node.kind in ("if", "branch"):
            test, yes, no = node.parts
            return f"({self.truth(yes)} if {self.truth(test)} else {self.truth(no)})"
        made = self.value(node)
        if made.kind in ("bool", "string", "number", "match"):
            return made.code
        if made.kind in ("list", "groups"):
            return "true"
        code = made.code
        return thrown(f'({code} not in [none, "", 0])', made.base)  # false is 0 there

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
            return f"({self._outcome(yes)} if {self.truth(test)} else {self._outcome(no)})"
        if node.kind == "try":  # an exception fails the assertion
            return self.verdict(node.parts[0])
        if node.kind == "after":
            first, then = node.parts
            return f"({self.verdict(then)} if {self._computed(first)} else false)"
        if node.kind == "binary" and node.value == "&&":
            left, right = node.parts
            return f"({self._condition(left)} and {self.verdict(right)})"
        made = self._value(node)
        if made.kind == "bool":
            return made.code
        bound = "> 0" if self.threshold is None else f">= {json.dumps(self.threshold)}"
        if made.kind == "number":
            return f"({made.code} {bound})"
        if made.kind == "any":
            code = made.code
            return f"({code} is true or ({code} is number and {code} is not boolean and {code} {bound}))"
        raise NotTranslatableError("its value is not a boolean, so promptfoo fails")

    def _condition(self, node: SyntaxNode) -> str:
        """Return the expression for a condition of the assertion, which fails if it is false or throws."""
        if node.kind == "binary" and node.value == "&&":
            return f"({self._condition(node.parts[0])} and {self._condition(node.parts[1])})"
        made = self._value(node)
        return made.code if made.kind == "bool" else self.boolean(node)

    def _outcome(self, node: SyntaxNode) -> str:
        """Return the expression for one of several results. A string fails the assertion."""
        return "false" if node.kind in ("string", "template") else self.verdict(node)

    def _computed(self, node: SyntaxNode) -> str:
        """Return an expression that is true, and that fails if computing the value would throw."""
        made = self.value(node)
        return thrown(f"({made.code} is defined or true)", made.base)

    def _after(self, node: SyntaxNode) -> Value:
        first, then = node.parts
        made = self.value(then)
        return Value(f"({made.code} if {self._computed(first)} else none)", made.kind)

    def boolean(self, node: SyntaxNode) -> str:
        """Return an expression that is true or false: whether the value is truthy in JavaScript."""
        if node.kind == "binary" and node.value in ("&&", "||"):
            word = "and" if node.value == "&&" else "or"
            return f"({self.boolean(node.parts[0])} {word} {self.boolean(node.parts[1])})"
        made = self.value(node)
        return made.code if made.kind in ("bool", "match") else f"(true if {self.truth(node)} else false)"

    def _number(self, node: SyntaxNode) -> Value:
        return Value(json.dumps(node.value), "number")

    def _string(self, node: SyntaxNode) -> Value:
        return Value(quoted(str(node.value)), "string")

    def _regex(self, node: SyntaxNode) -> Value:
        raise NotTranslatableError("a regular expression is not used as a test")

    def _arrow(self, node: SyntaxNode) -> Value:
        raise NotTranslatableError("a function is used other than over a list")

    def _object(self, node: SyntaxNode) -> Value:
        raise NotTranslatableError("an object is inside an expression")

    def _list(self, node: SyntaxNode) -> Value:
        parts = [self.value(each) for each in node.parts]
        if any(part.kind in ("match", "groups", "undefined") for part in parts):
            raise NotTranslatableError("a list has an item without an equivalent")
        kinds = {part.kind for part in parts}
        items = kinds.pop() if len(kinds) == 1 else "any"
        return Value(f"[{', '.join(part.code for part in parts)}]", "list", items=items)

    def _joined(self, node: SyntaxNode) -> Value:
        parts = [self.value(each) for each in node.parts]
        if any(part.kind != "list" for part in parts):
            raise NotTranslatableError("a value is added to one that may not be a list")
        items = {part.items for part in parts if part.code != "[]"}
        code = f"({' + '.join(part.code for part in parts)})"
        return Value(code, "list", items=items.pop() if len(items) == 1 else "any")

    def _sum(self, node: SyntaxNode) -> Value:
        made = self.value(node.parts[0])
        if made.items != "number":
            raise NotTranslatableError("a sum of values that may not be numbers")
        return Value(f"({made.code} | sum)", "number")

    def _item(self, node: SyntaxNode) -> Value:
        assert isinstance(node.value, tuple)
        name, kind = node.value
        return Value(name, kind)

    def _call(self, node: SyntaxNode) -> Value:
        return called(self, node.parts[0], list(node.parts[1:]))

    def _binary(self, node: SyntaxNode) -> Value:
        return operation(self, str(node.value), *node.parts)

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
        if {"match", "groups"} & {one.kind, other.kind}:
            raise NotTranslatableError("the match of a regular expression is used as a value")
        kind = one.kind if one.kind == other.kind else "any"
        items = one.items if one.items == other.items else "any"
        return Value(f"({one.code} if {self.truth(test)} else {other.code})", kind, items=items)

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

    def _member(self, node: SyntaxNode) -> Value:
        (owner,) = node.parts
        name = str(node.value)
        if _is_vars(owner):
            raw = f"vars[{quoted(self.rename(name))}]"
            return Value(raw, "any")
        if owner == SyntaxNode("name", "context"):
            raise NotTranslatableError(f"`context.{name}` is not available to assertions in runner")
        if name == "length":
            made = length_of(self, owner)
            if node.kind == "member?" and (of := self.value(owner)).kind in ("any", "match"):
                test = of.code if of.kind == "match" else f"{of.code} is not none"
                return Value(f"({made.code} if {test} else none)", "any")
            return made
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
        if _is_vars(owner):
            if index.kind != "string":
                raise NotTranslatableError("the name of a variable is computed")
            return Value(f"vars[{quoted(self.rename(str(index.value)))}]", "any")
        made, key = self.value(owner), self.value(index)
        if made.match is not None and type(index.value) is int:
            return _part_of_match(made, index.value, optional=node.kind.endswith("?"))
        if made.kind == "string" or key.kind not in ("number", "string") or key.code.startswith("(-"):
            raise NotTranslatableError("an index has no equivalent")
        return self._part(made, key.code, optional=node.kind.endswith("?"))


def _is_vars(node: SyntaxNode) -> bool:
    return node.kind == "member" and node.value == "vars" and node.parts[0] == SyntaxNode("name", "context")


def _part_of_match(made: Value, index: int, *, optional: bool) -> Value:
    """Return a part of a match, or of a match for which `|| []` stands in."""
    match = made.match
    assert match is not None
    if match.every:
        raw = f"{match.parts}[{index}]"
        base = None if optional or made.kind == "groups" else f"({raw} | default(none))"
        return Value(f"({raw} | default(none))", "any", raw, base)
    if index == 0 and made.kind == "match" and not optional:
        return Value(f'({match.group(0)} + "")', "string")  # fails without a match
    base = match.group(0) if made.kind == "match" and not optional else None
    return Value(match.group(index), "any", base=base)


def _typeof_output(test: SyntaxNode) -> object:
    """Return the type with which a test compares `typeof output`, or None."""
    if test.kind != "binary" or test.value not in ("===", "=="):
        return None
    left, right = test.parts
    return right.value if left == SyntaxNode("unary", "typeof", (SyntaxNode("name", "output"),)) else None
