"""Packs as archives, NAME-VERSION.tar.gz: written reproducibly (same files, same bytes), read in memory with size limits.

Nothing is unpacked to disk, so that a name in an archive never becomes a path on this machine.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Literal

from ..errors import FetchError
from .file_rules import MANIFEST, MAX_BYTES, MAX_FILES, SourceEntry
from .listing import Listing
from .tree_hash import Contents

__all__ = ["MAX_ARCHIVE_BYTES", "find_in_archive", "write_archive"]

MAX_ARCHIVE_BYTES = MAX_BYTES
MAX_UNPACKED_BYTES = 3 * MAX_BYTES
"""More than a pack may have, because an archive of a repository also has files that do not belong to the pack."""

_MOST_MEMBERS = 10 * MAX_FILES
_LONGEST_HEADER = 16 * 1024
_MOST_FIELDS = 100
"""An extended header has one line per field, of one file or of all: a path, a time, a commit."""

_GZIP = b"\x1f\x8b"


def write_archive(contents: Contents, folder: str) -> bytes:
    """Return an archive with a pack's files in one folder. Its bytes depend only on these (and on zlib's version)."""
    packed = io.BytesIO()
    with (
        # Without a file name and a time: neither is part of a pack.
        gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=packed, mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT, encoding="utf-8") as archive,
    ):
        for path in sorted(contents.files):
            member = tarfile.TarInfo(f"{folder}/{path}")
            member.size = len(contents.files[path])
            member.mode = 0o644
            archive.addfile(member, io.BytesIO(contents.files[path]))
    return packed.getvalue()


def find_in_archive(data: bytes, *, prefix: str, shown: str) -> Listing:
    """List an archive, from within its folder if it has only one. Raises FetchError if it is not a valid .tar.gz."""
    try:
        unpacked = _unpacked(data, shown)
        stream = _Bounded(unpacked)
        archive = tarfile.open(fileobj=stream, mode="r:")  # noqa: SIM115 - memory only
        members = []
        for member in archive:
            members.append(member)
            if len(members) > _MOST_MEMBERS:
                raise FetchError(f"{shown} has more than {_MOST_MEMBERS:,} members")
            if len(archive.pax_headers) > _MOST_FIELDS:  # each member gets a copy of them
                raise _OversizedHeadersError
        stream.listed = True
    except (_OversizedHeadersError, RecursionError):
        raise FetchError(f"{shown} has oversized headers", hint=_HINT) from None
    except (tarfile.TarError, ValueError, OverflowError) as error:
        raise FetchError(f"{shown} is not a tar archive: {error}", hint=_HINT) from None
    # tarfile mistakes half a header for the end of the archive.
    if unpacked[archive.offset :][: tarfile.BLOCKSIZE] != bytes(tarfile.BLOCKSIZE):
        raise FetchError(f"{shown} is truncated", hint=_HINT)
    folder = _only_folder(members)
    by_path = {member.name.removeprefix(folder): member for member in members if not member.isdir()}
    entries = [
        SourceEntry(member.name.removeprefix(folder), member.size, _kind(member))
        for member in members
        if not member.isdir()
    ]

    def read(included: Sequence[SourceEntry]) -> Mapping[str, bytes]:
        files: dict[str, bytes] = {}
        for entry in included:
            stream = archive.extractfile(by_path[entry.path])
            assert stream is not None, "a regular file has bytes"
            files[entry.path] = stream.read(entry.size)
            if len(files[entry.path]) < entry.size:
                raise FetchError(f"{shown} is truncated", hint=_HINT)
        return files

    return Listing(entries, read, prefix)


_HINT = "the archive of a pack is a .tar.gz, as written by runner pack build"


class _OversizedHeadersError(Exception):
    """The headers of an archive are too large or too many."""


class _Bounded(io.BytesIO):
    """A tar file whose headers are limited in size: until it is `listed`, only headers are read."""

    listed = False

    def read(self, size: int | None = -1, /) -> bytes:
        """Read bytes. Raises _OversizedHeadersError for a header over the limits."""
        data = super().read(size)
        if not self.listed and (len(data) > _LONGEST_HEADER or data.count(b"\n") > _MOST_FIELDS):
            raise _OversizedHeadersError
        return data


def _unpacked(data: bytes, shown: str) -> bytes:
    """Decompress a gzip up to a limit, since a few bytes can expand to any size."""
    if not data.startswith(_GZIP):
        raise FetchError(f"{shown} is not compressed with gzip", hint=_HINT)
    engine = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        unpacked = engine.decompress(data, MAX_UNPACKED_BYTES + 1)
    except zlib.error as error:
        raise FetchError(f"{shown} cannot be unpacked: {error}", hint=_HINT) from None
    if len(unpacked) > MAX_UNPACKED_BYTES:
        raise FetchError(f"{shown} unpacks to more than {MAX_UNPACKED_BYTES // 2**20} MiB")
    if not engine.eof or engine.unused_data:
        what = "has data after its end" if engine.eof else "is truncated"
        raise FetchError(f"{shown} {what}", hint=_HINT)
    return unpacked


def _only_folder(members: Sequence[tarfile.TarInfo]) -> str:
    """Return the single top-level folder with its slash, or "" if there is none or the manifest is at the top."""
    names = [member.name for member in members if not member.isdir()]
    top = {name.partition("/")[0] for name in names}
    inside = MANIFEST not in names and len(top) == 1 and all("/" in name for name in names)
    return f"{top.pop()}/" if inside else ""


def _kind(member: tarfile.TarInfo) -> Literal["file", "link", "special"]:
    if member.issym() or member.islnk():
        return "link"
    return "file" if member.isreg() and not member.issparse() else "special"
