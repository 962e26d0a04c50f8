"""What the headers of an answer say about waiting. Values as seen from OpenAI, Azure, Groq, Together, Anthropic."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.wire.retry_after import parse_go_duration, parse_http_date, retry_after

NOW = datetime(2026, 9, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"Retry-After": " 3 "}, 3.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "0", "retry-after": "1"}, 1.0),  # as Azure answers
        ({"retry-after-ms": "soon", "retry-after": "1"}, 1.0),
        ({"retry-after": "Tue, 01 Sep 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Tue, 01 Sep 2026 11:59:00 GMT"}, None),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "9" * 400}, None),
        ({}, None),
    ],
)
def test_retry_after_headers(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, now=NOW) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-reset-requests": "6m0s"}, 360.0),
        ({"x-ratelimit-reset-tokens": "261ms"}, 0.261),
        ({"x-ratelimit-reset": "1"}, 1.0),
        ({"x-ratelimit-reset-requests": "7"}, 7.0),
        ({"anthropic-ratelimit-tokens-reset": "2026-09-01T12:00:20Z"}, 20.0),
        ({"llm_provider-x-ratelimit-reset-tokens": "2s"}, 2.0),
        ({"x-ratelimit-reset": str(int(NOW.timestamp()) + 5)}, 5.0),
        ({"x-ratelimit-reset": str((int(NOW.timestamp()) + 5) * 1000)}, 5.0),
        ({"x-ratelimit-reset-requests": "8s", "x-ratelimit-reset-tokens": "2s"}, 2.0),
        (
            {
                "x-ratelimit-reset-requests": "8s",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-tokens": "2s",
            },
            8.0,
        ),
        ({"retry-after": "3", "x-ratelimit-reset": "60"}, 3.0),
        ({"x-ratelimit-reset-requests": "0s"}, None),
        ({"x-ratelimit-limit-requests": "500"}, None),
    ],
)
def test_reset_times_stand_in_on_429(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, now=NOW, status=429) == pytest.approx(seconds)


def test_reset_times_say_nothing_on_another_status() -> None:
    assert retry_after({"x-ratelimit-reset": "60"}, now=NOW, status=503) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("12ms", 0.012), ("0s", 0), ("0", 0), ("6m0s", 360), ("1h2m3s", 3723), ("8.64s", 8.64), ("2m59.56s", 179.56), ("5µs", 5e-6), ("5μs", 5e-6), ("7us", 7e-6), ("9ns", 9e-9), (".5s", 0.5)],
)  # fmt: skip
def test_go_durations(text: str, seconds: float) -> None:
    assert parse_go_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "1", "1 s", "-1s", "1d", "1s!", "٣s", "1s" * 40])
def test_what_is_no_go_duration(text: str) -> None:
    assert parse_go_duration(text) is None


@given(st.tuples(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999)))
def test_go_durations_of_whole_units(hmsm: tuple[int, int, int, int]) -> None:
    h, m, s, ms = hmsm
    assert parse_go_duration(f"{h}h{m}m{s}s{ms}ms") == pytest.approx(h * 3600 + m * 60 + s + ms / 1000)


def test_dates_without_a_zone_are_utc() -> None:
    assert parse_http_date("2026-09-01T12:00:00") == NOW


header_values = st.text(max_size=70) | st.text("0123456789.hmsµ-:TZ ", max_size=30) | st.datetimes().map(str)
names = st.sampled_from(["retry-after", "retry-after-ms", "x-ratelimit-reset", "x-ratelimit-reset-tokens", "x-ratelimit-remaining-tokens", "anthropic-ratelimit-tokens-reset"])  # fmt: skip


@given(st.dictionaries(names, header_values), st.sampled_from([200, 429, 503]))
def test_nothing_raises_and_nothing_is_negative(headers: dict[str, str], status: int) -> None:
    seconds = retry_after(headers, now=NOW, status=status)
    assert seconds is None or seconds > 0
