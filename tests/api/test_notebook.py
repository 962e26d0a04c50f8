"""How a notebook shows results and prompts: as tables, in which nothing of an answer is markup."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.faults import FaultServer, completion, reply

from .prompts import loaded

HOSTILE = [
    "<script>alert(1)</script>",
    "</pre></td></tr></table><img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "&lt;b&gt;<b>bold</b>",
    "\" onmouseover='alert(1)'",
    "]]>--><!--",
    "\u202egpj.exe\u2028x\x1b[31m",
]


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.tags.add("comment")


PLAIN = {"table", "caption", "tr", "th", "td", "pre"}


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("where", ["answer", "error", "model"])
def test_nothing_of_an_answer_becomes_markup(tmp_path: Path, text: str, where: str) -> None:
    answer = {
        "answer": completion(text),
        "model": completion("x", model=text),
        "error": reply(400, {"error": {"message": text, "code": text}}),
    }[where]
    with FaultServer(answer) as server, loaded(tmp_path, server.base_url) as prompt:
        shown = Tags(prompt.run(text=text)._repr_html_())
    assert shown.tags <= PLAIN
    assert shown.attributes <= {"style"}
    assert not set("\u202e\u2028\x1b") & set(shown.text)
    if text.isprintable():
        assert text in shown.text


def test_a_result_shows_its_outcome_and_output(tmp_path: Path) -> None:
    with FaultServer(completion("fine")) as server, loaded(tmp_path, server.base_url) as prompt:
        shown = Tags(prompt.run(text="x")._repr_html_()).text
        assert "ok" in shown
        assert "fine" in shown
        assert "here" in Tags(prompt._repr_html_()).text
