"""Format a job for `runner render`."""

from __future__ import annotations

import json
import shlex

from ...engine.plan.job import Job
from ...errors import UsageError
from ...files.addresses import key_headers, operation_url, shown_name, undeclared
from ...files.model import Endpoint
from ...wire.request import as_curl, as_curl_form

__all__ = ["rendered"]


def rendered(job: Job, form: str) -> str:
    """Return the declared messages or the sent request as indented JSON in the author's key order, or a curl command.

    The command refers to the key by its variable or keyring entry, and never contains its value. Raises UsageError for
    an endpoint without an address.
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
            hint="choose an endpoint that has one: --endpoint openai",
        )
    headers = {
        "Content-Type": "application/json",
        **undeclared(dialect.headers, endpoint),
        **endpoint.headers,
    }
    references = {
        name: scheme + (_of_program(endpoint) if variable is None else _of_variable(variable))
        for name, (scheme, variable) in key_headers(endpoint, dialect.name).items()
    }
    path = dialect.path(job.unit.fields, stream=False)
    if (fields := dialect.form(body)) is not None:
        del headers["Content-Type"]
        headers = {name: value for name, value in headers.items() if name != "content-type"}
        return as_curl_form(operation_url(endpoint.base_url, path), headers, fields, references)
    return as_curl(operation_url(endpoint.base_url, path), headers, body, references)


def _of_variable(name: str) -> str:
    return f"${name}" if shown_name(name) == name else "$API_KEY"


def _of_program(endpoint: Endpoint) -> str:
    """Return a command substitution with the endpoint's command, or `keyring`, for use inside double quotes."""
    if endpoint.api_key_command:
        return f"$({shlex.join(endpoint.api_key_command)})"
    name = endpoint.api_key_keyring or ""
    if shown_name(name) != name:
        return "$API_KEY"
    service, _, user = name.partition("/")
    return f"$(keyring get -- {shlex.quote(service)} {shlex.quote(user)})"
