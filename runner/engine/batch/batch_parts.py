"""The batches of a run as `run.json` has them, and the files with their lines before they are submitted."""

from __future__ import annotations

import hashlib
import tempfile
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any, BinaryIO

from ...errors import UsageError
from ...values import has_type
from .batch_requests import BatchKind

__all__ = ["BatchPart", "PartWriter", "PlaceSet", "parts_in"]

_TOKEN_IN_LINE = 8


class PlaceSet:
    """A set of places in a run, as ranges. Places are added in ascending order."""

    def __init__(self, ranges: list[list[int]] | None = None) -> None:
        self.ranges = ranges or []
        self._firsts = [first for first, _ in self.ranges]

    def add(self, place: int) -> None:
        """Add a place that is higher than all others."""
        if self.ranges and self.ranges[-1][1] == place - 1:
            self.ranges[-1][1] = place
        else:
            self.ranges.append([place, place])
            self._firsts.append(place)

    def __contains__(self, place: int) -> bool:
        """Return whether a place is in the set."""
        at = bisect_right(self._firsts, place) - 1
        return at >= 0 and place <= self.ranges[at][1]

    @property
    def last(self) -> int:
        """The highest place."""
        return self.ranges[-1][1]


@dataclass(slots=True)
class BatchPart:
    """One batch of a run. It is in `run.json` before it is submitted.

    `part` counts from 1. `token` identifies it, so that it is found if the answer to its creation is lost. `endpoint`,
    `base_url`, `api`, `url` and `model` are those of its requests, whose `places` in the run are ranges. `file` is the id of
    its input, and `id` its own, once the service has told them. `state` is ours (`uploading`, `submitting`) or the
    service's own word. `reckoned`: what it may cost, in US dollars. `closed`: its results are stored, or there are none.
    """

    part: int
    token: str
    endpoint: str
    base_url: str
    api: str
    url: str
    model: str
    lines: int
    first: int
    last: int
    places: list[list[int]]
    sha256: str
    reckoned: float | None
    submitted: str
    state: str
    file: str | None = None
    id: str | None = None
    closed: bool = False

    @property
    def line_token(self) -> str:
        """The part of the token that is in each custom_id, for services that need it there."""
        return self.token[:_TOKEN_IN_LINE]

    @property
    def since(self) -> datetime:
        """When it was last submitted."""
        return datetime.fromisoformat(self.submitted)

    def stamp(self, state: str) -> None:
        """Set its state, and the time of its submission."""
        self.state, self.submitted = state, datetime.now(UTC).isoformat(timespec="seconds")

    @property
    def name(self) -> str:
        """Its name in messages."""
        return f"batch {self.id}" if self.id else f"batch {self.part}"

    def as_json(self) -> dict[str, Any]:
        """Return it in the form that it has in `run.json`."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


_KINDS: Mapping[str, Any] = {
    **dict.fromkeys(("part", "lines", "first", "last"), int),
    **dict.fromkeys(
        ("token", "endpoint", "base_url", "api", "url", "model", "sha256", "submitted", "state"), str
    ),
    **dict.fromkeys(("file", "id"), str | None),
    "places": list[list[int]],
    "reckoned": float | None,
    "closed": bool,
}


def parts_in(manifest: Mapping[str, Any], run: str) -> list[BatchPart]:
    """Return the batches in a `run.json`. Raises UsageError if they are damaged."""
    listed = manifest.get("batches") or []
    try:
        return [_part(each) for each in listed]
    except (TypeError, ValueError, KeyError, AttributeError):
        raise UsageError(
            f"the run {run} cannot be resumed: the batches in its run.json are damaged, or from another version",
            hint="start a new one",
        ) from None


def _part(stored: Mapping[str, Any]) -> BatchPart:
    value = {**stored}
    if isinstance(value.get("reckoned"), int):
        value["reckoned"] = float(value["reckoned"])
    if value.keys() != _KINDS.keys() or not all(has_type(value[name], kind) for name, kind in _KINDS.items()):
        raise TypeError("a key is missing, unknown, or of another type")
    datetime.fromisoformat(value["submitted"])
    if not value["places"] or not all(map(_is_range, value["places"])):
        raise ValueError("a range has two ends")
    return BatchPart(**value)


def _is_range(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(type(end) is int for end in value)
        and 0 <= value[0] <= value[1]
    )


@dataclass(slots=True)
class PartWriter:
    """Writes the lines of one batch to an unnamed temporary file."""

    kind: BatchKind
    token: str = field(default_factory=lambda: token_hex(8))
    places: PlaceSet = field(default_factory=PlaceSet)
    lines: int = 0
    size: int = 0
    reckoned: float = 0.0
    file: BinaryIO = field(default_factory=lambda: tempfile.TemporaryFile())  # noqa: SIM115 - closed once it is submitted
    _digest: Any = field(default_factory=hashlib.sha256)

    def add(self, place: int, line: bytes) -> None:
        """Add a line. Raises OSError."""
        self.file.write(line)
        self._digest.update(line)
        self.places.add(place)
        self.lines += 1
        self.size += len(line)

    def part(self, number: int, base_url: str, *, reckoned: bool) -> BatchPart:
        """Return the batch of these lines, which is not submitted yet."""
        self.file.flush()
        return BatchPart(
            number,
            self.token,
            self.kind.endpoint,
            base_url,
            self.kind.api,
            self.kind.url,
            self.kind.model,
            self.lines,
            self.places.ranges[0][0],
            self.places.last,
            self.places.ranges,
            f"sha256:{self._digest.hexdigest()}",
            self.reckoned if reckoned else None,
            datetime.now(UTC).isoformat(timespec="seconds"),
            "uploading",
        )
