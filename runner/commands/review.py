"""What `runner review` does: show, read a key, and in the end carry out what was decided."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from ..errors import NothingSelectedError, RunnerError, UsageError, raise_all
from ..files.discover import refuse_other_projects
from ..regress.accept import accept, reject
from ..regress.claims import refuse_shared_folders
from ..regress.pending import load_pending, select_pending
from ..regress.results import PendingEntry
from ..regress.review import Review
from ..regress.revisions.hunks import Hunk
from ..regress.snapshots.snapshot import Snapshot
from ..regress.snapshots.store import SnapshotStore, store_of
from ..report.figures import plural
from ..report.outlet import Outlet, print_line
from ..report.reporter import wants_color
from ..report.review_screen import entry_lines, screen_lines
from ..report.visible import visible
from .review_rules import RuleWriting
from .workspace import open_workspace

__all__ = ["review"]


def review(select: Sequence[str], read_key: Callable[[], str], *, isolate: bool) -> int:
    """Go through the chosen entries; `read_key` waits for a key at the terminal.

    Raises NothingSelectedError, and UsageError off a terminal, after showing them.
    """
    workspace = open_workspace()
    project, root = workspace.project, workspace.root
    store = store_of(project, workspace.environ)
    refuse_other_projects(select, project=project, cwd=Path.cwd())
    waiting = load_pending(root)
    entries = select_pending(waiting, select)
    if not entries:
        raise NothingSelectedError(
            "nothing waits for approval" if not waiting else "nothing that waits matches",
            hint="runner test asks for what changed" if not waiting else "runner pending lists what waits",
        )
    refuse_shared_folders((entry.snapshot_file for entry in entries), project)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        _print_all(entries, store)
        raise UsageError(
            "a review needs a terminal",
            hint="runner accept and runner reject take the names of cases, or --kind, or --all",
        )
    rules = RuleWriting(root)
    state = Review(entries, rules.add)
    _converse(state, store, _Requests(entries, isolate=isolate), read_key)
    return _carry_out(state, rules, root, store)


def _print_all(entries: Sequence[PendingEntry], store: SnapshotStore) -> None:
    color = wants_color(sys.stdout, os.environ)
    for entry in entries:
        for line in entry_lines(entry, _approved(store, entry)):
            print_line(line.painted(color=color))
        print_line()


def _converse(state: Review, store: SnapshotStore, requests: _Requests, read_key: Callable[[], str]) -> None:
    color = wants_color(sys.stdout, os.environ)
    screen = Outlet(sys.stdout, "standard output")
    with _other_screen(screen):
        while not state.done:
            size = shutil.get_terminal_size()
            approved = _approved(store, state.entry)
            hunks = requests.of(state.entry) if state.view == "diff" else ()
            lines = screen_lines(state, approved, hunks, width=size.columns, height=size.lines)
            screen.control("\x1b[H\x1b[2J")
            screen.write("\n".join(line.painted(color=color).replace("\n", "\\n") for line in lines))
            screen.flush()
            try:
                state.press(read_key())
            except EOFError:
                raise KeyboardInterrupt from None


@contextlib.contextmanager
def _other_screen(screen: Outlet) -> Iterator[None]:
    """The terminal's second screen, as editors use it: what was on the first comes back whatever happens."""
    screen.control("\x1b[?1049h\x1b[?25l")
    try:
        yield
    finally:
        screen.control("\x1b[?25h\x1b[?1049l")
        screen.flush()


def _carry_out(state: Review, rules: RuleWriting, root: Path, store: SnapshotStore) -> int:
    """Do what was decided; what cannot be done is told, the rest is done all the same."""
    problems: list[RunnerError] = []
    for entry in state.decided("accept"):
        try:
            accept(root, entry, store)
        except RunnerError as error:
            problems.append(error)
        else:
            print_line(f"accepted {entry.kind:9} {visible(entry.snapshot_file)}")
    for entry in state.decided("reject"):
        reject(root, entry)
        print_line(f"rejected {entry.kind:9} {visible(entry.snapshot_file)}")
    try:
        for file in rules.write():
            print_line(f"added rules to {visible(file)}: run the test again to compare by them")
    except RunnerError as error:
        problems.append(error)
    left = len(load_pending(root))
    if left:
        print_line(f"{plural(left, 'answer')} still {'wait' if left != 1 else 'waits'} for approval")
    raise_all(problems)
    return 0


def _approved(store: SnapshotStore, entry: PendingEntry) -> Snapshot | None:
    """The approved snapshot; None where there is none that can be read, such as one with a merge conflict."""
    with contextlib.suppress(RunnerError):
        return store.read(entry.moved_from or entry.snapshot_file)
    return None


class _Requests:
    """What changed in the requests since the last commit, worked out when it is first looked at."""

    def __init__(self, entries: Sequence[PendingEntry], *, isolate: bool) -> None:
        self._isolate = isolate
        self._files = sorted({entry.file for entry in entries})

    def of(self, entry: PendingEntry) -> Sequence[Hunk]:
        """The hunks of an entry's request; none outside of git, or where the change is committed already."""
        return self._hunks.get(entry.snapshot_file, ())

    @cached_property
    def _hunks(self) -> Mapping[str, list[Hunk]]:
        from .diff import comparison_with

        found: dict[str, list[Hunk]] = {}
        with contextlib.suppress(RunnerError):
            with open_workspace(isolate=self._isolate) as workspace:
                comparison = comparison_with("HEAD", self._files, workspace, with_hunks=True)
            files = {change.seen.key: change.snapshot for change in comparison.changes}
            for hunk in comparison.hunks or ():
                for key in hunk.cases:
                    if (file := files[key]) is not None:
                        found.setdefault(file, []).append(hunk)
        return found
