"""A job as `runner render` prints it."""

from __future__ import annotations

import json

from ..engine.plan import Job
from ..errors import UsageError
from ..files.addresses import key_headers, operation_url, shown_name
from ..wire.request import as_curl

__all__ = ["rendered"]


def rendered(job: Job, form: str) -> str:
    """The messages or the request as indented JSON, keys in the author's order; or a curl command.

    The command names the key's variable and never its value. Raises UsageError for an endpoint without an address.
    """
    if form == "messages":
        return json.dumps(job.body["messages"], ensure_ascii=False, indent=2)
    if form == "request":
        return json.dumps(job.body, ensure_ascii=False, indent=2)
    endpoint = job.unit.endpoint
    if endpoint.base_url is None:
        raise UsageError(
            f"endpoint {endpoint.name} is embedded and has no address for curl",
            hint="name one that has: --endpoint openai",
        )
    headers = {"Content-Type": "application/json", **endpoint.headers}
    references = {
        name: f"{scheme}${variable if shown_name(variable) == variable else 'API_KEY'}"
        for name, (scheme, variable) in key_headers(endpoint).items()
        if variable is not None
    }
    return as_curl(operation_url(endpoint.base_url, "chat/completions"), headers, job.body, references)
