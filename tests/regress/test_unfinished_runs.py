"""Which answers of an unfinished test run are reused: those whose prompt, endpoint, headers and request are the same."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runner.endpoints.connect import Connection
from runner.engine.journal.record import Record
from runner.engine.journal.stored_runs import StoredRun, stored_runs
from runner.engine.plan.job import Job, Unit
from runner.errors import Location
from runner.files.versions import NewerFormatError
from runner.regress.test_attempt import TestAttempt
from tests.engine.journal_lines import ASKED, FILE, line

OTHER = "prompts/other.prompt.yaml"


def unit(
    file: str = FILE,
    *,
    model: str = "m",
    endpoint: str = "fake",
    variant: str | None = None,
    **declared: Any,
) -> Unit:
    prompt = SimpleNamespace(
        path=file,
        tree=None,
        request={"model": model, "messages": []},
        extra_body={},
        document=SimpleNamespace(value=declared),
        template=SimpleNamespace(engine="jinja", whitespace="trim"),
        asserts=(),
        tests=(),
    )
    facts = SimpleNamespace(
        prompt=prompt,
        variant=variant,
        endpoint=SimpleNamespace(name=endpoint, finish_reasons={}),
        dialect=SimpleNamespace(mark=None),
        overrides={},
        asks=None,
    )
    return cast("Unit", facts)


def connections(extra_cache_key: str = "", **others: str) -> Mapping[str, Connection]:
    keys = {"fake": extra_cache_key, "second": "", **others}
    return {
        name: cast("Connection", SimpleNamespace(base_url="http://a/v1", extra_cache_key=key))
        for name, key in keys.items()
    }


def job(case: str = "ada", *, of: Unit | None = None, fingerprint: str = ASKED, sample: int = 0) -> Job:
    facts = SimpleNamespace(
        unit=of or unit(),
        case=SimpleNamespace(id=case, location=Location("rows.jsonl", 1)),
        sample=sample,
        fingerprint=fingerprint,
        fingerprints=lambda: iter((fingerprint,)),
    )
    return cast("Job", facts)


class Project:
    """A project whose only folder is `.runner/`, with the test runs that are made in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.notes: list[str] = []

    def attempt(
        self,
        *units: Unit,
        to: Mapping[str, Connection] | None = None,
        resume: bool = True,
    ) -> TestAttempt:
        return TestAttempt.of(
            units or [unit()], to or connections(), self.root, self.notes.append, resume=resume
        )

    def stopped(self, *records: dict[str, Any], units: Sequence[Unit] = (), **manifest: Any) -> StoredRun:
        """A test run that ended with these records."""
        attempt = self.attempt(*units, resume=False).attempt
        for record in records:
            attempt.journal.append(json.dumps(record).encode() + b"\n")
        facts = {
            "format": 1,
            "status": "killed",
            "started": "2026-11-27T12:00:00+00:00",
            "arguments": {},
            "cwd": ".",
            "prompts": [],
            "models": [],
            "endpoints": {},
            **dict.fromkeys(("done", "passed", "failed", "errors", "prompt_tokens", "completion_tokens"), 0),
            **attempt.facts,
            **manifest,
        }
        attempt.journal.write_manifest({name: value for name, value in facts.items() if value is not None})
        attempt.journal.close()
        self.notes.clear()
        return next(stored_runs(self.root))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def reused(attempt: TestAttempt, *jobs: Job) -> list[str]:
    """The cases of the jobs that are not sent."""
    taken: list[tuple[Job, Sequence[Record]]] = []
    sent = list(attempt.unanswered(iter(jobs), lambda job, records: taken.append((job, records))))
    assert len(sent) + len(taken) == len(jobs)
    assert all(record["case"] == job.case.id for job, records in taken for record in records)
    attempt.attempt.journal.close()
    return [job.case.id for job, _ in taken]


def test_a_first_attempt_sends_everything(project: Project) -> None:
    attempt = project.attempt()
    assert attempt.attempt.facts["command"] == "test"
    assert reused(attempt, job()) == []
    assert project.notes == []


@pytest.mark.parametrize("status", ["killed", "interrupted", "stopped", "failed", "running"])
def test_the_answers_of_an_unfinished_test_run_are_reused(project: Project, status: str) -> None:
    run = project.stopped(line("ada"), line("bob"), status=status)
    attempt = project.attempt()
    assert attempt.attempt.journal.id == run.id
    assert project.notes == [f"resuming the test run {run.id}: 2 of its answers had arrived"]
    assert reused(attempt, job("ada"), job("cy"), job("bob")) == ["ada", "bob"]


def test_a_complete_test_run_is_not_resumed(project: Project) -> None:
    run = project.stopped(line("ada"), status="complete")
    attempt = project.attempt()
    assert attempt.attempt.journal.id != run.id
    assert reused(attempt, job("ada")) == []
    assert project.notes == []


def test_what_asks_for_everything_resumes_nothing(project: Project) -> None:
    run = project.stopped(line("ada"))
    attempt = project.attempt(resume=False)
    assert attempt.attempt.journal.id != run.id
    assert reused(attempt, job("ada")) == []


@pytest.mark.parametrize(
    "request_of",
    [
        job("ada", fingerprint="sha256:" + "f" * 64),
        job("ada", sample=1),
        job("ada", of=unit(variant="v")),
        job("ada", of=unit(OTHER)),
    ],
    ids=["another request", "another sample", "another variant", "another prompt"],
)
def test_another_request_is_sent(project: Project, request_of: Job) -> None:
    project.stopped(line("ada"))
    assert reused(project.attempt(unit(), unit(variant="v"), unit(OTHER)), request_of) == []


@pytest.mark.parametrize(
    "changed",
    [unit(model="another"), unit(tests=[{"id": "ada"}]), unit(**{"assert": [{"type": "contains"}]})],
    ids=["the model", "the tests", "the assertions"],
)
def test_the_answers_of_a_prompt_that_changed_are_not_reused(project: Project, changed: Unit) -> None:
    units = [unit(), unit(OTHER)]
    project.stopped(line("ada"), line("bob", file=OTHER), units=units)
    attempt = project.attempt(changed, unit(OTHER))
    assert attempt.unchanged == {OTHER}
    assert reused(attempt, job("ada", of=changed), job("bob", of=unit(OTHER))) == ["bob"]


def test_the_answers_to_other_headers_are_not_reused(project: Project) -> None:
    units = [unit(), unit(OTHER, endpoint="second")]
    project.stopped(line("ada"), line("bob", file=OTHER), units=units)
    attempt = project.attempt(*units, to=connections("X-Team: b"))
    assert reused(attempt, job("ada"), job("bob", of=units[1])) == ["bob"]


def test_an_answer_out_of_which_a_key_was_cut_is_not_reused(project: Project) -> None:
    project.stopped(line("ada", text="it is [key]"), line("bob", text="it is [kee]"))
    assert reused(project.attempt(), job("ada"), job("bob")) == ["bob"]


def test_a_record_has_the_path_of_its_prompt_from_the_current_folder(project: Project) -> None:
    project.stopped(line("ada", file="other/path.yaml"), files={"other/path.yaml": FILE})
    taken: list[Record] = []
    attempt = project.attempt()
    assert list(attempt.unanswered(iter([job("ada")]), lambda _, records: taken.extend(records))) == []
    assert [record["file"] for record in taken] == [FILE]
    attempt.attempt.journal.close()


def test_only_the_newest_test_run_is_resumed(project: Project) -> None:
    project.stopped(line("ada"))
    project.stopped(line("bob"))
    assert reused(project.attempt(), job("ada"), job("bob")) == ["bob"]


def test_a_run_of_another_command_is_passed_over(project: Project) -> None:
    project.stopped(line("ada"))
    project.stopped(line("bob"), command="run")
    assert reused(project.attempt(), job("ada"), job("bob")) == ["ada"]


@pytest.mark.parametrize("lacks", ["files", "configuration", "headers"])
def test_a_run_that_lacks_what_is_needed_to_resume_it_is_left_alone(project: Project, lacks: str) -> None:
    run = project.stopped(line("ada"), arguments=None, **{lacks: None})
    attempt = project.attempt()
    assert attempt.attempt.journal.id != run.id
    assert reused(attempt, job("ada")) == []


def test_a_damaged_journal_is_told_and_left_alone(project: Project) -> None:
    run = project.stopped({"no": "record"}, line("ada"))
    before = run.results.read_bytes()
    attempt = project.attempt()
    [note] = project.notes
    assert note.startswith(f"the unfinished test run {run.id} is left alone: ")
    assert "the line is not a record" in note
    assert reused(attempt, job("ada")) == []
    assert run.results.read_bytes() == before


def test_a_test_run_of_a_newer_runner_is_refused_before_anything_is_asked(project: Project) -> None:
    project.stopped(line("ada"), format=2)
    with pytest.raises(NewerFormatError):
        project.attempt()


def test_a_damaged_run_json_is_left_alone(project: Project) -> None:
    run = project.stopped(line("ada"), done="many")
    assert run.status == "damaged"
    assert reused(project.attempt(), job("ada")) == []
