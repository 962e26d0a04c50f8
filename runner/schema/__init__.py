"""Validate values against a JSON Schema: build a `Validator` once, and get violations that a person can read.

The draft is 2020-12 unless `$schema` names another published draft. Some defaults of the `jsonschema` library would
accept invalid values silently and are replaced here: formats are checked, `multipleOf` is exact arithmetic on the
decimal numbers as written (RFC 8259 numbers, not their binary neighbours), and a `$ref` that leaves the document is
refused instead of fetched. A `$` in a pattern is the very end of the string (ECMA-262).
"""

from __future__ import annotations

from .problem import SchemaProblem
from .vacuity import Vacuity, accepted_types, meant_keyword, unknown_keywords, vacuity, wrapper
from .validator import Validator, Violation
from .wording import json_path, show

__all__ = [
    "SchemaProblem",
    "Vacuity",
    "Validator",
    "Violation",
    "accepted_types",
    "json_path",
    "meant_keyword",
    "show",
    "unknown_keywords",
    "vacuity",
    "wrapper",
]
