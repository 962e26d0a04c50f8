"""List the models of an endpoint: GET {base_url}/models, which is also the cheapest test of a URL and a key."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit

from ..errors import EndpointError
from ..masking import mask
from ..wire.decoding import decode_envelope
from ..wire.dialect import dialect_of
from ..wire.provider_errors import read_error
from .base import Request, Response, TransportError
from .connect import Connection

__all__ = ["LIST_TIMEOUT", "OfferedModel", "list_models"]

LIST_TIMEOUT = 30.0
"""In seconds; no model is involved in this answer."""


class OfferedModel(NamedTuple):
    """A model that an endpoint offers, and the day on which it will be shut down (OpenAI's `shutdown_date`), if known."""

    name: str
    shutdown: datetime.date | None = None


async def list_models(connection: Connection, api: str | None = None) -> list[OfferedModel]:
    """Return the models that an endpoint offers, sorted by name; a key that a name repeats is masked.

    `api` is the wire format of its requests, by default the one that the endpoint declares.

    Raises EndpointError with the provider's message if there is no list (https://platform.openai.com/docs/
    api-reference/models/list), and ConfigError if the connection cannot be set up.
    """
    url = connection.url("models")
    dialect = dialect_of(api or connection.endpoint.api)
    headers = connection.headers(dialect.headers, api=dialect.name)
    transport = connection.transport()
    found: dict[str, OfferedModel] = {}
    page = url
    try:
        while True:
            response = await transport.send(Request("GET", page, headers), timeout=LIST_TIMEOUT)
            models, last = _models(response)
            if models is None:
                refused = read_error(response.status, response.headers, response.body)
                raise EndpointError(
                    mask(f"{url}: {refused.message} (status {response.status})", connection.secrets),
                    hint=refused.hint,
                )
            new = {model.name: model for model in models if model.name not in found}
            found.update(new)
            if last is None:
                shown = (
                    model._replace(name=mask(model.name, connection.secrets)) for model in found.values()
                )
                return sorted(shown, key=lambda model: model.name)
            if not new:
                raise EndpointError(f"{url}: the list of models does not end: a page repeats the one before")
            page = _after(url, last)
    except TransportError as error:
        raise EndpointError(f"{url}: {error.message}", hint=error.hint) from None
    finally:
        await transport.close()


def _after(url: str, last: str) -> str:
    """Return the URL of the page that follows the model `last`, as Anthropic divides its list."""
    parts = urlsplit(url)
    query = "&".join(filter(None, (parts.query, f"after_id={quote(last, safe='')}")))
    return urlunsplit(parts._replace(query=query))


def _models(response: Response) -> tuple[list[OfferedModel] | None, str | None]:
    """Return the models in a list, and the last of them if more pages follow; None for anything but a list.

    Together sends the list without an envelope.
    """
    if response.status != 200:
        return None, None
    try:
        body = decode_envelope(response.body)
    except ValueError:
        return None, None
    models = body.get("data") if isinstance(body, Mapping) else body
    if not isinstance(models, Sequence) or isinstance(models, str):
        return None, None
    found = [
        OfferedModel(name, _date(model.get("shutdown_date")))
        for model in models
        if isinstance(model, Mapping) and isinstance(name := model.get("id"), str)
    ]
    more = body.get("last_id") if isinstance(body, Mapping) and body.get("has_more") is True else None
    return (found if len(found) == len(models) else None), (more if isinstance(more, str) else None)


def _date(value: object) -> datetime.date | None:
    """Return a day in ISO 8601, with or without a time; None for anything else, which is no reason to refuse the list."""
    try:
        return datetime.datetime.fromisoformat(value).date() if isinstance(value, str) else None
    except ValueError:
        return None
