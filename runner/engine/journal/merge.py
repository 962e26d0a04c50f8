"""`runner merge`: the shards of one run, from however many machines, become one run in the order of the input."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..._version import __version__
from ...errors import UsageError
from ..plan.configuration import Configuration, differences
from .counters import Counters
from .exit_codes import ExitCounts, exit_code
from .index import JournalIndex, read_results
from .journal import Journal
from .record import Record, journal_line, json_line
from .stored_runs import FORMAT, StoredRun

__all__ = ["Merged", "merge"]

_KEPT = ("prompts", "models", "endpoints", "files", "cwd")


@dataclass(frozen=True, slots=True)
class Merged:
    """The run that came of it. `missing` says in a sentence each what it lacks to be whole."""

    folder: Path
    counters: Counters
    missing: tuple[str, ...]
    exit_code: int


def merge(runs: Sequence[StoredRun], root: Path) -> tuple[Merged, Iterator[Record]]:
    """Join runs that asked the same with different `--shard`; the records of the whole, in the order of the input.

    Shards that are not there or have not ended leave the whole unfinished: exit code 3, and `run --resume` asks the
    rest. Raises UsageError for runs that are no shards of one run, and where a case stands in two of them.
    """
    count = _refuse_others(runs)
    indexes = [JournalIndex(run.results, run.manifest["files"]) for run in runs]
    _refuse_repeats(runs, indexes)
    counters = Counters(total=sum(int(run.manifest.get("total") or 0) for run in runs))
    missing = tuple(_missing(runs, count))
    journal = Journal.create(root)
    with contextlib.closing(journal):
        for records in _in_order(runs, indexes):
            journal.append(b"".join(journal_line(json_line(record)) for record in records))
            for record in records:
                counters.add(record)
        facts = ExitCounts(
            failed=counters.failed, unchecked=counters.errors + len(missing), selected=counters.done
        )
        merged = Merged(journal.folder, counters, missing, exit_code(facts))
        journal.write_manifest(_manifest(runs, merged))
    return merged, (
        record for record, _, _ in JournalIndex(journal.results, runs[0].manifest["files"]).records()
    )


def _refuse_others(runs: Sequence[StoredRun]) -> int:
    """The number of shards that all of these are some of."""
    first = runs[0]
    for run in runs:
        if not run.manifest.get("shard") or "configuration" not in run.manifest:
            raise UsageError(
                f"the run {run.id} is no shard", hint="shards are made with `runner run --shard I/N`"
            )
        if run.status == "running":
            raise UsageError(f"the run {run.id} is still going on", hint="wait for its end")
        was, now = (_without_shard(each.manifest["configuration"]) for each in (first, run))
        if changed := differences(was, now):
            raise UsageError(
                f"the runs {first.id} and {run.id} are no shards of one run, since they asked differently:\n  "
                + "\n  ".join(changed)
            )
    counts = {run.manifest["shard"].split("/")[1] for run in runs}
    if len(counts) > 1:
        raise UsageError(
            "these are shards of different numbers: " + ", ".join(run.manifest["shard"] for run in runs)
        )
    seen: dict[str, StoredRun] = {}
    for run in runs:
        if other := seen.get(run.manifest["shard"]):
            raise UsageError(f"the runs {other.id} and {run.id} are both shard {run.manifest['shard']}")
        seen[run.manifest["shard"]] = run
    return int(counts.pop())


def _without_shard(was: Configuration) -> Configuration:
    return {
        section: {name: value for name, value in parts.items() if name != "shard"}
        for section, parts in was.items()
    }


def _refuse_repeats(runs: Sequence[StoredRun], indexes: Sequence[JournalIndex]) -> None:
    for index, earlier in enumerate(indexes):
        for other, earlier in enumerate(indexes[:index]):
            if shared := earlier.shared_with(earlier):
                raise UsageError(
                    f"{shared} cases stand in both {runs[other].id} and {runs[index].id}",
                    hint="one of the journals is not that of its run",
                )


def _missing(runs: Sequence[StoredRun], count: int) -> Iterator[str]:
    there = {run.manifest["shard"] for run in runs}
    for index in range(1, count + 1):
        if f"{index}/{count}" not in there:
            yield f"shard {index}/{count} is missing"
    for run in runs:
        if run.status != "complete":
            yield f"shard {run.manifest['shard']} is {run.status}"


def _in_order(runs: Sequence[StoredRun], indexes: Sequence[JournalIndex]) -> Iterator[list[Record]]:
    """The records of each job, by its place in the run; two numbers a job are kept to sort them."""
    places = sorted(
        (record["index"], number, offset, length)
        for number, earlier in enumerate(indexes)
        for record, offset, length in earlier.records()
        if not record.get("choice")
    )
    with contextlib.ExitStack() as opened:
        files = [opened.enter_context(run.results.open("rb")) for run in runs]
        for _, number, offset, length in places:
            yield read_results(files[number], offset, length)


def _manifest(runs: Sequence[StoredRun], merged: Merged) -> Mapping[str, Any]:
    first, counters = runs[0].manifest, merged.counters
    arguments = first["arguments"]
    asking = {**arguments["asking"], "shard": None}
    return {
        "format": FORMAT,
        "runner": __version__,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        **{name: first[name] for name in _KEPT},
        "merged": [run.id for run in runs],
        "arguments": {**arguments, "asking": asking, "output": None},
        "shard": None,
        "configuration": _without_shard(first["configuration"]),
        "status": "stopped" if merged.missing else "complete",
        "reason": "; ".join(merged.missing) or None,
        "exit_code": merged.exit_code,
        "seconds": round(sum(float(run.manifest.get("seconds") or 0) for run in runs), 3),
        **counters.totals(),
    }
