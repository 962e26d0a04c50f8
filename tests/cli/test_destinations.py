"""`--output` is compared with everything the command reads, and refused before anything is sent or created."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.report.run.output import OutputWriter
from tests.faults import FaultServer

from .asking import KEY, run
from .project import Done, ProjectFolder

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\nIDATx\x9cc\x00\x01\x00\x00\x05\x00\x01\r\n-\xb4\x00\x00\x00\x00IEND\xaeB`\x82"
)
FULL = """
name: full
model: gpt-test
inputs: {name: {type: string}}
messages:
  - role: user
    content:
      - {type: text, text: "Hello {{ name }} {% include 'tone.json' %}"}
      - {type: image_url, image_url: {url: picture.png}}
response_format: {type: json_schema, json_schema: {name: s, schema_file: schema.json}}
tests: [{file: cases.jsonl}]
"""


@pytest.fixture
def full(asked: ProjectFolder) -> ProjectFolder:
    asked.write("prompts/full.prompt.yaml", FULL)
    asked.write("prompts/tone.json", "be brief")
    asked.write("prompts/picture.png", PNG)
    asked.write("prompts/schema.json", '{"type": "object"}')
    asked.write("prompts/cases.jsonl", '{"name": "Ada"}\n')
    asked.write("rows.jsonl", '{"name": "Ada"}\n{"name": "Bob"}\n')
    asked.write("rows.csv", "name\nAda\nBob\n")
    asked.write("vars.json", '{"name": "Ada"}')
    asked.write("env.json", "X=1\n")
    asked.write(".git/config.json", "{}")
    return asked


def refused(project: ProjectFolder, server: FaultServer, *args: str) -> Done:
    before = contents(project)
    done = run(project, *args)
    assert (done.code, contents(project), len(server.requests)) == (2, before, 0)
    assert "error: --output" in done.err
    return done


def contents(project: ProjectFolder) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in project.folder.rglob("*") if path.is_file()}


HELLO = "prompts/hello.prompt.yaml"
FULL_FILE = "prompts/full.prompt.yaml"


@pytest.mark.parametrize(
    ("args", "named"),
    [
        ((HELLO, "--input", "rows.jsonl", "--output", "rows.jsonl"), "rows.jsonl"),
        ((HELLO, "--input", "rows.csv", "--output", "rows.csv"), "rows.csv"),
        ((HELLO, "--input", "rows.jsonl", "--output", "./prompts/../rows.jsonl"), "rows.jsonl"),
        ((HELLO, "--vars", "vars.json", "--output", "vars.json"), "vars.json"),
        ((HELLO, "--env-file", "env.json", "--output", "env.json"), "env.json"),
        ((FULL_FILE, "--output", "prompts/cases.jsonl"), "prompts/cases.jsonl"),
        ((FULL_FILE, "--input", "rows.jsonl", "--output", "prompts/cases.jsonl"), "prompts/cases.jsonl"),
        ((FULL_FILE, "--output", "prompts/schema.json"), "prompts/schema.json"),
        ((FULL_FILE, "--output", "prompts/tone.json"), "prompts/tone.json"),
        ((HELLO, "--output", ".runner/x.jsonl"), ".runner"),
        ((HELLO, "--output", ".RUNNER/deeper/x.jsonl"), ".RUNNER"),
        ((HELLO, "--output", ".git/config.json"), ".git"),
        ((HELLO, "--output", ".git/new.json"), ".git"),
        ((HELLO, "--dry-run", "--input", "rows.jsonl", "--output", "rows.jsonl"), "rows.jsonl"),
    ],
)
def test_a_file_that_is_read_is_not_written_over(
    full: ProjectFolder, server: FaultServer, args: tuple[str, ...], named: str
) -> None:
    assert named in refused(full, server, *args).err


LINKS: list[Callable[[Path, Path], None]] = [
    lambda new, old: new.symlink_to(old),
    lambda new, old: new.hardlink_to(old),
]


@pytest.mark.parametrize("link", LINKS, ids=["symbolic", "hard"])
@pytest.mark.parametrize(
    "target",
    [
        "rows.jsonl",
        "prompts/cases.jsonl",
        "prompts/schema.json",
        "prompts/picture.png",
        "prompts/full.prompt.yaml",
        "prompts/hello.prompt.yaml",
        "runner.yaml",
        "packs.lock",
        "prompts/__snapshots__/full/a.snap.yaml",
        ".runner/runs/earlier/results.jsonl",
    ],
)
def test_nor_through_a_link(
    full: ProjectFolder, server: FaultServer, target: str, link: Callable[[Path, Path], None]
) -> None:
    if not (full.folder / target).exists():
        full.write(target, "{}\n" if target != "packs.lock" else "version: 1\npacks: {}\n")
    link(full.folder / "out.jsonl", full.folder / target)
    assert (
        Path(target).name
        in refused(full, server, FULL_FILE, "--input", "rows.jsonl", "--output", "out.jsonl").err
        or ".runner" in target
    )


def test_a_link_to_a_folder_that_is_kept_is_followed(full: ProjectFolder, server: FaultServer) -> None:
    (full.folder / ".runner").mkdir()
    (full.folder / "results").symlink_to(".runner")
    refused(full, server, HELLO, "--output", "results/new.jsonl")


def test_a_link_to_earlier_results_is_written_through(full: ProjectFolder) -> None:
    full.write("2024.jsonl", "")
    (full.folder / "latest.jsonl").symlink_to("2024.jsonl")
    assert run(full, HELLO, "--output", "latest.jsonl").code == 0
    assert len((full.folder / "2024.jsonl").read_text().splitlines()) == 2


def test_a_run_that_goes_on_writes_no_file_that_it_reads(full: ProjectFolder, server: FaultServer) -> None:
    assert run(full, HELLO, "--input", "rows.jsonl", "--output", "out.jsonl").code == 0
    before = contents(full)
    done = run(full, "--resume", "last", "--output", "rows.jsonl")
    assert (done.code, contents(full)) == (2, before)


@pytest.mark.slow
def test_standard_output_and_output_are_not_one_file(full: ProjectFolder, server: FaultServer) -> None:
    with (full.folder / "out.jsonl").open("wb") as out:
        process = full.start(
            "run", HELLO, "--json", "--output", "out.jsonl", env={"FAKE_KEY": KEY}, stdout=out
        )
        _, err = process.communicate(timeout=60)
    assert (process.returncode, len(server.requests)) == (2, 0)
    assert 'error: --output "out.jsonl" is also the file that standard output is written to' in err


@pytest.mark.slow
def test_the_file_that_standard_input_comes_from_is_not_written_over(
    full: ProjectFolder, server: FaultServer
) -> None:
    before = contents(full)
    with (full.folder / "rows.jsonl").open("rb") as rows:
        process = full.start(
            *("run", HELLO, "--input", "-", "--output", "rows.jsonl"), env={"FAKE_KEY": KEY}, stdin=rows
        )
        _, err = process.communicate(timeout=60)
    assert (process.returncode, contents(full), len(server.requests)) == (2, before, 0)
    assert 'error: --output "rows.jsonl" is the file that standard input comes from' in err


def test_the_verdicts_are_not_saved_where_the_summary_goes(full: ProjectFolder) -> None:
    full.write("s.xml", "")
    done = full.run("test", HELLO, "--ci", "--output", "s.xml", env={"GITHUB_STEP_SUMMARY": "s.xml"})
    assert done.code == 2
    assert "GITHUB_STEP_SUMMARY" in done.err


@pytest.mark.parametrize("target", ["prompts/cases.jsonl", "prompts/hello.prompt.yaml", "runner.yaml"])
def test_verdicts_are_saved_over_nothing_of_the_project(full: ProjectFolder, target: str) -> None:
    (full.folder / "out.xml").symlink_to(target)
    before = contents(full)
    done = full.run("test", "--ci", "--output", "out.xml")
    assert (done.code, contents(full)) == (2, before)


def test_merged_results_are_saved_over_no_shard(full: ProjectFolder) -> None:
    for shard in "12":
        run(full, HELLO, "--shard", f"{shard}/2")
    shards = sorted((full.folder / ".runner" / "runs").iterdir())
    for index, shard in enumerate(shards):
        shard.rename(full.folder / f"shard-{index}")
    before = contents(full)
    for output in ("shard-0/results.jsonl", "shard-1/new/../results.jsonl", "shard-0/run.json"):
        done = full.run("merge", "shard-0", "shard-1", "--output", output)
        assert (done.code, contents(full)) == (2, before), output
    assert full.run("merge", "shard-0", "shard-1", "--output", "all.jsonl").code == 0


@pytest.mark.parametrize("output", ["p/pack.yaml", "p/hello.prompt.yaml", ".git/x.tar.gz", "link.tar.gz"])
def test_an_archive_is_written_over_nothing_that_is_in_it(project: ProjectFolder, output: str) -> None:
    project.write("p/hello.prompt.yaml", "model: m\nmessages: [{role: user, content: hi}]\n")
    assert project.run("pack", "init", "p").code == 0
    (project.folder / "link.tar.gz").hardlink_to(project.folder / "p/pack.yaml")
    before = contents(project)
    done = project.run("pack", "build", "p", "--output", output)
    assert (done.code, contents(project)) == (2, before)
    assert f'--output "{output}"' in done.err


@pytest.mark.parametrize("ending", ["jsonl", "json", "csv", "xml"])
def test_two_runs_do_not_write_one_file(full: ProjectFolder, server: FaultServer, ending: str) -> None:
    path = full.folder / f"out.{ending}"
    with OutputWriter(path):
        done = run(full, HELLO, "--output", f"out.{ending}")
        assert (done.code, len(server.requests)) == (2, 0)
        assert f'--output "out.{ending}" is being written by another process' in done.err
    assert run(full, HELLO, "--output", f"out.{ending}").code == 0
    assert [each.name for each in full.folder.iterdir() if each.suffix == ".part"] == []


def test_what_a_killed_run_left_beside_its_output_is_no_obstacle(full: ProjectFolder) -> None:
    full.write(".out.json.part", "half")
    assert run(full, HELLO, "--output", "out.json").code == 0
    assert len(json.loads((full.folder / "out.json").read_text())) == 2
    assert not (full.folder / ".out.json.part").exists()


def test_an_output_may_lie_in_a_project_that_itself_lies_in_git(tmp_path: Path) -> None:
    inner = ProjectFolder(tmp_path / ".git" / "worktree")
    inner.write("a.prompt.yaml", "model: m\nmessages: [{role: user, content: hi}]\n")
    done = inner.run("run", "--dry-run", "--output", "out.jsonl", env={"OPENAI_API_KEY": "x"})
    assert (done.code, [each.name for each in inner.folder.iterdir()]) == (0, ["a.prompt.yaml"])
