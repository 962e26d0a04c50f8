"""The spool gives back every job as it was rehearsed, and whatever it cannot keep is made again."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from runner.engine.plan import spool as spool_module
from runner.engine.plan.job import Job
from runner.engine.plan.plan import Plan
from runner.engine.plan.selection import Selection
from runner.engine.plan.shard import Shard
from runner.engine.plan.spool import Spool
from runner.engine.plan.units import make_units
from runner.errors import Location, StorageError
from runner.files.disk.tree import MemoryTree
from runner.files.model import Case, CaseFile
from runner.files.project import load_project_from
from runner.files.prompt import load_prompt

PROMPT = """
model: gpt-test
inputs: {name: {type: string}, list: {default: [1, 2.5, null]}}
messages: [{role: user, content: "Hello {{ name }} {{ list }}"}]
matrix: {temperature: [0, 1]}
"""
ROWS = 100


@pytest.fixture
def units() -> Any:
    tree = MemoryTree(
        {"p.prompt.yaml": PROMPT.encode(), "runner.yaml": b"endpoints: {e: {base_url: 'http://e/v1'}}\n"}
    )
    project = load_project_from(tree, Path("root"), environ={})
    return make_units([load_prompt("p.prompt.yaml", tree)], project)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    row = {
        "tags": ["a"],
        "description": "é",
        "outcome": "refused",
        "assert": [{"type": "contains", "value": "x"}],
    }
    rows: list[Any] = [{"name": f"n{number}"} for number in range(ROWS)]
    rows[7] = {"id": "own", "vars": {"name": "\U0001f600", "list": {"deep": [1e300, -(2**53) + 1]}}, **row}
    path.write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")
    return path


def plan_of(units: Any, file: Path, **more: Any) -> Plan:
    return Plan(units, Selection(rows=CaseFile(str(file), "rows.jsonl", Location("--input"))).cases, **more)


def through(plan: Plan, spool: Spool, change: Any = None) -> tuple[list[Job], list[int]]:
    """The jobs that come out of a preflight with this spool, and the places of other shards' jobs."""
    foreign: list[int] = []
    with spool:
        preflight = plan.preflight(spool=spool)
        if change is not None:
            change()
        return [
            job for jobs in plan.by_endpoint(preflight, None, foreign.append).values() for job in jobs
        ], foreign


def made_anew(plan: Plan) -> tuple[list[Job], list[int]]:
    foreign: list[int] = []
    jobs = plan.by_endpoint(plan.preflight(), None, foreign.append)
    return [job for its in jobs.values() for job in its], foreign


@pytest.mark.parametrize(
    "more", [{}, {"repeat": 3}, {"shard": Shard(1, 3)}, {"shard": Shard(3, 3), "repeat": 2}]
)
def test_what_comes_out_is_what_went_in(units: Any, file: Path, more: dict[str, Any]) -> None:
    plan = plan_of(units, file, **more)
    jobs, foreign = through(plan, Spool())
    assert (jobs, foreign) == made_anew(plan)
    assert sorted([*foreign, *(job.place for job in jobs)]) == list(range(2 * ROWS * plan.repeat))


def test_what_is_sent_is_what_was_rehearsed_also_where_the_file_changes(units: Any, file: Path) -> None:
    plan = plan_of(units, file)
    before, _ = made_anew(plan)
    after, _ = through(plan, Spool(), change=lambda: file.write_text('{"name": "another"}\n'))
    assert after == before


@pytest.mark.parametrize("most", [0, 5_000, 20_000, 38_000])
def test_what_does_not_fit_is_made_again(
    units: Any, file: Path, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "MOST_BYTES", most)
    plan = plan_of(units, file, repeat=2)
    assert through(plan, Spool()) == made_anew(plan)


def test_a_full_disk_is_no_reason_to_stop(units: Any, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(file.parent / "is-not-there"))
    plan = plan_of(units, file)
    assert through(plan, Spool()) == made_anew(plan)


@pytest.mark.parametrize("failing", [1, 2, 4])
def test_a_disk_that_is_full_for_a_moment_leaves_no_half_of_a_job(
    units: Any, file: Path, failing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = 0

    class Full(io.FileIO):
        def write(self, data: Any) -> int:
            nonlocal writes
            writes += 1
            return super().write(data[: len(data) // 2] if writes == failing else data)

    monkeypatch.setattr("tempfile.TemporaryFile", lambda buffering: Full(file.parent / "spool", "w+"))
    plan = plan_of(units, file)
    assert through(plan, Spool()) == made_anew(plan)
    assert writes > failing


def test_what_marshal_does_not_know_is_made_again(units: Any) -> None:
    def cases(_unit: Any) -> Iterator[Case]:
        for number in range(70):
            values: dict[str, Any] = {"name": f"n{number}", "list": 1}
            yield Case(
                f"n{number}", MappingProxyType(values) if number == 40 else values, Location("x", number)
            )

    plan = Plan(units, cases)
    assert through(plan, Spool()) == made_anew(plan)


def test_a_file_that_was_cut_is_an_error_of_storage(units: Any, file: Path) -> None:
    plan, spool = plan_of(units, file), Spool()
    with spool:
        preflight = plan.preflight(spool=spool)
        assert spool._file is not None
        spool._file.truncate(5_000)
        (jobs,) = plan.by_endpoint(preflight).values()
        with pytest.raises(StorageError, match="was truncated"):
            list(jobs)


def test_the_file_has_no_name_and_is_closed(units: Any, file: Path) -> None:
    spool = Spool()
    with spool:
        plan_of(units, file).preflight(spool=spool)
        assert spool._file is not None
        assert not file.parent.joinpath(str(spool._file.name)).is_file()
    assert spool._file.closed
