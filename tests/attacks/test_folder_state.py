"""An untrusted folder: the `.runner/` that it brings is never followed."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from runner.engine.journal import run_ids
from runner.errors import MissingFileError
from runner.files.disk import file_lock
from runner.regress.snapshots.store import SnapshotStore
from tests.cli.asking import KEY, run
from tests.cli.project import ProjectFolder
from tests.faults import FaultServer, completion


@pytest.fixture
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "thesis").mkdir()
    (folder / "thesis" / "a.txt").write_text("mine")
    return folder


def listed(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


LINKS = [".runner", ".runner/runs", ".runner/pending", ".runner/.gitignore", ".runner/cache.sqlite3"]
LINKS += [f".runner/cache.sqlite3-{each}" for each in ("wal", "shm", "journal")]
COMMANDS = [
    ("run",),
    ("test", "--record", "all"),
    ("runs",),
    ("runs", "gc", "--keep", "0", "--unfinished"),
    ("cache",),
    ("cache", "clear"),
    ("accept", "--all"),
    ("pending",),
    ("run", "--resume", "last"),
]


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_nothing_is_read_written_or_deleted_through_a_link(
    asked: ProjectFolder, server: FaultServer, elsewhere: Path, link: str, command: tuple[str, ...]
) -> None:
    server.play(completion("hi"))
    place = asked.folder / link
    place.parent.mkdir(exist_ok=True)
    target = elsewhere / ("new-file" if "." in link[1:] else "thesis")
    place.symlink_to(elsewhere if link == ".runner" else target)
    before = listed(elsewhere)
    done = asked.run(*command, env={"FAKE_KEY": "k", "RUNNER_TRUST": "1"})
    assert listed(elsewhere) == before
    assert "Traceback" not in done.err


@pytest.mark.parametrize("link", LINKS)
def test_a_run_is_refused_before_anything_is_sent(
    asked: ProjectFolder, server: FaultServer, elsewhere: Path, link: str
) -> None:
    place = asked.folder / link
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(elsewhere / "new")
    done = run(asked)
    if link != ".runner/pending":  # a run has nothing to do with it
        assert done.code == 2
        assert f"{link}: error: runner does not use it: it is a link" in done.err
        assert server.requests == []


@pytest.mark.parametrize("name", ["results.jsonl", "run.json", "lock"])
@pytest.mark.parametrize("kind", ["link", "fifo"])
def test_the_files_of_a_run_are_files(
    asked: ProjectFolder, server: FaultServer, elsewhere: Path, name: str, kind: str
) -> None:
    run(asked)
    [folder] = (asked.folder / ".runner/runs").iterdir()
    (folder / name).unlink()
    if kind == "link":
        (folder / name).symlink_to(elsewhere / "thesis" / "a.txt")
    else:
        os.mkfifo(folder / name)
    for command in (("runs",), ("run", "--resume", "last"), ("runs", "show", "last")):
        done = asked.run(*command, env={"FAKE_KEY": "k"})
        assert done.code == 2
        assert "runner does not use it" in done.err
    assert (elsewhere / "thesis" / "a.txt").read_text() == "mine"


def test_a_run_that_is_a_link_is_not_deleted(asked: ProjectFolder, elsewhere: Path) -> None:
    runs = asked.folder / ".runner/runs"
    runs.mkdir(parents=True)
    (runs / "20200101T000000000Z-000000").symlink_to(elsewhere / "thesis")
    assert asked.run("runs", "gc", "--keep", "0", "--unfinished").code == 2
    assert (elsewhere / "thesis" / "a.txt").exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_a_state_folder_of_another_user_is_refused(asked: ProjectFolder, server: FaultServer) -> None:
    (asked.folder / ".runner").mkdir()
    os.chown(asked.folder / ".runner", 12345, 12345)
    done = run(asked)
    assert done.code == 2
    assert "it belongs to another user (uid 12345)" in done.err
    assert server.requests == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_root_works_in_the_folder_of_a_user(asked: ProjectFolder) -> None:
    (asked.folder / ".runner").mkdir()
    for folder in (asked.folder, asked.folder / ".runner"):
        os.chown(folder, 12345, 12345)
    assert run(asked).code == 0


def test_somebody_elses_database_is_left_as_it_is(asked: ProjectFolder, elsewhere: Path) -> None:
    with sqlite3.connect(elsewhere / "cookies.sqlite") as database:
        database.execute("create table c(a)")
    before = (elsewhere / "cookies.sqlite").read_bytes()
    (asked.folder / ".runner").mkdir()
    (asked.folder / ".runner/cache.sqlite3").symlink_to(elsewhere / "cookies.sqlite")
    run(asked)
    assert (elsewhere / "cookies.sqlite").read_bytes() == before


# --- what run.json names --------------------------------------------------------------------------------------------


def forge(asked: ProjectFolder, **arguments: Any) -> None:
    """A run as a folder of somebody else might bring it: killed, with these arguments."""
    asked.write("rows.jsonl", '{"name": "Ada"}\n')
    assert run(asked, "prompts/hello.prompt.yaml", "--input", "rows.jsonl", "--output", "out.jsonl").code == 0
    [folder] = (asked.folder / ".runner/runs").iterdir()
    manifest = json.loads((folder / "run.json").read_text())
    manifest["status"] = "killed"
    for name, value in arguments.items():
        part = manifest["arguments"] if name == "output" else manifest["arguments"]["asking"]
        part[name] = value
    (folder / "run.json").write_text(json.dumps(manifest))
    (folder / "results.jsonl").write_text("")


def test_a_recorded_output_outside_the_project_is_not_written(asked: ProjectFolder, elsewhere: Path) -> None:
    precious = elsewhere / "precious.json"
    precious.write_text("{}")
    forge(asked, output=str(precious))
    done = run(asked, "--resume", "last")
    assert done.code == 2
    assert f"--output {precious}, which is outside the project" in done.err
    assert precious.read_text() == "{}"


@pytest.mark.parametrize("name", ["link/x.jsonl", "../x.jsonl", ".vscode/x.json", ".git/x.json"])
def test_a_recorded_output_stays_in_the_project(asked: ProjectFolder, elsewhere: Path, name: str) -> None:
    (asked.folder / "link").symlink_to(elsewhere)
    before = listed(elsewhere)
    forge(asked, output=name)
    assert run(asked, "--resume", "last").code == 2
    assert listed(elsewhere) == before
    assert not (asked.folder / name).exists()


@pytest.mark.parametrize("name", ["package.json", "data.jsonl", "rows.csv", "pom.xml"])
def test_a_recorded_output_overwrites_only_what_runner_wrote(asked: ProjectFolder, name: str) -> None:
    asked.write(name, '{"mine": 1}\n')
    forge(asked, output=name)
    done = run(asked, "--resume", "last")
    assert done.code == 2
    assert "exists and contains no results of runner" in done.err
    assert (asked.folder / name).read_text() == '{"mine": 1}\n'


@pytest.mark.parametrize("name", ["out.jsonl", "out.json", "out.csv", "out.xml"])
def test_an_earlier_output_is_written_anew(asked: ProjectFolder, name: str) -> None:
    forge(asked)
    assert run(asked, "prompts/hello.prompt.yaml", "--output", name).code == 0
    before = (asked.folder / name).read_bytes()
    runs = sorted((asked.folder / ".runner/runs").iterdir())
    (runs[-1] / "results.jsonl").write_text("")
    done = run(asked, "--resume", "last")
    assert done.code == 0, done.err
    assert len((asked.folder / name).read_bytes()) >= len(before) - 20


def test_an_output_that_is_given_again_is_the_users_choice(asked: ProjectFolder, elsewhere: Path) -> None:
    forge(asked, output=str(elsewhere / "out.jsonl"))
    assert run(asked, "--resume", "last", "--output", str(elsewhere / "out.jsonl")).code == 0
    assert (elsewhere / "out.jsonl").exists()


@pytest.mark.parametrize(
    ("option", "value"), [("rows", "/etc/hosts.csv"), ("vars_file", "../v.yaml"), ("rows", ".env.csv")]
)
def test_recorded_inputs_stay_in_the_project(
    asked: ProjectFolder, server: FaultServer, option: str, value: str
) -> None:
    forge(asked, **{option: value})
    server.requests.clear()
    done = run(asked, "--resume", "last")
    assert done.code == 2
    assert "to use it nevertheless, give it again" in done.err
    assert server.requests == []


# --- clocks and locks -----------------------------------------------------------------------------------------------


def test_the_last_run_is_the_one_that_was_started_last_after_a_clock_was_set_back(
    asked: ProjectFolder,
) -> None:
    run(asked)
    [first] = (asked.folder / ".runner/runs").iterdir()
    future = first.rename(first.with_name("20990101T000000000Z-aaaaaa"))
    run(asked)
    [second] = [each for each in (asked.folder / ".runner/runs").iterdir() if each != future]
    assert second.name > future.name
    assert second.name in asked.run("runs", "show", "last").out


def test_a_folder_that_is_no_run_is_not_the_last_one(asked: ProjectFolder) -> None:
    run(asked)
    (asked.folder / ".runner/runs/zzz").mkdir()
    (asked.folder / "last").mkdir()
    (asked.folder / "last/run.json").write_text("{}")
    assert asked.run("runs", "show", "last").code == 0


def test_names_of_runs_ascend() -> None:
    names: list[str] = []
    for _ in range(50):
        names.append(run_ids.new_id(names))
    assert names == sorted(names)
    assert len({name[:19] for name in names}) == 50


@pytest.mark.parametrize(
    "number", [errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS]
)
def test_a_run_goes_on_where_the_file_system_cannot_lock(
    asked: ProjectFolder, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(file_lock, "_try", no_locks)
    monkeypatch.setattr(file_lock, "_lock", no_locks)
    forge(asked)
    assert " killed " in asked.run("runs").out
    done = run(asked, "--resume", "last")
    assert done.code == 0, done.err
    assert done.out.count("this file system cannot lock files") == 1


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES])
def test_a_run_that_another_process_holds_is_refused(
    asked: ProjectFolder, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    forge(asked)

    def held(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(file_lock, "_try", held)
    done = run(asked, "--resume", "last")
    assert done.code == 2
    assert "still in progress in another process" in done.err


# --- what waits for approval ----------------------------------------------------------------------------------------


def test_only_snapshots_of_the_projects_prompts_are_accepted(
    asked: ProjectFolder, server: FaultServer
) -> None:
    server.play(completion("hi"))
    asked.run("test", "--record", "all", env={"FAKE_KEY": "k", "RUNNER_TRUST": "1"})
    pending = asked.folder / ".runner/pending"
    [entry, *_] = pending.rglob("*.json")
    for folder in (".github", "packs/p", "src"):
        (asked.folder / "packs.lock").write_text("")
        text = entry.read_text().replace("prompts/__snapshots__/", f"{folder}/__snapshots__/")
        place = pending / f"{folder}/__snapshots__/hello/{entry.name}"
        place.parent.mkdir(parents=True)
        place.write_text(text)
        (asked.folder / "packs.lock").unlink()
        done = asked.run("accept", f"{folder}/__snapshots__/*")
        assert done.code == 2, done.out
        assert "no prompt of this project has the snapshot" in done.err
        assert not (asked.folder / folder / "__snapshots__").exists()
        place.unlink()


def a_pending_entry(asked: ProjectFolder) -> tuple[Path, dict[str, Any]]:
    """An answer that waits for approval: its file, and what is in it."""
    asked.run("test", env={"FAKE_KEY": KEY})
    place = next((asked.folder / ".runner" / "pending").rglob("ada.snap.yaml.json"))
    return place, json.loads(place.read_text())


def test_nothing_in_gits_folder_is_taken_for_a_snapshot(asked: ProjectFolder) -> None:
    place, entry = a_pending_entry(asked)
    entry["snapshot_file"] = ".git/__snapshots__/hello/ada.snap.yaml"
    place.unlink()
    place = asked.folder / f".runner/pending/{entry['snapshot_file']}.json"
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps(entry))
    done = asked.run("accept", "--all")
    assert done.code == 2
    assert "is not a path for a snapshot" in done.err


@pytest.mark.parametrize(
    "command", [("pending",), ("pending", "--json"), ("accept", "--all"), ("reject", "--all")]
)
@pytest.mark.parametrize(
    "changed",
    [
        {"kind": []},
        {"kind": "approved"},
        {"prompt": 1},
        {"case": None},
        {"variant": 1.5},
        {"snapshot_file": None},
        {"snapshot_file": "prompts/__snapshots__/hello/bob.snap.yaml"},
        {"moved_from": True},
        {"against": {}},
        {"fields": [{"path": "$", "approved": 1, "new": 2, "rule": {}, "equal": False}]},
        {"fields": 1},
        {"more": 1},
    ],
    ids=json.dumps,
)
def test_what_is_no_answer_that_waits_for_approval_is_told(
    asked: ProjectFolder, server: FaultServer, changed: dict[str, Any], command: tuple[str, ...]
) -> None:
    place, entry = a_pending_entry(asked)
    place.write_text(json.dumps({**entry, **changed}))
    done = asked.run(*command)
    assert done.code == 2
    assert "ada.snap.yaml.json: error: this is not a pending answer" in done.err
    assert place.exists()
    assert not (asked.folder / "prompts" / "__snapshots__").exists()


def test_an_answer_that_is_nested_without_an_end_is_told(asked: ProjectFolder, server: FaultServer) -> None:
    place, _ = a_pending_entry(asked)
    place.write_text("[" * 100_000)
    assert asked.run("pending").code == 2


# --- what run.json says of the arguments ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changed",
    [
        {"asking": {"paths": 1}},
        {"asking": {"paths": [{}]}},
        {"asking": {"assignments": [None]}},
        {"asking": {"rows": []}},
        {"asking": {"vars_file": 1}},
        {"asking": {"endpoint": True}},
        {"asking": {"models": "gpt-test"}},
        {"asking": {"sample": 0}},
        {"asking": {"limit": -1}},
        {"asking": {"seed": True}},
        {"asking": {"isolate": 1}},
        {"asking": {"repeat": 0}},
        {"asking": {"repeat": "1"}},
        {"asking": {"shard": "3/2"}},
        {"asking": {"shard": []}},
        {"asking": {"more": 1}},
        {"output": ["o.jsonl"]},
        {"in_order": "yes"},
    ],
    ids=json.dumps,
)
def test_arguments_of_another_type_or_out_of_their_range_are_told_and_nothing_is_sent(
    asked: ProjectFolder, server: FaultServer, changed: dict[str, Any]
) -> None:
    asked.run("run", env={"FAKE_KEY": KEY})
    [manifest] = asked.folder.glob(".runner/runs/*/run.json")
    value = json.loads(manifest.read_text())
    value["arguments"]["asking"] |= changed.pop("asking", {})
    value["arguments"] |= changed
    manifest.write_text(json.dumps(value))
    server.requests.clear()
    done = asked.run("run", "--resume", "last", env={"FAKE_KEY": KEY})
    assert done.code == 2
    assert "its run.json is damaged" in done.err
    assert server.requests == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no FIFOs")
def test_a_fifo_in_the_place_of_a_snapshot_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.snap.yaml")
    store = SnapshotStore(tmp_path)
    assert store.request("a.snap.yaml") is None
    with pytest.raises(MissingFileError, match="it is not a regular file"):
        store.digest("a.snap.yaml")
