"""An endpoint that gives no answers is asked TRIPS times in a row, and no more."""

from __future__ import annotations

import pytest

from runner.engine.pool.breaker import TRIPS, Breaker
from runner.wire.reply import ProviderError

REFUSED = ProviderError("connect", "refused")


def refused(message: str = "m", code: str = "c", status: int = 400, **more: bool) -> ProviderError:
    return ProviderError(code, message, status=status, **more)


def test_the_tenth_case_in_a_row_without_an_answer_is_the_last() -> None:
    breaker = Breaker()
    assert TRIPS == 10
    assert [breaker.failed(REFUSED, "refused") for _ in range(9)] == [None] * 9
    assert breaker.failed(REFUSED, "refused") == "10 cases in a row got no answer (refused)"


def test_it_stays_open() -> None:
    breaker = Breaker()
    for _ in range(TRIPS):
        breaker.failed(REFUSED, "refused")
    assert (
        breaker.failed(ProviderError("timeout", "x"), "timed out")
        == "10 cases in a row got no answer (timed out)"
    )


def test_an_answer_starts_the_count_again() -> None:
    breaker = Breaker()
    for _ in range(TRIPS - 1):
        breaker.failed(REFUSED, "refused")
    breaker.succeeded()
    assert [breaker.failed(REFUSED, "refused") for _ in range(TRIPS - 1)] == [None] * (TRIPS - 1)
    assert breaker.failed(REFUSED, "refused") is not None


def test_an_endpoint_is_known_to_be_there_once_it_answered() -> None:
    breaker = Breaker()
    breaker.failed(REFUSED, "refused")
    assert not breaker.answered
    breaker.succeeded()
    breaker.failed(REFUSED, "refused")
    assert breaker.answered


def told(breaker: Breaker, *errors: ProviderError) -> list[bool]:
    return [breaker.failed(error, error.message) is not None for error in errors]


@pytest.mark.parametrize("status", [None, 401, 403, 404, 500, 503])
def test_an_endpoint_without_answers_stops_a_run_whatever_it_says(status: int | None) -> None:
    errors = [ProviderError(str(number), str(number), status=status) for number in range(TRIPS)]
    assert told(Breaker(), *errors) == [False] * (TRIPS - 1) + [True]


@pytest.mark.parametrize("status", [400, 422, 499])
def test_refusals_in_words_of_their_own_stop_no_run(status: int) -> None:
    errors = [ProviderError(str(number), str(number), status=status) for number in range(3 * TRIPS)]
    assert not any(told(Breaker(), *errors))


def test_after_an_answer_it_takes_as_many_as_before() -> None:
    errors = [ProviderError(str(number), str(number)) for number in range(TRIPS)]
    breaker = Breaker()
    told(breaker, *errors[1:])
    breaker.succeeded()
    assert told(breaker, *errors) == [False] * (TRIPS - 1) + [True]


def test_a_spent_quota_stops_a_run_at_once() -> None:
    said = Breaker().failed(refused(spent=True), "no credit")
    assert said == "the provider reports that credit or quota is spent (no credit)"


@pytest.mark.parametrize("status", [200, 400, 413, 422])
def test_the_tenth_refusal_in_the_same_words_is_the_last(status: int) -> None:
    breaker = Breaker()
    assert told(breaker, *[refused(status=status)] * TRIPS) == [False] * (TRIPS - 1) + [True]


@pytest.mark.parametrize(
    "other", [refused("other"), refused(code="other"), refused(status=422), refused("needs 5 tokens")]
)
def test_another_refusal_starts_the_count_of_equal_ones_again(other: ProviderError) -> None:
    breaker = Breaker()
    equal = [refused()] * (TRIPS - 1)
    assert not any(told(breaker, *equal, other, *equal))


def test_an_answer_starts_the_count_of_equal_refusals_again() -> None:
    breaker = Breaker()
    told(breaker, *[refused()] * (TRIPS - 1))
    breaker.succeeded()
    assert not any(told(breaker, *[refused()] * (TRIPS - 1)))


@pytest.mark.parametrize(
    "message",
    [
        "no (request id: 2026112{}-abc)",
        "no (Request ID: req_0{}1ab)",
        "no req_0{}1ab",
        "no 0f8b3a5e-9a44-4d0c-8f6e-00000000000{}",
    ],
)
def test_the_name_of_a_request_makes_no_difference(message: str) -> None:
    errors = [refused(message.format(number)) for number in range(TRIPS)]
    assert told(Breaker(), *errors)[-1] is True


def test_a_rate_limit_is_no_reason_to_stop() -> None:
    limited = refused(status=429, retryable=True)
    assert not any(told(Breaker(), *[limited] * 50))
