"""Imports in memory, and what the prompt files that come of them would send."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from runner.engine.plan.lint import lint_prompt
from runner.engine.plan.plan import Plan, make_units
from runner.engine.plan.selection import Selection
from runner.files.project import load_project_from
from runner.files.prompt import load_prompt
from runner.files.tree import MemoryTree
from runner.importing.imported import Imported
from runner.importing.reading import read_source
from runner.importing.sources import Folder

DATA = Path(__file__).parents[1] / "conformance" / "import"


def listed(kind: str, role: str = "main") -> list[str]:
    """The recorded sources of a kind, named from DATA."""
    with (DATA / "SOURCES.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [row["file"] for row in rows if row["file"].startswith(f"{kind}/") and row["role"] == role]


def recorded(kind: str) -> Iterator[dict[str, Any]]:
    """What the real tool made of the recorded sources."""
    with (DATA / f"{kind}.jsonl").open(encoding="utf-8", newline="\n") as file:
        yield from map(json.loads, file)


def of_repository(kind: str, file: str) -> Imported:
    """Import a recorded source; its repository is the folder that may be read."""
    kind_, repository, *rest = file.split("/")
    return read_source(kind, "/".join(rest), Folder(DATA / kind_ / repository))


def of_text(tmp_path: Path, kind: str, name: str, text: str, **others: str) -> Imported:
    """Import a source that is written here, with files beside it (`__` in their names is a dot)."""
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text, encoding="utf-8")
    for other, content in others.items():
        (tmp_path / other.replace("__", ".")).write_text(content, encoding="utf-8")
    return read_source(kind, name, Folder(tmp_path))


def files_of(imported: Imported) -> dict[str, bytes]:
    return {file.name: file.data for file in imported.files}


def prompts_of(imported: Imported) -> list[str]:
    return [name for name in files_of(imported) if name.endswith(".prompt.yaml")]


def project() -> Any:
    return load_project_from(MemoryTree({}), Path("/"), environ={})


def spec_of(imported: Imported, number: int = 0) -> Mapping[str, Any]:
    """What one of the prompt files says."""
    name = prompts_of(imported)[number]
    value = load_prompt(name, MemoryTree(files_of(imported))).document.value
    assert isinstance(value, dict)
    return value


def bodies_of(
    imported: Imported, name: str | None = None, variables: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """The request bodies of a prompt file, of its first variant, in the order of its cases."""
    prompt = load_prompt(name or prompts_of(imported)[0], MemoryTree(files_of(imported)))
    units = make_units((prompt,), project(), fields={} if "model" in prompt.request else {"model": ["-"]})[:1]
    return [dict(job.body) for job in Plan(units, Selection(variables=variables).cases).jobs()]


def faults_of(imported: Imported) -> list[str]:
    """What `runner check` says against the prompt files."""
    faults: list[str] = []
    for name in prompts_of(imported):
        found = lint_prompt(load_prompt(name, MemoryTree(files_of(imported))), project())
        faults += [str(error) for error in found.errors]
        faults += [str(remark) for remark in found.remarks if remark.severity == "error"]
    return faults


def digest(text: str) -> str:
    """How a recorded text is kept: long ones by their hash."""
    if len(text) <= 2000:
        return text
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def adds_up(imported: Imported) -> bool:
    """Whether each item has one outcome, and each that is not converted says why."""
    counted = sum(outcomes.total() for outcomes in imported.counts().values())
    told = all(item.code and item.why for item in imported.items if item.outcome != "converted")
    return counted == len(imported.items) and told and all(item.location.line for item in imported.items)
