"""Evaluate several samples of one request: the most frequent answer, where they differ, and their verdict. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Literal

from ...checks.json_key import identity
from ...schema import json_path
from ...values import Json
from ..snapshots.snapshot import Variation
from .json_walk import ABSENT, Absent, child
from .list_items import aligned
from .normalise import line_ends
from .path_automaton import PathAutomaton
from .proposals import Proposal, merged, propose, spell_rule
from .redact import redact
from .rules import Rule, Rules

__all__ = ["Instability", "StabilityVerdict", "modal", "sample_verdict", "unstable_paths"]

_SHOWN = 5


def modal(outputs: Sequence[Json]) -> tuple[Json, tuple[Variation, ...]]:
    """Return the most frequent output, and the others with their counts, most frequent first; of ties the one seen first.

    Outputs that are equal as JSON count as the same. Raises ValueError if there are none.
    """
    groups: dict[Hashable, Variation] = {}
    for output in outputs:
        key = identity(output)
        group = groups.get(key, Variation(0, output))
        groups[key] = replace(group, count=group.count + 1)
    if not groups:
        raise ValueError("there are no outputs")
    first, *others = sorted(groups.values(), key=lambda group: -group.count)
    return first.output, tuple(others)


# --- the verdict on a case ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StabilityVerdict:
    """The verdict on the samples of a case: `passed` of `total` passed, and `needed` must pass.

    `flavour` compares with the approved samples: a flaky case is `new-flaky` if those agreed and `known-flaky` if they
    did not; a case that passes although they did not agree is `recovered`.
    """

    word: Literal["pass", "fail", "flaky"]
    flavour: Literal["new-flaky", "known-flaky", "recovered"] | None
    passed: int
    total: int
    needed: int


def sample_verdict(
    passed: int, total: int, *, approved_agreement: tuple[int, int] | None, min_pass: int | None
) -> StabilityVerdict:
    """Return the verdict on `total` samples of which `passed` passed.

    `approved_agreement` is (how many of, how many) approved samples gave the approved output, None if nothing is
    approved. `min_pass` is how many must pass, at most all; the default is 1 of 1, 2 of 3, 4 of 5, else 80 per cent.
    Raises ValueError if there is no sample or more passed than there are.
    """
    if not 0 <= passed <= total or not total:
        raise ValueError(f"{passed} of {total} samples cannot have passed")
    needed = min(_usual(total) if min_pass is None else min_pass, total)
    agreed = None if approved_agreement is None else approved_agreement[0] == approved_agreement[1]
    if passed < needed:
        return StabilityVerdict("fail", None, passed, total, needed)
    if passed == total:
        return StabilityVerdict("pass", "recovered" if agreed is False else None, passed, total, needed)
    flavours: dict[bool | None, Literal["new-flaky", "known-flaky"]] = {
        True: "new-flaky",
        False: "known-flaky",
    }
    return StabilityVerdict("flaky", flavours.get(agreed), passed, total, needed)


def _usual(total: int) -> int:
    # 80 per cent of three is all three; a case that is right nine times in ten would miss that in one run out of four.
    return 2 if total == 3 else ceil(total * 4 / 5)


# --- where samples differ -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Instability:
    """A path at which samples differ and no rule applies: it has `distinct` values, and `values` are the first few.

    `proposal` is a rule under which they count as equal, as one line of YAML to paste below `regression: rules:`.
    """

    path: str
    distinct: int
    values: tuple[Json, ...]
    proposal: str


@dataclass(frozen=True, slots=True)
class _Place:
    """The values of all samples at one place; `general` is its path with [*] for indexes."""

    path: str
    general: str
    values: tuple[Json | Absent, ...]
    reach: PathAutomaton


def unstable_paths(rules: Rules, outputs: Sequence[Json]) -> tuple[Instability, ...]:
    """Return the places where outputs of one request differ and no rule of the prompt covers that, in document order.

    Differences at several indexes of a list are one instability of all its items: `$.items[*].price`.
    """
    values = tuple(redact(output, rules.redactions) for output in outputs)
    groups: dict[str, list[tuple[_Place, Proposal]]] = {}
    for place, proposal in _unstable(rules, _Place("$", "$", values, rules.start)):
        groups.setdefault(place.general, []).append((place, proposal))
    proposals = {general: merged([each for _, each in group]) for general, group in groups.items()}
    ignored = tuple(
        general + end for general, each in proposals.items() if "ignore" in each for end in (".", "[")
    )
    found = []
    for general, group in groups.items():
        # A rule for something below would override the `ignore` above.
        if general.startswith(ignored):
            continue
        alone = len(group) == 1 and not any(
            other.startswith((f"{general}.", f"{general}[")) for other in groups
        )
        path = group[0][0].path if alone else general
        distinct = {_key(value): value for place, _ in group for value in place.values}
        shown = [value for value in distinct.values() if not isinstance(value, Absent)][:_SHOWN]
        found.append(Instability(path, len(distinct), tuple(shown), spell_rule(path, proposals[general])))
    return tuple(found)


def _key(value: Json | Absent) -> Hashable:
    return value if isinstance(value, Absent) else identity(value)


def _unstable(rules: Rules, root: _Place) -> Iterator[tuple[_Place, Proposal]]:
    stack = [root] if rules.base.kind != "ignore" else []
    while stack:
        place = stack.pop()
        rule = rules.deciding(place.reach)
        if rule and rule.inherited:
            continue  # it also covers everything below
        present = [value for value in place.values if not isinstance(value, Absent)]
        missing = len(present) < len(place.values) and not (rule and rule.optional)
        if not missing and len({identity(value) for value in present}) < 2:
            continue
        if rule and rule.kind != "plain" and any(map(rule.fits, present)):
            stack.extend(_by_key(place, present, rule.key) if rule.kind == "keyed" else ())
        elif missing:
            yield place, propose(present, sometimes_missing=True)
        elif (below := _parts(present, rule)) is not None:
            stack.extend(_below(place, present, step) for step in reversed(below))
        elif not _alike(present, rules.base):
            proposal = propose(present)
            if rule and rule.optional and "ignore" not in proposal:
                proposal = {**proposal, "presence": "optional"}
            yield place, proposal
            if "key" in proposal:
                stack.extend(_by_key(place, present, str(proposal["key"])))


def _parts(present: Sequence[Json], rule: Rule | None) -> list[str | int] | None:
    """Return the steps to the parts, if these are to be compared; None if the values are compared as a whole."""
    if objects := [value for value in present if isinstance(value, Mapping)]:
        return (
            list(dict.fromkeys(key for value in objects for key in value))
            if len(objects) == len(present)
            else None
        )
    lists = [value for value in present if isinstance(value, list)]
    if not lists or len(lists) < len(present):
        return None
    lengths = sorted(map(len, lists))
    if rule and rule.length is not None:
        return list(range(lengths[0]))
    as_a_whole = lengths[0] < lengths[-1] or "compare" in propose(lists)
    return None if as_a_whole else list(range(lengths[0]))


def _alike(present: Sequence[Json], default: Rule) -> bool:
    """Return whether these are all strings, and equal under the default."""
    texts = [line_ends(value) for value in present if isinstance(value, str)]
    if len(texts) < len(present):
        return False
    return all(
        text == texts[0] or (default.comparator and default.comparator(texts[0], text)[0]) for text in texts
    )


def _below(place: _Place, present: Sequence[Json], step: str | int) -> _Place:
    spelled = json_path((step,))[1:]
    general = place.general + ("[*]" if isinstance(step, int) else spelled)
    values = tuple(child(value, step) for value in present)
    length = next((len(value) for value in present if isinstance(value, list)), None)
    return _Place(place.path + spelled, general, values, place.reach.follow(step, length))


def _by_key(place: _Place, present: Sequence[Json], key: str) -> list[_Place]:
    """Pair items by a property; return an empty list if it does not identify them."""
    lists = [value for value in present if isinstance(value, list)]
    usable = [(items, where) for items in lists if not isinstance(where := aligned(items, key), str)]
    if len(usable) < len(present):
        return []
    general = f"{place.general}[*]"
    return [
        _Place(
            general,
            general,
            tuple(items[where[each]] if each in where else ABSENT for items, where in usable),
            place.reach.follow(index, len(usable[0][0])),
        )
        for each, index in {
            each: index for _, where in reversed(usable) for each, index in where.items()
        }.items()
    ]
