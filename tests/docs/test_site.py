"""The documentation site is built without a warning, leads nowhere wrong, and needs no network when it is read."""

from __future__ import annotations

import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from .blocks import REPOSITORY

pytestmark = pytest.mark.site

_FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src"}
_FETCHED_RELATIONS = {"stylesheet", "icon", "preload", "modulepreload", "preconnect", "dns-prefetch"}


class Read(HTMLParser):
    """The links, the anchors and what a browser fetches of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "link" and _FETCHED_RELATIONS & set(given.get("rel", "").split()):
            self.fetched.append(given["href"])
        if _FETCHED.get(tag, "") in given:
            self.fetched.append(given[_FETCHED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=REPOSITORY,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Read]:
    return {path: Read(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}


def test_every_document_is_a_page_of_the_site(site: Path) -> None:
    for document in (REPOSITORY / "docs").rglob("*.md"):
        name = document.relative_to(REPOSITORY / "docs").with_suffix(".html").as_posix()
        assert (site / name.replace("README.html", "index.html")).is_file(), name


def test_every_link_within_the_site_leads_to_a_page_and_an_anchor_on_it(
    site: Path, pages: dict[Path, Read]
) -> None:
    wrong = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or path.name == "404.html":
                continue
            to = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            to = to / "index.html" if to.is_dir() else to
            found = to.is_file() and (
                not parts.fragment or to not in pages or unquote(parts.fragment) in pages[to].anchors
            )
            if not found:
                wrong.append(f"{path.relative_to(site)}: {link}")
    assert wrong == []


def test_a_page_fetches_nothing_from_elsewhere(site: Path, pages: dict[Path, Read]) -> None:
    outside = [
        f"{path.relative_to(site)}: {url}"
        for path, page in pages.items()
        for url in page.fetched
        if urlsplit(url).netloc
    ]
    assert outside == []
    assert len(pages) > 40
    styles = [path for path in site.rglob("*.css") if "url(http" in path.read_text(encoding="utf-8")]
    assert styles == []


def test_external_links_are_https(pages: dict[Path, Read]) -> None:
    schemes = {urlsplit(link).scheme for page in pages.values() for link in page.links}
    assert schemes <= {"", "https"}
