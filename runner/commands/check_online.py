"""Implement `runner check --online`: check that the endpoints still offer the models of the prompts, and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from ..endpoints.connect import Connection
from ..endpoints.list_models import OfferedModel, list_models
from ..engine.plan.job import Unit
from ..engine.plan.units import make_units
from ..errors import Diagnostic, RunnerError, close_to, did_you_mean
from ..files.model import Project, Prompt
from ..files.model_rules import listing_api
from ..workspace import Workspace
from .connect_options import ConnectOptions

__all__ = ["check_online"]


def check_online(
    prompts: Sequence[Prompt], workspace: Workspace, options: ConnectOptions
) -> Iterator[Diagnostic | RunnerError]:
    """Request each endpoint's list of models, and yield a warning for each model with a problem.

    W024: the endpoint does not list the model. W025: it will shut the model down. If the list cannot be fetched, yields the
    error instead. Raises ConfigError if the project is not trusted to send its keys.
    """
    units = [
        unit
        for unit in make_units(prompts, workspace.project, sandbox=workspace.sandbox)
        if unit.endpoint.base_url is not None and unit.model
    ]
    for name, connection in options.connect(workspace, units).items():
        try:
            offered = asyncio.run(_offered(connection, workspace.project))
        except RunnerError as error:
            yield error
            continue
        first = {unit.model: unit for unit in reversed(units) if unit.endpoint.name == name}
        for unit in first.values():
            found = _remark(unit, offered)
            if found is not None:
                yield found


async def _offered(connection: Connection, project: Project) -> dict[str, OfferedModel]:
    api = listing_api(project, connection.endpoint)
    async with connection:
        return {model.name: model for model in await list_models(connection, api)}


def _remark(unit: Unit, offered: dict[str, OfferedModel]) -> Diagnostic | None:
    model = offered.get(unit.model)
    location = unit.prompt.locate("model")
    if model is None:
        near = close_to(unit.model, offered)
        hint = (
            did_you_mean(*near)
            if near
            else f"to list its models: runner models --endpoint {unit.endpoint.name}"
        )
        message = f"endpoint {unit.endpoint.name} does not list the model {unit.model}"
        return Diagnostic("warning", "W024", message, location, hint)
    if model.shutdown is not None:
        message = f"endpoint {unit.endpoint.name} will shut down {unit.model} on {model.shutdown}"
        return Diagnostic("warning", "W025", message, location, "choose another model before then")
    return None
