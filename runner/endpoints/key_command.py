"""Get a key from a program (`api_key_command`), such as `az account get-access-token`.

The program is started without a shell. What it prints is the key: it is kept in memory, and is neither shown nor stored.
"""

from __future__ import annotations

import base64
import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from ..errors import ConfigError
from ..files.addresses import is_header_value
from ..files.model import Endpoint
from ..processes.programs import find_program
from ..processes.start import StillRunningError, TooMuchOutputError, inherited_environment, run
from ..visible import one_line

__all__ = ["expiry_of", "is_token", "key_from_command"]

TIME_LIMIT = 60.0
"""Seconds; a program that asks for a password on the terminal would wait for ever."""

_MOST_PRINTED = 65536
_PARTS_OF_A_TOKEN = 3


def key_from_command(endpoint: Endpoint, root: str | os.PathLike[str]) -> str:
    """Run the command of an endpoint of the project in `root`, and return the key that it prints.

    Raises ConfigError if there is no such program, if it fails or takes too long, or if it does not print a key.
    """
    command = endpoint.api_key_command
    assert command is not None
    folder = Path(root).absolute()
    try:
        done = run(
            [_program(command[0], folder), *command[1:]],
            inherited_environment([folder]),
            most=_MOST_PRINTED,
            seconds=TIME_LIMIT,
        )
    except FileNotFoundError:
        hint = "name a program on the PATH, or write its path; the PATH of the project's own folders does not count"
        raise _failed(endpoint, "there is no such program", hint) from None
    except OSError as error:
        raise _failed(endpoint, f"it cannot be started: {error.strerror or error}") from None
    except StillRunningError:
        hint = "it must not ask for anything: sign in before, e.g. with az login"
        raise _failed(endpoint, f"it did not end within {TIME_LIMIT:g} s", hint) from None
    except TooMuchOutputError:
        raise _failed(endpoint, "it printed more than a key") from None
    if done.returncode != 0:
        hint = f"run it in a shell to see why: {one_line(shlex.join(command))}"
        raise _failed(endpoint, f"it ended with exit code {done.returncode}", hint)
    return _key_in(done.stdout, endpoint)


def _program(name: str, folder: Path) -> Path:
    if os.sep in name or "/" in name:
        return folder / name  # an absolute path stays what it is
    return find_program(name, [folder])


def _key_in(printed: bytes, endpoint: Endpoint) -> str:
    key = printed.decode("ascii", "replace").strip()
    if not key:
        raise _failed(endpoint, "it printed nothing")
    if key.startswith("{"):
        hint = "let it print the key alone, e.g. with --query accessToken --output tsv"
        raise _failed(endpoint, "it printed JSON, not a key", hint)
    if not is_header_value(key) or len(key.split()) > 1:
        raise _failed(
            endpoint, "it printed several words or lines, or a character that is not valid in a key"
        )
    return key


def _failed(endpoint: Endpoint, why: str, hint: str | None = None) -> ConfigError:
    assert endpoint.api_key_command is not None
    program = one_line(endpoint.api_key_command[0])
    return ConfigError(
        f"the endpoint {endpoint.name!r} gets its key from the command {program} (api_key_command): {why}",
        location=endpoint.location,
        hint=hint,
    )


def expiry_of(key: str) -> float | None:
    """Return when a key expires (`exp` of a JSON Web Token, RFC 7519), as a Unix time; None if it does not say so."""
    if not _is_web_token(key):
        return None
    payload = key.split(".")[1]
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):
        return None
    expires = claims.get("exp") if isinstance(claims, Mapping) else None
    if isinstance(expires, bool) or not isinstance(expires, int | float):
        return None
    return float(expires)


def is_token(key: str) -> bool:
    """Return whether a key is a token that expires: a JSON Web Token, or an access token of Anthropic."""
    return _is_web_token(key) or key.startswith("sk-ant-oat")


def _is_web_token(key: str) -> bool:
    return key.startswith("eyJ") and key.count(".") == _PARTS_OF_A_TOKEN - 1
