"""Format what `runner pack` reports about packs: which one, what changed in it, what it exports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..packs.lock import LockedPack
from ..packs.manifest import KINDS, Manifest
from ..packs.tree_hash import file_changes
from .terminal.terminal_text import visible

__all__ = ["change_lines", "export_lines", "pack_line"]

_ONE = {"prompts": "prompt", "partials": "partial", "schemas": "schema"}


def pack_line(alias: str, locked: LockedPack) -> str:
    """Return a pack on one line: `support  acme-support 1.4.0  v1.4.0 469228d93f6e`."""
    return f"{visible(alias)}: {visible(locked.name)} {visible(locked.version)} ({_source(locked)})"


def change_lines(
    alias: str, before: LockedPack | None, after: LockedPack, *, exports: tuple[Manifest | None, Manifest]
) -> Iterator[str]:
    """Yield the changes of a pack: its version, its source, its files, its exports."""
    if before is None:
        yield f"{pack_line(alias, after)}, new"
        yield from export_lines(exports[1])
        return
    name = after.name if before.name == after.name else f"{before.name} -> {after.name}"
    version = after.version if before.version == after.version else f"{before.version} -> {after.version}"
    yield f"{visible(alias)}: {visible(name)} {visible(version)} ({_source(before)} -> {_source(after)})"
    changes = file_changes(before.files, after.files)
    if not changes:
        yield "  none of its files differ"
    for kind, path in changes:
        yield f"  {kind:8} {visible(path)}"
    if exports[0] is not None:
        for what, names in _export_changes(exports[0], exports[1]):
            yield f"  {what}: {', '.join(names)}"


def export_lines(manifest: Manifest) -> Iterator[str]:
    """Yield the exports of a pack, a line for each kind."""
    for kind in KINDS:
        if manifest.exports[kind]:
            yield f"  {kind:8} {', '.join(manifest.exports[kind])}"


def _export_changes(before: Manifest, after: Manifest) -> Iterator[tuple[str, Sequence[str]]]:
    for what, one, other in (
        ("no longer exported", before.exports, after.exports),
        ("newly exported", after.exports, before.exports),
    ):
        names = [f"{_ONE[kind]} {name}" for kind in KINDS for name in one[kind] if name not in other[kind]]
        if names:
            yield what, names


def _source(locked: LockedPack) -> str:
    source: Mapping[str, str] = locked.source
    first, *_ = source.values()
    where = source.get("rev", first)
    if locked.commit is None:
        return visible(where)
    short = locked.commit[:12]
    return visible(short if where == locked.commit else f"{where} {short}")
