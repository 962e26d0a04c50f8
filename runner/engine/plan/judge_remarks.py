"""Remarks on who judges: W026, a judge that judges its own model's answers; W027, a judge that may change unnoticed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ...errors import Diagnostic
from .job import Unit

__all__ = ["judge_remarks"]

_DATE = re.compile(r"(?<!\d)(?:20\d\d-?\d\d-?\d\d|\d{4})(?!\d)")
"""A date in the name of a model: gpt-5-2026-08-07, claude-sonnet-4-20250514, gpt-4-0613."""


def judge_remarks(units: Sequence[Unit]) -> Iterator[Diagnostic]:
    """Yield what is doubtful about the judges of a prompt, once for each model."""
    said: set[tuple[str, str]] = set()
    for unit in units:
        for judge, location in unit.asks.judges if unit.asks else ():
            name = judge.prompt.place
            if judge.model == unit.model and ("W026", judge.model) not in said:
                said.add(("W026", judge.model))
                text = (
                    f"the judge {name} is {judge.model}, whose own answers it judges: models prefer their own"
                )
                yield Diagnostic(
                    "warning", "W026", text, location, "let another model judge: judge: {model: ...}"
                )
            if (
                judge.endpoint.embedded is None
                and not _DATE.search(judge.model)
                and ("W027", judge.model) not in said
            ):
                said.add(("W027", judge.model))
                text = f"the judge {name} is {judge.model}, a name without a date: its verdicts may change with the model"
                yield Diagnostic(
                    "warning", "W027", text, location, "name a dated model, such as gpt-5-2026-08-07"
                )
