"""Write the page: entries in, one self-contained HTML file out that contacts no server. Pure, except for that file.

The parts that work without JavaScript (overview, fields, comparison) are written here. `page.js` builds the list of
cases and the view of a single case from the blocks, using only `textContent`. The Content-Security-Policy allows two
things, by their digests: our style and our script.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Template
from typing import Any, BinaryIO

from ..._version import __version__
from .blocks import Blocks
from .comparison import comparison_section
from .entry import STATES, ReportEntry, RunFacts
from .field_tables import field_tables
from .label_tables import label_tables
from .markup import Markup, element, joined
from .overview import overview
from .summary import Summary

__all__ = ["MARK", "HtmlReport", "csp_digest", "report_style"]

MARK = b'<!doctype html>\n<html lang="en" data-report="runner '
"""The beginning of every report."""

_PACKED = 64 * 1024 * 1024
"""Once this many bytes are packed, cases that passed are listed without their texts."""


class HtmlReport:
    """Writes a report to `file`: entries are packed into blocks as they arrive, which are on disk until the end."""

    def __init__(self, file: BinaryIO, facts: RunFacts) -> None:
        self._file = file
        self._facts = facts
        self._summary = Summary(compares=facts.against is not None)
        self._blocks = Blocks(facts.root)
        self._packed = tempfile.SpooledTemporaryFile(max_size=4 * 1024 * 1024)  # noqa: SIM115 - until the end
        self._brief = 0
        self._missing: list[str] = []
        self._notes = list(facts.notes)

    def add(self, entry: ReportEntry) -> None:
        """Add one answer."""
        why, change = self._summary.add(entry)
        brief = entry.state == "passed" and change in (None, "same") and self._blocks.packed > _PACKED
        self._brief += brief
        for block in self._blocks.add(entry, why, change, brief=brief):
            self._packed.write(block)

    def missing(self, name: str) -> None:
        """Add the name of a case that only the other run of a comparison has."""
        self._missing.append(name)

    def note(self, sentence: str) -> None:
        """Add a sentence to show above everything else."""
        self._notes.append(sentence)

    def discard(self) -> None:
        """Discard everything that was added."""
        self._packed.close()

    def end(self, *, complete: bool) -> None:
        """Write the report; pass `complete` as False if the run was cut short."""
        with self._packed:
            for block in self._blocks.end():
                self._packed.write(block)
            head, tail = self._around(complete=complete)
            self._file.write(head)
            self._packed.seek(0)
            shutil.copyfileobj(self._packed, self._file)
            self._file.write(tail)

    def _around(self, *, complete: bool) -> tuple[bytes, bytes]:
        """Return what comes before and after the blocks."""
        facts, summary = self._facts, self._summary
        compare = comparison_section(facts.against, summary, self._missing) if facts.against else Markup("")
        notes = [*self._notes]
        if not complete:
            notes.append("This run was cut short: cases without a request so far are not in this report.")
        if self._brief:
            notes.append(
                f"This run is large: {self._brief:,} cases that passed are listed without their texts. "
                f"All plots and counts are of all {summary.total:,} answers."
            )
        measured = {} if summary.measured is None else summary.measured.figures()
        fields = joined((label_tables(measured), field_tables(summary.fields)))
        parts = [("overview", "Overview"), ("cases", "Cases"), ("fields", "Fields")]
        if facts.against:
            parts.append(("compare", "Compare"))
        values = {
            "policy": _policy(),
            "version": __version__,
            "title": f"{facts.title} · runner report",
            "heading": facts.title,
            "facts": joined(
                element("div", element("dt", caption), element("dd", value)) for caption, value in facts.facts
            ),
            "nav": joined(element("a", caption, href=f"#{name}", data_part=name) for name, caption in parts),
            "notes": joined(element("p", note, class_="note") for note in notes),
            "overview": overview(summary),
            "fields": fields,
            "compare": compare,
            "footer": f"Written by runner {__version__} from the records of the run. It contacts no server.",
        }
        trusted = {"style": report_style(), "script": _script(), "data": Markup(_inert(_data(summary)))}
        template = Template(_read("page.html"))
        page = template.substitute(
            {name: joined([each]) for name, each in values.items()}, **trusted, blocks=_CUT
        )
        head, tail = page.split(_CUT)
        return head.encode(), tail.encode()


_CUT = "\0blocks\0"


def _data(summary: Summary) -> Mapping[str, Any]:
    """Return the data that the script needs besides the rows."""
    return {
        "total": summary.total,
        "states": [state for state in STATES if summary.states[state]],
        "reasons": [
            {"prompt": each.prompt, "kind": each.kind, "path": each.path, "message": each.message}
            for each in summary.reasons
        ],
    }


def _inert(value: Mapping[str, Any]) -> str:
    """Return JSON that cannot end a script or begin a comment."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c").replace(">", "\\u003e")


def _policy() -> str:
    """Return a policy under which only our style and our script work, and nothing is fetched, sent or framed."""
    style, script = (csp_digest(each) for each in (report_style(), _script()))
    return (
        f"default-src 'none'; script-src '{script}'; style-src '{style}'; img-src data:; media-src data:; base-uri 'none'; "
        "form-action 'none'"
    )


def csp_digest(text: str) -> str:
    """Return the digest by which a Content-Security-Policy allows a style or a script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def report_style() -> Markup:
    """Return the style of all pages."""
    return Markup("\n" + _read("page.css"))


@cache
def _script() -> Markup:
    return Markup("\n" + _read("page.js"))


def _read(name: str) -> str:
    return Path(__file__).with_name(name).read_text("utf-8")
