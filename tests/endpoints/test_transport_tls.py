"""What every transport promises of TLS."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from typing import Any

import pytest
import trustme

from runner.endpoints.base import Request, Response, Transport, TransportError
from tests.faults import CLOSE, RESET, FaultServer, chunked, completion, reply
from tests.patience import PATIENCE

from .asking import NEVER, Open, ask, failure, never_or, noticed, on_one_transport, send
from .conftest import server_context


@pytest.mark.usefixtures("trusted")
def test_one_tls_connection_serves_one_request_after_the_other(
    open_transport: Open, tls: ssl.SSLContext
) -> None:
    with FaultServer([completion("private"), chunked(b"x" * 300_000, b"y")], tls=tls) as server:
        assert len(send(open_transport, server, times=3).body) == 300_001
        assert server.connections == 1


@pytest.mark.usefixtures("trusted")
def test_http_1_1_is_what_tls_agrees_on(open_transport: Open, authority: trustme.CA) -> None:
    """Or a server that prefers HTTP/2 would speak it."""
    agreed: list[str | None] = []
    context = server_context(authority, "127.0.0.1")
    context.set_alpn_protocols(["h2", "http/1.1"])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        agreed.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 -\r\nconnection: close\r\n\r\n")
        writer.close()

    async def main() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
            url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
            transport = open_transport(url)
            assert (await transport.send(Request("GET", url), timeout=PATIENCE)).status == 204
            await transport.close()
            await asyncio.sleep(0.05)

    open_transport.run(main())
    assert agreed == ["http/1.1"]


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("end", [CLOSE, RESET])
def test_a_tls_connection_closed_between_requests_is_replaced(
    open_transport: Open, tls: ssl.SSLContext, end: Any
) -> None:
    read = threading.Event()
    with FaultServer([(*completion("first"), read, end), completion("second")], tls=tls) as server:

        async def work(transport: Transport) -> Response:
            await transport.send(ask(server.base_url), timeout=PATIENCE)
            read.set()
            await noticed(lambda: server.closed == 1)
            return await transport.send(ask(server.base_url), timeout=PATIENCE)

        assert b"second" in on_one_transport(open_transport, server.base_url, work).body
        assert server.connections == 2


@pytest.mark.usefixtures("trusted")
def test_a_tls_connection_that_is_to_be_closed_is_used_once(
    open_transport: Open, tls: ssl.SSLContext
) -> None:
    with FaultServer(reply(200, {}, headers={"connection": "close"}), tls=tls) as server:
        send(open_transport, server, times=2)
        assert server.connections == 2


@pytest.mark.usefixtures("trusted")
def test_after_a_timeout_under_tls_the_transport_asks_again(
    open_transport: Open, tls: ssl.SSLContext
) -> None:
    with FaultServer(never_or("second"), tls=tls) as server:

        async def work(transport: Transport) -> Response:
            await transport.send(ask(server.base_url), timeout=PATIENCE)
            with pytest.raises(TransportError, match="no complete answer within"):
                await transport.send(ask(server.base_url, NEVER), timeout=0.3)
            return await transport.send(ask(server.base_url), timeout=PATIENCE)

        assert b"second" in on_one_transport(open_transport, server.base_url, work).body


@pytest.mark.usefixtures("trusted")
def test_an_answer_cut_off_under_tls_is_never_an_answer(open_transport: Open, tls: ssl.SSLContext) -> None:
    with FaultServer(reply(200, b"{}", content_length=100), tls=tls) as server:
        error = failure(open_transport, server)
    assert (error.kind, error.retryable) == ("protocol", True)
    assert error.message == "the answer is truncated"


def error_of_first_connection(
    open_transport: Open, meet: Callable[[socket.socket], object], url: str = "https://127.0.0.1:{}/v1"
) -> tuple[TransportError, int]:
    """What comes of asking a server that does `meet` with its first connection; and its port."""

    def accept(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            meet(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, args=(listener,))
        thread.start()
        port = listener.getsockname()[1]

        async def work(transport: Transport) -> None:
            await transport.send(ask(url.format(port)), timeout=PATIENCE)

        with pytest.raises(TransportError) as caught:
            on_one_transport(open_transport, url.format(port), work)
        thread.join()
    return caught.value, port


def hang_up(connection: socket.socket) -> None:
    connection.recv(65_536)


def reset(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("meet", [hang_up, reset])
def test_a_connection_closed_during_the_handshake_may_be_retried(
    open_transport: Open, meet: Callable[[socket.socket], object]
) -> None:
    error, port = error_of_first_connection(open_transport, meet)
    assert (error.kind, error.retryable) == ("tls", True)
    assert error.message == f"127.0.0.1:{port} closed the connection during the TLS handshake"


@pytest.mark.usefixtures("trusted")
def test_a_server_that_agrees_to_nothing_is_told(open_transport: Open, authority: trustme.CA) -> None:
    context = server_context(authority, "127.0.0.1")
    context.set_ciphers("PSK")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    error, port = error_of_first_connection(
        open_transport, lambda connection: context.wrap_socket(connection, server_side=True)
    )
    assert (error.kind, error.retryable) == ("tls", False)
    assert error.message.startswith(f"the TLS handshake with 127.0.0.1:{port} failed: ")
    assert error.message.endswith("handshake failure")


def test_nothing_listening_is_no_matter_of_tls(open_transport: Open, tls: ssl.SSLContext) -> None:
    with FaultServer(tls=tls) as server:
        pass
    error = failure(open_transport, server)
    assert (error.kind, error.retryable) == ("connect", True)
    assert error.message == f"nothing is listening on 127.0.0.1:{server.port}"


def test_tls_with_an_unknown_authority_is_refused(open_transport: Open, tls: ssl.SSLContext) -> None:
    with FaultServer(completion(), tls=tls) as server:
        error = failure(open_transport, server)
    assert (error.kind, error.retryable) == ("tls", False)
    assert error.message.startswith("the certificate of 127.0.0.1 is not accepted: ")
    assert server.requests == []


@pytest.mark.usefixtures("trusted")
def test_tls_with_another_hosts_certificate_is_refused(open_transport: Open, authority: trustme.CA) -> None:
    with FaultServer(completion(), tls=server_context(authority, "api.example.org")) as server:
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
            with pytest.raises(TransportError, match=r"127\.0\.0\.1:\d+ does not use TLS") as caught:
                await transport.send(ask(url), timeout=PATIENCE)
            await transport.close()
        assert (caught.value.kind, caught.value.retryable) == ("tls", False)

    open_transport.run(main())
