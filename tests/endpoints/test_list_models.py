"""Listing an endpoint's models."""

from __future__ import annotations

import asyncio

import pytest

from runner.endpoints.connect import resolve
from runner.endpoints.list_models import list_models
from runner.errors import EndpointError
from runner.files.model import Endpoint
from tests.faults import CLOSE, FaultServer, Steps, reply

KEY = "sk-test-0123456789abcdef"


def ask(script: Steps) -> tuple[list[str], FaultServer]:
    async def main(base_url: str) -> list[str]:
        endpoint = Endpoint("test", base_url=base_url, api_key_env="KEY")
        async with resolve(endpoint, {"KEY": KEY}) as connection:
            return [model.name for model in await list_models(connection)]

    with FaultServer(script) as server:
        return asyncio.run(main(server.base_url)), server


def test_ids_come_back_sorted() -> None:
    names, server = ask(reply(200, {"object": "list", "data": [{"id": "b"}, {"id": "a"}]}))
    assert names == ["a", "b"]
    (request,) = server.requests
    assert (request.method, request.target) == ("GET", "/v1/models")
    assert request.headers["authorization"] == f"Bearer {KEY}"


def test_a_bare_list_is_read_too() -> None:
    assert ask(reply(200, [{"id": "a"}]))[0] == ["a"]


def test_a_wrong_key_is_told_in_the_providers_words_without_the_key() -> None:
    message = f"Incorrect API key provided: {KEY}. You can find your key elsewhere."
    with pytest.raises(EndpointError, match="Incorrect API key provided") as caught:
        ask(
            reply(
                401,
                {"error": {"message": message, "type": "invalid_request_error", "code": "invalid_api_key"}},
            )
        )
    assert KEY not in str(caught.value)


def test_a_key_that_the_name_of_a_model_repeats_is_masked() -> None:
    names, _ = ask(reply(200, {"data": [{"id": f"m for {KEY}"}, {"id": f"Bearer {KEY}"}]}))
    assert names == ["Bearer [key]", "m for [key]"]


@pytest.mark.parametrize(
    "body", [b"<html><title>Welcome</title></html>", {"data": [{"name": "no id"}]}, {"data": "none"}, {}, 7]
)
def test_an_answer_that_is_no_list_of_models_is_an_error(body: object) -> None:
    with pytest.raises(EndpointError, match="status 200"):
        ask(reply(200, body))


def test_no_answer_is_an_error_that_names_the_address() -> None:
    with pytest.raises(EndpointError, match=r"http://127\.0\.0\.1:\d+/v1/models: .* closed the connection"):
        ask((CLOSE,))
