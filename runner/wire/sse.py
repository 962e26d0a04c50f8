"""Split bytes into server-sent events by the WHATWG HTML standard, section 9.2.6 "Interpreting an event stream".

Lines end at LF, CR or CRLF and nowhere else: U+2028 and similar characters occur unescaped in JSON texts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["SseEvent", "SseSplitter"]

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"
_LARGEST_EVENT = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SseEvent:
    """One event. `name` is its `event` field, or "message" without one.

    This module uses two names itself: "error" also for a line `error: {...}`, as older llama.cpp servers send it, and
    "fault" for the end of a stream that cannot be read further, with the reason in `data`.
    """

    data: str
    name: str = "message"


class SseSplitter:
    """Splits the bytes of one stream, in pieces of any size, into events; the events do not depend on the pieces.

    `largest` is the maximum size of an event in bytes. A larger event, or one that is not UTF-8, ends the stream with a
    "fault".
    """

    def __init__(self, *, largest: int = _LARGEST_EVENT) -> None:
        self._largest = largest
        self._line: list[bytes] = []  # pieces of the line that has not ended yet
        self._data: list[bytes] = []
        self._name = b""
        self._size = 0  # bytes of the event so far, including the unfinished line
        self._at_start = True
        self._after_cr = False
        self._over = False

    def feed(self, chunk: bytes) -> list[SseEvent]:
        """Return the events that `chunk` completes; none after a "fault"."""
        if self._over or not chunk:
            return []
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        self._after_cr = chunk.endswith(b"\r")
        *ended, rest = _LINE_END.split(chunk)
        events: list[SseEvent] = []
        for piece in ended:
            events.extend(self._hold(piece) or self._take_line())
            if events and events[-1].name == "fault":
                return events
        return events + self._hold(rest)

    def close(self) -> bool:
        """End the stream. Return whether it ended within an event, which is then discarded, as in the standard."""
        unfinished = not self._over and (bool(self._data) or any(self._line))
        self._over = True
        return unfinished

    def _hold(self, piece: bytes) -> list[SseEvent]:
        self._line.append(piece)
        self._size += len(piece)
        if self._size > self._largest:
            return [self._fault(f"one event of the stream is larger than {self._largest} bytes")]
        return []

    def _take_line(self) -> list[SseEvent]:
        line = b"".join(self._line)
        self._line.clear()
        if self._at_start:
            line = line.removeprefix(_BOM)
            self._at_start = False
        if not line:
            return self._dispatch()
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
        elif field == b"error":
            self._data.append(value)
            self._name = b"error"
        elif field == b"event":
            self._name = value
        else:  # a comment (nothing before the colon), id, retry or an unknown field: not part of the event
            self._size -= len(line)
        return []

    def _dispatch(self) -> list[SseEvent]:
        data, name, given = b"\n".join(self._data), self._name, bool(self._data)
        self._data.clear()
        self._name = b""
        self._size = 0
        if not given:
            return []
        try:
            return [SseEvent(data.decode(), name.decode() or "message")]
        except UnicodeDecodeError:
            return [self._fault("an event of the stream is not UTF-8 text")]

    def _fault(self, reason: str) -> SseEvent:
        self._over = True
        return SseEvent(reason, "fault")
