"""The packs of a project: what `ALIAS:NAME` leads to, and prompts loaded so that each name means one thing.

A name with an alias is looked for in that pack's exports and nowhere else; a name without one inside the pack it stands
in, or in the project. A pack is read, and all of its bytes held against packs.lock, when it is first needed.
"""

from __future__ import annotations

import contextlib
import glob
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from ..errors import (
    FormatError,
    Location,
    NothingSelectedError,
    PackError,
    RunnerError,
    StalePackError,
    UsageError,
)
from ..files.model import Origin, Project, Prompt
from ..files.pack_sources import REFERENCE
from ..files.problems import ProblemList
from ..files.prompt import load_prompt
from ..files.tree import DiskTree, Tree
from ..files.violations import near
from .copies import STORE, VENDORED, read_copy
from .lock import BY_HAND, LOCK_FILE, Lock, LockedPack, read_lock
from .manifest import Kind, Manifest, load_manifest, refuse_other_runner
from .requirement import Requirement, requirements_of

__all__ = ["OpenPack", "PackSet", "load_export", "lock_of", "no_other_pack"]

_KIND_OF = {"prompts": "prompt", "partials": "partial", "schemas": "schema"}


@dataclass(frozen=True, slots=True)
class OpenPack:
    """A pack that was read: its files, and what it exports."""

    tree: Tree
    manifest: Manifest


def lock_of(tree: Tree) -> Lock:
    """The lock of a project's tree; an empty one where there is no file. Raises what `read_lock` raises."""
    if not tree.exists(LOCK_FILE):
        return Lock()
    return read_lock(tree.read(LOCK_FILE), tree.shown(LOCK_FILE))


class PackSet:
    """The packs of `project` as they are in `tree`: the project's folder, or one of its git revisions.

    `opened` stands in for copies: packs of other contents under their aliases (an update that is only looked at).
    """

    def __init__(self, project: Project, tree: Tree, *, opened: Mapping[str, OpenPack] | None = None) -> None:
        self._project = project
        self._tree = tree
        self._opened = dict(opened or {})
        self._failed: dict[str, RunnerError] = {}
        self._requests = requirements_of(project)
        self._lock: Lock | RunnerError | None = None

    @property
    def requirements(self) -> Mapping[str, Requirement]:
        """What runner.yaml asks for, by alias."""
        return self._requests

    @property
    def lock(self) -> Lock:
        """What packs.lock says; read once."""
        if self._lock is None:
            try:
                self._lock = lock_of(self._tree)
            except RunnerError as error:
                self._lock = error
        if isinstance(self._lock, RunnerError):
            raise self._lock  # the same one, so that it can be told once
        return self._lock

    def open(self, alias: str, location: Location | None = None) -> OpenPack:
        """The pack of an alias, every byte of it as locked; `location` is where it is named.

        Raises PackError for a file that is not as locked, StalePackError where packs.lock or the copy is not up to date,
        UsageError for an alias that runner.yaml does not have, FormatError for a pack of another version of runner.
        """
        if alias not in self._opened:
            requirement = self.requirement(alias, location)
            if alias in self._failed:
                raise self._failed[alias]  # the same one, so that it can be told once
            try:
                self._opened[alias] = self._read(requirement)
            except RunnerError as error:
                self._failed[alias] = error
                raise
        return self._opened[alias]

    def _read(self, requirement: Requirement) -> OpenPack:
        locked = self.locked(requirement)
        tree = read_copy(requirement, locked, self._home(requirement))
        manifest = load_manifest(tree)
        refuse_other_runner(manifest)
        self._refuse_misnamed(requirement.alias, locked, manifest)
        return OpenPack(tree, manifest)

    def _refuse_misnamed(self, alias: str, locked: LockedPack, manifest: Manifest) -> None:
        """Raise FormatError where packs.lock calls a pack otherwise than the pack itself: whoever reads one believes it."""
        for key, said, real in (
            ("name", locked.name, manifest.name),
            ("version", locked.version, manifest.version),
        ):
            if said != real:
                assert self.lock.document is not None, "packs that are locked stand in a file"
                raise FormatError(
                    f"packs.{alias}.{key} is not that of the pack: it is {real}",
                    location=self.lock.document.locate(("packs", alias, key)),
                    hint=BY_HAND,
                )

    def open_locked(self, alias: str) -> OpenPack:
        """The pack that is locked and copied, although runner.yaml may ask for another one by now. Raises as `open`."""
        requirement = self.requirement(alias)
        locked = self.lock.packs.get(alias) or self.locked(requirement)
        tree = read_copy(requirement, locked, self._home(requirement))
        return OpenPack(tree, load_manifest(tree))

    def requirement(self, alias: str, location: Location | None = None) -> Requirement:
        """What runner.yaml asks for under an alias. Raises UsageError where it has no such alias."""
        requirement = self._requests.get(alias)
        if requirement is None:
            hint = near(alias, self._requests) or (
                f"there are {', '.join(self._requests)}"
                if self._requests
                else f"runner pack add {alias} with --git, --path, --url or --python adds it"
            )
            raise UsageError(f'there is no pack "{alias}" in runner.yaml', location=location, hint=hint)
        return requirement

    def locked(self, requirement: Requirement) -> LockedPack:
        """What a requirement was locked to. Raises StalePackError where it was not, or was another one then."""
        locked = self.lock.packs.get(requirement.alias)
        if locked is None:
            raise StalePackError(
                f"the pack {requirement.alias} is not in {LOCK_FILE}",
                location=requirement.location,
                hint="runner pack lock looks it up and writes it there",
            )
        if locked.source != requirement.source:
            raise StalePackError(
                f"the pack {requirement.alias} is another one in {LOCK_FILE}: {_difference(requirement, locked)}",
                location=requirement.location,
                hint="runner pack lock looks it up and writes it there",
            )
        return locked

    def verify_copies(self) -> None:
        """Open every pack whose copy is there. Raises Problems with every file of it that is not as locked."""
        problems = ProblemList()
        for alias in self._requests:
            # What is not there, or was never locked, is told where it is named.
            with problems.kept(), contextlib.suppress(StalePackError):
                self.open(alias)
        problems.raise_any()

    def verify_all(self) -> Iterator[RunnerError]:
        """What is wrong with any pack of the project: not locked, not there, not as locked."""
        for alias in self._requests:
            try:
                self.open(alias)
            except RunnerError as error:
                yield error
        try:
            yield from self.unasked()
        except RunnerError as error:  # packs.lock itself is not to be read
            yield error

    def unasked(self) -> Iterator[RunnerError]:
        """An error for each pack that is locked although runner.yaml does not ask for it."""
        for alias in sorted(self.lock.packs.keys() - self._requests.keys()):
            assert self.lock.document is not None, "packs that are locked stand in a file"
            yield StalePackError(
                f"the pack {alias} is in {LOCK_FILE}, and not in runner.yaml",
                location=self.lock.document.locate_key(("packs", alias)),
                hint="runner pack lock takes it out",
            )

    # --- names ------------------------------------------------------------------------------------------------------

    def partial(self, name: str, location: Location) -> tuple[Tree, str]:
        """The template that a template of the project calls `ALIAS:NAME`. Raises as `open`; UsageError for the name."""
        return self._export("partials", name, location)

    def schema(self, name: str, location: Location) -> tuple[Tree, str]:
        """The schema that a prompt of the project calls `ALIAS:NAME`. Raises as `partial`."""
        return self._export("schemas", name, location)

    def named(self, references: Sequence[str], location: Location | None = None) -> list[str]:
        """The prompts that references mean, `ALIAS:NAME` with a glob for NAME or without; none twice.

        Raises UsageError for a name that is no export, NothingSelectedError for a glob that matches none, and as `open`.
        """
        found: dict[str, None] = {}
        for reference in references:
            alias, pattern = _parts(reference, location)
            names = self.open(alias, location).manifest.exports["prompts"]
            matching = [name for name in names if fnmatchcase(name, pattern)]
            if not matching:
                raise self._no_export("prompts", alias, pattern, location)
            found.update(dict.fromkeys(f"{alias}:{name}" for name in matching))
        return list(found)

    def vendored_in(self, file: str) -> tuple[str, str] | None:
        """The alias and the path in the pack of a file in the folder of vendored packs; None for any other file.

        Raises PackError for a file in there that is of no pack.
        """
        if file.startswith(f"{STORE}/"):
            raise PackError(
                "this is the copy of a pack",
                location=Location(self._tree.shown(file)),
                hint="name it ALIAS:NAME",
            )
        top, _, rest = file.partition("/")
        if top != VENDORED or not (self._requests or self._tree.exists(LOCK_FILE)):
            return None
        alias, _, path = rest.partition("/")
        if alias in self._requests and self._requests[alias].vendored:
            return alias, path
        raise PackError(
            f"{VENDORED}/ is for the packs of runner.yaml, and {alias} is none of them",
            location=Location(self._tree.shown(file)),
            hint="runner pack list says which there are; prompts of your own stand elsewhere",
        )

    def export_of(self, alias: str, path: str) -> str | None:
        """The `ALIAS:NAME` under which a pack exports a prompt file; None for one that it keeps to itself."""
        exports = self.open(alias).manifest.exports["prompts"]
        return next((f"{alias}:{name}" for name, file in exports.items() if file == path), None)

    def private(self, alias: str, file: str) -> PackError:
        """The error for naming a file, by its path from the project's root, that a pack keeps to itself."""
        return PackError(
            f"the pack {alias} does not export this prompt",
            location=Location(self._tree.shown(file)),
            hint=self._listed("prompts", alias),
        )

    # --- prompts ----------------------------------------------------------------------------------------------------

    def load(self, name: str) -> Prompt:
        """The prompt of a pack that is called `ALIAS:NAME`. Raises as `open` and `load_prompt`."""
        alias, export = _parts(name, None)
        pack = self.open(alias)
        if export not in pack.manifest.exports["prompts"]:
            raise self._no_export("prompts", alias, export, None)
        return load_export(pack, alias, export)

    def load_own(self, file: str, tree: Tree) -> Prompt:
        """A prompt of the project, or of another folder that has no packs of ours. Raises as `load_prompt`."""
        here = not isinstance(tree, DiskTree) or tree.root == Path(self._project.root)
        schema, partial = (self.schema, self.partial) if here else (_no_packs, _no_packs)
        return replace(load_prompt(file, tree, resolve_reference=schema), resolve_partial=partial)

    def _home(self, requirement: Requirement) -> Tree:
        """Where the copy of a pack is: in the tree itself, or in the working files, which no revision has."""
        return self._tree if requirement.vendored else DiskTree(Path(self._project.root))

    def _export(self, kind: Kind, name: str, location: Location) -> tuple[Tree, str]:
        alias, export = _parts(name, location)
        pack = self.open(alias, location)
        file = pack.manifest.exports[kind].get(export)
        if file is None:
            raise self._no_export(kind, alias, export, location)
        return pack.tree, file

    def _no_export(self, kind: Kind, alias: str, name: str, location: Location | None) -> RunnerError:
        exports = self.open(alias).manifest.exports
        what = _KIND_OF[kind]
        other = next((each for each in exports if each != kind and name in exports[each]), None)
        hint = f"it has a {_KIND_OF[other]} of that name" if other else self._listed(kind, alias, name)
        message = f'the pack {alias} exports no {what} "{name}"'
        if glob.has_magic(name):
            return NothingSelectedError(message, location=location, hint=hint)
        return UsageError(message, location=location, hint=hint)

    def _listed(self, kind: Kind, alias: str, name: str = "") -> str:
        names = self.open(alias).manifest.exports[kind]
        return (near(name, names) if name else None) or (
            f"it exports {', '.join(f'{alias}:{each}' for each in names)}" if names else "it exports none"
        )


def load_export(pack: OpenPack, alias: str, export: str) -> Prompt:
    """A prompt that a pack exports, called by the alias; it sees the pack and nothing else."""
    file = pack.manifest.exports["prompts"][export]
    prompt = load_prompt(file, pack.tree, in_pack=True, resolve_reference=no_other_pack)
    return replace(
        prompt,
        name=f"{alias}:{export}",
        origin=Origin(alias, export, prompt.name),
        resolve_partial=no_other_pack,
    )


def no_other_pack(name: str, location: Location) -> tuple[Tree, str]:
    """What `ALIAS:NAME` leads to inside a pack: nowhere. Raises FormatError."""
    raise FormatError(
        f"{name} is the name of another pack, and a pack sees its own files only",
        location=location,
        hint="name the file itself, relative to this one",
    )


def _no_packs(name: str, location: Location) -> tuple[Tree, str]:
    raise FormatError(
        f"{name} is the name of a pack's, and this prompt lies outside the project",
        location=location,
        hint="run the command in the prompt's own project",
    )


def _parts(reference: str, location: Location | None) -> tuple[str, str]:
    found = REFERENCE.fullmatch(reference)
    if found is None:
        hint = "an alias is lower-case letters, digits and '-'"
        raise UsageError(f"{reference} is not ALIAS:NAME", location=location, hint=hint)
    return found[1], found[2]


def _difference(requirement: Requirement, locked: LockedPack) -> str:
    """What is not the same in a requirement and in the one that was locked; of keys that may hold a password only the name."""
    keys = [
        key
        for key in {**requirement.source, **locked.source}
        if requirement.source.get(key) != locked.source.get(key)
    ]
    shown = [
        f"{key} was {locked.source[key]}"
        if key in ("rev", "subdirectory", "path") and key in locked.source
        else key
        for key in keys
    ]
    return ", ".join(shown)
