"""Hashes: of each file, and of all of them as Go's dirhash has it."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.packs.tree_hash import Contents, file_changes, file_hash

FILES = {"b/x.j2": b"one\ntwo\n", "a.yaml": b"", "a/ä.json": b"{}"}


def test_the_integrity_is_the_hash_of_the_lines_of_the_hashes() -> None:
    lines = "".join(
        f"{hashlib.sha256(FILES[path]).hexdigest()}  {path}\n" for path in ("a.yaml", "a/ä.json", "b/x.j2")
    )
    expected = base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()
    assert Contents.of(FILES).integrity == f"h1:{expected}"


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="there is no sha256sum here")
def test_the_lines_are_those_of_sha256sum(tmp_path: Path) -> None:
    for path, data in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
    names = ("a.yaml", "a/ä.json", "b/x.j2")
    said = subprocess.run(["sha256sum", *names], cwd=tmp_path, capture_output=True, check=True).stdout
    assert Contents.of(FILES).integrity == "h1:" + base64.b64encode(hashlib.sha256(said).digest()).decode()


@given(st.permutations(sorted(FILES)))
def test_the_order_of_files_does_not_count(order: list[str]) -> None:
    assert Contents.of({path: FILES[path] for path in order}).integrity == Contents.of(FILES).integrity


@given(st.dictionaries(st.sampled_from(["a.j2", "b.json", "c.png"]), st.binary(max_size=9), min_size=1))
def test_every_byte_every_name_and_every_file_counts(files: dict[str, bytes]) -> None:
    whole = Contents.of(files).integrity
    for path in files:
        longer = {**files, path: files[path] + b"x"}
        renamed = {("z.txt" if name == path else name): data for name, data in files.items()}
        fewer = {name: data for name, data in files.items() if name != path}
        assert whole not in {Contents.of(each).integrity for each in (longer, renamed, fewer)}


@given(st.text("ab\n", max_size=20))
def test_of_text_the_kind_of_line_end_does_not_count(text: str) -> None:
    unix, windows = text.encode(), text.replace("\n", "\r\n").encode()
    assert file_hash("a.j2", unix) == file_hash("a.j2", windows)
    assert Contents.of({"a.j2": windows}).files == {"a.j2": unix}


def test_of_what_is_no_text_every_byte_counts() -> None:
    assert file_hash("a.png", b"\r\n") != file_hash("a.png", b"\n")
    assert Contents.of({"a.png": b"\r\n"}).files == {"a.png": b"\r\n"}
    # Text in UTF-16 is none that a prompt could use, and is not made into something else.
    assert Contents.of({"a.txt": b"\x00\r\n"}).files == {"a.txt": b"\x00\r\n"}


def test_what_became_of_files_is_told_by_path() -> None:
    before = {"a": "1", "b": "2", "c": "3", "d": "4"}
    after = {"a": "1", "b": "9", "e": "3", "f": "5"}
    assert file_changes(before, after) == [
        ("changed", "b"),
        ("renamed", "c -> e"),
        ("removed", "d"),
        ("added", "f"),
    ]
