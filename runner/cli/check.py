"""`runner check`: everything that can be known without asking a model."""

from __future__ import annotations

import click

from .options import isolate_option

__all__ = ["command"]


@click.command("check")
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@isolate_option
def command(paths: tuple[str, ...], *, isolate: bool) -> int:
    """Check prompts and render every case, offline.

    Checked are the format, the templates, every case, and the schema against the strict subset.

    PATHS are prompt files, folders or globs; without any, every *.prompt.yaml of the project. Errors and remarks are
    printed as `file:line:column: CODE message`. Exit code 2 if there is an error, 0 otherwise.
    """
    from ..engine.examine import examine
    from ..errors import Problems, RunnerError
    from ..regress.rules import compile_rules
    from ..report.figures import plural
    from .isolating import sandbox_of
    from .selecting import load_prompts, open_project
    from .show import show_diagnostic, show_error

    sandbox = sandbox_of(isolate=isolate)
    project, _ = open_project()
    sandbox.start()
    prompts = cases = errors = warnings = 0
    for loaded in load_prompts(paths, project):
        prompts += 1
        if isinstance(loaded, RunnerError):
            for error in loaded.errors if isinstance(loaded, Problems) else (loaded,):
                errors += show_error(error)
            continue
        found = examine(loaded, project, sandbox)
        try:
            compile_rules(loaded, project)
        except RunnerError as wrong:
            errors += show_error(wrong)
        cases += found.cases
        for error in found.errors:
            errors += show_error(error)
        for remark in found.remarks:
            show_diagnostic(remark)
            errors += remark.severity == "error"
            warnings += remark.severity == "warning"
    for remark in project.warnings:
        show_diagnostic(remark)
        warnings += 1
    click.echo(
        f"{plural(prompts, 'prompt')}, {plural(cases, 'case')}: {plural(errors, 'error')}, {plural(warnings, 'warning')}"
    )
    return 2 if errors else 0
