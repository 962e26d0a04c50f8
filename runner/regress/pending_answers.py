"""Store pending answers: one file each under `.runner/pending/`, at the same path as the snapshot.

They are working files, never in git. A run replaces or removes only the entries of the cases that it checked.
"""

from __future__ import annotations

import contextlib
import fnmatch
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar, get_type_hints

from ..engine.journal.paths import STATE, make_state, plain, read_state, state_folder
from ..errors import FormatError, Location, StorageError
from ..files.disk.atomic import write_whole
from ..files.disk.plain_files import NotPlainError
from ..files.versions import NewerFormatError, is_version, located_in, reader_of
from ..values import Json, has_type
from .results import FieldChange, PendingEntry
from .snapshots.reader import read_snapshot
from .snapshots.snapshot import is_snapshot_file
from .snapshots.writer import write_snapshot

__all__ = ["PENDING", "drop_pending", "load_pending", "refuse_newer", "save_pending", "select_pending"]

PENDING = STATE / "pending"
FORMAT = 1

_T = TypeVar("_T")


def _name(snapshot_file: str) -> str:
    return f"{PurePosixPath(snapshot_file).name}.json"


def refuse_newer(root: Path, snapshot_file: str) -> None:
    """Raise NewerFormatError if a newer runner has stored an answer of the case, which is paid for."""
    folder = state_folder(root, PENDING / PurePosixPath(snapshot_file).parent)
    path = None if folder is None else folder / _name(snapshot_file)
    if path is not None and path.exists():
        data = read_state(path)
        # A damaged entry is recorded again.
        with contextlib.suppress(ValueError, KeyError, TypeError):
            _reader_of(json.loads(data)["format"], data, str(path))


def save_pending(root: Path, entry: PendingEntry) -> None:
    """Store an entry, replacing the case's older one. Raises StorageError, or as `refuse_newer` does."""
    refuse_newer(root, entry.snapshot_file)
    place = make_state(root, PENDING / PurePosixPath(entry.snapshot_file).parent) / _name(entry.snapshot_file)
    value = {
        "format": FORMAT,
        **asdict(entry),
        "snapshot": write_snapshot(entry.snapshot),
        "fields": [asdict(each) for each in entry.fields],
    }
    try:
        write_whole(place, json.dumps(value, ensure_ascii=False, indent=1).encode())
    except OSError as error:
        raise StorageError(
            f"a pending answer cannot be stored: {error.strerror or error}",
            hint=f"the answers are safe in the run's results.jsonl; make {place.parent} writable",
        ) from None


def drop_pending(root: Path, snapshot_file: str) -> bool:
    """Delete the entry of one case; return whether there was one. Raises as `refuse_newer` does."""
    refuse_newer(root, snapshot_file)
    folder = state_folder(root, PENDING / PurePosixPath(snapshot_file).parent)
    if folder is None:
        return False
    try:
        (folder / _name(snapshot_file)).unlink()
    except FileNotFoundError:
        return False
    while folder != root / PENDING and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
    return True


def load_pending(root: Path, folder: Path | None = None) -> list[PendingEntry]:
    """Return all entries, sorted by the path of their snapshot; `folder` reads them from elsewhere (a CI artifact).

    Raises FormatError for an entry that runner did not write, or that would write outside a snapshot folder;
    MissingFileError for links.
    """
    where = folder if folder is not None else state_folder(root, PENDING)
    return [] if where is None else [_load(path) for path in _files(where)]


def _files(folder: Path) -> Iterator[Path]:
    """Yield the entry files below a folder, sorted; links are refused and never followed."""
    with os.scandir(folder) as scan:
        entries = sorted(scan, key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_symlink():
            with plain():
                raise NotPlainError("it is a link", entry.path)
        if entry.is_dir():
            yield from _files(Path(entry.path))
        elif entry.name.endswith(".snap.yaml.json"):
            yield Path(entry.path)


def _load(path: Path) -> PendingEntry:
    shown = str(path)
    try:
        data = read_state(path)
        value: dict[str, Any] = json.loads(data)
        entry = _reader_of(value["format"], data, shown)(value, data, shown)
        for name, file in (("snapshot_file", entry.snapshot_file), ("moved_from", entry.moved_from)):
            if file is not None and not is_snapshot_file(file):
                raise ValueError(f"{name} is not a path for a snapshot")
        if not path.as_posix().endswith(f"/{entry.snapshot_file}.json"):
            raise ValueError(f"the entry for {entry.snapshot_file} is in the wrong place")
        return entry
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(
            f"this is not a pending answer: {error}",
            location=Location(shown),
            hint="delete it and run the test again",
        ) from None


def _read_v1(value: dict[str, Any], data: bytes, shown: str) -> PendingEntry:
    if not is_version(value.pop("format"), 1):
        raise ValueError("another format")
    try:
        snapshot = read_snapshot(value.pop("snapshot"), shown)
    except NewerFormatError as error:  # its line number is relative to the text inside
        raise NewerFormatError(
            error.message, location=located_in(data, shown, "snapshot"), hint=error.hint
        ) from None
    fields = tuple(_made(FieldChange, each) for each in value.pop("fields"))
    return _made(PendingEntry, {**value, "snapshot": snapshot, "fields": fields})


_Read = Callable[[dict[str, Any], bytes, str], PendingEntry]
_READERS: dict[int, _Read] = {1: _read_v1}


def _reader_of(version: Json, data: bytes, shown: str) -> _Read:
    return reader_of(_READERS, version, "this pending answer", lambda: located_in(data, shown, "format"))


def _made(kind: type[_T], values: Mapping[str, Any]) -> _T:
    """Build a dataclass from values that were read. Raises TypeError for missing, unknown or wrongly typed values."""
    for name, annotation in get_type_hints(kind).items():
        if name in values and not has_type(values[name], annotation):
            raise TypeError(f"{name} has the wrong type")
    return kind(**values)


def select_pending(
    entries: Iterable[PendingEntry], select: Sequence[str], kinds: frozenset[str] | None = None
) -> list[PendingEntry]:
    """Return the entries that match the words (all if there are no words) and the kinds (all if None).

    A word is a case, `prompt/case`, a prompt's name or file, a folder, or a glob of these.
    """
    return [
        entry
        for entry in entries
        if (kinds is None or entry.kind in kinds)
        and (not select or any(_named(entry, word) for word in select))
    ]


def _named(entry: PendingEntry, word: str) -> bool:
    case = entry.case if entry.variant is None else f"{entry.case}@{entry.variant}"
    names = (entry.case, case, entry.prompt, f"{entry.prompt}/{case}", entry.file, entry.snapshot_file)
    folder = word.rstrip("/").removeprefix("./") + "/"
    return any(fnmatch.fnmatchcase(name, word) for name in names) or entry.file.startswith(folder)
