"""Archives: the same bytes for the same files, and nothing in them that could be a path of this machine."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import FetchError, Problems, RunnerError
from runner.packs import archive as archive_module
from runner.packs.archive import find_in_archive, write_archive
from runner.packs.listing import collect
from runner.packs.tree_hash import Contents

from .support import FILES

CONTENTS = Contents.of({name: content.encode() for name, content in FILES.items()})


def read(data: bytes) -> Contents:
    return collect(find_in_archive(data, prefix="s:", shown="a.tar.gz")).contents


def refused(data: bytes) -> str:
    with pytest.raises(RunnerError) as caught:
        read(data)
    error = caught.value
    return str(error.errors[0] if isinstance(error, Problems) else error)


def packed(*members: tarfile.TarInfo | tuple[str, bytes], own: bool = True) -> bytes:
    """A .tar.gz of the pack's files and of these."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        files = list(CONTENTS.files.items()) if own else []
        for member in (*files, *members):
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member, io.BytesIO(b"x" * member.size))
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                tar.addfile(info, io.BytesIO(member[1]))
    return out.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info


def test_the_same_files_give_the_same_bytes() -> None:
    first = write_archive(CONTENTS, "acme-1.0.0")
    again = write_archive(Contents.of(dict(reversed(CONTENTS.files.items()))), "acme-1.0.0")
    assert first == again
    assert read(first) == CONTENTS


def test_an_archive_has_one_folder_and_nothing_of_a_machine() -> None:
    with tarfile.open(fileobj=io.BytesIO(write_archive(CONTENTS, "acme-1.0.0"))) as tar:
        members = tar.getmembers()
    assert [member.name for member in members] == sorted(f"acme-1.0.0/{name}" for name in FILES)
    assert {(each.mode, each.uid, each.gid, each.uname, each.gname, each.mtime) for each in members} == {
        (0o644, 0, 0, "", "", 0)
    }


paths = st.lists(st.text("abé ", min_size=1, max_size=40).map(str.strip).filter(bool), min_size=1, max_size=4)


@settings(max_examples=40)
@given(st.dictionaries(paths.map("/".join).map("{}.j2".format), st.binary(max_size=99), max_size=4))
def test_what_is_written_is_read_back(files: dict[str, bytes]) -> None:
    contents = Contents.of({**files, "pack.yaml": b"x"})
    found = find_in_archive(write_archive(contents, "acme-1.0.0"), prefix="", shown="x")
    assert {entry.path: found.read([entry])[entry.path] for entry in found.entries} == dict(contents.files)


def test_an_archive_of_a_repository_may_have_a_folder_of_any_name_or_none() -> None:
    inside = packed(*((f"prompts-1f0c2a3/{name}", data) for name, data in CONTENTS.files.items()), own=False)
    dotted = packed(*((f"./{name}", data) for name, data in CONTENTS.files.items()), own=False)
    assert read(packed()) == read(inside) == read(dotted) == CONTENTS


@pytest.mark.parametrize(
    ("member", "told"),
    [
        (("/etc/evil.json", b"x"), "the path is absolute"),
        (("../evil.json", b"x"), "the path has an empty part"),
        (("a/../../evil.json", b"x"), "the path has an empty part"),
        (("C:\\evil.json", b"x"), "the path is absolute"),
        (special("leak.j2", tarfile.SYMTYPE, "/etc/passwd"), "a pack cannot have links"),
        (special("partials/in.j2", tarfile.SYMTYPE, "tone.j2"), "a pack cannot have links"),
        (special("hard.j2", tarfile.LNKTYPE, "partials/tone.j2"), "a pack cannot have links"),
        (special("device.j2", tarfile.CHRTYPE), "this is not a regular file"),
        (special("pipe.j2", tarfile.FIFOTYPE), "this is not a regular file"),
        (("partials/tone.j2", b"another"), "this file occurs twice"),
        (("Partials/tone.j2", b"another"), ""),
        (("setup.py", b"x"), "a pack cannot have files of this type"),
    ],
)
def test_an_entry_that_no_pack_has(member: tarfile.TarInfo | tuple[str, bytes], told: str) -> None:
    assert told in refused(packed(member))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda data: data[:-20], "is truncated"),
        (lambda data: data[:200], "is truncated"),
        (lambda data: data + b"more", "has data after its end"),
        (lambda data: b"PK\x03\x04" + data, "is not compressed with gzip"),
        (lambda _: b"", "is not compressed with gzip"),
        (lambda _: gzip.compress(b"hello" * 999), "is not a tar archive"),
        (lambda data: data[:30] + b"\0\xff" * 9 + data[48:], "cannot be unpacked"),
        (lambda data: gzip.compress(gzip.decompress(data)[:1500]), "is truncated"),
        (lambda data: gzip.compress(gzip.decompress(data)[:1024]), "is truncated"),
        (lambda data: gzip.compress(gzip.decompress(data)[:700]), "is not a tar archive"),
    ],
)
def test_what_is_no_whole_archive(spoil: Callable[[bytes], bytes], told: str) -> None:
    assert told in refused(spoil(packed()))


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_module, "MAX_UNPACKED_BYTES", 2**20)
    bomb = gzip.compress(b"\0" * (30 * 2**20))
    assert len(bomb) < 40_000
    assert "unpacks to more than 1 MiB" in refused(bomb)


def test_a_swarm_of_members_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_module, "_MOST_MEMBERS", 9)
    with pytest.raises(FetchError, match="has more than 9 members"):
        read(packed(*((f"{number}.json", b"") for number in range(9))))


def test_the_archive_that_is_published_can_be_named_by_its_hash() -> None:
    data = write_archive(CONTENTS, "acme-1.0.0")
    assert (
        hashlib.sha256(data).hexdigest() == hashlib.sha256(write_archive(CONTENTS, "acme-1.0.0")).hexdigest()
    )
