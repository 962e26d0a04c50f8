"""What `runner pack sync`, `verify`, `vendor` and `list` do: the copies of packs, against packs.lock."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from ..errors import PackError, Problems, RunnerError, StalePackError, raise_all
from ..packs.bench import Bench
from ..packs.manifest import KINDS, Manifest
from ..packs.project_edit import without_setting
from ..packs.request import Request
from ..packs.resolve import verify_at_source
from ..report.outlet import print_data, print_line
from ..report.pack_changes import export_lines, pack_line
from ..report.visible import visible
from .pack_project import ProjectFile, alone
from .workspace import open_workspace

__all__ = ["list_packs", "sync", "vendor", "verify"]


def sync(*, offline: bool) -> int:
    """Have exactly what is locked."""
    with alone():
        bench = Bench(open_workspace().project)
        bench.chosen(())
        for done in bench.sync(offline=offline):
            print_line(f"{pack_line(done.alias, done.locked)}: {'written' if done.written else 'as locked'}")
            if done.note:
                print_line(f"note: {visible(done.alias)}: {visible(done.note)}", err=True)
        return 0


def verify(aliases: Sequence[str], *, online: bool = False) -> int:
    """Hold every file against packs.lock, and that with `online` against the sources; all that is wrong is told."""
    bench = Bench(open_workspace().project)
    errors: list[RunnerError] = []
    for request in bench.chosen(aliases):
        try:
            bench.packs.open(request.alias)
            locked = bench.lock.packs[request.alias]
            if online:
                verify_at_source(request, locked, bench.root)
        except RunnerError as error:
            errors.append(error)
        else:
            files = len(locked.files)
            count = f"{files} file{'s' if files != 1 else ''}"
            state = "as locked, and as in its source" if online else "as locked"
            print_line(f"{pack_line(request.alias, locked)}: {count} {state}")
    if not aliases:
        errors += [*bench.packs.unasked(), *bench.strangers(), *bench.remains()]
    raise_all(errors)
    return 0


def vendor(aliases: Sequence[str]) -> int:
    """Write the locked files into packs/."""
    with alone():
        bench = Bench(open_workspace().project)
        requests = bench.chosen(aliases)
        data: bytes | None = None
        for request in requests:
            if not request.vendored:
                data, _ = ProjectFile(bench.root, os.environ, data).edited(
                    lambda text, alias=request.alias: without_setting(text, alias, "vendored"),  # type: ignore[misc]
                    f"take `vendored: false` out of packs.{request.alias}",
                )
        bench.vendor(requests, project_file=data)
        for request in requests:
            line = pack_line(request.alias, bench.lock.packs[request.alias])
            print_line(f"{line}: written to packs/{request.alias}/")
        return 0


def list_packs(*, as_json: bool) -> int:
    """List the packs with their state and their exports."""
    bench = Bench(open_workspace().project)
    rows = [_row(bench, request) for request in bench.requests.values()]
    if as_json:
        print_data(json.dumps(rows, ensure_ascii=False, indent=2))
        return 0
    for request, row in zip(bench.requests.values(), rows, strict=True):
        locked = bench.lock.packs.get(request.alias)
        head = (
            pack_line(request.alias, locked)
            if locked
            else f"{visible(request.alias)}: {visible(str(request))}"
        )
        print_line(f"{head}: {row['state']}")
        manifest = _manifest(bench, request)
        for line in export_lines(manifest) if manifest else ():
            print_line(line)
    if not rows:
        print_line("no packs; runner pack add ALIAS with --git, --path, --url or --python adds one")
    return 0


def _row(bench: Bench, request: Request) -> dict[str, object]:
    locked = bench.lock.packs.get(request.alias)
    manifest = _manifest(bench, request)
    return {
        "alias": request.alias,
        "source": dict(request.source),
        "vendored": request.vendored,
        "state": _state(bench, request),
        "name": locked.name if locked else None,
        "version": locked.version if locked else None,
        "commit": locked.commit if locked else None,
        "integrity": locked.integrity if locked else None,
        "exports": {kind: list(manifest.exports[kind]) for kind in KINDS} if manifest else None,
    }


def _state(bench: Bench, request: Request) -> str:
    """In a word or two: as locked, or what `verify` says at length."""
    try:
        bench.packs.locked(request)
    except StalePackError:
        return "not locked" if request.alias not in bench.lock.packs else "locked to another request"
    try:
        bench.packs.open(request.alias)
    except StalePackError:
        return "not here"
    except RunnerError as error:
        first = error.errors[0] if isinstance(error, Problems) else error
        return "changed" if isinstance(first, PackError) else "unusable"
    return "as locked"


def _manifest(bench: Bench, request: Request) -> Manifest | None:
    try:
        return bench.packs.open(request.alias).manifest
    except RunnerError:
        return None  # the state says that something is wrong
