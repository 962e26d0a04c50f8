"""Checkouts that convert line ends change no hash, on either side."""

from __future__ import annotations

import json
from pathlib import Path

from tests.regress.repository import GitFolder

from .support import Author, Consumer


def test_a_checkout_with_crlf_changes_no_byte_of_a_pack(project: Consumer, tmp_path: Path) -> None:
    GitFolder(tmp_path / "x").git(
        "clone", "--quiet", "--config", "core.autocrlf=true", str(project.folder), str(tmp_path / "clone")
    )
    clone = Consumer(tmp_path / "clone")
    assert b"\r\n" in (clone.folder / "packs.lock").read_bytes()
    assert clone.bytes("packs") == project.bytes("packs")
    for command in ("pack verify", "pack sync", "check", "render"):
        assert clone.run(*command.split()).code == 0
    assert GitFolder.git(_at(clone.folder), "status", "--porcelain") == ""


def test_nor_does_it_where_nobody_told_git(project: Consumer) -> None:
    """Another version control, or a .gitattributes that somebody deleted: of text, the kind of line end does not count."""
    before = project.run("render", "support:triage", "--case", "refund").out
    for path in (project.folder / "packs" / "support").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert project.run("pack", "verify").code == 0
    assert project.run("render", "support:triage", "--case", "refund").out == before


def test_the_repository_of_a_pack_may_be_checked_out_with_crlf(
    author: Author, consumer: Consumer, tmp_path: Path
) -> None:
    consumer.add(author, "a")
    author.git(
        "clone", "--quiet", "--config", "core.autocrlf=true", str(author.folder), str(tmp_path / "windows")
    )
    assert b"\r\n" in (tmp_path / "windows" / "pack.yaml").read_bytes()
    assert consumer.run("pack", "add", "b", "--path", str(tmp_path / "windows")).code == 0
    assert consumer.run("pack", "add", "c", "--git", str(tmp_path / "windows"), "--rev", "v1.0.0").code == 0
    rows = json.loads(consumer.run("pack", "list", "--json").out)
    assert len({row["integrity"] for row in rows}) == 1


def _at(folder: Path) -> GitFolder:
    repository = GitFolder.__new__(GitFolder)
    repository.folder = folder
    return repository
