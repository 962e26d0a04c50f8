"""The response cache: saves money, never decides a verdict.

The key is the SHA-256 of everything that was sent, where it was sent, and the sample's number; only answers whose
outcome is ok are kept. An entry is one file, written beside its place and renamed, so that runs side by side need no lock.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import StorageError
from .paths import CACHE, write_whole

__all__ = ["CacheEntry", "ResponseCache"]

VERSION = 1


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """A kept response: status, the headers that matter for reading it, and its body as it came."""

    status: int
    content_type: str
    body: bytes


class ResponseCache:
    """The cache of one project, in `.runner/cache/<2 hex>/<64 hex>.json`."""

    def __init__(self, root: Path) -> None:
        self.folder = root / CACHE

    @staticmethod
    def key(identity: str, data: bytes, sample: int) -> str:
        """SHA-256 over the endpoint's identity, the bytes of the request body and the sample's number."""
        digest = hashlib.sha256(f"{VERSION}\n{sample}\n{identity}\n".encode())
        digest.update(data)
        return digest.hexdigest()

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"

    def get(self, key: str) -> CacheEntry | None:
        """The entry of that key, or None. An entry that does not parse counts as absent and is asked for again."""
        try:
            value = json.loads(self._path(key).read_bytes())
            return CacheEntry(value["status"], value["content_type"], value["body"].encode())
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def put(self, key: str, entry: CacheEntry) -> None:
        """Keep an entry. Raises StorageError when it cannot be written."""
        path = self._path(key)
        value = {"v": VERSION, "status": entry.status, "content_type": entry.content_type}
        text = json.dumps({**value, "body": entry.body.decode()}, ensure_ascii=False)
        try:
            write_whole(path, text)
        except OSError as error:
            raise StorageError(
                f"the response cache cannot be written: {error.strerror or error}",
                hint=f"free some space, or run with --no-cache ({self.folder})",
            ) from None

    def entries(self) -> Iterator[os.DirEntry[str]]:
        """Every entry's file, in no particular order."""
        with contextlib.suppress(FileNotFoundError), os.scandir(self.folder) as folders:
            for folder in folders:
                if folder.is_dir(follow_symlinks=False):
                    with os.scandir(folder) as files:
                        yield from (entry for entry in files if entry.name.endswith(".json"))

    def clear(self) -> int:
        """Delete every entry; returns how many there were."""
        count = 0
        for entry in self.entries():
            Path(entry.path).unlink()
            count += 1
        return count
