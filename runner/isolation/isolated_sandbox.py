"""The sandbox in a separate process."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Literal, Self

from ..render.sandbox import Expression, Texts
from ..render.template_sources import Finder, Source
from .isolated_expression import IsolatedExpression
from .isolated_texts import IsolatedTexts
from .process_limits import Limits
from .supervisor import Supervisor

__all__ = ["Isolation"]


class Isolation:
    """See Sandbox. One process serves all texts compiled here, until this is closed or nothing refers to it any more.

    The process is started by `with`, by `start`, or on first use. `patience` is how often in a row a prompt may exceed
    the limits before it is given up; None for no limit.
    """

    def __init__(self, limits: Limits | None = None, *, patience: int | None = None) -> None:
        self._supervisor = Supervisor(limits or Limits())
        self._patience = patience

    def start(self) -> None:
        """See Sandbox."""
        with self._supervisor.process():
            pass

    def close(self) -> None:
        """See Sandbox."""
        self._supervisor.close()

    def __enter__(self) -> Self:
        self._supervisor.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def compile(
        self, sources: Sequence[Source], files: Finder, *, whitespace: Literal["trim", "raw"]
    ) -> Texts:
        """See Sandbox. Raises ConfigError if the process cannot be set up."""
        return IsolatedTexts(self._supervisor, sources, files, whitespace=whitespace, patience=self._patience)

    def expression(self, source: str, *, names: frozenset[str]) -> Expression:
        """See Sandbox. Raises ConfigError if the process cannot be set up."""
        return IsolatedExpression(self._supervisor, source, names)
