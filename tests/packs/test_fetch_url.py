"""Archives from the web: held against their hash, fetched without a credential, never more than asked for."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from runner.errors import FetchError
from runner.packs import fetch_url
from runner.packs.archive import write_archive
from runner.packs.fetch_url import find_at_url
from runner.packs.listing import collect
from runner.packs.tree_hash import Contents
from tests.faults import Behaviour, FaultServer, chunked, drop_after, reply

from .support import FILES

CONTENTS = Contents.of({name: content.encode() for name, content in FILES.items()})
DATA = write_archive(CONTENTS, "acme-1.0.0")
HASH = hashlib.sha256(DATA).hexdigest()


def refused(*script: Behaviour, sha256: str = HASH) -> str:
    with FaultServer(list(script)) as server, pytest.raises(FetchError) as caught:
        find_at_url(f"{server.origin}/acme.tar.gz", sha256, prefix="s:")
    assert caught.value.exit_code == 3
    return str(caught.value).replace(server.origin, "ORIGIN")


def test_an_archive_is_fetched_and_read() -> None:
    with FaultServer([reply(200, DATA)]) as server:
        found = find_at_url(f"{server.origin}/acme.tar.gz", HASH, prefix="s:")
        assert collect(found).contents == CONTENTS
        [request] = server.requests
    assert (request.method, request.target) == ("GET", "/acme.tar.gz")
    assert not {"authorization", "cookie", "proxy-authorization"} & request.headers.keys()


def test_another_archive_than_the_one_asked_for_is_not_read() -> None:
    assert refused(reply(200, DATA), sha256="0" * 64).startswith(
        f"ORIGIN/acme.tar.gz is not the archive in runner.yaml: its sha256 is {HASH}"
    )


def test_a_redirect_is_followed_without_anything_of_the_first_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login ada password hunter2\ndefault login ada password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    with FaultServer([reply(200, DATA)]) as second:
        moved = reply(
            302, headers={"location": f"{second.origin}/there?signature=x", "set-cookie": "id=1; Path=/"}
        )
        with FaultServer([moved]) as first:
            find_at_url(f"{first.origin}/acme.tar.gz", HASH, prefix="s:")
        [request] = second.requests
    for each in (*first.requests, request):
        assert not {"authorization", "cookie", "referer"} & each.headers.keys()
        assert "hunter2" not in str(each.headers)
        assert base64.b64encode(b"ada:hunter2").decode() not in str(each.headers)
    assert request.target == "/there?signature=x"


def test_a_relative_redirect_is_followed() -> None:
    with FaultServer([reply(307, headers={"location": "/b"}), reply(200, DATA)]) as server:
        find_at_url(f"{server.origin}/a", HASH, prefix="s:")
        assert [request.target for request in server.requests] == ["/a", "/b"]


@pytest.mark.parametrize("target", ["http://x.example/a.tar.gz", "file:///etc/passwd", "ftp://x.example/a"])
def test_a_redirect_away_from_https_is_not_followed(target: str) -> None:
    assert "redirects to a URL that is " in refused(reply(302, headers={"location": target}))


def test_a_redirect_with_a_password_is_not_followed() -> None:
    told = refused(reply(302, headers={"location": "https://ada:hunter2@x.example/a"}))
    assert "redirects to a URL that contains a user name or a password" in told
    assert "hunter2" not in told


def test_a_circle_of_redirects_ends() -> None:
    told = refused(*[reply(302, headers={"location": f"/{number}"}) for number in range(9)])
    assert told == "ORIGIN/acme.tar.gz redirects more than 5 times"


@pytest.mark.parametrize("steps", [reply(200, DATA), chunked(DATA[:100], DATA[100:])])
def test_no_more_is_read_than_an_archive_may_have(steps: Behaviour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_url, "MAX_ARCHIVE_BYTES", 200)
    assert "is larger than 0 MiB" in refused(steps)


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        (reply(404, "none"), "the server answered 404"),
        (reply(500), "the server answered 500"),
        (reply(200, DATA[:50], content_length=len(DATA)), "cannot be fetched: "),
        (drop_after(()), "cannot be fetched: "),
        (reply(302), "the server answered 302"),
    ],
)
def test_a_server_that_does_not_have_it(steps: Behaviour, told: str) -> None:
    assert told in refused(steps)


def test_what_a_server_compresses_on_its_way_is_not_taken_apart() -> None:
    # The hash is that of the archive: a content coding of the way would be other bytes.
    with FaultServer([reply(200, DATA, headers={"content-encoding": "gzip"})]) as server:
        assert collect(find_at_url(f"{server.origin}/a", HASH, prefix="s:")).contents == CONTENTS
        assert server.requests[0].headers["accept-encoding"] == "identity"
