"""Compile and evaluate the expressions of assertions in a separate process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..render.limits import NO_MEMORY
from ..render.sandbox import Members
from ..values import Json
from .process import BrokenError
from .protocol import GarbledError, encode, field, members_of, printable
from .supervisor import Supervisor

__all__ = ["IsolatedExpression"]


class IsolatedExpression:
    """See Expression. Raises ValueError, with one sentence for the author, if the expression is invalid."""

    def __init__(self, supervisor: Supervisor, source: str, names: frozenset[str]) -> None:
        self._supervisor = supervisor
        self._question: dict[str, Any] = {"expression": source, "names": sorted(names)}
        reads = self._answer(self._question, "reads")
        try:
            self.reads: Mapping[str, Members] = members_of(reads, names)
        except GarbledError:
            raise ValueError("the process that evaluates it has failed") from None

    def evaluate(self, **values: Json) -> Json:
        """See Expression."""
        read = {name: value for name, value in values.items() if name in self.reads}
        return self._answer({**self._question, "values": read}, "value")

    def _answer(self, question: dict[str, Any], name: str, *, once_more: bool = True) -> Json:
        try:
            line = encode(question)
        except RecursionError:
            raise ValueError("the value is nested too deeply") from None
        reason = ""
        try:
            with self._supervisor.process() as process:
                process.ask(line, self)
                message = process.receive_object()
                if "refused" not in message:
                    if name not in message:
                        raise GarbledError
                    value: Json = message[name]
                    return value
                if field(message, "retire", bool):
                    process.close()
                sentence = printable(field(message, "refused", str))
        except BrokenError as broken:
            sentence, reason = self._sentence(broken), broken.reason
        if once_more and process.crowded and (NO_MEMORY in sentence or reason == "crash"):
            return self._answer(
                question, name, once_more=False
            )  # in a new process, shared with no other asker
        raise ValueError(sentence)

    def _sentence(self, broken: BrokenError) -> str:
        limits = self._supervisor.limits
        if broken.reason == "time":
            return f"{limits.too_slow} ({limits.hint})"
        if broken.reason == "memory":
            return f"the template {NO_MEMORY} ({limits.hint})"
        return f"the process that evaluates it has failed: {broken.detail}"
