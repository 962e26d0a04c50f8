"""`--stream`: print the text of an answer as it arrives. The record is made from the same bytes at the end."""

from __future__ import annotations

from collections.abc import Callable

from ...wire.reply import Reply
from ...wire.sse import SseSplitter
from ..plan.job import Job

__all__ = ["StreamPrinter"]


class StreamPrinter:
    """Passes pieces of answers to `on_text(job, choice, text)` as they arrive.

    A retried request starts again from the beginning; `on_text` is then called with an empty text.
    """

    def __init__(self, on_text: Callable[[Job, int, str], None]) -> None:
        self._on_text = on_text

    def begin(self, job: Job) -> Callable[[bytes], None]:
        """Return a function that receives the bytes of one response."""
        splitter, reader = SseSplitter(), job.unit.dialect.printer()
        self._on_text(job, 0, "")

        def receive(chunk: bytes) -> None:
            for event in splitter.feed(chunk):
                for choice, text in reader.feed(event):
                    self._on_text(job, choice, text)

        return receive

    def whole(self, job: Job, reply: Reply) -> None:
        """Print an answer that arrived in one piece (from the cache)."""
        self._on_text(job, 0, "")
        for answer in reply.answers:
            if answer.text:
                self._on_text(job, answer.choice, answer.text)
