"""Format figures: durations, amounts of money, counts."""

from __future__ import annotations

__all__ = ["count", "dollars", "duration", "plural", "points", "whole_seconds"]


def duration(seconds: float) -> str:
    """Return a duration such as `0.41 s`, `3.2 s`, `48 s`, `1 min 12 s` or `2 h 05 min`."""
    if seconds < 0.995:
        return f"{seconds:.2f} s"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    return whole_seconds(seconds)


def whole_seconds(seconds: float) -> str:
    """Return a duration without fractions, for a figure that changes while it is shown: `3 s`, `1 min 12 s`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def dollars(amount: float) -> str:
    """Return US dollars: in cents from $1 up, else with four decimals, or two significant digits if that is more."""
    if amount == 0:
        return "$0"
    if amount >= 1:
        return f"${amount:,.2f}"
    if amount >= 0.0001:
        return f"${amount:.4f}"
    decimals = 2 - int(f"{amount:e}".partition("e")[2]) - 1
    return f"${amount:.{decimals}f}"


def count(number: int) -> str:
    """Return a number with separators, such as `1,234`."""
    return f"{number:,}"


def plural(number: int, noun: str) -> str:
    """Return a number and a noun: `1 error`, `2 errors`, `1,200 cases`."""
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def points(share: float, digits: int = 0) -> str:
    """Return a difference of shares in points, with its sign: `−2.0`, `+6`, `0`."""
    rounded = f"{100 * abs(share):.{digits}f}"
    sign = "" if not float(rounded) else "+" if share > 0 else "−"
    return sign + rounded
