"""Carrying out a regression run: what can be replayed is, and the engine is started only if something is left to ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..engine.plan import Job, Unit
from .testing import Regression

if TYPE_CHECKING:
    from ..engine.session import Display, Ending
    from ..engine.trust import Trust

__all__ = ["carry_out"]


def carry_out(
    regression: Regression,
    units: Sequence[Unit],
    *,
    root: Path,
    environ: Mapping[str, str],
    display: Display,
    trust: Trust,
    workers: int | Literal["adaptive"] | None = None,
    transport: str = "auto",
    use_cache: bool = True,
) -> Ending | None:
    """Run it; the ending of what was asked, None when nothing had to be.

    What the record mode `all` asks for is never taken from the cache. Raises what the regression raises, ConfigError for
    an endpoint that is needed and not set up or not trusted, StorageError.
    """
    waiting: dict[str, Iterator[Job]] = {}
    for name, jobs in regression.jobs().items():
        first = next(jobs, None)  # replays all that comes before it
        if first is not None:
            waiting[name] = chain((first,), jobs)
    ending = (
        _ask(
            regression,
            waiting,
            units,
            root,
            environ,
            display,
            trust,
            workers,
            transport,
            use_cache=use_cache and not regression.asks_all,
        )
        if waiting
        else None
    )
    if ending is None or not ending.unsent:
        regression.finish()
    return ending


def _ask(
    regression: Regression,
    waiting: Mapping[str, Iterator[Job]],
    units: Sequence[Unit],
    root: Path,
    environ: Mapping[str, str],
    display: Display,
    trust: Trust,
    workers: int | Literal["adaptive"] | None,
    transport: str,
    *,
    use_cache: bool,
) -> Ending:
    # The only place from which a regression run reaches anything that knows the network.
    from ..engine.cache import ResponseCache, RunCache
    from ..engine.counters import Counters
    from ..engine.execute import connect
    from ..engine.journal import Journal
    from ..engine.options import Options
    from ..engine.session import run_jobs

    asked = [unit for unit in units if unit.endpoint.name in waiting]
    connections = connect(asked, environ, root=str(root), trust=trust, transport=transport)
    for connection in connections.values():
        regression.guard(connection.secrets)
    return run_jobs(
        waiting,
        asked,
        connections,
        journal=Journal.create(root),
        counters=Counters(),
        display=display,
        receive=regression.take,
        options=Options(
            workers=workers,
            cache=RunCache(ResponseCache(root), display.note) if use_cache else None,
            notice=display.note,
        ),
    )
