"""List the models of an endpoint: GET {base_url}/models, which is also the cheapest test of a URL and a key."""

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
"""In seconds; no model is involved in this answer."""


async def list_models(connection: Connection) -> list[str]:
    """Return the sorted ids of the models that an endpoint offers.

    Raises EndpointError with the provider's message if there is no list (https://platform.openai.com/docs/
    api-reference/models/list), and ConfigError if the connection cannot be set up.
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
        refused = read_error(response.status, response.headers, response.body)
        raise EndpointError(
            mask(f"{url}: {refused.message} (status {response.status})", connection.secrets),
            hint=refused.hint,
        )
    return sorted(ids)


def _ids(response: Response) -> list[str] | None:
    """Return the ids in a list of models, or None for anything else; Together sends the list without an envelope."""
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
