from __future__ import annotations

import io
import re
import tracemalloc
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.engine.journal.counters import Counters
from runner.engine.journal.record import Record
from runner.report.run.console_reporter import ConsoleReporter
from runner.report.run.digest import Digest, Next
from runner.report.terminal.reporter import wants_color, wants_live
from runner.report.terminal.terminal_text import cell_width
from tests.golden_files import assert_golden

from .records import RATE_LIMIT, TIMEOUT, WRONG_CATEGORY, errored, failed, record, truncated

LONG = "The caller is angry about a parcel that never came. " * 12
VARIANTS = ("gpt-4o", "gpt-5-mini", "gpt-5-mini+temperature=0.7")

PASSING = [
    record(),
    record(case="parcel", output={"category": "delivery", "confidence": 0.71}, cached=True, attempts=0),
    record(prompt="greet", case="hello", output=None, text=f"Hello!\n\n{LONG}", cost=None),
    record(prompt="greet", case="refuse", output=None, text="I cannot help with that.", outcome="refused"),
]
FAILING = [
    record(),
    failed(case="angry", output={"category": "other", "confidence": 1.4, "summary": LONG}),
    truncated(case="endless"),
    record(
        case="silent", outcome="empty", passed=False, output=None, text="", detail="The answer has no text."
    ),
]
ERRORS = [record(), errored(case="limit"), errored(TIMEOUT, case="slow", attempts=5)]
MATRIX = [
    failed(case=case, variant=variant, cost=0.0004)
    if (row + column) % 3 == 1
    else record(case=case, variant=variant)
    for row, case in enumerate(["refund", "parcel", "angry", "hello", "spam"])
    for column, variant in enumerate(VARIANTS)
]
LARGE = [
    failed(prompt=f"p{number % 3}", case=f"case-{number}")
    if number % 20 == 0
    else record(prompt=f"p{number % 3}", case=f"case-{number}")
    for number in range(600)
]


AFTER = Next(
    results=".runner/runs/20260714T101500Z-3f2a1b/results.jsonl",
    show="runner show",
)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def shown(
    records: Sequence[Record],
    *,
    total: int | None = None,
    step: float = 0.4,
    live: bool = False,
    color: bool = False,
    width: int = 100,
) -> str:
    """What a run with these records prints, one record every `step` seconds."""
    out, clock = io.StringIO(), Clock()
    counters = Counters(total=len(records) if total is None else total)
    with ConsoleReporter(out, live=live, color=color, width=width, environ={}, clock=clock) as reporter:
        reporter.start(counters, title=f"{len(records)} cases · gpt-4o-2024-08-06 · openai")
        for one in records:
            clock.now += step
            counters.add(one)
            reporter.record(one)
            reporter.tick()
        reporter.finish(counters, seconds=clock.now - 100.0, after=AFTER)
    return out.getvalue()


def frames(text: str) -> str:
    """What a live run drew, frame after frame, without the sequences that move the cursor."""
    return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", text).replace("\r", "\n")


@pytest.mark.parametrize(
    ("name", "records"),
    [("passing", PASSING), ("failing", FAILING), ("errors", ERRORS), ("matrix", MATRIX), ("large", LARGE)],
)
@pytest.mark.parametrize("look", ["plain", "live"])
def test_a_run_looks_like_the_golden_one(name: str, records: list[Record], look: str) -> None:
    step = 0.02 if name == "large" else 0.4
    text = shown(records, live=look == "live", step=step)
    assert_golden(f"report/{look}-{name}.txt", frames(text) if look == "live" else text)


@pytest.mark.parametrize(
    "records",
    [PASSING, FAILING, ERRORS, MATRIX, LARGE],
    ids=["passing", "failing", "errors", "matrix", "large"],
)
def test_a_pipe_gets_neither_escapes_nor_carriage_returns_nor_trailing_blanks(records: list[Record]) -> None:
    text = shown(records)
    assert "\x1b" not in text
    assert "\r" not in text
    assert [line for line in text.split("\n") if line != line.rstrip()] == []


def test_a_small_run_in_a_pipe_has_a_line_for_each_record() -> None:
    lines = [line for line in shown(ERRORS).splitlines() if re.match(r"pass |ERROR  triage/\S+  \d", line)]
    assert len(lines) == len(ERRORS)


def test_a_large_run_in_a_pipe_has_a_line_every_few_seconds() -> None:
    lines = [line for line in shown([record()] * 600, step=0.052).splitlines() if "/600" in line]
    assert len(lines) == 6


def test_a_terminal_is_redrawn_at_most_ten_times_a_second() -> None:
    text = shown([record()] * 1000, live=True, step=0.001)
    assert 8 <= text.count("/1,000") <= 12


def test_a_download_takes_the_line_of_the_progress_until_it_ends() -> None:
    out, clock = io.StringIO(), Clock()
    with ConsoleReporter(out, live=True, color=False, width=80, environ={}, clock=clock) as reporter:
        reporter.start(Counters(total=3), title="")
        begun = len(out.getvalue())
        assert reporter.on_download is not None
        for done in (0, 46, 92, 92):  # the end may be reported more than once
            reporter.on_download("tiny", done * 10**6, 92 * 10**6)
            clock.now += 0.4
            reporter.tick()
        drawn = frames(out.getvalue()[begun:])
    assert "downloading tiny (once) [###############               ] 46 of 92 MB" in drawn
    assert drawn.count("downloaded tiny, 92 MB (once)\n") == 1
    before, after = drawn.split("downloaded tiny")
    assert "0/3" not in before
    assert "0/3" in after


def test_off_a_terminal_the_endpoint_itself_reports_a_download() -> None:
    with ConsoleReporter(io.StringIO(), live=False, environ={}) as reporter:
        assert reporter.on_download is None


def test_a_live_run_gives_the_cursor_back_when_it_fails() -> None:
    out = io.StringIO()
    with (
        pytest.raises(RuntimeError),
        ConsoleReporter(out, live=True, color=False, width=80, environ={}) as reporter,
    ):
        reporter.start(Counters(total=3), title="x")
        raise RuntimeError
    assert out.getvalue().rindex("\x1b[?25h") > out.getvalue().rindex("\x1b[?25l")


def test_only_the_first_failures_are_explained_and_the_others_counted() -> None:
    checks = [[{**WRONG_CATEGORY, "message": f"reason {number}"}] for number in range(57)]
    text = shown([failed(case=f"case-{number}", checks=checks[number]) for number in range(57)])
    assert len(re.findall(r"reason \d+", text)) == 57 + 20
    assert (
        "and 37 more that failed differently: see .runner/runs/20260714T101500Z-3f2a1b/results.jsonl" in text
    )


def test_equal_failures_are_explained_once_with_their_number_and_the_names_of_some() -> None:
    text = shown([failed(case=f"case-{number}") for number in range(57)])
    assert text.count('expected "complaint", got "other"') == 57 + 1
    assert "FAIL  triage/case-0  and 56 more, such as triage/case-1, triage/case-2, triage/case-3\n" in text
    assert "and 2 more: triage/case-1, triage/case-2\n" in shown([failed(case=f"case-{n}") for n in range(3)])


def test_a_failure_shows_what_was_given() -> None:
    text = shown([failed(vars={"ticket": "I want\nmy money back", "n": [1]})])
    assert re.search(r"\n  input +ticket: I want my money back, n: \[1\]\n", text)


def test_what_to_do_next_stands_last() -> None:
    assert shown([failed()]).splitlines()[-2:] == [
        "results: .runner/runs/20260714T101500Z-3f2a1b/results.jsonl",
        "to see what failed: runner show --failed",
    ]


@pytest.mark.parametrize("width", [40, 60, 80])
def test_no_number_of_the_summary_is_broken(width: int) -> None:
    records = [record(cost=0.12345678, usage={"prompt_tokens": 1_000_000, "completion_tokens": 234_567})] * 3
    text = frames(shown(records, live=True, width=width))
    summary = text[text.rindex("3 passed") :].split("results:")[0]
    assert [line for line in summary.splitlines() if cell_width(line) > width] == []
    for part in ("3,703,701 tokens", "$0.3704"):
        assert part in summary


def test_a_failure_tells_the_check_the_path_what_was_expected_and_what_came() -> None:
    text = shown(FAILING)
    assert re.search(r'equals \$\.category +expected "complaint", got "other"\n', text)
    assert re.search(r'answer +\{"category": "other", "confidence": 1.4', text)


def test_a_held_check_is_not_listed_among_the_failures() -> None:
    assert 'contains "refund"' not in shown(FAILING)


def test_an_error_comes_with_its_status_its_code_and_its_hint() -> None:
    text = shown([errored()])
    assert f"429 rate_limit_exceeded: {RATE_LIMIT['message']}" in text
    assert "set `tpm` for this endpoint" in text


@pytest.mark.parametrize("number", [24, 25])
def test_up_to_twenty_four_answers_are_shown_on_a_terminal(number: int) -> None:
    text = shown([record(case=f"c{index}") for index in range(number)], live=True)
    assert ('"confidence": 0.93' in text) == (number == 24)


def test_more_checks_than_are_shown_are_counted() -> None:
    text = shown([failed(checks=[WRONG_CATEGORY] * 15)])
    assert "and 5 more" in text


def test_past_forty_cases_the_rows_of_the_matrix_are_prompts() -> None:
    records = [
        record(prompt=f"p{number % 2}", case=f"c{number}", variant=variant)
        for number in range(41)
        for variant in VARIANTS
    ]
    text = shown(records, total=300)
    assert re.search(r"\n  p0 +21/21 +21/21 +21/21\n  p1 +20/20 +20/20 +20/20\n", text)


def test_variants_that_do_not_fit_across_go_down() -> None:
    records = [record(variant=f"a-model-with-a-long-name-{number}") for number in range(8)]
    assert re.search(r"\n  a-model-with-a-long-name-7 +1 +0 +0 +100.0 % +\$0.0002 +0.41 s\n", shown(records))


def test_repeats_of_a_case_share_a_cell() -> None:
    records = [
        failed(variant=variant, sample=sample) if sample == 1 else record(variant=variant, sample=sample)
        for variant in VARIANTS[:2]
        for sample in range(3)
    ]
    assert re.search(r"\n  refund-late +2/3 +2/3\n", shown(records))


def summary(records: Sequence[Record], **options: Any) -> str:
    """The line with the totals."""
    return next(
        line for line in shown(records, **options).splitlines() if " passed" in line and " in " in line
    )


def test_the_last_line_sums_up() -> None:
    assert summary([record(), record(cached=True, attempts=0), failed()]) == (
        "2 passed, 1 failed, 0 errors (1 cached) in 1.2 s · 200 tokens · $0.0004"
    )


def test_the_last_line_of_a_run_too_large_to_show_each_answer_has_the_pass_rate() -> None:
    assert " · 95.0 % passed · " in summary(LARGE)
    assert "passed ·" not in summary(PASSING)


def test_answers_at_an_unknown_price_make_the_cost_a_lower_bound() -> None:
    assert "at least $0.0002" in summary([record(), record(cost=None)])


def test_a_run_that_stopped_early_says_so() -> None:
    assert summary([record()], total=5).startswith("stopped after 1 of 5: 1 passed,")


def test_a_run_that_stopped_early_is_not_green() -> None:
    green = "\x1b[1;32m"
    assert green in summary([record()], color=True)
    assert green not in summary([record()], total=5, color=True)


def test_color_changes_no_word() -> None:
    assert re.sub(r"\x1b\[[\d;]*m", "", shown(FAILING, color=True)).split() == shown(FAILING).split()


@pytest.mark.parametrize("width", [40, 60, 80, 137])
def test_a_terminal_is_never_overrun(width: int) -> None:
    text = frames(shown([*FAILING, *ERRORS, *MATRIX[:4]], live=True, width=width))
    drawn = [line for line in text.splitlines() if line.startswith("  ")]
    assert [line for line in drawn if cell_width(line.rstrip()) > width] == []


hostile = st.text(alphabet=st.characters() | st.sampled_from("\x1b\x9b\r\x07\u202e[]m\ud83d"), max_size=60)


@settings(max_examples=30)
@given(hostile)
def test_nothing_a_model_says_steers_the_terminal(text: str) -> None:
    check = {"type": text, "passed": False, "path": text, "message": text}
    error = RATE_LIMIT | {"code": text, "message": text, "hint": text}
    records = [
        record(prompt=text, case=text, variant=text, text=text, output=None),
        failed(text=text, output=None, checks=[check], detail=text),
        errored(error),
    ]
    printed = shown(records)
    assert re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", printed.replace("\t", "")) is None
    printed.encode()


def test_markup_in_an_answer_is_text() -> None:
    assert "[bold]x[/bold] :smile:" in shown([record(output=None, text="[bold]x[/bold] :smile:")], live=True)


def test_a_stream_that_cannot_hold_a_character_gets_it_spelt_out() -> None:
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding="cp1252", write_through=True)
    reporter = ConsoleReporter(stream, environ={})
    reporter.start(Counters(total=1), title="重要")
    assert buffer.getvalue().splitlines()[0] == rb"\u91cd\u8981"


def test_notes_appear_while_the_run_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    with ConsoleReporter(live=True, color=False, width=80, environ={}) as reporter:
        reporter.start(Counters(total=3), title="x")
        reporter.note("stopping: 2 answers are on their way")
    out, err = capsys.readouterr()
    assert "stopping: 2 answers" in err
    assert out == ""


def test_the_cost_of_an_answer_counts_once_however_many_choices_it_has() -> None:
    """One request was paid for: each of its records says what it cost in all."""
    digest = Digest()
    for choice in range(3):
        digest.add(record(variant="a", choice=choice, choices=3, cost=0.3, latency_ms=900.0))
    digest.add(record(variant="a", case="other", cost=0.1, latency_ms=100.0))
    tally = digest.variants["a"]
    assert (tally.passed, tally.cost) == (4, pytest.approx(0.4))
    assert (tally.seconds, tally.timed) == (pytest.approx(1.0), 2)


def test_what_is_kept_does_not_grow_with_the_records() -> None:
    def kept(number: int) -> int:
        tracemalloc.start()
        digest = Digest()
        for index in range(number):
            digest.add(
                failed(
                    case=f"case-{index}",
                    prompt=f"p{index}",
                    variant=f"v{index}",
                    text="x" * 5000,
                    output=None,
                )
            )
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return size

    kept(10)
    assert kept(3000) < kept(600) + 20_000


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "color", "live"),
    [
        (Terminal(), {}, True, True),
        (Terminal(), {"NO_COLOR": "1"}, False, True),
        (Terminal(), {"NO_COLOR": ""}, True, True),
        (Terminal(), {"TERM": "dumb"}, False, False),
        (Terminal(), {"CI": "true"}, True, False),
        (io.StringIO(), {}, False, False),
        (io.StringIO(), {"FORCE_COLOR": "1"}, True, False),
        (io.StringIO(), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
    ],
)
def test_the_stream_and_the_environment_decide_on_color_and_on_redrawing(
    stream: Any, environ: dict[str, str], color: bool, live: bool
) -> None:
    assert (wants_color(stream, environ), wants_live(stream, environ)) == (color, live)


def test_a_long_check_before_the_run_is_told_every_five_seconds_in_a_pipe() -> None:
    out, clock = io.StringIO(), Clock()
    with ConsoleReporter(out, live=False, environ={}, clock=clock) as reporter:
        for seen in range(1000, 12_000, 1000):
            reporter.checking(seen)
            clock.now += 1
        reporter.start(Counters(total=1), title="1 prompt")
    assert out.getvalue().splitlines() == [
        "checking before anything is sent: 6,000 cases",
        "checking before anything is sent: 11,000 cases",
        "1 prompt",
    ]


def test_a_long_check_is_one_line_on_a_terminal_and_leaves_nothing() -> None:
    out, clock = io.StringIO(), Clock()
    with ConsoleReporter(out, live=True, width=80, environ={}, clock=clock) as reporter:
        reporter.checking(256)
        assert out.getvalue() == ""  # most checks are over before anybody wonders
        clock.now += 1
        reporter.checking(512)
        assert "512 cases" in out.getvalue()
    assert "\x1b[2K" in out.getvalue().rpartition("512 cases")[2]


def test_a_quiet_run_has_its_failures_and_its_totals_alone() -> None:
    out = io.StringIO()
    counters = Counters(total=2)
    with ConsoleReporter(out, live=True, color=False, width=80, environ={}, quiet=True) as reporter:
        reporter.start(counters, title="2 cases")
        for one in (record(), failed()):
            counters.add(one)
            reporter.record(one)
        reporter.finish(counters, seconds=1.0)
    lines = [line for line in out.getvalue().splitlines() if line]
    assert lines[0] == "FAIL  triage/refund-late"
    assert lines[-1].startswith("1 passed, 1 failed")
