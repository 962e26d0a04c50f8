"""Batches in OpenAI's format: OpenAI, Azure (v1), Groq, Together and others. A file is uploaded, then a batch is created.

It follows the providers' documentation (OpenAI's API reference, "Batch" and "Files"; Azure, Groq, Together: "Batch") and
was not tried against the providers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from secrets import token_hex
from typing import Any, BinaryIO, ClassVar, Literal
from urllib.parse import quote, urlsplit

from ..values import Json
from ..wire.batch_lines import request_line
from ..wire.reply import ProviderError
from .base import Upload
from .batch_service import (
    BatchLimits,
    BatchState,
    Calls,
    InvalidLine,
    ServiceError,
    Sought,
    identifier,
    listed,
    number,
    segment,
)
from .connect import Connection

__all__ = ["OpenAIBatches"]

_ENDED = frozenset({"completed", "expired", "cancelled", "canceled"})
_PROCESSING = frozenset({"pending", "running", "notrunning", "uploading"})
_UNUSABLE = frozenset({"error", "failed", "deleted"})
_CHECKS = 150
_MOST_PAGES = 10_000


class OpenAIBatches:
    """`/files` and `/batches` below the base URL."""

    limits: ClassVar[BatchLimits] = BatchLimits(
        50_000, 100_000_000
    )  # OpenAI: 200 MB; Groq and Together: 100 MB
    tokens_in_lines: ClassVar[bool] = False

    def __init__(self, connection: Connection, api: str, trace: Callable[[str], None] | None = None) -> None:
        self._calls = Calls(connection, api, {}, trace)
        self._boundary = token_hex(24)  # it occurs in no file
        host = urlsplit(connection.base_url).hostname or ""
        self._is_together = host.endswith(("together.ai", "together.xyz"))

    def line(self, name: str, url: str, body: bytes) -> bytes:
        """Return a line of the input."""
        return request_line(name, url, body)

    def file_of(self, lines: BinaryIO, size: int, name: str) -> Upload:
        """Return a form (RFC 7578) with the file and its purpose."""
        fields = {"purpose": "batch"}
        if self._is_together:
            fields = {"purpose": "batch-api", "file_name": name, "file_type": "jsonl"}
        parts = "".join(
            f'--{self._boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
            for field, value in fields.items()
        )
        before = (
            f'{parts}--{self._boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: application/jsonl\r\n\r\n"
        )
        return Upload(before.encode(), lines, size, f"\r\n--{self._boundary}--\r\n".encode())

    async def upload(self, body: Upload) -> str:
        """Upload a file, and wait until the service has processed it, as Azure does first."""
        path = "files/upload" if self._is_together else "files"
        content_type = f"multipart/form-data; boundary={self._boundary}"
        answer, wait = await self._calls.json("POST", path, upload=body, content_type=content_type)
        file = identifier(answer.get("id"), "file")
        for _ in range(_CHECKS):
            status = str(answer.get("status") or "").lower()
            if status in _UNUSABLE:
                error = ProviderError("file_" + status, f"the file {file} has the status {status}")
                raise ServiceError(error, uncertain=False)
            if status not in _PROCESSING:
                return file
            await asyncio.sleep(wait or 2.0)
            answer, wait = await self._calls.json("GET", f"files/{segment(file)}")
        raise ServiceError(
            ProviderError("file_pending", f"the file {file} is still not processed"), uncertain=False
        )

    async def create(self, sought: Sought, body: Upload) -> BatchState:
        """Create a batch from the uploaded file."""
        request: dict[str, Json] = {
            "input_file_id": sought.file,
            "endpoint": sought.url,
            "completion_window": "24h",
        }
        if not self._is_together:
            request["metadata"] = {
                "runner_token": sought.token,
                "runner_run": sought.run,
                "part": str(sought.part),
            }
        answer, wait = await self._calls.json("POST", "batches", body=request)
        return _state(answer, wait)

    async def find(self, sought: Sought) -> BatchState | Literal["unknown"] | None:
        """Look for the token, or for the uploaded file, in the list of batches."""
        query, seen = "limit=100", set[str]()
        for _ in range(_MOST_PAGES):
            answer, wait = await self._calls.json("GET", "batches", query=query)
            batches = listed(answer)
            for batch in batches:
                metadata = batch.get("metadata")
                token = metadata.get("runner_token") if isinstance(metadata, dict) else None
                if token == sought.token or (sought.file and batch.get("input_file_id") == sought.file):
                    return _state(batch, wait)
            last = batches[-1].get("id") if batches else None
            if answer.get("has_more") is not True or not isinstance(last, str) or last in seen:
                return None
            seen.add(last)
            query = f"limit=100&after={quote(last, safe='')}"
        return None

    async def state(self, batch: str) -> BatchState:
        """Return the state of a batch."""
        answer, wait = await self._calls.json("GET", f"batches/{segment(batch)}")
        return _state(answer, wait)

    async def cancel(self, batch: str) -> BatchState:
        """Cancel a batch."""
        answer, wait = await self._calls.json("POST", f"batches/{segment(batch)}/cancel")
        return _state(answer, wait)

    async def download(self, state: BatchState, file: str, into: BinaryIO) -> None:
        """Download the output, or the errors."""
        await self._calls.download(f"files/{segment(file)}/content", into)


def _state(answer: Mapping[str, Any], wait: float | None) -> BatchState:
    job = answer.get("job")
    batch = job if isinstance(job, dict) else answer  # Together, when a batch is created
    name = identifier(batch.get("id"), "batch")
    state = str(batch.get("status") or "").lower()
    counts = batch.get("request_counts")
    counts = counts if isinstance(counts, dict) else {}
    files = [batch.get("output_file_id"), batch.get("error_file_id")]
    phase: Literal["waiting", "ended", "refused"] = "waiting"
    if state in _ENDED:
        phase = "ended"
    elif state == "failed":
        phase = "refused"
    return BatchState(
        name,
        state,
        phase,
        number(counts.get("total")),
        number(counts.get("completed")),
        number(counts.get("failed")),
        tuple(dict.fromkeys(file for file in files if isinstance(file, str) and file)),
        tuple(_invalid(batch)),
        wait,
    )


def _invalid(batch: Mapping[str, Any]) -> list[InvalidLine]:
    errors = batch.get("errors")
    reasons = errors.get("data") if isinstance(errors, dict) else errors
    found = []
    for each in reasons if isinstance(reasons, list) else [reasons]:
        if isinstance(each, dict):
            message = each.get("message")
            found.append(
                InvalidLine(str(each.get("code") or ""), str(message or ""), number(each.get("line")) or None)
            )
        elif isinstance(each, str) and each:
            found.append(InvalidLine("", each))
    return found
