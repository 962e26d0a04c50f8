"""What comes from a prompt is shown as it is and can do nothing: on a terminal, in a comment on a pull request."""

from __future__ import annotations

import html
import re

from runner.regress.revisions.changed_cases import Change
from runner.regress.revisions.hunks import Hunk
from runner.regress.revisions.rendered_revision import RequestDigest
from runner.regress.revisions.request_diff import RequestDiff
from runner.report.diff_formats import MARKDOWN_LIMIT, diff_json, diff_markdown, diff_text

HOSTILE = (
    "````",
    "```",
    "</details>",
    "@everyone <img src=x onerror=alert(1)> [a](http://evil.example) | <!--",
    "~~~~~",
)
NAME = "<b>`x`</b>|@everyone *a* _b_ www.evil.example #1"


def comparison(*hunks: Hunk, name: str = "hello", note: str | None = None, changes: int = 1) -> RequestDiff:
    seen = [
        RequestDigest(name, (f"{index}{name}", "one", None), "sha256:0", ("", "", ""))
        for index in range(changes)
    ]
    told = tuple(Change("changed", each, each, ("messages",), note, calls=1, size=40) for each in seen)
    return RequestDiff("main", "0" * 40, told, 0, hunks, len(told), 40 * len(told), ())


def hunk(*lines: str, name: str = "hello") -> Hunk:
    return Hunk("user message", lines, ((f"0{name}", "one", None),))


def test_what_could_steer_a_terminal_is_spelt_out() -> None:
    name = "\x1b[2J"
    lines = hunk("+\x1b]0;owned\x07\u202e", name=name)
    text = diff_text(comparison(lines, name=name, note="\x9b"), color=False)
    assert not re.search("[\x1b\x07\x9b\u202e]", text)
    assert "+\\x1b]0;owned\\x07\\u202e" in text


def test_a_prompt_s_text_cannot_leave_its_fence() -> None:
    text = diff_markdown(comparison(hunk(*(f"+{line}" for line in HOSTILE))))
    start = re.search(r"^(`{3,})diff$", text, re.MULTILINE)
    assert start is not None
    inside, after = text[start.end() :].split(f"\n{start[1]}\n", 1)
    assert inside.split("\n")[1:] == [f"+{line}" for line in HOSTILE]
    assert start[1] not in inside
    assert "everyone" not in after
    assert "everyone" not in text[: start.start()]


def test_names_and_notes_are_shown_as_they_are_and_are_no_markup() -> None:
    text = diff_markdown(comparison(hunk("+x", name=NAME), name=NAME, note=NAME))
    codes = re.findall("<code>(.*?)</code>", text)
    assert [html.unescape(code) for code in codes if "everyone" in code] == [f"0{NAME}", NAME, f"{NAME}/one"]
    for code in codes:
        assert not re.search(r"[<>`|@*_.:#]", re.sub(r"&#\d+;", "", code))


def test_a_name_cannot_end_its_row_of_the_table() -> None:
    text = diff_markdown(comparison(name="a\n\n# b\n| c"))
    [row] = [line for line in text.split("\n") if "changed (" in line]
    assert row.count("|") == 4


def test_a_comment_never_grows_beyond_what_fits_and_says_what_is_missing() -> None:
    text = diff_markdown(
        comparison(*[hunk(f"-{index}", "+" + "word " * 200, "+" + "`" * 99) for index in range(900)])
    )
    assert len(text) <= MARKDOWN_LIMIT
    shown = text.count("<details>")
    assert text.count("</details>") == shown > 1
    assert f"… and {900 - shown} more hunks: the comment is full" in text
    assert "would send 1 request," in text


def test_neither_do_its_table_nor_its_notes() -> None:
    text = diff_markdown(comparison(name="<" * 900, note="|" * 900, changes=2_000))
    assert len(text) <= MARKDOWN_LIMIT
    assert re.search(r"… and [\d,]+ more rows", text)
    assert "would send 2,000 requests" in text


def test_one_endless_line_is_cut_with_what_is_missing() -> None:
    text = diff_markdown(comparison(hunk("+" + "x" * 100_000)))
    assert len(text) < 5_000
    assert "… (98,001 more characters)" in text


def test_an_endless_hunk_is_cut_with_what_is_missing() -> None:
    text = diff_markdown(comparison(hunk(*["+word"] * 10_000)))
    assert len(text) < 15_000
    assert re.search(r"^ … [\d,]+ more lines$", text, re.MULTILINE)


def test_a_file_s_name_that_is_no_unicode_is_still_json() -> None:
    assert "\\udc80" in diff_json(comparison(name="\udc80"))
