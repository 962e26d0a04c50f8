"""Print one stored answer for `runner show`: the request, the answer, and the checks. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from ..engine.journal.record import Record
from ..errors import elided
from ..values import Json, JsonObject
from ..wire.usage import token_count
from .terminal.figures import count, dollars, duration, plural
from .terminal.painting import BOLD, DIM, GREEN, RED, YELLOW, Line
from .terminal.record_words import answer, error_text, label, status
from .terminal.terminal_text import visible, wrapped

__all__ = ["case_lines", "content_text", "message_lines"]

_STYLES = {"pass": GREEN, "FAIL": RED, "ERROR": YELLOW}
_MEDIA = 120
"""The number of characters shown of a media part: its beginning identifies it."""


def case_lines(
    record: Record,
    messages: Sequence[Json] | None,
    remark: str | None,
    *,
    width: int | None,
    row: int | None = None,
) -> Iterator[Line]:
    """Yield the lines of one record. `remark` is about the messages; `width` is the terminal's, None for no wrapping.

    Only the data of images, audio and files is shortened.
    """
    word = status(record)
    facts = [f"row {count(row)}"] if row is not None else []
    facts += _facts(record)
    name = f"{word:5}  {visible(label(record))}"
    yield Line(name, _STYLES[word], len(word))
    for line in wrapped(" · ".join(facts), None if width is None else width - 2):
        yield Line(f"  {line}", DIM)
    yield from _question(messages, remark, width)
    yield from _captioned("variables", _named(record["vars"]), width)
    yield from _captioned("other columns", _named(record.get("row", {})), width)
    if record.get("reasoning"):
        yield from _captioned("reasoning", [record["reasoning"]], width)
    yield from _captioned("answer", [_answer(record)], width)
    yield from _captioned("media", [_file_of(each) for each in record.get("media", ())], width)
    if record.get("tool_calls") and record["text"]:
        yield from _captioned("tool calls", [_json(record["tool_calls"])], width)
    yield from _verdict(record, width)


def _file_of(medium: JsonObject) -> str:
    """Return where a medium is, or what it is if it was not stored."""
    return str(medium.get("file") or f"{medium.get('type')}, sha256:{medium.get('sha256')}")


def content_text(content: Json) -> str:
    """Return the content of a message as text: text parts in full, other parts by their beginning."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return _json(content)
    parts = []
    for part in content:
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            parts.append(str(part["text"]))
        else:
            parts.append(f"[{elided(json.dumps(part, ensure_ascii=False), _MEDIA)}]")
    return "\n".join(parts)


def _facts(record: Record) -> Iterator[str]:
    if record["outcome"] != "ok":
        yield record["outcome"]
    if record["cached"]:
        yield "cached"
    elif record["latency_ms"] is not None:
        yield duration(record["latency_ms"] / 1000)
    counts = [token_count(record["usage"], name) for name in ("prompt_tokens", "completion_tokens")]
    said = [
        f"{count(number)} {way}"
        for number, way in zip(counts, ("in", "out"), strict=True)
        if number is not None
    ]
    if said:
        yield f"tokens: {', '.join(said)}"
    if record["cost"] is not None:
        yield dollars(record["cost"])
    if record["attempts"] > 1:
        yield plural(record["attempts"], "attempt")
    yield visible(record["served_model"] or record["model"])


def _question(messages: Sequence[Json] | None, remark: str | None, width: int | None) -> Iterator[Line]:
    yield Line("  question", BOLD)
    if remark is not None:
        yield from (Line(line, YELLOW) for line in _wrapped(f"({remark})", width, 4))
    yield from message_lines(messages, width)


def message_lines(messages: Sequence[Json] | None, width: int | None) -> Iterator[Line]:
    """Yield the lines of a request's messages, indented by four; only media are shortened."""
    for message in messages or ():
        if not isinstance(message, dict):
            continue
        role = str(message.get("role", "message"))
        named = f"{role} ({message['name']})" if message.get("name") else role
        yield Line(f"    {visible(named)}", DIM)
        texts = [content_text(message["content"])] if message.get("content") is not None else []
        texts += [_json(message[key]) for key in ("tool_calls", "refusal") if message.get(key)]
        for text in texts:
            yield from map(Line, _wrapped(text, width, 6))


def _named(values: Mapping[str, Json]) -> list[str]:
    return [
        f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in values.items()
    ]


def _answer(record: Record) -> str:
    if record["output"] is not None:
        return _json(record["output"])
    said = answer(record)
    if said is None:
        return "(no answer)" if record["outcome"] == "error" else "(no text)"
    return said if said.strip() else "(empty)"


def _verdict(record: Record, width: int | None) -> Iterator[Line]:
    problem = error_text(record)
    if problem is not None:
        yield from _captioned("error", [problem], width)
        assert record["error"] is not None
        if record["error"]["hint"]:
            yield from _captioned("hint", [record["error"]["hint"]], width)
    elif record["detail"]:
        yield from _captioned("detail", [record["detail"]], width)
    if record["checks"]:
        yield Line("  checks", BOLD)
    for check in record["checks"]:
        word, style = _WORDS[check["passed"]]
        name = f"{check['type']} {check['path'] or ''}".rstrip()
        first, *rest = wrapped(
            visible(f"{name}: {check['message']}"), None if width is None else max(width - 10, 20)
        )
        yield Line(f"    {word}  {first}", style, 8)
        yield from (Line(f"          {line}") for line in rest)


_WORDS = {True: ("pass", GREEN), False: ("FAIL", RED), None: ("n/a ", DIM)}
"""The word for a check; None: it does not apply to the answer."""


def _captioned(caption: str, texts: Sequence[str], width: int | None) -> Iterator[Line]:
    """Yield a caption and, below it, indented texts."""
    if not texts:
        return
    yield Line(f"  {visible(caption)}", BOLD)
    for text in texts:
        yield from map(Line, _wrapped(text, width, 4))


def _wrapped(text: str, width: int | None, indent: int) -> list[str]:
    """Return the visible lines of a text, indented, each at most `width` wide."""
    lines = wrapped(visible(text), None if width is None else max(width - indent, 20))
    return [" " * indent + line for line in lines]


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
