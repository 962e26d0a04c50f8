from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from runner.engine.pool.answer_cache import CacheEntry, ResponseCache, RunCache
from runner.errors import StorageError

ENTRY = CacheEntry(200, "application/json", '{"text": "zażółć \u2028"}'.encode())


def test_what_was_put_is_got_at_once_and_by_a_later_run(tmp_path: Path) -> None:
    key = ResponseCache.key("https://api.example/v1", b"{}", 0)
    with closing(ResponseCache(tmp_path)) as cache:
        cache.put(key, ENTRY)
        assert cache.get(key) == ENTRY
    with closing(ResponseCache(tmp_path)) as later:
        assert later.get(key) == ENTRY


@pytest.mark.parametrize(
    ("identity", "data", "sample"),
    [("https://other/v1", b"{}", 0), ("https://a/v1", b"{ }", 0), ("https://a/v1", b"{}", 1)],
)
def test_the_key_depends_on_endpoint_body_and_sample(identity: str, data: bytes, sample: int) -> None:
    assert ResponseCache.key(identity, data, sample) != ResponseCache.key("https://a/v1", b"{}", 0)


def test_a_look_into_an_empty_cache_writes_nothing(tmp_path: Path) -> None:
    with closing(ResponseCache(tmp_path)) as cache:
        assert cache.get(cache.key("x", b"", 0)) is None
        assert cache.size() == (0, 0)
    assert list(tmp_path.iterdir()) == []


def test_runs_side_by_side_see_each_others_answers(tmp_path: Path) -> None:
    with closing(ResponseCache(tmp_path)) as one, closing(ResponseCache(tmp_path)) as other:
        first, second = (ResponseCache.key("x", b"", sample) for sample in range(2))
        one.put(first, ENTRY)
        one.flush()
        other.put(second, ENTRY)
        other.flush()
        assert (one.get(second), other.get(first)) == (ENTRY, ENTRY)


def test_answers_gather_only_so_many_before_they_are_written(tmp_path: Path) -> None:
    with closing(ResponseCache(tmp_path)) as cache, closing(ResponseCache(tmp_path)) as other:
        for sample in range(1000):
            cache.put(cache.key("x", b"", sample), ENTRY)
        assert other.size()[0] >= 700


def test_a_damaged_cache_is_an_error_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / ".runner").mkdir()
    (tmp_path / ".runner" / "cache.sqlite3").write_bytes(b"not a database at all" * 100)
    with closing(ResponseCache(tmp_path)) as cache:
        with pytest.raises(StorageError, match="runner cache clear"):
            cache.get(b"key")
        assert cache.clear() is None
        assert cache.size() == (0, 0)


def test_a_cache_that_is_locked_for_too_long_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.engine.pool.answer_cache._PATIENCE", 0.05)
    with closing(ResponseCache(tmp_path)) as cache:
        cache.put(b"key", ENTRY)
        cache.flush()
        with closing(sqlite3.connect(cache.path)) as other:
            other.execute("BEGIN IMMEDIATE")
            cache.put(b"another", ENTRY)
            with pytest.raises(StorageError, match="locked"):
                cache.flush()
        cache.flush()
        assert cache.size()[0] == 2


def test_clearing_deletes_every_entry_and_counts_them(tmp_path: Path) -> None:
    with closing(ResponseCache(tmp_path)) as cache:
        for sample in range(3):
            cache.put(cache.key("x", b"", sample), ENTRY)
        cache.flush()
        assert cache.clear() == 3
        assert cache.size()[0] == 0
        assert cache.clear() == 0


@pytest.mark.parametrize(
    "change",
    [
        "body = cast(replace(cast(body AS text), 'text', 'lies') AS blob)",
        "body = x'ff'",
        "body = 'text'",
        "status = 500",
        "status = 'ok'",
        "content_type = 'text/plain'",
        "content_type = NULL",
        "digest = x'00'",
    ],
)
def test_an_entry_that_was_changed_is_damaged_and_never_an_answer(tmp_path: Path, change: str) -> None:
    with closing(ResponseCache(tmp_path)) as cache:
        cache.put(b"key", ENTRY)
    with closing(sqlite3.connect(tmp_path / ".runner" / "cache.sqlite3")) as database, database:
        database.execute(f"UPDATE answers SET {change}")
    with closing(ResponseCache(tmp_path)) as cache:
        assert (cache.get(b"key"), cache.damaged) == (None, 1)
        cache.put(b"key", ENTRY)
        cache.flush()
        assert cache.get(b"key") == ENTRY


def test_an_entry_is_not_the_answer_of_another_key(tmp_path: Path) -> None:
    with closing(ResponseCache(tmp_path)) as cache:
        cache.put(b"key", ENTRY)
    with closing(sqlite3.connect(tmp_path / ".runner" / "cache.sqlite3")) as database, database:
        database.execute("UPDATE answers SET key = ?", (b"another",))
    with closing(ResponseCache(tmp_path)) as cache:
        assert cache.get(b"another") is None


def test_entries_of_a_version_without_checksums_are_read(tmp_path: Path) -> None:
    (tmp_path / ".runner").mkdir()
    with closing(sqlite3.connect(tmp_path / ".runner" / "cache.sqlite3")) as database, database:
        database.execute(
            "CREATE TABLE answers (key BLOB PRIMARY KEY, status INTEGER, content_type TEXT, body BLOB) WITHOUT ROWID"
        )
        database.execute(
            "INSERT INTO answers VALUES (?, ?, ?, ?)", (b"key", 200, "application/json", ENTRY.body)
        )
    with closing(ResponseCache(tmp_path)) as cache:
        assert cache.get(b"key") == ENTRY
        cache.put(b"new", ENTRY)
        cache.flush()
        assert (cache.get(b"new"), cache.damaged) == (ENTRY, 0)


def test_a_run_goes_on_without_a_cache_that_fails_and_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.engine.pool.answer_cache._PATIENCE", 0.05)
    monkeypatch.setattr("runner.engine.pool.answer_cache._BATCH", 1)
    said: list[str] = []
    with closing(RunCache(ResponseCache(tmp_path), said.append)) as cache:
        cache.put(b"one", ENTRY)
        with closing(sqlite3.connect(tmp_path / ".runner" / "cache.sqlite3")) as other:
            other.execute("BEGIN IMMEDIATE")
            cache.put(b"two", ENTRY)
            cache.put(b"three", ENTRY)
        assert cache.get(b"one") is None
    assert len(said) == 1
    assert "locked; this run continues without it" in said[0]


def test_a_run_goes_on_without_a_cache_that_never_worked(tmp_path: Path) -> None:
    place = tmp_path / ".runner" / "cache.sqlite3"
    place.parent.mkdir()
    place.write_bytes(b"no database" * 100)
    said: list[str] = []
    with closing(RunCache(ResponseCache(tmp_path), said.append)) as cache:
        assert cache.get(b"key") is None
        cache.put(b"key", ENTRY)
    assert len(said) == 1


def test_a_run_is_told_once_of_damaged_entries(tmp_path: Path) -> None:
    with closing(ResponseCache(tmp_path)) as cache:
        cache.put(b"one", ENTRY)
        cache.put(b"two", ENTRY)
    with closing(sqlite3.connect(tmp_path / ".runner" / "cache.sqlite3")) as database, database:
        database.execute("UPDATE answers SET status = 201")
    said: list[str] = []
    with closing(RunCache(ResponseCache(tmp_path), said.append)) as cache:
        assert [cache.get(b"one"), cache.get(b"two")] == [None, None]
    assert said == ["the response cache has damaged entries; their requests are sent again"]
