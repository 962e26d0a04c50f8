"""Define what an assertion requires of a value, wherever the value comes from: one builder per assertion type.

A builder receives the assertion's `value` or `threshold`, already validated by the JSON Schema of prompt files, and
refuses values that could never fail or never pass, such as a regular expression that every text matches.
"""

from __future__ import annotations

from collections.abc import Mapping

from .answer_predicates import ANSWER_BUILDERS
from .predicate import Builder, Predicate, SpecError, Unfit, listed
from .text_predicates import TEXT_BUILDERS
from .value_predicates import VALUE_BUILDERS, bounds

__all__ = ["BUILDERS", "Builder", "Predicate", "SpecError", "Unfit", "bounds", "listed"]

BUILDERS: Mapping[str, Builder] = {**TEXT_BUILDERS, **VALUE_BUILDERS, **ANSWER_BUILDERS}
"""The builder of each type of `files.assertion_types`."""
