"""The registry of assertion types: what each checks, what it takes, and when it holds.

The JSON Schema of prompt files is built from it; the compiler (`checks.assertions`) and `docs/prompt-file.md` follow it.
To add a type, add it here, add its builder to its module of `checks.predicates` (for one that asks: to `checks.askers.ASKERS`),
and add the row that the tests then require to the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from ..values import Json
from .judge_schema import assertion_judge_schema

__all__ = [
    "ASSERTION_TYPES",
    "COMMON_KEYS",
    "RELATIONS",
    "AssertionType",
    "assertion_names",
    "assertion_schema",
    "assertion_type",
]

Subject: TypeAlias = Literal["text", "output", "json", "measure", "answer"]

_JsonSchema: TypeAlias = Mapping[str, Json]

_NEGATION: Final = "not-"


@dataclass(frozen=True, slots=True)
class AssertionType:
    """One type of assertion.

    `value` is the JSON Schema of its `argument`, which may be omitted if it is `optional`; `keys` are those of further
    keys. `holds` completes "it holds when ...".
    `subject` is what it checks: the `text`, the `output` (the text if there is no JSON), the `json` of the output, a
    `measure` of the call, or the `answer` as a whole. `replayable` is False if a stored answer cannot decide it. `asks`: a call
    decides it (`checks.calls`), whose answer is stored beside the approved one. `required` are further keys that it needs.
    """

    name: str
    subject: Subject
    value: _JsonSchema
    holds: str
    takes: str
    argument: Literal["value", "threshold"] = "value"
    keys: Mapping[str, _JsonSchema] = field(default_factory=dict)
    optional: bool = False
    negatable: bool = True
    replayable: bool = True
    asks: bool = False
    required: tuple[str, ...] = ()

    @property
    def takes_path(self) -> bool:
        """Whether it may have a `path`, which selects a part of the subject."""
        return self.subject in ("text", "output", "json")

    @property
    def names(self) -> tuple[str, ...]:
        """The names it is written with: plain and, if it can be negated, with `not-`."""
        return (self.name, _NEGATION + self.name) if self.negatable else (self.name,)


_TEXT: _JsonSchema = {"type": "string", "minLength": 1, "description": "A non-empty string."}
_TEXTS: _JsonSchema = {
    "type": "array",
    "minItems": 1,
    "items": {"type": "string", "minLength": 1},
    "description": "A list of non-empty strings.",
}
_SCHEMA: _JsonSchema = {"type": "object", "minProperties": 1, "description": "A JSON Schema."}
_COUNT: _JsonSchema = {"type": "integer", "minimum": 0}
_RANGE: _JsonSchema = {
    "type": ["integer", "object"],
    "minimum": 0,
    "minProperties": 1,
    "properties": {
        "min": {**_COUNT, "description": "The smallest number that passes."},
        "max": {**_COUNT, "description": "The largest number that passes."},
    },
    "additionalProperties": False,
    "description": "A number, or an object with min, max or both.",
}
_AMOUNT: _JsonSchema = {"type": "number", "minimum": 0}

_JUDGE: _JsonSchema = assertion_judge_schema()

RELATIONS = ("subset", "superset", "same", "differs-harmlessly", "contradicts")
"""How the facts of an answer can relate to those of a reference."""

ASSERTION_TYPES: Mapping[str, AssertionType] = {
    each.name: each
    for each in (
        AssertionType(
            "equals",
            "output",
            {"description": "Any value."},
            "the output (the text if there is no JSON output) equals `value`",
            "anything",
        ),
        AssertionType("contains", "text", _TEXT, "the text contains `value`", "string"),
        AssertionType("icontains", "text", _TEXT, "the text contains `value`, ignoring case", "string"),
        AssertionType("contains-any", "text", _TEXTS, "the text contains one of `value`", "list of strings"),
        AssertionType("contains-all", "text", _TEXTS, "the text contains all of `value`", "list of strings"),
        AssertionType(
            "icontains-any",
            "text",
            _TEXTS,
            "the text contains one of `value`, ignoring case",
            "list of strings",
        ),
        AssertionType(
            "icontains-all",
            "text",
            _TEXTS,
            "the text contains all of `value`, ignoring case",
            "list of strings",
        ),
        AssertionType("starts-with", "text", _TEXT, "the text starts with `value`", "string"),
        AssertionType("ends-with", "text", _TEXT, "the text ends with `value`", "string"),
        AssertionType("istarts-with", "text", _TEXT, "the text starts with `value`, ignoring case", "string"),
        AssertionType("iends-with", "text", _TEXT, "the text ends with `value`, ignoring case", "string"),
        AssertionType("regex", "text", _TEXT, "`value` matches somewhere in the text", "regular expression"),
        AssertionType(
            "json-schema",
            "json",
            _SCHEMA,
            "the JSON output is valid against `value`",
            "JSON Schema",
        ),
        AssertionType(
            "is-json",
            "text",
            _SCHEMA,
            "the text is JSON, and valid against `value` if there is one",
            "JSON Schema, or nothing",
            optional=True,
        ),
        AssertionType(
            "contains-json",
            "text",
            _SCHEMA,
            "the text contains a JSON object, which is valid against `value` if there is one",
            "JSON Schema, or nothing",
            optional=True,
        ),
        AssertionType(
            "word-count", "text", _RANGE, "the text has this number of words", "number or `{min, max}`"
        ),
        AssertionType(
            "levenshtein",
            "text",
            _TEXT,
            "at most `threshold` characters (default: 5) are inserted, deleted or replaced between the text and `value`",
            "string",
            keys={
                "threshold": {
                    "type": "integer",
                    "minimum": 0,
                    "description": "How many characters may differ.",
                }
            },
        ),
        AssertionType(
            "length",
            "output",
            _RANGE,
            "the output has this number of characters, items or keys",
            "number or `{min, max}`",
        ),
        AssertionType(
            "cost",
            "measure",
            {**_AMOUNT, "description": "US dollars."},
            "the answer cost at most `threshold`",
            "US dollars",
            argument="threshold",
            replayable=False,
        ),
        AssertionType(
            "latency",
            "measure",
            {**_AMOUNT, "description": "Milliseconds."},
            "the answer took at most `threshold`",
            "milliseconds",
            argument="threshold",
            replayable=False,
        ),
        AssertionType(
            "finish-reason", "measure", _TEXT, "the provider's `finish_reason` is `value`", "string"
        ),
        AssertionType(
            "expr",
            "answer",
            _TEXT,
            "the expression is true for `output`, `text`, `vars` and `row`",
            "Jinja expression",
        ),
        AssertionType(
            "llm-rubric",
            "output",
            {**_TEXT, "description": "The criterion, in words."},
            "a judge finds that the answer meets the criterion `value`",
            "criterion in words",
            keys={"judge": _JUDGE},
            asks=True,
        ),
        AssertionType(
            "closed-qa",
            "output",
            {**_TEXT, "description": "The criterion, in words."},
            "a judge finds that the answer to the variables of the case meets the criterion `value`",
            "criterion in words",
            keys={"judge": _JUDGE},
            asks=True,
        ),
        AssertionType(
            "factuality",
            "output",
            {**_TEXT, "description": "The reference, which is true."},
            "a judge finds no contradiction to the facts in `value` or, with `allow`, one of these relations to them",
            "reference text",
            keys={
                "allow": {
                    "type": "array",
                    "minItems": 1,
                    "items": {"enum": [*RELATIONS]},
                    "description": "The relations of the answer's facts to the reference that pass.",
                },
                "judge": _JUDGE,
            },
            asks=True,
        ),
        AssertionType(
            "g-eval",
            "output",
            {**_TEXT, "description": "What is judged, in words."},
            "the score that a judge gives the answer for `value` is at least `threshold` (default: 0.7)",
            "criterion in words",
            keys={
                "threshold": {
                    "type": "number",
                    "minimum": 0,
                    "maximum": 1,
                    "description": "The lowest score that passes.",
                },
                "steps": {**_TEXTS, "description": "The steps in which it is judged."},
                "judge": _JUDGE,
            },
            asks=True,
        ),
        AssertionType(
            "similar",
            "output",
            {
                "type": ["string", "array"],
                "minLength": 1,
                "minItems": 1,
                "items": {"type": "string", "minLength": 1},
                "description": "A text, or a list of texts of which one has to be similar.",
            },
            "the embeddings of the answer and of `value`, or of one text in it, have a cosine of at least `threshold`",
            "string, or list of strings",
            keys={
                "threshold": {
                    "type": "number",
                    "minimum": 0,
                    "maximum": 1,
                    "description": "The lowest similarity that passes, with two decimals.",
                },
                "same": {
                    "type": "array",
                    "minItems": 1,
                    "uniqueItems": True,
                    "items": {"enum": ["numbers", "negation"]},
                    "description": "What must be the same in both texts, because embeddings do not see it. English only.",
                },
                "model": {**_TEXT, "description": "The embedding model."},
                "endpoint": {
                    **_TEXT,
                    "description": "The endpoint to ask; the default is that of the model.",
                },
                "dimensions": {"type": "integer", "minimum": 1, "description": "The length of the vectors."},
            },
            required=("threshold",),
            asks=True,
        ),
        AssertionType(
            "moderation",
            "text",
            {"type": "number", "minimum": 0, "maximum": 1, "description": "The highest score that passes."},
            "a moderation model does not flag the text or, with `threshold`, no category has a higher score",
            "score from 0 to 1, or nothing",
            argument="threshold",
            keys={
                "categories": {**_TEXTS, "description": "The categories that count; the default is all."},
                "of": {
                    "enum": ["output", "input"],
                    "description": "Whether the answer is checked (the default), or the variables of the case.",
                },
                "model": {
                    **_TEXT,
                    "description": "The moderation model; the default is omni-moderation-latest.",
                },
                "endpoint": {
                    **_TEXT,
                    "description": "The endpoint to ask; the default is that of the model.",
                },
            },
            optional=True,
            asks=True,
        ),
    )
}

COMMON_KEYS: Mapping[str, _JsonSchema] = {
    "metric": {
        "type": "string",
        "pattern": r"^[A-Za-z][\w -]*$",
        "maxLength": 60,
        "patternErrorMessage": "a metric is called by a letter, then letters, digits, spaces, _ and -",
        "description": "The named score that this assertion counts towards; it is reported, and gates can judge it.",
    },
    "weight": {
        "type": "number",
        "exclusiveMinimum": 0,
        "maximum": 1_000_000,
        "default": 1,
        "description": "How much this assertion counts in the score of an answer.",
    },
    "when": {
        "type": "string",
        "minLength": 1,
        "description": "A Jinja expression of output, text, vars and row. Where it is false, the assertion does not apply.",
    },
}
"""The keys that every type takes besides its own: when it applies, and how it counts in scores."""

_PATH: _JsonSchema = {
    "type": "string",
    "description": "JSONPath of the part of the output to check, e.g. $.items[0].sku.",
    "minLength": 1,
}


def assertion_type(written: str) -> tuple[AssertionType, bool] | None:
    """Return the type that is written as `written`, and whether it is negated; None if there is no such type."""
    plain = ASSERTION_TYPES.get(written)
    if plain is not None:
        return plain, False
    negated = ASSERTION_TYPES.get(written.removeprefix(_NEGATION))
    return (negated, True) if negated is not None and written in negated.names else None


def assertion_names() -> list[str]:
    """Return all values that `type` may have: the plain names, then the negated ones."""
    forms = [each.names for each in ASSERTION_TYPES.values()]
    return [names[0] for names in forms] + [name for names in forms for name in names[1:]]


def assertion_schema() -> dict[str, Json]:
    """Return the JSON Schema of one `assert` entry, with one branch for all types that take the same keys."""
    alike: list[tuple[dict[str, Json], list[Json], list[str]]] = []
    every: dict[str, Json] = {}
    for each in ASSERTION_TYPES.values():
        keys: dict[str, Json] = {"type": True, each.argument: dict(each.value)}
        keys |= {"path": dict(_PATH)} if each.takes_path else {}
        keys |= {name: dict(rule) for name, rule in {**each.keys, **COMMON_KEYS}.items()}
        every |= dict.fromkeys(keys, True)
        required: list[Json] = [*([] if each.optional else [each.argument]), *each.required]
        names = next((names for known, needed, names in alike if known == keys and needed == required), None)
        if names is None:
            alike.append((keys, required, names := []))
        names.extend(each.names)
    branches: list[Json] = [
        {
            "if": {"required": ["type"], "properties": {"type": {"enum": list(names)}}},
            "then": {"required": required, "properties": keys, "additionalProperties": False},
        }
        for keys, required, names in alike
    ]
    return {
        "type": "object",
        "description": "What must hold of the answer.",
        "required": ["type"],
        "properties": {
            "type": {
                "enum": list(assertion_names()),
                "description": "The type of check; the prefix not- negates it.",
            }
        },
        "if": {"required": ["type"]},
        "then": {"allOf": branches},
        "else": {"properties": every, "additionalProperties": False},
    }
