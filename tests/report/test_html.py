"""The contents of the HTML report's file."""

from __future__ import annotations

import base64
import gc
import hashlib
import io
import random
import re
import tracemalloc
from collections import Counter
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import runner.report.html
from runner.engine.journal.record import Record
from runner.errors import StorageError
from runner.regress.results import FieldChange
from runner.report.html.entry import Approved, Earlier, ReportEntry, RunFacts
from runner.report.html.page import HtmlReport
from runner.report.html.statistics import bins, mcnemar, quantile
from runner.report.question import Question
from tests.golden_files import assert_golden

from .hostile import HOSTILE
from .records import errored, failed, record, truncated
from .reports import FACTS, as_read, entry, report_of, rows_of

FOLDER = Path(runner.report.html.__file__).parent
EQUALS = {"type": "equals", "passed": True, "path": "$.category", "message": 'as expected: "refund"'}


def small_run() -> list[ReportEntry]:
    """One of everything."""
    changes = (
        FieldChange("$.category", "refund", "other", "exact", equal=False),
        FieldChange("$.confidence", 0.93, 0.9, "number abs 0.05", equal=True),
    )
    approved = Approved({"category": "refund", "confidence": 0.93}, changes, (4, 5))
    before = Earlier(failed(case="late", latency_ms=820.0, cost=0.0004), "failed")
    return [
        entry(record(case="late", checks=[{**EQUALS, "expected": "refund"}]), earlier=before),
        entry(failed(case="wrong"), approved=approved, verdict="differs from the approved answer"),
        entry(errored(case="busy")),
        entry(truncated(case="cut", variant="gpt-5")),
        entry(
            record(case="again", variant="gpt-5", cached=True, attempts=0),
            question=Question(None, "the prompt cannot be read"),
        ),
    ]


def test_a_small_run_reads_like_this() -> None:
    facts = RunFacts(
        FACTS.title, FACTS.facts, ("This run is stopped.",), against="20261126T091500000Z-bbbbbb"
    )
    assert_golden("report/small.txt", as_read(report_of(small_run(), facts, ["triage/gone"])))


def test_the_same_entries_make_the_same_bytes() -> None:
    assert report_of(small_run()) == report_of(small_run())


def test_a_run_without_answers_has_a_report_too() -> None:
    assert "This run has no answers." in report_of([])


# --- what may take effect -----------------------------------------------------------------------------------------


class Elements(HTMLParser):
    """Counts the elements of a page, and keeps its title and every address in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.addresses: list[str] = []
        self.title = ""
        self._in_title = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "action", "data")]
        assert not [name for name, _ in attrs if name.startswith("on") or name == "style"]
        self._in_title = tag == "title"

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
            self._in_title = False


@pytest.mark.slow
@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_model_is_markup(text: str) -> None:
    def page(said: str) -> Elements:
        made: list[ReportEntry] = [
            entry(record(output={"category": said}, text=said), question=Question([{"role": said, "content": said}])),
            entry(failed(checks=[{**EQUALS, "passed": False, "path": said, "message": said}], case="b")),
            entry(errored({"code": said, "message": said, "status": 400, "type": None, "hint": said, "request_id": None})),
            entry(record(prompt=said, variant=said, case=said, model=said, outcome=said)),
        ]  # fmt: skip
        return Elements(report_of(made, RunFacts(FACTS.title, (("model", said),)), [said]))

    plain, hostile = page("p" * len(text)), page(text)
    assert Counter(hostile.names) == Counter(plain.names)
    assert hostile.title == plain.title


def test_every_address_is_a_place_in_the_page() -> None:
    facts = RunFacts("x", (), against="y")
    assert all(each.startswith("#") for each in Elements(report_of(small_run(), facts)).addresses)


def test_the_policy_allows_our_style_and_our_script_and_nothing_else() -> None:
    html = report_of(small_run())
    [policy] = map(unescape, re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html))
    [style] = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    [script] = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in (script, style)]
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{digests[0]}'; style-src 'sha256-{digests[1]}'; img-src data:; media-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    assert html.index("Content-Security-Policy") < html.index("<style>") < html.index("<script")


def test_the_script_makes_no_markup_of_data_and_speaks_to_nobody() -> None:
    script = (FOLDER / "page.js").read_text("utf-8")
    forbidden = (
        "innerHTML outerHTML insertAdjacentHTML document.write createContextualFragment parseFromString srcdoc eval( "
        "Function( fetch( XMLHttpRequest WebSocket EventSource sendBeacon import( localStorage sessionStorage cookie "
        "setAttribute('on http:// https:// window.open postMessage"
    )
    assert [word for word in forbidden.split() if word in script] == []


def test_the_style_asks_nobody_for_anything() -> None:
    style = (FOLDER / "page.css").read_text("utf-8")
    assert "url(" not in style
    assert "@import" not in style


def test_data_of_images_is_counted_and_not_copied() -> None:
    image = "data:image/png;base64," + "A" * 5000
    question = Question([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": image}}]}])
    [row] = rows_of(report_of([entry(record(), question=question)]))
    assert (
        row["messages"][0]["content"][0]["image_url"]["url"] == "data:image/png;base64,… (5,000 characters)"
    )


def test_half_a_surrogate_pair_survives() -> None:
    [row] = rows_of(report_of([entry(record(output=None, text="a\ud83d"))]))
    assert row["text"] == "a\ud83d"


def test_what_is_no_json_is_an_error_that_names_the_case() -> None:
    with pytest.raises(StorageError, match="the record of triage/refund-late"):
        report_of([entry(record(output={"x": float("nan")}))])


# --- figures ------------------------------------------------------------------------------------------------------


def test_equal_failures_are_one_line_with_their_count() -> None:
    html = report_of([entry(failed(case=f"c{number}")) for number in range(3)])
    assert re.search(
        r"equals \$\.category</span> expected &quot;complaint&quot;, got &quot;other&quot;.*?why=0\">3</a>",
        html,
    )


def test_errors_that_differ_in_an_id_only_are_one_reason() -> None:
    def limited(number: int) -> dict[str, Any]:
        message = f"Rate limit reached (req_{number:012}), try again in {number} s"
        return {
            "code": "429",
            "message": message,
            "status": 429,
            "type": None,
            "hint": None,
            "request_id": None,
        }

    rows = rows_of(report_of([entry(errored(limited(number))) for number in (1, 2, 30)]))
    assert {row["why"] for row in rows} == {0}


def test_answers_from_the_cache_are_in_no_figure_of_cost() -> None:
    html = report_of([entry(record(cost=1.0)), entry(record(case="b", cost=5.0, cached=True))])
    assert '<dt>Cost</dt><dd class="figure">$1.00</dd>' in html


def test_the_confusion_matrix_counts_what_was_expected_against_what_came() -> None:
    def one(expected: str, got: str) -> ReportEntry:
        check = {**EQUALS, "passed": expected == got, "expected": expected}
        return entry(record(output={"category": got}, checks=[check], passed=expected == got))

    html = report_of([*[one("a", "a")] * 3, one("a", "b"), one("b", "b")])
    assert 'title="expected &quot;a&quot;, got &quot;b&quot;"' in html
    assert "75.0%" in html


def test_a_field_agrees_where_a_rule_says_so() -> None:
    change = FieldChange("$.confidence", 0.93, 0.9, "number abs 0.05", equal=True)
    approved = Approved({"category": "refund", "confidence": 0.93}, (change,))
    html = report_of([entry(record(output={"category": "refund", "confidence": 0.9}), approved=approved)])
    assert html.count("100% of 1") == 2


def test_a_rate_that_is_nearly_whole_is_not_called_whole() -> None:
    entries = [entry(record()) for _ in range(3000)] + [entry(failed())]
    assert '<dd class="figure">&gt;99.9%</dd>' in report_of(entries)


@pytest.mark.parametrize(
    ("fixed", "regressed", "p"), [(0, 0, 1.0), (5, 15, 0.04139), (1, 9, 0.02148), (7, 7, 1.0)]
)
def test_the_test_is_mcnemars_exact_one(fixed: int, regressed: int, p: float) -> None:
    assert mcnemar(fixed, regressed) == pytest.approx(p, abs=1e-5)
    assert mcnemar(regressed, fixed) == mcnemar(fixed, regressed)


def test_mcnemars_test_of_many_goes_on_where_the_exact_one_ends() -> None:
    assert mcnemar(470, 530) == pytest.approx(mcnemar(471, 530), abs=0.01)
    assert 0 <= mcnemar(100_000, 200_000) < 1e-9


def test_bins_hold_every_value_once() -> None:
    numbers = random.Random(0)
    for values in (
        [numbers.lognormvariate(6, 2) for _ in range(500)],
        [float(numbers.randrange(50)) for _ in range(500)],
        [7.0],
        [0.0, 0.0, 1.0],
        [-3.0, 5.0],
    ):
        ordered = sorted(values)
        assert sum(each.number for each in bins(ordered)) == len(ordered)
        assert len(bins(ordered)) <= 30


def test_a_quantile_is_one_of_the_values() -> None:
    assert [quantile([1, 2, 3, 4], share) for share in (0.0, 0.25, 0.5, 0.95, 1.0)] == [1, 1, 2, 4, 4]


# --- size ---------------------------------------------------------------------------------------------------------


def many(count: int) -> int:
    """The memory that a report of so many answers holds at its end, in bytes."""
    numbers = random.Random(1)
    page = HtmlReport(io.BytesIO(), FACTS)

    def one(number: int) -> Record:
        text = " ".join(str(numbers.random()) for _ in range(30))
        return record(case=f"c{number}", output={"category": text, "n": number}, vars={"ticket": text})

    gc.collect()
    tracemalloc.start()
    try:
        for number in range(count):
            page.add(entry(one(number)))
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
        page.end(complete=True)


@pytest.mark.slow
def test_an_answer_takes_a_few_numbers_of_memory_however_long_it_is() -> None:
    few, several = many(6000), many(12_000)  # by then all that is bounded is full
    assert (several - few) / 6000 < 100
