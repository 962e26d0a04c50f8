"""Implement `runner compare` that asks: arms that take turns, looks after 2, 5 and 10 samples, one journal, and resuming."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..engine.attempt import Attempt, RunAttempt, facts_of
from ..engine.journal.counters import Counters, is_new
from ..engine.journal.error_limit import ErrorLimit
from ..engine.journal.final_records import final_records
from ..engine.journal.index import journal_lines
from ..engine.journal.record import Record
from ..engine.journal.stored_runs import StoredRun, find_run
from ..engine.plan.alternate import in_turn
from ..engine.plan.configuration import configuration
from ..engine.plan.job import Job, Unit, choices
from ..engine.plan.plan import Plan, Preflight
from ..engine.plan.spool import Spool
from ..engine.pool.answer_cache import ResponseCache, RunCache
from ..engine.pool.budget import Budget
from ..engine.pool.pool_options import PoolOptions
from ..engine.sampled import seed_remark, temperature_of
from ..engine.served import Served
from ..engine.session import RunOutcome, run_jobs
from ..errors import UsageError
from ..files.env_file import EnvFile
from ..files.project_root import find_root
from ..regress.arms.arm import ComparedArm
from ..regress.arms.contrasts import Lineup, join, look
from ..regress.arms.live_arms import LiveArms, revision_arms, variant_groups
from ..regress.revisions.repository import Repository
from ..report.run.console_reporter import ConsoleReporter
from ..report.terminal.figures import count, dollars, duration, plural
from ..report.terminal.outlet import Outlet
from ..verdict.looks import Looks
from .compare import CompareOptions, concluded, lineups_of, open_output
from .connect_options import ConnectOptions
from .load_selection import Chosen, load_selection, request_fields
from .resume import RunScope, refuse_other_folder

if TYPE_CHECKING:
    from ..endpoints.connect import Connection
    from ..report.arms.comparison_file import ComparisonFile

__all__ = ["RECORDED", "LiveCompare", "recorded_comparison"]

_COMMAND = "compare"

RECORDED = ("margin", "confidence", "about", "by_tag", "by_id", "metric", "label")
"""The options that a resumed comparison keeps."""


@dataclass(frozen=True, slots=True)
class LiveCompare:
    """The options of a `runner compare` that asks. `commit` is that of `base` when the comparison began."""

    scope: RunScope
    base: str | None
    looks: Looks
    options: CompareOptions
    stored: StoredRun | None
    jobs: int | Literal["adaptive"] | None
    endpoints: ConnectOptions
    use_cache: bool
    lint: bool
    quiet: bool
    max_cost: float | None
    max_errors: ErrorLimit | None
    env_file: EnvFile | None
    commit: str | None = None

    def carry_out(self) -> int:
        """Run the command and return the exit code. Raises what loading, rendering, sending and storing raise."""
        with ExitStack() as closing:
            chosen = load_selection(self.scope.selection, closing, env_file=self.env_file)
            if self.lint:
                chosen.refuse_faults()
            live, commit = self._arms(chosen, closing)
            plan = Plan(live.units, live.cases, self.looks.last)
            writer = open_output(self.options, chosen.workspace.root, closing)
            text = self.options.form == "text"
            out = Outlet(sys.stdout if text else sys.stderr, "standard output" if text else "standard error")
            reporter = closing.enter_context(ConsoleReporter(out.text, quiet=self.quiet))
            asking = _Asking(self, chosen, live, plan, reporter, commit)
            asking.begin(closing)
            ending = asking.ask_all()
            reporter.close()
            asking.tell(ending)
            out.flush()
            if ending is not None and ending.unsent:
                return 128 + ending.signal if ending.signal is not None else 3
            return asking.conclude(writer)

    def _arms(self, chosen: Chosen, closing: ExitStack) -> tuple[LiveArms, str | None]:
        """Return the arms, and the commit of --base."""
        workspace, selection = chosen.workspace, self.scope.selection
        if self.base is None:
            return variant_groups(chosen.units, chosen.selection.cases, workspace.root), None
        repository = closing.enter_context(Repository(workspace.root))
        commit = self.commit or repository.commit(self.base)
        live = revision_arms(
            chosen.units,
            chosen.selection.cases,
            self.base,
            repository.tree(self.commit or self.base, workspace.root),
            project=workspace.project,
            environ=workspace.environ,
            fields=request_fields(selection["models"], selection["sets"]),
            endpoint=selection["endpoint"],
            sandbox=workspace.sandbox,
        )
        return live, commit

    def as_json(self, commit: str | None) -> dict[str, Any]:
        """Return what decides the comparison, in the form that it has in `run.json`."""
        return {
            "asking": self.scope.as_json(),
            "base": self.base,
            "commit": commit,
            "samples": list(self.looks.samples),
            "options": {name: value for name, value in asdict(self.options).items() if name in RECORDED},
        }


def recorded_comparison(name: str) -> tuple[StoredRun, Mapping[str, Any]]:
    """Return the run that `--resume` names, and what `as_json` wrote, with its parts read.

    Raises UsageError if the run is not a comparison that can be resumed here.
    """
    root = find_root(Path.cwd())
    stored = find_run(root, name)
    recorded = stored.manifest.get("comparing")
    if stored.manifest.get("command") != _COMMAND or not isinstance(recorded, dict):
        raise UsageError(
            f"the run {stored.id} cannot be resumed: it is not a comparison that asked",
            hint="start a new one",
        )
    refuse_other_folder(root, stored)
    try:
        scope = RunScope.from_json(recorded["asking"])
        samples = recorded["samples"]
        known = (
            isinstance(recorded["base"], str | None)
            and isinstance(recorded["commit"], str | None)
            and all(type(each) is int and each > 0 for each in samples)
            and samples == sorted(set(samples))
            and bool(samples)
        )
        options = CompareOptions(**recorded["options"])
        known &= all(
            type(share) is float and 0 <= share < 1 for share in (options.margin, options.confidence)
        )
        known &= options.about in ("cases", "inputs") and isinstance(options.metric, str)
        known &= isinstance(options.label, str | None)
    except (AttributeError, KeyError, TypeError, ValueError):
        known = False
    if not known:
        raise UsageError(
            f"the run {stored.id} cannot be resumed: its run.json is damaged, or from another version of runner",
            hint="start a new one",
        )
    return stored, {**recorded, "scope": scope, "looks": Looks(tuple(samples)), "options": options}


class _Asking:
    """Asks round by round, and looks after each of them."""

    def __init__(
        self,
        command: LiveCompare,
        chosen: Chosen,
        live: LiveArms,
        plan: Plan,
        reporter: ConsoleReporter,
        commit: str | None,
    ) -> None:
        self._command = command
        self._chosen = chosen
        self._live = live
        self._plan = plan
        self._reporter = reporter
        self._commit = commit
        self._root = chosen.workspace.root
        self._counters = Counters()
        self._served = Served()
        self._arms = {
            id(unit): ComparedArm(
                live.names[id(unit)],
                unit.prompt.name,
                live.files[id(unit)],
                unit.variant,
                metric=command.options.compared,
            )
            for unit in live.units
        }
        self._tags: dict[str, dict[str, Sequence[str]]] = {}
        self._lineups: list[Lineup] = []
        self._budget = Budget(command.max_cost) if command.max_cost is not None else None
        self._seconds = 0.0

    def begin(self, closing: ExitStack) -> None:
        """Render everything, then begin the run or resume the stored one."""
        command, plan, chosen = self._command, self._plan, self._chosen
        spool = closing.enter_context(Spool())

        def run_preflight(visit: Callable[[Job], None] | None = None) -> Preflight:
            def see(job: Job) -> None:
                self._tags.setdefault(self._live.files[id(job.unit)], {})[job.case.id] = job.case.tags
                if visit is not None:
                    visit(job)

            return chosen.preflight(plan, see, spool)

        preflight = run_preflight() if command.stored is None else None
        connections = self._connect()
        command.scope.refuse_keys([secret for each in connections.values() for secret in each.secrets])
        facts = {
            **facts_of(
                plan,
                configuration(plan, chosen.selection, connections, self._root),
                {},
                Path.cwd(),
                self._root,
            ),
            "command": _COMMAND,
            "comparing": command.as_json(self._commit),
            "arm_labels": dict(self._live.labels),
        }
        del facts["arguments"]  # `runner run --resume` continues only its own runs
        if preflight is not None:
            self._attempt = RunAttempt.begin(preflight, facts, self._root)
        else:
            assert command.stored is not None
            self._attempt = RunAttempt.resume(command.stored, plan, run_preflight, facts, self._root)
        closing.callback(self._attempt.journal.close)
        self._current: Attempt = self._attempt.attempt
        self._preflight = self._attempt.preflight
        jobs = self._preflight.cases_of(plan.units)
        self._cases = {key: number // plan.repeat for key, number in jobs.items()}
        self._reporter.start(self._counters, title=self._title)
        for unit in plan.units:
            if (remark := seed_remark(unit, command.looks.last)) is not None:
                self._reporter.note(remark)
        self._take_earlier()

    @property
    def _title(self) -> str:
        arms = list(dict.fromkeys(self._live.names[id(unit)] for unit in self._plan.units))
        return f"{', '.join(arms)}: {self._chosen.title}"

    def _connect(self) -> dict[str, Connection]:
        return self._command.endpoints.connect(
            self._chosen.workspace, self._plan.units, self._reporter.on_download
        )

    def _take_earlier(self) -> None:
        """Count the answers of earlier attempts."""
        if not len(self._attempt.earlier):
            return
        self._reporter.note(
            f"resuming {self._attempt.journal.id}: {plural(len(self._attempt.earlier), 'answer')} had arrived"
        )
        units = {(self._live.files[id(unit)], unit.variant): unit for unit in self._plan.units}
        names = self._attempt.facts["files"]
        for record, _, _ in self._attempt.earlier.records():
            self._counters.add(record)
            self._reporter.earlier(record)
            self._arms[id(units[names[record["file"]], record["variant"]])].take(record)
        if self._budget is not None:
            for _, _, record in journal_lines(self._attempt.journal.results):
                if record["cost"] and is_new(record):
                    self._budget.pay(record["cost"])

    def ask_all(self) -> RunOutcome | None:
        """Ask until every comparison is decided; return the outcome of the last round, None if nothing was left to ask."""
        skip = self._attempt.skip(lambda _index, _place: None)
        places = {id(unit): place for place, unit in enumerate(self._plan.units)}
        groups = [[places[id(unit)] for unit in group] for group in self._live.groups]
        wanted = {id(unit) for unit in self._plan.units}
        ending = None
        begins = 0
        for ends in self._command.looks.samples:
            samples = range(begins, ends)
            of_unit = dict.fromkeys(wanted, samples)
            jobs = in_turn(self._plan, self._preflight, groups, _samples_in(of_unit), skip)
            self._expect(wanted, len(samples))
            if jobs:
                if ending is not None:
                    self._current = self._reopened()
                ending = self._ask(jobs)
                self._seconds += ending.seconds
                if ending.unsent:
                    return ending
            self._look(ends)
            wanted = {id(unit) for unit in self._undecided()}
            begins = ends
            if not wanted:
                break
        return ending

    def _expect(self, wanted: set[int], samples: int) -> None:
        """Add the answers of a round to the expected ones."""
        more = sum(
            self._cases[id(unit)] * samples * choices(unit.fields)
            for unit in self._plan.units
            if id(unit) in wanted
        )
        self._counters.total = (self._counters.total or 0) + more

    def _reopened(self) -> Attempt:
        stored = find_run(self._root, str(self._attempt.journal.folder))
        return Attempt.resume(stored, self._attempt.facts)

    def _ask(self, jobs: Mapping[str, Iterator[Job]]) -> RunOutcome:
        note = self._reporter.note
        cache = RunCache(ResponseCache(self._root), note) if self._command.use_cache else None
        return run_jobs(
            jobs,
            self._plan.units,
            self._connect(),
            journal=self._current.journal,
            counters=self._counters,
            display=self._reporter,
            sinks=[self._take],
            options=PoolOptions(workers=self._command.jobs, cache=cache, budget=self._budget, notice=note),
            max_errors=self._command.max_errors,
            facts=self._current.facts,
        )

    def _take(self, job: Job, records: Sequence[Record], _offset: int, _length: int) -> None:
        self._served.take(job, records)
        for record in records:
            self._arms[id(job.unit)].take(record)

    def _look(self, samples: int) -> None:
        if not self._lineups:
            groups = [[self._arms[id(unit)] for unit in group] for group in self._live.groups]
            options = self._command.options
            bound = options.bound(self._command.looks)
            self._lineups = lineups_of(groups, bound, self._tags if options.by_tag else None, by_id=True)
        else:
            for each in self._lineups:
                if not each.done:
                    join(each)
        look(self._lineups, samples=samples)
        for each, group in self._of_groups():
            copies = all(arm.answers.are_copies for arm in each.arms)
            if not each.done and copies and all(map(_repeats_itself, group)):
                each.done = True
                each.notes.append("further samples would be the same answers, so none were requested")

    def _of_groups(self) -> Iterator[tuple[Lineup, Sequence[Unit]]]:
        by_arm = {id(self._arms[id(group[0])]): group for group in self._live.groups}
        for each in self._lineups:
            yield each, by_arm[id(each.arms[0])]

    def _undecided(self) -> Iterator[Unit]:
        for each, group in self._of_groups():
            if not each.done:
                yield from group

    def tell(self, ending: RunOutcome | None) -> None:
        """Show what was asked, and how to go on if that was cut short."""
        note, counters = self._reporter.note, self._counters
        most = sum(self._cases.values()) * self._command.looks.last
        cut_short = ending is not None and ending.unsent
        saved = "" if cut_short else f", {count(max(most - counters.done, 0))} saved"
        parts = [f"{plural(counters.done, 'call')}{saved}"]
        if counters.cost is not None:
            parts.append(dollars(counters.cost))
        parts.append(duration(self._seconds))
        note(" · ".join(parts))
        for remark in (*self._live.notes, *self._served.remarks()):
            note(remark)
        if cut_short and ending is not None:
            note(f"stopped early: {ending.stopped}; nothing is judged on a part of the samples")
            note(f"to continue: runner compare --resume {self._attempt.journal.id}")
            return
        note(f"results: {self._chosen.shown(self._attempt.journal.results)}")

    def conclude(self, writer: ComparisonFile | None) -> int:
        """Show the verdicts and return the exit code."""
        stored = find_run(self._root, str(self._attempt.journal.folder))
        readers = {
            id(arm): partial(_records_of, stored, self._attempt.facts["files"], arm)
            for arm in self._arms.values()
        }
        return concluded(self._lineups, readers, (), self._command.options, writer)


def _records_of(stored: StoredRun, files: Mapping[str, str], arm: ComparedArm) -> Iterator[Record]:
    for record in final_records(stored):
        if files.get(record["file"], record["file"]) == arm.file and record["variant"] == arm.variant:
            yield record


def _samples_in(of_unit: Mapping[int, range]) -> Callable[[Unit], range]:
    return lambda unit: of_unit.get(id(unit), range(0))


def _repeats_itself(unit: Unit) -> bool:
    """Return whether equal answers are no coincidence."""
    return temperature_of(unit) == 0 or unit.fields.get("seed") is not None
