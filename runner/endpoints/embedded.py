"""The embedded endpoint: llama.cpp inside this process, on a loopback port, used over HTTP like any other.

The server is from the package xllamacpp (extra `local`). It starts with the first request, once for each model, and
ends with the process.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from ..errors import ConfigError
from ..extras import has_library, install_hint, missing_extra
from ..visible import one_line
from .base import Request, Response, Transport
from .model_files import ModelFile, Progress, fetch
from .wheels import GivenUpError

__all__ = [
    "ANSWER_TOKENS",
    "CONTEXT_TOKENS",
    "SLOTS",
    "TEMPERATURE",
    "EmbeddedTransport",
    "base_url_of",
    "download_line",
    "require_local_extra",
    "tell_progress",
]

SLOTS = 1
"""Requests answered at a time. Several would be decoded in one batch, whose composition changes the last bits of sums:
with two slots the same request gets different answers, depending on what runs at the same time."""

CONTEXT_TOKENS = 8192
"""For prompt and answer together; the context length that SmolLM2 was trained with."""

ANSWER_TOKENS = 1024
"""The limit on the answer if a request sets none. A small model can repeat itself until its whole context is full, which
takes minutes; with this limit the answer is `truncated`."""

THREADS = 2

SEED = 0
TEMPERATURE = 0.0
"""For requests that set none, so that the same request gets the same answer. Greedy decoding also depends least on the
processor, whose differences in the last bits a sampler would amplify."""


def require_local_extra() -> None:
    """Raise ConfigError if the extra `local` is not installed, without importing it: the library takes 100 MB."""
    if not has_library("xllamacpp"):
        otherwise = "give another endpoint with --endpoint (docs/providers)"
        raise missing_extra("local", "an embedded model", otherwise)


def base_url_of(model: ModelFile) -> str:
    """Return the base URL of a model for reports, and until its server has a port: embedded://NAME/v1."""
    return f"embedded://{quote(model.name)}/v1"


class EmbeddedTransport:
    """One worker's connection to the embedded server (see `Transport`); its first send starts the server.

    Starting it (and downloading the model, the first time ever) does not count towards `timeout`, and raises
    ConfigError if the model cannot be downloaded or loaded.
    """

    def __init__(
        self,
        model: ModelFile,
        progress: Progress,
        open_http: Callable[[str], Transport],
        given_up: threading.Event,
    ) -> None:
        """`open_http` opens the transport to the server once its address is known.

        When `given_up` is set, the download of a model is cancelled, and so is a send that waits for it.
        """
        self._model = model
        self._progress = progress
        self._open_http = open_http
        self._given_up = given_up
        self._http: Transport | None = None
        self._address = ""

    async def send(
        self, request: Request, *, timeout: float, on_bytes: Callable[[bytes], None] | None = None
    ) -> Response:
        """Send to the server of this process; start it if it is not running yet."""
        if self._http is None:
            self._address = await self._start()
            self._http = self._open_http(self._address)
        there = urlsplit(request.url)
        url = self._address + urlunsplit(("", "", there.path, there.query, ""))
        return await self._http.send(
            Request(request.method, url, request.headers, request.body), timeout=timeout, on_bytes=on_bytes
        )

    async def _start(self) -> str:
        cancelled = threading.Event()

        def given_up() -> bool:
            return cancelled.is_set() or self._given_up.is_set()

        try:
            return await asyncio.to_thread(_address_of, self._model, self._progress, given_up)
        except GivenUpError:
            raise asyncio.CancelledError from None
        finally:
            cancelled.set()  # otherwise the thread would continue after a cancellation

    async def close(self) -> None:
        """Close the connection. The server keeps running for later transports."""
        if self._http is not None:
            await self._http.close()


def tell_progress() -> Progress:
    """Return a progress display on standard error: a bar on a terminal, elsewhere one line at the start."""
    terminal = sys.stderr.isatty()
    shown = ended = False

    def show(name: str, done: int, total: int) -> None:
        nonlocal shown, ended
        if ended:  # the end may be reported more than once, and already has its line
            return
        if terminal:
            line = download_line(name, done, total, shutil.get_terminal_size().columns - 1)
            sys.stderr.write("\r" + line + ("\n" if done == total else ""))
        elif not shown:
            sys.stderr.write(f"downloading {one_line(name)}, {total // 10**6} MB, once\n")
        shown, ended = True, done == total
        sys.stderr.flush()

    return show


def download_line(name: str, done: int, total: int, width: int) -> str:
    """Return a progress line of constant length, at most `width`; without enough space it drops the name, then the bar."""
    name = one_line(name)
    megabytes = f"{total // 10**6}"
    end = f" {done // 10**6:>{len(megabytes)}} of {megabytes} MB"
    begin = f"downloading {name if name.isascii() else ascii(name)} (once)"
    bar = min(30, width - len(begin) - len(end) - 3)
    if bar < 8:
        begin, bar = "downloading", min(30, width - len("downloading") - len(end) - 3)
    if bar < 1:
        return end[1:][: max(width, 1)]
    return f"{begin} [{'#' * (bar * done // total):<{bar}}]{end}"


_servers: dict[Path, Any] = {}
_starting = threading.Lock()


def _address_of(model: ModelFile, progress: Progress, given_up: Callable[[], bool]) -> str:
    """Return the origin of the process's server for `model`; start it if needed. Blocks."""
    with _starting:
        if (path := fetch(model, progress, given_up)) not in _servers:
            if not _servers:
                atexit.register(_servers.clear)  # stops the threads while the interpreter still works
            _servers[path] = _start(model, path)
        address: str = _servers[path].listening_address
        return address


def _start(model: ModelFile, path: Path) -> Any:
    xllamacpp = _library()
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.model_alias = {model.name}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0  # the system chooses
    parameters.n_ctx = CONTEXT_TOKENS * SLOTS
    parameters.n_parallel = SLOTS
    parameters.n_predict = ANSWER_TOKENS
    parameters.fit_params = False  # otherwise the context would depend on the free memory
    parameters.sampling.seed = SEED
    parameters.sampling.temp = TEMPERATURE
    # An answer must not depend on earlier requests: no prompt is cached, in a slot or in memory.
    parameters.cache_prompt = False
    parameters.cache_ram_mib = 0
    parameters.cache_idle_slots = False
    parameters.ctx_shift = False  # a prompt that does not fit is an error; it is never cut
    parameters.warmup = False
    parameters.verbosity = -1
    parameters.ui = False
    parameters.endpoint_slots = False  # it would show the prompts in progress
    if model.published:
        # Small enough to be fast anyway; on other hardware or with more threads the last bits of sums would differ.
        parameters.n_gpu_layers = 0
        parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = THREADS
    try:
        return xllamacpp.Server(parameters)
    except RuntimeError as error:
        raise ConfigError(
            f"llama.cpp cannot load the model {path}: {error}",
            hint="is it a complete GGUF file of a chat model?",
        ) from None


def _library() -> Any:
    """Import xllamacpp so that its OpenMP threads sleep while they wait for each other.

    Spinning, the default, takes ten times as long on a machine with shared cores (measured: 54 s against 4 s). libgomp
    reads the variable once, when it is loaded.
    """
    variable = "OMP_WAIT_POLICY"
    unset = variable not in os.environ
    os.environ.setdefault(variable, "passive")
    try:
        import xllamacpp
    except ImportError as error:
        raise ConfigError(
            f"the package xllamacpp cannot be loaded: {error}",
            hint=f"{install_hint('local')}; on Linux it also needs libgomp (Debian: apt-get install libgomp1)",
        ) from None
    finally:
        if unset:
            del os.environ[variable]
    return xllamacpp
