"""What a review shows of an answer that waits: its differences, the diff of the whole answer, where it came from. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from ..regress.results import PendingEntry
from ..regress.review import Review
from ..regress.revisions.hunks import Hunk
from ..regress.snapshots.snapshot import Snapshot
from ..regress.snapshots.writer import emit
from ..values import Json
from .figures import plural
from .painting import BOLD, DIM, GREEN, RED, REVERSE, YELLOW, Line
from .review_table import field_row, field_table
from .visible import one_line, shorten, visible

__all__ = ["answer_diff", "entry_lines", "entry_name", "screen_lines"]

_KEYS = "a accept  r reject  s skip  A R S all  d diff  i info  e rule  j k move  q quit"

_MEANINGS = {
    "new": "nothing is approved yet",
    "changed": "the answer differs beyond the rules",
    "refreshed": "the request changed, the answer holds: accepting keeps the approved answer",
    "moved": "the same request under another name: accepting renames the file",
}


def entry_name(entry: PendingEntry) -> str:
    """`prompt/case@variant`, safe for a terminal."""
    variant = "" if entry.variant is None else f"@{entry.variant}"
    return one_line(f"{entry.prompt}/{entry.case}{variant}")


def screen_lines(
    review: Review, approved: Snapshot | None, requests: Sequence[Hunk], *, width: int, height: int
) -> list[Line]:
    """The whole screen for the entry that is shown, `height` lines at most; `requests` is what changed of its request."""
    entry = review.entry
    head = [Line(f"{review.at + 1}/{len(review.entries)}  {entry.kind}  {entry_name(entry)}", BOLD)]
    head += _about(entry, approved)
    foot = [
        Line(""),
        *([Line(line, YELLOW) for line in visible(review.message).splitlines()]),
        Line(_KEYS, DIM),
    ]
    room = max(height - len(head) - len(foot) - 1, 3)
    if review.view == "fields" and entry.fields:
        body = _highlighted(entry, review.line, width=width, room=room)
    else:
        body = list(_info(entry)) if review.view == "info" else list(_whole(entry, approved, requests))
        start = min(review.line, max(len(body) - room, 0))
        body = body[start : start + room]
    return [
        Line(shorten(line.text, width), line.style, line.styled) for line in (*head, Line(""), *body, *foot)
    ]


def entry_lines(entry: PendingEntry, approved: Snapshot | None) -> Iterator[Line]:
    """An entry for a pipe or a log: the same at full length, without keys."""
    yield Line(f"{entry.kind}  {entry_name(entry)}", BOLD)
    yield from _about(entry, approved)
    yield from (Line(f"  {line}") for line in field_table([field_row(change) for change in entry.fields]))
    yield from _whole(entry, approved, ())


def answer_diff(approved: Snapshot | None, new: Snapshot) -> list[str]:
    """The approved and the new answer as snapshots show them, line by line: "-", "+" or " " and the line."""
    before = [] if approved is None else _answer(approved)
    after = _answer(new)
    diff = difflib.unified_diff(before, after, lineterm="", n=len(before) + len(after))
    lines = [line for number, line in enumerate(diff) if number > 2]  # behind "---", "+++" and "@@"
    return lines or [f" {line}" for line in after]


def _answer(snapshot: Snapshot) -> list[str]:
    fields: dict[str, Json] = {}
    for name in ("outcome", "finish_reason", "refusal"):
        value = getattr(snapshot, name)
        if value is not None:
            fields[name] = value
    fields["output"] = snapshot.output
    if snapshot.tool_calls is not None:
        fields["tool_calls"] = snapshot.tool_calls
    return list(emit(fields))


def _about(entry: PendingEntry, approved: Snapshot | None) -> Iterator[Line]:
    yield Line(f"  {_MEANINGS[entry.kind]}", DIM)
    if entry.moved_from is not None:
        yield Line(f"  was {visible(entry.moved_from)}")
    new = entry.snapshot
    if approved is not None and approved.request != new.request:
        parts = [name for name, digest in new.parts.items() if approved.parts.get(name) != digest]
        yield Line(f"  request changed: {', '.join(parts) or 'the way it is fingerprinted'}")
    if new.samples > 1:
        before = ""
        if approved is not None and approved.samples > 1:
            before = f"; {approved.agreement} of {approved.samples} when it was approved"
        yield Line(f"  {new.agreement} of {new.samples} samples gave this answer{before}")
    for path in new.unstable:
        yield Line(f"  not stable: {visible(path)}", YELLOW)


def _highlighted(entry: PendingEntry, at: int, *, width: int, room: int) -> list[Line]:
    """The table with one row highlighted; of a long one, the part around that row."""
    others = max(sum(map(len, (change.path, change.rule, change.note or ""))) for change in entry.fields)
    # What is left for the two values, so that what differs is not what the table cuts off.
    rows = [field_row(change, width=max((width - others - 24) // 2, 20)) for change in entry.fields]
    header, *lines = field_table(rows, width=width - 4)
    shown = max(room - 1, 1)
    start = min(max(at - shown // 2, 0), max(len(rows) - shown, 0))
    body = [
        Line(
            f"{'>' if number == at else ' '} {lines[number]}",
            REVERSE if number == at else DIM if rows[number].equal else "",
        )
        for number in range(start, min(start + shown, len(rows)))
    ]
    return [Line(f"  {header}", BOLD), *body]


def _whole(entry: PendingEntry, approved: Snapshot | None, requests: Sequence[Hunk]) -> Iterator[Line]:
    for hunk in requests:
        others = f", the same in {plural(len(hunk.cases), 'case')}" if len(hunk.cases) > 1 else ""
        yield Line(f"  request, {visible(hunk.place)}, since the last commit{others}", BOLD)
        yield from (_diff_line(line) for line in hunk.lines)
        yield Line("")
    yield from (_diff_line(line) for line in answer_diff(approved, entry.snapshot))


def _diff_line(line: str) -> Line:
    return Line(f"  {visible(line)}", {"+": GREEN, "-": RED}.get(line[:1], ""))


def _info(entry: PendingEntry) -> Iterator[Line]:
    new = entry.snapshot
    facts = {
        "prompt": entry.file,
        "snapshot": entry.snapshot_file,
        "request": new.request,
        "model": new.model or "not told",
        "outcome": new.outcome or "ok",
        "run": entry.run or "",
    }
    for name, value in facts.items():
        if value:
            yield Line(f"  {name:9} {visible(value)}")
    for variation in new.variants:
        yield Line("")
        yield Line(f"  another answer, in {plural(variation.count, 'sample')}:", BOLD)
        yield from (Line(f"    {visible(line)}") for line in emit({"output": variation.output}))
