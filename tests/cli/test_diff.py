"""`runner diff --base REV` as a person, a pull request and a program see it."""

from __future__ import annotations

import contextlib
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from runner.cli.main import cli
from tests.golden_files import assert_golden
from tests.regress.repository import GitFolder

from .project import Done, ProjectFolder

TRIAGE = """\
name: triage
model: m
inputs: {ticket: {type: string}}
messages:
  - role: system
    content: |-
      You classify support tickets.
      Answer with one word.
      {% include "../shared/tone.txt" %}
  - role: user
    content: "{{ ticket }}"
tests:
"""
CASES = "".join(f"  - {{id: case-{index}, vars: {{ticket: ticket {index}}}}}\n" for index in range(8))
HELLO = "model: m\nmessages: [{role: user, content: Hello}]\n"


def diff(folder: Path, *args: str) -> Done:
    """The command, in this process: starting an interpreter for each call would take most of the time."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(["diff", *args], prog_name="runner")
    return Done(code, out.getvalue(), err.getvalue(), folder)


class GitProject(ProjectFolder):
    """A project whose first commit is `main`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.repository = GitFolder(folder)
        self.write("prompts/triage.prompt.yaml", TRIAGE + CASES)
        self.write("shared/tone.txt", "Be brief.\n")
        self.write("prompts/hello.prompt.yaml", HELLO)
        self.repository.commit()

    def diff(self, *args: str) -> Done:
        return diff(self.folder, *args)

    def changed(self, *args: str) -> list[dict[str, Any]]:
        done = self.diff("--base", "main", "--format", "json", *args)
        assert (done.code, done.err) == (0, "")
        found: list[dict[str, Any]] = json.loads(done.out)
        return found


@pytest.fixture
def git(tmp_path: Path) -> GitProject:
    return GitProject(tmp_path)


def edit_everything(git: GitProject) -> None:
    git.write("shared/tone.txt", "Be kind.\n")
    cases = CASES.replace("id: case-7", "id: last").replace("ticket 3}", "another}")
    git.write("prompts/triage.prompt.yaml", TRIAGE.replace("model: m", "model: m\ntemperature: 0") + cases)
    (git.folder / "prompts" / "hello.prompt.yaml").rename(git.folder / "prompts" / "greeting.prompt.yaml")
    git.write("prompts/new.prompt.yaml", HELLO.replace("Hello", "Good bye"))
    git.write("prompts/untested.prompt.yaml", HELLO.replace("Hello", "'{{ name }}'"))


def matches_golden(done: Done, name: str) -> None:
    assert (done.code, done.err) == (0, "")
    shown = re.sub(r"\([0-9a-f]{7}\)", "(0000000)", done.out)
    assert_golden(f"cli/{name}", shown)


def test_nothing_changed_is_said_and_no_failure(git: GitProject) -> None:
    done = git.diff("--base", "main")
    assert (done.code, done.err) == (0, "")
    assert re.fullmatch(r"compared with main \([0-9a-f]{7}\): 9 unchanged\n", done.out)


def test_the_text_tells_changes_by_prompt_and_each_hunk_once(git: GitProject) -> None:
    edit_everything(git)
    matches_golden(git.diff("--base", "main"), "diff.txt")


def test_the_markdown_is_a_comment_for_a_pull_request(git: GitProject) -> None:
    edit_everything(git)
    matches_golden(git.diff("--base", "main", "--format", "markdown"), "diff.md")


def test_the_json_lists_what_differs_and_leaves_out_the_rest(git: GitProject) -> None:
    git.write("prompts/triage.prompt.yaml", TRIAGE + CASES.replace("ticket 3}", "another}"))
    [change] = git.changed()
    fingerprints = change.pop("fingerprint")
    assert change == {
        "prompt": "triage",
        "file": "prompts/triage.prompt.yaml",
        "case": "case-3",
        "variant": None,
        "change": "changed",
        "parts": ["messages"],
        "note": None,
        "from": None,
    }
    assert all(value.startswith("sha256:") for value in fingerprints.values())
    assert fingerprints["before"] != fingerprints["after"]


def test_the_json_names_where_a_request_has_moved_from(git: GitProject) -> None:
    (git.folder / "prompts" / "hello.prompt.yaml").rename(git.folder / "hi.prompt.yaml")
    [change] = git.changed()
    assert (change["change"], change["file"]) == ("moved", "hi.prompt.yaml")
    assert change["from"]["file"] == "prompts/hello.prompt.yaml"


@pytest.mark.parametrize("path", ["./prompts/triage.prompt.yaml", "prompts/tri*"])
def test_paths_choose_on_both_sides(git: GitProject, path: str) -> None:
    edit_everything(git)
    assert {change["prompt"] for change in git.changed(path)} == {"triage"}


def test_a_path_that_is_gone_shows_what_was_removed(git: GitProject) -> None:
    (git.folder / "prompts" / "hello.prompt.yaml").unlink()
    [change] = git.changed("prompts/hello.prompt.yaml")
    assert (change["change"], change["fingerprint"]["after"]) == ("removed", None)


def test_a_path_that_never_was_is_a_mistake(git: GitProject) -> None:
    done = git.diff("--base", "main", "prompts/helo.prompt.yaml")
    assert done.code == 2
    assert 'did you mean "prompts/hello.prompt.yaml"?' in done.err


def test_a_path_outside_the_project_is_a_mistake(
    git: GitProject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other") / "x.prompt.yaml"
    other.write_text(HELLO)
    done = git.diff("--base", "main", str(other))
    assert done.code == 2
    assert "is not part of the project" in done.err


def test_a_project_below_the_repository_compares_its_own_part(git: GitProject) -> None:
    git.write("part/runner.yaml", "prompts: ['**/*.prompt.yaml']\n")
    git.write("part/a.prompt.yaml", HELLO)
    git.repository.commit()
    git.write("part/a.prompt.yaml", HELLO.replace("Hello", "Hi"))
    git.write("shared/tone.txt", "not of this project\n")
    done = diff(git.folder / "part", "--base", "HEAD", "--format", "json")
    assert [(change["file"], change["change"]) for change in json.loads(done.out)] == [
        ("a.prompt.yaml", "changed")
    ]


def test_a_broken_base_is_a_change_with_its_reason(git: GitProject) -> None:
    git.write("prompts/hello.prompt.yaml", "model: [\n")
    git.repository.commit()
    git.write("prompts/hello.prompt.yaml", HELLO)
    done = git.diff("--base", "main")
    assert done.code == 0
    assert "1 changed" in done.out
    assert "the base does not render: main:prompts/hello.prompt.yaml:" in done.out


def test_a_broken_prompt_is_an_error_with_its_place(git: GitProject) -> None:
    git.write("prompts/hello.prompt.yaml", HELLO + "temprature: 0\n")
    done = git.diff("--base", "main")
    assert (done.code, done.out) == (2, "")
    assert "prompts/hello.prompt.yaml:3" in done.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--base", "mian"), 'did you mean "main"?'),
        ((), "Missing option '--base'"),
        ((), "--base HEAD: changes that are not committed"),
    ],
)
def test_usage_errors_are_exit_2(git: GitProject, args: tuple[str, ...], said: str) -> None:
    done = git.diff(*args)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_without_a_repository_it_says_so(project: ProjectFolder) -> None:
    project.write("a.prompt.yaml", HELLO)
    done = project.run("diff", "--base", "main", env={"GIT_CEILING_DIRECTORIES": str(project.folder.parent)})
    assert done.code == 2
    assert "is not in a git repository" in done.err


def test_the_working_tree_and_the_repository_are_left_as_they_are(git: GitProject) -> None:
    edit_everything(git)
    before = {path: path.stat().st_mtime_ns for path in git.folder.rglob("*")}
    git.diff("--base", "main")
    assert {path: path.stat().st_mtime_ns for path in git.folder.rglob("*")} == before


def test_colours_come_where_they_are_wished_for(git: GitProject) -> None:
    git.write("prompts/hello.prompt.yaml", HELLO.replace("Hello", "Hi"))
    forced = git.run("diff", "--base", "main", env={"FORCE_COLOR": "1", "NO_COLOR": ""}).out
    assert "\x1b[32m+Hi\x1b[0m" in forced


@pytest.mark.slow
def test_diff_loads_no_http_library(git: GitProject) -> None:
    from .test_startup import modules_after

    loaded = modules_after(git, "diff", "--base", "main")
    assert "runner.regress.revisions.changed_cases" in loaded
    assert (
        loaded & {"httpx", "httpcore", "aiohttp", "http.client", "urllib.request", "xllamacpp", "asyncio"}
        == set()
    )


def test_what_is_recorded_is_not_estimated_again(git: GitProject) -> None:
    from runner.regress.snapshots.snapshot import Snapshot, snapshot_file
    from runner.regress.snapshots.store import SnapshotStore

    git.write("prompts/hello.prompt.yaml", "name: hello\n" + HELLO.replace("Hello", "Hi"))
    [change] = git.changed()
    file = snapshot_file(change["file"], change["prompt"], change["case"])
    SnapshotStore(git.folder).write(file, Snapshot(change["fingerprint"]["after"], {}, "Hi!"))
    done = git.diff("--base", "main")
    assert "every request that differs already has an approved answer" in done.out
