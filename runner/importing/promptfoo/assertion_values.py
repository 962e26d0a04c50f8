"""Convert the value of a promptfoo assertion by its type."""

from __future__ import annotations

import json
import re

from ...documents.yaml_reader import parse_yaml
from ...errors import RunnerError
from ...patterns import PatternError
from ...values import Json, JsonObject
from ..regexes import python_pattern
from .cases import spelt
from .source_assertions import Lost, SourceAssertion

__all__ = ["by_type"]


def by_type(
    kind: str, value: Json, source: SourceAssertion, *, wants_json: bool, negated: bool
) -> JsonObject | None:
    """Return the assertion of runner; None if it is implied. `wants_json`: the prompt asks for JSON. Raises Lost."""
    prefix = "not-" if negated else ""
    threshold = source.node.value.get("threshold") if isinstance(source.node.value, dict) else None
    if kind in ("contains", "icontains"):
        text = _text(value)
        if not text:
            raise Lost("I505", "its value is empty: it fails in promptfoo, too")
        return {"type": prefix + kind, "value": text}
    if kind in ("contains-any", "contains-all", "icontains-any", "icontains-all"):
        texts = _texts(value)
        return {"type": prefix + kind, "value": list(texts)}
    if kind == "starts-with":
        if not isinstance(value, str) or not value:
            raise Lost("I505", "its value is not a string: it fails in promptfoo, too")
        return {"type": prefix + kind, "value": value}
    if kind == "equals":
        return _equals(value, wants_json=wants_json, prefix=prefix)
    if kind == "regex":
        if not isinstance(value, str) or not value:
            raise Lost("I505", "its value is not a string: it fails in promptfoo, too")
        try:
            return {"type": f"{prefix}regex", "value": python_pattern(value)}
        except PatternError as error:
            raise Lost("I505", f"the pattern is not valid in Python: {error}") from None
    if kind in ("is-json", "contains-json"):
        return _json(kind, value, source, wants_json=wants_json, prefix=prefix)
    if kind in ("latency", "cost"):
        if isinstance(threshold, bool) or not isinstance(threshold, int | float):
            raise Lost("I505", "it has no threshold: it fails in promptfoo, too")
        return {"type": prefix + kind, "threshold": threshold}
    if kind == "word-count":
        return _word_count(value, prefix=prefix)
    if kind == "levenshtein":
        if not isinstance(value, str) or not value:
            raise Lost("I505", "its value is not a string")
        made: JsonObject = {"type": f"{prefix}levenshtein", "value": value}
        if isinstance(threshold, int | float) and not isinstance(threshold, bool):
            made = {**made, "threshold": int(threshold)}
        return made
    if kind == "finish-reason" and isinstance(value, str) and value:
        return {"type": f"{prefix}finish-reason", "value": value}
    if kind in _MEASURED:
        raise Lost("I501", _MEASURED[kind])
    if kind == "is-refusal":
        raise Lost(
            "I501",
            "it guesses from the words of an answer; `outcome: refused` checks the field of the provider",
        )
    if kind == "ends-with":
        raise Lost("I505", "promptfoo has no type ends-with: it fails in promptfoo, too")
    raise Lost("I501", "there is no such check")


_MEASURED = {
    "perplexity": "it needs log probabilities",
    "perplexity-score": "it needs log probabilities",
}


def _text(value: Json) -> str:
    if isinstance(value, bool) or value is None or isinstance(value, list | dict):
        raise Lost("I505", "its value is neither a string nor a number: it fails in promptfoo, too")
    return spelt(value)


def _texts(value: Json) -> list[str]:
    found = _split(value) if isinstance(value, str) else value
    if not isinstance(found, list) or not found:
        raise Lost("I505", "its value is not a list: it fails in promptfoo, too")
    texts = [spelt(each) for each in found]
    if not all(texts):
        raise Lost("I505", "one of its strings is empty, and every answer contains it")
    return texts


def _split(text: str) -> list[Json]:
    """Return the strings between commas, as promptfoo splits them: a quoted string may contain a comma."""
    found: list[Json] = []
    at = 0
    while at < len(text):
        while at < len(text) and (text[at].isspace() or text[at] == ","):
            at += 1
        if at >= len(text):
            break
        if text[at] == '"':
            quoted = re.compile(r'"((?:\\.|""|[^"\\])*)"\s*(?=,|\Z)', re.DOTALL).match(text, at)
            if quoted is None:
                raise Lost("I505", "a quoted string in its value does not end: it fails in promptfoo, too")
            found.append(re.sub(r'\\(.)|"(")', lambda sign: sign[1] or sign[2], quoted[1], flags=re.DOTALL))
            at = quoted.end()
        else:
            end = text.find(",", at)
            end = len(text) if end < 0 else end
            found.append(text[at:end].strip())
            at = end
    return found


def _equals(value: Json, *, wants_json: bool, prefix: str) -> JsonObject:
    if isinstance(value, list | dict):
        if wants_json:
            return {"type": f"{prefix}equals", "value": value}
        sign = "!=" if prefix else "=="
        return (
            {"type": "expr", "value": f"(text | fromjson) {sign} {_literal(value)}"}
            if "{{" not in json.dumps(value)
            else _refuse("I506", "its value contains braces")
        )
    text = "undefined" if value is None else spelt(value)
    if wants_json:
        sign = "!=" if prefix else "=="
        return {"type": "expr", "value": f"text {sign} {_literal(text)}"}
    return {"type": f"{prefix}equals", "value": text}


def _refuse(code: str, why: str) -> JsonObject:
    raise Lost(code, why)


def _literal(value: Json) -> str:
    """Return a value as a literal of Jinja: JSON, except for true, false and null."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(_literal(each) for each in value)}]"
    if isinstance(value, dict):
        # Two adjacent braces would begin a tag.
        inner = ", ".join(
            f"{json.dumps(key, ensure_ascii=False)}: {_literal(part)}" for key, part in value.items()
        )
        return f"{{ {inner} }}"
    return json.dumps(value, ensure_ascii=False)


def _json(
    kind: str, value: Json, source: SourceAssertion, *, wants_json: bool, prefix: str
) -> JsonObject | None:
    if isinstance(value, str) and value.strip():
        try:
            value = parse_yaml(value, "").value
        except RunnerError as error:
            raise Lost("I505", f"its schema cannot be read: {error.message}") from None
    if value is not None and value != "" and not isinstance(value, dict):
        raise Lost("I505", "its value is not a schema")
    if not value:
        if wants_json and not prefix:
            source.entry.imply(
                "I508", "response_format asks for JSON, so an answer that is not JSON fails anyway"
            )
            return None
        return {"type": prefix + kind}
    if wants_json and kind == "is-json":
        return {"type": f"{prefix}json-schema", "value": value}
    return {"type": prefix + kind, "value": value}


def _word_count(value: Json, *, prefix: str) -> JsonObject:
    if isinstance(value, dict):
        bounds = {key: part for key, part in value.items() if key in ("min", "max") and isinstance(part, int)}
        if len(bounds) != len(value) or not bounds:
            raise Lost("I505", "its bounds are not integers")
        return {"type": f"{prefix}word-count", "value": dict(bounds)}
    if isinstance(value, str) and value.strip().isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Lost("I505", "its value is not an integer")
    return {"type": f"{prefix}word-count", "value": value}
