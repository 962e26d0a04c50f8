"""Combine statements into one expression for the value that the code returns.

Constants and local functions are inlined; an `if`, and a variable that a branch sets, become conditional expressions.
Exceptions are kept: a constant that may throw is computed even if its value is not needed.
"""

from __future__ import annotations

from collections.abc import Mapping

from .syntax import NotTranslatableError, Parser, SyntaxNode, tokens

__all__ = ["inlined", "program"]

_REST = SyntaxNode("rest")
"""The value of a branch that does not return; the code after the `if` applies."""
_MOST_STATEMENTS = 150
_FAILS = (SyntaxNode("name", "false"), SyntaxNode("number", 0))


def program(code: str, *, several: bool) -> SyntaxNode:
    """Return the expression for the value that the code returns, with its constants inlined.

    As in promptfoo, code of one line returns its last expression, and code of several lines is the body of a function.
    Raises NotTranslatableError.
    """
    parser = _Program(tokens(code.strip()))
    result = parser.statements({}, several=several)
    if _goes_on(result):
        raise NotTranslatableError("it returns nothing: it fails in promptfoo, too")
    if not parser.done():
        raise NotTranslatableError("there is code after its result")
    return result


class _Program(Parser):
    """Parser of expressions and of the statements of functions. Used for one text."""

    def __init__(self, given: list[tuple[str, str]]) -> None:
        super().__init__(given)
        self.statement_count = 0

    def block(self) -> SyntaxNode:
        """Read the body of a function after its opening brace, and return its return value."""
        result = self.statements({}, several=True)
        self.need("}")
        if _goes_on(result):
            raise NotTranslatableError("a function returns nothing")
        return result

    def statements(self, constants: dict[str, SyntaxNode], *, several: bool) -> SyntaxNode:
        """Read to the end, or to the closing brace, and return the value. `constants` are the known names."""
        self.statement_count += 1
        if self.statement_count > _MOST_STATEMENTS:
            raise NotTranslatableError("it has too many statements")
        while self.take(";"):
            pass
        if self.done() or self.peek("}"):
            return _REST
        if self.peek("const", "let", "var") and len(self.tokens) > self.at + 2:
            self.next()
            declared = self._declare(constants)
            return _after(declared, self.statements(constants, several=several))
        if not several and self.peek("function", "if", "try"):
            raise NotTranslatableError(f"`{self.next()[1]}` in code of one line: it fails in promptfoo, too")
        if self.take("function"):
            self._function(constants)
            return self.statements(constants, several=several)
        if self.take("if"):
            return self._continued(self._if(constants), constants)
        if self.take("try"):
            return self._try(constants)
        if self.peek("for", "while", "switch", "throw", "do"):
            raise NotTranslatableError(f"`{self.next()[1]}` has no equivalent in an expression")
        if self.take("return"):
            if not several:
                raise NotTranslatableError("a `return` in code of one line: it fails in promptfoo, too")
            return self._result(constants)
        if self._sets_anew(constants):
            name = self.next()[1]
            self.need("=")
            constants[name] = inlined(self.expression(), constants)
            return _after([constants[name]], self.statements(constants, several=several))
        if several:
            raise NotTranslatableError("a statement has no equivalent in an expression")
        value = self._result(constants)
        if not self.done() and not self.peek("}"):
            raise NotTranslatableError("there are several statements")
        return value

    def _result(self, constants: Mapping[str, SyntaxNode]) -> SyntaxNode:
        value = inlined(self.expression(), constants)
        while self.take(";"):
            pass
        return value

    def _sets_anew(self, constants: Mapping[str, SyntaxNode]) -> bool:
        following = self.tokens[self.at : self.at + 2]
        return len(following) == 2 and following[0][1] in constants and following[1] == ("op", "=")

    def _declare(self, constants: dict[str, SyntaxNode]) -> list[SyntaxNode]:
        values: list[SyntaxNode] = []
        while True:
            kind, name = self.next()
            if kind != "name":
                raise NotTranslatableError("a declaration uses destructuring")
            self.need("=")
            constants[name] = inlined(self.expression(), constants)
            values.append(constants[name])
            if not self.take(","):
                break
        return values

    def _function(self, constants: dict[str, SyntaxNode]) -> None:
        kind, name = self.next()
        if kind != "name":
            raise NotTranslatableError("a function has no name")
        self.need("(")
        names = self.names(")")
        self.need("{")
        constants[name] = inlined(SyntaxNode("arrow", tuple(names), (self.block(),)), constants)

    def _if(self, constants: dict[str, SyntaxNode]) -> SyntaxNode:
        """Read the rest of an `if` with its `else`, and update `constants`."""
        self.need("(")
        test = inlined(self.expression(), constants)
        self.need(")")
        of_yes, of_no = dict(constants), dict(constants)
        yes = self._branch(of_yes)
        no = self._branch(of_no) if self.take("else") else _REST
        if _goes_on(yes) and _goes_on(no):
            for name in constants:
                if of_yes[name] is not of_no[name]:
                    constants[name] = SyntaxNode("if", None, (test, of_yes[name], of_no[name]))
        else:
            constants.update(of_yes if _goes_on(yes) else of_no)
        return _REST if yes is _REST and no is _REST else SyntaxNode("branch", None, (test, yes, no))

    def _branch(self, constants: dict[str, SyntaxNode]) -> SyntaxNode:
        if self.take("{"):
            inner = dict(constants)
            value = self.statements(inner, several=True)
            self.need("}")
            constants.update((name, inner[name]) for name in constants)
            return value
        if self.take("if"):
            return self._if(constants)
        if self.take("return"):
            return self._result(constants)
        if self._sets_anew(constants):
            name = self.next()[1]
            self.need("=")
            constants[name] = self._result(constants)
            return _REST
        raise NotTranslatableError("a statement has no equivalent in an expression")

    def _continued(self, tree: SyntaxNode, constants: dict[str, SyntaxNode]) -> SyntaxNode:
        """Insert the code after an `if` where its branches do not return."""
        if not _goes_on(tree):
            while self.take(";"):
                pass
            return tree
        return _filled(tree, self.statements(constants, several=True))

    def _try(self, constants: dict[str, SyntaxNode]) -> SyntaxNode:
        """Read `try { … } catch { return false; }`, which has no effect: promptfoo fails on an exception, too."""
        self.need("{")
        tried = self.statements(dict(constants), several=True)
        self.need("}")
        self.need("catch")
        if self.take("("):
            self.next()
            self.need(")")
        self.need("{")
        caught = self.statements({}, several=True)
        self.need("}")
        if caught.kind == "object":
            caught = next((part.parts[0] for part in caught.parts if part.value == "pass"), caught)
        if _goes_on(tried) or caught not in _FAILS:
            raise NotTranslatableError("`try` has no equivalent in an expression")
        while self.take(";"):
            pass
        return SyntaxNode("try", None, (tried,))


def _goes_on(tree: SyntaxNode) -> bool:
    """Return whether a branch of an `if` does not return."""
    return tree is _REST or (tree.kind in ("branch", "after") and any(map(_goes_on, tree.parts[1:])))


def _filled(tree: SyntaxNode, rest: SyntaxNode) -> SyntaxNode:
    if tree is _REST:
        return rest
    if not _goes_on(tree):
        return tree
    return SyntaxNode(tree.kind, None, (tree.parts[0], *(_filled(part, rest) for part in tree.parts[1:])))


def _after(values: list[SyntaxNode], result: SyntaxNode) -> SyntaxNode:
    """Keep the exceptions of values: compute them before the result, even if it does not need them."""
    for value in reversed(values):
        if value.kind != "arrow" and _may_throw(value, set()) and not _surely(result, value, set()):
            result = SyntaxNode("after", None, (value, result))
    return result


def _may_throw(node: SyntaxNode, seen: set[int]) -> bool:
    """Return whether computing a value may throw: it parses JSON, or reads a value other than the text of the answer."""
    if id(node) in seen or node.kind == "arrow":
        return False
    seen.add(id(node))
    if node.kind == "name" and node.value in ("JSON", "context"):
        return True
    return any(_may_throw(part, seen) for part in node.parts)


def _surely(node: SyntaxNode, part: SyntaxNode, seen: set[int]) -> bool:
    """Return whether computing a node always computes a part of it."""
    if node is part:
        return True
    if id(node) in seen or node.kind == "arrow":
        return False
    seen.add(id(node))
    inner = node.parts
    if node.kind in ("if", "branch") or (node.kind == "binary" and node.value in ("&&", "||", "??")):
        inner = inner[:1]
    return any(_surely(each, part, seen) for each in inner)


def inlined(node: SyntaxNode, constants: Mapping[str, SyntaxNode]) -> SyntaxNode:
    """Return an expression in which names are replaced by their values."""
    if node.kind == "name" and isinstance(node.value, str) and node.value in constants:
        return constants[node.value]
    if node.kind == "arrow":
        names = node.value if isinstance(node.value, tuple) else ()
        constants = {name: value for name, value in constants.items() if name not in names}
    if not node.parts:
        return node
    return SyntaxNode(node.kind, node.value, tuple(inlined(part, constants) for part in node.parts))
