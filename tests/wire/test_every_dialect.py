"""The law of all wire formats: each declared key is written into the body, or refused at its path."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from runner.apis import APIS, DEFAULT_API
from runner.wire.dialect import Dialect, UntranslatableError, dialect_of
from runner.wire.request import encode

from .declared_requests import FIELDS, MESSAGES, TEXTS, paths, requests, without

_TEXT_ONLY = st.lists(
    st.fixed_dictionaries(
        {
            "role": st.just("user"),
            "content": st.one_of(
                TEXTS,
                st.lists(
                    st.fixed_dictionaries({"type": st.just("text"), "text": TEXTS}), min_size=1, max_size=2
                ),
            ),
        },
        optional={"name": st.none()},
    ),
    min_size=1,
    max_size=1,
)
_SOUND = st.fixed_dictionaries(
    {
        "type": st.just("input_audio"),
        "input_audio": st.fixed_dictionaries(
            {"data": st.sampled_from(["UklGRg==", "SUQzBA=="]), "format": st.sampled_from(["wav", "mp3"])}
        ),
    }
)
_SOUNDS = st.lists(
    st.fixed_dictionaries(
        {
            "role": st.just("user"),
            "content": st.builds(
                lambda texts, sound: [*texts, sound],
                st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": TEXTS}), max_size=2),
                _SOUND,
            ),
        }
    ),
    min_size=1,
    max_size=1,
)
_ANY = st.lists(MESSAGES, min_size=1, max_size=3)


class Written(NamedTuple):
    """The keys that a format can write, the messages that it often can, and the values that it leaves out.

    `silent` are paths, without indexes, of which a value is the same as none.
    """

    keys: Sequence[str]
    messages: st.SearchStrategy[Any] = _ANY
    silent: frozenset[tuple[str, ...]] = frozenset()


WRITTEN = {
    "responses": Written(
        [
            *("model", "temperature", "max_tokens", "reasoning_effort", "verbosity", "store", "metadata"),
            *("logprobs", "response_format", "tools", "tool_choice", "service_tier"),
        ]
    ),
    "messages": Written(
        [
            *(
                "model",
                "max_tokens",
                "max_tokens",
                "temperature",
                "top_p",
                "stop",
                "metadata",
                "service_tier",
            ),
            *("reasoning_effort", "response_format", "tools", "tool_choice", "parallel_tool_calls", "user"),
        ],
        silent=frozenset({("response_format", "json_schema", "name"), ("tools", "function", "parameters")}),
    ),
    "completions": Written(
        [
            *("model", "max_tokens", "temperature", "n", "stop", "logprobs", "top_logprobs", "logit_bias"),
            *("seed", "user", "response_format", "presence_penalty"),
        ],
        _TEXT_ONLY,
        silent=frozenset({("top_logprobs",)}),  # one is what it is without
    ),
    "images": Written(["model", "n", "user"], _TEXT_ONLY),
    "speech": Written(
        ["model", "audio", "audio", "audio"],
        st.builds(
            lambda how, said: [*how, *said],
            st.lists(
                st.fixed_dictionaries({"role": st.sampled_from(["system", "developer"]), "content": TEXTS}),
                max_size=2,
            ),
            _TEXT_ONLY,
        ),
        silent=frozenset({("messages", "role")}),  # a system message and a developer's say the same
    ),
    "transcriptions": Written(["model", "temperature", "logprobs"], _SOUNDS),
}


def test_every_format_is_tried() -> None:
    assert {*WRITTEN, DEFAULT_API} == APIS.keys()


@pytest.mark.slow
@pytest.mark.parametrize("api", WRITTEN)
def test_every_declared_key_stands_in_the_body_or_in_the_error(api: str) -> None:
    dialect, written = dialect_of(api), WRITTEN[api]

    @settings(max_examples=300, deadline=None)
    @given(requests(written.keys, messages=written.messages))
    def check(request: dict[str, Any]) -> None:
        everywhere = [path for path in paths(request) if path != ("messages",)]
        assume(everywhere)
        try:
            body = dialect.encode(request)
        except UntranslatableError as error:
            inner: Any = request
            for step in error.path:
                inner = inner[step]  # it is a path of the request
            return
        for path in everywhere:
            inner = request
            for step in path:
                inner = inner[step]
            if _says_nothing(path, inner, written.silent):
                continue
            try:
                other = dialect.encode(without(request, path))
            except UntranslatableError:
                continue
            assert other != body, f"{path} stands nowhere"

    check()


@pytest.mark.slow
@pytest.mark.parametrize("api", WRITTEN)
def test_requests_that_differ_in_their_messages_are_encoded_as_each_is_alone(api: str) -> None:
    dialect, written = dialect_of(api), WRITTEN[api]

    @settings(max_examples=50, deadline=None)
    @given(requests(written.keys, messages=written.messages), st.booleans())
    def check(request: dict[str, Any], backwards: bool) -> None:
        if backwards:
            request = dict(reversed(request.items()))
        try:
            alone = dialect.data(encode(request))
        except UntranslatableError:
            with pytest.raises(UntranslatableError):  # of several faults perhaps another one
                _shared(dialect, request)
            return
        assert _shared(dialect, request) == alone

    check()


def _shared(dialect: Dialect, request: dict[str, Any]) -> bytes:
    """Return the request as the encoder of requests that have other messages writes it."""
    encoder = dialect.encoder({**request, "messages": []})
    assert encoder is not None
    return encoder.of(request["messages"])


def test_a_chat_completion_is_sent_as_it_is_declared() -> None:
    assert dialect_of(DEFAULT_API).encoder({"model": "m", "messages": []}) is None


def _says_nothing(path: tuple[str | int, ...], value: Any, silent: frozenset[tuple[str, ...]]) -> bool:
    """Whether a key may be left out: it has the value that is sent without it, or is an optional key that is null."""
    key = path[-1]
    if (path, value) == (("store",), False) or key == "strict":
        return True
    if tuple(step for step in path if isinstance(step, str)) in silent:
        return True
    nested = path[0] == "messages" and value in (None, [])
    return nested or key == "type"  # a type that is missing is that of a function


@pytest.mark.parametrize("key", [key for key in FIELDS if key != "messages"])
@pytest.mark.parametrize("api", WRITTEN)
def test_every_field_of_the_format_is_written_or_refused(api: str, key: str) -> None:
    def encode(**request: Any) -> Any:
        needed: dict[str, dict[str, Any]] = {
            "messages": {} if key in ("max_tokens", "max_completion_tokens") else {"max_tokens": 9},
            "speech": {"audio": {"voice": "a", "format": "mp3"}},
        }
        return dialect_of(api).encode({**needed.get(api, {}), "messages": [], **request})

    value = {"tools": [], "messages": []}.get(key, "x")
    try:
        assert key in ("max_tokens", "max_completion_tokens") or encode(**{key: value}) != encode()
    except UntranslatableError as error:
        assert error.path[0] == key


_KEYS = st.sampled_from(
    [
        "choices",
        "data",
        "text",
        "output",
        "content",
        "error",
        "usage",
        "logprobs",
        "tokens",
        "token_logprobs",
        "top_logprobs",
        "b64_json",
        "url",
        "finish_reason",
        "stop_reason",
        "status",
        "type",
        "message",
        "index",
    ]
)
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-2, 9), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=4)),
    max_leaves=12,
)
_BODIES = st.one_of(st.binary(max_size=80), _JSON.map(lambda value: json.dumps(value).encode()))
_TYPES = st.sampled_from(
    ["", "application/json", "text/plain", "audio/mpeg", "text/event-stream", "text/html"]
)


@pytest.mark.slow
@pytest.mark.parametrize("api", APIS)
def test_whatever_is_received_nothing_is_raised_and_nothing_odd_passes(api: str) -> None:
    @settings(max_examples=200, deadline=None)
    @given(_BODIES, _TYPES, st.sampled_from([200, 201, 204, 400, 429, 500]), st.integers(1, 3))
    def check(body: bytes, kind: str, status: int, n: int) -> None:
        request: dict[str, Any] = {"n": n, "audio": {"voice": "a", "format": "mp3"}}
        reply = dialect_of(api).read_reply(status, {"content-type": kind}, body, request=request)
        if not 200 <= status < 300:
            assert all(answer.outcome != "ok" for answer in reply.answers)
        for answer in reply.answers:
            assert answer.outcome != "ok" or (answer.text or "").strip()
            assert all(medium.data for medium in answer.media)

    check()


@pytest.mark.slow
@pytest.mark.parametrize("api", [api for api in APIS if dialect_of(api).streams])
def test_whatever_a_stream_has_nothing_is_raised(api: str) -> None:
    @settings(max_examples=200, deadline=None)
    @given(st.lists(_JSON, max_size=4), st.booleans())
    def check(values: list[Any], done: bool) -> None:
        lines = [*map(json.dumps, values), *(["[DONE]"] if done else [])]
        body = "".join(f"data: {line}\n\n" for line in lines).encode()
        dialect_of(api).read_reply(200, {"content-type": "text/event-stream"}, body, request={})

    check()
