"""`runner pack lock`, `update` and `diff`: what moves, what that changes, and that it moves whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.packs import file_transaction

from .support import MANIFEST, OWN, PROMPT, SEES_PACKS, Author, Consumer


def test_lock_looks_up_what_is_new_or_changed_and_moves_nothing_else(
    author: Author, consumer: Consumer
) -> None:
    consumer.add(author, "first", rev="main")
    author.release("1.1.0", {"partials/tone.j2": "Be brief.\n"})
    text = (consumer.folder / "runner.yaml").read_text()
    consumer.write("runner.yaml", text + f"  second:\n    git: {author.folder}\n    rev: main\n")
    done = consumer.run("pack", "sync")
    assert done.code == 4
    assert "runner.yaml:5:3: error: the pack second is not in packs.lock" in done.err
    assert "runner pack lock looks it up" in done.err
    assert consumer.run("pack", "lock").code == 0
    tones = {
        alias: (consumer.folder / f"packs/{alias}/partials/tone.j2").read_text()
        for alias in ("first", "second")
    }
    assert tones == {"first": "Be kind.\n", "second": "Be brief.\n"}
    again = consumer.run("pack", "lock")
    assert (again.code, again.out) == (0, "packs.lock is up to date: 2 packs\n")


@pytest.mark.parametrize("command", [*SEES_PACKS, "run support:triage --dry-run"])
def test_a_lock_that_is_not_that_of_runner_yaml_is_told(
    command: str, project: Consumer, author: Author
) -> None:
    author.release("1.1.0", {"partials/tone.j2": "Be brief.\n"})
    text = (project.folder / "runner.yaml").read_text()
    project.write("runner.yaml", text.replace("v1.0.0", "v1.1.0"))
    done = project.run(*command.split())
    assert done.code == 4
    assert "the pack support differs from packs.lock: rev was v1.0.0" in done.err


def test_lock_takes_out_what_nothing_asks_for(project: Consumer) -> None:
    project.write("runner.yaml", "version: 1\n")
    project.write("prompts/own.prompt.yaml", OWN.replace('{% include "support:tone" %}', ""))
    done = project.run("pack", "sync")
    assert done.code == 4
    assert "the pack support is in packs.lock but not in runner.yaml" in done.err
    done = project.run("pack", "lock")
    assert (done.code, done.out) == (0, "support: removed, because runner.yaml no longer has it\n")
    assert sorted(project.bytes()) == ["prompts/own.prompt.yaml", "runner.yaml"]


def test_a_lock_with_a_merge_in_it_is_told_as_such(project: Consumer) -> None:
    lock = (project.folder / "packs.lock").read_text()
    project.write("packs.lock", f"<<<<<<< ours\n{lock}=======\n{lock}>>>>>>> theirs\n")
    done = project.run("pack", "sync")
    assert done.code == 4
    assert "packs.lock:1:1: error: this file has git conflict markers" in done.err


def test_update_moves_to_a_revision_and_shows_what_that_changes(project: Consumer, author: Author) -> None:
    author.release("1.1.0", {"partials/tone.j2": "Be brief.\n", "partials/new.j2": "x\n"})
    looked = project.run("pack", "diff", "support", "--to", "v1.1.0")
    dry = project.run("pack", "update", "support", "--rev", "v1.1.0", "--dry-run")
    before = project.bytes()
    assert (looked.code, dry.code, project.bytes()) == (0, 0, before)
    done = project.run("pack", "update", "support", "--rev", "v1.1.0")
    assert done.code == 0
    assert looked.out == done.out
    assert dry.out == f"{done.out}\nnothing was changed (--dry-run)\n"
    assert "    rev: v1.1.0\n" in (project.folder / "runner.yaml").read_text()
    assert project.run("pack", "verify").code == 0
    assert project.run("check").code == 0
    for line in (
        "  changed  pack.yaml",
        "  added    partials/new.j2",
        "  changed  partials/tone.j2",
        "-Classify. Be kind.",
        "+Classify. Be brief.",
        "-hi Be kind.",
        "+hi Be brief.",
        "affected: prompts/own.prompt.yaml support:triage",
    ):
        assert f"{line}\n" in done.out


def test_a_diff_can_be_read_by_a_program_and_in_a_comment(project: Consumer, author: Author) -> None:
    author.release("1.1.0", {"partials/tone.j2": "Be brief.\n"})
    done = project.run("pack", "diff", "support", "--to", "v1.1.0", "--format", "json")
    assert {(change["prompt"], change["case"], change["change"]) for change in json.loads(done.out)} == {
        ("own", "one", "changed"),
        ("support:triage", "refund", "changed"),
    }
    comment = project.run("pack", "diff", "support", "--to", "v1.1.0", "--format", "markdown").out
    assert comment.startswith("**Requests compared with ")
    assert "+Classify. Be brief." in comment


def test_an_update_that_breaks_prompts_of_the_project_says_which(project: Consumer, author: Author) -> None:
    author.release("2.0.0", {"pack.yaml": MANIFEST.replace("  partials: {tone: partials/tone.j2}\n", "")})
    done = project.run("pack", "update", "support", "--rev", "v2.0.0")
    assert done.code == 0
    assert "  no longer exported: partial tone\n" in done.out
    assert 'prompts/own.prompt.yaml:3: error: the pack support exports no partial "tone"' in done.err
    assert project.run("check").code == 2


def test_what_is_up_to_date_is_said_to_be(project: Consumer) -> None:
    before = project.bytes()
    done = project.run("pack", "update")
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith(": up to date\n")
    assert project.bytes() == before


def test_a_tag_that_is_a_version_is_that_of_its_pack(author: Author, consumer: Consumer) -> None:
    author.git("tag", "v3.0.0")
    done = consumer.run("pack", "add", "support", "--git", str(author.folder), "--rev", "v3.0.0")
    assert done.code == 2
    assert (
        "support@v3.0.0:pack.yaml:3:10: error: pack.yaml has version 1.0.0, but the tag is v3.0.0" in done.err
    )
    assert consumer.bytes() == {}


def broken(author: Author) -> dict[str, str]:
    return {"prompts/triage.prompt.yaml": PROMPT.replace("../partials/tone.j2", "../../../../etc/hostname")}


def test_a_failing_update_leaves_the_old_state_whole(project: Consumer, author: Author) -> None:
    before = project.bytes()
    author.release("1.1.0", broken(author))
    done = project.run("pack", "update", "support", "--rev", "v1.1.0")
    assert done.code == 2
    assert (
        "support@v1.1.0:prompts/triage.prompt.yaml:6: error: ../../../../etc/hostname is outside the pack"
        in done.err
    )
    assert project.bytes() == before
    assert project.run("pack", "verify").code == 0


@pytest.mark.parametrize("call", ["rename", "replace"])
@pytest.mark.parametrize("after", [1, 2, 3])
def test_an_update_that_the_disk_refuses_leaves_the_old_state_whole(
    call: str, after: int, project: Consumer, author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = project.bytes()
    author.release("1.1.0", {"partials/tone.j2": "Be brief.\n"})
    real, calls = getattr(Path, call), []

    def failing(self: Path, target: Path) -> object:
        calls.append(self)
        if len(calls) == after:
            raise OSError(28, "No space left on device", str(self))
        return real(self, target)

    monkeypatch.setattr(file_transaction.Path, call, failing)
    done = project.run("pack", "update", "support", "--rev", "v1.1.0")
    monkeypatch.undo()
    if len(calls) < after:
        assert done.code == 0
        return
    assert done.code == 3
    assert "No space left on device" in done.err
    assert "nothing was changed" in done.err
    assert project.bytes() == before
    assert project.run("pack", "verify").code == 0
