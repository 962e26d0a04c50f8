"""The modules whose tests are tried, and for each the tests that its mistakes should make fail, the fast ones first."""

from __future__ import annotations

__all__ = ["MODULES"]

MODULES: dict[str, tuple[str, ...]] = {
    name: tuple(tests.split())
    for name, tests in {
        "engine/pool/budget": "tests/engine/test_admission.py",
        "engine/pool/breaker": "tests/engine/test_breaker.py",
        "engine/pool/admission": "tests/engine/test_admission.py tests/engine/test_concurrency.py",
        "engine/pool/limiter": "tests/engine/test_limiter.py tests/engine/test_admission.py",
        "engine/journal/index": "tests/engine/test_journal_index.py",
        "engine/pool/result": "tests/engine/test_result.py",
        "engine/pool/retry": "tests/engine/test_retry.py",
        "engine/journal/counters": "tests/engine/test_counters.py",
        "engine/journal/error_limit": "tests/engine/test_counters.py",
        "engine/journal/exit_codes": "tests/engine/test_exit_codes.py",
        "engine/journal/record": "tests/engine/test_record.py",
        "engine/journal/final_records": "tests/engine/test_final_records.py",
        "engine/journal/merge_runs": "tests/engine/test_merge.py",
        "engine/attempt": "tests/engine/test_attempt.py",
        "endpoints/prices": "tests/engine/test_result.py",
        "wire/usage": "tests/wire/test_usage.py",
        "wire/fingerprint": "tests/wire/test_fingerprint.py",
        "wire/error_rules": "tests/wire/test_error_rules.py tests/wire/test_provider_errors.py",
        "wire/stream": "tests/wire/test_stream.py tests/wire/test_parts.py tests/wire/test_classify.py tests/wire/test_recorded.py",
        "wire/classify": "tests/wire/test_classify.py tests/wire/test_parts.py tests/wire/test_verdicts.py tests/wire/test_stream.py tests/wire/test_recorded.py",
        "wire/early_endings": "tests/wire/test_classify.py tests/wire/test_parts.py tests/wire/test_verdicts.py tests/wire/test_stream.py tests/wire/test_recorded.py",
        "verdict/exact": "tests/verdict/test_exact.py",
        "verdict/intervals": "tests/verdict/test_intervals.py",
        "verdict/power": "tests/verdict/test_intervals.py",
        "verdict/looks": "tests/verdict/test_gate.py",
        "verdict/gate": "tests/verdict/test_gate.py",
        "regress/modes": "tests/regress/test_modes.py",
        "regress/rules/stability": "tests/regress/test_stability.py",
        "regress/gates/counted": "tests/regress/test_counted.py",
        "regress/tally": "tests/regress/test_tally.py",
        "regress/test_attempt": "tests/regress/test_unfinished_runs.py",
        "regress/evaluate": "tests/regress/test_evaluate.py",
        "regress/rules/compare_answers": "tests/regress/test_compare_answers.py",
        "checks/jsonpath": "tests/checks/test_jsonpath.py tests/regress/test_path_automaton.py tests/checks/test_assertions.py",
        "checks/equality": "tests/checks/test_assertions.py tests/checks/test_kinds.py tests/regress/test_compare_answers.py",
        "checks/assertions": "tests/checks/test_messages.py tests/checks/test_template_in_assertion.py tests/checks/test_assertions.py tests/checks/test_every_kind.py tests/checks/test_kinds.py tests/checks/test_places.py tests/checks/test_evaluators.py tests/checks/test_judge.py tests/checks/test_judge_remarks.py",
        "checks/predicates/predicate": "tests/checks/test_messages.py tests/checks/test_template_in_assertion.py tests/checks/test_every_kind.py tests/checks/test_assertions.py tests/checks/test_kinds.py tests/checks/test_texts_of_answers.py tests/checks/test_judge_remarks.py",
        "checks/predicates/text_predicates": "tests/checks/test_messages.py tests/checks/test_template_in_assertion.py tests/checks/test_every_kind.py tests/checks/test_assertions.py tests/checks/test_kinds.py tests/checks/test_texts_of_answers.py tests/checks/test_judge_remarks.py",
        "checks/predicates/value_predicates": "tests/checks/test_messages.py tests/checks/test_template_in_assertion.py tests/checks/test_every_kind.py tests/checks/test_assertions.py tests/checks/test_kinds.py tests/checks/test_texts_of_answers.py tests/checks/test_judge_remarks.py",
        "checks/predicates/answer_predicates": "tests/checks/test_messages.py tests/checks/test_template_in_assertion.py tests/checks/test_every_kind.py tests/checks/test_assertions.py tests/checks/test_kinds.py tests/checks/test_texts_of_answers.py tests/checks/test_judge_remarks.py",
        "checks/judge": "tests/checks/test_judge_remarks.py tests/checks/test_judge.py tests/checks/test_evaluators.py",
        "checks/edit_distance": "tests/checks/test_texts_of_answers.py",
        "checks/json_in_text": "tests/checks/test_texts_of_answers.py",
        "checks/json_key": "tests/checks/test_json_key.py",
        "checks/foregone": "tests/checks/test_foregone.py tests/checks/test_every_kind.py tests/checks/test_judge_remarks.py",
        "checks/strict": "tests/checks/test_strict_limits.py tests/checks/test_strict.py tests/checks/test_anthropic_schema.py",
        "checks/strict_rules": "tests/checks/test_strict_keywords.py tests/checks/test_strict.py",
        "checks/strict_schema": "tests/checks/test_strict_limits.py tests/checks/test_strict.py",
    }.items()
}
