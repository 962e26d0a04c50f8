"""RFC 8785: the published vectors of its reference implementation, its number table, and its properties."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.canonical import canonical

VECTORS = {
    "arrays": (
        r"""[56, {"d": true, "10": null, "1": [ ]}]""",
        r"""[56,{"1":[],"10":null,"d":true}]""",
    ),
    "french": (
        r"""{"peach": "This sorting order", "péché": "is wrong according to French",
             "pêche": "but canonicalization MUST", "sin":   "ignore locale"}""",
        (
            r"""{"peach":"This sorting order","péché":"is wrong according to French","""
            r""""pêche":"but canonicalization MUST","sin":"ignore locale"}"""
        ),
    ),
    "structures": (
        r"""{"1": {"f": {"f": "hi","F": 5} ,"\n": 56.0}, "10": { }, "": "empty", "a": { },
             "111": [ {"e": "yes","E": "no" } ], "A": { }}""",
        r"""{"":"empty","1":{"\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{"E":"no","e":"yes"}],"A":{},"a":{}}""",
    ),
    "unicode": (
        r"""{"Unnormalized Unicode":"A\u030a"}""",
        """{"Unnormalized Unicode":"A\u030a"}""",
    ),
    "values": (
        r"""{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
             "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}""",
        (
            r"""{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"""
            r""""string":"€$\u000f\nA'B\"\\\\\"/"}"""
        ),
    ),
    "weird": (
        r"""{"\u20ac": "Euro Sign", "\r": "Carriage Return", "\u000a": "Newline", "1": "One",
             "\u0080": "Control\u007f", "\ud83d\ude02": "Smiley", "\ufb33": "Hebrew Letter Dalet With Dagesh",
             "\u00f6": "Latin Small Letter O With Diaeresis", "</script>": "Browser Challenge"}""",
        (
            """{"\\n":"Newline","\\r":"Carriage Return","1":"One","</script>":"Browser Challenge","""
            """"\x80":"Control\x7f","ö":"Latin Small Letter O With Diaeresis","€":"Euro Sign","""
            """"😂":"Smiley","\ufb33":"Hebrew Letter Dalet With Dagesh"}"""
        ),
    ),
}


@pytest.mark.parametrize("name", VECTORS)
def test_published_vectors(name: str) -> None:
    source, expected = VECTORS[name]
    assert canonical(json.loads(source)).decode() == expected


# RFC 8785, appendix B: IEEE 754 bits and the text that must stand for them.
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}


@pytest.mark.parametrize(("bits", "expected"), NUMBERS.items())
def test_numbers_of_appendix_b(bits: str, expected: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical(number).decode() == expected


@pytest.mark.parametrize(("number", "expected"), [(1.0, "1"), (0.1, "0.1"), (1e-7, "1e-7"), (-1.5, "-1.5"), (100, "100"), (1e20, "100000000000000000000"), (12345.678, "12345.678")])  # fmt: skip
def test_everyday_numbers(number: float, expected: str) -> None:
    assert canonical(number).decode() == expected


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": [0, math.nan]}, "$.a[1]:"),
        (math.inf, "$:"),
        ([-math.inf], "$[0]:"),
        ({"seed": 10**5000}, "$.seed:"),
        ({"a": "\ud800"}, "$.a:"),
        ({"a": {"\udfff": 1}}, "$.a:"),
        ({"a": {1: 2}}, "$.a:"),
        ({"a": b"x"}, "$.a:"),
    ],
)
def test_what_has_no_canonical_form_is_refused_with_its_path(value: Any, path: str) -> None:
    with pytest.raises(ValueError) as refusal:
        canonical(value)
    assert str(refusal.value).startswith(path)


def test_integers_of_any_size_keep_their_digits() -> None:
    assert canonical([2**53 - 1, 1 - 2**53]) == b"[9007199254740991,-9007199254740991]"
    assert canonical({"a": 2**53 + 1, "b": -(2**64)}) == b'{"a":9007199254740993,"b":-18446744073709551616}'
    assert canonical([2**53, 2**53 + 1]) == canonical([float(2**53), 2**53 + 1])


def test_bottomless_nesting_is_refused() -> None:
    value: Any = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(ValueError, match="nested too deeply"):
        canonical(value)
    while value:  # freed level by level: the interpreter's own way down is recursive
        value = value[0]


scalars = (
    st.none()
    | st.booleans()
    | st.integers(1 - 2**53, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12)  # fmt: skip


@given(values)
def test_reading_it_back_gives_the_value(value: Any) -> None:
    # Integral floats beyond 2^53 are written as ECMAScript writes them: the nearest float is the value again.
    assert json.loads(canonical(value), parse_int=float) == value


def reversed_throughout(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: reversed_throughout(value[key]) for key in reversed(value)}
    return [reversed_throughout(item) for item in value] if isinstance(value, list) else value


@pytest.mark.slow
@given(values)
def test_order_of_keys_does_not_count(value: Any) -> None:
    assert canonical(reversed_throughout(value)) == canonical(value)


@given(st.lists(st.text(), unique=True, min_size=2))
def test_keys_stand_in_the_order_of_their_utf16_units(keys: list[str]) -> None:
    written = list(json.loads(canonical(dict.fromkeys(keys))))
    units = [
        struct.unpack(f">{len(key.encode('utf-16-be')) // 2}H", key.encode("utf-16-be")) for key in written
    ]
    assert units == sorted(units)
