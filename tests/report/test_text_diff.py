"""The lines and the words in which two texts differ."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runner.report.terminal.text_diff import DiffLine, diff_lines

TEXTS = st.lists(st.text(st.sampled_from("ab 退\t.-"), max_size=12), max_size=8)


def marked(line: DiffLine) -> list[str]:
    return [line.text[start:end] for start, end in line.marks]


@given(TEXTS, TEXTS)
def test_both_texts_are_there_whole(before: list[str], after: list[str]) -> None:
    lines = list(diff_lines(before, after))
    assert [line.text for line in lines if line.sign != "+"] == before
    assert [line.text for line in lines if line.sign != "-"] == after


@given(TEXTS, TEXTS)
def test_marks_lie_in_their_line_in_order(before: list[str], after: list[str]) -> None:
    for line in diff_lines(before, after):
        ends = [0, *(place for mark in line.marks for place in mark), len(line.text)]
        assert ends == sorted(ends)
        assert all(start < end for start, end in line.marks)


def test_the_words_that_differ_are_marked() -> None:
    old, new = diff_lines(["We will pay your refund."], ["We will not pay your money."])
    assert marked(old) == ["refund"]
    assert [mark.strip() for mark in marked(new)] == ["not", "money"]


def test_characters_of_chinese_are_compared_one_by_one() -> None:
    old, new = diff_lines(["我们将退款给您"], ["我们不退款给您"])
    assert (marked(old), marked(new)) == (["将"], ["不"])


def test_texts_with_little_in_common_are_not_marked_word_by_word() -> None:
    assert not any(line.marks for line in diff_lines(["Short."], ["Quite another answer came here"]))


def test_an_added_blank_is_marked() -> None:
    _, new = diff_lines(["all the same"], ["all the  same"])
    assert marked(new) == ["  "]


def test_long_texts_without_a_common_word_are_compared() -> None:
    old, new = diff_lines([" ".join(["word"] * 50_000)], [" ".join(["other"] * 50_000)])
    assert (old.sign, new.sign) == ("-", "+")
