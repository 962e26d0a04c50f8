"""`runner pack sync`, `vendor`, `list` and `remove`: where copies are kept, and how they go."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from .changes import flip
from .support import FILES, Author, Consumer, write_all


def test_a_pack_need_not_be_in_git(author: Author, consumer: Consumer) -> None:
    consumer.add(author, "support", "--no-vendor")
    assert not (consumer.folder / "packs").exists()
    assert "    vendored: false\n" in (consumer.folder / "runner.yaml").read_text()
    assert (consumer.folder / ".runner/.gitignore").read_text().endswith("*\n")
    assert consumer.run("render", "support:triage").code == 0
    shutil.rmtree(consumer.folder / ".runner")
    for command in ("render support:triage", "check", "pack verify"):
        done = consumer.run(*command.split())
        assert done.code == 4
        assert "the pack support is in packs.lock, but its copy in .runner" in done.err
        assert "runner pack sync" in done.err
    assert consumer.run("pack", "sync").code == 0
    assert consumer.run("pack", "verify").code == 0
    (file,) = (consumer.folder / ".runner/packs").glob("*/partials/tone.j2")
    file.write_bytes(b"Be rude.\n")
    done = consumer.run("render", "support:triage")
    assert done.code == 2
    assert "tone.j2: error: the pack support was changed after it was locked" in done.err


def test_vendor_takes_a_pack_into_git(author: Author, consumer: Consumer) -> None:
    consumer.add(author, "support", "--no-vendor")
    shutil.rmtree(author.folder)
    done = consumer.run("pack", "vendor")
    assert (done.code, done.err) == (0, "")
    assert "vendored" not in (consumer.folder / "runner.yaml").read_text()
    assert sorted(consumer.bytes("packs/support")) == sorted(f"packs/support/{name}" for name in FILES)
    shutil.rmtree(consumer.folder / ".runner")
    assert consumer.run("check").code == 0
    assert consumer.run("pack", "verify").code == 0


def test_offline_nothing_is_fetched(project: Consumer) -> None:
    shutil.rmtree(project.folder / "packs" / "support")
    done = project.run("pack", "sync", "--offline")
    assert done.code == 3
    assert "the pack support has no copy here, and --offline fetches nothing" in done.err
    assert not (project.folder / "packs" / "support").exists()


def test_a_vendored_pack_that_leaves_git_leaves_its_folder(project: Consumer, author: Author) -> None:
    text = (project.folder / "runner.yaml").read_text()
    project.write("runner.yaml", f"{text}    vendored: false\n")
    shutil.rmtree(author.folder)
    done = project.run("pack", "verify")
    assert done.code == 4
    assert "but its copy in .runner" in done.err
    assert project.run("pack", "sync", "--offline").code == 0
    assert not (project.folder / "packs").exists()
    assert project.run("pack", "verify").code == 0


def test_remove_takes_a_pack_out_and_says_who_still_uses_it(project: Consumer) -> None:
    project.write("__snapshots__/support/triage/refund.snap.yaml", "mine")
    done = project.run("pack", "remove", "support")
    assert done.code == 0
    assert done.out == "support: removed\n"
    assert 'prompts/own.prompt.yaml:3: error: there is no pack "support" in runner.yaml' in done.err
    assert "your own snapshots of its prompts remain in __snapshots__/support/" in done.err
    assert sorted(project.bytes()) == [
        "__snapshots__/support/triage/refund.snap.yaml",
        "prompts/own.prompt.yaml",
        "runner.yaml",
    ]
    assert (project.folder / "runner.yaml").read_text() == ""


def test_remove_names_the_prompts_that_use_a_pack_also_where_runner_yaml_does(project: Consumer) -> None:
    text = (project.folder / "runner.yaml").read_text()
    project.write("runner.yaml", f'prompts: ["prompts/*.prompt.yaml", "support:*"]\n{text}')
    done = project.run("pack", "remove", "support")
    assert done.code == 0
    assert 'runner.yaml:1:36: error: there is no pack "support" in runner.yaml' in done.err
    assert 'prompts/own.prompt.yaml:3: error: there is no pack "support" in runner.yaml' in done.err


def test_removing_one_pack_leaves_the_others(author: Author, consumer: Consumer) -> None:
    consumer.add(author, "a")
    consumer.add(author, "b")
    assert consumer.run("pack", "remove", "a").code == 0
    assert sorted({path.split("/")[1] for path in consumer.bytes("packs")}) == [".gitattributes", "b"]
    assert consumer.run("pack", "verify").code == 0


def test_a_pack_that_is_not_there_is_told_with_the_likely_one(project: Consumer) -> None:
    for command in (
        "pack remove suport",
        "pack update suport",
        "pack diff suport",
        "pack verify suport",
        "pack vendor suport",
    ):
        done = project.run(*command.split())
        assert done.code == 2
        assert 'there is no pack "suport" in runner.yaml' in done.err
        assert 'did you mean "support"?' in done.err


@pytest.mark.parametrize("command", ["sync", "verify", "lock", "update", "vendor"])
def test_without_packs_there_is_nothing_to_do_and_that_is_no_success(
    command: str, consumer: Consumer
) -> None:
    done = consumer.run("pack", command)
    assert done.code == 5
    assert "there is no pack in runner.yaml" in done.err
    assert consumer.run("pack", "list").code == 0


def test_the_list_says_how_each_pack_stands(project: Consumer, author: Author) -> None:
    def state() -> str:
        [row] = json.loads(project.run("pack", "list", "--json").out)
        return str(row["state"])

    assert state() == "as locked"
    flip(project)
    assert state() == "changed"
    shutil.rmtree(project.folder / "packs" / "support")
    assert state() == "not here"
    project.write("runner.yaml", (project.folder / "runner.yaml").read_text().replace("v1.0.0", "main"))
    assert state() == "locked to another request"
    (project.folder / "packs.lock").unlink()
    assert state() == "not locked"


def test_a_folder_among_the_packs_that_is_none_is_told(project: Consumer) -> None:
    write_all(project.folder / "packs" / "stray", FILES)
    for command in ("pack verify", "pack sync"):
        done = project.run(*command.split())
        assert done.code == 2
        assert f"{Path('packs/stray')}: error: this folder belongs to no pack in runner.yaml" in done.err
    done = project.run("run", "packs/stray/prompts/triage.prompt.yaml", "--dry-run")
    assert done.code == 2
    assert "packs/ is for the packs in runner.yaml, and stray is not one of them" in done.err


def test_several_commands_know_their_way_from_a_folder_below(project: Consumer) -> None:
    inside = Consumer(project.folder / "prompts")
    done = inside.run("pack", "verify")
    assert done.code == 0
    flip(project)
    assert f"{Path('../packs/support/partials/tone.j2')}: error" in inside.run("check").err


def test_no_command_of_packs_ends_in_a_traceback_without_git(
    author: Author, consumer: Consumer, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    done = consumer.run(
        "pack",
        "add",
        "a",
        "--git",
        str(author.folder),
        "--rev",
        "v1.0.0",
        env={"PATH": str(tmp_path / "bin")},
    )
    assert done.code == 3
    assert "git is not installed, or not on the PATH" in done.err


def test_the_help_names_every_command(consumer: Consumer) -> None:
    done = consumer.run("pack", "--help")
    assert done.code == 0
    for name in [
        "init",
        "check",
        "add",
        "lock",
        "sync",
        "update",
        "verify",
        "vendor",
        "list",
        "diff",
        "remove",
        "build",
    ]:
        assert f"  {name} " in done.out


@pytest.mark.parametrize(
    "command", ["pack update --rev main support", "pack sync --offline", "pack vendor", "pack remove support"]
)
def test_nothing_is_written_through_a_link(command: str, project: Consumer, tmp_path: Path) -> None:
    (project.folder / "packs").rename(tmp_path / "elsewhere")
    try:
        (project.folder / "packs").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    except OSError as error:
        pytest.skip(f"this system does not let tests make links: {error}")
    done = project.run(*command.split())
    assert done.code == 2
    assert "packs is a link, and runner does not write through links" in done.err
    assert (tmp_path / "elsewhere" / "support" / "pack.yaml").exists()
