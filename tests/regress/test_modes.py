"""What a regression run may do: which cases it asks, which changes it approves, and what a CI may not."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from runner.regress.modes import Modes, is_ci, modes_for
from runner.regress.results import PendingKind, SnapshotStatus

CALLS = {
    "none": set(),
    "once": {"missing"},
    "new_episodes": {"missing", "stale", "conflict"},
    "all": {"missing", "stale", "conflict", "current", "moved"},
}
WRITES = {
    "none": set(),
    "missing": {"new"},
    "changed": {"new", "changed", "refreshed", "moved"},
    "all": {"new", "changed", "refreshed", "moved"},
}


@pytest.mark.parametrize("record", CALLS)
def test_a_record_mode_asks_for_cases_in_these_statuses(record: Any) -> None:
    statuses = get_args(SnapshotStatus.__value__ if hasattr(SnapshotStatus, "__value__") else SnapshotStatus)
    assert {status for status in statuses if Modes(record=record).calls(status)} == CALLS[record]


@pytest.mark.parametrize("update", WRITES)
def test_an_update_mode_approves_changes_of_these_kinds(update: Any) -> None:
    kinds = get_args(PendingKind.__value__ if hasattr(PendingKind, "__value__") else PendingKind)
    assert {kind for kind in kinds if Modes(update=update).writes(kind)} == WRITES[update]


def test_only_all_rewrites_what_the_rules_call_equal() -> None:
    assert {update for update in WRITES if Modes(update=update).rewrites_equal} == {"all"}  # type: ignore[arg-type]


def test_a_person_asks_for_what_is_out_of_date_and_approves_by_review() -> None:
    assert modes_for(ci=False) == Modes(
        record="new_episodes", update="none", unreferenced="warn", samples=None
    )
    assert Modes() == modes_for(ci=False)


def test_a_ci_asks_nothing_writes_nothing_and_refuses_orphans() -> None:
    assert modes_for(ci=True) == Modes(record="none", update="none", unreferenced="reject", samples=None)


@pytest.mark.parametrize("ci", [True, False])
def test_what_is_asked_for_outright_counts_anywhere(ci: bool) -> None:
    asked = Modes(record="once", update="missing", unreferenced="ignore", samples=3)
    assert modes_for(ci=ci, record="once", update="missing", unreferenced="ignore", samples=3) == asked


@pytest.mark.parametrize(
    ("environ", "ci"),
    [
        ({}, False),
        ({"CI": "true"}, True),
        ({"CI": "1"}, True),
        ({"CI": "woodpecker"}, True),
        ({"CI": ""}, False),
        ({"CI": "0"}, False),
        ({"CI": "false"}, False),
        ({"CI": "False"}, False),
        ({"TF_BUILD": "True"}, True),
        ({"TF_BUILD": ""}, False),
        ({"CI": "false", "TF_BUILD": "True"}, True),
        ({"BUILD": "1"}, False),
    ],
    ids=str,
)
def test_a_ci_says_so_in_the_environment(environ: dict[str, str], ci: bool) -> None:
    assert is_ci(environ) is ci
