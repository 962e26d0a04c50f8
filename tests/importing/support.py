"""Import sources in memory, and return what the resulting prompt files would send."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from runner.engine.plan.lint import lint_prompt
from runner.engine.plan.plan import Plan
from runner.engine.plan.selection import Selection
from runner.engine.plan.units import make_units
from runner.files.disk.tree import MemoryTree
from runner.files.project import load_project_from
from runner.files.prompt import load_prompt
from runner.importing.imported import Imported
from runner.importing.reading import read_source
from runner.importing.sources import Folder
from tests import conformance

OURS = conformance.HERE / "import"
FOLDERS = {"github": "github-prompt-yml"}
"""The folder of the recordings of a kind, if its name differs from the kind."""

needs_recordings = pytest.mark.skipif(
    conformance.RECORDINGS is None, reason="no folder of recordings was given (CONFORMANCE_DATA)"
)


def written(kind: str) -> list[dict[str, Any]]:
    """Return our own sources of a kind, each with its expected result."""
    with (OURS / f"{kind}.jsonl").open(encoding="utf-8", newline="\n") as file:
        return [json.loads(line) for line in file]


def listed(kind: str) -> list[str]:
    """Return the names of the recorded sources of a kind, from the folder of imports; empty without recordings."""
    found = conformance.recorded_below(f"import/{FOLDERS.get(kind, kind)}")
    return [path.relative_to(_theirs()).as_posix() for path in found]


def _theirs() -> Path:
    assert conformance.RECORDINGS is not None
    return conformance.RECORDINGS / "import"


def renderings(kind: str) -> list[tuple[str, Any]]:
    """Return the files with the renderings of recorded sources by the real tool, and their content."""
    found: list[tuple[str, Any]] = []
    for row in conformance.renderings() if conformance.RECORDINGS is not None else ():
        if row["file"].startswith(f"import/{kind}-expected"):
            path = conformance.RECORDINGS / row["file"]
            found.append((path.name.removesuffix(".json"), json.loads(path.read_text(encoding="utf-8"))))
    return found


def recorded(kind: str) -> Iterator[dict[str, Any]]:
    """Yield the renderings of the real tool for our own sources, and for recorded sources if there are any."""
    yield from (each for each in written(kind) if "messages" in each)
    for _, told in renderings(kind):
        for each in told["results"]:
            yield {**each, "file": f"{kind}/{each['repository'].replace('/', '__')}/{each['path']}"}


def path_of(file: str) -> Path:
    """Return the path of a source: one of our own, or a recording."""
    ours = OURS / file
    return ours if ours.exists() or conformance.RECORDINGS is None else _theirs() / file


def of_repository(kind: str, file: str) -> Imported:
    """Import a source of the conformance data; its repository is the folder that may be read."""
    _, _, *rest = file.split("/")
    return read_source(kind, "/".join(rest), Folder(path_of(file).parents[len(rest) - 1]))


def of_text(tmp_path: Path, kind: str, name: str, text: str, **others: str) -> Imported:
    """Import a source from a text, with files beside it (`__` in their names is a dot)."""
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
    """Return the content of one of the prompt files."""
    name = prompts_of(imported)[number]
    value = load_prompt(name, MemoryTree(files_of(imported))).document.value
    assert isinstance(value, dict)
    return value


def bodies_of(
    imported: Imported, name: str | None = None, variables: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Return the request bodies of the first variant of a prompt file, in the order of its cases."""
    prompt = load_prompt(name or prompts_of(imported)[0], MemoryTree(files_of(imported)))
    units = make_units((prompt,), project(), fields={} if "model" in prompt.request else {"model": ["-"]})[:1]
    return [dict(job.body) for job in Plan(units, Selection(variables=variables).cases).jobs()]


def faults_of(imported: Imported) -> list[str]:
    """Return the findings of `runner check` in the prompt files."""
    faults: list[str] = []
    for name in prompts_of(imported):
        found = lint_prompt(load_prompt(name, MemoryTree(files_of(imported))), project())
        faults += [str(error) for error in found.errors]
        faults += [str(remark) for remark in found.remarks if remark.severity == "error"]
    return faults


def adds_up(imported: Imported) -> bool:
    """Return whether each item has one outcome, and each item that is not converted has a reason."""
    counted = sum(outcomes.total() for outcomes in imported.counts().values())
    told = all(item.code and item.why for item in imported.items if item.outcome != "converted")
    return counted == len(imported.items) and told and all(item.location.line for item in imported.items)
