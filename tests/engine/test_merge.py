"""The shards of a run become one run: every answer once, in the order of the input; missing ones are reported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from runner.engine.journal.journal import MANIFEST, Journal
from runner.engine.journal.merge_runs import Merged, merge
from runner.engine.journal.record import Record
from runner.engine.journal.stored_runs import StoredRun
from runner.errors import UsageError
from runner.files.versions import NewerFormatError

from .journal_lines import FILE, NAMES, line

ERROR = {"outcome": "error", "passed": False}
CONFIGURATION = {"cases": {"input": "sha256:aa"}, FILE: {"model": "m"}}


class Shards:
    """Runs below a folder, each of them a shard."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def shard(self, shard: str | None, *records: dict[str, Any], **manifest: Any) -> StoredRun:
        journal = Journal.create(self.folder / (shard or "none").replace("/", "-"))
        for record in records:
            journal.append(json.dumps(record).encode() + b"\n")
        journal.close()
        facts = {
            "status": "complete",
            "prompts": ["hello"],
            "models": ["m"],
            "endpoints": {"fake": {}},
            "files": NAMES,
            "cwd": ".",
            "arguments": {"asking": {"shard": shard, "limit": 3}, "output": "out.csv"},
            "shard": shard,
            "configuration": {**CONFIGURATION, "cases": {**CONFIGURATION["cases"], "shard": shard}},
            "total": len(records),
            "seconds": 1.25,
        }
        return StoredRun(journal.folder, facts | manifest)

    def merge(self, *runs: StoredRun) -> tuple[Merged, list[Record]]:
        merged, records = merge(runs, self.folder / "merged")
        return merged, list(records)


def manifest(merged: Merged) -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads((merged.folder / MANIFEST).read_text()))


@pytest.fixture
def shards(tmp_path: Path) -> Shards:
    for name in ("none", "1-2", "2-2", "1-3", "2-3", "3-3", "merged"):
        (tmp_path / name).mkdir()
    return Shards(tmp_path)


def test_all_answers_come_once_in_the_order_of_the_input(shards: Shards) -> None:
    two = [line("d", index=3, choice=0, choices=2), line("d", index=3, choice=1, choices=2)]
    one, other = line("a", index=0), line("b", index=1)
    merged, records = shards.merge(
        shards.shard("2/2", *two, other), shards.shard("1/2", line("c", index=2, cost=0.5), one)
    )
    assert [record["case"] for record in records] == ["a", "b", "c", "d", "d"]
    assert records[3:] == two
    assert (merged.missing, merged.exit_code) == ((), 0)
    assert (merged.counters.done, merged.counters.passed, merged.counters.cost) == (5, 5, 0.5)


def test_the_merged_run_is_stored_as_one_run_that_can_be_resumed(shards: Shards) -> None:
    first, second = (
        shards.shard("1/2", line("a", index=0)),
        shards.shard("2/2", line("b", index=1), total=4, seconds=None),
    )
    merged, _ = shards.merge(first, second)
    facts = manifest(merged)
    assert facts.pop("started").endswith("+00:00")
    assert facts.pop("runner")
    assert facts == {
        "run": merged.folder.name,
        "format": 1,
        "prompts": ["hello"],
        "models": ["m"],
        "endpoints": {"fake": {}},
        "files": NAMES,
        "cwd": ".",
        "merged": [first.id, second.id],
        "arguments": {"asking": {"shard": None, "limit": 3}, "output": None},
        "shard": None,
        "configuration": CONFIGURATION,
        "status": "complete",
        "reason": None,
        "exit_code": 0,
        "seconds": 1.25,
        "passed": 2,
        "failed": 0,
        "errors": 0,
        "cost": None,
        "total": 5,
        "done": 2,
        "cached": 0,
        "retries": 0,
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "outcomes": {"ok": 2},
    }


def test_shards_that_were_run_in_different_folders_name_a_prompt_as_the_first_one_does(
    shards: Shards,
) -> None:
    inside = {"files": {"hello.prompt.yaml": FILE}, "cwd": "prompts"}
    runs = [
        shards.shard("1/2", line("a", index=0)),
        shards.shard("2/2", line("b", index=1, file="hello.prompt.yaml"), **inside),
    ]
    merged, records = shards.merge(*runs)
    assert [(record["case"], record["file"]) for record in records] == [("a", FILE), ("b", FILE)]
    assert (manifest(merged)["files"], manifest(merged)["cwd"]) == (NAMES, ".")
    again, records = shards.merge(*runs[::-1])
    assert [record["file"] for record in records] == ["hello.prompt.yaml"] * 2
    assert (manifest(again)["files"], manifest(again)["cwd"]) == (inside["files"], "prompts")


def test_a_shard_that_was_killed_before_it_knew_its_size_adds_nothing_to_the_whole(shards: Shards) -> None:
    merged, _ = shards.merge(
        shards.shard("1/2", line(index=0), total=4), shards.shard("2/2", total=None, status="killed")
    )
    assert (merged.counters.total, merged.exit_code) == (4, 3)


@pytest.mark.parametrize(
    ("there", "missing"), [("1/3", ["2/3", "3/3"]), ("2/3", ["1/3", "3/3"]), ("3/3", ["1/3", "2/3"])]
)
def test_each_shard_that_is_missing_is_named(shards: Shards, there: str, missing: list[str]) -> None:
    merged, _ = shards.merge(shards.shard(there, line(index=0)))
    assert list(merged.missing) == [f"shard {each} is missing" for each in missing]


def test_the_times_of_the_shards_add_up_to_the_millisecond(shards: Shards) -> None:
    merged, _ = shards.merge(
        shards.shard("1/2", line(index=0), seconds=0.1234), shards.shard("2/2", seconds=2)
    )
    assert manifest(merged)["seconds"] == 2.123


def test_a_wrong_answer_in_a_shard_fails_the_merged_run(shards: Shards) -> None:
    merged, _ = shards.merge(
        shards.shard("1/2", line("a", index=0)),
        shards.shard("2/2", line("b", index=1, outcome="invalid", passed=False)),
    )
    assert (merged.exit_code, manifest(merged)["exit_code"], manifest(merged)["status"]) == (1, 1, "complete")


def test_what_is_missing_is_told_and_left_to_be_resumed(shards: Shards) -> None:
    merged, records = shards.merge(
        shards.shard("2/3", line("b", index=1), status="stopped"), shards.shard("3/3", line("c", index=2))
    )
    assert merged.missing == ("shard 1/3 is missing", "shard 2/3 is stopped")
    assert merged.exit_code == 3
    facts = manifest(merged)
    assert (facts["status"], facts["reason"]) == ("stopped", "shard 1/3 is missing; shard 2/3 is stopped")
    assert [record["case"] for record in records] == ["b", "c"]


def test_a_case_without_an_answer_is_left_to_be_resumed(shards: Shards) -> None:
    merged, records = shards.merge(
        shards.shard("1/2", line("a", index=0, **ERROR)), shards.shard("2/2", line("b", index=1))
    )
    assert [record["case"] for record in records] == ["b"]
    assert (merged.counters.done, merged.counters.errors) == (1, 0)


@pytest.mark.parametrize(
    "changes",
    [{"shard": None}, {"shard": ""}, {"configuration": None}],
    ids=["no shard", "an empty shard", "no configuration"],
)
def test_a_run_that_is_no_shard_is_refused(shards: Shards, changes: dict[str, Any]) -> None:
    run = shards.shard("1/2")
    facts = {name: value for name, value in {**run.manifest, **changes}.items() if value is not None}
    with pytest.raises(UsageError, match=f"the run {run.id} is not a shard"):
        shards.merge(StoredRun(run.folder, facts))


def test_a_shard_that_is_in_progress_is_refused(shards: Shards) -> None:
    journal = Journal.create(shards.folder / "none")
    held = StoredRun(journal.folder, {**shards.shard("1/2").manifest, "status": "running"})
    with pytest.raises(UsageError, match="is still in progress"):
        shards.merge(held, shards.shard("2/2"))
    journal.close()


def test_shards_of_runs_that_differ_are_refused_with_what_differs(shards: Shards) -> None:
    other = {**CONFIGURATION, FILE: {"model": "other"}}
    with pytest.raises(UsageError, match="are not shards of one run") as refused:
        shards.merge(shards.shard("1/2"), shards.shard("2/2", configuration=other))
    assert f"{FILE}: model was m, is other" in refused.value.message


def test_shards_of_different_counts_are_refused(shards: Shards) -> None:
    with pytest.raises(UsageError, match="these shards have different counts: 1/2, 2/3"):
        shards.merge(shards.shard("1/2"), shards.shard("2/3"))


def test_the_same_shard_twice_is_refused(shards: Shards) -> None:
    first, second = shards.shard("1/2"), shards.shard("1/2")
    with pytest.raises(UsageError) as refused:
        shards.merge(first, second)
    assert refused.value.message == f"the runs {first.id} and {second.id} are both shard 1/2"


def test_a_case_in_two_shards_is_refused_before_anything_is_written(shards: Shards) -> None:
    runs = [
        shards.shard("1/3", line("c", index=0)),
        shards.shard("2/3", line("a", index=0), line("b", index=1)),
        shards.shard("3/3", line("b", index=1), line("a", index=0)),
    ]
    with pytest.raises(UsageError) as refused:
        shards.merge(*runs)
    assert refused.value.message == f"2 cases are in both {runs[1].id} and {runs[2].id}"
    assert not list((shards.folder / "merged").iterdir())


def test_a_shard_with_a_record_of_a_newer_runner_is_refused(shards: Shards) -> None:
    with pytest.raises(NewerFormatError):
        shards.merge(shards.shard("1/2", line(index=0, format=2)), shards.shard("2/2"))
