"""`runner pack`: share prompts between teams, as data."""

from __future__ import annotations

from pathlib import Path

import click

from .options import diff_format, isolate_option

__all__ = ["command"]

_folder = click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path))


@click.group("pack")
def command() -> None:
    """Use prompts from other teams, and publish your own.

    A pack is a folder with a pack.yaml. A project lists it in runner.yaml under an alias of its choice; packs.lock
    records its exact content, and packs/ALIAS/ has a copy, in git.

    \b
      runner pack add support --git https://github.com/acme/prompts --rev v1.4.0
      runner run support:triage --var ticket="Where is my parcel?"
      runner pack sync          # in CI: exactly what is locked, or an error
      runner pack update        # the only command that moves to another version

    Only add, lock, sync, update, diff, vendor and verify --online fetch anything; no command outside this group does.
    """


# --- for those who use packs ----------------------------------------------------------------------------------------


@command.command("add")
@click.argument("alias")
@click.option("--git", metavar="URL", help="Use a git repository: https, ssh, or a folder.")
@click.option("--rev", metavar="REV", help="Use this tag, branch or commit of the repository.")
@click.option("--subdirectory", metavar="FOLDER", help="The folder of the pack in the repository.")
@click.option("--path", "folder", metavar="FOLDER", help="Use a folder on this machine.")
@click.option("--url", metavar="URL", help="Use an archive (.tar.gz) on the web.")
@click.option("--sha256", metavar="HASH", help="The SHA-256 of the archive.")
@click.option("--python", metavar="DISTRIBUTION", help="Use a distribution in runner's environment.")
@click.option("--model", metavar="NAME", help="Use this model for the pack's prompts instead of their own.")
@click.option("--no-vendor", is_flag=True, help="Keep the copy out of git, in .runner/.")
@isolate_option
def add(
    alias: str,
    git: str | None,
    rev: str | None,
    subdirectory: str | None,
    folder: str | None,
    url: str | None,
    sha256: str | None,
    python: str | None,
    model: str | None,
    *,
    no_vendor: bool,
    isolate: bool,
) -> int:
    """Add a pack to the project.

    The command adds it to runner.yaml and packs.lock, and copies its files into packs/ALIAS/. Give one source: --git
    with --rev, --path, --url with --sha256, or --python.
    """
    from ..commands.packs.pack_add import add as carry_out

    given = {"git": git, "rev": rev, "subdirectory": subdirectory, "path": folder}
    given |= {"url": url, "sha256": sha256, "python": python, "model": model}
    return carry_out(
        alias,
        {key: value for key, value in given.items() if value is not None},
        vendored=not no_vendor,
        isolate=isolate,
    )


@command.command("lock")
@isolate_option
def lock(*, isolate: bool) -> int:
    """Lock the packs that are new or changed in runner.yaml.

    Other locked packs stay as they are; packs that are no longer in runner.yaml are removed from packs.lock.
    """
    from ..commands.packs.pack_update import lock as carry_out

    return carry_out(isolate=isolate)


@command.command("sync")
@click.option("--offline", is_flag=True, help="Fetch nothing, and do not check whether tags were moved.")
def sync(*, offline: bool) -> int:
    """Install exactly what packs.lock specifies, or fail.

    Use it in CI and after a fresh clone.

    It fails if packs.lock does not match runner.yaml (4), if a copy was changed or its source has other files (2), if
    a tag was moved (4), or if a missing pack cannot be fetched (3).
    """
    from ..commands.packs.pack_copies import sync as carry_out

    return carry_out(offline=offline)


@command.command("update")
@click.argument("aliases", nargs=-1, metavar="[ALIAS]...")
@click.option("--rev", metavar="REV", help="Write another tag, branch or commit into runner.yaml first.")
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@isolate_option
def update(aliases: tuple[str, ...], rev: str | None, *, dry_run: bool, isolate: bool) -> int:
    """Update packs to newer versions, and show what changes.

    The output lists the pack's files, the requests that differ, and which of your tests are affected. Without ALIAS,
    every pack is updated.
    """
    from ..commands.packs.pack_update import update as carry_out

    return carry_out(aliases, rev=rev, dry_run=dry_run, isolate=isolate)


@command.command("verify")
@click.argument("aliases", nargs=-1, metavar="[ALIAS]...")
@click.option("--online", is_flag=True, help="Also check packs.lock against the packs' sources.")
def verify(aliases: tuple[str, ...], *, online: bool) -> int:
    """Check every file against packs.lock.

    Without --online no server is contacted, so a matching change of a file and packs.lock is not noticed. With
    --online the locked commit is fetched and compared: the exit code is 2 if it has other files, 4 if a tag was moved,
    3 if the source cannot be reached.
    """
    from ..commands.packs.pack_copies import verify as carry_out

    return carry_out(aliases, online=online)


@command.command("vendor")
@click.argument("aliases", nargs=-1, metavar="[ALIAS]...")
def vendor(aliases: tuple[str, ...]) -> int:
    """Write the locked files into packs/ again.

    This overwrites the copies in packs/, e.g. to undo a local edit. A pack with `vendored: false` is vendored from then
    on, so that its copy is in git.
    """
    from ..commands.packs.pack_copies import vendor as carry_out

    return carry_out(aliases)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def list_packs(*, as_json: bool) -> int:
    """List the packs and what they export, offline."""
    from ..commands.packs.pack_copies import list_packs as carry_out

    return carry_out(as_json=as_json)


@command.command("diff")
@click.argument("alias")
@click.option(
    "--to",
    metavar="REV",
    help="Compare with this tag, branch or commit (default: the version that update would choose).",
)
@diff_format
@isolate_option
def diff(alias: str, to: str | None, form: str, *, isolate: bool) -> int:
    """Show what another version of a pack would change.

    It lists the pack's files and your requests that differ. Nothing is written.
    """
    from ..commands.packs.pack_update import diff as carry_out

    return carry_out(alias, to=to, form=form, isolate=isolate)


@command.command("remove")
@click.argument("alias")
@isolate_option
def remove(alias: str, *, isolate: bool) -> int:
    """Remove a pack from the project.

    It is removed from runner.yaml and packs.lock, and its copy is deleted; your own approved answers stay.
    """
    from ..commands.packs.pack_add import remove as carry_out

    return carry_out(alias, isolate=isolate)


# --- for those who publish them -------------------------------------------------------------------------------------


@command.command("init")
@click.argument("folder", default=".", type=click.Path(file_okay=False, path_type=Path))
@click.option("--name", metavar="NAME", help="The name of the pack (default: the folder's name).")
def init(folder: Path, name: str | None) -> int:
    """Write a pack.yaml that exports the prompts of a folder.

    If FOLDER has no prompts, a first one is written too.
    """
    from ..commands.packs.pack_publish import init as carry_out

    return carry_out(folder, name)


@command.command("check")
@_folder
@isolate_option
def check(folder: Path, *, isolate: bool) -> int:
    """Check a pack as its users will see it, offline.

    Every export must load, every reference must stay inside the pack, every file must be allowed in a pack, and the
    tests must pass with the pack's own approved answers. The exit code is 2 for an error, 1 for a failed test, 4 for a
    test without a current answer.
    """
    from ..commands.packs.pack_publish import check as carry_out

    return carry_out(folder, isolate=isolate)


@command.command("build")
@_folder
@click.option(
    "--output", metavar="FILE", help="Write to this file (default: dist/NAME-VERSION.tar.gz in FOLDER)."
)
@isolate_option
def build(folder: Path, output: str | None, *, isolate: bool) -> int:
    """Write a pack as an archive.

    The same files give the same bytes. The SHA-256 is printed; users of the pack need it.
    """
    from ..commands.packs.pack_publish import build as carry_out

    return carry_out(folder, output, isolate=isolate)
