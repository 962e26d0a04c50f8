"""Compile and render the texts of one prompt in a separate process."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from ..errors import RunnerError, TemplateError
from ..render.limits import NO_MEMORY
from ..render.message_words import GLOBAL_NAMES
from ..render.template_sources import Finder, LocatedUse, Source
from ..values import Json
from .process import BrokenError, Process
from .process_limits import MAX_ANSWER, MAX_LINE
from .protocol import encode, field, problem_of, question_of, text_of, uses_of
from .supervisor import Supervisor

__all__ = ["IsolatedTexts"]

_FAILED = "the process that renders it has failed"

_numbers = itertools.count()


class IsolatedTexts:
    """See Texts. `patience` is how often in a row they may exceed the limits before giving up; None for no limit.

    They are compiled at once, and again in each process that replaces one that had to be killed.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        sources: Sequence[Source],
        files: Finder,
        *,
        whitespace: Literal["trim", "raw"],
        patience: int | None,
    ) -> None:
        self._supervisor = supervisor
        self._number = next(_numbers)
        self._sources = sources
        self._files = files
        self._whitespace = whitespace
        self._patience = patience
        self._broken = 0
        self._process = -1
        self._known: list[Source] = []
        self.uses, self.problems = self._compiled(once_more=True)
        self._reads = {use.name for of_one in self.uses for use in of_one} | GLOBAL_NAMES

    def render(self, values: dict[str, Json]) -> Iterator[str]:
        """See Texts."""
        read = {name: value for name, value in values.items() if name in self._reads}
        texts, error = self._rendered(read, once_more=True)
        yield from texts
        if error is not None:
            raise error

    def _compiled(self, *, once_more: bool) -> tuple[Sequence[Sequence[LocatedUse]], Sequence[RunnerError]]:
        uses: Sequence[Sequence[LocatedUse]] = [[] for _ in self._sources]
        problems: Sequence[RunnerError] = ()
        try:
            with self._supervisor.process() as process:
                uses, problems = self._compiled_in(process)
        except BrokenError as broken:
            problems = (self._error(broken, self._sources[0]),)
        if once_more and process.crowded and any(map(_may_be_due_to_others, problems)):
            return self._compiled(once_more=False)  # in a new process, shared with no other asker
        return uses, problems

    def _compiled_in(self, process: Process) -> tuple[list[list[LocatedUse]], list[RunnerError]]:
        """Compile in this process; answer its requests for the files that the texts name."""
        known = list(self._sources)
        own: list[RunnerError] = []
        question = {
            "compile": self._number,
            "whitespace": self._whitespace,
            "sources": [(source.label, source.file, source.text) for source in known],
        }
        process.ask(encode(question), self)
        message = process.receive_object()
        while "find" in message:
            process.send(encode(self._found(message, known, own)))
            message = process.receive_object()
        uses = uses_of(message, known, len(self._sources))
        problems = [problem_of(problem, known, own) for problem in field(message, "problems", list)]
        if field(message, "retire", bool):
            process.close()
        self._process, self._known = process.number, known
        return uses, problems

    def _found(self, message: dict[str, Any], known: list[Source], own: list[RunnerError]) -> dict[str, Any]:
        try:
            found = self._files.find(*question_of(message, known))
        except RunnerError as error:
            own.append(error)
            return {"refused": len(own) - 1}
        if found in known:
            return {"file": [known.index(found), found.label, found.file, None]}
        known.append(found)
        return {"file": [len(known) - 1, found.label, found.file, found.text]}

    def _rendered(self, values: dict[str, Json], *, once_more: bool) -> tuple[list[str], RunnerError | None]:
        """Return the texts up to the first that fails, and the error of that one."""
        texts: list[str] = []
        first = self._sources[0]
        if self._patience is not None and self._broken >= self._patience:
            message = (
                f"{first.label}: it exceeded its limits {self._broken} times and will not be rendered again"
            )
            return [], TemplateError(
                message, location=first.locate(1, None), hint=self._supervisor.limits.hint
            )
        try:
            question = encode({"render": self._number, "values": values})
        except (ValueError, RecursionError) as error:
            message = f"{first.label}: this does not work with these values: {error}"
            return [], TemplateError(message, location=first.locate(1, None))
        failure: RunnerError | None
        try:
            with self._supervisor.process() as process:
                failure = self._compiled_again(process) or self._read(process, question, texts)
                within_limits = failure is None or process.alive
        except BrokenError as broken:
            failure, within_limits = self._error(broken, self._sources[len(texts)]), False
        if once_more and process.crowded and failure is not None and _may_be_due_to_others(failure):
            return self._rendered(values, once_more=False)  # in a new process, shared with no other asker
        self._broken = 0 if within_limits else self._broken + 1
        return texts, failure

    def _compiled_again(self, process: Process) -> RunnerError | None:
        """Compile in a process that replaces another; return the error if that fails."""
        if process.number == self._process:
            return None
        _, problems = self._compiled_in(process)
        return problems[0] if problems else None

    def _read(self, process: Process, question: bytes, texts: list[str]) -> RunnerError | None:
        """Send the request, and read the answer text by text, up to one that failed."""
        process.ask(question, self)
        room = MAX_ANSWER
        while len(texts) < len(self._sources):
            line = process.receive(max(room, MAX_LINE))
            room -= len(line)
            text = text_of(line)
            if text is None:
                message = process.read_object(line)
                if field(message, "retire", bool):
                    process.close()
                return problem_of(message.get("problem"), self._known)
            texts.append(text)
        return None

    def _error(self, broken: BrokenError, source: Source) -> TemplateError:
        limits = self._supervisor.limits
        hint: str | None = limits.hint
        if broken.reason == "time":
            message = limits.too_slow
        elif broken.reason == "memory":
            message = f"the template {NO_MEMORY}"
        else:
            message, hint = f"{_FAILED}: {broken.detail}", None
        return TemplateError(f"{source.label}: {message}", location=source.locate(1, None), hint=hint)


def _may_be_due_to_others(error: RunnerError) -> bool:
    """Return whether others in the same process may have caused the error; out of memory, anything may be raised."""
    return error.message.endswith(NO_MEMORY) or _FAILED in error.message
