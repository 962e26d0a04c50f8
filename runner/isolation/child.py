"""The process that renders. It reads texts and values from one pipe and answers through another; see `protocol`.

It has no environment and no files, and is not trusted: the parent checks every line that it sends.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from importlib import import_module
from typing import Any

from ..errors import Location, RunnerError, TemplateError
from ..render.expressions import CompiledExpression, compile_expression
from ..render.jinja import JinjaTexts
from ..render.limits import NO_MEMORY, OutOfTimeError, RefusedError
from ..render.template_sources import Source
from .confinement import Clock, confine
from .process_limits import MAX_ANSWER, MAX_LINE, Limits
from .protocol import decode, encode, encode_text

__all__ = ["main"]

_MAX_SENTENCE = 100_000
"""The maximum length of an error in characters; an error may quote the output of a template."""


def main() -> None:
    """Serve requests until the parent closes the pipe or ends."""
    start: dict[str, Any] = decode(sys.stdin.buffer.readline())
    limits = Limits(start["memory"], start["seconds"])
    try:
        _load_everything()
        confine(limits.memory if start["confine_memory"] else None)
    except (ImportError, OSError, ValueError) as error:
        _say({"failed": f"{type(error).__name__}: {error}"})
        return
    _say({"ready": True})
    child = _Child(limits)
    try:
        while line := sys.stdin.buffer.readline():
            for answer in child.answers(decode(line)):
                _write(answer)
    except Exception as error:  # noqa: BLE001 - out of memory, or a bug of ours; the parent reports it
        _say({"failed": f"{type(error).__name__}: {error}"})


def _load_everything() -> None:
    """Import the modules that are otherwise imported on demand; once files are blocked that is impossible."""
    for module in ("difflib", "encodings.unicode_escape", "jinja2.debug"):
        import_module(module)


def _say(message: dict[str, Any]) -> None:
    _write(encode(message))


def _write(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


class _Child:
    """Answers questions."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._clock = Clock(limits)
        self._prompts: dict[int, tuple[list[Source], JinjaTexts]] = {}

    def answers(self, request: dict[str, Any]) -> Iterator[bytes]:
        """Return the lines that answer a request; none is written while the time limit's signal may arrive."""
        self._clock.start()
        if "compile" in request:
            yield self._compile(request)
        elif "render" in request:
            yield from self._render(*self._prompts[request["render"]], request["values"])
        else:
            yield self._evaluate(request["expression"], frozenset(request["names"]), request.get("values"))

    def _compile(self, request: dict[str, Any]) -> bytes:
        known = _Sources(self._clock)
        sources = [known.add(*each) for each in request["sources"]]
        try:
            texts = JinjaTexts(sources, known, whitespace=request["whitespace"])
            uses = [[_use(use) for use in of_one] for of_one in texts.uses]
            problems = [self._problem(error, sources[0]) for error in texts.problems]
            line = encode({"uses": uses, "problems": problems, "retire": _any_about_memory(problems)})
            if len(line) > MAX_LINE:
                raise RefusedError("the templates read variables, or have mistakes, in too many places")
            self._clock.stop()
        except (RefusedError, MemoryError) as error:
            self._clock.stop()
            at = error.source if isinstance(error, OutOfTimeError) else None
            problem = self._problem(error, at if isinstance(at, Source) else sources[0])
            return encode({"uses": [[] for _ in sources], "problems": [problem], "retire": True})
        self._prompts[request["compile"]] = sources, texts
        return line

    def _render(
        self, sources: Sequence[Source], texts: JinjaTexts, values: dict[str, Any]
    ) -> Iterator[bytes]:
        room = MAX_ANSWER
        rendering = texts.render(values)
        for source in sources:
            try:
                line = encode_text(next(rendering))
                room -= len(line)
                if room < 0:
                    raise RefusedError(
                        f"the texts of the prompt are longer than {MAX_ANSWER:,} bytes together"
                    )
            except (TemplateError, RefusedError, MemoryError) as error:
                self._clock.stop()
                problem = self._problem(error, source, source.label)
                retire = isinstance(error.__cause__ or error, OutOfTimeError) or _any_about_memory([problem])
                yield encode({"problem": problem, "retire": retire})
                return
            with self._clock.held():
                yield line
        self._clock.stop()

    def _evaluate(self, source: str, names: frozenset[str], values: dict[str, Any] | None) -> bytes:
        try:
            expression = _expression(source, names)
            if values is None:
                reads = {
                    name: [sorted(read.names), sorted(read.optional), read.whole]
                    for name, read in expression.reads.items()
                }
                answer: dict[str, Any] = {"reads": reads}
            else:
                answer = {"value": expression.evaluate(**values)}
            line = encode(answer)
            if len(line) > MAX_LINE:
                raise RefusedError("the value is too large")
            self._clock.stop()
        except (ValueError, RefusedError, MemoryError) as error:
            self._clock.stop()
            message, hint = self._explained(error)
            retire = isinstance(error.__cause__ or error, OutOfTimeError) or message.endswith(NO_MEMORY)
            return encode({"refused": f"{message} ({hint})" if hint else message, "retire": retire})
        return line

    def _problem(self, error: BaseException, source: Source, label: str = "") -> list[Any] | int:
        """Return an error in the form of the protocol; `source` is its location if the error has none."""
        if isinstance(error, _RefusedByParentError):
            return error.number
        message, hint = self._explained(error)
        if isinstance(error, RunnerError) and error.location is not None:
            at = error.location
        else:
            at = source.locate(1, None)
            message = f"{label}: {message}" if label else message
        return [message, hint, int(at.path), at.line or 1, at.column]

    def _explained(self, error: BaseException) -> tuple[str, str | None]:
        if isinstance(error, (RunnerError, RefusedError)):
            message, hint = error.message, error.hint
        else:
            message, hint = str(error), None
        if isinstance(error, MemoryError):
            message = f"the template {NO_MEMORY}"
        if hint is None and message.endswith(NO_MEMORY):
            hint = self._limits.hint
        return message[:_MAX_SENTENCE], hint and hint[:_MAX_SENTENCE]


def _use(use: Any) -> list[Any]:
    return [use.name, int(use.source.locate(1, None).path), use.line, use.guarded, use.tested]


def _any_about_memory(problems: Sequence[list[Any] | int]) -> bool:
    return any(isinstance(problem, list) and problem[0].endswith(NO_MEMORY) for problem in problems)


@lru_cache(maxsize=1024)
def _expression(source: str, names: frozenset[str]) -> CompiledExpression:
    return compile_expression(source, names=names)


class _RefusedByParentError(RunnerError):
    """One of the parent's own errors, known here only by its number."""

    def __init__(self, number: int) -> None:
        super().__init__("")
        self.number = number


class _Sources:
    """The texts of one prompt. In their locations the number of the text replaces the path."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: list[Source] = []
        self._found: dict[tuple[Source, str], Source] = {}

    def add(self, label: str, file: str, text: str) -> Source:
        """Add a text."""
        source = Source(text, label, partial(Location, str(len(self._known))), file)
        self._known.append(source)
        return source

    def find(self, source: Source, name: str, line: int) -> Source:
        """See Finder: ask the parent, once for each name in each text."""
        if (source, name) in self._found:
            return self._found[source, name]
        with self._clock.held():
            _say({"find": [int(source.locate(1, None).path), name, line]})
            answer: dict[str, Any] = decode(sys.stdin.buffer.readline())
        if "refused" in answer:
            raise _RefusedByParentError(answer["refused"])
        number, label, file, text = answer["file"]
        found = self._known[number] if text is None else self.add(label, file, text)
        self._found[source, name] = found
        return found
