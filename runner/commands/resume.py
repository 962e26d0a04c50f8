"""The scope of a run as `run.json` stores it, and how `--resume` reads it back and checks the paths it names."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from ..engine.journal.stored_runs import StoredRun, find_run, stored_runs
from ..engine.plan.shard import Shard
from ..errors import UsageError
from ..files.project_root import find_root
from ..values import has_type
from .load_selection import SelectionOptions

__all__ = [
    "RunScope",
    "check_recorded_paths",
    "last_run",
    "recorded_run",
    "refuse_other_folder",
    "texts_of_files",
]


@dataclass(frozen=True, slots=True)
class RunScope:
    """The scope of a run: what decides which requests are made. `run.json` stores it, and `--resume` reads it back."""

    selection: SelectionOptions
    repeat: int
    shard: Shard | None

    def as_json(self) -> dict[str, Any]:
        """Return the scope in the form that it has in `run.json`."""
        return {**self.selection, "repeat": self.repeat, "shard": str(self.shard) if self.shard else None}

    def refuse_keys(self, secrets: Collection[str]) -> None:
        """Raise UsageError if an argument has one of these values in it: arguments are stored, and keys never are."""
        written = json.dumps(self.as_json())
        if any(json.dumps(secret)[1:-1] in written for secret in secrets):
            raise UsageError(
                "an argument has the key of an endpoint in it, and arguments are stored for --resume",
                hint="pass the text in a file: --var NAME=@FILE, --vars or --input",
            )

    def with_changes(self, other: RunScope, names: Collection[str]) -> RunScope:
        """Return this scope with the values of `other` under these names; a resumed run refuses any other difference."""
        mine, its = ({**each.selection, "repeat": each.repeat, "shard": each.shard} for each in (self, other))
        merged: Any = {name: its[name] if name in names else value for name, value in mine.items()}
        # Isolation changes no request, so either may ask for it, and it is never switched off.
        merged["isolate"] = bool(mine.get("isolate")) or its["isolate"]
        repeat, shard = merged.pop("repeat"), merged.pop("shard")
        return RunScope(merged, repeat, shard)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> RunScope:
        """Read what `as_json` wrote. Raises ValueError, KeyError, TypeError or AttributeError for anything else."""
        options = {
            name: tuple(each) if isinstance(each, list) else each
            for name, each in value.items()
            if name not in ("repeat", "shard")
        }
        shard = Shard(*map(int, value["shard"].split("/"))) if value["shard"] is not None else None
        # Older versions did not write these.
        selection: Any = {**dict.fromkeys(("delimiter", "encoding", "id_column", "failed_of")), **options}
        kinds = {**get_type_hints(SelectionOptions), "repeat": int}
        found = {**selection, "repeat": value["repeat"]}
        if found.keys() != kinds.keys() or not all(
            has_type(found[name], kind) for name, kind in kinds.items()
        ):
            raise TypeError("an argument is missing, unknown, or of another type")
        least_one = all(found[name] is None or found[name] >= 1 for name in ("repeat", "sample", "limit"))
        if not least_one or (shard is not None and not 1 <= shard.index <= shard.count):
            raise ValueError("an argument is out of its range")
        return cls(selection, value["repeat"], shard)


def recorded_run(name: str) -> tuple[StoredRun, RunScope, Mapping[str, Any]]:
    """Return the run that `--resume` names, its scope, and its other arguments.

    Raises UsageError if there is no such run, if it was started in another folder, or if another command started it.
    """
    root = find_root(Path.cwd())
    stored = find_run(root, name)
    arguments = stored.manifest.get("arguments")
    if arguments is None:
        raise UsageError(
            f"the run {stored.id} cannot be resumed: "
            + ("it was killed before it began" if not stored.manifest else "it is not a run of `runner run`"),
            hint={
                "test": "`runner test` resumes its own runs: start it again",
                "compare": f"runner compare --resume {stored.id}",
            }.get(str(stored.manifest.get("command")), "start a new one"),
        )
    refuse_other_folder(root, stored)
    try:
        scope = RunScope.from_json(arguments["asking"])
        kinds = {"output": str | None, "in_order": bool}
        known = all(has_type(arguments[name], kind) for name, kind in kinds.items())
    except (AttributeError, KeyError, TypeError, ValueError):
        known = False
    if not known:
        raise UsageError(
            f"the run {stored.id} cannot be resumed: its run.json is damaged, or from another version of runner",
            hint="start a new one",
        )
    return stored, scope, arguments


def refuse_other_folder(root: Path, stored: StoredRun) -> None:
    """Raise UsageError if a run was started in another folder, so that its relative paths mean something else here."""
    folder = Path(os.path.normpath(root / stored.manifest["cwd"]))
    if folder != Path.cwd():
        raise UsageError(
            f"the run {stored.id} was started in {folder}, and its paths are relative to that folder",
            hint=f"cd {folder}",
        )


def last_run() -> str:
    """Return the id of the newest run of `runner run`. Raises UsageError if there is none."""
    for run in stored_runs(find_root(Path.cwd())):
        if "arguments" in run.manifest:
            return run.id
    raise UsageError("--failed needs an earlier run, and there is none yet", hint="leave it out")


def check_recorded_paths(
    stored: StoredRun, scope: RunScope, output: str | None, typed: Collection[str]
) -> None:
    """Raise UsageError if a path that only `run.json` names is outside the project or must not be overwritten.

    `run.json` may have come with a stranger's folder: its paths are read and written only inside the project, never
    hidden ones, and only an earlier output is overwritten. A path that is `typed` again is the user's choice.
    """
    from ..report.file_writer import is_own

    root = find_root(Path.cwd()).resolve()
    chosen = scope.selection
    named: list[tuple[str, str, str]] = [("paths", "", each) for each in chosen["paths"]]
    for name, option, value in (
        ("vars_file", "--vars ", chosen["vars_file"]),
        ("rows", "--input ", chosen["rows"]),
        ("output", "--output ", output),
    ):
        if value is not None:
            named.append((name, option, value))
    named += [("assignments", f"--var {name}=@", file) for name, file in texts_of_files(chosen)]
    for name, option, value in named:
        if name in typed:
            continue
        if value == "-" and name != "paths":
            raise UsageError(
                f"the run {stored.id} was started with {option}-, and data from standard input is not stored",
                hint=f"give it again: --resume {stored.id} {option}FILE",
            )
        place = Path(os.path.realpath(value))
        inside = place.is_relative_to(root)
        if not inside or any(part.startswith(".") for part in place.relative_to(root).parts):
            why = "is hidden" if inside else "is outside the project"
        elif name == "output" and not is_own(place):
            why = "exists and contains no results of runner"
        else:
            continue
        raise UsageError(
            f"the run {stored.id} names {option}{value}, which {why}",
            hint=f"to use it nevertheless, give it again: --resume {stored.id} {option}{value}",
        )


def texts_of_files(chosen: SelectionOptions) -> Iterator[tuple[str, str]]:
    """Yield the variables that `--var NAME=@FILE` sets, with their files (-: standard input)."""
    for assignment in chosen["assignments"]:
        name, _, value = assignment.partition("=")
        if value.startswith("@") and not value.startswith("@@"):
            yield name, value[1:]
