"""The formats' schemas, and what a violation is called."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from runner.documents.yaml_reader import parse_yaml
from runner.errors import FormatError, Problems
from runner.files.formats import MOST, schema, schema_text, validate, violations
from runner.files.violations import in_words, near, spell

MINIMAL = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}

WIRE_FIELDS = {
    "model", "temperature", "top_p", "n", "stop", "max_completion_tokens", "max_tokens", "presence_penalty",
    "frequency_penalty", "logit_bias", "logprobs", "top_logprobs", "seed", "user", "safety_identifier",
    "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "metadata", "store", "service_tier",
    "reasoning_effort", "verbosity", "modalities", "audio", "prediction", "response_format", "tools", "tool_choice",
    "parallel_tool_calls", "web_search_options", "moderation", "functions", "function_call", "messages",
}  # fmt: skip
OWN = {
    "name", "description", "tags", "authors", "inputs", "template", "assert", "tests", "regression", "matrix",
    "extra_body", "labels", "numbers", "sets",
}  # fmt: skip


def messages_of(value: object, name: str = "prompt", part: str | None = None) -> list[str]:
    return [
        f"{each.message} ({each.hint})" if each.hint else each.message
        for each in violations(value, name, part)
    ]


@pytest.mark.parametrize("name", ["prompt", "project", "pack", "lock"])
def test_the_schemas_are_schemas(name):
    Draft202012Validator.check_schema(json.loads(schema_text(name)))


def test_a_prompt_has_the_wire_fields_and_ours_and_no_others():
    assert set(schema("prompt")["properties"]) == WIRE_FIELDS | OWN


@pytest.mark.parametrize("name", ["prompt", "project", "pack", "lock"])
def test_no_schema_has_an_any_of_whose_messages_nobody_can_read(name):
    keywords = [
        key for key, value in walk(schema(name)) if key in {"anyOf", "oneOf"} and isinstance(value, list)
    ]
    assert keywords == []


_SAME_VALUE = ("then", "else", "allOf", "anyOf", "oneOf")


def described(whole, rules, place, found):
    """Fill `found` with (place, property) -> whether any schema of that place describes it; `if` only asks."""
    if isinstance(rules, list):
        for each in rules:
            described(whole, each, place, found)
    if not isinstance(rules, dict):
        return
    for key, of in rules.get("properties", {}).items():
        target = whole["$defs"][of["$ref"].rsplit("/", 1)[1]] if isinstance(of, dict) and "$ref" in of else of
        texts = [each.get("description") for each in (of, target) if isinstance(each, dict)]
        found[place, key] = found.get((place, key), False) or any(texts)
        described(whole, of, f"{place}.{key}", found)
    for keyword in _SAME_VALUE:
        described(whole, rules.get(keyword), place, found)
    for keyword in ("items", "additionalProperties"):
        described(whole, rules.get(keyword), f"{place}[]", found)


@pytest.mark.parametrize("name", ["prompt", "project", "pack"])
def test_every_key_of_an_author_is_explained_to_his_editor(name):
    whole, found = schema(name), {}
    described(whole, whole, name, found)
    for part, rules in whole["$defs"].items():
        described(whole, rules, part, found)
    assert [f"{place}.{key}" for (place, key), told in found.items() if not told] == []
    assert len(found) > 10


def walk(value):
    if isinstance(value, dict):
        for key, each in value.items():
            yield key, each
            yield from walk(each)
    elif isinstance(value, list):
        for each in value:
            yield from walk(each)


VALID_FIELDS = [
    {"temperature": 0}, {"temperature": None}, {"top_p": 1}, {"n": 128}, {"stop": "x"}, {"stop": ["a", "b"]},
    {"stop": None}, {"max_completion_tokens": 1}, {"max_tokens": 5}, {"presence_penalty": -2},
    {"frequency_penalty": 2}, {"logit_bias": {"50256": -100}}, {"logprobs": True, "top_logprobs": 20}, {"seed": 7},
    {"user": "u"}, {"safety_identifier": "u"}, {"prompt_cache_key": "k"}, {"prompt_cache_retention": "24h"},
    {"prompt_cache_options": {"mode": "explicit", "ttl": "30m"}}, {"metadata": {"a": "b"}}, {"store": True},
    {"service_tier": "flex"}, {"reasoning_effort": "minimal"}, {"verbosity": "low"},
    {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}},
    {"prediction": {"type": "content", "content": [{"type": "text", "text": "x"}]}},
    {"response_format": {"type": "text"}}, {"response_format": {"type": "json_object"}},
    {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}},
    {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}, "strict": True}}]},
    {"tools": [{"type": "custom", "custom": {"name": "f"}}]}, {"tool_choice": "auto"},
    {"tools": [{"function": {"name": "f", "parameters": None}}, {"type": "openrouter:web_search", "parameters": {}}]},
    {"tools": None, "tool_choice": None, "response_format": None, "model": None}, {"tool_choice": "any"},
    {"tool_choice": {"function": {"name": "f"}}}, {"service_tier": "on_demand"}, {"reasoning_effort": "default"},
    {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}},
    {"tool_choice": {"type": "function", "function": {"name": "f"}}}, {"parallel_tool_calls": False},
    {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function"}]}}},
    {"web_search_options": {}}, {"moderation": {}}, {"functions": [{"name": "f"}], "function_call": {"name": "f"}},
    {"x-note": {"any": "thing"}}, {"regression": {"samples": 3, "min_pass": "2/3", "rules": [{"path": "$.a"}]}},
    {"matrix": {"temperature": [0, 0.7], "stop": ["x", ["a", "b"]]}}, {"template": {"engine": "none"}},
    {"tests": [{"id": "a.b_c-1", "vars": {}, "outcome": "refused"}, {"file": "rows.csv"}]},
    {"assert": [{"type": "not-contains", "value": "x"}, {"type": "cost", "threshold": 0.1}]},
]  # fmt: skip


@pytest.mark.parametrize("fields", VALID_FIELDS, ids=lambda each: "-".join(each))
def test_what_the_wire_allows_is_allowed(fields):
    assert messages_of(MINIMAL | fields) == []


VALID_MESSAGES = [
    {"role": "developer", "content": "x"},
    {"role": "system", "content": [{"type": "text", "text": "x"}], "name": "n"},
    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u", "detail": "low"}}]},
    {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "d", "format": "wav"}}]},
    {"role": "user", "content": [{"type": "file", "file": {"filename": "a.pdf", "file_data": "a.pdf"}}]},
    {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
    {"role": "assistant", "content": None, "tool_calls": [
        {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
    {"role": "assistant", "tool_calls": [{"id": "1", "type": "custom", "custom": {"name": "f", "input": ""}}]},
    {"role": "tool", "tool_call_id": "1", "content": "x"},
    {"type": "placeholder", "name": "history", "allow_roles": ["system"]},
    {"role": "user", "name": None, "tool_calls": None, "content": [{"type": "text", "text": "x", "image_url": None}]},
    {"role": "assistant", "content": "{", "prefix": True, "partial": True},
    {"role": "assistant", "content": "42", "reasoning_content": "6 * 7", "reasoning": None, "reasoning_details": []},
    {"role": "assistant", "content": [], "tool_calls": [{"id": "1", "index": 0, "function": {"name": "f", "arguments": "{}"},
        "extra_content": {"google": {"thought_signature": "s"}}}]},
    {"role": "assistant", "content": "x", "tool_calls": [], "annotations": [{"type": "url_citation"}]},
    {"role": "tool", "tool_call_id": "1", "name": "f", "content": [{"type": "image_url", "image_url": "https://x.example/a.png"}]},
    {"role": "user", "content": [{"type": "video_url", "video_url": {"url": "u"}, "fps": 2}, {"type": "file", "file_id": "f"},
        {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}, {"type": "of tomorrow", "any": "thing"}]},
    {"role": "user", "content": "x", "extra": {"zzz": 1}},
]  # fmt: skip


@pytest.mark.parametrize("message", VALID_MESSAGES, ids=lambda each: each.get("role", "placeholder"))
def test_every_kind_of_message_is_allowed(message):
    assert messages_of({"messages": [message]}) == []


WRONG = [
    ({"temprature": 1}, 'unknown key "temprature" (did you mean "temperature"?)'),
    ({"modelParameters": {}}, 'unknown key "modelParameters" (write its entries at the top level under their wire names, e.g. temperature: 0)'),
    ({"maxTokens": 1}, 'unknown key "maxTokens" (did you mean "max_tokens"?)'),
    ({"topP": 1}, 'unknown key "topP" (did you mean "top_p"?)'),
    ({"responseFormat": "text"}, 'unknown key "responseFormat" (did you mean "response_format"?)'),
    ({"testData": []}, 'unknown key "testData" (did you mean "tests"?)'),
    ({"evaluators": []}, 'unknown key "evaluators" (did you mean "assert"?)'),
    ({"stop_sequences": []}, 'unknown key "stop_sequences" (did you mean "stop"?)'),
    ({"frequencyPenalty": 0}, 'unknown key "frequencyPenalty" (did you mean "frequency_penalty"?)'),
    ({"stream": True}, 'unknown key "stream" (it is an option of the run, not of the prompt: runner run --stream)'),
    ({"base_url": "u"}, 'unknown key "base_url" (it belongs to an endpoint in runner.yaml)'),
    ({"headers": {}}, 'unknown key "headers" (they belong to an endpoint in runner.yaml)'),
    ({"api_key": "sk-1"}, 'unknown key "api_key" (keys do not belong in files: name their environment variable in runner.yaml (api_key_env))'),
    ({"extends": "b"}, 'unknown key "extends" (the word is reserved for a later version of the format)'),
    ({"zzz": 1}, 'unknown key "zzz" (a field that only your provider knows goes under extra_body; notes for other tools begin with x-)'),
    ({"temperature": "0.2"}, 'temperature must be a number, not a string ("0.2") (write it without quotes: 0.2)'),
    ({"temperature": 3}, "temperature must be at most 2, not 3"),
    ({"temperature": True}, "temperature must be a number, not true"),
    ({"n": 0}, "n must be at least 1, not 0"),
    ({"stop": []}, "stop must not be empty"),
    ({"stop": list("abcde")}, "stop must have at most 4 entries, not 5"),
    ({"store": "true"}, 'store must be a boolean, not a string ("true") (write it without quotes: true)'),
    ({"model": 5}, 'model must be a string, not a number (5) (write it in quotes: "5")'),
    ({"metadata": {"a": 1}}, 'metadata.a must be a string, not a number (1) (write it in quotes: "1")'),
    ({"metadata": {"k" * 65: "v"}}, f'"{"k" * 65}" cannot be a key of metadata (a key must have at most 64 characters, not 65)'),
    ({"logit_bias": {"the": 1}}, '"the" cannot be a key of logit_bias (token ids are decimal digits)'),
    ({"service_tier": "fexl"}, 'service_tier must be "auto", "default", "flex", "scale", "priority", "fast", "on_demand", "performance", "standard" or "standard_only", not "fexl" (did you mean "flex"?)'),
    ({"modalities": ["text", "text"]}, "modalities must not have duplicate entries"),
    ({"tool_choice": "aut"}, 'tool_choice must be "none", "auto", "required" or "any", not "aut" (did you mean "auto"?)'),
    ({"response_format": "json_object"}, 'response_format must be an object, not a string ("json_object")'),
    ({"response_format": {"type": "json"}}, 'response_format.type must be "text", "json_object" or "json_schema", not "json"'),
    ({"response_format": {"type": "json_schema"}}, 'response_format needs "json_schema"'),
    ({"response_format": {"type": "json_object", "schema": {}}}, 'unknown key "schema" in response_format (known here: type)'),
    ({"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schemaFile": "x"}}}, 'unknown key "schemaFile" in response_format.json_schema (did you mean "schema_file"?)'),
    ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name is not valid: \"a b\" (a function's name has 1 to 64 characters: letters, digits, '_' and '-')"),
    ({"inputs": {"1a": {}}}, '"1a" cannot be a key of inputs (a variable\'s name consists of letters, digits, _ and -, and does not begin with a digit)'),
    ({"inputs": {"a": "string"}}, 'inputs.a must be an object, not a string ("string") (write the variable\'s JSON Schema, e.g. {type: string})'),
    ({"inputs": {"a": None}}, "inputs.a must be an object, not null (write the variable's JSON Schema, e.g. {type: string})"),
    ({"inputs": {"a": {"required": True}}}, "inputs.a.required must be a list, not true (a variable must be given unless it has a default: leave required out)"),
    ({"inputs": {"a": {"maxLenght": 3}}}, 'unknown key "maxLenght" in inputs.a (did you mean "maxLength"?)'),
    ({"inputs": {"a": {"propertyNames": 3}}}, "inputs.a.propertyNames must be an object or a boolean, not a number (3)"),
    ({"template": {"engine": "mustache"}}, 'template.engine must be "jinja2", "simple" or "none", not "mustache"'),
    ({"tests": [{"id": "Foo"}]}, "tests[0].id is not valid: \"Foo\" (an id consists of lower-case letters, digits, '.', '_' and '-', and begins with a letter or digit)"),
    ({"tests": [{"id": "foo\n"}]}, "tests[0].id is not valid: \"foo\\n\" (an id consists of lower-case letters, digits, '.', '_' and '-', and begins with a letter or digit)"),
    ({"tests": [{"id": "a" * 81}]}, "tests[0].id must have at most 80 characters, not 81"),
    ({"tests": [{"file": "a.csv", "tags": []}]}, 'unknown key "tags" in tests[0] (known here: file, id, group)'),
    ({"tests": [{"variables": {}}]}, 'unknown key "variables" in tests[0] (known here: id, vars, assert, outcome, tags, label, number, set, threshold, group, must_pass, description)'),
    ({"tests": [{"outcome": "refuse"}]}, 'tests[0].outcome must be "ok", "refused", "truncated", "filtered", "empty", "unparsable", "invalid", "tool_call" or "error", not "refuse" (did you mean "refused"?)'),
    ({"assert": [{"type": "equal"}]}, 'assert[0].type is not a known word: "equal" (did you mean "equals"?)'),
    ({"assert": [{"value": "x"}]}, 'assert[0] needs "type"'),
    ({"regression": {"min_pass": "most"}}, 'regression.min_pass is not valid: "most" (write a share such as 2/3)'),
    ({"regression": {"sampels": 1}}, 'unknown key "sampels" in regression (did you mean "samples"?)'),
    ({"matrix": {"messages": [[]]}}, 'unknown key "messages" in matrix'),
    ({"matrix": {"temperature": []}}, "matrix.temperature must not be empty"),
    ({"matrix": {"temperature": 0}}, "matrix.temperature must be a list, not a number (0)"),
    ({"matrix": {"temperature": [0, 9]}}, "matrix.temperature[1] must be at most 2, not 9"),
    ({"name": "a/b"}, 'name is not valid: "a/b" (it names a folder of snapshots: no / \\ : * ? " < > |, and no dot or space at either end)'),
    ({"tags": ["a", "a"]}, "tags must not have duplicate entries"),
    ({"messages": []}, "messages must not be empty"),
    ({"messages": "hi"}, 'messages must be a list, not a string ("hi")'),
    ({"messages": ["hi"]}, 'messages[0] must be an object, not a string ("hi")'),
    ({"messages": [{"content": "x"}]}, 'messages[0] needs "role"'),
    ({"messages": [{"role": "usr", "content": "x"}]}, 'messages[0].role must be "developer", "system", "user", "assistant", "tool" or "function", not "usr" (did you mean "user"?)'),
    ({"messages": [{"role": "user"}]}, 'messages[0] needs "content"'),
    ({"messages": [{"role": "user", "contents": "x"}]}, 'unknown key "contents" in messages[0] (did you mean "content"?)'),
    ({"messages": [{"role": "tool", "content": "x"}]}, 'messages[0] needs "tool_call_id"'),
    ({"messages": [{"role": "assistant"}]}, 'messages[0] needs "content"'),
    ({"messages": [{"role": "assistant", "content": None}]}, "messages[0].content must be a string or a list, not null (leave the key out, or give it a value)"),
    ({"messages": [{"role": "system", "content": [{"type": "image_url"}]}]}, 'messages[0].content[0] needs "image_url"'),
    ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": 5}]}]}, 'messages[0].content[0].image_url must be an object or a string, not a number (5) (write it in quotes: "5")'),
    ({"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "image_url": {"url": "u"}}]}]}, "messages[0].content[0].image_url is not allowed here (only a part of type image_url has image_url)"),
    ({"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "cache_controll": {}}]}]}, 'unknown key "cache_controll" in messages[0].content[0] (did you mean "cache_control"?)'),
    ({"messages": [{"role": "user", "content": "x", "zzz": 1}]}, 'unknown key "zzz" in messages[0] (a field that only your provider knows goes under extra: {zzz: ...})'),
    ({"messages": [{"role": "user", "contnet": "x"}]}, 'unknown key "contnet" in messages[0] (did you mean "content"?)'),
    ({"messages": [{"role": "user", "content": "x", "tool_calls": []}]}, "messages[0].tool_calls is not allowed here (only an assistant message has tool_calls)"),
    ({"messages": [{"role": "user", "content": "x", "extra": 1}]}, "messages[0].extra must be an object, not a number (1)"),
    ({"tools": [{"function": {"name": "f", "strickt": True}}]}, 'unknown key "strickt" in tools[0].function (did you mean "strict"?)'),
    ({"messages": [{"type": "placeholder"}]}, 'messages[0] needs "name"'),
    ({"messages": [{"type": "placeholdr", "name": "h"}]}, 'messages[0].type must be "placeholder", not "placeholdr" (did you mean "placeholder"?)'),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "message"), WRONG, ids=[message[:40] for _, message in WRONG])
def test_a_mistake_is_told_once_and_in_plain_words(fields, message):
    assert messages_of(MINIMAL | fields) == [message]


def test_a_misspelt_required_key_is_one_mistake():
    assert messages_of({"model": "m", "mesages": []}) == ['unknown key "mesages" (did you mean "messages"?)']


def test_an_empty_file_is_called_empty():
    assert messages_of(None) == ["the file is empty"]


def test_a_file_that_is_a_list_is_called_a_list():
    assert messages_of([]) == ["the file must be an object, not a list"]


def test_a_part_is_judged_with_the_references_of_the_whole():
    assert messages_of({"assert": [{"type": "equls"}]}, part="case") == [
        'assert[0].type is not a known word: "equls" (did you mean "equals"?)'
    ]


def test_positions_are_those_of_the_key_or_of_the_value():
    document = parse_yaml("model: m\ntemprature: 1\nmessages:\n  - role: usr\n    content: x\n", "p.yaml")
    with pytest.raises(Problems) as caught:
        validate(document, "prompt")
    assert [str(error.location) for error in caught.value.errors] == ["p.yaml:2:1", "p.yaml:4:11"]


def test_a_single_mistake_is_raised_as_itself():
    with pytest.raises(FormatError, match=r"p\.yaml:2:14: temperature must be a number"):
        validate(parse_yaml("messages: [{role: user, content: x}]\ntemperature: 'a'\n", "p.yaml"), "prompt")


@pytest.mark.parametrize(
    "endpoint",
    [
        {"api_key_env": "sk-verysecret"},
        {"headers": {"X-A": "verysecret\n"}},
        {"base_url": "ftp://u:verysecret@x"},
        {"api_key_env": 1234567},
    ],
    ids=["key", "header", "url", "number"],
)
def test_what_may_be_a_key_is_not_repeated_in_a_message(endpoint):
    (message,) = messages_of({"endpoints": {"e": endpoint}}, "project")
    assert "verysecret" not in message
    assert "1234567" not in message


def test_spell_writes_paths_as_authors_do():
    assert spell(("messages", 0, "content", 1, "text")) == "messages[0].content[1].text"


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("topP", 'did you mean "top_p"?'),
        ("stop-s", 'did you mean "stop_s"?'),
        ("icontain", 'did you mean "icontains"?'),
        ("qqq", None),
    ],
)
def test_near_suggests_what_resembles(word, hint):
    assert near(word, ["top_p", "stop_s", "icontains"]) == hint


def test_of_very_many_mistakes_the_first_are_told_and_that_there_may_be_more() -> None:
    text = "messages: [{role: user, content: x}]\n" + "".join(f"unknown{n}: 1\n" for n in range(1000))
    with pytest.raises(Problems) as caught:
        validate(parse_yaml(text, "a.prompt.yaml"), "prompt")
    assert len(caught.value.errors) == MOST + 1
    assert str(caught.value.errors[0]).startswith(f"a.prompt.yaml:1:1: the file has {MOST} or more errors")


@pytest.mark.parametrize(
    ("spec", "message", "hint"),
    [
        ({"type": "equal", "value": 1}, 'type is not a known word: "equal"', 'did you mean "equals"?'),
        (
            {"type": "not-contain", "value": "a"},
            'a known word: "not-contain"',
            'did you mean "not-contains"?',
        ),
        ({"type": "not-not-equals", "value": "a"}, "is not a known word", "did you mean"),
        ({"type": "zzz"}, "is not a known word", "known: equals, contains"),
        ({"type": 3}, 'must be "equals", "contains"', None),
        ({"value": 1}, 'needs "type"', None),
        ({"type": "equals"}, 'needs "value"', None),
        ({"type": "cost", "value": 1}, 'unknown key "value"', "known here: type, threshold"),
        ({"type": "cost", "value": 1}, 'needs "threshold"', None),
        ({"type": "latency", "threshold": -1}, "threshold must be at least 0, not -1", None),
        ({"type": "latency", "threshold": True}, "threshold must be a number, not true", None),
        (
            {"type": "cost", "threshold": 1, "path": "$.a"},
            'unknown key "path"',
            "known here: type, threshold",
        ),
        ({"type": "contains", "value": 42}, "value must be a string, not a number (42)", 'in quotes: "42"'),
        ({"type": "contains", "value": ""}, "value must not be empty", None),
        ({"type": "contains-any", "value": "a"}, 'value must be a list, not a string ("a")', None),
        ({"type": "contains-all", "value": []}, "value must not be empty", None),
        ({"type": "contains-all", "value": ["a", ""]}, "value[1] must not be empty", None),
        ({"type": "contains-all", "value": ["a", 3]}, "value[1] must be a string", 'in quotes: "3"'),
        ({"type": "equals", "value": 1, "path": 3}, "path must be a string", 'in quotes: "3"'),
        ({"type": "json-schema", "value": {}}, "value must not be empty", None),
        ({"type": "json-schema", "value": "a"}, "value must be", None),
        ({"type": "length", "value": -1}, "value must be at least 0, not -1", None),
        ({"type": "length", "value": {}}, "value must not be empty", None),
        ({"type": "length", "value": {"mim": 3}}, 'unknown key "mim" in value', "known here: min, max"),
        ({"type": "expr", "value": "text == ''", "path": "$.a"}, 'unknown key "path"', None),
    ],
)
def test_the_shape_of_an_assertion_is_that_of_its_type(spec, message, hint):
    found = [each for each in violations(spec, "prompt", "assertion") if message in each.message]
    assert found
    assert hint is None or hint in (found[0].hint or "")


words = (
    st.sampled_from(["equals", "not-cost", "contains", "number", "exact", "user", "text", "a"]) | st.none()
)
things = st.recursive(
    words | st.integers(-1, 2) | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["type", "value", "threshold", "path", "compare", "abs", "ignore", "role", "content"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=6,
)


@given(things, st.sampled_from(["assertion", "rule", "message", "part"]))
def test_our_if_judges_as_the_library_does(value, part):
    whole = dict(schema("prompt"))
    library = Draft202012Validator(whole).evolve(schema=whole["$defs"][part])
    expected = [each for error in library.iter_errors(value) for each in in_words(error)]
    told = violations(value, "prompt", part)
    assert bool(told) == bool(expected)
    assert {each.message for each in told} <= {each.message for each in expected}


BROKEN = {
    "model": 3,
    "messages": [
        {"role": "user"},
        {"role": "assistant", "content": [{"type": "text"}, {"type": "image_url", "image_url": 1}]},
    ],
    "tests": [
        {"id": "Not an id", "vars": []},
        {"id": "a", "assert": [{"type": "equals"}, {"type": "cost", "threshold": "x"}, {"zzz": 1}]},
        {"file": 1, "tags": [1, "ok"]},
    ],
    "inputs": {"n": 1},
}


@pytest.mark.parametrize(
    "broken", [BROKEN, {**BROKEN, "messages": []}, {**BROKEN, "tests": {}, "inputs": []}, [], None]
)
def test_validators_that_are_built_once_find_what_the_library_finds(broken: object) -> None:
    library = Draft202012Validator(schema("prompt")).iter_errors(broken)
    expected = list(dict.fromkeys(each for error in library for each in in_words(error)))
    assert expected
    assert violations(broken, "prompt") == expected
    assert violations(broken, "prompt") == expected
