"""Read the assertions of a promptfoo configuration, with their sets, references and settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ...files.gate_schema import METRICS
from ...values import JsonObject
from ..ledger import Entry, Ledger
from ..nodes import Node
from .transforms import Transform, read_transform

__all__ = [
    "CODE",
    "JUDGED",
    "Lost",
    "SourceAssertion",
    "decides_nothing",
    "plain_type",
    "read_assertions",
    "title_of",
    "uses_variables",
]

JUDGED = frozenset(
    {
        "llm-rubric", "g-eval", "factuality", "model-graded-closedqa", "model-graded-factuality", "answer-relevance",
        "context-recall", "context-relevance", "context-faithfulness", "conversation-relevance", "select-best", "max-score", "pi",
        "search-rubric", "agent-rubric", "classifier", "moderation", "similar",
    }
)  # fmt: skip
"""The types in which a model judges the answer."""
CODE = frozenset({"python", "ruby", "webhook", "javascript"})
"""The types that run code."""
_AS_OURS = {"eval": "javascript", "fn": "javascript"}


class Lost(Exception):
    """An assertion that has no equivalent."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why


@dataclass(slots=True)
class SourceAssertion:
    """An assertion of the source with its item; `default` if it applies to all tests."""

    node: Node
    entry: Entry
    base: str
    default: bool = False
    lost: Lost | None = None
    transform: Transform | None = None
    score: JsonObject = field(default_factory=dict)
    """The keys `metric` and `weight`."""
    in_set: bool = False


def read_assertions(
    node: Node | None, base: str, root: Node, ledger: Ledger, *, default: bool = False, depth: int = 0
) -> Iterator[SourceAssertion]:
    """Yield the assertions of a list, including those in an `assert-set`, with references within the file resolved."""
    if node is None or depth > 10:
        return
    if isinstance(node.value, dict):
        node = Node([node.value], node.document, node.path, node.fixed)
        items = (
            [Node(node.value[0], node.document, node.path, node.fixed)]
            if isinstance(node.value, list)
            else []
        )
    else:
        items = list(node.items())
    for item in items:
        found = _resolved(item, root)
        kind = found.get("type")
        if kind is not None and kind.value == "assert-set":
            yield from _of_set(item, found, base, root, ledger, default=default, depth=depth)
            continue
        entry = ledger.add("assertion", item.location, title_of(found))
        source = SourceAssertion(found, entry, base, default)
        try:
            _settings(source, ledger)
        except Lost as lost:
            source.lost = lost
        yield source


def _of_set(
    item: Node, found: Node, base: str, root: Node, ledger: Ledger, *, default: bool, depth: int
) -> Iterator[SourceAssertion]:
    """Yield the assertions of a set, all of which must hold. With a threshold, the whole set is lost."""
    inner = list(read_assertions(found.get("assert"), base, root, ledger, default=default, depth=depth + 1))
    threshold = found.get("threshold")
    if threshold is not None and isinstance(threshold.value, int | float) and threshold.value < 1:
        entry = ledger.add("assertion", item.location, "assert-set")
        entry.lose("I504", "only a part of the set has to hold; in runner every assertion must hold")
        for each in inner:
            each.entry.lose("I504", "it is in a set of which only a part has to hold")
        return
    for each in inner:
        each.in_set = True
    yield from inner


def _resolved(node: Node, root: Node) -> Node:
    """Return the assertion to which `$ref: "#/assertionTemplates/name"` refers."""
    reference = node.get("$ref")
    if reference is None or reference.text is None or not reference.text.startswith("#/"):
        return node
    target: Node | None = root
    for part in reference.text[2:].split("/"):
        target = target.get(part) if target is not None else None
    return target if target is not None and isinstance(target.value, dict) else node


def title_of(node: Node) -> str:
    """Return the name of an assertion in the report."""
    kind = node.get("type")
    return f'assertion "{kind.value}"' if kind is not None and isinstance(kind.value, str) else "assertion"


def plain_type(written: str) -> str:
    """Return a type without `not-` and without the part after a colon (similar:cosine)."""
    kind = written.strip().removeprefix("not-").partition(":")[0]
    return _AS_OURS.get(kind, kind)


def _settings(source: SourceAssertion, ledger: Ledger) -> None:
    """Read the keys other than type and value. Raises Lost."""
    type_node = source.node.get("type")
    kind = plain_type(type_node.text) if type_node is not None and type_node.text else ""
    for key, node in source.node.entries():
        if key in ("type", "value", "threshold", "$ref"):
            continue
        if key == "transform" and kind not in JUDGED:
            source.transform = read_transform(node, source.entry)
        elif key in ("weight", "metric"):
            _score(source, key, node, ledger.add("key", node.key_location, f'"{key}" of an assertion'))
        elif key in ("provider", "rubricPrompt", "contextTransform", "transform") and kind in JUDGED:
            continue  # kept with the assertion
        elif key == "config" and kind in CODE:
            raise Lost("I503", "its code reads its own config")
        else:  # `provider`, `rubricPrompt`, `config` and other keys that people write
            ledger.add("key", node.key_location, f'"{key}" of an assertion').drop(
                "I507", f"promptfoo does not read {key} in an assertion of this type"
            )


def _score(source: SourceAssertion, key: str, node: Node, entry: Entry) -> None:
    """Read how an assertion counts in scores."""
    value = node.value
    if key == "weight":
        if value == 0:
            entry.drop("I507", "it excludes the assertion from the verdict")
        elif isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1_000_000:
            entry.drop("I507", "it is not a positive number; it affects only the score")
        elif value != 1:
            source.score = {**source.score, key: value}
    elif value in METRICS:
        entry.drop("I507", "a metric that runner computes itself has this name; the verdict is the same")
    elif isinstance(value, str) and len(value) <= 60 and re.fullmatch(r"[A-Za-z][\w -]*", value):
        source.score = {**source.score, key: value}
    else:
        entry.drop("I507", "a score cannot have this name in runner; the verdict is the same")


def decides_nothing(source: SourceAssertion) -> bool:
    """Return whether the assertion has `weight: 0`, with which it always passes in promptfoo."""
    weight = source.node.get("weight")
    return weight is not None and weight.value == 0 and weight.value is not False


def uses_variables(source: SourceAssertion) -> bool:
    """Return whether its value depends on the case."""
    value = source.node.value.get("value") if isinstance(source.node.value, dict) else None
    texts = value if isinstance(value, list) else [value]
    return any(isinstance(each, str) and re.search(r"\{[{%]", each) for each in texts)
