"""Snapshot files on disk: whole or not at all, never with a key, only when something changed."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from runner.errors import FormatError, MissingFileError, SecretError
from runner.regress.snapshot import Snapshot
from runner.regress.store import SnapshotStore

REQUEST = "sha256:" + "ab" * 32
FILE = "prompts/__snapshots__/p/a.snap.yaml"
OLD = Snapshot(REQUEST, {}, {"label": "old"}, model="m-1")
NEW = Snapshot(REQUEST, {}, {"label": "new"}, model="m-1")


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    return SnapshotStore(tmp_path, secret_values=("planted-secret-value",))


def test_what_was_written_is_read(store: SnapshotStore) -> None:
    assert store.read(FILE) is None
    assert store.write(FILE, OLD)
    assert store.read(FILE) == OLD


@pytest.mark.parametrize("again", [OLD, replace(OLD, model="m-2")], ids=["the same", "another model's name"])
def test_what_says_the_same_is_not_touched(store: SnapshotStore, tmp_path: Path, again: Snapshot) -> None:
    store.write(FILE, OLD)
    os.utime(tmp_path / FILE, (1, 1))
    assert store.write(FILE, again) is False
    assert (tmp_path / FILE).stat().st_mtime == 1


@pytest.mark.parametrize("text", ["planted-secret-value", "ghp_" + "a1B2" * 9, "-----BEGIN PRIVATE KEY-----"])
def test_a_key_stops_the_write_and_is_not_repeated(store: SnapshotStore, tmp_path: Path, text: str) -> None:
    with pytest.raises(SecretError, match=r"\$\.output\.a\[0\]") as caught:
        store.write(FILE, Snapshot(REQUEST, {}, {"a": [f"it is {text}."]}))
    assert text not in str(caught.value)
    assert caught.value.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_a_snapshot_nobody_could_review_is_refused_with_its_largest_part(
    store: SnapshotStore, tmp_path: Path
) -> None:
    with pytest.raises(FormatError, match=r"\$\.output\.long with 70,000"):
        store.write(FILE, Snapshot(REQUEST, {}, {"short": "x", "long": "y" * 70_000}))
    assert not (tmp_path / FILE).exists()


def test_a_write_touches_no_other_file(store: SnapshotStore, tmp_path: Path) -> None:
    other = FILE.replace("a.snap", "b.snap")
    store.write(other, OLD)
    before = (tmp_path / other).read_bytes()
    store.write(FILE, NEW)
    assert (tmp_path / other).read_bytes() == before
    assert store.files_of("prompts/__snapshots__/p") == {"a.snap.yaml", "b.snap.yaml"}


def test_a_link_is_not_followed(store: SnapshotStore, tmp_path: Path) -> None:
    store.write(FILE, OLD)
    link = tmp_path / FILE.replace("a.snap", "link.snap")
    link.symlink_to("/etc/passwd")
    with pytest.raises(MissingFileError):
        store.read(FILE.replace("a.snap", "link.snap"))


def test_a_rename_keeps_every_byte(store: SnapshotStore, tmp_path: Path) -> None:
    store.write(FILE, OLD)
    before = (tmp_path / FILE).read_bytes()
    store.move(FILE, "prompts/__snapshots__/q/b.snap.yaml")
    assert (tmp_path / "prompts/__snapshots__/q/b.snap.yaml").read_bytes() == before
    assert not (tmp_path / FILE).exists()


def test_deleting_the_last_one_takes_its_empty_folders_along_and_nothing_else(
    store: SnapshotStore, tmp_path: Path
) -> None:
    store.write(FILE, OLD)
    store.delete(FILE)
    assert [path.name for path in tmp_path.rglob("*")] == ["prompts"]


def test_a_windows_checkout_reads_the_same(store: SnapshotStore, tmp_path: Path) -> None:
    store.write(FILE, replace(OLD, output="one\ntwo\n"))
    path = tmp_path / FILE
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    found = store.read(FILE)
    assert found is not None
    assert found.output == "one\ntwo\n"


DYING = """
import os, pathlib, signal, sys
from runner.regress.snapshot import Snapshot
from runner.regress.store import SnapshotStore

calls = 0

def deadly(function):
    def called(*args, **kwargs):
        global calls
        calls += 1
        if calls == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return called

store = SnapshotStore(pathlib.Path(sys.argv[1]))
os.fsync, pathlib.Path.replace, pathlib.Path.open = map(deadly, (os.fsync, pathlib.Path.replace, pathlib.Path.open))
store.write("s/__snapshots__/p/a.snap.yaml", Snapshot("sha256:" + "ab" * 32, {}, "new"))
print("done")
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX")
def test_a_kill_between_any_two_steps_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    file = "s/__snapshots__/p/a.snap.yaml"
    old, new = Snapshot(REQUEST, {}, "old"), Snapshot(REQUEST, {}, "new")
    store = SnapshotStore(tmp_path)
    for step in range(1, 20):
        store.write(file, old)
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(DYING), str(tmp_path), str(step)],
            capture_output=True,
            text=True,
        )
        assert store.read(file) in (old, new)
        if done.stdout == "done\n":
            break
    assert step > 3  # it really died several times on the way


@pytest.mark.skipif(os.name != "posix", reason="starts processes side by side")
def test_two_processes_at_once_leave_a_whole_file(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys\nfrom runner.regress.snapshot import Snapshot\nfrom runner.regress.store import SnapshotStore\n"
        "store = SnapshotStore(pathlib.Path(sys.argv[1]))\n"
        "for n in range(40): store.write('s/a.snap.yaml', Snapshot('sha256:' + 'ab' * 32, {}, f'{sys.argv[2]} {n}\\n' * 50))\n"
        "store.write(f's/{sys.argv[2]}.snap.yaml', Snapshot('sha256:' + 'ab' * 32, {}, 'mine'))\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name]) for name in ("one", "two")
    ]
    assert [process.wait() for process in processes] == [0, 0]
    store = SnapshotStore(tmp_path)
    assert store.files_of("s") == {"a.snap.yaml", "one.snap.yaml", "two.snap.yaml"}
    snapshot = store.read("s/a.snap.yaml")
    assert snapshot is not None
    assert len(set(str(snapshot.output).split("\n")) - {""}) == 1
    assert not list(tmp_path.rglob("*.part"))
