"""Which files of a folder are its pack, and which may be in one: data, under names that every system can hold. Pure.

Not part of a pack are hidden files and folders, virtual environments, `node_modules`, and what belongs to its author's
own project: `runner.yaml`, `packs.lock` and the packs vendored beside it, `dist/`, and `schemas/editor/`, where `runner
init` puts what editors need, all at the top. Everything else is part of it, and has to be data.
"""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from ..files.device_names import is_device
from ..files.ignored import under_ignored

__all__ = [
    "MANIFEST",
    "MAX_BYTES",
    "MAX_FILES",
    "Entry",
    "Refusal",
    "included",
    "is_text",
    "path_fault",
    "refusals",
]

MANIFEST = "pack.yaml"
MAX_FILES = 2_000
MAX_BYTES = 20 * 1024 * 1024
"""What all files of a pack have together at most."""

LONGEST_PATH = 200
"""Windows takes 260 characters for a whole path, the project's own folder included."""

_TEXT = (
    ".yaml", ".yml", ".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".j2", ".jinja", ".jinja2", ".txt", ".md", ".rst", ".html", ".xml",
)  # fmt: skip
_MEDIA = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".wav", ".mp3", ".pdf")
_PAPERS = {"license", "licence", "notice", "copying", "readme", "changelog", "authors"}

_UNFIT = re.compile(r'[\\:*?"<>|]')


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that stands in a folder, an archive or a commit."""

    path: str
    size: int = 0
    kind: Literal["file", "link", "submodule", "special"] = "file"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a pack cannot have an entry (without `path`: cannot be as a whole), and what to do."""

    path: str | None
    message: str
    hint: str | None = None


def is_text(path: str) -> bool:
    """Whether a file of a pack is text, by its name: of text CRLF and LF are the same."""
    return not path.lower().endswith(_MEDIA)


def included(entries: Iterable[Entry]) -> list[Entry]:
    """The entries that are part of the pack, sorted; the others are passed over, as the rules above say.

    What is included is what is hashed: another rule would be another format of packs.lock.
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


def refusals(entries: Iterable[Entry]) -> Iterator[Refusal]:
    """Everything for which a pack of these entries, all included, is refused."""
    entries = list(entries)
    paths = {entry.path for entry in entries}
    if MANIFEST not in paths:
        # Nothing else counts: this is another folder than the one that was meant.
        below = sorted(path.removesuffix(f"/{MANIFEST}") for path in paths if path.endswith(f"/{MANIFEST}"))
        hint = f"there is one in {', '.join(below[:3])}: that folder is the pack (in git name it as `subdirectory`)"
        yield Refusal(None, f"there is no {MANIFEST}", hint if below else "runner pack init writes one")
        return
    seen: set[str] = set()
    spellings: dict[str, str] = {}
    for entry in entries:
        if fault := _entry_fault(entry):
            yield Refusal(entry.path, *fault)
        elif entry.path in seen:
            yield Refusal(entry.path, "this file is there twice")
        elif other := _namesake(entry.path, spellings):
            yield Refusal(entry.path, f"{other} is the same name on many systems", "rename one of them")
        seen.add(entry.path)
    if len(entries) > MAX_FILES:
        yield Refusal(None, f"a pack has at most {MAX_FILES:,} files, not {len(entries):,}")
    if (size := sum(entry.size for entry in entries)) > MAX_BYTES:
        yield Refusal(None, f"a pack has at most {MAX_BYTES // 2**20} MiB, not {size / 2**20:.1f}")


def path_fault(path: str) -> str | None:
    """Why a path cannot be one of a pack on every system; None where it can."""
    if not path or path.startswith("/"):
        return "the path is absolute"
    if re.match("[A-Za-z]:", path):
        return "the path is absolute on Windows"
    parts = path.split("/")
    if {"", ".", ".."} & set(parts):
        return "the path leads elsewhere, or in a circle"
    if not path.isprintable() or _UNFIT.search(path):
        return "the path holds a character that not every system can store"
    if len(path) > LONGEST_PATH or any(len(part.encode()) > 255 for part in parts):
        return f"the path is longer than {LONGEST_PATH} characters"
    if any(part.endswith((".", " ")) or part.startswith(" ") for part in parts):
        return "a name in the path begins or ends with what Windows drops"
    if any(map(is_device, parts)):
        return "a name in the path is one of a device on Windows"
    if unicodedata.normalize("NFC", path) != path:
        return "the path is not in Unicode's composed form (NFC), which some systems store"
    return None


def _entry_fault(entry: Entry) -> tuple[str, str | None] | None:
    match entry.kind:
        case "link":
            return "a link leads out of a pack, or in a circle", "put the file itself there"
        case "submodule":
            return (
                "a submodule is another repository",
                "put its files there, or publish it as a pack of its own",
            )
        case "special":
            return "this is no file", None
    if fault := path_fault(entry.path):
        return fault, None
    name = posixpath.basename(entry.path)
    folder = posixpath.dirname(entry.path)
    if folder and name in (MANIFEST, "runner.yaml", "packs.lock"):
        return f"{name} makes {folder} a project of its own", "publish it by itself: see `subdirectory`"
    lower = name.lower()
    if not lower.endswith((*_TEXT, *_MEDIA)) and lower not in _PAPERS:
        return (
            "this is no data of a pack",
            (
                f"a pack holds {' '.join((*_TEXT, *_MEDIA))} and files like LICENSE; a repository that holds more gives its "
                "pack a folder of its own"
            ),
        )
    return None


def _namesake(path: str, spellings: dict[str, str]) -> str | None:
    """What is the same name as the path, or a folder on it, where upper and lower case are not told apart."""
    folders = [path[: end + 1] for end, character in enumerate(path) if character == "/"]
    for spelling in (*folders, path):
        folded = unicodedata.normalize("NFC", spelling.rstrip("/").casefold())
        other = spellings.setdefault(folded, spelling)
        if other != spelling:
            return other.rstrip("/")
    return None
