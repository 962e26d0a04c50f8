"""Declared requests in every shape that the format of prompts has, for the laws that all wire formats keep."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

from runner.files.formats import schema
from runner.files.prompt import OWN_KEYS

FIELDS = sorted(schema("prompt")["properties"].keys() - OWN_KEYS)
TEXTS = st.text("abc", min_size=1, max_size=3)
NUMBERS = st.integers(1, 9)


def of(rules: Any, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values in the shape of one of the format's definitions; what conditions say stands in PLACES."""
    if "$ref" in rules:
        return of(schema("prompt")["$defs"][rules["$ref"].rpartition("/")[2]], depth)
    if "const" in rules or "enum" in rules:
        return st.sampled_from([rules["const"]] if "const" in rules else rules["enum"])
    kinds = rules.get("type", ["string", "object"])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    found: list[st.SearchStrategy[Any]] = []
    for kind in kinds:
        if kind == "object" and "properties" in rules:
            keys = {key: of(each, depth + 1) for key, each in rules["properties"].items() if each is not True}
            found.append(st.fixed_dictionaries({}, optional=keys))
        elif kind == "object":
            found.append(st.dictionaries(TEXTS, TEXTS, min_size=1, max_size=2))
        elif kind == "array":
            inner = of(rules["items"], depth + 1) if "items" in rules else TEXTS
            found.append(st.lists(inner, min_size=1, max_size=2))
        else:
            found.append({"string": TEXTS, "boolean": st.booleans(), "null": st.none()}.get(kind, NUMBERS))
    return st.one_of(found)


def shaped(place: str, **given_: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object with these keys, and a few others that the format has for it."""
    rules = schema("prompt")["$defs"][place]
    known = rules.get("then", rules)["properties"]
    others = {
        key: TEXTS
        for key in known
        if key not in (*given_, "type", "extra", "function", "custom", "tool_calls")
    }
    return st.builds(
        lambda fixed, more: {**fixed, **more},
        st.fixed_dictionaries(given_),
        st.dictionaries(st.sampled_from(sorted(others)), TEXTS, max_size=1),
    )


CALLED = st.fixed_dictionaries({"name": TEXTS, "arguments": TEXTS}, optional={"x_own": TEXTS})
CALLS = st.one_of(
    shaped("toolCall", id=TEXTS, type=st.just("function"), function=CALLED),
    shaped(
        "toolCall",
        id=TEXTS,
        type=st.just("custom"),
        custom=st.fixed_dictionaries({"name": TEXTS, "input": TEXTS}),
    ),
    st.fixed_dictionaries({"type": st.just("of_the_provider"), "x_own": TEXTS}),
)
KINDS = schema("prompt")["$defs"]["part"]["properties"]["type"]["examples"]
PARTS = st.sampled_from(["text", "refusal", "image_url", "file", *KINDS]).flatmap(
    lambda kind: shaped(
        "knownPart",
        type=st.just(kind),
        **{
            kind: {
                "image_url": st.one_of(
                    TEXTS, st.fixed_dictionaries({"url": TEXTS}, optional={"detail": TEXTS, "x_own": TEXTS})
                ),
                "file": st.dictionaries(
                    st.sampled_from(["file_id", "filename", "file_data", "format", "x_own"]),
                    TEXTS,
                    min_size=1,
                ),
            }.get(kind, TEXTS)
        },
    )
)
CONTENT = st.one_of(TEXTS, st.lists(PARTS, min_size=1, max_size=2))
MESSAGES = st.one_of(
    shaped("wireMessage", role=st.sampled_from(["system", "developer", "user"]), content=CONTENT),
    shaped("wireMessage", role=st.just("assistant"), content=CONTENT),
    shaped("wireMessage", role=st.just("assistant"), content=CONTENT, refusal=TEXTS),
    shaped(
        "wireMessage",
        role=st.just("assistant"),
        content=st.one_of(st.none(), TEXTS),
        tool_calls=st.lists(CALLS, min_size=1, max_size=2),
    ),
    shaped("wireMessage", role=st.just("tool"), content=CONTENT, tool_call_id=TEXTS),
)
TOOLS = st.one_of(
    shaped("tool", type=st.just("function"), function=shaped("function", name=TEXTS)),
    shaped(
        "tool",
        type=st.just("custom"),
        custom=st.fixed_dictionaries({"name": TEXTS}, optional={"description": TEXTS, "format": of({})}),
    ),
    st.fixed_dictionaries({"type": st.just("web_search"), "x_own": TEXTS}),
)
NAMED = st.sampled_from(["function", "custom"]).flatmap(
    lambda kind: st.fixed_dictionaries({"type": st.just(kind), kind: st.fixed_dictionaries({"name": TEXTS})})
)
PLACES = {
    "messages": st.lists(MESSAGES, min_size=1, max_size=3),
    "tools": st.lists(TOOLS, min_size=1, max_size=2),
    "tool_choice": st.one_of(
        st.sampled_from(["none", "auto", "required", "any"]),
        NAMED,
        st.fixed_dictionaries(
            {
                "type": st.just("allowed_tools"),
                "allowed_tools": st.fixed_dictionaries({"mode": TEXTS, "tools": st.lists(NAMED, min_size=1)}),
            }
        ),
    ),
    "response_format": st.one_of(
        st.sampled_from([{"type": "text"}, {"type": "json_object"}]),
        st.fixed_dictionaries(
            {
                "type": st.just("json_schema"),
                "json_schema": of({"$ref": "#/$defs/jsonSchemaFormat"}),
            }
        ),
    ),
}

VALUES = {key: of(schema("prompt")["properties"][key]) for key in FIELDS if key not in PLACES} | PLACES


def requests(writable: Sequence[str], **places: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any request, or one with some of the keys that a format can write; `places` are more likely values of keys."""
    values = {key: st.one_of(VALUES[key], places.get(key, VALUES[key])) for key in FIELDS}
    return st.one_of(
        st.lists(st.sampled_from(FIELDS), unique=True, max_size=4).map(lambda keys: (keys, VALUES)),
        st.lists(st.sampled_from([*writable]), unique=True, min_size=1, max_size=6).map(
            lambda keys: (keys, {**values, **places})
        ),
    ).flatmap(
        lambda chosen: st.fixed_dictionaries(
            {key: chosen[1][key] for key in dict.fromkeys(["messages", *chosen[0]])},
            optional={"x_own": TEXTS},
        )
    )


def paths(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of each key of each object in a value."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield (*at, key)
            yield from paths(each, (*at, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from paths(each, (*at, index))


def without(value: Any, path: tuple[str | int, ...]) -> Any:
    changed = copy.deepcopy(value)
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    return changed
