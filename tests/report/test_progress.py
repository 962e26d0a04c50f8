from __future__ import annotations

import io

import pytest
from rich.console import Console

from runner.engine.journal.counters import Counters
from runner.report.run.lines import progress_line
from runner.report.terminal.progress import Pace, segments

from .records import counted, errored, failed, record


def test_the_rate_is_that_of_the_last_half_minute() -> None:
    pace = Pace()
    for second in range(100):
        pace.mark(second, 1000 if second < 50 else 1000 + 2 * second)
    assert pace.rate(100, 1200) == pytest.approx(2, rel=0.05)


def test_no_rate_is_claimed_before_anything_is_done() -> None:
    pace = Pace()
    pace.mark(0, 0)
    assert pace.rate(20, 0) is None


def test_a_slow_model_is_rated_over_the_whole_run() -> None:
    pace = Pace()
    for second in range(120):
        pace.mark(second, 3)
    assert pace.rate(120, 3) == pytest.approx(3 / 120)


def line(counters: Counters, width: int, rate: float | None = 2.0) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, color_system=None)
    console.print(progress_line(segments(counters, seconds=12, rate=rate), counters, width=width))
    return out.getvalue()


BUSY = counted([record()] * 30 + [failed(), errored(), record(cached=True, attempts=0)], total=120)


def test_a_wide_line_says_everything() -> None:
    text = line(BUSY, 140)
    for part in (
        "33/120",
        "31 passed",
        "1 failed",
        "1 error",
        "1 cached",
        "2.0/s",
        "3,100 tokens",
        "$0.0062",
        "44 s left",
    ):
        assert part in text


@pytest.mark.parametrize("width", [*range(40, 140, 7)])
def test_the_line_is_one_line_that_fits(width: int) -> None:
    assert len(line(BUSY, width).splitlines()) == 1
    assert len(line(BUSY, width).rstrip()) < width


def test_a_narrow_line_keeps_the_counts() -> None:
    assert line(BUSY, 50).strip() == "33/120 · 31 passed · 1 failed · 1 error"


def test_nothing_wrong_is_not_mentioned() -> None:
    text = line(counted([record()], total=2), 120)
    assert "failed" not in text
    assert "error" not in text


def test_an_unknown_total_has_neither_bar_nor_end() -> None:
    text = line(counted([record()]), 120)
    assert "1 done" in text
    assert "left" not in text
    assert "━" not in text


def test_while_nothing_came_the_time_spent_is_shown() -> None:
    assert "12 s" in line(Counters(total=5), 100, rate=None)
