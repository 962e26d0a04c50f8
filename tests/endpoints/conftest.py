"""Every kind of transport on every kind of event loop, for the tests of what they all promise."""

from __future__ import annotations

import importlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from runner.endpoints import certificates

from .asking import Open


@pytest.fixture(params=["httpx", "aiohttp", "httpx on uvloop", "aiohttp on uvloop"])
def open_transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Open:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    library, _, loop = request.param.partition(" on ")
    for needed in filter(None, (library, loop)):
        pytest.importorskip(needed, reason=f"{needed} (extra 'fast') is not installed")
    factory = importlib.import_module(loop).new_event_loop if loop else None
    return Open(library, importlib.import_module(f"runner.endpoints.{library}_transport"), factory)


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within it, `localhost` has an address of either family, whatever the machine says."""
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host in ("localhost", b"localhost"):
            return [
                (socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("::1", int(port), 0, 0)),
                (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", int(port))),
            ]
        return real(host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    """What a server on 127.0.0.1 shows."""
    return server_context(authority, "127.0.0.1")


def server_context(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.fixture
def trusted(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Within it, the authority is one that the process trusts."""
    bundle = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    certificates.tls_context.cache_clear()
    yield
    certificates.tls_context.cache_clear()
