"""Compare two texts line by line, and mark the words that differ. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TypeAlias

__all__ = ["DiffLine", "diff_lines"]

# Words, blanks, and every other character separately. Chinese and Japanese have no blanks between words, so each of
# their characters counts as a word.
_WORD = re.compile(
    r"[\u2e80-\u9fff\uf900-\ufaff]|(?:(?![\u2e80-\u9fff\uf900-\ufaff])\w)+|[^\S\n]+|.|\n", re.DOTALL
)
_MOST_WORDS = 5_000
"""Longer texts, without their common beginning and end, are not compared word by word (quadratic time)."""
_ALIKE = 0.3
"""Below this ratio of common words no words are marked: marking nearly every word would not help."""

_Span: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of the old text ("-"), of the new one ("+") or of both (" "). `marks` are the spans that differ."""

    sign: str
    text: str
    marks: tuple[_Span, ...] = ()


def diff_lines(before: Sequence[str], after: Sequence[str]) -> Iterator[DiffLine]:
    """Yield all lines of both texts, replaced lines before those that replace them."""
    for kind, start, end, new_start, new_end in SequenceMatcher(None, before, after).get_opcodes():
        old, new = before[start:end], after[new_start:new_end]
        if kind == "equal":
            yield from (DiffLine(" ", line) for line in new)
        else:
            marks, new_marks = _differing("\n".join(old), "\n".join(new)) if old and new else ([], [])
            yield from _marked("-", old, marks)
            yield from _marked("+", new, new_marks)


def _marked(sign: str, lines: Sequence[str], marks: Sequence[_Span]) -> Iterator[DiffLine]:
    """Yield the lines, each with its part of `marks`, which are spans over all lines together."""
    start = 0
    for line in lines:
        end = start + len(line)
        within = (
            (max(first, start) - start, min(last, end) - start)
            for first, last in marks
            if max(first, start) < min(last, end)
        )
        yield DiffLine(sign, line, tuple(within))
        start = end + 1


def _differing(before: str, after: str) -> tuple[list[_Span], list[_Span]]:
    """Return the spans of words that differ; none if the texts have little in common."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    head = next(
        (at for at, (one, two) in enumerate(zip(old, new, strict=False)) if one != two),
        min(len(old), len(new)),
    )
    tail, shorter = 0, min(len(old), len(new)) - head
    while tail < shorter and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    old_middle, new_middle = old[head : len(old) - tail], new[head : len(new) - tail]
    common = head + tail
    opcodes: Sequence[tuple[str, int, int, int, int]]
    if max(len(old_middle), len(new_middle)) > _MOST_WORDS:
        opcodes = [("replace", 0, len(old_middle), 0, len(new_middle))]
    else:
        matcher = SequenceMatcher(None, old_middle, new_middle, autojunk=False)
        opcodes = matcher.get_opcodes()
        common += sum(block.size for block in matcher.get_matching_blocks())
    if 2 * common < _ALIKE * (len(old) + len(new)):
        return [], []
    old_at, new_at = _positions(old), _positions(new)
    changed = [opcode for opcode in opcodes if opcode[0] != "equal"]
    return (
        [(old_at[head + start], old_at[head + end]) for _, start, end, _, _ in changed if start < end],
        [(new_at[head + start], new_at[head + end]) for _, _, _, start, end in changed if start < end],
    )


def _positions(words: Sequence[str]) -> list[int]:
    """Return the beginning of each word, and the end of the last."""
    found = [0]
    for word in words:
        found.append(found[-1] + len(word))
    return found
