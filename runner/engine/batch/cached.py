"""The response cache for requests of batches: the same answers under the same keys as online."""

from __future__ import annotations

import json

from ...endpoints.connect import Connection
from ...wire.batch_lines import ResultLine
from ...wire.reply import Reply
from ..journal.record import Record
from ..plan.job import Job
from ..pool.answer_cache import CacheEntry, ResponseCache, RunCache
from ..pool.pool import all_ok, identity_in_cache
from ..pool.result import records_of

__all__ = ["cached_records", "remember"]


def cached_records(job: Job, connection: Connection, cache: RunCache) -> list[Record] | None:
    """Return the records of a job whose answer is in the cache, or None if it is not."""
    entry = cache.get(_key(job, connection))
    if entry is None:
        return None
    reply = job.unit.dialect.read_reply(
        entry.status,
        {"content-type": entry.content_type},
        entry.body,
        request=job.unit.fields,
        finish_reasons=connection.endpoint.finish_reasons,
        limits=connection.limits,
    )
    if not all_ok(reply):
        return None
    return records_of(job, reply, latency_ms=None, attempts=0, cached=True, secret_values=connection.secrets)


def remember(job: Job, line: ResultLine, reply: Reply, connection: Connection, cache: RunCache) -> None:
    """Store the answer in a line of results, if it is ok and has no key in it."""
    if line.status is None or not all_ok(reply):
        return
    body = json.dumps(line.body).encode()
    if not any(secret.encode() in body for secret in connection.secrets):
        cache.put(_key(job, connection), CacheEntry(line.status, "application/json", body))


def _key(job: Job, connection: Connection) -> bytes:
    return ResponseCache.key(
        identity_in_cache(connection, job.unit.dialect), job.sent(stream=False), job.sample
    )
