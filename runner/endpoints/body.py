"""Read a response body: content decoding and the size limit, the same for every transport."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping

from .base import TransportError

__all__ = ["MAX_BODY_BYTES", "BodyReader"]

MAX_BODY_BYTES = 16 * 1024 * 1024
"""The maximum size of a body after decoding. The longest chat completions are well under 1 MiB."""

MAX_DOWNLOAD_BYTES = 16 * 1024 * 1024 * 1024
"""The maximum size of a body that goes to a file, after decoding."""

_GZIP = 16 + zlib.MAX_WBITS


class BodyReader:
    """Collects the pieces of one body as they arrive.

    Decodes gzip (RFC 1952), the only coding that our requests accept, with the remaining size as output limit, so that
    a decompression bomb is stopped before it expands.
    """

    def __init__(
        self,
        headers: Mapping[str, str],
        on_bytes: Callable[[bytes], None] | None = None,
        limit: int = MAX_BODY_BYTES,
        *,
        passes_on: bool = False,
    ) -> None:
        """Read the coding from `headers` (lower-case names). Raises TransportError (protocol) for an unexpected one.

        `passes_on`: the pieces are only passed to `on_bytes`, and may be many more.
        """
        coding = headers.get("content-encoding", "").strip().lower()
        if coding not in ("", "identity", "gzip", "x-gzip"):
            raise TransportError(
                "protocol",
                f"the answer is encoded as {coding[:40]!r}, which was not requested",
                retryable=False,
            )
        self._gzip = zlib.decompressobj(_GZIP) if coding.endswith("gzip") else None
        self._started = False
        self._pieces: list[bytes] = []
        self._size = 0
        self._limit = MAX_DOWNLOAD_BYTES if passes_on else limit
        self._passes_on = passes_on
        self._on_bytes = on_bytes

    def feed(self, raw: bytes) -> None:
        """Add the next piece. Raises TransportError if the body is too large or cannot be decoded."""
        if self._gzip is None:
            self._keep(raw)
            return
        while raw:
            self._started = True
            try:
                piece = self._gzip.decompress(raw, min(self._limit - self._size + 1, MAX_BODY_BYTES + 1))
            except zlib.error:
                raise TransportError(
                    "protocol", "the answer is declared as gzip but cannot be decompressed", retryable=True
                ) from None
            self._keep(piece)
            raw = self._gzip.unconsumed_tail
            if self._gzip.eof:  # a gzip stream may have several members (RFC 1952, 2.2)
                raw = self._gzip.unused_data
                self._gzip = zlib.decompressobj(_GZIP)
                self._started = False

    def finish(self) -> bytes:
        """Return the whole decoded body. Raises TransportError if a compressed body is truncated."""
        if self._started:
            raise TransportError("protocol", "the compressed answer is truncated", retryable=True)
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)

    def _keep(self, piece: bytes) -> None:
        if not piece:
            return
        self._size += len(piece)
        if self._size > self._limit:
            raise TransportError(
                "too_large", f"the answer is longer than {self._limit / 2**20:g} MiB", retryable=False
            )
        if not self._passes_on:
            self._pieces.append(piece)
        if self._on_bytes is not None:
            self._on_bytes(piece)
