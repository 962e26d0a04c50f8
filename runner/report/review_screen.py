"""Draw the screen of a review: the request, the whole answer, its differences from the approved one, the keys. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..regress.results import PendingEntry
from ..regress.review_state import Extent, Review, View
from ..regress.revisions.hunks import Hunk
from ..regress.snapshots.snapshot import Snapshot
from .answer_sections import (
    Style,
    answer_caption,
    answer_diff,
    answer_section,
    diff_text,
    field_section,
    hunk_lines,
    question_section,
)
from .question import Question
from .terminal.figures import plural
from .terminal.painting import BOLD, DIM, REVERSE, YELLOW, Line
from .terminal.record_words import input_text
from .terminal.terminal_text import one_line

__all__ = [
    "MIN_HEIGHT",
    "MIN_WIDTH",
    "Page",
    "ReviewCase",
    "entry_lines",
    "entry_name",
    "make_page",
    "screen_lines",
    "too_small",
]

MIN_WIDTH, MIN_HEIGHT = 40, 12

_KEYS = "a accept · r reject · s skip · p previous · u undo · e rule · ? help · q quit"

_HELP = """\
a r s    accept, reject or skip this answer
A R S    the same for all answers that are left; A stops at an answer that is
         longer than the screen and was not scrolled to its end
space b  scroll a screen down or up (also PgDn, PgUp)
j k      next or previous difference, then a line down or up (also arrows)
g G      the beginning, the end (also Home, End)
p n      previous or next answer, without deciding (also left, right)
u        undo the last decision or rule
e        add a rule for the highlighted difference (>) to the prompt file
d        only the lines that changed, in the request and in the answer
i        where the answer came from: files, request, model, run
q        apply the decisions and leave; they are also applied after the last
         answer; Ctrl-C leaves and changes nothing

Any key goes back."""

_MEANINGS = {
    "new": "Nothing is approved yet.",
    "changed": "The answer differs from the approved one beyond the rules.",
    "refreshed": "The request changed, the answer did not: accepting keeps the approved answer.",
    "moved": "The same request under another name: accepting renames the file.",
}


@dataclass(frozen=True, slots=True)
class ReviewCase:
    """The contents to show for a pending entry.

    `approved` is the snapshot that it would replace, or `unreadable` is why that cannot be read (`conflict`: it has
    git's conflict markers). `hunks` are the differences of the request from the one in the last commit.
    """

    entry: PendingEntry
    question: Question
    approved: Snapshot | None = None
    unreadable: str | None = None
    conflict: bool = False
    hunks: Sequence[Hunk] = ()

    @property
    def kind(self) -> str:
        """Return what accepting does, as a word; `conflict` if it would replace an unmerged file."""
        return "conflict" if self.conflict else self.entry.kind


@dataclass(frozen=True, slots=True)
class Page:
    """The lines of an entry at one width. Lines `table` to `table` + `rows` - 1 are the differences.

    An approval covers the first `needed` lines: everything up to the end of the answer.
    """

    lines: tuple[Line, ...]
    needed: int
    table: int = 0
    rows: int = 0


def entry_name(entry: PendingEntry) -> str:
    """Return `prompt/case@variant`, safe for a terminal."""
    variant = "" if entry.variant is None else f"@{entry.variant}"
    return one_line(f"{entry.prompt}/{entry.case}{variant}")


def too_small(width: int, height: int) -> str | None:
    """Return why a review cannot be shown on a terminal of this size; None if it can."""
    if width >= MIN_WIDTH and height >= MIN_HEIGHT:
        return None
    return (
        f"the terminal has {width} x {height} characters; a review needs at least {MIN_WIDTH} x {MIN_HEIGHT}"
    )


def make_page(
    case: ReviewCase, view: View, *, width: int | None, color: bool, encoding: str = "utf-8"
) -> Page:
    """Lay out an entry in one of the views. `width` is the terminal's, None for a pipe or a log."""
    style = Style(width, color, encoding)
    if view == "help":
        lines = list(style.wrap(_HELP))
        return Page(tuple(lines), len(lines))
    if view == "info":
        lines = list(_info(case, style))
        return Page(tuple(lines), len(lines))
    if view == "diff":
        lines = list(_changes(case, style))
        return Page(tuple(lines), len(lines))
    return _whole(case, style)


def screen_lines(
    review: Review, case: ReviewCase, page: Page, *, width: int, height: int, encoding: str = "utf-8"
) -> tuple[list[Line], Extent]:
    """Return at most `height` lines and the extent of what they show. Limits the scroll position of `review`."""
    style = Style(width, color=True, encoding=encoding)
    decided = f"  ({review.decision})" if review.decision else ""
    place = f"{review.at + 1}/{len(review.entries)}  {case.kind}  "
    name = style.fit(entry_name(case.entry), len(place) + len(decided))
    head = [Line(f"{place}{name}{decided}", BOLD), Line("")]
    message = list(style.wrap(review.message, 0, YELLOW)) if review.message else []
    keys = list(style.wrap(_KEYS, 0, DIM))
    most = max(height - len(head) - len(keys) - 5, 1)  # keeps a few lines of the answer
    if len(message) > most:
        message = [
            *message[: most - 1],
            Line(style.spelt("… (the rest of this message needs a larger terminal)"), YELLOW),
        ]
    room = height - len(head) - len(message) - len(keys) - 1
    rows = tuple(range(page.table, page.table + page.rows))
    extent = Extent(len(page.lines), room, page.needed, rows)
    review.show(extent)
    body = list(page.lines[review.top : review.top + room])
    if review.row < page.rows and review.top <= (row := page.table + review.row) < review.top + room:
        chosen = page.lines[row]
        body[row - review.top] = Line(f"> {chosen.text[2:]}", REVERSE)
    body += [Line("")] * (room - len(body))
    position = Line(_position(review, extent, style), YELLOW if _is_hidden(review, extent) else DIM)
    return [*head, *body, position, *message, *keys], extent


def entry_lines(case: ReviewCase, *, color: bool) -> Iterator[Line]:
    """Yield an entry for a pipe or a log: the same contents at full length, without keys."""
    yield Line(f"{case.kind}  {entry_name(case.entry)}", BOLD)
    yield from make_page(case, "whole", width=None, color=color).lines


# --- the page -------------------------------------------------------------------------------------------------------


def _whole(case: ReviewCase, style: Style) -> Page:
    entry = case.entry
    lines = list(_about(case, style))
    table = 0
    if entry.fields:
        lines.append(Line(""))
        header, *rows = field_section(entry.fields, style)
        table = len(lines) + 1
        lines += [header, *rows]
    lines += answer_section(case.approved, entry.snapshot, style)
    needed = len(lines)
    lines += question_section(case.question, case.hunks, style)
    return Page(tuple(lines), needed, table, len(entry.fields))


def _about(case: ReviewCase, style: Style) -> Iterator[Line]:
    entry, approved, new = case.entry, case.approved, case.entry.snapshot
    if case.conflict:
        yield from style.wrap("The approved snapshot has a merge conflict: accepting replaces it.", 2, DIM)
    elif case.unreadable is not None:
        yield from style.wrap(f"The approved snapshot cannot be read: {case.unreadable}", 2, YELLOW)
    else:
        yield from style.wrap(_MEANINGS[entry.kind], 2, DIM)
    given = input_text(case.question.variables or {})
    if (
        given is not None and style.width is not None
    ):  # the whole question is below the answer, which may be long
        yield Line(style.fit(f"  input: {given}"))
    if entry.moved_from is not None:
        yield from style.wrap(f"was {entry.moved_from}")
    if approved is not None and approved.request != new.request:
        parts = [name for name, digest in new.parts.items() if approved.parts.get(name) != digest]
        yield from style.wrap(f"request changed: {', '.join(parts) or 'only the way it is fingerprinted'}")
    if new.samples > 1:
        before = ""
        if approved is not None and approved.samples > 1:
            before = f"; {approved.agreement} of {approved.samples} when it was approved"
        yield from style.wrap(f"{new.agreement} of {new.samples} samples gave this answer{before}")
    for path in new.unstable:
        yield from style.wrap(f"not stable: {path}", 2, YELLOW)


def _changes(case: ReviewCase, style: Style) -> Iterator[Line]:
    """Yield only the changes: the request's hunks, and the answer's changed lines with three lines of context."""
    yield from list(hunk_lines(case.hunks, style))[1:]
    if case.hunks:
        yield Line("")
    yield from answer_caption(case.approved, case.entry.snapshot, style)
    lines = list(answer_diff(case.approved, case.entry.snapshot))
    near = {
        at + step
        for at, line in enumerate(lines)
        if line.sign != " "
        for step in range(-_AROUND, _AROUND + 1)
    }
    if not near:
        yield from style.wrap("(no line of the answer changed)", 4, DIM)
    skipped = 0
    for at, line in enumerate(lines):
        if at not in near:
            skipped += 1
            continue
        if skipped:
            yield from style.wrap(f"({plural(skipped, 'line')} without a change)", 4, DIM)
        skipped = 0
        yield from diff_text(line, style)
    if skipped and near:
        yield from style.wrap(f"({plural(skipped, 'line')} without a change)", 4, DIM)


_AROUND = 3


def _info(case: ReviewCase, style: Style) -> Iterator[Line]:
    entry, new = case.entry, case.entry.snapshot
    facts = {
        "name": entry_name(entry),
        "prompt": entry.file,
        "snapshot": entry.snapshot_file,
        "request": new.request,
        "model": new.model or "not reported",
        "outcome": new.outcome or "ok",
        "run": entry.run or "",
    }
    for name, value in facts.items():
        if value:
            first, *rest = style.wrap(value, 12)
            yield Line(f"  {name:10}{first.text[12:]}")
            yield from rest


def _is_hidden(review: Review, extent: Extent) -> bool:
    return review.view == "whole" and review.at not in review.complete and extent.needed > extent.room


def _position(review: Review, extent: Extent, style: Style) -> str:
    """Return which lines are shown, and how to see the others, as far as it fits; nothing if all lines are shown."""
    if extent.lines <= extent.room:
        return ""
    last = min(review.top + extent.room, extent.lines)
    lines = f"lines {review.top + 1}-{last} of {extent.lines}"
    if _is_hidden(review, extent):
        long = f"{lines} · space shows more of the answer; at its end `a` accepts it"
        return next((text for text in (long, f"{lines} · space: more") if style.fit(text) == text), lines)
    return style.fit(f"{lines} · {'space, j: more' if last < extent.lines else 'b, k: back'}")
