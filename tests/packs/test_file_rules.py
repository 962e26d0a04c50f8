"""What of a folder is its pack, and what no pack can have."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.packs import file_rules
from runner.packs.file_rules import SourceEntry, included, is_text, path_fault, refusals

OWN = ["pack.yaml", "prompts/a.prompt.yaml"]


def refused(*paths: str, kind: str = "file") -> list[tuple[str | None, str]]:
    entries = [SourceEntry(path) for path in OWN] + [SourceEntry(path, kind=kind) for path in paths]  # type: ignore[arg-type]
    return [(each.path, each.message) for each in refusals(entries)]


def test_data_is_no_fault() -> None:
    assert refused("LICENSE", "README.md", "a/b c.j2", "images/größe.png", "cases/rows.csv", "README") == []


@pytest.mark.parametrize(
    "path",
    [
        ".gitignore",
        ".github/workflows/ci.yml",
        "prompts/.hidden.j2",
        "runner.yaml",
        "packs.lock",
        "packs/other/pack.yaml",
        "dist/acme-1.0.0.tar.gz",
        "schemas/editor/prompt.schema.json",
        "node_modules/x/y.json",
        "env/pyvenv.cfg",
        "env/lib/x.py",
    ],
)
def test_what_is_its_authors_own_is_passed_over(path: str) -> None:
    entries = [SourceEntry(each) for each in (*OWN, "packs.lock", "env/pyvenv.cfg", path)]
    assert [entry.path for entry in included(entries)] == OWN


def test_a_folder_called_packs_is_part_of_it_where_nothing_is_vendored() -> None:
    assert [entry.path for entry in included([SourceEntry("packs/a.j2"), SourceEntry("pack.yaml")])] == [
        "pack.yaml",
        "packs/a.j2",
    ]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("scripts/run.py", "a pack cannot have files of this type"),
        ("hooks/post-checkout", "a pack cannot have files of this type"),
        ("run.sh", "a pack cannot have files of this type"),
        ("__pycache__/x.cpython-311.pyc", "a pack cannot have files of this type"),
        ("sub/pack.yaml", "pack.yaml makes sub a separate project"),
        ("sub/runner.yaml", "runner.yaml makes sub a separate project"),
        ("/etc/a.json", "the path is absolute"),
        ("C:/a.json", "the path is absolute on Windows"),
        ("../a.json", "the path has an empty part, `.` or `..`"),
        ("a/../../b.json", "the path has an empty part, `.` or `..`"),
        ("a//b.json", "the path has an empty part, `.` or `..`"),
        ("./a.json", "the path has an empty part, `.` or `..`"),
        ("a\\b.json", "the path has a character that not every system can store"),
        ("a\nb.json", "the path has a character that not every system can store"),
        ("a\x1b[2Jb.json", "the path has a character that not every system can store"),
        ("ab:c.json", "the path has a character that not every system can store"),
        ("x/" * 99 + "abc.json", "the path is longer than 200 characters"),
        ("a./b.json", "a name in the path begins or ends with a character that Windows drops"),
        ("a /b.json", "a name in the path begins or ends with a character that Windows drops"),
        ("NUL.json", "a name in the path is a reserved device name on Windows"),
        ("com1/a.json", "a name in the path is a reserved device name on Windows"),
        (
            "gro\u0308ße.json",
            "the path is not in Unicode's composed form (NFC), which some systems convert to",
        ),
    ],
)
def test_a_path_that_no_pack_can_have(path: str, told: str) -> None:
    assert refused(path) == [(path, told)]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("link", "a pack cannot have links"),
        ("submodule", "a pack cannot have submodules"),
        ("special", "this is not a regular file"),
    ],
)
def test_only_files_are_data(kind: str, told: str) -> None:
    assert refused("a.json", kind=kind) == [("a.json", told)]


@pytest.mark.parametrize(
    ("one", "other", "named"),
    [
        ("a/Tone.j2", "a/tone.j2", "a/Tone.j2"),
        ("A/x.j2", "a/y.j2", "A"),
        ("straße.j2", "STRASSE.j2", "STRASSE.j2"),
    ],
)
def test_names_that_are_one_on_many_systems(one: str, other: str, named: str) -> None:
    entries = included([SourceEntry(path) for path in (*OWN, one, other)])
    assert [each.message for each in refusals(entries)] == [
        f"on many systems this is the same name as {named}"
    ]


def test_a_file_that_is_there_twice() -> None:
    assert refused("a.json", "a.json") == [("a.json", "this file occurs twice")]


def test_a_pack_has_a_manifest() -> None:
    assert [each.message for each in refusals([SourceEntry("a.json")])] == ["there is no pack.yaml"]


def test_a_pack_has_so_many_files_and_bytes_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_rules, "MAX_FILES", 3)
    monkeypatch.setattr(file_rules, "MAX_BYTES", 2 * 2**20)
    files = [SourceEntry("pack.yaml", 2**20), SourceEntry("a.json", 2**20), SourceEntry("b.json", 0)]
    assert list(refusals(files)) == []
    assert [each.message for each in refusals([*files, SourceEntry("c.json", 1)])] == [
        "a pack may have at most 3 files, but this has 4",
        "a pack may have at most 2 MiB, but this has 2.0",
    ]


@given(st.text("ab./\\: ~\x00Cé-", max_size=12))
def test_no_path_of_a_pack_leaves_its_folder_on_any_system(path: str) -> None:
    if path_fault(path) is not None:
        return
    for kind, root in (
        (PurePosixPath, PurePosixPath("/pack")),
        (PureWindowsPath, PureWindowsPath("C:/pack")),
    ):
        joined = root / kind(path)
        assert joined.is_relative_to(root)
        assert ".." not in joined.parts
        assert joined.relative_to(root).as_posix() == path


@pytest.mark.slow
@given(st.lists(st.text("aAbB/", min_size=1, max_size=5).map(lambda text: f"{text}.j2"), max_size=6))
def test_accepted_paths_stay_apart_where_case_does_not_count(paths: list[str]) -> None:
    entries = included([SourceEntry("pack.yaml"), *map(SourceEntry, paths)])
    if list(refusals(entries)):
        return
    folded = [entry.path.casefold() for entry in entries]
    assert len(set(folded)) == len(folded)
    folders = {path.rpartition("/")[0] for path in folded}
    assert not folders & set(folded)


@pytest.mark.parametrize(
    ("path", "text"), [("a.j2", True), ("LICENSE", True), ("a.PNG", False), ("a.pdf", False)]
)
def test_what_is_text_is_told_by_the_name(path: str, text: bool) -> None:
    assert is_text(path) is text
