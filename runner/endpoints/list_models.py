"""List the models of an endpoint: GET {base_url}/models, which is also the cheapest test of a URL and a key."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..errors import EndpointError
from ..masking import mask
from ..wire.decoding import decode_envelope
from ..wire.provider_errors import read_error
from .base import Request, Response, TransportError
from .connect import Connection

__all__ = ["LIST_TIMEOUT", "OfferedModel", "list_models"]

LIST_TIMEOUT = 30.0
"""In seconds; no model is involved in this answer."""


class OfferedModel(NamedTuple):
    """A model that an endpoint offers, and the day from which it will not (OpenAI's `shutdown_date`), if there is one."""

    name: str
    shutdown: datetime.date | None = None


async def list_models(connection: Connection) -> list[OfferedModel]:
    """Return the models that an endpoint offers, sorted by name.

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
    found = _models(response)
    if found is None:
        refused = read_error(response.status, response.headers, response.body)
        raise EndpointError(
            mask(f"{url}: {refused.message} (status {response.status})", connection.secrets),
            hint=refused.hint,
        )
    return sorted(found, key=lambda model: model.name)


def _models(response: Response) -> list[OfferedModel] | None:
    """Return the models in a list, or None for anything else; Together sends the list without an envelope."""
    if response.status != 200:
        return None
    try:
        body = decode_envelope(response.body)
    except ValueError:
        return None
    models = body.get("data") if isinstance(body, Mapping) else body
    if not isinstance(models, Sequence) or isinstance(models, str):
        return None
    found = [
        OfferedModel(name, _date(model.get("shutdown_date")))
        for model in models
        if isinstance(model, Mapping) and isinstance(name := model.get("id"), str)
    ]
    return found if len(found) == len(models) else None


def _date(value: object) -> datetime.date | None:
    """Return a day in ISO 8601, with or without a time; None for anything else, which is no reason to refuse the list."""
    try:
        return datetime.datetime.fromisoformat(value).date() if isinstance(value, str) else None
    except ValueError:
        return None
