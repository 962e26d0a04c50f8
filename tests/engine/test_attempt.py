"""An attempt that resumes a run: what it takes over, what it refuses, and what it leaves unchanged when it does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runner.engine.attempt import Attempt, RunAttempt, facts_of
from runner.engine.journal.index import JournalIndex
from runner.engine.journal.side_file import JUDGED, WAITING
from runner.engine.journal.stored_runs import StoredRun
from runner.engine.plan.job import Job, Unit
from runner.engine.plan.plan import Plan, Preflight
from runner.errors import Location, UsageError
from runner.files.model import Case

from .journal_lines import ASKED, FILE, line

SECTION = {FILE: {"model": "m"}}
FACTS: dict[str, Any] = {"files": {FILE: FILE}, "configuration": SECTION}


def stored(root: Path, *records: dict[str, Any] | bytes, **manifest: Any) -> StoredRun:
    """A run that was killed with these records in its journal."""
    attempt = Attempt.begin(FACTS, root)
    for record in records:
        attempt.journal.append(record if isinstance(record, bytes) else json.dumps(record).encode() + b"\n")
    attempt.journal.close()
    return StoredRun(attempt.journal.folder, {"status": "killed", **FACTS, **manifest})


def unit() -> Unit:
    prompt = SimpleNamespace(path=FILE, tree=None)
    return cast(
        "Unit", SimpleNamespace(prompt=prompt, variant=None, endpoint=SimpleNamespace(finish_reasons={}))
    )


def case(name: str) -> Case:
    return cast("Case", SimpleNamespace(id=name, location=Location("rows.jsonl", 3)))


def walk(*names: str, fingerprint: str = ASKED) -> Callable[[Callable[[Job], None]], Preflight]:
    """The walk through a plan of these cases, one job each."""

    def run_preflight(visit: Callable[[Job], None]) -> Preflight:
        for name in names:
            job = SimpleNamespace(
                unit=unit(), case=case(name), sample=0, fingerprints=lambda: iter((fingerprint,))
            )
            visit(cast("Job", job))
        return cast("Preflight", SimpleNamespace(jobs=len(names), records=len(names)))

    return run_preflight


PLAN = cast("Plan", SimpleNamespace(repeat=1))


def resume(
    run: StoredRun, *names: str, fingerprint: str = ASKED, facts: dict[str, Any] | None = None
) -> RunAttempt:
    return RunAttempt.resume(
        run, PLAN, walk(*names, fingerprint=fingerprint), facts or FACTS, run.folder.parents[2]
    )


# --- the journal and the facts ----------------------------------------------------------------------------------------------


def test_a_new_run_has_an_empty_journal_and_its_facts(tmp_path: Path) -> None:
    attempt = Attempt.begin(FACTS, tmp_path)
    assert (attempt.facts, len(attempt.earlier), attempt.journal.size) == (FACTS, 0, 0)
    attempt.journal.close()


def test_a_resumed_run_keeps_when_it_began_and_counts_its_attempts(tmp_path: Path) -> None:
    run = stored(tmp_path, line("ada"), started="2026-11-27T12:00:00+00:00", seconds=7.5, stretches=2, done=1)
    attempt = Attempt.resume(run, FACTS)
    assert attempt.facts == {**FACTS, "started": "2026-11-27T12:00:00+00:00", "seconds": 7.5, "stretches": 3}
    assert (attempt.journal.id, len(attempt.earlier)) == (run.id, 1)
    attempt.journal.close()


def test_the_second_attempt_is_number_two_and_needs_no_earlier_times(tmp_path: Path) -> None:
    attempt = Attempt.resume(stored(tmp_path), FACTS)
    assert attempt.facts == {**FACTS, "stretches": 2}
    attempt.journal.close()


def test_a_prompt_is_known_by_its_path_from_any_folder_that_a_run_was_started_in(tmp_path: Path) -> None:
    run = stored(tmp_path, line("ada", file="../a.yaml"), line("bob"), files={"../a.yaml": FILE})
    attempt = Attempt.resume(run, FACTS)
    assert attempt.facts["files"] == {"../a.yaml": FILE, FILE: FILE}
    assert len(attempt.earlier) == 2
    attempt.journal.close()


def test_a_run_whose_facts_name_no_files_is_resumed_with_those_of_now(tmp_path: Path) -> None:
    run = stored(tmp_path, line("ada"))
    attempt = Attempt.resume(StoredRun(run.folder, {"status": "killed"}), FACTS)
    assert attempt.facts["files"] == FACTS["files"]
    attempt.journal.close()


def test_a_torn_end_is_cut_off_and_a_whole_journal_is_not_touched(tmp_path: Path) -> None:
    run = stored(tmp_path, line("ada"), b'{"prompt": "he')
    sound = len(json.dumps(line("ada"))) + 1
    attempt = Attempt.resume(run, FACTS)
    assert (run.results.stat().st_size, attempt.journal.size) == (sound, sound)
    attempt.journal.close()


def test_a_run_that_is_refused_keeps_every_byte_and_is_free_for_others(tmp_path: Path) -> None:
    run = stored(tmp_path, line("ada"), b'{"prompt": "he')
    before = run.results.read_bytes()

    def refuse(earlier: JournalIndex) -> None:
        assert len(earlier) == 1
        raise UsageError("no")

    with pytest.raises(UsageError, match="no"):
        Attempt.resume(run, FACTS, refuse)
    assert run.results.read_bytes() == before
    Attempt.resume(run, FACTS).journal.close()


def test_a_run_that_is_resumed_is_held(tmp_path: Path) -> None:
    run = stored(tmp_path, line("ada"))
    attempt = Attempt.resume(run, FACTS)
    with pytest.raises(UsageError, match="is still in progress in another process"):
        Attempt.resume(run, FACTS)
    attempt.journal.close()


@pytest.mark.parametrize("fact", ["exported", "batches"])
def test_a_resumed_run_keeps_what_was_exported_and_submitted(tmp_path: Path, fact: str) -> None:
    attempt = Attempt.resume(stored(tmp_path, **{fact: [{"id": "b"}]}), FACTS)
    assert attempt.facts[fact] == [{"id": "b"}]
    attempt.journal.close()


# --- answers that wait for calls --------------------------------------------------------------------------------------------


def beside(run: StoredRun, name: str, *records: dict[str, Any] | bytes) -> Path:
    """Write another file of records beside the results of a run."""
    lines = [each if isinstance(each, bytes) else json.dumps(each).encode() + b"\n" for each in records]
    path = run.folder / name
    path.write_bytes(b"".join(lines))
    return path


def job(name: str) -> Job:
    return cast(
        "Job", SimpleNamespace(unit=unit(), case=case(name), sample=0, fingerprints=lambda: iter((ASKED,)))
    )


def test_an_answer_that_waits_is_held_until_it_is_judged(tmp_path: Path) -> None:
    run = stored(tmp_path)
    beside(run, WAITING, line("ada"))
    attempt = Attempt.resume(run, FACTS)
    held = attempt.held(job("ada"), lambda: FILE)
    assert held is not None
    assert [record["case"] for record in held] == ["ada"]
    assert attempt.held(job("bob"), lambda: FILE) is None
    attempt.journal.close()


def test_a_run_in_which_nothing_waits_holds_nothing(tmp_path: Path) -> None:
    attempt = Attempt.resume(stored(tmp_path, line("ada")), FACTS)
    assert attempt.waiting is None
    assert attempt.held(job("ada"), lambda: pytest.fail("the name is not needed")) is None
    attempt.journal.close()


def test_a_torn_answer_that_waited_is_cut_off_and_a_whole_file_is_not_touched(tmp_path: Path) -> None:
    run = stored(tmp_path)
    path = beside(run, WAITING, line("ada"), b'{"prompt": "he')
    Attempt.resume(run, FACTS).journal.close()
    whole = path.read_bytes()
    assert whole == json.dumps(line("ada")).encode() + b"\n"
    Attempt.resume(run, FACTS).journal.close()
    assert path.read_bytes() == whole


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_a_file_that_was_cut_off_is_closed(tmp_path: Path) -> None:
    run = stored(tmp_path)
    beside(run, WAITING, line("ada"), b'{"prompt": "he')
    before = len(list(Path("/proc/self/fd").iterdir()))
    Attempt.resume(run, FACTS).journal.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_every_answer_and_every_call_was_paid_for_once(tmp_path: Path) -> None:
    called = [{"type": "llm-rubric", "judge": {"cost": 9.0}}]
    run = stored(
        tmp_path,
        line("ada", cost=0.25),
        line("ada", cost=0.5),
        line("bob", cost=1.0, cached=True),
        line(
            "cid", cost=2.0, checks=called
        ),  # the answer is in the file of those that wait, the call in its own
        line("dan", cost=None),
        line("eve", cost=4.0, retries_cost=8.0),
    )
    beside(run, WAITING, line("cid", cost=2.0), line("cid", cost=2.0, cached=True))
    beside(run, JUDGED, line("cid", cost=16.0, checks=called))
    attempt = Attempt.resume(run, FACTS)
    assert list(attempt.payments()) == [0.25, 0.5, 12.0, 2.0, 16.0]
    attempt.journal.close()


def test_a_run_without_calls_has_only_its_answers_to_pay(tmp_path: Path) -> None:
    attempt = Attempt.resume(stored(tmp_path, line("ada", cost=0.25)), FACTS)
    assert list(attempt.payments()) == [0.25]
    attempt.journal.close()


# --- runs of runner run -----------------------------------------------------------------------------------------------------


def test_a_new_run_is_not_done(tmp_path: Path) -> None:
    preflight = cast("Preflight", SimpleNamespace(jobs=0, records=0))
    attempt = RunAttempt.begin(preflight, FACTS, tmp_path)
    assert (attempt.done, attempt.preflight, attempt.root) == (False, preflight, tmp_path)
    assert (attempt.facts, len(attempt.earlier), attempt.skip(lambda *_: None)) == (FACTS, 0, None)
    attempt.journal.close()


@pytest.mark.parametrize(
    ("status", "names", "done"),
    [
        ("complete", ["ada"], True),
        ("complete", ["ada", "bob"], False),
        ("stopped", ["ada"], False),
        ("killed", ["ada"], False),
    ],
)
def test_a_run_is_done_if_it_was_complete_and_every_job_has_its_answer(
    tmp_path: Path, status: str, names: list[str], done: bool
) -> None:
    attempt = resume(stored(tmp_path, line("ada"), status=status), *names)
    assert attempt.done is done
    assert attempt.preflight.jobs == len(names)
    attempt.journal.close()


def test_a_run_without_a_configuration_is_none_of_runner_run(tmp_path: Path) -> None:
    run = stored(tmp_path, configuration=None)
    with pytest.raises(UsageError, match=f"the run {run.id} cannot be resumed: it is not a run of"):
        resume(run)


def test_a_run_with_another_configuration_is_refused_with_what_differs(tmp_path: Path) -> None:
    run = stored(tmp_path, line("ada"))
    changed = {**FACTS, "configuration": {FILE: {"model": "other"}}}
    with pytest.raises(UsageError) as refused:
        resume(run, "ada", facts=changed)
    assert f"{FILE}: model was m, is other" in refused.value.message


def test_a_request_that_changed_refuses_the_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the request of .* case ada has changed"):
        resume(stored(tmp_path, line("ada")), "ada", fingerprint="sha256:" + "f" * 64)


def test_an_answer_whose_case_is_gone_refuses_the_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="1 of its answers are for cases that no longer exist"):
        resume(stored(tmp_path, line("ada"), line("bob")), "ada")


def test_answered_jobs_are_skipped_and_their_places_told(tmp_path: Path) -> None:
    attempt = resume(stored(tmp_path, line("ada"), line("bob")), "ada", "bob", "cy")
    skipped: list[tuple[int, tuple[int, int]]] = []
    skip = attempt.skip(lambda index, place: skipped.append((index, place)))
    assert skip is not None
    names = ["bob", "cy", "ada"]
    assert [skip(unit(), case(name), 0, index) for index, name in enumerate(names)] == [True, False, True]
    length = [len(json.dumps(line(name))) + 1 for name in ("ada", "bob")]
    assert skipped == [(0, (length[0], length[1])), (2, (0, length[0]))]
    assert skip(unit(), case("ada"), 1, 3) is False
    attempt.journal.close()


# --- facts ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cwd", "told"), [("", "."), ("prompts/a", "prompts/a"), ("/elsewhere", "/elsewhere")]
)
def test_the_facts_are_those_that_resuming_and_merging_need(tmp_path: Path, cwd: str, told: str) -> None:
    plan = cast("Plan", SimpleNamespace(shard=None, units=[unit()]))
    assert facts_of(plan, SECTION, {"limit": 3}, tmp_path / cwd, tmp_path) == {
        "arguments": {"limit": 3},
        "cwd": told,
        "shard": None,
        "files": {FILE: FILE},
        "configuration": SECTION,
    }


def test_the_facts_of_a_shard_name_it(tmp_path: Path) -> None:
    plan = cast("Plan", SimpleNamespace(shard="2/3", units=[]))
    assert facts_of(plan, {}, {}, tmp_path, tmp_path)["shard"] == "2/3"
