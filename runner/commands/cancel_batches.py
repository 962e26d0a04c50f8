"""Implement `runner runs cancel`: cancel the batches of a run that are in progress."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from ..endpoints.batch_service import BatchState, ServiceError, Sought
from ..endpoints.connect import Connection, resolve
from ..engine.batch.batch_parts import BatchPart, parts_in
from ..engine.batch.services import service_of
from ..engine.journal.stored_runs import find_run
from ..errors import ConfigError, EndpointError, UsageError
from ..files.env_file import EnvFile
from ..files.model_rules import endpoint_for
from ..files.project_root import find_root
from ..report.terminal.outlet import print_line
from ..report.terminal.terminal_text import visible
from .connect_options import ConnectOptions
from .open_workspace import open_workspace

__all__ = ["cancel_batches"]


def cancel_batches(name: str, options: ConnectOptions, *, env_file: EnvFile | None) -> int:
    """Cancel the batches of a run, and return the exit code.

    Nothing is changed on disk: whoever resumes the run, or waits for it now, learns the new state from the service.
    """
    stored = find_run(find_root(Path.cwd()), name)
    waiting = [part for part in parts_in(stored.manifest, stored.id) if not part.closed]
    if not waiting:
        raise UsageError(
            f"the run {stored.id} has no batch in progress", hint=f"runner runs show {stored.id}"
        )
    workspace = open_workspace(env_file=env_file)
    endpoints = {part.endpoint: endpoint_for(workspace.project, None, name=part.endpoint) for part in waiting}
    options.trust_in(workspace).require(endpoints.values())
    connections = {
        name: resolve(endpoint, workspace.environ, root=workspace.root, transport=options.transport)
        for name, endpoint in endpoints.items()
    }
    for part in waiting:
        if connections[part.endpoint].base_url != part.base_url:
            raise ConfigError(
                f"{part.name} was submitted to {part.base_url}, and endpoint {part.endpoint} is now"
                f" {connections[part.endpoint].base_url}",
                location=endpoints[part.endpoint].location,
                hint="undo the change to cancel the batch",
            )
    for line in asyncio.run(_cancel(waiting, connections, stored.id)):
        print_line(visible(line))
    print_line(f"what was answered before is kept: runner run --resume {stored.id} --no-wait")
    return 0


async def _cancel(parts: list[BatchPart], connections: Mapping[str, Connection], run: str) -> list[str]:
    said = []
    async with AsyncExitStack() as opened:
        for connection in connections.values():
            await opened.enter_async_context(connection)
        for part in parts:
            service = service_of(connections[part.endpoint], part.api)
            try:
                batch = part.id
                if batch is None:
                    known = frozenset(other.id for other in parts if other.id is not None)
                    found = await service.find(
                        Sought(part.token, run, part.part, part.url, part.lines, part.since, part.file, known)
                    )
                    batch = found.id if isinstance(found, BatchState) else None
                if batch is None:
                    said.append(f"{part.name} is not known to {part.endpoint}")
                    continue
                state = await service.cancel(batch)
            except ServiceError as failed:
                raise EndpointError(
                    f"{part.name} cannot be cancelled: {failed.error.message}", hint=failed.error.hint
                ) from None
            said.append(f"batch {batch}: {state.state}")
    return said
