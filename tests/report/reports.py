"""Reports made of records, and what is in them."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
from collections.abc import Iterable
from typing import Any

from runner.engine.journal.record import Record
from runner.report.html.entry import ReportEntry, RunFacts
from runner.report.html.page import HtmlReport
from runner.report.question import Question

__all__ = ["FACTS", "as_read", "asked", "entry", "report_of", "rows_of"]

FACTS = RunFacts("triage", (("run", "20261127T091500000Z-aaaaaa"), ("model", "gpt-test")))

_BLOCK = re.compile(r'<script type="application/gzip" class="block">([^<]*)</script>\n')


def asked(text: str = "I want my money back") -> Question:
    """A question of two messages."""
    return Question(
        [{"role": "system", "content": "Classify the ticket."}, {"role": "user", "content": text}]
    )


def entry(record: Record, **changes: Any) -> ReportEntry:
    """The entry of a record of a run."""
    state = "passed" if record["passed"] else "error" if record["outcome"] == "error" else "failed"
    given: dict[str, Any] = {"state": state, "question": asked()}
    return ReportEntry(record, **{**given, **changes})


def report_of(entries: Iterable[ReportEntry], facts: RunFacts = FACTS, missing: Iterable[str] = ()) -> str:
    """The whole page."""
    file = io.BytesIO()
    page = HtmlReport(file, facts)
    complete = False
    try:
        for each in entries:
            page.add(each)
        for name in missing:
            page.missing(name)
        complete = True
    finally:
        page.end(complete=complete)
    return file.getvalue().decode()


def rows_of(html: str) -> list[dict[str, Any]]:
    """What is packed in its blocks."""
    return [
        row
        for block in _BLOCK.findall(html)
        for row in json.loads(gzip.decompress(base64.b64decode(block, validate=True)))
    ]


def as_read(html: str) -> str:
    """The page for a golden file: blocks unpacked, style and script and their digests left out, one element a line."""
    html = re.sub(r"<style>.*?</style>", "<style>…</style>", html, flags=re.DOTALL)
    html = re.sub(r"<script>.*?</script>", "<script>…</script>", html, flags=re.DOTALL)
    html = re.sub(r"sha256-[A-Za-z0-9+/]{43}=", "sha256-…", html)
    html = re.sub(r"runner \d[\w.+]*", "runner VERSION", html)
    rows = rows_of(html)
    html = _BLOCK.sub("", html)
    html = re.sub(r"(</(?:div|tr|section|li|p|h\d|dl|thead|table)>)", r"\1\n", html)
    return html + json.dumps(rows, indent=1, ensure_ascii=False) + "\n"
