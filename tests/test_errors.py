"""What an error says can be read and written, whatever the file holds that it quotes."""

from __future__ import annotations

import pytest

from runner.errors import (
    NothingSelectedError,
    Problems,
    ReaderGoneError,
    RunnerError,
    UsageError,
    raise_all,
    together,
)


def test_a_long_quotation_loses_its_middle_and_says_so() -> None:
    error = RunnerError(f"the key {'a' * 50_000} stands twice", hint="b" * 50_000)
    assert error.message.startswith("the key aaa")
    assert error.message.endswith("aaa stands twice")
    assert "more characters)" in error.message
    assert len(str(error)) < 2_500


def test_what_no_file_can_hold_is_spelt_out() -> None:
    assert str(UsageError("no \ud83d here", hint="\udc00")) == "no \\ud83d here (\\udc00)"


def test_several_errors_are_all_told() -> None:
    many = Problems(UsageError(f"error {number} {'x' * 500}") for number in range(50))
    assert str(many).count("x" * 500) == 50


def test_of_several_errors_an_exit_code_without_a_rank_comes_last():
    gone = ReaderGoneError("nobody reads")
    assert Problems([gone]).exit_code == 141
    assert Problems([gone, NothingSelectedError("nothing")]).exit_code == 5
    assert Problems([gone, UsageError("wrong")]).exit_code == 2


def test_one_error_stays_itself_and_several_are_told_together() -> None:
    one, two = UsageError("one"), NothingSelectedError("two")
    assert together([one]) is one
    assert together([one, two]).exit_code == 2
    assert str(together([one, two])) == "one\ntwo"


def test_no_error_is_raised_where_there_is_none() -> None:
    raise_all([])
    with pytest.raises(UsageError, match="one"):
        raise_all([UsageError("one")])
    with pytest.raises(Problems):
        raise_all([UsageError("one"), UsageError("two")])
