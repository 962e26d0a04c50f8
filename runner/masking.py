"""API keys in texts: masked before a text is shown, detected before a text is written to a file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable

__all__ = ["find_secret", "is_plausible_name", "json_cleaner", "mask", "worth_hiding"]

_MASKED = "[key]"

_SHORTEST_SECRET = 8
"""A shorter configured value ("none", "test") is a placeholder that also occurs in ordinary text."""

# Lookaheads are bounded, so that every text takes linear time, even one that is crafted.
_SHAPES = {
    "a private key (PEM)": re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}-----|\Z)", re.DOTALL),
    "a JSON Web Token": re.compile(r"\beyJ[\w-]{8,500}\.[\w-]{8,}\.[\w-]{4,}"),
    "an API key (sk-...)": re.compile(r"\bsk-(?=[\w-]{0,60}\d)[\w-]{16,}"),
    "an API key (gsk_, hf_, xai-, pplx-)": re.compile(r"\b(?:gsk_|hf_|xai-|pplx-)[A-Za-z0-9]{20,}"),
    "a Google API key (AIza...)": re.compile(r"\bAIza[\w-]{35}"),
    "a GitHub token": re.compile(r"\b(?:gh[opsur]_[A-Za-z0-9]{20,}|github_pat_\w{20,})"),
    "an AWS access key (AKIA...)": re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    "a bearer token": re.compile(r"(?<=[Bb]earer )(?=[\w.~+/=-]{0,200}\d)[\w.~+/=-]{8,}"),
}  # fmt: skip

_ECHOES = (
    # A provider repeats the key it received, starred out or not: "Incorrect API key provided: sk-proj-****abcd."
    re.compile(r"(?<=API key provided: )[^\s.]+"),
    re.compile(r"\bsk-[\w-]{0,60}\*{2,}[\w*-]*"),
    re.compile(r"(?<!\*)\*{4,}+[A-Za-z0-9]{2,}"),
)


def mask(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` with each of `secrets`, and everything that looks like a key, replaced by "[key]"."""
    for secret in worth_hiding(secrets):
        text = text.replace(secret, _MASKED)
    for shape in (*_SHAPES.values(), *_ECHOES):
        text = shape.sub(_MASKED, text)
    return text


def json_cleaner(values: Iterable[str]) -> Callable[[str], str]:
    """Return a function that masks keys in JSON text; it returns the text itself if there are none.

    A model can be made to repeat a key; the answer is worth storing, the key is not.
    """
    escaped = {json.dumps(value, ensure_ascii=False)[1:-1] for value in values if value}
    longest_first = sorted(escaped, key=len, reverse=True)

    def clean(text: str) -> str:
        for value in longest_first:
            if value in text:
                text = text.replace(value, _MASKED)
        return text

    return clean


def find_secret(text: str, secrets: Iterable[str] = ()) -> str | None:
    """Return the kind of key that `text` contains, in words ("a GitHub token"), or None. Never return the key itself."""
    if any(secret in text for secret in worth_hiding(secrets)):
        return "the value of a configured key"
    return next((name for name, shape in _SHAPES.items() if shape.search(text)), None)


def worth_hiding(secrets: Iterable[str]) -> list[str]:
    """Return the secrets that are not placeholders, longest first: a key that contains another is replaced as a whole."""
    return sorted((secret for secret in secrets if len(secret) >= _SHORTEST_SECRET), key=len, reverse=True)


def is_plausible_name(text: str) -> bool:
    """Return whether `text` may be the name of a variable or of a keyring entry, rather than the key itself.

    Names are words; in a key, some part between punctuation is long and mixes letters with digits, or upper with lower
    case.
    """
    if any(shape.search(text) for shape in _SHAPES.values()):
        return False
    return not any(
        _LONG.fullmatch(part) or _MIXED.fullmatch(part) for part in re.split(r"[^A-Za-z0-9]", text)
    )


_LONG = re.compile(r"[A-Za-z0-9]{24,}")
_MIXED = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z]).{12,}|(?=.*[a-z])(?=.*[A-Z]).{16,}")
