"""Implement `runner test`: select cases, replay those that are unchanged, send the others, and report."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal

from ..engine.journal.counters import measured_with
from ..engine.journal.exit_codes import exit_code
from ..engine.journal.record import Record
from ..engine.plan.job import CaseKey, Job, Unit
from ..engine.plan.plan import Plan, Preflight
from ..engine.plan.shard import Shard
from ..engine.plan.spool import Spool
from ..engine.sampled import seed_remark
from ..errors import NothingSelectedError, RunnerError
from ..files.env_file import EnvFile
from ..regress.carry_out import ask_again, carry_out
from ..regress.claims import refuse_shared
from ..regress.gates.declared import OFFLINE
from ..regress.gates.gate_rounds import Gates
from ..regress.last_failed import CaseName, keep_failed
from ..regress.modes import Modes
from ..regress.regression_run import RegressionRun
from ..regress.results import CaseResult
from ..regress.snapshots.store import store_of
from ..regress.tally import Tally
from ..report.regression.regression_reporter import RegressionReporter
from ..report.terminal.outlet import Outlet
from .connect_options import ConnectOptions
from .load_selection import Chosen, load_selection, tests_of
from .show_errors import show_diagnostic
from .test_outputs import listeners

if TYPE_CHECKING:
    from ..endpoints.connect import Connection
    from ..engine.session import RunOutcome

__all__ = ["RegressionCommand"]


@dataclass(frozen=True, slots=True)
class RegressionCommand:
    """The options of `runner test`."""

    paths: Sequence[str]
    ids: Sequence[str]
    tags: Sequence[str]
    endpoint: str | None
    modes: Modes
    base: str | None
    shard: Shard | None
    isolate: bool = False
    env_file: EnvFile | None = None
    failed: bool = False
    keeps_failed: bool = True

    def carry_out(
        self,
        *,
        jobs: int | Literal["adaptive"] | None,
        endpoints: ConnectOptions,
        use_cache: bool,
        lint: bool,
        output: str | None,
        report: str | None,
        force: bool = False,
        quiet: bool = False,
        batch: float | None = None,
    ) -> int:
        """Run the command and return the exit code. Raises what loading, rendering, sending and storing raise."""
        selection = tests_of(
            self.paths,
            ids=self.ids,
            tags=self.tags,
            endpoint=self.endpoint,
            isolate=self.isolate,
            failed=self.failed,
        )
        with ExitStack() as closing:
            chosen = load_selection(selection, closing, env_file=self.env_file)
            workspace = chosen.workspace
            refuse_shared(chosen.prompts, workspace.project)
            started = time.monotonic()
            tally = Tally()
            gates = self._gates(chosen)
            others = listeners(closing, output, report, chosen, force=force)
            out = Outlet(sys.stdout, "standard output")
            reporter = closing.enter_context(RegressionReporter(out.text, quiet=quiet))
            reporter.start(title=chosen.title)

            failed: list[CaseName] = []
            places = {unit.prompt.path: unit.prompt.place for unit in chosen.units}

            def emit(result: CaseResult) -> None:
                if (result.file, result.variant) in decided and not result.must_pass:
                    result = replace(result, gated=True)
                tally.add(result)
                if result.verdict != "pass":
                    failed.append((places[result.file], result.case))
                reporter.case(result)
                for other in others:
                    other.case(result)
                out.check()

            def unreferenced(file: str) -> None:
                tally.unreferenced += 1
                if self.modes.unreferenced != "ignore":
                    reporter.unreferenced(file)
                    for other in others:
                        other.unreferenced(file)

            def watch(job: Job, records: Sequence[Record]) -> None:
                gates.take(job, records)
                for record in records:
                    tally.measured = measured_with(record, tally.measured)

            remarks: list[str] = []

            def begin() -> None:
                reporter.show_title()
                while remarks:
                    reporter.note(remarks.pop(0))

            def connect(units: Iterable[Unit]) -> dict[str, Connection]:
                connections = endpoints.connect(workspace, units, reporter.on_download)
                begin()  # not before: an endpoint that is refused ends the command
                return connections

            decided = {(unit.prompt.path, unit.variant) for unit in chosen.units if gates.decide(unit)}
            plan = Plan(chosen.units, chosen.selection.cases, shard=self.shard)
            regression = RegressionRun(
                plan,
                chosen.selection,
                workspace.project,
                store_of(workspace.project, workspace.environ),
                self.modes,
                emit=emit,
                unreferenced=unreferenced,
                remark=reporter.note,
                changed=self._changed(chosen),
                see=gates.see,
                samples_of=gates.samples_of,
            )
            preflight = None
            if self.modes.record != "none":
                if lint:
                    chosen.refuse_faults()
                # Every case is rendered before the first request is paid for.
                preflight = chosen.preflight(plan, spool=closing.enter_context(Spool()))
                seeds = (seed_remark(unit, regression.samples_of(unit)) for unit in chosen.units)
                remarks.extend(remark for remark in seeds if remark is not None)
                for found in gates.remarks(preflight.cases_of(plan.units)):
                    show_diagnostic(found)
            ending = carry_out(
                regression,
                chosen.units,
                root=workspace.root,
                connect=connect,
                display=reporter,
                watch=watch,
                preflight=preflight,
                workers=jobs,
                use_cache=use_cache,
                resume=use_cache,
                batch=batch,
            )
            begin()
            unsent = ending is not None and ending.unsent
            if ending is not None and ending.stopped:
                reporter.note(f"stopped early: {ending.stopped}")
            if gates.judging and not unsent and batch is not None:
                reporter.note("further samples that gates need are sent online, at the full price")
            if gates.judging and not unsent:
                further = self._further_rounds(
                    gates, chosen, plan, preflight, reporter, jobs, endpoints, watch
                )
                if further is not None:
                    ending, unsent = further, True
                    reporter.note(f"stopped early: {further.stopped}")
            if not tally.selected and self.shard is None and not unsent:
                raise chosen.selection.explain_nothing(chosen.units)
            for remark in gates.sampled.remarks():
                reporter.note(remark)
            tally.further(gates.further_calls, gates.further_cost)
            for verdict in gates.results("the run was stopped" if unsent else None):
                tally.gate(verdict)
                reporter.gate(verdict)
                for other in others:
                    other.gate(verdict)
            if self.keeps_failed:
                try:
                    keep_failed(workspace.root, failed)
                except RunnerError as error:
                    reporter.note(f"the next --failed cannot use this run: {error.message}")
            seconds = time.monotonic() - started
            for each in (reporter, *others):
                each.finish(tally, modes=self.modes, seconds=seconds, complete=not unsent)
        facts = tally.exit_counts(self.modes, unsent=unsent, signal=ending.signal if ending else None)
        code = exit_code(facts)
        if code == NothingSelectedError.exit_code:
            code = 0  # a shard may be empty, since the run has other shards
        out.flush()
        if not code:
            out.check()
        return code

    def _gates(self, chosen: Chosen) -> Gates:
        """Return the gates of the selected prompts. A gate is judged only if all cases of its prompt are sent in this run."""
        part = None
        if self.modes.record != "all":
            part = OFFLINE
        elif self.shard is not None:
            part = "not judged on a shard"
        elif not chosen.selection.takes_all:
            part = "not judged on a part of the cases (--case, --tag)"
        elif self.base is not None:
            part = "not judged on a part of the cases (--base)"
        store = store_of(chosen.workspace.project, chosen.workspace.environ)
        return Gates(chosen.units, chosen.workspace.project, store, samples=self.modes.samples, part=part)

    def _further_rounds(
        self,
        gates: Gates,
        chosen: Chosen,
        plan: Plan,
        preflight: Preflight | None,
        reporter: RegressionReporter,
        jobs: int | Literal["adaptive"] | None,
        endpoints: ConnectOptions,
        watch: Callable[[Job, Sequence[Record]], None],
    ) -> RunOutcome | None:
        """Send further rounds of samples until the gates can judge; return the outcome if that was cut short, else None."""
        gates.look()
        while wanted := gates.more():
            units = [unit for unit in plan.units if id(unit) in wanted]
            ending = ask_again(
                plan.more_samples(preflight, lambda unit: wanted.get(id(unit), range(0))),
                units,
                root=chosen.workspace.root,
                connect=partial(endpoints.connect, chosen.workspace),
                display=reporter,
                take=watch,
                workers=jobs,
                facts={"command": "test", "round": max(samples.stop for samples in wanted.values())},
            )
            if ending.unsent:
                return ending
            gates.asked(wanted)
            gates.look()
        return None

    def _changed(self, chosen: Chosen) -> frozenset[CaseKey] | None:
        if self.base is None:
            return None
        from ..regress.revisions.changed_cases import changed_cases

        project, sandbox = chosen.workspace.project, chosen.workspace.sandbox
        return frozenset(changed_cases(project, chosen.prompts, self.base, sandbox=sandbox))
