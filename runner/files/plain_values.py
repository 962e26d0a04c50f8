"""Values of tables that JSON does not have, as JSON."""

from __future__ import annotations

import base64
import datetime
import decimal
import math
from collections.abc import Mapping
from typing import Any

__all__ = ["plain_scalar", "plain_value"]


def plain_scalar(value: Any) -> str | float | None:
    """Return a date or time as ISO 8601, a duration in seconds, a decimal as text, bytes as Base64; None for anything else."""
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return None


def plain_value(value: Any) -> Any:
    """Return a value of a table as JSON. NaN is a missing value; what JSON has no counterpart for is returned as it is."""
    if value is None or type(value) in (str, bool, int):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else float(value)
    if isinstance(value, Mapping):
        return {name: plain_value(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain_value(each) for each in value]
    if (scalar := plain_scalar(value)) is not None:
        return scalar
    if type(value).__module__ == "numpy":
        return plain_value(value.tolist())
    return value
