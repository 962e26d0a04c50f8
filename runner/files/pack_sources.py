"""References to packs (`ALIAS:NAME`), and the rules for the sources in `packs` of runner.yaml (pure functions)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

__all__ = [
    "REFERENCE",
    "SourceFault",
    "is_local_repository",
    "is_loopback",
    "is_reference",
    "pack_url_fault",
    "source_faults",
]

REFERENCE = re.compile(r"([a-z][a-z0-9-]{0,62}):(?![/\\])(.*)", re.DOTALL)
"""An alias and the name of an export, or a glob of such names."""

SourceFault: TypeAlias = tuple[str, str | None]
"""Why a value is wrong, in words that follow its key, and what to do. The value is not repeated: it may be a password."""

_DRIVE = re.compile(r"[A-Za-z]:")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SCP = re.compile(r"[^/:\\]{2,}:(?!//)")  # git@host:path; one letter is a drive of Windows
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.-]*::")
_DISTRIBUTION = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII)
# What is forbidden in names of git references (git check-ref-format), and git's notation for revisions.
_NO_REVISION = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^@$|^/|[/.]$|\.lock$|(?:^|/)\.")

_KEYS_NOT_IN_FILES = "keys do not belong in files: git gets yours from its credential helper, an SSH key or your own configuration"


def is_reference(text: str) -> bool:
    r"""Return whether a text has the form `ALIAS:NAME`; a Windows path (`C:\prompts`) does not."""
    return REFERENCE.fullmatch(text) is not None


def source_faults(entry: Mapping[str, object]) -> Iterator[tuple[str, str, str | None]]:
    """Yield the faults of an entry's values, each as key, message and hint."""
    for key, check in _CHECKS.items():
        value = entry.get(key)
        if isinstance(value, str) and (fault := check(value)):
            yield key, *fault


def pack_url_fault(url: str) -> SourceFault | None:
    """Return why a URL must not be fetched over HTTP; None if it may be: https, or http on this machine."""
    if fault := _not_one_word(url):
        return fault
    parts = _split(url)
    if parts is None or not parts.hostname:
        return "is not a URL", "write an https URL"
    if parts.username is not None or parts.password is not None:
        return (
            "contains a user name or a password",
            "keys do not belong in files: use `git` for private packs",
        )
    if parts.query or parts.fragment or url.endswith(("?", "#")):
        return (
            "contains a query or a fragment",
            "keys do not belong in files, and a query may be one: use a URL without it",
        )
    if parts.scheme.lower() == "https" or (parts.scheme.lower() == "http" and is_loopback(parts.hostname)):
        return None
    return "is not an https URL", "http is only for this machine (127.0.0.1)"


def is_local_repository(url: str) -> bool:
    """Return whether a git URL is the path of a folder."""
    return not _SCHEME.match(url) and not _SCP.match(url)


def is_loopback(host: str) -> bool:
    """Return whether a host name denotes this machine, without a DNS lookup."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _git_fault(url: str) -> SourceFault | None:
    if fault := _not_one_word(url):
        return fault
    if _HELPER.match(url):
        return "names a helper program of git", "write an https or ssh URL"
    scheme = _SCHEME.match(url)
    if scheme is None:
        if _SCP.match(url) and ":" in url.partition("@")[0]:
            return "contains a password", _KEYS_NOT_IN_FILES
        return None
    parts = _split(url)
    if parts is None or (scheme[1].lower() != "file" and not parts.hostname):
        return "is not a URL", "write an https or ssh URL"
    if parts.password is not None or (parts.username is not None and scheme[1].lower() != "ssh"):
        return "contains a user name or a password", _KEYS_NOT_IN_FILES
    if parts.query or parts.fragment:
        return "contains a query or a fragment", "use rev and subdirectory instead"
    match scheme[1].lower():
        case "https" | "ssh" | "file":
            return None
        case "http" if parts.hostname and is_loopback(parts.hostname):
            return None
        case _:
            return "is not an https or ssh URL", "other protocols can be read and changed in transit"


def _rev_fault(rev: str) -> SourceFault | None:
    if rev.startswith("-"):
        return "begins with a dash, which git would read as an option", "name a tag, a branch or a commit"
    if _NO_REVISION.search(rev) or not rev.isprintable():
        return (
            "is not the name of a tag, a branch or a commit",
            "git's notation (~, ^, :, ..) is not supported",
        )
    if re.fullmatch(r"[0-9a-f]{7,39}", rev):
        return "looks like an abbreviated commit", "write all 40 digits"
    return None


def _subdirectory_fault(path: str) -> SourceFault | None:
    if path.startswith(("/", "-")) or _DRIVE.match(path) or "\\" in path or not path.isprintable():
        return 'is not a folder inside the repository (with "/" between folders)', None
    parts = path.rstrip("/").split("/")
    if {"", ".", ".."} & set(parts):
        return "is not a plain path", 'write it without ".", ".." and empty parts, e.g. packs/support'
    return None


def _path_fault(path: str) -> SourceFault | None:
    if "\\" in path or not path.isprintable():
        return 'is not a path with "/" between folders', None
    if path.startswith(("/", "~")) or _DRIVE.match(path):
        return "is valid on one machine only", "write it relative to runner.yaml, e.g. ../house-prompts"
    return None


def _distribution_fault(name: str) -> SourceFault | None:
    return None if _DISTRIBUTION.fullmatch(name) else ("is not the name of a distribution", None)


def _not_one_word(url: str) -> SourceFault | None:
    if url.startswith("-"):
        return "begins with a dash, which git would read as an option", "write an https or ssh URL"
    if not url.isprintable() or url != url.strip() or ("://" in url and " " in url):
        return "contains white space or invisible characters", None
    return None


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.hostname, parts.port
    except ValueError:
        return None
    return parts


_CHECKS = {
    "git": _git_fault,
    "rev": _rev_fault,
    "subdirectory": _subdirectory_fault,
    "path": _path_fault,
    "url": pack_url_fault,
    "python": _distribution_fault,
}
