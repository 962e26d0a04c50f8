"""A renamed or moved prompt keeps its approved answers: nobody is asked, and approving renames the files."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults import FaultServer, completion

from .project import Done, ProjectFolder

PROMPT = """model: m
messages: [{role: user, content: "hi {{ q }}"}]
tests:
  - {id: a, vars: {q: x}}
  - {id: b, vars: {q: y}}
"""


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(completion("fine")) as server:
        yield server


@pytest.fixture
def old(project: ProjectFolder, server: FaultServer) -> ProjectFolder:
    """A committed project with two approved answers."""
    project.write("prompts/old.prompt.yaml", PROMPT)
    project.write(".gitignore", ".runner/\n")
    assert call(project, server, "test", "--update", "missing").code == 0
    git(project, "init", "-q", ".")
    commit(project)
    server.requests.clear()
    return project


def call(project: ProjectFolder, server: FaultServer, *args: str) -> Done:
    return project.run(*args, env={"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "key-12345678"})


def git(project: ProjectFolder, *args: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", *who, *args], cwd=project.folder, check=True, capture_output=True)


def commit(project: ProjectFolder) -> None:
    git(project, "add", "-A")
    git(project, "commit", "-qm", "1")


def snapshots(project: ProjectFolder) -> list[str]:
    return sorted(path.relative_to(project.folder).as_posix() for path in project.folder.rglob("*.snap.yaml"))


def to_new_name(project: ProjectFolder) -> None:
    git(project, "mv", "prompts/old.prompt.yaml", "prompts/new.prompt.yaml")


def to_new_folder(project: ProjectFolder) -> None:
    (project.folder / "deep/er").mkdir(parents=True)
    git(project, "mv", "prompts/old.prompt.yaml", "deep/er/old.prompt.yaml")


def to_new_declared_name(project: ProjectFolder) -> None:
    project.write("prompts/old.prompt.yaml", f"name: greeting\n{PROMPT}")


def with_renamed_cases(project: ProjectFolder) -> None:
    to_new_name(project)
    project.write(
        "prompts/new.prompt.yaml", PROMPT.replace("id: a", "id: first").replace("id: b", "id: second")
    )


def renamed_cases_alone(project: ProjectFolder) -> None:
    project.write(
        "prompts/old.prompt.yaml", PROMPT.replace("id: a", "id: first").replace("id: b", "id: second")
    )


WAYS = [to_new_name, to_new_folder, to_new_declared_name, with_renamed_cases, renamed_cases_alone]


@pytest.mark.parametrize("rename", WAYS)
def test_a_renamed_prompt_is_moved_without_a_call_and_then_green(
    old: ProjectFolder, server: FaultServer, rename: Callable[[ProjectFolder], None]
) -> None:
    before = snapshots(old)
    rename(old)
    tested = call(old, server, "test")
    assert tested.code == 4
    waiting = json.loads(call(old, server, "pending", "--json").out)
    assert [(entry["kind"], entry["moved_from"]) for entry in waiting] == [("moved", file) for file in before]
    assert call(old, server, "accept", "--all").code == 0
    assert call(old, server, "test", "--ci").code == 0
    assert len(snapshots(old)) == 2
    assert not set(snapshots(old)) & set(before)
    assert server.requests == []


def test_diff_and_a_test_against_the_base_agree(old: ProjectFolder, server: FaultServer) -> None:
    to_new_name(old)
    for paths in ((), ("prompts/new.prompt.yaml",)):
        changes = json.loads(call(old, server, "diff", *paths, "--base", "HEAD", "--format", "json").out)
        assert [(change["case"], change["change"]) for change in changes] == [("a", "moved"), ("b", "moved")]
        call(old, server, "test", *paths, "--base", "HEAD", "--record", "new_episodes")
        waiting = json.loads(call(old, server, "pending", "--json").out)
        assert [entry["kind"] for entry in waiting] == ["moved", "moved"]
    assert server.requests == []


@pytest.mark.parametrize(
    "part", [("--case", "a"), ("--shard", "1/2"), ("--shard", "2/2"), ("prompts/new.prompt.yaml",)]
)
def test_a_part_of_the_cases_finds_their_answers_too(
    old: ProjectFolder, server: FaultServer, part: tuple[str, ...]
) -> None:
    to_new_name(old)
    call(old, server, "test", *part)
    kinds = {entry["kind"] for entry in json.loads(call(old, server, "pending", "--json").out)}
    assert kinds <= {"moved"}
    assert server.requests == []


@pytest.mark.parametrize("paths", [(), ("prompts/copy.prompt.yaml",)])
def test_a_copy_takes_nothing_from_the_prompt_it_was_copied_from(
    old: ProjectFolder, server: FaultServer, paths: tuple[str, ...]
) -> None:
    old.write("prompts/copy.prompt.yaml", PROMPT)
    changes = json.loads(call(old, server, "diff", *paths, "--base", "HEAD", "--format", "json").out)
    assert [change["change"] for change in changes] == ["added", "added"]
    call(old, server, "test", *paths, "--base", "HEAD", "--no-cache")
    waiting = json.loads(call(old, server, "pending", "--json").out)
    assert [entry["kind"] for entry in waiting] == ["new", "new"]
    assert len(server.requests) == 2


def test_a_prompt_that_does_not_load_keeps_its_answers(old: ProjectFolder, server: FaultServer) -> None:
    old.write("prompts/old.prompt.yaml", "messages: [\n")
    old.write("prompts/new.prompt.yaml", PROMPT)
    call(old, server, "test", "prompts/new.prompt.yaml", "--no-cache")
    assert {entry["kind"] for entry in json.loads(call(old, server, "pending", "--json").out)} == {"new"}


def test_of_two_answers_without_a_case_none_is_chosen_unless_they_say_the_same(
    old: ProjectFolder, server: FaultServer
) -> None:
    snapshot = old.folder / "prompts/__snapshots__/old/a.snap.yaml"
    to_new_name(old)
    old.write("prompts/new.prompt.yaml", PROMPT.replace("id: a", "id: first"))
    for name in ("one", "two"):
        old.write(f"prompts/__snapshots__/{name}/x.snap.yaml", snapshot.read_bytes())
    moved = call(old, server, "test", "--offline", "--case", "first")
    assert "the same request as" in moved.out
    old.write("prompts/__snapshots__/two/x.snap.yaml", snapshot.read_text().replace("fine", "other"))
    done = call(old, server, "test", "--offline", "--case", "first")
    assert "answer this request, but with different answers" in done.out
    assert done.code == 4


def test_an_answer_that_no_longer_passes_is_a_failure_and_not_moved(
    old: ProjectFolder, server: FaultServer
) -> None:
    to_new_name(old)
    old.write("prompts/new.prompt.yaml", PROMPT + "assert: [{type: contains, value: great}]\n")
    done = call(old, server, "test")
    assert done.code == 1
    assert "the approved answer no longer passes" in done.out


def test_record_all_asks_a_renamed_case_and_compares_with_what_was_approved(
    old: ProjectFolder, server: FaultServer
) -> None:
    to_new_name(old)
    assert call(old, server, "test", "--record", "all").code == 4
    assert len(server.requests) == 2
    server.play(completion("not so fine"))
    assert call(old, server, "test", "--record", "all").code == 1
    assert call(old, server, "accept", "--all").code == 0
    assert call(old, server, "test", "--ci").code == 0
    assert "not so fine" in (old.folder / "prompts/__snapshots__/new/a.snap.yaml").read_text()


def test_prune_keeps_what_a_renamed_case_left(old: ProjectFolder, server: FaultServer) -> None:
    to_new_name(old)
    old.write("prompts/new.prompt.yaml", PROMPT.replace("  - {id: b, vars: {q: y}}\n", ""))
    done = call(old, server, "prune")
    assert "kept prompts/__snapshots__/old/a.snap.yaml: it answers new/a" in done.out
    assert "deleted prompts/__snapshots__/old/b.snap.yaml" in done.out
    assert snapshots(old) == ["prompts/__snapshots__/old/a.snap.yaml"]


def test_variants_keep_their_own_answers(project: ProjectFolder, server: FaultServer) -> None:
    text = PROMPT + "matrix: {temperature: [0, 1]}\n"
    project.write("p.prompt.yaml", text)
    assert call(project, server, "test", "--update", "missing").code == 0
    server.requests.clear()
    (project.folder / "p.prompt.yaml").rename(project.folder / "q.prompt.yaml")
    assert call(project, server, "test", "-u").code == 0
    assert [Path(file).name for file in snapshots(project)] == [
        "a@temperature=0.snap.yaml",
        "a@temperature=1.snap.yaml",
        "b@temperature=0.snap.yaml",
        "b@temperature=1.snap.yaml",
    ]
    assert {Path(file).parent.name for file in snapshots(project)} == {"q"}
    assert server.requests == []
