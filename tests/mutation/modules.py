"""The modules whose tests are tried, and for each the tests that its mistakes should make fail, the fast ones first."""

from __future__ import annotations

__all__ = ["MODULES"]

_REGRESSION = "tests/cli/test_regression.py tests/cli/test_ci.py tests/cli/test_offline.py"

MODULES: dict[str, tuple[str, ...]] = {
    name: tuple(tests.split())
    for name, tests in {
        "engine/pool/budget": "tests/engine/test_gate.py",
        "engine/pool/breaker": "tests/engine/test_breaker.py",
        "engine/pool/admission": "tests/engine/test_gate.py tests/engine/test_concurrency.py",
        "engine/pool/limiter": "tests/engine/test_limiter.py tests/engine/test_gate.py",
        "engine/journal/index": "tests/engine/test_past.py",
        "engine/pool/result": "tests/engine/test_result.py",
        "wire/fingerprint": "tests/wire/test_fingerprint.py",
        "wire/error_rules": "tests/wire/test_error_rules.py tests/wire/test_provider_errors.py",
        "wire/stream": "tests/wire/test_stream.py tests/wire/test_parts.py tests/wire/test_outcome.py tests/wire/test_recorded.py",
        "wire/outcome": "tests/wire/test_outcome.py tests/wire/test_parts.py tests/wire/test_verdicts.py tests/wire/test_stream.py tests/wire/test_recorded.py tests/cli/test_answers.py",
        "regress/modes": "tests/regress/test_modes.py",
        "regress/rules/stability": "tests/regress/test_stability.py",
        "regress/evaluate": f"tests/regress/test_compare.py {_REGRESSION}",
        "regress/rules/compare": "tests/regress/test_compare.py tests/regress/test_stability.py",
        "checks/jsonpath": "tests/checks/test_jsonpath.py tests/checks/test_assertions.py",
        "checks/equality": "tests/checks/test_assertions.py tests/checks/test_kinds.py tests/regress/test_compare.py",
        "checks/assertions": "tests/checks tests/cli/test_assertions.py",
        "checks/predicates": "tests/checks tests/cli/test_assertions.py",
        "checks/judge": "tests/checks tests/cli/test_answers.py tests/cli/test_assertions.py",
        "checks/strict": "tests/checks/test_strict.py",
        "checks/strict_rules": "tests/checks/test_strict.py",
        "checks/strict_schema": "tests/checks/test_strict.py",
    }.items()
}
