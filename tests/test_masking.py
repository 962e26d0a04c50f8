"""Keys are masked where shown and found where written; ordinary text is left alone."""

from __future__ import annotations

import time

import pytest

from runner.masking import find_secret, mask

KEYS = {
    "openai": "sk-proj-AbC0" + "x9" * 20,
    "openai, old": "sk-" + "a1" * 24,
    "anthropic": "sk-ant-api03-" + "Zz9_" * 10,
    "groq": "gsk_" + "a1B2" * 8,
    "hugging face": "hf_" + "aB" * 17,
    "google": "AIza" + "a" * 35,
    "github": "ghp_" + "a1" * 18,
    "github, fine": "github_pat_" + "a1_" * 12,
    "aws": "AKIA" + "ABCD" * 4,
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
    "pem": "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----",
    "pem, cut": "-----BEGIN PRIVATE KEY-----\nMIIE",
}


@pytest.mark.parametrize("key", KEYS.values(), ids=list(KEYS))
def test_known_shapes_are_masked_and_found(key: str) -> None:
    assert mask(f"before {key}") == "before [key]"
    assert find_secret(f"before {key}") is not None


@pytest.mark.parametrize("key", KEYS.values(), ids=list(KEYS))
def test_the_name_of_what_is_found_does_not_hold_it(key: str) -> None:
    assert key not in (find_secret(key) or "")


def test_bearer_token_is_masked_and_its_scheme_stays() -> None:
    assert mask("Authorization: Bearer abc123def456") == "Authorization: Bearer [key]"
    assert find_secret("Bearer abc123def456") == "a bearer token"


@pytest.mark.parametrize(
    ("echo", "masked"),
    [
        ("Incorrect API key provided: sk-proj-****abcd. Find", "Incorrect API key provided: [key]. Find"),
        ("Incorrect API key provided: my-own-key. Find", "Incorrect API key provided: [key]. Find"),
        ("Your api key: ****abcd is invalid", "Your api key: [key] is invalid"),
    ],
)
def test_providers_echo_is_masked(echo: str, masked: str) -> None:
    assert mask(echo) == masked


@pytest.mark.parametrize(
    "text",
    [
        "the task-force of scikit: sk-learn",
        "Bearer authentication is used; the bearer certificates expire",
        "a risk-averse-investor-portfolio-strategy",
        "**bold** and ***strong***",
        "eyJust.a.word",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert mask(text) == text
    assert find_secret(text) is None


def test_configured_values_are_masked_whatever_their_shape() -> None:
    assert mask("key correct-horse here", ["correct-horse"]) == "key [key] here"
    assert find_secret("key correct-horse here", ["correct-horse"]) == "the value of a configured key"


def test_the_longer_of_two_overlapping_values_is_masked_whole() -> None:
    assert mask("abcdefgh-ijkl", ["abcdefgh", "abcdefgh-ijkl"]) == "[key]"


def test_stand_ins_are_no_secrets() -> None:
    assert mask("none of the tests", ["none", "test", ""]) == "none of the tests"
    assert find_secret("none of the tests", ["none", "test", ""]) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit", ["eyJ", "-eyJaaaaaaaa", "sk-", "sk-a", "Bearer ", "-----BEGIN PRIVATE KEY-----", "****", "a."]
)
def test_time_is_linear_in_the_text(unit: str) -> None:
    def cost(length: int) -> float:
        """CPU time of this thread, so that what else the machine does does not count."""
        text = unit * (length // len(unit))
        begun = time.thread_time()
        mask(text)
        return time.thread_time() - begun

    few, many = (min(cost(length) for _ in range(3)) for length in (20_000, 400_000))
    assert many < 100 * few  # 20 times, or 400 times where each place looks at the whole text again
