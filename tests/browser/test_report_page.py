"""The report in a real browser: what it does, what it asks for, and whether everybody can read it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.regress.results import FieldChange
from runner.report.html.entry import Approved, Earlier, ReportEntry
from runner.report.question import Question
from tests.report.hostile import HOSTILE
from tests.report.records import errored, failed, record, truncated
from tests.report.reports import FACTS, asked, entry, report_of

from .chromium import Chromium, Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with Chromium() as started:
        yield started


def some_run() -> list[ReportEntry]:
    changes = (FieldChange("$.category", "refund", "other", "exact", equal=False),)
    check = {"type": "equals", "path": "$.category", "expected": "refund"}
    right = {**check, "passed": True, "message": 'as expected: "refund"'}
    wrong = {**check, "passed": False, "message": 'expected "refund", got "other"'}
    before = record(case="late", output={"category": "other"}, latency_ms=900.0)
    return [
        entry(record(case="late", checks=[right]), earlier=Earlier(before, "failed")),
        entry(
            failed(case="wrong", checks=[wrong]),
            approved=Approved({"category": "refund", "confidence": 0.93}, changes),
            verdict="differs from the approved answer",
            earlier=Earlier(record(case="wrong"), "passed"),
        ),
        entry(errored(case="busy")),
        entry(truncated(case="cut", variant="gpt-5")),
        entry(
            record(case="again", variant="gpt-5", prompt="urgency", vars={"ticket": "Where is my parcel?"})
        ),
        entry(
            record(
                case="old", reasoning="because", tool_calls=[{"function": {"name": "f", "arguments": "{}"}}]
            ),
            question=replace(asked(), changed=True),
        ),
        entry(record(case="lost"), question=Question(None, "the prompt cannot be read")),
    ]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    facts = replace(FACTS, against="20261126T091500000Z-bbbbbb")
    path.write_text(report_of(some_run(), facts, ["triage/gone"]), "utf-8")
    return path


@pytest.fixture
def page(browser: Chromium, file: Path) -> Iterator[Page]:
    opened = browser.open(file.as_uri())
    yield opened
    assert opened.complaints == []
    assert opened.requests == [file.as_uri()]
    opened.close()


def listed(page: Page) -> list[str]:
    found: list[str] = page.run("[...document.querySelectorAll('#list .name')].map(each => each.textContent)")
    return found


def type_in(page: Page, name: str, text: str) -> None:
    page.run(f"document.getElementById('{name}').focus()")
    page.send("Input.insertText", text=text)


# --- parts --------------------------------------------------------------------------------------------------------


def test_it_opens_at_the_overview_and_shows_one_part_at_a_time(page: Page) -> None:
    shown = "[...document.querySelectorAll('main > section')].filter(each => each.offsetHeight).map(each => each.id)"
    assert page.run(shown) == ["overview"]
    for part in ("cases", "fields", "compare", "overview"):
        page.run(f"document.querySelector('nav a[href=\"#{part}\"]').click()")
        page.wait(f"JSON.stringify({shown}) === '[\"{part}\"]'")
        assert page.run("document.querySelector('nav a[aria-current]').textContent").lower() == part


def test_every_case_is_in_the_list(page: Page) -> None:
    page.go("cases")
    assert listed(page) == [
        "triage/late", "triage/wrong", "triage/busy", "triage/cut@gpt-5", "urgency/again@gpt-5", "triage/old",
        "triage/lost",
    ]  # fmt: skip
    assert page.run("document.getElementById('count').textContent") == "7 answers"


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("q=parcel", ["urgency/again@gpt-5"]),
        ("q=PARCEL%20where", ["urgency/again@gpt-5"]),
        ("q=%2Fpar.el%2Fi", ["urgency/again@gpt-5"]),
        ("q=%22rate%20limit%22", ["triage/busy"]),
        ("state=error", ["triage/busy"]),
        ("outcome=truncated", ["triage/cut@gpt-5"]),
        ("prompt=urgency", ["urgency/again@gpt-5"]),
        ("variant=gpt-5&state=passed", ["urgency/again@gpt-5"]),
        ("change=regressed", ["triage/wrong"]),
        ("change=fixed", ["triage/late"]),
        ("field=%24.category%20%3D%20%22other%22", ["triage/wrong"]),
        ("field=%24.category%20%3D%20other&expected=%22refund%22", ["triage/wrong"]),
        ("field=%24.confidence%20%3E%201", ["triage/wrong"]),
        ("why=0", ["triage/wrong"]),
        ("q=nothing%20has%20this", []),
    ],
)
def test_filters_are_part_of_the_address(page: Page, query: str, names: list[str]) -> None:
    page.go(f"cases?{query}")
    page.wait(f"document.querySelectorAll('#list .row').length === {len(names)}")
    assert listed(page) == names


def test_what_is_typed_filters_and_stands_in_the_address(page: Page) -> None:
    page.go("cases")
    type_in(page, "q", "parcel")
    page.wait("document.querySelectorAll('#list .row').length === 1")
    assert page.run("location.hash") == "#cases?q=parcel"
    assert page.run("document.getElementById('count').textContent") == "1 of 7 answers"
    page.run("document.querySelector('#filters button[type=reset]').click()")
    page.wait("document.querySelectorAll('#list .row').length === 7")
    assert page.run("location.hash") == "#cases"


@pytest.mark.parametrize(("name", "text"), [("q", "/(/"), ("field", "$.a..[")])
def test_a_filter_that_is_none_says_so(page: Page, name: str, text: str) -> None:
    page.go("cases")
    type_in(page, name, text)
    page.wait("document.getElementById('count').classList.contains('wrong')")


def test_worst_first(page: Page) -> None:
    page.go("cases?sort=state")
    page.wait("document.querySelector('#list .name').textContent === 'triage/busy'")


# --- one case -----------------------------------------------------------------------------------------------------


def read(page: Page, case: str) -> str:
    page.go(f"case={case}")
    page.wait(f"document.querySelector('#case .title')?.textContent.includes({case.split('/')[1]!r})")
    text: str = page.run("document.getElementById('case').innerText")
    return text


def test_a_link_leads_to_one_case(browser: Chromium, file: Path) -> None:
    page = browser.open(f"{file.as_uri()}#case=triage/wrong")
    page.wait("document.querySelector('#case .title') !== null")
    assert "triage/wrong" in page.run("document.querySelector('#case .title').textContent")
    page.close()


def test_a_case_has_its_question_its_answer_its_checks_and_what_is_approved(page: Page) -> None:
    text = read(page, "triage/wrong")
    for part in (
        "Classify the ticket.", "I want my money back", 'expected "refund", got "other"', '"category": "other"',
        "Approved and new answer", "exact", "changed", "Compared with the other run", "state before\npassed",
    ):  # fmt: skip
        assert part in text
    assert page.run("[...document.querySelectorAll('#case del')].map(e => e.textContent).includes('refund')")
    assert page.run("[...document.querySelectorAll('#case ins')].map(e => e.textContent).includes('other')")


def test_an_error_has_its_hint(page: Page) -> None:
    assert "Hint: set `tpm` for this endpoint" in read(page, "triage/busy")


def test_messages_of_a_prompt_that_has_changed_are_called_that(page: Page) -> None:
    assert "The prompt has changed since this run" in read(page, "triage/old")


def test_messages_that_are_not_known_say_why(page: Page) -> None:
    assert "The messages are not shown: the prompt cannot be read." in read(page, "triage/lost")


def test_a_case_that_is_not_there_is_told(page: Page) -> None:
    page.go("case=triage/nobody")
    page.wait("document.getElementById('case').innerText.includes('There is no case triage/nobody')")


# --- keys ---------------------------------------------------------------------------------------------------------


def test_the_list_is_worked_by_keys(page: Page) -> None:
    page.go("cases")
    page.run("document.getElementById('list').focus()")
    for key in ("j", "j", "k", "ArrowDown"):
        page.key(key)
    assert page.run("document.querySelector('[aria-selected=true] .name').textContent") == "triage/busy"
    page.key("Enter")
    page.wait("location.hash === '#case=triage/busy'")
    page.wait("document.querySelector('#case .title') !== null")
    page.key("j")
    page.wait("location.hash === '#case=triage/cut@gpt-5'")
    page.key("Escape")
    page.wait("location.hash === '#cases'")
    page.key("/")
    page.wait("document.activeElement.id === 'q'")


# --- everybody, everywhere ----------------------------------------------------------------------------------------


def test_without_javascript_all_but_the_cases_can_be_read(browser: Chromium, file: Path) -> None:
    page = browser.open(file.as_uri(), script=False)
    text = page.send("DOMSnapshot.captureSnapshot", computedStyles=[])["strings"]
    page.close()
    for part in (
        "Pass rate",
        "Results",
        "Why they did not pass",
        "Latency",
        "Compare",
        "Only in the other run",
    ):
        assert part in text


def test_nothing_is_wider_than_a_telephone(browser: Chromium, file: Path) -> None:
    page = browser.open(file.as_uri(), width=390, height=844)
    for part in ("overview", "cases", "fields", "compare", "case=triage/wrong"):
        page.go(part)
        page.wait("document.documentElement.scrollWidth <= 390")
    page.close()


def test_it_prints(page: Page) -> None:
    assert page.send("Page.printToPDF")["data"].startswith("JVBERi")


def axe_violations(page: Page) -> list[str]:
    """What axe-core, whose file AXE_CORE names, finds in the page that is serious or worse."""
    page.run(Path(os.environ["AXE_CORE"]).read_text("utf-8") + "; 0")
    found: list[dict[str, Any]] = page.run(
        "axe.run(document, {resultTypes: ['violations']}).then(found => found.violations)"
    )
    return [
        f"{each['id']}: {each['nodes'][0]['html']} {each['nodes'][0].get('failureSummary')}"
        for each in found
        if each["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(
    "part", ["overview", "cases", "fields", "compare", "case=triage/wrong", "case=triage/busy"]
)
def test_axe_finds_nothing_serious(browser: Chromium, file: Path, part: str, dark: bool) -> None:
    page = browser.open(f"{file.as_uri()}#{part}", dark=dark)
    if part.startswith("case="):
        page.wait("document.querySelector('#case .title') !== null")
    assert axe_violations(page) == []
    page.close()


# --- hostile answers ----------------------------------------------------------------------------------------------


def hostile_report(text: str, path: Path) -> str:
    made = [
        entry(
            failed(
                case=f"c{number}", output=None, text=each, detail=each, vars={"x": each},
                checks=[{"type": "contains", "passed": False, "path": None, "message": each}],
                error={"code": "x", "message": each, "status": 400, "type": None, "hint": each, "request_id": None},
            ),
            question=Question([{"role": "user", "content": each}]),
            approved=Approved(each),
            verdict=each,
        )
        for number, each in enumerate(HOSTILE if text == "hostile" else ["p" * len(each) for each in HOSTILE])
    ]  # fmt: skip
    path.write_bytes(report_of(made).encode())
    return path.as_uri()


def test_forty_hostile_answers_change_neither_the_title_nor_the_number_of_elements(
    browser: Chromium, tmp_path: Path
) -> None:
    found = []
    for text in ("plain", "hostile"):
        page = browser.open(hostile_report(text, tmp_path / f"{text}.html"))
        counted = [page.run("document.querySelectorAll('*').length")]
        page.go("cases")
        counted.append(page.run("document.querySelectorAll('*').length"))
        for number in range(len(HOSTILE)):
            page.go(f"case=triage/c{number}")
            page.wait(f"document.querySelector('#case .title')?.textContent.endsWith('triage/c{number}')")
            counted.append(page.run("document.querySelectorAll('*').length"))
        found.append((page.run("document.title"), counted))
        assert page.complaints == []
        assert page.requests == [(tmp_path / f"{text}.html").as_uri()]
        page.close()
    assert found[0] == found[1]


def test_what_nobody_sees_is_spelled_out(browser: Chromium, tmp_path: Path) -> None:
    path = tmp_path / "r.html"
    path.write_bytes(report_of([entry(record(output=None, text="a\u202eb\x1bc\ud83d"))]).encode())
    page = browser.open(f"{path.as_uri()}#case=triage/refund-late")
    page.wait("document.querySelector('#case .title') !== null")
    assert "a\\u202eb\\x1bc\\ud83d" in page.run("document.getElementById('case').innerText")
    page.close()


def test_the_policy_is_what_keeps_a_foreign_script_out(browser: Chromium, file: Path, tmp_path: Path) -> None:
    """The same page with a script more: the policy refuses it, and without the policy it would run."""
    html = file.read_text("utf-8").replace("</body>", "<script>document.title='owned'</script></body>")
    titles = []
    for text in (html, html.replace("Content-Security-Policy", "X-Nothing")):
        path = tmp_path / f"{len(titles)}.html"
        path.write_text(text, "utf-8")
        page = browser.open(path.as_uri())
        titles.append(page.run("document.title"))
        page.close()
    assert titles == ["triage · runner report", "owned"]


# --- the page of a comparison -----------------------------------------------------------------------------------------


def test_the_page_of_a_comparison_works_without_scripts_and_asks_for_nothing(
    browser: Chromium, tmp_path: Path
) -> None:
    from runner.report.arms.compare_page import compare_page
    from runner.report.arms.comparison_facts import ComparisonFacts
    from tests.report.test_arms import three, with_flips

    file = tmp_path / "comparison.html"
    file.write_text(compare_page(ComparisonFacts(with_flips(three()), (), ["a remark"])), encoding="utf-8")
    opened = browser.open(file.as_uri(), wait=False)
    assert opened.complaints == []
    assert opened.requests == [file.as_uri()]
    wide = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert opened.run(wide)
    plots = "[...document.querySelectorAll('svg.forest, svg.dumbbell')].every(each => each.getBoundingClientRect().width > 100)"
    assert opened.run(plots)
    opened.run("document.querySelector('details.flip summary').click()")
    assert opened.run("document.querySelector('details.flip').open")
    opened.close()
