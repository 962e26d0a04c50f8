"""A `.env` file: variables for one command, read only when it is asked for."""

from __future__ import annotations

import io
from pathlib import Path

from ..errors import EncodingError, Location, MissingFileError, UsageError
from .text import decode

__all__ = ["read_env_file"]

_NOT_FROM_A_FILE = frozenset({"RUNNER_TRUST"})


def read_env_file(path: str) -> dict[str, str]:
    """The variables of a file of `NAME=value` lines, as python-dotenv reads them, nothing in them expanded.

    Raises MissingFileError, or UsageError for a line that is none. That names the line, but is no error
    with a Location, beside which the line itself is shown: it may hold a key.
    """
    from dotenv.parser import parse_stream  # a third of the time of `runner --help`

    try:
        text = decode(Path(path).read_bytes(), path)
    except OSError as error:
        raise MissingFileError(
            f"{path} cannot be read: {error.strerror or error}", location=Location(path)
        ) from None
    except EncodingError as error:
        raise UsageError(f"{error.location}: {error.message}", hint=error.hint) from None
    found: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(text)):
        place = f"{path}:{binding.original.line}"
        if binding.error or (binding.key is not None and binding.value is None):
            raise UsageError(
                f"{place}: this line sets no variable",
                hint='write NAME=value, and a value with spaces in quotes: NAME="a b"',
            )
        if binding.key is not None and binding.value is not None:
            if binding.key in _NOT_FROM_A_FILE:
                raise UsageError(
                    f"{place}: {binding.key} counts only in the environment itself",
                    hint="a file of the project could trust the project with it: export it in the shell",
                )
            if binding.key in found:
                raise UsageError(f"{place}: {binding.key} is set twice", hint="remove one of them")
            found[binding.key] = binding.value
    return found
