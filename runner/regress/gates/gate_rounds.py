"""The gates of a test run: they receive every answer, decide after each round whether another one is needed, and judge.

A gate is judged on all cases of its prompt, or not at all. Each round sends the whole suite: repeating only the failed
cases would turn chance into a verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ...engine.journal.record import Record, spent
from ...engine.plan.job import Job, Unit
from ...engine.sampled import Sampled
from ...errors import Diagnostic
from ...files.model import Project
from ..snapshots.store import SnapshotStore
from .declared import declared_gates

if TYPE_CHECKING:
    from .gate_results import GateResult
    from .gate_slices import GatedUnit

__all__ = ["Gates"]


class Gates:
    """The gates of the units of one run. `samples` overrides their samples; `part` is the reason why none is judged.

    Raises what compiling gates and reading rates raises.
    """

    def __init__(
        self,
        units: Sequence[Unit],
        project: Project,
        store: SnapshotStore,
        *,
        samples: int | None,
        part: str | None,
    ) -> None:
        self.sampled = Sampled()
        self.further_calls = 0
        self.further_cost: float | None = None
        self._part = part
        self._gated: dict[int, GatedUnit] = {}
        declaring = [unit for unit in units if declared_gates(unit.prompt, project) is not None]
        if declaring:
            from .gate_slices import (
                gated_unit,  # with the statistics, which a run without gates does not load
            )

            for unit in declaring:
                gated = gated_unit(unit, project, store, self.sampled, samples)
                if gated is not None:
                    self._gated[id(unit)] = gated

    @property
    def judging(self) -> bool:
        """Return whether there are gates that are judged in this run."""
        return bool(self._gated) and self._part is None

    def decide(self, unit: Unit) -> bool:
        """Return whether gates, and not single cases, decide the verdict on a unit."""
        return self._part is None and id(unit) in self._gated

    def samples_of(self, unit: Unit) -> int | None:
        """Return how many samples of each case of a unit the first round requests; None if no gate decides."""
        if not self.decide(unit):
            return None
        return min(rule.looks.samples[0] for rule in self._gated[id(unit)].rules)

    def remarks(self, cases: Mapping[int, int]) -> Iterator[Diagnostic]:
        """Yield the remarks to show before anything is paid for. `cases` maps the id of a unit to its number of cases.

        Raises FormatError for a gate that can never fail.
        """
        for key, gated in self._gated.items() if self._part is None else ():
            yield from gated.remarks(cases.get(key, 0))

    def see(self, job: Job) -> None:
        """Note a case of the run, whether its request is sent or not."""
        gated = self._gated.get(id(job.unit))
        if gated is not None:
            gated.see(job)

    def take(self, job: Job, records: Sequence[Record]) -> None:
        """Count the records of one job."""
        self.sampled.take(job, records)
        if not self.decide(job.unit):
            return
        gated = self._gated[id(job.unit)]
        gated.counted.take(job, records)
        if gated.slices is not None:  # the first round is counted by its cases
            self.further_calls += 1
            for cost in map(spent, records):
                if cost is not None:
                    self.further_cost = (self.further_cost or 0.0) + cost

    def look(self) -> None:
        """Evaluate the gates after a complete round."""
        if self._part is not None:
            return
        for gated in self._gated.values():
            if gated.slices is None:
                gated.asked = self.samples_of(gated.unit) or 0
                gated.slices = list(gated.make_slices())
        tests = sum(each.trial is not None for gated in self._gated.values() for each in gated.slices or ())
        for gated in self._gated.values():
            for each in gated.slices or ():
                if not each.done and gated.asked in each.rule.looks.samples:
                    each.look(max(tests, 1))

    def more(self) -> dict[int, range]:
        """Return the samples that the next round has to request, by the id of the unit; empty if all is decided."""
        wanted: dict[int, range] = {}
        for key, gated in self._gated.items():
            looks = [each.rule.looks.after(gated.asked) for each in gated.slices or () if not each.done]
            if found := [each for each in looks if each is not None]:
                wanted[key] = range(gated.asked, min(found))
        return wanted

    def asked(self, wanted: Mapping[int, range]) -> None:
        """Note that the samples of a round have arrived."""
        for key, samples in wanted.items():
            self._gated[key].asked = samples.stop

    def results(self, stopped: str | None = None) -> list[GateResult]:
        """Return the result of each gate. `stopped` is why the run ended early, in which case no gate is judged."""
        why = self._part or stopped
        if why is not None:
            return [
                gated.at_rest(rule, self._part, stopped)
                for gated in self._gated.values()
                for rule in gated.rules
            ]
        if not self._gated:
            return []
        from .gate_slices import judge

        return judge([each for gated in self._gated.values() for each in gated.slices or ()])
