"""Find rules that can never find a difference or never apply; `runner check` reports them. Pure.

A rule is reported only if this holds for every answer that the prompt's schema allows and for any realistic text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from ..checks.jsonpath import Path, Segment
from ..errors import Diagnostic, Location
from ..files.model import Project, Prompt
from ..schema import show
from ..values import Json
from .rules.coverage import deciding_rules
from .rules.rules import Rule, Rules

__all__ = ["compares_nothing", "redactions_that_hide_all", "vacuous_rules"]

CODE = "W011"

_TEXTS = ("", "a", "Ab, c.", "-3.14", "2026-11-27", "  ", "{}", "Grüße", "日本語", "🙂", '"quoted" \\ path/x')
"""Texts that have nothing in common except that each is a single line."""


def vacuous_rules(prompt: Prompt, rules: Rules) -> Iterator[Diagnostic]:
    """Yield a remark for each rule that compares nothing, and for each that can never apply under the schema."""
    if (nothing := _nothing_compared(rules)) is not None:
        yield _remark(
            nothing.location,
            "no part of an answer is compared: everything is ignored, so no change can be found",
            "list what to compare in regression.rules, e.g. {path: $.label, compare: exact}",
        )
    schema = prompt.response_schema.schema if prompt.response_schema is not None else None
    for index, rule in enumerate(rules.rules):
        if index in rules.replaced:
            yield _remark(
                rule.location, f"a later rule has the same path {rule.path}, so this one never applies"
            )
            continue
        spec = _spec(prompt, index)
        yield from _never_different(rule, spec, rules)
        if schema is not None:
            yield from _against_schema(rule, spec, schema)
        if rule.kind == "seen" and rules.samples == 1:
            yield _remark(
                rule.location,
                "with one sample, only the approved value was ever seen",
                "set regression.samples to record more samples of each case",
            )


def compares_nothing(rules: Rules, approved: Json) -> bool:
    """Return whether the rules ignore every part of an approved answer."""
    return all(label == "ignore" for _, _, label in deciding_rules(rules, approved))


def redactions_that_hide_all(project: Project) -> Iterator[Diagnostic]:
    """Yield a remark for each `redact` entry that masks whole answers, so that all of them look the same."""
    for index, spec in enumerate(cast("tuple[Mapping[str, Any], ...]", project.redact)):
        whole = spec.get("path", "$") in ("$", "", "$..*", "$.*", "$[*]")
        expression = spec.get("regex")
        if whole and (expression is None or _takes_any_text(expression, part=True)):
            assert project.document is not None, "redactions come from a file"
            yield _remark(
                project.document.locate(("redact", index)),
                "this masks every answer completely, so no two answers differ",
                "give the path of the part, or a regex for the text, to mask",
            )


def _nothing_compared(rules: Rules) -> Rule | None:
    """Return the rule because of which nothing is compared; None if something is."""
    at_root = [rule for rule in rules.rules if not rule.path.segments]
    whole = at_root[-1] if at_root else rules.base
    if whole.kind == "plain":
        whole = rules.base
    called_back = (
        rule.kind != "ignore" and (rule.kind != "plain" or rule.length is not None)
        for index, rule in enumerate(rules.rules)
        if index not in rules.replaced and rule.path.segments
    )
    return whole if whole.kind == "ignore" and not any(called_back) else None


def _never_different(rule: Rule, spec: Mapping[str, Any], rules: Rules) -> Iterator[Diagnostic]:
    nothing = "to compare nothing, set `ignore: true`"
    if rule.kind == "number" and spec.get("rel", 0) >= 1:
        share = show(spec["rel"])
        what = (
            "any two numbers"
            if spec["rel"] >= 2
            else "any two numbers of the same sign, and 0 and any number,"
        )
        yield _remark(
            rule.location,
            f"rel {share} treats {what} as equal",
            f"rel is a share: 0.01 is 1 %; {nothing}",
        )
    if rule.kind == "regex" and _takes_any_text(spec["pattern"]):
        yield _remark(rule.location, f"{show(spec['pattern'])} matches any text", nothing)
    if rule.kind in ("set", "unordered", "keyed") and _items_are_ignored(rule.path, rules):
        kept = {"set": "only whether there are any", "unordered": "only their number", "keyed": "nothing"}[
            rule.kind
        ]
        yield _remark(rule.location, f"the items of {rule.path} are ignored, so {kept} is compared", nothing)


def _items_are_ignored(path: Path, rules: Rules) -> bool:
    below = (*path.segments, Segment(None))
    own = [each for each in rules.rules if each.path.segments[: len(below)] == below]
    return bool(own) and all(each.kind == "ignore" for each in own) and Path(below) in [r.path for r in own]


def _takes_any_text(expression: str, *, part: bool = False) -> bool:
    """Return whether an expression matches whole texts of all sorts; with `part` it need not match the empty text."""
    try:
        pattern = re.compile(expression)
    except (re.error, RecursionError, OverflowError):
        return False  # reported when the rule is compiled
    texts = (text for text in _TEXTS if text or not part)
    return all(pattern.fullmatch(text) for text in texts)


def _against_schema(rule: Rule, spec: Mapping[str, Any], schema: Json) -> Iterator[Diagnostic]:
    """Yield remarks on a rule whose path or tolerance makes no sense under the schema of the answers."""
    found = _at(schema, rule.path)
    if found is _UNKNOWN:
        return
    if found is None:
        yield _remark(rule.location, f"no answer has a {rule.path}: the schema does not allow it")
        return
    declared = found.get("type")
    types = frozenset([declared] if isinstance(declared, str) else declared or ())
    if rule.types and types and not types & rule.types:
        kinds = " or ".join(sorted(types))
        yield _remark(
            rule.location, f"{rule.label} never applies: the schema allows only {kinds} at {rule.path}"
        )
    low, high = found.get("minimum"), found.get("maximum")
    if rule.kind != "number" or not isinstance(low, int | float) or not isinstance(high, int | float):
        return
    if spec.get("abs", -1) >= high - low:
        span = f"{show(low)} to {show(high)}"
        yield _remark(
            rule.location,
            f"abs {show(spec['abs'])} treats any two numbers as equal: the schema allows {span}",
            "set a smaller tolerance",
        )


_UNKNOWN: Mapping[str, Any] = {"unknown": True}


def _at(schema: Json, path: Path) -> Mapping[str, Any] | None:
    """Return the schema of the values at a path; None if the path cannot exist, _UNKNOWN if that is unclear."""
    node: Any = schema
    for segment in path.segments:
        if not isinstance(node, Mapping) or segment.descendant or segment.token or _branches(node):
            return _UNKNOWN
        if isinstance(segment.selector, str):
            properties = node.get("properties", {})
            if segment.selector in properties:
                node = properties[segment.selector]
                continue
            closed = node.get("additionalProperties") is False and "patternProperties" not in node
            return None if closed else _UNKNOWN
        if "prefixItems" in node or not isinstance(node.get("items"), Mapping):
            return _UNKNOWN
        node = node["items"]
    return node if isinstance(node, Mapping) and not _branches(node) else _UNKNOWN


def _branches(node: Mapping[str, Any]) -> bool:
    return any(
        key in node
        for key in ("$ref", "$dynamicRef", "anyOf", "oneOf", "allOf", "if", "not", "const", "enum")
    )


def _spec(prompt: Prompt, index: int) -> Mapping[str, Any]:
    rules = cast("list[Mapping[str, Any]]", prompt.regression["rules"])
    return rules[index]


def _remark(location: Location, message: str, hint: str | None = None) -> Diagnostic:
    return Diagnostic("warning", CODE, message, location, hint)
