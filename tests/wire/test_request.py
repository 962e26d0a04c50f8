"""The body is what was declared: same keys, same order, nothing more."""

from __future__ import annotations

import json
import math
import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.values import JsonObject
from runner.wire.request import Encoder, as_curl, build_body, encode, with_stream

MESSAGES = [{"role": "user", "content": "hi"}]


def test_keys_stand_in_the_authors_order_with_the_messages_where_the_author_put_them() -> None:
    body = build_body({"model": "m", "messages": ["a template"], "temperature": 0}, MESSAGES, {"top_k": 3})
    assert list(body.items()) == [("model", "m"), ("messages", MESSAGES), ("temperature", 0), ("top_k", 3)]


def test_an_override_replaces_in_place_and_a_new_one_follows() -> None:
    body = build_body({"model": "m", "messages": []}, MESSAGES, {"top_k": 3}, {"seed": 7, "model": "other"})
    assert list(body.items()) == [("model", "other"), ("messages", MESSAGES), ("seed", 7), ("top_k", 3)]


def test_null_stays_null() -> None:
    assert build_body({"model": "m", "messages": [], "stop": None}, MESSAGES, {})["stop"] is None


def test_declared_values_are_not_changed() -> None:
    request = {"model": "m", "messages": ["a template"]}
    build_body(request, MESSAGES, {"top_k": 3}, {"model": "other"})
    assert request == {"model": "m", "messages": ["a template"]}


@pytest.mark.parametrize("key", ["model", "messages", "seed"])
def test_extra_body_may_not_repeat_a_key(key: str) -> None:
    with pytest.raises(ValueError, match=f"extra_body repeats '{key}'"):
        build_body({"model": "m", "messages": []}, MESSAGES, {key: 1}, {"seed": 7})


def test_overrides_may_not_replace_the_messages() -> None:
    with pytest.raises(ValueError, match="messages come from the prompt's templates"):
        build_body({"model": "m", "messages": []}, MESSAGES, {}, {"messages": []})


def test_encoded_body_is_compact_utf8_in_order() -> None:
    assert (
        encode({"b": "é\u2028😀", "a": [1, 0.5, None, True]})
        == '{"b":"é\u2028😀","a":[1,0.5,null,true]}'.encode()
    )


@pytest.mark.parametrize(
    ("value", "path"), [(math.nan, r"\$\.a\[0\]"), (math.inf, r"\$\.a\[0\]"), ("\ud83d", r"\$\.a\[0\]")]
)
def test_what_json_cannot_carry_is_refused_with_its_path(value: float | str, path: str) -> None:
    with pytest.raises(ValueError, match=path):
        encode({"a": [value]})


def test_a_stream_is_asked_for_with_its_usage() -> None:
    assert with_stream({"model": "m"}) == {
        "model": "m",
        "stream": True,
        "stream_options": {"include_usage": True},
    }


@pytest.mark.parametrize(
    "declared", [{"stream": False}, {"stream": True, "stream_options": {"include_usage": False}}]
)
def test_what_is_declared_about_streams_is_kept(declared: dict[str, object]) -> None:
    assert with_stream(declared) == declared  # type: ignore[arg-type]  # JSON by construction


def run_by_a_shell(command: str) -> list[str]:
    """The arguments that curl would get, from a real shell in which curl is a function that prints them."""
    script = 'curl() { for a in "$@"; do printf "%s\\0" "$a"; done; }; ' + command
    environment = {"OPENAI_API_KEY": "from-the-environment", "GROQ_KEY": "groq's", "PATH": "/usr/bin:/bin"}
    printed = subprocess.run(
        ["/bin/sh", "-c", script], env=environment, capture_output=True, check=True
    ).stdout
    return printed.decode().split("\0")[:-1]


def test_curl_command_survives_a_shell_with_every_kind_of_text() -> None:
    body: JsonObject = {
        "messages": [{"role": "user", "content": 'it\'s "$HOME" `id` \\ \n !x é'}],
        "model": "m",
    }
    arguments = run_by_a_shell(
        as_curl("https://x.example/v1/chat/completions?a=1&b=2", {"X-Team": "o'b $HOME"}, body)
    )
    assert arguments[:3] == ["https://x.example/v1/chat/completions?a=1&b=2", "-H", "X-Team: o'b $HOME"]
    assert arguments[3] == "--data-raw"
    assert json.loads(arguments[4]) == body


@pytest.mark.parametrize(
    ("header", "sent"),
    [
        (("Authorization", "Bearer secret-value-1"), "Authorization: Bearer from-the-environment"),
        (("api-key", "secret-value-1"), "api-key: from-the-environment"),
        (("Authorization", "Bearer $GROQ_KEY"), "Authorization: Bearer groq's"),
    ],
)
def test_curl_command_refers_to_the_key_by_its_variable(header: tuple[str, str], sent: str) -> None:
    command = as_curl("https://x.example", dict([header]), {"model": "m"})
    assert "secret-value-1" not in command
    assert sent in run_by_a_shell(command)


def test_curl_command_masks_a_key_in_any_other_header() -> None:
    command = as_curl("https://x.example", {"X-Upstream": "sk-abcdefghijklmnop1234"}, {"model": "m"})
    assert "X-Upstream: [key]" in shlex.split(command.replace("\\\n", ""))


def test_curl_command_is_readable_over_several_lines() -> None:
    command = as_curl("https://x.example", {"Accept": "application/json"}, {"model": "m"})
    assert command.splitlines() == [
        "curl https://x.example \\",
        "  -H 'Accept: application/json' \\",
        "  --data-raw '{",
        '  "model": "m"',
        "}'",
    ]


TEXT = st.text(max_size=10)
MESSAGE = st.fixed_dictionaries(
    {"role": TEXT, "content": TEXT | st.lists(st.fixed_dictionaries({"text": TEXT}))}
)


@given(
    st.dictionaries(st.sampled_from(["model", "é", "n"]), TEXT | st.floats(allow_nan=False, allow_infinity=False)),
    st.dictionaries(st.sampled_from(["temperature", "tools"]), st.integers() | st.lists(TEXT)),
    st.lists(MESSAGE, max_size=3),
)  # fmt: skip
def test_an_encoder_writes_the_bytes_that_encode_writes(before, after, messages):
    skeleton = {**before, "messages": [], **after}
    assert Encoder(skeleton).of(messages) == encode({**skeleton, "messages": messages})


@pytest.mark.parametrize("culprit", ["\ud800", float("nan"), float("inf")])
def test_an_encoder_refuses_what_encode_refuses_in_the_same_words(culprit):
    messages = [{"role": "user", "content": [{"type": "text", "text": culprit}]}]
    with pytest.raises(ValueError, match=r"\$\.messages\[0\]\.content\[0\]\.text") as told:
        Encoder({"model": "m", "messages": []}).of(messages)
    with pytest.raises(ValueError, match=r"\$\.messages") as expected:
        encode({"model": "m", "messages": messages})
    assert str(told.value) == str(expected.value)


def test_an_encoder_of_what_is_not_json_is_refused_when_it_is_built():
    with pytest.raises(ValueError, match=r"\$\.temperature"):
        Encoder({"temperature": float("nan"), "messages": []})
