"""Find the rule that decides each place of an answer, for `runner explain` when nothing has changed. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ...schema import json_path
from ...values import Json, JsonPath
from .path_automaton import PathAutomaton
from .rules import Rule, Rules

__all__ = ["deciding_rules"]


def deciding_rules(rules: Rules, value: Json) -> Iterator[tuple[str, Json, str]]:
    """Yield path, value and the rule's label for each leaf, and for each place that is compared as a whole."""
    yield from _walk(rules, value, (), rules.start, rules.base)


def _walk(
    rules: Rules, value: Json, path: JsonPath, places: PathAutomaton, mode: Rule
) -> Iterator[tuple[str, Json, str]]:
    rule = rules.deciding(places)
    mode = rule if rule is not None and rule.inherited else mode
    if rule is not None and not rule.inherited:
        yield json_path(path), value, rule.label
    elif isinstance(value, dict) and value and mode.kind != "ignore":
        for key, item in value.items():
            yield from _walk(rules, item, (*path, key), rules.follow(places, key), mode)
    elif isinstance(value, list) and value and mode.kind != "ignore":
        for index, item in enumerate(value):
            yield from _walk(rules, item, (*path, index), rules.follow(places, index, len(value)), mode)
    else:
        yield json_path(path), value, mode.label
