"""Sending: workers, admission, limits, retries, budget, breaker and the cache of answers."""
