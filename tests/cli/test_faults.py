"""Everything a provider or the way to it can do wrong ends in its own outcome and exit code, within its deadline."""

from __future__ import annotations

import gzip
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import trustme

from tests.faults import (
    CLOSE,
    RESET,
    FaultServer,
    Received,
    Steps,
    chunked,
    completion,
    drop_after,
    echo,
    event_stream,
    gzip_bomb,
    reply,
    slow_body,
)
from tests.patience import PATIENCE

from .asking import KEY
from .project import Done, ProjectFolder

pytestmark = pytest.mark.slow

TIMEOUT = 2.0
"""Seconds that a case has in all on an endpoint whose answer takes too long; it has PATIENCE on the others."""

GOOD = completion("Hello")
BODY = GOOD[0]
assert isinstance(BODY, bytes)
HEAD, _, JSON = BODY.partition(b"\r\n\r\n")


def error(status: int, code: str = "oops", **headers: str) -> Steps:
    return reply(
        status,
        {"error": {"message": code, "code": code}},
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def in_a_second() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=1.2), usegmt=True)


def dated(request: Received) -> Steps:
    return error(503, retry_after=in_a_second())


@dataclass(frozen=True)
class Fault:
    """What is played to one case, and what has to come of it."""

    name: str
    script: list[Any]
    outcome: str
    attempts: int
    error: str | tuple[str, ...] | None = None
    at_least: float = 0.0


RETRIES = 1
GIVEN_UP = RETRIES + 1

FAULTS = [
    # --- sequences of statuses
    Fault("429, then an answer", [error(429), GOOD], "ok", 2),
    Fault("408, then an answer", [error(408), GOOD], "ok", 2),
    Fault("529, then an answer", [error(529), GOOD], "ok", 2),
    Fault("500 for ever", [error(500)], "error", GIVEN_UP, "oops"),
    Fault("400 once", [error(400, "invalid_value"), GOOD], "error", 1, "invalid_value"),
    Fault("x-should-retry: false", [error(500, x_should_retry="false"), GOOD], "error", 1),
    Fault("x-should-retry: true", [error(400, x_should_retry="true"), GOOD], "ok", 2),
    # --- Retry-After in its forms, a minimum
    Fault("Retry-After: 1", [error(429, retry_after="1"), GOOD], "ok", 2, at_least=1.0),
    Fault("Retry-After: 0.7", [error(429, retry_after="0.7"), GOOD], "ok", 2, at_least=0.7),
    Fault("retry-after-ms: 800", [error(429, retry_after_ms="800"), GOOD], "ok", 2, at_least=0.8),
    Fault("Retry-After: a date", [dated, GOOD], "ok", 2),
    Fault("Retry-After: 0 and ms", [error(429, retry_after="1", retry_after_ms="0"), GOOD], "ok", 2, at_least=1.0),
    Fault("Retry-After: nonsense", [error(429, retry_after="soon"), GOOD], "ok", 2),
    Fault("Retry-After: past the deadline", [error(429, retry_after="600"), GOOD], "error", 1),
    Fault("Retry-After: an hour", [error(429, retry_after="3600"), GOOD], "error", 1),
    # --- slow
    Fault("slow headers", [(36000.0, *GOOD)], "error", 1, "timeout", at_least=TIMEOUT),
    Fault("headers that trickle", [(HEAD[:20], 36000.0)], "error", 1, "timeout", at_least=TIMEOUT),
    Fault("a slow body", [slow_body(JSON, pause=0.05)], "error", 1, "timeout", at_least=TIMEOUT),
    Fault("keep-alive lines, then an answer", [chunked(*[b"\n"] * 20, JSON)], "ok", 1),
    Fault("keep-alive lines for ever", [(HEAD.replace(b"content-length: %d" % len(JSON), b"x: y") + b"\r\n\r\n", *[b"\n", 0.05] * 200)], "error", 1, "timeout", at_least=TIMEOUT),
    Fault("comments in a stream", [event_stream(": keep-alive", {"id": "1", "model": "m", "choices": [{"index": 0, "delta": {"content": "Hello"}, "finish_reason": "stop"}]})], "ok", 1),
    # --- broken
    Fault("reset before an answer", [(RESET,), GOOD], "ok", 2),
    Fault("closed before an answer", [(CLOSE,), GOOD], "ok", 2),
    Fault("reset in the body", [(BODY[:-20], RESET)], "error", GIVEN_UP, "protocol"),
    Fault("reset in the body once", [(BODY[:-20], RESET), GOOD], "ok", 2),
    Fault("closed in the body", [(BODY[:-20], CLOSE)], "error", GIVEN_UP, "protocol"),
    Fault("chunks that stop", [chunked(JSON[:50], ended=False)], "error", GIVEN_UP, "protocol"),
    Fault("chunks that are none", [(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",)], "error", GIVEN_UP, "protocol"),
    Fault("Content-Length too long", [reply(200, JSON, content_length=len(JSON) + 9)], "error", GIVEN_UP, "protocol"),
    Fault("Content-Length too short", [drop_after(reply(200, JSON, content_length=len(JSON) - 9))], "error", GIVEN_UP, ("non_json_body", "protocol")),
    Fault("dropped after each answer", [drop_after(GOOD)], "ok", 1),
    Fault("no HTTP at all", [(b"SSH-2.0-OpenSSH_9.6\r\n", CLOSE)], "error", GIVEN_UP, "protocol"),
    # --- other bodies than a completion
    Fault("HTML with 200", [reply(200, "<html><title>Hi</title></html>", headers={"content-type": "text/html"})], "error", 1, "non_json_body"),
    Fault("HTML with 502, then an answer", [reply(502, "<html>"), GOOD], "ok", 2),
    Fault("an empty body", [reply(200, b"")], "error", GIVEN_UP, "non_json_body"),
    Fault("a huge body", [reply(200, b" " * (16 * 2**20 + 1))], "error", 1, "too_large"),
    Fault("a gzip bomb", [gzip_bomb(40)], "error", 1, "too_large"),
    Fault("gzip that is none", [reply(200, JSON, headers={"content-encoding": "gzip"})], "error", GIVEN_UP, "protocol"),
    Fault("gzip that is right", [reply(200, gzip.compress(JSON), headers={"content-encoding": "gzip"})], "ok", 1),
    Fault("an encoding nobody asked for", [reply(200, JSON, headers={"content-encoding": "br"})], "error", 1, "protocol"),
    Fault("invalid UTF-8", [reply(200, b'{"choices": "\xff"}')], "error", GIVEN_UP, "non_json_body"),
    Fault("deep JSON", [reply(200, b"[" * 200_000)], "error", 1, "non_json_body"),
    Fault("deep JSON that is whole", [reply(200, b"[" * 5000 + b"]" * 5000)], "error", 1, "non_json_body"),
    Fault("an error inside a 200", [reply(200, {"error": {"message": "no", "code": "teapot"}})], "error", 1, "teapot"),
    Fault("no choices", [reply(200, {"id": "1", "choices": []})], "error", 1, "malformed_response"),
    # --- elsewhere
    Fault("a redirect", [reply(307, "", headers={"location": "http://127.0.0.1:9/v1"})], "error", 1, "307"),
]  # fmt: skip


EXIT_CODES = {"ok": 0, "error": 3}


def played(faults: list[Fault]) -> tuple[Callable[[Received], Steps], list[list[Received]]]:
    """A behaviour that plays each fault's script to the requests below /<its number>/, and what came there."""
    came: list[list[Received]] = [[] for _ in faults]

    def play(request: Received) -> Steps:
        number = int(request.target.split("/")[1])
        came[number].append(request)
        script = faults[number].script
        step = script[min(len(came[number]), len(script)) - 1]
        steps: Steps = step(request) if callable(step) else step
        return steps

    return play, came


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
@pytest.mark.parametrize("outcome", ["ok", "error"])
def test_each_fault_has_its_outcome_and_its_exit_code_within_its_deadline(
    project: ProjectFolder, outcome: str, transport: str
) -> None:
    """All faults at once, each on an endpoint of its own, so that none holds back or stops another."""
    faults = [fault for fault in FAULTS if fault.outcome == outcome]
    play, came = played(faults)
    with FaultServer(play) as server:
        declared = [
            f"  e{number}: {{base_url: '{server.origin}/{number}/v1', api_key_env: FAKE_KEY,"
            f" max_retries: {RETRIES}, timeout: {TIMEOUT if fault.error == 'timeout' else PATIENCE}}}\n"
            for number, fault in enumerate(faults)
        ]
        models = [f"  m{number}: {{endpoint: e{number}}}\n" for number in range(len(faults))]
        project.write("runner.yaml", "".join(["endpoints:\n", *declared, "models:\n", *models]))
        for number in range(len(faults)):
            project.write(
                f"p{number}.prompt.yaml",
                f"name: p{number}\nmodel: m{number}\nmessages: [{{role: user, content: hello}}]\n",
            )
        done = project.run("run", "--transport", transport, env={"FAKE_KEY": KEY})
    assert done.code == EXIT_CODES[outcome]
    records = {record["prompt"]: record for record in done.records()}
    for number, fault in enumerate(faults):
        record, requests = records[f"p{number}"], came[number]
        assert record["outcome"] == fault.outcome, (fault.name, record)
        assert record["attempts"] == fault.attempts == len(requests), (fault.name, record)
        if fault.error is not None:
            allowed = (fault.error,) if isinstance(fault.error, str) else fault.error
            assert record["error"]["code"] in allowed, (fault.name, record)
        took = requests[-1].at - requests[0].at + (record["latency_ms"] or 0) / 1000
        assert fault.at_least * 0.98 <= took, (fault.name, took)
    assert KEY not in done.out + done.err + json.dumps(records)


def ask(project: ProjectFolder, base_url: str, transport: str) -> Done:
    project.write(
        "runner.yaml",
        f"endpoint: fake\nendpoints: {{fake: {{base_url: '{base_url}', api_key_env: FAKE_KEY,"
        f" max_retries: {RETRIES}, timeout: {PATIENCE}}}}}\n",
    )
    project.write(
        "hello.prompt.yaml",
        'model: gpt-test\nmessages: [{role: user, content: "Say hello"}]\ntests: [{id: one}]\n',
    )
    return project.run("run", "--transport", transport, env={"FAKE_KEY": KEY})


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
def test_a_refused_connection_is_asked_for_again_only_so_often(
    project: ProjectFolder, transport: str
) -> None:
    done = ask(project, "http://127.0.0.1:9/v1", transport)
    [record] = done.records()
    assert (record["error"]["code"], record["attempts"], done.code) == ("connect", GIVEN_UP, 3)


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
def test_a_certificate_nobody_vouches_for_is_an_error_and_gets_no_key(
    project: ProjectFolder, transport: str
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with FaultServer(echo, tls=context) as server:
        done = ask(project, server.base_url, transport)
        [record] = done.records()
        assert (record["error"]["code"], record["attempts"], done.code) == ("tls", 1, 3)
        assert server.requests == []


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
def test_the_key_does_not_follow_a_redirect(project: ProjectFolder, transport: str) -> None:
    with (
        FaultServer(echo) as elsewhere,
        FaultServer(reply(308, "", headers={"location": f"{elsewhere.base_url}/chat/completions"})) as server,
    ):
        assert ask(project, server.base_url, transport).code == 3
        assert elsewhere.requests == []
