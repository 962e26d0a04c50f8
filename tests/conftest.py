"""What holds for all tests."""

from __future__ import annotations

import os
import signal

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

# Under nohup a process ignores SIGHUP, and so do its children: what they do with the signal could not be tested.
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
