"""Report the result of an import, as lines for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..errors import Location
from ..importing.imported import Imported
from ..importing.ledger import Item, ItemOutcome
from ..values import Json
from .terminal.figures import count, plural
from .terminal.terminal_text import one_line

__all__ = ["as_json", "lines_of", "totals"]

_WORDS: Mapping[ItemOutcome, str] = {
    "converted": "converted",
    "implied": "implied",
    "dropped": "not needed",
    "lost": "not convertible",
}
_ORDER: tuple[ItemOutcome, ...] = ("converted", "implied", "dropped", "lost")


def lines_of(imported: Imported) -> Iterator[str]:
    """Yield a line for each item that is not converted and for each remark, then the counts."""
    for item in imported.items:
        if item.outcome != "converted":
            yield _line(item.location, item.code or "", _WORDS[item.outcome], item.what, item.why or "")
    for remark in imported.remarks:
        yield _line(remark.location, remark.code, "note", remark.what, remark.why)
    yield f"{one_line(imported.source)} ({imported.kind}): {'; '.join(_counts(imported))}"


def _line(location: Location, code: str, outcome: str, what: str, why: str) -> str:
    place = Location(location.path, location.line or 1, location.column or 1)
    return one_line(f"{place} {code} {outcome}: {what}, {why}")


def _counts(imported: Imported) -> Iterator[str]:
    for kind, outcomes in imported.counts().items():
        parts = [f"{count(outcomes[each])} {_WORDS[each]}" for each in _ORDER if outcomes[each]]
        yield f"{plural(outcomes.total(), kind)}: {', '.join(parts)}"


def totals(all_of_them: Sequence[Imported]) -> str:
    """Return the last line: the number of sources, and their results."""
    whole = sum(1 for each in all_of_them if each.refused is None and not each.lost)
    refused = sum(1 for each in all_of_them if each.refused is not None)
    parts = [f"{count(whole)} without loss"]
    if lossy := len(all_of_them) - whole - refused:
        parts.append(f"{count(lossy)} with losses")
    if refused:
        parts.append(f"{count(refused)} refused")
    return f"{plural(len(all_of_them), 'source')}: {', '.join(parts)}"


def as_json(imported: Imported, written: Sequence[str]) -> Json:
    """Return the full account of one source. `written` are the names of the files on disk."""
    refused = imported.refused
    return {
        "source": imported.source,
        "kind": imported.kind,
        "refused": None if refused is None else {"message": refused.message, **_place(refused.location)},
        "files": list(written),
        "counts": {
            kind: {"items": outcomes.total(), **{each: outcomes[each] for each in _ORDER}}
            for kind, outcomes in imported.counts().items()
        },
        "items": [_item(item) for item in imported.items],
        "remarks": [
            {**_place(remark.location), "code": remark.code, "what": remark.what, "why": remark.why}
            for remark in imported.remarks
        ],
        "endpoints": dict(imported.endpoints),
    }


def _item(item: Item) -> dict[str, Json]:
    return {
        **_place(item.location),
        "kind": item.kind,
        "what": item.what,
        "outcome": item.outcome,
        "code": item.code,
        "why": item.why,
    }


def _place(location: Location | None) -> dict[str, Json]:
    if location is None:
        return {}
    return {"file": location.path, "line": location.line, "column": location.column}
