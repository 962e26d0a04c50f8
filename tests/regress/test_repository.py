"""Git revisions as trees: what they hold, what they leave out, and what is said when git cannot answer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import MissingFileError, UsageError
from runner.files.disk.tree import MAX_FILE_BYTES, DiskTree
from runner.regress.revisions.repository import Repository

from .repository import GitFolder


@pytest.fixture
def git(tmp_path: Path) -> GitFolder:
    return GitFolder(tmp_path / "work")


@pytest.fixture
def repository(git: GitFolder) -> Iterator[Repository]:
    with Repository(git.folder) as repository:
        yield repository


def test_a_revision_keeps_its_files_whatever_happens_to_the_folder(
    git: GitFolder, repository: Repository
) -> None:
    git.write("a.txt", "old\n")
    git.commit()
    git.write("a.txt", "new\n")
    assert repository.tree("HEAD", git.folder).read("a.txt") == b"old\n"


def test_bytes_come_as_they_were_stored(git: GitFolder, repository: Repository) -> None:
    data = {"crlf.txt": b"a\r\nb\r\n", "empty": b"", "binary": bytes(range(256)) * 300, "no end": b"x"}
    for name, content in data.items():
        git.write(name, content)
    git.commit()
    tree = repository.tree("HEAD", git.folder)
    assert {name: tree.read(name) for name in reversed(data)} == data


def test_reading_changes_nothing_in_the_repository(git: GitFolder, repository: Repository) -> None:
    git.write("a.txt", "x")
    git.commit()
    before = {path: path.stat().st_mtime_ns for path in git.folder.rglob("*")}
    tree = repository.tree("HEAD", git.folder)
    assert [tree.read(file) for file in tree.files()] == [b"x"]
    repository.close()
    assert {path: path.stat().st_mtime_ns for path in git.folder.rglob("*")} == before


@pytest.mark.parametrize("rev", ["main", "HEAD", "HEAD~0", "v1", "refs/heads/main", "main@{0}"])
def test_a_commit_has_one_name_however_it_is_called(git: GitFolder, repository: Repository, rev: str) -> None:
    commit = git.commit()
    git.git("tag", "--annotate", "--message", "x", "v1")
    assert repository.commit(rev) == commit


@pytest.mark.parametrize("rev", ["", " ", "-n", "--all", "--output=x", "a\nb", "a\0b"])
def test_what_can_be_no_revision_never_reaches_git(git: GitFolder, repository: Repository, rev: str) -> None:
    git.commit()
    with pytest.raises(UsageError, match="is not a git revision"):
        repository.commit(rev)


@pytest.mark.parametrize(
    ("rev", "hint"),
    [
        ("mian", 'did you mean "main"?'),
        ("feature", 'did you mean "origin/feature"?'),
        ("0123456789abcdef0123456789abcdef01234567", "git fetch"),
        ("main...HEAD", "git merge-base main HEAD"),
        ("HEAD:a.txt", "git fetch"),
        ("HEAD~3", "the history of HEAD has 1 commit"),
        ("main^^", "the history of main has 1 commit"),
    ],
)
def test_an_unknown_revision_is_told_with_what_may_help(
    git: GitFolder, repository: Repository, rev: str, hint: str
) -> None:
    git.write("a.txt", "x")
    git.git("update-ref", "refs/remotes/origin/feature", git.commit())
    with pytest.raises(UsageError, match="there is no revision") as caught:
        repository.commit(rev)
    assert hint in str(caught.value.hint)


def test_a_shallow_clone_is_told_to_fetch_more(git: GitFolder, tmp_path: Path) -> None:
    first = git.commit()
    git.commit()
    git.git("clone", "--quiet", "--depth=1", git.folder.as_uri(), str(tmp_path / "shallow"))
    with Repository(tmp_path / "shallow") as shallow, pytest.raises(UsageError) as caught:
        shallow.commit(first)
    assert "fetch-depth: 0" in str(caught.value.hint)


def test_a_repository_without_commits_is_told_so(repository: Repository) -> None:
    with pytest.raises(UsageError) as caught:
        repository.commit("main")
    assert caught.value.hint == "the repository has no commits yet"


def test_a_folder_outside_of_git_is_a_usage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "plain").mkdir()
    with pytest.raises(UsageError, match="is not in a git repository"):
        Repository(tmp_path / "plain")


def test_without_git_the_message_says_so(git: GitFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(git.folder))
    with pytest.raises(UsageError, match="git is not installed"):
        Repository(git.folder)


def test_a_hook_s_repository_does_not_stand_in_for_the_folder_s(
    git: GitFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = git.commit()
    other = GitFolder(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other.folder / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", "nowhere")
    with Repository(git.folder) as repository:
        assert repository.commit("HEAD") == commit


def test_a_project_in_a_folder_of_the_repository_sees_its_own_files(
    git: GitFolder, repository: Repository
) -> None:
    git.write("top.txt", "x")
    git.write("deep/er/a.txt", "a")
    git.write("deeper/b.txt", "b")
    git.commit()
    tree = repository.tree("main", git.folder / "deep")
    assert list(tree.files()) == ["er/a.txt"]
    assert tree.shown("er/a.txt") == "main:deep/er/a.txt"


def test_a_folder_that_was_not_there_yet_was_empty(git: GitFolder, repository: Repository) -> None:
    git.write("a.txt", "a")
    git.commit()
    (git.folder / "new").mkdir()
    assert list(repository.tree("main", git.folder / "new").files()) == []


def test_a_folder_outside_the_repository_is_refused(git: GitFolder, repository: Repository) -> None:
    git.commit()
    with pytest.raises(UsageError, match="is outside the git repository"):
        repository.tree("main", git.folder.parent)


@pytest.mark.parametrize(
    "name", ["ü/ñ.txt", "a b.txt", 'q"uote.txt', "tab\t.txt", "line\nend.txt", "*.txt", ":(top)x"]
)
def test_names_are_taken_literally(git: GitFolder, repository: Repository, name: str) -> None:
    git.write(name, "x")
    git.commit()
    tree = repository.tree("main", git.folder)
    assert list(tree.files()) == [name]
    assert tree.read(name) == b"x"


def test_links_are_not_followed(git: GitFolder, repository: Repository) -> None:
    git.write("a.txt", "secret")
    (git.folder / "link.txt").symlink_to("a.txt")
    git.commit()
    tree = repository.tree("main", git.folder)
    assert list(tree.files()) == ["a.txt"]
    with pytest.raises(MissingFileError):
        tree.read("link.txt")


def test_submodules_are_not_entered(git: GitFolder, tmp_path: Path, repository: Repository) -> None:
    inner = GitFolder(tmp_path / "inner")
    inner.write("a.txt", "x")
    inner.commit()
    git.git("-c", "protocol.file.allow=always", "submodule", "add", "--quiet", str(inner.folder), "sub")
    git.commit()
    assert list(repository.tree("main", git.folder).files()) == [".gitmodules"]


def test_a_missing_file_is_told_with_its_name_in_git_s_spelling(
    git: GitFolder, repository: Repository
) -> None:
    git.write("schemas/ticket.json", "{}")
    git.commit()
    with pytest.raises(MissingFileError) as caught:
        repository.tree("main", git.folder).read("schemas/tickets.json")
    assert str(caught.value) == (
        'main:schemas/tickets.json: there is no file main:schemas/tickets.json (did you mean "ticket.json"?)'
    )


def test_a_file_too_large_is_refused_and_the_next_one_is_read(git: GitFolder, repository: Repository) -> None:
    git.write("large", bytes(MAX_FILE_BYTES + 1))
    git.write("small", "x")
    git.commit()
    tree = repository.tree("main", git.folder)
    with pytest.raises(MissingFileError, match="larger than 20 MiB"):
        tree.read("large")
    assert tree.read("small") == b"x"


def test_an_object_that_git_does_not_have_is_told(git: GitFolder, repository: Repository) -> None:
    git.write("a.txt", "x")
    git.write("b.txt", "y")
    git.commit()
    name = git.git("rev-parse", "HEAD:a.txt")
    (git.folder / ".git" / "objects" / name[:2] / name[2:]).unlink()
    tree = repository.tree("main", git.folder)
    with pytest.raises(MissingFileError, match=r"git cannot read main:a\.txt"):
        tree.read("a.txt")
    assert tree.read("b.txt") == b"y"


def test_closing_twice_is_harmless_and_reading_starts_anew(git: GitFolder, repository: Repository) -> None:
    git.write("a.txt", "x")
    git.commit()
    tree = repository.tree("main", git.folder)
    assert tree.read("a.txt") == b"x"
    repository.close()
    repository.close()
    assert tree.read("a.txt") == b"x"


FOLDERS = st.sampled_from(["prompts", ".github", ".hidden", "node_modules", "packs", "venv", "a"])
NAMES = st.sampled_from(["a.prompt.yaml", "pyvenv.cfg", "packs.lock", ".dot", "z"])
PATHS = st.builds(lambda folders, name: "/".join([*folders, name]), st.lists(FOLDERS, max_size=3), NAMES)


@given(paths=st.sets(PATHS, min_size=1, max_size=12))
@settings(max_examples=15)
def test_a_revision_lists_the_files_that_the_disk_lists(
    paths: set[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    git = GitFolder(tmp_path_factory.mktemp("tree"))
    for path in paths:
        git.write(path, "x")
    git.commit()
    with Repository(git.folder) as repository:
        listed = list(repository.tree("HEAD", git.folder).files())
    assert listed == list(DiskTree(git.folder, Path(os.curdir)).files())
