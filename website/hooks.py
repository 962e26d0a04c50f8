"""Adapt pages written for GitHub to the site: add the files beside docs/, rewrite links, and use GitHub's heading anchors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

__all__ = ["on_files", "on_page_markdown", "slug"]

REPOSITORY = Path(__file__).resolve().parents[1]

PROJECT_PAGES = {
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "SECURITY.md": "project/security.md",
    "README.md": "index.md",
}
"""Map files in the root of the repository to their pages on the site."""

ASSETS = {"benchmarks/throughput.svg": "assets/throughput.svg"}

_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)


def slug(text: str, separator: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", separator)


def on_files(files: Any, config: Any) -> Any:
    """Add the files beside docs/ that pages link to."""
    for source, page in {**PROJECT_PAGES, **ASSETS}.items():
        if page != "index.md":
            content = (REPOSITORY / source).read_text(encoding="utf-8")
            files.append(File.generated(config, page, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Point links to files of the repository at their pages; replace a link to a file without a page by its text."""
    source = page.file.src_uri
    written = next(
        (file for file, uri in PROJECT_PAGES.items() if uri == source != "index.md"), f"docs/{source}"
    )
    folder = (REPOSITORY / written).parent
    depth = "../" * source.count("/")

    def link(found: re.Match[str]) -> str:
        mark, text, target = found.groups()
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target) or not path:
            return found[0]
        to = (folder / path).resolve()
        name = to.relative_to(REPOSITORY).as_posix()
        uri = {**PROJECT_PAGES, **ASSETS}.get(name)
        if uri is None and name.startswith("docs/"):
            uri = name.removeprefix("docs/") + ("/README.md" if to.is_dir() else "")
        if uri is None:
            assert to.exists(), f"{source}: {target}"
            return f"{text} (`{name}` in the repository)" if name not in text else text
        hash_ = f"#{anchor}" if anchor and uri != "index.md" else ""
        return f"{mark}[{text}]({depth}{uri}{hash_})"

    parts, end = [], 0
    for fence in _FENCE.finditer(markdown):
        parts += [_LINK.sub(link, markdown[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, _LINK.sub(link, markdown[end:])])
