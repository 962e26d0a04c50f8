"""Violations of a file format, in words a person can act on: what is wrong, and what was probably meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

from ..errors import close_to, did_you_mean
from ..schema import show
from ..values import TYPE_WORDS, JsonPath, json_type

__all__ = ["FormatViolation", "foreign_assertion", "foreign_key", "in_words", "near", "spell"]


@dataclass(frozen=True, slots=True)
class FormatViolation:
    """One violation of a format at `path`; with `at_key`, the last key of `path` is wrong rather than its value.

    `missing` names the key that the object at `path` lacks; `secret` says that the value may be an API key.
    """

    path: JsonPath
    message: str
    hint: str | None = None
    at_key: bool = False
    missing: str | None = None
    secret: bool = False


def spell(path: Iterable[str | int]) -> str:
    """Return a path as authors write it: messages[0].content."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def near(word: str, known: Iterable[str]) -> str | None:
    """Return the hint `did you mean "..."?` if `word` resembles a known word, or is one of them in camelCase; else None."""
    words = list(known)
    snake = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", word).lower().replace("-", "_")
    dashed = snake.replace("_", "-")
    for spelling in (snake, dashed):
        if spelling in words:
            return did_you_mean(spelling)
    close = close_to(snake, words, cutoff=0.7) or close_to(dashed, words, cutoff=0.7)
    return did_you_mean(close[0]) if close else None


# Keys of other tools for what we have, and keys that never belong in our files.
_FOREIGN = {
    "modelParameters": "write its entries at the top level under their wire names, e.g. temperature: 0",
    "model_parameters": "write its entries at the top level under their wire names, e.g. temperature: 0",
    "parameters": "write its entries at the top level under their wire names, e.g. temperature: 0",
    "config": "write its entries at the top level under their wire names, e.g. temperature: 0",
    "maxTokens": 'did you mean "max_tokens"?',
    "maxOutputTokens": 'did you mean "max_completion_tokens"?',
    "max_output_tokens": 'did you mean "max_completion_tokens"?',
    "topP": 'did you mean "top_p"?',
    "responseFormat": 'did you mean "response_format"?',
    "jsonSchema": "write response_format: {type: json_schema, json_schema: {name: ..., schema: {...}}}",
    "output_schema": "write response_format: {type: json_schema, json_schema: {name: ..., schema: {...}}}",
    "testData": 'did you mean "tests"?',
    "evaluators": 'did you mean "assert"?',
    "asserts": 'did you mean "assert"?',
    "assertions": 'did you mean "assert"?',
    "stop_sequences": 'did you mean "stop"?',
    "stopSequences": 'did you mean "stop"?',
    "variables": 'did you mean "inputs"?',
    "prompt": 'did you mean "messages"?',
    "stream": "it is an option of the run, not of the prompt: runner run --stream",
    "stream_options": "it is an option of the run, not of the prompt: runner run --stream",
    "base_url": "it belongs to an endpoint in runner.yaml",
    "headers": "they belong to an endpoint in runner.yaml",
    "endpoint": "it belongs in runner.yaml: endpoint: NAME, or models: {PATTERN: {endpoint: NAME}}",
    "provider": "it belongs in runner.yaml: endpoint: NAME, or models: {PATTERN: {endpoint: NAME}}",
    "extends": "the word is reserved for a later version of the format",
}
# Words of other tools for values where our formats have a fixed choice.
_FOREIGN_WORDS = {
    "judge": "rules call no model, so that a test needs no key; `similar` compares texts offline",
    "embedding": "rules call no model, so that a test needs no key; `lexical` compares texts offline",
}
_EXPR = "write an `expr` over output, text, vars and row; assertions run no other code"
_BY_REGEX = "write a `regex`"
_BY_MODEL = "write an `llm-rubric` with the criterion in words; `compare: similar` in regression.rules compares texts offline"
_TOOLS = "declare tools: every call is then validated against the parameters of its tool"
# Assertion types of other tools, and what to write instead.
FOREIGN_ASSERTIONS: Mapping[str, str] = {
    "is-valid-json": "write `is-json`, or declare response_format",
    "javascript": _EXPR,
    "python": _EXPR,
    "ruby": _EXPR,
    "webhook": _EXPR,
    "js": _EXPR,
    "is-refusal": "write `outcome: refused` on the case; any other case fails when the model refuses",
    "guardrails": "write `outcome: filtered` on the case; any other case fails when the answer is filtered",
    "is-html": _BY_REGEX,
    "contains-html": _BY_REGEX,
    "is-xml": _BY_REGEX,
    "contains-xml": _BY_REGEX,
    "is-sql": _BY_REGEX,
    "contains-sql": _BY_REGEX,
    "assert-set": "list the assertions one by one: all of them must hold",
    "is-valid-function-call": _TOOLS,
    "is-valid-openai-function-call": _TOOLS,
    "is-valid-openai-tools-call": _TOOLS,
    "tool-call-f1": _TOOLS,
    "model-graded-closedqa": "write `closed-qa`",
    "model-graded-factuality": "write `factuality`",
    **dict.fromkeys(
        (
            "rouge-n", "bleu", "gleu", "meteor", "classifier", "answer-relevance", "context-faithfulness", "context-recall", "context-relevance",
            "conversation-relevance", "pi",
            "select-best", "max-score", "search-rubric", "llm",
        ),
        _BY_MODEL,
    ),
}  # fmt: skip


def foreign_key(name: str) -> str | None:
    """Return what to write instead of a top-level key of another tool's prompt file; None if the key is unknown."""
    return _FOREIGN.get(name)


def foreign_assertion(name: str) -> str | None:
    """Return what to write instead of an assertion type of another tool; None if the name is unknown."""
    own = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower().replace("_", "-").removeprefix("not-")
    return FOREIGN_ASSERTIONS.get(own.partition(":")[0])


# A longer list of words would hide the mistake.
_LISTED = 12

_KEY_HINT = "keys do not belong in files: name their environment variable in runner.yaml (api_key_env)"
_KEYS = {"api_key", "apiKey", "api-key", "apikey", "key", "token", "secret"}


# jsonschema's ValidationError; its stubs have a marker "unset" in every field, which a validator's errors never have.
_Error: TypeAlias = Any


def in_words(error: _Error, at: JsonPath = ()) -> Iterator[FormatViolation]:
    """Yield the violations that one error of the validator represents; several if it names several keys.

    `at` is the path of the validated value; the reported paths begin with it.
    """
    path: JsonPath = (*at, *error.absolute_path)
    if _is_about_key(error):
        name = str(error.instance)
        hint = _own_hint(error) or f"a key {_clause(error)}"
        yield FormatViolation(
            (*path, name), f"{show(name)} cannot be a key of {spell(path)}", hint, at_key=True
        )
    elif error.validator == "additionalProperties":
        yield from _unknown_keys(error, path)
    elif error.validator == "required":
        for key in error.validator_value:
            if key not in error.instance:
                yield FormatViolation(path, f'{spell(path) or "the file"} needs "{key}"', missing=key)
    else:
        subject = spell(path) or "the file"
        if subject == "the file" and error.instance is None:
            yield FormatViolation(path, "the file is empty")
        else:
            yield FormatViolation(
                path, f"{subject} {_clause(error)}", _own_hint(error), secret=_is_key(error)
            )


def _unknown_keys(error: _Error, path: JsonPath) -> Iterator[FormatViolation]:
    known = list(error.schema.get("properties", {}))
    free = list(error.schema.get("patternProperties", {}))
    for key in error.instance:
        if key not in known and not any(re.search(pattern, key) for pattern in free):
            where = f" in {spell(path)}" if path else ""
            yield FormatViolation(
                (*path, key), f'unknown key "{key}"{where}', _hint_for(key, known, path), at_key=True
            )


def _hint_for(key: str, known: list[str], path: JsonPath) -> str | None:
    if key in _KEYS:
        return _KEY_HINT
    if not path and key in _FOREIGN:
        return _FOREIGN[key]
    if hint := near(key, known):
        return hint
    if not path and "messages" in known:
        return (
            "a field that only your provider knows goes under extra_body; notes for other tools begin with x-"
        )
    if "extra" in known:
        return f"a field that only your provider knows goes under extra: {{{key}: ...}}"
    return f"known here: {', '.join(known)}" if len(known) <= 16 else None


def _clause(error: _Error) -> str:
    """Return what is wrong, in words that follow the path: `must be a number, not a string ("0.2")`."""
    rule: Any = error.validator_value
    value: Any = error.instance
    secret = _is_secret(error)
    match error.validator:
        case "type" if "nullErrorMessage" in error.schema:
            return "is not allowed here"
        case "type":
            return f"must be {_kinds(rule)}, not {_came(value, secret=secret)}"
        case "enum" if len(rule) > _LISTED and isinstance(value, str):
            return f"is not a known word: {show(value)}"
        case "enum" | "const":
            words = rule if error.validator == "enum" else [rule]
            came = show(value) if isinstance(value, str | int | float) else _came(value)
            return f"must be {_either([show(each) for each in words if each is not None])}, not {came}"
        case "minimum":
            return f"must be at least {rule}, not {show(value)}"
        case "maximum":
            return f"must be at most {rule}, not {show(value)}"
        case "exclusiveMinimum":
            return f"must be more than {rule}, not {show(value)}"
        case "minLength" | "minItems" | "minProperties":
            return "must not be empty"
        case "maxLength":
            return f"must have at most {rule} characters, not {len(value)}"
        case "maxProperties" if rule == 0:
            return "must be empty"
        case "maxItems" | "maxProperties":
            return f"must have at most {rule} entries, not {len(value)}"
        case "uniqueItems":
            return "must not have duplicate entries"
        case _:
            return "is not valid" if secret else f"is not valid: {show(value)}"


def _own_hint(error: _Error) -> str | None:
    rule: Any = error.validator_value
    value: Any = error.instance
    place = tuple(error.absolute_path)
    match error.validator:
        case "pattern":
            return str(error.schema["patternErrorMessage"])
        case _ if _is_secret(error):
            return None
        case "type" if "nullErrorMessage" in error.schema:
            return str(error.schema["nullErrorMessage"])
        case "maxProperties" if "maxPropertiesErrorMessage" in error.schema:
            return str(error.schema["maxPropertiesErrorMessage"])
        case "enum" if isinstance(value, str):
            if value in _FOREIGN_WORDS:
                return _FOREIGN_WORDS[value]
            if place[-3:-2] == ("assert",) and place[-1:] == ("type",) and (hint := foreign_assertion(value)):
                return hint
            words = [each for each in rule if isinstance(each, str)]
            return near(value, words) or (f"known: {', '.join(words)}" if len(words) > _LISTED else None)
        case "type" if place[:1] == ("inputs",) and rule == "object":
            return "write the variable's JSON Schema, e.g. {type: string}"
        case "type" if place[:1] == ("inputs",) and place[2:] == ("required",):
            return "a variable must be given unless it has a default: leave required out"
        case "type" if value is None:
            return "leave the key out, or give it a value"
        case "type" if isinstance(value, str) and _unquoted(value, rule):
            return f"write it without quotes: {value}"
        case "type" if isinstance(value, bool | int | float) and "string" in _names(rule):
            return f'write it in quotes: "{show(value)}"'
        case _:
            return None


def _unquoted(text: str, rule: Any) -> bool:
    if {"number", "integer"} & set(_names(rule)):
        return re.fullmatch(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", text) is not None
    return "boolean" in _names(rule) and text in {"true", "false"}


def _names(rule: Any) -> list[str]:
    return [rule] if isinstance(rule, str) else list(rule)


def _kinds(rule: Any) -> str:
    # null is allowed on the wire but hardly ever meant, so it is not suggested.
    return _either([TYPE_WORDS[name] for name in _names(rule) if name != "null"] or ["null"])


def _either(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _is_about_key(error: _Error) -> bool:
    """Return whether the instance is a key. A `propertyNames` under `properties` is an ordinary key of that name."""
    steps = pairwise((None, *error.absolute_schema_path))
    return any(step == "propertyNames" and before != "properties" for before, step in steps)


def _is_secret(error: _Error) -> bool:
    """Return whether the value may be an API key or a password by mistake, so that messages must not repeat it."""
    return error.validator is not None and error.schema.get("writeOnly") is True


def _is_key(error: _Error) -> bool:
    """Return whether the whole value may be an API key. A URL is shown, without the part that may be a password."""
    return _is_secret(error) and error.absolute_path[-1] not in ("base_url", "git", "url")


def _came(value: Any, *, secret: bool = False) -> str:
    word = TYPE_WORDS[json_type(value)]
    match value:
        case str() | int() | float() if secret and not isinstance(value, bool):
            return word
        case str():
            return f"{word} ({show(value, 60)})"
        case bool() | None:
            return show(value)
        case int() | float():
            return f"{word} ({show(value)})"
        case _:
            return word
