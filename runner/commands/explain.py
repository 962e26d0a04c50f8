"""Implement `runner explain`: show one case with its request, its answers, and the rule that decides each field."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack

from ..engine.plan.job import Job, Unit
from ..errors import NothingSelectedError
from ..files.model import Case
from ..files.violations import near
from ..regress.answers import stored_value
from ..regress.claims import refuse_shared
from ..regress.pending_answers import load_pending
from ..regress.replay import replay
from ..regress.results import PendingEntry
from ..regress.revisions.hunks import Hunk
from ..regress.rules.compare_answers import compare
from ..regress.rules.coverage import deciding_rules
from ..regress.rules.rules import Rules, compile_rules
from ..regress.snapshots.approved import approved_of, changed_parts, shipped_file
from ..regress.snapshots.reader import ConflictError
from ..regress.snapshots.snapshot import Snapshot, file_of
from ..regress.snapshots.store import store_of
from ..report.answer_sections import Style, answer_section, field_section, question_section
from ..report.regression.review_table import value_text
from ..report.terminal.pager import page
from ..report.terminal.painting import BOLD, Line
from ..report.terminal.reporter import wants_color
from ..report.terminal.table import format_table
from ..report.terminal.terminal_text import visible
from .diff import hunks_since_last_commit
from .load_selection import Chosen, load_selection, tests_of
from .questions import CaseQuestions

__all__ = ["explain"]


def explain(name: str, paths: Sequence[str], *, isolate: bool) -> int:
    """Print a case with all its facts; `name` is its id or prompt/id. Raises NothingSelectedError."""
    with ExitStack() as closing:
        chosen = load_selection(tests_of(paths, isolate=isolate), closing)
        explanation = _Explanation(chosen, isolate=isolate)
        found = list(_matching(name, chosen))
        lines = [line for unit, case in found for line in explanation.lines(unit, case)]
        page(
            lines[1:],  # without the empty line above the first case
            color=wants_color(sys.stdout, os.environ),
            environ=os.environ,
            projects=[chosen.workspace.root],
        )
    return 0


def _matching(name: str, chosen: Chosen) -> Iterator[tuple[Unit, Case]]:
    """Yield the cases with that name. Raises NothingSelectedError if there is none."""
    refuse_shared(chosen.prompts, chosen.workspace.project)
    known: list[str] = []
    found = False
    for unit in chosen.units:
        for case in chosen.selection.cases(unit):
            if name in (case.id, f"{unit.prompt.name}/{case.id}"):
                found = True
                yield unit, case
            elif not found:
                known.append(case.id)
    if not found:
        raise NothingSelectedError(f"there is no case {name}", hint=near(name, known))


class _Explanation:
    """Explains cases one by one, for the terminal or for a pipe."""

    def __init__(self, chosen: Chosen, *, isolate: bool) -> None:
        self._chosen = chosen
        self._isolate = isolate
        self._store = store_of(chosen.workspace.project, chosen.workspace.environ)
        self._pending = {entry.snapshot_file: entry for entry in load_pending(chosen.workspace.root)}
        self._questions = CaseQuestions(chosen.workspace)
        width = shutil.get_terminal_size().columns - 1 if sys.stdout.isatty() else None
        self._style = Style(width, color=wants_color(sys.stdout, os.environ), encoding=sys.stdout.encoding)

    def lines(self, unit: Unit, case: Case) -> Iterator[Line]:
        """Yield the lines about a case, an empty one first. Raises what rendering it and reading its snapshot raise."""
        job, file = unit.job(case), file_of(unit.prompt, case.id, unit.variant)
        approved, conflict = None, False
        try:
            approved = approved_of(self._store, unit.prompt, case.id, unit.variant)
        except ConflictError:
            conflict = True
        pending = self._pending.get(file)
        variant = f"@{unit.variant}" if unit.variant else ""
        yield Line("")
        yield Line(f"{visible(unit.prompt.name)}/{visible(case.id)}{visible(variant)}", BOLD)
        for name, text in self._facts(job, file, approved, pending, conflict=conflict):
            first, *rest = self._style.wrap(text, 12)
            yield Line(f"  {name:10}{first.text[12:]}")
            yield from rest
        new = pending.snapshot if pending is not None else None
        rules = compile_rules(unit.prompt, self._chosen.workspace.project)
        yield from _table(rules, approved, new, self._style)
        yield from answer_section(approved, new, self._style)
        stale = approved is not None and approved.request not in job.fingerprints()
        question = self._questions.about(job)
        hunks = self._hunks(unit).get(file, ()) if stale else ()
        yield from question_section(question, hunks, self._style)

    def _hunks(self, unit: Unit) -> Mapping[str, Sequence[Hunk]]:
        return hunks_since_last_commit([unit.prompt.path], isolate=self._isolate)

    def _facts(
        self,
        job: Job,
        file: str,
        approved: Snapshot | None,
        pending: PendingEntry | None,
        *,
        conflict: bool,
    ) -> Iterator[tuple[str, str]]:
        unit, case = job.unit, job.case
        yield "declared", str(case.location)
        yield "request", job.fingerprint
        yield "snapshot", file
        if (
            unit.prompt.origin is not None
            and not conflict
            and self._store.read(file) is None
            and approved is not None
        ):
            shipped = shipped_file(unit.prompt, case.id, unit.variant)
            yield "for now", f"{unit.prompt.tree.shown(shipped)}, from the pack"
        yield (
            "status",
            "conflict: the snapshot has a merge conflict" if conflict else _status(job, approved),
        )
        if approved is not None and approved.request in job.fingerprints():
            replayed = replay(unit, case, approved)
            yield "replayed", "passes" if replayed.passed else replayed.reason
        if approved is not None and approved.samples > 1:
            yield "samples", f"{approved.agreement} of {approved.samples} agreed when it was approved"
        if pending is not None:
            yield "pending", f"{pending.kind}: runner review, accept or reject"


def _status(job: Job, approved: Snapshot | None) -> str:
    if approved is None:
        return "missing: nothing is approved yet"
    if approved.request in job.fingerprints():
        return "current: the approved answer belongs to this request"
    return f"stale: {changed_parts(approved, job)} changed since it was approved"


def _table(rules: Rules, approved: Snapshot | None, new: Snapshot | None, style: Style) -> Iterator[Line]:
    """Yield a table of the differences with the rules that decided; if there are none, of each field with its rule."""
    if approved is None:
        return
    value = stored_value(approved)
    seen = [each.output for each in approved.variants]
    comparison = compare(rules, value, value if new is None else stored_value(new), seen=seen)
    yield Line("")
    if comparison.fields:
        yield from field_section(comparison.fields, style)
    else:
        # Nothing differs: show the rule that would decide if something did.
        rows = [(path, value_text(leaf), rule) for path, leaf, rule in deciding_rules(rules, value)]
        width = None if style.width is None else style.width - 2
        table = format_table(("path", "approved", "rule"), rows, width=width)
        yield from (Line(f"  {style.fit(line, 2)}") for line in table.splitlines())
    for rule in comparison.unused:
        yield from style.wrap(f"rule unused: {rule}")
