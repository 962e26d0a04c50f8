"""A scripted HTTP/1.1 server on the loopback interface, for everything a provider or the way to it can do.

    with FaultServer([reply(429, headers={"retry-after": "1"}), echo]) as server:
        ...                                   # ask server.base_url + "/chat/completions", sync or async
    assert [request.json["model"] for request in server.requests] == ["gpt-test"] * 2

The script is one behaviour, or a list of them played in the order the requests arrive; the last one stays. A
behaviour is a tuple of steps, put on the wire as they stand: bytes are sent, a float is a pause in seconds, CLOSE and
RESET end the connection, a function is called, Tunnel(port) connects it to that port (a proxy, after CONNECT). A
behaviour may also be a function from the received request to such a tuple.

`python -m tests.faults` serves `echo` until it is killed and prints its base URL: a server for load tests that does
not share the client's interpreter.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any

__all__ = [
    "CLOSE",
    "RESET",
    "Behaviour",
    "FaultServer",
    "Received",
    "Tunnel",
    "chunked",
    "completion",
    "drop_after",
    "echo",
    "event_stream",
    "gzip_bomb",
    "reply",
    "slow_body",
]


class End(Enum):
    CLOSE = "close"  # FIN: the orderly end
    RESET = "reset"  # RST: "connection reset by peer"


CLOSE = End.CLOSE
RESET = End.RESET


@dataclass(frozen=True)
class Tunnel:
    """From here on the connection is one to this port of the loopback interface."""

    port: int


Step = bytes | float | End | Tunnel | threading.Event | Callable[[], None]
Steps = tuple[Step, ...]


@dataclass(frozen=True)
class Received:
    """One request as it arrived. Header names are lower case; `connection` counts from 0; `at` is monotonic seconds.

    `fields` are the headers as they stood, in their order.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    connection: int
    at: float
    fields: tuple[tuple[str, str], ...] = ()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Behaviour = Steps | Callable[[Received], Steps]


def reply(
    status: int = 200,
    body: object = b"",
    *,
    headers: Mapping[str, str] | None = None,
    content_length: int | None = None,
    before: float = 0.0,
) -> Steps:
    """A whole response after `before` seconds: bytes and text as they are, anything else as JSON.

    `content_length` lies about the length: a longer one is followed by the end of the connection.
    """
    data = (
        body
        if isinstance(body, bytes)
        else body.encode()
        if isinstance(body, str)
        else json.dumps(body).encode()
    )
    length = len(data) if content_length is None else content_length
    fields = {"content-type": "application/json", **(headers or {}), "content-length": str(length)}
    steps: Steps = (_head(status, fields) + data,)
    if before:
        steps = (before, *steps)
    return (*steps, CLOSE) if length > len(data) else steps


def completion(content: str = "ok", model: str = "gpt-test", **more: object) -> Steps:
    """A valid chat.completion whose one choice says `content`; `more` replaces or adds top-level keys."""
    return reply(200, _completion(content, model, **more))


def echo(request: Received) -> Steps:
    """A valid chat.completion that says what the last message said. Cheap: for load tests."""
    asked = json.loads(request.body)
    content = asked["messages"][-1]["content"]
    text = content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
    return reply(200, _completion(text, asked.get("model", "gpt-test")))


def chunked(
    *pieces: bytes, status: int = 200, headers: Mapping[str, str] | None = None, ended: bool = True
) -> Steps:
    """A body in chunked coding, one chunk a piece; without its end (`ended=False`) the connection closes instead."""
    fields = {"content-type": "application/json", **(headers or {}), "transfer-encoding": "chunked"}
    chunks = (b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return (_head(status, fields), *chunks, b"0\r\n\r\n" if ended else CLOSE)


def event_stream(*events: object, pieces: Iterable[int] = (), done: bool = True) -> Steps:
    """Server-sent events, `data:` each, then [DONE]; `pieces` are the sizes to cut the bytes into (rest: one piece).

    Text stands as it is, so that comments (": keep-alive") and broken events can be sent too.
    """
    lines = [event if isinstance(event, str) else f"data: {json.dumps(event)}" for event in events]
    data = "".join(f"{line}\n\n" for line in [*lines, *(["data: [DONE]"] if done else [])]).encode()
    cut = []
    for size in pieces:
        cut.append(data[:size])
        data = data[size:]
    return chunked(*(piece for piece in [*cut, data] if piece), headers={"content-type": "text/event-stream"})


def slow_body(data: bytes, *, piece: int = 1, pause: float = 0.01) -> Steps:
    """A response whose body trickles: `piece` bytes, then a pause of `pause` seconds, and so on."""
    steps: list[Step] = [_head(200, {"content-type": "application/json", "content-length": str(len(data))})]
    for start in range(0, len(data), piece):
        steps += [data[start : start + piece], pause]
    return tuple(steps)


def gzip_bomb(megabytes: int) -> Steps:
    """A gzip body of a few kilobytes that unfolds to `megabytes` MB of zeros."""
    return reply(200, gzip.compress(bytes(megabytes * 1_000_000)), headers={"content-encoding": "gzip"})


def drop_after(steps: Steps) -> Steps:
    """The same answer, then the connection is closed although it was to be kept alive."""
    return (*steps, CLOSE)


class FaultServer:
    """Plays a script to whoever connects, in a thread of its own, and keeps what it received.

    `tls` is a server-side SSLContext. `base_url` ends in /v1; any other target is answered all the same.
    """

    def __init__(
        self,
        script: Behaviour | Sequence[Behaviour] = echo,
        *,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        # A list is a script, a tuple is one behaviour.
        self._script: list[Behaviour] = list(script) if isinstance(script, list) else [script]  # type: ignore[list-item]
        self._tls = tls
        self._played = 0
        self._connections = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="fault-server", daemon=True)
        self.requests: list[Received] = []
        self.said = 0
        """How often all that the script says to a request is on the wire."""
        self.closed = 0
        """How many connections this side has ended."""
        self.host = host
        self.port = 0

    @property
    def origin(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}"

    @property
    def base_url(self) -> str:
        return f"{self.origin}/v1"

    @property
    def connections(self) -> int:
        """How many connections were accepted so far."""
        return self._connections

    def play(self, *script: Behaviour) -> None:
        """Replace what is left of the script."""
        self._script, self._played = list(script), 0

    def __enter__(self) -> FaultServer:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._accept, self.host, 0, ssl=self._tls, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        for _ in range(
            5
        ):  # whoever came this moment becomes a task first; accepted after close() he would leak
            await asyncio.sleep(0)
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        number = self._connections
        self._connections += 1
        try:
            while (request := await _receive(reader, number)) is not None:
                self.requests.append(request)
                behaviour = self._script[min(self._played, len(self._script) - 1)]
                self._played += 1
                steps = behaviour(request) if callable(behaviour) else behaviour
                going_on = await _perform(steps, reader, writer)
                self.said += 1
                if not going_on:
                    break
        except (ConnectionError, asyncio.CancelledError, ssl.SSLError):
            pass  # the client left, or the test is over
        finally:
            writer.close()
            with suppress(ConnectionError, asyncio.CancelledError, ssl.SSLError):
                await asyncio.sleep(0.01)  # the loop has said so to the other side before it comes back here
                self.closed += 1
                await writer.wait_closed()
            self._tasks.discard(task)


async def _receive(reader: asyncio.StreamReader, connection: int) -> Received | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    start, *lines = head[:-4].split("\r\n")
    method, target, _ = start.split(" ")
    fields = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
    headers = {name.lower(): value for name, value in fields}
    try:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    except asyncio.IncompleteReadError:
        return None
    return Received(method, target, headers, body, connection, time.monotonic(), fields)


async def _perform(steps: Steps, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Put the steps on the wire; False when the connection is over."""
    for step in steps:
        if isinstance(step, bytes):
            writer.write(step)
            await writer.drain()
        elif isinstance(step, End):
            if step is RESET:
                raw = writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            return False
        elif isinstance(step, Tunnel):
            await _connect_through(step.port, reader, writer)
            return False
        elif isinstance(step, threading.Event):
            while not step.is_set():
                await asyncio.sleep(0.005)
        elif callable(step):
            step()
        else:
            await asyncio.sleep(step)
    return True


async def _connect_through(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    there, back = await asyncio.open_connection("127.0.0.1", port)

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65_536):
                target.write(data)
                await target.drain()
        finally:
            target.close()

    await asyncio.gather(copy(reader, back), copy(there, writer), return_exceptions=True)


def _head(status: int, fields: Mapping[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} -\r\n{lines}\r\n".encode("latin-1")


def _completion(content: str, model: str, **more: object) -> dict[str, object]:
    return {
        "id": "chatcmpl-test",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": model,
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"},
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
        **more,
    }


if __name__ == "__main__":
    with FaultServer(echo) as served:
        print(served.base_url, flush=True)
        threading.Event().wait()
