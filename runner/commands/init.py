"""Implement `runner init`: write the files of a small project that runs immediately."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..errors import UsageError
from ..files.disk.plain_files import NotPlainError, refuse_outside
from ..report.terminal.outlet import print_line
from ..report.terminal.terminal_text import visible

__all__ = ["init", "refuse_links", "write_starter"]

STARTER = Path(__file__).parent / "starter"


def init(folder: Path) -> int:
    """Write the missing files, and print the next command."""
    if not write_starter(folder):
        print_line("nothing to write: the project is complete")
        return 0
    there = "" if folder == Path() else f"cd {visible(str(folder))} && "
    print_line()
    print_line(f"Now try:  {there}runner run")
    return 0


def write_starter(folder: Path) -> int:
    """Write the missing files of a small project, print each, and return how many were written.

    Raises UsageError, before anything is written, if an existing link leads out of the folder.
    """
    files = [(folder / relative, content) for relative, content in _files()]
    refuse_links(folder, *(target for target, _ in files))
    written = 0
    for target, content in files:
        if target.exists():
            print_line(f"exists   {target} (left alone)")
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        written += 1
        print_line(f"written  {target}")
    return written


def refuse_links(folder: Path, *targets: Path) -> None:
    """Raise UsageError if writing one of the targets below `folder` would write outside it."""
    for target in targets:
        try:
            refuse_outside(target, folder)
        except NotPlainError as error:
            raise UsageError(
                f"{target} cannot be written safely: {error.strerror}",
                hint="delete the link, or start in your own folder",
            ) from None


def _files() -> Iterator[tuple[Path, bytes]]:
    """Yield the relative path and content of each file. The package has hidden files under visible names: dot-x for .x."""
    for source in sorted(STARTER.rglob("*")):
        if source.is_file():
            parts = (part.replace("dot-", ".", 1) for part in source.relative_to(STARTER).parts)
            yield Path(*parts), source.read_bytes()

    from ..files.formats import schema_text

    for name in ("prompt", "project"):
        yield Path("schemas", "editor", f"{name}.schema.json"), schema_text(name).encode()
