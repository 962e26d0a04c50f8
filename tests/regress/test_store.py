"""Snapshot files on disk: whole or not at all, never with a key, only when something changed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from runner.errors import FileError, FormatError, MissingFileError, SecretError, StorageError
from runner.files.versions import NewerFormatError
from runner.regress.snapshots.snapshot import Snapshot, Variation
from runner.regress.snapshots.store import SnapshotStore
from runner.values import Json

REQUEST = "sha256:" + "ab" * 32
FILE = "prompts/__snapshots__/p/a.snap.yaml"
OLD = Snapshot(REQUEST, {}, {"label": "old"}, model="m-1")
NEW = Snapshot(REQUEST, {}, {"label": "new"}, model="m-1")
KEY = "planted-secret-value"


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
from runner.regress.snapshots.snapshot import Snapshot
from runner.regress.snapshots.store import SnapshotStore

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


@pytest.mark.slow
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
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        assert store.read(file) in (old, new)
        if done.stdout == "done\n":
            break
    assert step > 3  # it really died several times on the way


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="starts processes side by side")
def test_two_processes_at_once_leave_a_whole_file(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys\nfrom runner.regress.snapshots.snapshot import Snapshot\nfrom runner.regress.snapshots.store import SnapshotStore\n"
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


@pytest.mark.parametrize(
    ("before", "after", "written"),
    [(1, True, True), (1, 1.0, False), ({"a": 1, "b": 2}, {"b": 2, "a": 1}, False), ([1, 2], [2, 1], True)],
)
def test_values_are_compared_as_json(
    store: SnapshotStore, before: Json, after: Json, *, written: bool
) -> None:
    store.write(FILE, replace(OLD, output=before))
    assert store.write(FILE, replace(OLD, output=after)) is written


@pytest.mark.parametrize(
    "text", ["<<<<<<< a\n=======\n>>>>>>> b\n", "{broken", "runner_snapshot: 0\n", "x" * 70_000]
)
def test_a_file_that_cannot_be_read_is_replaced(store: SnapshotStore, tmp_path: Path, text: str) -> None:
    store.write(FILE, OLD)
    (tmp_path / FILE).write_text(text)
    assert store.write(FILE, NEW)
    assert store.read(FILE) == NEW


def test_what_a_newer_runner_approved_is_not_replaced(store: SnapshotStore, tmp_path: Path) -> None:
    store.write(FILE, OLD)
    (tmp_path / FILE).write_text("runner_snapshot: 9\n")
    with pytest.raises(NewerFormatError):
        store.write(FILE, NEW)
    assert (tmp_path / FILE).read_text() == "runner_snapshot: 9\n"


@pytest.mark.parametrize(
    ("snapshot", "place"),
    [
        (replace(OLD, variants=(Variation(1, ["x", KEY]),), samples=2), "$.variants[0].output[1]"),
        (
            replace(OLD, tool_calls=[{"name": "f", "arguments": {"key": KEY}}]),
            "$.tool_calls[0].arguments.key",
        ),
        (replace(OLD, refusal=f"no {KEY}"), "$.refusal"),
        (replace(OLD, output={"deep": {KEY: 1}}), "$.output.deep"),
        (replace(OLD, output={"number": 4242424242424242}), "$.output.number"),
        (replace(OLD, output="my\nsecret\nlines"), "$.output"),
        (replace(OLD, output='a "quoted" one'), "$.output"),
    ],
)
def test_a_key_is_found_wherever_it_stands(tmp_path: Path, snapshot: Snapshot, place: str) -> None:
    keys = (KEY, "4242424242424242", "my\nsecret\nlines", '"quoted"')
    with pytest.raises(SecretError) as caught:
        SnapshotStore(tmp_path, secret_values=keys).write(FILE, snapshot)
    assert f"a.snap.yaml: {place} holds the value of a configured key; nothing" in str(caught.value)
    assert KEY not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_value_that_could_not_be_read_again_is_not_written(store: SnapshotStore, tmp_path: Path) -> None:
    deep: Json = "x"
    for _ in range(110):
        deep = [deep]
    with pytest.raises(FileError, match="levels deep"):
        store.write(FILE, replace(OLD, output=deep))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", ["prompts/__snapshots__", "prompts/__snapshots__/p"])
def test_a_linked_folder_is_neither_read_nor_written_nor_listed(tmp_path: Path, folder: str) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    SnapshotStore(elsewhere).write("p/a.snap.yaml", OLD)
    SnapshotStore(elsewhere).write("a.snap.yaml", OLD)
    (root / folder).parent.mkdir(parents=True)
    (root / folder).symlink_to(elsewhere, target_is_directory=True)
    store, before = SnapshotStore(root), sorted(elsewhere.rglob("*"))
    tries: list[Callable[[], object]] = [
        lambda: store.read(FILE),
        lambda: store.write(FILE, NEW),
        lambda: store.delete(FILE),
        lambda: store.move(FILE, FILE.replace("/a.", "/b.")),
        lambda: store.files_of("prompts/__snapshots__/p"),
    ]
    for attempt in tries:
        with pytest.raises(MissingFileError, match=f"{folder}: .* it is a link"):
            attempt()
    assert sorted(elsewhere.rglob("*")) == before


def test_a_link_is_not_replaced_either(store: SnapshotStore, tmp_path: Path) -> None:
    (tmp_path / FILE).parent.mkdir(parents=True)
    (tmp_path / FILE).symlink_to(tmp_path / "outside.yaml")
    with pytest.raises(MissingFileError, match="it is a link"):
        store.write(FILE, NEW)
    assert not (tmp_path / "outside.yaml").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
def test_a_pipe_or_a_folder_in_the_place_of_a_file_is_refused_at_once(
    store: SnapshotStore, tmp_path: Path
) -> None:
    (tmp_path / FILE).mkdir(parents=True)
    pipe = FILE.replace("/a.", "/b.")
    os.mkfifo(tmp_path / pipe)
    for file in (FILE, pipe):
        with pytest.raises(MissingFileError, match="it is not a file"):
            store.read(file)


def test_a_file_too_large_to_review_is_refused_with_its_size(store: SnapshotStore, tmp_path: Path) -> None:
    store.write(FILE, OLD)
    (tmp_path / FILE).write_bytes(b"\xc3\xa9" * 40_000)
    with pytest.raises(FormatError, match="80,000 bytes"):
        store.read(FILE)


def test_a_rename_replaces_no_other_snapshot(store: SnapshotStore) -> None:
    other = FILE.replace("/a.", "/b.")
    store.write(FILE, OLD)
    store.write(other, NEW)
    with pytest.raises(StorageError, match="exists already"):
        store.move(FILE, other)
    assert (store.read(FILE), store.read(other)) == (OLD, NEW)


def test_a_rename_out_of_a_folder_leaves_no_empty_one(store: SnapshotStore, tmp_path: Path) -> None:
    store.write(FILE, OLD)
    store.move(FILE, "other/__snapshots__/q/a.snap.yaml")
    assert list((tmp_path / "prompts").iterdir()) == []


def test_the_file_of_a_case_is_listed_by_its_own_name_where_upper_and_lower_case_are_one(
    store: SnapshotStore, tmp_path: Path
) -> None:
    store.write(FILE, OLD)
    upper = (tmp_path / FILE).with_name("A.snap.yaml")
    if not upper.exists():
        upper.hardlink_to(tmp_path / FILE)  # as such a system shows it: two names, one file
    assert store.files_of("prompts/__snapshots__/p") == {"a.snap.yaml"}


def test_where_they_are_two_both_are_listed(store: SnapshotStore, tmp_path: Path) -> None:
    store.write(FILE, OLD)
    upper = (tmp_path / FILE).with_name("A.snap.yaml")
    if upper.exists():
        pytest.skip("here they are one")
    upper.write_text("another")
    assert store.files_of("prompts/__snapshots__/p") == {"a.snap.yaml", "A.snap.yaml"}


def test_a_write_that_fails_leaves_the_old_and_nothing_beside_it(
    store: SnapshotStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write(FILE, OLD)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="cannot be written: No space left"):
        store.write(FILE, NEW)
    assert store.read(FILE) == OLD
    assert [path.name for path in (tmp_path / FILE).parent.iterdir()] == ["a.snap.yaml"]
