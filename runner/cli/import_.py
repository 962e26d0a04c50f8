"""`runner import`: import prompts, tests and assertions from other tools."""

from __future__ import annotations

import click

__all__ = ["command"]

_KINDS = (
    "github", "promptfoo", "openai-evals", "openai-request", "prompty", "dotprompt", "evals-registry", "llm-template",
)  # fmt: skip


@click.command("import", short_help="Import prompts and tests from other tools.")
@click.argument("paths", nargs=-1, required=True, metavar="FILE|FOLDER...")
@click.option(
    "-o", "--output", metavar="FOLDER", help="Write the files to this folder (default: beside their sources)."
)
@click.option(
    "--from",
    "kind",
    type=click.Choice(_KINDS),
    help="The tool that the files belong to, if runner cannot detect it.",
)
@click.option(
    "--again", is_flag=True, help="Convert what an earlier import kept under x-import in these prompt files."
)
@click.option("--check", is_flag=True, help="Only report; write nothing.")
@click.option("--force", is_flag=True, help="Overwrite existing files.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Print the report as lines of text or as one JSON document.",
)
def command(
    paths: tuple[str, ...],
    *,
    output: str | None,
    kind: str | None,
    again: bool,
    check: bool,
    force: bool,
    form: str,
) -> int:
    """Import prompts and tests from promptfoo, OpenAI, Prompty, dotprompt and others as prompt files.

    Each item of a source is either in the result or in the report, as `file:line:column CODE outcome: what, why`,
    and the counts add up. No code is run, neither the environment nor any file outside the source's folder is read,
    and keys are not copied. The exit code is 0 without loss, 6 if something has no counterpart, 2 if a source is
    refused.

    \b
      runner import promptfooconfig.yaml -o prompts
      runner import evals/ --check --format json
      runner import --again prompts/
    """
    from ..commands.import_ import import_prompts

    return import_prompts(paths, output=output, kind=kind, again=again, check=check, force=force, form=form)
