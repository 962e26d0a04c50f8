"""Asking a server through one transport, for the tests of what every transport promises."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

import pytest

from runner.endpoints.base import Request, Response, Transport, TransportError
from tests.faults import FaultServer, Received, Steps, completion
from tests.patience import PATIENCE

T = TypeVar("T")
KEY = "sk-test-0123456789"


@dataclass(frozen=True)
class Open:
    """Opens transports of one kind; `run` is asyncio.run on one kind of event loop."""

    library: str
    module: ModuleType
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None

    def __call__(self, base_url: str) -> Transport:
        transport: Transport = getattr(self.module, f"{self.library.capitalize()}Transport")(base_url)
        return transport

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        with asyncio.Runner(loop_factory=self.loop_factory) as runner:
            return runner.run(work)


def ask(url: str, body: bytes = b"{}") -> Request:
    return Request("POST", url, {"authorization": f"Bearer {KEY}", "content-type": "application/json"}, body)


NEVER = b'{"never": true}'
"""The body of a request that `never_or` leaves without an answer."""


def never_or(content: str, *, before: float = 0.0) -> Callable[[Received], Steps]:
    """Answers what is not NEVER with this content, after `before` seconds."""

    def answer(request: Received) -> Steps:
        return (36000.0,) if request.body == NEVER else (before, *completion(content))

    return answer


async def noticed(happened: Callable[[], bool]) -> None:
    """Return once it happened at the server, and the event loop has seen what came of it."""
    async with asyncio.timeout(PATIENCE):
        while not happened():
            await asyncio.sleep(0.005)
    await asyncio.sleep(0.02)


def on_one_transport(open_transport: Open, base_url: str, work: Callable[[Transport], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        transport = open_transport(base_url)
        try:
            return await work(transport)
        finally:
            await transport.close()

    return open_transport.run(main())


def send(open_transport: Open, server: FaultServer, *, timeout: float = PATIENCE, times: int = 1) -> Response:
    async def work(transport: Transport) -> Response:
        for _ in range(times):
            response = await transport.send(ask(server.base_url), timeout=timeout)
        return response

    response: Response = on_one_transport(open_transport, server.base_url, work)
    return response


def failure(
    open_transport: Open, server: FaultServer, *, timeout: float = PATIENCE, times: int = 1
) -> TransportError:
    with pytest.raises(TransportError) as caught:
        send(open_transport, server, timeout=timeout, times=times)
    assert KEY not in str(caught.value)
    return caught.value
