"""Waiting in tests: for what has to happen, however slow the machine is, and never for a number of seconds."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["PATIENCE", "wait_until"]

PATIENCE = 300.0
"""Seconds after which something is said to hang. Nothing that works comes near it, on the busiest machine."""


def wait_until(happened: Callable[[], object]) -> None:
    """Return once `happened()` is true; fail if it never is."""
    until = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.005)
