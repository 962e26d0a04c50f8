"""The conformance data is whole: what is listed is there, and nothing in it is a secret."""

from __future__ import annotations

import hashlib
import re

import pytest

from . import HERE, RECORDINGS, sources

KEY = re.compile(
    r"\b(sk-[\w-]{16,}|AIza[\w-]{20,}|gh[pousr]_\w{20,}|AKIA[A-Z0-9]{16}|xox[bp]-[\w-]{10,}|hf_\w{20,}|eyJ[\w-]{30,})"
)


def test_every_recording_is_listed_with_where_it_is_from_and_its_licence() -> None:
    for row in sources():
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", row["repository"]), row
        assert row["path"], row
        assert re.fullmatch(r"[0-9a-f]{40}", row["commit"]), row
        assert row["licence"] in ("MIT", "Apache-2.0"), row
        assert re.fullmatch(r"[0-9a-f]{64}", row["sha256"]), row


def test_no_recording_is_listed_twice() -> None:
    names = [row["file"] for row in sources()]
    assert len({*names}) == len(names) > 200


@pytest.mark.skipif(RECORDINGS is None, reason="no folder of recordings was given (CONFORMANCE_DATA)")
def test_the_recordings_that_were_given_are_those_that_are_listed() -> None:
    assert RECORDINGS is not None
    found = {}
    for row in sources():
        path = RECORDINGS / row["file"]
        found[row["file"]] = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "missing"
    wrong = {row["file"]: found[row["file"]] for row in sources() if found[row["file"]] != row["sha256"]}
    assert wrong == {}


def test_nothing_in_the_data_looks_like_a_key() -> None:
    for path in HERE.rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            assert not KEY.search(path.read_text(encoding="utf-8")), path
