from __future__ import annotations

import io
import re
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import Location, StorageError, UsageError
from runner.regress.modes import Modes
from runner.regress.results import CaseResult, FieldChange
from runner.regress.tally import Tally
from runner.report.regression.annotations import annotate, annotation
from runner.report.regression.github_report import GitHubReport
from runner.report.regression.junit_regression import JUnitReport
from runner.report.regression.markdown_summary import literal, markdown_summary
from runner.report.regression.regression_digest import SHOWN, RegressionDigest
from runner.report.regression.regression_reporter import RegressionReporter
from runner.report.regression.review_table import field_row, field_table
from tests.golden_files import assert_golden

from .results import EVERYTHING, LATE, SUMMARY, changed, errored, failed, flaky, outdated, pending, result

CI = Modes(record="none", unreferenced="reject")
ORPHAN = "prompts/__snapshots__/triage/gone.snap.yaml"


def tallied(results: Sequence[CaseResult], orphans: int = 0) -> Tally:
    tally = Tally()
    for each in results:
        tally.add(each)
    tally.unreferenced = orphans
    return tally


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def shown(
    results: Sequence[CaseResult],
    *,
    orphans: Sequence[str] = (),
    live: bool = False,
    color: bool = False,
    width: int = 100,
    step: float = 0.02,
    modes: Modes = CI,
    complete: bool = True,
) -> str:
    """What a run with these cases prints, one every `step` seconds."""
    out, clock = io.StringIO(), Clock()
    with RegressionReporter(out, live=live, color=color, width=width, environ={}, clock=clock) as reporter:
        reporter.start(title="2 prompts on openai")
        reporter.show_title()
        for each in results:
            clock.now += step
            reporter.case(each)
        for file in orphans:
            reporter.unreferenced(file)
        reporter.finish(tallied(results, len(orphans)), modes=modes, seconds=1.25, complete=complete)
    return out.getvalue()


def digest_of(results: Sequence[CaseResult], orphans: Sequence[str] = ()) -> RegressionDigest:
    digest = RegressionDigest()
    for each in results:
        digest.add(each)
    for file in orphans:
        digest.unreferenced.add(lambda file=file: file)
    return digest


# --- the screen -------------------------------------------------------------------------------------------------------


def test_a_run_in_a_pipe_looks_like_the_golden_one() -> None:
    assert_golden("regression/plain.txt", shown(EVERYTHING, orphans=[ORPHAN]))


def test_a_run_on_a_terminal_looks_like_the_golden_one() -> None:
    text = shown(EVERYTHING, orphans=[ORPHAN], live=True, step=0.4)
    assert_golden("regression/live.txt", re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", text).replace("\r", "\n"))


def test_a_download_takes_the_line_of_the_progress_until_it_ends() -> None:
    out, clock = io.StringIO(), Clock()
    with RegressionReporter(out, live=True, color=False, width=80, environ={}, clock=clock) as reporter:
        reporter.start(title="")
        assert reporter.on_download is not None
        for done in (46, 92, 92):
            reporter.on_download("tiny", done * 10**6, 92 * 10**6)
            clock.now += 0.4
            reporter.tick()
        before, after = out.getvalue().split("downloaded tiny, 92 MB (once)\n")
    assert "downloading tiny (once) [###############               ] 46 of 92 MB" in before
    assert "0 cases" not in before
    assert "0 cases" in after


def test_what_to_do_next_is_printed_last() -> None:
    assert shown(EVERYTHING, orphans=[ORPHAN]).endswith("To review and approve: runner review\n")


def test_a_case_that_is_as_it_was_leaves_no_line() -> None:
    text = shown([result(case=f"case-{number}") for number in range(50)])
    assert text == "2 prompts on openai\n50 passed, 0 failed in 1.2 s\n"


def test_ten_thousand_current_cases_cost_less_than_fifteen_microseconds_each() -> None:
    cases = [result(case=f"case-{number}") for number in range(10_000)]
    with RegressionReporter(io.StringIO(), live=True, color=False, width=80, environ={}) as reporter:
        reporter.start(title="x")
        seconds = []
        for _ in range(3):
            began = time.process_time()
            for each in cases:
                reporter.case(each)
            seconds.append(time.process_time() - began)
    assert min(seconds) / len(cases) < 15e-6


def test_what_is_kept_does_not_grow_with_the_cases() -> None:
    digest = RegressionDigest()

    def feed(numbers: range) -> None:
        for at in numbers:
            notes = (f"note {at} {'x' * 900}",)
            wide = FieldChange("$.x", "a" * 5_000 + str(at), "b" * 5_000, "exact", equal=False)
            for make in (changed, failed, flaky, errored):
                digest.add(make(case=f"c{at}", file=f"f{at}", fields=(wide,) * 30, notes=notes))
            digest.add(outdated("stale", case=f"c{at}", file=f"f{at}"))
            digest.add(result(case=f"c{at}", notes=notes, written=True, snapshot=f"s{at}"))

    feed(range(30))
    tracemalloc.start()
    feed(range(30, 300))
    grown = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert grown < 20_000


def test_of_many_cases_the_first_are_told_and_the_others_counted() -> None:
    text = shown([failed(case=f"case-{n}", reason=f"reason {n}") for n in range(SHOWN + 37)])
    assert text.count("FAIL ") == SHOWN
    assert "and 37 more\n" in text


@pytest.mark.parametrize("width", [60, 80])
def test_no_line_of_a_failure_or_of_the_totals_overruns_a_terminal(width: int) -> None:
    results = [failed(case=f"case-{n}", reason=f"reason {n}, which is a long one " * 4) for n in range(3)]
    text = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", shown([*results, changed()], live=True, width=width))
    lines = [line.rpartition("\r")[2] for line in text.splitlines()]
    assert [line for line in lines if len(line) > width and " " in line.strip()] == []
    assert re.sub(r"\s+", " ", text).count("reason 1, which is a long one") >= 4


def made_of(**variables: Any) -> Any:
    """What a result of a case with these variables is made of."""
    return SimpleNamespace(job=SimpleNamespace(case=SimpleNamespace(vars=variables)))


def test_a_failed_case_shows_its_input() -> None:
    text = shown([failed(basis=made_of(ticket="I want my\nmoney back", label="refund"))])
    assert "\n    input: ticket: I want my money back, label: refund\n" in text


def test_equal_failures_are_told_once_with_their_number() -> None:
    text = shown([failed(case=f"case-{number}", basis=made_of(n=number)) for number in range(6)])
    assert text.count('expected "complaint", got "other"') == 1
    assert "\n    and 5 more, such as triage/case-1, triage/case-2, triage/case-3\n    input: n: 0\n" in text


@pytest.mark.parametrize("status", ["missing", "stale", "conflict"])
def test_a_case_out_of_date_comes_with_the_command_that_renews_it(status: str) -> None:
    text = shown([outdated(status, case="late")])
    assert "runner test prompts/triage.prompt.yaml --case late --record new_episodes" in text
    assert "runner review" in text


def test_the_commands_can_be_pasted_into_a_shell_whatever_the_names() -> None:
    text = shown([outdated("stale", file="my prompts/$(x).prompt.yaml", case="it")])
    assert "runner test 'my prompts/$(x).prompt.yaml' --case it --record" in text


def test_many_cases_of_a_prompt_are_renewed_by_one_command_for_all_of_it() -> None:
    text = shown([outdated("stale", case=f"c{number}") for number in range(9)])
    assert "  runner test prompts/triage.prompt.yaml --record new_episodes\n" in text


def test_variants_of_a_case_name_it_once() -> None:
    cases = [outdated("stale", case="late", variant=variant) for variant in ("a", "b")]
    assert shown(cases).count("--case late") == 1


def test_a_flaky_case_is_not_a_passed_one() -> None:
    assert shown([result(), flaky()]).splitlines()[-1].startswith("1 passed, 0 failed, 1 flaky in")


def test_what_was_written_without_a_review_is_named() -> None:
    text = shown([result(written=True, calls=1)])
    assert "written without a review: prompts/__snapshots__/triage/refund-late.snap.yaml" in text


def test_a_run_cut_short_is_neither_green_nor_silent_about_it() -> None:
    line = shown([result()], complete=False, color=True).splitlines()[-1]
    assert "stopped after 1 case: " in line
    assert "\x1b[32m" not in line


def test_color_changes_no_word() -> None:
    plain = shown(EVERYTHING, orphans=[ORPHAN])
    assert re.sub(r"\x1b\[[\d;]*m", "", shown(EVERYTHING, orphans=[ORPHAN], color=True)) == plain


def test_a_pipe_gets_neither_escapes_nor_trailing_blanks() -> None:
    text = shown(EVERYTHING, orphans=[ORPHAN])
    assert "\x1b" not in text
    assert [line for line in text.split("\n") if line != line.rstrip()] == []


def test_a_long_run_in_a_pipe_says_how_far_it_is() -> None:
    lines = [line for line in shown([result()] * 60, step=0.5).splitlines() if "cases · " in line]
    assert len(lines) == 6


@pytest.mark.parametrize("width", [40, 80])
def test_the_line_of_counts_never_overruns_a_terminal(width: int) -> None:
    text = shown([flaky(), changed(), pending("new")] * 3, live=True, width=width, step=1.0)
    drawn = re.findall(r"\r\x1b\[2K([^\r\n]+)(?=\r)", text)
    assert drawn
    assert max(map(len, drawn)) < width


hostile = st.text(
    alphabet=st.characters() | st.sampled_from("\x1b\x9b\r\x07\u202e[]m\ud83d|`\n"), max_size=40
)


def hostile_results(text: str) -> list[CaseResult]:
    field = FieldChange(text, text, {text: text}, text, equal=False, note=text)
    check: Any = {"type": text, "passed": False, "path": text, "message": text}
    error: Any = {
        "code": text,
        "message": text,
        "status": None,
        "type": None,
        "hint": text,
        "request_id": None,
    }
    common: dict[str, Any] = {"prompt": text, "file": text, "case": text, "variant": text, "notes": (text,)}
    return [
        changed(**common, fields=(field,), reason=text, checks=(check,)),
        errored(**common, error=error),
        outdated("stale", **common, reason=text),
        flaky(**common),
        result(**common, written=True, snapshot=text),
    ]


@settings(max_examples=20)
@given(hostile)
def test_nothing_a_model_says_steers_the_terminal(text: str) -> None:
    printed = shown(hostile_results(text), orphans=[text])
    assert re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", printed) is None
    printed.encode()


# --- the table --------------------------------------------------------------------------------------------------------


def test_of_two_long_values_what_differs_is_shown() -> None:
    row = field_row(SUMMARY, width=30)
    assert "nine days" in row.approved
    assert "ten days" in row.new


def test_a_missing_value_is_no_null() -> None:
    row = field_row(FieldChange("$.x", None, None, "exact", equal=False, approved_missing=True))
    assert (row.approved, row.new, row.verdict) == ("-", "null", "added")


def test_a_difference_within_a_rule_says_so_and_why() -> None:
    row = field_row(FieldChange("$.x", 1, 2, "number abs 3", equal=True, note="differs by 1"))
    assert row.verdict == "allowed: differs by 1"


def test_a_table_never_overruns_its_width() -> None:
    rows = [field_row(FieldChange("$.summary", LATE, "重要" * 60, "exact", equal=False))]
    assert max(map(len, field_table(rows, width=70))) <= 70


# --- JUnit ------------------------------------------------------------------------------------------------------------


def junit(tmp_path: Path, results: Sequence[CaseResult], *, complete: bool = True, modes: Modes = CI) -> str:
    path = tmp_path / "results.xml"
    with JUnitReport(str(path)) as report:
        for each in results:
            report.case(each)
        report.unreferenced(ORPHAN)
        report.finish(tallied(results, 1), modes=modes, seconds=1.0, complete=complete)
    return path.read_text(encoding="utf-8")


def test_a_junit_file_looks_like_the_golden_one(tmp_path: Path) -> None:
    assert_golden("regression/junit.xml", junit(tmp_path, EVERYTHING))


def test_a_flaky_case_is_no_failure_and_says_so(tmp_path: Path) -> None:
    suite = ElementTree.fromstring(junit(tmp_path, [flaky()]))[0]
    assert suite.get("failures") == suite.get("errors") == "0"
    assert [part.tag for part in suite[0]] == ["properties", "flakyFailure"]


@pytest.mark.parametrize(
    ("case", "tag", "type_"),
    [
        (changed(), "failure", "changed"),
        (failed(), "failure", "assertion"),
        (failed(outcome="truncated"), "failure", "truncated"),
        (pending("new"), "failure", "new"),
        (outdated("stale"), "failure", "stale"),
        (errored(), "error", "rate_limit_exceeded"),
    ],
)
def test_what_is_not_approved_is_red_and_its_type_says_why(
    tmp_path: Path, case: CaseResult, tag: str, type_: str
) -> None:
    found = ElementTree.fromstring(junit(tmp_path, [case])).find(f".//testcase/{tag}")
    assert found is not None
    assert found.get("type") == type_


def test_snapshots_without_a_case_are_red_only_where_they_fail_the_run(tmp_path: Path) -> None:
    assert "orphan" in junit(tmp_path, [result()])
    assert "orphan" not in junit(tmp_path, [result()], modes=Modes())


def test_an_incomplete_run_is_red(tmp_path: Path) -> None:
    assert ElementTree.fromstring(junit(tmp_path, [result()], complete=False)).get("errors") == "1"


def test_a_run_that_raises_leaves_a_red_file(tmp_path: Path) -> None:
    path = tmp_path / "results.xml"
    with pytest.raises(RuntimeError), JUnitReport(str(path)):
        raise RuntimeError
    assert ElementTree.parse(path).getroot().get("errors") == "1"


def test_only_xml_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--output"):
        JUnitReport(str(tmp_path / "results.json"))


@settings(max_examples=20)
@given(hostile)
def test_junit_stays_well_formed_whatever_a_model_says(tmp_path_factory: Any, text: str) -> None:
    folder = tmp_path_factory.mktemp("junit")
    assert len(ElementTree.fromstring(junit(folder, hostile_results(text)))) >= 1


# --- GitHub -----------------------------------------------------------------------------------------------------------


def located(file: str, case: str) -> Location:
    return Location(file, 12, 5)


def test_annotations_look_like_the_golden_ones() -> None:
    lines = annotate(digest_of(EVERYTHING, [ORPHAN]), modes=CI, locate=located)
    assert_golden("regression/annotations.txt", "".join(f"{line}\n" for line in lines))


def test_an_annotation_escapes_what_the_format_needs() -> None:
    at = Location("a,b:c%.yaml", 3)
    assert annotation("error", "50%\r\nnext: ,", title="x:y,z\n", at=at) == (
        "::error file=a%2Cb%3Ac%25.yaml,line=3,title=x%3Ay%2Cz%0A::50%25%0D%0Anext: ,"
    )


@given(hostile, hostile)
def test_no_text_ends_an_annotation_or_begins_another(message: str, title: str) -> None:
    line = annotation("warning", message, title=title, at=Location(title, 1))
    assert "\n" not in line
    assert "\r" not in line
    assert line.split("::", 2)[1].count(",") == 2


def test_beyond_ten_of_a_level_the_last_annotation_counts_the_others() -> None:
    lines = list(annotate(digest_of([failed(case=f"c{n}") for n in range(30)]), modes=CI, locate=located))
    assert len(lines) == 10
    assert "21 cases more" in lines[-1]


def test_a_summary_looks_like_the_golden_one() -> None:
    digest, tally = digest_of(EVERYTHING, [ORPHAN]), tallied(EVERYTHING, 1)
    assert_golden(
        "regression/summary.md", markdown_summary(digest, tally, modes=CI, seconds=1.25, complete=True)
    )


@given(st.text(alphabet=st.characters() | st.sampled_from("|`<>[]()!@#*_&\\\n\r:/.~"), max_size=60))
def test_text_in_a_summary_is_never_markup(text: str) -> None:
    inside = literal(text).removeprefix("<code>").removesuffix("</code>")
    left = re.sub(r"&#\d+;", "", inside)
    assert re.search(r"[!-/:-@\[-`{-~\n\r]", left) is None


@settings(max_examples=20)
@given(hostile)
def test_no_answer_adds_a_line_to_a_summary(text: str) -> None:
    def lines(value: str) -> int:
        results = hostile_results(value)
        digest, tally = digest_of(results, [value]), tallied(results, 1)
        return markdown_summary(digest, tally, modes=CI, seconds=1.0, complete=True).count("\n")

    assert lines(f"x{text}x") == lines("plain")


def on_github(tmp_path: Path, results: Sequence[CaseResult]) -> tuple[str, str]:
    """What the log and the summary get."""
    out, summary = io.StringIO(), tmp_path / "summary.md"
    environ = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_WORKSPACE": str(tmp_path),
    }
    with GitHubReport(out, locate=located, environ=environ) as report:
        for each in results:
            report.case(each)
        out.write("  ::error::an answer\n")
        report.finish(tallied(results), modes=CI, seconds=1.0)
    return out.getvalue(), summary.read_text(encoding="utf-8")


def test_github_obeys_no_command_while_answers_are_printed(tmp_path: Path) -> None:
    lines = on_github(tmp_path, [failed()])[0].splitlines()
    token = lines[0].removeprefix("::stop-commands::")
    assert re.fullmatch(r"[0-9a-f]{32}", token)
    assert lines[1:3] == ["  ::error::an answer", f"::{token}::"]
    assert lines[3].startswith("::error file=")


def test_github_obeys_again_when_a_run_raises() -> None:
    out = io.StringIO()
    with pytest.raises(RuntimeError), GitHubReport(out, locate=located, environ={"GITHUB_ACTIONS": "true"}):
        raise RuntimeError
    first, last = out.getvalue().splitlines()
    assert last == f"::{first.removeprefix('::stop-commands::')}::"


def test_the_summary_is_added_to_what_the_job_said_before(tmp_path: Path) -> None:
    (tmp_path / "summary.md").write_text("earlier\n")
    assert on_github(tmp_path, [result()])[1].startswith("earlier\n### Prompts: as approved\n")


def test_a_path_is_told_from_the_root_of_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    assert "file=project/prompts/triage.prompt.yaml,line=12,col=5," in on_github(tmp_path, [failed()])[0]


def test_a_summary_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    report = GitHubReport(io.StringIO(), locate=located, environ={"GITHUB_STEP_SUMMARY": str(tmp_path)})
    with pytest.raises(StorageError, match="job summary"):
        report.finish(Tally(), modes=CI, seconds=0.0)


def test_a_summary_of_long_hostile_answers_stays_far_below_the_limit() -> None:
    wide = FieldChange("$.x", "|`<>" * 5_000, "[]()" * 5_000, "exact", equal=False)
    results = [
        make(case=f"c{at}", fields=(wide,) * 30)
        for at in range(30)
        for make in (changed, failed, flaky, errored)
    ]
    text = markdown_summary(digest_of(results), tallied(results, 0), modes=CI, seconds=1.0, complete=True)
    assert len(text.encode()) < 800_000
    assert "more" in text
