"""A pack as one file, NAME-VERSION.tar.gz: written so that the same files give the same bytes, read in memory with caps.

Nothing is unpacked onto a disk, so that no name in an archive is ever a path of this machine.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Literal

from ..errors import FetchError
from .collect import Listing
from .file_rules import MANIFEST, MAX_BYTES, MAX_FILES, Entry
from .tree_hash import Contents

__all__ = ["MAX_ARCHIVE_BYTES", "find_in_archive", "write_archive"]

MAX_ARCHIVE_BYTES = MAX_BYTES
MAX_UNPACKED_BYTES = 3 * MAX_BYTES
"""More than a pack: an archive of a repository also holds what is no part of the pack."""

_MOST_MEMBERS = 10 * MAX_FILES
_LONGEST_HEADER = 16 * 1024
_MOST_FIELDS = 100
"""What an extended header says about a file or about all is a line each: a path, a time, a commit."""

_GZIP = b"\x1f\x8b"


def write_archive(contents: Contents, folder: str) -> bytes:
    """The archive of a pack's files, in one folder. Its bytes depend on nothing else (and on zlib's version)."""
    packed = io.BytesIO()
    with (
        # No name, no time: neither is part of a pack.
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
    """What stands in an archive, in its one folder if it has but one. Raises FetchError for what is no .tar.gz."""
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
                raise _TooMuchSaidError
        stream.listed = True
    except (_TooMuchSaidError, RecursionError):
        raise FetchError(f"{shown} says more about its files than there is to say", hint=_HINT) from None
    except (tarfile.TarError, ValueError, OverflowError) as error:
        raise FetchError(f"{shown} is no tar archive: {error}", hint=_HINT) from None
    # tarfile takes half a header for the end of the archive.
    if unpacked[archive.offset :][: tarfile.BLOCKSIZE] != bytes(tarfile.BLOCKSIZE):
        raise FetchError(f"{shown} ends in the middle", hint=_HINT)
    folder = _only_folder(members)
    by_path = {member.name.removeprefix(folder): member for member in members if not member.isdir()}
    entries = [
        Entry(member.name.removeprefix(folder), member.size, _kind(member))
        for member in members
        if not member.isdir()
    ]

    def read(included: Sequence[Entry]) -> Mapping[str, bytes]:
        files: dict[str, bytes] = {}
        for entry in included:
            stream = archive.extractfile(by_path[entry.path])
            assert stream is not None, "a regular file has bytes"
            files[entry.path] = stream.read(entry.size)
            if len(files[entry.path]) < entry.size:
                raise FetchError(f"{shown} ends in the middle", hint=_HINT)
        return files

    return Listing(entries, read, prefix)


_HINT = "a pack's archive is a .tar.gz, as runner pack build writes it"


class _TooMuchSaidError(Exception):
    """The headers of an archive are out of all proportion."""


class _Bounded(io.BytesIO):
    """A tar whose headers have bounds: until it is `listed` nothing else is read."""

    listed = False

    def read(self, size: int | None = -1, /) -> bytes:
        """Some bytes."""
        data = super().read(size)
        if not self.listed and (len(data) > _LONGEST_HEADER or data.count(b"\n") > _MOST_FIELDS):
            raise _TooMuchSaidError
        return data


def _unpacked(data: bytes, shown: str) -> bytes:
    """The tar in a gzip, up to a cap: a few bytes can stand for any number."""
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
        what = "goes on after its end" if engine.eof else "ends in the middle"
        raise FetchError(f"{shown} {what}", hint=_HINT)
    return unpacked


def _only_folder(members: Sequence[tarfile.TarInfo]) -> str:
    """The folder, with its slash, that holds everything, where there is one; the manifest may also stand at the top."""
    names = [member.name for member in members if not member.isdir()]
    top = {name.partition("/")[0] for name in names}
    inside = MANIFEST not in names and len(top) == 1 and all("/" in name for name in names)
    return f"{top.pop()}/" if inside else ""


def _kind(member: tarfile.TarInfo) -> Literal["file", "link", "special"]:
    if member.issym() or member.islnk():
        return "link"
    return "file" if member.isreg() and not member.issparse() else "special"
