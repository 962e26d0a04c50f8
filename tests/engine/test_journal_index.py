"""What a journal says of the jobs of a run: which are done, which are asked again, which make it unusable."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runner.engine.journal.index import JournalIndex, read_results
from runner.engine.journal.record import Record
from runner.engine.plan.job import Job, Unit
from runner.errors import Location, StorageError, UsageError
from runner.files.model import Case
from runner.files.versions import NewerFormatError

from .journal_lines import ASKED, FILE, NAMES, journal, line


def past(folder: Path, *records: dict[str, Any] | bytes) -> JournalIndex:
    return JournalIndex(journal(folder, *records), NAMES)


def unit(variant: str | None = None, **finish_reasons: str) -> Unit:
    return cast(
        "Unit", SimpleNamespace(variant=variant, endpoint=SimpleNamespace(finish_reasons=finish_reasons))
    )


def case(name: str = "ada") -> Case:
    return cast("Case", SimpleNamespace(id=name, location=Location("rows.jsonl", 3)))


def job(name: str = "ada", *, of: Unit | None = None, fingerprint: str = ASKED, sample: int = 0) -> Job:
    facts = SimpleNamespace(
        case=case(name), unit=of or unit(), fingerprints=lambda: iter((fingerprint,)), sample=sample
    )
    return cast("Job", facts)


def done(known: JournalIndex, name: str = "ada", variant: str | None = None, sample: int = 0) -> bool:
    return known.place(unit(variant), FILE, case(name), sample) is not None


def cases(known: JournalIndex) -> list[str]:
    return [record["case"] for record, _, _ in known.records()]


def test_a_run_that_has_no_journal_yet_has_no_past(tmp_path: Path) -> None:
    known = JournalIndex(tmp_path / "results.jsonl", NAMES)
    assert (len(known), known.sound, known.lost, cases(known)) == (0, 0, 0, [])


def test_a_job_is_known_by_its_file_case_variant_and_sample(tmp_path: Path) -> None:
    known = past(tmp_path, line(variant="v", sample=1))
    assert done(known, variant="v", sample=1)
    assert not done(known, "bob", "v", 1)
    assert not done(known, variant="w", sample=1)
    assert not done(known, variant=None, sample=1)
    assert not done(known, variant="v", sample=0)
    assert known.place(unit("v"), "other.prompt.yaml", case(), 1) is None


def test_a_case_whose_name_no_encoding_holds_is_known_as_well(tmp_path: Path) -> None:
    assert done(past(tmp_path, line("half \ud83d")), "half \ud83d")


def test_a_record_is_found_under_the_name_that_the_project_has_for_its_file(tmp_path: Path) -> None:
    known = past(tmp_path, line(file="../shared/x.prompt.yaml"))
    assert known.place(unit(), "x.prompt.yaml", case(), 0) is not None
    assert known.place(unit(), "../shared/x.prompt.yaml", case(), 0) is None


def test_a_file_that_the_run_does_not_know_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"has a record of else\.prompt\.yaml") as caught:
        past(tmp_path, line(file="else.prompt.yaml"))
    assert "do not belong together" in (caught.value.hint or "")


def test_the_place_of_a_job_is_where_its_lines_stand(tmp_path: Path) -> None:
    records = [line("ada"), line("bob", choice=0, choices=2), line("bob", choice=1, choices=2), line("cy")]
    known = past(tmp_path, *records)
    lengths = [len(json.dumps(record)) + 1 for record in records]
    place = known.place(unit(), FILE, case("bob"), 0)
    assert place == (lengths[0], lengths[1] + lengths[2])
    with (tmp_path / "results.jsonl").open("rb") as file:
        assert read_results(file, *place) == records[1:3]
    assert [(offset, length) for _, offset, length in known.records()] == [
        (0, lengths[0]),
        place,
        place,
        (sum(lengths[:3]), lengths[3]),
    ]


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("second", [0, 1])
def test_a_job_is_found_at_any_offset_and_of_any_length(tmp_path: Path, first: int, second: int) -> None:
    """Even ones and odd ones: both are kept in one number."""
    records = [line("ada", text="x" * first), line("bob", text="x" * second), line("cy")]
    known = past(tmp_path, *records)
    lengths = [len(json.dumps(record)) + 1 for record in records]
    assert known.place(unit(), FILE, case("bob"), 0) == (lengths[0], lengths[1])
    assert known.find(job("bob"), FILE) == [records[1]]
    assert [record for record, _, _ in known.records()] == records
    assert [offset for _, offset, _ in known.records()] == [0, lengths[0], lengths[0] + lengths[1]]


def test_a_record_may_have_every_key_that_there_is(tmp_path: Path) -> None:
    whole = (
        dict.fromkeys(Record.__annotations__)
        | line()
        | {"index": 0, "choice": 0, "choices": 1, "tool_calls": []}
    )
    assert past(tmp_path, whole).lost == 0


# --- what is done, and what is asked again -----------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["refused", "truncated", "filtered", "empty", "unparsable", "invalid"])
def test_an_answer_of_any_kind_is_an_answer(tmp_path: Path, outcome: str) -> None:
    ending = {"truncated": "length", "filtered": "content_filter"}.get(outcome, "stop")
    known = past(tmp_path, line(outcome=outcome, passed=False, finish_reason=ending))
    known.visit(job(), FILE, 1)
    assert done(known)


def test_a_case_that_got_no_answer_is_asked_again(tmp_path: Path) -> None:
    known = past(tmp_path, line("ada", outcome="error"), line("bob"))
    assert not done(known)
    assert len(known) == 1
    assert (known.lost, cases(known)) == (0, ["bob"])


def test_an_answer_one_of_whose_choices_is_an_error_is_paid_for_and_not_asked_again(tmp_path: Path) -> None:
    known = past(
        tmp_path,
        line(choice=0, choices=2),
        line(choice=1, choices=2, outcome="error", finish_reason="abort"),
    )
    known.visit(job(), FILE, 1)
    assert done(known)


def test_an_answer_none_of_whose_choices_is_one_is_asked_again(tmp_path: Path) -> None:
    broken = {"outcome": "error", "finish_reason": "abort", "choices": 2}
    assert not done(past(tmp_path, line(choice=0, **broken), line(choice=1, **broken)))


def test_the_later_line_of_a_case_counts(tmp_path: Path) -> None:
    first, second = line(outcome="error"), line(output="late")
    known = past(tmp_path, first, line("bob"), second)
    assert [record for record, _, _ in known.records()] == [line("bob"), second]
    lost = past(tmp_path, second, line("bob"), first)
    assert cases(lost) == ["bob"]


@pytest.mark.parametrize(
    ("outcome", "word", "again"),
    [
        ("ok", "stop", False),
        ("ok", None, False),
        ("tool_call", "tool_calls", False),
        ("ok", "wandered_off", True),
        ("ok", "content_filter", True),
        ("tool_call", "length", True),
        ("truncated", "length", False),
        ("filtered", "content_filter", False),
        ("invalid", "length", False),
        ("invalid", "abort", True),
        ("empty", "pause_turn", True),
        ("invalid", "wandered_off", True),
    ],
)
def test_what_an_older_version_took_for_a_good_end_is_asked_again(
    tmp_path: Path, outcome: str, word: str | None, again: bool
) -> None:
    known = past(tmp_path, line(outcome=outcome, finish_reason=word))
    known.visit(job(), FILE, 1)
    assert done(known) is not again


def test_a_word_that_the_endpoint_declares_by_now_is_no_doubt(tmp_path: Path) -> None:
    known = past(tmp_path, line(finish_reason="wandered_off"))
    known.visit(job(of=unit(wanderedoff="stop")), FILE, 1)
    assert done(known)


def test_one_choice_in_doubt_is_the_whole_job_in_doubt(tmp_path: Path) -> None:
    known = past(tmp_path, line(choice=0, choices=2), line(choice=1, choices=2, finish_reason="wandered_off"))
    known.visit(job(), FILE, 1)
    assert not done(known)


def test_a_later_answer_without_a_doubt_settles_it(tmp_path: Path) -> None:
    known = past(tmp_path, line(finish_reason="wandered_off"), line())
    known.visit(job(), FILE, 1)
    assert done(known)


def test_a_doubt_about_one_job_is_none_about_the_next(tmp_path: Path) -> None:
    known = past(tmp_path, line(finish_reason="wandered_off"), line(sample=1))
    known.visit(job(), FILE, 2)
    assert (done(known), done(known, sample=1)) == (False, True)


# --- held against what would be sent now ---------------------------------------------------------------------------------


def test_every_sample_is_held_against_what_would_be_sent_now(tmp_path: Path) -> None:
    known = past(tmp_path, line(sample=2, fingerprint="sha256:" + "f" * 64))
    known.visit(job(), FILE, 2)
    with pytest.raises(UsageError) as caught:
        known.visit(job(), FILE, 3)
    assert caught.value.message == (f"the run cannot be resumed: the request of {FILE} case ada has changed")
    assert caught.value.location == Location("rows.jsonl", 3)
    assert "start a new run" in (caught.value.hint or "")


def test_a_doubt_about_one_sample_hides_no_other(tmp_path: Path) -> None:
    known = past(
        tmp_path, line(finish_reason="wandered_off"), line(sample=1, fingerprint="sha256:" + "f" * 64)
    )
    with pytest.raises(UsageError, match="has changed"):
        known.visit(job(), FILE, 2)


def test_a_gap_among_the_samples_hides_no_other(tmp_path: Path) -> None:
    known = past(tmp_path, line(sample=1))
    known.visit(job(), FILE, 2)
    known.refuse_unknown()


def test_an_answer_whose_case_is_gone_refuses_the_run(tmp_path: Path) -> None:
    known = past(tmp_path, line("bob"), line("ada"), line("cy"))
    known.visit(job("bob"), FILE, 1)
    with pytest.raises(
        UsageError, match="2 of its answers are for cases that no longer exist, such as ada of hello"
    ):
        known.refuse_unknown()


def test_two_shards_that_did_the_same_job_share_it(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, other = past(tmp_path / "a", line("ada"), line("bob")), past(tmp_path / "b", line("bob"), line("cy"))
    assert (one.shared_with(other), one.shared_with(one)) == (1, 2)


def test_an_answer_is_found_for_the_very_request_that_it_was_given_to(tmp_path: Path) -> None:
    known = past(
        tmp_path,
        line("ada"),
        line("bob", finish_reason="wandered_off"),
        line("cy", outcome="error"),
        line("ada", sample=1),
    )
    assert known.find(job(), FILE) == [line("ada")]
    assert known.find(job(sample=1), FILE) == [line("ada", sample=1)]
    assert known.find(job(sample=2), FILE) is None
    assert known.find(job(fingerprint="sha256:" + "f" * 64), FILE) is None
    assert known.find(job(), "other.prompt.yaml") is None
    assert known.find(job("bob"), FILE) is None
    assert known.find(job("bob", of=unit(wanderedoff="stop")), FILE) == [
        line("bob", finish_reason="wandered_off")
    ]
    assert known.find(job("cy"), FILE) is None


# --- a journal that is damaged ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "torn",
    [b'{"prompt": "he', json.dumps(line("bob")).encode(), b"[1]\n", b"\xff\n", b"[" * 100_000 + b"\n"],
    ids=["half a line", "no line feed", "no record", "no UTF-8", "deep"],
)
def test_what_is_no_record_at_the_end_is_lost(tmp_path: Path, torn: bytes) -> None:
    known = past(tmp_path, line("ada"), torn)
    assert (known.lost, len(known)) == (len(torn), 1)
    assert known.sound == len(json.dumps(line("ada"))) + 1


def test_a_job_of_which_choices_are_missing_at_the_end_is_lost(tmp_path: Path) -> None:
    half = line("bob", choice=0, choices=2)
    known = past(tmp_path, line("ada"), half)
    assert (known.lost, done(known, "bob")) == (len(json.dumps(half)) + 1, False)


def test_a_job_of_which_all_choices_but_the_first_are_missing_is_damage(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="has 1 of the 2 choices of case ada, but other records follow"):
        past(tmp_path, line(choice=0, choices=2), line("bob"))


@pytest.mark.parametrize(("length", "whole"), [(100, True), (101, False)])
def test_a_case_id_of_more_than_a_hundred_characters_is_told_in_short(
    tmp_path: Path, length: int, whole: bool
) -> None:
    with pytest.raises(StorageError) as caught:
        past(tmp_path, line("c" * length, choice=0, choices=2), line("bob"))
    assert (f"of case {'c' * length}, but" in caught.value.message) is whole


@pytest.mark.parametrize("key", ["file", "case", "variant", "sample"])
def test_a_job_of_which_choices_are_missing_in_the_middle_is_damage(tmp_path: Path, key: str) -> None:
    other = {"file": "../shared/x.prompt.yaml", "case": "bob", "variant": "v", "sample": 1}[key]
    one = line(choice=0, choices=3)
    with pytest.raises(
        StorageError, match="has 2 of the 3 choices of case ada, but other records follow"
    ) as caught:
        past(tmp_path, one, one, one | {key: other})
    assert "run again" in (caught.value.hint or "")


def test_damage_before_whole_records_is_told_with_the_first_line_of_it(tmp_path: Path) -> None:
    with pytest.raises(
        StorageError, match=r"results\.jsonl:2: the line is not a record, but records follow it"
    ):
        past(tmp_path, line("ada"), b"{}\n", b"nonsense\n", line("bob"))


WRONG: dict[str, list[Any]] = {
    **{name: [None, 7] for name in ("prompt", "file", "case", "outcome", "model")},
    **{name: [7, []] for name in ("variant", "text", "detail", "served_model", "finish_reason")},
    **{name: [None, 0] for name in ("passed", "cached")},
    **{name: [None, "0", 1.0, True] for name in ("sample", "attempts", "choice", "choices", "index")},
    **{name: ["0", []] for name in ("cost", "latency_ms")},
    **{name: ["", []] for name in ("error", "usage")},
    "checks": [None, {}],
    "vars": [None, []],
    "fingerprint": [None, 7, "sha256:ab", "sha256:" + "G" * 64, ASKED + "0", "x" + ASKED],
    "of another program": [1],
}


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in WRONG.items() for value in values]
)
def test_a_record_with_a_value_of_another_kind_is_none(tmp_path: Path, key: str, value: Any) -> None:
    known = past(tmp_path, line("ada"), line("bob") | {key: value})
    assert known.lost == len(json.dumps(line("bob") | {key: value})) + 1


@pytest.mark.parametrize("key", line())
def test_a_record_that_lacks_a_key_is_none(tmp_path: Path, key: str) -> None:
    record = line("bob")
    del record[key]
    assert past(tmp_path, line("ada"), record).lost > 0


@pytest.mark.parametrize(
    "changes",
    [
        {"cost": 0.1, "latency_ms": None, "usage": {"prompt_tokens": 1}},
        {"cost": 1, "latency_ms": 7, "variant": "v", "detail": "d", "index": 4},
        {
            "text": None,
            "served_model": None,
            "finish_reason": None,
            "outcome": "error",
            "error": {"code": "x"},
        },
    ],
    ids=str,
)
def test_a_record_with_values_of_its_kinds_is_one(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert past(tmp_path, line("bob") | changes).lost == 0


def test_a_lone_carriage_return_is_white_space(tmp_path: Path) -> None:
    odd = json.dumps(line("bob")).replace(", ", ",\r").encode() + b"\n"
    assert cases(past(tmp_path, line("ada"), odd)) == ["ada", "bob"]


@pytest.mark.parametrize("changes", [{"format": 2, "mood": "fine"}, {"fingerprint": f"v2:{ASKED}"}])
@pytest.mark.parametrize("place", [0, 1])
def test_a_record_of_a_newer_runner_is_told_at_its_line_wherever_it_stands(
    tmp_path: Path, changes: dict[str, Any], place: int
) -> None:
    records = [line(), line(case="bob")]
    records[place] |= changes
    with pytest.raises(NewerFormatError, match=rf"results\.jsonl:{place + 1}: .* written by a newer runner"):
        past(tmp_path, *records)


def test_a_record_may_say_that_it_is_of_the_first_version(tmp_path: Path) -> None:
    assert done(past(tmp_path, line(format=1)))


@pytest.mark.parametrize("output", [True, 1, 1.5, "a", [1], {"a": 1}, None])
def test_an_output_is_any_json_value(tmp_path: Path, output: Any) -> None:
    assert done(past(tmp_path, line(output=output)))


def test_without_names_a_prompt_is_known_by_the_file_in_the_record(tmp_path: Path) -> None:
    known = JournalIndex(journal(tmp_path, line(file="a.yaml")), None)
    assert known.place(unit(), "a.yaml", case(), 0) is not None
    assert known.place(unit(), "b.yaml", case(), 0) is None
