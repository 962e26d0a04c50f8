"""Implement `--batch`: how `runner run` gets its answers from batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..endpoints.prices import DeclaredPrice
from ..engine.batch.batch_parts import BatchPart, parts_in
from ..engine.batch.batch_requests import refuse_embedded, refuse_unreckonable
from ..engine.batch.batch_run import BatchRun
from ..engine.journal.journal import Journal
from ..engine.journal.stored_runs import StoredRun
from ..engine.plan.job import Job, Unit
from ..engine.pool.execute import Execute
from ..engine.pool.shutdown import Shutdown
from ..report.terminal.figures import count
from ..report.terminal.outlet import print_line

__all__ = ["Batches", "has_batches"]


def has_batches(stored: StoredRun) -> bool:
    """Return whether a run was started with --batch, or has batches whose results are not stored."""
    arguments = stored.manifest.get("arguments", {})
    return bool(arguments.get("batch")) or any(
        not part.closed for part in parts_in(stored.manifest, stored.id)
    )


@dataclass(slots=True)
class Batches:
    """The answers come from batches. See `Means`. `submits` is false with --no-batch: the rest is sent online."""

    parts: list[BatchPart]
    wait: float
    submits: bool = True
    stored: list[dict[str, Any]] = field(default_factory=list)
    limited: bool = False
    reads: Sequence[str] = ()
    visit: Callable[[Job], None] | None = None
    _batch_run: BatchRun | None = None

    @classmethod
    def of(cls, stored: StoredRun | None, wait: float, *, submits: bool, limited: bool) -> Batches:
        """Return the batches of a new or a stored run, whose cost may be `limited` (--max-cost).

        Raises UsageError if those in its run.json are damaged.
        """
        parts = [] if stored is None else parts_in(stored.manifest, stored.id)
        return cls(parts, wait, submits, [part.as_json() for part in parts], limited)

    @property
    def is_batch(self) -> bool:
        """Whether the requests are submitted as batches."""
        return self.submits

    @property
    def arguments(self) -> Mapping[str, Any]:
        """`--resume` submits the rest as batches, too, unless --no-batch was given."""
        return {"batch": self.submits}

    @property
    def facts(self) -> Mapping[str, Any]:
        """The list of batches, which the run keeps up to date."""
        return {"batches": self.stored}

    def executor(self, journal: Journal, again: Callable[[], Mapping[str, Iterator[Job]]]) -> Execute:
        """Return the function of a BatchRun."""
        self._batch_run = BatchRun(journal.id, again, self.parts, self.stored, self.wait, self.submits)
        return self._batch_run.carry_out

    def finish(self, shutdown: Shutdown) -> None:
        """Stop the run if batches are still in progress."""
        if self._batch_run is not None:
            self._batch_run.finish(shutdown)

    def has_more(self) -> bool:
        """Return whether the results of a batch are not stored yet."""
        return any(not part.closed for part in self.parts)

    def answered(self, index: int) -> None:
        """Do nothing: it is not submitted again."""

    def check(self, units: Sequence[Unit]) -> None:
        """Refuse the embedded model, and say which models have no price of batches."""
        refuse_embedded(units)
        if self.submits and self.limited:
            refuse_unreckonable(units)
        if self.submits:
            full = {unit.model for unit in units if unit.price is not None and not _has_batch_price(unit)}
            for model in sorted(full):
                print_line(
                    f"no price of batches is declared for {model} (models: price: batch in runner.yaml): the cost is"
                    " computed from the full price",
                    err=True,
                )

    def left(self, unfinished: int) -> str | None:
        """Return the number of missing answers."""
        return f"{count(unfinished)} without an answer" if unfinished else None

    def resume(self, run: str) -> str:
        """Return the command that asks for the batches again."""
        return f"runner run --resume {run}"


def _has_batch_price(unit: Unit) -> bool:
    return isinstance(unit.price, DeclaredPrice) and unit.price.batch is not None
