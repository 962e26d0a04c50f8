"""`runner check`: everything that can be known without asking a model."""

from __future__ import annotations

import click

from ..report.outlet import print_line
from .options import isolate_option

__all__ = ["command"]


@click.command("check")
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@isolate_option
def command(paths: tuple[str, ...], *, isolate: bool) -> int:
    """Check prompts and render every case, offline.

    Checked are the format, the templates, every case, the schema against the strict subset, and that every pack is the
    one that was locked.

    PATHS are prompt files, folders, globs or ALIAS:NAME; without any, every *.prompt.yaml of the project. Errors and
    remarks are printed as `file:line:column: CODE message`. Exit code 2 if there is an error, 0 otherwise.
    """
    from ..commands.check import Told, faults_of_packs, prompts_of
    from ..commands.sandbox import sandbox_of
    from ..commands.selection import open_project, packs_of
    from ..commands.show_errors import show_diagnostic
    from ..engine.plan.lint import examine
    from ..errors import Diagnostic, RunnerError
    from ..files.model import Prompt
    from ..regress.claims import shared_by
    from ..regress.rules.rules import compile_rules
    from ..regress.vacuous import redactions_that_hide_all, vacuous_rules
    from ..report.figures import plural

    sandbox = sandbox_of(isolate=isolate)
    project, _ = open_project()
    sandbox.start()
    packs = packs_of(project)
    prompts = cases = remarks = 0
    warnings = 0
    passed_over: list[Diagnostic] = []
    loadable: list[Prompt] = []
    told = Told()
    for fault in faults_of_packs(packs, project, exports=not paths):
        told.tell(fault)
    for loaded in prompts_of(paths, project, packs, told, passed_over.append):
        prompts += 1
        if isinstance(loaded, RunnerError):
            told.tell(loaded)
            continue
        loadable.append(loaded)
        found = examine(loaded, project, sandbox)
        vacuous: list[Diagnostic] = []
        try:
            vacuous += vacuous_rules(loaded, compile_rules(loaded, project))
        except RunnerError as wrong:
            told.tell(wrong)
        cases += found.cases
        for error in found.errors:
            told.tell(error)
        for remark in (*found.remarks, *vacuous):
            show_diagnostic(remark)
            remarks += remark.severity == "error"
            warnings += remark.severity == "warning"
    for shared in shared_by(loadable, project):
        told.tell(shared)
    for remark in (*project.warnings, *redactions_that_hide_all(project), *passed_over):
        show_diagnostic(remark)
        warnings += 1
    errors = remarks + told.count
    counted = [plural(prompts, "prompt"), plural(cases, "case")]
    if packs.requests:
        counted.append(plural(len(packs.requests), "pack"))
    print_line(f"{', '.join(counted)}: {plural(errors, 'error')}, {plural(warnings, 'warning')}")
    return 2 if remarks else told.exit_code
