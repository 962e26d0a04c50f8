"""Embeddings: texts as vectors (OpenAI's API reference, "Embeddings")."""

from __future__ import annotations

import base64
import binascii
import math
import struct
from collections.abc import Mapping

from ...values import Json, JsonObject
from .operation import Operation

__all__ = ["DIALECT", "Embeddings"]


class Embeddings(Operation):
    """`POST embeddings` with a list of texts as `input`."""

    name = "embeddings"

    def unwrapped(self, payload: Json) -> Json:
        """Return the object in a response; some servers send its `data` alone."""
        if isinstance(payload, list) and all(
            isinstance(each, dict) and "embedding" in each for each in payload
        ):
            return {"data": payload}
        return super().unwrapped(payload)

    def result(self, payload: Mapping[str, Json]) -> JsonObject:
        """Return the `vectors` in the order of the texts; a vector is a list of numbers, or base64 of 32-bit floats."""
        data = payload.get("data")
        if not isinstance(data, list) or not data:
            raise ValueError("it has no data")
        vectors: dict[int, list[Json]] = {}
        for place, each in enumerate(data):
            if not isinstance(each, dict):
                raise ValueError("an entry of data is not an object")
            index = each.get("index", place)
            if not isinstance(index, int) or index in vectors or not 0 <= index < len(data):
                raise ValueError("the entries of data are not numbered from 0")
            vectors[index] = _vector(each.get("embedding"))
        if len({len(vector) for vector in vectors.values()}) > 1:
            raise ValueError("its vectors differ in length")
        return {"vectors": [vectors[index] for index in range(len(data))]}


def _vector(value: Json) -> list[Json]:
    if isinstance(value, str):
        try:
            data = base64.b64decode(value, validate=True)
            found: list[Json] = list(struct.unpack(f"<{len(data) // 4}f", data))
        except (binascii.Error, ValueError, struct.error):
            raise ValueError("an embedding is not base64 of 32-bit floats") from None
    elif isinstance(value, list):
        found = value
    else:
        raise ValueError("an entry of data has no embedding")
    for number in found:
        if not isinstance(number, int | float) or isinstance(number, bool) or not math.isfinite(number):
            raise ValueError("an embedding is not a list of finite numbers")
    if not any(found):
        raise ValueError("an embedding is empty or zero, so it has no direction")
    return found


DIALECT = Embeddings()
