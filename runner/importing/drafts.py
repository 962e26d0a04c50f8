"""Hold a prompt file before it is written, and write it.

Each part knows which item of the source it comes from, so that a part that `runner check` would reject can be removed
and reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..regress.snapshots.writer import emit
from ..values import Json, JsonObject
from .ledger import Entry

__all__ = ["CaseDraft", "Draft", "FieldDraft", "Mapped", "Piece", "Written", "write"]


@dataclass(slots=True)
class Mapped:
    """An assertion of runner, the item that it comes from, and the comment above it in the source."""

    spec: JsonObject
    entry: Entry
    comments: Sequence[str] = ()


@dataclass(slots=True)
class CaseDraft:
    """A case of runner. `fields` is everything except its assertions."""

    fields: JsonObject
    entry: Entry
    asserts: list[Mapped] = field(default_factory=list)
    comments: Sequence[str] = ()


@dataclass(slots=True)
class FieldDraft:
    """A top-level key of a prompt file."""

    value: Json
    entry: Entry | None = None
    comments: Sequence[str] = ()


Piece = Mapped | CaseDraft | FieldDraft


@dataclass(slots=True)
class Draft:
    """A prompt file. `name` is its path below the output folder, without the suffix; `files` are written beside it."""

    name: str
    entry: Entry
    fields: dict[str, FieldDraft] = field(default_factory=dict)
    asserts: list[Mapped] = field(default_factory=list)
    tests: list[CaseDraft] = field(default_factory=list)
    header: Sequence[str] = ()
    files: dict[str, bytes] = field(default_factory=dict)

    def put(self, key: str, value: Json, entry: Entry | None = None, comments: Sequence[str] = ()) -> None:
        """Set a top-level key."""
        self.fields[key] = FieldDraft(value, entry, comments)

    def put_extra(self, key: str, value: Json, entry: Entry) -> None:
        """Set a request field that chat completions do not have, under `extra_body`."""
        known = self.fields.get("extra_body")
        extra = dict(known.value) if known is not None and isinstance(known.value, dict) else {}
        self.put("extra_body", {**extra, key: value}, entry)


@dataclass(frozen=True, slots=True)
class Written:
    """The text of a prompt file, and the line (from 1) on which each of its pieces begins."""

    text: str
    places: tuple[tuple[int, Piece, CaseDraft | None], ...]

    def piece_at(self, line: int) -> tuple[Piece, CaseDraft | None] | None:
        """Return the piece that contains a line, and, for an assertion of a case, that case."""
        found = None
        for start, piece, case in self.places:
            if start > line:
                break
            found = piece, case
        return found


def write(draft: Draft) -> Written:
    """Return the text of a draft. The same draft always gives the same text."""
    lines: list[str] = []
    places: list[tuple[int, Piece, CaseDraft | None]] = []
    lines += _comment(draft.header, 0)
    for key, part in draft.fields.items():
        lines += _comment(part.comments, 0)
        places.append((len(lines) + 1, part, None))
        lines += emit({key: part.value})
    if draft.asserts:
        lines.append("assert:")
        for each in draft.asserts:
            lines += _comment(each.comments, 2)
            places.append((len(lines) + 1, each, None))
            lines += _item(each.spec, 2)
    if draft.tests:
        lines.append("tests:")
        for case in draft.tests:
            lines += _comment(case.comments, 2)
            places.append((len(lines) + 1, case, None))
            lines += _item(case.fields or {"vars": {}}, 2)
            if case.asserts:
                lines.append("    assert:")
            for each in case.asserts:
                lines += _comment(each.comments, 6)
                places.append((len(lines) + 1, each, case))
                lines += _item(each.spec, 6)
    return Written("".join(f"{line}\n" for line in lines), tuple(places))


def _comment(comments: Sequence[str], indent: int) -> Iterator[str]:
    for each in comments:
        yield f"{' ' * indent}# {each}".rstrip()


def _item(spec: JsonObject, indent: int) -> Iterator[str]:
    """Yield the lines of a list item; `indent` is the indent of its dash."""
    lines = list(emit({"items": [spec]}))[1:]
    extra = " " * (indent - 2)
    for line in lines:
        yield f"{extra}{line}" if line else line
