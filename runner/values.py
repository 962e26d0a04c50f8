"""JSON, as Python types: the only values that templates, requests and results are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

__all__ = ["Json", "JsonObject", "JsonPath"]

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
"""Any JSON value. Built by our loaders from exactly None, bool, int, float, str, list and dict."""

JsonObject: TypeAlias = Mapping[str, Json]

JsonPath: TypeAlias = tuple[str | int, ...]
"""Keys and indexes from the root of a value to one of its parts: ("messages", 0, "content")."""
