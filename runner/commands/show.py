"""Implement `runner show`: print the answers of a stored run with their questions, for a person or as JSON."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ..engine.journal.final_records import final_records
from ..engine.journal.record import Record
from ..engine.journal.stored_runs import StoredRun, find_run
from ..errors import NothingSelectedError, UsageError
from ..files.project_root import find_root
from ..files.violations import near
from ..report.case_view import case_lines
from ..report.question import Question
from ..report.terminal.figures import count, plural
from ..report.terminal.outlet import print_data, print_line
from ..report.terminal.pager import page
from ..report.terminal.painting import DIM, Line
from ..report.terminal.reporter import wants_color
from ..report.terminal.terminal_text import visible
from ..wire.reply import Outcome
from .open_workspace import open_workspace
from .questions import Questions

__all__ = ["show"]


def show(
    name: str,
    *,
    ids: Sequence[str],
    prompts: Sequence[str],
    outcomes: Sequence[str],
    failed: bool,
    as_json: bool,
    isolate: bool,
) -> int:
    """Print the matching records of a run and return 0. Raises UsageError, NothingSelectedError, StorageError."""
    words = [str(outcome) for outcome in Outcome]
    for word in outcomes:
        if word not in words:
            raise UsageError(
                f"--outcome {word}: there is no such outcome",
                hint=near(word, words) or f"outcomes are {', '.join(words)}",
            )
    run = find_run(find_root(Path.cwd()), name)
    wanted = _Wanted(ids, prompts, outcomes, failed=failed)
    first = next(_matching(run, wanted), None)
    if first is None:
        return _explain_nothing(run, wanted)
    with open_workspace(isolate=isolate) as workspace:
        workspace.sandbox.start()
        questions = Questions(run, workspace)
        records = _matching(run, wanted)
        if as_json:
            for record in records:
                print_data(_line(record, questions.of(record)))
            return 0
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        page(
            _lines(run, records, questions, width),
            color=wants_color(sys.stdout, os.environ),
            environ=os.environ,
            projects=[workspace.root],
        )
    return 0


class _Wanted:
    """Selects records by the options of the command line."""

    def __init__(
        self, ids: Sequence[str], prompts: Sequence[str], outcomes: Sequence[str], *, failed: bool
    ) -> None:
        self.ids, self.prompts, self.outcomes, self.failed = ids, prompts, outcomes, failed

    def takes(self, record: Record) -> bool:
        """Return whether a record is selected."""
        return (
            not (self.failed and record["passed"])
            and (not self.outcomes or record["outcome"] in self.outcomes)
            and _is_one_of([record["case"]], self.ids)
            and _is_one_of([record["prompt"], record["file"], Path(record["file"]).name], self.prompts)
        )


def _is_one_of(names: Sequence[str], patterns: Sequence[str]) -> bool:
    return not patterns or any(
        name == pattern or fnmatchcase(name, pattern) for name in names for pattern in patterns
    )


def _matching(run: StoredRun, wanted: _Wanted) -> Iterator[Record]:
    return (record for record in final_records(run) if wanted.takes(record))


def _explain_nothing(run: StoredRun, wanted: _Wanted) -> int:
    """Report why no record matches. If nothing failed and only --failed was given, that is not an error."""
    seen, ids, prompts = 0, dict[str, None](), dict[str, None]()
    for record in final_records(run):
        seen += 1
        if len(ids) < _NAMES:
            ids[record["case"]] = None
            prompts[record["prompt"]] = None
    if not seen:
        raise NothingSelectedError(f"the run {run.id} has no answers")
    if wanted.failed and not (wanted.ids or wanted.prompts or wanted.outcomes):
        print_line(f"nothing failed in the run {run.id}: {plural(seen, 'answer')} passed", err=True)
        return 0
    hint = next(
        (
            found
            for patterns, names in ((wanted.ids, ids), (wanted.prompts, prompts))
            for pattern in patterns
            if pattern not in names and (found := near(pattern, names))
        ),
        None,
    )
    raise NothingSelectedError(f"no answer of the run {run.id} matches (it has {count(seen)})", hint=hint)


_NAMES = 10_000


def _line(record: Record, question: Question) -> str:
    messages = None if question.messages is None else list(question.messages)
    added = {"messages": messages, "messages_remark": question.remark}
    return json.dumps({**record, **added}, ensure_ascii=False, separators=(",", ":"))


def _lines(
    run: StoredRun, records: Iterable[Record], questions: Questions, width: int | None
) -> Iterator[Line]:
    yield Line(f"run {visible(run.id)}", DIM)
    row_of = _rows(run)
    for record in records:
        yield Line("")
        question = questions.of(record)
        yield from case_lines(
            record,
            question.messages,
            question.remark,
            width=width,
            row=row_of(record) if row_of else None,
        )


def _rows(run: StoredRun) -> Callable[[Record], int | None] | None:
    """Return a function from a record to its row in the file of --input, counted from 1.

    Return None if the run had no such file or used only some of its rows.
    """
    asking: Any = run.manifest.get("arguments", {}).get("asking", {})
    narrowed = any(asking.get(name) for name in ("ids", "tags", "where", "sample"))
    if not asking.get("rows") or narrowed or len(run.manifest["prompts"]) != 1:
        return None
    repeat = asking.get("repeat") or 1

    def row(record: Record) -> int | None:
        # With several variants the index continues from one variant to the next.
        return record["index"] // repeat + 1 if "index" in record and record["variant"] is None else None

    return row
