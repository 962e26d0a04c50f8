"""The files of a pack in memory, in the canonical form that is hashed and stored. Pure.

In text files CRLF counts as LF, so that a checkout that converts line ends changes no hash. The integrity of all files
is Go's dirhash (golang.org/x/mod/sumdb/dirhash, Hash1) over the paths from the pack's root.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

from .file_rules import is_text

__all__ = ["Contents", "FileChange", "canonical_bytes", "file_changes", "file_hash", "integrity"]

FileChange: TypeAlias = tuple[Literal["changed", "added", "removed", "renamed"], str]
"""The kind of change and the path of the file; for a renamed file the path is `OLD -> NEW`."""


@dataclass(frozen=True)
class Contents:
    """All files of a pack, by path, in their canonical form."""

    files: Mapping[str, bytes]

    @classmethod
    def of(cls, files: Mapping[str, bytes]) -> Contents:
        """Return the contents of files, given as they were read."""
        return cls({path: canonical_bytes(path, files[path]) for path in sorted(files)})

    @cached_property
    def hashes(self) -> dict[str, str]:
        """The hash of each file, by path."""
        return {path: file_hash(path, data) for path, data in self.files.items()}

    @property
    def integrity(self) -> str:
        """The hash of all files together."""
        return integrity(self.hashes)


def canonical_bytes(path: str, data: bytes) -> bytes:
    """Return the bytes of a file as they are hashed. UTF-16 text, which no prompt can be, is unchanged."""
    return data.replace(b"\r\n", b"\n") if is_text(path) and b"\0" not in data else data


def file_hash(path: str, data: bytes) -> str:
    """Return `sha256:` and the hex digest of a file's canonical form."""
    return f"sha256:{hashlib.sha256(canonical_bytes(path, data)).hexdigest()}"


def integrity(hashes: Mapping[str, str]) -> str:
    """Return `h1:` and the base64 SHA-256 of the lines `<hex>  <path>`, one for each file, sorted by path."""
    lines = "".join(f"{hashes[path].removeprefix('sha256:')}  {path}\n" for path in sorted(hashes))
    return f"h1:{base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()}"


def file_changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[FileChange]:
    """Return the changes between two sets of hashes, sorted by path. A file with equal bytes at a new path is renamed."""
    gone = {path: digest for path, digest in before.items() if path not in after}
    changes: list[FileChange] = []
    for path, digest in after.items():
        if path in before:
            if before[path] != digest:
                changes.append(("changed", path))
            continue
        old = next((name for name, each in gone.items() if each == digest), None)
        if old is None:
            changes.append(("added", path))
        else:
            del gone[old]
            changes.append(("renamed", f"{old} -> {path}"))
    changes += [("removed", path) for path in gone]
    return sorted(changes, key=lambda change: change[1])
