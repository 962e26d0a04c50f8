"""What a person reads when something is wrong, and that the way out which it names is one."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runner.errors import RunnerError
from runner.files.project import load_project
from runner.packs.fetch_url import url_fault_of_redirect

from .support import FILES, OWN, Author, Consumer, write_all


def test_a_lock_that_is_lost_is_written_anew_around_the_copy_that_is_here(project: Consumer) -> None:
    before = project.bytes()
    for spoil in (b"", before["packs.lock"][:300]):
        project.write("packs.lock", spoil)
        done = project.run("pack", "lock")
        assert done.code == 2
        assert "or delete the file and run runner pack lock" in done.err
        (project.folder / "packs.lock").unlink()
        done = project.run("pack", "lock")
        assert (done.code, done.err) == (0, "")
        assert project.bytes() == before


def test_a_lock_that_is_lost_overwrites_no_copy_of_another_version(project: Consumer, author: Author) -> None:
    (project.folder / "packs.lock").unlink()
    project.write("packs/support/partials/tone.j2", "mine")
    before = project.bytes()
    done = project.run("pack", "lock")
    assert done.code == 2
    assert "this folder is in the way: there is no pack support in packs.lock" in done.err
    assert project.bytes() == before


@pytest.mark.parametrize("key", ["name", "version"])
def test_a_lock_calls_a_pack_as_it_calls_itself(project: Consumer, key: str) -> None:
    text = (project.folder / "packs.lock").read_text()
    project.write("packs.lock", re.sub(rf"(?m)^    {key}: .*$", f"    {key}: 9.9.9", text))
    for command in ("pack verify", "pack sync", "render support:triage", "check"):
        done = project.run(*command.split())
        assert done.code == 2
        assert f"error: packs.support.{key} is " in done.err
        assert re.match(r"packs\.lock:\d+:", done.err)


def test_check_tells_what_is_wrong_with_the_lock_once(project: Consumer) -> None:
    project.write("packs.lock", "format: 2\npacks: {}\nsomething: new\n")
    done = project.run("check", "support:triage")
    assert done.code == 2
    assert done.err == (
        "packs.lock:1:9: error: packs.lock was written by a newer runner (format 2; this one reads up to 1): upgrade runner\n"
        "  1 | format: 2\n"
        "    |         ^\n"
        "hint: pip install --upgrade prompt-runner\n"
    )


def test_a_repository_of_several_packs_names_their_folders(author: Author, consumer: Consumer) -> None:
    for folder in ("support", "sales"):
        write_all(author.folder / "all" / folder, FILES)
    for name in FILES:
        (author.folder / name).unlink()
    write_all(author.folder, {"setup.py": "", "README.md": ""})
    author.commit()
    author.git("tag", "v2.0.0")
    done = consumer.run("pack", "add", "s", "--git", "../author", "--rev", "v2.0.0")
    assert done.code == 2
    assert done.err == (
        "s@v2.0.0: error: there is no pack.yaml\n"
        "hint: there is one in all/sales, all/support: that folder is the pack (for git, set `subdirectory` to it)\n"
    )


@pytest.mark.parametrize("alias", ["con", "nul", "aux", "prn", "com1", "lpt9"])
def test_no_alias_is_a_device_of_windows(author: Author, consumer: Consumer, alias: str) -> None:
    done = consumer.run("pack", "add", alias, "--path", "../author")
    assert done.code == 2
    assert f'"{alias}" cannot be a key of packs' in done.err
    assert consumer.bytes() == {}


def test_a_copy_is_no_source(project: Consumer) -> None:
    done = project.run("pack", "add", "again", "--path", "packs/support")
    assert done.code == 2
    assert "packs/ is for copies of packs, and a copy cannot be a source" in done.err


def test_add_says_into_which_project_where_that_is_not_this_folder(
    author: Author, consumer: Consumer
) -> None:
    consumer.write("runner.yaml", "version: 1\n")
    (consumer.folder / "deep" / "er").mkdir(parents=True)
    done = Consumer(consumer.folder / "deep" / "er").run(
        "pack", "add", "support", "--git", "../../../author", "--rev", "v1.0.0"
    )
    assert (done.code, done.err) == (0, "note: added to ../../runner.yaml\n")


@pytest.mark.parametrize("settings", [(), ("--no-vendor",)])
def test_the_command_that_test_proposes_names_the_prompt_as_one_can(
    author: Author, consumer: Consumer, settings: tuple[str, ...]
) -> None:
    """A copy outside git cannot be named by its path."""
    consumer.add(author, "support", *settings)
    done = consumer.run("test", "support:*", "--offline")
    assert done.code == 4
    assert "  runner test support:triage --case refund --record new_episodes\n" in done.out
    assert consumer.run("test", "support:triage", "--case", "refund", "--offline").code == 4


def test_render_calls_the_prompts_of_packs_by_their_names(author: Author, consumer: Consumer) -> None:
    consumer.add(author, "support", "--no-vendor")
    consumer.write("prompts/own.prompt.yaml", OWN)
    done = consumer.run("render", "prompts", "support:*")
    assert done.err == "# prompts/own.prompt.yaml one\n# support:triage refund\n"


def test_offline_sync_says_how_the_pack_is_had(project: Consumer) -> None:
    shutil.rmtree(project.folder / "packs" / "support")
    assert (
        "hint: runner pack sync without --offline fetches it" in project.run("pack", "sync", "--offline").err
    )


@pytest.mark.parametrize(
    ("to", "before", "told"),
    [
        ("http://127.0.0.1:8000/a", "https://x.example/a", "is not an https URL"),
        ("http://localhost/a", "https://localhost/a", "is not an https URL"),
        ("http://x.example/a", "http://127.0.0.1/a", "is not an https URL"),
        ("file:///etc/passwd", "http://127.0.0.1/a", "is not a URL"),
        ("https://y.example/a?signature=x", "https://x.example/a", None),
        ("http://127.0.0.1:2/a", "http://127.0.0.1:1/a", None),
    ],
)
def test_no_redirect_leads_from_https_to_http(to: str, before: str, told: str | None) -> None:
    assert url_fault_of_redirect(to, before) == told


def test_the_schema_of_the_project_says_the_same_of_aliases(consumer: Consumer) -> None:
    consumer.write("runner.yaml", "packs: {nul: {path: ../x}}\n")
    with pytest.raises(RunnerError, match='"nul" cannot be a key of packs'):
        load_project(consumer.folder, environ={})


def test_a_project_of_packs_alone_is_told_how_their_prompts_are_named(
    author: Author, consumer: Consumer
) -> None:
    consumer.add(author)
    done = consumer.run("test", "--offline")
    assert done.code == 5
    assert done.err == (
        "error: there is no prompt file in this folder\n"
        "hint: prompts of packs are selected by name: 'support:*'\n"
    )


def test_a_runner_yaml_that_is_no_file_is_told(author: Author, consumer: Consumer) -> None:
    (consumer.folder / "runner.yaml").mkdir()
    done = consumer.run("pack", "add", "support", "--git", "../author", "--rev", "v1.0.0")
    assert done.code == 2
    assert done.err.startswith("runner.yaml: error: it cannot be read: ")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full")
def test_output_to_a_full_disk_is_an_error_and_no_traceback(project: Consumer) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "runner", "pack", "list"],
            cwd=project.folder,
            env=project.environ(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (
        3,
        "error: the output cannot be written: No space left on device\n",
    )


def test_a_commit_that_was_asked_for_is_shown_once(author: Author, consumer: Consumer) -> None:
    commit = author.git("rev-parse", "HEAD")
    consumer.add(author, rev=commit)
    done = consumer.run("pack", "verify")
    assert done.out == f"support: acme-support 1.0.0 ({commit[:12]}): 4 files as locked\n"
