"""A file is written whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from runner.files.disk.atomic import write_new, write_whole


@pytest.mark.parametrize("durable", [False, True])
def test_a_file_is_replaced_and_nothing_stays_beside_it(tmp_path: Path, *, durable: bool) -> None:
    path = tmp_path / "a.txt"
    write_whole(path, b"old", durable=durable)
    write_whole(path, b"new", durable=durable)
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_what_was_there_stays_where_the_new_one_cannot_be_put(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def refuse(*_: object) -> None:
        raise error

    path = tmp_path / "a.txt"
    path.write_bytes(b"old")
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(type(error)):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_the_permissions_are_those_that_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_whole(path, b"new", mode=0o640)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_new_file_is_never_written_over_an_old_one(tmp_path: Path) -> None:
    write_new(tmp_path / "a.txt", b"old")
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "a.txt", b"new")
    assert (tmp_path / "a.txt").read_bytes() == b"old"
