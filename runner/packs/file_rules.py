"""Rules for the files of a pack: which ones belong to it, and which ones it may have. Pure.

These are not part of a pack: hidden files and folders, virtual environments, `node_modules`, and, at the top level, what
belongs to its author's own project: `runner.yaml`, `packs.lock` and the packs vendored beside it, `dist/`, and
`schemas/editor/`, where `runner init` puts the files for editors. Everything else is part of the pack, and must be data
with names that every system can store.
"""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from ..files.disk.device_names import is_device
from ..files.disk.ignored import under_ignored

__all__ = [
    "MANIFEST",
    "MAX_BYTES",
    "MAX_FILES",
    "Refusal",
    "SourceEntry",
    "included",
    "is_text",
    "path_fault",
    "refusals",
]

MANIFEST = "pack.yaml"
MAX_FILES = 2_000
MAX_BYTES = 20 * 1024 * 1024
"""The maximum total size of a pack's files."""

LONGEST_PATH = 200
"""In characters. Windows accepts 260 for a whole path, including the project's own folder."""

_TEXT = (
    ".yaml", ".yml", ".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".j2", ".jinja", ".jinja2", ".txt", ".md", ".rst", ".html", ".xml",
)  # fmt: skip
_MEDIA = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".wav", ".mp3", ".pdf")
_DOCUMENTS = {"license", "licence", "notice", "copying", "readme", "changelog", "authors"}

_UNFIT = re.compile(r'[\\:*?"<>|]')


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """An entry of a folder, an archive or a commit."""

    path: str
    size: int = 0
    kind: Literal["file", "link", "submodule", "special"] = "file"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The reason why a pack cannot have an entry, or (without `path`) why the pack as a whole is refused, with a hint."""

    path: str | None
    message: str
    hint: str | None = None


def is_text(path: str) -> bool:
    """Return whether a file is text, judging by its name. In text files CRLF and LF are equivalent."""
    return not path.lower().endswith(_MEDIA)


def included(entries: Iterable[SourceEntry]) -> list[SourceEntry]:
    """Return the entries that are part of the pack, sorted by path, according to the rules above.

    Included files are hashed, so a change of these rules is a change of the format of packs.lock.
    """
    entries = sorted(entries, key=lambda entry: entry.path)
    ignored = under_ignored({entry.path for entry in entries}, github=False)
    return [entry for entry in entries if not (ignored(entry.path) or _is_of_project(entry.path))]


def _is_of_project(path: str) -> bool:
    name = posixpath.basename(path)
    return (
        (name.startswith(".") and name not in (".", ".."))
        or path in ("runner.yaml", "packs.lock")
        or path.startswith(("dist/", "schemas/editor/"))
    )


def refusals(entries: Iterable[SourceEntry]) -> Iterator[Refusal]:
    """Yield the reasons to refuse a pack with these entries, all of them included ones."""
    entries = list(entries)
    paths = {entry.path for entry in entries}
    if MANIFEST not in paths:
        # Report nothing else: this is probably the wrong folder.
        below = sorted(path.removesuffix(f"/{MANIFEST}") for path in paths if path.endswith(f"/{MANIFEST}"))
        hint = f"there is one in {', '.join(below[:3])}: that folder is the pack (for git, set `subdirectory` to it)"
        yield Refusal(None, f"there is no {MANIFEST}", hint if below else "runner pack init writes one")
        return
    seen: set[str] = set()
    spellings: dict[str, str] = {}
    for entry in entries:
        if fault := _entry_fault(entry):
            yield Refusal(entry.path, *fault)
        elif entry.path in seen:
            yield Refusal(entry.path, "this file occurs twice")
        elif other := _collision(entry.path, spellings):
            yield Refusal(
                entry.path, f"on many systems this is the same name as {other}", "rename one of them"
            )
        seen.add(entry.path)
    if len(entries) > MAX_FILES:
        yield Refusal(None, f"a pack may have at most {MAX_FILES:,} files, but this has {len(entries):,}")
    if (size := sum(entry.size for entry in entries)) > MAX_BYTES:
        most = f"{MAX_BYTES // 2**20} MiB"
        yield Refusal(None, f"a pack may have at most {most}, but this has {size / 2**20:.1f}")


def path_fault(path: str) -> str | None:
    """Return the reason why a path in a pack would not work on every system, or None."""
    if not path or path.startswith("/"):
        return "the path is absolute"
    if re.match("[A-Za-z]:", path):
        return "the path is absolute on Windows"
    parts = path.split("/")
    if {"", ".", ".."} & set(parts):
        return "the path has an empty part, `.` or `..`"
    if not path.isprintable() or _UNFIT.search(path):
        return "the path has a character that not every system can store"
    if len(path) > LONGEST_PATH or any(len(part.encode()) > 255 for part in parts):
        return f"the path is longer than {LONGEST_PATH} characters"
    if any(part.endswith((".", " ")) or part.startswith(" ") for part in parts):
        return "a name in the path begins or ends with a character that Windows drops"
    if any(map(is_device, parts)):
        return "a name in the path is a reserved device name on Windows"
    if unicodedata.normalize("NFC", path) != path:
        return "the path is not in Unicode's composed form (NFC), which some systems convert to"
    return None


def _entry_fault(entry: SourceEntry) -> tuple[str, str | None] | None:
    match entry.kind:
        case "link":
            return "a pack cannot have links", "replace it with the file itself"
        case "submodule":
            return (
                "a pack cannot have submodules",
                "replace it with its files, or publish it as a separate pack",
            )
        case "special":
            return "this is not a regular file", None
    if fault := path_fault(entry.path):
        return fault, None
    name = posixpath.basename(entry.path)
    folder = posixpath.dirname(entry.path)
    if folder and name in (MANIFEST, "runner.yaml", "packs.lock"):
        return f"{name} makes {folder} a separate project", "publish it on its own: see `subdirectory`"
    lower = name.lower()
    if not lower.endswith((*_TEXT, *_MEDIA)) and lower not in _DOCUMENTS:
        return (
            "a pack cannot have files of this type",
            (
                f"a pack may have {' '.join((*_TEXT, *_MEDIA))} and files like LICENSE; in a repository with other files, "
                "keep the pack in a folder of its own"
            ),
        )
    return None


def _collision(path: str, spellings: dict[str, str]) -> str | None:
    """Return an earlier path or folder that a case-insensitive file system cannot distinguish from this one."""
    folders = [path[: end + 1] for end, character in enumerate(path) if character == "/"]
    for spelling in (*folders, path):
        folded = unicodedata.normalize("NFC", spelling.rstrip("/").casefold())
        other = spellings.setdefault(folded, spelling)
        if other != spelling:
            return other.rstrip("/")
    return None
