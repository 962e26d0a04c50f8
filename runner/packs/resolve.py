"""From a request to what is locked: the pack fetched, held against every rule, and written down by its hashes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import FormatError, Location, PackError, RunnerError, StalePackError, raise_all, together
from ..render.sandbox import IN_PROCESS, Sandbox
from .contents import Contents, file_changes
from .fetch import fetch, moved_tag
from .gather import Fetched
from .lint import open_sound
from .lock import LOCK_FILE, LockedPack
from .packs import OpenPack
from .request import Request

__all__ = ["Resolved", "fetch_locked", "moved", "resolve", "verify_at_source"]

_COMMIT = re.compile(r"[0-9a-f]{40}")
_VERSION_TAG = re.compile(r"v?(\d+\.\d+\.\d+(?:[-+].*)?)")


@dataclass(frozen=True, slots=True)
class Resolved:
    """A request, and the pack that it means now; `tag` is the tag by which it was found."""

    request: Request
    locked: LockedPack
    pack: OpenPack
    contents: Contents
    tag: str | None = None


def resolve(request: Request, root: Path, sandbox: Sandbox = IN_PROCESS) -> Resolved:
    """Fetch what a request means now, and check it as its users would see it; its templates compile in `sandbox`.

    Raises FetchError where its source cannot be asked; what is wrong with the pack, Problems for several things.
    """
    fetched = fetch(request, root)
    pack = open_sound(fetched.tree, request.alias, sandbox)
    _check_tag(fetched, pack)
    locked = LockedPack(
        dict(request.source),
        pack.manifest.name,
        pack.manifest.version,
        fetched.contents.integrity,
        fetched.contents.hashes,
        fetched.commit,
    )
    return Resolved(request, locked, pack, fetched.contents, fetched.tag)


def fetch_locked(request: Request, locked: LockedPack, root: Path) -> Contents:
    """Fetch exactly what was locked.

    Raises PackError for each file that the source has otherwise, Problems for several, FetchError where it cannot be
    asked.
    """
    fetched = fetch(request, root, commit=locked.commit)
    if fetched.contents.integrity == locked.integrity:
        return fetched.contents
    errors: list[RunnerError] = [
        PackError(
            f"the pack {request.alias} is not the one in {LOCK_FILE}: this file is {kind} in its source",
            location=Location(f"{fetched.prefix}{path}"),
            hint=f"nothing was written; runner pack diff {request.alias} shows what changed, "
            f"runner pack update {request.alias} takes it",
        )
        for kind, path in file_changes(locked.files, fetched.contents.hashes)
    ]
    raise together(errors)


def verify_at_source(request: Request, locked: LockedPack, root: Path) -> None:
    """Hold what was locked against its source: whoever changes a copy can change the lock with it, but not that.

    Raises PackError for each file that the source has otherwise, Problems for several; StalePackError for a tag that
    means another commit now; FetchError where the source cannot be asked, or has no such commit.
    """
    commit, rev = locked.commit, request.source.get("rev", "")
    if "git" in request.source and (commit is None or (_COMMIT.fullmatch(rev) and rev != commit)):
        raise PackError(
            f"the pack {request.alias} is locked to {commit or 'no commit'}, which is not what runner.yaml asks for",
            location=request.location,
            hint=_FORGED,
        )
    if (now := moved_tag(request, root, commit)) is not None:
        raise moved(request, locked, now, root)
    fetched = fetch(request, root, commit=commit, published=True)
    where = f"commit {commit[:12]} of {request.source['git']}" if commit else "its source"
    errors: list[RunnerError] = [
        PackError(
            f"the pack {request.alias} is not the one in {where}: there this file is {kind}",
            location=Location(f"{fetched.prefix}{path}"),
            hint=_FORGED,
        )
        for kind, path in file_changes(locked.files, fetched.contents.hashes)
    ]
    raise_all(errors)


_FORGED = f"{LOCK_FILE} was changed by other means than runner pack: git log -p {LOCK_FILE} says by whom"


def moved(request: Request, locked: LockedPack, now: str, root: Path) -> StalePackError:
    """The error for a tag that means another commit than when it was locked, with the files that this changes."""
    changes = file_changes(locked.files, fetch(request, root).contents.hashes)
    what = ", ".join(f"{kind} {path}" for kind, path in changes) or "no file of the pack differs"
    return StalePackError(
        f"the tag {request.source['rev']} of the pack {request.alias} was moved from {str(locked.commit)[:12]} "
        f"to {now[:12]}: {what}",
        location=request.location,
        hint="a tag that moves may be an attack: ask the pack's author. The copy here is as it was locked; "
        f"runner pack update {request.alias} takes the new one",
    )


def _check_tag(fetched: Fetched, pack: OpenPack) -> None:
    """A tag that is a version has to be that of the pack: whoever reads one of them believes it."""
    version = _VERSION_TAG.fullmatch(fetched.tag or "")
    if version and version[1] != pack.manifest.version:
        raise FormatError(
            f"the pack says that it is version {pack.manifest.version}, and its tag is {fetched.tag}",
            location=pack.manifest.document.locate(("version",)),
            hint="tell its author; if the tag is that of a whole repository, name the commit in its place",
        )
