"""What every transport promises, whichever library is behind it."""

from __future__ import annotations

import asyncio
import gzip
import importlib
import json
import ssl
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
import trustme

from runner.endpoints import certificates
from runner.endpoints.base import Request, Response, Transport, TransportError
from runner.endpoints.body import MAX_BODY_BYTES
from tests.faults import (
    CLOSE,
    RESET,
    FaultServer,
    Steps,
    chunked,
    completion,
    drop_after,
    event_stream,
    gzip_bomb,
    reply,
    slow_body,
)

T = TypeVar("T")
KEY = "sk-test-0123456789"


@dataclass(frozen=True)
class Open:
    """Opens transports of one kind; `run` is asyncio.run on one kind of event loop."""

    kind: Callable[[str], Transport]
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None

    def __call__(self, base_url: str) -> Transport:
        return self.kind(base_url)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        with asyncio.Runner(loop_factory=self.loop_factory) as runner:
            return runner.run(work)


@pytest.fixture(params=["httpx", "aiohttp", "httpx on uvloop", "aiohttp on uvloop"])
def open_transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Open:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    library, _, loop = request.param.partition(" on ")
    for needed in filter(None, (library, loop)):
        pytest.importorskip(needed, reason=f"{needed} (extra 'fast') is not installed")
    module = importlib.import_module(f"runner.endpoints.{library}_transport")
    factory = importlib.import_module(loop).new_event_loop if loop else None
    return Open(getattr(module, f"{library.capitalize()}Transport"), factory)


def ask(url: str, body: bytes = b"{}") -> Request:
    return Request("POST", url, {"authorization": f"Bearer {KEY}", "content-type": "application/json"}, body)


def on_one_transport(open_transport: Open, base_url: str, work: Callable[[Transport], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        transport = open_transport(base_url)
        try:
            return await work(transport)
        finally:
            await transport.close()

    return open_transport.run(main())


def send(open_transport: Open, server: FaultServer, *, timeout: float = 10, times: int = 1) -> Response:
    async def work(transport: Transport) -> Response:
        for _ in range(times):
            response = await transport.send(ask(server.base_url), timeout=timeout)
        return response

    response: Response = on_one_transport(open_transport, server.base_url, work)
    return response


def failure(
    open_transport: Open, server: FaultServer, *, timeout: float = 10, times: int = 1
) -> TransportError:
    with pytest.raises(TransportError) as caught:
        send(open_transport, server, timeout=timeout, times=times)
    assert KEY not in str(caught.value)
    return caught.value


def test_the_request_arrives_as_it_was_given(open_transport: Open) -> None:
    with FaultServer(completion()) as server:

        async def work(transport: Transport) -> None:
            await transport.send(
                ask(f"{server.base_url}/chat/completions?api-version=1", b'{"\xc3\xa9":1}'), timeout=5
            )

        on_one_transport(open_transport, server.base_url, work)
    (received,) = server.requests
    assert (received.method, received.target) == ("POST", "/v1/chat/completions?api-version=1")
    assert received.body == b'{"\xc3\xa9":1}'
    assert received.headers["authorization"] == f"Bearer {KEY}"
    assert received.headers["accept-encoding"] == "gzip"


def test_the_response_is_status_lower_case_headers_and_bytes(open_transport: Open) -> None:
    with FaultServer(reply(429, b"no", headers={"Retry-After": "7", "X-Odd": "a", "x-odd": "b"})) as server:
        response = send(open_transport, server)
    assert (response.status, response.body) == (429, b"no")
    assert response.headers["retry-after"] == "7"
    assert response.headers["x-odd"] == "a, b"


def test_one_connection_serves_one_request_after_the_other(open_transport: Open) -> None:
    with FaultServer() as server:
        server.play(completion())
        send(open_transport, server, times=3)
        assert server.connections == 1


def test_chunked_bodies_are_joined(open_transport: Open) -> None:
    with FaultServer(chunked(b'{"a"', b": 1", b"}")) as server:
        assert send(open_transport, server).body == b'{"a": 1}'


def test_gzip_is_unpacked(open_transport: Open) -> None:
    packed = gzip.compress(b"one ") + gzip.compress(b"two")  # two members: RFC 1952, 2.2
    with FaultServer(reply(200, packed, headers={"content-encoding": "gzip"})) as server:
        assert send(open_transport, server).body == b"one two"


def test_gzip_that_stops_in_its_middle_is_an_error(open_transport: Open) -> None:
    with FaultServer(
        reply(200, gzip.compress(b"x" * 1000)[:-9], headers={"content-encoding": "gzip"})
    ) as server:
        assert failure(open_transport, server).kind == "protocol"


def test_an_encoding_nobody_asked_for_is_an_error(open_transport: Open) -> None:
    with FaultServer(reply(200, b"?", headers={"content-encoding": "br"})) as server:
        assert "'br'" in failure(open_transport, server).message


def test_a_gzip_bomb_is_stopped(open_transport: Open) -> None:
    with FaultServer(gzip_bomb(64)) as server:
        assert failure(open_transport, server).kind == "too_large"


def test_a_body_up_to_the_limit_is_read(open_transport: Open) -> None:
    with FaultServer(reply(200, b"x" * MAX_BODY_BYTES)) as server:
        assert len(send(open_transport, server).body) == MAX_BODY_BYTES


def test_a_body_beyond_the_limit_is_refused(open_transport: Open) -> None:
    with FaultServer(reply(200, b"x" * (MAX_BODY_BYTES + 1))) as server:
        error = failure(open_transport, server)
    assert (error.kind, error.retryable) == ("too_large", False)


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param((30.0,), id="no answer"),
        pytest.param(slow_body(b" " * 1000, pause=0.02), id="a trickle that never pauses for long"),
    ],
)
def test_the_deadline_is_a_total_one(open_transport: Open, steps: Steps) -> None:
    with FaultServer(steps) as server:
        error = failure(open_transport, server, timeout=0.2)
    assert (error.kind, error.retryable) == ("timeout", True)


def test_after_a_timeout_the_transport_asks_again(open_transport: Open) -> None:
    with FaultServer([(30.0,), completion("second")]) as server:

        async def work(transport: Transport) -> Response:
            with pytest.raises(TransportError):
                await transport.send(ask(server.base_url), timeout=0.1)
            return await transport.send(ask(server.base_url), timeout=10)

        assert b"second" in on_one_transport(open_transport, server.base_url, work).body


def test_after_a_cancellation_the_transport_asks_again(open_transport: Open) -> None:
    with FaultServer([slow_body(b"first " * 100), completion("second")]) as server:

        async def work(transport: Transport) -> Response:
            arrived = asyncio.Event()
            task = asyncio.ensure_future(
                transport.send(ask(server.base_url), timeout=10, on_bytes=lambda _: arrived.set())
            )
            await arrived.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return await transport.send(ask(server.base_url), timeout=10)

        assert b"second" in on_one_transport(open_transport, server.base_url, work).body


def test_a_connection_closed_between_requests_is_replaced(open_transport: Open) -> None:
    with FaultServer([drop_after(completion("first")), completion("second")]) as server:

        async def work(transport: Transport) -> Response:
            await transport.send(ask(server.base_url), timeout=10)
            await asyncio.sleep(0.05)
            return await transport.send(ask(server.base_url), timeout=10)

        assert b"second" in on_one_transport(open_transport, server.base_url, work).body
        assert server.connections == 2


@pytest.mark.parametrize("end", [CLOSE, RESET])
def test_a_connection_dropped_instead_of_an_answer_may_be_retried(open_transport: Open, end: Any) -> None:
    with FaultServer([completion("first"), (end,), completion("third")]) as server:
        error = failure(open_transport, server, times=2)
    assert (error.kind, error.retryable) == ("protocol", True)


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param((b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", RESET), id="reset in the body"),
        pytest.param(reply(200, b"{}", content_length=100), id="content-length too long"),
        pytest.param(chunked(b"{", ended=False), id="chunks without an end"),
        pytest.param(
            (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnot a size\r\n",), id="broken chunk"
        ),
        pytest.param((b"SSH-2.0-OpenSSH_9.6\r\n\r\n", CLOSE), id="not HTTP"),
        pytest.param((b"HTTP/1.1 200 OK\r\nx: " + b"y" * 300_000 + b"\r\n\r\n",), id="endless header"),
    ],
)
def test_a_broken_answer_is_never_an_answer(open_transport: Open, steps: Steps) -> None:
    with FaultServer(steps) as server:
        error = failure(open_transport, server)
    assert (error.kind, error.retryable) == ("protocol", True)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\n\n\n{}", id="blank lines before JSON"),
        pytest.param(b"<html>\xff\xfe</html>", id="HTML that is not UTF-8"),
        pytest.param(b"[" * 100_000, id="deep JSON"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_bytes_come_back_untouched(open_transport: Open, body: bytes) -> None:
    with FaultServer(reply(200, body)) as server:
        assert send(open_transport, server).body == body


def test_interim_responses_are_skipped(open_transport: Open) -> None:
    with FaultServer((b"HTTP/1.1 102 Processing\r\n\r\n", 0.01, *completion("after"))) as server:
        assert b"after" in send(open_transport, server).body


def test_redirects_come_back_as_they_are_and_take_no_key_elsewhere(open_transport: Open) -> None:
    with (
        FaultServer(completion()) as other,
        FaultServer(reply(307, headers={"location": other.base_url})) as server,
    ):
        response = send(open_transport, server)
        assert (response.status, response.headers["location"]) == (307, other.base_url)
        assert other.requests == []


def test_cookies_are_not_kept(open_transport: Open) -> None:
    with FaultServer(reply(200, {}, headers={"set-cookie": "session=1"})) as server:
        send(open_transport, server, times=2)
    assert "cookie" not in server.requests[1].headers


def test_pieces_are_passed_on_as_they_arrive(open_transport: Open) -> None:
    with FaultServer(event_stream({"a": 1}, {"b": 2}, pieces=[3, 9])) as server:
        pieces: list[bytes] = []

        async def work(transport: Transport) -> Response:
            return await transport.send(ask(server.base_url), timeout=10, on_bytes=pieces.append)

        response = on_one_transport(open_transport, server.base_url, work)
    assert response.body == b"".join(pieces) == b'data: {"a": 1}\n\ndata: {"b": 2}\n\ndata: [DONE]\n\n'


def test_a_callback_sees_the_first_piece_before_the_last_is_sent(open_transport: Open) -> None:
    released = asyncio.Event()
    with FaultServer((*chunked(b"first", ended=False)[:-1], 30.0)) as server:

        async def work(transport: Transport) -> None:
            task = asyncio.ensure_future(
                transport.send(ask(server.base_url), timeout=30, on_bytes=lambda _: released.set())
            )
            async with asyncio.timeout(5):
                await released.wait()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        on_one_transport(open_transport, server.base_url, work)


def test_nothing_listening_says_where(open_transport: Open) -> None:
    with FaultServer() as server:
        pass  # the port was free a moment ago and is again
    error = failure(open_transport, server)
    assert (error.kind, error.retryable) == ("connect", True)
    assert error.message == f"nothing is listening on 127.0.0.1:{server.port}"


def test_an_unknown_name_says_so(open_transport: Open) -> None:
    async def work(transport: Transport) -> None:
        await transport.send(ask("http://api.invalid/v1"), timeout=10)  # .invalid never resolves: RFC 6761

    with pytest.raises(TransportError, match=r"the name api\.invalid does not resolve") as caught:
        on_one_transport(open_transport, "http://api.invalid/v1", work)
    assert caught.value.kind == "connect"


def test_proxies_of_the_environment_are_used(open_transport: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer(completion("by proxy")) as proxy:
        monkeypatch.setenv("http_proxy", f"http://me:secret@127.0.0.1:{proxy.port}")

        async def work(transport: Transport) -> Response:
            return await transport.send(ask("http://api.invalid/v1"), timeout=10)

        assert b"by proxy" in on_one_transport(open_transport, "http://api.invalid/v1", work).body
    (received,) = proxy.requests
    assert received.target == "http://api.invalid/v1"
    assert received.headers["proxy-authorization"].startswith("Basic ")


def test_no_proxy_is_obeyed(open_transport: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer(completion()) as proxy, FaultServer(completion("direct")) as server:
        monkeypatch.setenv("http_proxy", proxy.origin)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert b"direct" in send(open_transport, server).body
        assert proxy.requests == []


def test_a_proxy_that_refuses_is_named_without_its_password(
    open_transport: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultServer(drop_after(reply(407, b""))) as proxy:
        monkeypatch.setenv("https_proxy", f"http://me:secret@127.0.0.1:{proxy.port}")

        async def work(transport: Transport) -> None:
            await transport.send(ask("https://api.invalid/v1"), timeout=10)

        with pytest.raises(TransportError, match=rf"the proxy 127\.0\.0\.1:{proxy.port} .*407") as caught:
            on_one_transport(open_transport, "https://api.invalid/v1", work)
    assert (caught.value.kind, caught.value.retryable) == ("connect", False)
    assert "secret" not in str(caught.value)
    assert proxy.requests[0].method == "CONNECT"
    assert "authorization" not in proxy.requests[0].headers


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def tls_context(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.fixture
def trusted(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[None]:
    bundle = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    certificates.tls_context.cache_clear()
    yield
    certificates.tls_context.cache_clear()


@pytest.mark.usefixtures("trusted")
def test_tls_with_a_known_authority_works(open_transport: Open, authority: trustme.CA) -> None:
    with FaultServer(completion("private"), tls=tls_context(authority, "127.0.0.1")) as server:
        assert b"private" in send(open_transport, server).body


def test_tls_with_an_unknown_authority_is_refused(open_transport: Open, authority: trustme.CA) -> None:
    with FaultServer(completion(), tls=tls_context(authority, "127.0.0.1")) as server:
        error = failure(open_transport, server)
    assert (error.kind, error.retryable) == ("tls", False)
    assert error.message.startswith("the certificate of 127.0.0.1 is not accepted: ")
    assert server.requests == []


@pytest.mark.usefixtures("trusted")
def test_tls_with_another_hosts_certificate_is_refused(open_transport: Open, authority: trustme.CA) -> None:
    with FaultServer(completion(), tls=tls_context(authority, "api.example.org")) as server:
        assert failure(open_transport, server).kind == "tls"
    assert server.requests == []


def test_https_to_a_server_without_tls_says_so(open_transport: Open) -> None:
    async def main() -> None:
        def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
            transport = open_transport(url)
            with pytest.raises(TransportError, match=r"127\.0\.0\.1:\d+ does not speak TLS") as caught:
                await transport.send(ask(url), timeout=5)
            await transport.close()
        assert (caught.value.kind, caught.value.retryable) == ("tls", False)

    open_transport.run(main())


def test_the_body_of_a_completion_survives_as_json(open_transport: Open) -> None:
    with FaultServer() as server:

        async def work(transport: Transport) -> Response:
            body = json.dumps({"messages": [{"role": "user", "content": "hélló"}]}).encode()
            return await transport.send(ask(server.base_url, body), timeout=5)

        answer = json.loads(on_one_transport(open_transport, server.base_url, work).body)
    assert answer["choices"][0]["message"]["content"] == "hélló"


def test_the_cost_of_a_request_does_not_grow_with_the_number_of_workers(open_transport: Open) -> None:
    """CPU time of the client's thread, so that the server's and the machine's other work do not count."""

    async def cost(workers: int, server: FaultServer) -> float:
        transports = [open_transport(server.base_url) for _ in range(workers)]

        async def work(transport: Transport, requests: int) -> None:
            for _ in range(requests):
                await transport.send(ask(server.base_url), timeout=30)

        try:
            await asyncio.gather(*(work(transport, 1) for transport in transports))
            started = time.thread_time()
            await asyncio.gather(*(work(transport, 512 // workers) for transport in transports))
            return (time.thread_time() - started) / 512
        finally:
            for transport in transports:
                await transport.close()

    with FaultServer(completion()) as server:
        few, many = open_transport.run(cost(16, server)), open_transport.run(cost(256, server))
    assert many < 2 * few  # one pool for all was 30 times
