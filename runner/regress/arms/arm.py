"""Collect the samples of one arm: those of one prompt, as one of several sides that are compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite

from ...engine.journal.counters import is_new
from ...engine.journal.record import Record
from ...engine.measured import sample_of
from ...engine.plan.configuration import digest_of
from ...engine.sampled import SampleAnswers
from ...errors import StorageError, elided
from ...verdict.metrics import Metric, Sample
from ...wire.usage import token_count
from ..gates.counted import is_missing
from ..gates.rates import Rates
from .arm_results import PASS_RATE

__all__ = ["MEASURES", "ArmCase", "ComparedArm", "Measured", "arm_of_rates"]

MEASURES = ("latency", "tokens", "cost")
"""What is measured for each answer besides whether it passed: milliseconds, tokens, dollars."""


@dataclass(slots=True)
class Measured:
    """The sum of a measure over the samples of a case, and the number of samples that have it."""

    total: float = 0.0
    number: int = 0

    def add(self, value: float | None) -> None:
        """Add the value of one sample; None if it has none."""
        if value is not None:
            self.total += value
            self.number += 1

    @property
    def mean(self) -> float | None:
        """Return the mean, None if no sample has the measure, or it is no number."""
        return self.total / self.number if self.number and isfinite(self.total) else None


@dataclass(slots=True)
class ArmCase:
    """The samples of one case: those that passed, those that were answered, those that got no answer.

    `request` is the fingerprint of the request, or its short form; `vars` is a digest of the variables, None if unknown.
    `samples` is what other metrics than the pass rate are computed from.
    """

    request: str
    vars: str | None = None
    passed: int = 0
    answered: int = 0
    missing: int = 0
    samples: list[Sample] = field(default_factory=list)
    measured: Mapping[str, Measured] = field(
        default_factory=lambda: {measure: Measured() for measure in MEASURES}
    )


@dataclass(slots=True)
class ComparedArm:
    """The samples of a prompt in one arm. `name` names the arm among those it is compared with.

    `outcomes` counts the outcomes of answers that did not pass. `asserts`: whether anything about the answers could have
    failed. `metric` is what is compared, `cached` how many answers came from the cache. `started` is the date on which the samples were requested.
    """

    name: str
    prompt: str
    file: str
    variant: str | None = None
    started: str | None = None
    cases: dict[str, ArmCase] = field(default_factory=dict)
    models: set[str] = field(default_factory=set)
    served: set[str] = field(default_factory=set)
    outcomes: Counter[str] = field(default_factory=Counter)
    answers: SampleAnswers = field(default_factory=SampleAnswers)
    asserts: bool = False
    first: int | None = None
    metric: Metric = PASS_RATE
    cached: int = 0

    @property
    def missing(self) -> int:
        """Return the number of answers that did not arrive."""
        return sum(case.missing for case in self.cases.values())

    @property
    def calls(self) -> int:
        """Return the number of answers that were requested, whether they arrived or not."""
        return sum(case.answered + case.missing for case in self.cases.values())

    @property
    def most(self) -> int:
        """Return the largest number of samples that were requested of a case."""
        return max((case.answered + case.missing for case in self.cases.values()), default=0)

    def take(self, record: Record) -> None:
        """Count one sample. A wrong answer counts as failed; a missing answer is no evidence."""
        case = self.cases.get(record["case"])
        if case is None:
            case = ArmCase(record["fingerprint"], digest_of(record["vars"]))
            self.cases[record["case"]] = case
        self.models.add(record["model"])
        place = record.get("index")
        if place is not None:
            self.first = place if self.first is None else min(self.first, place)
        self.asserts = (
            self.asserts
            or bool(record["checks"])
            or record["output"] is not None
            or record["outcome"] != "ok"
        )
        if is_missing(record):
            case.missing += 1
            return
        self.answers.add(record["case"], case.answered, [record])
        case.answered += 1
        case.passed += record["passed"]
        self.cached += record["cached"]
        if self.metric != PASS_RATE:
            case.samples.append(_sample(record))
        if not record["passed"] and record["outcome"] != "ok":
            self.outcomes[record["outcome"]] += 1
        if record["served_model"] is not None:
            self.served.add(record["served_model"])
        if is_new(record) and record["outcome"] != "error":
            case.measured["latency"].add(record["latency_ms"])
            case.measured["tokens"].add(token_count(record["usage"], "total_tokens"))
            case.measured["cost"].add(record["cost"])


def arm_of_rates(name: str, prompt: str, file: str, variant: str | None, rates: Rates) -> ComparedArm:
    """Return the arm of a recorded baseline, which has rates but no answers."""
    arm = ComparedArm(name, prompt, file, variant)
    for case, rate in rates.cases.items():
        arm.cases[case] = ArmCase(rate.request, None, rate.passed, rate.total)
    if rates.served_model is not None:
        arm.served.add(rates.served_model)
    return arm


def _sample(record: Record) -> Sample:
    """Return what the metrics know of a record. Raises StorageError if what it measured is not what runner writes."""
    try:
        sample = sample_of(record)
        assert sample is not None, "its answer arrived"
        for value in (*sample.scores.values(), *([] if sample.error is None else [sample.error])):
            if type(value) not in (int, float) or not isfinite(value):
                raise ValueError("a score that is no number")
    except (AttributeError, KeyError, TypeError, ValueError):
        raise StorageError(
            f"the record of {elided(record['case'], 100)} has metrics that are not those of runner",
            hint="its file was edited by hand",
        ) from None
    return sample
