"""How often judges passed the answers of a run, and the rate that is left when their known errors are taken into account."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..files.calibration import calibration_file, load_calibration
from ..files.disk.tree import Tree
from .journal.record import Record, calls_in
from .plan.job import Job
from .plan.judge_prompts import holds, identity_of

if TYPE_CHECKING:
    from .plan.job import Unit

__all__ = ["JudgedRates"]


@dataclass(slots=True)
class _Count:
    unit: Unit
    votes: int
    passed: int = 0
    judged: int = 0


@dataclass(slots=True)
class JudgedRates:
    """Counts the verdicts of each judge, by its prompt and its model."""

    _counts: dict[tuple[str, str], _Count] = field(default_factory=dict)

    def take(self, job: Job, records: Sequence[Record]) -> None:
        """Count the verdicts on the answers to one job. A judge that was unsure decided nothing."""
        asks = job.unit.asks
        if asks is None or not asks.judges:
            return
        judges = {(unit.prompt.place, unit.model): (unit, votes) for unit, votes in asks.judge_votes}
        for record in records:
            for check in record["checks"]:
                for call in calls_in(check):
                    key = str(call.get("prompt")), str(call.get("model"))
                    verdict = holds(call)
                    if key not in judges or verdict is None:
                        continue
                    count = self._counts.setdefault(key, _Count(*judges[key]))
                    count.judged += 1
                    count.passed += verdict

    def remarks(self, tree: Tree) -> Iterator[str]:
        """Yield, for each calibrated judge, its pass rate and the corrected one. `tree` is the project's."""
        from ..verdict.agreement import Cells, rogan_gladen  # only where something was judged

        for (place, _), count in sorted(self._counts.items()):
            calibration = load_calibration(tree, place)
            if calibration is None:
                continue
            file = calibration_file(place)
            if calibration.judge != identity_of(count.unit, count.votes):
                yield f"{file} is about another judge than {place} as it is now ({count.unit.model}): calibrate it again"
                continue
            raw = f"{place} passes {count.passed} of {count.judged} ({count.passed / count.judged:.0%})"
            corrected = rogan_gladen(count.passed, count.judged, Cells(**calibration.counts))
            if calibration.word == "do not use" or corrected is None:
                yield f"{raw}, which says nothing: {file} says not to use this judge"
                continue
            yield (
                f"{raw}; without its errors, as in {file}: {corrected.rate:.0%}"
                f" (95 %: {corrected.low:.0%} to {corrected.high:.0%})"
            )
