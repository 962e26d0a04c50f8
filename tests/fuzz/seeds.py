"""What is mutated: real files. The repository's own, and recordings of others where they are given."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from tests import conformance

from .target import LARGEST

__all__ = ["CORPUS", "answers", "files", "kept", "streams"]

ROOT = Path(__file__).parents[2]
CORPUS = Path(__file__).parent / "corpus"

_NOT_OURS = {".venv", ".git", ".runner", ".fuzz", "node_modules", "build", "dist"}


def kept(target: str) -> dict[str, bytes]:
    """The cases that once broke a law of this target, by name.

    A file is the input as it is; or, where its name ends in `.grown`, the JSON of its pieces and how often each is
    repeated, with `<n>` standing for the number of the repetition: what is only slow when it is large stays small here.
    """
    found = sorted(path for path in (CORPUS / target).glob("*") if path.is_file())
    return {path.name: _grown(path) if path.suffix == ".grown" else path.read_bytes() for path in found}


def _grown(path: Path) -> bytes:
    pieces: list[tuple[str, int]] = json.loads(path.read_bytes())
    text = "".join(piece.replace("<n>", str(number)) for piece, times in pieces for number in range(times))
    return text.encode()[:LARGEST]


@cache
def files(*endings: str) -> tuple[bytes, ...]:
    """The files with one of these endings, without those too large to be inputs, each content once."""
    ours = sorted(
        path for path in ROOT.rglob("*") if not _NOT_OURS.intersection(path.relative_to(ROOT).parts)
    )
    others = (
        (conformance.RECORDINGS / row["file"] for row in conformance.sources())
        if conformance.RECORDINGS
        else ()
    )
    found = (path for path in (*ours, *others) if path.name.endswith(endings) and path.is_file())
    return tuple(dict.fromkeys(path.read_bytes() for path in found if path.stat().st_size <= LARGEST))


def _recorded(folder: str) -> Iterator[Any]:
    for path in conformance.recorded(f"wire/responses/{folder}", ".json"):
        yield json.loads(path.read_bytes())


def _written() -> Iterator[tuple[int, dict[str, str], bytes]]:
    for entry in conformance.lines("wire/answers.jsonl").values():
        text = entry["text"] if "text" in entry else json.dumps(entry["body"], ensure_ascii=False)
        yield entry["status"], entry["headers"], text.encode()


@cache
def answers() -> tuple[tuple[int, dict[str, str], bytes], ...]:
    """Answers of providers: status, headers and body."""
    found: list[tuple[int, dict[str, str], bytes]] = [*_OWN_ANSWERS, *_written()]
    for folder in ("chat", "errors", "stream", "openai-python"):
        for record in _recorded(folder):
            text = record["response_text"] if "response_text" in record else json.dumps(record["response"])
            headers = {name: str(value) for name, value in record.get("response_headers", {}).items()}
            found.append((record["meta"].get("status", 200), headers, text.encode()))
    found += [(200, {"content-type": "text/event-stream"}, body) for body in streams()]
    return tuple(found)


@cache
def streams() -> tuple[bytes, ...]:
    """Bodies of event streams."""
    recorded = [
        record["response_text"].encode() for record in _recorded("stream") if "response_text" in record
    ]
    written = [body for _, headers, body in _written() if "event-stream" in headers.get("content-type", "")]
    return tuple(dict.fromkeys([*_OWN_STREAMS, *written, *recorded, *files(".sse")]))


def _choice(index: int = 0, finish: str | None = "stop", **message: Any) -> dict[str, Any]:
    return {"index": index, "message": {"role": "assistant", **message}, "finish_reason": finish}


def _completion(*choices: dict[str, Any], **more: Any) -> bytes:
    body = {
        "id": "c-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": list(choices),
        **more,
    }
    return json.dumps(body, ensure_ascii=False).encode()


_CALL = {"id": "t1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
_JSON = {"content-type": "application/json", "x-request-id": "r-1"}
_LIMITS = {"retry-after": "2", "date": "Wed, 21 Oct 2026 07:28:00 GMT", "x-ratelimit-reset-requests": "6m0s"}
_OWN_ANSWERS: tuple[tuple[int, dict[str, str], bytes], ...] = (
    (200, _JSON, _completion(_choice(content='{"a": [1, 2.5, "é"]}'), usage={"total_tokens": 3})),
    (200, _JSON, _completion(_choice(content="a"), _choice(1, "length", content="b"), _choice(2, "content_filter"))),
    (200, _JSON, _completion(_choice(refusal="I cannot.", content=None))),
    (200, _JSON, _completion(_choice(finish="tool_calls", content=None, tool_calls=[_CALL]))),
    (200, _JSON, _completion(_choice(content=[{"type": "thinking", "thinking": "m"}, {"type": "text", "text": "a"}]))),
    (200, _JSON, _completion({**_choice(content=""), "error": {"code": 502, "message": "upstream"}})),
    (200, _JSON, b'{"error": {"message": "overloaded", "type": "server_error", "param": null, "code": null}}'),
    (429, _JSON | _LIMITS, b'{"error": {"message": "slow down", "type": "requests", "code": "rate_limit_exceeded"}}'),
    (400, _JSON, b'{"detail": [{"loc": ["body", "n"], "msg": "not an integer"}]}'),
    (401, {}, b'{"error": "Incorrect API key provided: sk-proj-****abcd."}'),
    (502, {"content-type": "text/html"}, b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"),
    (503, {}, b""),
    (500, {}, b'[{"error": {"code": 500, "message": "{\\"error\\": {\\"message\\": \\"inner\\"}}", "metadata": {"raw": "x"}}}]'),
)  # fmt: skip
_OWN_STREAMS = (
    b"""\
data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"Hel"}}]}

data: {"choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"stop"}],"usage":{"total_tokens":2}}

data: [DONE]

""",
    b"""\
: OPENROUTER PROCESSING

data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"t","function":{"name":"f","arguments":"{\\"a"}}]}}]}

data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\\":1}"}}]},"finish_reason":"tool_calls"}]}

""".replace(b"\n", b"\r\n"),
    b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\nerror: {"code":500,"message":"gone"}\n\n',
    b'event: error\ndata: {"error":{"message":"late"}}\n\n',
    b"""\
\xef\xbb\xbfdata: {"choices":[{"index":0,"delta":{"content":"cut"},"finish_reason":"length"},
data: {"index":1,"delta":{"content":"b"},"finish_reason":null}]}

""",
)
