"""An endpoint that gives no answers is asked TRIPS times in a row, and no more."""

from __future__ import annotations

from runner.engine.breaker import TRIPS, Breaker


def test_the_tenth_case_in_a_row_without_an_answer_is_the_last() -> None:
    breaker = Breaker()
    assert TRIPS == 10
    assert [breaker.failed("refused") for _ in range(9)] == [None] * 9
    assert breaker.failed("refused") == "10 cases in a row got no answer (refused)"


def test_it_stays_open() -> None:
    breaker = Breaker()
    for _ in range(TRIPS):
        breaker.failed("refused")
    assert breaker.failed("timed out") == "10 cases in a row got no answer (timed out)"


def test_an_answer_starts_the_count_again() -> None:
    breaker = Breaker()
    for _ in range(TRIPS - 1):
        breaker.failed("refused")
    breaker.succeeded()
    assert [breaker.failed("refused") for _ in range(TRIPS - 1)] == [None] * (TRIPS - 1)
    assert breaker.failed("refused") is not None


def test_an_endpoint_is_known_to_be_there_once_it_answered() -> None:
    breaker = Breaker()
    breaker.failed("refused")
    assert not breaker.answered
    breaker.succeeded()
    breaker.failed("refused")
    assert breaker.answered
