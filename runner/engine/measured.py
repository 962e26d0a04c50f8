"""Read from the records what the metrics of a prompt are computed from, case by case."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..checks.json_key import identity
from ..values import Json, JsonObject
from ..verdict.metrics import Sample, SetMatch
from ..verdict.suite_figures import Figures, as_json, figures_of
from .journal.record import Record

__all__ = ["MeasuredKey", "MeasuredSuites", "sample_of", "spelled_label"]

MeasuredKey = tuple[str, str | None]
"""A prompt and a variant."""


def sample_of(record: Record) -> Sample | None:
    """Return what the metrics know of an answer; None if no answer arrived, which is no evidence."""
    if record["outcome"] == "error" and not record["passed"]:
        return None
    measured: Mapping[str, Any] = record.get("measured") or {}
    label = error = within = match = None
    if found := measured.get("labels"):
        label = (spelled_label(found["expected"]), _came(found, record))
    if found := measured.get("numbers"):
        within = bool(found.get("within"))
        error = abs(float(found["got"]) - float(found["expected"])) if "got" in found else None
    if found := measured.get("sets"):
        match = _match(found["expected"], found.get("got"))
    return Sample(record["passed"], label, error, within, match, record.get("scores") or {})


def spelled_label(value: Json) -> str:
    """Return a label as JSON, by which labels are told apart; 1.0 is 1."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, ensure_ascii=False)


def _came(found: Mapping[str, Any], record: Record) -> str:
    """Return the label that came, or a word for what came instead."""
    if "got" in found:
        return spelled_label(found["got"])
    return "(nothing)" if record["outcome"] == "ok" else f"({record['outcome']})"


def _match(expected: Sequence[Json], got: Sequence[Json] | None) -> SetMatch:
    wanted = set(map(identity, expected))
    if got is None:
        return SetMatch(
            0, 1, len(wanted)
        )  # an answer without a set is never right, even if no item is expected
    came = set(map(identity, got))
    return SetMatch(len(wanted & came), len(came - wanted), len(wanted - came))


@dataclass(slots=True)
class MeasuredSuites:
    """Receives every record; keeps the samples of the cases that have a label, a number, a set or a named score.

    Its size grows with the number of these cases: each is the unit of the intervals.
    """

    units: dict[MeasuredKey, dict[str, list[Sample]]] = field(default_factory=dict)
    _alike: dict[object, Sample] = field(default_factory=dict)
    _figures: dict[MeasuredKey, Figures] | None = None

    def add(self, record: Record) -> None:
        """Add one record, unless it has nothing to measure."""
        if "measured" not in record and "scores" not in record:
            return
        sample = sample_of(record)
        if sample is not None:
            self._figures = None
            unit = self.units.setdefault((record["prompt"], record["variant"]), {})
            unit.setdefault(record["case"], []).append(self._shared(sample))

    def _shared(self, sample: Sample) -> Sample:
        """Return an equal sample that is there already: most answers are alike, and there may be many."""
        if sample.scores or sample.error is not None:
            return sample
        return self._alike.setdefault(sample[:-1], sample)  # scores cannot be hashed

    def figures(self) -> Mapping[MeasuredKey, Figures]:
        """Return the metrics of each prompt in each variant."""
        if self._figures is None:
            self._figures = {key: figures_of(cases) for key, cases in self.units.items()}
        return self._figures

    def as_json(self) -> list[JsonObject]:
        """Return the metrics as they are stored in `run.json`."""
        return [
            {"prompt": prompt, "variant": variant, **as_json(figures)}
            for (prompt, variant), figures in self.figures().items()
        ]
