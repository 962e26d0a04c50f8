"""examples/packs: what its README says is so, and the same from a git repository."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.project import REPOSITORY
from tests.regress.repository import GitFolder

from .support import Consumer

EXAMPLE = REPOSITORY / "examples" / "packs"


@pytest.fixture
def example(tmp_path: Path) -> Path:
    return Path(
        shutil.copytree(EXAMPLE, tmp_path / "packs", ignore=shutil.ignore_patterns(".runner", ".git"))
    )


def test_the_commands_of_its_readme_succeed(example: Path) -> None:
    text = (EXAMPLE / "README.md").read_text().partition("## The same from git")[0]
    commands = re.findall(r"^    (?:cd pack && )?runner (.*?)(?: +#.*)?$", text, re.MULTILINE)
    assert len(commands) == 4
    for command in commands:
        folder = example / ("pack" if command.startswith("pack check") else "app")
        done = Consumer(folder).run(
            *(part.strip('"') for part in re.findall(r'(?:[^\s"]|"[^"]*")+', command))
        )
        assert (done.code, done.err) == (0, ""), command


def test_the_copy_is_the_pack_beside_it(example: Path) -> None:
    app = Consumer(example / "app")
    before = app.bytes("packs", "packs.lock")
    shutil.rmtree(app.folder / "packs" / "support")
    assert app.run("pack", "sync").code == 0
    assert app.bytes("packs", "packs.lock") == before


def test_the_project_uses_a_partial_a_schema_and_a_model_of_its_own(example: Path) -> None:
    app = Consumer(example / "app")
    body = json.loads(app.run("render", "prompts/escalate.prompt.yaml", "--format", "request").out)
    assert body["messages"][0]["content"].endswith(
        "\nBe friendly and brief. Promise nothing that you cannot keep."
    )
    assert list(body["response_format"]["json_schema"]["schema"]["properties"]) == ["category", "urgent"]
    body = json.loads(app.run("render", "support:reply", "--format", "request").out)
    assert body["model"] == "gpt-6-luna"
    text = (app.folder / "runner.yaml").read_text()
    app.write("runner.yaml", re.sub(r"^    model: .*\n", "", text, flags=re.MULTILINE))
    done = app.run("check")
    assert done.code == 2
    assert "support:triage would use gpt-6-sol, which this project denies at runner.yaml:5:3" in done.err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="commands of a POSIX shell")
def test_the_commands_with_git_succeed_as_they_are_pasted(example: Path, tmp_path: Path) -> None:
    text = (EXAMPLE / "README.md").read_text().partition("## The same from git")[2]
    lines = re.findall(r"^    (.*)$", text, re.MULTILINE)
    assert lines[0] == "cp -r .. /tmp/packs && cd /tmp/packs"
    script = "\n".join(lines).replace("/tmp/packs", str(tmp_path / "copy"))
    runner = tmp_path / "bin" / "runner"
    runner.parent.mkdir()
    runner.write_text(f'#!/bin/sh\nexec {sys.executable} -m runner "$@"\n')
    runner.chmod(0o755)
    environ = Consumer(example / "app").environ()
    environ["PATH"] = f"{runner.parent}{os.pathsep}{environ['PATH']}"
    done = subprocess.run(
        ["sh", "-e", "-c", script],
        cwd=example / "app",
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "2 passed, 0 failed" in done.stdout
    assert done.stdout.count("+Be brief. Promise nothing.") == 2
    assert (tmp_path / "copy" / "mine" / "runner.yaml").read_text().endswith("rev: v1.1.0\n")


def test_the_same_from_git(example: Path) -> None:
    pack = GitFolder(example / "pack")
    first = pack.commit()
    pack.git("tag", "v1.0.0")
    (example / "mine").mkdir()
    mine = Consumer(example / "mine")
    assert mine.run("pack", "add", "support", "--git", "../pack", "--rev", "v1.0.0").code == 0
    assert f"    commit: {first}\n" in (mine.folder / "packs.lock").read_text()
    assert mine.run("test", "support:triage", "--offline").code == 0
    # The same bytes as from the folder.
    assert mine.bytes("packs/support") == Consumer(example / "app").bytes("packs/support")
    before = mine.bytes()
    pack.write("partials/tone.j2", "Be brief.\n")
    pack.write("pack.yaml", (pack.folder / "pack.yaml").read_text().replace("1.0.0", "1.1.0"))
    pack.commit()
    pack.git("tag", "v1.1.0")
    looked = mine.run("pack", "diff", "support", "--to", "v1.1.0")
    assert looked.code == 0
    assert "+Be brief." in looked.out
    assert mine.bytes() == before
    assert mine.run("pack", "update", "support", "--rev", "v1.1.0").code == 0
    shutil.rmtree(pack.folder)
    assert mine.run("test", "support:triage", "--offline").code == 0
    stale = mine.run("test", "support:reply", "--offline")
    assert stale.code == 4
    assert "the request changed since it was approved: messages" in stale.out
