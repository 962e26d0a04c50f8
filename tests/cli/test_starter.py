"""The starter prompts as they are committed: they check clean, and their approved answers hold, offline."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from .project import REPOSITORY, ProjectFolder


@pytest.fixture
def starter(tmp_path: Path) -> ProjectFolder:
    """A copy of them, as a fresh clone would have."""
    for name in ("prompts", "schemas"):
        shutil.copytree(REPOSITORY / name, tmp_path / name)
    shutil.copy(REPOSITORY / "runner.yaml", tmp_path)
    return ProjectFolder(tmp_path)


def test_the_starter_prompts_check_clean(starter: ProjectFolder) -> None:
    done = starter.run("check")
    assert (done.code, done.err) == (0, "")


def test_their_approved_answers_hold_offline(starter: ProjectFolder) -> None:
    done = starter.run("test", "--ci")
    assert done.code == 0, done.out
    assert "22 passed" in done.out


def test_the_math_tutor_is_sent_as_the_guide_has_it(starter: ProjectFolder) -> None:
    body = json.loads(starter.run("render", "prompts/math-tutor.prompt.yaml", "--format", "request").out)
    assert list(body) == ["model", "messages", "response_format"]
    assert body["messages"][1] == {"role": "user", "content": "solve 8x + 31 = 2"}
    assert list(body["response_format"]["json_schema"]) == ["name", "strict", "schema"]
    assert list(body["response_format"]["json_schema"]["schema"]["properties"]) == ["steps", "final_answer"]
