"""Lint the "strict" subset of JSON Schema: find what a provider will refuse before it generates anything.

A provider answers a schema with `strict: true` outside the subset with HTTP 400, one mistake at a time; here all are
reported at once, offline. The rules are S001 to S071; limits as raised in July 2025 (OpenAI guide "Structured model
outputs", section "Supported schemas").
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from ..errors import did_you_mean
from ..schema import accepted_types, meant_keyword, show, unknown_keywords
from ..schema.vacuity import TYPES
from ..values import Json, JsonPath
from .anthropic_schema import lint_for_anthropic
from .strict_rules import node_findings
from .strict_schema import Finding, Severity, Subschema, ends, finding, lay_out, target

if TYPE_CHECKING:
    from ..wire.dialect import SchemaRules

__all__ = ["Finding", "Severity", "lint", "lint_loosely", "lint_response_format"]

MAX_DEPTH = 10
MAX_PROPERTIES = 5000
MAX_ENUM_VALUES = 1000
MAX_TEXT = 120_000
LARGE_ENUM = 250
MAX_LARGE_ENUM_TEXT = 15_000

# OpenAI has not published how the server counts levels; near the limit it may count more than we do.
_DEPTH_IN_DOUBT = 9

_OPEN = (("object", "object"), ("array", "list"))
"""The types whose content a schema may leave open, as messages name them."""

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def lint(schema: Json) -> list[Finding]:
    """Return every departure of `schema` from the strict subset, in the order of the file."""
    nodes = lay_out(schema)
    findings = [found for node in nodes.values() for found in node_findings(node, nodes)]
    findings += _endless(nodes)
    findings += _limits(nodes)
    return findings


def lint_loosely(schema: Json) -> list[Finding]:
    """Return the findings in a schema that is not strict: unknown keywords, and what it leaves open."""
    findings = []
    for path, keyword in unknown_keywords(schema):
        meant = meant_keyword(keyword)
        because = did_you_mean(meant) if meant else "a typo, or ignored"
        findings.append(
            finding("S032", "warning", (*path, keyword), f"unknown keyword '{keyword}' ({because})")
        )
    accepted = accepted_types(schema)
    if "object" not in accepted and len(accepted) == len(TYPES) - 1:
        message = 'anything that is not an object passes, e.g. a string: add type "object"'
        findings.append(finding("S034", "warning", (), message))
    elif "object" in accepted or "array" in accepted:
        any_of = " and ".join(f"any {word}" for kind, word in _OPEN if kind in accepted)
        message = f"{any_of} passes: the schema does not describe its content"
        findings.append(finding("S033", "warning", (), message))
    return findings


def lint_response_format(
    response_format: Json,
    messages_text: Callable[[], str] | str | None = None,
    rules: SchemaRules = "openai",
) -> list[Finding]:
    """Return the findings of a whole `response_format`, with paths relative to it.

    Only schemas with `strict: true` are checked against the subset: without it, no provider enforces the schema, which
    is itself worth a warning (S005). `messages_text` is the text of all messages, which must contain "json" if `type` is
    json_object; None: unknown, not checked. `rules` are those of the wire format: Anthropic enforces every schema, and
    has its own subset.
    """
    declared = response_format if isinstance(response_format, Mapping) else {}
    if declared.get("type") == "json_object" and messages_text is not None:
        text = messages_text if isinstance(messages_text, str) else messages_text()
        if "json" not in text.lower():
            message = 'no message contains "json", which json_object requires'
            return [Finding("S006", "error", message, ("type",))]
    if declared.get("type") != "json_schema":
        return []
    inner = declared.get("json_schema")
    if not isinstance(inner, Mapping):
        return [Finding("S004", "error", "response_format json_schema without a schema", ())]
    return list(_json_schema(inner) if rules == "openai" else _for_anthropic(inner))


def _json_schema(inner: Mapping[str, Json]) -> Iterator[Finding]:
    at: JsonPath = ("json_schema",)
    name = inner.get("name")
    if "name" not in inner:
        yield Finding("S003", "warning", "json_schema has no name, which OpenAI requires", at)
    elif not isinstance(name, str) or not _NAME.fullmatch(name):
        message = f"response_format name must match ^[a-zA-Z0-9_-]{{1,64}}$, got {show(name)}"
        yield Finding("S003", "error", message, (*at, "name"))
    strict = inner.get("strict") is True
    if not strict:
        message = "strict is not true, so the schema is only a hint to the model and is not enforced"
        yield Finding("S005", "warning", message, (*at, "strict") if "strict" in inner else at)
    yield from _of_schema(inner, lint if strict else lint_loosely)


def _for_anthropic(inner: Mapping[str, Json]) -> Iterator[Finding]:
    return _of_schema(inner, lambda schema: [*lint_loosely(schema), *lint_for_anthropic(schema)])


def _of_schema(
    inner: Mapping[str, Json], findings_in: Callable[[Json], Iterable[Finding]]
) -> Iterator[Finding]:
    """Yield what is found in the schema of a `json_schema`, or that it has none."""
    at: JsonPath = ("json_schema",)
    if "schema" not in inner:
        yield Finding("S004", "error", "response_format json_schema without a schema", at)
        return
    for found in findings_in(inner["schema"]):
        yield Finding(found.code, found.severity, found.message, (*at, "schema", *found.path))


def _endless(nodes: Mapping[JsonPath, Subschema]) -> Iterator[Finding]:
    finite = ends(nodes)
    places = dict.fromkeys(
        target(node.keywords["$ref"]) for node in nodes.values() if "$ref" in node.keywords
    )
    for place in places:
        if place is not None and place in nodes and place not in finite:
            message = "the chain of required $refs never ends, so no finite value can exist (add a null branch or an array)"
            yield finding("S054", "error", place, message)


def _limits(nodes: Mapping[JsonPath, Subschema]) -> Iterator[Finding]:
    deepest = max(nodes.values(), key=lambda node: node.depth)
    depth, exceeds = deepest.depth, f"{deepest.depth} levels of nesting exceed the limit of {MAX_DEPTH}"
    if depth > MAX_DEPTH:
        yield finding("S060", "error", deepest.path, exceeds)
    elif depth >= _DEPTH_IN_DOUBT:
        message = f"{depth} levels of nesting are near the limit of {MAX_DEPTH}; the server may count more"
        yield finding("S060", "warning", deepest.path, message)

    names = [name for node in nodes.values() for name in node.properties]
    if len(names) > MAX_PROPERTIES:
        yield finding("S061", "error", (), f"{len(names)} properties exceed the limit of {MAX_PROPERTIES}")

    enums = {
        node.path: values for node in nodes.values() if isinstance(values := node.keywords.get("enum"), list)
    }
    count = sum(map(len, enums.values()))
    if count > MAX_ENUM_VALUES:
        yield finding("S062", "error", (), f"{count} enum values, at most {MAX_ENUM_VALUES}")
    for path, values in enums.items():
        size = sum(map(_size, values))
        if len(values) > LARGE_ENUM and size > MAX_LARGE_ENUM_TEXT:
            message = (
                f"enum with more than {LARGE_ENUM} values: {size} characters, at most {MAX_LARGE_ENUM_TEXT}"
            )
            yield finding("S063", "error", (*path, "enum"), message)

    texts: list[Json] = [*names]
    for node in nodes.values():
        texts += [name for keyword in ("$defs", "definitions") for name in _keys(node.keywords.get(keyword))]
        texts += [node.keywords["const"]] if "const" in node.keywords else []
        texts += enums.get(node.path, [])
    size = sum(map(_size, texts))
    if size > MAX_TEXT:
        message = f"{size} characters in names, enum and const values, at most {MAX_TEXT}"
        yield finding("S064", "error", (), message)


def _keys(value: Json) -> list[str]:
    return list(value) if isinstance(value, Mapping) else []


def _size(value: Json) -> int:
    return len(value) if isinstance(value, str) else len(json.dumps(value))
