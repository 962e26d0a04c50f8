"""Remarks on who judges: W026, a judge that judges its own model's answers; W027, a judge that may change unnoticed; W029, a
gate on a judge whose error rates are unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...errors import Diagnostic
from ...files.calibration import load_calibration
from ...files.disk.tree import DiskTree
from ...files.model import Project
from .job import Unit
from .judge_prompts import identity_of

__all__ = ["judge_remarks"]

_CALIBRATE = "label some of its verdicts: runner judge sample, then runner judge calibrate"


def _uncalibrated(judge: Unit, votes: int, project: Project) -> str | None:
    calibration = load_calibration(DiskTree(Path(project.root)), judge.prompt.place)
    if calibration is None:
        return "whose error rates are unknown"
    if calibration.judge != identity_of(judge, votes):
        return "whose calibration is about another prompt, model or number of votes"
    return "which must not be used, as its calibration says" if calibration.word == "do not use" else None


_DATE = re.compile(r"(?<!\d)(?:20\d\d-?\d\d-?\d\d|\d{4})(?!\d)")
"""A date in the name of a model: gpt-5-2026-08-07, claude-sonnet-4-20250514, gpt-4-0613."""


def judge_remarks(units: Sequence[Unit], project: Project) -> Iterator[Diagnostic]:
    """Yield what is doubtful about the judges of a prompt, once for each model.

    Raises a FileError for a calibration file that cannot be read.
    """
    said: set[tuple[str, str]] = set()
    for unit in units:
        if unit.prompt.regression.get("gate") is not None or project.gate is not None:
            for judge, votes in unit.asks.judge_votes if unit.asks else ():
                why = _uncalibrated(judge, votes, project)
                if why is not None and ("W029", judge.model) not in said:
                    said.add(("W029", judge.model))
                    text = f"a gate depends on the judge {judge.prompt.place}, {why}"
                    location = (
                        next(place for each, place in unit.asks.judges if each is judge)
                        if unit.asks
                        else None
                    )
                    yield Diagnostic("warning", "W029", text, location or unit.prompt.locate(), _CALIBRATE)
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
