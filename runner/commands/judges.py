"""Implement `runner judge`: measure a judge against labels of people, draw verdicts to label, copy a built-in judge."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from ..checks.calls import CallTarget, combined, value_of
from ..engine.attempt import Attempt
from ..engine.journal.counters import Counters
from ..engine.journal.record import Record
from ..engine.plan.asks import judge_unit
from ..engine.plan.job import Job, Unit
from ..engine.plan.judge_prompts import check_judge, holds, identity_of, inputs_of
from ..engine.pool.answer_cache import ResponseCache, RunCache
from ..engine.pool.budget import Budget
from ..engine.pool.pool_options import PoolOptions
from ..engine.session import RunOutcome, run_jobs
from ..errors import CaseError, Location, StorageError, UsageError
from ..files.calibration import Calibration, calibration_file, calibration_text
from ..files.cases import case_from_vars
from ..files.disk.atomic import write_whole
from ..files.env_file import EnvFile
from ..files.rows import Row, read_rows
from ..packs.built_in import JUDGES, built_in
from ..report.run.calibration_lines import Disagreement, calibration_lines, pairwise_lines
from ..report.run.console_reporter import ConsoleReporter
from ..report.terminal.outlet import Outlet, print_line
from ..values import Json
from ..verdict.agreement import Cells, Preferences, trust_in
from ..workspace import Workspace
from .connect_options import ConnectOptions
from .judge_run import other_verdicts
from .open_workspace import open_workspace

__all__ = ["CalibrateCommand", "copy_judge"]

_FEWEST = 30
"""Labels of either kind below which the error rates say nothing."""

_REPEATS = 2
"""How often each answer is judged, to see whether the judge agrees with itself."""

_LABELS = {"pass": True, "fail": False}
_PREFERENCES = ("first", "second", "tie")
_OF_SAMPLE = ("run", "case", "variant", "sample", "check", "request")


@dataclass(slots=True)
class _Labelled:
    """A row with a label: its number, what the judge gets, and what it found each time."""

    row: Row
    number: int
    label: str
    found: list[Mapping[str, Json] | None] = field(default_factory=list)
    problem: str | None = None

    @property
    def verdicts(self) -> list[bool | None]:
        return [None if each is None else holds(each) for each in self.found]


@dataclass(frozen=True, slots=True)
class CalibrateCommand:
    """The options of `runner judge calibrate`."""

    labels: str
    judge: str | None
    model: str | None
    endpoint: str | None
    votes: int | None
    jobs: int | Literal["adaptive"] | None
    max_cost: float | None
    use_cache: bool
    env_file: EnvFile | None

    def carry_out(self, endpoints: ConnectOptions) -> int:
        """Ask the judge, print how far it can be trusted, write its calibration. Return 1 for "do not use"."""
        with ExitStack() as closing:
            workspace = closing.enter_context(open_workspace(env_file=self.env_file))
            unit = self._unit(workspace)
            pairwise = {"first", "second"} <= inputs_of(unit)
            votes = self._votes(workspace)
            labelled, without, unused = _read(self.labels, unit, pairwise=pairwise)
            if not pairwise:
                check_judge(unit, CallTarget("judge", unit.prompt.place), Location(unit.prompt.path))
                _refuse_few([each.label for each in labelled], self.labels)
            elif not labelled:
                raise UsageError(
                    f"{self.labels} has no labels", hint=f"one of {', '.join(_PREFERENCES)} in each row"
                )
            out = Outlet(sys.stdout, "standard output")
            reporter = closing.enter_context(ConsoleReporter(out.text, quiet=True))
            if without:
                reporter.note(f"{without} rows have no label and are left out")
            if unused:
                reporter.note(f"columns that are not used: {', '.join(unused)}")
            jobs = list(_jobs(unit, labelled, votes, pairwise=pairwise))
            ending = self._ask(workspace, unit, jobs, labelled, votes, reporter, endpoints)
            reporter.close()
            failed = [each for each in labelled if each.problem is not None]
            if ending.unsent or failed:
                why = ending.stopped or f"row {failed[0].number}: {failed[0].problem}"
                reporter.note(f"{why}: nothing was written")
                out.flush()
                return 128 + ending.signal if ending.signal is not None else 3
            title = f"{unit.prompt.place}, {unit.model}"
            if pairwise:
                code = _tell_pairwise(title, labelled, out)
            else:
                code = self._tell(title, unit, votes, labelled, workspace, out)
            out.flush()
            return code

    def _unit(self, workspace: Workspace) -> Unit:
        declared = workspace.project.judge
        own = declared.get("prompt")
        named = self.judge or (str(own) if isinstance(own, str) else f"{JUDGES}:rubric")
        if self.judge is None and isinstance(own, str) and ":" not in own:
            named = str(workspace.root / own)
        found = workspace.find([named])
        if len(found) != 1:
            raise UsageError(f"{named} is {len(found)} prompts", hint="name one judge with --judge")
        [(tree, name)] = found
        return judge_unit(
            workspace.load(tree, name),
            workspace.project,
            workspace.sandbox,
            model=self.model,
            endpoint=self.endpoint,
            prefers_own=self.judge is not None,
        )

    def _votes(self, workspace: Workspace) -> int:
        declared = workspace.project.judge.get("votes")
        return self.votes or (declared if isinstance(declared, int) else 1)

    def _ask(
        self,
        workspace: Workspace,
        unit: Unit,
        jobs: Sequence[Job],
        labelled: Sequence[_Labelled],
        votes: int,
        reporter: ConsoleReporter,
        endpoints: ConnectOptions,
    ) -> RunOutcome:
        """Ask everything, and note what was found for each row."""
        connections = endpoints.connect(workspace, (unit,))
        answers: dict[tuple[str, int], Record] = {}
        counters = Counters(total=len(jobs))
        reporter.start(counters, title=f"{len(labelled)} labels, {len(jobs)} calls to {unit.endpoint.name}")
        attempt = Attempt.begin(
            {"command": "judge calibrate", "files": {unit.prompt.path: unit.prompt.path}}, workspace.root
        )

        def take(job: Job, records: Sequence[Record]) -> None:
            answers[job.case.id, job.sample] = records[0]

        ending = run_jobs(
            {unit.endpoint.name: iter(jobs)},
            (unit,),
            connections,
            journal=attempt.journal,
            counters=counters,
            display=reporter,
            receive=take,
            facts=attempt.facts,
            options=PoolOptions(
                workers=self.jobs,
                cache=RunCache(ResponseCache(workspace.root), reporter.note) if self.use_cache else None,
                budget=Budget(self.max_cost) if self.max_cost is not None else None,
                notice=reporter.note,
            ),
        )
        for each in labelled:
            for repeat in range(_REPEATS):
                _conclude(each, repeat, votes, answers)
        return ending

    def _tell(
        self,
        title: str,
        unit: Unit,
        votes: int,
        labelled: Sequence[_Labelled],
        workspace: Workspace,
        out: Outlet,
    ) -> int:
        pairs = [(_LABELS[each.label], each.verdicts[0]) for each in labelled]
        cells = Cells(
            *(pairs.count(pair) for pair in ((True, True), (True, False), (False, False), (False, True)))
        )
        undecided = sum(verdict is None for _, verdict in pairs)
        word = trust_in(cells) if cells.passing and cells.failing else "do not use"
        if undecided * 10 > len(pairs):
            word = "do not use"
        same = sum(each.verdicts[0] == each.verdicts[1] for each in labelled) / len(labelled)
        wrong = [
            Disagreement(
                each.number, each.label, [_said(verdict) for verdict in each.verdicts], _reason(each)
            )
            for each in labelled
            if each.verdicts[0] is not None and each.verdicts[0] is not _LABELS[each.label]
        ]
        for line in calibration_lines(title, cells, undecided, same, word, wrong):
            out.line(line)
        of_run = _run_of(labelled)
        if of_run is not None:
            for line in other_verdicts(
                workspace.root, of_run, unit, cells, [each.row.value for each in labelled]
            ):
                out.line(line)
        calibration = Calibration(
            unit.prompt.place,
            unit.model,
            identity_of(unit, votes),
            datetime.now(UTC).date().isoformat(),
            word,
            cells._asdict(),
            round(same, 4),
        )
        file = calibration_file(unit.prompt.place)
        path = workspace.root / file
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, calibration_text(calibration).encode())
        except OSError as error:
            raise StorageError(f"{path} cannot be written: {error.strerror or error}") from None
        out.line(f"written: {file}")
        return 1 if word == "do not use" else 0


def _read(labels: str, unit: Unit, *, pairwise: bool) -> tuple[list[_Labelled], int, list[str]]:
    """Return the rows with a label, the number of those without, and the columns that are not used."""
    allowed = _PREFERENCES if pairwise else tuple(_LABELS)
    inputs = inputs_of(unit)
    found: list[_Labelled] = []
    without, unused = 0, dict[str, None]()
    for number, row in enumerate(read_rows(Path(labels), labels), 1):
        if "label" not in row.value:
            raise CaseError(
                "the row has no label",
                location=row.location,
                hint=f"a column `label` says what a person finds: {' or '.join(allowed)}",
            )
        unused |= dict.fromkeys(name for name in row.value if name not in {*inputs, "label", *_OF_SAMPLE})
        written = row.value["label"]
        if written is None or not str(written).strip():
            without += 1
            continue
        label = str(written).strip().lower()
        if label not in allowed:
            raise CaseError(
                f'"{written}" is not a label',
                location=row.locate(("label",)),
                hint=f"write {' or '.join(allowed)}, or nothing",
            )
        found.append(_Labelled(row, number, label))
    return found, without, [*unused]


def _refuse_few(labels: Sequence[str], shown: str) -> None:
    counts = {label: labels.count(label) for label in _LABELS}
    few = min(counts, key=lambda label: counts[label])
    if counts[few] < _FEWEST:
        raise UsageError(
            f"{shown} has {counts[few]} labels {few}: at least {_FEWEST} of each kind are needed",
            hint="with fewer, kappa is known to ±.3 at best, which says nothing; label more answers"
            + (f" that {few}" if counts[few] < counts["pass" if few == "fail" else "fail"] else ""),
        )


def _jobs(unit: Unit, labelled: Iterable[_Labelled], votes: int, *, pairwise: bool) -> Iterator[Job]:
    """Yield the calls: each row twice, the second time with the answers swapped if there are two."""
    inputs = inputs_of(unit)
    for each in labelled:
        given: dict[str, Json] = {
            name: value for name, value in each.row.value.items() if name in inputs and value is not None
        }
        for repeat in range(_REPEATS):
            if pairwise and repeat:
                given = {**given, "first": given.get("second"), "second": given.get("first")}
            job = unit.job(
                case_from_vars(unit.prompt, _texts(unit, given), location=each.row.location)._replace(
                    id=f"row-{each.number}" + ("-swapped" if pairwise and repeat else "")
                )
            )
            for vote in range(votes):
                yield job._replace(sample=(0 if pairwise else repeat * votes) + vote)


def _texts(unit: Unit, given: Mapping[str, Json]) -> dict[str, Json]:
    """Return the variables: JSON as text where the judge wants a text."""
    from ..canonical import canonical

    declared = unit.prompt.inputs or {}
    return {
        name: canonical(value).decode()
        if not isinstance(value, str) and declared.get(name, {}).get("type") == "string"
        else value
        for name, value in given.items()
    }


def _conclude(each: _Labelled, repeat: int, votes: int, answers: Mapping[tuple[str, int], Record]) -> None:
    """Add what the judge found about a row this time."""
    swapped = (f"row-{each.number}-swapped", 0)
    name, first = swapped if repeat and swapped in answers else (f"row-{each.number}", repeat * votes)
    values: list[Mapping[str, Json]] = []
    problems: list[str] = []
    for vote in range(votes):
        record = answers.get((name, first + vote))
        if record is None or record["outcome"] == "error":
            error = record["error"] if record else None
            each.problem = error["message"] if error else "it was not asked"
            return
        try:
            if record["outcome"] != "ok":
                raise ValueError(record["detail"] or record["outcome"])
            values.append(value_of("judge", record["output"]))
        except ValueError as fault:
            problems.append(str(fault))
    value, problem = combined(values, problems)
    each.found.append(value if problem is None else None)


def _said(verdict: bool | None) -> str:  # noqa: FBT001 - a verdict, not an option
    return "undecided" if verdict is None else "pass" if verdict else "fail"


def _reason(each: _Labelled) -> str:
    value = each.found[0] or {}
    return str(value.get("reason") or "")


def _run_of(labelled: Sequence[_Labelled]) -> str | None:
    """Return the run from which all labelled answers were drawn, if it is one."""
    runs = {str(each.row.value.get("run") or "") for each in labelled}
    return runs.pop() if len(runs) == 1 and "" not in runs else None


def _tell_pairwise(title: str, labelled: Sequence[_Labelled], out: Outlet) -> int:
    verdicts: list[tuple[str, str]] = []
    agreed = 0
    for each in labelled:
        one, other = (str((value or {}).get("verdict", "unsure")) for value in each.found)
        verdicts.append((one, other))
        said = {("first", "second"): "first", ("second", "first"): "second"}.get((one, other), "tie")
        agreed += said == each.label
    for line in pairwise_lines(title, Preferences.of(verdicts), agreed, len(labelled)):
        out.line(line)
    return 0


def copy_judge(name: str, target: str | None, *, force: bool) -> int:
    """Write a built-in judge to a file of the project, to be changed there."""
    tree, manifest = built_in()
    plain = name.removeprefix(f"{JUDGES}:")
    file = manifest.exports["prompts"].get(plain)
    if file is None:
        raise UsageError(
            f'there is no judge "{name}"', hint=f"there are {', '.join(manifest.exports['prompts'])}"
        )
    path = Path(target or f"judges/{file}")
    if path.exists() and not force:
        raise UsageError(f"{path} exists", hint="--force overwrites it; or give another name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, tree.read(file))
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror or error}") from None
    print_line(f"written: {path}")
    print_line(f"to use it for all rubrics, in runner.yaml: judge: {{prompt: {path.as_posix()}, model: ...}}")
    return 0
