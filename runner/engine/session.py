"""One run from start to finish: journal, signals, the display's clock, the summary in `run.json`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .._version import __version__
from ..endpoints.connect import Connection
from ..errors import RunnerError
from .control import Control
from .execute import Options, execute
from .journal import Journal
from .plan import Job, Unit
from .record import Counters, Record, json_line
from .verdict import Facts, exit_code

__all__ = ["Display", "Ending", "run_jobs"]

DISPLAY_SECONDS = 0.1


class Display(Protocol):
    """Who is told while a run goes on: each record once, and a tick ten times a second."""

    def record(self, record: Record) -> None:
        """A record is finished, and counted."""

    def tick(self) -> None:
        """A tenth of a second has passed."""

    def note(self, text: str) -> None:
        """Something a person should know now."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended: its exit code, its folder, how long it took, and why it stopped early (None: it did not)."""

    exit_code: int
    folder: Path
    seconds: float
    stopped: str | None
    unsent: bool
    signal: int | None


def run_jobs(
    jobs: Mapping[str, Iterator[Job]],
    units: Sequence[Unit],
    connections: Mapping[str, Connection],
    *,
    root: Path,
    counters: Counters,
    display: Display,
    sinks: Sequence[Callable[[Record], None]] = (),
    receive: Callable[[Record], None] | None = None,
    options: Options | None = None,
) -> Ending:
    """Run jobs (by endpoint; `units` are what they are made of) under a journal and tell `display` about it.

    Every record is in the journal before anything else hears of it. The journal and the sinks get it without keys;
    `receive` gets it as it came, to refuse what a key stands in, and must not write it. Raises StorageError or EndpointError after
    `run.json` says so.
    """
    clean = _cleaner(value for connection in connections.values() for value in connection.secrets)
    journal = Journal(root)
    started = time.monotonic()
    control: Control | None = None
    status, error = "complete", None

    def keep(record: Record) -> None:
        as_it_came = record
        line = json_line(record)
        cleaned = clean(line)
        if cleaned is not line:
            line, record = cleaned, json.loads(cleaned)
        journal.append(line)
        counters.add(record)
        display.record(record)
        for sink in sinks:
            sink(record)
        if receive is not None:
            receive(as_it_came)

    async def work() -> None:
        nonlocal control
        control = Control()
        main = asyncio.current_task()
        assert main is not None
        ticker = asyncio.create_task(_tick(display))
        try:
            with control.signals(main.cancel, display.note):
                await execute(jobs, connections, keep, options or Options(), control)
        finally:
            ticker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ticker

    try:
        asyncio.run(work())
    except (asyncio.CancelledError, KeyboardInterrupt):
        status = "interrupted"
    except RunnerError as problem:
        status, error = "failed", problem
    assert control is not None
    if control.reason is not None and error is None:
        status = "interrupted" if control.signal else "stopped"
    seconds = time.monotonic() - started
    unsent = status != "complete"
    facts = Facts(
        failed=counters.failed,
        unchecked=counters.errors + unsent,
        selected=counters.done,
        signal=control.signal,
    )
    code = error.exit_code if error else exit_code(facts)
    try:
        journal.write_summary(
            _summary(units, connections, journal, counters, status, control.reason, seconds, code)
        )
    finally:
        journal.close()
    if error is not None:
        raise error
    return Ending(code, journal.folder, seconds, control.reason, unsent, control.signal)


def _cleaner(values: Iterable[str]) -> Callable[[str], str]:
    """A function that takes keys out of a line of JSON, and returns the line itself when there is none in it.

    A model can be made to repeat a key; the answer is worth keeping, the key is not.
    """
    escaped = {json.dumps(value, ensure_ascii=False)[1:-1] for value in values if value}
    longest_first = sorted(escaped, key=len, reverse=True)

    def clean(line: str) -> str:
        for value in longest_first:
            if value in line:
                line = line.replace(value, "[key]")
        return line

    return clean


async def _tick(display: Display) -> None:
    while True:
        await asyncio.sleep(DISPLAY_SECONDS)
        display.tick()


def _summary(
    units: Sequence[Unit],
    connections: Mapping[str, Connection],
    journal: Journal,
    counters: Counters,
    status: str,
    reason: str | None,
    seconds: float,
    code: int,
) -> dict[str, object]:
    return {
        "format": 1,
        "runner": __version__,
        "status": status,
        "reason": reason,
        "exit_code": code,
        "started": journal.started.isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
        "prompts": sorted({unit.prompt.path for unit in units}),
        "models": sorted({unit.model for unit in units}),
        "endpoints": {name: connection.base_url for name, connection in connections.items()},
        "total": counters.total,
        "done": counters.done,
        "passed": counters.passed,
        "failed": counters.failed,
        "errors": counters.errors,
        "cached": counters.cached,
        "retries": counters.retries,
        "outcomes": dict(counters.outcomes),
        "prompt_tokens": counters.prompt_tokens,
        "completion_tokens": counters.completion_tokens,
        "cost": counters.cost,
    }
