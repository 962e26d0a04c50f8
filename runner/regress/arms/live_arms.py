"""The arms of a comparison that asks: the variants of each prompt, or each prompt as it is and as it was in a revision."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ...engine.plan.configuration import key_of
from ...engine.plan.job import Unit
from ...engine.plan.units import make_units
from ...errors import NothingSelectedError, Problems, RunnerError, UsageError, raise_all
from ...files.model import Case, Project, Prompt
from ...files.project import load_project_from
from ...packs.find_prompts import load_named
from ...packs.pack_set import PackSet
from ...render.sandbox import Sandbox
from ...values import Json
from ..revisions.repository import RevisionTree

__all__ = ["NOW", "LiveArms", "revision_arms", "variant_groups"]

NOW = "working tree"
"""The name of the arm of the prompts as they are."""


@dataclass(frozen=True, slots=True)
class LiveArms:
    """The units to ask. `groups` are those that are compared with each other, the first with all others.

    `names` names the arm of each unit, and `files` is its prompt's file from the root, both by the unit's id. `cases`
    yields the cases of a unit. `notes` say what is not asked. `labels` maps the variants of arms that are revisions to the
    variants of their prompts.
    """

    units: tuple[Unit, ...]
    groups: Sequence[Sequence[Unit]]
    names: Mapping[int, str]
    files: Mapping[int, str]
    cases: Callable[[Unit], Iterator[Case]]
    notes: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


def variant_groups(units: Sequence[Unit], cases: Callable[[Unit], Iterator[Case]], root: Path) -> LiveArms:
    """Return the variants of each prompt as arms. Raises UsageError if a prompt has only one."""
    prompts: dict[str, list[Unit]] = {}
    for unit in units:
        prompts.setdefault(unit.prompt.place, []).append(unit)
    for group in prompts.values():
        if len(group) < 2:
            prompt = group[0].prompt
            raise UsageError(
                f"{prompt.name} has only one variant, so there is nothing to compare",
                location=prompt.locate(),
                hint="give at least two different values of --model or of one --set, or --base REV",
            )
    return LiveArms(
        tuple(units),
        list(prompts.values()),
        {id(unit): unit.variant or "" for unit in units},
        {id(unit): key_of(unit.prompt, root) for unit in units},
        cases,
    )


def revision_arms(
    units: Sequence[Unit],
    cases: Callable[[Unit], Iterator[Case]],
    rev: str,
    tree: RevisionTree,
    *,
    project: Project,
    environ: Mapping[str, str],
    fields: Mapping[str, Sequence[Json]],
    endpoint: str | None,
    sandbox: Sandbox,
) -> LiveArms:
    """Return each prompt as it was in the git revision `rev`, whose files are in `tree`, and as it is.

    Both are asked with the cases and the assertions of the working tree, and with its endpoints. Only cases whose
    request differs are asked. Raises NothingSelectedError if no request differs, and the errors of prompts that cannot
    be loaded or rendered in the revision.
    """
    root = Path(project.root)
    packs = PackSet(load_project_from(tree, root, environ=environ), tree)

    def compiled(prompt: Prompt) -> Mapping[str | None, Unit]:
        then = _prompt_then(prompt, tree, packs, key_of(prompt, root))
        prompts = () if then is None else (then,)
        older = make_units(prompts, project, endpoint=endpoint, fields=fields, sandbox=sandbox)
        return {unit.variant: unit for unit in older}

    known: dict[str, Mapping[str | None, Unit]] = {}
    arms: list[tuple[Unit, Unit, Unit, frozenset[str]]] = []
    notes: list[str] = []
    same: list[str] = []
    problems: list[RunnerError] = []
    for unit in units:
        name = unit.prompt.name if unit.variant is None else f"{unit.prompt.name}@{unit.variant}"
        try:
            if unit.prompt.place not in known:
                known[unit.prompt.place] = {}  # if it has an error, that is reported once
                known[unit.prompt.place] = compiled(unit.prompt)
            then = known[unit.prompt.place].get(unit.variant)
            if then is None:
                notes.append(f"{name} is not in {rev}, so it is not compared")
                continue
            every = list(cases(unit))
            differing = frozenset(
                case.id for case in every if then.job(case).fingerprint != unit.job(case).fingerprint
            )
        except RunnerError as error:
            problems.append(_in_revision(error, rev))
            continue
        if not differing:
            same.append(name)
            continue
        if unchanged := len(every) - len(differing):
            notes.append(
                f"{name}: {unchanged:,} {'case has' if unchanged == 1 else 'cases have'} the same request as in {rev},"
                f" so {'it is' if unchanged == 1 else 'they are'} not asked"
            )
        arms.append((_named(then, rev), _named(unit, NOW), unit, differing))
    raise_all(problems)
    if same:
        notes.append(f"the same requests as in {rev}, so not asked: {', '.join(same)}")
    if not arms:
        raise NothingSelectedError(
            f"nothing to compare: no request differs from {rev}", hint="; ".join(notes)
        )
    original = {id(arm): (unit, differing) for *both, unit, differing in arms for arm in both}

    def differing_cases(unit: Unit) -> Iterator[Case]:
        of_now, differing = original[id(unit)]
        return (case for case in cases(of_now) if case.id in differing)

    return LiveArms(
        tuple(arm for then, now, *_ in arms for arm in (then, now)),
        [(then, now) for then, now, *_ in arms],
        {id(arm): name for then, now, *_ in arms for arm, name in ((then, rev), (now, NOW))},
        {id(arm): key_of(unit.prompt, root) for then, now, unit, _ in arms for arm in (then, now)},
        differing_cases,
        tuple(notes),
        {str(arm.variant): unit.variant or "" for then, now, unit, _ in arms for arm in (then, now)},
    )


def _prompt_then(prompt: Prompt, tree: RevisionTree, packs: PackSet, file: str) -> Prompt | None:
    """Return a prompt as it was, with the assertions of now; None if it did not exist."""
    if prompt.origin is None and not tree.exists(prompt.file):
        return None
    found = next(iter(load_named(prompt.place, tree, packs)), None)
    return found and replace(found, path=file, asserts=prompt.asserts)


def _named(unit: Unit, name: str) -> Unit:
    return replace(unit, variant=name if unit.variant is None else f"{unit.variant}+{name}")


def _in_revision(error: RunnerError, rev: str) -> RunnerError:
    first = error.errors[0] if isinstance(error, Problems) else error
    first.message = f"{first.message} (in {rev})"
    return first
