"""One wheel from a package index: by pip where it is installed beside runner, else without it."""

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
"""How long nothing may come, before it is over: pip's own five attempts, of 15 seconds each, end before that."""

_MOST_SAID = 1024 * 1024


class GivenUpError(Exception):
    """Whoever waited for it wants it no more."""


def fetch_wheel(requirement: str, folder: Path, tell: Tell, *, most: int, project: Path) -> Path:
    """The wheel of `NAME==VERSION`, of at most so many bytes, in an empty folder. Its contents are for the caller to check.

    Raises WheelError, ConfigError for settings that cannot be read, and whatever `tell` raises.
    """
    watched = _until_it_stalls(tell, requirement)
    if _has_pip(project):
        return _by_pip(requirement, folder, watched, most, project)
    return download(requirement, folder, watched, most=most)


def _until_it_stalls(tell: Tell, requirement: str) -> Tell:
    most, since = -1, time.monotonic()

    def told(done: int) -> None:
        nonlocal most, since
        tell(done)
        if done > most:
            most, since = done, time.monotonic()
        elif time.monotonic() - since > STALLED_SECONDS:
            raise WheelError(
                f"{requirement} cannot be fetched: nothing has come for {STALLED_SECONDS:g} seconds",
                hint="try it again later",
            )

    return told


def _has_pip(project: Path) -> bool:
    """Whether pip is installed beside runner; looked for by another interpreter, which has no folder to be misled by."""
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
        if there > 3 * most:  # pip has it up to three times: as it comes, as it came, and under its name
            raise too_large(requirement, most)
        tell(there)

    command = ["-m", "pip", "download", *options, "--quiet", "--dest", str(folder), "--", requirement]
    try:
        done = _python(command, temporary, project, look)
    except OSError as error:
        raise WheelError(f"pip cannot be started: {error}") from None
    except TooMuchOutputError:
        raise WheelError(f"pip could not fetch {requirement}: it prints without an end") from None
    said = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines()
    wheels = [path for path in folder.glob("*.whl") if path.is_file()]
    if done.returncode != 0:
        raise WheelError(
            f"pip could not fetch {requirement}: {said[-1] if said else 'it said nothing'}", hint=BY_HAND
        )
    if len(wheels) != 1:
        raise WheelError(
            f"pip ended without an error, and left {'several wheels' if wheels else 'no wheel'} of {requirement}",
            hint=BY_HAND,
        )
    if wheels[0].stat().st_size > most:
        raise too_large(requirement, most)
    return wheels[0]


def _python(
    arguments: list[str], more_environ: Mapping[str, str], project: Path, look: Callable[[], None]
) -> Finished:
    # A session of its own: Ctrl-C is for us, and who is given up is ended.
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
        with suppress(FileNotFoundError):  # pip moved it meanwhile
            total += file.lstat().st_size
    return total
