"""What every transport promises of the proxies in the environment."""

from __future__ import annotations

import base64
import importlib.util
import ssl
import threading

import pytest
import trustme

from runner.endpoints.base import USER_AGENT, Response, Transport, TransportError
from runner.endpoints.proxies import proxy_for
from runner.errors import ConfigError
from tests.faults import CLOSE, RESET, FaultServer, Steps, Tunnel, completion, drop_after, reply
from tests.patience import PATIENCE

from .asking import Open, ask, failure, noticed, on_one_transport, send
from .conftest import server_context


def test_proxies_of_the_environment_are_used(open_transport: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer(completion("by proxy")) as proxy:
        monkeypatch.setenv("http_proxy", f"http://me:secret@127.0.0.1:{proxy.port}")

        async def work(transport: Transport) -> Response:
            return await transport.send(ask("http://api.invalid/v1"), timeout=PATIENCE)

        assert b"by proxy" in on_one_transport(open_transport, "http://api.invalid/v1", work).body
    (received,) = proxy.requests
    assert received.target == "http://api.invalid/v1"
    assert received.headers["proxy-authorization"].startswith("Basic ")


def test_a_proxy_serves_one_request_after_the_other_on_one_connection(
    open_transport: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultServer(completion()) as proxy:
        monkeypatch.setenv("http_proxy", proxy.origin)

        async def work(transport: Transport) -> None:
            for _ in range(3):
                await transport.send(ask("http://api.invalid/v1?x=%20"), timeout=PATIENCE)

        on_one_transport(open_transport, "http://api.invalid/v1", work)
        assert proxy.connections == 1
    for received in proxy.requests:
        assert received.target == "http://api.invalid/v1?x=%20"
        assert {name.lower() for name, _ in received.fields} == {
            *("host", "accept-encoding", "authorization", "content-type", "content-length"),
        }


def tunnelling(server: FaultServer) -> Steps:
    return (b"HTTP/1.1 200 Connection established\r\n\r\n", Tunnel(server.port))


@pytest.mark.usefixtures("trusted")
def test_tls_goes_through_one_tunnel_that_sees_no_key(
    open_transport: Open, monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext
) -> None:
    with FaultServer(completion("inside"), tls=tls) as server, FaultServer(tunnelling(server)) as proxy:
        monkeypatch.setenv("https_proxy", f"http://me:s%C3%A9cret@127.0.0.1:{proxy.port}")
        assert b"inside" in send(open_transport, server, times=3).body
        assert (proxy.connections, server.connections) == (1, 1)
    (connect,) = proxy.requests
    assert (connect.method, connect.target) == ("CONNECT", f"127.0.0.1:{server.port}")
    assert connect.headers["host"] == f"127.0.0.1:{server.port}"
    assert (
        base64.b64decode(connect.headers["proxy-authorization"].removeprefix("Basic ")).decode()
        == "me:sécret"
    )
    assert "authorization" not in connect.headers
    assert connect.headers.get("user-agent", USER_AGENT) == USER_AGENT
    assert all("proxy-authorization" not in received.headers for received in server.requests)


@pytest.mark.usefixtures("trusted")
def test_a_tunnel_that_was_closed_is_dug_again(
    open_transport: Open, monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext
) -> None:
    with FaultServer(completion("inside"), tls=tls) as server, FaultServer(tunnelling(server)) as proxy:
        monkeypatch.setenv("https_proxy", proxy.origin)
        read = threading.Event()
        server.play((*completion("first"), read, RESET), completion("second"))

        async def work(transport: Transport) -> Response:
            await transport.send(ask(server.base_url), timeout=PATIENCE)
            read.set()
            await noticed(lambda: server.closed == 1)
            return await transport.send(ask(server.base_url), timeout=PATIENCE)

        assert b"second" in on_one_transport(open_transport, server.base_url, work).body
        assert proxy.connections == 2


@pytest.mark.usefixtures("trusted")
def test_the_certificate_is_checked_through_a_tunnel_too(
    open_transport: Open, monkeypatch: pytest.MonkeyPatch, authority: trustme.CA
) -> None:
    context = server_context(authority, "api.example.org")
    with FaultServer(completion(), tls=context) as server, FaultServer(tunnelling(server)) as proxy:
        monkeypatch.setenv("https_proxy", proxy.origin)
        error = failure(open_transport, server)
    assert (error.kind, error.retryable) == ("tls", False)
    assert error.message.startswith("the certificate of 127.0.0.1 is not accepted: ")
    assert server.requests == []


@pytest.mark.usefixtures("trusted")
def test_a_proxy_may_be_spoken_to_under_tls(
    open_transport: Open, monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext
) -> None:
    with FaultServer(completion("by proxy"), tls=tls) as proxy:
        monkeypatch.setenv("http_proxy", proxy.origin)

        async def work(transport: Transport) -> Response:
            return await transport.send(ask("http://api.invalid/v1"), timeout=PATIENCE)

        assert b"by proxy" in on_one_transport(open_transport, "http://api.invalid/v1", work).body
    assert proxy.requests[0].target == "http://api.invalid/v1"


@pytest.mark.usefixtures("trusted")
def test_a_tunnel_may_itself_run_under_tls(
    open_transport: Open, monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext
) -> None:
    with (
        FaultServer(completion("inside"), tls=tls) as server,
        FaultServer(tunnelling(server), tls=tls) as proxy,
    ):
        monkeypatch.setenv("https_proxy", proxy.origin)
        assert b"inside" in send(open_transport, server, times=2).body
        assert proxy.connections == 1


def test_a_proxy_that_is_not_there_is_named(open_transport: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer() as proxy:
        pass
    for scheme in ("http", "https"):
        monkeypatch.setenv(f"{scheme}_proxy", f"http://me:secret@127.0.0.1:{proxy.port}")

        async def work(transport: Transport, url: str = f"{scheme}://api.invalid/v1") -> None:
            await transport.send(ask(url), timeout=PATIENCE)

        with pytest.raises(TransportError) as caught:
            on_one_transport(open_transport, f"{scheme}://api.invalid/v1", work)
        assert (caught.value.kind, caught.value.retryable) == ("connect", True)
        assert caught.value.message == f"nothing is listening on the proxy 127.0.0.1:{proxy.port}"
        assert "HTTP_PROXY" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://127.0.0.1:1", "the proxy in the environment has no usable URL"),
        ("http://", "the proxy in the environment has no usable URL"),
        ("http://me:secret@127.0.0.1:99999", "the proxy in the environment has no usable URL"),
        ("http://me:secret@[::1", "the proxy in the environment has no usable URL"),
    ],
)
def test_a_proxy_that_is_no_url_is_refused_and_not_shown(
    open_transport: Open, monkeypatch: pytest.MonkeyPatch, url: str, message: str
) -> None:
    monkeypatch.setenv("all_proxy", url)
    with pytest.raises(ConfigError) as caught:
        open_transport("http://api.invalid/v1")
    assert caught.value.message == message
    assert "ALL_PROXY" in (caught.value.hint or "")
    assert "secret" not in str(caught.value)


def test_a_socks_proxy_asks_for_what_it_needs(open_transport: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("socksio"):
        pytest.skip("the package that httpx needs for SOCKS is installed")
    monkeypatch.setenv("all_proxy", "socks5h://me:secret@127.0.0.1:1080")
    with pytest.raises(ConfigError) as caught:
        open_transport("http://api.invalid/v1")
    assert "SOCKS" in caught.value.message
    assert "pip install 'httpx[socks]'" in (caught.value.hint or "")
    assert "secret" not in str(caught.value)


def test_no_proxy_is_obeyed(open_transport: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer(completion()) as proxy, FaultServer(completion("direct")) as server:
        monkeypatch.setenv("http_proxy", proxy.origin)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert b"direct" in send(open_transport, server).body
        assert proxy.requests == []


@pytest.mark.parametrize(
    ("no_proxy", "url", "direct"),
    [
        ("127.0.0.0/8", "http://127.0.0.1:8000/v1", True),
        ("10.0.0.0/8, 192.168.0.0/16", "http://192.168.7.9/v1", True),
        ("10.0.0.7/8", "http://10.9.9.9:8000/v1", True),
        ("10.0.0.0/8", "http://11.0.0.1/v1", False),
        ("10.0.0.0/8", "http://10.example.com/v1", False),
        ("::1", "http://[::1]:8000/v1", True),
        ("[::1]", "http://[::1]:8000/v1", True),
        ("[::1]:8000", "http://[::1]:8000/v1", True),
        ("[::1]:8000", "http://[::1]:9000/v1", False),
        ("fd00::/8", "http://[fd12::7]/v1", True),
        ("[fd00::]/8", "http://[fd12::7]/v1", True),
        ("fd00::/8", "http://[fe80::7]/v1", False),
        ("0:0:0:0:0:0:0:1", "http://[::1]/v1", True),
        ("no/such, 10.0.0.0/99, ,", "http://10.0.0.7/v1", False),
        (".example.com", "http://api.example.com/v1", True),
        ("*", "http://10.0.0.7/v1", True),
        ("10.0.0.0/8 172.16.0.0/12", "http://172.16.0.1/v1", True),
        ("a.example b.example", "http://api.b.example/v1", True),
        ("10.0.0.0/8", "http://[::ffff:10.0.0.7]/v1", True),
    ],
)
def test_no_proxy_names_addresses_and_networks(
    monkeypatch: pytest.MonkeyPatch, no_proxy: str, url: str, *, direct: bool
) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", no_proxy)
    assert (proxy_for(url) is None) == direct


def test_both_libraries_obey_a_network(open_transport: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer(completion()) as proxy, FaultServer(completion("direct")) as server:
        monkeypatch.setenv("http_proxy", proxy.origin)
        monkeypatch.setenv("no_proxy", "127.0.0.0/8")
        assert b"direct" in send(open_transport, server).body
        assert proxy.requests == []


@pytest.mark.parametrize(("status", "retryable"), [(407, False), (403, False), (502, True), (503, True)])
def test_a_proxy_that_refuses_is_named_without_its_password(
    open_transport: Open, monkeypatch: pytest.MonkeyPatch, status: int, retryable: bool
) -> None:
    with FaultServer(drop_after(reply(status, b""))) as proxy:
        monkeypatch.setenv("https_proxy", f"http://me:secret@127.0.0.1:{proxy.port}")

        async def work(transport: Transport) -> None:
            await transport.send(ask("https://api.invalid/v1"), timeout=PATIENCE)

        with pytest.raises(TransportError) as caught:
            on_one_transport(open_transport, "https://api.invalid/v1", work)
    assert (caught.value.kind, caught.value.retryable) == ("connect", retryable)
    assert caught.value.message == (
        f"the proxy 127.0.0.1:{proxy.port} refused to connect to api.invalid:443 with status {status}"
    )
    assert proxy.requests[0].method == "CONNECT"
    assert "authorization" not in proxy.requests[0].headers


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ((CLOSE,), "the proxy 127.0.0.1:{} closed the connection without an answer"),
        ((RESET,), "the proxy 127.0.0.1:{} broke the connection"),
        ((b"SSH-2.0-OpenSSH_9.6\r\n\r\n", CLOSE), "the answer is not valid HTTP"),
    ],
)
def test_a_proxy_that_does_not_answer_in_http_may_be_asked_again(
    open_transport: Open, monkeypatch: pytest.MonkeyPatch, steps: Steps, message: str
) -> None:
    with FaultServer(steps) as proxy:
        monkeypatch.setenv("https_proxy", f"http://me:secret@127.0.0.1:{proxy.port}")

        async def work(transport: Transport) -> None:
            await transport.send(ask("https://api.invalid/v1"), timeout=PATIENCE)

        with pytest.raises(TransportError) as caught:
            on_one_transport(open_transport, "https://api.invalid/v1", work)
    assert (caught.value.kind, caught.value.retryable) == ("protocol", True)
    assert caught.value.message == message.format(proxy.port)
