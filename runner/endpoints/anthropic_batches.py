"""Batches of Anthropic's Messages API (its API reference, "Message Batches"): one request with all lines, no files.

It follows the provider's documentation and was not tried against the provider.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryFile
from typing import Any, BinaryIO, ClassVar, Literal
from urllib.parse import quote

from ..wire.batch_lines import first_token
from ..wire.reply import ProviderError
from .base import Upload
from .batch_service import (
    BatchLimits,
    BatchState,
    Calls,
    ServiceError,
    Sought,
    identifier,
    listed,
    number,
    segment,
)
from .connect import Connection

__all__ = ["AnthropicBatches"]

_HEADERS = {"anthropic-version": "2023-06-01"}
_SKEW = timedelta(minutes=10)
"""How much the clocks of the service and of this machine may differ."""

_MOST_PAGES = 10_000


class AnthropicBatches:
    """`/messages/batches` below the base URL.

    A batch has no metadata. So each custom_id has its token, and a batch whose creation was not confirmed is found among
    those of the same size and time, by the custom_ids of its results.
    """

    limits: ClassVar[BatchLimits] = BatchLimits(100_000, 200_000_000)  # 256 MB
    tokens_in_lines: ClassVar[bool] = True

    def __init__(self, connection: Connection, api: str, trace: Callable[[str], None] | None = None) -> None:
        self._calls = Calls(connection, api, _HEADERS, trace)

    def line(self, name: str, _url: str, body: bytes) -> bytes:
        """Return a request as an element of the list of all."""
        return b'{"custom_id":"%s","params":%s},\n' % (name.encode(), body)

    def file_of(self, lines: BinaryIO, size: int, name: str) -> Upload:
        """Return the JSON of the whole batch: the lines without their last comma, in a list."""
        return Upload(b'{"requests":[\n', lines, size - len(b",\n"), b"\n]}")

    async def upload(self, body: Upload) -> None:
        """Do nothing: the lines are in the request that creates the batch."""

    async def create(self, sought: Sought, body: Upload) -> BatchState:
        """Create a batch with all its lines."""
        answer, wait = await self._calls.json("POST", "messages/batches", upload=body)
        return _state(answer, wait)

    async def find(self, sought: Sought) -> BatchState | Literal["unknown"] | None:
        """Look among the batches of the same size since it was submitted; one is known by its results only."""
        candidates = False
        async for batch, wait in self._listed():
            state = _state(batch, wait)
            created = _time(batch.get("created_at"))
            if state.id in sought.known or (created is not None and created < sought.submitted - _SKEW):
                continue
            if state.total not in (None, sought.lines):
                continue
            if state.phase != "ended":
                candidates = True
                continue
            with TemporaryFile() as file:
                await self.download(state, state.id, file)
                if first_token(file) == sought.token[:8]:
                    return state
        return "unknown" if candidates else None

    async def _listed(self) -> Any:
        query, seen = "limit=100", set[str]()
        for _ in range(_MOST_PAGES):
            answer, wait = await self._calls.json("GET", "messages/batches", query=query)
            for batch in listed(answer):
                yield batch, wait
            last = answer.get("last_id")
            if answer.get("has_more") is not True or not isinstance(last, str) or last in seen:
                return
            seen.add(last)
            query = f"limit=100&after_id={quote(last, safe='')}"

    async def state(self, batch: str) -> BatchState:
        """Return the state of a batch."""
        answer, wait = await self._calls.json("GET", f"messages/batches/{segment(batch)}")
        return _state(answer, wait)

    async def cancel(self, batch: str) -> BatchState:
        """Cancel a batch."""
        answer, wait = await self._calls.json("POST", f"messages/batches/{segment(batch)}/cancel")
        return _state(answer, wait)

    async def download(self, state: BatchState, file: str, into: BinaryIO) -> None:
        """Download the results. Their own URL is not used: the key is sent to the declared server only."""
        await self._calls.download(f"messages/batches/{segment(state.id)}/results", into)


def _state(batch: Mapping[str, Any], wait: float | None) -> BatchState:
    name = identifier(batch.get("id"), "batch")
    state = str(batch.get("processing_status") or "").lower()
    counts = batch.get("request_counts")
    found = {key: number(value) for key, value in counts.items()} if isinstance(counts, dict) else {}
    total = sum(value or 0 for value in found.values()) if found else None
    if batch.get("archived_at"):
        error = ProviderError("batch_archived", f"the results of {name} are no longer available")
        raise ServiceError(error, uncertain=False)
    failed = sum(found.get(key) or 0 for key in ("errored", "canceled", "expired"))
    ended = state == "ended"
    return BatchState(
        name,
        state,
        "ended" if ended else "waiting",
        total,
        found.get("succeeded"),
        failed,
        (name,) if ended else (),
        (),
        wait,
    )


def _time(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)
