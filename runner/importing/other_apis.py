"""What a source needs beside its prompts if it calls another API of OpenAI than chat completions: an endpoint with its `api`."""

from __future__ import annotations

from ..errors import Location
from ..values import Json
from .ledger import Ledger

__all__ = ["OPENAI", "need_api", "openai_endpoint"]

OPENAI: dict[str, Json] = {"base_url": "https://api.openai.com/v1", "api_key_env": "OPENAI_API_KEY"}
"""The endpoint that is built in, as it would be declared."""
_NAMES = {"responses": "the Responses API", "completions": "the completions API"}


def openai_endpoint(api: str) -> dict[str, Json]:
    """Return the endpoint for runner.yaml, under its name, that calls an API of OpenAI."""
    return {f"openai-{api}": {**OPENAI, "api": api}}


def need_api(ledger: Ledger, location: Location, what: str, api: str) -> None:
    """Report that a request is sent to another API if its endpoint says so."""
    ledger.remark(
        location, "I203", what,
        f"to call {_NAMES[api]}, the endpoint in runner.yaml needs api: {api}; without it, chat completions are called",
    )  # fmt: skip
