"""Read the errors of OpenAI-compatible servers, in all their shapes, into one form.

{"error": {"message", "type", "param", "code"}}          OpenAI, Azure, Groq, Together, vLLM from 0.10.1
{"error": {"code": 429, "metadata": {"raw": "..."}}}     OpenRouter; `raw` is the upstream's text or JSON
{"error": "text"}                                        LM Studio, Ollama's own API
{"object": "error", "message", "type", "code": 400}      vLLM before 0.10.1, Mistral
{"type": "error", "error": {"type", "message"}}          Anthropic
{"detail": "text"} or {"detail": [{"loc", "msg"}]}       Mistral, FastAPI servers
{"message"}, {"error_code", "message"}                   Bedrock, Cohere, Databricks
{"errors": [{"message"}]}, [{"error": {...}}]            gateways, Gemini
an HTML page, plain text, nothing                        proxies, a wrong base_url
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from ..masking import mask
from ..values import Json
from .decoding import TooDeepError, decode_envelope, visible
from .error_rules import ANYTHING, Asked, hint_for, hint_for_page, is_retryable, is_spent, status_behind
from .reply import ProviderError
from .retry_after import parse_http_date, retry_after

__all__ = ["error_from", "error_message", "read_error"]

_LONGEST = 500
"""The maximum length of a stored message, in characters."""

_READ = 8_000
"""The maximum length of a message or page that is read, in bytes or characters."""

_REQUEST_IDS = ("x-request-id", "request-id", "apim-request-id", "x-ms-request-id")
_MESSAGE_KEYS = ("error", "message", "msg", "detail", "errors", "base_resp", "status_msg")
_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{1,500})", re.IGNORECASE)
_TAG = re.compile(r"<[^>]{0,1000}>")


def read_error(
    status: int, headers: Mapping[str, str], body: bytes, asked: Asked = ANYTHING
) -> ProviderError:
    """Return the error in a response with an error status, or whose body is not an answer. Never raises.

    `code` is the provider's, else the status; "non_json_body" if the body is not JSON. An HTML page is described by
    its title. Retry-After dates are measured from the response's own Date header. `asked` has the known facts about
    the request.
    """
    try:
        payload = decode_envelope(body)
    except ValueError as problem:
        return _from_other_body(status, headers, body, problem, asked)
    return error_from(payload, status, headers, asked=asked)


def error_from(
    payload: Json,
    status: int,
    headers: Mapping[str, str],
    *,
    code: str | None = None,
    asked: Asked = ANYTHING,
) -> ProviderError:
    """Return the error in a decoded body or an event of a stream. `code` is used if it has no code."""
    if isinstance(payload, list | tuple) and payload:
        payload = payload[0]
    outer = payload if isinstance(payload, Mapping) else {}
    inner = outer.get("error")
    holders = [holder for holder in (inner, outer) if isinstance(holder, Mapping)]
    kind = next((word for holder in holders for word in _words(holder, "type") if word != "error"), None)
    own_code = next((word for holder in holders for word in _words(holder, "code", "error_code")), None)
    return _error(
        own_code or code or (str(status) if status >= 300 else kind or "provider_error"),
        error_message(payload) or f"HTTP {status} with an error without a message",
        status,
        headers,
        kind=kind,
        param=next((word for holder in holders for word in _words(holder, "param")), None),
        request_id=next(_words(outer, "request_id"), None),
        asked=asked,
    )


def error_message(value: Json, *, levels: int = 6) -> str | None:
    """Return the message of an error, wherever its shape has it (at most `levels` deep), or None."""
    if not levels or value is None:
        return None
    if isinstance(value, str):
        text = value.strip()
        return (_message_of_json_text(text, levels) if text.startswith(("{", "[")) else None) or text or None
    if isinstance(value, list | tuple):
        messages = [message for item in value[:3] if (message := error_message(item, levels=levels - 1))]
        return "; ".join(messages) or None
    if not isinstance(value, Mapping):
        return None
    message = next(
        (found for key in _MESSAGE_KEYS if (found := error_message(value.get(key), levels=levels - 1))), None
    )
    place = value.get("loc")
    if message and isinstance(place, list | tuple):
        message = f"{'.'.join(str(part) for part in place)}: {message}"
    metadata = value.get("metadata")
    upstream = (
        error_message(metadata.get("raw"), levels=levels - 1) if isinstance(metadata, Mapping) else None
    )
    return ": ".join(part for part in (message, upstream) if part) or None


def _message_of_json_text(text: str, levels: int) -> str | None:
    """Return the message of an error within an error: OpenRouter and LM Studio pass on the upstream's JSON as text."""
    try:
        return error_message(decode_envelope(text.encode("utf-8", "backslashreplace")), levels=levels - 1)
    except ValueError:
        return None


def _words(holder: Mapping[str, Json], *keys: str) -> Iterator[str]:
    """Yield the values of `keys` that can be a name, as text: servers send both 429 and "429"."""
    for key in keys:
        value = holder.get(key)
        if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
            yield str(value)


def _from_other_body(
    status: int, headers: Mapping[str, str], body: bytes, problem: ValueError, asked: Asked
) -> ProviderError:
    text = body[:_READ].decode("utf-8", "replace").strip()
    if not text:
        code = str(status) if status >= 300 else "non_json_body"
        return _error(
            code,
            f"HTTP {status} with an empty body",
            status,
            headers,
            retryable=status < 300 or None,
            asked=asked,
        )
    content_type = _header(headers, "content-type") or "no content type"
    if text.startswith("<") or "html" in content_type:
        import html  # 2,231 names of characters, for pages only

        title = _TITLE.search(text)
        words = " ".join(html.unescape(title[1] if title else _TAG.sub(" ", text)).split())
        message = f"HTTP {status} with an HTML page instead of JSON: {words[:200]}"
        return _error("non_json_body", message, status, headers, hint=hint_for_page(status, asked))
    cut = text.startswith(("{", "[")) and not isinstance(problem, TooDeepError)
    message = (
        f"HTTP {status} with a body ({content_type}) that is not JSON, {problem}: {' '.join(text.split())}"
    )
    retryable = True if cut and status < 300 else None
    return _error("non_json_body", message, status, headers, retryable=retryable, asked=asked)


def _error(
    code: str,
    message: str,
    status: int,
    headers: Mapping[str, str],
    *,
    kind: str | None = None,
    param: str | None = None,
    request_id: str | None = None,
    retryable: bool | None = None,
    hint: str | None = None,
    asked: Asked = ANYTHING,
) -> ProviderError:
    """Build the error with text that can be shown and stored; apply the retry rules unless `retryable` is given."""
    behind = status_behind(status, code, kind)
    request_id = next(filter(None, (_header(headers, name) for name in _REQUEST_IDS)), request_id)
    if retryable is None:
        retryable = is_retryable(behind, code, kind, message, _header(headers, "x-should-retry"))
    return ProviderError(
        code=_shown(code),
        message=_shown(message),
        status=status,
        type=_shown(kind) if kind else None,
        param=_shown(param) if param else None,
        retryable=retryable,
        retry_after=retry_after(headers, now=_server_time(headers), status=behind) if retryable else None,
        hint=_shown(said) if (said := hint or hint_for(behind, code, kind, message, param, asked)) else None,
        request_id=_shown(request_id) if request_id else None,
        spent=is_spent(behind, code, kind, message),
    )


def _shown(text: str) -> str:
    """Return text masked, encodable and short. It is cut twice, because masking needs whole keys but not megabytes."""
    shown = mask(str(visible(text[:_READ])))
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"


def _header(headers: Mapping[str, str], name: str) -> str | None:
    return headers.get(name) or next((value for key, value in headers.items() if key.lower() == name), None)


def _server_time(headers: Mapping[str, str]) -> datetime:
    """Return the time from which a Retry-After date is measured: the server's own, if the response has it."""
    return parse_http_date(_header(headers, "date") or "") or datetime.now(UTC)
