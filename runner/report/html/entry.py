"""The contents of a report: the facts of the run, and an entry for each answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from ...engine.journal.record import Record
from ...regress.results import FieldChange
from ...values import Json
from ..question import Question

__all__ = ["NOT_ASKED", "STATES", "Approved", "Earlier", "Question", "ReportEntry", "RunFacts", "State"]

State: TypeAlias = Literal["passed", "failed", "error", "pending", "flaky", "outdated"]
STATES: tuple[State, ...] = ("passed", "flaky", "pending", "outdated", "failed", "error")
"""The state of a case: for a run the first, the last or `failed`; for a test any of them."""


NOT_ASKED = "not asked"
"""Replaces the outcome of a case for which a test could neither send a request nor replay an answer."""


@dataclass(frozen=True, slots=True)
class Approved:
    """The approved answer of the case, and each place where the new answer differs, with the rule that decided it."""

    value: Json
    fields: Sequence[FieldChange] = ()
    agreement: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Earlier:
    """The same case in the other run of a comparison."""

    record: Record
    state: State


@dataclass(frozen=True, slots=True)
class ReportEntry:
    """One answer with all its details.

    `verdict` is the sentence that a test reports for it. `replayed`: no request was sent, the answer is the approved
    one.
    """

    record: Record
    state: State
    question: Question
    approved: Approved | None = None
    earlier: Earlier | None = None
    verdict: str | None = None
    kind: str | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class RunFacts:
    """The head of a report: `facts` are captions and texts, `notes` are whole sentences.

    `against` names the other run of a comparison. `root` is that of the project, where the media are.
    """

    title: str
    facts: Sequence[tuple[str, str]]
    notes: Sequence[str] = ()
    against: str | None = None
    root: Path | None = None
