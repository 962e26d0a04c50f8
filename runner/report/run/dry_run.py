"""`--dry-run`: show what a run would need."""

from __future__ import annotations

from ...engine.plan.plan import Plan, Preflight
from ..terminal.figures import count, plural
from ..terminal.table import format_table

__all__ = ["dry_run_text"]

BYTES_PER_TOKEN = 4


def dry_run_text(plan: Plan, preflight: Preflight, request_bytes: int) -> str:
    """Return the prompts, models and endpoints, the number of requests, and about how many tokens they have."""
    rows = [
        (
            unit.prompt.name,
            unit.variant or "",
            unit.model,
            unit.endpoint.name,
            unit.endpoint.base_url or "embedded",
        )
        for unit in plan.units
    ]
    tokens = request_bytes // BYTES_PER_TOKEN
    return "\n".join(
        (
            format_table(("prompt", "variant", "model", "endpoint", "address"), rows),
            "",
            f"{plural(preflight.jobs, 'request')}, about {count(tokens)} tokens of input; nothing was sent",
        )
    )
