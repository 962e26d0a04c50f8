"""The configuration of a run in named parts, so that resuming it can report which parts have changed.

It is stored in `run.json`, with digests for long values. How a run is executed (concurrency, transport, limits on cost
or errors, the output file) is not part of it, and may change from one attempt to the next.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from ...canonical import canonical
from ...endpoints.connect import Connection
from ...files.disk.tree import DiskTree
from ...files.model import CaseFile, Prompt
from ...values import Json
from ...wire.request import build_body
from .job import Unit
from .plan import Plan
from .selection import Selection

__all__ = [
    "Configuration",
    "configuration",
    "differences",
    "digest_of",
    "key_of",
    "section_of",
    "sections_of",
]

Configuration = Mapping[str, Mapping[str, Json]]
"""Named values in sections: "cases", and one for each prompt in each variant."""

_LONGEST = 200
_CASES = "cases"


def configuration(
    plan: Plan, selection: Selection, connections: Mapping[str, Connection], root: Path
) -> Configuration:
    """Return the configuration of a run of the project `root`. Raises MissingFileError if rows cannot be read."""
    sections = sections_of(plan.units, connections, root, takes_tests=selection.takes_tests)
    return {_CASES: _cases(plan, selection), **sections}


def sections_of(
    units: Iterable[Unit], connections: Mapping[str, Connection], root: Path, *, takes_tests: bool
) -> dict[str, Mapping[str, Json]]:
    """Return the section of each prompt in each variant, by name; `takes_tests` if the prompts' own tests are run."""
    return {
        section_of(unit, root): _unit(unit, connections[unit.endpoint.name], takes_tests=takes_tests)
        for unit in units
    }


def section_of(unit: Unit, root: Path) -> str:
    """Return the name of the section of a prompt in a variant."""
    return key_of(unit.prompt, root) + (f"@{unit.variant}" if unit.variant else "")


def differences(was: Configuration, now: Configuration) -> list[str]:
    """Return a sentence for each part that changed: "prompts/triage.prompt.yaml: temperature was 0, is 0.7"."""
    found: list[str] = []
    for section in [*was, *(name for name in now if name not in was)]:
        before, after = was.get(section), now.get(section)
        if before is None or after is None:
            found.append(f"{section} is {'no longer part' if after is None else 'a new part'} of the run")
            continue
        for name in [*before, *(name for name in after if name not in before)]:
            old, new = before.get(name), after.get(name)
            if old != new:
                found.append(f"{'--' if section == _CASES else f'{section}: '}{name}{_change(old, new)}")
    return found


def key_of(prompt: Prompt, root: Path) -> str:
    """Return the path of a prompt's file from the project's root, whatever the current folder is."""
    if not isinstance(prompt.tree, DiskTree):
        return prompt.path
    path = os.path.abspath(prompt.tree.root / prompt.file)  # noqa: PTH100 - by name only, links stay
    try:
        return os.path.relpath(path, root).replace(os.sep, "/")
    except ValueError:  # another drive on Windows
        return path


def _cases(plan: Plan, selection: Selection) -> dict[str, Json]:
    draw = selection.draw
    given: dict[str, Json] = {
        "input": None if selection.rows is None else _file_digest(Path(selection.rows.path)),
        "var": None
        if selection.variables is None
        else digest_of({**selection.variables, "--var": dict(selection.texts)}),
        "delimiter": selection.rows.delimiter if selection.rows else None,
        "encoding": selection.rows.encoding if selection.rows else None,
        "id": selection.rows.id_column if selection.rows else None,
        "case": sorted(selection.ids) or None,
        "failed": None if selection.only is None else digest_of(sorted(map(list, selection.only))),
        "tag": sorted(selection.tags) or None,
        "where": selection.where.source if selection.where else None,
        "sample": draw.count if draw else None,
        "seed": draw.seed if draw else None,
        "limit": selection.limit,
        "repeat": plan.repeat,
        "shard": str(plan.shard) if plan.shard else None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _unit(unit: Unit, connection: Connection, *, takes_tests: bool) -> dict[str, Json]:
    prompt = unit.prompt
    body = build_body(prompt.request, [], prompt.extra_body, unit.overrides)
    del body["messages"]
    declared = prompt.document.value if isinstance(prompt.document.value, Mapping) else {}
    parts: dict[str, Json] = {
        "endpoint": unit.endpoint.name,
        "base_url": connection.base_url,
        # Absent if nothing is declared, as in runs of versions without it.
        **(
            {"finish_reasons": dict(sorted(words.items()))} if (words := unit.endpoint.finish_reasons) else {}
        ),
        **({"api": mark} if (mark := unit.dialect.mark) else {}),
        **{name: _short(value) for name, value in body.items()},
        "messages": digest_of(
            [prompt.request.get("messages"), prompt.template.engine, prompt.template.whitespace]
        ),
        "inputs": digest_of(declared.get("inputs")),
        "assert": digest_of(declared.get("assert", [each.spec for each in prompt.asserts] or None)),
    }
    if unit.asks is not None and (judges := unit.asks.declared):
        parts["judge"] = dict(judges)  # absent without judges, as in runs of versions that have none
    if takes_tests:
        parts["tests"] = digest_of([declared.get("tests"), *_row_files(prompt)])
    return parts


def _row_files(prompt: Prompt) -> list[Json]:
    files = [test for test in prompt.tests if isinstance(test, CaseFile)]
    return [
        _file_digest(Path(file.path))
        if Path(file.path).is_absolute()
        else hashlib.sha256(prompt.tree.read(file.path, shown=file.shown, location=file.location)).hexdigest()
        for file in files
    ]


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def digest_of(value: Json) -> str:
    """Return a digest of a value that does not depend on the order of its keys."""
    try:
        data = canonical(value)
    except ValueError:  # a number that JSON readers disagree on; equal values still give equal text
        data = json.dumps(value, sort_keys=True).encode()
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _short(value: Json) -> Json:
    return value if len(json.dumps(value)) <= _LONGEST else digest_of(value)


def _change(old: Json, new: Json) -> str:
    """Describe how a value changed; for digests, only that it did."""
    if any(isinstance(value, str) and value.startswith("sha256:") for value in (old, new)):
        if old is None or new is None:
            return " was not given" if old is None else " is no longer given"
        return " changed"
    return f" was {_shown(old)}, is {_shown(new)}"


def _shown(value: Json) -> str:
    return "not given" if value is None else value if isinstance(value, str) else json.dumps(value)
