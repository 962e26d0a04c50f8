"""Commands at the same time, and commands that are ended in the middle: each leaves a project that is whole."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from runner.files.disk.file_lock import alone_in
from runner.packs.file_transaction import FileTransaction
from tests.patience import PATIENCE

from .support import FILES, Author, Consumer, write_all

pytestmark = pytest.mark.slow

OTHER_TONE = {"partials/tone.j2": "Be brief.\n"}


def test_of_two_syncs_at_once_both_have_what_is_locked(project: Consumer) -> None:
    before = project.bytes("packs")
    shutil.rmtree(project.folder / "packs")
    running = [project.start("pack", "sync") for _ in range(3)]
    for each in running:
        out, err = each.communicate(timeout=PATIENCE)
        assert each.returncode == 0, out + err
    assert project.bytes("packs") == before


def test_of_two_changes_at_once_none_is_lost(project: Consumer, author: Author) -> None:
    author.release("1.1.0", OTHER_TONE)
    running = [
        project.start("pack", "update", "support", "--rev", "v1.1.0"),
        project.start("pack", "add", "other", "--git", "../author", "--rev", "v1.0.0"),
    ]
    for each in running:
        out, err = each.communicate(timeout=PATIENCE)
        assert each.returncode == 0, out + err
    done = project.run("pack", "verify")
    assert (done.code, done.err) == (0, "")
    assert "support: acme-support 1.1.0" in done.out
    assert "other: acme-support 1.0.0" in done.out


def test_who_waits_is_told_for_what(project: Consumer) -> None:
    with alone_in(project.folder, lambda: pytest.fail("nobody else holds it")):
        waiting = project.start("pack", "sync")
        assert waiting.stderr is not None
        said = waiting.stderr.readline()
    assert said == "note: waiting for another runner pack command in this project\n"
    assert waiting.communicate(timeout=PATIENCE)[0].endswith("as locked\n")


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_update_that_is_ended_changes_nothing(
    project: Consumer, number: signal.Signals, tmp_path: Path
) -> None:
    """It is ended while git asks the source."""
    before = project.bytes()
    (tmp_path / "bin").mkdir()
    (tmp_path / "temporary").mkdir()
    git = tmp_path / "bin" / "git"
    git.write_text("#!/bin/sh\necho > $ASKED\nexec sleep 36000\n")
    git.chmod(0o755)
    asked = tmp_path / "asked"
    os.mkfifo(asked)
    environ = {
        "PATH": f"{git.parent}{os.pathsep}{os.environ['PATH']}",
        "ASKED": str(asked),
        "TMPDIR": str(tmp_path / "temporary"),
    }
    ended = project.start("pack", "update", env=environ)
    asked.read_text()
    ended.send_signal(number)
    out, err = ended.communicate(timeout=PATIENCE)
    assert (ended.returncode, out, err) == (130, "", "\ninterrupted\n")
    assert project.bytes() == before
    assert list((tmp_path / "temporary").iterdir()) == []


def kill_in(project: Consumer, monkeypatch: pytest.MonkeyPatch, call: str, at: int, *command: str) -> None:
    """A command as a kill leaves it: at this call everything stops, and nothing is put back."""

    class Killed(BaseException):
        pass

    real, seen = getattr(Path, call), []

    def stopping(self: Path, *args: object) -> object:
        seen.append(self)
        if len(seen) == at:
            raise Killed
        return real(self, *args)

    with monkeypatch.context() as patched:
        patched.setattr(Path, call, stopping)
        patched.setattr("runner.packs.file_transaction._Step.roll_back", lambda _: True)
        with pytest.raises(Killed):
            project.run(*command)


def test_what_a_killed_update_left_is_cleared_away_by_sync(
    project: Consumer, author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    author.release("1.1.0", OTHER_TONE)
    before = project.bytes()
    kill_in(project, monkeypatch, "rename", 1, "pack", "update", "support", "--rev", "v1.1.0")
    assert project.bytes() != before
    done = project.run("pack", "verify")
    assert done.code == 2
    assert ".runner-new: error: a killed command left this behind" in done.err
    assert "hint: runner pack sync removes it" in done.err
    assert project.run("pack", "sync").code == 0
    assert project.bytes() == before


def test_a_copy_that_was_put_aside_when_the_kill_came_is_found_again_offline(
    project: Consumer, author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    author.release("1.1.0", OTHER_TONE)
    before = project.bytes()
    kill_in(project, monkeypatch, "rename", 2, "pack", "update", "support", "--rev", "v1.1.0")
    assert not (project.folder / "packs" / "support").exists()
    shutil.rmtree(author.folder)
    assert project.run("pack", "sync", "--offline").code == 0
    assert project.bytes() == before


def test_vendor_takes_back_a_half_done_update(
    project: Consumer, author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is the new one already, packs.lock the old one still."""
    author.release("1.1.0", OTHER_TONE)
    before = project.bytes()
    kill_in(project, monkeypatch, "replace", 1, "pack", "update", "support", "--rev", "v1.1.0")
    done = project.run("check")
    assert done.code == 2
    assert "runner pack vendor support restores the locked files" in done.err
    shutil.rmtree(author.folder)
    assert project.run("pack", "vendor", "support").code == 0
    assert project.bytes() == before


def test_what_only_looks_like_a_leftover_is_held_against_the_lock(project: Consumer, author: Author) -> None:
    files: Mapping[str, str] = {**FILES, **OTHER_TONE}
    write_all(project.folder / "packs" / ".support-00000000.runner-old", files)
    shutil.rmtree(project.folder / "packs" / "support")
    shutil.rmtree(author.folder)
    assert project.run("pack", "sync", "--offline").code == 3
    assert not (project.folder / "packs" / "support").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_between_two_renames_waits_and_then_takes_both_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_all(tmp_path, {"a/x": "old", "b": "old"})
    real = Path.rename

    def interrupting(self: Path, target: Path) -> Path:
        os.kill(os.getpid(), signal.SIGINT)
        return real(self, target)

    transaction = FileTransaction()
    transaction.set_folder(tmp_path / "a", {"x": b"new"})
    transaction.set_file(tmp_path / "b", b"new")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", interrupting)
        with pytest.raises(KeyboardInterrupt):
            transaction.commit()
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    assert found == {"a", "a/x", "b"}
    assert [(tmp_path / name).read_text() for name in ("a/x", "b")] == ["old", "old"]


def test_a_transaction_need_not_be_in_the_main_thread(tmp_path: Path) -> None:
    transaction = FileTransaction()
    transaction.set_file(tmp_path / "a", b"new")
    thread = threading.Thread(target=transaction.commit)
    thread.start()
    thread.join()
    assert (tmp_path / "a").read_bytes() == b"new"


def test_without_a_place_for_temporary_files_git_is_not_asked(
    project: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr("tempfile.TemporaryDirectory", full)
    done = project.run("pack", "update")
    assert done.code == 3
    assert done.err.startswith("error: no temporary folder can be created: No usable temporary directory")
    assert "hint: set TMPDIR to a folder for temporary files" in done.err


def test_a_folder_of_a_copy_that_cannot_be_listed_is_named(
    project: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.scandir

    def denied(path: str | Path) -> object:
        if Path(path).name == "prompts" and "packs" in Path(path).parts:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr("os.scandir", denied)
    done = project.run("pack", "verify")
    assert done.code == 2
    assert "packs/support/prompts: error: the pack support was changed after it was locked" in done.err
