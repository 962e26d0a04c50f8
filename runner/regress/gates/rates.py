"""Read and write the rates of `runner baseline`, how often each case passes: a file with one line per case.

A rate is not an approval: a snapshot defines which answer is right, the rates record how often one arrived. A case that
often fails has a rate like any other. Git merges the lines of different cases; a case whose line has a merge conflict
has no rate.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...documents.documents import Document
from ...documents.yaml_reader import parse_yaml
from ...documents.yaml_writer import scalar
from ...errors import FormatError, Location
from ...files.versions import is_version, reader_of, version_in
from ...values import Json, JsonPath
from ..snapshots.reader import ConflictError
from ..snapshots.store import SnapshotStore
from .counted import CaseCount

__all__ = ["Rate", "Rates", "load_rates", "rate_of", "read_rates", "short", "write_rates"]

VERSION = 2
"""Version 2 has `scores`; a file without scores is still written as version 1, so that older runners can read it."""

_CONFLICT = re.compile(r"<<<<<<<|=======|>>>>>>>|\|\|\|\|\|\|\|")
_CASE = re.compile(r'  "?([a-z0-9][a-z0-9._-]*)"?: \{.*')
_SHARE = re.compile(r"(0|[1-9][0-9]*)/([1-9][0-9]*)")
_REQUEST = re.compile(r"(?!0b[01]+$)[0-9a-f]{8}")
_DIGEST = 8
_AGAIN = "runner writes this file: undo the edit, or run `runner baseline` again"


@dataclass(frozen=True, slots=True)
class Rate:
    """How many of the samples of a case passed. `request` is the short fingerprint of the request.

    `came` counts the labels in the answers (as JSON), if the prompt has labels. `scores` counts the values of each named
    score, and of `within`: 1 for each number that was near enough, else 0.
    """

    request: str
    passed: int
    total: int
    came: Mapping[str, int] = field(default_factory=dict)
    scores: Mapping[str, Mapping[float, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rates:
    """The rates of one prompt in one variant.

    `samples` is the number of samples per case; `served_model` the model that answered, if there was only one;
    `judged_by` the fingerprint of the judge, if that was a model. `conflicts` are the cases with a merge conflict.
    """

    samples: int
    cases: Mapping[str, Rate]
    served_model: str | None = None
    judged_by: str | None = None
    conflicts: frozenset[str] = frozenset()


def rate_of(request: str, case: CaseCount, *, one: bool) -> Rate:
    """Return the rate of a case; `one`: its samples are copies of each other, and count as one."""
    from ...verdict.labels import is_label  # with the statistics, which commands without gates do not load

    samples = case.samples[:1] if one else case.samples
    passed, total = (int(case.passed > 0), 1) if one else (case.passed, case.answered)
    came = Counter(sample.label[1] for sample in samples if sample.label and is_label(sample.label[1]))
    scores: dict[str, Counter[float]] = {}
    for sample in samples:
        named = {**sample.scores, **({} if sample.within is None else {"within": float(sample.within)})}
        for name, value in named.items():
            scores.setdefault(name, Counter())[float(f"{value:.6g}")] += 1
    return Rate(request, passed, total, came, scores)


def short(fingerprint: str) -> str:
    """Return the short form of a fingerprint, as used in a line."""
    return fingerprint.rpartition(":")[2][:_DIGEST]


def write_rates(rates: Rates) -> str:
    """Return the text of the file."""
    version = VERSION if any(rate.scores for rate in rates.cases.values()) else 1
    lines = [f"runner_rates: {version}", f"samples: {rates.samples}"]
    if rates.served_model is not None:
        lines.append(f"served_model: {scalar(rates.served_model)}")
    if rates.judged_by is not None:
        lines.append(f"judged_by: {scalar(rates.judged_by)}")
    lines.append("cases:" if rates.cases else "cases: {}")
    for case, rate in sorted(rates.cases.items()):
        came = _counts((_written(label), count) for label, count in sorted(rate.came.items()))
        scores = ", ".join(
            f"{scalar(name)}: {{{_counts((f'{value:.6g}', times) for value, times in sorted(counted.items()))}}}"
            for name, counted in sorted(rate.scores.items())
        )
        lines.append(
            f"  {scalar(case)}: {{request: {scalar(rate.request, _REQUEST)}, passed: {rate.passed}/{rate.total}"
            + (f", came: {{{came}}}" if came else "")
            + (f", scores: {{{scores}}}" if scores else "")
            + "}"
        )
    return "\n".join(lines) + "\n"


def _counts(counts: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{scalar(name)}: {number}" for name, number in counts)


def _written(label: str) -> str:
    """Return a label as it is written in a file: a string without its quotes, unless that would be another label."""
    value = json.loads(label)
    return value if isinstance(value, str) and _read_label(value) == label else label


def _read_label(text: str) -> str:
    """Return a label of a file as JSON."""
    try:
        json.loads(text)
    except ValueError:
        return json.dumps(text, ensure_ascii=False)
    return text


def load_rates(store: SnapshotStore, file: str) -> Rates | None:
    """Return the rates in a file; None if there is no file. Raises what reading it raises."""
    text = store.read_rates(file)
    return None if text is None else read_rates(text, store.shown(file))


def read_rates(text: str, shown: str) -> Rates:
    """Return the rates in `text`; `shown` is the name of the file in messages.

    Raises ConflictError for a merge conflict outside the lines of the cases, FormatError at the wrong line,
    SyntaxFileError, NewerFormatError for a file of a newer runner.
    """
    text, conflicts = _without_conflicts(text, shown)
    document = parse_yaml(text, shown)
    stated = version_in(document, "runner_rates")
    read = reader_of(_READERS, stated, "this file of rates", lambda: document.locate_key(("runner_rates",)))
    return read(document, conflicts)


def _without_conflicts(text: str, shown: str) -> tuple[str, frozenset[str]]:
    """Return the text with blank lines in place of merge conflicts, and the cases in them."""
    if not any(_CONFLICT.match(line) for line in text.splitlines()):
        return text, frozenset()
    lines: list[str] = []
    cases: set[str] = set()
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        marker = line[:7] if _CONFLICT.match(line) else None
        if marker is not None:
            inside = marker != ">>>>>>>"
        elif inside:
            case = _CASE.fullmatch(line)
            if case is None:
                raise ConflictError(
                    "a merge conflict in the lines that all cases share",
                    location=Location(shown, number),
                    hint="after a merge both sides are out of date: runner baseline",
                )
            cases.add(case[1])
        lines.append("" if inside or marker is not None else line)
    return "\n".join(lines) + "\n", frozenset(cases)


def _read_v1(document: Document, conflicts: frozenset[str]) -> Rates:
    value = document.value
    problem = _problem(value)
    if problem is not None:
        path, message = problem
        raise FormatError(message, location=document.locate_key(path), hint=_AGAIN)
    assert isinstance(value, dict)
    spec: Mapping[str, Any] = value
    cases = {}
    for case, line in (spec["cases"] or {}).items():
        passed, total = map(int, line["passed"].split("/"))
        came = {_read_label(label): number for label, number in line.get("came", {}).items()}
        scores = {
            name: {float(value): number for value, number in counted.items()}
            for name, counted in line.get("scores", {}).items()
        }
        cases[case] = Rate(line["request"], passed, total, came, scores)
    return Rates(spec["samples"], cases, spec.get("served_model"), spec.get("judged_by"), conflicts)


_READERS = {1: _read_v1, 2: _read_v1}


def _problem(value: Json) -> tuple[JsonPath, str] | None:
    """Return the path and the message of the first error that makes a value invalid; None if it is valid."""
    if not isinstance(value, dict):
        return (), "this is not a file of rates"
    if not any(is_version(value.get("runner_rates"), version) for version in _READERS):
        return ("runner_rates",), f"runner_rates must be {' or '.join(map(str, _READERS))}"
    for key, item in value.items():
        if key not in ("runner_rates", "samples", "served_model", "judged_by", "cases"):
            return (key,), f'unknown key "{key}"'
        if key in ("served_model", "judged_by") and not isinstance(item, str):
            return (key,), f"{key} must be a string"
    if not _is_count(value.get("samples"), 1):
        return ("samples",), "samples must be a number of at least 1"
    cases = value.get("cases", False)
    if cases is not None and not isinstance(cases, dict):
        return ("cases",), "cases must be an object"
    for case, line in (cases or {}).items():
        if (problem := _line_problem(line)) is not None:
            path, message = problem
            return ("cases", case, *path), message
    return None


def _line_problem(line: Json) -> tuple[JsonPath, str] | None:
    if not isinstance(line, dict) or not {"request", "passed"} <= line.keys() <= _KEYS:
        return (), "a case needs request and passed: {request: 1f3a9c02, passed: 9/10}"
    request, passed, came = line["request"], line["passed"], line.get("came", {})
    if not isinstance(request, str) or not re.fullmatch(rf"[0-9a-f]{{{_DIGEST}}}", request):
        return ("request",), f"request must be {_DIGEST} hex digits"
    share = _SHARE.fullmatch(passed) if isinstance(passed, str) else None
    if share is None or int(share[1]) > int(share[2]):
        return ("passed",), "passed must be passed/total, such as 9/10"
    if not isinstance(came, dict) or not all(_is_count(count, 0) for count in came.values()):
        return ("came",), "came must count each label"
    scores = line.get("scores", {})
    if not isinstance(scores, dict) or not all(_are_scores(counted) for counted in scores.values()):
        return ("scores",), "scores must count the values of each score, from 0 to 1"
    return None


_KEYS = {"request", "passed", "came", "scores"}


def _are_scores(counted: Json) -> bool:
    return isinstance(counted, dict) and all(
        _VALUE.fullmatch(value) and float(value) <= 1 and _is_count(times, 0)
        for value, times in counted.items()
    )


_VALUE = re.compile(r"[0-9](\.[0-9]{1,9})?(e-[0-9]{1,2})?")


def _is_count(value: Json, least: int) -> bool:
    return type(value) is int and value >= least
