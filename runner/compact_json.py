"""Write values as compact JSON (RFC 8259), in the order of their keys.

The texts are those of `json.JSONEncoder`, whose `encode` builds a new encoder in C for each value; here one is shared.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from json import encoder

__all__ = ["compact_json"]

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"))


def _shared() -> Callable[[object, int], Iterable[str]] | None:
    """Return the encoder in C, or None where Python has none."""
    make: Callable[..., Callable[[object, int], Iterable[str]]] | None
    make = getattr(encoder, "c_make_encoder", None)
    sort_keys = skip_keys = allow_nan = False
    write = encoder.encode_basestring
    return make and make(None, _ENCODER.default, write, None, ":", ",", sort_keys, skip_keys, allow_nan)


_SHARED = _shared()


def compact_json(value: object) -> str:
    """Return `value` as compact JSON.

    Raises ValueError for NaN and infinities, TypeError for what is not JSON, and RecursionError for a value that is
    nested too deeply or contains itself.
    """
    return "".join(_SHARED(value, 0)) if _SHARED else _ENCODER.encode(value)
