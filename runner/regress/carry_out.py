"""Carry out a regression run: replay what can be replayed, and start the engine only if requests are left to send."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..engine.plan.job import Job, Unit
from ..engine.plan.plan import Preflight
from .regression_run import RegressionRun

if TYPE_CHECKING:
    from ..endpoints.connect import Connection
    from ..engine.journal.counters import Counters
    from ..engine.journal.record import Record
    from ..engine.pool.shutdown import Shutdown
    from ..engine.session import Display, RunOutcome

__all__ = ["ask_again", "carry_out"]


def carry_out(
    regression: RegressionRun,
    units: Sequence[Unit],
    *,
    root: Path,
    connect: Callable[[Sequence[Unit]], Mapping[str, Connection]],
    display: Display,
    watch: Callable[[Job, Sequence[Record]], None] = lambda _job, _records: None,
    preflight: Preflight | None = None,
    workers: int | Literal["adaptive"] | None = None,
    use_cache: bool = True,
    resume: bool = False,
    batch: float | None = None,
) -> RunOutcome | None:
    """Run it; return the outcome of the requests that were sent, None if none had to be.

    The requests that `preflight` rendered are sent as they are. `watch` receives each answer before the regression
    does. `connect` makes the connections of the units that have requests to send, and is called only if there are any.
    `resume` reuses the answers in the journal of the last test run, if that run was stopped or killed; in record mode
    `all` neither the journal nor the cache is used. With `batch`, the requests are submitted as batches, and that is how
    many seconds to wait for their results. Raises what the regression raises, ConfigError if an endpoint that
    is needed is not set up or not trusted, StorageError.
    """
    waiting: dict[str, Iterator[Job]] = {}
    for name, jobs in regression.jobs(preflight).items():
        first = next(jobs, None)  # replays every case before it
        if first is not None:
            waiting[name] = chain((first,), jobs)
    outcome = (
        _ask(
            regression,
            waiting,
            units,
            root,
            connect,
            display,
            watch,
            workers,
            use_cache=use_cache and not regression.asks_all,
            resume=resume,
            batch=batch,
        )
        if waiting
        else None
    )
    if outcome is None or not outcome.unsent:
        regression.finish()
    return outcome


def ask_again(
    jobs: Mapping[str, Iterator[Job]],
    units: Sequence[Unit],
    *,
    root: Path,
    connect: Callable[[Sequence[Unit]], Mapping[str, Connection]],
    display: Display,
    take: Callable[[Job, Sequence[Record]], None],
    workers: int | Literal["adaptive"] | None = None,
    facts: Mapping[str, Any],
    counters: Counters | None = None,
) -> RunOutcome:
    """Request more samples (by endpoint) of cases that are decided already, without using the cache.

    Raises ConfigError for an endpoint, StorageError.
    """
    from ..engine.attempt import Attempt
    from ..engine.journal.counters import Counters
    from ..engine.pool.pool_options import PoolOptions
    from ..engine.session import run_jobs

    if counters is None:
        counters = Counters()
    attempt = Attempt.begin(facts, root)
    return run_jobs(
        jobs,
        units,
        connect(units),
        journal=attempt.journal,
        counters=counters,
        display=display,
        receive=take,
        facts=attempt.facts,
        options=PoolOptions(workers=workers, notice=display.note),
    )


def _ask(
    regression: RegressionRun,
    waiting: Mapping[str, Iterator[Job]],
    units: Sequence[Unit],
    root: Path,
    connect: Callable[[Sequence[Unit]], Mapping[str, Connection]],
    display: Display,
    watch: Callable[[Job, Sequence[Record]], None],
    workers: int | Literal["adaptive"] | None,
    *,
    use_cache: bool,
    resume: bool,
    batch: float | None,
) -> RunOutcome:
    # The only place from which a regression run reaches the network.
    from ..engine.journal.counters import Counters
    from ..engine.pool.answer_cache import ResponseCache, RunCache
    from ..engine.pool.execute import execute
    from ..engine.pool.pool_options import PoolOptions
    from ..engine.session import run_jobs
    from .test_attempt import TestAttempt

    asked = [unit for unit in units if unit.endpoint.name in waiting]
    batches = None
    if batch is not None:
        from .test_batches import TestBatches

        batches = TestBatches.of(waiting, asked, batch)
    connections = connect(asked)
    guarded: tuple[str, ...] = ()
    test = TestAttempt.of(
        asked,
        connections,
        root,
        display.note,
        resume=resume and use_cache,
        numbering=batches.numbering if batches else None,
    )

    def take(job: Job, records: Sequence[Record]) -> None:
        nonlocal guarded
        secrets = tuple(value for each in connections.values() for value in each.secrets)
        if secrets != guarded:  # also if a key was renewed
            regression.guard(secrets)
            guarded = secrets
        watch(job, records)
        regression.take(job, records)

    jobs: Mapping[str, Iterator[Job]]
    if batches is None:
        means, finish, facts = execute, _nothing, test.attempt.facts
        jobs = {name: test.unanswered(each, take) for name, each in waiting.items()}
    else:
        left = batches.unanswered(test, take)
        jobs = {name: iter(each) for name, each in left.items()}
        run = batches.run(test, left)
        means, finish, facts = run.carry_out, run.finish, {**test.attempt.facts, **batches.facts}
    return run_jobs(
        jobs,
        asked,
        connections,
        journal=test.attempt.journal,
        counters=Counters(),
        display=display,
        receive=take,
        facts=facts,
        means=means,
        finish=finish,
        held=test.held,
        options=PoolOptions(
            workers=workers,
            cache=RunCache(ResponseCache(root), display.note) if use_cache else None,
            notice=display.note,
        ),
    )


def _nothing(shutdown: Shutdown) -> None:
    """Do nothing: everything was sent."""
