"""Write values as compact JSON (RFC 8259), in the order of their keys.

The texts are those of `json.JSONEncoder`, whose `encode` builds a new encoder in C for each value; here one is shared.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from json import encoder

__all__ = ["compact_ascii", "compact_json"]


def _writer(*, ensure_ascii: bool) -> Callable[[object], str]:
    slow = json.JSONEncoder(
        ensure_ascii=ensure_ascii, allow_nan=False, check_circular=False, separators=(",", ":")
    )
    make: Callable[..., Callable[[object, int], Iterable[str]]] | None
    make = getattr(encoder, "c_make_encoder", None)
    if make is None:  # a Python without the encoder in C
        return slow.encode
    quote = encoder.encode_basestring_ascii if ensure_ascii else encoder.encode_basestring
    sort_keys = skip_keys = allow_nan = False
    shared = make(None, slow.default, quote, None, ":", ",", sort_keys, skip_keys, allow_nan)
    return lambda value: "".join(shared(value, 0))


_write = _writer(ensure_ascii=False)
_write_ascii = _writer(ensure_ascii=True)


def compact_json(value: object) -> str:
    """Return `value` as compact JSON.

    Raises ValueError for NaN and infinities, TypeError for what is not JSON, and RecursionError for a value that is
    nested too deeply or contains itself.
    """
    return _write(value)


def compact_ascii(value: object) -> str:
    r"""Return `value` as compact JSON in ASCII, with `\\u` escapes for other characters. Raises as `compact_json` does."""
    return _write_ascii(value)
