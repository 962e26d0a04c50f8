"""What each word means, however it is spelled; and that no word is a good end by default."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.finish_reasons import Ending, ending_of, gravest, overruled, word_key

# By hand, from the providers' references; a word that wanders from one group to another is a failure here.
MEANINGS: dict[Ending, str] = {
    Ending.STOP: "stop end_turn stop_sequence eos eos_token eosFound stopStringFound COMPLETE completed STOP",
    Ending.CALL: "tool_calls function_call tool_use TOOL_CALL tool-calls toolCalls",
    Ending.LENGTH: (
        "length max_tokens MAX_TOKENS maxTokens model_length max_output_tokens model_context_window_exceeded"
        " context_length_exceeded ERROR_LIMIT maxPredictedTokensReached contextLengthReached incomplete max_length"
    ),
    Ending.FILTER: (
        "content_filter content-filter contentFilter content_filtered sensitive safety SAFETY recitation RECITATION"
        " blocklist prohibited_content PROHIBITED_CONTENT spii SPII language image_safety IMAGE_SAFETY"
        " IMAGE_PROHIBITED_CONTENT IMAGE_RECITATION guardrail_intervened ERROR_TOXIC MODEL_ARMOR jailbreak"
    ),
    Ending.REFUSAL: "refusal",
    Ending.BROKEN: (
        "error ERROR network_error abort aborted cancel cancelled canceled USER_CANCEL timeout"
        " insufficient_system_resource rate_limit_exceeded malformed_function_call MALFORMED_FUNCTION_CALL"
        " malformed_tool_use unexpected_tool_call other OTHER finish_reason_unspecified FINISH_REASON_UNSPECIFIED"
        " no_image NO_IMAGE IMAGE_OTHER MISSING_THOUGHT_SIGNATURE TOO_MANY_TOOL_CALLS failed"
    ),
    Ending.PAUSE: "pause_turn",
    Ending.UNKNOWN: "wandered_off stopped_early unknown none null 7 !!! ok true stopp",
}


@pytest.mark.parametrize(
    ("word", "ending"), [(word, ending) for ending, words in MEANINGS.items() for word in words.split()]
)
def test_a_word_means_what_its_provider_says(word: str, ending: Ending) -> None:
    assert ending_of(word) is ending


@pytest.mark.parametrize("word", [None, ""])
def test_a_word_that_is_missing_counts_as_stop(word: str | None) -> None:
    assert ending_of(word) is Ending.STOP


@given(st.text(min_size=1))
def test_no_word_is_a_good_end_by_default(word: str) -> None:
    good = {word_key(each) for group in (Ending.STOP, Ending.CALL) for each in MEANINGS[group].split()}
    if ending_of(word) in (Ending.STOP, Ending.CALL):
        assert word_key(word) in good | {"finishreasonstop", "reasonstop", "toolcodescheduling"} | {
            "reasontoolcalls",
            "finishreasontoolcalls",
        }


@pytest.mark.parametrize(
    ("declared", "ending"),
    [
        ("stop", Ending.STOP),
        ("length", Ending.LENGTH),
        ("content_filter", Ending.FILTER),
        ("error", Ending.BROKEN),
    ],
)
def test_a_declared_word_means_what_is_declared(declared: str, ending: Ending) -> None:
    assert ending_of("Wandered-Off", {word_key("wandered_off"): declared}) is ending  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("words", "counts"),
    [
        (["", "length", "stop"], "length"),
        (["length", ""], "length"),
        (["stop", "abort"], "abort"),
        (["tool_calls", "stop"], "stop"),
        (["wandered_off", "stop"], "wandered_off"),
        (["", ""], None),
        ([], None),
    ],
)
def test_of_several_words_the_gravest_counts(words: list[str], counts: str | None) -> None:
    assert gravest(words) == counts


@pytest.mark.parametrize(
    ("word", "declared"),
    [
        ("length", "stop"),
        ("stop", "error"),
        ("tool_calls", "stop"),
        ("content_filter", "length"),
        ("MAX_TOKENS", "stop"),
        ("RECITATION", "stop"),
        ("refusal", "stop"),
    ],
)
def test_what_a_word_is_known_to_say_cannot_be_declared_away(word: str, declared: str) -> None:
    assert overruled(word, declared)


@pytest.mark.parametrize(
    ("word", "declared"),
    [
        ("wandered_off", "stop"),
        ("abort", "length"),
        ("other", "stop"),
        ("stop", "stop"),
        ("max_tokens", "error"),
    ],
)
def test_other_words_may_be_declared(word: str, declared: str) -> None:
    assert overruled(word, declared) is None
