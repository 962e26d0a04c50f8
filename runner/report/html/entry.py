"""What a report is made of: the facts of the run, and an entry for each answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ...engine.journal.record import Record
from ...regress.results import FieldChange
from ...values import Json
from ..question import Question

__all__ = ["NOT_ASKED", "STATES", "Approved", "Earlier", "Question", "ReportEntry", "RunFacts", "State"]

State: TypeAlias = Literal["passed", "failed", "error", "pending", "flaky", "outdated"]
STATES: tuple[State, ...] = ("passed", "flaky", "pending", "outdated", "failed", "error")
"""What became of a case: of a run the first, the last and `failed`; of a test any of them."""


NOT_ASKED = "not asked"
"""Stands for the outcome of a case that a test could neither ask nor replay."""


@dataclass(frozen=True, slots=True)
class Approved:
    """What is approved for the case, and each place where the answer differs, with the rule that decided it."""

    value: Json
    fields: Sequence[FieldChange] = ()
    agreement: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Earlier:
    """The same case in the run that is compared with."""

    record: Record
    state: State


@dataclass(frozen=True, slots=True)
class ReportEntry:
    """One answer, and all there is to say of it.

    `verdict` is the sentence that a test says of it. `replayed`: nobody was asked, the answer is the approved one.
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
    """What the head of a report says: `facts` are captions and texts, `notes` whole sentences.

    `against` names the run that is compared with.
    """

    title: str
    facts: Sequence[tuple[str, str]]
    notes: Sequence[str] = ()
    against: str | None = None
