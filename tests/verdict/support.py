"""Counts to draw."""

from __future__ import annotations

from hypothesis import strategies as st

__all__ = ["arms", "counts"]


def counts(most: int = 10) -> st.SearchStrategy[tuple[int, int]]:
    return st.integers(1, most).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total)))


def arms(
    cases: int = 8, most: int = 6
) -> st.SearchStrategy[tuple[list[tuple[int, int]], list[tuple[int, int]]]]:
    """Two arms with the same cases."""
    pairs = st.lists(st.tuples(counts(most), counts(most)), min_size=1, max_size=cases)
    return pairs.map(lambda pairs: ([base for base, _ in pairs], [new for _, new in pairs]))
