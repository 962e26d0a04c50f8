"""Implement `runner export`: write the requests of a run to a batch file, for `runner collect` to read the results."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from ..endpoints.connect import Connection
from ..engine.attempt import RunAttempt, facts_of
from ..engine.batch.batch_requests import kind_of, line_of, refuse_embedded, refuse_secret
from ..engine.columns import columns_of
from ..engine.journal.counters import Counters
from ..engine.journal.record import Record
from ..engine.plan.configuration import configuration
from ..engine.plan.job import Job, Unit
from ..engine.plan.plan import Plan
from ..engine.plan.spool import Spool
from ..engine.pool.admission import Admission
from ..engine.pool.pool import Emit
from ..engine.pool.pool_options import PoolOptions
from ..engine.pool.shutdown import Shutdown
from ..engine.session import run_jobs
from ..errors import UsageError
from ..files.disk.plain_files import open_plain
from ..files.env_file import EnvFile
from ..report.file_writer import FileWriter
from ..report.terminal.figures import plural
from ..report.terminal.outlet import print_line
from ..report.terminal.terminal_text import visible
from ..wire.batch_lines import read_custom_id
from .connect_options import ConnectOptions
from .load_selection import Chosen, load_selection
from .resume import RunScope, texts_of_files

__all__ = ["ExportCommand"]

MOST_LINES, MOST_BYTES = 50_000, 200_000_000
"""What OpenAI and most others accept in one file. A server of one's own may accept more."""

_OFTEN = 1000


@dataclass(frozen=True, slots=True)
class ExportCommand:
    """The options of `runner export`."""

    scope: RunScope
    file: str
    endpoints: ConnectOptions
    lint: bool
    force: bool
    env_file: EnvFile | None

    def carry_out(self) -> int:
        """Run the command and return the exit code. Raises what loading, rendering and storing raise."""
        with contextlib.ExitStack() as closing:
            self._refuse_standard_input()
            chosen = load_selection(self.scope.selection, closing, env_file=self.env_file)
            if self.lint:
                chosen.refuse_faults()
            refuse_embedded(chosen.units)
            _refuse_several(chosen.units)
            self._check_destination(chosen)
            plan = Plan(chosen.units, chosen.selection.cases, self.scope.repeat, self.scope.shard)
            connections = self.endpoints.connect(chosen.workspace, plan.units)

            def check(job: Job) -> None:
                refuse_secret(job, connections[job.unit.endpoint.name].secrets)

            preflight = chosen.preflight(plan, check, closing.enter_context(Spool()))
            self._check_destination(chosen)
            force = self.force or _is_batch_file(self.file)
            writer = closing.enter_context(
                FileWriter(self.file, {".jsonl": _Lines}, option="--batch", force=force)
            )
            root = chosen.workspace.root
            arguments = {"asking": self.scope.as_json(), "output": None, "in_order": False, "bom": False}
            cases = configuration(plan, chosen.selection, connections, root)
            facts = facts_of(plan, cases, arguments, Path.cwd(), root)
            attempt = RunAttempt.begin(preflight, facts, root)
            closing.callback(attempt.journal.close)
            export = _Export(writer, chosen.shown(Path(self.file).absolute()))
            outcome = run_jobs(
                plan.by_endpoint(preflight),
                plan.units,
                connections,
                journal=attempt.journal,
                counters=Counters(total=preflight.records),
                display=_Quiet(),
                facts={
                    **attempt.facts,
                    "columns": columns_of(plan.units, preflight.columns).as_json(),
                    "exported": export.shown,
                },
                means=export.carry_out,
            )
            if outcome.signal is not None:
                return outcome.exit_code
        export.tell(attempt.journal.id)
        return 0

    def _refuse_standard_input(self) -> None:
        selection = self.scope.selection
        given = {"--input -": selection["rows"], "--vars -": selection["vars_file"]}
        given |= {f"--var {name}=@-": file for name, file in texts_of_files(selection)}
        for option, value in given.items():
            if value == "-":
                raise UsageError(
                    f"{option} cannot be exported: `runner collect` reads the same data again",
                    hint="save it to a file",
                )

    def _check_destination(self, chosen: Chosen) -> None:
        selection = self.scope.selection
        given = {"--input": selection["rows"], "--vars": selection["vars_file"]}
        given |= {f"--var {name}": file for name, file in texts_of_files(selection)}
        chosen.check_destination(self.file, given, option="--batch")


def _refuse_several(units: tuple[Unit, ...]) -> None:
    kinds = list(dict.fromkeys(map(kind_of, units)))
    if len(kinds) > 1:
        raise UsageError(
            f"a batch file is for one model on one endpoint, and the selection has {len(kinds)}:"
            f" {', '.join(map(str, kinds[:5]))}{', ...' if len(kinds) > 5 else ''}",
            hint="export them one after the other: choose with --model, --endpoint or the name of a prompt",
        )


def _is_batch_file(path: str) -> bool:
    """Return whether a file was written by `runner export`, so that it may be replaced."""
    start = b'{"custom_id":"'
    try:
        with open(open_plain(Path(path)), "rb") as file:  # noqa: PTH123 - a descriptor
            line = file.readline(200)
    except OSError:
        return False
    name = line.removeprefix(start).partition(b'"')[0].decode("ascii", "replace")
    return line.startswith(start) and read_custom_id(name) is not None


class _Lines:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def add(self, line: bytes) -> None:
        self._file.write(line)

    def end(self, *, complete: bool) -> None:
        """Write nothing."""


class _Quiet:
    """Shows nothing: an export has no answers."""

    def record(self, record: Record) -> None:
        """Do nothing."""

    def tick(self) -> None:
        """Do nothing."""

    def note(self, text: str) -> None:
        """Show a message."""
        print_line(text, err=True)


@dataclass(slots=True)
class _Export:
    """Writes the lines, and counts them."""

    writer: FileWriter[bytes]
    shown: str
    lines: int = 0
    size: int = field(default=0)

    async def carry_out(
        self,
        jobs: Mapping[str, Iterator[Job]],
        _connections: Mapping[str, Connection],
        _emit: Emit,
        _options: PoolOptions,
        shutdown: Shutdown,
        _admissions: Mapping[str, Admission],
    ) -> None:
        """Write the line of each job, then stop the run, which has no answers yet. See `execute`."""
        for of_endpoint in jobs.values():
            for job in of_endpoint:
                line = line_of(job)
                self.writer.write(line)
                self.lines += 1
                self.size += len(line)
                if self.lines % _OFTEN == 0:
                    await asyncio.sleep(0)  # for signals
                    if shutdown.stopping:
                        return
        self.writer.close(complete=True)
        shutdown.stop(f"exported to {self.shown}")

    def tell(self, run: str) -> None:
        """Print what was written, and what to do with it."""
        print_line(
            f"{plural(self.lines, 'request')} written to {visible(self.shown)} ({self.size / 1e6:.1f} MB)"
        )
        if self.lines > MOST_LINES or self.size > MOST_BYTES:
            print_line(
                f"most providers accept {MOST_LINES:,} lines and {MOST_BYTES / 1e6:.0f} MB in one file:"
                " --shard I/N writes several",
            )
        print_line(f"to collect the results: runner collect RESULTS.jsonl --run {run}")
