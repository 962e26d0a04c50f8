"""A job as `runner render` prints it."""

from __future__ import annotations

import json
import shlex

from ...engine.plan.job import Job
from ...errors import UsageError
from ...files.addresses import key_headers, operation_url, shown_name, undeclared
from ...files.model import Endpoint
from ...wire.request import as_curl

__all__ = ["rendered"]


def rendered(job: Job, form: str) -> str:
    """The messages as declared or the request as sent, as indented JSON, keys in the author's order; or a curl command.

    The command names where the key is, a variable or an entry of the keyring, and never its value. Raises UsageError for an endpoint without an address.
    """
    if form == "messages":
        return json.dumps(job.body["messages"], ensure_ascii=False, indent=2)
    endpoint, dialect = job.unit.endpoint, job.unit.dialect
    body = dialect.encode(job.body)
    if form == "request":
        return json.dumps(body, ensure_ascii=False, indent=2)
    if endpoint.base_url is None:
        raise UsageError(
            f"endpoint {endpoint.name} is embedded and has no address for curl",
            hint="name one that has: --endpoint openai",
        )
    headers = {
        "Content-Type": "application/json",
        **undeclared(dialect.headers, endpoint),
        **endpoint.headers,
    }
    references = {
        name: scheme + (_of_keyring(endpoint) if variable is None else _of_variable(variable))
        for name, (scheme, variable) in key_headers(endpoint).items()
    }
    path = dialect.path(job.unit.fields, stream=False)
    return as_curl(operation_url(endpoint.base_url, path), headers, body, references)


def _of_variable(name: str) -> str:
    return f"${name}" if shown_name(name) == name else "$API_KEY"


def _of_keyring(endpoint: Endpoint) -> str:
    """A command substitution that asks the `keyring` command, inside double quotes."""
    name = endpoint.api_key_keyring or ""
    if shown_name(name) != name:
        return "$API_KEY"
    service, _, user = name.partition("/")
    return f"$(keyring get -- {shlex.quote(service)} {shlex.quote(user)})"
