"""A provider of batches on the loopback interface, which does everything that goes wrong with them, in real HTTP.

    with BatchServer() as server:
        server.lose_created = 1           # the next batch is created, and the answer is never sent
    ...
    assert server.submitted == Counter({...})

It has OpenAI's `/files` and `/batches`, Anthropic's `/messages/batches`, and `/chat/completions` for the same answers
online: what the last message says. `python -m tests.batch_server` serves until it is killed and prints its base URL.
"""

from __future__ import annotations

import email.parser
import email.policy
import itertools
import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["Batch", "BatchServer", "answer_to"]

SOON = "0.02"


def answer_to(body: dict[str, Any]) -> dict[str, Any]:
    """The answer of the model: what the last message said."""
    content = body["messages"][-1]["content"]
    text = content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }


def message_to(params: dict[str, Any]) -> dict[str, Any]:
    """The same answer as a message of Anthropic."""
    content = params["messages"][-1]["content"]
    text = content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": params["model"],
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 10, "output_tokens": 5},
    }


@dataclass
class Batch:
    """A batch: its lines, and how often its state was asked for."""

    id: str
    lines: list[dict[str, Any]]
    created: float
    request: dict[str, Any] = field(default_factory=dict)
    asked: int = 0
    status: str = "validating"
    cancelled: bool = False
    answered: frozenset[str] = frozenset()


class BatchServer:
    """Serves in a thread of its own. The attributes say what goes wrong, and count what was asked."""

    def __init__(self) -> None:
        self.states = ["validating", "in_progress", "finalizing", "completed"]
        """What a batch says, one after another; the last stays."""
        self.refuse: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda _: None
        """The error of a line, if it has one: it is in the file of errors, or errored."""
        self.unanswered: Callable[[dict[str, Any]], bool] = lambda _: False
        """Whether a line is not answered before the batch ends."""
        self.invalid: list[dict[str, Any]] = []
        self.answers: list[tuple[int, dict[str, Any]]] = []
        """Errors that the next creations are answered with."""
        self.lose_created = 0
        self.lose_before = 0
        self.omit_lines = 0
        """How often the output lacks its second half."""
        self.keep_metadata = True
        self.expired: set[str] = set()
        self.expire_after = 0
        """From then on, these values of Authorization are refused."""
        self.seed = 1
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, Batch] = {}
        self.submitted: Counter[str] = Counter()
        self.calls: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.online: list[dict[str, Any]] = []
        self.hold: Callable[[str], None] = lambda _: None
        """Called with each request ("POST /batches") before it is answered."""
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._http = _Http(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def __enter__(self) -> BatchServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def named(self) -> Counter[str]:
        """How often each text was submitted."""
        texts: Counter[str] = Counter()
        for batch in self.batches.values():
            for line in batch.lines:
                texts[(line.get("body") or line["params"])["messages"][-1]["content"]] += 1
        return texts

    # --- what is served ---------------------------------------------------------------------------------------------

    def answer(self, method: str, path: str, query: str, headers: Any, body: bytes) -> Answer:
        with self._lock:
            self.calls.append(f"{method} {path}")
            self.headers.append({name.lower(): value for name, value in headers.items()})
            if len(self.calls) > self.expire_after and headers["authorization"] in self.expired:
                return Answer(401, {"error": {"message": "the key has expired"}}, {})
            match (method, path.strip("/").split("/")):
                case ("POST", ["chat", "completions"] | ["messages"]):
                    self.online.append(json.loads(body))
                    return Answer(200, (answer_to if "chat" in path else message_to)(json.loads(body)))
                case ("POST", ["moderations"]):
                    self.online.append(json.loads(body))
                    found = {"flagged": False, "categories": {"x": False}, "category_scores": {"x": 0.1}}
                    return Answer(200, {"id": "m", "model": "moderator", "results": [found]})
                case ("POST", ["files"] | ["files", "upload"]):
                    return self._upload(headers["content-type"], body)
                case ("GET", ["files", name, "content"]):
                    return Answer(200, self.files[name]) if name in self.files else _missing(name)
                case ("POST", ["batches"]):
                    return self._create(json.loads(body))
                case ("POST", ["messages", "batches"]):
                    return self._create_anthropic(json.loads(body))
                case ("GET", ["batches"]):
                    return self._list(query, self._shown)
                case ("GET", ["messages", "batches"]):
                    for each in self.batches.values():
                        each.asked += 1
                    return self._list(query, self._shown_anthropic)
                case ("GET", ["batches", name]) if name in self.batches:
                    return Answer(200, self._shown(self._asked(name)))
                case ("GET", ["messages", "batches", name]) if name in self.batches:
                    return Answer(200, self._shown_anthropic(self._asked(name)))
                case ("GET", ["messages", "batches", name, "results"]) if name in self.batches:
                    return Answer(200, self._results_anthropic(self.batches[name]))
                case ("POST", ["batches", name, "cancel"]) if name in self.batches:
                    self.batches[name].cancelled = True
                    return Answer(200, self._shown(self.batches[name]))
                case ("POST", ["messages", "batches", name, "cancel"]) if name in self.batches:
                    self.batches[name].cancelled = True
                    return Answer(200, self._shown_anthropic(self.batches[name]))
            return _missing(path)

    def _asked(self, name: str) -> Batch:
        batch = self.batches[name]
        batch.asked += 1
        return batch

    def _upload(self, content_type: str, body: bytes) -> Answer:
        parser = email.parser.BytesParser(policy=email.policy.HTTP)
        form = parser.parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
        fields = {}
        for part in form.iter_parts():
            fields[part.get_param("name", header="content-disposition")] = part.get_payload(decode=True)
        assert fields["purpose"] in (b"batch", b"batch-api"), fields.keys()
        name = f"file-{next(self._numbers)}"
        self.files[name] = fields["file"]
        return Answer(200, {"id": name, "object": "file", "bytes": len(fields["file"]), "purpose": "batch"})

    def _create(self, request: dict[str, Any]) -> Answer:
        if self.answers:
            status, error = self.answers.pop(0)
            return Answer(status, {"error": error}, {"retry-after": SOON})
        if self.lose_before:
            self.lose_before -= 1
            return Answer(0, b"")
        lines = [json.loads(line) for line in self.files[request["input_file_id"]].splitlines()]
        assert {line["url"] for line in lines} == {request["endpoint"]}
        assert len({line["body"]["model"] for line in lines}) == 1, "a batch is for one model"
        return self._created(lines, request, self._shown)

    def _create_anthropic(self, request: dict[str, Any]) -> Answer:
        if self.answers:
            status, error = self.answers.pop(0)
            return Answer(status, {"type": "error", "error": error}, {"retry-after": SOON})
        return self._created(request["requests"], {}, self._shown_anthropic)

    def _created(
        self, lines: list[dict[str, Any]], request: dict[str, Any], shown: Callable[[Batch], dict[str, Any]]
    ) -> Answer:
        assert len({line["custom_id"] for line in lines}) == len(lines)
        batch = Batch(f"batch_{next(self._numbers)}", lines, time.time(), request)
        self.batches[batch.id] = batch
        self.submitted.update(line["custom_id"] for line in lines)
        if self.lose_created:
            self.lose_created -= 1
            return Answer(0, b"")
        return Answer(200, shown(batch))

    def _list(self, query: str, shown: Callable[[Batch], dict[str, Any]]) -> Answer:
        """Pages of two, newest first."""
        asked = dict(part.split("=") for part in query.split("&") if part)
        after = asked.get("after") or asked.get("after_id")
        newest = sorted(self.batches.values(), key=lambda batch: batch.created, reverse=True)
        start = next((at + 1 for at, batch in enumerate(newest) if batch.id == after), 0)
        page = newest[start : start + 2]
        more = start + 2 < len(newest)
        last = page[-1].id if page else None
        return Answer(200, {"data": [shown(batch) for batch in page], "has_more": more, "last_id": last})

    def _state_of(self, batch: Batch) -> str:
        if self.invalid:
            return "failed"
        if batch.cancelled:
            return "cancelled" if batch.asked else "cancelling"
        return self.states[min(batch.asked, len(self.states) - 1)]

    def _shown(self, batch: Batch) -> dict[str, Any]:
        state = self._state_of(batch)
        value: dict[str, Any] = {
            "id": batch.id,
            "object": "batch",
            "status": state,
            "input_file_id": batch.request["input_file_id"],
            "endpoint": batch.request["endpoint"],
            "created_at": int(batch.created),
            "output_file_id": None,
            "error_file_id": None,
            "errors": {"object": "list", "data": self.invalid} if self.invalid else None,
            "request_counts": {"total": len(batch.lines), "completed": 0, "failed": 0},
        }
        if self.keep_metadata:
            value["metadata"] = batch.request.get("metadata")
        if state in ("completed", "expired", "cancelled"):
            output, errors = self._results(batch)
            for key, lines in (("output_file_id", output), ("error_file_id", errors)):
                if lines:
                    name = f"{key}-{batch.id}"
                    self.files[name] = b"".join(lines)
                    value[key] = name
            value["request_counts"] |= {"completed": len(output), "failed": len(errors)}
        return value

    def _results(self, batch: Batch) -> tuple[list[bytes], list[bytes]]:
        output, errors = [], []
        for line in batch.lines:
            error, response = None, None
            target = output
            if self.unanswered(line) or (batch.cancelled and len(output) >= len(batch.lines) // 2):
                if self._state_of(batch) != "expired":
                    continue
                error, target = {"code": "batch_expired", "message": "too late"}, errors
            elif refused := self.refuse(line):
                response, target = {"status_code": 400, "request_id": "r", "body": {"error": refused}}, errors
            else:
                response = {"status_code": 200, "request_id": "r", "body": answer_to(line["body"])}
            found = {"id": "x", "custom_id": line["custom_id"], "response": response, "error": error}
            target.append(json.dumps(found).encode() + b"\n")
        random.Random(self.seed).shuffle(output)
        if self.omit_lines:
            self.omit_lines -= 1
            del output[len(output) // 2 :]
        return output, errors

    def _shown_anthropic(self, batch: Batch) -> dict[str, Any]:
        ended = self._state_of(batch) in ("completed", "expired", "cancelled")
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(batch.created))
        counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
        counts["succeeded" if ended else "processing"] = len(batch.lines)
        return {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": "ended" if ended else "in_progress",
            "request_counts": counts,
            "created_at": when,
            "results_url": "http://203.0.113.1/elsewhere" if ended else None,
        }

    def _results_anthropic(self, batch: Batch) -> bytes:
        lines = []
        for line in batch.lines:
            result: dict[str, Any] = {"type": "succeeded", "message": message_to(line["params"])}
            if batch.cancelled:
                result = {"type": "canceled"}
            elif self.unanswered(line):
                result = {"type": "expired"}
            elif refused := self.refuse(line):
                result = {"type": "errored", "error": {"type": "error", "error": refused}}
            lines.append(json.dumps({"custom_id": line["custom_id"], "result": result}).encode() + b"\n")
        random.Random(self.seed).shuffle(lines)
        return b"".join(lines)


@dataclass(frozen=True)
class Answer:
    """A response; with status 0, the connection is closed instead."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=lambda: {"retry-after": SOON})


def _missing(name: str) -> Answer:
    return Answer(404, {"error": {"message": f"no {name}", "code": "not_found"}}, {})


class _Http(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients are killed."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _handler(server: BatchServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve("GET")

        def do_POST(self) -> None:
            self._serve("POST")

        def _serve(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            path, _, query = self.path.partition("?")
            path = path.removeprefix("/v1")
            server.hold(f"{method} {path}")
            answer = server.answer(method, path, query, self.headers, body)
            if answer.status == 0:
                self.close_connection = True
                return
            data = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            try:
                self.send_response(answer.status)
                for name, value in {**answer.headers, "content-type": "application/json"}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except OSError:
                self.close_connection = True  # the client was killed

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    return Handler


if __name__ == "__main__":
    with BatchServer() as serving:
        print(serving.base_url, flush=True)
        threading.Event().wait()
