"""Read and append the history of `runner drift`: a file of lines, one for each prompt and night.

    {"runner_drift": 1, "at": "2026-11-27T02:00:00+00:00", "prompt": "prompts/triage.prompt.yaml", "variant": null, …}

It is appended, never rewritten, so that a CI job can keep it in a cache or as an artifact.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ...engine.journal.paths import plain
from ...errors import FormatError, Location, StorageError
from ...files.disk.plain_files import open_plain
from ...files.versions import is_version, reader_of

__all__ = ["NightLine", "append_nights", "read_history"]

VERSION = 1

_HINT = "runner writes this file: delete the line, or the file to start anew"


@dataclass(frozen=True, slots=True)
class NightLine:
    """One night of a prompt: when, in which state, and for each case the passed and all samples and its request.

    `baseline` identifies the baseline at that time (None: there was none). `served` are the models that answered,
    `fingerprints` the configurations that the server named.
    """

    at: str
    prompt: str
    variant: str | None
    state: str
    baseline: str | None
    rate: float
    cases: Mapping[str, tuple[int, int, str]]
    past_rate: float | None = None
    p: float | None = None
    nights: int = 1
    served: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = field(default=())


def read_history(path: Path, shown: str) -> list[NightLine]:
    """Return the lines of a history in their order; none if there is no file.

    Raises FormatError at a line that is not one, NewerFormatError for a line of a newer runner.
    """
    try:
        with plain(), open(open_plain(path), "rb") as file:  # noqa: PTH123 - a descriptor
            data = file.read()
    except FileNotFoundError:
        return []
    return list(_lines(data, shown))


def append_nights(path: Path, nights: list[NightLine]) -> None:
    """Append lines. Raises StorageError if they cannot be written."""
    data = "".join(json.dumps(_as_json(night), ensure_ascii=False) + "\n" for night in nights).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        with plain(), open(open_plain(path, flags, 0o644), "ab", buffering=0) as file:  # noqa: PTH123 - a descriptor
            if file.write(data) != len(data):
                raise OSError("the disk is full")
    except OSError as error:
        raise StorageError(
            f"the history {path} cannot be written: {error.strerror or error}",
            hint="this night is not in it; the answers are in the run's results.jsonl",
        ) from None


def _as_json(night: NightLine) -> dict[str, Any]:
    return {
        "runner_drift": VERSION,
        "at": night.at,
        "prompt": night.prompt,
        "variant": night.variant,
        "state": night.state,
        "baseline": night.baseline,
        "rate": round(night.rate, 6),
        "past_rate": None if night.past_rate is None else round(night.past_rate, 6),
        "p": night.p,
        "nights": night.nights,
        "served": list(night.served),
        "fingerprints": list(night.fingerprints),
        "cases": {case: list(counts) for case, counts in night.cases.items()},
    }


def _lines(data: bytes, shown: str) -> Iterator[NightLine]:
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        where = Location(shown, number)
        try:
            value = json.loads(line)
            if not isinstance(value, dict):
                raise ValueError("not an object")
        except (ValueError, RecursionError):
            raise FormatError(
                "this is not a line of a history of nights", location=where, hint=_HINT
            ) from None
        read = reader_of(_READERS, value.get("runner_drift"), "this line", partial(Location, shown, number))
        try:
            yield read(value)
        except (AttributeError, KeyError, TypeError, ValueError):
            raise FormatError(
                "this line of a history of nights is damaged", location=where, hint=_HINT
            ) from None


def _read_v1(value: Mapping[str, Any]) -> NightLine:
    if not is_version(value["runner_drift"], VERSION):
        raise ValueError("version")
    cases = {}
    for case, (passed, total, request) in value["cases"].items():
        if not (
            type(passed) is int and type(total) is int and 0 <= passed <= total > 0 and type(request) is str
        ):
            raise ValueError("counts")
        cases[case] = (passed, total, request)
    texts = [value["at"], value["prompt"], value["state"], *value["served"], *value["fingerprints"]]
    if not all(type(text) is str for text in texts) or not cases:
        raise ValueError("texts")
    for name in ("variant", "baseline"):
        if not isinstance(value[name], str | None):
            raise TypeError(name)
    return NightLine(
        value["at"],
        value["prompt"],
        value["variant"],
        value["state"],
        value["baseline"],
        float(value["rate"]),
        cases,
        None if value["past_rate"] is None else float(value["past_rate"]),
        None if value["p"] is None else float(value["p"]),
        int(value["nights"]),
        tuple(value["served"]),
        tuple(value["fingerprints"]),
    )


_READERS = {1: _read_v1}
