"""Load prompts: `runner.load`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError, system_error
from ..files.pack_sources import is_reference
from ..files.project_root import find_root
from ..files.request_fields import field_value
from ..render.sandbox import IN_PROCESS
from ..values import Json, find_non_json
from ..workspace import Workspace
from .channel import Jobs, number_of_jobs, positive
from .loaded_prompt import LoadedPrompt, one_unit

if TYPE_CHECKING:
    from ..isolation.isolated_sandbox import Isolation

__all__ = ["load"]


def load(
    path: str | os.PathLike[str],
    *,
    endpoint: str | None = None,
    model: str | None = None,
    environ: Mapping[str, str] | None = None,
    project: str | os.PathLike[str] | None = None,
    isolate: bool = False,
    lint: bool = True,
    jobs: Jobs = None,
    of: int = 1,
    **fields: Json,
) -> LoadedPrompt:
    """Load and compile a prompt file, or the prompt of a pack, named as `ALIAS:NAME`.

    `endpoint`, `model` and other request fields (`temperature=0.7`) override the project's and the prompt's. The project
    (runner.yaml) is the one that contains the file; for a pack's prompt, the one that contains the folder `project`
    (default: the current folder). Keys are looked up in `environ` (default: os.environ) when the prompt is run. With
    `isolate` its templates are compiled and rendered in a separate process with limits on memory and time. A schema that
    the provider would refuse (see `runner check`) is an error unless `lint` is False. At most `jobs` requests are in flight
    at once (default: the endpoint's `concurrency`, else 16). If `of` workers on one or more machines call the same
    endpoint, each gets its share of `jobs`, `rpm` and `tpm`. Raises RunnerError, with the file's line, for any error.
    """
    try:
        return _load(
            os.fspath(path),
            endpoint=endpoint,
            environ=os.environ if environ is None else environ,
            project=project,
            isolate=isolate,
            lint=lint,
            jobs=number_of_jobs(jobs),
            of=positive(of, "of"),
            fields={**({"model": model} if model else {}), **_checked(fields)},
        )
    except OSError as error:
        if error.filename is None:
            raise
        raise system_error(error) from None


def _checked(fields: Mapping[str, Json]) -> dict[str, Json]:
    checked = {}
    for name, value in fields.items():
        if found := find_non_json(value):
            raise UsageError(f"load(..., {name}=…): {found[1]} is not JSON")
        checked[name] = field_value(name, value, f"load(..., {name}=…)")
    return checked


def _load(
    text: str,
    *,
    endpoint: str | None,
    environ: Mapping[str, str],
    project: str | os.PathLike[str] | None,
    isolate: bool,
    lint: bool,
    jobs: Jobs,
    of: int,
    fields: Mapping[str, Json],
) -> LoadedPrompt:
    in_pack = is_reference(text) and not Path(text).exists()
    if not in_pack and project is not None:
        raise UsageError(
            "project is only for prompts of packs", hint="a file belongs to the project that contains it"
        )
    root = find_root(Path(project or "").absolute() if in_pack else Path(text).absolute().parent)
    with ExitStack() as on_failure:
        sandbox = on_failure.enter_context(_isolation()) if isolate else IN_PROCESS
        workspace = Workspace.open(root, environ, sandbox=sandbox)
        found = workspace.find([text])
        if len(found) > 1:
            raise UsageError(f"{text} is more than one prompt", hint="load them one by one")
        [(tree, name)] = found
        prompt = workspace.load(tree, name)
        unit = one_unit(workspace, prompt, endpoint=endpoint, fields=fields, lint=lint)
        loaded = LoadedPrompt(unit, workspace, endpoint=endpoint, fields=fields, lint=lint, jobs=jobs, of=of)
        on_failure.pop_all()
    return loaded


def _isolation() -> Isolation:
    from ..isolation.isolated_sandbox import Isolation

    return Isolation()
