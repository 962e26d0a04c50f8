"""The rules for the addresses of endpoints: base URLs, headers, and the names of the variables that contain keys.

This is the only place for these rules. What is in a file of the project is checked when that file is read, so that
`runner check` reports it; what comes from the environment is checked when it is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import SplitResult, parse_qsl, urlsplit, urlunsplit

from ..masking import find_secret, is_plausible_name
from ..visible import one_line
from .model import Endpoint

__all__ = [
    "OPENAI_URL",
    "Fault",
    "header_fault",
    "header_name_fault",
    "is_header_value",
    "key_headers",
    "key_source",
    "key_variables",
    "operation_url",
    "repeated_header",
    "shown_name",
    "url_fault",
    "variable_fault",
]

OPENAI_URL = "https://api.openai.com/v1"
"""The base URL of the endpoint `openai`, unless the environment names another one."""

Fault = tuple[str, str]
"""Why a value is refused, in words that follow its name, and what to do. Neither repeats what may be a key."""

_EXAMPLE = f"write e.g. {OPENAI_URL}"
_HEADERS_ENV_HINT = "put it in an environment variable and name that: headers_env: {%s: NAME}"
_KEY_HINT = "put the key in an environment variable and name that: api_key_env: NAME"
# Headers and parameters whose value is a credential, whatever it looks like.
_SECRET_NAME = re.compile(
    r"authorization|cookie|api[-_]?key|(?<![a-z])key$|token|secret|password|credential", re.IGNORECASE
)
_SECRET_PARAMETER = re.compile(r"(?<![a-z])(?:auth|code|sig|signature)$", re.IGNORECASE)
# Wider than what is masked in any text: a false positive here gets a hint that says what to do.
_KEY = re.compile(r"\b(?:sk|gsk|xai|ghp|AKIA)[-_]?[A-Za-z0-9]{2}[-_A-Za-z0-9]{14,}")
_SCHEME = re.compile(r"\b(?:Bearer|Basic)\s+\S")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_FIELD_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?")  # RFC 9110, 5.5, without obs-text
_OURS = frozenset(
    {"accept-encoding", "connection", "content-length", "content-type", "host", "transfer-encoding"}
)
_OPERATIONS = (
    *("/chat/completions", "/completions", "/messages", "/responses"),
    *("/images/generations", "/audio/speech", "/audio/transcriptions"),
)
_ANTHROPIC = "api.anthropic.com"
_AZURE = (".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com")


def url_fault(url: str) -> Fault | None:
    """Return why `url` is not a base URL, or None. A query may be part of one (Azure's `?api-version=`), a key may not."""
    if any(char.isspace() or not char.isprintable() for char in url):
        return "contains white space", _EXAMPLE
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "is not a URL", _EXAMPLE
    if "@" in parts.netloc:
        return "contains a user name or a password", _KEY_HINT
    if parts.scheme not in {"http", "https"} or not host or port == 0 or not url.isascii():
        return "is not an http or https URL", _EXAMPLE
    if "#" in url:
        return "contains a fragment", "end it before the number sign"
    if operation := _operation_of(parts):
        return "includes the operation", f"leave out {operation}, which runner adds"
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if _SECRET_NAME.search(name) or _SECRET_PARAMETER.search(name) or _is_key(value):
            return (
                "contains a key in its query",
                "keys do not belong in files or URLs: name a variable with api_key_env or headers_env",
            )
    return None


def operation_url(base_url: str, path: str) -> str:
    """Return the URL of `path` below a base URL, whose query stays at the end."""
    parts = urlsplit(base_url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{path}"))


def header_fault(name: str, value: str) -> Fault | None:
    """Return why a header must not be in a file or cannot be sent, or None."""
    if _SECRET_NAME.search(name) or _SCHEME.search(value) or _is_key(value):
        return "looks like a key, and keys do not belong in files", _HEADERS_ENV_HINT % name
    if not is_header_value(value):
        return "is not a valid HTTP header value", "write printable ASCII without white space around it"
    return header_name_fault(name)


def header_name_fault(name: str) -> Fault | None:
    """Return why an endpoint cannot set a header, or None."""
    if not _TOKEN.fullmatch(name):
        return "is not an HTTP header name", "see RFC 9110, section 5.1"
    if name.lower() in _OURS:
        return "is set by the request itself", "leave it out"
    return None


def is_header_value(value: str) -> bool:
    """Return whether HTTP allows the value: printable ASCII without white space around it."""
    return _FIELD_VALUE.fullmatch(value) is not None


def variable_fault(name: str) -> Fault | None:
    """Return why `name` is not the name of an environment variable (it looks like the key itself), or None."""
    if _is_key(name):
        return "is a key, and keys do not belong in files", "put it in an environment variable and name that"
    return None


def shown_name(name: str) -> str:
    """Return the name of a variable or keyring entry for a message, unless it may be the key itself."""
    return name if is_plausible_name(name) else "[not shown: it may be a key]"


def key_headers(endpoint: Endpoint, api: str | None = None) -> dict[str, tuple[str, str | None]]:
    """Return the headers that carry keys: the prefix of the key, and the variable it comes from.

    The variable is None for a key from the keyring or from a command.

    `api` is the wire format of the request, which an entry of `models` may choose; by default it is the endpoint's.
    """
    found: dict[str, tuple[str, str | None]] = {}
    if endpoint.api_key_env or endpoint.api_key_keyring or endpoint.api_key_command:
        host = urlsplit(endpoint.base_url or "").hostname or ""
        if host == _ANTHROPIC and (api or endpoint.api) == "messages":
            # Its own keys; `Authorization` is for OAuth tokens there.
            return {"x-api-key": ("", endpoint.api_key_env)} | _from_variables(endpoint)
        found["Authorization"] = ("Bearer ", endpoint.api_key_env)
        if host.endswith(_AZURE) and "api-key" not in {name.lower() for name in endpoint.headers_env}:
            # Azure's own keys; `Authorization` is for Entra tokens there, and the variable may contain either.
            found["api-key"] = ("", endpoint.api_key_env)
    return found | _from_variables(endpoint)


def key_source(endpoint: Endpoint) -> str:
    """Return where a key that is not in a variable comes from, for a message."""
    if endpoint.api_key_command:
        return f"the command {one_line(endpoint.api_key_command[0])}"
    return f"the keyring, {shown_name(str(endpoint.api_key_keyring))}"


def _from_variables(endpoint: Endpoint) -> dict[str, tuple[str, str | None]]:
    return {name: ("", variable) for name, variable in endpoint.headers_env.items()}


def undeclared(headers: Mapping[str, str], endpoint: Endpoint) -> dict[str, str]:
    """Return those of `headers`, which have lower-case names, that the endpoint does not declare itself."""
    declared = {name.lower() for name in (*endpoint.headers, *endpoint.headers_env)}
    return {name: value for name, value in headers.items() if name not in declared}


def key_variables(endpoints: Iterable[Endpoint]) -> set[str]:
    """Return the names of the variables that contain keys."""
    places = [place for endpoint in endpoints for place in (endpoint, *endpoint.in_turn)]
    keys = [source for place in places for source in key_headers(place).values()]
    return {variable for _, variable in keys if variable is not None}


def repeated_header(*mappings: Mapping[str, str]) -> str | None:
    """Return a header name that appears twice in these mappings, regardless of case, or None."""
    seen: set[str] = set()
    for name in (name for mapping in mappings for name in mapping):
        if name.lower() in seen:
            return name
        seen.add(name.lower())
    return None


def _operation_of(parts: SplitResult) -> str | None:
    return next((each for each in _OPERATIONS if parts.path.rstrip("/").endswith(each)), None)


def _is_key(text: str) -> bool:
    return find_secret(text) is not None or _KEY.search(text) is not None
