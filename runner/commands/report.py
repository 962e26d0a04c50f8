"""Implement `runner report`, `runner view` and `run --report`: write the records of a run as a page."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from ..engine.journal.final_records import final_records, manifest_now
from ..engine.journal.stored_runs import StoredRun, find_run
from ..files.destination import Destination
from ..files.project_root import find_root
from ..processes.browser import open_in_browser
from ..report.html.entry import RunFacts
from ..report.html_file import ReportWriter, refuse_other_files
from ..report.terminal.figures import count, duration, plural
from ..report.terminal.outlet import print_line
from ..report.terminal.record_words import label
from ..report.terminal.terminal_text import visible
from ..workspace import Workspace
from .open_workspace import open_workspace
from .report_against import Against, find_against
from .report_entries import RecordedEntries, title_of

__all__ = ["report", "report_run", "view"]


def report(name: str, against: str | None, output: str) -> int:
    """Write a report of a stored run to `output`. Raises UsageError, StorageError and what reading runs raises."""
    root = find_root(Path.cwd())
    run = find_run(root, name)
    refuse_other_files(output, "--output")
    Destination("--output", output, root).check()
    with contextlib.ExitStack() as closing:
        other = find_against(root, against, closing) if against is not None else None
        workspace = closing.enter_context(open_workspace())
        written = report_run(run, workspace, output, other=other, option="--output")
    print_line(f"{visible(output)}: {plural(written, 'answer')} of the run {run.id}")
    return 0


def view(name: str, against: str | None) -> int:
    """Write a report of a stored run to the user's cache folder and open it in the browser."""
    from platformdirs import user_cache_path

    root = find_root(Path.cwd())
    run = find_run(root, name)
    folder = user_cache_path("prompt-runner", appauthor=False) / "reports"
    with contextlib.ExitStack() as closing:
        other = find_against(root, against, closing) if against is not None else None
        named = f"-against-{re.sub(r'[^A-Za-z0-9.-]', '_', other.name)}" if other else ""
        file = folder / f"{run.id}{named}.html"
        workspace = closing.enter_context(open_workspace())
        report_run(run, workspace, str(file), other=other, option="the report")
    print_line(visible(str(file)))
    if not open_in_browser(file, [root]):
        print_line("no browser could be opened; open this file in one")
    return 0


def report_run(
    run: StoredRun,
    workspace: Workspace,
    output: str,
    *,
    other: Against | None = None,
    option: str = "--report",
) -> int:
    """Write the report of a stored run, and return the number of its answers."""
    facts = _facts(run, other)
    known = RecordedEntries(run, workspace)
    written = 0
    with contextlib.ExitStack() as on_failure:
        writer = ReportWriter(output, facts, option)
        on_failure.callback(writer.discard)
        for record in final_records(run):
            earlier = other.find(record, known.name(record), known.prompt(record)) if other else None
            writer.write(known.entry(record, earlier))
            written += 1
        for each in other.unseen() if other is not None else ():
            writer.missing(label(each))
        writer.close(complete=True)
    return written


def _facts(run: StoredRun, other: Against | None) -> RunFacts:
    manifest = manifest_now(run)
    notes = []
    if run.status != "complete":
        reason = manifest.get("reason")
        notes.append(
            f"This run is {run.status}" + (f" ({reason})" if reason and reason != run.status else "") + ": "
            f"{count(manifest.get('done', 0))} of {count(manifest['total']) if manifest.get('total') else '?'} answers."
        )
    if manifest.get("command") == "test":
        notes.append(
            "This was a run of `runner test`: its records are the cases that were sent, compared with the answers that are "
            "approved now. Cases that were replayed have no record; `runner test --report FILE` includes them."
        )
    prompts = manifest.get("prompts", [])
    return RunFacts(
        title=title_of([_name(each) for each in prompts]),
        facts=tuple(_captions(run, other)),
        notes=notes,
        against=other.name if other is not None else None,
        root=run.folder.parents[2],
    )


def _captions(run: StoredRun, other: Against | None) -> Iterator[tuple[str, str]]:
    manifest = run.manifest
    yield "run", run.id
    if started := manifest.get("started"):
        yield "started", f"{datetime.fromisoformat(started).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if manifest.get("seconds"):
        yield "took", duration(float(manifest["seconds"]))
    for caption, values in (
        ("model", manifest.get("models", ())),
        ("endpoint", manifest.get("endpoints", {})),
        ("prompt", manifest.get("prompts", ())),
    ):
        names = list(values)
        if names:
            yield (
                caption if len(names) == 1 else f"{caption}s",
                ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else ""),
            )
    if manifest.get("shard"):
        yield "shard", manifest["shard"]
    if other is not None:
        yield "against", other.name


def _name(prompt: str) -> str:
    """Return the default name of a prompt, from the name of its file."""
    name = Path(prompt).name
    for ending in (".yaml", ".yml", ".prompt"):
        name = name.removesuffix(ending)
    return name
