"""Implement `runner review`: show each pending answer, read keys, and apply the decisions at the end."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path

from ..errors import RunnerError, UsageError, raise_all
from ..files.discover import refuse_other_projects
from ..regress.approval import reject
from ..regress.claims import refuse_shared_folders
from ..regress.pending_answers import load_pending, select_pending
from ..regress.results import PendingEntry
from ..regress.review_state import Extent, Proposed, Review, View
from ..regress.revisions.hunks import Hunk
from ..regress.snapshots.reader import ConflictError
from ..regress.snapshots.store import SnapshotStore, store_of
from ..report.review_screen import Page, ReviewCase, entry_lines, make_page, screen_lines, too_small
from ..report.terminal.figures import plural
from ..report.terminal.outlet import Outlet, print_line
from ..report.terminal.reporter import wants_color
from ..report.terminal.terminal_text import visible
from ..workspace import Workspace
from .approve import NOTHING_PENDING, accept_entry, nothing_matches
from .diff import hunks_since_last_commit
from .open_workspace import open_workspace
from .questions import CaseQuestions, DeclaredCases
from .review_rules import RuleWriting

__all__ = ["review"]

Keyboard = Callable[[], AbstractContextManager[Callable[[], str]]]


def review(select: Sequence[str], keyboard: Keyboard, *, isolate: bool) -> int:
    """Review the selected entries and return 0. Single keys can be read inside `keyboard()`.

    Raises NothingSelectedError, and UsageError without a terminal (after printing the entries) or if it is too small.
    """
    with open_workspace(isolate=isolate) as workspace:
        project, root = workspace.project, workspace.root
        store = store_of(project, workspace.environ)
        refuse_other_projects(select, project=project, cwd=Path.cwd())
        pending = load_pending(root)
        entries = select_pending(pending, select)
        if not entries:
            if not pending and not select:
                print_line(NOTHING_PENDING)
                return 0
            raise nothing_matches(pending)
        refuse_shared_folders((entry.snapshot_file for entry in entries), project)
        workspace.sandbox.start()
        cases = _Cases(entries, store, workspace, isolate=isolate)
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            _print_all(entries, cases)
            raise UsageError(
                "a review needs a terminal",
                hint="runner accept and runner reject accept names of cases, --kind, or --all",
            )
        size = shutil.get_terminal_size()
        if (reason := too_small(size.columns, size.lines)) is not None:
            raise UsageError(
                reason, hint="enlarge the window; without a terminal `runner review` prints the answers"
            )
        rules = RuleWriting(root)
        screen = _Screen(cases)
        state = Review(entries, rules.add, screen.fits)
        with screen.shown(), keyboard() as read_key:
            _converse(state, screen, read_key)
        return _apply(state, rules, workspace, store)


def _print_all(entries: Sequence[PendingEntry], cases: _Cases) -> None:
    color = wants_color(sys.stdout, os.environ)
    for entry in entries:
        for line in entry_lines(cases.of(entry), color=color):
            print_line(line.painted(color=color))
        print_line()


def _converse(state: Review, screen: _Screen, read_key: Callable[[], str]) -> None:
    while not state.done:
        extent = screen.draw(state)
        size = shutil.get_terminal_size()
        try:
            while not (key := read_key()) and shutil.get_terminal_size() == size:
                pass
        except EOFError:
            raise KeyboardInterrupt from None
        if key and extent is not None:
            state.press(key, extent)
        elif key == "q":
            state.left = True


class _Screen:
    """The terminal, with the pages that were laid out for its current width."""

    def __init__(self, cases: _Cases) -> None:
        self._cases = cases
        self._out = Outlet(sys.stdout, "standard output")
        self._color = wants_color(sys.stdout, os.environ)
        self._encoding = sys.stdout.encoding
        self._pages: dict[tuple[str, View, int], Page] = {}

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """Use the terminal's alternate screen, as editors do, and restore the main screen whatever happens."""
        self._out.control("\x1b[?1049h\x1b[?25l")
        try:
            yield
        finally:
            self._out.control("\x1b[?25h\x1b[?1049l")
            self._out.flush()

    def draw(self, state: Review) -> Extent | None:
        """Show the state and return its extent; None if the terminal has become too small, so that only q is accepted."""
        columns, height = shutil.get_terminal_size()
        reason = too_small(columns, height)
        if reason is not None:
            self._write([f"{reason[0].upper()}{reason[1:]}. Enlarge it, or press q."])
            return None
        width = _usable(columns)
        page = self._page(state.entry, state.view, width)
        lines, extent = screen_lines(
            state, self._cases.of(state.entry), page, width=width, height=height, encoding=self._encoding
        )
        self._write([line.painted(color=self._color).replace("\n", "\\n") for line in lines])
        return extent

    def fits(self, entry: PendingEntry) -> bool:
        """Return whether the whole answer of an entry fits on the screen."""
        columns, height = shutil.get_terminal_size()
        width = _usable(columns)
        page = self._page(entry, "whole", width)
        alone = Review([entry], lambda *_: Proposed(""), self.fits)
        _, extent = screen_lines(
            alone, self._cases.of(entry), page, width=width, height=height, encoding=self._encoding
        )
        return extent.needed <= extent.room

    def _page(self, entry: PendingEntry, view: View, width: int) -> Page:
        key = (entry.snapshot_file, view, width)
        if key not in self._pages:
            if len(self._pages) > _PAGES:
                self._pages.clear()
            self._pages[key] = make_page(
                self._cases.of(entry), view, width=width, color=self._color, encoding=self._encoding
            )
        return self._pages[key]

    def _write(self, lines: Sequence[str]) -> None:
        self._out.control("\x1b[H\x1b[2J")
        self._out.write("\n".join(lines))
        self._out.flush()


_PAGES = 50


def _usable(columns: int) -> int:
    """Return the width to use: a character in the last column makes some terminals wrap."""
    return columns - 1


def _apply(state: Review, rules: RuleWriting, workspace: Workspace, store: SnapshotStore) -> int:
    """Apply the decisions. Report those that cannot be applied, and apply the others nevertheless."""
    root = workspace.root
    problems: list[RunnerError] = []
    declared = DeclaredCases(workspace)
    for entry in state.decided("accept"):
        try:
            accept_entry(root, entry, store, declared)
        except RunnerError as error:
            problems.append(error)
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
        print_line(f"{plural(left, 'answer')} still pending")
    raise_all(problems)
    return 0


class _Cases:
    """The data to show for each entry, collected when the entry is first shown."""

    def __init__(
        self, entries: Sequence[PendingEntry], store: SnapshotStore, workspace: Workspace, *, isolate: bool
    ) -> None:
        self._store = store
        self._isolate = isolate
        self._files = sorted({entry.file for entry in entries})
        self._cases: dict[str, ReviewCase] = {}
        self._questions = CaseQuestions(workspace)

    def of(self, entry: PendingEntry) -> ReviewCase:
        """Return the entry with the answer it is compared with and its question."""
        key = entry.snapshot_file
        if key not in self._cases:
            self._cases[key] = self._find(entry)
        return self._cases[key]

    def _find(self, entry: PendingEntry) -> ReviewCase:
        approved, unreadable, conflict = None, None, False
        try:
            approved = self._store.read(entry.moved_from or entry.snapshot_file)
        except RunnerError as error:
            unreadable, conflict = error.message, isinstance(error, ConflictError)
        question = self._questions.of(entry)
        changed = approved is not None and approved.request != entry.snapshot.request
        return ReviewCase(
            entry,
            question,
            approved,
            unreadable,
            conflict,
            self._hunks.get(entry.snapshot_file, ()) if changed else (),
        )

    @cached_property
    def _hunks(self) -> Mapping[str, Sequence[Hunk]]:
        """The differences of requests from the last commit, by snapshot file; empty outside git."""
        return hunks_since_last_commit(self._files, isolate=self._isolate)
