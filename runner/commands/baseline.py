"""Implement `runner baseline`: send every case several times, compare the rates with the recorded ones, write them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from ..engine.journal.counters import Counters
from ..engine.journal.record import Record
from ..engine.plan.job import Job, Unit
from ..engine.plan.plan import Plan
from ..engine.plan.spool import Spool
from ..engine.sampled import Sampled, seed_remark
from ..engine.session import RunOutcome
from ..errors import UsageError
from ..files.env_file import EnvFile
from ..regress.carry_out import ask_again
from ..regress.claims import refuse_shared
from ..regress.drift.as_approved import AsApproved
from ..regress.gates.counted import Counted, UnitCount, is_missing
from ..regress.gates.rates import Rates, load_rates, rate_of, short, write_rates
from ..regress.snapshots.snapshot import rates_file
from ..regress.snapshots.store import SnapshotStore, store_of
from ..report.regression.rates_lines import rates_lines
from ..report.run.console_reporter import ConsoleReporter
from ..report.terminal.figures import plural
from ..report.terminal.outlet import Outlet
from .connect_options import ConnectOptions
from .load_selection import Chosen, load_selection, tests_of

if TYPE_CHECKING:
    from ..endpoints.connect import Connection

__all__ = ["BaselineCommand"]

_ROUNDS = 2
"""How often missing answers are requested again, after the retries of each."""


@dataclass(frozen=True, slots=True)
class BaselineCommand:
    """The options of `runner baseline`."""

    paths: Sequence[str]
    ids: Sequence[str]
    tags: Sequence[str]
    endpoint: str | None
    samples: int
    isolate: bool = False
    env_file: EnvFile | None = None

    def carry_out(
        self, *, jobs: int | Literal["adaptive"] | None, endpoints: ConnectOptions, lint: bool
    ) -> int:
        """Run the command and return the exit code. Raises what loading, rendering, sending and storing raise."""
        selection = tests_of(
            self.paths, ids=self.ids, tags=self.tags, endpoint=self.endpoint, isolate=self.isolate
        )
        with ExitStack() as closing:
            chosen = load_selection(selection, closing, env_file=self.env_file)
            project = chosen.workspace.project
            refuse_shared(chosen.prompts, project)
            if lint:
                chosen.refuse_faults()
            store = store_of(project, chosen.workspace.environ)
            before = {id(unit): self._before(unit, chosen, store) for unit in chosen.units}
            plan = Plan(chosen.units, chosen.selection.cases, self.samples)
            preflight = chosen.preflight(plan, spool=closing.enter_context(Spool()))
            out = Outlet(sys.stdout, "standard output")
            reporter = closing.enter_context(ConsoleReporter(out.text))
            counters = Counters(total=preflight.records)
            asking = _Asking(
                chosen, counters, reporter, endpoints, jobs, self.samples, AsApproved(project, store)
            )
            ending = asking.ask(plan.by_endpoint(preflight))
            for _ in range(_ROUNDS):
                if ending.unsent or not asking.unanswered:
                    break
                reporter.note(f"{plural(len(asking.unanswered), 'answer')} did not arrive; sending again")
                ending = asking.ask_unanswered()
            reporter.close()
            if ending.unsent or asking.unanswered:
                why = ending.stopped or f"{plural(len(asking.unanswered), 'answer')} did not arrive"
                reporter.note(f"{why}: nothing was written")
                out.flush()
                return 128 + ending.signal if ending.signal is not None else 3
            for unit in chosen.units:
                self._write(unit, asking, before[id(unit)], store, reporter, whole=chosen.selection.takes_all)
            out.flush()
            out.check()
        return 0

    def _before(self, unit: Unit, chosen: Chosen, store: SnapshotStore) -> Rates | None:
        """Return the existing rates. Raises UsageError if a part would have other samples than the rest."""
        file = rates_file(unit.prompt, unit.variant)
        rates = load_rates(store, file)
        if rates is not None and not chosen.selection.takes_all and rates.samples != self.samples:
            raise UsageError(
                f"the other cases in {store.shown(file)} have {plural(rates.samples, 'sample')}, not {self.samples}",
                hint=f"use --samples {rates.samples}, or record all cases again",
            )
        if rates is not None and not chosen.selection.takes_all and rates.judged_by != _judged_by(unit):
            raise UsageError(
                f"the other cases in {store.shown(file)} were judged by another judge than now",
                hint="rates of different judges cannot be mixed: record all cases again",
            )
        return rates

    def _write(
        self,
        unit: Unit,
        asking: _Asking,
        before: Rates | None,
        store: SnapshotStore,
        reporter: ConsoleReporter,
        *,
        whole: bool,
    ) -> None:
        counted = asking.counted.of(unit)
        if not counted.cases:
            return
        file = rates_file(unit.prompt, unit.variant)
        one = asking.sampled.is_one(unit)
        new = replace(_rates(counted, self.samples, one=one), judged_by=_judged_by(unit))
        for line in rates_lines(unit.prompt.name, unit.variant, before, new):
            reporter.note(line)
        for remark in _remarks(counted, asking.judge, one=one):
            reporter.note(remark)
        if not whole and before is not None:
            kept = {case: rate for case, rate in before.cases.items() if case not in new.cases}
            new = Rates(
                before.samples,
                {**kept, **new.cases},
                new.served_model if new.served_model == before.served_model else None,
                before.judged_by,
            )
        store.write_rates(file, write_rates(new))
        reporter.note(f"written: {store.shown(file)}")


def _judged_by(unit: Unit) -> str | None:
    return None if unit.asks is None else unit.asks.judged_by


def _rates(counted: UnitCount, samples: int, *, one: bool) -> Rates:
    cases = {name: rate_of(short(case.request), case, one=one) for name, case in counted.cases.items()}
    [served] = counted.served if len(counted.served) == 1 else [None]
    return Rates(1 if one else samples, cases, served)


def _remarks(counted: UnitCount, judge: AsApproved, *, one: bool) -> Iterator[str]:
    name = counted.unit.prompt.name
    if one:
        yield f"{name}: all samples of each case are the same answer: they are counted and recorded as one"
    unit = counted.unit
    if not judge.asserts(unit.prompt):
        approved = sum(judge.approved_of(unit, case) is not None for case in counted.cases)
        if not approved:
            yield f"{name}: no case has assertions, so every answer passes and the rates mean nothing"
        elif lacking := len(counted.cases) - approved:
            yield f"{name}: {plural(lacking, 'case')} with neither assertions nor an approved answer: each answer passes"
        else:
            yield f"{name}: no case has assertions, so an answer passes if it is as approved"
    if len(counted.served) > 1:
        yield f"{name}: the answers came from {plural(len(counted.served), 'model')}: {', '.join(sorted(counted.served))}"


class _Asking:
    """Sends the requests of all rounds and counts the answers; `unanswered` has the jobs without one."""

    def __init__(
        self,
        chosen: Chosen,
        counters: Counters,
        reporter: ConsoleReporter,
        endpoints: ConnectOptions,
        workers: int | Literal["adaptive"] | None,
        samples: int,
        judge: AsApproved,
    ) -> None:
        self.judge = judge
        self.counted = Counted()
        self.sampled = Sampled()
        self.unanswered: list[Job] = []
        self._chosen = chosen
        self._counters = counters
        self._reporter = reporter
        self._endpoints = endpoints
        self._workers = workers
        self._samples = samples
        self._begun = False

    def ask(self, jobs: dict[str, Iterator[Job]]) -> RunOutcome:
        """Send these requests, by endpoint."""
        return ask_again(
            jobs,
            self._chosen.units,
            root=self._chosen.workspace.root,
            connect=self._connect,
            display=self._reporter,
            take=self._take,
            workers=self._workers,
            facts={"command": "baseline"},
            counters=self._counters,
        )

    def ask_unanswered(self) -> RunOutcome:
        """Send the requests again whose answers did not arrive."""
        again, self.unanswered = self.unanswered, []
        jobs: dict[str, list[Job]] = {}
        for job in again:
            jobs.setdefault(job.unit.endpoint.name, []).append(job)
        return self.ask({name: iter(each) for name, each in jobs.items()})

    def _connect(self, units: Iterable[Unit]) -> dict[str, Connection]:
        """Return the connections, then print what runs: an endpoint that is refused ends the command before."""
        connections = self._endpoints.connect(self._chosen.workspace, units, self._reporter.on_download)
        if not self._begun:
            self._begun = True
            self._reporter.start(self._counters, title=self._chosen.title)
            for unit in self._chosen.units:
                if (remark := seed_remark(unit, self._samples)) is not None:
                    self._reporter.note(remark)
        return connections

    def _take(self, job: Job, records: Sequence[Record]) -> None:
        if any(map(is_missing, records)):
            self.unanswered.append(job)
            return
        self.sampled.take(job, records)
        self.counted.take(job, self.judge.judged(job, records))
