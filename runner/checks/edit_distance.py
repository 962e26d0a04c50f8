"""The edit distance of two texts (Levenshtein: insertions, deletions, replacements), up to a bound."""

from __future__ import annotations

__all__ = ["within_distance"]


def within_distance(one: str, other: str, most: int) -> bool:
    """Return whether the distance of two texts is at most `most`.

    Only the cells of the table within `most` of its diagonal are computed: the time grows with the length of the texts
    times the bound, not with the product of their lengths.
    """
    if abs(len(one) - len(other)) > most:
        return False
    beyond = most + 1
    row = {column: column for column in range(min(len(other), most) + 1)}
    for index, character in enumerate(one, 1):
        low, high = max(0, index - most), min(len(other), index + most)
        current: dict[int, int] = {}
        for column in range(low, high + 1):
            if column == 0:
                current[0] = index
                continue
            replaced = row.get(column - 1, beyond) + (character != other[column - 1])
            current[column] = min(replaced, row.get(column, beyond) + 1, current.get(column - 1, beyond) + 1)
        if min(current.values()) > most:
            return False
        row = current
    return row.get(len(other), beyond) <= most
