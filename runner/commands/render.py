"""What `runner render` does: print what would be sent, case by case."""

from __future__ import annotations

from contextlib import ExitStack

from ..engine.plan.plan import Plan
from ..report.outlet import print_data, print_line
from ..report.rendered import rendered
from .selection import SelectionOptions, load_selection

__all__ = ["render"]


def render(selection: SelectionOptions, form: str) -> int:
    """Print each request in one of the forms of `rendered`; with several, each behind a line that names it."""
    with ExitStack() as closing:
        chosen = load_selection(selection, closing)
        plan = Plan(chosen.units, chosen.selection.cases)
        several = chosen.preflight(plan).jobs > 1
        for job in plan.jobs():
            if several:
                prompt = job.unit.prompt
                where = prompt.path if prompt.origin is None else prompt.place
                variant = f"@{job.unit.variant}" if job.unit.variant else ""
                print_line(f"# {where} {job.case.id}{variant}", err=True)
            print_data(rendered(job, form))
    return 0
