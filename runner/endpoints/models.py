"""The models an endpoint offers: GET {base_url}/models, also the cheapest test of an address and a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import EndpointError
from ..masking import mask
from ..wire.decoding import decode_envelope
from ..wire.provider_errors import read_error
from .base import Request, Response, TransportError
from .connect import Connection

__all__ = ["LIST_TIMEOUT", "list_models"]

LIST_TIMEOUT = 30.0
"""Seconds; no model works on this answer."""


async def list_models(connection: Connection) -> list[str]:
    """The ids of the models that `connection` offers, sorted.

    Raises EndpointError with the provider's own words when it does not say (https://platform.openai.com/docs/
    api-reference/models/list), and ConfigError where the connection cannot be set up.
    """
    url = connection.url("models")
    transport = connection.transport()
    try:
        response = await transport.send(Request("GET", url, connection.headers()), timeout=LIST_TIMEOUT)
    except TransportError as error:
        raise EndpointError(f"{url}: {error.message}", hint=error.hint) from None
    finally:
        await transport.close()
    ids = _ids(response)
    if ids is None:
        told = read_error(response.status, response.headers, response.body)
        raise EndpointError(
            mask(f"{url}: {told.message} (status {response.status})", connection.secrets), hint=told.hint
        )
    return sorted(ids)


def _ids(response: Response) -> list[str] | None:
    """The ids of a list of models, or None for anything else; Together sends the list without its envelope."""
    if response.status != 200:
        return None
    try:
        body = decode_envelope(response.body)
    except ValueError:
        return None
    models = body.get("data") if isinstance(body, Mapping) else body
    if not isinstance(models, Sequence) or isinstance(models, str):
        return None
    ids = [model.get("id") if isinstance(model, Mapping) else None for model in models]
    found = [name for name in ids if isinstance(name, str)]
    return found if len(found) == len(ids) else None
