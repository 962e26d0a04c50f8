"""A medium in an answer: the bytes of an image or a sound, and how records and snapshots name it."""

from __future__ import annotations

from hashlib import sha256
from typing import NamedTuple

__all__ = ["Medium", "image_type"]

_ENDINGS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "audio/opus": "opus",
    "audio/aac": "aac",
    "audio/flac": "flac",
    "audio/pcm": "pcm",
}

_IMAGES = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))


class Medium(NamedTuple):
    """The bytes of one medium, and their media type."""

    type: str
    data: bytes

    @property
    def sha256(self) -> str:
        """The SHA-256 of the bytes, in hex."""
        return sha256(self.data).hexdigest()

    @property
    def file_name(self) -> str:
        """The name of the file with this medium: its hash, and the ending of its type."""
        return f"{self.sha256}.{_ENDINGS.get(self.type, 'bin')}"

    @property
    def description(self) -> str:
        """The text that stands for the medium, equal only for equal bytes: `image/png, 1,024 bytes, sha256:…`."""
        return f"{self.type}, {len(self.data):,} bytes, sha256:{self.sha256}"


def image_type(data: bytes) -> str:
    """Return the media type of an image by its first bytes; application/octet-stream if it is not known."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _IMAGES if data.startswith(start)), "application/octet-stream")
