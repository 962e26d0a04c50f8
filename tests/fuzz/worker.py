"""The process that feeds one target, and the record by which its parent sees what it is doing.

Two drivers. `plain` counts through the mutator's inputs: the same on every system, each known by its number. `atheris`
(`pip install atheris`) watches which branches of `runner` an input reaches and goes on from those that reach new ones;
half of its mutations are ours, half libFuzzer's own.
"""

from __future__ import annotations

import mmap
import os
import re
import struct
import sys
import time
import traceback
import warnings
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from .target import LARGEST

if TYPE_CHECKING:  # not at run time: atheris has to see these modules being imported
    from .mutate import Mutator
    from .target import Target

__all__ = ["SLOWEST", "Record", "check", "keep", "work"]

SLOWEST = 1.0
"""Seconds of processor time that an input may take."""

MOST_GROWTH = 256 * 1024
"""Kilobytes by which one input may raise the largest memory this process ever had."""

_HEADER = struct.Struct("<QddI")
_OF_ONE_KIND = 3


class Record:
    """A small file that both processes see: how far the target is, and the input it is at."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "record"
        size = _HEADER.size + LARGEST
        if not path.exists():
            path.write_bytes(bytes(size))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), size)

    def read(self) -> tuple[int, float, float, bytes]:
        """The number of inputs done, the seconds they took, when the one at hand began, and that input."""
        done, seconds, begun, length = _HEADER.unpack_from(self._map)
        return done, seconds, begun, self._map[_HEADER.size : _HEADER.size + length]

    def write(self, done: int, seconds: float, data: bytes) -> None:
        """An input begins."""
        self._map[_HEADER.size : _HEADER.size + len(data)] = data
        _HEADER.pack_into(self._map, 0, done, seconds, time.time(), len(data))


def check(target: Target, data: bytes) -> Exception | None:
    """What is wrong with one input: the error, or that it took too much time or memory. None where all is well."""
    before, memory = time.process_time(), _memory()
    _WARNED.clear()
    try:
        target.check(data)
    except Exception as error:  # noqa: BLE001 - every error is a finding
        return error
    if _WARNED:
        return _WARNED[0]
    seconds, growth = time.process_time() - before, _memory() - memory
    if seconds > SLOWEST:
        return TimeoutError(f"{seconds:.1f} seconds for {len(data)} bytes")
    if growth > MOST_GROWTH:
        return MemoryError(f"{growth // 1024} MiB for {len(data)} bytes")
    return None


_WARNED: list[Warning] = []


def _note(warning: Warning | str, *_: object) -> None:
    """Record a warning, which a user would see among the messages. Raising it is not enough: our code might catch it."""
    _WARNED.append(warning if isinstance(warning, Warning) else UserWarning(warning))


warnings.simplefilter("always")
warnings.showwarning = _note  # type: ignore[assignment]

try:
    import resource
except ImportError:  # Windows: the memory is not watched

    def _memory() -> int:
        return 0
else:

    def _memory() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def work(name: str, driver: str, folder: Path, inputs: int, seed: int) -> None:
    """Feed a target until the record says `inputs`."""
    if driver == "atheris":
        _guided(name, folder, inputs, seed)
    else:
        _counting(name, folder, inputs, seed)


class _Feeding:
    """Counts, checks and keeps what is found."""

    def __init__(self, target: Target, folder: Path) -> None:
        self.target, self.folder = target, folder
        self.record = Record(folder)
        self.done, self._past, _, _ = self.record.read()
        self._begun = time.process_time()

    def feed(self, data: bytes) -> None:
        data = data[:LARGEST]
        self.record.write(self.done, self.seconds, data)
        if (error := check(self.target, data)) is not None:
            keep(self.folder / "failures", data, error)
        self.done += 1

    @property
    def seconds(self) -> float:
        return self._past + time.process_time() - self._begun

    def finish(self) -> None:
        self.record.write(self.done, self.seconds, b"")


def _counting(name: str, folder: Path, inputs: int, seed: int) -> None:
    from .targets import TARGETS, mutator

    feeding, source = _Feeding(TARGETS[name], folder), mutator(name)
    while feeding.done < inputs:
        feeding.feed(source.nth(feeding.done, seed))
    feeding.finish()


def _guided(name: str, folder: Path, inputs: int, seed: int) -> None:
    import atheris  # type: ignore[import-untyped, import-not-found, unused-ignore]

    with atheris.instrument_imports(include=["runner"]):
        from .targets import TARGETS, mutator

    feeding, source = _Feeding(TARGETS[name], folder), mutator(name)
    corpus, seeds = folder / "kept", folder / "seeds"
    for each in (corpus, seeds):
        each.mkdir(exist_ok=True)
    for data in source.seeds:
        (seeds / blake2b(data, digest_size=8).hexdigest()).write_bytes(data)

    def one(data: bytes) -> None:
        feeding.feed(data)
        if feeding.done >= inputs:
            feeding.finish()
            os._exit(0)  # libFuzzer has its own count, which knows nothing of earlier runs

    def another(data: bytes, largest: int, number: int) -> bytes:
        return _another(source, data, largest, number, atheris.Mutate)

    options = [
        f"-max_len={LARGEST}",
        f"-seed={seed + feeding.done + 1}",
        "-timeout=9999",
        "-rss_limit_mb=0",
        "-len_control=0",
    ]
    quiet = ["-verbosity=0", f"-artifact_prefix={folder}/"]
    atheris.Setup([sys.argv[0], str(corpus), str(seeds), *options, *quiet], one, custom_mutator=another)
    atheris.Fuzz()


def _another(source: Mutator, data: bytes, largest: int, number: int, theirs: Any) -> bytes:
    random = Random(number)
    changed: bytes = (
        source.mutate(data, random) if random.random() < 0.5 else theirs(data, min(largest, len(data) + 256))
    )
    return changed[:largest]


def keep(folder: Path, data: bytes, error: BaseException) -> None:
    """Write a finding down, unless there are some of its kind: the same error from the same place."""
    folder.mkdir(exist_ok=True)
    frames = traceback.extract_tb(error.__traceback__)
    place = [
        f"{Path(frame.filename).name}:{frame.lineno}"
        for frame in frames
        if "runner" in Path(frame.filename).parts
    ]
    kind = f"{type(error).__name__} {re.sub(r'[0-9]+', 'N', str(error))[:40]} {place[-2:]}"
    name = blake2b(kind.encode("utf-8", "replace"), digest_size=4).hexdigest()
    here = sorted(folder.glob(f"{name}-*.bin"))
    if len(here) >= _OF_ONE_KIND:
        return
    path = folder / f"{name}-{len(here)}.bin"
    path.write_bytes(data)
    told = "".join(traceback.format_exception(error))
    path.with_suffix(".txt").write_text(told, encoding="utf-8", errors="backslashreplace")
