"""The readers of what providers send: event streams, whole answers, the time to wait; and the mask over keys."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from runner.masking import find_secret, mask
from runner.wire.batch_lines import ResultLine, custom_id, read_custom_id, read_result_line, reply_of
from runner.wire.classify import read_reply
from runner.wire.dialect import dialect_of
from runner.wire.reply import Answer, Outcome, ProviderError, Reply
from runner.wire.retry_after import LONGEST_WAIT, parse_go_duration, parse_http_date, retry_after
from runner.wire.sse import SseEvent, SseSplitter

from .seeds import answers, streams
from .target import Target, hold, hold_json, hold_text

__all__ = ["TARGETS"]


def _never(data: bytes, error: Any) -> None:
    raise AssertionError("what raises nothing has no errors to look at") from error


# --- event streams ------------------------------------------------------------------------------------------------

_SMALL = 40
"""Bytes of the largest event, for inputs that begin with `~`: the bound is reached too."""


def _split(pieces: list[bytes], largest: int) -> tuple[list[SseEvent], bool]:
    splitter = SseSplitter(largest=largest)
    events = [event for piece in pieces for event in splitter.feed(piece)]
    return events, splitter.close()


def _read_events(data: bytes) -> tuple[list[SseEvent], bool]:
    return _split([data.removeprefix(b"~")], _SMALL if data.startswith(b"~") else 1 << 24)


def _sse_laws(data: bytes, read: tuple[list[SseEvent], bool]) -> None:
    """The events are those of the standard, and the same however the bytes are cut."""
    small = data.startswith(b"~")
    body, largest = data.removeprefix(b"~"), _SMALL if small else 1 << 24
    for size in {1, 2, 3, 7, len(body) // 3} - {0} if len(body) <= 2000 else {len(body) // 3, 4099}:
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        hold(
            _split(pieces, largest) == read,
            "pieces give the same events",
            size,
            _split(pieces, largest),
            read,
        )
    faults = [event for event in read[0] if event.name == "fault" and "of the stream is" in event.data]
    for event in read[0]:
        hold_text(event.data, "an event's data")
    if not faults:
        meant = list(_by_the_standard(body))
        hold(read[0] == meant, "the events are those of the standard", read, meant)


def _by_the_standard(body: bytes) -> Iterator[SseEvent]:
    """WHATWG HTML 9.2.6, word by word, of a whole stream of UTF-8; and the line `error:` of older llama.cpp."""
    data: list[bytes] = []
    name = b""
    lines = re.split(rb"\r\n|\n|\r", body.removeprefix(b"\xef\xbb\xbf"))
    for line in lines[:-1]:  # what has no line end is no line
        if not line:
            if data:
                yield SseEvent(b"\n".join(data).decode(), name.decode() or "message")
            data, name = [], b""
            continue
        field, value = line, b""
        if b":" in line:
            field, _, value = line.partition(b":")
            value = value[1:] if value.startswith(b" ") else value
        if field in (b"data", b"error"):
            data.append(value)
        if field in (b"event", b"error"):
            name = b"error" if field == b"error" else value


def _sse_seeds() -> list[bytes]:
    return [*streams(), *(b"~" + body for body in streams()[:4])]


# --- whole answers ------------------------------------------------------------------------------------------------
#
# An input is an exchange: a line with the status and the number of a request, the headers, an empty line, the body.

_REQUESTS: tuple[dict[str, Any], ...] = (
    {},
    {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}},
    {"response_format": {"type": "json_object"}, "n": 2},
    {
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "n": None,
        "response_format": {"type": "text"},
    },
)
_GOOD = {
    "",
    "stop",
    "eos",
    "eostoken",
    "endturn",
    "stopsequence",
    "complete",
    "completed",
    "toolcalls",
    "functioncall",
    "tooluse",
}
"""A second, shorter table of the words that may stand under an answer that is ok, without their separators."""


def _is_good(word: Any) -> bool:
    return word is None or (isinstance(word, str) and re.sub("[-_ ]", "", word.lower()) in _GOOD)


def _exchange(status: int, headers: Mapping[str, str], body: bytes, number: int = 0) -> bytes:
    lines = [f"{status} {number}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\n".join(lines).encode() + body


def _parts(data: bytes) -> tuple[int, dict[str, str], bytes, dict[str, Any]]:
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    numbers = re.findall(rb"[0-9]{1,3}", first) or [b"200"]
    headers = {}
    for line in lines:
        name, _, value = line.decode("latin-1").partition(":")
        headers[name] = value.strip()
    return int(numbers[0]), headers, body, _REQUESTS[int(numbers[-1]) % len(_REQUESTS)]


def _read_reply(data: bytes) -> Reply:
    status, headers, body, request = _parts(data)
    return read_reply(status, headers, body, request=request)


def _reply_laws(data: bytes, reply: Reply) -> None:
    status, headers, body, request = _parts(data)
    hold(bool(reply.error) != bool(reply.answers), "there are answers or an error", reply)
    ok = any(answer.outcome == Outcome.OK for answer in reply.answers)
    hold(200 <= status < 300 or not ok, "nothing is ok with an error status", reply)
    if reply.error:
        _error_laws(reply.error)
    else:
        hold(len(reply.answers) >= (request.get("n") or 1), "every choice that was asked for is told", reply)
        indexes = [answer.choice for answer in reply.answers]
        hold(indexes == sorted(set(indexes)), "choices are in order, each once", indexes)
    for answer in reply.answers:
        _answer_laws(answer, request)
    if reply.partial:
        hold(reply.error, "only an error leaves a part of an answer", reply)
        hold_json([reply.partial.text, reply.partial.audio, dict(reply.partial.extra or {})])
    for word in (reply.id, reply.served_model):
        hold_text(word or "", "a word of the reply")
    hold_json(dict(reply.usage) if reply.usage else None)
    if 200 <= status < 300:
        _oracle(body, headers, reply)


def _answer_laws(answer: Answer, request: Mapping[str, Any]) -> None:
    hold(isinstance(answer.outcome, Outcome), "there is an outcome", answer)
    hold((answer.outcome == Outcome.ERROR) == (answer.error is not None), "an error has its outcome", answer)
    for text in (answer.text, answer.finish_reason, answer.refusal, answer.detail):
        hold_text(text or "", "a text of the answer")
    hold_text(answer.reasoning or "", "the reasoning")
    hold_json([*map(dict, answer.tool_calls), answer.output, answer.logprobs, answer.annotations])
    hold_json([answer.audio, dict(answer.extra or {})])
    if answer.error:
        _error_laws(answer.error)
    if answer.outcome != Outcome.OK:
        hold(answer.detail, "what is not ok is explained", answer)
        hold(answer.output is None, "only an ok answer has an output", answer)
        return
    hold((answer.text or "").strip(), "an ok answer has a text", answer)
    hold(_is_good(answer.finish_reason), "an ok answer has a good end", answer)
    hold(not answer.tool_calls and not answer.refusal, "an ok answer is the answer", answer)
    if request.get("response_format", {}).get("type") in ("json_schema", "json_object"):
        hold(
            json.dumps(json.loads(answer.text or "")) == json.dumps(answer.output),
            "the output is the text",
            answer,
        )


def _error_laws(error: ProviderError) -> None:
    hold(error.code.strip() and error.message.strip(), "an error says something", error)
    for text in (error.code, error.message, error.type, error.param, error.hint, error.request_id):
        hold_text(text or "", "a text of the error")
        hold(len(text or "") <= 500, "a text of the error is short", error)
    hold(error.retry_after is None or error.retryable, "only what is asked again is waited for", error)
    _wait_laws(error.retry_after)


def _oracle(body: bytes, headers: Mapping[str, str], reply: Reply) -> None:
    """A second, much smaller reading of a body, of what must never pass for an answer."""
    try:
        text = body.decode("utf-8-sig")
        value = json.loads(text, parse_int=_integer)
    except (ValueError, RecursionError):
        if not reply.error:
            _stream_oracle(body, reply)
        return
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict) or value.get("error") is not None or not value.get("choices"):
        ok = any(answer.outcome == Outcome.OK for answer in reply.answers)
        hold(not ok, "what is no completion is not ok", reply)
    elif isinstance(value["choices"], list) and not reply.error:
        _choices_oracle(value["choices"], reply)


def _integer(digits: str) -> int | str:
    """Python refuses integers of more than 4,300 digits, which a response may have."""
    return int(digits) if len(digits) <= 308 else digits


def _choices_oracle(choices: list[Any], reply: Reply) -> None:
    finished = [choice.get("finish_reason") if isinstance(choice, dict) else "error" for choice in choices]
    whole = sum(map(_is_good, finished))
    ok = sum(answer.outcome == Outcome.OK for answer in reply.answers)
    hold(ok <= whole, "a cut answer is not ok", finished, reply)
    hold(len(reply.answers) >= len(choices), "no choice is lost", len(choices), reply)


def _stream_oracle(body: bytes, reply: Reply) -> None:
    """The stream was read to its end: no event of it may be an error, and what its last words say is heeded."""
    last: dict[int, Any] = {}
    for event in _by_the_standard(body):
        if event.data.startswith("[DONE]"):
            break
        if not event.data.strip():
            continue
        chunk = json.loads(event.data, parse_int=_integer)
        failed = event.name == "error" or not isinstance(chunk, dict) or chunk.get("error") is not None
        hold(
            not failed or not any(a.outcome == Outcome.OK for a in reply.answers),
            "after an error nothing is ok",
            event,
        )
        if failed:
            break
        for part in chunk["choices"] if isinstance(chunk.get("choices"), list) else ():
            if part.get("finish_reason") is not None:
                last[part["index"] if isinstance(part.get("index"), int) else 0] = part["finish_reason"]
    cut = sum(not _is_good(reason) for reason in last.values())
    ok = sum(answer.outcome == Outcome.OK for answer in reply.answers)
    hold(ok <= len(reply.answers) - cut, "a cut answer is not ok", last, reply)


def _reply_seeds() -> Iterator[bytes]:
    for index, (status, headers, body) in enumerate(answers()):
        yield _exchange(status, headers, body, index % len(_REQUESTS))


# --- how long to wait ---------------------------------------------------------------------------------------------

_NOW = datetime(2026, 10, 21, 7, 28, tzinfo=UTC)


def _read_wait(data: bytes) -> float | None:
    status, headers, _, _ = _parts(data)
    return retry_after(headers, now=_NOW, status=status)


def _wait_laws(wait: float | None) -> None:
    hold(
        wait is None or (math.isfinite(wait) and 0 < wait <= LONGEST_WAIT),
        "a wait is a sensible number",
        wait,
    )


def _headers_laws(data: bytes, wait: float | None) -> None:
    _wait_laws(wait)
    for value in _parts(data)[1].values():
        seconds = parse_go_duration(value)
        hold(
            seconds is None or (math.isfinite(seconds) and seconds >= 0),
            "a duration is a number",
            value,
            seconds,
        )
        date = parse_http_date(value)
        hold(date is None or date.tzinfo is not None, "a date knows its zone", value, date)


_WAITS = (
    "429 0\nretry-after: 2\nretry-after-ms: 1500",
    "429 0\nRetry-After: Wed, 21 Oct 2026 07:29:30 GMT",
    "503 0\nretry-after: 2026-10-21T07:30:00.5Z",
    "429 0\nx-ratelimit-reset-requests: 6m0s\nx-ratelimit-remaining-requests: 0\nx-ratelimit-reset-tokens: 8.64s",
    "429 0\nanthropic-ratelimit-tokens-reset: 2026-10-21T09:28:00+02:00\nx-ratelimit-reset: 1792567800",
    "429 0\nx-ratelimit-reset: 1792567800123\nllm_provider-x-ratelimit-reset-tokens: 1h2m3.5s4ms5us6\u00b5s7ns",
    "429 0\nretry-after: 0\nretry-after-ms: .5",
    "429 0\nretry-after: Sun Nov  6 08:49:37 2044\nx-ratelimit-reset-x: Sunday, 06-Nov-94 08:49:37 -0930",
)


def _wait_seeds() -> list[bytes]:
    recorded = (_exchange(429, headers, b"") for _, headers, _ in answers() if headers)
    return [*(text.encode() for text in _WAITS), *dict.fromkeys(recorded)]


# --- keys in texts ------------------------------------------------------------------------------------------------
#
# The first two bytes of an input say which key is planted where in the text that follows.

_SECRET = "p4ss.*word+[x]\\1"
"""A configured key without any shape, of characters that mean something to regular expressions."""

_KEYS = (
    _SECRET,
    "sk-proj-AbC0" + "x9" * 20,
    "gsk_" + "a1B2" * 8,
    "AIza" + "aB3-_" * 7,
    "ghp_" + "a1" * 18,
    "AKIA" + "AB2D" * 4,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
    "-----BEGIN PRIVATE KEY-----\nMIIEabc\n-----END PRIVATE KEY-----",
)


def _planted(data: bytes) -> tuple[str, str]:
    which, where = (*data[:2], 0, 0)[:2]
    key = _KEYS[which % len(_KEYS)]
    text = data[2:].decode("utf-8", "replace").replace(key, "")  # once, where it is planted
    at = len(text) * where // 255
    # A key with a shape is known as one where it is a word by itself; a configured one is known anywhere.
    return (key, text[:at] + key + text[at:]) if key == _SECRET else (key, f"{text[:at]} {key} {text[at:]}")


def _read_masked(data: bytes) -> str:
    return mask(_planted(data)[1], [_SECRET])


def _mask_laws(data: bytes, masked: str) -> None:
    key, text = _planted(data)
    hold(key not in masked, "the key is masked", key, masked)
    hold(find_secret(text, [_SECRET]), "the key is found", key, text)
    hold(find_secret(masked, [_SECRET]) is None, "no key is found in what was masked", masked)


def _mask_seeds() -> Iterator[bytes]:
    texts = [
        b"",
        b"Incorrect API key provided: sk-proj-****abcd. Find",
        b"Authorization: Bearer abc123def456",
        b'{"a": "b"}',
    ]
    texts += [body for _, _, body in answers()[:20]]
    for index, text in enumerate(texts):
        yield bytes([index % len(_KEYS), 80 * index % 256]) + text
    for index, key in enumerate(_KEYS):
        yield bytes([index, 128]) + f"before {key}. {key}\n".encode()


# --- lines of batches ---------------------------------------------------------------------------------------------


def _read_line(data: bytes) -> ResultLine:
    return read_result_line(data)


def _line_laws(data: bytes, line: ResultLine) -> None:
    hold(isinstance(line.custom_id, str), "a line has a custom_id", line)
    found = read_custom_id(line.custom_id)
    if found is not None:
        written = custom_id(found.place, f"sha256:{found.mark}", found.token)
        hold(written == line.custom_id, "a custom_id is written as it was read", line.custom_id, written)
    hold(
        (line.status is None) != (line.error is None) or line.status is not None, "a result, or why not", line
    )
    for api in ("chat", "messages", "responses"):
        reply = reply_of(line, dialect_of(api), request={"model": "m"})
        hold(bool(reply.error) != bool(reply.answers), "there are answers or an error", reply)
        hold(line.status is not None or reply.error, "without a response there is an error", reply)
        if reply.error:
            _error_laws(reply.error)
        for answer in reply.answers:
            for text in (answer.text, answer.detail):
                hold_text(text or "", "a text of the answer")


def _refused_line(_data: bytes, error: Any) -> None:
    hold(str(error).strip() and len(str(error)) <= 500, "a refusal says why, in short", error)
    hold_text(str(error), "what a refusal says")


def _line_seeds() -> Iterator[bytes]:
    name = custom_id(17, "sha256:" + "0123456789abcdef" * 4)
    for status, _, body in answers()[:40]:
        try:
            value = json.loads(body)
        except ValueError:
            continue
        response = {"status_code": status, "request_id": "req_1", "body": value}
        yield json.dumps({"id": "b", "custom_id": name, "response": response, "error": None}).encode()
        yield json.dumps(
            {"custom_id": f"{name}-01234567", "result": {"type": "succeeded", "message": value}}
        ).encode()
    error = {"code": "batch_expired", "message": "too late"}
    yield json.dumps({"custom_id": name, "response": None, "error": error}).encode()
    for kind in ("errored", "canceled", "expired"):
        yield json.dumps({"custom_id": name, "result": {"type": kind, "error": {"error": error}}}).encode()


TARGETS = (
    Target("batch-line", _read_line, (ValueError,), _line_laws, _refused_line, _line_seeds),
    Target("sse", _read_events, (), _sse_laws, _never, _sse_seeds),
    Target("reply", _read_reply, (), _reply_laws, _never, _reply_seeds),
    Target("retry-after", _read_wait, (), _headers_laws, _never, _wait_seeds),
    Target("mask", _read_masked, (), _mask_laws, _never, _mask_seeds),
)
