"""Implement `runner runs`: list the project's runs, show one, delete old ones."""

from __future__ import annotations

import json
import shutil
import sys
from datetime import timedelta
from itertools import islice
from pathlib import Path

from ..engine.journal.final_records import manifest_now
from ..engine.journal.gc import delete, prunable
from ..engine.journal.stored_runs import find_run, stored_runs
from ..errors import StorageError
from ..files.project_root import find_root
from ..report.run.runs_table import run_facts, runs_table
from ..report.terminal.figures import plural
from ..report.terminal.outlet import print_data, print_line, print_lines
from ..report.terminal.terminal_text import visible

__all__ = ["delete_runs", "list_runs", "show_run"]


def list_runs(limit: int | None) -> int:
    """Print a table of the newest `limit` runs, newest first."""
    runs = list(islice(stored_runs(find_root(Path.cwd())), limit))
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    print_lines(runs_table(runs, width=width) if runs else "there are no runs yet")
    return 0


def show_run(name: str, *, as_json: bool) -> int:
    """Print the facts of a run, as lines or as its `run.json`."""
    found = find_run(find_root(Path.cwd()), name)
    if as_json:
        print_data(json.dumps(manifest_now(found), ensure_ascii=False, indent=2))
        return 0
    facts = list(run_facts(found))
    widest = max(len(caption) for caption, _ in facts)
    for caption, text in facts:
        print_line(f"{caption:{widest}}  {visible(text)}")
    return 0


def delete_runs(keep: int, older_than: int | None, *, unfinished: bool, dry_run: bool) -> int:
    """Delete all runs except the newest `keep` and those younger than `older_than` days."""
    age = None if older_than is None else timedelta(days=older_than)
    count = size = 0
    for run in prunable(stored_runs(find_root(Path.cwd())), keep=keep, older_than=age, unfinished=unfinished):
        count, size = count + 1, size + run.size
        print_line(f"{'would delete' if dry_run else 'deleted'} {run.id} ({run.status})")
        if not dry_run:
            try:
                delete(run)
            except OSError as error:
                raise StorageError(f"{run.folder} cannot be deleted: {error.strerror or error}") from None
    print_line(f"{plural(count, 'run')}, {size / 1e6:.1f} MB{' would be deleted' if dry_run else ''}")
    return 0
