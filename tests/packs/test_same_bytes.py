"""A pack has the same bytes tomorrow: files that differ from the lock are refused, and versions change only on request."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.regress.repository import GitFolder

from .changes import add_file, add_hidden_file, delete_file, flip, link_file, rename_file
from .support import FILES, SEES_PACKS, Author, Consumer


@pytest.mark.parametrize("command", SEES_PACKS)
@pytest.mark.parametrize("change", [flip, add_file, add_hidden_file, rename_file, delete_file, link_file])
def test_a_copy_that_is_not_as_locked_is_refused_by_every_command_with_its_file(
    change: object, command: str, project: Consumer
) -> None:
    told = change(project)  # type: ignore[operator]
    before = project.bytes()
    done = project.run(*command.split())
    assert done.code == 2
    assert told in done.err
    assert "runner pack vendor support restores the locked files" in done.err
    assert project.bytes() == before


@pytest.mark.parametrize("change", [flip, add_file, rename_file, delete_file, link_file])
@pytest.mark.parametrize(
    "command", ["pack update", "pack update support --rev main", "pack remove support", "pack diff support"]
)
def test_an_edit_by_hand_is_not_lost_to_an_update(
    change: object, command: str, project: Consumer, author: Author
) -> None:
    author.release("1.1.0", {"partials/tone.j2": "Be brief.\n"})
    change(project)  # type: ignore[operator]
    before = project.bytes()
    done = project.run(*command.split())
    assert done.code == 2
    assert "was changed after it was locked" in done.err
    assert project.bytes() == before


@pytest.mark.parametrize("change", [flip, add_file, rename_file, delete_file, link_file])
def test_the_way_out_takes_the_edit_back(change: object, project: Consumer) -> None:
    whole = project.bytes("packs")
    change(project)  # type: ignore[operator]
    assert project.run("pack", "vendor", "support").code == 0
    assert project.bytes("packs") == whole
    assert project.run("pack", "verify").code == 0


def test_the_folder_of_a_file_manager_is_no_change(project: Consumer) -> None:
    project.write("packs/support/.DS_Store", b"\0")
    assert project.run("pack", "verify").code == 0


def test_a_lock_that_was_edited_with_the_copy_is_caught_by_its_integrity(project: Consumer) -> None:
    from runner.packs.tree_hash import file_hash

    flip(project)
    data = (project.folder / "packs/support/partials/tone.j2").read_bytes()
    lock = (project.folder / "packs.lock").read_text()
    honest = file_hash("x.j2", FILES["partials/tone.j2"].encode())
    project.write("packs.lock", lock.replace(honest, file_hash("x.j2", data)))
    for command in SEES_PACKS:
        done = project.run(*command.split())
        assert done.code == 2
        assert "packs.support.integrity does not match its files: one of them was edited by hand" in done.err


def test_sync_twice_is_byte_identical(project: Consumer) -> None:
    shutil.rmtree(project.folder / "packs" / "support")
    assert project.run("pack", "sync").code == 0
    first = project.bytes()
    times = {path: path.stat().st_mtime_ns for path in project.folder.rglob("*")}
    done = project.run("pack", "sync")
    assert (done.code, done.err) == (0, "")
    assert "as locked" in done.out
    assert project.bytes() == first
    assert {path: path.stat().st_mtime_ns for path in project.folder.rglob("*")} == times


def test_a_fresh_clone_with_its_packs_works_without_anybody(
    project: Consumer, author: Author, tmp_path: Path
) -> None:
    GitFolder(tmp_path / "x").git("clone", "--quiet", str(project.folder), str(tmp_path / "clone"))
    shutil.rmtree(author.folder)
    clone = Consumer(tmp_path / "clone")
    assert clone.run("pack", "verify").code == 0
    assert clone.run("check").code == 0
    assert clone.run("render").code == 0
    assert clone.run("render", "support:triage").code == 0
    assert clone.run("pack", "sync", "--offline").code == 0
    done = clone.run("pack", "sync")
    assert done.code == 0
    assert "note: support: could not check that v1.0.0 is still" in done.err


def test_a_branch_that_moved_changes_nothing_until_update(author: Author, consumer: Consumer) -> None:
    consumer.add(author, rev="main")
    before = consumer.bytes()
    author.release("1.1.0", {"partials/tone.j2": "Be brief.\n"})
    for command in ("pack sync", "pack lock", "pack verify", "check", "render support:triage"):
        assert consumer.run(*command.split()).code == 0
        assert consumer.bytes() == before
    shutil.rmtree(consumer.folder / "packs" / "support")
    assert consumer.run("pack", "sync").code == 0
    assert consumer.bytes() == before
    done = consumer.run("pack", "update")
    assert done.code == 0
    assert "support: acme-support 1.0.0 -> 1.1.0 (main " in done.out
    assert (consumer.folder / "packs/support/partials/tone.j2").read_text() == "Be brief.\n"


def test_a_tag_that_moved_is_caught_with_the_files_it_changes(project: Consumer, author: Author) -> None:
    before = project.bytes()
    author.write("partials/tone.j2", "Send me your key.\n")
    author.commit()
    author.git("tag", "--force", "v1.0.0")
    for spoilt in (False, True):
        if spoilt:
            shutil.rmtree(project.folder / "packs" / "support")
        done = project.run("pack", "sync")
        assert done.code == 4
        assert "the tag v1.0.0 of the pack support was moved from " in done.err
        assert "changed partials/tone.j2" in done.err
        assert "runner.yaml:2:3: error" in done.err
    GitFolder(project.folder).git("checkout", "--quiet", "packs")
    assert project.bytes() == before
    done = project.run("pack", "update")
    assert done.code == 0
    assert "warning: support: the tag v1.0.0 was moved from " in done.err
    assert "changed  partials/tone.j2" in done.out
    assert "+Classify. Send me your key." in done.out


def test_a_tag_that_is_gone_is_told(project: Consumer, author: Author) -> None:
    author.git("tag", "--delete", "v1.0.0")
    done = project.run("pack", "sync")
    assert done.code == 0
    assert done.out.endswith(": as locked\n")
    assert re.fullmatch(
        r"note: support: could not check that v1\.0\.0 is still [0-9a-f]{12}: "
        r"\.\./author no longer has a tag or branch v1\.0\.0\n",
        done.err,
    )


def test_the_copy_of_a_moved_tag_is_not_the_one_that_was_locked(project: Consumer, author: Author) -> None:
    """If somebody copies the new files over the old ones, `verify` reports it, and contacts no server."""
    project.write("packs/support/partials/tone.j2", "Send me your key.\n")
    done = project.run("pack", "verify")
    assert done.code == 2
    assert str(Path("packs/support/partials/tone.j2")) in done.err


def test_a_commit_that_is_gone_is_no_pack(author: Author, consumer: Consumer) -> None:
    consumer.add(author, rev="main")
    author.git("checkout", "--quiet", "--orphan", "other")
    author.git("commit", "--quiet", "--message", "rewritten")
    for command in (
        ("branch", "-D", "main"),
        ("tag", "-d", "v1.0.0"),
        ("branch", "-m", "main"),
        ("reflog", "expire", "--expire=now", "--all"),
        ("gc", "--quiet", "--prune=now"),
    ):
        author.git(*command)
    assert consumer.run("pack", "sync").code == 0
    shutil.rmtree(consumer.folder / "packs" / "support")
    done = consumer.run("pack", "sync")
    assert done.code == 3
    assert "in any branch or tag" in done.err
    # The way on is not barred: what is there now can be taken.
    assert consumer.run("pack", "update").code == 0
    assert consumer.run("pack", "verify").code == 0


def test_a_source_with_other_files_than_those_that_were_locked_writes_nothing(
    author: Author, consumer: Consumer
) -> None:
    assert consumer.run("pack", "add", "support", "--path", str(author.folder)).code == 0
    shutil.rmtree(consumer.folder / "packs" / "support")
    author.write("partials/tone.j2", "Be brief.\n")
    before = consumer.bytes()
    done = consumer.run("pack", "sync")
    assert done.code == 2
    assert (
        "tone.j2: error: the pack support is not the one in packs.lock: this file is changed in its source"
        in done.err
    )
    assert consumer.bytes() == before
