"""The edit distance of two texts (Levenshtein: insertions, deletions, replacements), up to a bound."""

from __future__ import annotations

__all__ = ["within_distance"]


def within_distance(one: str, other: str, most: int) -> bool:
    """Return whether the distance of two texts is at most `most`.

    Only the cells of the table within `most` of its diagonal are computed: the time grows with the length of the texts
    times the bound, not with the product of their lengths. A cell outside counts as `most`, which one step makes too many.
    """
    if abs(len(one) - len(other)) > most:
        return False
    row = {column: column for column in range(min(len(other), most) + 1)}
    for index, character in enumerate(one, 1):
        low, high = max(0, index - most), min(len(other), index + most)
        current: dict[int, int] = {}
        for column in range(low, high + 1):
            if column == 0:
                current[0] = index
                continue
            replaced = row[column - 1] + (character != other[column - 1])
            current[column] = min(replaced, row.get(column, most) + 1, current.get(column - 1, most) + 1)
        if min(current.values()) > most:
            return False
        row = current
    return row[len(other)] <= most
