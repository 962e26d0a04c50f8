"""Compile the `regression` rules of a prompt: how its answers are compared with the approved ones.

One rule decides about a place: the most specific path that selects it, and of equally specific ones the last. `exact`,
`text` and `ignore` also apply to everything below their path, until another rule selects it; `default` is such a rule
for "$". All others apply only to the value that their path selects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, isfinite
from typing import Any, Literal, TypeAlias, cast

from ...checks.jsonpath import Path, PathError, parse
from ...errors import FormatError, Location
from ...files.comparator_types import COMPARATORS, ComparatorName
from ...files.model import Project, Prompt
from ...files.problems import ProblemList
from ...files.violations import spell
from ...patterns import PatternError, compile_pattern
from ...schema import show
from ...values import Json, json_type
from .comparators import Comparator, number, regex, similar, text
from .json_walk import children
from .normalise import DEFAULT
from .path_automaton import PathAutomaton, automaton_of
from .redact import Redaction, compile_redactions

__all__ = ["Default", "Rule", "RuleKind", "Rules", "compile_rules", "unused_rules"]

Default: TypeAlias = Literal["exact", "text", "ignore"]

RuleKind: TypeAlias = ComparatorName | Literal["plain", "ignore"]
"""`plain` is a rule without `compare`: it allows absence or a different length, and inherits how to compare."""


_LIST = frozenset({"array"})


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `label` is its name in tables, e.g. "number abs 0.05"; `name` is the path and the label.

    `location` is its place in the file. `comparator` decides about two values for the kinds text, number, regex and
    similar. `length` is the allowed difference in length of two lists, `key` the property that pairs the items of a
    keyed list.
    """

    path: Path
    kind: RuleKind
    label: str
    location: Location
    comparator: Comparator | None = None
    optional: bool = False
    length: int | None = None
    key: str = ""
    name: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", f"{self.path} {self.label}")

    @property
    def inherited(self) -> bool:
        """Return whether the rule also applies to everything below its path."""
        return self.kind == "ignore" or (self.kind != "plain" and COMPARATORS[self.kind].inherited)

    @property
    def types(self) -> frozenset[str]:
        """Return the JSON types to which the rule applies; empty means all."""
        if self.kind == "plain":
            return _LIST if self.length is not None else frozenset()
        return COMPARATORS[self.kind].types if self.kind != "ignore" else frozenset()

    def fits(self, value: Json) -> bool:
        """Return whether the rule applies to a value of this type."""
        return not self.types or json_type(value) in self.types


@dataclass(frozen=True, slots=True)
class Rules:
    """The compiled rules of one prompt, for any number of answers.

    `samples` is the number of samples per case, `share` the declared share of them that must pass (None: the default).
    `base` is `default` as a rule. `replaced` are the indexes of rules that never apply, because a later one has the
    same path; `start` is the state of the paths at the root of a value.
    """

    samples: int
    share: Fraction | None
    default: Default
    base: Rule
    rules: tuple[Rule, ...]
    replaced: frozenset[int]
    start: PathAutomaton = field(compare=False, repr=False)
    redactions: tuple[Redaction, ...] = ()

    def passes_needed(self, total: int) -> int | None:
        """Return how many of `total` samples must pass by the declared share; None if none is declared."""
        return None if self.share is None else ceil(self.share * total)

    def follow(self, places: PathAutomaton, step: str | int, length: int | None = None) -> PathAutomaton:
        """Return the state of the paths one step down; `length` is the length of the list that `step` indexes."""
        return places.follow(step, length)

    def deciding(self, automaton: PathAutomaton) -> Rule | None:
        """Return the rule that decides at a place, among those that select it."""
        return self.rules[automaton.selecting[0]] if automaton.selecting else None


def compile_rules(prompt: Prompt, project: Project) -> Rules:
    """Compile the `regression` rules of a prompt, with the redactions of its project.

    Raises FormatError at the wrong line (an invalid path or regular expression, a rule without effect), or Problems if
    there are several errors.
    """
    spec = cast("Mapping[str, Any]", prompt.regression)  # its shape was validated when the prompt was loaded
    problems = ProblemList()
    rules: list[Rule] = []
    for index, each in enumerate(spec.get("rules", ())):
        with problems.kept(), _located(prompt, "rules", index):
            rules.append(_compile(each, prompt.locate("regression", "rules", index)))
    samples: int = spec.get("samples", 1)
    share: Fraction | None = None
    redactions: tuple[Redaction, ...] = ()
    with problems.kept(), _located(prompt, "min_pass"):
        share = _share(spec.get("min_pass"), samples)
    with problems.kept():
        redactions = compile_redactions(project)
    problems.raise_any()
    default: Default = spec.get("default", "exact")
    base: Mapping[str, Any] = {"ignore": True} if default == "ignore" else {"compare": default}
    paths = [rule.path for rule in rules]
    return Rules(
        samples,
        share,
        default,
        _compile({"path": "$", **base}, prompt.locate("regression", "default")),
        tuple(rules),
        frozenset(index for index, path in enumerate(paths) if path in paths[index + 1 :]),
        automaton_of(paths),
        redactions,
    )


def unused_rules(rules: Rules, *values: Json) -> tuple[str, ...]:
    """Return the rules that select nothing of their type in these values, or that a later rule replaces."""
    if not rules.rules:
        return ()
    used: set[int] = set()
    stack = [(value, rules.start) for value in values]
    while stack:
        value, automaton = stack.pop()
        used.update(index for index in automaton.selecting if rules.rules[index].fits(value))
        if automaton.continues:
            length = len(value) if isinstance(value, list) else None
            stack.extend((child, automaton.follow(step, length)) for step, child in children(value))
    used -= rules.replaced
    return tuple(rule.name for index, rule in enumerate(rules.rules) if index not in used)


class _Unusable(ValueError):
    """A rule that cannot be used; `key` is the path of the error inside the rule."""

    def __init__(self, message: str, *key: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.key = key
        self.hint = hint


@contextmanager
def _located(prompt: Prompt, *place: str | int) -> Iterator[None]:
    """Raise an unusable rule below `regression` as a FormatError at its line."""
    try:
        yield
    except _Unusable as reason:
        at = prompt.locate("regression", *place, *reason.key)
        message = f"{spell(('regression', *place))}: {reason}"
        raise FormatError(message, location=at, hint=reason.hint) from None


def _compile(spec: Mapping[str, Any], location: Location) -> Rule:
    try:
        path = parse(spec["path"])
    except PathError as error:
        raise _Unusable(f"{show(spec['path'])} is not a path: {error}", "path") from None
    if "ignore" in spec:
        return Rule(path, "ignore", "ignore", location)
    kind: RuleKind = spec.get("compare", "plain")
    label, comparator = _BUILDERS[kind](spec) if kind in _BUILDERS else (kind, None)
    optional, length = "presence" in spec, spec["length"]["abs"] if "length" in spec else None
    if kind == "plain":
        label = "" if length is None else f"length abs {length}"
        if not label and not optional:
            raise _Unusable("the rule has no effect", hint="give it compare, ignore, presence or length")
    if optional:
        label = f"{label} presence optional".lstrip()
    return Rule(path, kind, label, location, comparator, optional, length, spec.get("key", ""))


def _number(spec: Mapping[str, Any]) -> tuple[str, Comparator]:
    given = {name: spec[name] for name in ("abs", "rel") if name in spec}
    if not given:
        raise _Unusable("number needs abs or rel", hint="e.g. abs: 0.05, or rel: 0.01 for 1 %")
    for name, value in given.items():
        if not isfinite(value):
            raise _Unusable(
                f"{name} is not a finite number", name, hint="to compare nothing, set `ignore: true`"
            )
    return " ".join(["number", *(f"{name} {show(value)}" for name, value in given.items())]), number(**given)


def _regex(spec: Mapping[str, Any]) -> tuple[str, Comparator]:
    source: str = spec["pattern"]
    try:
        pattern = compile_pattern(source)
    except PatternError as error:
        raise _Unusable(f"{show(source)} is not a regular expression: {error}", "pattern") from None
    return f"regex {source}", regex(pattern)


def _similar(spec: Mapping[str, Any]) -> tuple[str, Comparator]:
    scorer, least = similar(spec["min"])
    return f"similar {scorer} {show(spec['min'])}", least


def _text(spec: Mapping[str, Any]) -> tuple[str, Comparator]:
    names = spec.get("normalise", DEFAULT)
    return " ".join(["text", *names]), text(names)


_BUILDERS: Mapping[str, Callable[[Mapping[str, Any]], tuple[str, Comparator | None]]] = {
    "number": _number,
    "regex": _regex,
    "similar": _similar,
    "text": _text,
    "keyed": lambda spec: (f"keyed {spec['key']}", None),
}


def _share(declared: int | str | None, samples: int) -> Fraction | None:
    if declared is None:
        return None
    share = Fraction(declared) if isinstance(declared, str) else Fraction(declared, samples)
    if share > 1:
        came = f"{declared} of {samples}" if isinstance(declared, int) else declared
        raise _Unusable(f"{came} is more than the number of samples", hint=f"samples is {samples}")
    return share
