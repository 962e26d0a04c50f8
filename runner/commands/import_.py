"""Implement `runner import`: read sources of other tools, report the results, and write all files or none."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import (
    Location,
    MissingFileError,
    NothingSelectedError,
    RunnerError,
    StorageError,
    UsageError,
    raise_all,
)
from ..files.disk.atomic import write_new
from ..files.disk.ignored import GITHUB
from ..files.disk.plain_files import open_plain
from ..files.disk.tree import MAX_FILE_BYTES
from ..files.foreign import FOREIGN_KINDS, foreign_kind
from ..importing.imported import Imported
from ..importing.ledger import RefusedSourceError
from ..importing.reading import READERS, read_source
from ..importing.sources import Folder
from ..report.imports import as_json, lines_of, totals
from ..report.terminal.outlet import print_data, print_line
from .import_again import import_again
from .init import refuse_links
from .show_errors import show_error, show_explain_command

__all__ = ["LOSS", "import_prompts"]

LOSS = 6
"""The exit code if something in a source has no counterpart."""


@dataclass(frozen=True, slots=True)
class _Source:
    kind: str
    name: str
    folder: Folder
    target: Path


def import_prompts(
    paths: Sequence[str],
    *,
    output: str | None,
    kind: str | None,
    again: bool,
    check: bool,
    force: bool,
    form: str,
) -> int:
    """Import what the paths name, and return the exit code: 0 without loss, 6 with losses, 2 if a source is refused."""
    if again:
        if output is not None or kind is not None or force:
            raise UsageError(
                "--again changes the prompt files themselves, so it takes neither -o, --from nor --force"
            )
        return _exit_code(import_again(paths, check=check, form=form))
    sources = list(_once(source for path in paths for source in _sources(path, output, kind)))
    found = [(source, read_source(source.kind, source.name, source.folder)) for source in sources]
    targets = _targets(found)
    fresh = _fresh(targets, force=force)
    if not check:
        _write(targets, fresh)
    if form == "json":
        listed = [
            as_json(each, [str(path) for path in files])
            for (_, each), files in zip(found, targets.by_source, strict=True)
        ]
        print_data(
            json.dumps(
                {"sources": listed, "notes": targets.notes, "written": not check},
                ensure_ascii=False,
                indent=2,
            )
        )
    else:
        _tell(found, targets, fresh, check=check)
    for _, each in found:
        if each.refused is not None:
            show_error(each.refused)
    if form == "text":
        show_explain_command([*_codes([each for _, each in found])])
    return _exit_code([each for _, each in found])


def _once(sources: Iterator[_Source]) -> Iterator[_Source]:
    """Yield each source once: an eval, its runs and their items are one source."""
    seen: set[tuple[str, str, Path]] = set()
    for source in sources:
        of_eval = source.kind == "openai-evals"
        place = source.folder.root / (source.name.rpartition("/")[0] if of_eval else source.name)
        key = (source.kind, os.path.normcase(place.absolute()), source.target)
        if key not in seen:
            seen.add(key)
            yield source


def _codes(found: Sequence[Imported]) -> Iterator[str]:
    """Yield the codes of losses, then of refusals, of other items and of notes."""
    items = [item for each in found for item in each.items]
    yield from (item.code for item in items if item.code is not None and item.outcome == "lost")
    yield from (each.refused.code for each in found if isinstance(each.refused, RefusedSourceError))
    yield from (item.code for item in items if item.code is not None)
    yield from (remark.code for each in found for remark in each.remarks)


def _exit_code(found: Sequence[Imported]) -> int:
    if any(each.refused is not None for each in found):
        return UsageError.exit_code
    return LOSS if any(each.lost for each in found) else 0


def _sources(path: str, output: str | None, kind: str | None) -> Iterator[_Source]:
    given = Path(path)
    if output is not None and Path(output).is_file():
        raise UsageError(f"{output} is a file", hint="-o names a folder")
    if given.is_dir():
        folder = Folder(given, "" if path in (".", "./") else f"{path.rstrip('/' + os.sep)}/")
        target = given if output is None else Path(output)
        found = [
            (each, name) for name in folder.files() if (each := _kind(given / name, name, kind)) is not None
        ]
        if not found:
            raise NothingSelectedError(f"there is nothing to import in {path}", hint=_known())
        for each, name in found:
            yield _Source(each, name, folder, target)
        return
    if not given.is_file():
        special = given.exists()
        why = f"{path} is not read: it is not a regular file" if special else f"there is no file {path}"
        raise MissingFileError(why, location=Location(path))
    parent = given.parent
    shown = path[: len(path) - len(given.name)]
    each = kind or _kind(given, given.name, None)
    if each is None:
        raise UsageError(
            f"{path} is not a file that runner can import", location=Location(path), hint=_known()
        )
    yield _Source(each, given.name, Folder(parent, shown), parent if output is None else Path(output))


_PROMPT = re.compile(r"\.prompt\.ya?ml$", re.IGNORECASE)


def _known() -> str:
    return f"known formats: {', '.join(FOREIGN_KINDS)}; name the format with --from"


def _kind(path: Path, name: str, wanted: str | None) -> str | None:
    try:
        with os.fdopen(open_plain(path, follow=True), "rb") as file:
            text = file.read(MAX_FILE_BYTES).decode("utf-8", "replace")
    except OSError:
        return None
    found = foreign_kind(name, text)
    if found is None and f"/{GITHUB}/prompts/" in path.absolute().as_posix() and _PROMPT.search(name):
        found = "github"  # one without a key that only GitHub's format has
    return found if found in READERS and wanted in (None, found) else None


@dataclass(slots=True)
class _Targets:
    """The files to write. `by_source` has the paths of each source, in the order of the sources."""

    files: dict[Path, bytes]
    by_source: list[list[Path]]
    roots: dict[Path, Path]
    notes: list[str] = field(default_factory=list)


def _targets(found: Sequence[tuple[_Source, Imported]]) -> _Targets:
    """Choose a path for each file. Raises UsageError if two sources would write different files to one path."""
    targets = _Targets({}, [], {})
    taken: dict[str, Path] = {}
    for source, each in found:
        mine: list[Path] = []
        for file in each.files:
            path = source.target / file.name
            free, number = path, 1
            while (known := taken.get(os.path.normcase(free).casefold())) is not None and targets.files[
                known
            ] != file.data:
                if not file.name.endswith(".prompt.yaml"):
                    raise UsageError(
                        f"{each.source} and another source would both write {path}",
                        hint="import them into separate folders: -o FOLDER",
                    )
                number += 1
                free = path.with_name(f"{path.name.removesuffix('.prompt.yaml')}-{number}.prompt.yaml")
            taken[os.path.normcase(free).casefold()] = free
            targets.files[free] = file.data
            targets.roots[free] = source.target
            mine.append(free)
        targets.by_source.append(mine)
    _tell_names_apart(targets)
    return targets


_NAME = re.compile(rb"(?m)^name: ")


def _tell_names_apart(targets: _Targets) -> None:
    """Rename prompts of one folder that share a name, since they would share their snapshots; keep the name as x-name."""
    named: dict[tuple[Path, bytes], list[Path]] = {}
    for path, data in targets.files.items():
        found = re.search(rb"(?m)^name: (.*)$", data) if path.name.endswith(".prompt.yaml") else None
        if found is not None:
            named.setdefault((path.parent, found[1].lower()), []).append(path)
    for (_, name), paths in named.items():
        if len(paths) == 1:
            continue
        for path in paths:
            targets.files[path] = _NAME.sub(b"x-name: ", targets.files[path], count=1)
        shown = name.decode("utf-8", "replace")
        targets.notes.append(
            f"note: {len(paths)} prompts in {paths[0].parent} have the name {shown}, which is kept as x-name"
        )


def _fresh(targets: _Targets, *, force: bool) -> set[Path]:
    """Return the files to write, without those that exist with the same bytes. Raises UsageError, Problems.

    A file with other content is overwritten only with `force`.
    """
    fresh: set[Path] = set()
    refused: list[RunnerError] = []
    for path, data in targets.files.items():
        refuse_links(targets.roots[path], path)
        if path.is_file() and path.read_bytes() == data:
            continue
        if path.exists() and not (force and path.is_file()):
            refused.append(
                UsageError(
                    f"{path} already exists with other content",
                    location=Location(str(path)),
                    hint="--force overwrites it; -o writes to another folder",
                )
            )
        fresh.add(path)
    raise_all(refused)
    return fresh


def _write(targets: _Targets, fresh: set[Path]) -> None:
    """Write all files under temporary names first, then rename them, so that no file is ever written in part."""
    staged: list[tuple[Path, Path]] = []
    try:
        for path in sorted(fresh):
            path.parent.mkdir(parents=True, exist_ok=True)
            refuse_links(targets.roots[path], path)
            temporary = path.with_name(f".{secrets.token_hex(6)}.part")
            staged.append((temporary, path))
            write_new(temporary, targets.files[path])
        for temporary, path in staged:
            temporary.replace(path)
    except OSError as error:
        raise StorageError(f"{error.filename or 'a file'} cannot be written: {error.strerror}") from None
    finally:
        for temporary, _ in staged:
            with contextlib.suppress(OSError):
                temporary.unlink()


def _tell(
    found: Sequence[tuple[_Source, Imported]], targets: _Targets, fresh: set[Path], *, check: bool
) -> None:
    for (_, each), files in zip(found, targets.by_source, strict=True):
        for line in lines_of(each):
            print_line(line)
        for path in files:
            state = "unchanged" if path not in fresh else "would be written" if check else "written"
            print_line(f"  {state}  {path}")
        for name, endpoint in each.endpoints.items():
            print_line(f"  for runner.yaml  endpoints: {{{name}: {json.dumps(endpoint)}}}")
    for note in targets.notes:
        print_line(note)
    print_line(totals([each for _, each in found]))
