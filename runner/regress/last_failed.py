"""Store which cases did not pass in the last `runner test` of a project, for `--failed`: `.runner/failed.json`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeAlias

from ..engine.journal.paths import STATE, make_state, read_state, refused, state_folder
from ..errors import Location, StorageError, UsageError
from ..files.disk.atomic import write_whole
from ..files.disk.plain_files import NotPlainError
from ..files.versions import located_in, reader_of

__all__ = ["CaseName", "keep_failed", "last_failed"]

FORMAT = 1
_FILE = "failed.json"

CaseName: TypeAlias = tuple[str, str]
"""A prompt's place (its file from the root, or `ALIAS:NAME`), and a case's id."""


def keep_failed(root: Path, failed: Iterable[CaseName]) -> None:
    """Store which cases did not pass. Raises StorageError, and MissingFileError as `make_state` does."""
    found = sorted(set(failed))
    path = root / STATE / _FILE
    if not found and not path.exists():
        return
    text = json.dumps({"format": FORMAT, "failed": found}, ensure_ascii=False, indent=1) + "\n"
    make_state(root)
    try:
        write_whole(path, text.encode())
    except NotPlainError as error:
        raise refused(error) from None
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror or error}") from None


def last_failed(root: Path) -> frozenset[CaseName]:
    """Return the cases that did not pass in the last run; none if all passed or there was no run.

    Raises UsageError for a damaged file, NewerFormatError for one of a newer runner.
    """
    folder = state_folder(root, STATE)
    path = root / STATE / _FILE
    if folder is None or not path.exists():
        return frozenset()
    data = read_state(path)
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = None
    version = value.get("format") if isinstance(value, dict) else None
    found = reader_of(_READERS, version, "this list", lambda: located_in(data, str(path), "format"))(value)
    if found is None:
        raise UsageError(
            "the list of failed cases is damaged",
            location=Location(str(path)),
            hint="delete the file; the next `runner test` creates it again",
        )
    return found


def _read_v1(value: Any) -> frozenset[CaseName] | None:
    listed = value.get("failed") if isinstance(value, dict) else None
    if not isinstance(listed, list):
        return None
    pairs = [(each[0], each[1]) for each in listed if isinstance(each, list) and len(each) == 2]
    sound = len(pairs) == len(listed) and all(isinstance(part, str) for pair in pairs for part in pair)
    return frozenset(pairs) if sound and value.get("format") == FORMAT else None


_READERS: dict[int, Callable[[Any], frozenset[CaseName] | None]] = {1: _read_v1}
