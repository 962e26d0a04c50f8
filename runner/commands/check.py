"""Implement `runner check`: check each prompt, the prompts together and the packs, and show each error once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from ..engine.plan.lint import LintReport, lint_prompt
from ..engine.plan.units import refuse_denied_models, variants_of
from ..errors import Diagnostic, NothingSelectedError, Problems, RunnerError
from ..files.env_file import EnvFile
from ..files.model import Prompt
from ..regress.claims import shared_by
from ..regress.gates.declared import declared_gates
from ..regress.rules.rules import compile_rules
from ..regress.snapshots.snapshot import rates_file
from ..regress.snapshots.store import store_of
from ..regress.vacuous import redactions_that_hide_all, vacuous_rules
from ..report.terminal.figures import plural
from ..report.terminal.outlet import print_line
from ..workspace import Workspace
from .open_workspace import open_workspace
from .show_errors import show_diagnostic, show_error, show_explain_command

if TYPE_CHECKING:
    from .connect_options import ConnectOptions

__all__ = ["ShownErrors", "check"]


def check(
    paths: Sequence[str], online: ConnectOptions | None, *, env_file: EnvFile | None, isolate: bool
) -> int:
    """Check the prompts that the paths name, and the packs; return the exit code. `online` asks the endpoints for their models."""
    with open_workspace(env_file=env_file, isolate=isolate) as workspace:
        workspace.sandbox.start()
        return _check(paths, workspace, online)


def _check(paths: Sequence[str], workspace: Workspace, online: ConnectOptions | None) -> int:
    project, packs = workspace.project, workspace.packs
    prompts = cases = remarks = 0
    warnings = 0
    codes: list[str] = []
    skipped: list[Diagnostic] = []
    loadable: list[Prompt] = []
    shown_errors = ShownErrors()
    for fault in _faults_of_packs(workspace, exports=not paths):
        shown_errors.show(fault)
    for loaded in _prompts_of(paths, workspace, shown_errors, skipped.append):
        prompts += 1
        if isinstance(loaded, RunnerError):
            shown_errors.show(loaded)
            continue
        loadable.append(loaded)
        found = lint_prompt(loaded, project, workspace.sandbox)
        vacuous: list[Diagnostic] = []
        try:
            vacuous += vacuous_rules(loaded, compile_rules(loaded, project))
        except RunnerError as wrong:
            shown_errors.show(wrong)
        try:
            vacuous += _of_gates(loaded, found, workspace)
        except RunnerError as wrong:
            shown_errors.show(wrong)
        cases += found.cases
        for error in found.errors:
            shown_errors.show(error)
        for remark in (*found.remarks, *vacuous):
            show_diagnostic(remark)
            codes.append(remark.code)
            remarks += remark.severity == "error"
            warnings += remark.severity == "warning"
    for shared in shared_by(loadable, project):
        shown_errors.show(shared)
    offered: list[Diagnostic] = []
    for each in _asked(loadable, workspace, online):
        if isinstance(each, Diagnostic):
            offered.append(each)
        else:
            shown_errors.show(each)
    for remark in (*project.warnings, *redactions_that_hide_all(project), *skipped, *offered):
        show_diagnostic(remark)
        codes.append(remark.code)
        warnings += 1
    show_explain_command(codes)
    errors = remarks + shown_errors.count
    counted = [plural(prompts, "prompt"), plural(cases, "case")]
    if packs.requirements:
        counted.append(plural(len(packs.requirements), "pack"))
    print_line(f"{', '.join(counted)}: {plural(errors, 'error')}, {plural(warnings, 'warning')}")
    return 2 if remarks else shown_errors.exit_code


def _asked(
    prompts: Sequence[Prompt], workspace: Workspace, online: ConnectOptions | None
) -> Iterator[Diagnostic | RunnerError]:
    """Yield the findings of `--online` about the prompts' models; none without that option."""
    if online is not None:
        from .check_online import check_online  # imports the HTTP libraries

        yield from check_online(prompts, workspace, online)


def _of_gates(prompt: Prompt, found: LintReport, workspace: Workspace) -> Iterator[Diagnostic]:
    """Yield remarks on a prompt's gates: margins that are too fine, and how large a drop they would detect."""
    if declared_gates(prompt, workspace.project) is None:
        return
    from ..regress.gates.gate_rules import compile_gates, power_hint, refuse_without_assertions, too_fine
    from ..regress.gates.gated_cases import refuse_unknown_metrics
    from ..regress.gates.rates import load_rates

    rules = compile_gates(prompt, workspace.project)
    if not rules or found.errors:
        return
    refuse_without_assertions(prompt, rules)
    refuse_unknown_metrics(prompt, rules)
    variants = variants_of(prompt, workspace.project)
    count = found.cases // len(variants)
    yield from (fine for rule in rules if (fine := too_fine(rule, count)) is not None)
    store = store_of(workspace.project, workspace.environ)
    for variant in variants:
        rates = load_rates(store, rates_file(prompt, variant.name))
        hint = power_hint(rules, rates, count)
        if hint is not None:
            name = "" if variant.name is None else f"{variant.name}: "
            yield Diagnostic("info", "I001", f"{name}{hint}", rules[0].location)


class ShownErrors:
    """The errors that were shown so far. Several prompts may fail for one and the same pack."""

    def __init__(self) -> None:
        self._errors: list[RunnerError] = []

    @property
    def count(self) -> int:
        """The number of errors."""
        return len(self._errors)

    @property
    def exit_code(self) -> int:
        """The exit code of all errors together."""
        return Problems(self._errors).exit_code if self._errors else 0

    def knows(self, error: RunnerError) -> bool:
        """Return whether an error was shown already."""
        each_of = error.errors if isinstance(error, Problems) else (error,)
        return all(any(each is shown for shown in self._errors) for each in each_of)

    def show(self, error: RunnerError) -> None:
        """Show an error, or each of several, unless it was shown already."""
        for each in error.errors if isinstance(error, Problems) else (error,):
            if not self.knows(each):
                self._errors.append(each)
                show_error(each)


def _prompts_of(
    paths: Sequence[str],
    workspace: Workspace,
    shown_errors: ShownErrors,
    remark: Callable[[Diagnostic], None],
) -> Iterator[Prompt | RunnerError]:
    """Yield the prompts that the paths name. A project that has only packs, and no prompts, is no error."""
    try:
        yield from workspace.each_prompt(paths, remark)
    except NothingSelectedError:
        if paths or not workspace.packs.requirements:
            raise
    except RunnerError as error:
        if not shown_errors.knows(error):
            raise


def _faults_of_packs(workspace: Workspace, *, exports: bool) -> Iterator[RunnerError]:
    """Yield the errors of the project's packs; with `exports` also their prompts that use a denied model."""
    packs, project = workspace.packs, workspace.project
    yield from packs.verify_all()
    for alias in packs.requirements if exports else ():
        try:
            for name in packs.open(alias).manifest.exports["prompts"]:
                try:
                    refuse_denied_models(packs.load(f"{alias}:{name}"), project)
                except RunnerError as error:
                    yield error
        except RunnerError:
            continue  # verify_all reports it
