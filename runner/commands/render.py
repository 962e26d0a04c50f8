"""Implement `runner render`: print the requests without sending them."""

from __future__ import annotations

from contextlib import ExitStack

from ..engine.plan.plan import Plan
from ..engine.plan.spool import Spool
from ..report.run.rendered import rendered
from ..report.terminal.outlet import print_data, print_line
from .load_selection import SelectionOptions, load_selection

__all__ = ["render"]


def render(selection: SelectionOptions, form: str) -> int:
    """Print each request in one of the forms of `rendered`; if there are several, print the case before each."""
    with ExitStack() as closing:
        chosen = load_selection(selection, closing)
        plan = Plan(chosen.units, chosen.selection.cases)
        # Each case is rendered once: the printed request is the one that was checked.
        preflight = chosen.preflight(plan, spool=closing.enter_context(Spool()))
        for job in plan.jobs(preflight):
            if preflight.jobs > 1:
                prompt = job.unit.prompt
                where = prompt.path if prompt.origin is None else prompt.place
                variant = f"@{job.unit.variant}" if job.unit.variant else ""
                print_line(f"# {where} {job.case.id}{variant}", err=True)
            print_data(rendered(job, form))
    return 0
