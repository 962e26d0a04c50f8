"""Snapshot files that cannot be what they seem: names of devices, merge conflicts, submodules."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import FaultServer, completion

from .project import Done, ProjectFolder

DEVICES = """model: m
messages: [{role: user, content: "hi {{ q }}"}]
tests:
  - {id: con, vars: {q: x}}
  - {id: nul.a, vars: {q: y}}
  - {id: a., vars: {q: z}}
  - {id: console, vars: {q: w}}
"""
CONFLICT = "<<<<<<< HEAD\nrunner_snapshot: 1\n=======\nrunner_snapshot: 1\n>>>>>>> branch\n"


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(completion("fine")) as server:
        yield server


def call(project: ProjectFolder, server: FaultServer, *args: str) -> Done:
    return project.run(*args, env={"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "key-12345678"})


def git(folder: Path, *args: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always")
    subprocess.run(["git", *who, *args], cwd=folder, check=True, capture_output=True)


def test_no_snapshot_has_a_name_that_windows_cannot_store(
    project: ProjectFolder, server: FaultServer
) -> None:
    project.write("aux.prompt.yaml", DEVICES)
    assert call(project, server, "test", "--update", "missing").code == 0
    names = {path.name for path in project.folder.rglob("*.snap.yaml")}
    assert {path.parent.name for path in project.folder.rglob("*.snap.yaml")} == {"_aux"}
    assert "console.snap.yaml" in names
    assert not {name.partition(".")[0] for name in names} & {"con", "nul"}
    assert call(project, server, "test", "--ci").code == 0


def test_a_snapshot_of_before_under_the_name_of_a_device_is_read_and_renamed_when_written(
    project: ProjectFolder, server: FaultServer
) -> None:
    project.write("aux.prompt.yaml", DEVICES)
    call(project, server, "test", "--update", "missing")
    folder = project.folder / "__snapshots__/_aux"
    for device in ("con", "nul.a"):
        (folder / f"_{device}.snap.yaml").rename(folder / f"{device}.snap.yaml")
    folder.rename(folder.with_name("aux"))
    server.requests.clear()
    assert call(project, server, "test", "--ci").code == 0
    assert call(project, server, "prune").out == "0 snapshots without a case\n"
    server.play(completion("other"))
    assert call(project, server, "test", "--live", "--update", "changed").code == 0
    assert not list(project.folder.rglob("con.snap.yaml"))
    assert len(list(project.folder.rglob("*.snap.yaml"))) == 4
    assert call(project, server, "test", "--ci").code == 0


def test_a_conflict_is_called_one_and_is_not_approved_as_a_new_case(
    project: ProjectFolder, server: FaultServer
) -> None:
    project.write("p.prompt.yaml", "model: m\nmessages: [{role: user, content: hi}]\n")
    call(project, server, "test", "--update", "missing")
    [snapshot] = project.folder.rglob("*.snap.yaml")
    snapshot.write_text(CONFLICT)
    done = call(project, server, "test", "--update", "missing", "--no-cache")
    assert done.code == 4
    assert "conflict" in done.out
    assert "the snapshot has a merge conflict" in done.out
    assert "no approved snapshot" not in done.out
    assert snapshot.read_text() == CONFLICT
    [waiting] = json.loads(call(project, server, "pending", "--json").out)
    assert waiting["kind"] == "changed"
    assert call(project, server, "accept", "--all").code == 0
    assert call(project, server, "test", "--ci").code == 0


def test_a_comparison_says_of_a_submodule_that_it_is_not_followed(
    project: ProjectFolder, server: FaultServer, tmp_path: Path
) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    git(inner, "init", "-q", ".")
    (inner / "p.prompt.yaml").write_text("model: m\nmessages: [{role: user, content: hi}]\n")
    git(inner, "add", "-A")
    git(inner, "commit", "-qm", "1")
    outer = ProjectFolder(tmp_path / "outer")
    outer.folder.mkdir()
    git(outer.folder, "init", "-q", ".")
    git(outer.folder, "submodule", "add", str(inner), "sub")
    git(outer.folder, "commit", "-qm", "1")
    for paths in ((), ("sub",), ("sub/p.prompt.yaml",)):
        [change] = json.loads(call(outer, server, "diff", *paths, "--base", "HEAD", "--format", "json").out)
        assert change["change"] == "changed"
        assert "HEAD:sub is a submodule, another repository, and is not followed" in change["note"]
