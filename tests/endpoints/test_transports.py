"""Which library speaks HTTP."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from pathlib import Path

import pytest

from runner.endpoints import embedded
from runner.endpoints.base import Transport
from runner.endpoints.connect import Connection, resolve
from runner.errors import ConfigError
from runner.files.model import Endpoint
from tests.faults import FaultServer, completion
from tests.patience import PATIENCE

from .asking import ask

HTTP = Endpoint("test", base_url="http://api.invalid/v1")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def installed(monkeypatch: pytest.MonkeyPatch, *, aiohttp: bool) -> None:
    real = importlib.util.find_spec

    def find_spec(name: str) -> object:
        return (real("json") if aiohttp else None) if name == "aiohttp" else real(name)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)


def connect(transport: str = "auto", endpoint: Endpoint = HTTP) -> Connection:
    return resolve(endpoint, {}, transport=transport)


@pytest.mark.parametrize(("aiohttp", "chosen"), [(True, "aiohttp"), (False, "httpx")])
def test_auto_is_aiohttp_where_it_is_installed(
    monkeypatch: pytest.MonkeyPatch, aiohttp: bool, chosen: str
) -> None:
    installed(monkeypatch, aiohttp=aiohttp)
    assert connect().transport_name == chosen
    assert resolve(HTTP, {}).transport_name == chosen  # what the Python API and `runner models` ask for


@pytest.mark.parametrize("name", ["httpx", "aiohttp"])
def test_what_is_asked_for_is_used(name: str) -> None:
    if name == "aiohttp":
        pytest.importorskip("aiohttp", reason="aiohttp (extra 'fast') is not installed")

    async def main() -> Transport:
        with FaultServer(completion("here")) as server:
            async with connect(name, Endpoint("test", base_url=server.base_url)) as connection:
                assert connection.transport_name == name
                transport = connection.transport()
                assert b"here" in (await transport.send(ask(server.base_url), timeout=PATIENCE)).body
                return transport

    assert type(asyncio.run(main())).__name__ == f"{name.capitalize()}Transport"


def test_aiohttp_without_its_extra_is_told_with_its_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, aiohttp=False)
    with pytest.raises(ConfigError, match="needs the extra 'fast'") as caught:
        connect("aiohttp")
    assert "pip install 'prompt-runner[fast]'" in (caught.value.hint or "")
    assert connect("httpx").transport_name == "httpx"


def test_an_unknown_transport_is_refused() -> None:
    with pytest.raises(ConfigError, match="no transport 'curl'") as caught:
        connect("curl")
    assert "auto, httpx, aiohttp" in (caught.value.hint or "")


def test_aiohttp_that_cannot_be_loaded_is_told_and_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, aiohttp=True)
    monkeypatch.delitem(sys.modules, "runner.endpoints.aiohttp_transport", raising=False)
    monkeypatch.setitem(sys.modules, "aiohttp", None)  # importing it fails
    with pytest.raises(ConfigError, match="the package aiohttp cannot be loaded") as caught:
        connect().transport()
    assert "use the transport httpx" in (caught.value.hint or "")


def test_before_a_socks_proxy_auto_is_httpx(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, aiohttp=True)
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:1080")
    assert connect().transport_name == "httpx"
    assert connect("aiohttp").transport_name == "aiohttp"  # asked for, so it says itself what is wrong
    monkeypatch.setenv("no_proxy", "api.invalid")
    assert connect().transport_name == "aiohttp"


def test_a_proxy_that_is_none_is_told_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, aiohttp=True)
    monkeypatch.setenv("all_proxy", "http://")
    connection = connect()
    with pytest.raises(ConfigError, match="no usable URL"):
        _ = connection.transport_name


def test_the_embedded_endpoint_makes_the_same_choice_and_knows_no_proxy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(embedded, "require_local_extra", lambda: None)
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:1080")
    environ = {"RUNNER_CACHE_DIR": str(tmp_path)}
    endpoint = Endpoint("local", embedded="smollm2-135m-instruct")
    installed(monkeypatch, aiohttp=False)
    assert resolve(endpoint, environ).transport_name == "httpx"
    installed(monkeypatch, aiohttp=True)
    assert resolve(endpoint, environ).transport_name == "aiohttp"
    assert resolve(endpoint, environ, transport="httpx").transport_name == "httpx"


@pytest.mark.parametrize("name", ["httpx", "aiohttp"])
def test_the_embedded_endpoint_speaks_through_the_chosen_library(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """The server is one of ours; that the real one answers is tested with `-m e2e`."""
    if name == "aiohttp":
        pytest.importorskip("aiohttp", reason="aiohttp (extra 'fast') is not installed")
    monkeypatch.setattr(embedded, "require_local_extra", lambda: None)
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:9")  # nothing listens there, and nobody shall ask
    endpoint = Endpoint("local", embedded="smollm2-135m-instruct")
    with FaultServer(completion("embedded")) as server:
        monkeypatch.setattr(embedded, "_address_of", lambda *_: server.origin)

        async def main() -> bytes:
            environ = {"RUNNER_CACHE_DIR": str(tmp_path)}
            async with resolve(endpoint, environ, transport=name) as connection:
                return (
                    await connection.transport().send(
                        ask(connection.url("chat/completions")), timeout=PATIENCE
                    )
                ).body

        assert b"embedded" in asyncio.run(main())
    assert server.requests[0].target == "/v1/chat/completions"
