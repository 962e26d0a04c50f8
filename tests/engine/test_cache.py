from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from runner.engine.cache import CacheEntry, ResponseCache
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
    monkeypatch.setattr("runner.engine.cache._PATIENCE", 0.05)
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
