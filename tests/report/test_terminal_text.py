from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from runner.report.terminal.terminal_text import cell_width, one_line, shorten, visible


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("a\rb", r"a\x0db"),
        ("\u202etxt.exe", r"\u202etxt.exe"),
        ("\ud83d", r"\ud83d"),
        ("a\x00b\x7f", r"a\x00b\x7f"),
    ],
)
def test_what_could_steer_a_terminal_is_spelt_out(hostile: str, shown: str) -> None:
    assert visible(hostile) == shown


def test_ordinary_text_is_left_as_it_is() -> None:
    text = "Grüße, 重要 👩‍👩‍👧 עברית\n\tnext"
    assert visible(text) == text


@given(st.text())
def test_visible_text_can_be_encoded_and_holds_no_control_but_newline_and_tab(text: str) -> None:
    shown = visible(text).encode().decode()
    assert not [
        character
        for character in shown
        if (character < " " or "\x7f" <= character <= "\x9f") and character not in "\n\t"
    ]


@given(st.text())
def test_one_line_is_one_line(text: str) -> None:
    assert len(one_line(text).splitlines()) <= 1


@pytest.mark.parametrize("text", ["plain", "重要", "e\u0301", "ｆｕｌｌ", "Grüße"])
def test_the_width_is_what_rich_measures(text: str) -> None:
    assert cell_width(text) == cell_len(text)


@pytest.mark.slow
@given(st.text(), st.integers(min_value=1, max_value=30))
def test_a_shortened_text_fits_and_says_that_it_was_cut(text: str, width: int) -> None:
    short = shorten(text, width)
    assert cell_width(short) <= width
    assert short == text or short.endswith("…")
