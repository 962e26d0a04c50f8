"""Compare a new answer with the approved one, place by place, under the rules of the prompt. Pure, and never raises.

Without rules the two must be equal as JSON (1 equals 1.0, the order of keys is free), except that CRLF counts as LF.
The rule of a place decides about a difference there (see rules.py); comparators are only called for values that are not
equal. A different type is a change under every rule but `ignore` and `seen`, and a missing key is not null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...checks.equality import difference
from ...schema import json_path
from ...values import TYPE_WORDS, Json, JsonPath, json_type
from .json_walk import ABSENT, Absent, child, children
from .list_items import MAX_PAIRS, aligned, counterparts, partners
from .normalise import line_ends
from .path_automaton import PathAutomaton
from .redact import redact
from .rules import Rule, Rules, unused_rules

__all__ = ["Comparison", "FieldVerdict", "compare"]


@dataclass(frozen=True, slots=True)
class FieldVerdict:
    """One place where the two answers differ, and the decision of the rule for it.

    `path` is a JSONPath in the approved answer, or in the new one if only that has the place. `approved` or `new` is
    null if its flag says that the value is missing. `rule` names the rule that decided ("exact", "number abs 0.05").
    """

    path: str
    approved: Json
    new: Json
    rule: str
    equal: bool
    note: str | None = None
    approved_missing: bool = False
    new_missing: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether the answers count as equal, and every place where they differ, in document order.

    `unused` names the rules that never applied: their path selects nothing, or nothing of their type.
    """

    equal: bool
    fields: tuple[FieldVerdict, ...] = ()
    unused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    """The two values at one place; `mode` is the inherited rule and `pairing` the list rule that paired them.

    `seen` are the values of the approved samples at this place.
    """

    path: JsonPath
    approved: Json | Absent
    new: Json | Absent
    seen: tuple[Json | Absent, ...]
    reach: PathAutomaton
    mode: Rule
    pairing: Rule | None = None

    def verdict(self, rule: Rule, *, equal: bool, note: str | None = None) -> FieldVerdict:
        approved, new = self.approved, self.new
        return FieldVerdict(
            json_path(self.path),
            None if isinstance(approved, Absent) else approved,
            None if isinstance(new, Absent) else new,
            rule.label,
            equal,
            note,
            isinstance(approved, Absent),
            isinstance(new, Absent),
        )


# The verdicts on a place, and the places below it that are still to be compared.
_Look = tuple[list[FieldVerdict], list[_Place]]


def compare(rules: Rules, approved: Json, new: Json, *, seen: Sequence[Json] = ()) -> Comparison:
    """Compare two answers. `seen` are the other outputs of the approved samples, for rules `compare: seen`.

    Equal answers cost no more than checking that they are equal. Never raises for JSON values.
    """
    if difference(approved, new) is None:
        return Comparison(equal=True, unused=unused_rules(rules, approved))
    approved, new = redact(approved, rules.redactions), redact(new, rules.redactions)
    others = tuple(redact(each, rules.redactions) for each in seen)
    root = _Place((), approved, new, others, rules.start, rules.base)
    try:
        fields = tuple(_walk(rules, root))
    except RecursionError:  # only unordered lists, nested hundreds deep, lead here
        fields = (root.verdict(rules.base, equal=False, note="nested too deeply to compare"),)
    equal = all(field.equal for field in fields)
    return Comparison(equal, fields, unused_rules(rules, approved, new))


def _walk(rules: Rules, root: _Place) -> list[FieldVerdict]:
    fields: list[FieldVerdict] = []
    stack = [root]
    while stack:
        found, below = _look(rules, stack.pop())
        fields.extend(found)
        stack.extend(reversed(below))
    return fields


def _look(rules: Rules, place: _Place) -> _Look:
    rule = rules.deciding(place.reach)
    mode = rule if rule and rule.inherited else place.mode
    approved, new = place.approved, place.new
    if isinstance(approved, Absent) or isinstance(new, Absent):
        return _one_sided(place, rule, mode)
    if rule and not rule.inherited and rule.kind != "plain" and (rule.fits(approved) or rule.fits(new)):
        return _ruled(rules, place, rule, mode)
    if mode.kind == "ignore" and not place.reach.continues:
        differs = difference(approved, new) is not None
        return ([place.verdict(mode, equal=True)] if differs else []), []
    if isinstance(approved, Mapping) and isinstance(new, Mapping):
        return [], [_below(place, mode, key) for key in dict.fromkeys([*approved, *new])]
    if isinstance(approved, list) and isinstance(new, list):
        return _by_index(place, rule, mode, approved, new)
    return _leaf(place, mode), []


def _one_sided(place: _Place, rule: Rule | None, mode: Rule) -> _Look:
    """Decide about a value that only one of the two answers has."""
    if rule and rule.kind == "seen" and _was_seen(place):
        return [place.verdict(rule, equal=True, note="seen in the approved samples")], []
    if rule and rule.optional:
        return [place.verdict(rule, equal=True)], []
    own = rule is None or rule.inherited or rule.kind == "plain"
    if not own or mode.kind != "ignore":
        decided = rule if rule and not own else place.pairing or mode
        return [place.verdict(decided, equal=False)], []
    present = place.new if isinstance(place.approved, Absent) else place.approved
    steps = [step for step, _ in children(present)] if place.reach.continues else []
    if not steps:
        return [place.verdict(mode, equal=True)], []
    return [], [_below(place, mode, step) for step in steps]


def _ruled(rules: Rules, place: _Place, rule: Rule, mode: Rule) -> _Look:
    """Decide about a value that has its own rule."""
    approved, new = place.approved, place.new
    assert not isinstance(approved, Absent)
    assert not isinstance(new, Absent)
    if difference(approved, new) is None:
        return [], []
    if rule.kind == "seen":
        equal = _was_seen(place)
        note = "seen in the approved samples" if equal else "not seen in the approved samples"
        return [place.verdict(rule, equal=equal, note=note)], []
    if not (rule.fits(approved) and rule.fits(new)):
        return [place.verdict(rule, equal=False, note=_other_type(approved, new))], []
    if rule.comparator:
        equal, why = rule.comparator(approved, new)
        return [place.verdict(rule, equal=equal, note=why)], []
    assert isinstance(approved, list)
    assert isinstance(new, list)
    if rule.kind == "keyed":
        return _by_key(place, rule, mode, approved, new)
    return _without_order(rules, place, rule, mode, approved, new), []


def _leaf(place: _Place, mode: Rule) -> list[FieldVerdict]:
    approved, new = place.approved, place.new
    assert not isinstance(approved, Absent)
    assert not isinstance(new, Absent)
    if difference(approved, new) is None:
        return []
    if mode.kind == "ignore":
        return [place.verdict(mode, equal=True)]
    if isinstance(approved, str) and isinstance(new, str):
        if line_ends(approved) == line_ends(new):
            return []
        equal, note = mode.comparator(approved, new) if mode.comparator else (False, None)
        return [place.verdict(mode, equal=equal, note=note)]
    return [place.verdict(mode, equal=False, note=_other_type(approved, new))]


# --- lists ----------------------------------------------------------------------------------------------------


def _by_index(
    place: _Place, rule: Rule | None, mode: Rule, approved: Sequence[Json], new: Sequence[Json]
) -> _Look:
    """Compare lists whose order matters, item by item."""
    found = []
    longest = max(len(approved), len(new))
    if rule and rule.length is not None and len(approved) != len(new):
        within = abs(len(approved) - len(new)) <= rule.length
        note = f"{len(approved):,} items approved, {len(new):,} new"
        found.append(place.verdict(rule, equal=within, note=note))
        longest = min(len(approved), len(new))
    return found, [_below(place, mode, index) for index in range(longest)]


def _by_key(place: _Place, rule: Rule, mode: Rule, approved: Sequence[Json], new: Sequence[Json]) -> _Look:
    """Pair objects that have the same value of a property, then compare each pair like any other two objects."""
    sides = {"approved": aligned(approved, rule.key), "new": aligned(new, rule.key)}
    problems = [f"{side}: {items}" for side, items in sides.items() if isinstance(items, str)]
    ours, theirs = sides["approved"], sides["new"]
    if isinstance(ours, str) or isinstance(theirs, str):
        return [place.verdict(rule, equal=False, note="; ".join(problems))], []
    lists = [each for each in place.seen if isinstance(each, list)]
    seen = [(each, where) for each in lists if not isinstance(where := aligned(each, rule.key), str)]
    below = []
    for key in dict.fromkeys([*ours, *theirs]):
        index = ours[key] if key in ours else theirs[key]
        below.append(
            _Place(
                (*place.path, index),
                approved[ours[key]] if key in ours else ABSENT,
                new[theirs[key]] if key in theirs else ABSENT,
                tuple(each[where[key]] if key in where else ABSENT for each, where in seen),
                place.reach.follow(index, len(approved)),
                mode,
                rule,
            )
        )
    common = [key for key in ours if key in theirs]
    moved = common != [key for key in theirs if key in ours]
    return ([place.verdict(rule, equal=True, note="in another order")] if moved else []), below


def _without_order(
    rules: Rules, place: _Place, rule: Rule, mode: Rule, approved: Sequence[Json], new: Sequence[Json]
) -> list[FieldVerdict]:
    """Compare lists in any order: each item needs an equal one in the other list, under the rules for items."""
    seen = tuple(item for each in place.seen if isinstance(each, list) for item in each)

    def pair(ours: int | None, theirs: int | None) -> list[FieldVerdict]:
        index = theirs if ours is None else ours
        assert index is not None
        item = ABSENT if ours is None else approved[ours]
        other = ABSENT if theirs is None else new[theirs]
        reach = place.reach.follow(index, len(approved))
        return _walk(rules, _Place((*place.path, index), item, other, seen, reach, mode, rule))

    find = counterparts if rule.kind == "set" else partners
    pairs = find(approved, new, pair)
    if pairs is None:
        note = f"more than {MAX_PAIRS:,} pairs of unequal items to try; use `compare: keyed` to pair them by a key"
        return [place.verdict(rule, equal=False, note=note)]
    fields = [field for found in pairs for field in found]
    if all(field.equal for field in fields):
        fields.insert(0, place.verdict(rule, equal=True))
    return fields


# --- places ---------------------------------------------------------------------------------------------------


def _below(place: _Place, mode: Rule, step: str | int) -> _Place:
    length = next((len(each) for each in (place.approved, place.new) if isinstance(each, list)), None)
    return _Place(
        (*place.path, step),
        child(place.approved, step),
        child(place.new, step),
        tuple(child(each, step) for each in place.seen),
        place.reach.follow(step, length),
        mode,
    )


def _was_seen(place: _Place) -> bool:
    return any(_same(each, place.new) for each in place.seen)


def _same(one: Json | Absent, two: Json | Absent) -> bool:
    if isinstance(one, Absent) or isinstance(two, Absent):
        return one is two
    return difference(one, two) is None


def _other_type(approved: Json, new: Json) -> str | None:
    was, came = TYPE_WORDS[json_type(approved)], TYPE_WORDS[json_type(new)]
    return None if was == came else f"was {was}, is {came}"
