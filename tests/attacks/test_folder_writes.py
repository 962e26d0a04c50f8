"""An untrusted folder: commands that write files write none through a link that leads out of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.commands.review_rules import RuleWriting
from runner.regress.results import PendingEntry
from runner.regress.rules.compare_answers import FieldVerdict
from runner.regress.snapshots.snapshot import Snapshot
from tests.cli.project import ProjectFolder


@pytest.fixture
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("elsewhere")


@pytest.mark.parametrize("link", ["runner.yaml", "prompts", ".github", ".github/workflows", "schemas/editor"])
@pytest.mark.parametrize("dangling", [False, True])
def test_a_starter_is_not_written_through_a_link(
    project: ProjectFolder, elsewhere: Path, link: str, dangling: bool
) -> None:
    place = project.folder / "clone" / link
    place.parent.mkdir(parents=True)
    place.symlink_to(elsewhere / "new" if dangling or link.endswith(".yaml") else elsewhere)
    done = project.run("init", "clone")
    assert (done.code, list(elsewhere.iterdir())) == (2, [])
    assert "a link in the path leads outside the folder" in done.err
    assert [path for path in (project.folder / "clone").rglob("*") if path.is_file()] == []


def test_links_within_the_folder_are_followed(project: ProjectFolder) -> None:
    (project.folder / "clone" / "real").mkdir(parents=True)
    (project.folder / "clone" / "prompts").symlink_to("real")
    assert project.run("init", "clone").code == 0
    assert (project.folder / "clone" / "real" / "sentiment.prompt.yaml").is_file()


def test_the_folder_itself_is_the_users_choice(project: ProjectFolder, elsewhere: Path) -> None:
    (project.folder / "mine").symlink_to(elsewhere)
    assert project.run("init", "mine").code == 0
    assert (elsewhere / "runner.yaml").is_file()


def test_a_manifest_is_not_written_through_a_link(project: ProjectFolder, elsewhere: Path) -> None:
    (project.folder / "pack.yaml").symlink_to(elsewhere / "new")
    assert project.run("pack", "init").code == 2
    assert list(elsewhere.iterdir()) == []


def test_an_archive_is_not_written_through_a_link(project: ProjectFolder, elsewhere: Path) -> None:
    assert project.run("pack", "init", "p").code == 0
    (project.folder / "p" / "dist").symlink_to(elsewhere)
    assert project.run("pack", "build", "p").code == 2
    assert list(elsewhere.iterdir()) == []


def test_a_rule_is_not_written_through_a_link(project: ProjectFolder, elsewhere: Path) -> None:
    theirs = elsewhere / "a.prompt.yaml"
    theirs.write_text("model: m\nmessages: [{role: user, content: hi}]\n")
    before = theirs.read_bytes()
    (project.folder / "prompts").mkdir(exist_ok=True)
    (project.folder / "prompts" / "a.prompt.yaml").symlink_to(theirs)
    entry = PendingEntry(
        "changed", "a", "prompts/a.prompt.yaml", "a", None,
        "prompts/__snapshots__/a/a.snap.yaml", Snapshot("sha256:" + "0" * 64, {}, "x"),
    )  # fmt: skip
    rules = RuleWriting(project.folder)
    said = rules.add(entry, FieldVerdict("$.label", "a", "b", "exact", equal=False)).message
    assert "prompts/a.prompt.yaml cannot be edited safely" in said
    assert (rules.write(), theirs.read_bytes()) == ([], before)
