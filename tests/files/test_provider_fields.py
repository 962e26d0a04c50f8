"""Fields that only some providers know: known ones as written, others under `extra`, merged where they stand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import Problems, RunnerError
from runner.files.disk.tree import MemoryTree
from runner.files.model import Prompt
from runner.files.prompt import load_prompt
from runner.files.provider_fields import known_types, merged_message

FILE = "p.prompt.yaml"
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def load(text: str, **options: Any) -> Prompt:
    return load_prompt(FILE, MemoryTree({FILE: text.encode()}), **options)


def refusal(text: str, **options: Any) -> list[str]:
    with pytest.raises(RunnerError) as caught:
        load(text, **options)
    errors = caught.value.errors if isinstance(caught.value, Problems) else [caught.value]
    return [str(error) for error in errors]


def message(text: str) -> str:
    return f"model: m\nmessages:\n  - {text}\n"


def tool(text: str) -> str:
    return f"model: m\nmessages: [{{role: user, content: x}}]\ntools:\n  - {text}\n"


MERGED = {
    "a message": (message("{role: user, extra: {a: 1, b: null}, content: x}"), "messages", [{"role": "user", "content": "x", "a": 1, "b": None}]),
    "a part": (message("{role: user, content: [{type: text, extra: {a: 1}, text: x}]}"), "messages", [{"role": "user", "content": [{"type": "text", "text": "x", "a": 1}]}]),
    "an image": (message("{role: user, content: [{type: image_url, image_url: {url: u, extra: {a: 1}}}]}"), "messages", [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u", "a": 1}}]}]),
    "a tool call and its function": (
        message("{role: assistant, tool_calls: [{id: c, type: function, extra: {a: 1}, function: {name: f, arguments: '', extra: {b: 2}}}]}"),
        "messages",
        [{"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "", "b": 2}, "a": 1}]}],
    ),
    "a tool and its function": (tool("{type: function, extra: {a: 1}, function: {name: f, extra: {b: {c: [1]}}}}"), "tools", [{"type": "function", "function": {"name": "f", "b": {"c": [1]}}, "a": 1}]),
    "a custom tool": (tool("{type: custom, custom: {name: f, extra: {b: 2}}}"), "tools", [{"type": "custom", "custom": {"name": "f", "b": 2}}]),
    "a field that is called extra": (message("{role: user, content: x, extra: {extra: {a: 1}}}"), "messages", [{"role": "user", "content": "x", "extra": {"a": 1}}]),
    "nothing": (message("{role: user, content: x, extra: {}}"), "messages", [{"role": "user", "content": "x"}]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "field", "sent"), MERGED.values(), ids=MERGED)
def test_extra_is_sent_in_the_object_it_stands_in_after_its_other_fields(
    text: str, field: str, sent: list[dict[str, Any]]
) -> None:
    assert json.dumps(load(text).request[field]) == json.dumps(sent)


def test_extra_of_a_tool_in_a_matrix_is_merged_as_well() -> None:
    text = (
        message("{role: user, content: x}")
        + "matrix: {tools: [[{function: {name: f}, extra: {a: 1}}], null]}\n"
    )
    assert load(text).matrix["tools"] == ([{"function": {"name": "f"}, "a": 1}], None)


def test_extra_in_a_schema_is_a_property_and_stays() -> None:
    parameters = "{type: object, properties: {extra: {type: object}}}"
    prompt = load(tool(f"{{type: function, function: {{name: f, parameters: {parameters}}}}}"))
    assert "extra" in prompt.request["tools"][0]["function"]["parameters"]["properties"]  # type: ignore[index,call-overload]


COLLISIONS = {
    "a key of the message": (message("{role: user, content: x, name: n, extra: {name: m}}"), f'{FILE}:3:47: messages[0].extra repeats "name" (keep one of them)'),
    "the content": (message("{role: assistant, tool_calls: [{id: c, type: function, function: {name: f, arguments: ''}}], extra: {content: x}}"), f'{FILE}:3:106: "content" is not allowed in messages[0].extra (write it next to extra: runner reads it itself)'),
    "a key of a part": (message("{role: user, content: [{type: text, text: x, extra: {text: y}}]}"), f'{FILE}:3:58: messages[0].content[0].extra repeats "text" (keep one of them)'),
    "a picture in a part": (message("{role: user, content: [{type: text, text: x, extra: {image_url: y}}]}"), f'{FILE}:3:58: "image_url" is not allowed in messages[0].content[0].extra (write it next to extra: runner reads it itself)'),
    "the parameters": (tool("{function: {name: f, extra: {parameters: {}}}}"), f'{FILE}:4:34: "parameters" is not allowed in tools[0].function.extra (write it next to extra: runner reads it itself)'),
}  # fmt: skip


@pytest.mark.parametrize(("text", "told"), COLLISIONS.values(), ids=COLLISIONS)
def test_extra_repeats_nothing_and_hides_nothing(text: str, told: str) -> None:
    assert refusal(text) == [told]


WARNED = {
    "a part": (message("{role: user, content: [{type: image_ulr, image_ulr: {url: u}}]}"), f'{FILE}:3:35: W005 messages[0].content[0].type is "image_ulr", which runner does not know; it is sent unchanged [warning] (did you mean "image_url"?)'),
    "a tool": (tool("{type: functoin, functoin: {}}"), f'{FILE}:4:12: W005 tools[0].type is "functoin", which runner does not know; it is sent unchanged [warning] (did you mean "function"?)'),
    "a picture for the system": (message("{role: system, content: [{type: image_url, image_url: {url: 'https://x.example/a.png'}}]}"), f"{FILE}:3:37: W005 messages[0].content[0] is image_url in a message of role system, where OpenAI does not accept it [warning] (some providers do; otherwise put it in a user message)"),
    "a choice": (tool("{function: {name: f}}") + "tool_choice: {type: functoin}\n", f'{FILE}:5:21: W005 tool_choice.type is "functoin", which runner does not know; it is sent unchanged [warning] (did you mean "function"?)'),
    "no model": ("model:\nmessages: [{role: user, content: x}]\n", f"{FILE}:1:7: W006 model is null, and null is sent [warning] (leave the key out to use the endpoint's model or --model)"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "told"), WARNED.values(), ids=WARNED)
def test_what_not_every_provider_knows_is_a_warning(text: str, told: str) -> None:
    (remark,) = load(text).warnings
    hint = f" ({remark.hint})" if remark.hint else ""
    assert f"{remark.location}: {remark.code} {remark.message} [{remark.severity}]{hint}" == told


@pytest.mark.parametrize("kind", ["openrouter:web_search", "web_search", "mcp", "builtin_function", "custom"])
def test_tools_that_a_provider_runs_are_known(kind: str) -> None:
    assert load(tool(f'{{type: "{kind}", custom: {{name: f}}}}')).warnings == ()


REFUSED_IN_PACKS = {
    "extra": (message("{role: user, content: x, extra: {a: 1}}"), f"{FILE}:3:30: extra is not allowed in a pack"),
    "extra of a tool": (tool("{function: {name: f, extra: {a: 1}}}"), f"{FILE}:4:26: extra is not allowed in a pack"),
    "caching": (message("{role: user, content: [{type: text, text: x, cache_control: {}}]}"), f"{FILE}:3:50: cache_control is not allowed in a pack: it decides how the account caches"),
    "caching of a tool": (tool("{function: {name: f}, cache_control: {}}"), f"{FILE}:4:27: cache_control is not allowed in a pack"),
    "a tool of the provider's": (tool("{type: 'openrouter:web_search'}"), f'{FILE}:4:12: a tool of type "openrouter:web_search" is not allowed in a pack: the provider runs it, which costs money and can leak data'),
    "such a tool in a matrix": (message("{role: user, content: x}") + "matrix: {tools: [[{type: mcp, server_url: 'https://x.example'}]]}\n", f'{FILE}:4:26: a tool of type "mcp" is not allowed in a pack'),
    "a part of no known type": (message("{role: user, content: [{type: fetch, from: x}]}"), f'{FILE}:3:35: a part of type "fetch" is not allowed in a pack'),
    "a video": (message("{role: user, content: [{type: video_url, video_url: {url: 'https://x.example/v'}}]}"), f"{FILE}:3:63: a prompt of a pack must not name a URL of its own"),
    "a document": (message("{role: user, content: [{type: document_url, document_url: 'https://x.example/d'}]}"), f"{FILE}:3:63: a prompt of a pack must not name a URL of its own"),
    "a picture without its object": (message("{role: user, content: [{type: image_url, image_url: 'https://x.example/i'}]}"), f"{FILE}:3:57: a prompt of a pack must not name a URL of its own"),
    "a picture beside the content": (message("{role: user, content: x, images: ['https://x.example/i']}"), f"{FILE}:3:39: a prompt of a pack must not name a URL of its own"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "told"), REFUSED_IN_PACKS.values(), ids=REFUSED_IN_PACKS)
def test_a_pack_says_nothing_that_reaches_past_the_question(text: str, told: str) -> None:
    (said,) = refusal(text, in_pack=True)
    assert said.startswith(told)
    load(text)


def test_a_pack_may_hold_a_conversation_with_what_the_model_thought() -> None:
    text = message("{role: assistant, content: '42', reasoning_content: see https://x.example, prefix: true}")
    load(text, in_pack=True)


def test_the_types_of_parts_are_those_of_the_format() -> None:
    assert {"text", "image_url", "input_audio", "file", "video_url"} <= set(known_types("part"))


_values = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from(["a", "extra", "text"]), inner, max_size=3),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(["role", "content", "name", "a", "extra"]), _values))
def test_merging_keeps_every_value_and_changes_nothing_given(given_: dict[str, Any]) -> None:
    before = json.dumps(given_)
    sent = merged_message(given_)
    assert json.dumps(given_) == before
    own = {key: value for key, value in given_.items() if key != "extra"}
    extra = given_.get("extra")
    assert sent == ({**own, **extra} if isinstance(extra, dict) else given_)
