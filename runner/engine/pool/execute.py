"""Execute jobs: open the endpoints they need, run one pool per endpoint, pass on every record."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import AsyncExitStack
from typing import Protocol

from ...endpoints.connect import Connection
from ..plan.job import Job
from .admission import Admission
from .pool import Emit, Pool, admission_of, first_error
from .pool_options import PoolOptions
from .shutdown import Shutdown

__all__ = ["Execute", "admissions_of", "execute"]


class Execute(Protocol):
    """A way to get the answers of jobs: `execute`, or one that uses batches."""

    def __call__(
        self,
        jobs: Mapping[str, Iterator[Job]],
        connections: Mapping[str, Connection],
        emit: Emit,
        options: PoolOptions,
        shutdown: Shutdown,
        admissions: Mapping[str, Admission],
        /,
    ) -> Awaitable[None]:
        """Get the answers of the jobs of each endpoint (by name); `emit` receives the records. See `execute`."""
        ...


def admissions_of(connections: Mapping[str, Connection], options: PoolOptions) -> dict[str, Admission]:
    """Return the admission control of each endpoint, by name."""
    return {
        name: admission_of(connection, options, of=len(connections))
        for name, connection in connections.items()
    }


async def execute(
    jobs: Mapping[str, Iterator[Job]],
    connections: Mapping[str, Connection],
    emit: Emit,
    options: PoolOptions,
    shutdown: Shutdown,
    admissions: Mapping[str, Admission],
) -> None:
    """Run the jobs of each endpoint (by name) in its own pool; `emit` receives each job's records once judged.

    Return when the work is done or was stopped (`shutdown.reason`). Raises what `emit` raises, EndpointError or
    ConfigError for an endpoint that cannot be opened, or asyncio.CancelledError.
    """
    async with AsyncExitStack() as opened:
        pools = []
        for name, of_endpoint in jobs.items():
            connection = await opened.enter_async_context(connections[name])
            pools.append(
                Pool(connection, of_endpoint, admissions[name], shutdown=shutdown, emit=emit, options=options)
            )
        try:
            async with asyncio.TaskGroup() as group:
                for pool in pools:
                    group.create_task(pool.run())
        except BaseExceptionGroup as failures:
            raise first_error(failures) from None
