"""What `runner test` does: choose, re-check offline what can be, ask for the rest, tell."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from ..engine.plan import Job, Plan
from ..engine.verdict import exit_code
from ..regress.modes import Modes
from ..regress.results import CaseResult
from ..regress.testing import CaseKey, Regression, Shard, Tally
from ..report.regression import RegressionReporter
from .approving import store_of
from .options import SelectionOptions
from .selecting import Chosen, load_selection

if TYPE_CHECKING:
    from ..report.junit_regression import JUnitReport

__all__ = ["RegressionCommand"]


@dataclass(frozen=True, slots=True)
class RegressionCommand:
    """One `runner test`, as its options say."""

    paths: Sequence[str]
    ids: Sequence[str]
    tags: Sequence[str]
    endpoint: str | None
    modes: Modes
    base: str | None
    shard: Shard | None

    def carry_out(self, *, jobs: int | None, use_cache: bool, output: str | None) -> int:
        """Run it; the exit code. Raises what loading, rendering, asking and storing raise."""
        chosen = load_selection(
            **SelectionOptions(
                paths=tuple(self.paths),
                assignments=(),
                vars_file=None,
                rows=None,
                ids=tuple(self.ids),
                tags=tuple(self.tags),
                endpoint=self.endpoint,
                models=(),
                sets=(),
            )
        )
        started = time.monotonic()
        tally = Tally()
        with ExitStack() as closing:
            junit = closing.enter_context(_junit(output)) if output else None
            reporter = closing.enter_context(RegressionReporter(sys.stdout))
            reporter.start(title=chosen.title)

            def emit(result: CaseResult) -> None:
                tally.add(result)
                reporter.case(result)
                if junit:
                    junit.case(result)

            def orphan(file: str) -> None:
                tally.unreferenced += 1
                if self.modes.unreferenced != "ignore":
                    reporter.unreferenced(file)

            regression = Regression(
                chosen.units,
                chosen.selection,
                chosen.project,
                store_of(chosen.project),
                self.modes,
                emit=emit,
                orphan=orphan,
                shard=self.shard,
                changed=self._changed(chosen),
            )
            if self.modes.record != "none":
                # Every case is rendered before the first is paid for.
                chosen.rehearse(Plan(chosen.units, chosen.selection.cases))
            waiting = _drawn(regression)
            signal = (
                _ask(regression, waiting, chosen, reporter, jobs, use_cache=use_cache) if waiting else None
            )
            unsent = signal is not None
            if not unsent:
                regression.finish()
            if not tally.selected and self.shard is None:
                raise chosen.selection.explain_nothing(chosen.units)
            reporter.finish(tally, modes=self.modes, seconds=time.monotonic() - started)
        if not tally.selected:
            return 0  # an empty shard is a part of a run that has others
        return exit_code(tally.facts(self.modes, unsent=unsent, signal=signal or None))

    def _changed(self, chosen: Chosen) -> frozenset[CaseKey] | None:
        if self.base is None:
            return None
        from ..regress.revisions import changed_cases

        return frozenset(changed_cases(chosen.project, chosen.prompts, self.base))


def _junit(output: str) -> JUnitReport:
    from ..report.junit_regression import JUnitReport  # its XML library imports an HTTP client

    return JUnitReport(output)


def _drawn(regression: Regression) -> dict[str, Iterator[Job]]:
    """The endpoints that have something to be asked, with their jobs; drawing the first job replays all before it."""
    waiting: dict[str, Iterator[Job]] = {}
    for name, jobs in regression.jobs().items():
        first = next(jobs, None)
        if first is not None:
            waiting[name] = chain((first,), jobs)
    return waiting


def _ask(
    regression: Regression,
    waiting: dict[str, Iterator[Job]],
    chosen: Chosen,
    reporter: RegressionReporter,
    jobs: int | None,
    *,
    use_cache: bool,
) -> int | None:
    """Ask for what has to be asked, under a journal. None when all of it came, else the signal's number (0: none)."""
    from ..engine.cache import ResponseCache
    from ..engine.execute import Options, connect
    from ..engine.record import Counters
    from ..engine.session import run_jobs

    units = [unit for unit in chosen.units if unit.endpoint.name in waiting]
    connections = connect(units, chosen.environ, root=chosen.project.root)
    ending = run_jobs(
        waiting,
        units,
        connections,
        root=chosen.root,
        counters=Counters(),
        display=reporter,
        receive=regression.take,
        options=Options(workers=jobs, cache=ResponseCache(chosen.root) if use_cache else None),
    )
    if ending.stopped:
        reporter.note(f"stopped early: {ending.stopped}")
    return (ending.signal or 0) if ending.unsent else None
