"""Format what `runner runs` prints: a table of the project's runs, and the facts of one run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from ...engine.batch.batch_parts import BatchPart, parts_in
from ...engine.journal.final_records import manifest_now
from ...engine.journal.stored_runs import StoredRun
from ...errors import RunnerError
from ..terminal.figures import count, dollars, duration, plural
from ..terminal.table import format_table
from ..terminal.terminal_text import cell_width, shorten

__all__ = ["run_facts", "runs_table"]

_HEADERS = ("run", "started", "status", "done", "failed", "errors", "cost", "size", "prompts")
_RIGHT = ("done", "failed", "errors", "cost", "size")
_SPARED = ("size", "started", "cost", "errors")
"""The columns that a narrow terminal leaves out, in this order: the run's id contains its start."""
_PROMPTS_AT_LEAST = 12


def runs_table(runs: Iterable[StoredRun], *, width: int | None) -> str:
    """Return one line per run. `width` is the terminal's width, None for a pipe. The run's id is never shortened."""
    rows = [dict(zip(_HEADERS, _row(run), strict=True)) for run in runs]
    headers = list(_HEADERS)
    if width is not None:
        for spared in _SPARED:
            if width - _width(headers[:-1], rows) - 2 < _PROMPTS_AT_LEAST:
                headers.remove(spared)
        room = max(width - _width(headers[:-1], rows) - 2, 1)
        rows = [{**row, "prompts": _prompts_in(row["prompts"], room)} for row in rows]
        if room < len("prompts"):
            headers.remove("prompts")
    return _table(headers, rows)


def _prompts_in(prompts: str, room: int) -> str:
    """Return the prompts of a run; a path that is too long loses its folders first, then its ending, then more."""
    file = prompts.rpartition("/")[2]
    fitting = (text for text in (prompts, file) if cell_width(text) <= room)
    return next(fitting, shorten(file.partition(".")[0], room))


def _table(headers: list[str], rows: list[dict[str, str]]) -> str:
    return format_table(headers, ([row[name] for name in headers] for row in rows), right=_RIGHT)


def _width(headers: list[str], rows: list[dict[str, str]]) -> int:
    return max(map(cell_width, _table(headers, rows).splitlines()))


def run_facts(run: StoredRun) -> Iterator[tuple[str, str]]:
    """Yield the facts of a run, each with a caption. Raises StorageError for a damaged journal."""
    facts = manifest_now(run)
    yield "run", run.id
    yield "folder", str(run.folder)
    reason = facts.get("reason")
    yield "status", run.status + (f": {reason}" if reason and reason != run.status else "")
    if "started" not in facts:
        return
    yield "started", _when(facts["started"])
    yield "took", duration(float(facts.get("seconds") or 0)) + _stretches(facts.get("stretches"))
    yield "prompts", ", ".join(facts.get("prompts", ()))
    yield "models", ", ".join(facts.get("models", ()))
    for name, url in facts.get("endpoints", {}).items():
        yield "endpoint", f"{name} ({url}){_concurrency(facts.get('concurrency', {}).get(name))}"
    for part in parts_in(facts, run.id):
        yield "batch", _batch(part)
    if facts.get("exported"):
        yield "exported", str(facts["exported"])
    if facts.get("shard"):
        yield "shard", facts["shard"]
    if facts.get("merged"):
        yield "merged from", ", ".join(facts["merged"])
    yield "done", f"{count(facts['done'])} of {_count_or(facts.get('total'))}"
    yield (
        "verdicts",
        f"{count(facts['passed'])} passed, {count(facts['failed'])} failed, {plural(facts['errors'], 'error')}",
    )
    outcomes = facts.get("outcomes", {})
    if outcomes:
        yield "outcomes", ", ".join(f"{name} {count(number)}" for name, number in outcomes.items())
    yield "tokens", f"{count(facts['prompt_tokens'])} in, {count(facts['completion_tokens'])} out"
    if facts.get("cost") is not None:
        yield "cost", dollars(facts["cost"])
    yield "size", _megabytes(run.size)
    if facts.get("arguments") and run.status not in ("complete", "running"):
        yield "to resume", f"runner run --resume {run.id}"


def _batch(part: BatchPart) -> str:
    """Return a batch of a run: its id, its state, its requests, and since when."""
    name = part.id or f"number {part.part}, not confirmed"
    stored = ", collected" if part.closed else ""
    return f"{name}: {part.state}{stored}, {plural(part.lines, 'request')}, submitted {_when(part.submitted)}"


def _row(run: StoredRun) -> tuple[str, ...]:
    facts = run.manifest
    if "started" not in facts:
        return (run.id, "", run.status, "", "", "", "", _megabytes(run.size), "")
    prompts = facts.get("prompts", ())
    try:
        facts = manifest_now(run)
        done, total = facts.get("done", 0), facts.get("total")
        figures = (
            count(done) if total in (None, done) else f"{count(done)}/{count(total)}",
            *(count(facts.get(name, 0)) for name in ("failed", "errors")),
            "" if facts.get("cost") is None else dollars(facts["cost"]),
        )
    except RunnerError:
        # The other runs can still be listed; a command that needs this run reports the error.
        figures = ("?", "?", "?", "?")
    return (
        run.id,
        _when(facts["started"])[5:16],
        run.status,
        *figures,
        _megabytes(run.size),
        prompts[0] if len(prompts) == 1 else plural(len(prompts), "prompt"),
    )


def _when(text: str) -> str:
    """Return the local time, because a person reads it."""
    return f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M:%S}"


def _stretches(number: int | None) -> str:
    return f", in {number} attempts" if number and number > 1 else ""


def _concurrency(reached: dict[str, int] | None) -> str:
    if not reached or not reached["peak"]:  # nothing was sent: every answer was cached
        return ""
    limited = f", rate limited {plural(reached['rate_limited'], 'time')}" if reached["rate_limited"] else ""
    return f", at most {reached['peak']} at once{limited}"


def _count_or(number: int | None) -> str:
    return "?" if number is None else count(number)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{max(round(size / 1e3), 1)} kB"
