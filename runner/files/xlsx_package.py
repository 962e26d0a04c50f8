"""Parse the parts of an XLSX package (ECMA-376), which a stranger may have written, as streams with limits.

No tree is ever built. A part with a document type is refused, and so is one that would need more memory or time than the
size of the file justifies.
"""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, TypeAlias
from xml.parsers import expat

from ..errors import CaseError, Location
from ..schema import show
from .expansion import RATIO, most_text, most_unpacked

__all__ = ["Sheet", "Workbook", "open_workbook", "read_part"]

MAX_PART = {"description": 16 << 20, "strings": 256 << 20}
"""The most bytes of a part that is kept in memory: one that describes others, and the table of shared strings."""
_MAX_DEPTH = 64
_CHUNK = 1 << 16

Attributes: TypeAlias = Mapping[str, str]


@dataclass(frozen=True)
class Sheet:
    """A worksheet: its name, and the part that contains its cells."""

    name: str
    part: str


@dataclass(frozen=True)
class Workbook:
    """The worksheets of a package, and the parts that all of them use.

    `most_text` limits the characters of the rows; a shared string counts in each cell that uses it. `since_1904` is whether
    dates count from 1904.
    """

    archive: zipfile.ZipFile
    shown: str
    most_text: int
    sheets: Sequence[Sheet]
    strings: str | None
    styles: str | None
    since_1904: bool


def open_workbook(data: BinaryIO, shown: str) -> Workbook:
    """Return the workbook in a file. Raises CaseError for a file that is not one, or that is too large when unpacked."""
    size = data.seek(0, 2)
    data.seek(0)
    try:
        archive = zipfile.ZipFile(data)
    except _ZIP_ERRORS as error:
        raise _refusal(
            shown,
            f"this is not an XLSX workbook: {error}",
            "save it as .xlsx or .csv, without a password; the older .xls cannot be read",
        ) from None
    unpacked = sum(part.file_size for part in archive.infolist())
    if unpacked > most_unpacked(size):
        raise _refusal(
            shown,
            f"the workbook has {size:,} bytes and would have {unpacked:,} when unpacked, more than {RATIO} times as many",
            "save it as CSV",
        )
    main = [
        part
        for kind, part in _relations(archive, "_rels/.rels", "", shown).values()
        if kind == "officeDocument"
    ]
    if len(main) != 1:
        raise _refusal(shown, "this is not an XLSX workbook: it does not say which part is the workbook")
    return _workbook(archive, main[0], shown, most_text(size))


def _workbook(archive: zipfile.ZipFile, main: str, shown: str, most_text: int) -> Workbook:
    folder, name = posixpath.split(main)
    relations = _relations(archive, f"{folder}/_rels/{name}.rels".removeprefix("/"), folder, shown)
    listed: list[tuple[str, str]] = []
    epochs: list[str] = []

    def begin(path: Sequence[str], attributes: Attributes) -> None:
        if path[1:] == ["sheets", "sheet"]:
            listed.append((attributes.get("name", ""), attributes.get("id", "")))
        elif path[1:] == ["workbookPr"]:
            epochs.append(attributes.get("date1904", "0"))

    for _ in read_part(archive, main, shown, begin, most=MAX_PART["description"]):
        pass
    sheets: list[Sheet] = []
    for title, identifier in listed:
        kind, part = relations.get(identifier, ("", ""))
        if kind in ("chartsheet", "dialogsheet"):
            continue
        if kind != "worksheet":
            raise _refusal(shown, f"the workbook does not say which part the sheet {show(title)} is")
        sheets.append(Sheet(title, part))
    if len({sheet.part for sheet in sheets}) < len(sheets):
        raise _refusal(shown, "two sheets of the workbook are the same part")
    parts = {kind: part for kind, part in relations.values() if kind in ("sharedStrings", "styles")}
    return Workbook(
        archive,
        shown,
        most_text,
        sheets,
        parts.get("sharedStrings"),
        parts.get("styles"),
        any(each in ("1", "true", "on") for each in epochs),
    )


def _relations(archive: zipfile.ZipFile, part: str, folder: str, shown: str) -> dict[str, tuple[str, str]]:
    """Return the kind and the part of each relationship, by its id; targets outside the package are left out."""
    found: dict[str, tuple[str, str]] = {}

    def begin(path: Sequence[str], attributes: Attributes) -> None:
        if path[1:] == ["Relationship"] and attributes.get("TargetMode") != "External":
            target = posixpath.normpath(posixpath.join("/", folder, attributes.get("Target", ""))).lstrip("/")
            found[attributes.get("Id", "")] = (attributes.get("Type", "").rsplit("/", 1)[-1], target)

    for _ in read_part(archive, part, shown, begin, most=MAX_PART["description"]):
        pass
    return found


def read_part(
    archive: zipfile.ZipFile,
    part: str,
    shown: str,
    begin: Callable[[Sequence[str], Attributes], None],
    end: Callable[[Sequence[str]], None] | None = None,
    text: Callable[[str], None] | None = None,
    *,
    most: int | None = None,
) -> Iterator[None]:
    """Parse a part, and yield after each chunk of it.

    `begin` and `end` receive the path of an element, and `text` receives text between tags. Names have no namespaces.
    Raises CaseError for a part that is missing, damaged, not XML, or larger than `most` bytes, and for one that has a
    document type.
    """
    path: list[str] = []

    def on_begin(name: str, attributes: dict[str, str]) -> None:
        path.append(name.rpartition(" ")[2])
        if len(path) > _MAX_DEPTH:
            raise _refusal(shown, f"the elements of the part {show(part)} are nested too deeply")
        begin(path, {key.rpartition(" ")[2]: value for key, value in attributes.items()})

    def on_end(_: str) -> None:
        if end is not None:
            end(path)
        path.pop()

    def on_document_type(*_: object) -> None:
        raise _refusal(shown, f"the part {show(part)} of the workbook has a document type")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = on_begin, on_end
    parser.StartDoctypeDeclHandler = on_document_type
    if text is not None:
        parser.CharacterDataHandler = text
    try:
        if most is not None and archive.getinfo(part).file_size > most:
            raise _refusal(
                shown, f"the part {show(part)} of the workbook has more than {most:,} bytes", "save it as CSV"
            )
        with archive.open(part) as source:
            while chunk := source.read(_CHUNK):
                parser.Parse(chunk)
                yield
        parser.Parse(b"", True)  # noqa: FBT003 - expat takes no keywords
        yield
    except KeyError:
        raise _refusal(shown, f"the part {show(part)} of the workbook is missing") from None
    except expat.ExpatError as error:
        raise _refusal(shown, f"the part {show(part)} of the workbook is not XML: {error}") from None
    except _ZIP_ERRORS as error:
        raise _refusal(shown, f"the part {show(part)} of the workbook cannot be read: {error}") from None


# The errors that zipfile and zlib raise for damaged, encrypted and unknown parts; zlib.error derives from Exception.
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zipfile.zlib.error,  # type: ignore[attr-defined]
    OSError,
    RuntimeError,
    NotImplementedError,
    EOFError,
    UnicodeError,
)


def _refusal(shown: str, message: str, hint: str = "save it again, or as CSV") -> CaseError:
    return CaseError(message, location=Location(shown), hint=hint)
