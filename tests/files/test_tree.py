"""References stay inside the root, and what cannot be read says why."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import Location, MissingFileError
from runner.files.disk import tree as tree_module
from runner.files.disk.tree import DiskTree, MemoryTree, resolve

HERE = Location("prompts/a.prompt.yaml", 3, 7)


def write(root: Path, *files: str) -> None:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(b"x")


def symlink(link: Path, target: Path) -> None:
    try:
        link.symlink_to(target)
    except OSError as error:
        pytest.skip(f"this system does not let tests make links: {error}")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("b.json", "prompts/b.json"),
        ("./b.json", "prompts/b.json"),
        ("../schemas/b.json", "schemas/b.json"),
        ("sub//b.json", "prompts/sub/b.json"),
        ("../prompts/../b.json", "b.json"),
        ("a..b.json", "prompts/a..b.json"),
    ],
)
def test_a_reference_is_relative_to_the_file_that_makes_it(name: str, file: str) -> None:
    assert resolve("prompts/a.prompt.yaml", name, location=HERE) == file


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "the file name is empty"),
        ("  ", "the file name is empty"),
        ("/etc/passwd", "is absolute"),
        ("C:/x", "is absolute"),
        ("c:x", "is absolute"),
        ("a\\b", "contains a backslash"),
        ("a\0b", "contains a NUL character"),
        ("../..", "is outside the project root"),
        ("../../x", "is outside the project root"),
        ("x/../../../y", "is outside the project root"),
    ],
)
def test_a_reference_that_leads_elsewhere_is_refused_where_it_stands(name: str, told: str) -> None:
    with pytest.raises(MissingFileError, match=told) as caught:
        resolve("prompts/a.prompt.yaml", name, location=HERE)
    assert caught.value.location == HERE


@given(st.text("ab./\\: ~"))
def test_no_reference_leaves_the_root(name: str) -> None:
    try:
        file = resolve("prompts/a.prompt.yaml", name, location=HERE)
    except MissingFileError:
        return
    root = Path("/root-of-it").absolute()
    assert Path(os.path.normpath(root / file)).is_relative_to(root)


def test_a_file_is_read_and_named_as_seen_from_the_current_folder(tmp_path: Path) -> None:
    write(tmp_path, "prompts/a.yaml")
    tree = DiskTree(tmp_path, tmp_path / "docs", {"b.yaml": "./b.yaml"})
    assert tree.read("prompts/a.yaml") == b"x"
    assert tree.exists("prompts/a.yaml")
    assert not tree.exists("prompts")
    assert not tree.exists("prompts/b.yaml")
    assert tree.shown("prompts/a.yaml") == str(Path("..", "prompts", "a.yaml"))
    assert tree.shown("b.yaml") == "./b.yaml"


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("schemas/tikcet.json", 'there is no file schemas/tikcet.json (did you mean "ticket.json"?)'),
        ("schemas/TICKET.json", 'there is no file schemas/TICKET.json (did you mean "ticket.json"?)'),
        ("schema/ticket.json", "there is no file schema/ticket.json (there is no folder schema either)"),
        ("schemas/zzz", "there is no file schemas/zzz (a path is relative to the file that names it)"),
    ],
)
@pytest.mark.parametrize("kind", ["disk", "memory"])
def test_a_missing_file_is_reported_where_it_is_named_with_the_likely_one(
    kind: str, file: str, told: str, tmp_path: Path
) -> None:
    write(tmp_path, "schemas/ticket.json")
    if (tmp_path / file).exists():
        pytest.skip("this file system does not tell upper from lower case")
    tree = DiskTree(tmp_path, tmp_path) if kind == "disk" else MemoryTree({"schemas/ticket.json": b""})
    with pytest.raises(MissingFileError) as caught:
        tree.read(file, shown=file, location=HERE)
    assert str(caught.value) == f"{HERE}: {told}"


def test_a_missing_file_that_nobody_names_is_its_own_location(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError) as caught:
        DiskTree(tmp_path, tmp_path).read("a.yaml")
    assert caught.value.location == Location("a.yaml")


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    write(tmp_path, "a/b")
    with pytest.raises(MissingFileError, match="a is a folder"):
        DiskTree(tmp_path, tmp_path).read("a")


def test_a_path_through_a_file_is_a_missing_file(tmp_path: Path) -> None:
    write(tmp_path, "a")
    with pytest.raises(MissingFileError, match="there is no file"):
        DiskTree(tmp_path, tmp_path).read("a/b")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    tree = DiskTree(tmp_path, tmp_path)
    with pytest.raises(MissingFileError, match="not a regular file"):
        tree.read("pipe")
    assert not tree.exists("pipe")
    assert list(tree.files()) == []


def test_a_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"x" * 101)
    (tmp_path / "b").write_bytes(b"x" * 100)
    monkeypatch.setattr(tree_module, "MAX_FILE_BYTES", 100)
    tree = DiskTree(tmp_path, tmp_path)
    assert len(tree.read("b")) == 100
    with pytest.raises(MissingFileError, match="larger than"):
        tree.read("a")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    write(tmp_path, "a")
    (tmp_path / "a").chmod(0)
    with pytest.raises(MissingFileError, match="cannot be read: "):
        DiskTree(tmp_path, tmp_path).read("a")


def test_a_link_out_of_the_root_is_refused_and_one_inside_followed(tmp_path: Path) -> None:
    write(tmp_path, "secret", "project/a")
    symlink(tmp_path / "project" / "out", tmp_path / "secret")
    symlink(tmp_path / "project" / "in", tmp_path / "project" / "a")
    symlink(tmp_path / "project" / "folder", tmp_path)
    symlink(tmp_path / "project" / "loop", tmp_path / "project" / "loop")
    tree = DiskTree(tmp_path / "project", tmp_path)
    assert tree.read("in") == b"x"
    for file in ("out", "folder/secret"):
        assert not tree.exists(file)
        with pytest.raises(MissingFileError, match="leads outside the project root"):
            tree.read(file)
    with pytest.raises(MissingFileError, match="cannot be read"):
        tree.read("loop")
    assert list(tree.files()) == ["a", "in"]


def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
    write(tmp_path, "real/a")
    symlink(tmp_path / "link", tmp_path / "real")
    assert DiskTree(tmp_path / "link", tmp_path).read("a") == b"x"


@pytest.mark.parametrize("file", ["../secret", "a/../../secret"])
def test_a_name_that_was_not_resolved_does_not_leave_the_root_either(file: str, tmp_path: Path) -> None:
    write(tmp_path, "secret", "project/a/b")
    tree = DiskTree(tmp_path / "project", tmp_path)
    assert not tree.exists(file)
    with pytest.raises(MissingFileError, match="leads outside the project root"):
        tree.read(file)


def test_the_files_of_a_folder_come_sorted_and_without_what_is_not_the_projects(tmp_path: Path) -> None:
    write(
        tmp_path,
        "a/b",
        "a.b",
        "a/c/d",
        "a-b",
        ".git/config",
        "venv/pyvenv.cfg",
        "venv/x",
        "x/node_modules/y",
        ".hidden",
    )
    write(tmp_path, "x/packs/p", "packs/q")
    tree = DiskTree(tmp_path)
    assert list(tree.files()) == [".hidden", "a-b", "a.b", "a/b", "a/c/d", "packs/q", "x/packs/p"]
    assert list(tree.files()) == sorted(tree.files())
    write(tmp_path, "packs.lock")
    assert list(tree.files()) == [".hidden", "a-b", "a.b", "a/b", "a/c/d", "packs.lock", "x/packs/p"]


def test_of_hidden_folders_only_the_prompts_of_github_are_searched(tmp_path: Path) -> None:
    write(
        tmp_path,
        ".github/prompts/a",
        ".github/prompts/b/c",
        ".github/prompts/.d/e",
        ".github/CODEOWNERS",
        ".github/workflows/prompts/x",
        ".github/.github/prompts/x",
        ".githubs/prompts/x",
        "sub/.github/prompts/f",
    )
    assert list(DiskTree(tmp_path).files()) == [
        ".github/prompts/a",
        ".github/prompts/b/c",
        "sub/.github/prompts/f",
    ]


def test_a_github_folder_that_is_a_link_is_not_searched(tmp_path: Path) -> None:
    write(tmp_path, "outside/prompts/a", "inside/.github/b")
    (tmp_path / "project").mkdir()
    (tmp_path / "project/.github").symlink_to(tmp_path / "outside")
    (tmp_path / "inside/.github/prompts").symlink_to(tmp_path / "outside/prompts")
    assert list(DiskTree(tmp_path / "project").files()) == []
    assert list(DiskTree(tmp_path / "inside").files()) == []


def test_files_are_looked_for_while_they_are_asked_for(tmp_path: Path) -> None:
    write(tmp_path, "a/1", "b/1")
    files = DiskTree(tmp_path).files()
    assert next(files) == "a/1"
    write(tmp_path, "b/2")
    assert list(files) == ["b/1", "b/2"]


def test_a_folder_that_is_not_there_cannot_be_listed(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="cannot be listed"):
        list(DiskTree(tmp_path / "gone", tmp_path).files())


def test_files_in_memory_are_named_by_their_revision() -> None:
    tree = MemoryTree({"b": b"2", "a/c": b"1"}, prefix="HEAD~1:")
    assert list(tree.files()) == ["a/c", "b"]
    assert tree.read("b") == b"2"
    assert tree.exists("a/c")
    assert not tree.exists("a")
    with pytest.raises(MissingFileError, match=r"^HEAD~1:c: there is no file HEAD~1:c"):
        tree.read("c")
