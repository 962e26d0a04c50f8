"""Station 5: the pull pipeline: plan, workers, retries, journal, cache."""
