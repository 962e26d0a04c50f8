"""Format the sections about one answer for `review` and `explain`: the request, the answer, its differences. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..regress.results import FieldChange
from ..regress.revisions.hunks import Hunk
from ..regress.snapshots.snapshot import Snapshot
from ..regress.snapshots.writer import answer_fields, emit
from .case_view import message_lines
from .question import Question
from .regression.review_table import field_row, field_table
from .terminal.figures import plural
from .terminal.painting import BOLD, DIM, GREEN, RED, YELLOW, Line
from .terminal.terminal_text import breaks, cell_width, shorten, visible, wrapped
from .terminal.text_diff import DiffLine, diff_lines

__all__ = [
    "Style",
    "answer_caption",
    "answer_diff",
    "answer_section",
    "diff_text",
    "field_section",
    "hunk_lines",
    "question_section",
]


@dataclass(frozen=True, slots=True)
class Style:
    """How to format lines: their width (None: never wrapped), whether to show colours, and the terminal's encoding."""

    width: int | None
    color: bool
    encoding: str

    def spelt(self, text: str) -> str:
        """Return the text as the terminal will show it, so that its width is known."""
        return visible(text).encode(self.encoding, "backslashreplace").decode(self.encoding)

    def fit(self, text: str, indent: int = 0) -> str:
        """Return the text on one line, shortened with an ellipsis if necessary."""
        text, ellipsis = self.spelt(text), self.spelt("…")
        if self.width is None or cell_width(text) <= self.width - indent:
            return text
        return shorten(text, max(self.width - indent - len(ellipsis) + 1, 1)).removesuffix("…") + ellipsis

    def wrap(self, text: str, indent: int = 2, style: str = "") -> Iterator[Line]:
        """Yield the text, wrapped over as many lines as it needs."""
        room = None if self.width is None else max(self.width - indent, 10)
        for line in wrapped(self.spelt(text), room):
            yield Line(" " * indent + line, style)


def answer_section(approved: Snapshot | None, new: Snapshot | None, style: Style) -> Iterator[Line]:
    """Yield the whole answer, wrapped: the approved one, the new one, or their difference; nothing if there is none."""
    shown = new if new is not None else approved
    if shown is None:
        return
    yield Line("")
    yield from answer_caption(approved, shown, style)
    yield from _answer_diff(approved, shown, style)
    yield from _variations(shown, style)


def field_section(fields: Sequence[FieldChange], style: Style) -> list[Line]:
    """Return the differences as a table: its header, then a line for each."""
    if style.width is None:
        header, *texts = field_table([field_row(change) for change in fields])
    else:
        others = max(sum(map(len, (change.path, change.rule, change.note or ""))) for change in fields)
        # Divides the remaining width between the two values, so that the table does not cut off their difference.
        room = max((style.width - others - 24) // 2, 20)
        rows = [field_row(change, width=room) for change in fields]
        header, *texts = field_table(rows, width=style.width - 4)
    return [
        Line(f"  {style.fit(header, 2)}", BOLD),
        *(
            Line(f"  {style.fit(text, 2)}", DIM if change.equal else "")
            for text, change in zip(texts, fields, strict=True)
        ),
    ]


def question_section(question: Question, hunks: Sequence[Hunk], style: Style) -> Iterator[Line]:
    """Yield the request: its change since the last commit, the messages, and the values of the variables."""
    yield from hunk_lines(hunks, style)
    yield Line("")
    yield Line("  question", BOLD)
    if question.remark is not None:
        yield from style.wrap(f"({question.remark})", 4, YELLOW)
    for line in message_lines(question.messages, style.width):
        text = style.spelt(line.text)
        yield from (Line(text[start:end], line.style) for start, end in breaks(text, style.width))
    if question.variables:
        yield Line("  variables", BOLD)
        for name, value in question.variables.items():
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield from style.wrap(f"{name}: {text}", 4)


def answer_caption(approved: Snapshot | None, new: Snapshot, style: Style) -> Iterator[Line]:
    """Yield the heading of an answer, which explains the marks if it is compared."""
    if approved is None or answer_fields(approved) == answer_fields(new):
        yield Line("  answer", BOLD)
        return
    how = "underlined" if style.color else "marked ^"
    yield from style.wrap(f"answer (- approved, + new; the words that differ are {how})", 2, BOLD)


def answer_diff(approved: Snapshot | None, new: Snapshot) -> Iterable[DiffLine]:
    """Return the lines of the new answer, compared with those of the approved one if there is one."""
    after = list(emit(answer_fields(new)))
    before = after if approved is None else list(emit(answer_fields(approved)))
    return diff_lines(before, after)


def _answer_diff(approved: Snapshot | None, new: Snapshot, style: Style) -> Iterator[Line]:
    for line in answer_diff(approved, new):
        yield from diff_text(line, style)


def _variations(new: Snapshot, style: Style) -> Iterator[Line]:
    for variation in new.variants:
        yield Line("")
        yield Line(f"  another answer, in {plural(variation.count, 'sample')}", BOLD)
        for text in emit({"output": variation.output}):
            yield from diff_text(DiffLine(" ", text), style)


def hunk_lines(hunks: Sequence[Hunk], style: Style) -> Iterator[Line]:
    """Yield what changed in the request since the last commit."""
    for hunk in hunks:
        others = f", the same in {plural(len(hunk.cases), 'case')}" if len(hunk.cases) > 1 else ""
        yield Line("")
        yield from style.wrap(f"request, {hunk.place}, since the last commit{others}", 2, BOLD)
        # The words are compared within each stretch of changed lines, as in the answer.
        before = [line[1:] for line in hunk.lines if line[:1] in ("-", " ")]
        after = [line[1:] for line in hunk.lines if line[:1] in ("+", " ")]
        for line in diff_lines(before, after):
            yield from diff_text(line, style)


def diff_text(line: DiffLine, style: Style) -> Iterator[Line]:
    """Yield a line of a diff, wrapped; continued parts begin with an arrow. Without colours, carets mark the words."""
    text, marks = _spelt_with_marks(line, style)
    color = {"+": GREEN, "-": RED}.get(line.sign, "")
    room = None if style.width is None else max(style.width - 5, 10)
    arrow = style.spelt("↳ ")
    if room is not None and cell_width(text) > room:
        room = max(room - len(arrow), 10)
    for number, (start, end) in enumerate(breaks(text, room)):
        lead = f"  {line.sign}{arrow if number else ''}"
        within = tuple(
            (len(lead) + max(first, start) - start, len(lead) + min(last, end) - start)
            for first, last in marks
            if first < end and last > start
        )
        shown = f"{lead}{text[start:end]}"
        yield Line(shown, color, None, within)
        if within and not style.color:
            yield Line(_carets(shown, within))


def _spelt_with_marks(line: DiffLine, style: Style) -> tuple[str, list[tuple[int, int]]]:
    """Return the text as the terminal shows it, and the positions of the marks in that."""
    pieces: list[str] = []
    marks: list[tuple[int, int]] = []
    at = length = 0
    for first, last in line.marks:
        for start, end in ((at, first), (first, last)):
            piece = style.spelt(line.text[start:end]).replace("\t", "    ")
            if start == first and end == last and piece:
                marks.append((length, length + len(piece)))
            pieces.append(piece)
            length += len(piece)
        at = last
    pieces.append(style.spelt(line.text[at:]).replace("\t", "    "))
    return "".join(pieces), marks


def _carets(text: str, marks: Sequence[tuple[int, int]]) -> str:
    """Return the line below a line, with a caret under each column of the marks."""
    drawn, at = "", 0
    for start, end in marks:
        drawn += " " * cell_width(text[at:start]) + "^" * cell_width(text[start:end])
        at = end
    return drawn
