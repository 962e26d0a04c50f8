"""Untrusted rows: their number of columns, and what is suggested for each."""

from __future__ import annotations

import json

import pytest

from runner.errors import close_to
from runner.files.inputs import Inputs
from runner.files.problems import MOST
from tests.cli.asking import run
from tests.cli.project import ProjectFolder
from tests.faults import FaultServer


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_of_a_row_of_undeclared_variables_the_first_are_told(
    asked: ProjectFolder, server: FaultServer, form: str
) -> None:
    names = [f"nam{number}" for number in range(10_000)]
    text = f"{','.join(names)}\n{','.join('x' for _ in names)}\n"
    asked.write(f"rows.{form}", text if form == "csv" else json.dumps(dict.fromkeys(names, "x")) + "\n")
    done = run(asked, "prompts/hello.prompt.yaml", "--input", f"rows.{form}")
    assert done.code == 2
    assert done.err.count("is not a declared variable") == MOST
    assert f"there are {MOST} or more errors here; these are the first" in done.err
    assert server.requests == []


def test_so_many_suggestions_are_looked_for_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    def count(*_: object) -> None:
        nonlocal asked
        asked += 1

    monkeypatch.setattr("runner.files.inputs.near", count)
    Inputs({"name": {}}).bind({f"nam{number}": 1 for number in range(10_000)})
    assert asked == MOST


def test_a_suggestion_is_found_among_many_candidates() -> None:
    assert close_to("temprature", [*(f"t{number:06}{'x' * 4}" for number in range(5000)), "q"]) == []
    assert close_to("temprature", [*(f"unit-{number:05}" for number in range(5000)), "temperature"]) == [
        "temperature"
    ]


@pytest.mark.parametrize("word", ["x" * 101, "\u202e" * 10_000])
def test_a_word_too_long_to_be_a_slip_is_compared_with_nothing(word: str) -> None:
    assert close_to(word, [word[:-1]]) == []
