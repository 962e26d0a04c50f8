"""Decide which secrets a project may send where: the user agrees once for each secret and each server.

A `runner.yaml` names variables and servers, and someone who clones a project runs what a stranger wrote into it. So the
value of a variable or a keyring entry is sent to a server that the project names only if the user of this machine has
agreed: at a terminal, with `--trust`, or with the variable `RUNNER_TRUST`. Settings in the user's own environment
(endpoint `openai` with `OPENAI_BASE_URL` and `OPENAI_API_KEY`) and servers that get no secret need no agreement.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from ..errors import ConfigError, Location
from ..files.addresses import OPENAI_URL, key_headers, shown_name
from ..files.disk.atomic import write_whole
from ..files.disk.file_lock import locked
from ..files.model import Endpoint
from ..files.versions import is_version, located_in, reader_of
from ..values import has_type
from ..visible import one_line

__all__ = ["TRUST_VARIABLE", "Disclosure", "Trust", "disclosures"]

TRUST_VARIABLE = "RUNNER_TRUST"
"""`1` trusts every project; otherwise a list of `SECRET@SERVER`, separated by white space or commas."""

_FILE = "trust.json"
_VERSION = 1


def _read_v1(value: Mapping[str, Any]) -> dict[str, list[str]]:
    if not is_version(value["runner_trust"], 1):
        raise ValueError("not a version")
    folders: dict[str, list[str]] = value["folders"]
    if not all(
        isinstance(keys, list) and has_type(tuple(keys), tuple[str, ...]) for keys in folders.values()
    ):
        raise ValueError("not lists of agreed secrets")
    return dict(folders)


_READERS: dict[int, Callable[[Mapping[str, Any]], dict[str, list[str]]]] = {1: _read_v1}


@dataclass(frozen=True, slots=True)
class Disclosure:
    """A secret in the requests to an endpoint, and the server that receives them.

    `secret` is the name of a variable, `keyring:SERVICE/USER`, or `command:` and a command, never a value. `server` is the base URL.
    """

    secret: str
    server: str
    location: Location | None

    @property
    def key(self) -> str:
        """The form in which it is remembered, and in which it is written in `RUNNER_TRUST`."""
        return f"{self.secret}@{self.server}"

    def __str__(self) -> str:
        if self.secret.startswith("command:"):
            command = one_line(unquote(self.secret.removeprefix("command:")))
            return f"what the command `{command}` prints, which it runs, to {self.server}"
        kind = "the keyring entry" if self.secret.startswith("keyring:") else "the variable"
        return f"{kind} {shown_name(self.secret.removeprefix('keyring:'))} to {self.server}"


def disclosures(endpoints: Iterable[Endpoint], environ: Mapping[str, str]) -> tuple[Disclosure, ...]:
    """Return what requests to these endpoints would disclose because the project says so, each secret and server once.

    An endpoint that the project does not declare discloses nothing on the project's account. Neither does one that
    sends `OPENAI_API_KEY` to the server to which the user's own environment sends it.
    """
    own = f"OPENAI_API_KEY@{_server(environ.get('OPENAI_BASE_URL') or OPENAI_URL)}"
    found: dict[str, Disclosure] = {}
    for endpoint in endpoints:
        for place in (endpoint, *endpoint.in_turn):
            if place.location is None or place.base_url is None:
                continue
            for secret in _secrets(place, environ):
                disclosure = Disclosure(secret, _server(place.base_url), place.location)
                if disclosure.key != own:
                    found.setdefault(disclosure.key, disclosure)
    return tuple(found.values())


def _secrets(endpoint: Endpoint, environ: Mapping[str, str]) -> list[str]:
    """Return the names of the secrets that are sent.

    A name that may itself be a key is not treated as a variable, so that it is neither shown nor stored.
    """
    names = dict.fromkeys(name for _, name in key_headers(endpoint).values() if name is not None)
    secrets = [name for name in names if shown_name(name) == name or name in environ]
    if endpoint.api_key_keyring:
        secrets.append(f"keyring:{endpoint.api_key_keyring}")
    if endpoint.api_key_command:
        # Without white space, which separates the entries of RUNNER_TRUST, nor the characters that have a meaning there.
        secrets.append(f"command:{quote(shlex.join(endpoint.api_key_command), safe='/:=')}")
    return secrets


def _quoted(asked: Sequence[Disclosure]) -> str:
    return shlex.quote(" ".join(each.key for each in asked))


def _normal(word: str) -> str:
    secret, _, server = word.rpartition("@")
    return f"{secret}@{_server(server)}"


def _server(base_url: str) -> str:
    return base_url.partition("?")[0].rstrip("/")


@dataclass(frozen=True, slots=True)
class Trust:
    """The agreement of this machine's user for the project in the folder `root`.

    `given` (the flag `--trust`) agrees to everything needed and remembers it. `ask` asks the user and returns the answer;
    it is None without a terminal. `note` is called if an answer cannot be remembered. `folder` is where answers are
    remembered, by default the user's configuration folder.
    """

    root: Path
    environ: Mapping[str, str]
    given: bool = False
    ask: Callable[[Path, Sequence[Disclosure]], bool] | None = None
    note: Callable[[str], None] | None = None
    folder: Path | None = None

    def require(self, endpoints: Iterable[Endpoint]) -> None:
        """Raise ConfigError (exit code 2) if requests to these endpoints would disclose a secret without agreement."""
        needed = self._left(disclosures(endpoints, self.environ))
        if not needed:
            return
        if self.given or (self.ask is not None and self.ask(self.root, needed)):
            self._remember(needed)
            return
        raise ConfigError(
            f"this project would send {', and '.join(map(str, needed))}, which nobody on this machine has agreed to",
            location=needed[0].location,
            hint=f"if you trust the project, run this once with --trust; in CI set {TRUST_VARIABLE}={_quoted(needed)}"
            " (docs/trust.md)",
        )

    def _left(self, asked: Sequence[Disclosure]) -> tuple[Disclosure, ...]:
        if not asked:
            return ()
        words = self.environ.get(TRUST_VARIABLE, "").replace(",", " ").split()
        if words in (["1"], ["true"]):
            return ()
        if any("@" not in word for word in words) and words not in (["0"], ["false"]):
            raise ConfigError(
                f"{TRUST_VARIABLE} is neither 1 nor a list of VARIABLE@BASE_URL",
                hint=f"to agree to what this project needs: {TRUST_VARIABLE}={_quoted(asked)}",
            )
        known = {*map(_normal, words), *self._remembered()}
        return tuple(each for each in asked if each.key not in known)

    # --- what was agreed to before ----------------------------------------------------------------------------------

    @property
    def _place(self) -> Path:
        if self.folder is not None:
            return self.folder / _FILE
        import platformdirs

        return platformdirs.user_config_path("prompt-runner", appauthor=False) / _FILE

    @property
    def _key(self) -> str:
        return os.path.realpath(self.root)

    def _remembered(self) -> frozenset[str]:
        agreed = self._read().get(self._key, [])
        return frozenset(agreed)

    def _read(self) -> dict[str, list[str]]:
        place = self._place
        try:
            data = place.read_bytes()
            value: Any = json.loads(data)
            read = reader_of(
                _READERS,
                value["runner_trust"],
                "this list of trusted projects",
                lambda: located_in(data, str(place), "runner_trust"),
            )
            return read(value)
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise ConfigError(f"{place} cannot be read: {error.strerror or error}") from None
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise ConfigError(
                f"{place}, the list of trusted projects, is damaged",
                hint="delete it; you will be asked again",
            ) from None

    def _remember(self, agreed: Sequence[Disclosure]) -> None:
        """Add to the file. If it cannot be written, the agreement is valid for this process only."""
        place = self._place
        try:
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with locked(place.with_suffix(".lock")):
                folders = self._read()
                folders[self._key] = sorted({*folders.get(self._key, []), *(each.key for each in agreed)})
                text = json.dumps({"runner_trust": _VERSION, "folders": folders}, indent=2, sort_keys=True)
                write_whole(place, f"{text}\n".encode())
        except OSError as error:
            if self.note is not None:
                self.note(f"trusted for this run only: {place} cannot be written ({error.strerror or error})")
