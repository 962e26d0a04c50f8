"""Read from response headers how long a provider asks clients to wait.

`Retry-After` as in RFC 9110, section 10.2.3 (also with a fraction, which occurs), `retry-after-ms` as OpenAI and
Azure send it, and, without either, the time at which a rate limit is reset.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

__all__ = ["LONGEST_WAIT", "parse_go_duration", "parse_http_date", "retry_after"]

_LONGEST_VALUE = 64
"""In characters. No sensible value of these headers is longer; longer ones are ignored."""

_NUMBER = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_GO_TERM = re.compile(rf"({_NUMBER.pattern})(ns|us|µs|μs|ms|s|m|h)")
_GO_DURATION = re.compile(rf"(?:{_GO_TERM.pattern})+")
_GO_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}

_RESET = re.compile(r"(?:llm_provider-)?(?:x-ratelimit-reset(?:-.+)?|anthropic-ratelimit-.+-reset)")

LONGEST_WAIT = 366 * 86_400.0
"""In seconds: longer waits are capped to about a year."""

_EPOCH_SECONDS, _EPOCH_MILLISECONDS = 1e9, 1e12
"""A plain number from this value on is a time since 1970, not a number of seconds to wait."""


def retry_after(headers: Mapping[str, str], *, now: datetime, status: int | None = None) -> float | None:
    """Return the minimum seconds to wait, above 0 and at most LONGEST_WAIT, or None without such headers. Never raises.

    The first of `retry-after-ms` and `retry-after` that is above 0 counts (Azure sends 0 and 1 together). The reset
    times of rate limits are used only for `status` 429: the last reset of the exhausted limits, else the first reset of
    all. Dates are measured from `now`, an aware time.
    """
    wait = _wait({name.lower(): value.strip() for name, value in headers.items()}, now, status)
    return None if wait is None else min(wait, LONGEST_WAIT)


def _wait(known: Mapping[str, str], now: datetime, status: int | None) -> float | None:
    milliseconds = _number(known.get("retry-after-ms", ""))
    if milliseconds:
        return milliseconds / 1000
    seconds = _seconds(known.get("retry-after", ""), now)
    if seconds:
        return seconds
    if status != 429:
        return None
    resets = dict(_resets(known, now))
    exhausted = [
        wait for name, wait in resets.items() if known.get(name.replace("reset", "remaining")) == "0"
    ]
    return max(exhausted) if exhausted else min(resets.values(), default=None)


def parse_go_duration(text: str) -> float | None:
    """Return the seconds of a Go duration (`6m0s`, `8.64s`, `261ms`, `0`), or None if `text` is not one."""
    if text == "0":
        return 0.0
    if len(text) > _LONGEST_VALUE or not _GO_DURATION.fullmatch(text):
        return None
    return sum(float(number) * _GO_UNITS[unit] for number, unit in _GO_TERM.findall(text))


def parse_http_date(text: str) -> datetime | None:
    """Return the time of an HTTP date (RFC 9110, section 5.6.7) or an RFC 3339 date, or None. The default zone is UTC."""
    if len(text) > _LONGEST_VALUE:
        return None
    from email.utils import parsedate_to_datetime  # it imports sockets; few answers have a date

    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            date = parse(text)
            return date if date.tzinfo else date.replace(tzinfo=UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def _resets(headers: Mapping[str, str], now: datetime) -> Iterator[tuple[str, float]]:
    for name, value in headers.items():
        wait = _seconds(value, now) if _RESET.fullmatch(name) else None
        if wait:
            yield name, wait


def _seconds(value: str, now: datetime) -> float | None:
    """Return the seconds from `now` for a number, a Go duration or a date, 0 for the past; None if unreadable."""
    number = _number(value)
    if number is not None and number >= _EPOCH_SECONDS:
        since_1970 = number / 1000 if number >= _EPOCH_MILLISECONDS else number
        return max(since_1970 - now.timestamp(), 0.0)
    if number is not None:
        return number
    duration = parse_go_duration(value)
    if duration is not None:
        return duration
    date = parse_http_date(value)
    return max((date - now).total_seconds(), 0.0) if date else None


def _number(value: str) -> float | None:
    return float(value) if len(value) <= _LONGEST_VALUE and _NUMBER.fullmatch(value) else None
