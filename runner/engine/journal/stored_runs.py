"""List the runs that a project has on disk, `.runner/runs/<id>/run.json`, newest first."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ...errors import Location, UsageError
from ...files.disk.plain_files import NotPlainError, refuse_special
from ...files.versions import NewerFormatError, is_version, located_in, reader_of
from .journal import LOCK, MANIFEST, RESULTS, is_running
from .paths import RUNS, plain, read_state, state_folder
from .run_ids import is_id

__all__ = ["DAMAGED", "FORMAT", "StoredRun", "find_run", "refuse_newer", "stored_runs"]

FORMAT = 1
"""The version of `run.json` that this runner writes."""

DAMAGED = "damaged"
NEWER = "newer"


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One run: its folder and the contents of its `run.json` (empty if it was killed before it wrote one).

    For a damaged `run.json`, `manifest` is only `{"status": "damaged"}`; for one from a newer runner it has the status
    "newer" and the keys that every version has.
    """

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The name of the folder."""
        return self.folder.name

    @property
    def results(self) -> Path:
        """The path of the journal."""
        return self.folder / RESULTS

    @property
    def status(self) -> str:
        """How the run ended: `complete`, `stopped`, `interrupted`, `failed`, or `killed`; `running` if it has not.

        `damaged` if `run.json` cannot be read, `newer` if only a newer runner can read it.
        """
        status = str(self.manifest.get("status", "running"))
        if status != "running":
            return status
        return "running" if is_running(self.folder) else "killed"

    @property
    def size(self) -> int:
        """The size of its files in bytes."""
        return sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())


def stored_runs(root: Path) -> Iterator[StoredRun]:
    """Yield the runs of the project `root`, newest first; folders with other names than runner's come last.

    Raises MissingFileError for links, and for anything but a regular file in place of one.
    """
    folder = state_folder(root, RUNS)
    if folder is not None:
        for each in sorted(folder.iterdir(), key=lambda each: (is_id(each.name), each.name), reverse=True):
            if each.is_symlink():
                with plain():
                    raise NotPlainError("it is a link", each)
            if each.is_dir():
                yield _read(each)


def find_run(root: Path, name: str) -> StoredRun:
    """Find a run by `last`, its id, the beginning of its id, or the path of its folder.

    Raises UsageError if there is no such run, more than one, or a damaged one; NewerFormatError if a newer runner wrote
    it.
    """
    found = _find(root, name)
    refuse_newer(found)
    if found.status == DAMAGED:
        raise UsageError(
            f"{found.folder / MANIFEST} is damaged",
            hint="delete the folder if you do not need the run any more",
        )
    return found


def refuse_newer(run: StoredRun) -> None:
    """Raise NewerFormatError if a run was written by a newer runner."""
    if run.status == NEWER:
        path = run.folder / MANIFEST
        where = located_in(read_state(path), str(path), "format")
        reader_of(_SOUND, run.manifest["format"], f"the run {run.id}", lambda: where)


def _find(root: Path, name: str) -> StoredRun:
    # `last` is a keyword; a folder with that name is given as ./last.
    if name != "last" and Path(name).joinpath(MANIFEST).is_file():
        return _read(Path(name))
    found = [
        run for run in stored_runs(root) if (is_id(run.id) if name == "last" else run.id.startswith(name))
    ]
    if not found:
        newest = next(stored_runs(root), None)
        hint = (
            f"the last one is {newest.id}; `runner runs` lists them all"
            if newest
            else "there are no runs yet"
        )
        raise UsageError(f"there is no run {name}", hint=hint)
    if name != "last" and len(found) > 1 and found[0].id != name:
        raise UsageError(
            f"{len(found)} runs begin with {name}", hint=f"such as {found[0].id} and {found[1].id}"
        )
    return found[0]


def _read(folder: Path) -> StoredRun:
    with plain():
        for name in (MANIFEST, RESULTS, LOCK):
            refuse_special(folder / name)
    path = folder / MANIFEST
    if not path.exists():
        return StoredRun(folder, {})
    try:
        manifest = json.loads(read_state(path))
    except (OSError, ValueError, RecursionError):
        manifest = None
    if not isinstance(manifest, dict):
        return StoredRun(folder, {"status": DAMAGED})
    version = manifest.get("format")
    try:
        sound = reader_of(_SOUND, version, f"the run {folder.name}", lambda: Location(str(path)))(manifest)
    except NewerFormatError:
        # The other runs can still be listed; a command that needs this run reports the error.
        return StoredRun(folder, {"status": NEWER, "format": version, "command": manifest.get("command")})
    return StoredRun(folder, manifest if sound else {"status": DAMAGED})


def _is_sound_v1(manifest: Mapping[str, Any]) -> bool:
    """Return whether all keys that runner uses are present and have the right type: disks fail, and people edit files."""
    return (
        is_version(manifest.get("format"), 1)
        and _each(manifest, _ALWAYS)
        and _each({**dict.fromkeys(_SOMETIMES), **manifest}, _SOMETIMES)
        and _is_date(manifest["started"])
        and ("arguments" not in manifest or _each(manifest, _TO_RESUME))
        and isinstance(configuration := manifest.get("configuration", {}), dict)
        and all(isinstance(section, dict) for section in configuration.values())
    )


_SOUND: dict[int, Callable[[Mapping[str, Any]], bool]] = {1: _is_sound_v1}
"""For each version, the function that checks a `run.json`. All versions have the same keys so far."""


def _each(manifest: Mapping[str, Any], kinds: Mapping[str, Any]) -> bool:
    return all(name in manifest and isinstance(manifest[name], kind) for name, kind in kinds.items())


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


_ALWAYS: Mapping[str, Any] = {
    **dict.fromkeys(("status", "started"), str),
    **dict.fromkeys(("prompts", "models"), list),
    "endpoints": dict,
    **dict.fromkeys(("done", "passed", "failed", "errors", "prompt_tokens", "completion_tokens"), int),
}
_SOMETIMES: Mapping[str, Any] = {
    **dict.fromkeys(("seconds", "cost"), int | float | None),
    **dict.fromkeys(("total", "stretches"), int | None),
    **dict.fromkeys(("shard", "reason"), str | None),
    **dict.fromkeys(("merged", "batches"), list | None),
    **dict.fromkeys(("outcomes", "concurrency"), dict | None),
}
_TO_RESUME: Mapping[str, Any] = {
    "cwd": str,
    **dict.fromkeys(("arguments", "files", "configuration"), dict),
}
