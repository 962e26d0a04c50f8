"""Implement `runner drift`: ask every case, compare with the baseline and the nights since, append the night to a history."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..engine.journal.counters import Counters
from ..engine.journal.exit_codes import ExitCounts, exit_code
from ..engine.journal.paths import STATE, make_state
from ..engine.journal.record import Record
from ..engine.plan.job import Job, Unit
from ..engine.plan.plan import Plan
from ..engine.plan.spool import Spool
from ..engine.sampled import seed_remark
from ..errors import NothingSelectedError
from ..files.destination import Destination
from ..files.env_file import EnvFile
from ..files.project_root import find_root
from ..regress.carry_out import ask_again
from ..regress.claims import refuse_shared
from ..regress.drift.as_approved import AsApproved
from ..regress.drift.night import Night, NightResult, judged_night
from ..regress.drift.night_history import NightLine, append_nights, read_history
from ..regress.gates.rates import load_rates
from ..regress.snapshots.snapshot import rates_file
from ..regress.snapshots.store import store_of
from ..report.regression.drift_lines import drift_lines, plot_lines
from ..report.run.console_reporter import ConsoleReporter
from ..report.terminal.outlet import Outlet
from ..report.terminal.reporter import wants_color
from ..report.terminal.terminal_text import visible
from ..verdict.nights import DriftRule
from .connect_options import ConnectOptions
from .load_selection import Chosen, load_selection, tests_of
from .open_workspace import open_workspace

if TYPE_CHECKING:
    from ..endpoints.connect import Connection

__all__ = ["DriftCommand", "plot"]

HISTORY = "drift.jsonl"


@dataclass(frozen=True, slots=True)
class DriftCommand:
    """The options of `runner drift`."""

    paths: Sequence[str]
    endpoint: str | None
    samples: int
    margin: float
    history: str | None
    isolate: bool = False
    env_file: EnvFile | None = None

    def carry_out(
        self, *, jobs: int | Literal["adaptive"] | None, endpoints: ConnectOptions, lint: bool, quiet: bool
    ) -> int:
        """Run the command and return the exit code. Raises what loading, rendering, sending and storing raise."""
        selection = tests_of(self.paths, endpoint=self.endpoint, isolate=self.isolate)
        with ExitStack() as closing:
            chosen = load_selection(selection, closing, env_file=self.env_file)
            project, root = chosen.workspace.project, chosen.workspace.root
            refuse_shared(chosen.prompts, project)
            if lint:
                chosen.refuse_faults()
            store = store_of(project, chosen.workspace.environ)
            file, shown = history_file(self.history, root)
            if self.history is not None:
                Destination("--history", self.history, root).check()
            history = read_history(file, shown)
            rates = {
                id(unit): load_rates(store, rates_file(unit.prompt, unit.variant)) for unit in chosen.units
            }
            judge = AsApproved(project, store)
            plan = Plan(chosen.units, chosen.selection.cases, self.samples)
            nights = {id(unit): Night(unit) for unit in chosen.units}

            def see(job: Job) -> None:
                if not judge.asserts(job.unit.prompt) and judge.approved_of(job.unit, job.case.id) is None:
                    nights[id(job.unit)].without_approval += 1

            preflight = chosen.preflight(plan, see, closing.enter_context(Spool()))
            out = Outlet(sys.stdout, "standard output")
            reporter = closing.enter_context(ConsoleReporter(out.text, quiet=quiet))
            counters = Counters(total=preflight.records)

            def connect(units: Iterable[Unit]) -> dict[str, Connection]:
                connections = endpoints.connect(chosen.workspace, units, reporter.on_download)
                self._begin(chosen, counters, reporter, empty=not history, shown=shown)
                return connections

            def take(job: Job, records: Sequence[Record]) -> None:
                nights[id(job.unit)].take(job, judge.judged(job, records))

            ending = ask_again(
                plan.by_endpoint(preflight),
                chosen.units,
                root=root,
                connect=connect,
                display=reporter,
                take=take,
                workers=jobs,
                facts={"command": "drift"},
                counters=counters,
            )
            reporter.close()
            if ending.unsent:
                reporter.note(f"stopped early: {ending.stopped}; this night is not in the history")
                out.flush()
                return 128 + ending.signal if ending.signal is not None else 3
            at = datetime.now(UTC).isoformat(timespec="seconds")
            rule = DriftRule(margin=self.margin)
            results = [
                judged_night(nights[id(unit)], rates[id(unit)], history, at, rule)
                for unit in chosen.units
                if nights[id(unit)].calls
            ]
            lines = [result.line for result in results if result.line is not None]
            if lines:
                if self.history is None:
                    make_state(root)
                append_nights(file, lines)
            _print(results)
            out.flush()
            out.check()
        return _code(results)

    def _begin(
        self, chosen: Chosen, counters: Counters, reporter: ConsoleReporter, *, empty: bool, shown: str
    ) -> None:
        reporter.start(counters, title=chosen.title)
        if empty:
            reporter.note(
                f"there is no history in {visible(shown)} yet: tonight is compared with the baseline alone"
            )
        for unit in chosen.units:
            if (remark := seed_remark(unit, self.samples)) is not None:
                reporter.note(remark)


def plot(paths: Sequence[str], history: str | None) -> int:
    """Print the nights of the prompts as sparklines. Raises NothingSelectedError if there is none."""
    root = find_root(Path.cwd())
    file, shown = history_file(history, root)
    lines = read_history(file, shown)
    wanted = None
    if paths:
        with open_workspace() as workspace:
            wanted = {prompt.place for prompt in workspace.prompts(paths)}
    nights: dict[tuple[str, str | None], list[NightLine]] = {}
    for line in lines:
        if wanted is None or line.prompt in wanted:
            nights.setdefault((line.prompt, line.variant), []).append(line)
    if not nights:
        raise NothingSelectedError(f"there are no nights in {shown}", hint="runner drift adds one")
    out = Outlet(sys.stdout, "standard output")
    color = wants_color(sys.stdout, os.environ)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for place, ((prompt, variant), of_prompt) in enumerate(
        sorted(nights.items(), key=lambda each: (each[0][0], each[0][1] or ""))
    ):
        if place:
            out.line("")
        name = prompt if variant is None else f"{prompt}@{variant}"
        for each in plot_lines(name, of_prompt, width=width):
            out.line(each.painted(color=color))
    out.flush()
    out.check()
    return 0


def history_file(given: str | None, root: Path) -> tuple[Path, str]:
    """Return the path of the history, and how it is shown."""
    if given is not None:
        return Path(given), given
    return root / STATE / HISTORY, f"{STATE}/{HISTORY}"


def _print(results: Sequence[NightResult]) -> None:
    out = Outlet(sys.stdout, "standard output")
    color = wants_color(sys.stdout, os.environ)
    for line in drift_lines(results):
        out.line(line.painted(color=color))
    out.flush()


def _code(results: Sequence[NightResult]) -> int:
    words = [result.word for result in results]
    return exit_code(
        ExitCounts(failed=words.count("drift"), unchecked=words.count("unchecked"), selected=len(words))
    )
