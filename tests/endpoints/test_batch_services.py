"""The calls to providers of batches: what is sent, and what any answer is read as."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from runner.endpoints.anthropic_batches import AnthropicBatches
from runner.endpoints.base import Request, Response, TransportError
from runner.endpoints.batch_service import BatchService, BatchState, InvalidLine, ServiceError, Sought
from runner.endpoints.connect import Connection
from runner.endpoints.openai_batches import OpenAIBatches
from runner.files.model import Endpoint

T = TypeVar("T")
Answers = Callable[[Request], Response]


class Scripted:
    """A transport that answers from a function and keeps the requests with their bodies."""

    def __init__(self, answer: Answers) -> None:
        self.answer = answer
        self.sent: list[tuple[Request, bytes]] = []

    async def send(self, request: Request, *, timeout: float, on_bytes: Any = None) -> Response:
        body = request.body if request.upload is None else b"".join(request.upload.pieces())
        self.sent.append((request, body))
        response = self.answer(request)
        if request.streams(response.status) and on_bytes is not None:
            on_bytes(response.body)
        return response

    async def close(self) -> None:
        """Nothing is open."""


def connected(answer: Answers, base_url: str = "https://api.example.com/v1") -> tuple[Connection, Scripted]:
    transport = Scripted(answer)
    connection = Connection(
        Endpoint("fake", base_url),
        identity=base_url,
        base_url=base_url,
        opener=lambda _: transport,
        transport=lambda: "httpx",
    )
    return connection, transport


def json_of(value: object, status: int = 200) -> Response:
    return Response(status, {"content-type": "application/json"}, json.dumps(value).encode())


SOUGHT = Sought(
    "0123456789abcdef", "run", 1, "/v1/chat/completions", 2, datetime.now(UTC), "file-1", frozenset()
)


def submit(service: BatchService, lines: bytes = b"{}\n{}\n") -> BatchState:
    async def work() -> BatchState:
        with io.BytesIO(lines) as file:
            body = service.file_of(file, len(lines), "runner-r-1.jsonl")
            name = await service.upload(body)
            return await service.create(SOUGHT._replace(file=name), body)

    return asyncio.run(work())


def test_together_has_its_own_upload_and_envelope_and_no_metadata() -> None:
    def answer(request: Request) -> Response:
        if request.url.endswith("/files/upload"):
            return json_of({"id": "file-9"})
        return json_of({"job": {"id": "b", "status": "VALIDATING"}, "warning": None})

    connection, transport = connected(answer, "https://api.together.xyz/v1")
    state = submit(OpenAIBatches(connection, "chat"))
    assert (state.id, state.state, state.phase) == ("b", "validating", "waiting")
    (_, form), (_, create) = transport.sent
    assert b'name="purpose"\r\n\r\nbatch-api\r\n' in form
    assert b'name="file_name"\r\n\r\nrunner-r-1.jsonl\r\n' in form
    assert json.loads(create) == {
        "input_file_id": "file-9",
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
    }


def test_a_file_that_azure_is_still_processing_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asyncio.sleep", lambda _: asyncio.wait_for(_nothing(), None))
    states = iter(["pending", "running", "processed"])

    def answer(request: Request) -> Response:
        if "/files" in request.url:
            return json_of({"id": "file-1", "status": next(states)})
        return json_of({"id": "b", "status": "validating"})

    connection, transport = connected(answer, "https://me.openai.azure.com/openai/v1")
    assert submit(OpenAIBatches(connection, "chat")).id == "b"
    assert [request.method for request, _ in transport.sent] == ["POST", "GET", "GET", "POST"]


async def _nothing() -> None:
    return None


def test_a_file_that_cannot_be_used_is_an_error() -> None:
    connection, _ = connected(lambda _: json_of({"id": "file-1", "status": "error"}))
    with pytest.raises(ServiceError, match="has the status error") as caught:
        submit(OpenAIBatches(connection, "chat"))
    assert not caught.value.uncertain


def test_a_form_has_the_lines_unchanged_whatever_they_are() -> None:
    connection, transport = connected(lambda _: json_of({"id": "x", "status": "ok"}))
    lines = b"--boundary\r\n\r\n--\r\nContent-Disposition: form-data\n"
    submit(OpenAIBatches(connection, "chat"), lines)
    request, form = transport.sent[0]
    boundary = request.headers["content-type"].partition("boundary=")[2].encode()
    assert form.split(b"--" + boundary)[2].partition(b"\r\n\r\n")[2] == lines + b"\r\n"


def test_an_id_is_one_segment_of_a_path_whatever_it_is() -> None:
    connection, transport = connected(lambda _: json_of({"id": "x", "status": "completed"}))
    asyncio.run(OpenAIBatches(connection, "chat").state("../files/a?b#c"))
    assert transport.sent[0][0].url == "https://api.example.com/v1/batches/..%2Ffiles%2Fa%3Fb%23c"


def test_results_of_messages_are_asked_for_at_the_declared_server() -> None:
    shown = {"id": "b", "processing_status": "ended", "results_url": "https://evil.example/steal"}
    connection, transport = connected(lambda _: json_of(shown))
    service = AnthropicBatches(connection, "messages")

    async def work() -> None:
        state = await service.state("b")
        await service.download(state, state.files[0], io.BytesIO())

    asyncio.run(work())
    assert {request.url.partition("/v1")[0] for request, _ in transport.sent} == {"https://api.example.com"}


def test_the_reasons_of_a_refusal_are_read() -> None:
    errors = {"object": "list", "data": [{"code": "c", "message": "m", "line": 7}, "text", 5, {}]}
    connection, _ = connected(lambda _: json_of({"id": "b", "status": "failed", "errors": errors}))
    state = asyncio.run(OpenAIBatches(connection, "chat").state("b"))
    assert state.phase == "refused"
    assert state.invalid == (
        InvalidLine("c", "m", 7),
        InvalidLine("", "text"),
        InvalidLine("", ""),
    )


GARBAGE: list[Response] = [
    Response(200, {}, b""),
    Response(200, {}, b"<html><title>Welcome</title></html>"),
    Response(200, {}, b"[1, 2]"),
    Response(200, {}, b"5"),
    Response(200, {}, b"[" * 100_000),
    json_of({}),
    json_of({"id": 5}),
    json_of({"id": ""}),
    json_of({"id": "a\nb"}),
    json_of({"id": "x" * 1000}),
    json_of({"error": {"message": "no"}}),
    json_of({"error": {"message": "no"}}, 500),
    json_of({"detail": "gone"}, 404),
    Response(302, {"location": "https://evil.example"}, b""),
]


@pytest.mark.parametrize("response", GARBAGE, ids=range(len(GARBAGE)))
@pytest.mark.parametrize("kind", [OpenAIBatches, AnthropicBatches])
def test_an_answer_that_is_none_is_an_error_with_a_message(kind: Any, response: Response) -> None:
    connection, _ = connected(lambda _: response)
    service: BatchService = kind(connection, "chat")
    for call in (service.state("b"), service.cancel("b")):
        with pytest.raises(ServiceError) as caught:
            asyncio.run(call)
        assert caught.value.error.message
    with pytest.raises(ServiceError):
        submit(service)


@pytest.mark.parametrize(
    ("status", "uncertain"), [(400, False), (401, False), (429, False), (408, True), (500, True), (503, True)]
)
def test_only_some_failures_leave_it_open_whether_the_batch_exists(status: int, uncertain: bool) -> None:
    connection, _ = connected(lambda _: json_of({"error": {"message": "no"}}, status))
    with pytest.raises(ServiceError) as caught:
        asyncio.run(OpenAIBatches(connection, "chat").create(SOUGHT, None))  # type: ignore[arg-type]
    assert caught.value.uncertain is uncertain


@pytest.mark.parametrize(("kind", "uncertain"), [("connect", False), ("timeout", True), ("protocol", True)])
def test_a_broken_connection_leaves_it_open_unless_nothing_was_sent(kind: str, uncertain: bool) -> None:
    def answer(_: Request) -> Response:
        raise TransportError(kind, "broken", retryable=True)

    connection, _ = connected(answer)
    with pytest.raises(ServiceError) as caught:
        asyncio.run(OpenAIBatches(connection, "chat").create(SOUGHT, None))  # type: ignore[arg-type]
    assert caught.value.uncertain is uncertain


def test_a_list_without_an_end_is_given_up() -> None:
    page = {"data": [{"id": "b", "status": "completed"}], "has_more": True}
    connection, transport = connected(lambda _: json_of(page))
    assert asyncio.run(OpenAIBatches(connection, "chat").find(SOUGHT)) is None
    assert len(transport.sent) == 2


@pytest.mark.parametrize("kind", [OpenAIBatches, AnthropicBatches])
@pytest.mark.parametrize("listed", [None, 5, {"a": 1}])
def test_what_is_no_list_does_not_say_that_there_is_no_batch(kind: Any, listed: object) -> None:
    connection, _ = connected(lambda _: json_of({"data": listed}))
    with pytest.raises(ServiceError, match="not a list of batches"):
        asyncio.run(kind(connection, "chat").find(SOUGHT))


@pytest.mark.parametrize("kind", [OpenAIBatches, AnthropicBatches])
def test_an_empty_list_has_no_batch(kind: Any) -> None:
    connection, _ = connected(lambda _: json_of({"data": []}))
    assert asyncio.run(kind(connection, "chat").find(SOUGHT)) is None
