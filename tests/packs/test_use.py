"""Packs in git revisions, in programs, and what using one costs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import runner
from runner.errors import RunnerError
from tests.cli.test_startup import modules_after
from tests.faults import FaultServer
from tests.regress.repository import GitFolder

from .support import Author, Consumer


@pytest.mark.slow
def test_diff_and_base_see_the_packs_of_each_revision(
    user: Consumer, approved: Author, server: FaultServer
) -> None:
    repository = GitFolder(user.folder)
    user.write(
        "mine.prompt.yaml", "model: m\nmessages: [{role: user, content: '{% include \"support:tone\" %}'}]\n"
    )
    repository.commit()
    approved.release("1.1.0", {"partials/tone.j2": "Be brief.\n"})
    assert user.run("pack", "update", "support", "--rev", "v1.1.0").code == 0
    done = user.run("diff", "--base", "HEAD", "--format", "json")
    assert [(each["file"], each["change"]) for each in json.loads(done.out)] == [
        ("mine.prompt.yaml", "changed")
    ]
    for name in ("support:triage", "support:*", "packs/support"):
        done = user.run("diff", "--base", "HEAD", name, "--format", "json")
        assert [(each["file"], each["case"], each["change"]) for each in json.loads(done.out)] == [
            ("support:triage", "refund", "changed")
        ]
    text = user.run("diff", "--base", "HEAD", "support:triage").out
    assert "-Classify. Be kind." in text
    assert "+Classify. Be brief." in text
    user.run("test", "support:triage", "--base", "HEAD", "--update", "all")
    assert len(server.requests) == 1
    repository.commit()
    assert user.run("diff", "--base", "HEAD", "support:triage", "--format", "json").out == "[]\n"


def test_a_pack_that_was_not_there_then_is_added(user: Consumer) -> None:
    repository = GitFolder(user.folder)
    files = user.bytes("packs", "packs.lock")
    text = (user.folder / "runner.yaml").read_text()
    for name in files:
        (user.folder / name).unlink()
    user.write("runner.yaml", text.partition("packs:")[0])
    repository.commit()
    user.write("runner.yaml", text)
    for name, data in files.items():
        user.write(name, data)
    done = user.run("diff", "--base", "HEAD", "support:triage", "--format", "json")
    assert [(each["file"], each["change"]) for each in json.loads(done.out)] == [("support:triage", "added")]


def test_a_program_loads_a_prompt_of_a_pack(
    user: Consumer, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(user.folder)
    prompt = runner.load("support:triage")
    assert prompt.name == "support:triage"
    assert prompt.run(ticket="my money").output == {"label": "refund"}
    monkeypatch.chdir(user.folder.parent)
    assert (
        runner.load("support:triage", project=user.folder).render(ticket="x")[0]["content"]
        == "Classify. Be kind."
    )
    with pytest.raises(RunnerError, match='there is no pack "support"'):
        runner.load("support:triage")
    with pytest.raises(RunnerError, match="project is only for prompts of packs"):
        runner.load(user.folder / "packs/support/prompts/triage.prompt.yaml", project=user.folder)


def test_a_program_gets_no_pack_that_was_changed(user: Consumer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(user.folder)
    path = user.folder / "packs/support/partials/tone.j2"
    path.write_bytes(b"Be rude.\n")
    with pytest.raises(RunnerError, match=r"tone\.j2: the pack support was changed after it was locked"):
        runner.load("support:triage")
    with pytest.raises(RunnerError, match="was changed after it was locked"):
        runner.load("packs/support/prompts/triage.prompt.yaml")


def test_a_file_of_a_pack_that_is_loaded_by_its_path_is_the_packs_prompt(
    user: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(user.folder)
    assert runner.load("packs/support/prompts/triage.prompt.yaml").name == "support:triage"


NETWORK = {
    "httpx",
    "httpcore",
    "aiohttp",
    "http.client",
    "urllib.request",
    "xllamacpp",
    "packaging.licenses",
}
FETCHING = {
    "runner.packs.fetch",
    "runner.packs.fetch_git",
    "runner.packs.fetch_url",
    "runner.packs.installer",
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "args", ["check", "render support:triage", "run support:triage --dry-run", "check support:triage"]
)
def test_using_a_pack_loads_nothing_that_could_fetch_one(args: str, user: Consumer) -> None:
    loaded = modules_after(user, *args.split())
    assert "runner.packs.pack_set" in loaded
    assert loaded & (NETWORK | FETCHING) == set()
    assert args.startswith("run ") or not loaded & {"asyncio", "subprocess"}


@pytest.mark.slow
@pytest.mark.parametrize("args", ["pack verify", "pack list", "pack sync --offline"])
def test_offline_commands_of_packs_load_no_http_library(args: str, user: Consumer) -> None:
    assert modules_after(user, *args.split()) & NETWORK == set()


def test_help_of_packs_loads_nothing_heavy(consumer: Consumer) -> None:
    for args in (("pack", "--help"), ("pack", "add", "--help"), ("--help",)):
        loaded = modules_after(consumer, *args)
        assert (
            loaded & {"httpx", "jinja2", "jsonschema", "yaml", "rich", "asyncio", "runner.packs.pack_set"}
            == set()
        )


def test_a_project_without_packs_reads_no_lock(consumer: Consumer) -> None:
    consumer.write("a.prompt.yaml", "model: m\nmessages: [{role: user, content: hi}]\n")
    consumer.write("packs.lock", "this is no lock: [\n")
    assert consumer.run("render").code == 0
    assert consumer.run("check").code == 2


def test_pytest_leaves_vendored_packs_to_their_authors(
    user: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runner.files.project_root import is_in_vendored_folder

    assert is_in_vendored_folder(user.folder / "packs/support/prompts/triage.prompt.yaml")
    assert not is_in_vendored_folder(user.folder / "prompts/triage.prompt.yaml")
    (user.folder / "packs.lock").unlink()
    assert not is_in_vendored_folder(user.folder / "packs/support/prompts/triage.prompt.yaml")


def test_names_of_packs_are_told_from_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from runner.files.pack_sources import is_reference

    assert all(map(is_reference, ["a:b", "support:triage", "support:*", "s-1:x_y", "c:x"]))
    assert not any(
        map(
            is_reference,
            ["C:\\prompts", "c:/prompts", "c:\\x", "a/b:c", "prompts", "Support:x", "-a:b", ":x"],
        )
    )
    if os.name != "nt":
        monkeypatch.chdir(tmp_path)
        (tmp_path / "a:b.prompt.yaml").write_text("model: m\nmessages: [{role: user, content: hi}]\n")
        assert runner.load("a:b.prompt.yaml").render() == [{"role": "user", "content": "hi"}]
