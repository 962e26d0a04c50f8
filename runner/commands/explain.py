"""What `runner explain` does: one case, its request, its snapshot, and which rule decides each field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from ..engine.plan.plan import Job, Unit
from ..errors import NothingSelectedError
from ..files.model import Case
from ..files.violations import near
from ..regress.answers import stored_value
from ..regress.claims import refuse_shared
from ..regress.pending import load_pending
from ..regress.replay import replay
from ..regress.rules.compare import compare
from ..regress.rules.coverage import deciding_rules
from ..regress.rules.rules import Rules, compile_rules
from ..regress.snapshots.approved import approved_of, changed_parts, shipped_file
from ..regress.snapshots.snapshot import Snapshot, file_of
from ..regress.snapshots.store import store_of
from ..report.outlet import print_line
from ..report.review_table import value_text
from ..report.table import format_table
from ..report.visible import visible
from .selection import Chosen, load_selection, tests_of

__all__ = ["explain"]


def explain(name: str, paths: Sequence[str], *, isolate: bool) -> int:
    """Print what is known of a case; `name` is its id or prompt/id. Raises NothingSelectedError."""
    with ExitStack() as closing:
        return _explain(name, load_selection(tests_of(paths, isolate=isolate), closing))


def _explain(name: str, chosen: Chosen) -> int:
    project = chosen.workspace.project
    refuse_shared(chosen.prompts, project)
    known: list[str] = []
    found = 0
    for unit in chosen.units:
        rules = compile_rules(unit.prompt, project)
        for case in chosen.selection.cases(unit):
            if name in (case.id, f"{unit.prompt.name}/{case.id}"):
                if found:
                    print_line()
                for line in _lines(chosen, unit, case, rules):
                    print_line(line)
                found += 1
            elif not found:
                known.append(case.id)
    if not found:
        raise NothingSelectedError(f"there is no case {name}", hint=near(name, known))
    return 0


def _lines(chosen: Chosen, unit: Unit, case: Case, rules: Rules) -> Iterator[str]:
    job = unit.job(case)
    file = file_of(unit.prompt, case.id, unit.variant)
    store = store_of(chosen.workspace.project, chosen.workspace.environ)
    approved = approved_of(store, unit.prompt, case.id, unit.variant)
    variant = f"@{unit.variant}" if unit.variant else ""
    waiting = [entry for entry in load_pending(chosen.workspace.root) if entry.snapshot_file == file]
    yield f"{visible(unit.prompt.name)}/{visible(case.id)}{visible(variant)}"
    yield f"  declared  {case.location}"
    yield f"  request   {job.fingerprint}"
    yield f"  snapshot  {visible(file)}"
    if unit.prompt.origin is not None and store.read(file) is None and approved is not None:
        shipped = shipped_file(unit.prompt, case.id, unit.variant)
        yield f"  for now   {visible(unit.prompt.tree.shown(shipped))}, which came with the pack"
    yield f"  status    {_status(job, approved)}"
    if approved is not None and approved.request in job.fingerprints():
        replayed = replay(unit, case, approved)
        yield f"  replayed  {'passes' if replayed.passed else visible(replayed.reason)}"
    if approved is not None and approved.samples > 1:
        yield f"  samples   {approved.agreement} of {approved.samples} agreed when it was approved"
    if waiting:
        yield f"  waiting   {waiting[0].kind}: runner review, accept or reject"
    yield from _table(rules, approved, waiting[0].snapshot if waiting else None)


def _status(job: Job, approved: Snapshot | None) -> str:
    if approved is None:
        return "missing: nothing is approved yet"
    if approved.request in job.fingerprints():
        return "current: the approved answer is to this very request"
    return f"stale: {changed_parts(approved, job)} changed since it was approved"


def _table(rules: Rules, approved: Snapshot | None, new: Snapshot | None) -> Iterator[str]:
    if approved is None:
        return
    value = stored_value(approved)
    seen = [each.output for each in approved.variants]
    comparison = compare(rules, value, value if new is None else stored_value(new), seen=seen)
    headers: tuple[str, ...] = ("path", "approved", "new", "rule", "verdict")
    rows: list[tuple[str, ...]] = [
        (
            each.path,
            value_text(each.approved, missing=each.approved_missing),
            value_text(each.new, missing=each.new_missing),
            each.rule + (f" ({each.note})" if each.note else ""),
            "same" if each.equal else "changed",
        )
        for each in comparison.fields
    ]
    if not rows:
        # Nothing differs: what would decide if something did.
        headers = ("path", "approved", "rule")
        rows = [(path, value_text(leaf), rule) for path, leaf, rule in deciding_rules(rules, value)]
    yield ""
    yield from (f"  {line}" for line in format_table(headers, rows).splitlines())
    for rule in comparison.unused:
        yield f"  rule unused: {visible(rule)}"
