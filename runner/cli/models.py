"""`runner models`: list the models of an endpoint; also the quickest test of a key and a base URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .options import endpoint_option, env_file_option, trust_option
from .terminal import confirm

if TYPE_CHECKING:
    from ..files.env_file import EnvFile

__all__ = ["command"]


@click.command("models")
@endpoint_option
@env_file_option
@trust_option
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def command(endpoint: str | None, env_file: EnvFile | None, *, trusted: bool, as_json: bool) -> int:
    """List the models that an endpoint offers.

    Sends GET {base_url}/models, which is also the quickest test of a key and a base URL.
    """
    from ..commands.connect_options import ConnectOptions
    from ..commands.models import show_models

    return show_models(endpoint, ConnectOptions(confirm, trusted), env_file=env_file, as_json=as_json)
