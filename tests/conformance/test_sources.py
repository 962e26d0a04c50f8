"""The conformance data is whole: what is listed is there, and nothing in it is a secret."""

from __future__ import annotations

import hashlib
import re

import pytest

from . import HERE, RECORDINGS, renderings, sources

KEY = re.compile(
    r"\b(sk-[\w-]{16,}|AIza[\w-]{20,}|gh[pousr]_\w{20,}|AKIA[A-Z0-9]{16}|xox[bp]-[\w-]{10,}|hf_\w{20,}|eyJ[\w-]{30,})"
)


def test_every_recording_is_listed_with_where_it_is_from_and_its_licence() -> None:
    for row in sources():
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", row["repository"]), row
        assert row["path"], row
        assert re.fullmatch(r"[0-9a-f]{40}", row["commit"]), row
        assert row["licence"] in ("MIT", "Apache-2.0", "BSD"), row
        assert re.fullmatch(r"[0-9a-f]{64}", row["sha256"]), row
        assert row["role"] in ("", "companion"), row


def test_every_rendering_is_listed_with_the_tool_that_made_it() -> None:
    for row in renderings():
        assert re.fullmatch(r"[a-z]+ [\d.]+", row["tool"]), row
        assert re.fullmatch(r"[0-9a-f]{64}", row["sha256"]), row


def test_no_recording_is_listed_twice() -> None:
    names = [row["file"] for row in (*sources(), *renderings())]
    assert len({*names}) == len(names) > 200


@pytest.mark.skipif(RECORDINGS is None, reason="no folder of recordings was given (CONFORMANCE_DATA)")
def test_the_recordings_that_were_given_are_those_that_are_listed() -> None:
    assert RECORDINGS is not None
    rows = {row["file"]: row["sha256"] for row in (*sources(), *renderings())}
    found = {}
    for name in rows:
        path = RECORDINGS / name
        found[name] = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "missing"
    wrong = {name: found[name] for name in rows if found[name] != rows[name]}
    assert wrong == {}


def test_nothing_in_the_data_looks_like_a_key() -> None:
    for path in HERE.rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            assert not KEY.search(path.read_text(encoding="utf-8")), path


def test_no_recording_has_a_copy_in_the_repository() -> None:
    listed = {row["sha256"]: row["file"] for row in (*sources(), *renderings())}
    copies = {}
    for path in HERE.rglob("*"):
        if path.is_file():
            copies[path] = listed.get(hashlib.sha256(path.read_bytes()).hexdigest())
    assert {path: name for path, name in copies.items() if name is not None} == {}
