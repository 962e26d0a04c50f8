"""The command line: `python -m tests.fuzz [TARGET ...] [--inputs N | --seconds S]`. Resumable: the state is in a folder."""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import time
from pathlib import Path

from .worker import SLOWEST, Record, check, keep, work

_HANGING = 60.0
"""Seconds after which an input is taken to hang."""


def main() -> int:
    """Fuzz and print the table; 1 where something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", help="which of them (default: all)")
    parser.add_argument(
        "--inputs", type=int, default=1_000_000, help="how many inputs each (default: a million)"
    )
    parser.add_argument(
        "--seconds", type=float, help="stop each target after so long, however many there were"
    )
    parser.add_argument(
        "--driver", choices=["plain", "atheris"], help="default: atheris where it is installed"
    )
    parser.add_argument("--seed", type=int, default=0, help="another seed, other inputs")
    parser.add_argument(
        "--state", type=Path, default=Path(".fuzz"), help="where runs are kept (default: .fuzz)"
    )
    parser.add_argument("--replay", type=Path, help="check this one file and show what is wrong with it")
    parser.add_argument(
        "--minimise", type=Path, help="make this failing file as small as it can be, in place"
    )
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    driver = options.driver or ("atheris" if importlib.util.find_spec("atheris") else "plain")
    if options.worker:
        work(options.targets[0], driver, options.state / options.targets[0], options.inputs, options.seed)
        return 0

    from .targets import TARGETS

    unknown = set(options.targets) - set(TARGETS)
    if unknown or ((options.replay or options.minimise) and len(options.targets) != 1):
        parser.error(f"targets are {', '.join(TARGETS)}")
    if options.replay:
        error = check(TARGETS[options.targets[0]], options.replay.read_bytes())
        if error:
            raise error
        return 0
    if options.minimise:
        from .minimise import minimise

        options.minimise.write_bytes(minimise(TARGETS[options.targets[0]], options.minimise.read_bytes()))
        return 0
    names = options.targets or list(TARGETS)
    for name in names:
        _fuzz(name, driver, options)
    return _report(names, driver, options.state)


def _fuzz(name: str, driver: str, options: argparse.Namespace) -> None:
    """Have a target fed by a process of its own, and by another where that one dies."""
    folder = options.state / name
    record = Record(folder)
    end = time.monotonic() + options.seconds if options.seconds else None
    command = [
        sys.executable,
        "-m",
        "tests.fuzz",
        name,
        "--worker",
        "--driver",
        driver,
        "--state",
        str(options.state),
    ]
    command += ["--inputs", str(options.inputs), "--seed", str(options.seed)]
    while record.read()[0] < options.inputs and not (end and time.monotonic() > end):
        with (folder / "log").open("ab") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
            why = _watch(process, record, end, name)
        if why is not None:
            done, seconds, _, data = record.read()
            keep(folder / "failures", data, why)
            record.write(done + 1, seconds, b"")
    print(flush=True)


def _watch(
    process: subprocess.Popen[bytes], record: Record, end: float | None, name: str
) -> Exception | None:
    """Wait for a worker's end. What went wrong, if it did not end by itself or by the clock."""
    while process.poll() is None:
        time.sleep(0.5)
        done, seconds, begun, data = record.read()
        print(f"\r{name}: {done:,} inputs, {done / max(seconds, 0.1):,.0f}/s  ", end="", flush=True)
        if end and time.monotonic() > end:
            process.kill()
            process.wait()
            return None
        if data and time.time() - begun > _HANGING:
            process.kill()
            process.wait()
            return TimeoutError(f"more than {_HANGING:.0f} seconds for {len(data)} bytes")
    return (
        None if process.returncode == 0 else ChildProcessError(f"the process ended with {process.returncode}")
    )


def _report(names: list[str], driver: str, state: Path) -> int:
    """The table, and how many kinds of failures there are. What only an instrumented process was too slow for is none."""
    print(f"driver {driver}; seconds are of processor time; no input may take more than {SLOWEST:.0f}")
    print(f"{'target':<14}{'inputs':>12}{'seconds':>10}{'inputs/s':>10}{'kept':>8}{'failures':>10}")
    failures = 0
    for name in names:
        done, seconds, _, _ = Record(state / name).read()
        kept = len(list((state / name / "kept").glob("*")))
        found = [path for path in (state / name / "failures").glob("*.bin") if not _passes(name, path)]
        kinds = len({path.name.partition("-")[0] for path in found})
        failures += kinds
        print(
            f"{name:<14}{done:>12,}{seconds:>10,.0f}{done / max(seconds, 0.1):>10,.0f}{kept:>8,}{kinds:>10,}"
        )
        for path in sorted(found):
            print(f"    {path}")
    return 1 if failures else 0


def _passes(name: str, path: Path) -> bool:
    """Whether a finding is none any more, in a process of its own."""
    command = [sys.executable, "-m", "tests.fuzz", name, "--replay", str(path)]
    try:
        return subprocess.run(command, capture_output=True, timeout=_HANGING, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


if __name__ == "__main__":
    sys.exit(main())
