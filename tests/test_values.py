"""Values that were read, held against the types of annotations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence  # noqa: F401 - the names in Json
from typing import Any, Literal, get_type_hints

import pytest

from runner.values import Json, has_type


class Annotated:
    json: Json


JSON = get_type_hints(Annotated)["json"]


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        ("x", str),
        (1, int),
        (True, bool),
        (None, None),
        (None, str | None),
        ("x", str | None),
        (("a", "b"), tuple[str, ...]),
        ((), tuple[str, ...]),
        ("new", Literal["new", "moved"]),
        (1, Literal[1]),
        *[(value, JSON) for value in (None, True, 1, 1.5, "x", [], {})],
    ],
)
def test_a_value_of_the_type(value: object, annotation: Any) -> None:
    assert has_type(value, annotation)


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (1, str),
        (True, int),
        (True, int | None),
        (1, bool),
        (0, None),
        (1, str | None),
        (["a"], tuple[str, ...]),
        (("a", 1), tuple[str, ...]),
        ("old", Literal["new", "moved"]),
        ([], Literal["new", "moved"]),
        (True, Literal[1]),
        (b"x", JSON.__args__[0]),
    ],
)
def test_a_value_of_another_type(value: object, annotation: Any) -> None:
    assert not has_type(value, annotation)
