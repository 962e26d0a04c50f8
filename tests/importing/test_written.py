"""Import whole sources of tools without renderings: the expected results beside them are written by hand."""

from __future__ import annotations

from typing import Any

import pytest

from runner.files.disk.tree import MemoryTree
from runner.files.prompt import load_prompt

from .support import (
    OURS,
    adds_up,
    bodies_of,
    faults_of,
    files_of,
    listed,
    of_repository,
    prompts_of,
    written,
)

KINDS = ("github", "openai-evals", "openai-request", "llm-template", "evals-registry")
RECORDS = [pytest.param(kind, record, id=record["file"]) for kind in KINDS for record in written(kind)]


@pytest.mark.parametrize(("kind", "record"), RECORDS)
def test_the_bodies_are_those_that_are_written_beside_the_source(kind: str, record: dict[str, Any]) -> None:
    found = of_repository(kind, record["file"])
    assert found.refused is None, found.refused
    bodies = {name: bodies_of(found, name, record.get("variables")) for name in prompts_of(found)}
    assert bodies == record["bodies"]


@pytest.mark.parametrize(("kind", "record"), RECORDS)
def test_the_assertions_are_those_that_are_written_beside_the_source(
    kind: str, record: dict[str, Any]
) -> None:
    found = of_repository(kind, record["file"])
    tree = MemoryTree(files_of(found))
    specs: list[Any] = [load_prompt(name, tree).document.value for name in prompts_of(found)]
    asserts = [test.get("assert", []) for spec in specs for test in spec.get("tests", [])]
    assert asserts == record["asserts"]


@pytest.mark.parametrize(("kind", "record"), RECORDS)
def test_what_is_lost_is_what_is_written_beside_the_source(kind: str, record: dict[str, Any]) -> None:
    found = of_repository(kind, record["file"])
    assert [item.code for item in found.lost] == record["lost"]
    assert adds_up(found)
    assert faults_of(found) == []


@pytest.mark.parametrize("file", listed("github"))
def test_a_github_prompt_of_others_is_accounted_for_and_passes_check(file: str) -> None:
    found = of_repository("github", file)
    assert adds_up(found)
    assert faults_of(found) == []
    assert files_of(found) == files_of(of_repository("github", file))


def test_every_source_of_ours_is_written_down_with_what_comes_of_it() -> None:
    kinds = ("promptfoo", "prompty", "dotprompt", *KINDS)
    for kind in kinds:
        folders = {path.name for path in (OURS / kind).iterdir()}
        assert folders == {record["file"].split("/")[1] for record in written(kind)}
        assert len(folders) >= 2
