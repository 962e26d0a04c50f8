"""packs.lock: exactly which packs a project uses. Equal contents give equal bytes: no times, no machine data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from ..documents.documents import Document, parse_document
from ..documents.yaml_writer import scalar
from ..errors import FileError, FormatError, Location, Problems, RunnerError, StalePackError
from ..files.formats import validate
from ..files.problems import ProblemList
from ..files.versions import NewerFormatError, reader_of, version_in
from .file_rules import MANIFEST, MAX_FILES, path_fault
from .requirement import SOURCE_KEYS
from .tree_hash import integrity

__all__ = ["BY_HAND", "LOCK_FILE", "Lock", "LockedPack", "read_lock", "write_lock"]

LOCK_FILE = "packs.lock"

_HASH = re.compile(r"sha256:[0-9a-f]{64}")
_CONFLICT = re.compile(rb"^(?:<<<<<<<|=======|>>>>>>>)", re.MULTILINE)
BY_HAND = "packs.lock is written by runner: undo the edit, or delete the file and run runner pack lock"


@dataclass(frozen=True, slots=True)
class LockedPack:
    """One pack: the source it was resolved from, the result, and the hash of each of its files."""

    source: Mapping[str, str]
    name: str
    version: str
    integrity: str
    files: Mapping[str, str]
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class Lock:
    """The locked packs by alias. `document` is the file they were read from."""

    packs: Mapping[str, LockedPack] = field(default_factory=dict)
    document: Document | None = field(default=None, compare=False, repr=False)


def read_lock(data: bytes, shown: str) -> Lock:
    """Read the lock in `data`; messages name its file `shown`.

    Raises EncodingError, SyntaxFileError, or FormatError at the line of a mistake (for instance an integrity hash that
    does not match the files), Problems for several; StalePackError for an unresolved merge.
    """
    if conflict := _CONFLICT.search(data):
        raise StalePackError(
            "this file has git conflict markers",
            location=Location(shown, data.count(b"\n", 0, conflict.start()) + 1, 1),
            hint="check out this file and packs/ from one side, then run runner pack lock",
        )
    try:
        document = parse_document(data, shown)
        read = reader_of(
            _READERS, version_in(document, "format"), "packs.lock", lambda: document.locate(("format",))
        )
        return read(document)
    except FileError as error:
        raise _with_hint(error) from None
    except Problems as errors:
        raise Problems(map(_with_hint, errors.errors)) from None


def _read_v1(document: Document) -> Lock:
    validate(document, "lock")
    spec = cast("Mapping[str, Any]", document.value)  # its shape was validated
    problems = ProblemList()
    packs = {}
    for alias, entry in spec["packs"].items():
        with problems.kept():
            _check(entry, alias, document)
            packs[alias] = LockedPack(
                entry["source"],
                entry["name"],
                entry["version"],
                entry["integrity"],
                entry["files"],
                entry.get("commit"),
            )
    problems.raise_any()
    return Lock(packs, document)


_READERS: dict[int, Callable[[Document], Lock]] = {1: _read_v1}


def write_lock(lock: Lock) -> str:
    """Return the text of packs.lock."""
    return "".join(f"{line}\n" for line in _lines(lock))


def _lines(lock: Lock) -> Iterator[str]:
    yield "# Which packs this project uses, exactly. Written by runner pack; keep it in git and do not edit it."
    yield "format: 1"
    yield "packs:" if lock.packs else "packs: {}"
    for alias in sorted(lock.packs):
        pack = lock.packs[alias]
        yield f"  {scalar(alias)}:"
        yield "    source:"
        yield from (f"      {key}: {scalar(pack.source[key])}" for key in SOURCE_KEYS if key in pack.source)
        if pack.commit is not None:
            yield f"    commit: {scalar(pack.commit)}"
        yield f"    name: {scalar(pack.name)}"
        yield f"    version: {scalar(pack.version)}"
        yield f"    integrity: {scalar(pack.integrity)}"
        yield "    files:"
        yield from (f"      {scalar(path)}: {pack.files[path]}" for path in sorted(pack.files))


def _with_hint(error: RunnerError) -> RunnerError:
    """Return the same error with the hint for packs.lock; the error for a newer format keeps its own hint."""
    if isinstance(error, NewerFormatError) or not isinstance(error, FileError) or error.location is None:
        return error
    return type(error)(error.message, location=error.location, hint=BY_HAND)


def _check(entry: Mapping[str, Any], alias: str, document: Document) -> None:
    """Raise FormatError for an entry that runner does not write."""
    at = ("packs", alias)
    for key in entry["source"]:
        if key not in SOURCE_KEYS:
            raise FormatError(
                f"packs.{alias}.source cannot have the key {key}",
                location=document.locate_key((*at, "source", key)),
                hint=BY_HAND,
            )
    files = entry["files"]
    for path, digest in files.items():
        fault = path_fault(path) or (None if _HASH.fullmatch(digest) else "its hash is not a sha256")
        if fault:
            location = document.locate_key((*at, "files", path))
            raise FormatError(f"packs.{alias}: {path}: {fault}", location=location, hint=BY_HAND)
    if len(files) > MAX_FILES:
        location = document.locate((*at, "files"))
        raise FormatError(f"packs.{alias} has more than {MAX_FILES:,} files", location=location, hint=BY_HAND)
    if MANIFEST not in files:
        location = document.locate((*at, "files"))
        raise FormatError(f"packs.{alias} has no {MANIFEST}", location=location, hint=BY_HAND)
    if integrity(files) != entry["integrity"]:
        raise FormatError(
            f"packs.{alias}.integrity does not match its files: one of them was edited by hand",
            location=document.locate((*at, "integrity")),
            hint=BY_HAND,
        )
