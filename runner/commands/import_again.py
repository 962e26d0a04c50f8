"""Implement `runner import --again`: convert assertions that an earlier import kept in prompt files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import Location, MissingFileError, NothingSelectedError, RunnerError
from ..files.disk.atomic import write_whole
from ..importing.again import convert_again, is_kept
from ..importing.imported import Imported, OutFile
from ..importing.ledger import Ledger
from ..importing.sources import Folder
from ..report.imports import as_json, lines_of, totals
from ..report.terminal.outlet import print_data, print_line
from .init import refuse_links

__all__ = ["import_again"]

_ENDINGS = (".prompt.yaml", ".prompt.yml")


def import_again(paths: Sequence[str], *, check: bool, form: str) -> list[Imported]:
    """Convert what the prompt files keep, write them unless `check`, and return what became of each."""
    found: list[Imported] = []
    written: list[str] = []
    for file, folder, name in _files(paths):
        ledger = Ledger()
        text = convert_again(name, folder, ledger)
        data = text.encode()
        files = (OutFile(name, data),) if data != folder.read(name) else ()
        found.append(
            Imported(folder.shown_as(name), "x-import", files, tuple(ledger.items()), ledger.remarks)
        )
        if files and not check:
            refuse_links(folder.root, file)
            write_whole(file, data)
        if files:
            written.append(str(file))
    if not found:
        raise NothingSelectedError(
            "no prompt file has assertions under x-import",
            hint="runner import keeps there what it cannot convert",
        )
    if form == "json":
        sources = [as_json(each, [each.source] if each.files else []) for each in found]
        print_data(
            json.dumps({"sources": sources, "notes": [], "written": not check}, ensure_ascii=False, indent=2)
        )
        return found
    for each in found:
        for line in lines_of(each):
            print_line(line)
        state = "unchanged" if not each.files else "would be written" if check else "written"
        print_line(f"  {state}  {each.source}")
    print_line(totals(found))
    return found


def _files(paths: Sequence[str]) -> Iterator[tuple[Path, Folder, str]]:
    """Yield the prompt files with kept assertions. Raises MissingFileError for a path that does not exist."""
    for path in paths:
        given = Path(path)
        if given.is_dir():
            folder = Folder(given, "" if path in (".", "./") else f"{path.rstrip('/')}/")
            names = [name for name in folder.files() if name.endswith(_ENDINGS)]
        elif given.is_file():
            folder, names = Folder(given.parent, path[: len(path) - len(given.name)]), [given.name]
        else:
            raise MissingFileError(f"there is no file {path}", location=Location(path))
        for name in names:
            try:
                kept = is_kept(folder.document(name))
            except RunnerError:
                if not given.is_dir():
                    raise
                continue  # another command tells what is wrong with it
            if kept:
                yield folder.root / name, folder, name
