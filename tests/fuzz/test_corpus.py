"""Inputs that once broke a law of their target stay mended."""

from __future__ import annotations

import pytest

from .seeds import kept
from .targets import TARGETS
from .worker import check

FOUND = {f"{name}/{case}": (name, data) for name in TARGETS for case, data in kept(name).items()}


@pytest.mark.parametrize("case", FOUND)
def test_a_case_that_was_found_stays_mended(case: str) -> None:
    name, data = FOUND[case]
    error = check(TARGETS[name], data)
    if error is not None:
        raise error
