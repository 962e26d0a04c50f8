"""Write and read the lines of batch files: requests in OpenAI's format, results in OpenAI's and Anthropic's.

{"custom_id", "method", "url", "body"}                                a request: OpenAI, Azure, Groq, Together, vLLM
{"custom_id", "response": {"status_code", "request_id", "body"}, "error"}   its result, in any order
{"custom_id", "result": {"type": "succeeded", "message"}}             Anthropic; or errored, canceled, expired
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, BinaryIO, NamedTuple

from ..finish_reasons import NONE_DECLARED, Declared
from ..values import Json, JsonObject
from .decoding import decode_envelope, visible
from .dialect import Dialect
from .provider_errors import error_from
from .reply import ProviderError, Reply
from .usage import NO_LIMITS, TokenLimits

__all__ = [
    "MARK",
    "LineId",
    "ResultLine",
    "batch_url",
    "custom_id",
    "first_token",
    "mark_of",
    "read_custom_id",
    "read_result_line",
    "reply_of",
    "request_line",
]

MARK = 24
"""The hex digits of a fingerprint in a custom_id, which may have 64 characters in all (Together, Anthropic)."""

_ID = re.compile(r"(0|[1-9][0-9]{0,11})-([0-9a-f]{24})(?:-([0-9a-f]{8}))?")
_LONGEST_SHOWN = 80


class LineId(NamedTuple):
    """A parsed custom_id: the place of the request in the whole run, the beginning of its fingerprint, and the token.

    The token identifies the batch, for services that store nothing else that could identify it.
    """

    place: int
    mark: str
    token: str | None = None


class ResultLine(NamedTuple):
    """One line of results: an HTTP response with `status` and `body`, or the reason why there is none (`error`)."""

    custom_id: str
    status: int | None
    body: Json
    error: Json
    request_id: str | None = None


def mark_of(fingerprint: str) -> str:
    """Return the part of a fingerprint that its custom_id has."""
    return fingerprint.rpartition(":")[2][:MARK]


def custom_id(place: int, fingerprint: str, token: str | None = None) -> str:
    """Return the custom_id of a request: its place in the whole run, and the beginning of its fingerprint."""
    plain = f"{place}-{mark_of(fingerprint)}"
    return plain if token is None else f"{plain}-{token}"


def read_custom_id(text: str) -> LineId | None:
    """Return the parts of a custom_id, or None if runner did not write it."""
    found = _ID.fullmatch(text)
    return None if found is None else LineId(int(found[1]), found[2], found[3])


def batch_url(dialect: Dialect, request: JsonObject) -> str:
    """Return the `url` of a line, which is also the `endpoint` of the batch, whatever the base URL is."""
    return f"/v1/{dialect.path(request, stream=False)}"


def request_line(name: str, url: str, body: bytes) -> bytes:
    """Return the line of one request. `body` is its JSON, which is sent unchanged."""
    return b'{"custom_id":"%s","method":"POST","url":"%s","body":%s}\n' % (name.encode(), url.encode(), body)


def read_result_line(line: bytes) -> ResultLine:
    """Return the result in a line. Raises ValueError with a sentence that says what is wrong with the line."""
    value = decode_envelope(line)
    if not isinstance(value, Mapping):
        raise ValueError("it is not a JSON object")
    name = value.get("custom_id")
    if not isinstance(name, str):
        raise ValueError("it has no custom_id")
    if "result" in value:
        return _anthropic_line(name, value["result"])
    response, error = value.get("response"), value.get("error")
    if response is None and error is None:
        raise ValueError(f"the line of {_shown(name)} has neither a response nor an error")
    if not isinstance(response, Mapping):
        if error is None:
            raise ValueError(f"the response of {_shown(name)} is not an object")
        return ResultLine(name, None, None, error)
    status, request_id = response.get("status_code"), response.get("request_id")
    if not isinstance(status, int) or isinstance(status, bool) or not 100 <= status <= 599:
        raise ValueError(f"the response of {_shown(name)} has no status_code")
    named = request_id if isinstance(request_id, str) else None
    body = response.get("body")
    if error is not None and (200 <= status < 300 or not body):
        return ResultLine(name, None, None, error, named)
    return ResultLine(name, status, body, None, named)


def first_token(lines: BinaryIO) -> str | None:
    """Return the token in the first custom_id of a file of results, from its beginning; None if there is none."""
    lines.seek(0)
    try:
        found = read_custom_id(read_result_line(lines.readline()).custom_id)
    except ValueError:
        return None
    return None if found is None else found.token


def _anthropic_line(name: str, result: Json) -> ResultLine:
    found: Mapping[str, Json] = result if isinstance(result, Mapping) else {}
    kind = found.get("type")
    if kind == "succeeded":
        return ResultLine(name, 200, found.get("message"), None)
    if kind == "errored":
        return ResultLine(name, None, None, found.get("error") or {"type": "errored"})
    if isinstance(kind, str) and kind in _ENDED:
        return ResultLine(name, None, None, {"code": f"batch_{kind}", "message": _ENDED[kind]})
    raise ValueError(f"the result of {_shown(name)} has an unknown type")


_ENDED = {
    "canceled": "The batch was canceled before this request was sent to the model.",
    "expired": "The batch expired before this request was sent to the model.",
}


def reply_of(
    line: ResultLine,
    dialect: Dialect,
    *,
    request: JsonObject,
    finish_reasons: Mapping[str, Declared] = NONE_DECLARED,
    keyed: bool = True,
    limits: TokenLimits = NO_LIMITS,
) -> Reply:
    """Return the result of one request of a batch, read as the same answer would be read online. Never raises.

    See `Dialect.read_reply` for the other arguments.
    """
    headers = {} if line.request_id is None else {"x-request-id": line.request_id}
    if line.status is None:
        return Reply(error=_error(line.error, headers))
    return dialect.read_reply(
        line.status,
        headers,
        json.dumps(line.body).encode(),
        request=request,
        finish_reasons=finish_reasons,
        keyed=keyed,
        limits=limits,
    )


def _error(error: Json, headers: Mapping[str, str]) -> ProviderError:
    """Return the error of a request that has no response; nothing in it is an HTTP status."""
    whole: Any = error if isinstance(error, Mapping) and "error" in error else {"error": error}
    return replace(error_from(whole, 200, headers), status=None)


def _shown(name: str) -> str:
    text = str(visible(name))
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"
