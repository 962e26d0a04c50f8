from __future__ import annotations

from pathlib import Path

import pytest

from runner.engine.cache import CacheEntry, ResponseCache

ENTRY = CacheEntry(200, "application/json", '{"text": "zażółć \u2028"}'.encode())


def test_what_was_put_is_got(tmp_path: Path) -> None:
    cache = ResponseCache(tmp_path)
    key = cache.key("https://api.example/v1", b"{}", 0)
    cache.put(key, ENTRY)
    assert cache.get(key) == ENTRY


@pytest.mark.parametrize(
    ("identity", "data", "sample"),
    [("https://other/v1", b"{}", 0), ("https://a/v1", b"{ }", 0), ("https://a/v1", b"{}", 1)],
)
def test_the_key_depends_on_endpoint_body_and_sample(identity: str, data: bytes, sample: int) -> None:
    assert ResponseCache.key(identity, data, sample) != ResponseCache.key("https://a/v1", b"{}", 0)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"status": 200, "content_type": 1, "body": 2}']
)
def test_a_damaged_entry_counts_as_absent(tmp_path: Path, content: bytes) -> None:
    cache = ResponseCache(tmp_path)
    key = cache.key("x", b"", 0)
    cache.put(key, ENTRY)
    [entry] = cache.entries()
    Path(entry.path).write_bytes(content)
    assert cache.get(key) is None


def test_clearing_deletes_every_entry_and_counts_them(tmp_path: Path) -> None:
    cache = ResponseCache(tmp_path)
    for sample in range(3):
        cache.put(cache.key("x", b"", sample), ENTRY)
    assert cache.clear() == 3
    assert list(cache.entries()) == []
    assert cache.clear() == 0
