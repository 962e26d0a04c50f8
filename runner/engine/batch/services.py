"""Choose the service that has the batches of an endpoint, by the wire format of its requests."""

from __future__ import annotations

from collections.abc import Callable

from ...endpoints.anthropic_batches import AnthropicBatches
from ...endpoints.batch_service import BatchService
from ...endpoints.connect import Connection
from ...endpoints.openai_batches import OpenAIBatches

__all__ = ["service_of"]


def service_of(connection: Connection, api: str, trace: Callable[[str], None] | None = None) -> BatchService:
    """Return the batches of an endpoint for requests in the wire format `api`."""
    service = AnthropicBatches if api == "messages" else OpenAIBatches
    return service(connection, api, trace)
