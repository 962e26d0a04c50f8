"""The response cache: saves money, never decides a verdict.

The key is the SHA-256 of everything that was sent, where it was sent, and the sample's number; only answers whose
outcome is ok are kept. They live in one SQLite file, written in batches: a file an answer costs more time than most
answers take to fetch (measured: 0.3 to 1 ms against 10 µs), and the journal has every answer anyway, so a batch lost
to a killed process is asked again at worst. WAL lets runs side by side read and write (https://sqlite.org/wal.html).
Each entry carries a checksum: a byte that changed on the disk makes it a damaged entry, which is asked again.
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
from ...files.plain_files import refuse_special
from ...files.versions import NewerFormatError, reader_of
from ..journal.paths import CACHE, STATE, make_state, plain, state_folder

if TYPE_CHECKING:
    import sqlite3

__all__ = ["CacheEntry", "ResponseCache", "RunCache"]

VERSION = 1
"""Of what goes into a key. The file has a version of its own, SQLite's `user_version`."""

_BATCH = 256
_BATCH_SECONDS = 0.5
_PATIENCE = 3.0
"""Seconds to wait for another process that is writing; the whole run waits meanwhile."""

_TABLE = (
    "CREATE TABLE IF NOT EXISTS answers"
    " (key BLOB PRIMARY KEY, status INTEGER, content_type TEXT, body BLOB, digest BLOB) WITHOUT ROWID"
)
_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """A kept response: status, the headers that matter for reading it, and its body as it result."""

    status: int
    content_type: str
    body: bytes


class ResponseCache:
    """The cache of one project, in `.runner/cache.sqlite3`; the file is made by the first answer that is kept.

    It is SQLite that opens it, by its name, so what stands there is looked at before: raises MissingFileError for a link,
    or for what is no file. Every method raises StorageError where the file cannot be used, NewerFormatError where a newer
    runner wrote it. What was put is seen by `get`
    at once and is in the file after `flush` or `close`. `damaged` counts the entries that `get` found changed since they
    were written. To be used in one thread.
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
        """SHA-256 over the endpoint's identity, the bytes of the request body and the sample's number."""
        digest = hashlib.sha256(f"{VERSION}\n{sample}\n{identity}\n".encode())
        digest.update(data)
        return digest.digest()

    def get(self, key: bytes) -> CacheEntry | None:
        """The entry of that key; None where there is none, or where it is damaged."""
        if waiting := self._batch.get(key):
            return waiting
        with self._told():
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
        """Keep an entry; now and then this writes what has gathered."""
        self._batch[key] = entry
        if len(self._batch) >= _BATCH or time.monotonic() - self._flushed > _BATCH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what has gathered, in one transaction."""
        if self._batch:
            rows = [
                (key, each.status, each.content_type, each.body, _digest(key, each))
                for key, each in self._batch.items()
            ]
            with self._told():
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
        """Flush, and give the file back."""
        try:
            self.flush()
        finally:
            if self._database is not None:
                self._database.close()
                self._database = None

    def abandon(self) -> None:
        """Give the file back without writing what has gathered."""
        import sqlite3

        self._batch.clear()
        database, self._database = self._database, None
        if database is not None:
            with contextlib.suppress(sqlite3.Error):
                database.close()

    def size(self) -> tuple[int, int]:
        """How many answers are kept, and the bytes they take."""
        with self._told():
            if (database := self._open(create=False)) is None:
                return 0, 0
            (count,) = database.execute("SELECT count(*) FROM answers").fetchone()
        return count, sum(file.stat().st_size for file in self._files())

    def clear(self) -> int | None:
        """Delete every entry; returns how many there were, None where the file was damaged and is gone altogether."""
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
                self._absent = True  # asked for each request of a run; only our own first write changes it
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
    def _told(self) -> Iterator[None]:
        import sqlite3

        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise self._failed(error) from None

    def _failed(self, error: sqlite3.Error | OSError) -> StorageError:
        return StorageError(
            f"the response cache cannot be used: {error}",
            hint=f"free some space, or `runner cache clear`, or run with --no-cache ({self.path})",
        )


class RunCache:
    """The cache as a run uses it: it may fail at any time, is then switched off, and `note` is told so once.

    Losing the cache loses no answer, since the journal has them all; an error would end a run that costs money.
    """

    def __init__(self, cache: ResponseCache, note: Callable[[str], None]) -> None:
        self._cache: ResponseCache | None = cache
        self._note = note
        self._told_of_damage = False

    def get(self, key: bytes) -> CacheEntry | None:
        """The entry of that key; None where there is none that can be used."""
        if self._cache is None:
            return None
        try:
            entry = self._cache.get(key)
        except (StorageError, NewerFormatError) as error:
            self._switch_off(error)
            return None
        if self._cache.damaged and not self._told_of_damage:
            self._told_of_damage = True
            self._note("the response cache has damaged entries: their cases are asked again")
        return entry

    def put(self, key: bytes, entry: CacheEntry) -> None:
        """Keep an entry, if that is possible."""
        if self._cache is not None:
            try:
                self._cache.put(key, entry)
            except (StorageError, NewerFormatError) as error:
                self._switch_off(error)

    def close(self) -> None:
        """Write what has gathered, and give the file back."""
        if self._cache is not None:
            try:
                self._cache.close()
            except (StorageError, NewerFormatError) as error:
                self._switch_off(error)

    def _switch_off(self, error: RunnerError) -> None:
        cache, self._cache = self._cache, None
        assert cache is not None
        cache.abandon()
        self._note(f"{error.message}; this run goes on without it ({error.hint})")


def _digest(key: bytes, entry: CacheEntry) -> bytes:
    digest = hashlib.blake2b(
        f"{entry.status}\n{entry.content_type}\n".encode(), key=key, digest_size=_DIGEST_BYTES
    )
    digest.update(entry.body)
    return digest.digest()


def _prepare_v1(database: sqlite3.Connection) -> None:
    """Make the table where there is none. The first files of this version have no number and no checksums."""
    database.execute(_TABLE)
    _add_digests(database)


_PREPARE: dict[int, Callable[[sqlite3.Connection], None]] = {1: _prepare_v1}
"""For each version of the file, what makes it one of today; its entries stay."""


def _add_digests(database: sqlite3.Connection) -> None:
    """Give the table of an older version the column that it lacks; its entries stay, without a checksum."""
    import sqlite3

    columns = [row[1] for row in database.execute("PRAGMA table_info(answers)")]
    if "digest" not in columns:
        try:
            database.execute("ALTER TABLE answers ADD COLUMN digest BLOB")
        except sqlite3.OperationalError as error:
            if "duplicate column" not in str(error):  # another process was first
                raise
