"""Generate the first pack.yaml of a folder, which exports the files that are in it. Pure."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Sequence

from .._version import __version__
from ..documents.yaml_writer import scalar
from ..errors import UsageError
from ..files.prompt import PROMPT_ENDINGS
from .manifest import KINDS, ExportKind

__all__ = ["fitting_name", "manifest_text"]

_TEMPLATES = (".j2", ".jinja", ".jinja2")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")


def fitting_name(name: str) -> str:
    """Turn a name into a valid pack name. Raises UsageError if that is not possible."""
    fitting = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if not _NAME.fullmatch(fitting):
        raise UsageError(f"{name!r} is not a valid name for a pack", hint="give one: --name acme-support")
    return fitting


def manifest_text(name: str, files: Sequence[str]) -> str:
    """Return the text of a pack.yaml that exports these files. Raises UsageError if a file gives no valid export name."""
    exports = {kind: _named([file for file in files if _kind(file) == kind]) for kind in KINDS}
    major, minor, _ = __version__.split(".", 2)
    lines = [
        "# What this folder shares. Check it with `runner pack check`; see docs/packs.md.",
        "format: 1",
        f"name: {name}",
        "version: 0.1.0                          # semantic versioning; tag a release with it: v0.1.0",
        "# description: What these prompts are for, in one sentence",
        "# license: MIT                          # an SPDX expression (https://spdx.org/licenses)",
        '# authors: ["Acme <prompts@acme.example>"]',
        "# repository: https://github.com/acme/prompts",
        f'requires: {{runner: ">={major}.{minor}"}}',
        "exports:                                # what others can name; everything else stays private",
    ]
    for kind in KINDS:
        if exports[kind]:
            lines.append(f"  {kind}:")
            lines += [
                f"    {scalar(export)}: {scalar(exports[kind][export])}" for export in sorted(exports[kind])
            ]
    return "\n".join(lines) + "\n"


def _kind(file: str) -> ExportKind | None:
    folders = file.split("/")[:-1]
    lower = file.lower()
    if lower.endswith(PROMPT_ENDINGS):
        return "prompts"
    if lower.endswith(_TEMPLATES) or ("partials" in folders and lower.endswith((".md", ".txt"))):
        return "partials"
    if "schemas" in folders and lower.endswith(".json") and not lower.endswith(".schema.json"):
        return "schemas"
    return None


def _named(files: Sequence[str]) -> dict[str, str]:
    """Return the files by export name: the file's own name, or the whole path if several files share a name."""
    short = {file: _slug(posixpath.basename(file)) for file in files}
    counts = Counter(short.values())
    named: dict[str, str] = {}
    for file in files:
        name = short[file] if counts[short[file]] == 1 and short[file] else _slug(file)
        if not name or name in named:
            raise UsageError(
                f"{file} gives no valid export name", hint="rename it, or write pack.yaml by hand"
            )
        named[name] = file
    return named


def _slug(path: str) -> str:
    stem = re.sub(r"(?:\.prompt)?\.[a-z0-9]+$", "", path.lower())
    return re.sub(r"[^a-z0-9_]+", "-", stem).strip("-_")[:63]
