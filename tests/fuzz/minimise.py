"""A failing input made small: pieces are taken out, ever smaller ones, as long as the same thing still goes wrong."""

from __future__ import annotations

from collections.abc import Callable

from .target import LawError, Target
from .worker import check

__all__ = ["minimise"]


def minimise(target: Target, data: bytes, attempts: int = 20_000) -> bytes:
    """The smallest input that could be found which fails in the same way."""
    kind = _kind(check(target, data))
    assert kind, "the input does not fail"

    def fails(candidate: bytes) -> bool:
        return _kind(check(target, candidate)) == kind

    size = max(len(data) // 2, 1)
    while size and attempts > 0:
        smaller = _without(data, size, fails)
        attempts -= len(data) // size + 1
        if smaller == data or size > 1:
            size //= 2
        data = smaller
    return _plainer(data, fails)


def _without(data: bytes, size: int, fails: Callable[[bytes], bool]) -> bytes:
    at = 0
    while at < len(data):
        candidate = data[:at] + data[at + size :]
        if fails(candidate):
            data = candidate
        else:
            at += size
    return data


def _plainer(data: bytes, fails: Callable[[bytes], bool]) -> bytes:
    """Each byte an `a`, where it does not matter which one it is."""
    for at in range(min(len(data), 500)):
        candidate = data[:at] + b"a" + data[at + 1 :]
        if candidate != data and fails(candidate):
            data = candidate
    return data


def _kind(error: Exception | None) -> object:
    """What an input fails of: the type, the law, and the line of ours that raised it."""
    if error is None:
        return None
    law = str(error).partition(":")[0] if isinstance(error, LawError) else ""
    trace = error.__traceback__
    place = None
    while trace:
        place, trace = (trace.tb_frame.f_code.co_filename, trace.tb_lineno), trace.tb_next
    return type(error), law, None if isinstance(error, LawError) else place
