from __future__ import annotations

import pytest

from runner.engine.journal.exit_codes import ExitCounts, exit_code


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (ExitCounts(selected=1), 0),
        (ExitCounts(), 5),
        (ExitCounts(selected=1, unchecked=1), 3),
        (ExitCounts(selected=1, unchecked=1, outdated=1), 4),
        (ExitCounts(selected=1, unchecked=1, outdated=1, failed=1), 1),
        (ExitCounts(selected=1, unchecked=1, outdated=1, failed=1, mistakes=1), 2),
        (ExitCounts(selected=1, failed=1, signal=2), 130),
        (ExitCounts(signal=15), 143),
    ],
)
def test_precedence_of_exit_codes(facts: ExitCounts, code: int) -> None:
    assert exit_code(facts) == code
