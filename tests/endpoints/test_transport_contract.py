"""What every transport promises, whichever library is behind it."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import io
import json
import socket
import threading
import time
from typing import Any

import pytest

from runner.endpoints.base import Request, Response, Transport, TransportError, Upload
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
from tests.patience import PATIENCE

from .asking import KEY, NEVER, Open, ask, failure, never_or, noticed, on_one_transport, send


def test_the_request_arrives_as_it_was_given(open_transport: Open) -> None:
    with FaultServer(completion()) as server:

        async def work(transport: Transport) -> None:
            url = f"{server.base_url}/a%2Fb/chat/completions?api-version=1&q=%20x"
            await transport.send(ask(url, b'{"\xc3\xa9":1}'), timeout=PATIENCE)

        on_one_transport(open_transport, server.base_url, work)
    (received,) = server.requests
    assert (received.method, received.target) == (
        "POST",
        "/v1/a%2Fb/chat/completions?api-version=1&q=%20x",
    )
    assert received.body == b'{"\xc3\xa9":1}'


def test_the_request_has_these_fields_in_this_order_and_no_others(open_transport: Open) -> None:
    with FaultServer(completion()) as server:
        send(open_transport, server, times=2)
    for received in server.requests:
        assert received.fields == (
            ("Host", f"127.0.0.1:{server.port}"),
            ("accept-encoding", "gzip"),
            ("authorization", f"Bearer {KEY}"),
            ("content-type", "application/json"),
            ("Content-Length", "2"),
        )


def test_a_request_without_a_body_says_so_only_where_one_belongs(open_transport: Open) -> None:
    with FaultServer(reply(200, {})) as server:

        async def work(transport: Transport) -> None:
            await transport.send(Request("GET", f"{server.base_url}/models"), timeout=PATIENCE)
            await transport.send(Request("POST", server.base_url), timeout=PATIENCE)

        on_one_transport(open_transport, server.base_url, work)
    get, post = server.requests
    assert get.headers == {"host": f"127.0.0.1:{server.port}", "accept-encoding": "gzip"}
    assert post.headers == {**get.headers, "content-length": "0"}


@pytest.mark.parametrize("value", ["a\r\nx-injected: 1", "a\nb", "a\x00b"])
def test_a_field_that_http_cannot_carry_is_never_sent(open_transport: Open, value: str) -> None:
    with FaultServer(completion()) as server:

        async def work(transport: Transport) -> None:
            await transport.send(Request("POST", server.base_url, {"x": value}), timeout=PATIENCE)

        with pytest.raises(TransportError) as caught:
            on_one_transport(open_transport, server.base_url, work)
    error = caught.value
    assert (error.kind, error.retryable, error.message) == (
        "protocol",
        False,
        "the request is not valid HTTP",
    )
    assert server.requests == []


def test_the_next_request_may_have_other_fields_and_another_path(open_transport: Open) -> None:
    with FaultServer(completion()) as server:

        async def work(transport: Transport) -> None:
            headers = {"x-number": "1"}
            for path in ("/one", "/two"):
                await transport.send(
                    Request("POST", f"{server.origin}{path}", headers, b"{}"), timeout=PATIENCE
                )
                headers["x-number"] = "2"  # the same mapping, changed

        on_one_transport(open_transport, server.base_url, work)
    assert [(one.target, one.headers["x-number"]) for one in server.requests] == [
        ("/one", "1"),
        ("/two", "2"),
    ]


def test_a_large_request_arrives_whole(open_transport: Open) -> None:
    with FaultServer(completion()) as server:
        body = bytes(range(256)) * 40_000  # 10 MB: more than any buffer between here and there

        async def work(transport: Transport) -> None:
            await transport.send(ask(server.base_url, body), timeout=PATIENCE)

        on_one_transport(open_transport, server.base_url, work)
    assert server.requests[0].body == body


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


@pytest.mark.slow
@pytest.mark.parametrize(
    "steps",
    [
        pytest.param((36000.0,), id="no answer"),
        pytest.param(slow_body(b" " * 1000, pause=0.02), id="a trickle that never pauses for long"),
        pytest.param(
            (b'HTTP/1.1 200 OK\r\n\r\n{"half":', 36000.0),
            id="a body that only the connection's end would end",
        ),
    ],
)
def test_the_deadline_is_a_total_one(open_transport: Open, steps: Steps) -> None:
    with FaultServer(steps) as server:
        error = failure(open_transport, server, timeout=0.2)
    assert (error.kind, error.retryable) == ("timeout", True)


@pytest.mark.slow
def test_an_answer_that_came_while_the_process_did_not_run_is_read_before_the_deadline_counts(
    open_transport: Open,
) -> None:
    with FaultServer(completion("in time")) as server:

        async def work(transport: Transport) -> Response:
            await transport.send(ask(server.base_url), timeout=60)
            sent = len(server.requests)
            answer = asyncio.create_task(transport.send(ask(server.base_url), timeout=1))
            while len(server.requests) == sent:
                await asyncio.sleep(0.001)
            time.sleep(2)  # nothing of this loop runs: neither its sockets nor its timers
            return await answer

        response: Response = on_one_transport(open_transport, server.base_url, work)
        assert response.status == 200
        assert b"in time" in response.body


def test_after_a_timeout_the_transport_asks_again(open_transport: Open) -> None:
    with FaultServer(never_or("second")) as server:

        async def work(transport: Transport) -> Response:
            with pytest.raises(TransportError):
                await transport.send(ask(server.base_url, NEVER), timeout=0.1)
            return await transport.send(ask(server.base_url), timeout=PATIENCE)

        assert b"second" in on_one_transport(open_transport, server.base_url, work).body


@pytest.mark.slow
def test_each_request_has_its_own_deadline(open_transport: Open) -> None:
    """The first has long, the second little, the third takes longer than the second had."""
    with FaultServer(never_or("answered", before=0.4)) as server:

        async def work(transport: Transport) -> Response:
            await transport.send(ask(server.base_url), timeout=PATIENCE)
            with pytest.raises(TransportError, match=r"0\.2 s"):
                await transport.send(ask(server.base_url, NEVER), timeout=0.2)
            return await transport.send(ask(server.base_url), timeout=PATIENCE)

        assert b"answered" in on_one_transport(open_transport, server.base_url, work).body


@pytest.mark.slow
def test_a_deadline_that_is_over_ends_no_later_request(open_transport: Open) -> None:
    def bodies(server: FaultServer, seconds: float) -> list[bytes]:
        async def work(transport: Transport) -> list[bytes]:
            answers = [
                await transport.send(ask(server.base_url), timeout=limit) for limit in (seconds, PATIENCE)
            ]
            return [answer.body for answer in answers]

        answers: list[bytes] = on_one_transport(open_transport, server.base_url, work)
        return answers

    for seconds in (0.25, 2.5, 25.0):  # the first that is enough for the first answer, on this machine
        with (
            FaultServer([reply(200, b"first"), reply(200, b"second", before=2 * seconds)]) as server,
            contextlib.suppress(TransportError),
        ):
            assert bodies(server, seconds) == [b"first", b"second"]
            break
    else:
        pytest.fail("no limit was long enough")
    assert len({request.connection for request in server.requests}) == 1


def test_after_a_cancellation_the_transport_asks_again(open_transport: Open) -> None:
    with FaultServer([slow_body(b"first " * 100), completion("second")]) as server:

        async def work(transport: Transport) -> Response:
            arrived = asyncio.Event()
            task = asyncio.ensure_future(
                transport.send(ask(server.base_url), timeout=PATIENCE, on_bytes=lambda _: arrived.set())
            )
            await arrived.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return await transport.send(ask(server.base_url), timeout=PATIENCE)

        assert b"second" in on_one_transport(open_transport, server.base_url, work).body


def test_a_connection_closed_between_requests_is_replaced(open_transport: Open) -> None:
    with FaultServer([drop_after(completion("first")), completion("second")]) as server:

        async def work(transport: Transport) -> Response:
            await transport.send(ask(server.base_url), timeout=PATIENCE)
            await noticed(lambda: server.closed == 1)
            return await transport.send(ask(server.base_url), timeout=PATIENCE)

        assert b"second" in on_one_transport(open_transport, server.base_url, work).body
        assert server.connections == 2


@pytest.mark.parametrize("connection", ["close", "Close", "keep-alive, close"])
def test_a_connection_that_is_to_be_closed_is_used_once(open_transport: Open, connection: str) -> None:
    # The server leaves it open, so that it is the transport that has to end it.
    with FaultServer(reply(200, {}, headers={"connection": connection})) as server:
        send(open_transport, server, times=2)
        assert [one.connection for one in server.requests] == [0, 1]


def test_a_connection_on_which_the_server_spoke_unasked_is_replaced(open_transport: Open) -> None:
    """What it said would be taken for the answer to the next request (a late 408, or an attack)."""
    read = threading.Event()
    with FaultServer([(*completion("first"), read, *completion("stray")), completion("second")]) as server:

        async def work(transport: Transport) -> Response:
            await transport.send(ask(server.base_url), timeout=PATIENCE)
            read.set()
            await noticed(lambda: server.said == 1)
            return await transport.send(ask(server.base_url), timeout=PATIENCE)

        assert b"second" in on_one_transport(open_transport, server.base_url, work).body


def test_an_answer_that_follows_at_once_is_not_the_next_ones(open_transport: Open) -> None:
    double = (
        b"".join(step for step in (*completion("first"), *completion("stray")) if isinstance(step, bytes)),
    )
    with FaultServer([double, completion("second")]) as server:
        assert b"second" in send(open_transport, server, times=2).body


@pytest.mark.parametrize(
    ("end", "message"),
    [
        pytest.param(CLOSE, "127.0.0.1:{port} closed the connection without an answer", id="close"),
        pytest.param(RESET, "127.0.0.1:{port} broke the connection", id="reset"),
    ],
)
def test_a_connection_dropped_instead_of_an_answer_may_be_retried(
    open_transport: Open, end: Any, message: str
) -> None:
    with FaultServer([completion("first"), (end,), completion("third")]) as server:
        error = failure(open_transport, server, times=2)
    assert (error.kind, error.retryable) == ("protocol", True)
    assert error.message == message.format(port=server.port)


STOPS = "the answer is truncated"
BROKE = "127.0.0.1:{port} broke the connection"
CLOSED = "127.0.0.1:{port} closed the connection without an answer"
NO_HTTP = "the answer is not valid HTTP"


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        pytest.param((b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", 0.02, RESET), BROKE, id="reset in the body"),
        pytest.param((b"HTTP/1.1 200 OK\r\n\r\n{", 0.02, RESET), BROKE, id="reset in a body without a length"),
        pytest.param((b"HTTP/1.1 200 OK\r\ncontent-le", 0.02, RESET), BROKE, id="reset in the head"),
        pytest.param((b"HTTP/1.1 200 OK\r\ncontent-le", CLOSE), CLOSED, id="closed in the head"),
        pytest.param(reply(200, b"{}", content_length=100), STOPS, id="content-length too long"),
        pytest.param(chunked(b"{", ended=False), STOPS, id="chunks without an end"),
        pytest.param((b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab", CLOSE), STOPS, id="half a chunk"),
        pytest.param((b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnot a size\r\n",), NO_HTTP, id="broken chunk"),
        pytest.param((b"SSH-2.0-OpenSSH_9.6\r\n\r\n", CLOSE), NO_HTTP, id="not HTTP"),
        pytest.param((b"HTTP/1.1 200 OK\r\nx: " + b"y" * 300_000 + b"\r\n\r\n",), NO_HTTP, id="endless field"),
        pytest.param((b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 50_000 + b"\r\n",), NO_HTTP, id="endless fields"),
        pytest.param((b"HTTP/1.1 200 OK\r\ncontent-length: ten\r\n\r\n",), NO_HTTP, id="a length that is not a number"),
        pytest.param((b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",), NO_HTTP, id="another protocol"),
        pytest.param((b"HTTP/1.1 100 Continue\r\n\r\n", CLOSE), CLOSED, id="an interim answer and no other"),
    ],
)  # fmt: skip
def test_a_broken_answer_is_never_an_answer(open_transport: Open, steps: Steps, message: str) -> None:
    with FaultServer(steps) as server:
        error = failure(open_transport, server)
        assert (error.kind, error.retryable) == ("protocol", True)
        assert error.message == message.format(port=server.port)


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK", b"HTTP/1.0 200 OK\r\nconnection: close"]
)
def test_a_body_without_a_length_ends_with_the_connection(open_transport: Open, head: bytes) -> None:
    with FaultServer((head + b"\r\n\r\n", b"one ", 0.01, b"two", CLOSE)) as server:
        assert send(open_transport, server, times=2).body == b"one two"
        assert server.connections == 2


def test_an_http_1_0_answer_with_a_length_is_read_to_it(open_transport: Open) -> None:
    with FaultServer((b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n{}", 0.2)) as server:
        assert send(open_transport, server, times=2).body == b"{}"
        assert server.connections == 2  # HTTP/1.0 keeps no connection unless it says so


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_needs_no_length(open_transport: Open, status: int) -> None:
    with FaultServer((b"HTTP/1.1 %d -\r\nx: y\r\n\r\n" % status,)) as server:
        response = send(open_transport, server, times=2)
        assert (response.status, response.body, response.headers) == (status, b"", {"x": "y"})
        assert server.connections == 1


def test_an_offer_to_upgrade_is_no_upgrade(open_transport: Open) -> None:
    headers = {"upgrade": "h2,h2c", "connection": "Upgrade, Keep-Alive"}  # Apache says so to everyone
    with FaultServer(reply(200, b"{}", headers=headers)) as server:
        assert send(open_transport, server, times=2).body == b"{}"


def test_a_head_of_five_hundred_fields_is_read(open_transport: Open) -> None:
    fields = {f"x-field-{number}": "v" * 100 for number in range(500)}
    with FaultServer(reply(200, b"{}", headers=fields)) as server:
        headers = send(open_transport, server, times=2).headers
    assert {name: headers[name] for name in fields} == fields


def test_a_field_of_sixty_thousand_characters_is_read(open_transport: Open) -> None:
    with FaultServer(reply(200, b"{}", headers={"content-security-policy": "x" * 60_000})) as server:
        assert send(open_transport, server).headers["content-security-policy"] == "x" * 60_000


def test_bytes_beyond_ascii_in_a_field_become_text(open_transport: Open) -> None:
    head = b"HTTP/1.1 200 OK\r\nx-utf8: caf\xc3\xa9\r\nx-latin: caf\xe9\r\nx-ascii: cafe\r\ncontent-length: 0\r\n\r\n"
    with FaultServer((head,)) as server:
        headers = send(open_transport, server).headers
    assert (headers["x-utf8"], headers["x-latin"], headers["x-ascii"]) == ("café", "café", "cafe")
    json.dumps(headers, ensure_ascii=False).encode()


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
    interim = (
        b"HTTP/1.1 100 Continue\r\n\r\n",
        0.01,
        b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n",
        0.01,
    )
    with FaultServer((*interim, *completion("after"))) as server:
        response = send(open_transport, server, times=2)
        assert b"after" in response.body
        assert "link" not in response.headers
        assert server.connections == 1


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
            return await transport.send(ask(server.base_url), timeout=PATIENCE, on_bytes=pieces.append)

        response = on_one_transport(open_transport, server.base_url, work)
    assert response.body == b"".join(pieces) == b'data: {"a": 1}\n\ndata: {"b": 2}\n\ndata: [DONE]\n\n'


def test_a_callback_sees_the_first_piece_before_the_last_is_sent(open_transport: Open) -> None:
    released = asyncio.Event()
    with FaultServer((*chunked(b"first", ended=False)[:-1], 36000.0)) as server:

        async def work(transport: Transport) -> None:
            task = asyncio.ensure_future(
                transport.send(ask(server.base_url), timeout=PATIENCE, on_bytes=lambda _: released.set())
            )
            async with asyncio.timeout(PATIENCE):
                await released.wait()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        on_one_transport(open_transport, server.base_url, work)


def test_an_error_of_the_callback_is_the_callers_own(open_transport: Open) -> None:
    with FaultServer([completion("first"), completion("second")]) as server:

        def broken_pipe(_: bytes) -> None:
            raise BrokenPipeError("standard output is gone")

        async def work(transport: Transport) -> Response:
            with pytest.raises(BrokenPipeError, match="standard output"):
                await transport.send(ask(server.base_url), timeout=PATIENCE, on_bytes=broken_pipe)
            return await transport.send(ask(server.base_url), timeout=PATIENCE)

        assert b"second" in on_one_transport(open_transport, server.base_url, work).body


def test_an_answer_to_half_a_request_is_read(open_transport: Open) -> None:
    """A server that refuses a large body early (413) is heard, and the connection is not used again."""
    connections = 0

    def refuse(listener: socket.socket) -> None:
        nonlocal connections
        for _ in range(2):
            connection, _ = listener.accept()
            connections += 1
            with connection:
                received = b""
                while b"\r\n\r\n" not in received:
                    received += connection.recv(1024)
                connection.sendall(b"HTTP/1.1 413 -\r\ncontent-length: 3\r\nconnection: close\r\n\r\nbig")
                connection.shutdown(socket.SHUT_WR)
                with contextlib.suppress(ConnectionError):
                    while connection.recv(65_536):
                        pass  # as nginx does, so that the answer is not lost in a reset

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=refuse, args=(listener,))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"

        async def work(transport: Transport) -> list[Response]:
            return [await transport.send(ask(url, b"x" * 8_000_000), timeout=PATIENCE) for _ in range(2)]

        responses = on_one_transport(open_transport, url, work)
        thread.join()
    assert [(one.status, one.body) for one in responses] == [(413, b"big")] * 2
    assert connections == 2


def test_a_server_that_hangs_up_at_once_is_told_as_one(open_transport: Open) -> None:
    """Before the request could be written, or after: which of both is chance."""

    def hang_up(listener: socket.socket, ends: threading.Event) -> None:
        while not ends.is_set():
            connection, _ = listener.accept()
            connection.close()

    ends = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=hang_up, args=(listener, ends))
        thread.start()
        port = listener.getsockname()[1]
        url = f"http://127.0.0.1:{port}/v1"

        async def work(transport: Transport) -> list[TransportError]:
            errors = []
            for _ in range(100):
                with pytest.raises(TransportError) as caught:
                    await transport.send(ask(url), timeout=PATIENCE)
                errors.append(caught.value)
            return errors

        errors = on_one_transport(open_transport, url, work)
        ends.set()
        socket.create_connection(("127.0.0.1", port)).close()
        thread.join()
    assert {(error.kind, error.retryable) for error in errors} == {("protocol", True)}
    assert {error.message for error in errors} <= {
        f"127.0.0.1:{port} closed the connection without an answer",
        f"127.0.0.1:{port} broke the connection",
    }


def test_a_short_form_of_an_address_connects_or_says_how_to_write_it(open_transport: Open) -> None:
    with FaultServer(completion("here")) as server:
        url = f"http://127.1:{server.port}/v1"

        async def work(transport: Transport) -> bytes:
            return (await transport.send(ask(url), timeout=PATIENCE)).body

        try:
            assert b"here" in on_one_transport(open_transport, url, work)
        except TransportError as error:
            assert (error.kind, error.retryable, error.hint) == ("connect", False, "write all four numbers")


def test_ipv6_is_spoken(open_transport: Open) -> None:
    with FaultServer(completion("six"), host="::1") as server:
        assert b"six" in send(open_transport, server).body
    assert server.requests[0].headers["host"] == f"[::1]:{server.port}"


def test_a_name_with_several_addresses_is_tried_at_each(open_transport: Open, both: None) -> None:
    with FaultServer(completion("here")) as server:

        async def work(transport: Transport) -> Response:
            return await transport.send(ask(f"http://localhost:{server.port}/v1"), timeout=PATIENCE)

        assert b"here" in on_one_transport(open_transport, f"http://localhost:{server.port}/v1", work).body


def test_nothing_listening_on_any_address_says_where(open_transport: Open, both: None) -> None:
    with FaultServer() as server:
        url = f"http://localhost:{server.port}/v1"

    async def work(transport: Transport) -> None:
        await transport.send(ask(url), timeout=PATIENCE)

    with pytest.raises(TransportError) as caught:
        on_one_transport(open_transport, url, work)
    assert (caught.value.kind, caught.value.retryable) == ("connect", True)
    assert caught.value.message == f"nothing is listening on localhost:{server.port}"


def test_connecting_has_a_limit_of_its_own(open_transport: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """TCP answers here, TLS never does."""
    monkeypatch.setattr(open_transport.module, "CONNECT_TIMEOUT", 0.1)

    async def main() -> None:
        done = asyncio.Event()

        async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await done.wait()
            writer.close()

        async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            transport = open_transport(f"https://127.0.0.1:{port}/v1")
            with pytest.raises(TransportError) as caught:
                await transport.send(ask(f"https://127.0.0.1:{port}/v1"), timeout=PATIENCE)
            await transport.close()
            done.set()
        assert (caught.value.kind, caught.value.retryable) == ("connect", True)
        assert caught.value.message == f"no connection to 127.0.0.1:{port} within 0.1 s"

    open_transport.run(main())


def test_nothing_listening_says_where(open_transport: Open) -> None:
    with FaultServer() as server:
        pass  # the port was free a moment ago and is again
    error = failure(open_transport, server)
    assert (error.kind, error.retryable) == ("connect", True)
    assert error.message == f"nothing is listening on 127.0.0.1:{server.port}"
    assert error.hint == "is the server running? If it is, check base_url in runner.yaml"


def test_an_unknown_name_says_so(open_transport: Open) -> None:
    async def work(transport: Transport) -> None:
        await transport.send(
            ask("http://api.invalid/v1"), timeout=PATIENCE
        )  # .invalid never resolves: RFC 6761

    with pytest.raises(TransportError, match=r"the host name api\.invalid cannot be resolved") as caught:
        on_one_transport(open_transport, "http://api.invalid/v1", work)
    assert caught.value.kind == "connect"


def test_the_body_of_a_completion_survives_as_json(open_transport: Open) -> None:
    with FaultServer() as server:

        async def work(transport: Transport) -> Response:
            body = json.dumps({"messages": [{"role": "user", "content": "hélló"}]}).encode()
            return await transport.send(ask(server.base_url, body), timeout=PATIENCE)

        answer = json.loads(on_one_transport(open_transport, server.base_url, work).body)
    assert answer["choices"][0]["message"]["content"] == "hélló"


@pytest.mark.slow
def test_the_cost_of_a_request_does_not_grow_with_the_number_of_workers(open_transport: Open) -> None:
    """CPU time of the client's thread, so that the server's and the machine's other work do not count."""
    requests = 2048

    async def cost(workers: int, server: FaultServer) -> float:
        transports = [open_transport(server.base_url) for _ in range(workers)]

        async def work(transport: Transport, times: int) -> None:
            for _ in range(times):
                await transport.send(ask(server.base_url), timeout=PATIENCE)

        async def all_at_once(times: int) -> float:
            started = time.thread_time()
            await asyncio.gather(*(work(transport, times) for transport in transports))
            return time.thread_time() - started

        try:
            await all_at_once(1)
            return min([await all_at_once(requests // 2 // workers) for _ in range(2)])
        finally:
            for transport in transports:
                await transport.close()

    with FaultServer(completion()) as server:
        few, many = open_transport.run(cost(16, server)), open_transport.run(cost(256, server))
    assert many < 6 * few  # one pool for all was 30 times; a busy machine alone makes it twice


def test_an_upload_arrives_whole_and_with_its_length(open_transport: Open) -> None:
    content = bytes(range(256)) * 20_000
    with FaultServer(completion()) as server, io.BytesIO(content) as file:

        async def work(transport: Transport) -> None:
            upload = Upload(b"<before>", file, len(content), b"<after>")
            for _ in range(2):
                request = Request("POST", f"{server.base_url}/files", {"x-a": "b"}, upload=upload)
                assert (await transport.send(request, timeout=PATIENCE)).status == 200

        on_one_transport(open_transport, server.base_url, work)
    assert len(server.requests) == 2
    for received in server.requests:
        assert received.body == b"<before>" + content + b"<after>"
        assert received.headers["content-length"] == str(len(received.body))


def test_a_download_is_passed_on_and_may_be_longer_than_an_answer(open_transport: Open) -> None:
    content = b"x" * (MAX_BODY_BYTES + 1)
    with FaultServer(reply(200, content)) as server:
        sizes: list[int] = []

        async def work(transport: Transport) -> Response:
            request = Request("GET", f"{server.base_url}/files/1/content", download=True)
            return await transport.send(
                request, timeout=PATIENCE, on_bytes=lambda piece: sizes.append(len(piece))
            )

        response = on_one_transport(open_transport, server.base_url, work)
    assert sum(sizes) == len(content)
    assert response.body == b""


def test_a_download_that_is_compressed_is_unpacked(open_transport: Open) -> None:
    content = b"abc\n" * (MAX_BODY_BYTES // 2)
    with FaultServer(reply(200, gzip.compress(content, 1), headers={"content-encoding": "gzip"})) as server:
        digest = hashlib.sha256()

        async def work(transport: Transport) -> None:
            request = Request("GET", server.base_url, download=True)
            await transport.send(request, timeout=PATIENCE, on_bytes=digest.update)

        on_one_transport(open_transport, server.base_url, work)
    assert digest.digest() == hashlib.sha256(content).digest()


def test_the_error_instead_of_a_download_is_the_body(open_transport: Open) -> None:
    with FaultServer(reply(404, b"no such file")) as server:

        async def work(transport: Transport) -> Response:
            return await transport.send(Request("GET", server.base_url, download=True), timeout=PATIENCE)

        assert on_one_transport(open_transport, server.base_url, work).body == b"no such file"
