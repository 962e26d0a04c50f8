"""`runner merge`: merge the shards of one run, from any number of machines, into one run in the order of the input."""

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
from .exit_codes import exit_code
from .index import JournalIndex, read_results
from .journal import Journal
from .record import Record, journal_line, json_line
from .stored_runs import FORMAT, StoredRun

__all__ = ["Merged", "merge"]

_KEPT = ("prompts", "models", "endpoints", "files", "cwd")


@dataclass(frozen=True, slots=True)
class Merged:
    """The merged run. `missing` has one sentence for each thing that it lacks."""

    folder: Path
    counters: Counters
    missing: tuple[str, ...]
    exit_code: int


def merge(runs: Sequence[StoredRun], root: Path) -> tuple[Merged, Iterator[Record]]:
    """Merge runs that differ only in `--shard`. Return the merged run and its records in the order of the input.

    If shards are missing or have not finished, the merged run is unfinished: exit code 3, and `run --resume` requests
    the rest. Raises UsageError for runs that are not shards of one run, or if a case is in two of them.
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
        code = exit_code(counters.exit_counts(lacking=len(missing)))
        merged = Merged(journal.folder, counters, missing, code)
        journal.write_manifest(_manifest(runs, merged))
    return merged, (
        record for record, _, _ in JournalIndex(journal.results, runs[0].manifest["files"]).records()
    )


def _refuse_others(runs: Sequence[StoredRun]) -> int:
    """Return the shard count N that these runs share. Raises UsageError if they are not shards of one run."""
    first = runs[0]
    for run in runs:
        if not run.manifest.get("shard") or "configuration" not in run.manifest:
            raise UsageError(f"the run {run.id} is not a shard", hint="`runner run --shard I/N` makes shards")
        if run.status == "running":
            raise UsageError(f"the run {run.id} is still in progress", hint="wait until it ends")
        was, now = (_without_shard(each.manifest["configuration"]) for each in (first, run))
        if changed := differences(was, now):
            raise UsageError(
                f"the runs {first.id} and {run.id} are not shards of one run, because their configurations differ:\n  "
                + "\n  ".join(changed)
            )
    counts = {run.manifest["shard"].split("/")[1] for run in runs}
    if len(counts) > 1:
        raise UsageError(
            "these shards have different counts: " + ", ".join(run.manifest["shard"] for run in runs)
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
    for number, index in enumerate(indexes):
        for other, before in enumerate(indexes[:number]):
            if shared := index.shared_with(before):
                raise UsageError(
                    f"{shared} cases are in both {runs[other].id} and {runs[number].id}",
                    hint="one of the journals does not belong to its run",
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
    """Yield the records of each job in the order of the run. Only positions are kept in memory for sorting.

    Shards may have been run in different folders: each record gets the path of its prompt that the first run has.
    """
    shown = {file: path for path, file in runs[0].manifest["files"].items()}
    places = sorted(
        (record["index"], number, offset, length)
        for number, index in enumerate(indexes)
        for record, offset, length in index.records()
        if not record.get("choice")
    )
    with contextlib.ExitStack() as opened:
        files = [opened.enter_context(run.results.open("rb")) for run in runs]
        for _, number, offset, length in places:
            records = read_results(files[number], offset, length)
            names = runs[number].manifest["files"]
            for record in records:
                record["file"] = shown.get(names[record["file"]], record["file"])
            yield records


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
