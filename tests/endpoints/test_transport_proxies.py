"""What every transport promises of the proxies in the environment."""

from __future__ import annotations

import pytest

from runner.endpoints.base import Response, Transport, TransportError
from tests.faults import FaultServer, completion, drop_after, reply

from .asking import Open, ask, on_one_transport, send


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
