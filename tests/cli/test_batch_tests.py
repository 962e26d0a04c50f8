"""`runner test --live --batch`: nightly checks at the price of batches."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.batch_server import BatchServer

from .asking import KEY
from .project import Done, ProjectFolder
from .test_batch import PROJECT, PROMPT


@pytest.fixture
def service() -> Iterator[BatchServer]:
    with BatchServer() as server:
        yield server


@pytest.fixture
def approved(project: ProjectFolder, service: BatchServer) -> ProjectFolder:
    """A project whose two cases have approved answers."""
    project.write("runner.yaml", PROJECT.format(base_url=service.base_url, more=""))
    project.write("prompts/hello.prompt.yaml", PROMPT)
    assert run(project, "--update", "all").code == 0
    service.online.clear()
    return project


def run(project: ProjectFolder, *args: str) -> Done:
    return project.run("test", *args, env={"FAKE_KEY": KEY})


def live(project: ProjectFolder, *args: str) -> Done:
    return run(project, "--live", "--batch", *args)


def test_every_case_is_asked_in_a_batch_and_compared(approved: ProjectFolder, service: BatchServer) -> None:
    done = live(approved)
    assert done.code == 0, done.err
    assert "submitted batch batch_2: 2 requests" in done.out
    assert service.online == []
    assert {record["batch"] for record in done.records()} == {True}


def test_each_sample_is_a_line(approved: ProjectFolder, service: BatchServer) -> None:
    done = live(approved, "--samples", "3")
    assert done.code == 0, done.err
    assert sorted(service.named().values()) == [3, 3]
    assert set(service.submitted.values()) == {1}


def test_an_answer_that_drifted_is_a_failure(approved: ProjectFolder, service: BatchServer) -> None:
    file = approved.folder / "prompts" / "__snapshots__" / "hello" / "ada.snap.yaml"
    file.write_text(file.read_text().replace("Hello Ada", "Hello Eve"))
    assert live(approved).code == 1


def test_the_same_command_collects_what_an_earlier_one_submitted(
    approved: ProjectFolder, service: BatchServer
) -> None:
    first = live(approved, "--no-wait")
    assert first.code == 3
    assert "1 batch is still in progress" in first.out
    done = live(approved)
    assert done.code == 0, done.err
    assert "resuming the test run" in done.out
    assert len(service.batches) == 1
    assert len(done.records()) == 2


def test_a_finished_check_is_not_repeated_by_the_next_one(
    approved: ProjectFolder, service: BatchServer
) -> None:
    assert live(approved).code == 0
    assert live(approved).code == 0
    assert len(service.batches) == 2, "another night is another batch"


def test_batches_of_other_requests_are_left_alone_and_that_is_said(
    approved: ProjectFolder, service: BatchServer
) -> None:
    live(approved, "--no-wait")
    done = live(approved, "--samples", "2")
    assert done.code == 0, done.err
    assert "have other requests, and are left alone" in done.out
    assert [len(batch.lines) for batch in service.batches.values()] == [2, 4]


def test_an_online_test_does_not_take_over_a_run_with_batches(
    approved: ProjectFolder, service: BatchServer
) -> None:
    live(approved, "--no-wait")
    approved.write("prompts/hello.prompt.yaml", PROMPT.replace("Hello {{", "Hello dear {{"))
    done = run(approved)
    assert "are collected with --batch, and are left alone" in done.out
    assert len(service.online) == 2


def test_a_lost_creation_is_found_by_the_next_command(approved: ProjectFolder, service: BatchServer) -> None:
    live(approved, "--no-wait")
    [folder] = [
        folder
        for folder in (approved.folder / ".runner" / "runs").iterdir()
        if json.loads((folder / "run.json").read_text()).get("batches")
    ]
    manifest = json.loads((folder / "run.json").read_text())
    manifest["batches"][0] |= {"id": None, "state": "submitting"}
    (folder / "run.json").write_text(json.dumps(manifest))
    assert live(approved).code == 0
    assert len(service.batches) == 1


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (("--batch", "--offline"), "--batch sends requests"),
        (("--batch", "--ci"), "--batch sends requests"),
        (("--batch", "--live", "--watch"), "not with --watch"),
        (("--wait", "3h"), "--wait is for --batch"),
        (("--batch", "--live", "--jobs", "2"), "--jobs is for requests that are sent online"),
        (("--batch", "--live", "--endpoint", "local"), "has no batches"),
    ],
)
def test_what_cannot_be_done_in_batches_is_refused(
    approved: ProjectFolder, service: BatchServer, args: tuple[str, ...], why: str
) -> None:
    done = run(approved, *args)
    assert done.code == 2
    assert why in done.err
    assert not service.batches
