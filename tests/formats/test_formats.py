"""Stored files: version 1 is read for ever, and a newer one says "upgrade runner"."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.regress.snapshots import reader, writer
from runner.regress.snapshots.snapshot import Snapshot
from runner.wire.fingerprint import FINGERPRINTERS, Fingerprinter
from tests.cli.project import Done, ProjectFolder

V1 = Path(__file__).parent / "v1"
FAILED, FIRST, SECOND, TEST = (
    next(folder.name for folder in sorted((V1 / "project" / "state" / "runs").iterdir()) if wanted(folder))
    for wanted in (
        lambda folder: json.loads((folder / "run.json").read_text())["errors"] == 1,
        lambda folder: json.loads((folder / "run.json").read_text()).get("shard") == "1/2",
        lambda folder: json.loads((folder / "run.json").read_text()).get("shard") == "2/2",
        lambda folder: json.loads((folder / "run.json").read_text()).get("command") == "test",
    )
)


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    """The project of version 1, where nobody can be asked: its server is gone."""
    for name in ("project", "house"):
        shutil.copytree(V1 / name, tmp_path / name)
    (tmp_path / "project" / "state").rename(tmp_path / "project" / ".runner")
    return ProjectFolder(tmp_path / "project")


def run(project: ProjectFolder, *args: str, **env: str) -> Done:
    return project.run(*args, env={"FAKE_KEY": "not-a-secret-0", **env})


def files_of(project: ProjectFolder) -> dict[str, bytes]:
    """The files that are kept for longer than a run."""
    return {
        str(path.relative_to(project.folder)): path.read_bytes()
        for path in project.folder.rglob("*")
        if path.is_file() and (".runner" not in path.parts or "pending" in path.parts)
    }


# --- version 1 is read for ever -------------------------------------------------------------------------------------


def test_snapshots_are_replayed_and_not_rewritten(project: ProjectFolder) -> None:
    before = files_of(project)
    done = run(project, "test", "--offline", "--case", "ada", "--case", "refund")
    assert (done.code, "2 passed" in done.out + done.err) == (0, True), done.err
    assert files_of(project) == before


def test_a_pending_answer_is_listed_and_accepted(project: ProjectFolder) -> None:
    assert "hello/bob" in run(project, "pending").out
    assert run(project, "accept", "hello/bob").code == 0
    assert run(project, "test", "--offline").code == 0


def test_the_cases_that_failed_are_known(project: ProjectFolder) -> None:
    done = run(project, "test", "--offline", "--failed")
    assert (done.code, "1 passed" in done.out) == (0, True), done.err


def test_an_interrupted_run_is_resumed_from_its_journal_and_the_cache(project: ProjectFolder) -> None:
    done = run(project, "run", "--resume", FAILED)
    assert done.code == 0, done.err
    lines = (project.folder / ".runner" / "runs" / FAILED / "results.jsonl").read_text().splitlines()
    [*earlier, bob] = [json.loads(line) for line in lines]
    assert len(earlier) == 6
    assert (bob["case"], bob["outcome"], bob["cached"]) == ("bob", "ok", True)


def test_shards_are_merged(project: ProjectFolder) -> None:
    done = run(project, "merge", FIRST, SECOND)
    assert done.code == 0, done.err
    assert sorted(record["case"] for record in done.records()) == ["ada", "bob", "cy", "dan", "eve", "fay"]


def test_answers_come_from_the_cache(project: ProjectFolder) -> None:
    done = run(project, "run", "prompts/hello.prompt.yaml")
    assert done.code == 0, done.err
    assert [record["cached"] for record in done.records()] == [True] * 6


def test_a_pack_is_verified_and_used(project: ProjectFolder) -> None:
    assert run(project, "pack", "verify").code == 0
    assert run(project, "pack", "list").code == 0
    assert run(project, "check", "house:greet").code == 0
    before = (project.folder / "packs.lock").read_bytes()
    assert run(project, "pack", "lock").code == 0
    assert (project.folder / "packs.lock").read_bytes() == before


def test_what_was_trusted_is_trusted(project: ProjectFolder, tmp_path: Path) -> None:
    config = tmp_path / "config"
    place = config / "prompt-runner" / "trust.json"
    place.parent.mkdir(parents=True)
    text = (V1 / "trust.json").read_text()
    place.write_text(re.sub(r"/tmp/[a-z0-9-]+/project", os.path.realpath(project.folder), text))
    untrusted = {"RUNNER_TRUST": "", "FAKE_KEY": "not-a-secret-0", "XDG_CONFIG_HOME": str(config)}
    assert run(project, "run", "prompts/hello.prompt.yaml", **untrusted).code == 0
    place.unlink()
    assert run(project, "run", "prompts/hello.prompt.yaml", **untrusted).code == 2


def test_the_runs_are_listed(project: ProjectFolder) -> None:
    listed = run(project, "runs").out
    for name in (FAILED, FIRST, SECOND, TEST):
        assert name in listed
    assert json.loads(run(project, "runs", "show", FAILED, "--json").out)["format"] == 1


# --- a newer file ---------------------------------------------------------------------------------------------------


def edited(name: str, old: str, new: str) -> Callable[[ProjectFolder], None]:
    def plant(project: ProjectFolder) -> None:
        path = project.folder / name
        text = path.read_text()
        assert text.count(old) == 1
        path.write_text(text.replace(old, new))

    return plant


def newer_record(project: ProjectFolder) -> None:
    """The first record as a newer runner writes it: with a key that this one does not know."""
    path = project.folder / ".runner" / "runs" / FAILED / "results.jsonl"
    first, *rest = path.read_text().splitlines(keepends=True)
    record: dict[str, Any] = json.loads(first)
    del record["checksum"]
    path.write_text("".join([json.dumps({**record, "mood": "fine", "format": 2}) + "\n", *rest]))


def newer_last_record(project: ProjectFolder) -> None:
    """So is the last one, which must not be taken for a line that a crash left half written."""
    path = project.folder / ".runner" / "runs" / FAILED / "results.jsonl"
    *rest, last = path.read_text().splitlines(keepends=True)
    record: dict[str, Any] = json.loads(last)
    del record["checksum"]
    path.write_text(
        "".join([*rest, json.dumps({**record, "fingerprint": f"v2:{record['fingerprint']}"}) + "\n"])
    )


def newer_cache(project: ProjectFolder) -> None:
    with closing(sqlite3.connect(project.folder / ".runner" / "cache.sqlite3")) as database:
        database.execute("PRAGMA user_version = 2")


def unreferenced(project: ProjectFolder) -> None:
    text = (project.folder / ADA).read_text()
    (project.folder / OLD).write_text(text.replace("runner_snapshot: 1", "runner_snapshot: 4"))


PENDING = ".runner/pending/prompts/__snapshots__/hello/bob.snap.yaml.json"
OLD = "prompts/__snapshots__/hello/old.snap.yaml"
ADA = "prompts/__snapshots__/hello/ada.snap.yaml"
RUN = f".runner/runs/{FAILED}"

NEWER: dict[str, tuple[Callable[[ProjectFolder], None], tuple[str, ...], str]] = {
    "snapshot": (
        edited(ADA, "runner_snapshot: 1", "runner_snapshot: 4"),
        ("test", "--offline"),
        f"{ADA}:1:1: error: this snapshot",
    ),
    "snapshot with keys of its own": (
        edited(ADA, "runner_snapshot: 1", "runner_snapshot: 4\nmood: fine"),
        ("test", "--offline"),
        f"{ADA}:1:1: error: this snapshot",
    ),
    "fingerprint": (
        edited(ADA, "request: sha", "request: v2:sha"),
        ("test", "--offline"),
        f"{ADA}:2:1: error: this snapshot's fingerprint",
    ),
    "pending": (
        edited(PENDING, '"format": 1', '"format": 2'),
        ("accept", "--all"),
        f"{PENDING}:2:12: error: this pending answer",
    ),
    "snapshot in pending": (
        edited(PENDING, "runner_snapshot: 1", "runner_snapshot: 4"),
        ("pending",),
        f"{PENDING}:9:14: error: this snapshot",
    ),
    "pending answer that would be recorded anew": (
        edited(PENDING, '"format": 1', '"format": 2'),
        ("test", "--record", "once", "--case", "bob"),
        f"{PENDING}:2:12: error: this pending answer",
    ),
    "snapshot without a case": (
        unreferenced,
        ("prune",),
        f"{OLD}:1:1: error: this snapshot",
    ),
    "lock": (edited("packs.lock", "format: 1", "format: 2"), ("pack", "verify"), "packs.lock:2:9: error: packs.lock"),
    "lock with keys of its own": (
        edited("packs.lock", "format: 1", "mood: fine\nformat: 2"),
        ("check", "house:greet"),
        "packs.lock:3:9: error: packs.lock",
    ),
    "pack": (
        edited("../house/pack.yaml", "format: 1", "format: 2\nmood: fine"),
        ("pack", "update"),
        "pack.yaml:2:9: error: pack.yaml",
    ),
    "project": (edited("runner.yaml", "version: 1", "version: 2\nmood: fine"), ("check",), "runner.yaml:1:10: error: runner.yaml"),
    "run": (
        edited(f"{RUN}/run.json", '"format": 1', '"format": 2'),
        ("run", "--resume", FAILED),
        f"{RUN}/run.json:3:13: error: the run {FAILED}",
    ),
    "run to be merged": (
        edited(f".runner/runs/{FIRST}/run.json", '"format": 1', '"format": 2'),
        ("merge", FIRST, SECOND),
        f"{FIRST}/run.json:3:13: error: the run {FIRST}",
    ),
    "run of test": (
        edited(f".runner/runs/{TEST}/run.json", '"format": 1', '"format": 2'),
        ("test", "--record", "once"),
        f"{TEST}/run.json:3:13: error: the run {TEST}",
    ),
    "record": (newer_record, ("run", "--resume", FAILED), f"{RUN}/results.jsonl:1: error: this record"),
    "fingerprint of the last record": (
        newer_last_record,
        ("run", "--resume", FAILED),
        f"{RUN}/results.jsonl:6: error: the fingerprint of this record",
    ),
    "cache": (newer_cache, ("cache",), ".runner/cache.sqlite3: error: the response cache"),
    "cache to be cleared": (newer_cache, ("cache", "clear"), ".runner/cache.sqlite3: error: the response cache"),
}  # fmt: skip


@pytest.mark.parametrize("kind", NEWER)
def test_a_newer_file_asks_for_an_upgrade_at_its_line_and_nothing_is_changed(
    project: ProjectFolder, kind: str
) -> None:
    plant, command, said = NEWER[kind]
    plant(project)
    before = files_of(project)
    journal = (project.folder / RUN / "results.jsonl").read_bytes()
    done = run(project, *command)
    assert done.code == 2
    text = done.err + done.out
    assert said in text
    newest = 3 if said.endswith("this snapshot") else 1
    told = (
        f"was written by a newer runner (format {newest + 1}; this one reads up to {newest}): upgrade runner"
    )
    assert told in text
    assert "hint: pip install --upgrade prompt-runner" in text
    assert "take back" not in text
    assert files_of(project) == before
    assert (project.folder / RUN / "results.jsonl").read_bytes() == journal


def test_a_newer_list_of_trusted_projects_asks_for_an_upgrade(project: ProjectFolder, tmp_path: Path) -> None:
    place = tmp_path / "config" / "prompt-runner" / "trust.json"
    place.parent.mkdir(parents=True)
    place.write_text((V1 / "trust.json").read_text().replace('"runner_trust": 1', '"runner_trust": 2'))
    before = place.read_bytes()
    config = str(tmp_path / "config")
    done = run(
        project, "run", "prompts/hello.prompt.yaml", "--trust", RUNNER_TRUST="", XDG_CONFIG_HOME=config
    )
    assert done.code == 2
    assert "trust.json:7:19: error: this list of trusted projects was written by a newer runner" in done.err
    assert place.read_bytes() == before


def test_a_run_goes_on_without_a_newer_cache_and_says_so(project: ProjectFolder) -> None:
    newer_cache(project)
    done = run(project, "run", "prompts/hello.prompt.yaml")
    assert "the response cache was written by a newer runner" in done.out + done.err
    assert "this run continues without it" in done.out + done.err
    with closing(sqlite3.connect(project.folder / ".runner" / "cache.sqlite3")) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (2,)
        assert database.execute("SELECT count(*) FROM answers").fetchone()[0] >= 6


def test_a_newer_run_hides_no_other_one(project: ProjectFolder) -> None:
    edited(f"{RUN}/run.json", '"format": 1', '"format": 2')(project)
    done = run(project, "runs")
    assert done.code == 0
    [line] = [line for line in done.out.splitlines() if FAILED in line]
    assert "newer" in line
    assert SECOND in done.out


@pytest.mark.parametrize(
    ("name", "old", "new", "command"),
    [
        (ADA, "runner_snapshot: 1", "runner_snapshot: 0", ("test", "--offline")),
        (ADA, "runner_snapshot: 1", "runner_snapshot: [1]", ("test", "--offline")),
        (ADA, "runner_snapshot: 1", "runner_snapshot: true", ("test", "--offline")),
        (PENDING, '"format": 1', '"format": "x"', ("pending",)),
        (PENDING, '"format": 1', '"format": true', ("pending",)),
        ("packs.lock", "format: 1", "format: 0", ("pack", "verify")),
        ("packs.lock", "format: 1", "format: true", ("pack", "verify")),
        (f"{RUN}/run.json", '"format": 1', '"format": "2"', ("run", "--resume", FAILED)),
        (f"{RUN}/run.json", '"format": 1', '"format": true', ("run", "--resume", FAILED)),
        ("runner.yaml", "version: 1", "version: '2'", ("check",)),
    ],
)  # fmt: skip
def test_what_is_no_version_is_a_mistake_and_no_newer_file(
    project: ProjectFolder, name: str, old: str, new: str, command: tuple[str, ...]
) -> None:
    edited(name, old, new)(project)
    done = run(project, *command)
    assert done.code == 2
    assert Path(name).name in done.err
    assert "newer runner" not in done.err


# --- the next version -----------------------------------------------------------------------------------------------


@pytest.fixture
def _two_versions_of_snapshots(monkeypatch: pytest.MonkeyPatch) -> None:
    """A version 4 that calls the output the answer, as a later runner would add it."""

    def problem(value: Any) -> Any:
        return None if "answer" in value else ((), "answer is missing", "record anew")

    def snapshot(value: dict[str, Any]) -> Snapshot:
        return Snapshot(request=value["request"], parts={}, output=value["answer"])

    monkeypatch.setitem(reader._VERSIONS, 4, reader._Version(problem, snapshot))


@pytest.mark.usefixtures("_two_versions_of_snapshots")
def test_a_new_version_of_snapshots_is_one_reader_beside_the_old_one(project: ProjectFolder) -> None:
    path = project.folder / ADA
    one = reader.read_snapshot(path.read_text(), ADA)
    path.write_text(f"runner_snapshot: 4\nrequest: {one.request}\nanswer: |-\n  You said:\n  Hello Ada\n")
    assert reader.read_snapshot(path.read_text(), ADA) == replace(one, parts={}, model=None)
    assert run(project, "test", "--offline", "--case", "ada", "--case", "cy").code == 0
    path.write_text("runner_snapshot: 5\n")
    done = run(project, "test", "--offline")
    assert "(format 5; this one reads up to 4)" in done.err


class LaterFingerprinter(Fingerprinter):
    """Fingerprints of a version 2 that hashes something else."""

    def of(self, messages: Any) -> str:
        return "v2:sha256:" + super().of([*messages, "more"]).removeprefix("sha256:")


@pytest.fixture
def _two_versions_of_fingerprints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FINGERPRINTERS, 2, LaterFingerprinter)


@pytest.mark.usefixtures("_two_versions_of_fingerprints")
def test_answers_to_requests_fingerprinted_in_the_old_way_stay_current(project: ProjectFolder) -> None:
    before = files_of(project)
    assert run(project, "test", "--offline", "--case", "ada", "--case", "refund").code == 0
    assert "current" in run(project, "explain", "hello/ada").out
    assert run(project, "run", "--resume", FAILED).code == 0
    assert files_of(project) == before


@pytest.mark.usefixtures("_two_versions_of_fingerprints")
def test_what_is_approved_anew_is_fingerprinted_in_the_new_way(project: ProjectFolder) -> None:
    (project.folder / ADA).unlink()
    assert run(project, "test", "--record", "once", "--update", "all", "--case", "ada").code == 0
    assert (project.folder / ADA).read_text().splitlines()[1].startswith("request: v2:sha256:")
    assert run(project, "test", "--offline", "--case", "ada", "--case", "cy").code == 0


def test_writers_write_the_newest_version() -> None:
    assert max(reader._VERSIONS) == writer.VERSION
