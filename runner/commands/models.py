"""Implement `runner models`: list the models that an endpoint offers."""

from __future__ import annotations

import asyncio
import json

from ..endpoints.connect import resolve
from ..endpoints.list_models import OfferedModel, list_models
from ..files.env_file import EnvFile
from ..files.model_rules import endpoint_for, listing_api
from ..report.terminal.outlet import print_data, print_line
from .connect_options import ConnectOptions
from .open_workspace import open_workspace

__all__ = ["show_models"]


def show_models(
    endpoint: str | None, options: ConnectOptions, *, env_file: EnvFile | None, as_json: bool
) -> int:
    """Print the names of the models of an endpoint of runner.yaml, as lines or as a JSON list.

    Models that have a shutdown date are listed on standard error.
    """
    workspace = open_workspace(env_file=env_file)
    chosen = endpoint_for(workspace.project, None, name=endpoint)
    options.trust_in(workspace).require((chosen,))
    connection = resolve(chosen, workspace.environ, root=workspace.root)

    async def ask() -> list[OfferedModel]:
        async with connection:
            return await list_models(connection, listing_api(workspace.project, chosen))

    models = asyncio.run(ask())
    names = [model.name for model in models]
    if as_json:
        print_data(json.dumps(names, ensure_ascii=False))
    else:
        for name in names:
            print_line(name)
    for model in models:
        if model.shutdown is not None:
            print_line(f"warning: {model.name} will be shut down on {model.shutdown}", err=True)
    return 0
