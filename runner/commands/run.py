"""Implement `runner run`: select cases, render everything, begin or resume a run, send the requests, and report."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ..endpoints.prices import ListedPrice, require_price_list
from ..engine.attempt import RunAttempt, facts_of
from ..engine.columns import columns_of
from ..engine.journal.counters import Counters
from ..engine.journal.error_limit import ErrorLimit
from ..engine.journal.exit_codes import exit_code
from ..engine.journal.in_order import InOrder
from ..engine.journal.journal import Journal
from ..engine.journal.record import Record, json_line
from ..engine.journal.stored_runs import StoredRun, find_run
from ..engine.judged_rates import JudgedRates
from ..engine.plan.configuration import configuration
from ..engine.plan.job import Job, Unit
from ..engine.plan.plan import Plan, Preflight
from ..engine.plan.spool import Spool
from ..engine.pool.answer_cache import ResponseCache, RunCache
from ..engine.pool.budget import Budget
from ..engine.pool.execute import Execute, execute
from ..engine.pool.pool_options import PoolOptions
from ..engine.pool.shutdown import Shutdown
from ..engine.pool.streaming import StreamPrinter
from ..engine.sampled import Sampled, seed_remark
from ..engine.served import Served
from ..engine.session import RunOutcome, Sink, run_jobs
from ..errors import Diagnostic, UsageError
from ..files.disk.tree import DiskTree
from ..files.env_file import EnvFile
from ..report.run.console_reporter import ConsoleReporter
from ..report.run.digest import Next
from ..report.run.stream_text import StreamText
from ..report.terminal.figures import count
from ..report.terminal.outlet import Outlet, print_lines
from ..report.terminal.terminal_text import visible
from ..report.terminal.workflow_commands import unheeded
from .connect_options import ConnectOptions
from .load_selection import Chosen, load_selection
from .resume import RunScope, texts_of_files
from .show_errors import show_diagnostic

if TYPE_CHECKING:
    from ..endpoints.connect import Connection
    from ..report.run.output import OutputWriter

__all__ = ["ONLINE", "Means", "RunCommand"]


class Means(Protocol):
    """How a run gets its answers: online, or from files of results."""

    @property
    def reads(self) -> Sequence[str]:
        """The files that it reads, which no output may replace."""
        ...

    def executor(self, journal: Journal, again: Callable[[], Mapping[str, Iterator[Job]]]) -> Execute:
        """Return the function that gets the answers. `again` returns the jobs without an answer, each time anew."""
        ...

    def finish(self, shutdown: Shutdown) -> None:
        """Stop the run if answers are missing that it cannot get now."""

    def has_more(self) -> bool:
        """Return whether there is something to do even if every request has an answer."""
        ...

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The options that `--resume` needs."""
        ...

    @property
    def facts(self) -> Mapping[str, Any]:
        """What `run.json` says about it. It is read whenever `run.json` is written."""
        ...

    @property
    def visit(self) -> Callable[[Job], None] | None:
        """A function that receives the job of the first sample of each case before anything is sent, if it needs them."""
        ...

    def answered(self, index: int) -> None:
        """Note that the request at a place in the run was answered in an earlier attempt."""

    @property
    def is_batch(self) -> bool:
        """Whether the price of batches applies."""
        ...

    def check(self, units: Sequence[Unit]) -> None:
        """Raise UsageError if it cannot get answers for some units."""

    def left(self, unfinished: int) -> str | None:
        """Return what is to be said about the answers that a stopped run does not have."""

    def resume(self, run: str) -> str:
        """Return the command that continues a stopped run."""
        ...


class _Online:
    reads: Sequence[str] = ()
    is_batch = False
    visit: Callable[[Job], None] | None = None
    arguments: Mapping[str, Any] = MappingProxyType({})
    facts: Mapping[str, Any] = MappingProxyType({})

    def executor(self, journal: Journal, again: Callable[[], Mapping[str, Iterator[Job]]]) -> Execute:
        return execute

    def finish(self, shutdown: Shutdown) -> None:
        """Do nothing: everything was sent."""

    def has_more(self) -> bool:
        return False

    def answered(self, index: int) -> None:
        """Do nothing: such a request is not sent."""

    def check(self, units: Sequence[Unit]) -> None:
        """Do nothing: every unit can be sent."""

    def left(self, unfinished: int) -> str | None:
        return f"{count(unfinished)} not asked" if unfinished else "all were asked"

    def resume(self, run: str) -> str:
        return f"runner run --resume {run}"


ONLINE = _Online()


@dataclass(frozen=True, slots=True)
class RunCommand:
    """The options of `runner run`. `means` is how it gets its answers."""

    scope: RunScope
    stored: StoredRun | None
    output: str | None
    output_was_recorded: bool
    in_order: bool
    bom: bool
    force: bool
    report: str | None
    jobs: int | Literal["adaptive"] | None
    endpoints: ConnectOptions
    use_cache: bool
    lint: bool
    quiet: bool
    stream: bool
    as_json: bool
    max_cost: float | None
    max_errors: ErrorLimit | None
    debug: bool
    env_file: EnvFile | None
    means: Means = ONLINE

    def dry_run(self) -> int:
        """Print what the run would need, and return 0."""
        with contextlib.ExitStack() as closing:
            return self._dry_run(*self._plan(closing))

    def _dry_run(self, chosen: Chosen, plan: Plan) -> int:
        from ..report.run.dry_run import Estimate, dry_run_text

        self._check_output(chosen)
        requests: Counter[int] = Counter()
        sizes: Counter[int] = Counter()

        def visit(job: Job) -> None:
            requests[id(job.unit)] += plan.repeat
            sizes[id(job.unit)] += len(job.data) * plan.repeat

        chosen.preflight(plan, visit)
        if any(isinstance(unit.price, ListedPrice) for unit in plan.units):
            require_price_list()
        estimates = [
            Estimate(unit, requests[id(unit)], sizes[id(unit)], batch=self.means.is_batch)
            for unit in plan.units
        ]
        print_lines(dry_run_text(estimates))
        asked = [each for unit in plan.units if unit.asks for each in unit.asks.units]
        if names := dict.fromkeys(f"{each.prompt.place} ({each.model})" for each in asked):
            print_lines(
                f"assertions also ask {', '.join(names)} about each answer; these calls are not counted here"
            )
        return 0

    def carry_out(self) -> int:
        """Run the command and return the exit code. Raises what loading, rendering, sending and storing raise."""
        with contextlib.ExitStack() as closing:
            chosen, plan = self._plan(closing)
            self._check_output(chosen)
            self._check_stream(chosen)
            screen = self._open_screen(closing)
            run = self._attempt(chosen, plan, screen, closing)
            results = self._open_results(run, screen)
            self._begin(run, results, screen)
            outcome = self._ask(run, results, screen)
            return self._close(run, results, screen, outcome)

    def _open_screen(self, closing: contextlib.ExitStack) -> _Screen:
        # Progress and results are printed to standard output unless something else uses it.
        out, err = Outlet(sys.stdout, "standard output"), Outlet(sys.stderr, "standard error")
        to = err if self.as_json or self.stream else out
        closing.enter_context(unheeded(to, os.environ))
        # A line that is redrawn would mix with other output on the same screen.
        live = False if self.stream or self.debug or (self.as_json and out.isatty()) else None
        text = StreamText(out) if self.stream else None
        reporter = ConsoleReporter(
            to.text, live=live, quiet=self.quiet, before_line=text.end if text else None
        )
        closing.enter_context(reporter)
        if text:
            closing.callback(text.end)
        return _Screen(out, err, reporter, text)

    def _check_stream(self, chosen: Chosen) -> None:
        """Refuse --stream for a wire format whose answers arrive whole."""
        whole = next((unit for unit in chosen.units if not unit.dialect.streams), None)
        if self.stream and whole is not None:
            raise UsageError(
                f"--stream: {whole.prompt.name} is sent with `api: {whole.dialect.name}`, whose answers arrive whole",
                hint="leave it out",
            )

    def _check_output(self, chosen: Chosen) -> None:
        """Refuse output files that the run reads. Called again when all templates, media and rows are known."""
        selection = self.scope.selection
        given = {"--input": selection["rows"], "--vars": selection["vars_file"]}
        given |= {f"--var {name}": file for name, file in texts_of_files(selection)}
        given |= {file: file for file in self.means.reads}
        if self.output is not None:
            chosen.check_destination(self.output, given)
        if self.report is not None:
            chosen.check_report(self.report, {"--output": self.output}, given)

    def _plan(self, closing: contextlib.ExitStack) -> tuple[Chosen, Plan]:
        chosen = load_selection(self.scope.selection, closing, env_file=self.env_file)
        if self.lint:
            chosen.refuse_faults()
        self.means.check(chosen.units)
        return chosen, Plan(chosen.units, chosen.selection.cases, self.scope.repeat, self.scope.shard)

    def _attempt(self, chosen: Chosen, plan: Plan, screen: _Screen, closing: contextlib.ExitStack) -> _Run:
        """Render everything, then begin the run or resume the stored one."""
        spool = closing.enter_context(Spool())
        checking = screen.reporter.checking

        def run_preflight(visit: Callable[[Job], None] | None = None) -> Preflight:
            visits = [each for each in (visit, self.means.visit) if each is not None]
            return chosen.preflight(plan, _counting(checking, visits), spool, screen.remark)

        preflight = None if self.stored else run_preflight()
        connections = self.endpoints.connect(chosen.workspace, plan.units, screen.reporter.on_download)
        self.scope.refuse_keys([secret for each in connections.values() for secret in each.secrets])
        root = chosen.workspace.root
        facts = facts_of(
            plan,
            configuration(plan, chosen.selection, connections, root),
            {
                "asking": self.scope.as_json(),
                "output": self.output,
                "in_order": self.in_order,
                "bom": self.bom,
                **self.means.arguments,
            },
            Path.cwd(),
            root,
        )
        writer = None
        if self.stored is None:
            assert preflight is not None
            writer = self._open_output(chosen, plan, preflight, closing)
            attempt = RunAttempt.begin(preflight, facts, root)
            closing.callback(attempt.journal.close)
        else:
            attempt = RunAttempt.resume(self.stored, plan, run_preflight, facts, root)
            closing.callback(attempt.journal.close)
            # --output is overwritten, so it is opened only once it is known that the run can be resumed.
            if not (attempt.done and self.output_was_recorded):
                writer = self._open_output(chosen, plan, attempt.preflight, closing)
        if (
            attempt.preflight is not preflight
        ):  # the rows of a resumed run, and whom their assertions ask, are known now
            connections = self.endpoints.connect(chosen.workspace, plan.units)
        return _Run(chosen, plan, attempt, connections, writer)

    def _open_output(
        self, chosen: Chosen, plan: Plan, preflight: Preflight, closing: contextlib.ExitStack
    ) -> OutputWriter | None:
        if not self.output:
            return None
        from ..report.run.output import OutputWriter  # its XML library imports an HTTP client

        self._check_output(chosen)
        columns = columns_of(plan.units, preflight.columns)
        return closing.enter_context(OutputWriter(self.output, columns, bom=self.bom, force=self.force))

    def _open_results(self, run: _Run, screen: _Screen) -> _Results:
        """Open the destinations of answers; count and write the answers of earlier attempts."""
        writer = run.writer
        ordered = None
        sinks: list[Sink] = []
        if writer and self.in_order:
            ordered = InOrder(writer.write, run.attempt.journal.results)
            sinks.append(_in_order(ordered))
        elif writer:
            sinks.append(_each(writer.write))
        if self.as_json:
            sinks.append(_each(_lines(screen.out)))
        # This sink is last, so that all others have the record: it stops the run if nobody reads the output any more.
        sinks.append(lambda *_: screen.out.check())
        sampled = Sampled()
        if run.plan.repeat > 1:
            sinks.insert(0, lambda job, records, _offset, _length: sampled.take(job, records))
        served = Served()
        if len({unit.model for unit in run.plan.units if unit.variant is not None}) > 1:
            sinks.insert(0, lambda job, records, _offset, _length: served.take(job, records))
        counters = Counters(total=run.attempt.preflight.records)
        budget = Budget(self.max_cost) if self.max_cost is not None else None
        screen.reporter.number_rows(self._row_of(run))
        if budget:
            # Every line, since answers that are requested again were paid for too.
            for cost in run.attempt.attempt.payments():
                budget.pay(cost)
        for record, _, _ in run.attempt.earlier.records():
            counters.add(record)
            screen.reporter.earlier(record)
            if writer and not self.in_order:
                writer.write(record)
        judged = JudgedRates()
        if self.stored is None:  # the verdicts of a resumed run are not all seen here
            sinks.insert(0, lambda job, records, _offset, _length: judged.take(job, records))
        return _Results(counters, budget, sinks, ordered, sampled, served, judged)

    def _row_of(self, run: _Run) -> Callable[[Record], int | None]:
        """Return a function from a record to its row in the file of --input, counted from 1.

        Every unit has all rows, in order.
        """
        selection, starts = run.chosen.selection, run.attempt.preflight.starts
        narrowed = selection.ids or selection.tags or selection.where or selection.draw
        if selection.rows is None or narrowed:
            return lambda _: None
        rows = max((starts[1] - starts[0]) // run.plan.repeat, 1)
        return lambda record: record["index"] // run.plan.repeat % rows + 1 if "index" in record else None

    def _begin(self, run: _Run, results: _Results, screen: _Screen) -> None:
        """Print what runs and, for a resumed run, how many answers exist."""
        screen.reporter.start(results.counters, title=run.chosen.title)
        for unit in run.plan.units:
            if (remark := seed_remark(unit, run.plan.repeat)) is not None:
                screen.reporter.note(remark)
        if not run.attempt.journal.is_locked:
            screen.reporter.note(_NO_LOCKS)
        if self.stored is not None:
            _tell(run.attempt, screen.reporter)
        screen.out.check()

    def _ask(self, run: _Run, results: _Results, screen: _Screen) -> RunOutcome | None:
        """Send the remaining requests; return None if the run was complete before."""
        jobs = self._jobs(run, results.ordered)
        idle = not run.attempt.preflight.jobs or run.attempt.done
        if idle and not self.means.has_more():
            for each in jobs.values():
                assert next(each, None) is None
            jobs = {}  # so that no endpoint is opened
        if run.attempt.done and not self.means.has_more():
            return None
        note = screen.reporter.note
        cache = RunCache(ResponseCache(run.chosen.workspace.root), note) if self.use_cache else None
        return run_jobs(
            jobs,
            run.plan.units,
            run.connections,
            journal=run.attempt.journal,
            counters=results.counters,
            display=screen.reporter,
            sinks=results.sinks,
            options=PoolOptions(
                workers=1 if self.stream else self.jobs,
                cache=cache,
                printer=StreamPrinter(screen.text) if screen.text else None,
                budget=results.budget,
                notice=note,
                trace=(lambda line: _say(screen.err, line)) if self.debug else None,
            ),
            max_errors=self.max_errors,
            held=run.attempt.held,
            facts={
                **run.attempt.facts,
                "columns": columns_of(run.plan.units, run.attempt.preflight.columns).as_json(),
                **self.means.facts,
            },
            means=self.means.executor(run.attempt.journal, lambda: self._unanswered(run)),
            finish=self.means.finish,
        )

    def _jobs(self, run: _Run, ordered: InOrder | None) -> dict[str, Iterator[Job]]:
        attempt = run.attempt

        def answered(index: int, place: tuple[int, int]) -> None:
            self.means.answered(index)
            if ordered is not None:
                ordered.earlier(index, place)

        absent = (lambda _: None) if ordered is None else ordered.absent
        return run.plan.by_endpoint(attempt.preflight, attempt.skip(answered), absent)

    def _unanswered(self, run: _Run) -> Mapping[str, Iterator[Job]]:
        """Return the jobs without an answer, not even one that waits to be judged."""
        attempt = run.attempt
        found = run.plan.by_endpoint(attempt.preflight, attempt.skip(lambda _index, _place: None))
        if not any(unit.asks for unit in run.plan.units):
            return found
        return {name: (job for job in jobs if attempt.held(job) is None) for name, jobs in found.items()}

    def _close(self, run: _Run, results: _Results, screen: _Screen, outcome: RunOutcome | None) -> int:
        """Close --output, print the totals, and return the exit code."""
        counters, reporter = results.counters, screen.reporter
        if results.ordered is not None:
            results.ordered.finish()
        if run.writer:
            run.writer.close(complete=outcome is None or not outcome.unsent)
        stopped = resume = None
        if outcome is not None and outcome.stopped:
            left = self.means.left(counters.unfinished)
            stopped = f"{outcome.stopped}; {left}" if left else outcome.stopped
            resume = self.means.resume(run.attempt.journal.id)
        tree = DiskTree(run.chosen.workspace.root)
        for remark in (
            *results.sampled.remarks(),
            *results.served.remarks(),
            *results.judged.remarks(tree),
        ):
            reporter.note(remark)
        reporter.finish(
            counters,
            seconds=outcome.seconds if outcome else 0.0,
            after=Next(
                results=run.chosen.shown(run.attempt.journal.results),
                show="runner show" if self.stored is None else f"runner show {run.attempt.journal.id}",
                stopped=stopped,
                resume=resume,
            ),
        )
        if self.report is not None:
            from .report import report_run

            workspace = run.chosen.workspace
            stored = find_run(workspace.root, str(run.attempt.journal.folder))
            report_run(stored, workspace, self.report)
            reporter.note(f"report: {visible(self.report)}")
        code = outcome.exit_code if outcome is not None else exit_code(counters.exit_counts())
        screen.out.flush()
        if not code:
            screen.out.check()
        return code


@dataclass(frozen=True, slots=True)
class _Screen:
    """The output of a run: both streams, the progress on one of them, and the text of answers on the other."""

    out: Outlet
    err: Outlet
    reporter: ConsoleReporter
    text: StreamText | None

    def remark(self, found: Diagnostic) -> None:
        """Show a remark, after clearing the progress from the line."""
        self.reporter.close()
        show_diagnostic(found)


@dataclass(frozen=True, slots=True)
class _Run:
    """A run that is ready to send requests."""

    chosen: Chosen
    plan: Plan
    attempt: RunAttempt
    connections: Mapping[str, Connection]
    writer: OutputWriter | None


@dataclass(frozen=True, slots=True)
class _Results:
    """The counters of the answers, and their destinations."""

    counters: Counters
    budget: Budget | None
    sinks: list[Sink]
    ordered: InOrder | None
    sampled: Sampled
    served: Served
    judged: JudgedRates


def _counting(tell: Callable[[int], None], visits: Sequence[Callable[[Job], None]]) -> Callable[[Job], None]:
    """Return a visitor for a preflight that reports the number of cases from time to time, and calls `visits`."""
    seen = 0

    def count_in(job: Job) -> None:
        nonlocal seen
        seen += 1
        if seen % _OFTEN == 0:
            tell(seen)
        for visit in visits:
            visit(job)

    return count_in


_OFTEN = 256


def _tell(attempt: RunAttempt, reporter: ConsoleReporter) -> None:
    earlier, preflight = attempt.earlier, attempt.preflight
    if earlier.lost:
        reporter.note("the journal's last line was half written and is dropped: its case is sent again")
    if attempt.done:
        reporter.note(f"the run {attempt.journal.id} is complete: nothing is left to send")
    else:
        reporter.note(
            f"resuming {attempt.journal.id}: {count(len(earlier))} of {count(preflight.jobs)} are answered"
        )


_NO_LOCKS = "this file system cannot lock files: make sure that no two processes run or resume the same run"


def _each(write: Callable[[Record], None]) -> Sink:
    def take(_job: Job, records: Sequence[Record], _offset: int, _length: int) -> None:
        for record in records:
            write(record)

    return take


def _in_order(ordered: InOrder) -> Sink:
    def take(job: Job, records: Sequence[Record], offset: int, length: int) -> None:
        assert job.place is not None
        ordered.add(job.place, records, offset, length)

    return take


def _lines(out: Outlet) -> Callable[[Record], None]:
    utf8 = out.is_utf8

    def write(record: Record) -> None:
        # An old code page needs JSON in ASCII.
        out.json(json_line(record) if utf8 else json.dumps(record))
        out.flush()

    return write


def _say(to: Outlet, line: str) -> None:
    to.line(line)
    to.flush()
