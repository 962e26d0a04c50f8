"""The events of a stream are those of the WHATWG standard, however its bytes are cut into pieces."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.wire.sse import SseEvent, SseSplitter


def events_of(*chunks: bytes, largest: int = 1000) -> list[SseEvent]:
    splitter = SseSplitter(largest=largest)
    return [event for chunk in chunks for event in splitter.feed(chunk)]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_lines_end_in_three_ways(end: bytes) -> None:
    assert events_of(end.join([b"data: a", b"", b"data: b", b"", b""])) == [SseEvent("a"), SseEvent("b")]


def test_lines_end_at_nothing_else() -> None:
    text = "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg"
    assert events_of(f"data: {text}\n\n".encode()) == [SseEvent(text)]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data:a\n\n", ["a"]),
        (b"data: a\n\n", ["a"]),
        (b"data:  a\n\n", [" a"]),
        (b"data: a\ndata: b\n\n", ["a\nb"]),
        (b"data\n\n", [""]),
        (b"\xef\xbb\xbfdata: a\n\n", ["a"]),
        (b": OPENROUTER PROCESSING\n\ndata: a\n\n", ["a"]),
        (b"id: 1\nretry: 5\nunknown: x\ndata: a\n\n", ["a"]),
        (b"\n\n\ndata: a\n\n\n", ["a"]),
        (b"event: ping\n\ndata: a\n\n", ["a"]),
        (b"data: a\n", []),
        (b"data: a", []),
        (b"", []),
    ],
)
def test_fields(stream: bytes, events: list[str]) -> None:
    assert events_of(stream) == [SseEvent(data) for data in events]


def test_event_field_names_its_event_only() -> None:
    assert events_of(b"event: error\ndata: a\n\ndata: b\n\n") == [SseEvent("a", "error"), SseEvent("b")]


def test_llama_cpp_error_line_is_an_error() -> None:
    assert events_of(b'error: {"code":500}\n\n') == [SseEvent('{"code":500}', "error")]


def test_an_event_cut_off_by_the_end_is_not_given_but_told() -> None:
    splitter = SseSplitter()
    assert splitter.feed(b"data: a\n\ndata: b") == [SseEvent("a")]
    assert splitter.close() is True
    assert splitter.feed(b"\n\n") == []


def test_a_stream_that_ends_between_events_ends_well() -> None:
    splitter = SseSplitter()
    splitter.feed(b"data: a\n\n")
    assert splitter.close() is False


def test_an_event_beyond_the_limit_ends_the_stream_with_a_fault() -> None:
    events = events_of(b"data: a\n\ndata: ", b"x" * 60, b"\n\ndata: b\n\n", largest=50)
    assert [event.name for event in events] == ["message", "fault"]


def test_many_lines_of_comments_are_no_event_and_have_no_limit() -> None:
    assert events_of(b": keep-alive\n" * 100 + b"data: a\n\n", largest=50) == [SseEvent("a")]


def test_what_is_not_utf8_ends_the_stream_with_a_fault() -> None:
    assert [event.name for event in events_of(b"data: \xff\n\ndata: b\n\n")] == ["fault"]


lines = st.sampled_from([b"data: a", b"data:", b"data: \xe2\x80\xa8", b"data: \xff", b": comment", b"event: error", b"error: {}", b"id: 7", b"", b"", b"", b"\xef\xbb\xbfdata: b", b"data: " + b"x" * 30])  # fmt: skip
ends = st.sampled_from([b"\n", b"\r", b"\r\n"])
streams = st.lists(st.tuples(lines, ends), max_size=12).map(
    lambda pairs: b"".join(line + end for line, end in pairs)
)


@given(
    streams | st.binary(max_size=60), st.lists(st.integers(0, 120), max_size=8), st.sampled_from([20, 1000])
)
def test_any_pieces_of_any_stream_give_the_same_events(stream: bytes, cuts: list[int], largest: int) -> None:
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    pieces = [stream[start:end] for start, end in pairwise(edges)]
    assert events_of(*pieces, largest=largest) == events_of(stream, largest=largest)


@given(streams)
def test_single_bytes_give_the_same_events(stream: bytes) -> None:
    assert events_of(*(stream[i : i + 1] for i in range(len(stream)))) == events_of(stream)
