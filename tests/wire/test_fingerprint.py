"""A fingerprint changes with the question, and with nothing else."""

from __future__ import annotations

import copy
import math
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.canonical import canonical
from runner.errors import Location
from runner.files.versions import NewerFormatError
from runner.wire.fingerprint import NOT_COUNTED, Fingerprinter, parts, refuse_newer, version_of

BODY: dict[str, Any] = {
    "model": "m",
    "temperature": 0,
    "messages": [{"role": "user", "content": "hi"}],
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
}


def fingerprint(body: dict[str, Any]) -> str:
    messages = body.get("messages", [])
    return Fingerprinter({**body, "messages": []}).of(messages)


def test_form() -> None:
    # RFC 8785 has the keys in order.
    form = b'{"body":{"messages":[],"model":"m"},"v":1}'
    assert fingerprint({"model": "m"}) == "sha256:" + sha256(form).hexdigest()


scalars = st.none() | st.booleans() | st.integers(-100, 100) | st.text(max_size=5)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2), max_leaves=4)  # fmt: skip
counted_keys = st.text(min_size=1, max_size=8).filter(lambda key: key not in {*NOT_COUNTED, "messages"})


@given(counted_keys, values, values)
def test_any_counted_key_counts(key: str, one: Any, other: Any) -> None:
    absent = {name: value for name, value in BODY.items() if name != key}
    assert fingerprint({**absent, key: one}) != fingerprint(absent)
    same = one == other and str(one) == str(other)  # str: True is not 1
    assert (fingerprint({**absent, key: one}) == fingerprint({**absent, key: other})) == same


def test_what_does_not_count_is_this_and_nothing_more() -> None:
    """One key less, and every snapshot of a prompt that has it goes stale; one more, and a change goes unnoticed."""
    assert sorted(NOT_COUNTED) == [
        "metadata",
        "n",
        "prompt_cache_key",
        "safety_identifier",
        "service_tier",
        "store",
        "stream",
        "stream_options",
        "user",
    ]


@given(st.sampled_from(sorted(NOT_COUNTED)), values)
def test_no_other_key_does(key: str, value: Any) -> None:
    assert fingerprint({**BODY, key: value}) == fingerprint(BODY)
    assert parts({**BODY, key: value}) == parts(BODY)


def test_a_key_of_the_list_counts_below_the_top() -> None:
    assert fingerprint({"metadata": 1, "a": {"metadata": 1}}) != fingerprint({"a": {"metadata": 2}})


def test_order_and_spelling_of_numbers_do_not_count() -> None:
    assert fingerprint({"a": 1, "b": 0.5}) == fingerprint({"b": 0.50, "a": 1.0})


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"messages": []}, "messages"),
        ({"temperature": 1}, "params"),
        ({"top_k": 1}, "params"),
        ({"model": "other"}, "params"),
        ({"tools": []}, "schema"),
        ({"response_format": {"type": "json_object"}}, "schema"),
    ],
)
def test_parts_tell_what_changed(changed: dict[str, Any], part: str) -> None:
    before, after = parts(BODY), parts({**BODY, **changed})
    assert [name for name in before if before[name] != after[name]] == [part]


def test_parts_are_those_that_stand_in_snapshots() -> None:
    """Another form would say of every snapshot that exists that all of it changed."""
    whole = {
        "messages": b'{"messages":[{"content":"hi","role":"user"}]}',
        "params": b'{"model":"m","temperature":0}',
        "schema": b'{"response_format":{"json_schema":{"name":"n","schema":{"type":"object"}},"type":"json_schema"}}',
    }
    assert parts(BODY) == {name: sha256(text).hexdigest()[:8] for name, text in whole.items()}


def test_the_wire_format_is_part_of_the_params_unless_it_is_chat_completions() -> None:
    named = b'{"api":"toy","body":{"model":"m","temperature":0}}'
    assert parts(BODY, api="toy") == {**parts(BODY), "params": sha256(named).hexdigest()[:8]}


def test_a_body_of_another_wire_format_is_hashed_with_its_name() -> None:
    form = b'{"api":"toy","body":{"messages":[],"model":"m"},"v":1}'
    assert Fingerprinter({"model": "m"}, api="toy").of([]) == "sha256:" + sha256(form).hexdigest()


def test_parts_are_eight_hex_digits() -> None:
    assert all(len(digest) == 8 and int(digest, 16) >= 0 for digest in parts(BODY).values())
    assert list(parts({})) == ["messages", "params", "schema"]


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}
AUDIO = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
FILE = {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}}


def of_part(part: dict[str, Any]) -> str:
    return fingerprint({"messages": [{"role": "user", "content": [{"type": "text", "text": "see"}, part]}]})


@pytest.mark.parametrize("part", [IMAGE, AUDIO, FILE])
def test_every_byte_of_a_medium_counts(part: dict[str, Any]) -> None:
    changed = copy.deepcopy(part)
    holder = changed[changed["type"]]
    name = next(key for key in holder if "AAAA" in holder[key])
    holder[name] = holder[name].replace("AAAA", "AAAB")
    assert of_part(part) != of_part(changed)


@pytest.mark.parametrize(
    ("part", "name", "text"),
    [
        (IMAGE, "url", "data:image/png;base64,AAAA"),
        (AUDIO, "data", "AAAA"),
        (FILE, "file_data", "data:application/pdf;base64,AAAA"),
    ],
)
def test_a_medium_is_hashed_by_its_digest_and_what_stands_beside_it_counts(
    part: dict[str, Any], name: str, text: str
) -> None:
    kind = part["type"]
    assert of_part(part) == of_part(
        {**part, kind: {**part[kind], name: {"$sha256": sha256(text.encode()).hexdigest()}}}
    )
    assert of_part(part) != of_part({**part, kind: {**part[kind], "detail": "high"}})


@pytest.mark.parametrize("of", [list, tuple], ids=["a list", "a tuple"])
@pytest.mark.parametrize(("part", "name"), [(IMAGE, "url"), (AUDIO, "data"), (FILE, "file_data")])
def test_parts_hash_a_medium_by_its_digest_too(part: dict[str, Any], name: str, of: Any) -> None:
    kind = part["type"]
    digest = {"$sha256": sha256(part[kind][name].encode()).hexdigest()}
    digested = {**part, kind: {**part[kind], name: digest}}
    whole, short = (
        parts({"messages": of([{"role": "user", "content": of([each])}])}) for each in (part, digested)
    )
    assert whole == short


def test_a_web_address_counts_as_it_is() -> None:
    assert of_part({"type": "image_url", "image_url": {"url": "https://a/1"}}) != of_part(
        {"type": "image_url", "image_url": {"url": "https://a/2"}}
    )


def test_what_has_no_canonical_form_has_no_fingerprint() -> None:
    with pytest.raises(ValueError, match=r"\$\.body\.seed"):
        fingerprint({"seed": math.nan})


JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text(), JSON_VALUES, max_size=4),
    st.lists(st.fixed_dictionaries({"role": st.just("user"), "content": st.text()}), max_size=3),
)
def test_the_form_put_together_from_its_parts_is_the_whole_ones(
    fields: dict[str, Any], messages: list[dict[str, Any]]
) -> None:
    counted = {key: value for key, value in fields.items() if key not in NOT_COUNTED}
    whole = canonical({"v": 1, "body": {**counted, "messages": messages}})
    assert Fingerprinter({**fields, "messages": []}).of(messages) == f"sha256:{sha256(whole).hexdigest()}"


def test_integers_that_differ_where_floats_do_not_are_different_questions() -> None:
    assert fingerprint({"seed": 2**60}) != fingerprint({"seed": 2**60 + 1})


DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("stored", "version"),
    [
        (DIGEST, 1),
        (f"v2:{DIGEST}", 2),
        (f"v9:{DIGEST}", 9),
        (f"v10:{DIGEST}", 10),
        (f"v123:{DIGEST}", 123),
        (f"v1:{DIGEST}", None),
        (f"v0:{DIGEST}", None),
        (f"v02:{DIGEST}", None),
        (f"v:{DIGEST}", None),
        (f"2:{DIGEST}", None),
        (f"{DIGEST}0", None),
        (f"{DIGEST}\n", None),
        (DIGEST[:-1], None),
        (DIGEST.upper(), None),
        (DIGEST.removeprefix("sha256:"), None),
        ("", None),
    ],
)
def test_a_stored_fingerprint_says_its_version(stored: str, version: int | None) -> None:
    assert version_of(stored) == version


def refuse(stored: dict[str, Any]) -> None:
    refuse_newer(stored, "request", "this snapshot's fingerprint", lambda: Location("a.snap.yaml", 3, 10))


def test_the_fingerprint_of_a_newer_runner_is_refused_where_it_is() -> None:
    with pytest.raises(NewerFormatError) as refused:
        refuse({"request": f"v2:{DIGEST}"})
    assert refused.value.location == Location("a.snap.yaml", 3, 10)
    assert "this snapshot's fingerprint" in refused.value.message


@pytest.mark.parametrize("stored", [{}, {"request": DIGEST}, {"request": 2}, {"request": "v2"}, {"other": f"v2:{DIGEST}"}])  # fmt: skip
def test_what_is_no_fingerprint_of_a_newer_runner_is_not_refused_as_one(stored: dict[str, Any]) -> None:
    refuse(stored)
