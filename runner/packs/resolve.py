"""From a requirement to what is locked: the pack fetched, held against every rule, and written down by its hashes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import FormatError, Location, PackError, RunnerError, StalePackError, raise_all, together
from ..render.sandbox import IN_PROCESS, Sandbox
from .collect import FetchedPack
from .fetch import fetch, moved_tag
from .lint import open_sound
from .lock import LOCK_FILE, LockedPack
from .pack_set import OpenPack
from .requirement import Requirement
from .tree_hash import Contents, file_changes

__all__ = ["Resolved", "fetch_locked", "moved", "resolve", "verify_at_source"]

_COMMIT = re.compile(r"[0-9a-f]{40}")
_VERSION_TAG = re.compile(r"v?(\d+\.\d+\.\d+(?:[-+].*)?)")


@dataclass(frozen=True, slots=True)
class Resolved:
    """A requirement, and the pack that it means now; `tag` is the tag by which it was found."""

    requirement: Requirement
    locked: LockedPack
    pack: OpenPack
    contents: Contents
    tag: str | None = None


def resolve(requirement: Requirement, root: Path, sandbox: Sandbox = IN_PROCESS) -> Resolved:
    """Fetch what a requirement means now, and check it as its users would see it; its templates compile in `sandbox`.

    Raises FetchError where its source cannot be asked; what is wrong with the pack, Problems for several things.
    """
    fetched = fetch(requirement, root)
    pack = open_sound(fetched.tree, requirement.alias, sandbox)
    _check_tag(fetched, pack)
    locked = LockedPack(
        dict(requirement.source),
        pack.manifest.name,
        pack.manifest.version,
        fetched.contents.integrity,
        fetched.contents.hashes,
        fetched.commit,
    )
    return Resolved(requirement, locked, pack, fetched.contents, fetched.tag)


def fetch_locked(requirement: Requirement, locked: LockedPack, root: Path) -> Contents:
    """Fetch exactly what was locked.

    Raises PackError for each file that the source has otherwise, Problems for several, FetchError where it cannot be
    asked.
    """
    fetched = fetch(requirement, root, commit=locked.commit)
    if fetched.contents.integrity == locked.integrity:
        return fetched.contents
    errors: list[RunnerError] = [
        PackError(
            f"the pack {requirement.alias} is not the one in {LOCK_FILE}: this file is {kind} in its source",
            location=Location(f"{fetched.prefix}{path}"),
            hint=f"nothing was written; runner pack diff {requirement.alias} shows what changed, "
            f"runner pack update {requirement.alias} takes it",
        )
        for kind, path in file_changes(locked.files, fetched.contents.hashes)
    ]
    raise together(errors)


def verify_at_source(requirement: Requirement, locked: LockedPack, root: Path) -> None:
    """Hold what was locked against its source: whoever changes a copy can change the lock with it, but not that.

    Raises PackError for each file that the source has otherwise, Problems for several; StalePackError for a tag that
    means another commit now; FetchError where the source cannot be asked, or has no such commit.
    """
    commit, rev = locked.commit, requirement.source.get("rev", "")
    if "git" in requirement.source and (commit is None or (_COMMIT.fullmatch(rev) and rev != commit)):
        raise PackError(
            f"the pack {requirement.alias} is locked to {commit or 'no commit'}, which is not what runner.yaml asks for",
            location=requirement.location,
            hint=_FORGED,
        )
    if (now := moved_tag(requirement, root, commit)) is not None:
        raise moved(requirement, locked, now, root)
    fetched = fetch(requirement, root, commit=commit, published=True)
    where = f"commit {commit[:12]} of {requirement.source['git']}" if commit else "its source"
    errors: list[RunnerError] = [
        PackError(
            f"the pack {requirement.alias} is not the one in {where}: there this file is {kind}",
            location=Location(f"{fetched.prefix}{path}"),
            hint=_FORGED,
        )
        for kind, path in file_changes(locked.files, fetched.contents.hashes)
    ]
    raise_all(errors)


_FORGED = f"{LOCK_FILE} was changed by other means than runner pack: git log -p {LOCK_FILE} says by whom"


def moved(requirement: Requirement, locked: LockedPack, now: str, root: Path) -> StalePackError:
    """The error for a tag that means another commit than when it was locked, with the files that this changes."""
    changes = file_changes(locked.files, fetch(requirement, root).contents.hashes)
    what = ", ".join(f"{kind} {path}" for kind, path in changes) or "no file of the pack differs"
    return StalePackError(
        f"the tag {requirement.source['rev']} of the pack {requirement.alias} was moved from {str(locked.commit)[:12]} "
        f"to {now[:12]}: {what}",
        location=requirement.location,
        hint="a tag that moves may be an attack: ask the pack's author. The copy here is as it was locked; "
        f"runner pack update {requirement.alias} takes the new one",
    )


def _check_tag(fetched: FetchedPack, pack: OpenPack) -> None:
    """A tag that is a version has to be that of the pack: whoever reads one of them believes it."""
    version = _VERSION_TAG.fullmatch(fetched.tag or "")
    if version and version[1] != pack.manifest.version:
        raise FormatError(
            f"the pack says that it is version {pack.manifest.version}, and its tag is {fetched.tag}",
            location=pack.manifest.document.locate(("version",)),
            hint="tell its author; if the tag is that of a whole repository, name the commit in its place",
        )
