"""Implement `runner models`: list the models that an endpoint offers."""

from __future__ import annotations

import asyncio
import json

from ..endpoints.connect import resolve
from ..endpoints.list_models import list_models
from ..files.env_file import EnvFile
from ..files.model_rules import endpoint_for
from ..report.terminal.outlet import print_data, print_line
from .connect_options import ConnectOptions
from .open_workspace import open_workspace

__all__ = ["show_models"]


def show_models(
    endpoint: str | None, options: ConnectOptions, *, env_file: EnvFile | None, as_json: bool
) -> int:
    """Print the names of the models of an endpoint of runner.yaml, as lines or as a JSON list."""
    workspace = open_workspace(env_file=env_file)
    chosen = endpoint_for(workspace.project, None, name=endpoint)
    options.trust_in(workspace).require((chosen,))
    connection = resolve(chosen, workspace.environ, root=workspace.root)

    async def ask() -> list[str]:
        async with connection:
            return await list_models(connection)

    names = asyncio.run(ask())
    if as_json:
        print_data(json.dumps(names, ensure_ascii=False))
    else:
        for name in names:
            print_line(name)
    return 0
