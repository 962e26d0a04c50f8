"""The lines about metrics: they fit a terminal, list a bounded number of labels, and spell what is undefined."""

from __future__ import annotations

import pytest

from runner.report.terminal.metric_lines import label_text, metric_lines, metric_properties
from runner.report.terminal.terminal_text import cell_width
from runner.verdict.metrics import Sample, SetMatch
from runner.verdict.suite_figures import figures_of


def suite(labels: int = 3) -> dict[str, list[Sample]]:
    """Cases of which every fifth is mistaken for the next label, and the first is refused."""
    cases = {}
    for number in range(40):
        expected, following = (f'"topic {each % labels}"' for each in (number, number + 1))
        came = "(refused)" if number == 0 else following if number % 5 == 0 else expected
        cases[f"c{number}"] = [
            Sample(
                passed=came == expected,
                label=(expected, came),
                error=number / 10,
                within=number < 30,
                match=SetMatch(1, number % 2, 0),
                scores={"tone": number % 4 / 4},
            )
        ]
    return cases


@pytest.mark.slow
@pytest.mark.parametrize("width", [40, 60, 80, 120, None])
def test_no_line_is_wider_than_the_terminal(width: int | None) -> None:
    units = {
        ("triage", None): figures_of(suite()),
        ("triage", "gpt-5, temperature 0.7"): figures_of(suite(12)),
    }
    lines = [line.text for line in metric_lines(units, width)]
    assert any("accuracy" in line for line in lines)
    if width is not None and width >= 80:
        assert max(map(cell_width, lines)) <= width


@pytest.mark.slow
def test_many_labels_are_counted_and_not_all_listed() -> None:
    lines = [line.text for line in metric_lines({("triage", None): figures_of(suite(38))}, 80)]
    assert sum(line.startswith("  topic ") for line in lines) == 30
    assert "  and 8 labels more" in lines


def test_what_is_undefined_is_a_dash_and_no_property() -> None:
    cases = {"a": [Sample(passed=False, label=('"bug"', '"login"'))]}
    units = {("triage", None): figures_of(cases)}
    row = next(line.text.split() for line in metric_lines(units, 80) if line.text.startswith("  bug"))
    assert row[3] == "-"
    assert "precision.bug" not in {name for _, name, _ in metric_properties(units)}


@pytest.mark.parametrize(
    ("label", "shown"),
    [('"bug"', "bug"), ('"true"', '"true"'), ("true", "true"), ('"7"', '"7"'), ("7", "7"), ('""', '""'),
     ('"(refused)"', '"(refused)"'), ("(refused)", "(refused)"), ('" bug"', '" bug"'), ('"a\\nb"', "a b")],
)  # fmt: skip
def test_a_label_is_shown_so_that_it_is_not_mistaken_for_another(label: str, shown: str) -> None:
    assert label_text(label) == shown
