"""Make the lines of a batch from jobs, and refuse what a batch cannot have."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from ...endpoints.prices import Tokens
from ...errors import SecretError, UsageError
from ...wire.batch_lines import batch_url, custom_id, request_line
from ..plan.job import BYTES_PER_TOKEN, Job, Unit, answer_limit, choices

__all__ = [
    "BatchKind",
    "kind_of",
    "line_of",
    "reckoned_cost",
    "refuse_embedded",
    "refuse_secret",
    "refuse_unreckonable",
]


class BatchKind(NamedTuple):
    """What all requests of one batch share: a batch is for one model and one operation of one endpoint."""

    endpoint: str
    api: str
    url: str
    model: str

    def __str__(self) -> str:
        """Return it as it is shown to the user."""
        return f"{self.model or 'no model'} on {self.endpoint} ({self.url})"


def kind_of(unit: Unit) -> BatchKind:
    """Return the kind of batch that the requests of a unit may be in."""
    return BatchKind(unit.endpoint.name, unit.dialect.name, batch_url(unit.dialect, unit.fields), unit.model)


def line_of(
    job: Job, token: str | None = None, write: Callable[[str, str, bytes], bytes] = request_line
) -> bytes:
    """Return the line of a job, which must have a place in the run. `token` is that of its batch, if a line has it.

    `write` makes the line of a custom_id, a URL and a body.
    """
    assert job.place is not None
    url = batch_url(job.unit.dialect, job.unit.fields)
    return write(custom_id(job.place, job.fingerprint, token), url, job.sent(stream=False))


def reckoned_cost(job: Job) -> float | None:
    """Return the most that a request in a batch is reckoned to cost, in US dollars.

    None if its price is not known, or the prompt does not limit the answer.
    """
    price, limit = job.unit.price, answer_limit(job.unit.fields)
    if price is None or limit is None:
        return None
    tokens = Tokens(len(job.data) // BYTES_PER_TOKEN, limit * choices(job.unit.fields))
    return price.in_batch.cost(tokens)


def refuse_embedded(units: Iterable[Unit]) -> None:
    """Raise UsageError for the embedded model, which has no batches, and for media."""
    for unit in units:
        if not unit.dialect.streams:
            raise UsageError(
                f"{unit.prompt.name} is sent with `api: {unit.dialect.name}`, which is not sent in batches",
                hint="leave --batch out",
            )
        if unit.endpoint.embedded is not None:
            raise UsageError(
                f"endpoint {unit.endpoint.name} is the embedded model, which has no batches",
                hint="choose another endpoint with --endpoint, or leave --batch out",
            )


def refuse_unreckonable(units: Iterable[Unit]) -> None:
    """Raise UsageError if the most that the requests of a unit may cost is not known, for --max-cost."""
    for unit in units:
        why = None
        if unit.price is None or unit.price.cost(Tokens(0, 0)) is None:
            why = f"no price is known for {unit.model}"
        elif answer_limit(unit.fields) is None:
            why = "it sets no max_completion_tokens"
        if why is not None:
            raise UsageError(
                f"--max-cost cannot be checked before a batch is submitted: {unit.prompt.name}: {why}",
                location=unit.prompt.locate(),
                hint="declare it, or leave --max-cost out",
            )


def refuse_secret(job: Job, secrets: Collection[str]) -> None:
    """Raise SecretError if a request, which is about to be written to a file, has one of these keys in it."""
    if any(secret.encode() in job.data for secret in secrets):
        raise SecretError(
            f"the request of {job.unit.prompt.name}/{job.case.id} contains the key of endpoint"
            f" {job.unit.endpoint.name}, and a batch is a file",
            location=job.case.location,
            hint="remove the key from the variables or the prompt",
        )
