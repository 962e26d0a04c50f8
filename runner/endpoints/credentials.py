"""The keys of an endpoint: where they come from, and the headers that carry them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..files.addresses import is_header_value, key_headers, shown_name
from ..files.model import Endpoint
from ..masking import worth_hiding

if TYPE_CHECKING:
    import asyncio

__all__ = ["Credentials"]


class Credentials:
    """The values of an endpoint's keys: from the environment, the keyring, or the endpoint's command.

    `secrets` are the values that must not appear in any file. `version` counts the keys of a command, which are renewed
    when they expire. Its repr shows none of them.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        environ: Mapping[str, str],
        *,
        root: str | os.PathLike[str] = ".",
        required: bool = True,
    ) -> None:
        """Read the keys. Raises ConfigError for an unset variable, a missing entry, or a value that no header can have.

        Keys that are not `required`, because nothing is sent, are read from the variables that are set: they are secrets.
        """
        self._endpoint = endpoint
        self._root = root
        self.version = 0
        self._due: float | None = None
        self._is_token = False
        self._renewing: asyncio.Lock | None = None
        self._values: dict[str | None, str] = {}
        for header, (_, variable) in key_headers(endpoint).items():
            if not required and not (variable is not None and environ.get(variable)):
                continue
            if variable is not None:
                what = "its key" if header not in endpoint.headers_env else f"the header {header}"
                self._values[variable] = _value_of(endpoint, variable, environ, what)
            elif variable not in self._values:
                self._values[variable] = self._from_elsewhere()
        self.secrets = _secrets(self._values.values())

    def headers(self, api: str) -> dict[str, str]:
        """Return the headers with keys of a request in the wire format `api`."""
        named = key_headers(self._endpoint, api)
        if self._is_token:
            # A token goes into Authorization; Azure and Anthropic have other headers for their own keys.
            found = {header: each for header, each in named.items() if each[1] is not None}
            named = {"Authorization": ("Bearer ", None), **found}
        return {header: scheme + self._values[source] for header, (scheme, source) in named.items()}

    @property
    def is_due(self) -> bool:
        """Whether the key of a command has expired, or was refused, and has to be renewed."""
        return self._due is not None and time.time() >= self._due

    def refuse(self, version: int) -> bool:
        """Note that the server refused the key of this version. Return whether there may be a newer one."""
        if self._endpoint.api_key_command is None:
            return False
        if version == self.version:
            self._due = 0.0
        return True

    async def renew(self) -> None:
        """Run the endpoint's command again, if the key is still due. Raises ConfigError if it fails."""
        import asyncio  # not for commands that renew nothing

        self._renewing = self._renewing or asyncio.Lock()
        async with self._renewing:
            if self.is_due:
                self._values[None] = await asyncio.to_thread(self._from_elsewhere)
                self.version += 1
                self.secrets = tuple(dict.fromkeys((*self.secrets, *_secrets(self._values.values()))))

    def _from_elsewhere(self) -> str:
        """Return the key that is not in a variable."""
        endpoint = self._endpoint
        if endpoint.api_key_command is None:
            return _from_keyring(endpoint)
        from .key_command import expiry_of, is_token, key_from_command  # starts programs

        key = key_from_command(endpoint, self._root)
        self._due = _due(expiry_of(key), time.time())
        self._is_token = is_token(key)
        return key


_EARLY = 60.0
"""Seconds before its expiry at which a key is renewed: a request takes a while, and clocks differ."""


def _due(expires: float | None, now: float) -> float | None:
    """Return when a key has to be renewed. One that has expired already, by this clock, is used until it is refused."""
    if expires is None or expires <= now:
        return None
    return expires - _EARLY if expires - _EARLY > now else expires


def _from_keyring(endpoint: Endpoint) -> str:
    from .keyrings import key_from_keyring

    assert endpoint.api_key_keyring is not None
    value = key_from_keyring(endpoint, endpoint.api_key_keyring)
    _refuse_no_header_value(endpoint, f"the keyring entry {shown_name(endpoint.api_key_keyring)}", value)
    return value


def _value_of(endpoint: Endpoint, variable: str, environ: Mapping[str, str], what: str) -> str:
    """Return the value of a key variable. Raises ConfigError if it is not set, or not a valid header value."""
    value = environ.get(variable)
    name = shown_name(variable)
    if not value:
        state = "empty" if value == "" else "not set"
        raise ConfigError(
            f"the endpoint {endpoint.name!r} reads {what} from the variable {name}, which is {state}",
            location=endpoint.location,
            hint=f"export {name}=... in the shell, or add it to the secrets of the CI job;"
            " if your server needs no key, set it to anything (docs/providers)"
            if name == variable
            else "is it the key itself? Put the key into an environment variable, and write the variable's name here",
            secret=name != variable,
        )
    _refuse_no_header_value(endpoint, f"the variable {name}", value)
    return value


def _refuse_no_header_value(endpoint: Endpoint, where: str, value: str) -> None:
    if not is_header_value(value):
        raise ConfigError(
            f"{where} contains white space around the key, or a character that is not valid in a key",
            location=endpoint.location,
            hint="a line break at the end often comes from reading the key from a file",
        )


def _secrets(keys: Iterable[str]) -> tuple[str, ...]:
    """Return the values that must not appear in any file: whole values, and the part after a scheme such as `Bearer`."""
    found = dict.fromkeys(part for value in keys for part in (value.rpartition(" ")[2], value))
    # The key alone is also found in the whole header, and the part before it is not secret.
    return tuple(worth_hiding(sorted(part for part in found if not _is_scheme_and_key(part))))


def _is_scheme_and_key(value: str) -> bool:
    return value.partition(" ")[0].lower() in ("bearer", "basic", "token")
