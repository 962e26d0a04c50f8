"""Detect models that are compared with each other although one model answered for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .journal.record import Record
from .plan.job import Job

__all__ = ["Served"]


@dataclass(slots=True)
class Served:
    """Collects, for each endpoint and requested model, the models that the server says it used."""

    _models: dict[tuple[str, str], set[str | None]] = field(default_factory=dict)

    def take(self, job: Job, records: Sequence[Record]) -> None:
        """Add the records of one job. A record without an answer is ignored."""
        for record in records:
            if record["outcome"] != "error":
                key = (job.unit.endpoint.name, job.unit.model)
                self._models.setdefault(key, set()).add(record["served_model"])

    def remarks(self) -> Iterator[str]:
        """Yield a sentence for each model that alone answered for several requested ones."""
        requested: dict[tuple[str, str], list[str]] = {}
        for (endpoint, model), served in self._models.items():
            (only,) = served if len(served) == 1 else (None,)
            if only is not None:
                requested.setdefault((endpoint, only), []).append(model)
        for (endpoint, only), models in requested.items():
            if len(models) > 1:
                *others, last = sorted(models)
                names = f"{', '.join(others)} and {last}"
                yield f"{endpoint} used {only} for {names}: these columns compare one model with itself"
