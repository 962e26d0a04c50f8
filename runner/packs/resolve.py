"""Resolve a requirement to a locked pack: fetch the pack, check it against every rule, and record its hashes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import FormatError, Location, PackError, RunnerError, StalePackError, raise_all, together
from ..render.sandbox import IN_PROCESS, Sandbox
from .fetch import fetch, moved_tag
from .listing import FetchedPack
from .lock import LOCK_FILE, LockedPack
from .pack_lint import open_sound
from .pack_set import OpenPack
from .requirement import Requirement
from .tree_hash import Contents, file_changes

__all__ = ["Resolved", "fetch_locked", "moved_tag_error", "resolve", "verify_at_source"]

_COMMIT = re.compile(r"[0-9a-f]{40}")
_VERSION_TAG = re.compile(r"v?(\d+\.\d+\.\d+(?:[-+].*)?)")


@dataclass(frozen=True, slots=True)
class Resolved:
    """A requirement and the pack that it currently refers to; `tag` is the tag that led to it, if any."""

    requirement: Requirement
    locked: LockedPack
    pack: OpenPack
    contents: Contents
    tag: str | None = None


def resolve(requirement: Requirement, root: Path, sandbox: Sandbox = IN_PROCESS) -> Resolved:
    """Fetch the pack that a requirement currently refers to and check it; its templates are compiled in `sandbox`.

    Raises FetchError if the source cannot be read, the error of an invalid pack, Problems for several errors.
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

    Raises PackError for a file that differs at the source, Problems for several, FetchError if the source cannot be read.
    """
    fetched = fetch(requirement, root, commit=locked.commit)
    if fetched.contents.integrity == locked.integrity:
        return fetched.contents
    errors: list[RunnerError] = [
        PackError(
            f"the pack {requirement.alias} is not the one in {LOCK_FILE}: this file is {kind} in its source",
            location=Location(f"{fetched.prefix}{path}"),
            hint=f"nothing was written; runner pack diff {requirement.alias} shows what changed, "
            f"runner pack update {requirement.alias} accepts it",
        )
        for kind, path in file_changes(locked.files, fetched.contents.hashes)
    ]
    raise together(errors)


def verify_at_source(requirement: Requirement, locked: LockedPack, root: Path) -> None:
    """Verify a locked pack at its source: someone who can change the copy can also change the lock, but not the source.

    Raises PackError for a file that differs at the source, Problems for several; StalePackError for a tag that now
    points to another commit; FetchError if the source cannot be read or has no such commit.
    """
    commit, rev = locked.commit, requirement.source.get("rev", "")
    if "git" in requirement.source and (commit is None or (_COMMIT.fullmatch(rev) and rev != commit)):
        raise PackError(
            f"the pack {requirement.alias} is locked to {commit or 'no commit'}, but runner.yaml requires another",
            location=requirement.location,
            hint=_FORGED,
        )
    if (now := moved_tag(requirement, root, commit)) is not None:
        raise moved_tag_error(requirement, locked, now, root)
    fetched = fetch(requirement, root, commit=commit, published=True)
    where = f"commit {commit[:12]} of {requirement.source['git']}" if commit else "its source"
    errors: list[RunnerError] = [
        PackError(
            f"the pack {requirement.alias} differs from {where}: this file is {kind} there",
            location=Location(f"{fetched.prefix}{path}"),
            hint=_FORGED,
        )
        for kind, path in file_changes(locked.files, fetched.contents.hashes)
    ]
    raise_all(errors)


_FORGED = f"{LOCK_FILE} was not changed by runner pack; git log -p {LOCK_FILE} shows who changed it"


def moved_tag_error(requirement: Requirement, locked: LockedPack, now: str, root: Path) -> StalePackError:
    """Return the error for a tag that points to another commit than the locked one, with the files that changed."""
    changes = file_changes(locked.files, fetch(requirement, root).contents.hashes)
    what = ", ".join(f"{kind} {path}" for kind, path in changes) or "no file of the pack changed"
    return StalePackError(
        f"the tag {requirement.source['rev']} of the pack {requirement.alias} was moved from {str(locked.commit)[:12]} "
        f"to {now[:12]}: {what}",
        location=requirement.location,
        hint="a moved tag may be an attack: ask the pack's author. The copy here is unchanged; "
        f"runner pack update {requirement.alias} accepts the new one",
    )


def _check_tag(fetched: FetchedPack, pack: OpenPack) -> None:
    """Raise FormatError if a version tag differs from the pack's version: readers trust either of them."""
    version = _VERSION_TAG.fullmatch(fetched.tag or "")
    if version and version[1] != pack.manifest.version:
        raise FormatError(
            f"pack.yaml has version {pack.manifest.version}, but the tag is {fetched.tag}",
            location=pack.manifest.document.locate(("version",)),
            hint="tell its author; if the tag is for the whole repository, use the commit instead of the tag",
        )
