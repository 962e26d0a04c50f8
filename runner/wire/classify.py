"""Classify a response into outcomes, in one fixed order and without repairing anything.

The order is that of OpenAI's own clients for structured outputs: cut off, filtered, refused, tool call, empty,
then the text itself. An answer that parses but was cut off is still cut off.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from ..finish_reasons import NONE_DECLARED, Declared, Ending, ending_of
from ..values import Json, JsonObject
from .decoding import decode_envelope, parse_answer, visible, visible_object, visible_text
from .early_endings import LONGEST_WORD, end_early, failed
from .error_rules import Asked
from .message_content import MessageContent, read_content
from .parts import completion_fields, reasoning_of, spoken, with_others, with_parts
from .provider_errors import error_from, error_message, read_error
from .reply import Answer, Outcome, ProviderError, Reply
from .stream import StreamAccumulator, StreamReader, feed_all
from .verdicts import ErrorOutcome, has_filtered, verdict_of

__all__ = ["read_reply"]

_STREAM_STARTS = (b"data:", b"event:", b"error:", b"id:", b"retry:", b":")


class _Exchange(NamedTuple):
    """One exchange: the request, and the facts about the response that are needed to read its choices."""

    status: int
    headers: Mapping[str, str]
    request: JsonObject
    finish_reasons: Mapping[str, Declared]
    keyed: bool
    path: str
    names: Mapping[str, tuple[str, ...]]

    @property
    def asked(self) -> Asked:
        """The facts about the request that its errors need."""
        return Asked(self.request, self.keyed, self.path, self.names)

    @property
    def expected(self) -> int:
        """The number of choices that were requested."""
        n = self.request.get("n")
        return n if isinstance(n, int) and not isinstance(n, bool) and n > 0 else 1

    def error(self, payload: Json, code: str | None = None) -> ProviderError:
        """Return the error in a body, a choice or an event."""
        return error_from(payload, self.status, self.headers, code=code, asked=self.asked)


def read_reply(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    request: JsonObject,
    finish_reasons: Mapping[str, Declared] = NONE_DECLARED,
    keyed: bool = True,
    path: str = "chat/completions",
    names: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    translate: Callable[[Json], Json] = lambda payload: payload,
    reader: Callable[[Mapping[str, str], Mapping[str, Declared], Asked], StreamReader] = StreamAccumulator,
) -> Reply:
    """Return the result of one exchange. `request` is the declared one: its `n`, `tools` and `response_format` count.

    `finish_reasons` has the meanings of an endpoint's own words, by their `word_key`; `keyed` is whether a key was sent;
    `path` is that of the operation, and `names` has the declared names of its fields (see `Asked`). Never raises, whatever the bytes are: an invalid answer becomes an outcome or an error. `output` is parsed for
    response_format json_schema and json_object, but not validated against the schema here. `translate` and `reader`
    convert another wire format to a chat completion, for a whole response and for a stream.
    """
    exchange = _Exchange(status, headers, request, finish_reasons, keyed, path, names)
    if 200 <= status < 300 and _is_stream(headers, body):
        stream = reader(headers, finish_reasons, exchange.asked)
        feed_all(stream, body)
        completion = stream.finish()
        if isinstance(completion, ProviderError):
            return _read_failure(stream.failure, completion, exchange, stream.so_far())
        return _read_completion(completion, exchange)
    try:
        payload = decode_envelope(body)
    except ValueError:
        error = read_error(status, headers, body, exchange.asked)
        text = body.decode("utf-8", "replace") if 200 <= status < 300 else ""
        return _read_failure(None, error, exchange, {"body": text})
    if not 200 <= status < 300:
        return _read_failure(payload, exchange.error(payload), exchange, {})
    return _read_completion(translate(payload), exchange)


def _is_stream(headers: Mapping[str, str], body: bytes) -> bool:
    start = body[:1024].removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith((b"{", b"[")):
        return False
    kind = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    return start.startswith(_STREAM_STARTS) or kind.lower().startswith("text/event-stream")


def _read_completion(completion: Json, exchange: _Exchange) -> Reply:
    whole = completion
    if isinstance(completion, list) and len(completion) == 1:
        completion = completion[0]
    if not isinstance(completion, dict):
        error = _malformed("a body that is not a JSON object", exchange)
        return _read_failure(None, error, exchange, {"body": whole})
    if completion.get("error") is not None or completion.get("object") == "error":
        return _read_failure(completion, exchange.error(completion), exchange, completion)
    choices = completion.get("choices")
    if not isinstance(choices, list) or not choices:
        error = (
            exchange.error(completion, "malformed_response")
            if error_message(completion)
            else _malformed("no choices", exchange)
        )
        return _read_failure(completion, error, exchange, completion)
    if len(choices) > exchange.expected:
        requested = f"{exchange.expected} {'was' if exchange.expected == 1 else 'were'} requested"
        message = f"{len(choices):,} choices arrived but {requested}: it is unknown which of them count"
        partial, left = _partial(completion, exchange)
        error = ProviderError("surplus_choices", f"{message}{left}.", status=exchange.status)
        return _with_facts(Reply(error=error, partial=partial), completion)
    return Reply(answers=_read_choices(choices, completion, exchange), **_facts(completion))


def _with_facts(reply: Reply, completion: Mapping[str, Json]) -> Reply:
    """Return the reply with the id, model and usage of a completion."""
    return reply._replace(**_facts(completion))


def _facts(completion: Mapping[str, Json]) -> dict[str, Any]:
    usage = completion.get("usage")
    return {
        "id": _word(completion.get("id")) or None,
        "served_model": _word(completion.get("model")) or None,
        "usage": visible_object(usage) if isinstance(usage, dict) else None,
        "fingerprint": _word(completion.get("system_fingerprint")) or None,
    }


def _read_failure(
    payload: Json, error: ProviderError, exchange: _Exchange, came: Mapping[str, Json]
) -> Reply:
    """Return an error as a reply, or the verdict in it. `payload` is its body, `came` everything that was received."""
    verdict = verdict_of(payload, error)
    if verdict is None:
        if not 200 <= exchange.status < 300:
            return Reply(error=error)
        return _with_facts(Reply(error=error, partial=_partial(came, exchange)[0]), came)
    if isinstance(payload, Mapping) and isinstance(payload.get("error"), Mapping) and not came:
        came = payload
    choices = came.get("choices")
    listed = choices[: exchange.expected] if isinstance(choices, list) else []
    if len(listed) < exchange.expected:
        listed = [*listed, *([{}] * (exchange.expected - len(listed)))]
    answers = [
        _judged(verdict, _read_parts(index, choice, came if index == 0 else {}, exchange))
        for index, choice in enumerate(listed)
    ]
    if isinstance(choices, list) and len(choices) > exchange.expected:
        answers[0], _ = with_others(answers[0], choices[exchange.expected :])
    return _with_facts(Reply(answers=tuple(answers)), came)


def _judged(verdict: ErrorOutcome, answer: Answer) -> Answer:
    """Return the answer that a provider's verdict determines, with any text that arrived before it."""
    recorded = {} if verdict.error is None or answer.choice else {"error": verdict.error}
    text = verdict.text or answer.text or verdict.text
    return answer._replace(
        outcome=Outcome.UNPARSABLE if text and verdict.outcome is Outcome.EMPTY else verdict.outcome,
        detail=verdict.detail,
        text=text,
        extra={**(answer.extra or {}), **recorded} or None,
    )


def _partial(came: Mapping[str, Json], exchange: _Exchange) -> tuple[Answer | None, str]:
    """Return the part of an answer that arrived before an error, and a phrase on how much of it is too long to store."""
    choices = came.get("choices")
    listed = choices if isinstance(choices, list) else []
    answer = _read_parts(0, listed[0] if listed else {}, came, exchange)
    answer, left = with_others(answer, listed[1:])
    return (answer if answer != Answer(0, Outcome.OK) else None), left


def _read_parts(index: int, choice: Json, completion: Mapping[str, Json], exchange: _Exchange) -> Answer:
    """Read a choice as received, without classifying it; its outcome is a placeholder."""
    fields = choice if isinstance(choice, dict) else {} if choice is None else {"choice": choice}
    message = fields.get("message")
    said = message if isinstance(message, dict) else {}
    content = read_content(said.get("content"))
    answer = _bare(index, fields, said, content)
    return with_parts(answer, fields, said, content, completion_fields(completion), exchange.request)


def _bare(
    index: int, choice: Mapping[str, Json], message: Mapping[str, Json], content: MessageContent
) -> Answer:
    refusal = message.get("refusal")
    text = content.text if (content.text or "").strip() else spoken(message) or content.text
    return Answer(
        index,
        Outcome.OK,
        text=None if text is None else visible_text(text),
        finish_reason=_finish_word(choice.get("finish_reason")),
        refusal=_word(refusal if isinstance(refusal, str) and refusal else content.refusal) or None,
        tool_calls=_tool_calls(message),
    )


def _read_choices(
    choices: list[Json], completion: Mapping[str, Json], exchange: _Exchange
) -> tuple[Answer, ...]:
    """Return the answers by index, one for each requested choice, whether it arrived or not."""
    expected = exchange.expected
    beside = completion_fields(completion)
    if expected == 1:
        return (_read_choice(0, choices[0], beside, exchange),)
    answers: dict[int, Answer] = {}
    for index, choice in sorted(
        zip(_indexes(choices, expected), choices, strict=True), key=lambda numbered: numbered[0]
    ):
        answers[index] = _read_choice(index, choice, beside if not answers else {}, exchange)
    for index in range(expected):
        if index not in answers:
            message = f"Choice {index} of the {expected} requested did not arrive."
            missing = ProviderError(code="missing_choice", message=message, status=exchange.status)
            answers[index] = Answer(index, Outcome.ERROR, detail=message, error=missing)
    return tuple(answers[index] for index in sorted(answers))


def _indexes(choices: list[Json], expected: int) -> list[int]:
    """Return each choice's own index, or their order if the indexes are wrong (relays number all of them 0)."""
    own = [choice.get("index") if isinstance(choice, dict) else None for choice in choices]
    usable = [index for index in own if isinstance(index, int) and 0 <= index < expected]
    return usable if len(set(usable)) == len(choices) else list(range(len(choices)))


def _read_choice(index: int, choice: Json, beside: Mapping[str, Json], exchange: _Exchange) -> Answer:
    """Classify one choice; `beside` has the fields beside the choices, which are added to the first one."""
    if not isinstance(choice, dict):
        error = _malformed("a choice that is not a JSON object", exchange)
        return failed(_read_parts(index, choice, beside, exchange), error)
    message = choice.get("message")
    fields = message if isinstance(message, dict) else {}
    content = read_content(fields.get("content"))
    answer = _outcome_of(_bare(index, choice, fields, content), choice, content, exchange)
    return with_parts(answer, choice, fields, content, beside, exchange.request)


def _outcome_of(
    answer: Answer, choice: Mapping[str, Json], content: MessageContent, exchange: _Exchange
) -> Answer:
    """Return the answer with its outcome, in the fixed order."""
    if choice.get("error") is not None:
        payload: Json = {"error": choice["error"]}
        error = exchange.error(payload)
        verdict = verdict_of(payload, error)
        return failed(answer, error) if verdict is None else _judged(verdict, answer)
    word = _counting_word(answer, choice, exchange)
    ending = ending_of(word, exchange.finish_reasons)
    if ending is not Ending.STOP:
        ended = end_early(answer._replace(finish_reason=word), ending, exchange.status)
        if ended is not None:
            return ended._replace(finish_reason=answer.finish_reason)
    if has_filtered(choice.get("content_filter_results")) or has_filtered(
        choice.get("content_filter_result")
    ):
        said = "The provider's content filter withheld or cut the answer (content_filter_results)."
        return answer._replace(outcome=Outcome.FILTERED, detail=said)
    if answer.refusal:
        return answer._replace(
            outcome=Outcome.REFUSED, text=answer.refusal, detail="The model refused to answer."
        )
    if answer.tool_calls or ending is Ending.CALL:
        detail = _why_called(answer, exchange.request)
        return answer._replace(outcome=Outcome.TOOL_CALL, detail=detail)
    if not (answer.text or "").strip():
        return answer._replace(outcome=Outcome.EMPTY, detail=_why_empty(choice.get("message"), content))
    return _read_text(answer, choice, content, exchange.request)


def _counting_word(answer: Answer, choice: Mapping[str, Json], exchange: _Exchange) -> str | None:
    """Return the word for how a choice ended: its finish_reason, unless the model's own word is known to be worse.

    If a choice has no finish_reason, the names that other APIs have for it count.
    """
    own = choice.get("native_finish_reason")
    if answer.finish_reason:
        if not isinstance(own, str):
            return answer.finish_reason
        good = ending_of(answer.finish_reason, exchange.finish_reasons) in (Ending.STOP, Ending.CALL)
        fine = (Ending.STOP, Ending.CALL, Ending.UNKNOWN)
        worse = ending_of(own, exchange.finish_reasons) not in fine
        return own if good and worse else answer.finish_reason
    details = choice.get("finish_details")
    others = (own, *map(choice.get, _OTHER_NAMES), details.get("type") if isinstance(details, dict) else None)
    return next((word for word in others if isinstance(word, str) and word), answer.finish_reason)


_OTHER_NAMES = ("finishReason", "stop_reason", "stopReason", "done_reason")


def _read_text(
    answer: Answer, choice: Mapping[str, Json], content: MessageContent, request: JsonObject
) -> Answer:
    """Classify an answer with a text: parse it if the request is for JSON."""
    message = choice.get("message")
    own = (
        content.text
        if (content.text or "").strip()
        else spoken(message)
        if isinstance(message, dict)
        else None
    )
    text = own or ""
    detail = None
    if content.other:
        kinds = ", ".join(content.other)
        detail = f"The content has parts that are not text, and not included in the text: {kinds}."
    if text != answer.text:
        return answer._replace(
            outcome=Outcome.UNPARSABLE,
            detail="The answer has half of a surrogate pair, which is not valid text.",
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
        return "; it is wrapped in a ``` code fence (fences are not stripped)"
    return ""


def _why_called(answer: Answer, request: JsonObject) -> str:
    names = [
        str(body.get("name") if isinstance(body, dict) else call.get("type"))
        for call in answer.tool_calls
        if isinstance(body := call.get("function") or call.get("custom"), dict) or call.get("type")
    ]
    what = f"called {', '.join(names)}" if names else "ended for a tool call without making one"
    undeclared = (
        "" if request.get("tools") or request.get("functions") else ", but the request declares no tools"
    )
    return f"The model {what}{undeclared}."


def _why_empty(message: Json, content: MessageContent) -> str:
    if not isinstance(message, dict):
        return "The choice has no message."
    if content.other:
        return f"The content has no text, only parts of type {', '.join(content.other)}."
    if message.get("images"):
        return "The answer has images, but no text."
    if message.get("audio"):
        return "The answer has audio, but no transcript."
    if reasoning_of(message, content):
        return "The answer has reasoning, but no text."
    return "The answer has only white space." if content.text else "The answer has no text."


def _tool_calls(message: Mapping[str, Json]) -> tuple[Mapping[str, Json], ...]:
    """Return the calls as the provider sent them; the older single `function_call` is converted to the current form.

    A `function_call` without a name is ignored: Snowflake sends every field of every message, empty.
    """
    calls = message.get("tool_calls")
    legacy = message.get("function_call")
    if not calls and not legacy:
        return ()
    listed = list(calls) if isinstance(calls, list) else []
    if isinstance(legacy, dict) and legacy.get("name"):
        listed.append({"type": "function", "function": legacy})
    return tuple(call for call in (visible(call) for call in listed) if isinstance(call, dict))


def _malformed(what: str, exchange: _Exchange) -> ProviderError:
    message = f"The response has {what}, so it is not a chat completion."
    return exchange.error({"error": {"message": message, "code": "malformed_response"}})


def _finish_word(value: Json) -> str | None:
    """Return a finish_reason as text. Other values become JSON text, so that they count as unknown and not as missing."""
    if value is None or isinstance(value, str):
        return _word(value)
    return visible_text(json.dumps(value))[:LONGEST_WORD]


def _word(value: Json) -> str | None:
    """Return a field that should be text as text, or None if it is absent or not convertible."""
    if isinstance(value, str):
        return visible_text(value)
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
