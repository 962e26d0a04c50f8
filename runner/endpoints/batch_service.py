"""The interface to a provider's batches: upload, create, find, ask for the state, cancel, download. One call each.

Nothing is repeated here: a call that fails raises ServiceError, and the caller decides whether to try again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, BinaryIO, ClassVar, Literal, NamedTuple, Protocol
from urllib.parse import quote

from ..errors import ConfigError, StorageError
from ..masking import mask
from ..values import Json
from ..wire.decoding import decode_envelope
from ..wire.error_rules import Asked
from ..wire.provider_errors import error_from, read_error
from ..wire.reply import ProviderError
from ..wire.retry_after import retry_after
from .base import Request, Response, Transport, TransportError, Upload
from .connect import Connection

__all__ = ["BatchLimits", "BatchService", "BatchState", "Calls", "InvalidLine", "ServiceError", "Sought"]

CALL_TIMEOUT = 60.0
TRANSFER_TIMEOUT = 3600.0
"""In seconds: for a call that a person would wait for, and for one that sends or receives a large file."""

_LONGEST_ID = 200


class ServiceError(Exception):
    """A call that failed. `error` says why; `uncertain`: the service may have done it nevertheless, as after a timeout."""

    def __init__(self, error: ProviderError, *, uncertain: bool) -> None:
        super().__init__(error.message)
        self.error = error
        self.uncertain = uncertain


class BatchLimits(NamedTuple):
    """The most lines and bytes of one batch."""

    lines: int
    size: int


class InvalidLine(NamedTuple):
    """A reason why a service refused a whole batch, and the line of its input, from 1, if it names one."""

    code: str
    message: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class BatchState:
    """What a service says about a batch. `state` is its own word, in lower case.

    `phase` is what it means: the batch is `waiting`, has `ended` with whatever results it has, or was `refused` as a
    whole, with `invalid` lines. `total`, `completed` and `failed` count its requests, where the service does. `files`
    are the ids of its files of results. `wait` is the number of seconds after which to ask again, if it says so.
    """

    id: str
    state: str
    phase: Literal["waiting", "ended", "refused"]
    total: int | None = None
    completed: int | None = None
    failed: int | None = None
    files: tuple[str, ...] = ()
    invalid: tuple[InvalidLine, ...] = ()
    wait: float | None = None


class Sought(NamedTuple):
    """What is known about a batch whose creation was not confirmed."""

    token: str
    run: str
    part: int
    url: str
    lines: int
    submitted: datetime
    file: str | None
    known: frozenset[str]


class BatchService(Protocol):
    """The batches of one endpoint. Every method raises ServiceError."""

    limits: ClassVar[BatchLimits]
    tokens_in_lines: ClassVar[bool]
    """Whether each custom_id has the token of its batch, because the service stores nothing else to find it by."""

    def line(self, name: str, url: str, body: bytes) -> bytes:
        """Return the line of a request with the custom_id `name`."""
        ...

    def file_of(self, lines: BinaryIO, size: int, name: str) -> Upload:
        """Return the body that submits the lines of a part."""
        ...

    async def upload(self, body: Upload) -> str | None:
        """Upload the lines of a batch before it is created; return the id of the file, None if they are not uploaded."""
        ...

    async def create(self, sought: Sought, body: Upload) -> BatchState:
        """Create a batch."""
        ...

    async def find(self, sought: Sought) -> BatchState | Literal["unknown"] | None:
        """Find a batch that may have been created; None if it was not, "unknown" if that cannot be told yet."""
        ...

    async def state(self, batch: str) -> BatchState:
        """Return the state of a batch."""
        ...

    async def cancel(self, batch: str) -> BatchState:
        """Cancel a batch. What is done already is kept, and paid for."""
        ...

    async def download(self, state: BatchState, file: str, into: BinaryIO) -> None:
        """Write a file of results to `into`, from its beginning."""
        ...


class Calls:
    """Calls to one endpoint, with its key, one after another. `trace` receives a line for each (`--debug`)."""

    def __init__(
        self,
        connection: Connection,
        api: str,
        headers: Mapping[str, str],
        trace: Callable[[str], None] | None,
    ) -> None:
        self._connection = connection
        self._api = api
        self._more = headers
        self._trace = trace
        self._transport: Transport | None = None
        self.base_url = connection.base_url

    async def json(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Json] | None = None,
        upload: Upload | None = None,
        content_type: str = "application/json",
        query: str = "",
    ) -> tuple[Mapping[str, Any], float | None]:
        """Return the JSON object of an answer, and the seconds after which the service says to ask again."""
        data = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        response = await self._send(method, path, data, upload, content_type, query)
        try:
            value = decode_envelope(response.body)
        except ValueError:
            raise ServiceError(
                self._masked(read_error(response.status, response.headers, response.body, Asked(path=path))),
                uncertain=True,
            ) from None
        if isinstance(value, list):
            value = {"data": value}
        if not isinstance(value, dict):
            error = ProviderError("malformed_response", f"{path}: the answer is not a JSON object")
            raise ServiceError(error, uncertain=True)
        if value.get("error") and "id" not in value:
            raise ServiceError(
                self._masked(error_from(value, response.status, response.headers)), uncertain=True
            )
        return value, retry_after(response.headers, now=datetime.now(UTC))

    async def download(self, path: str, into: BinaryIO) -> None:
        """Write the body of an answer to a file, from its beginning."""
        try:
            into.seek(0)
            into.truncate()
            await self._send("GET", path, b"", None, "application/json", "", into)
            into.flush()
        except OSError as error:
            raise StorageError(f"the results cannot be downloaded: {error.strerror or error}") from None

    async def _send(
        self,
        method: str,
        path: str,
        data: bytes,
        upload: Upload | None,
        content_type: str,
        query: str,
        into: BinaryIO | None = None,
        *,
        renewed: bool = False,
    ) -> Response:
        url = self._connection.url(path)
        if query:
            url += ("&" if "?" in url else "?") + query
        keys = self._connection.credentials
        if keys is not None and keys.is_due:  # a batch takes longer than some keys are valid
            try:
                await keys.renew()
            except ConfigError as problem:
                error = ProviderError("key", problem.message, hint=problem.hint)
                raise ServiceError(error, uncertain=False) from None
        version = 0 if keys is None else keys.version
        headers = self._connection.headers(self._more, api=self._api)
        if method == "POST":
            headers["content-type"] = content_type
        else:
            headers.pop("content-type", None)
        if self._transport is None:
            self._transport = self._connection.transport()
        request = Request(method, url, headers, data, upload, download=into is not None)
        large = upload is not None or into is not None
        try:
            response = await self._transport.send(
                request,
                timeout=TRANSFER_TIMEOUT if large else CALL_TIMEOUT,
                on_bytes=None if into is None else _writer(into),
            )
        except TransportError as lost:
            self._say(f"{method} {url}: {lost.kind}: {lost.message}")
            failed = ProviderError(lost.kind, lost.message, retryable=lost.retryable, hint=lost.hint)
            raise ServiceError(self._masked(failed), uncertain=lost.kind != "connect") from None
        self._say(f"{method} {url}: {response.status}, {len(response.body):,} bytes")
        if response.status == 401 and not renewed and keys is not None and keys.refuse(version):
            return await self._send(method, path, data, upload, content_type, query, into, renewed=True)
        if not 200 <= response.status < 300:
            error = read_error(response.status, response.headers, response.body, Asked(path=path))
            raise ServiceError(
                self._masked(error), uncertain=response.status >= 500 or response.status == 408
            )
        return response

    def _say(self, line: str) -> None:
        if self._trace is not None:
            self._trace(mask(line, self._connection.secrets))

    def _masked(self, error: ProviderError) -> ProviderError:
        return replace(error, message=mask(error.message, self._connection.secrets))


def _writer(file: BinaryIO) -> Callable[[bytes], None]:
    def write(piece: bytes) -> None:
        file.write(piece)

    return write


def identifier(value: object, what: str) -> str:
    """Return the id of something that the service has. Raises ServiceError for anything else."""
    if isinstance(value, str) and 0 < len(value) <= _LONGEST_ID and value.isprintable():
        return value
    raise ServiceError(
        ProviderError("malformed_response", f"the answer has no id of the {what}"), uncertain=True
    )


def listed(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the batches on a page of a list. Raises ServiceError for anything else but a list: it may be incomplete."""
    found = answer.get("data")
    if not isinstance(found, list):
        raise ServiceError(
            ProviderError("malformed_response", "the answer is not a list of batches"), uncertain=True
        )
    return [each for each in found if isinstance(each, dict)]


def segment(name: str) -> str:
    """Return an id as one segment of a path."""
    return quote(name, safe="")


def number(value: object) -> int | None:
    """Return a count, None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
