"""The final records of a run: each job once, as its last attempt left it, errors among them."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any, cast

import pytest

from runner.engine.journal.final_records import RecordIndex, final_records, manifest_now
from runner.engine.journal.journal import Journal
from runner.engine.journal.record import Record
from runner.engine.journal.stored_runs import StoredRun

from .journal_lines import FILE, NAMES, journal, line

ERROR = {"outcome": "error", "passed": False}


def stored(folder: Path, *records: dict[str, Any] | bytes, **manifest: Any) -> StoredRun:
    journal(folder, *records)
    return StoredRun(folder, {"status": "complete", "stretches": 2, "files": NAMES, **manifest})


def found(index: RecordIndex, file: str = FILE, **changes: Any) -> Record | None:
    return index.find(cast("Record", line(**changes)), file)


TWO = [line("bob", choice=0, choices=2), line("bob", choice=1, choices=2)]


def test_a_run_without_a_journal_has_no_records(tmp_path: Path) -> None:
    run = StoredRun(tmp_path, {"status": "complete"})
    assert list(final_records(run)) == []
    index = RecordIndex(run)
    assert found(index) is None


@pytest.mark.parametrize("stretches", [None, 1, 2])
def test_every_record_of_one_attempt_is_final(tmp_path: Path, stretches: int | None) -> None:
    records = [line("ada", **ERROR), *TWO, line("ada", sample=1)]
    assert list(final_records(stored(tmp_path, *records, stretches=stretches))) == records


def test_a_later_attempt_replaces_all_records_of_a_job(tmp_path: Path) -> None:
    again = line("ada", text="late")
    broken = [line("cy", choice=0, choices=2, **ERROR), line("cy", choice=1, choices=2, **ERROR)]
    records = [line("ada", **ERROR), *TWO, *broken, again, line("cy", **ERROR)]
    assert list(final_records(stored(tmp_path, *records))) == [*TWO, again, line("cy", **ERROR)]


def test_a_prompt_is_one_file_from_whatever_folder_an_attempt_was_started(tmp_path: Path) -> None:
    first, second = line("ada", file="../a.yaml", **ERROR), line("ada")
    run = stored(tmp_path, first, second, files={"../a.yaml": FILE, FILE: FILE})
    assert list(final_records(run)) == [second]


def test_a_job_may_be_followed_by_itself(tmp_path: Path) -> None:
    first, second = line("ada", **ERROR), line("ada")
    assert list(final_records(stored(tmp_path, first, second))) == [second]
    choices = [dict(record, text="late") for record in TWO]
    assert list(final_records(stored(tmp_path, *TWO, *choices))) == choices


def test_a_job_of_which_choices_are_missing_at_the_end_is_one(tmp_path: Path) -> None:
    records = [line("ada"), TWO[0]]
    assert list(final_records(stored(tmp_path, *records))) == records


def test_a_job_of_which_choices_are_missing_ends_where_another_begins(tmp_path: Path) -> None:
    index = RecordIndex(stored(tmp_path, TWO[0], line("ada")))
    assert found(index, case="bob", choice=1) is None
    assert found(index, case="ada") == line("ada")


@pytest.mark.parametrize(
    "other", [{"file": "../shared/x.prompt.yaml"}, {"case": "bob"}, {"variant": "v"}, {"sample": 1}], ids=str
)
def test_records_that_differ_in_file_case_variant_or_sample_are_other_jobs(
    tmp_path: Path, other: dict[str, Any]
) -> None:
    records = [line(), line(**other)]
    assert list(final_records(stored(tmp_path, *records))) == records


def test_the_record_of_the_same_case_sample_and_choice_is_found(tmp_path: Path) -> None:
    records = [
        line("ada", **ERROR),
        *TWO,
        line("ada", text="late"),
        line("ada", sample=1),
        line("ada", variant="v"),
    ]
    index = RecordIndex(stored(tmp_path, *records))
    assert found(index) == records[3]
    assert found(index, sample=1) == records[4]
    assert found(index, variant="v") == records[5]
    assert found(index, case="bob") == TWO[0]
    assert found(index, case="bob", choice=0, choices=2) == TWO[0]
    assert found(index, case="bob", choice=1, choices=2) == TWO[1]
    assert found(index, case="bob", choice=2, choices=3) is None
    assert found(index, case="cy") is None
    assert found(index, "other.prompt.yaml") is None


def test_a_record_is_found_under_the_name_that_the_project_has_for_its_file(tmp_path: Path) -> None:
    shared = line(file="../shared/x.prompt.yaml")
    index = RecordIndex(stored(tmp_path, shared))
    assert found(index, "x.prompt.yaml") == shared
    unnamed = RecordIndex(stored(tmp_path, shared, files={}))
    assert found(unnamed, "../shared/x.prompt.yaml") == shared


def test_what_was_not_looked_for_is_told(tmp_path: Path) -> None:
    index = RecordIndex(stored(tmp_path, line("ada"), *TWO, line("cy"), line("ada", text="late")))
    found(index, case="cy")
    found(index, case="nobody")
    assert list(index.unseen()) == [line("ada", text="late"), *TWO]


@pytest.mark.parametrize("status", ["complete", "stopped", "interrupted", "failed"])
def test_a_run_that_ended_has_the_totals_that_it_wrote(tmp_path: Path, status: str) -> None:
    run = stored(tmp_path, line("ada"), status=status, started="2026-11-27T12:00:00+00:00", done=7)
    assert manifest_now(run) == run.manifest


def test_a_run_that_was_killed_is_counted_in_its_journal(tmp_path: Path) -> None:
    run = stored(
        tmp_path,
        line("ada", **ERROR),
        line("bob"),
        line("ada"),
        status="running",
        started="2026-11-27T12:00:00+00:00",
        total=5,
        done=0,
    )
    now = manifest_now(run)
    assert (now["status"], now["total"], now["done"], now["passed"], now["errors"]) == ("killed", 5, 2, 2, 0)
    assert now["started"] == "2026-11-27T12:00:00+00:00"


def test_a_run_that_is_in_progress_is_counted_in_its_journal(tmp_path: Path) -> None:
    with contextlib.closing(Journal.create(tmp_path)) as held:
        held.append(json.dumps(line()).encode() + b"\n")
        facts = {"status": "running", "started": "2026-11-27T12:00:00+00:00", "files": NAMES}
        now = manifest_now(StoredRun(held.folder, facts))
    assert (now["status"], now["done"]) == ("running", 1)


def test_a_run_that_was_killed_before_it_began_has_nothing_to_count(tmp_path: Path) -> None:
    assert manifest_now(StoredRun(tmp_path, {})) == {"status": "killed"}
