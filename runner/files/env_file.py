"""Read a `.env` file: variables for one command, used only on request.

Such a file may come from a stranger, like the folder that contains it. Only variables that runner itself reads are used:
settings (`RUNNER_*`), the two variables of the endpoint `openai`, and the keys that endpoints name. It never becomes part
of the environment that other programs and libraries read (`PATH`, `HTTPS_PROXY`, `PYTHONPATH`, `PIP_*`, `GIT_*`, ...).
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..documents.text import decode
from ..errors import Diagnostic, EncodingError, Location, MissingFileError, UsageError
from .addresses import key_variables
from .model import Endpoint, Project

__all__ = ["SETTINGS", "EnvFile", "read_env_file"]

SETTINGS = frozenset(
    {
        "RUNNER_CACHE_DIR",
        "RUNNER_ENDPOINT",
        "RUNNER_ISOLATE",
        "RUNNER_JOBS",
        "RUNNER_NO_CACHE",
        "RUNNER_RECORD",
        "RUNNER_TRANSPORT",
        "RUNNER_UNREFERENCED",
        "RUNNER_UPDATE",
    }
)
"""The variables that set options of commands, and the folder of models."""

_OF_OPENAI = ("OPENAI_API_KEY", "OPENAI_BASE_URL")
_NOT_FROM_A_FILE = frozenset({"RUNNER_TRUST"})
_MOST_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class EnvFile:
    """The variables of a file: `values` and `lines` by name. The environment itself takes precedence over them."""

    path: str
    values: Mapping[str, str]
    lines: Mapping[str, int]

    def locate(self, name: str) -> Location:
        """Return the place where a variable is set."""
        return Location(self.path, self.lines[name])

    def settings(self) -> dict[str, str]:
        """Return the variables that set options."""
        return {name: value for name, value in self.values.items() if name in SETTINGS}

    def beside(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return `environ`, with the settings and the variables of the endpoint `openai` that it lacks."""
        return self._given((*SETTINGS, *_OF_OPENAI)) | dict(environ)

    def with_keys(self, project: Project, environ: Mapping[str, str]) -> dict[str, str]:
        """Return `beside(environ)`, with the variables that the project's endpoints name and it lacks."""
        named = key_variables(project.endpoints.values())
        return self._given(named) | self.beside(environ)

    def unused(self, project: Project) -> Iterable[Diagnostic]:
        """Yield a remark for each variable of the file that is not used."""
        named = key_variables(project.endpoints.values())
        for name in self.values:
            if name not in SETTINGS and name not in _OF_OPENAI and name not in named:
                yield Diagnostic(
                    "warning",
                    "W016",
                    f"{name} is not used: no endpoint names it, and it is not a setting of runner",
                    self.locate(name),
                    "export it in the shell if it is meant for proxies, certificates or other programs",
                )

    def redirected(self, project: Project, environ: Mapping[str, str]) -> Project:
        """Return the project; its endpoint `openai` gets this file as its location if the file redirects the user's key.

        A key is sent to an endpoint from a file only with the consent of the key's owner.
        """
        openai = project.endpoints["openai"]
        if (
            openai.location is not None
            or "OPENAI_BASE_URL" not in self.values
            or "OPENAI_BASE_URL" in environ
            or not environ.get("OPENAI_API_KEY")
        ):
            return project
        there: Endpoint = replace(openai, location=self.locate("OPENAI_BASE_URL"))
        return replace(project, endpoints={**project.endpoints, "openai": there})

    def _given(self, names: Iterable[str]) -> dict[str, str]:
        return {name: self.values[name] for name in names if name in self.values}


def read_env_file(path: str) -> EnvFile:
    """Return the variables of a file of `NAME=value` lines, as python-dotenv reads them, without expansion.

    Raises MissingFileError, or UsageError for an invalid line. That error names the line but has no Location, because
    the line would be shown with it, and it may contain a key.
    """
    from dotenv.parser import parse_stream  # a third of the time of `runner --help`

    try:
        with Path(path).open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise UsageError(
                f"{path} is larger than {_MOST_BYTES // 2**20} MiB, so it is not a file of variables"
            )
        text = decode(data, path)
    except OSError as error:
        raise MissingFileError(
            f"{path} cannot be read: {error.strerror or error}", location=Location(path)
        ) from None
    except EncodingError as error:
        raise UsageError(f"{error.location}: {error.message}", hint=error.hint) from None
    found: dict[str, str] = {}
    lines: dict[str, int] = {}
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
                    f"{place}: {binding.key} is accepted only from the environment itself",
                    hint="otherwise a file of the project could make the project trusted: export it in the shell",
                )
            if binding.key in found:
                raise UsageError(f"{place}: {binding.key} is set twice", hint="remove one of them")
            found[binding.key] = binding.value
            lines[binding.key] = binding.original.line
    return EnvFile(path, found, lines)
