"""What an answer came to, in the one fixed order, and never an exception."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runner.wire.classify import read_reply
from runner.wire.reply import Answer, Outcome, Reply

JSON_ASKED: dict[str, Any] = {
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}
}
CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def choice(content: Any = "hi", finish: Any = "stop", index: int = 0, **message: Any) -> dict[str, Any]:
    return {
        "index": index,
        "finish_reason": finish,
        "message": {"role": "assistant", "content": content, **message},
    }


def reply_of(*choices: Any, request: dict[str, Any] | None = None, **fields: Any) -> Reply:
    body = json.dumps({"id": "c1", "choices": list(choices), **fields}).encode()
    return read_reply(200, {"content-type": "application/json"}, body, request=request or {})


def answer_of(one: Any, **request: Any) -> Answer:
    (answer,) = reply_of(one, request=request).answers
    return answer


def raw(body: bytes, content_type: str = "application/json", **request: Any) -> Reply:
    return read_reply(200, {"content-type": content_type}, body, request=request)


TABLE: list[tuple[dict[str, Any], Outcome]] = [
    (choice("hi"), Outcome.OK),
    (choice("hi", None), Outcome.OK),
    (choice("hi", ""), Outcome.OK),
    (choice("hi", "eos"), Outcome.OK),
    (choice("hi", "end_turn"), Outcome.OK),
    (choice('{"a":1}', "length"), Outcome.TRUNCATED),
    (choice("hi", "model_length"), Outcome.TRUNCATED),
    (choice("hi", "MAX_TOKENS"), Outcome.TRUNCATED),
    (choice(None, "length", refusal="no"), Outcome.TRUNCATED),
    (choice("hi", "content_filter"), Outcome.FILTERED),
    ({"index": 0, "finish_reason": "content_filter"}, Outcome.FILTERED),
    (choice("hi", "content_filter", refusal="no"), Outcome.FILTERED),
    (choice("hi", "RECITATION"), Outcome.FILTERED),
    (choice("hi", "guardrail_intervened", tool_calls=[CALL]), Outcome.FILTERED),
    (choice("hi", "model_context_window_exceeded", tool_calls=[CALL]), Outcome.TRUNCATED),
    (choice("hi", "abort"), Outcome.ERROR),
    (choice("hi", "pause_turn", tool_calls=[CALL]), Outcome.ERROR),
    (choice(None, refusal="no"), Outcome.REFUSED),
    (choice(None, refusal="no", tool_calls=[CALL]), Outcome.REFUSED),
    (choice([{"type": "refusal", "refusal": "no"}]), Outcome.REFUSED),
    (choice(None, "tool_calls", tool_calls=[CALL]), Outcome.TOOL_CALL),
    (choice("hi", "stop", tool_calls=[CALL]), Outcome.TOOL_CALL),
    (choice(None, "tool_calls"), Outcome.TOOL_CALL),
    (choice(None, "function_call", function_call={"name": "f", "arguments": "{}"}), Outcome.TOOL_CALL),
    (choice("hi", function_call={"name": "", "arguments": ""}), Outcome.OK),  # Snowflake: every field, empty
    (choice("hi", tool_calls=None, refusal=""), Outcome.OK),
    (choice("hi", tool_calls=[]), Outcome.OK),
    (choice(None), Outcome.EMPTY),
    (choice(""), Outcome.EMPTY),
    (choice(" \n"), Outcome.EMPTY),
    (choice([]), Outcome.EMPTY),
    (choice([{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]), Outcome.EMPTY),
    ({"index": 0, "finish_reason": "stop", "message": {"role": "assistant"}}, Outcome.EMPTY),
    ({"index": 0, "finish_reason": "stop"}, Outcome.EMPTY),
    (choice("hi", "error"), Outcome.ERROR),
    ({**choice("hi"), "error": {"code": 502, "message": "m"}}, Outcome.ERROR),
    ({**choice("hi"), "error": None}, Outcome.OK),
]


@pytest.mark.parametrize(("one", "outcome"), TABLE)
def test_outcome_of_a_choice(one: dict[str, Any], outcome: Outcome) -> None:
    answer = answer_of(one)
    assert answer.outcome is outcome
    assert (answer.detail is None) == (outcome is Outcome.OK)


def test_a_cut_answer_keeps_its_text() -> None:
    answer = answer_of(choice('{"a": 1', "length"), **JSON_ASKED)
    assert (answer.text, answer.output, answer.finish_reason) == ('{"a": 1', None, "length")


def test_a_refusals_text_is_the_refusal() -> None:
    answer = answer_of(choice(None, refusal="I cannot."))
    assert (answer.text, answer.refusal) == ("I cannot.", "I cannot.")


@pytest.mark.parametrize(
    ("finish", "said", "outcome"),
    [
        ("stop", {"native_finish_reason": "MAX_TOKENS"}, Outcome.TRUNCATED),
        ("stop", {"native_finish_reason": "SAFETY"}, Outcome.FILTERED),
        ("stop", {"native_finish_reason": "abort"}, Outcome.ERROR),
        ("stop", {"native_finish_reason": "nobody_knows"}, Outcome.OK),
        ("stop", {"stop_reason": "length"}, Outcome.OK),  # vLLM: the stop sequence that was found
        (None, {"native_finish_reason": "abort"}, Outcome.ERROR),
        (None, {"finishReason": "MAX_TOKENS"}, Outcome.TRUNCATED),
        (None, {"stop_reason": "end_turn"}, Outcome.OK),
        (None, {"stop_reason": "nobody_knows"}, Outcome.ERROR),
        (None, {"finish_details": {"type": "max_tokens"}}, Outcome.TRUNCATED),
        (None, {"stopReason": "max_tokens"}, Outcome.TRUNCATED),
        (None, {"done_reason": "length"}, Outcome.TRUNCATED),
        (None, {"stop_reason": 5}, Outcome.OK),  # vLLM: the number of the token that ended it
        (None, {"stopReason": "", "done_reason": "length"}, Outcome.TRUNCATED),
        ("stop", {"native_finish_reason": "tool_use"}, Outcome.OK),
        ("tool_calls", {"native_finish_reason": "STOP"}, Outcome.TOOL_CALL),
        ("tool_calls", {"native_finish_reason": "MAX_TOKENS"}, Outcome.TRUNCATED),
    ],
)
def test_what_the_model_itself_says_of_its_end_counts_where_it_is_worse_or_alone(
    finish: str | None, said: dict[str, Any], outcome: Outcome
) -> None:
    answer = answer_of({**choice("The first half", finish), **said})
    assert (answer.outcome, answer.text, answer.finish_reason) == (outcome, "The first half", finish)


@pytest.mark.parametrize("name", ["content_filter_results", "content_filter_result"])
@pytest.mark.parametrize(("filtered", "outcome"), [(True, Outcome.FILTERED), (False, Outcome.OK)])
def test_a_choice_whose_filter_results_say_filtered_is_filtered(
    filtered: bool, outcome: Outcome, name: str
) -> None:
    results = {"hate": {"filtered": filtered, "severity": "high"}}
    assert answer_of({**choice("hi"), name: results}).outcome is outcome


def test_the_error_of_a_choice_is_told_as_it_came() -> None:
    answer = answer_of({**choice("hi"), "error": {"code": 502, "message": "Bad gateway"}})
    assert answer.error is not None
    assert (answer.error.code, answer.error.message) == ("502", "Bad gateway")


@pytest.mark.parametrize("refusal", ["", 5, {"a": 1}])
def test_the_refusal_of_the_content_counts_where_the_message_has_none(refusal: Any) -> None:
    answer = answer_of(choice([{"type": "refusal", "refusal": "no"}], refusal=refusal))
    assert (answer.outcome, answer.refusal) == (Outcome.REFUSED, "no")


CUT = "The answer was cut off (finish_reason 'max_tokens')"
FILTER = "The provider's content filter withheld or cut the answer"


@pytest.mark.parametrize(
    ("one", "detail"),
    [
        (choice("hi", "content_filter"), f"{FILTER}."),
        (choice("hi", "SAFETY"), f"{FILTER} (finish_reason 'SAFETY')."),
        (choice("I cannot.", "refusal"), "The model refused to answer (finish_reason 'refusal')."),
        (choice("hi", "abort"), "The provider ended this choice with finish_reason 'abort'."),
        (choice("hi", "length"), "The answer was cut off (finish_reason 'length') after 2 characters."),
        (
            choice(None, "max_tokens"),
            f"{CUT} before any text arrived; reasoning counts towards the token limit too.",
        ),
        ({"index": 0, "finish_reason": "stop"}, "The choice has no message."),
        (choice(None), "The answer has no text."),
        (choice(" \n"), "The answer has only white space."),
        (choice(None, images=[{"type": "image_url"}]), "The answer has images, but no text."),
        (choice(None, audio={"id": "a", "data": "QQ=="}), "The answer has audio, but no transcript."),
        (choice(None, reasoning="hm"), "The answer has reasoning, but no text."),
        (
            choice([{"type": "reference", "reference_ids": [1]}]),
            "The content has no text, only parts of type reference.",
        ),
        (choice(None, "tool_calls"), "The model ended for a tool call without making one."),
        (choice(None, "tool_calls", tool_calls=[CALL]), "The model called f."),
        (
            choice(None, "tool_calls", tool_calls=[{"id": "1", "type": "shell_call"}]),
            "The model called shell_call.",
        ),
        (
            choice(None, "tool_calls", tool_calls=[{"id": "1", "function": {"name": "g"}}]),
            "The model called g.",
        ),
    ],
)
def test_why_an_answer_is_not_ok_is_told_in_a_sentence(one: dict[str, Any], detail: str) -> None:
    for declared in ({"tools": [{}]}, {"functions": [{}]}):
        assert answer_of(one, **declared).detail == detail


def test_what_is_not_json_is_told_by_its_place_and_by_nothing_else() -> None:
    detail = answer_of(choice("Sure! {}"), **JSON_ASKED).detail
    assert detail == "The answer is not JSON: Expecting value at line 1, column 1."


@pytest.mark.parametrize(("id_", "known"), [("c1", "c1"), (5, "5"), (True, None), (None, None), ([], None)])
def test_an_id_is_a_text_or_a_number(id_: Any, known: str | None) -> None:
    assert raw(json.dumps({"id": id_, "choices": [choice()]}).encode()).id == known


def test_the_providers_own_finish_reason_is_kept() -> None:
    assert answer_of(choice("hi", "eos")).finish_reason == "eos"
    assert answer_of(choice("hi", None)).finish_reason is None


@pytest.mark.parametrize(
    "message",
    [
        {"content": "hi"},
        {"content": None, "tool_calls": [CALL]},
        {"content": None, "refusal": "no"},
        {"content": None},
    ],
)
def test_an_unknown_finish_reason_is_an_error_whatever_came_with_it(message: dict[str, Any]) -> None:
    answer = answer_of(choice(finish="wandered_off", **message), tools=[{}])
    assert answer.error is not None
    assert (answer.outcome, answer.error.code, answer.error.retryable) == (
        Outcome.ERROR,
        "unknown_finish_reason",
        False,
    )
    assert (answer.finish_reason, answer.text) == ("wandered_off", message["content"])
    assert "finish_reasons" in (answer.error.hint or "")


@pytest.mark.parametrize("word", [0, 1, True, False, ["stop"], {"type": "stop"}, {}, [], " ", "x" * 10_000])
def test_a_finish_reason_of_any_other_kind_is_unknown(word: Any) -> None:
    for one in (
        choice("hi", word),
        {**choice("hi", word), "delta": {"content": "hi"}},
    ):
        for body in (
            json.dumps({"choices": [one]}).encode(),
            b"data: " + json.dumps({"choices": [one]}).encode() + b"\n\ndata: [DONE]\n\n",
        ):
            (answer,) = raw(body).answers
            assert answer.error is not None
            assert answer.error.code == "unknown_finish_reason"
            assert len(answer.error.message) <= 500


def test_an_unknown_finish_reason_is_told_up_to_its_200th_character() -> None:
    for word in ("x" * 1000, ["x" * 1000]):
        error = answer_of(choice("hi", word)).error
        assert error is not None
        told = error.message.partition("'")[2].partition("'")[0]
        assert len(told) == 200


@pytest.mark.parametrize("word", ["abort", "insufficient_system_resource", "MALFORMED_FUNCTION_CALL"])
def test_a_choice_that_the_server_broke_off_may_be_asked_for_again(word: str) -> None:
    error = answer_of(choice("half of", word)).error
    assert error is not None
    assert (error.code, error.retryable) == ("generation_failed", True)


def test_a_turn_that_is_paused_is_an_error_of_its_own() -> None:
    error = answer_of(choice("half of", "pause_turn")).error
    assert error is not None
    assert (error.code, error.retryable) == ("paused_turn", False)


def test_a_refusal_told_by_its_finish_reason_keeps_its_text() -> None:
    answer = answer_of(choice("I cannot.", "refusal"))
    assert (answer.outcome, answer.text) == (Outcome.REFUSED, "I cannot.")


@pytest.mark.parametrize(
    ("declared", "outcome"),
    [
        ("stop", Outcome.OK),
        ("length", Outcome.TRUNCATED),
        ("content_filter", Outcome.FILTERED),
        ("error", Outcome.ERROR),
    ],
)
def test_a_declared_finish_reason_is_read_as_declared(declared: Any, outcome: Outcome) -> None:
    for body in (
        json.dumps({"choices": [choice("hi", "Wandered_Off")]}).encode(),
        b'data: {"choices":[{"delta":{"content":"hi"},"finish_reason":"Wandered_Off"}]}\n\ndata: [DONE]\n\n',
    ):
        (answer,) = read_reply(200, {}, body, request={}, finish_reasons={"wanderedoff": declared}).answers
        assert (answer.outcome, answer.text, answer.finish_reason) == (outcome, "hi", "Wandered_Off")


def test_parts_are_joined_without_the_thinking() -> None:
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b"},
    ]
    answer = answer_of(choice(parts))
    assert (answer.text, answer.detail) == ("ab", None)


def test_parts_that_are_left_out_are_named() -> None:
    answer = answer_of(choice([{"type": "text", "text": "a"}, {"type": "reference", "reference_ids": [1]}]))
    assert (answer.outcome, answer.text) == (Outcome.OK, "a")
    assert "reference" in (answer.detail or "")


def test_tool_calls_are_handed_over_as_they_came() -> None:
    answer = answer_of(choice("let me", "tool_calls", tool_calls=[CALL]), tools=[{}])
    assert (answer.tool_calls, answer.text, answer.detail) == ((CALL,), "let me", "The model called f.")


def test_a_call_nobody_declared_is_said() -> None:
    assert "declares no tools" in (answer_of(choice(None, "tool_calls", tool_calls=[CALL])).detail or "")


def test_the_function_call_of_old_is_a_tool_call() -> None:
    answer = answer_of(choice(None, "function_call", function_call={"name": "f", "arguments": "{}"}))
    assert answer.tool_calls == ({"type": "function", "function": {"name": "f", "arguments": "{}"}},)


@pytest.mark.parametrize("kind", ["json_schema", "json_object"])
def test_json_is_parsed_where_it_was_asked_for(kind: str) -> None:
    answer = answer_of(choice(' {"b": 1, "a": [2.5]}\n'), response_format={"type": kind})
    assert (answer.outcome, answer.output, answer.text) == (
        Outcome.OK,
        {"b": 1, "a": [2.5]},
        ' {"b": 1, "a": [2.5]}\n',
    )


@pytest.mark.parametrize(
    "request_fields", [{}, {"response_format": {"type": "text"}}, {"response_format": None}]
)
def test_json_is_not_parsed_where_it_was_not(request_fields: dict[str, Any]) -> None:
    answer = answer_of(choice('{"a": 1}'), **request_fields)
    assert (answer.outcome, answer.output) == (Outcome.OK, None)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("<think>hm</think>{}", "<think>"),
        ("```json\n{}\n```", "``` code fence"),
        ("Sure! {}", "line 1, column 1"),
        ('{"a": 1, "a": 2}', "twice"),
        ('{"a": NaN}', "NaN"),
        ('{"a":', "line 1, column 6"),
        ("[" * 100_000, "nested more than 100 levels deep"),
    ],
)
def test_what_is_not_json_is_unparsable_and_not_repaired(content: str, said: str) -> None:
    answer = answer_of(choice(content), **JSON_ASKED)
    assert (answer.outcome, answer.output, answer.text) == (Outcome.UNPARSABLE, None, content)
    assert said in (answer.detail or "")


def test_half_a_character_is_unparsable_and_can_be_stored() -> None:
    answer = answer_of(choice("a\ud83d"))
    assert (answer.outcome, answer.text) == (Outcome.UNPARSABLE, r"a\ud83d")


def test_choices_come_in_the_order_of_their_indexes() -> None:
    reply = reply_of(choice("b", index=1), choice("a", index=0), request={"n": 2})
    assert [(answer.choice, answer.text) for answer in reply.answers] == [(0, "a"), (1, "b")]


def test_choices_that_are_all_numbered_0_are_taken_in_their_order() -> None:
    reply = reply_of(choice("a"), choice("b"), request={"n": 2})
    assert [(answer.choice, answer.text) for answer in reply.answers] == [(0, "a"), (1, "b")]


@pytest.mark.parametrize("indexes", [(1, 2), (-1, 0), (5, 7), (None, None), ("a", "b"), (0, 2)])
def test_choices_whose_numbers_cannot_be_right_are_taken_in_their_order(indexes: tuple[Any, Any]) -> None:
    first, second = indexes
    reply = reply_of(choice("a", index=first), choice("b", index=second), request={"n": 2})
    assert [(answer.choice, answer.text) for answer in reply.answers] == [(0, "a"), (1, "b")]


@pytest.mark.parametrize("n", [0, 1, -1, True, None, "2", 2.0])
def test_one_choice_is_expected_where_no_number_above_1_was_asked_for(n: Any) -> None:
    assert [answer.text for answer in reply_of(choice("a"), request={"n": n}).answers] == ["a"]
    assert reply_of(choice("a"), choice("b"), request={"n": n}).answers == ()


@pytest.mark.parametrize(
    ("n", "said"),
    [(1, "2 choices arrived but 1 was requested"), (2, "3 choices arrived but 2 were requested")],
)
def test_choices_that_nobody_asked_for_are_counted(n: int, said: str) -> None:
    error = reply_of(*[choice("a")] * (n + 1), request={"n": n}).error
    assert error is not None
    assert error.message.startswith(said)


def test_each_choice_that_did_not_come_is_an_error() -> None:
    reply = reply_of(choice("b", index=1), request={"n": 3})
    assert [(a.choice, a.outcome, a.error and a.error.code) for a in reply.answers] == [
        (0, Outcome.ERROR, "missing_choice"),
        (1, Outcome.OK, None),
        (2, Outcome.ERROR, "missing_choice"),
    ]


def test_what_stands_beside_the_answers_is_kept() -> None:
    reply = reply_of(choice(), model="m-2026", usage={"total_tokens": 3})
    assert (reply.id, reply.served_model, reply.usage) == ("c1", "m-2026", {"total_tokens": 3})
    assert reply.error is None


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"error": {"message": "m", "code": "server_error"}, "choices": [choice()]}, "server_error"),
        ({"error": "Unexpected endpoint or method."}, "provider_error"),
        ({"object": "error", "message": "m", "code": 400}, "400"),
        ({"choices": []}, "malformed_response"),
        ({"choices": None}, "malformed_response"),
        ({"id": "x"}, "malformed_response"),
        ({"detail": "m"}, "malformed_response"),
        ([], "malformed_response"),
        ("text", "malformed_response"),
        ([{"error": {"message": "m", "code": 429}}], "429"),
    ],
)
def test_status_200_is_no_proof_of_an_answer(payload: Any, code: str) -> None:
    reply = raw(json.dumps(payload).encode())
    assert reply.answers == ()
    assert reply.error is not None
    assert reply.error.code == code


def test_what_calls_itself_an_error_is_one_whatever_came_with_it() -> None:
    reply = reply_of(choice("hi"), object="error", message="m", code=400)
    assert reply.error is not None
    assert (reply.answers, reply.error.code, reply.error.message) == ((), "400", "m")


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({"id": "x"}, "The response has no choices, so it is not a chat completion."),
        ({"detail": "No such model"}, "No such model"),
    ],
)
def test_a_body_without_choices_says_what_it_says_itself(payload: Any, message: str) -> None:
    error = raw(json.dumps(payload).encode()).error
    assert error is not None
    assert error.message == message


@pytest.mark.parametrize(
    ("choices", "extra"), [([], None), ([None], None), (["x"], {"choice": {"choice": "x"}})]
)
def test_what_had_come_before_an_error_is_the_first_choice_or_nothing(choices: Any, extra: Any) -> None:
    reply = raw(json.dumps({"error": {"message": "m"}, "choices": choices}).encode())
    assert reply.error is not None
    assert reply.partial == (None if extra is None else Answer(0, Outcome.OK, extra=extra))


REFUSED_BY_FILTER = {"message": "Sorry.", "code": "content_filter"}


def test_a_verdict_holds_for_each_choice_that_was_asked_for_and_is_told_with_the_first() -> None:
    body = {
        "error": REFUSED_BY_FILTER,
        "id": "c9",
        "model": "m-2026",
        "usage": {"total_tokens": 3},
        "note": "x",
    }
    reply = read_reply(400, {}, json.dumps(body).encode(), request={"n": 3})
    assert [(answer.choice, answer.outcome, answer.extra) for answer in reply.answers] == [
        (0, Outcome.FILTERED, {"error": REFUSED_BY_FILTER, "completion": {"note": "x"}}),
        (1, Outcome.FILTERED, None),
        (2, Outcome.FILTERED, None),
    ]
    assert (reply.id, reply.served_model, reply.usage) == ("c9", "m-2026", {"total_tokens": 3})


def test_a_verdict_beside_fewer_choices_than_asked_for_holds_for_the_others_too() -> None:
    reply = reply_of(choice("a"), error=REFUSED_BY_FILTER, request={"n": 3})
    assert [(answer.outcome, answer.text) for answer in reply.answers] == [
        (Outcome.FILTERED, "a"),
        (Outcome.FILTERED, None),
        (Outcome.FILTERED, None),
    ]


def test_choices_beyond_those_asked_for_are_kept_with_the_first_beside_a_verdict() -> None:
    surplus = choice("c")
    reply = reply_of(choice("a"), choice("b"), surplus, error=REFUSED_BY_FILTER, request={"n": 2})
    assert [answer.text for answer in reply.answers] == ["a", "b"]
    assert [(answer.extra or {}).get("choices") for answer in reply.answers] == [[surplus], None]


def test_a_verdict_in_a_body_that_is_no_json_keeps_the_body_only_of_a_paid_response() -> None:
    kept = {"completion": {"body": "Content Exists Risk"}}
    for status, extra in ((400, None), (300, None), (199, None), (200, kept), (299, kept)):
        (answer,) = read_reply(status, {}, b"Content Exists Risk", request={}).answers
        assert (answer.outcome, answer.extra) == (Outcome.FILTERED, extra)


def test_the_hint_says_whether_a_key_was_sent() -> None:
    body = b'{"error": {"message": "m"}}'
    said, with_a_key, without = (
        reply.error and reply.error.hint
        for reply in (
            read_reply(401, {}, body, request={}),
            read_reply(401, {}, body, request={}, keyed=True),
            read_reply(401, {}, body, request={}, keyed=False),
        )
    )
    assert said == with_a_key
    assert "no key was sent" not in str(with_a_key)
    assert "no key was sent" in str(without)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  \n",
        b"<html><title>Login</title></html>",
        b"Hello",
        b'{"choices": [',
        b"\xff\xfe{",
        b"[" * 100_000,
    ],
)
def test_a_body_that_is_no_json_is_an_error(body: bytes) -> None:
    error = raw(body).error
    assert error is not None
    assert error.code == "non_json_body"


def test_a_body_that_was_cut_may_be_asked_for_again_and_a_page_not() -> None:
    cut, page = raw(b'{"choices": [').error, raw(b"<html>").error
    assert cut is not None
    assert page is not None
    assert (cut.retryable, page.retryable) == (True, False)


@pytest.mark.parametrize("lead", [b"\xef\xbb\xbf", b"\n\n\n  "])
def test_a_bom_or_keep_alive_lines_before_the_json_are_fine(lead: bytes) -> None:
    body = lead + json.dumps({"choices": [choice()]}).encode()
    assert raw(body, "text/plain").answers[0].outcome is Outcome.OK
    assert raw(body, "text/event-stream").answers[0].outcome is Outcome.OK


STREAM = (
    b'data: {"choices":[{"index":0,"delta":{"content":"{}"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)


@pytest.mark.parametrize(("body", "kind"), [(STREAM, "text/event-stream; charset=utf-8"), (STREAM, "application/json"), (b": ping\n\n" + STREAM, ""), (b"\xef\xbb\xbf" + STREAM, "")])  # fmt: skip
def test_a_stream_is_known_by_its_content_type_or_its_beginning(body: bytes, kind: str) -> None:
    assert raw(body, kind, **JSON_ASKED).answers[0].output == {}


@pytest.mark.parametrize("line", [b"event: message", b"id: 1", b"retry: 10", b":", b"data:"])
def test_a_stream_may_begin_with_any_field_of_an_event(line: bytes) -> None:
    assert raw(line + b"\n" + STREAM, "", **JSON_ASKED).answers[0].output == {}


def test_a_stream_that_begins_with_an_error_field_is_the_error() -> None:
    error = raw(b'error: {"message": "Overloaded"}\n\n', "").error
    assert error is not None
    assert error.code != "non_json_body"


@pytest.mark.parametrize("name", ["content-type", "Content-Type"])
def test_what_begins_like_no_stream_is_one_by_its_content_type_alone(name: str) -> None:
    def output(kind: str) -> Any:
        reply = read_reply(200, {"x": "y", name: kind}, b"unknown: x\n" + STREAM, request=JSON_ASKED)
        return reply.answers[0].output if reply.error is None else reply.error.code

    assert output("text/event-stream; charset=utf-8") == {}
    assert output("TEXT/EVENT-STREAM") == {}
    assert output("text/plain") == "non_json_body"


def test_a_list_is_no_stream_whatever_its_content_type_says() -> None:
    body = json.dumps([{"choices": [choice("hi")]}]).encode()
    assert raw(body, "text/event-stream").answers[0].text == "hi"


@pytest.mark.parametrize("body", [STREAM, json.dumps({"choices": [choice("{}")]}).encode()])
@pytest.mark.parametrize(("status", "paid"), [(199, False), (200, True), (299, True), (300, False)])
def test_a_response_is_an_answer_only_with_a_status_of_success(body: bytes, status: int, paid: bool) -> None:
    reply = read_reply(status, {}, body, request=JSON_ASKED)
    assert (len(reply.answers) == 1) is paid
    assert (reply.error is None) is paid


@pytest.mark.parametrize(("status", "paid"), [(199, False), (200, True), (299, True), (300, False)])
def test_a_body_that_is_no_json_is_kept_only_with_a_status_of_success(status: int, paid: bool) -> None:
    reply = read_reply(status, {}, b"Hello", request={})
    assert (reply.partial is not None) is paid


def test_a_stream_that_was_cut_is_an_error() -> None:
    error = raw(b'data: {"choices":[{"index":0,"delta":{"content":"{}"}}]}\n\n', "text/event-stream").error
    assert error is not None
    assert (error.code, error.retryable) == ("stream_cut", True)


@pytest.mark.parametrize("status", [301, 400, 429, 500])
def test_any_other_status_is_an_error_whatever_the_body(status: int) -> None:
    reply = read_reply(status, {}, json.dumps({"choices": [choice()]}).encode(), request={})
    assert reply.answers == ()
    assert reply.error is not None
    assert reply.error.status == status


def assert_sound(reply: Reply) -> None:
    """What everything above relies on: answers or an error, nothing that cannot be stored, no ok without text."""
    assert bool(reply.answers) != (reply.error is not None)
    for answer in reply.answers:
        assert (answer.outcome is Outcome.ERROR) == (answer.error is not None)
        assert answer.outcome is not Outcome.OK or (answer.text or "").strip()
        for text in (
            answer.text,
            answer.refusal,
            answer.detail,
            answer.finish_reason,
            json.dumps(answer.tool_calls, ensure_ascii=False),
        ):
            (text or "").encode()
        json.dumps(answer.output, ensure_ascii=False, allow_nan=False).encode()
    json.dumps(reply.usage, ensure_ascii=False, allow_nan=False).encode()
    if reply.error:
        (reply.error.message + reply.error.code).encode()


statuses = st.sampled_from([200, 200, 204, 301, 400, 429, 500])
kinds = st.sampled_from(["application/json", "text/event-stream", "text/html", ""])


@given(st.binary(max_size=200), statuses, kinds)
@example(STREAM[:-40] + b"\xff\n\n", 200, "text/event-stream")
def test_any_bytes_are_read(body: bytes, status: int, kind: str) -> None:
    assert_sound(read_reply(status, {"content-type": kind}, body, request=JSON_ASKED))


leaves = st.sampled_from([None, True, 0, 1, -1, 2**70, 0.5, "", "hi", "{}", "\ud83d", "stop", "length", "tool_calls", "error", "text", "thinking"])  # fmt: skip
keys = st.sampled_from(["index", "message", "finish_reason", "content", "refusal", "tool_calls", "function_call", "function", "name", "error", "code", "choices", "usage", "id", "type", "text", "thinking", "delta"])  # fmt: skip
junk = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5), max_leaves=8
)
messages = st.dictionaries(keys, junk, max_size=5)
choices = st.fixed_dictionaries(
    {},
    optional={
        "index": junk,
        "message": messages | junk,
        "delta": messages | junk,
        "finish_reason": junk,
        "error": junk,
    },
)
completions = st.fixed_dictionaries(
    {"choices": st.lists(choices | junk, max_size=3)},
    optional={"error": junk, "usage": junk, "id": junk, "model": junk, "object": junk},
)


@pytest.mark.slow
@given(completions, st.booleans(), st.sampled_from([{}, {"n": 2}, JSON_ASKED, {"n": None, "tools": []}]))
def test_any_completion_or_chunk_is_read(
    payload: Any, as_stream: bool, request_fields: dict[str, Any]
) -> None:
    text = json.dumps(payload).encode()
    body = b"data: " + text + b"\n\ndata: [DONE]\n\n" if as_stream else text
    assert_sound(read_reply(200, {}, body, request=request_fields))


def test_a_hint_names_the_path_of_chat_completions_unless_another_is_given() -> None:
    body = json.dumps({"error": {"message": "This is not a chat model"}}).encode()
    error = read_reply(404, {}, body, request={}).error
    assert "this model is not served at /chat/completions" in ((error and error.hint) or "")


@pytest.mark.parametrize(("stated", "read"), [("fp_1", "fp_1"), ("", None), (None, None), (7, "7")])
def test_the_fingerprint_of_the_server_is_read(stated: Any, read: str | None) -> None:
    body = {
        "object": "chat.completion",
        "system_fingerprint": stated,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    }
    reply = read_reply(200, {}, json.dumps(body).encode(), request={})
    assert reply.fingerprint == read
