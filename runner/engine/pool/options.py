"""How to carry out jobs: what a command line may choose without changing what is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .budget import Budget
from .cache import RunCache
from .streaming import StreamPrinter

__all__ = ["DEFAULT_WORKERS", "Options"]

DEFAULT_WORKERS = 16


@dataclass(frozen=True, slots=True)
class Options:
    """`workers` None: each endpoint's own `concurrency`, else 16. `notice` is told what a person should know now.

    `trace` is told each request and what result of it (`--debug`).
    """

    workers: int | Literal["adaptive"] | None = None
    cache: RunCache | None = None
    printer: StreamPrinter | None = None
    budget: Budget | None = None
    notice: Callable[[str], None] = lambda _: None
    trace: Callable[[str], None] | None = None
