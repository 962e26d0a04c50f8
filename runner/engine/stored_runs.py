"""The runs a project has on disk: `.runner/runs/<id>/run.json`, newest first."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UsageError
from .journal import MANIFEST, RESULTS, is_running
from .paths import RUNS

__all__ = ["StoredRun", "find_run", "stored_runs"]


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One run: its folder, and what its `run.json` says (nothing where it was killed before it wrote one)."""

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
        """`complete`, `stopped`, `interrupted` or `failed` as it ended; `running`; `killed` where nothing ended it."""
        status = str(self.manifest.get("status", "running"))
        if status != "running":
            return status
        return "running" if is_running(self.folder) else "killed"

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())


def stored_runs(root: Path) -> Iterator[StoredRun]:
    """The runs of the project `root`, the newest first."""
    folder = root / RUNS
    if folder.is_dir():
        for each in sorted(folder.iterdir(), reverse=True):
            if each.is_dir():
                yield _read(each)


def find_run(root: Path, name: str) -> StoredRun:
    """The run that `name` means: `last`, an id or the beginning of one, or the path of its folder.

    Raises UsageError where there is no such run, or more than one.
    """
    if Path(name).joinpath(MANIFEST).is_file():
        return _read(Path(name))
    found = [run for run in stored_runs(root) if name == "last" or run.id.startswith(name)]
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
    path = folder / MANIFEST
    if not path.exists():
        return StoredRun(folder, {})
    try:
        manifest = json.loads(path.read_bytes())
        if not isinstance(manifest, dict):
            raise TypeError
    except (ValueError, TypeError):
        raise UsageError(
            f"{path} is damaged", hint="remove the folder if the run is of no use any more"
        ) from None
    return StoredRun(folder, manifest)
