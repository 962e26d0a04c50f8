"""The prompts that judge answers: how they are found, and what they must have."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from ...canonical import canonical
from ...checks.calls import CallTarget
from ...errors import FormatError, Location
from ...files.assertion_types import RELATIONS
from ...files.disk.tree import DiskTree, Tree, resolve
from ...files.model import Assertion, Project, Prompt
from ...files.pack_sources import is_reference
from ...files.project import PROJECT_FILE
from ...files.prompt import load_prompt
from ...packs.pack_set import PackSet, no_other_pack
from ...values import Json, JsonObject
from .job import Unit

__all__ = ["check_judge", "holds", "identity_of", "inputs_of", "judge_prompt"]

_GIVEN = frozenset({"criterion", "reference", "steps", "output", "input"})
_YES_OR_NO = frozenset({"pass", "fail"})
_USUAL_SCORE = 0.7
_RUBRIC, _FACTUALITY, _STEPS = "judges:rubric", "judges:factuality", "judges:steps"


def judge_prompt(prompt: Prompt, project: Project, target: CallTarget, assertion: Assertion) -> Prompt:
    """Load the judge of an assertion of `prompt`: its own, else the project's (for rubrics), else that of its type.

    Raises a FileError at the reference.
    """
    tree = DiskTree(Path(project.root))
    packs = PackSet(project, tree)
    own = project.judge.get("prompt")
    if target.prompt is None and isinstance(own, str) and target.default == _RUBRIC:
        assert project.document is not None, "it was declared there"
        return _loaded(own, tree, PROJECT_FILE, packs, project.document.locate(("judge", "prompt")))
    place = ("judge",) if isinstance(assertion.spec.get("judge"), str) else ("judge", "prompt")
    location = assertion.locate(*place) if target.prompt else assertion.location
    reference = target.prompt or target.default
    assert reference is not None, "each type has a judge"
    if target.prompt and prompt.origin is not None and not is_reference(reference):
        file = resolve(prompt.file, reference, location=location)
        return load_prompt(file, prompt.tree, in_pack=True, resolve_reference=no_other_pack)
    return _loaded(reference, prompt.tree, prompt.file, packs, location)


def _loaded(reference: str, tree: Tree, beside: str, packs: PackSet, location: Location) -> Prompt:
    """Load `ALIAS:NAME`, or a file from the folder of the file `beside`."""
    if is_reference(reference):
        return packs.load(reference, location)
    file = resolve(beside, reference, location=location)
    if not tree.exists(file):
        tree.read(file, location=location)  # raises the error, with the name that was probably meant
    return packs.load_own(file, tree)


def identity_of(unit: Unit, votes: int) -> str:
    """Return the fingerprint of a judge: its prompt with its inputs, its model and settings, and how often it votes."""
    prompt = unit.prompt
    parts: dict[str, Json] = {
        "request": {**prompt.request, "model": unit.model},
        "extra_body": prompt.extra_body,
        "inputs": prompt.inputs,
        "template": [prompt.template.engine, prompt.template.whitespace],
        "votes": votes,
    }
    return f"sha256:{sha256(canonical(parts)).hexdigest()}"


def holds(value: JsonObject) -> bool | None:
    """Return whether what a judge found is a pass, with the defaults of its assertion; None if it decides nothing."""
    score, verdict = value.get("score"), value.get("verdict")
    if isinstance(score, int | float):
        return score >= _USUAL_SCORE
    if verdict in RELATIONS:
        return verdict != "contradicts"
    return {"pass": True, "fail": False}.get(str(verdict))


def inputs_of(unit: Unit) -> frozenset[str]:
    """Return the variables that a judge has."""
    declared = unit.prompt.inputs
    return frozenset(declared) if declared is not None else unit.template.variables


def check_judge(unit: Unit, target: CallTarget, location: Location) -> None:
    """Raise FormatError at the assertion for a prompt that cannot judge."""
    name = unit.prompt.place
    if unit.judge.targets:
        raise FormatError(
            f"the judge {name} has assertions that need a judge",
            location=location,
            hint="remove them from it",
        )
    if "output" not in inputs_of(unit):
        raise FormatError(
            f"the judge {name} has no variable `output`, so it would not see the answer",
            location=location,
            hint=f"a judge may read {', '.join(sorted(_GIVEN))}",
        )
    if unknown := sorted(unit.required - _GIVEN):
        raise FormatError(
            f"the judge {name} needs {unknown[0]}, which no assertion gives",
            location=location,
            hint=f"a judge may read {', '.join(sorted(_GIVEN))}; give others a default",
        )
    wanted = "score" if target.default == _STEPS else "verdict"
    schema: Any = unit.prompt.response_schema.schema if unit.prompt.response_schema else {}
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if (
        not isinstance(properties, Mapping)
        or wanted not in properties
        or wanted not in schema.get("required", ())
    ):
        raise FormatError(
            f"the judge {name} does not require a {wanted} in its answer",
            location=location,
            hint=f"declare a response_format whose schema requires `reason` and `{wanted}`; `runner judge copy` shows one",
        )
    if wanted == "score":
        return
    declared = properties[wanted].get("enum") if isinstance(properties[wanted], Mapping) else None
    words = frozenset(map(str, declared)) if isinstance(declared, list) else frozenset()
    needed = frozenset(RELATIONS) if target.default == _FACTUALITY else _YES_OR_NO
    if lacking := sorted(needed - words):
        raise FormatError(
            f"the verdicts of the judge {name} do not include {', '.join(lacking)}",
            location=location,
            hint="write them as the `enum` of `verdict`, and `unsure` besides",
        )
