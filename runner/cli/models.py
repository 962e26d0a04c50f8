"""`runner models`: which models an endpoint offers; also the quickest test of a key and a base URL."""

from __future__ import annotations

import click

from ..report.outlet import print_data, print_line
from .options import env_file_option, trust_option

__all__ = ["command"]


@click.command("models")
@click.option(
    "--endpoint", envvar="RUNNER_ENDPOINT", metavar="NAME", help="The endpoint of runner.yaml to ask."
)
@env_file_option
@trust_option
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def command(endpoint: str | None, *, trusted: bool, as_json: bool) -> int:
    """List the models an endpoint offers.

    Asks GET {base_url}/models: also the quickest test of a key and a base URL.
    """
    import asyncio
    import json

    from ..commands.selection import open_project
    from ..commands.trust import trust_of
    from ..endpoints.connect import resolve
    from ..endpoints.models import list_models
    from ..files.project import endpoint_for

    project, environ = open_project()
    chosen = endpoint_for(project, None, name=endpoint)
    trust_of(project.root, given=trusted).require((chosen,))
    connection = resolve(chosen, environ, root=project.root)

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
