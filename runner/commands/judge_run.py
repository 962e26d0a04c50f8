"""The verdicts of a judge in a stored run: draw some for people to label, and correct the pass rate by the labels."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ..engine.journal.final_records import final_records
from ..engine.journal.index import journal_lines
from ..engine.journal.record import calls_in
from ..engine.journal.side_file import JUDGED
from ..engine.journal.stored_runs import StoredRun, find_run
from ..engine.plan.job import Unit
from ..engine.plan.judge_prompts import holds
from ..errors import UsageError
from ..files.project_root import find_root
from ..report.terminal.outlet import print_data
from ..values import Json
from ..verdict.agreement import Cells, prediction_powered

__all__ = ["other_verdicts", "sample_verdicts"]

_FEW_LABELS = 100


class _Verdict(NamedTuple):
    """One verdict of a judge on one answer of a run."""

    judge: str
    model: str
    request: str
    passed: bool
    case: str
    variant: str | None
    sample: int
    check: int

    @property
    def key(self) -> tuple[str, ...]:
        """What identifies it in a file of labels."""
        return self.case, self.variant or "", str(self.sample), str(self.check)


def _verdicts(run: StoredRun) -> Iterator[_Verdict]:
    for record in final_records(run):
        for place, check in enumerate(record["checks"]):
            for call in calls_in(check):
                verdict = holds(call)
                if verdict is not None and ("verdict" in call or "score" in call):
                    yield _Verdict(
                        str(call["prompt"]),
                        str(call["model"]),
                        str(call["request"]),
                        verdict,
                        record["case"],
                        record["variant"],
                        record["sample"],
                        place,
                    )


def sample_verdicts(name: str, count: int, judge: str | None, seed: int) -> int:
    """Print a random sample of the answers that a judge judged in a run, as CSV with an empty column for the label.

    The verdicts of the judge are not in it, so that they influence nobody.
    """
    run = find_run(find_root(Path.cwd()), name)
    found = [each for each in _verdicts(run) if judge in (None, each.judge)]
    judges = sorted({(each.judge, each.model) for each in found})
    if not found:
        raise UsageError(
            f"no judge decided anything in the run {run.id}" + (f" as {judge}" if judge else ""),
            hint="run prompts with assertions such as llm-rubric first",
        )
    if len(judges) > 1:
        named = ", ".join(f"{prompt} ({model})" for prompt, model in judges)
        raise UsageError(
            f"the run {run.id} has verdicts of several judges: {named}",
            hint="labels are about one judge: name it with --judge",
        )
    chosen = random.Random(seed).sample(found, min(count, len(found)))  # noqa: S311 - a sample, not a secret
    asked = {
        record["fingerprint"]: record["vars"]
        for _, _, record in journal_lines(run.folder / JUDGED)
        if record["vars"]
    }
    rows = [(each, asked[each.request]) for each in chosen if each.request in asked]
    if len(rows) < len(chosen):
        raise UsageError(
            f"{len(chosen) - len(rows)} of the answers that were judged are not in the run {run.id} any more",
            hint="run the prompts again",
        )
    names = list(dict.fromkeys(name for _, given in rows for name in given))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["label", *names, "run", "case", "variant", "sample", "check"])
    for each, given in rows:
        cells = [_cell(given.get(name)) for name in names]
        writer.writerow(["", *cells, run.id, each.case, each.variant or "", each.sample, each.check])
    print_data(text.getvalue().rstrip("\n"))
    return 0


def _cell(value: Json) -> str:
    from ..canonical import canonical

    return "" if value is None else value if isinstance(value, str) else canonical(value).decode()


def other_verdicts(
    root: Path, name: str, unit: Unit, cells: Cells, labelled: Sequence[Mapping[str, Json]]
) -> Iterator[str]:
    """Yield the pass rate of a run, corrected by labels that were drawn from it (PPI++)."""
    run = find_run(root, name)
    known = {
        tuple(str(row.get(key) or "") for key in ("case", "variant", "sample", "check")) for row in labelled
    }
    of_judge = [
        each for each in _verdicts(run) if (each.judge, each.model) == (unit.prompt.place, unit.model)
    ]
    others = [each for each in of_judge if each.key not in known]
    if not of_judge:
        yield f"the run {run.id} has no verdicts of this judge, so its pass rate is not corrected"
        return
    passed = sum(each.passed for each in of_judge)
    raw = f"run {run.id}: the judge passes {passed} of {len(of_judge)} ({passed / len(of_judge):.0%})"
    if len(others) < 2:
        yield f"{raw}; all of them have labels, so count the labels"
        return
    found = prediction_powered(cells, sum(each.passed for each in others), len(others))
    yield f"{raw}; corrected by the labels: {found.rate:.0%} (95 %: {found.low:.0%} to {found.high:.0%})"
    if sum(cells) < _FEW_LABELS:
        yield f"with fewer than {_FEW_LABELS} labels this interval is a little too narrow"
