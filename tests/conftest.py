"""What holds for all tests."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# No test depends on the speed of the machine, so an example may take as long as it takes. In CI the examples are the
# same each time: a red pipeline says something about the change, not about luck; new examples are found elsewhere.
settings.register_profile(
    "ours",
    max_examples=int(
        os.environ.get("RUNNER_TEST_EXAMPLES", "100")
    ),  # fewer where tests/mutation runs all tests often
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ours")
