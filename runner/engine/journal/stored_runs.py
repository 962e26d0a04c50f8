"""The runs a project has on disk: `.runner/runs/<id>/run.json`, newest first."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ...errors import Location, UsageError
from ...files.plain_files import NotPlainError, refuse_special
from ...files.versions import NewerFormatError, is_version, located_in, reader_of
from .journal import LOCK, MANIFEST, RESULTS, is_running
from .paths import RUNS, plain, read_state, state_folder
from .run_ids import is_id

__all__ = ["DAMAGED", "FORMAT", "StoredRun", "find_run", "refuse_newer", "stored_runs"]

FORMAT = 1
"""Of the `run.json` that is written."""

DAMAGED = "damaged"
NEWER = "newer"


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One run: its folder, and what its `run.json` says (nothing where it was killed before it wrote one).

    Of a `run.json` that is damaged there is only `{"status": "damaged"}`; of one that a newer runner wrote, what that
    has in common with ours, and the status "newer".
    """

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The name of its folder."""
        return self.folder.name

    @property
    def results(self) -> Path:
        """Its journal."""
        return self.folder / RESULTS

    @property
    def status(self) -> str:
        """`complete`, `stopped`, `interrupted` or `failed` as it ended; `running`; `killed` where nothing ended it.

        `damaged` where nobody knows, `newer` where only a newer runner does.
        """
        status = str(self.manifest.get("status", "running"))
        if status != "running":
            return status
        return "running" if is_running(self.folder) else "killed"

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())


def stored_runs(root: Path) -> Iterator[StoredRun]:
    """The runs of the project `root`, the newest first; folders that runner did not name come last.

    Raises MissingFileError for links and for what is no file in the place of one.
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
    """The run that `name` means: `last`, an id or the beginning of one, or the path of its folder.

    Raises UsageError where there is no such run, more than one, or one that is damaged; NewerFormatError for one that a
    newer runner wrote.
    """
    found = _find(root, name)
    refuse_newer(found)
    if found.status == DAMAGED:
        raise UsageError(
            f"{found.folder / MANIFEST} is damaged",
            hint="remove the folder if the run is of no use any more",
        )
    return found


def refuse_newer(run: StoredRun) -> None:
    """Raise NewerFormatError where a run was written by a newer runner."""
    if run.status == NEWER:
        path = run.folder / MANIFEST
        where = located_in(read_state(path), str(path), "format")
        reader_of(_SOUND, run.manifest["format"], f"the run {run.id}", lambda: where)


def _find(root: Path, name: str) -> StoredRun:
    # `last` is a word: a folder of that name is meant by ./last.
    if name != "last" and Path(name).joinpath(MANIFEST).is_file():
        return _read(Path(name))
    found = [
        run for run in stored_runs(root) if (is_id(run.id) if name == "last" else run.id.startswith(name))
    ]
    if not found:
        newest = next(stored_runs(root), None)
        hint = f"the last one is {newest.id}; `runner runs` lists them all" if newest else "there is none yet"
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
        # The other runs are listed all the same; whoever needs this one is told.
        return StoredRun(folder, {"status": NEWER, "format": version, "command": manifest.get("command")})
    return StoredRun(folder, manifest if sound else {"status": DAMAGED})


def _is_sound_v1(manifest: Mapping[str, Any]) -> bool:
    """Whether everything that this program goes by is there, and of its kind: bits flip on disks, and people edit."""
    return (
        is_version(manifest.get("format"), 1)
        and _each(manifest, _ALWAYS)
        and _each({**dict.fromkeys(_SOMETIMES), **manifest}, _SOMETIMES)
        and _is_date(manifest["started"])
        and ("arguments" not in manifest or _each(manifest, _TO_GO_ON))
        and isinstance(configuration := manifest.get("configuration", {}), dict)
        and all(isinstance(section, dict) for section in configuration.values())
    )


_SOUND: dict[int, Callable[[Mapping[str, Any]], bool]] = {1: _is_sound_v1}
"""For each version whether a `run.json` is sound. What they say is the same so far."""


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
    "merged": list | None,
    **dict.fromkeys(("outcomes", "concurrency"), dict | None),
}
_TO_GO_ON: Mapping[str, Any] = {
    "cwd": str,
    **dict.fromkeys(("arguments", "files", "configuration"), dict),
}
