"""PackSet in installed distributions: data is read, no code is imported."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from runner.errors import FetchError, PackError
from runner.packs.fetch_python import find_in_distribution
from runner.packs.listing import collect
from runner.packs.tree_hash import Contents

from .support import FILES, write_all

CODE = "raise AssertionError('the code of a distribution was run')\n"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "site"
    place.mkdir()
    monkeypatch.syspath_prepend(str(place))
    return place


def install(site: Path, files: Mapping[str, str], *, recorded: bool = True, entry_points: str = "") -> None:
    """A distribution `acme-prompts` with these files, as pip leaves it."""
    write_all(site, files)
    info = site / "acme_prompts-1.0.0.dist-info"
    write_all(info, {"METADATA": "Metadata-Version: 2.1\nName: acme-prompts\nVersion: 1.0.0\n"})
    names = [*files, "acme_prompts-1.0.0.dist-info/METADATA"] if recorded else []
    write_all(info, {"RECORD": "".join(f"{name},,\n" for name in names)})
    if entry_points:
        write_all(info, {"entry_points.txt": entry_points})


def below(folder: str) -> dict[str, str]:
    return {f"{folder}/{name}": content for name, content in FILES.items()}


def test_the_folder_with_the_manifest_is_the_pack_and_no_code_runs(site: Path) -> None:
    install(site, {"acme_prompts/__init__.py": CODE, **below("acme_prompts/pack")})
    write_all(site, {"acme_prompts/pack/left/by/others.json": "{}"})
    fetched = collect(find_in_distribution("acme-prompts"))
    assert fetched.contents == Contents.of({name: content.encode() for name, content in FILES.items()})
    assert "acme_prompts" not in sys.modules


def test_an_entry_point_names_the_folder_of_an_editable_one(site: Path) -> None:
    points = "[runner.packs]\nsupport = acme_prompts.pack\n"
    install(
        site,
        {"acme_prompts/__init__.py": CODE, **below("acme_prompts/pack")},
        recorded=False,
        entry_points=points,
    )
    assert sorted(collect(find_in_distribution("acme-prompts")).contents.files) == sorted(FILES)
    assert "acme_prompts" not in sys.modules


def test_code_beside_the_data_is_no_part_of_a_pack(site: Path) -> None:
    install(site, {"acme_prompts/__init__.py": CODE, **below("acme_prompts")})
    with pytest.raises(PackError, match=r"__init__\.py: a pack cannot have files of this type"):
        collect(find_in_distribution("acme-prompts"))


@pytest.mark.parametrize(
    ("files", "points", "told"),
    [
        (
            {"acme_prompts/__init__.py": CODE},
            "",
            "the distribution acme-prompts has no pack.yaml in a separate folder",
        ),
        (FILES, "", "the distribution acme-prompts has no pack.yaml in a separate folder"),
        ({**below("one"), **below("two")}, "", "the distribution acme-prompts has several packs: one, two"),
        (
            below("one"),
            "[runner.packs]\na = one\nb = two\n",
            "the distribution acme-prompts declares several packs: one, two",
        ),
        (
            below("one"),
            "[runner.packs]\na = none.pack\n",
            "the distribution acme-prompts has no pack.yaml in none.pack",
        ),
    ],
)
def test_a_distribution_without_one_pack(
    site: Path, files: Mapping[str, str], points: str, told: str
) -> None:
    install(site, files, entry_points=points)
    with pytest.raises(FetchError) as caught:
        find_in_distribution("acme-prompts")
    assert caught.value.message == told


def test_a_distribution_that_is_not_installed(site: Path) -> None:
    with pytest.raises(FetchError, match="the distribution acme-none is not installed") as caught:
        find_in_distribution("acme-none")
    assert caught.value.exit_code == 3
