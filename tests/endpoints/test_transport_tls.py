"""What every transport promises of TLS."""

from __future__ import annotations

import asyncio

import pytest
import trustme

from runner.endpoints.base import TransportError
from tests.faults import FaultServer, completion

from .asking import Open, ask, failure, send
from .conftest import server_context


@pytest.mark.usefixtures("trusted")
def test_tls_with_a_known_authority_works(open_transport: Open, authority: trustme.CA) -> None:
    with FaultServer(completion("private"), tls=server_context(authority, "127.0.0.1")) as server:
        assert b"private" in send(open_transport, server).body


def test_tls_with_an_unknown_authority_is_refused(open_transport: Open, authority: trustme.CA) -> None:
    with FaultServer(completion(), tls=server_context(authority, "127.0.0.1")) as server:
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
            with pytest.raises(TransportError, match=r"127\.0\.0\.1:\d+ does not speak TLS") as caught:
                await transport.send(ask(url), timeout=5)
            await transport.close()
        assert (caught.value.kind, caught.value.retryable) == ("tls", False)

    open_transport.run(main())
