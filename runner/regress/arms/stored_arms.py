"""Find the arms that names on the command line mean: stored runs, files of records, the recorded baseline."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...engine.journal.final_records import final_records, last_records
from ...engine.journal.index import journal_lines
from ...engine.journal.journal import RESULTS
from ...engine.journal.record import Record
from ...engine.journal.stored_runs import find_run
from ...errors import UsageError
from ...files.model import Prompt
from ...verdict.metrics import Metric
from ..gates.rates import load_rates
from ..snapshots.snapshot import rates_file
from ..snapshots.store import SnapshotStore
from .arm import ComparedArm, arm_of_rates
from .arm_results import PASS_RATE

__all__ = ["BASELINE", "ArmSource", "matched", "source_of", "variant_arms"]

BASELINE = "baseline"


@dataclass(frozen=True, slots=True)
class ArmSource:
    """One side of a comparison: its arms by prompt file (from the root) and variant, and how its records are read again.

    `files` maps the path of a prompt file in the records to its path from the project's root. `labels` maps the variants of
    arms that were a git revision and the working tree to the variants of their prompts.
    """

    name: str
    arms: Mapping[tuple[str, str | None], ComparedArm]
    records: Callable[[], Iterator[Record]] = lambda: iter(())
    files: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


def source_of(
    name: str,
    root: Path,
    store: SnapshotStore,
    prompts: Callable[[], Sequence[tuple[str, Prompt, Sequence[str | None]]]],
    metric: Metric = PASS_RATE,
) -> ArmSource:
    """Return the arms of a run (`last`, an id, a folder), of a .jsonl file of records, or of `baseline`.

    `prompts` returns the project's prompts, each with its file from the root and its variants; it is called for the
    baseline only. Raises UsageError if there is nothing of this name, and what reading raises.
    """
    if name == BASELINE:
        return _of_baseline(store, prompts(), metric)
    path = Path(name)
    if path.suffix.lower() == ".jsonl" and not path.is_dir():
        return _of_file(path, metric)
    run = find_run(root, name)
    files: Mapping[str, str] = run.manifest.get("files", {})
    notes = (
        []
        if run.status == "complete"
        else [f"the run {run.id} is {run.status}: not all of its answers are there"]
    )
    arms = _collected(run.id, final_records(run), files, run.manifest.get("started"), metric)
    if not arms:
        raise UsageError(f"the run {run.id} has no answers", hint="runner runs lists the others")
    return ArmSource(
        run.id, arms, lambda: final_records(run), files, tuple(notes), run.manifest.get("arm_labels", {})
    )


def _of_file(path: Path, metric: Metric) -> ArmSource:
    if not path.is_file():
        raise UsageError(
            f"there is no file {path}", hint="name a run, or a .jsonl file that `run --output` wrote"
        )
    read = sum(length for _, length, _ in journal_lines(path))
    if read < path.stat().st_size:
        raise UsageError(
            f"{path} has a line at its end that is not a record of runner",
            hint="name a file that `run --output` wrote",
        )
    name = path.parent.name if path.name == RESULTS else path.name
    arms = _collected(name, last_records(path, {}), {}, None, metric)
    if not arms:
        raise UsageError(f"{path} has no records", hint="name a file that `run --output` wrote")
    return ArmSource(str(path), arms, lambda: last_records(path, {}))


def _of_baseline(
    store: SnapshotStore, prompts: Sequence[tuple[str, Prompt, Sequence[str | None]]], metric: Metric
) -> ArmSource:
    arms: dict[tuple[str, str | None], ComparedArm] = {}
    for file, prompt, variants in prompts:
        for variant in variants:
            rates = load_rates(store, rates_file(prompt, variant))
            if rates is not None:
                arms[file, variant] = arm = arm_of_rates(BASELINE, prompt.name, file, variant, rates)
                arm.metric = metric
    if not arms:
        raise UsageError("there is no baseline", hint="runner baseline records one")
    return ArmSource(BASELINE, arms)


def _collected(
    name: str, records: Iterator[Record], files: Mapping[str, str], started: str | None, metric: Metric
) -> dict[tuple[str, str | None], ComparedArm]:
    arms: dict[tuple[str, str | None], ComparedArm] = {}
    for record in records:
        key = files.get(record["file"], record["file"]), record["variant"]
        arm = arms.get(key)
        if arm is None:
            arm = arms[key] = ComparedArm(
                name, record["prompt"], key[0], record["variant"], started, metric=metric
            )
        arm.take(record)
    return arms


def variant_arms(source: ArmSource) -> list[list[ComparedArm]]:
    """Return the variants of each prompt of a run, as arms that are named after them, in the order of the run.

    Raises UsageError if no prompt has two variants.
    """
    prompts: dict[tuple[str, str], list[ComparedArm]] = {}
    for (file, variant), arm in source.arms.items():
        prompts.setdefault((file, source.labels.get(variant or "", "")), []).append(arm)
    found = [arms for arms in prompts.values() if len(arms) > 1]
    if not found:
        raise UsageError(
            f"{source.name} has no variants that could be compared with each other",
            hint=f"name the run to compare with, too: runner compare OTHER {source.name}",
        )
    for arms in found:
        arms.sort(key=lambda arm: arm.first if arm.first is not None else 0)
        for arm in arms:
            arm.name, arm.started = arm.variant or "(as declared)", None
    return found


def matched(sources: Sequence[ArmSource]) -> tuple[list[list[ComparedArm]], list[str]]:
    """Join the arms of several sources prompt by prompt and variant by variant; also return remarks on what is left out.

    If each source has a single arm, these are compared, whatever their prompts and variants are called. Otherwise, the
    only variants of a prompt are compared with each other, and all others by their names. Raises UsageError if one name
    was given twice.
    """
    names = [source.name for source in sources]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{name} cannot be compared with itself")
    shown = [next(iter(source.arms.values())).name for source in sources]
    for source, name in zip(sources, shown, strict=True):
        for arm in source.arms.values() if shown.count(name) > 1 else ():
            arm.name = source.name
    if all(len(source.arms) == 1 for source in sources):
        alone = [next(iter(source.arms.values())) for source in sources]
        prompts = {arm.file for arm in alone}
        remark = [f"different prompts are compared: {', '.join(arm.file for arm in alone)}"]
        return [alone], remark if len(prompts) > 1 else []
    joined: list[list[ComparedArm]] = []
    used: set[int] = set()
    for (file, variant), arm in sources[0].arms.items():
        others = [_counterpart(source, sources[0], file, variant) for source in sources[1:]]
        if all(others):
            group = [arm, *(each for each in others if each is not None)]
            joined.append(group)
            used.update(map(id, group))
    remarks = [
        f"{source.name}: {_named(arm)} is left out, because it is not in all"
        for source in sources
        for arm in source.arms.values()
        if id(arm) not in used
    ]
    return joined, remarks


def _counterpart(source: ArmSource, first: ArmSource, file: str, variant: str | None) -> ComparedArm | None:
    same = source.arms.get((file, variant))
    if same is not None:
        return same
    only = [[arm for (place, _), arm in each.arms.items() if place == file] for each in (source, first)]
    return only[0][0] if [len(each) for each in only] == [1, 1] else None


def _named(arm: ComparedArm) -> str:
    return arm.prompt if arm.variant is None else f"{arm.prompt}@{arm.variant}"
