"""Write workflow commands of GitHub Actions that show cases at their lines in a pull request. Pure.

Syntax and escapes: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands and the toolkit's
`packages/core/src/command.ts`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from ...errors import Location
from ...regress.modes import Modes
from ..terminal.figures import count, plural
from ..terminal.terminal_text import visible
from .gate_lines import details, headline
from .regression_digest import RegressionDigest, ReportedCase

if TYPE_CHECKING:
    from ...regress.gates.gate_results import GateResult

__all__ = ["Level", "Locate", "annotate", "annotate_gates", "annotation"]

Level: TypeAlias = Literal["error", "warning", "notice"]

Locate: TypeAlias = Callable[[str, str], Location]
"""Returns the location of the case with this id in the prompt file of this name, or at least of its file."""

SHOWN = 10
"""GitHub shows this many annotations per level and step, and drops the others."""


def annotation(level: Level, message: str, *, title: str, at: Location | None = None) -> str:
    """Return one command, without a line end. No text in it can end the command or begin another."""
    places = {} if at is None else {"file": at.path, "line": at.line, "col": at.column}
    given = {name: str(value) for name, value in (*places.items(), ("title", title)) if value is not None}
    properties = ",".join(f"{name}={_property(value)}" for name, value in given.items())
    return f"::{level} {properties}::{_data(message)}"


def annotate(digest: RegressionDigest, *, modes: Modes, locate: Locate) -> Iterator[str]:
    """Yield errors for cases that fail the run, warnings for others; beyond a level's limit the last counts the rest."""
    orphans = [(file, Location(file)) for file in digest.unreferenced.kept]
    text = "no case refers to this snapshot; `runner prune` deletes it"
    unreferenced = [(f"orphan {file}", text, at) for file, at in orphans]
    rejected = modes.unreferenced == "reject"
    errors = [
        _said(reported, locate)
        for few in (digest.failures, digest.outdated, digest.waiting)
        for reported in few.kept
    ]
    total = digest.failures.total + digest.outdated.total + digest.waiting.total
    if rejected:
        errors, total = [*errors, *unreferenced], total + digest.unreferenced.total
    yield from _level("error", errors, total)
    warnings, total = [_said(reported, locate) for reported in digest.flaky.kept], digest.flaky.total
    if not rejected:
        warnings, total = [*warnings, *unreferenced], total + digest.unreferenced.total
    yield from _level("warning", warnings, total)


def annotate_gates(gates: Sequence[GateResult], locate: Callable[[Location], Location]) -> Iterator[str]:
    """Yield a command for each gate that fails the run or could not decide."""
    for result in gates:
        if result.word in ("held", "skipped"):
            continue
        level: Level = "warning" if result.outcome == "ok" else "error"
        text = "\n".join([headline(result), *details(result)])
        yield annotation(level, text, title=f"gate {result.name} {result.gate}", at=locate(result.location))


def _level(level: Level, said: list[tuple[str, str, Location]], total: int) -> Iterator[str]:
    shown = said if total <= SHOWN else said[: SHOWN - 1]
    for title, message, at in shown:
        yield annotation(level, message, title=title, at=at)
    if len(shown) < total:
        more = plural(total - len(shown), "case")
        yield annotation(level, f"{more} more: see the log and the job summary", title=f"and {more} more")


def _said(reported: ReportedCase, locate: Locate) -> tuple[str, str, Location]:
    lines = [reported.reason] if reported.reason else []
    lines += (
        f"{row.path}: approved {row.approved}, new {row.new} ({row.rule})"
        for row in reported.rows
        if not row.equal
    )
    if reported.more_rows:
        lines.append(f"and {count(reported.more_rows)} more")
    lines += reported.facts
    return (
        f"{reported.sort} {reported.name}",
        "\n".join(lines) or reported.sort,
        locate(reported.file, reported.case),
    )


def _data(text: str) -> str:
    # Line breaks are escaped by the format. `##[` begins a command of an older form, anywhere in a line.
    seen = "\r".join(map(visible, text.split("\r"))).replace("##[", r"#\x23[")
    return seen.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
