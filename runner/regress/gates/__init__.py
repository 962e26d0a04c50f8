"""Gates: whether the pass rate of a suite, its cost or its latency, is worse than the baseline or than a limit."""
