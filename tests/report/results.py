"""Results of a regression run to report on, made of little: `result(verdict="fail", kind="changed")`."""

from __future__ import annotations

from typing import Any

from runner.regress.results import CaseResult, FieldChange

from .records import RATE_LIMIT, WRONG_CATEGORY

LABEL = FieldChange("$.label", "refund", "other", "exact", equal=False)
CLOSE = FieldChange("$.confidence", 0.92, 0.9, "number abs 0.05", equal=True, note="differs by 0.02")
ADDED = FieldChange("$.extra", None, None, "exact", equal=False, approved_missing=True)
LATE = "The customer says that the parcel came nine days late and asks for all of the money back."
SUMMARY = FieldChange("$.summary", LATE, LATE.replace("nine", "ten"), "similar lexical 0.99", equal=False)


def result(**changes: Any) -> CaseResult:
    """A current case of the prompt `triage` that passed, with changes."""
    base: dict[str, Any] = {
        "prompt": "triage",
        "file": "prompts/triage.prompt.yaml",
        "case": "refund-late",
        "variant": None,
        "status": "current",
        "verdict": "pass",
        "kind": None,
        "reason": "",
        "snapshot": "prompts/__snapshots__/triage/refund-late.snap.yaml",
    }
    return CaseResult(**{**base, **changes})


def changed(**changes: Any) -> CaseResult:
    base = {
        "status": "stale",
        "verdict": "fail",
        "kind": "changed",
        "reason": "differs from the approved answer at $.label, $.extra and 1 more",
        "fields": (LABEL, CLOSE, ADDED, SUMMARY),
        "calls": 1,
        "samples": 1,
        "cost": 0.0002,
        "latency_ms": 412.0,
    }
    return result(**{**base, **changes})


def failed(**changes: Any) -> CaseResult:
    base = {
        "verdict": "fail",
        "reason": f"$.category: {WRONG_CATEGORY['message']}",
        "checks": (WRONG_CATEGORY,),
        "outcome": "ok",
    }
    return result(**{**base, **changes})


def flaky(**changes: Any) -> CaseResult:
    base = {
        "case": "borderline",
        "verdict": "flaky",
        "flavour": "new-flaky",
        "samples": 5,
        "passed_samples": 4,
        "agreement": (5, 5),
        "calls": 1,
        "fields": (LABEL,),
    }
    return result(**{**base, **changes})


def pending(kind: str, **changes: Any) -> CaseResult:
    return result(**{"status": "missing", "verdict": "pending", "kind": kind, "calls": 1, **changes})


def outdated(status: str, **changes: Any) -> CaseResult:
    return result(**{"status": status, "verdict": "outdated", "reason": "messages changed", **changes})


def errored(**changes: Any) -> CaseResult:
    base = {
        "status": "missing",
        "verdict": "error",
        "reason": "no answer",
        "error": RATE_LIMIT,
        "calls": 1,
    }
    return result(**{**base, **changes})


EVERYTHING = [
    result(),
    result(case="hello", notes=("latency can only be checked when the model is called",)),
    changed(),
    failed(case="angry-caller"),
    flaky(),
    pending("new", case="fresh", reason="no approved snapshot"),
    pending("refreshed", case="reworded", reason="the request changed, the answer did not"),
    pending("moved", case="renamed", reason="the same request as old-name.snap.yaml", calls=0),
    outdated("missing", case="later", reason="no approved snapshot"),
    outdated("stale", case="it's", variant="gpt-5-mini"),
    outdated("conflict", case="merged", file="prompts/my prompts.yaml", reason="a merge conflict"),
    errored(case="limit"),
    result(case="approved", written=True, calls=1),
]
