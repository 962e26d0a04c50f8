"""Carry out jobs: open the endpoints they need, run one pool per endpoint, hand on every record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from ..endpoints.connect import Connection, resolve
from ..errors import RunnerError
from .cache import ResponseCache
from .control import Control
from .plan import Job, Unit
from .pool import Pool
from .record import Record
from .streaming import StreamPrinter

__all__ = ["DEFAULT_WORKERS", "Options", "connect", "execute"]

DEFAULT_WORKERS = 16


@dataclass(frozen=True, slots=True)
class Options:
    """How to carry out jobs. `workers` None: each endpoint's own `concurrency`, else 16."""

    workers: int | None = None
    cache: ResponseCache | None = None
    printer: StreamPrinter | None = None


def connect(units: Iterable[Unit], environ: Mapping[str, str], *, root: str) -> dict[str, Connection]:
    """The connections of all endpoints that units need, by name; `root` is the project's folder.

    Opens nothing. Raises ConfigError before anything is paid for.
    """
    endpoints = {unit.endpoint.name: unit.endpoint for unit in units}
    return {name: resolve(endpoint, environ, root=root) for name, endpoint in endpoints.items()}


async def execute(
    jobs: Mapping[str, Iterator[Job]],
    connections: Mapping[str, Connection],
    emit: Callable[[Record], None],
    options: Options,
    control: Control,
) -> None:
    """Run the jobs of each endpoint (by name) in a pool of its own; `emit` receives each record once it is judged.

    Returns when the work is done or was stopped (`control.reason`). Raises StorageError, EndpointError (an endpoint
    that cannot be opened) or asyncio.CancelledError.
    """
    async with AsyncExitStack() as opened:
        pools = []
        for name, of_endpoint in jobs.items():
            connection = await opened.enter_async_context(connections[name])
            workers = options.workers or connection.endpoint.concurrency or connection.default_concurrency
            pools.append(
                Pool(
                    connection,
                    of_endpoint,
                    workers=workers or DEFAULT_WORKERS,
                    control=control,
                    emit=emit,
                    cache=options.cache,
                    printer=options.printer,
                )
            )
        try:
            async with asyncio.TaskGroup() as group:
                for pool in pools:
                    group.create_task(pool.run())
        except BaseExceptionGroup as failures:
            raise _first_error(failures) from None


def _first_error(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error to tell out of those that ended the workers: one of ours if there is one."""
    leaves: list[BaseException] = []
    pending: list[BaseException] = [failures]
    while pending:
        error = pending.pop()
        if isinstance(error, BaseExceptionGroup):
            pending.extend(error.exceptions)
        else:
            leaves.append(error)
    return next((error for error in leaves if isinstance(error, RunnerError)), leaves[0])
