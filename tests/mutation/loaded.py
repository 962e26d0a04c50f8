"""Tries many mutants of a module in forks of one process that has loaded the module and its tests already.

A mutant in the body of a function is that function with other code, so nothing has to be imported again, and only the
tests that run the changed line can notice it. For any other mutant (a table, a default, what ran while the tests were
loaded) the module has to be loaded with it: it is given back untried.
"""

from __future__ import annotations

import ast
import gc
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType, FrameType, FunctionType
from typing import Any, Literal

from .mutants import Mutant

__all__ = ["Answer", "try_in_forks"]

Answer = Literal["killed", "survived", "untried"]
Wait = Callable[[int, float, float], int]
"""Waits for a process for so many seconds, of which it may compute so many, and says what it ended with."""


@dataclass
class _Lines:
    """The lines of one file that run, as a trace function for all threads."""

    file: str
    seen: set[int] = field(default_factory=set)

    def __call__(self, frame: FrameType, event: str, argument: object) -> Any:
        if frame.f_code.co_filename != self.file:
            return None
        self.seen.add(frame.f_lineno)
        return self._inside

    def _inside(self, frame: FrameType, event: str, argument: object) -> Any:
        self.seen.add(frame.f_lineno)
        return self._inside

    def watch(self) -> None:
        threading.settrace(self)
        sys.settrace(self)

    def taken(self) -> set[int]:
        sys.settrace(None)
        threading.settrace(None)
        seen, self.seen = self.seen, set()
        return seen


def try_in_forks(
    load: Callable[[Any], int],
    file: str,
    source: str,
    mutants: Sequence[Mutant],
    wait: Wait,
    restrict: Callable[[float], None],
) -> Iterator[tuple[Mutant, Answer]]:
    """Each mutant with what became of it. `load` runs pytest with a plugin; `restrict` limits the CPU time of a process.

    Raises RuntimeError where the tests fail without any mutant.
    """
    by_key = {mutant.key: mutant for mutant in mutants}
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receive)
        ended = 3
        try:
            lines = _Lines(file)
            lines.watch()
            ended = load(_Tries(send, lines, file, source, mutants, wait, restrict))
        except BaseException:  # noqa: BLE001 - whatever it is, this process ends here
            traceback.print_exc()
        finally:
            os._exit(ended)
    os.close(send)
    with os.fdopen(receive, encoding="utf-8") as told:
        for line in told:
            key, answer = json.loads(line)
            yield by_key[key], answer
    _, status = os.waitpid(child, 0)
    if (ended := os.waitstatus_to_exitcode(status)) != 0:
        raise RuntimeError(
            f"pytest ended with {ended}: the tests fail without any mutant, or in another order"
            " (with MUTATION_LOG=FILE, FILE has what it said)"
        )


class _Tries:
    """The plugin that runs mutants where pytest would run the tests."""

    def __init__(
        self,
        send: int,
        lines: _Lines,
        file: str,
        source: str,
        mutants: Sequence[Mutant],
        wait: Wait,
        restrict: Callable[[float], None],
    ) -> None:
        self._send, self._lines, self._file, self._source = send, lines, file, source
        self._mutants, self._wait, self._restrict = mutants, wait, restrict

    def pytest_runtestloop(self, session: Any) -> bool:
        loading = self._lines.taken()
        if session.testsfailed or not session.items:
            raise RuntimeError("the tests cannot be loaded")
        runs, limit, cpu = self._watched(session)
        backwards = range(len(runs))[::-1]
        if self._tried(session, _statement_at, _statement_at.__code__, backwards, limit, cpu) is not None:
            raise RuntimeError(
                "the tests fail in another order, so that a failure may say nothing of a mutant"
            )
        seconds = [each for each, _ in runs]
        statements = list(_statements(ast.parse(self._source)))
        functions = dict(_functions_of(self._file))
        before = _codes(compile(self._source, self._file, "exec"))
        recent: list[int] = []
        for mutant in self._mutants:
            touched = _statement_at(statements, mutant.line)
            after = _codes(compile(mutant.code, self._file, "exec"))
            name = mutant.function
            answer: Answer = "untried"
            if name in functions and name in after and after[name] != before[name] and not touched & loading:
                hit = [index for index, (_, seen) in enumerate(runs) if touched & seen]
                hit.sort(key=lambda index: (-recent.index(index) if index in recent else 1, seconds[index]))
                killer = self._tried(session, functions[name], after[name], hit, limit, cpu)
                answer = "survived" if killer is None else "killed"
                if killer in recent:
                    recent.remove(killer)
                if killer is not None and killer >= 0:
                    recent = [*recent[-7:], killer]
            self._tell([mutant.key, answer])
        return True

    def _watched(self, session: Any) -> tuple[list[tuple[float, set[int]]], float, float]:
        """For each test the time that it takes and the lines that it runs; and the limits for a mutant."""
        receive, send = os.pipe()
        started = time.monotonic()
        child = os.fork()
        if child == 0:
            os.close(receive)
            with os.fdopen(send, "w") as told:
                for item, following in _in_turn(session.items):
                    begun = time.monotonic()
                    self._lines.watch()
                    item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                    seen = self._lines.taken()
                    told.write(json.dumps([time.monotonic() - begun, sorted(seen)]) + "\n")
                told.flush()
                os._exit(1 if session.testsfailed else 0)
        os.close(send)
        with os.fdopen(receive) as told:
            runs = [(seconds, set(seen)) for seconds, seen in map(json.loads, told)]
        _, status, used = os.wait4(child, 0)
        if status or len(runs) != len(session.items):
            raise RuntimeError("the tests fail without any mutant")
        return runs, 20 + 20 * (time.monotonic() - started), 2 + 2 * (used.ru_utime + used.ru_stime)

    def _tried(
        self,
        session: Any,
        function: FunctionType,
        code: CodeType,
        hit: Sequence[int],
        limit: float,
        cpu: float,
    ) -> int | None:
        """The test that fails, -1 where none comes to an end, None where all pass."""
        if not hit:
            return None
        receive, send = os.pipe()
        child = os.fork()
        if child == 0:
            os.setsid()
            self._restrict(cpu)
            function.__code__ = code
            for index, following in _in_turn(hit):
                item = session.items[index]
                after = None if following is None else session.items[following]
                try:
                    item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
                except BaseException:  # noqa: BLE001 - noticed is noticed
                    session.testsfailed += 1
                if session.testsfailed:
                    os.write(send, str(index).encode())
                    os._exit(1)
            os._exit(0)
        os.close(send)
        ended = self._wait(child, limit, cpu)
        said = os.read(receive, 20)
        os.close(receive)
        return None if ended == 0 else int(said) if said else -1

    def _tell(self, what: object) -> None:
        os.write(self._send, (json.dumps(what) + "\n").encode())


def _in_turn(each: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """Each of them with the one that follows."""
    return zip(each, [*each[1:], None], strict=True)


def _functions_of(file: str) -> Iterator[tuple[str, FunctionType]]:
    """The functions of a file by the names that mutants have; only those of which there is one."""
    found: dict[str, list[FunctionType]] = {}
    for each in gc.get_objects():
        if type(each) is FunctionType and each.__code__.co_filename == file:
            found.setdefault(each.__code__.co_qualname, []).append(each)
    for name, those in found.items():
        if len(those) == 1:
            yield name, those[0]


def _codes(module: CodeType) -> Mapping[str, CodeType]:
    """The code of each function of a module and of each method of its classes."""
    codes: dict[str, CodeType] = {}
    for each in _inner(module):
        codes[each.co_qualname] = each
        for method in _inner(each):
            codes.setdefault(method.co_qualname, method)
    return codes


def _inner(code: CodeType) -> list[CodeType]:
    return [each for each in code.co_consts if isinstance(each, CodeType)]


def _statements(tree: ast.AST) -> Iterator[tuple[int, int]]:
    """The first and last line of each statement; of one that holds others, those above the first of them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            last = node.end_lineno or node.lineno
            inner = [
                each.lineno for each in ast.walk(node) if isinstance(each, ast.stmt) and each is not node
            ]
            yield node.lineno, max(node.lineno, min(inner) - 1) if inner else last
        elif isinstance(node, ast.match_case):
            yield node.pattern.lineno, node.body[0].lineno - 1


def _statement_at(statements: Sequence[tuple[int, int]], line: int) -> set[int]:
    holding = [(last - first, first, last) for first, last in statements if first <= line <= last]
    if not holding:
        return {line}
    _, first, last = min(holding)
    return set(range(first, last + 1))
