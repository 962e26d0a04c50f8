"""Options for executing jobs, which do not change the requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ...wire.medium import Medium
from .answer_cache import RunCache
from .budget import Budget
from .streaming import StreamPrinter

__all__ = ["DEFAULT_WORKERS", "PoolOptions"]

DEFAULT_WORKERS = 16


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """`workers` None means each endpoint's own `concurrency`, else 16.

    `notice` is called with messages that the user should see now, `trace` with a line for each request and its result
    (`--debug`). `keep` stores an image or a sound and returns its path; without it, records have its data. `save` stores what must not be lost, the journal and `run.json`, before it returns; the session sets it.
    """

    workers: int | Literal["adaptive"] | None = None
    cache: RunCache | None = None
    printer: StreamPrinter | None = None
    budget: Budget | None = None
    notice: Callable[[str], None] = lambda _: None
    trace: Callable[[str], None] | None = None
    keep: Callable[[Medium], str] | None = None
    save: Callable[[], None] = lambda: None
