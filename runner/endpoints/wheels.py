"""Download one wheel from a package index: with pip if it is installed beside runner, else without it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from ..processes.programs import python_command
from ..processes.start import Finished, TooMuchOutputError, inherited_environment, run
from .package_index import BY_HAND, Tell, WheelError, download, too_large

__all__ = ["GivenUpError", "fetch_wheel"]

STALLED_SECONDS = 300.0
"""Seconds without any data after which a download fails; pip's own five attempts of 15 seconds end before that."""

_MOST_SAID = 1024 * 1024


class GivenUpError(Exception):
    """The download was cancelled by its caller."""


def fetch_wheel(requirement: str, folder: Path, tell: Tell, *, most: int, project: Path) -> Path:
    """Download the wheel of `NAME==VERSION`, of at most `most` bytes, into an empty folder; the caller checks its contents.

    Raises WheelError, ConfigError if settings cannot be read, and whatever `tell` raises.
    """
    watched = _until_it_stalls(tell, requirement)
    if _has_pip(project):
        return _by_pip(requirement, folder, watched, most, project)
    return download(requirement, folder, watched, most=most)


def _until_it_stalls(tell: Tell, requirement: str) -> Tell:
    most, since = -1, time.monotonic()

    def watch(done: int) -> None:
        nonlocal most, since
        tell(done)
        if done > most:
            most, since = done, time.monotonic()
        elif time.monotonic() - since > STALLED_SECONDS:
            raise WheelError(
                f"{requirement} cannot be downloaded: no data for {STALLED_SECONDS:g} seconds",
                hint="try again later",
            )

    return watch


def _has_pip(project: Path) -> bool:
    """Return whether pip is installed beside runner; another interpreter checks it, outside the current folder."""
    program = "import importlib.util, sys; sys.exit(importlib.util.find_spec('pip') is None)"
    try:
        return _python(["-c", program], {}, project, lambda: None).returncode == 0
    except OSError:
        return False


def _by_pip(requirement: str, folder: Path, tell: Tell, most: int, project: Path) -> Path:
    options = [
        "--no-deps",
        "--no-cache-dir",
        "--only-binary=:all:",
        "--disable-pip-version-check",
        "--no-input",
    ]
    temporary = {name: str(folder) for name in ("TMPDIR", "TEMP", "TMP")}

    def look() -> None:
        there = _bytes_below(folder)
        if (
            there > 3 * most
        ):  # pip stores it up to three times: while downloading, when complete, and under its name
            raise too_large(requirement, most)
        tell(there)

    command = ["-m", "pip", "download", *options, "--quiet", "--dest", str(folder), "--", requirement]
    try:
        done = _python(command, temporary, project, look)
    except OSError as error:
        raise WheelError(f"pip cannot be started: {error}") from None
    except TooMuchOutputError:
        raise WheelError(f"pip could not download {requirement}: it printed too much output") from None
    said = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines()
    wheels = [path for path in folder.glob("*.whl") if path.is_file()]
    if done.returncode != 0:
        raise WheelError(
            f"pip could not download {requirement}: {said[-1] if said else 'it printed no message'}",
            hint=BY_HAND,
        )
    if len(wheels) != 1:
        raise WheelError(
            f"pip ended without an error but left {'several wheels' if wheels else 'no wheel'} of {requirement}",
            hint=BY_HAND,
        )
    if wheels[0].stat().st_size > most:
        raise too_large(requirement, most)
    return wheels[0]


def _python(
    arguments: list[str], more_environ: Mapping[str, str], project: Path, look: Callable[[], None]
) -> Finished:
    # In its own session, so that Ctrl-C only reaches runner, which then ends the process.
    return run(
        python_command(*arguments, packages=True),
        {**inherited_environment([project]), **more_environ},
        most=_MOST_SAID,
        watch=look,
        own_session=True,
    )


def _bytes_below(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        with suppress(FileNotFoundError):  # pip moved it in the meantime
            total += file.lstat().st_size
    return total
