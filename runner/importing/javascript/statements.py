"""Combine statements into one expression for the value that the code returns.

Constants and local functions are inlined; an `if`, and a variable that a branch sets, become conditional expressions, and loops
over lists become functions over lists.
Exceptions are kept: a constant that may throw is computed even if its value is not needed.
"""

from __future__ import annotations

from collections.abc import Mapping

from .loops import BREAK, CONTINUE, REST, before, looped
from .syntax import NotTranslatableError, Parser, SyntaxNode, tokens

__all__ = ["inlined", "program"]

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
        self.loops: list[bool] = []
        """The loops around the statement: whether they are calls of forEach, which `return` only continues."""
        self.skips: list[tuple[SyntaxNode, dict[str, SyntaxNode]]] = []
        """The conditions under which the body of the innermost loop ends early, and the variables at that point."""
        self.nesting = 0
        self.functions = 0

    def block(self) -> SyntaxNode:
        """Read the body of a function after its opening brace, and return its return value."""
        outer, self.loops = self.loops, []
        self.functions += 1
        result = self.statements({}, several=True)
        self.functions -= 1
        self.loops = outer
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
            return REST
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
        if several and self.take("for"):
            return self._continued(self._for(constants), constants)
        if self.peek("for", "while", "switch", "do"):
            raise NotTranslatableError(f"`{self.next()[1]}` has no equivalent in an expression")
        if not several and self.peek("return"):
            raise NotTranslatableError("a `return` in code of one line: it fails in promptfoo, too")
        if (end := self._end(constants)) is not None:
            return end
        if several and self._loops_each():
            return self._continued(self._each(constants), constants)
        if (value := self._assigned(constants)) is not None:
            return _after([value], self.statements(constants, several=several))
        if several:
            value = self._result(constants)
            return _after([value], self.statements(constants, several=several))
        value = self._result(constants)
        if not self.done() and not self.peek("}"):
            raise NotTranslatableError("there are several statements")
        return value

    def _result(self, constants: Mapping[str, SyntaxNode]) -> SyntaxNode:
        value = inlined(self.expression(), constants)
        while self.take(";"):
            pass
        return value

    def _end(self, constants: Mapping[str, SyntaxNode]) -> SyntaxNode | None:
        """Read a statement that ends the function or the body of a loop, and return its value; None for another."""
        if self.take("return"):
            if self.loops and self.loops[-1]:
                if not self.peek(";", "}"):
                    self._result(constants)
                while self.take(";"):
                    pass
                return CONTINUE
            return self._result(constants)
        if self.peek("continue", "break") and self.loops:
            word = self.next()[1]
            if word == "break" and self.loops[-1]:
                raise NotTranslatableError("a `break` outside of a loop")
            while self.take(";"):
                pass
            return CONTINUE if word == "continue" else BREAK
        if self.peek("throw"):
            if self.functions or self.loops:
                raise NotTranslatableError("`throw` has no equivalent in an expression")
            self.next()
            if self.take("new"):
                self.next()
            self._result(constants)
            return SyntaxNode("name", "false")  # an exception fails the assertion
        return None

    def _assigned(self, constants: dict[str, SyntaxNode]) -> SyntaxNode | None:
        """Read a statement that changes a variable, and return its new value; None for another statement."""
        following = self.tokens[self.at : self.at + 4]
        if following[:1] and following[0][1] in ("++", "--"):  # ++name
            following[0:2] = following[1:2] + following[0:1]
        if len(following) < 2 or following[0][0] != "name" or following[0][1] not in constants:
            return None
        name, sign = following[0][1], following[1][1]
        old = constants[name]
        if sign in ("++", "--"):
            self.at += 2
            value = SyntaxNode("binary", sign[0], (old, SyntaxNode("number", 1)))
        elif sign in ("=", "+=", "-="):
            self.at += 2
            value = inlined(self.expression(), constants)
            if sign != "=":
                value = SyntaxNode("binary", sign[0], (old, value))
        elif sign == "." and len(following) == 4 and (following[2][1], following[3][1]) == ("push", "("):
            self.at += 4
            added = SyntaxNode("list", None, tuple(inlined(each, constants) for each in self._list(")")))
            value = SyntaxNode("joined", None, (old, added))
            if old.kind == "list":
                value = SyntaxNode("list", None, (*old.parts, *added.parts))
        else:
            return None
        while self.take(";"):
            pass
        constants[name] = value
        return value

    def _for(self, constants: dict[str, SyntaxNode]) -> SyntaxNode:
        """Read the rest of `for (const item of list) …`."""
        self.need("(")
        if not self.peek("const", "let", "var"):
            raise NotTranslatableError("`for` has no equivalent in an expression")
        self.next()
        kind, item = self.next()
        if kind != "name" or not self.take("of"):
            raise NotTranslatableError("`for` has no equivalent in an expression")
        listed = inlined(self.expression(), constants)
        self.need(")")
        return self._loop(item, listed, constants, each=False)

    def _loops_each(self) -> bool:
        """Return whether the statement is `….forEach(…)`."""
        depth = 0
        for at in range(self.at, len(self.tokens) - 1):
            text = self.tokens[at][1]
            depth += (text in ("(", "[", "{")) - (text in (")", "]", "}"))
            if depth < 0 or (depth == 0 and text == ";"):
                return False
            if depth == 0 and text == "forEach":
                return True
        return False

    def _each(self, constants: dict[str, SyntaxNode]) -> SyntaxNode:
        """Read `list.forEach(item => …)`."""
        texts = [text for _, text in self.tokens]
        end = texts.index("forEach", self.at)
        inner = type(self)(self.tokens[self.at : end - 1])
        listed = inlined(inner.expression(), constants)
        if not inner.done() or texts[end - 1] != ".":
            raise NotTranslatableError("a statement has no equivalent in an expression")
        self.at = end + 1
        self.need("(")
        names = self.names(")") if self.take("(") else [self.next()[1]]
        self.need("=>")
        if len(names) != 1:
            raise NotTranslatableError("a function reads more than the item of a list")
        tree = self._loop(names[0], listed, constants, each=True)
        self.need(")")
        while self.take(";"):
            pass
        return tree

    def _loop(
        self, item: str, listed: SyntaxNode, constants: dict[str, SyntaxNode], *, each: bool
    ) -> SyntaxNode:
        """Read the body of a loop, and return the value of the loop."""
        # Only names that the body changes need a value of before; the others keep theirs.
        start, self.loops = self.at, [*self.loops, each]
        inner = {**constants, item: SyntaxNode("name", item)}
        outer, self.skips, nesting, self.nesting = self.skips, [], self.nesting, 0
        self._body(inner)
        ends = [inner, *(variables for _, variables in self.skips)]
        changed = {
            name
            for name in constants
            if name != item and any(end[name] is not constants[name] for end in ends)
        }
        self.at, self.skips = start, []
        inner = {**constants, **{name: before(name) for name in changed}, item: SyntaxNode("name", item)}
        tree = self._body(inner)
        for test, variables in reversed(self.skips):
            for name in changed:
                if variables[name] is not inner[name]:
                    inner[name] = SyntaxNode("if", None, (test, variables[name], inner[name]))
        self.loops, self.skips, self.nesting = self.loops[:-1], outer, nesting
        return looped(item, listed, tree, {name: inner[name] for name in changed}, constants)

    def _body(self, constants: dict[str, SyntaxNode]) -> SyntaxNode:
        if self.take("{"):
            inner = dict(constants)
            tree = self.statements(inner, several=True)
            self.need("}")
            constants.update((name, inner[name]) for name in constants)
            return tree
        return self._branch(constants)

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
        self.nesting += 1
        yes = self._branch(of_yes)
        no = self._branch(of_no) if self.take("else") else REST
        self.nesting -= 1
        for tree, variables, when in ((yes, of_yes, test), (no, of_no, SyntaxNode("unary", "!", (test,)))):
            if tree in (CONTINUE, BREAK):
                if self.nesting:
                    raise NotTranslatableError("the body of a loop ends early in a nested `if`")
                self.skips.append((when, variables))
        if _goes_on(yes) and _goes_on(no):
            for name in constants:
                if of_yes[name] is not of_no[name]:
                    constants[name] = SyntaxNode("if", None, (test, of_yes[name], of_no[name]))
        else:
            constants.update(of_yes if _goes_on(yes) else of_no)
        return REST if yes is REST and no is REST else SyntaxNode("branch", None, (test, yes, no))

    def _branch(self, constants: dict[str, SyntaxNode]) -> SyntaxNode:
        if self.take("{"):
            inner = dict(constants)
            value = self.statements(inner, several=True)
            self.need("}")
            constants.update((name, inner[name]) for name in constants)
            return value
        if self.take("if"):
            return self._if(constants)
        if self.take("for"):
            return self._for(constants)
        if (end := self._end(constants)) is not None:
            return end
        if self._assigned(constants) is not None:
            return REST
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
    return tree is REST or (tree.kind in ("branch", "after") and any(map(_goes_on, tree.parts[1:])))


def _filled(tree: SyntaxNode, rest: SyntaxNode) -> SyntaxNode:
    if tree is REST:
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
