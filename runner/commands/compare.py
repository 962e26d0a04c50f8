"""Implement `runner compare` for stored runs: join their cases, test the differences, and show them."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ..documents.json_reader import parse_json
from ..engine.journal.exit_codes import ExitCounts, exit_code
from ..engine.journal.record import Record
from ..engine.measured import spelled_label
from ..engine.plan.configuration import key_of
from ..engine.plan.units import variants_of
from ..errors import RunnerError, SyntaxFileError, UsageError
from ..files.cases import cases_of
from ..files.destination import Destination
from ..files.model import Prompt
from ..regress.arms.arm import ComparedArm
from ..regress.arms.arm_results import ArmsComparison
from ..regress.arms.contrasts import Lineup, conclude, lineup, look
from ..regress.arms.flips import flips
from ..regress.arms.stored_arms import ArmSource, matched, source_of, variant_arms
from ..regress.snapshots.store import store_of
from ..report.arms.compare_json import compare_json
from ..report.arms.compare_markdown import compare_markdown
from ..report.arms.compare_text import compare_lines
from ..report.arms.comparison_facts import ComparisonFacts
from ..report.arms.comparison_file import ComparisonFile
from ..report.terminal.outlet import Outlet, print_data
from ..report.terminal.record_words import answer, input_text, reason
from ..report.terminal.reporter import wants_color
from ..report.terminal.terminal_text import visible
from ..verdict.gate import Bound
from ..verdict.looks import Looks
from ..verdict.metrics import Metric
from ..verdict.power import About
from ..workspace import Workspace
from .open_workspace import open_workspace

__all__ = ["CompareOptions", "compare_stored", "concluded", "lineups_of", "open_output"]

_ONE_LOOK = Looks((1,))


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """How arms are compared and shown. `form` is what is printed; `output` a file that is written as well."""

    margin: float = 0.05
    confidence: float = 0.975
    about: About = "cases"
    by_tag: bool = False
    by_id: bool = False
    metric: str = "pass_rate"
    label: str | None = None
    require_conclusive: bool = False
    form: Literal["text", "json", "markdown"] = "text"
    output: str | None = None
    force: bool = False

    @property
    def compared(self) -> Metric:
        """Return the metric that is compared; its label is JSON, or else text."""
        if self.label is None:
            return Metric(self.metric)
        try:
            value = parse_json(self.label, "").value
        except SyntaxFileError:
            value = self.label
        return Metric(self.metric, spelled_label(value))

    def bound(self, looks: Looks = _ONE_LOOK) -> Bound:
        """Return the condition on the difference of two arms."""
        return Bound(max_drop=self.margin, confidence=self.confidence, about=self.about, looks=looks)


def compare_stored(names: Sequence[str], options: CompareOptions) -> int:
    """Compare stored runs, files of records or the baseline with the first of them; one run's variants if it is alone."""
    with ExitStack() as closing:
        workspace = closing.enter_context(open_workspace())
        writer = open_output(options, workspace.root, closing)
        store = store_of(workspace.project, workspace.environ)

        def prompts() -> list[tuple[str, Prompt, list[str | None]]]:
            return [
                (
                    key_of(prompt, workspace.root),
                    prompt,
                    [variant.name for variant in variants_of(prompt, workspace.project)],
                )
                for prompt in workspace.prompts(())
            ]

        sources = [source_of(name, workspace.root, store, prompts, options.compared) for name in names]
        notes = [note for source in sources for note in source.notes]
        if len(sources) == 1:
            groups = variant_arms(sources[0])
            readers = {id(arm): _reader(sources[0], arm) for group in groups for arm in group}
        else:
            groups, remarks = matched(sources)
            notes += remarks
            readers = {
                id(arm): _reader(source, arm)
                for group in groups
                for source, arm in zip(sources, group, strict=True)
            }
        tags = tags_in(workspace, groups) if options.by_tag else None
        lineups = lineups_of(groups, options.bound(), tags, by_id=options.by_id)
        look(lineups)
        return concluded(lineups, readers, notes, options, writer)


def open_output(options: CompareOptions, root: Path, closing: ExitStack) -> ComparisonFile | None:
    """Return the writer of --output, if given; it is discarded when `closing` ends without a result."""
    if options.output is None:
        return None
    Destination("--output", options.output, root).check()
    writer = ComparisonFile(options.output, force=options.force)
    closing.callback(writer.discard)
    return writer


def lineups_of(
    groups: Sequence[Sequence[ComparedArm]],
    bound: Bound,
    tags: Mapping[str, Mapping[str, Sequence[str]]] | None,
    *,
    by_id: bool,
) -> list[Lineup]:
    """Return the comparison of each group of arms, and of its cases with each tag if there are `tags` (by file and case)."""
    found = []
    for arms in groups:
        found.append(lineup(arms, bound, by_id=by_id))
        if tags is None:
            continue
        of_case = tags.get(arms[0].file, {})
        names = sorted({tag for name in arms[0].cases for tag in of_case.get(name, ())})
        if not names:
            found[-1].notes.append("no case has a tag, so there is nothing to compare by tag")
        for tag in names:
            tagged = frozenset(name for name, of in of_case.items() if tag in of)
            found.append(lineup(arms, bound, tag=tag, tagged=tagged, by_id=True))
    return found


def tags_in(
    workspace: Workspace, groups: Sequence[Sequence[ComparedArm]]
) -> dict[str, dict[str, Sequence[str]]]:
    """Return the tags of each case, by prompt file and case id, as the prompts declare them now.

    Raises UsageError if a prompt cannot be read.
    """
    found: dict[str, dict[str, Sequence[str]]] = {}
    for arms in groups:
        file = arms[0].file
        place = workspace.root / file
        try:
            [prompt] = workspace.prompts([str(place) if place.exists() else file])
            found[file] = {case.id: case.tags for case in cases_of(prompt)}
        except (RunnerError, ValueError) as error:
            raise UsageError(
                f"--by tag needs the cases of {file}, which cannot be read: {getattr(error, 'message', error)}"
            ) from None
    return found


def concluded(
    lineups: Sequence[Lineup],
    readers: Mapping[int, Callable[[], Iterator[Record]]],
    notes: Sequence[str],
    options: CompareOptions,
    writer: ComparisonFile | None,
) -> int:
    """Show the verdicts and return the exit code. `readers` read the records of an arm (by its id) again."""
    comparisons = conclude(lineups)
    if not comparisons:
        notes = [*notes, "nothing to compare: no prompt is in all of them"]
    if writer is not None:
        if options.output is not None and options.output.lower().endswith((".html", ".htm")):
            comparisons = [
                _with_flips(comparison, found, readers)
                for comparison, found in zip(comparisons, lineups, strict=True)
            ]
        writer.write(ComparisonFacts(comparisons, (), notes))
        writer.close(complete=True)
    if options.form == "json":
        print_data(compare_json(comparisons, notes))
    elif options.form == "markdown":
        print_data(compare_markdown(comparisons, notes).rstrip("\n"), json=False)
    else:
        _print(comparisons, notes)
    if options.output is not None and options.form == "text":
        Outlet(sys.stdout, "standard output").line(f"written: {visible(options.output)}")
    words = [result.word for comparison in comparisons for result in comparison.contrasts]
    unsure = words.count("inconclusive") if options.require_conclusive else 0
    unchecked = words.count("unchecked") + (not comparisons)
    return exit_code(
        ExitCounts(failed=words.count("worse"), unchecked=unchecked + unsure, selected=len(words))
    )


def _print(comparisons: Sequence[ArmsComparison], notes: Sequence[str]) -> None:
    out = Outlet(sys.stdout, "standard output")
    color = wants_color(sys.stdout, os.environ)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in compare_lines(comparisons, notes, width=width):
        out.line(line.painted(color=color))
    out.flush()
    out.check()


def _reader(source: ArmSource, arm: ComparedArm) -> Callable[[], Iterator[Record]]:
    def read() -> Iterator[Record]:
        for record in source.records():
            file = source.files.get(record["file"], record["file"])
            if file == arm.file and record["variant"] == arm.variant:
                yield record

    return read


def _with_flips(
    comparison: ArmsComparison, found: Lineup, readers: Mapping[int, Callable[[], Iterator[Record]]]
) -> ArmsComparison:
    """Return the comparison with answers of the cases that moved."""
    base = readers[id(found.arms[0])]
    by_arm = {
        arm.name: flips(result.changes, base, readers[id(arm)], _shown)
        for arm, result in zip(found.arms[1:], comparison.contrasts, strict=True)
    }
    return replace(comparison, flips=by_arm)


def _shown(record: Record) -> tuple[str | None, str | None, str | None]:
    return input_text(record["vars"]), answer(record), None if record["passed"] else reason(record)
