"""Calibration files: how well the verdicts of a judge agree with labels of people. They are kept in git.

judges/rubric.calibration.yaml              for judges:rubric
court/tone.calibration.yaml                 for court/tone.prompt.yaml
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..documents.documents import parse_document
from ..documents.yaml_writer import quoted
from ..errors import FormatError, Location
from .disk.tree import Tree
from .pack_sources import is_reference
from .versions import reader_of, version_in

__all__ = ["Calibration", "calibration_file", "calibration_text", "load_calibration"]

_VERSION = 1
_COUNTS = ("passed_right", "passed_wrong", "failed_right", "failed_wrong")


@dataclass(frozen=True, slots=True)
class Calibration:
    """The counts of labels against verdicts, and whose verdicts they are.

    `judge` is the fingerprint of the judge's prompt, model and votes; `word` what the judge is good for. `agreement` is
    how often it gave the same verdict when it was asked twice, as a share.
    """

    prompt: str
    model: str
    judge: str
    date: str
    word: str
    counts: Mapping[str, int]
    agreement: float | None = None


def calibration_file(place: str) -> str:
    """Return the root-relative path of the calibration of the judge at `place`: a file, or `ALIAS:NAME`."""
    if is_reference(place):
        alias, _, name = place.partition(":")
        return f"{alias}/{name}.calibration.yaml"
    stem = place
    for ending in (".prompt.yaml", ".prompt.yml", ".yaml", ".yml"):
        stem = stem.removesuffix(ending)
    return f"{stem}.calibration.yaml"


def calibration_text(calibration: Calibration) -> str:
    """Return the text of a calibration file."""
    lines = [
        f"runner_calibration: {_VERSION}",
        f"prompt: {quoted(calibration.prompt)}",
        f"model: {quoted(calibration.model)}",
        f"judge: {quoted(calibration.judge)}",
        f"date: {quoted(calibration.date)}",
        f"word: {quoted(calibration.word)}",
        "labels:  # by people, against the judge",
        *(f"  {name}: {calibration.counts[name]}" for name in _COUNTS),
    ]
    if calibration.agreement is not None:
        lines.append(f"agreement: {calibration.agreement}")
    return "".join(f"{line}\n" for line in lines)


def load_calibration(tree: Tree, place: str) -> Calibration | None:
    """Return the calibration of the judge at `place`; None if it has none. Raises a FileError for an invalid file."""
    file = calibration_file(place)
    if not tree.exists(file):
        return None
    document = parse_document(tree.read(file), tree.shown(file))
    version = version_in(document, "runner_calibration")
    read = reader_of(
        {_VERSION: _read_v1},
        version,
        "this calibration",
        lambda: document.locate_key(("runner_calibration",)),
    )
    found = read(document.value)
    if found is None:
        raise FormatError(
            "this is not a calibration",
            location=Location(tree.shown(file)),
            hint="runner judge calibrate writes it: undo the edit, or calibrate again",
        )
    return found


def _read_v1(value: Any) -> Calibration | None:
    if not isinstance(value, Mapping):
        return None
    counts, agreement = value.get("labels"), value.get("agreement")
    words: dict[str, Any] = {name: value.get(name) for name in ("prompt", "model", "judge", "date", "word")}
    if not isinstance(counts, Mapping) or {*counts} != {*_COUNTS}:
        return None
    sound = all(type(each) is int and each >= 0 for each in counts.values())
    if not sound or not all(isinstance(each, str) for each in words.values()):
        return None
    if not isinstance(agreement, int | float | None) or isinstance(agreement, bool):
        return None
    return Calibration(**words, counts=dict(counts), agreement=agreement)
