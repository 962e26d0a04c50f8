"""One opened project: its runner.yaml and packs, the environment with its keys, and the sandbox that renders.

The commands, the Python API and the pytest plugin open projects, find and compile prompts, and look up the keys of
endpoints through this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from .engine.plan.job import Unit
from .engine.plan.units import make_units
from .errors import Diagnostic, RunnerError, raise_all
from .files.disk.tree import DiskTree
from .files.model import Project, Prompt
from .files.project import load_project
from .packs.find_prompts import find_named
from .packs.pack_set import PackSet
from .render.sandbox import IN_PROCESS, Sandbox
from .values import Json

if TYPE_CHECKING:
    from .endpoints.connect import Connection
    from .endpoints.model_files import Progress
    from .engine.trust import Trust
    from .files.env_file import EnvFile

__all__ = ["Workspace"]


@dataclass(frozen=True, slots=True)
class Workspace:
    """An opened project. As a context manager it ends the sandbox's process on leaving.

    `environ` is where keys are looked up; it includes what `env_file` adds.
    """

    project: Project
    packs: PackSet
    environ: Mapping[str, str]
    sandbox: Sandbox = IN_PROCESS
    env_file: EnvFile | None = None

    @classmethod
    def open(
        cls,
        root: Path,
        environ: Mapping[str, str],
        *,
        shown_from: Path | None = None,
        sandbox: Sandbox = IN_PROCESS,
        env_file: EnvFile | None = None,
    ) -> Workspace:
        """Open the project in the folder `root`.

        Messages show its files relative to the folder `shown_from` (default: by their full paths). Raises what
        `load_project` raises.
        """
        beside = environ if env_file is None else env_file.beside(environ)
        project = load_project(root, cwd=shown_from, environ=beside)
        if env_file is not None:
            project, environ = env_file.redirected(project, environ), env_file.with_keys(project, environ)
        tree = DiskTree(Path(project.root), shown_from)
        return cls(project, PackSet(project, tree), environ, sandbox, env_file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sandbox.close()

    @property
    def root(self) -> Path:
        """The project's folder."""
        return Path(self.project.root)

    # --- prompts ----------------------------------------------------------------------------------------------------

    def find(
        self, paths: Sequence[str], remark: Callable[[Diagnostic], None] = lambda _: None
    ) -> list[tuple[DiskTree | None, str]]:
        """Find the prompts that the given paths name, relative to the current folder. See `find_named`."""
        return find_named(paths, project=self.project, packs=self.packs, cwd=Path.cwd(), remark=remark)

    def load(self, tree: DiskTree | None, name: str) -> Prompt:
        """Load a prompt that was found: a file of `tree`, or a pack's prompt if `tree` is None."""
        return self.packs.load(name) if tree is None else self.packs.load_own(name, tree)

    def each_prompt(
        self, paths: Sequence[str], remark: Callable[[Diagnostic], None] = lambda _: None
    ) -> Iterator[Prompt | RunnerError]:
        """Load each prompt that the paths name, or yield its error.

        `remark` is called for prompts that are skipped because they belong to another project.
        """
        for tree, name in self.find(paths, remark):
            try:
                yield self.load(tree, name)
            except RunnerError as error:
                yield error

    def prompts(
        self, paths: Sequence[str], remark: Callable[[Diagnostic], None] = lambda _: None
    ) -> tuple[Prompt, ...]:
        """Load the prompts that the paths name. Raises Problems with every error of every file."""
        loaded = list(self.each_prompt(paths, remark))
        errors = [entry for entry in loaded if isinstance(entry, RunnerError)]
        raise_all(errors)
        return tuple(entry for entry in loaded if isinstance(entry, Prompt))

    def units(
        self,
        prompts: Iterable[Prompt],
        *,
        endpoint: str | None = None,
        fields: Mapping[str, Sequence[Json]] | None = None,
    ) -> tuple[Unit, ...]:
        """Compile prompts for their endpoints. See `make_units`."""
        return make_units(prompts, self.project, endpoint=endpoint, fields=fields, sandbox=self.sandbox)

    # --- endpoints --------------------------------------------------------------------------------------------------

    def connect(
        self,
        units: Iterable[Unit],
        *,
        trust: Trust | None,
        transport: str = "auto",
        on_download: Progress | None = None,
        keys: bool = True,
    ) -> dict[str, Connection]:
        """Return the connections of the endpoints that the units need, by name. Opens no connection.

        These include the endpoints that their assertions ask.

        `trust` must agree before a key is looked up; pass None if the caller has decided already, as a program that
        loads its own prompt has. `transport` is the HTTP library to use, and `on_download` shows the download of a
        model; `keys=False` is for connections that send nothing (see `resolve` for these). Raises ConfigError before anything is paid for.
        """
        from .endpoints.connect import resolve

        every = [each for unit in units for each in (unit, *(unit.asks.units if unit.asks else ()))]
        endpoints = {unit.endpoint.name: unit.endpoint for unit in every}
        if trust is not None:
            trust.require(endpoints.values())
        return {
            name: resolve(
                endpoint,
                self.environ,
                root=self.project.root,
                transport=transport,
                on_download=on_download,
                keys=keys,
            )
            for name, endpoint in endpoints.items()
        }
