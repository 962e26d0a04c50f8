"""The two axes of a regression run: may the model be called (`record`), may what is approved change (`update`).

Record modes have VCR's names and meaning, update modes Playwright's. In CI no model is called and nothing is written
unless a mode is given explicitly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from .results import PendingKind, SnapshotStatus

__all__ = ["Modes", "RecordMode", "UnreferencedMode", "UpdateMode", "is_ci", "modes_for"]

RecordMode: TypeAlias = Literal["none", "once", "new_episodes", "all"]
UpdateMode: TypeAlias = Literal["none", "missing", "changed", "all"]
UnreferencedMode: TypeAlias = Literal["ignore", "warn", "reject"]

_CALLS: Mapping[RecordMode, frozenset[SnapshotStatus]] = {
    "none": frozenset(),
    "once": frozenset({"missing"}),
    "new_episodes": frozenset({"missing", "stale", "conflict"}),
    "all": frozenset({"missing", "stale", "conflict", "current", "moved"}),
}
_WRITES: Mapping[UpdateMode, frozenset[PendingKind]] = {
    "none": frozenset(),
    "missing": frozenset({"new"}),
    "changed": frozenset({"new", "changed", "refreshed", "moved"}),
    "all": frozenset({"new", "changed", "refreshed", "moved"}),
}


@dataclass(frozen=True, slots=True)
class Modes:
    """What a run may do. `samples` overrides the prompts' own number of samples."""

    record: RecordMode = "new_episodes"
    update: UpdateMode = "none"
    unreferenced: UnreferencedMode = "warn"
    samples: int | None = None

    def calls(self, status: SnapshotStatus) -> bool:
        """Return whether a case with this status is sent again."""
        return status in _CALLS[self.record]

    def writes(self, kind: PendingKind) -> bool:
        """Return whether a change of this kind goes directly into the approved snapshots."""
        return kind in _WRITES[self.update]

    @property
    def rewrites_equal(self) -> bool:
        """Return whether answers within the rules also replace the approved ones (only with `--update all`)."""
        return self.update == "all"


def is_ci(environ: Mapping[str, str]) -> bool:
    """Return whether this runs in CI: `CI` is set and not false, 0 or empty (as in insta), or `TF_BUILD` is set (Azure)."""
    return environ.get("CI", "").lower() not in ("", "false", "0") or bool(environ.get("TF_BUILD"))


def modes_for(
    *,
    ci: bool,
    record: RecordMode | None = None,
    update: UpdateMode | None = None,
    unreferenced: UnreferencedMode | None = None,
    samples: int | None = None,
) -> Modes:
    """Return the modes of a run: those given explicitly, else the defaults for CI or for a person."""
    return Modes(
        record=record or ("none" if ci else "new_episodes"),
        update=update or "none",
        unreferenced=unreferenced or ("reject" if ci else "warn"),
        samples=samples,
    )
