"""`runner pack`: prompts that teams share, as data."""

from __future__ import annotations

from pathlib import Path

import click

from .options import diff_format, isolate_option

__all__ = ["command"]

_folder = click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path))


@click.group("pack")
def command() -> None:
    """Use the prompts of others, and publish your own.

    A pack is a folder with a pack.yaml. A project names it in runner.yaml by an alias of its choice; packs.lock says
    which bytes that is, and packs/ALIAS/ has them, in git.

    \b
      runner pack add support --git https://github.com/acme/prompts --rev v1.4.0
      runner run support:triage --var ticket="Where is my parcel?"
      runner pack sync          # in a CI: exactly what is locked, or an error
      runner pack update        # the only command that moves to another version

    Only add, lock, sync, update, diff and vendor ever fetch anything; no command outside this group does.
    """


# --- for those who use packs ----------------------------------------------------------------------------------------


@command.command("add")
@click.argument("alias")
@click.option("--git", metavar="URL", help="A git repository: https, ssh, or a folder.")
@click.option("--rev", metavar="REV", help="Its tag, branch or commit.")
@click.option("--subdirectory", metavar="FOLDER", help="The pack's folder in it.")
@click.option("--path", "folder", metavar="FOLDER", help="A folder on this machine.")
@click.option("--url", metavar="URL", help="An archive (.tar.gz) on the web.")
@click.option("--sha256", metavar="HASH", help="The archive's SHA-256.")
@click.option("--python", metavar="DISTRIBUTION", help="A distribution that is installed beside runner.")
@click.option("--model", metavar="NAME", help="The model its prompts ask here, in place of their own.")
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

    Writes it into runner.yaml and packs.lock, and copies its files into packs/ALIAS/. One source is needed: --git with
    --rev, --path, --url with --sha256, or --python.
    """
    from ..commands.pack_add import add as carry_out

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
    """Lock what is new or changed in runner.yaml.

    What is locked already stays as it is; what runner.yaml no longer asks for is taken out.
    """
    from ..commands.pack_update import lock as carry_out

    return carry_out(isolate=isolate)


@command.command("sync")
@click.option("--offline", is_flag=True, help="Fetch nothing, and do not ask whether tags were moved.")
def sync(*, offline: bool) -> int:
    """Have exactly what is locked, or fail.

    For a CI and a fresh clone.

    Fails when packs.lock is not that of runner.yaml (4), when a copy was changed or its source has other files (2), when
    a tag was moved (4), and when a missing pack cannot be fetched (3).
    """
    from ..commands.pack_copies import sync as carry_out

    return carry_out(offline=offline)


@command.command("update")
@click.argument("aliases", nargs=-1, metavar="[ALIAS]...")
@click.option("--rev", metavar="REV", help="Write another tag, branch or commit into runner.yaml first.")
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@isolate_option
def update(aliases: tuple[str, ...], rev: str | None, *, dry_run: bool, isolate: bool) -> int:
    """Move to newer versions, and show what changes.

    Shown are the pack's files, the requests that differ, and which tests of yours are affected. Without ALIAS every pack
    is looked at.
    """
    from ..commands.pack_update import update as carry_out

    return carry_out(aliases, rev=rev, dry_run=dry_run, isolate=isolate)


@command.command("verify")
@click.argument("aliases", nargs=-1, metavar="[ALIAS]...")
@click.option("--online", is_flag=True, help="Hold packs.lock against the packs' sources, too.")
def verify(aliases: tuple[str, ...], *, online: bool) -> int:
    """Hold every file against packs.lock.

    Without --online nobody is asked, so that a change of a file and of packs.lock together is not noticed. With it the
    locked commit is fetched and compared: exit code 2 where it has other files, 4 where a tag was moved, 3 where the source
    cannot be asked.
    """
    from ..commands.pack_copies import verify as carry_out

    return carry_out(aliases, online=online)


@command.command("vendor")
@click.argument("aliases", nargs=-1, metavar="[ALIAS]...")
def vendor(aliases: tuple[str, ...]) -> int:
    """Write the locked files into packs/ again.

    Whatever stands there: to have them in git, or to take back an edit. A pack with `vendored: false` is a vendored one from then on.
    """
    from ..commands.pack_copies import vendor as carry_out

    return carry_out(aliases)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def list_packs(*, as_json: bool) -> int:
    """List the packs and what they export, offline."""
    from ..commands.pack_copies import list_packs as carry_out

    return carry_out(as_json=as_json)


@command.command("diff")
@click.argument("alias")
@click.option(
    "--to", metavar="REV", help="A tag, branch or commit to compare with (default: what update would take)."
)
@diff_format
@isolate_option
def diff(alias: str, to: str | None, form: str, *, isolate: bool) -> int:
    """Show what another version would change.

    Nothing is written. Shown are the files of the pack and the requests of yours that differ.
    """
    from ..commands.pack_update import diff as carry_out

    return carry_out(alias, to=to, form=form, isolate=isolate)


@command.command("remove")
@click.argument("alias")
@isolate_option
def remove(alias: str, *, isolate: bool) -> int:
    """Take a pack out of the project.

    Out of runner.yaml and packs.lock, and its copy; your own approved answers stay.
    """
    from ..commands.pack_add import remove as carry_out

    return carry_out(alias, isolate=isolate)


# --- for those who publish them -------------------------------------------------------------------------------------


@command.command("init")
@click.argument("folder", default=".", type=click.Path(file_okay=False, path_type=Path))
@click.option("--name", metavar="NAME", help="The pack's name (default: the folder's).")
def init(folder: Path, name: str | None) -> int:
    """Write a pack.yaml that exports what is there.

    In a FOLDER without prompts a first one is written, too.
    """
    from ..commands.pack_publish import init as carry_out

    return carry_out(folder, name)


@command.command("check")
@_folder
@isolate_option
def check(folder: Path, *, isolate: bool) -> int:
    """Look at a pack as its users will see it, offline.

    Every export loads, every reference stays inside, nothing is in it that a pack may not have, and the tests pass with
    the answers that come with it. Exit code 2 for an error, 1 for a failed test, 4 for a test without a current answer.
    """
    from ..commands.pack_publish import check as carry_out

    return carry_out(folder, isolate=isolate)


@command.command("build")
@_folder
@click.option("--output", metavar="FILE", help="Default: dist/NAME-VERSION.tar.gz in FOLDER.")
@isolate_option
def build(folder: Path, output: str | None, *, isolate: bool) -> int:
    """Write a pack as an archive.

    The same files give the same bytes. Its SHA-256 is printed, for those who use it.
    """
    from ..commands.pack_publish import build as carry_out

    return carry_out(folder, output, isolate=isolate)
