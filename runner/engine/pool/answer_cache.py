"""The response cache: saves money, never decides a verdict.

The key is the SHA-256 of the request, its destination and the sample number; only answers with the outcome ok are
stored. They are in one SQLite file, written in batches: one file per answer costs far more time per answer
(measured: 0.3 to 1 ms against 10 µs), and the journal has every answer anyway, so at worst the requests of a batch
lost to a killed process are sent again. WAL lets concurrent runs read and write (https://sqlite.org/wal.html).
Each entry has a checksum: an entry that changed on disk is damaged, and its request is sent again.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import Location, RunnerError, StorageError
from ...files.disk.plain_files import refuse_special
from ...files.versions import NewerFormatError, reader_of
from ..journal.paths import CACHE, STATE, make_state, plain, state_folder

if TYPE_CHECKING:
    import sqlite3

__all__ = ["CacheEntry", "ResponseCache", "RunCache"]

VERSION = 1
"""The version of the key. The file has its own version, SQLite's `user_version`."""

_BATCH = 256
_BATCH_SECONDS = 0.5
_PATIENCE = 3.0
"""Seconds to wait for another process that is writing; the whole run waits in the meantime."""

_TABLE = (
    "CREATE TABLE IF NOT EXISTS answers"
    " (key BLOB PRIMARY KEY, status INTEGER, content_type TEXT, body BLOB, digest BLOB) WITHOUT ROWID"
)
_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """A stored response: status, the headers that are needed to read it, and the body as received."""

    status: int
    content_type: str
    body: bytes


class ResponseCache:
    """The cache of one project, in `.runner/cache.sqlite3`; the first stored answer creates the file.

    SQLite opens the file by name, so it is checked first: raises MissingFileError for a link, or anything else but a
    regular file. Every method raises StorageError if the file cannot be used, NewerFormatError if a newer runner wrote it.
    `get` sees new entries at once; they are in the file after `flush` or `close`. `damaged` counts the entries that
    changed after they were written. Use it in one thread only.
    """

    def __init__(self, root: Path) -> None:
        self.path = root / CACHE
        self._root = root
        self._database: sqlite3.Connection | None = None
        self._absent = False
        self._numbered = False
        self._batch: dict[bytes, CacheEntry] = {}
        self._flushed = time.monotonic()
        self.damaged = 0
        self._refuse_special()

    def _refuse_special(self) -> None:
        if state_folder(self._root, STATE) is not None:
            with plain():
                for file in self._beside():
                    refuse_special(file)

    @staticmethod
    def key(identity: str, data: bytes, sample: int) -> bytes:
        """Return the SHA-256 of the endpoint's identity, the request body and the sample number."""
        digest = hashlib.sha256(f"{VERSION}\n{sample}\n{identity}\n".encode())
        digest.update(data)
        return digest.digest()

    def get(self, key: bytes) -> CacheEntry | None:
        """Return the entry of a key, or None if there is none or it is damaged."""
        if waiting := self._batch.get(key):
            return waiting
        with self._converting_errors():
            if (database := self._open(create=False)) is None:
                return None
            row = database.execute(
                "SELECT status, content_type, body, digest FROM answers WHERE key = ?", (key,)
            ).fetchone()
        if row is None:
            return None
        status, content_type, body, digest = row
        if not (isinstance(status, int) and isinstance(content_type, str) and isinstance(body, bytes)):
            self.damaged += 1
            return None
        entry = CacheEntry(status, content_type, body)
        if digest is not None and digest != _digest(key, entry):  # entries of older versions have none
            self.damaged += 1
            return None
        return entry

    def put(self, key: bytes, entry: CacheEntry) -> None:
        """Store an entry; from time to time this writes the batch."""
        self._batch[key] = entry
        if len(self._batch) >= _BATCH or time.monotonic() - self._flushed > _BATCH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write the batch in one transaction."""
        if self._batch:
            rows = [
                (key, each.status, each.content_type, each.body, _digest(key, each))
                for key, each in self._batch.items()
            ]
            with self._converting_errors():
                database = self._open(create=True)
                assert database is not None
                with database:
                    database.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)", rows)
                    if not self._numbered:
                        database.execute(f"PRAGMA user_version = {max(_PREPARE)}")
                        self._numbered = True
            self._batch.clear()
        self._flushed = time.monotonic()

    def close(self) -> None:
        """Flush, and close the file."""
        try:
            self.flush()
        finally:
            if self._database is not None:
                self._database.close()
                self._database = None

    def abandon(self) -> None:
        """Close the file without writing the batch."""
        import sqlite3

        self._batch.clear()
        database, self._database = self._database, None
        if database is not None:
            with contextlib.suppress(sqlite3.Error):
                database.close()

    def size(self) -> tuple[int, int]:
        """Return the number of stored answers and their size in bytes."""
        with self._converting_errors():
            if (database := self._open(create=False)) is None:
                return 0, 0
            (count,) = database.execute("SELECT count(*) FROM answers").fetchone()
        return count, sum(file.stat().st_size for file in self._files())

    def clear(self) -> int | None:
        """Delete every entry. Return how many there were, or None if the file was damaged and has been deleted."""
        import sqlite3

        try:
            if (database := self._open(create=False)) is None:
                return 0
            with database:
                count = database.execute("DELETE FROM answers").rowcount
            database.execute("VACUUM")
        except sqlite3.OperationalError as error:
            raise self._failed(error) from None
        except sqlite3.DatabaseError:
            self._database = None
            for file in self._files():
                file.unlink()
            return None
        return count

    def _files(self) -> list[Path]:
        return [file for file in self._beside() if file.exists()]

    def _beside(self) -> list[Path]:
        return [
            self.path.with_name(f"{self.path.name}{ending}") for ending in ("", "-wal", "-shm", "-journal")
        ]

    def _open(self, *, create: bool) -> sqlite3.Connection | None:
        if self._database is None and (create or not self._absent):
            import sqlite3

            if not create and not self.path.exists():
                self._absent = True  # checked once, not for each request: only our own first write creates it
                return None
            make_state(self._root)
            self._refuse_special()
            database = sqlite3.connect(self.path, timeout=_PATIENCE)
            try:
                database.execute("PRAGMA journal_mode = WAL")
                database.execute(
                    "PRAGMA synchronous = OFF"
                )  # a power cut may cost answers that the journal has
                (version,) = database.execute("PRAGMA user_version").fetchone()
                prepare = reader_of(
                    _PREPARE, version or 1, "the response cache", lambda: Location(str(self.path))
                )
                prepare(database)
                self._numbered = version == max(_PREPARE)
            except (sqlite3.Error, NewerFormatError):
                database.close()
                raise
            self._database = database
        return self._database

    @contextlib.contextmanager
    def _converting_errors(self) -> Iterator[None]:
        import sqlite3

        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise self._failed(error) from None

    def _failed(self, error: sqlite3.Error | OSError) -> StorageError:
        return StorageError(
            f"the response cache cannot be used: {error}",
            hint=f"free some space, run `runner cache clear`, or use --no-cache ({self.path})",
        )


class RunCache:
    """The cache as used by a run: if it fails, it is switched off, and `note` is called once.

    Losing the cache loses no answers, because the journal has them all; an error would end a run that costs money.
    """

    def __init__(self, cache: ResponseCache, note: Callable[[str], None]) -> None:
        self._cache: ResponseCache | None = cache
        self._note = note
        self._reported_damage = False

    def get(self, key: bytes) -> CacheEntry | None:
        """Return the entry of a key, or None if there is none that can be used."""
        if self._cache is None:
            return None
        try:
            entry = self._cache.get(key)
        except (StorageError, NewerFormatError) as error:
            self._switch_off(error)
            return None
        if self._cache.damaged and not self._reported_damage:
            self._reported_damage = True
            self._note("the response cache has damaged entries; their requests are sent again")
        return entry

    def put(self, key: bytes, entry: CacheEntry) -> None:
        """Store an entry, if possible."""
        if self._cache is not None:
            try:
                self._cache.put(key, entry)
            except (StorageError, NewerFormatError) as error:
                self._switch_off(error)

    def close(self) -> None:
        """Write the batch and close the file."""
        if self._cache is not None:
            try:
                self._cache.close()
            except (StorageError, NewerFormatError) as error:
                self._switch_off(error)

    def _switch_off(self, error: RunnerError) -> None:
        cache, self._cache = self._cache, None
        assert cache is not None
        cache.abandon()
        self._note(f"{error.message}; this run continues without it ({error.hint})")


def _digest(key: bytes, entry: CacheEntry) -> bytes:
    digest = hashlib.blake2b(
        f"{entry.status}\n{entry.content_type}\n".encode(), key=key, digest_size=_DIGEST_BYTES
    )
    digest.update(entry.body)
    return digest.digest()


def _prepare_v1(database: sqlite3.Connection) -> None:
    """Create the table if needed. The first files of this version have no version number and no checksums."""
    database.execute(_TABLE)
    _add_digests(database)


_PREPARE: dict[int, Callable[[sqlite3.Connection], None]] = {1: _prepare_v1}
"""For each version of the file, the function that upgrades it; entries are kept."""


def _add_digests(database: sqlite3.Connection) -> None:
    """Add the column that an older version lacks; existing entries are kept, without a checksum."""
    import sqlite3

    columns = [row[1] for row in database.execute("PRAGMA table_info(answers)")]
    if "digest" not in columns:
        try:
            database.execute("ALTER TABLE answers ADD COLUMN digest BLOB")
        except sqlite3.OperationalError as error:
            if "duplicate column" not in str(error):  # another process was first
                raise
