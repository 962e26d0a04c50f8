"""From a response to outcomes: what came, judged in one fixed order, without repairing anything.

The order is that of OpenAI's own clients for structured outputs: cut off, filtered, refused, tool call, empty,
then the text itself. An answer that parses but was cut off is still cut off.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from ..finish_reasons import NONE_DECLARED, Declared, Ending, ending_of
from ..values import Json, JsonObject
from .content import Content, read_content
from .decoding import decode_envelope, parse_answer, visible
from .provider_errors import error_from, error_message, read_error
from .reply import Answer, Outcome, ProviderError, Reply
from .stream import read_stream

__all__ = ["end_early", "read_reply"]

_LONGEST_WORD = 200

_STREAM_STARTS = (b"data:", b"event:", b"error:", b"id:", b"retry:", b":")


def read_reply(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    request: JsonObject,
    finish_reasons: Mapping[str, Declared] = NONE_DECLARED,
) -> Reply:
    """What one exchange came to. `request` is the body that was sent: its `n`, `tools` and `response_format` count.

    `finish_reasons` says what an endpoint's own words mean, by their `word_key`. Never raises, whatever the bytes are: an answer that is not one becomes an outcome or an error. `output` is
    parsed for response_format json_schema and json_object; validating it against the schema is not done here.
    """
    if not 200 <= status < 300:
        return Reply(error=read_error(status, headers, body))
    completion: Json | ProviderError
    if _is_stream(headers, body):
        completion = read_stream(body, headers, finish_reasons)
    else:
        try:
            completion = decode_envelope(body)
        except ValueError:
            return Reply(error=read_error(status, headers, body))
    if isinstance(completion, ProviderError):
        return Reply(error=completion)
    return _read_completion(completion, status, headers, request, finish_reasons)


def _is_stream(headers: Mapping[str, str], body: bytes) -> bool:
    start = body[:1024].removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith((b"{", b"[")):
        return False
    kind = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    return start.startswith(_STREAM_STARTS) or kind.lower().startswith("text/event-stream")


def _read_completion(
    completion: Json,
    status: int,
    headers: Mapping[str, str],
    request: JsonObject,
    finish_reasons: Mapping[str, Declared],
) -> Reply:
    if isinstance(completion, list) and len(completion) == 1:
        completion = completion[0]
    if not isinstance(completion, dict):
        return Reply(error=_malformed("a body that is no JSON object", status, headers))
    if completion.get("error") is not None or completion.get("object") == "error":
        return Reply(error=error_from(completion, status, headers))
    choices = completion.get("choices")
    if not isinstance(choices, list) or not choices:
        said = error_message(completion)
        if said:
            return Reply(error=error_from(completion, status, headers, code="malformed_response"))
        return Reply(error=_malformed("no choices", status, headers))
    usage = visible(completion.get("usage"))
    return Reply(
        answers=_read_choices(choices, status, headers, request, finish_reasons),
        id=_word(completion.get("id")) or None,
        served_model=_word(completion.get("model")) or None,
        usage=usage if isinstance(usage, dict) else None,
        system_fingerprint=_word(completion.get("system_fingerprint")) or None,
        service_tier=_word(completion.get("service_tier")) or None,
    )


def _read_choices(
    choices: list[Json],
    status: int,
    headers: Mapping[str, str],
    request: JsonObject,
    finish_reasons: Mapping[str, Declared],
) -> tuple[Answer, ...]:
    """The answers by index, one for each choice that was asked for, whether it came or not."""
    asked = request.get("n")
    expected = asked if isinstance(asked, int) else 1
    if expected == 1 == len(choices):
        return (_read_choice(0, choices[0], status, headers, request, finish_reasons),)
    answers: dict[int, Answer] = {}
    for index, choice in zip(_indexes(choices, expected), choices, strict=True):
        answers[index] = _read_choice(index, choice, status, headers, request, finish_reasons)
    for index in range(expected):
        if index not in answers:
            message = f"Choice {index} of the {expected} asked for did not come."
            missing = ProviderError(code="missing_choice", message=message, status=status)
            answers[index] = Answer(index, Outcome.ERROR, detail=message, error=missing)
    return tuple(answers[index] for index in sorted(answers))


def _indexes(choices: list[Json], expected: int) -> list[int]:
    """Each choice's own index; their order where the indexes cannot be right (relays number all of them 0)."""
    most = max(len(choices), expected)
    own = [choice.get("index") if isinstance(choice, dict) else None for choice in choices]
    usable = [index for index in own if isinstance(index, int) and 0 <= index < most]
    return usable if len(set(usable)) == len(choices) else list(range(len(choices)))


def _read_choice(
    index: int,
    choice: Json,
    status: int,
    headers: Mapping[str, str],
    request: JsonObject,
    finish_reasons: Mapping[str, Declared],
) -> Answer:
    if not isinstance(choice, dict):
        error = _malformed("a choice that is no JSON object", status, headers)
        return Answer(index, Outcome.ERROR, detail=error.message, error=error)
    message = choice.get("message")
    fields = message if isinstance(message, dict) else {}
    content = read_content(fields.get("content"))
    refusal = fields.get("refusal")
    answer = Answer(
        index,
        Outcome.OK,
        text=None if content.text is None else str(visible(content.text)),
        finish_reason=_finish_word(choice.get("finish_reason")),
        refusal=_word(refusal if isinstance(refusal, str) and refusal else content.refusal) or None,
        tool_calls=_tool_calls(fields),
    )
    if choice.get("error") is not None:
        return _failed(answer, error_from({"error": choice["error"]}, status, headers))
    ending = ending_of(answer.finish_reason, finish_reasons)
    if (ended := end_early(answer, ending, status)) is not None:
        return ended
    if answer.refusal:
        return answer._replace(
            outcome=Outcome.REFUSED, text=answer.refusal, detail="The model refused to answer."
        )
    if answer.tool_calls or ending is Ending.CALL:
        return answer._replace(outcome=Outcome.TOOL_CALL, detail=_why_called(answer, request))
    if not (answer.text or "").strip():
        return answer._replace(outcome=Outcome.EMPTY, detail=_why_empty(message, content, fields))
    return _read_text(answer, content, request)


def end_early(answer: Answer, ending: Ending, status: int | None = None) -> Answer | None:
    """The answer that its finish_reason decides, whatever else it holds; None where it may be what it seems."""
    word = (answer.finish_reason or "")[:_LONGEST_WORD]
    match ending:
        case Ending.STOP | Ending.CALL:
            return None
        case Ending.LENGTH:
            return answer._replace(outcome=Outcome.TRUNCATED, detail=_why_cut(answer))
        case Ending.FILTER:
            said = "The provider's content filter withheld or cut the answer"
            told = "" if word == "content_filter" else f" (finish_reason {word!r})"
            return answer._replace(outcome=Outcome.FILTERED, detail=f"{said}{told}.")
        case Ending.REFUSAL:
            said = f"The model refused to answer (finish_reason {word!r})."
            return answer._replace(outcome=Outcome.REFUSED, text=answer.refusal or answer.text, detail=said)
        case Ending.BROKEN:
            said = f"The provider ended this choice with finish_reason {word!r}."
            return _failed(answer, ProviderError("generation_failed", said, status=status, retryable=True))
        case Ending.PAUSE:
            said = (
                f"The turn is not over (finish_reason {word!r}): the provider waits for it to be sent back."
            )
            return _failed(answer, ProviderError("paused_turn", said, status=status, hint=_PAUSED))
        case Ending.UNKNOWN:
            said = f"Nobody knows whether the answer is whole: the finish_reason {word!r} is not a known one."
            return _failed(answer, ProviderError("unknown_finish_reason", said, status=status, hint=_DECLARE))


_PAUSED = "runner sends one request a case and does not go on with a turn"
_DECLARE = (
    "if you know what it means, say so in runner.yaml, under finish_reasons of the endpoint:"
    " stop, length, content_filter or error"
)


def _read_text(answer: Answer, content: Content, request: JsonObject) -> Answer:
    """The answer that has a text: parsed if the request asked for JSON."""
    text = content.text or ""
    remarks = []
    if content.other:
        remarks.append(
            f"The content has parts of other types than text, which are left out: {', '.join(content.other)}."
        )
    detail = " ".join(remarks) or None
    if text != answer.text:
        return answer._replace(
            outcome=Outcome.UNPARSABLE,
            detail="The answer holds half of a surrogate pair, which is no text.",
        )
    asked = request.get("response_format")
    if not isinstance(asked, Mapping) or asked.get("type") not in ("json_schema", "json_object"):
        return answer._replace(detail=detail)
    try:
        return answer._replace(output=parse_answer(text), detail=detail)
    except ValueError as problem:
        return answer._replace(
            outcome=Outcome.UNPARSABLE, detail=f"The answer is not JSON: {problem}{_wrapping(text)}."
        )


def _wrapping(text: str) -> str:
    start = text.lstrip()
    if start.startswith("<think>"):
        return "; it begins with <think> reasoning, which is not stripped"
    if start.startswith("```"):
        return "; it stands in a ``` fence, which is not stripped"
    return ""


def _why_cut(answer: Answer) -> str:
    said = f"The answer was cut off (finish_reason {(answer.finish_reason or '')[:_LONGEST_WORD]!r})"
    if not answer.text:
        return f"{said} before any text came; reasoning counts towards the token limit too."
    return f"{said} after {len(answer.text)} characters."


def _why_called(answer: Answer, request: JsonObject) -> str:
    names = [
        function.get("name")
        for call in answer.tool_calls
        if isinstance(function := call.get("function"), dict)
    ]
    what = (
        f"called {', '.join(str(name) for name in names)}"
        if names
        else "ended for a tool call without making one"
    )
    undeclared = (
        "" if request.get("tools") or request.get("functions") else ", but the request declares no tools"
    )
    return f"The model {what}{undeclared}."


def _why_empty(message: Json, content: Content, fields: Mapping[str, Json]) -> str:
    if not isinstance(message, dict):
        return "The choice has no message."
    if content.other:
        return f"The content has no text, only parts of type {', '.join(content.other)}."
    if content.reasoning or fields.get("reasoning") or fields.get("reasoning_content"):
        return "The answer has reasoning, but no text."
    return "The answer has only white space." if content.text else "The answer has no text."


def _tool_calls(message: Mapping[str, Json]) -> tuple[Mapping[str, Json], ...]:
    """The calls as the provider sent them; the older single `function_call` in the form of today's.

    A `function_call` without a name is none: Snowflake sends every field of every message, empty.
    """
    calls = message.get("tool_calls")
    legacy = message.get("function_call")
    if not calls and not legacy:
        return ()
    listed = list(calls) if isinstance(calls, list) else []
    if isinstance(legacy, dict) and legacy.get("name"):
        listed.append({"type": "function", "function": legacy})
    return tuple(call for call in (visible(call) for call in listed) if isinstance(call, dict))


def _failed(answer: Answer, error: ProviderError) -> Answer:
    return answer._replace(outcome=Outcome.ERROR, detail=error.message, error=error)


def _malformed(what: str, status: int, headers: Mapping[str, str]) -> ProviderError:
    message = f"The response has {what}, so it is not a chat completion."
    return error_from({"error": {"message": message, "code": "malformed_response"}}, status, headers)


def _finish_word(value: Json) -> str | None:
    """A finish_reason as text. What is no text is spelled out, so that it is an unknown word and not a missing one."""
    if value is None or isinstance(value, str):
        return _word(value)
    return str(visible(json.dumps(value)))[:_LONGEST_WORD]


def _word(value: Json) -> str | None:
    """A field that should be text, as text; None where it is absent or cannot be."""
    if isinstance(value, str):
        return str(visible(value))
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
