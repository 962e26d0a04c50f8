"""`--dry-run`: show what a run would need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...endpoints.prices import Price, Tokens
from ...engine.plan.job import BYTES_PER_TOKEN, Unit, answer_limit, choices
from ...files.addresses import key_headers
from ..terminal.figures import count, dollars, plural
from ..terminal.table import format_table

__all__ = ["Estimate", "dry_run_text"]


class Estimate(NamedTuple):
    """What one unit would send: the number of requests, and the total size of their bodies in bytes.

    `batch`: they would be submitted as batches.
    """

    unit: Unit
    requests: int
    size: int
    batch: bool = False

    @property
    def price(self) -> Price | None:
        """Return the price of these requests."""
        price = self.unit.price
        return price.in_batch if self.batch and price is not None else price

    @property
    def tokens(self) -> int:
        """Return the estimated number of input tokens."""
        return self.size // BYTES_PER_TOKEN

    @property
    def most_tokens(self) -> int | None:
        """Return the most tokens that all answers together can have, or None if the prompt sets no limit."""
        fields = self.unit.fields
        limit = answer_limit(fields)
        return None if limit is None else limit * self.requests * choices(fields)


def dry_run_text(estimates: Sequence[Estimate]) -> str:
    """Return the text of a dry run: prompts, models and endpoints, the number of requests, and the estimated tokens and cost."""
    rows = [
        (
            unit.prompt.name,
            unit.variant or "",
            unit.model,
            unit.endpoint.name,
            unit.endpoint.base_url or "embedded",
        )
        for unit, *_ in estimates
    ]
    requests = sum(each.requests for each in estimates)
    tokens = sum(each.size for each in estimates) // BYTES_PER_TOKEN
    return "\n".join(
        (
            format_table(("prompt", "variant", "model", "endpoint", "address"), rows),
            "",
            f"{plural(requests, 'request')}, about {count(tokens)} tokens of input; nothing was sent",
            *_costs([each for each in estimates if key_headers(each.unit.endpoint)]),
        )
    )


def _costs(estimates: Sequence[Estimate]) -> list[str]:
    """Return lines with the estimated cost of the requests to servers, and the models without a known price."""
    read = written = 0.0
    limited = True
    unknown: dict[str, None] = {}
    for each in estimates:
        price = each.price
        cost = None if price is None else price.cost(Tokens(each.tokens, 0))
        if price is None or cost is None:
            unknown[each.unit.model] = None
            continue
        read += cost
        if each.most_tokens is None:
            limited = False
        else:
            written += price.cost(Tokens(0, each.most_tokens)) or 0.0
    lines = []
    if len(unknown) < len({each.unit.model for each in estimates}):
        answers = (
            f"at most {dollars(written)} for the answers"
            if limited
            else "plus the answers, which are not limited by max_completion_tokens"
        )
        lines.append(f"about {dollars(read)} for the input, {answers}")
    if unknown:
        unlisted = any(each.unit.price is None for each in estimates)
        hint = f"declare it in runner.yaml, under `models`{' or with `prices: genai`' if unlisted else ''}"
        lines.append(f"no price is known for {', '.join(unknown)}: {hint}")
    return lines
