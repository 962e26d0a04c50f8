from __future__ import annotations

import pytest

from runner.engine.journal.exit_codes import Facts, exit_code


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (Facts(selected=1), 0),
        (Facts(), 5),
        (Facts(selected=1, unchecked=1), 3),
        (Facts(selected=1, unchecked=1, outdated=1), 4),
        (Facts(selected=1, unchecked=1, outdated=1, failed=1), 1),
        (Facts(selected=1, unchecked=1, outdated=1, failed=1, mistakes=1), 2),
        (Facts(selected=1, failed=1, signal=2), 130),
        (Facts(signal=15), 143),
    ],
)
def test_precedence_of_exit_codes(facts: Facts, code: int) -> None:
    assert exit_code(facts) == code
