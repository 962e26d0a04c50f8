"""The packs of a project: resolves `ALIAS:NAME`, and loads prompts so that each name has one meaning.

A name with an alias is looked up in that pack's exports and nowhere else; a name without an alias is looked up in the
pack that uses it, or in the project. A pack is read, and all of its bytes checked against packs.lock, on first use.
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
from ..files.disk.tree import DiskTree, Tree
from ..files.model import Origin, Project, Prompt
from ..files.pack_sources import REFERENCE
from ..files.problems import ProblemList
from ..files.prompt import load_prompt
from ..files.violations import near
from .built_in import JUDGES, built_in
from .copies import STORE, VENDORED, read_copy
from .lock import BY_HAND, LOCK_FILE, Lock, LockedPack, read_lock
from .manifest import ExportKind, Manifest, load_manifest, refuse_other_runner
from .requirement import Requirement, requirements_of

__all__ = ["OpenPack", "PackSet", "load_export", "lock_of", "no_other_pack"]

_KIND_OF = {"prompts": "prompt", "partials": "partial", "schemas": "schema"}


@dataclass(frozen=True, slots=True)
class OpenPack:
    """A pack that has been read: its files and its manifest."""

    tree: Tree
    manifest: Manifest


def lock_of(tree: Tree) -> Lock:
    """Return the lock of a project's tree, or an empty one if there is no packs.lock. Raises as `read_lock` does."""
    if not tree.exists(LOCK_FILE):
        return Lock()
    return read_lock(tree.read(LOCK_FILE), tree.shown(LOCK_FILE))


class PackSet:
    """The packs of `project` as they are in `tree`: the project's folder or one of its git revisions.

    `opened` replaces copies: packs with other contents, by alias (for an update that is only previewed).
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
        """The packs that runner.yaml requires, by alias."""
        return self._requests

    @property
    def lock(self) -> Lock:
        """The contents of packs.lock, read once."""
        if self._lock is None:
            try:
                self._lock = lock_of(self._tree)
            except RunnerError as error:
                self._lock = error
        if isinstance(self._lock, RunnerError):
            raise self._lock  # the same object, so that it is reported once
        return self._lock

    def open(self, alias: str, location: Location | None = None) -> OpenPack:
        """Return the pack of an alias, every byte verified against the lock; `location` is where the alias is used.

        `judges` is the pack that ships with runner.

        Raises PackError for a file that differs from the lock, StalePackError if packs.lock or the copy is not up to
        date, UsageError for an alias that runner.yaml does not have, FormatError for a pack for another version of runner.
        """
        if alias == JUDGES and alias not in self._opened:
            self._opened[alias] = OpenPack(*built_in())
        if alias not in self._opened:
            requirement = self.requirement(alias, location)
            if alias in self._failed:
                raise self._failed[alias]  # the same object, so that it is reported once
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
        """Raise FormatError if packs.lock gives a pack another name or version than its manifest: readers trust either."""
        for key, locked_as, real in (
            ("name", locked.name, manifest.name),
            ("version", locked.version, manifest.version),
        ):
            if locked_as != real:
                assert self.lock.document is not None, "locked packs come from a file"
                raise FormatError(
                    f"packs.{alias}.{key} is {locked_as}, but pack.yaml says {real}",
                    location=self.lock.document.locate(("packs", alias, key)),
                    hint=BY_HAND,
                )

    def open_locked(self, alias: str) -> OpenPack:
        """Return the pack that is locked and copied, even if runner.yaml now requires another. Raises as `open` does."""
        requirement = self.requirement(alias)
        locked = self.lock.packs.get(alias) or self.locked(requirement)
        tree = read_copy(requirement, locked, self._home(requirement))
        return OpenPack(tree, load_manifest(tree))

    def requirement(self, alias: str, location: Location | None = None) -> Requirement:
        """Return the requirement of an alias. Raises UsageError if runner.yaml has no such alias."""
        requirement = self._requests.get(alias)
        if requirement is None:
            hint = near(alias, self._requests) or (
                f"the packs are {', '.join(self._requests)}"
                if self._requests
                else f"runner pack add {alias} with --git, --path, --url or --python adds it"
            )
            raise UsageError(f'there is no pack "{alias}" in runner.yaml', location=location, hint=hint)
        return requirement

    def locked(self, requirement: Requirement) -> LockedPack:
        """Return what a requirement is locked to. Raises StalePackError if it is not locked, or has changed since."""
        locked = self.lock.packs.get(requirement.alias)
        if locked is None:
            raise StalePackError(
                f"the pack {requirement.alias} is not in {LOCK_FILE}",
                location=requirement.location,
                hint="runner pack lock looks it up and adds it",
            )
        if locked.source != requirement.source:
            raise StalePackError(
                f"the pack {requirement.alias} differs from {LOCK_FILE}: {_difference(requirement, locked)}",
                location=requirement.location,
                hint="runner pack lock looks it up and updates packs.lock",
            )
        return locked

    def verify_copies(self) -> None:
        """Open every pack that has a copy. Raises Problems with every file that differs from the lock."""
        problems = ProblemList()
        for alias in self._requests:
            # A missing or unlocked pack is reported where it is used.
            with problems.kept(), contextlib.suppress(StalePackError):
                self.open(alias)
        problems.raise_any()

    def verify_all(self) -> Iterator[RunnerError]:
        """Yield an error for every pack that is not locked, has no copy, or differs from the lock."""
        for alias in self._requests:
            try:
                self.open(alias)
            except RunnerError as error:
                yield error
        try:
            yield from self.not_required()
        except RunnerError as error:  # packs.lock itself cannot be read
            yield error

    def not_required(self) -> Iterator[RunnerError]:
        """Yield an error for each locked pack that runner.yaml does not require."""
        for alias in sorted(self.lock.packs.keys() - self._requests.keys()):
            assert self.lock.document is not None, "locked packs come from a file"
            yield StalePackError(
                f"the pack {alias} is in {LOCK_FILE} but not in runner.yaml",
                location=self.lock.document.locate_key(("packs", alias)),
                hint="runner pack lock removes it",
            )

    # --- names ------------------------------------------------------------------------------------------------------

    def partial(self, name: str, location: Location) -> tuple[Tree, str]:
        """Resolve `ALIAS:NAME` in a template of the project. Raises as `open` does; UsageError for an unknown name."""
        return self._export("partials", name, location)

    def schema(self, name: str, location: Location) -> tuple[Tree, str]:
        """Resolve `ALIAS:NAME` of a schema in a prompt of the project. Raises as `partial` does."""
        return self._export("schemas", name, location)

    def named(self, references: Sequence[str], location: Location | None = None) -> list[str]:
        """Return the prompts that references select, without duplicates. NAME of `ALIAS:NAME` may be a glob.

        Raises UsageError for a name that is not exported, NothingSelectedError for a glob without a match, and as `open`.
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
        """Return the alias and the path within the pack of a vendored file; None for any other file.

        Raises PackError for a file in the folder of vendored packs that belongs to no pack.
        """
        if file.startswith(f"{STORE}/"):
            raise PackError(
                "this is a copy of a pack",
                location=Location(self._tree.shown(file)),
                hint="refer to it as ALIAS:NAME",
            )
        top, _, rest = file.partition("/")
        if top != VENDORED or not (self._requests or self._tree.exists(LOCK_FILE)):
            return None
        alias, _, path = rest.partition("/")
        if alias in self._requests and self._requests[alias].vendored:
            return alias, path
        raise PackError(
            f"{VENDORED}/ is for the packs in runner.yaml, and {alias} is not one of them",
            location=Location(self._tree.shown(file)),
            hint="runner pack list shows them; keep your own prompts in another folder",
        )

    def export_of(self, alias: str, path: str) -> str | None:
        """Return the `ALIAS:NAME` under which a pack exports a prompt file, or None if the file is private."""
        exports = self.open(alias).manifest.exports["prompts"]
        return next((f"{alias}:{name}" for name, file in exports.items() if file == path), None)

    def private(self, alias: str, file: str) -> PackError:
        """Return the error for selecting a private file of a pack, given by its path from the project's root."""
        return PackError(
            f"the pack {alias} does not export this prompt",
            location=Location(self._tree.shown(file)),
            hint=self._listed("prompts", alias),
        )

    # --- prompts ----------------------------------------------------------------------------------------------------

    def load(self, name: str, location: Location | None = None) -> Prompt:
        """Load the prompt `ALIAS:NAME` of a pack. Raises as `open` and `load_prompt` do, at `location` for the name."""
        alias, export = _parts(name, location)
        pack = self.open(alias, location)
        if export not in pack.manifest.exports["prompts"]:
            raise self._no_export("prompts", alias, export, location)
        return load_export(pack, alias, export)

    def load_own(self, file: str, tree: Tree) -> Prompt:
        """Load a prompt of the project, or of another folder, where no pack can be used. Raises as `load_prompt` does."""
        here = not isinstance(tree, DiskTree) or tree.root == Path(self._project.root)
        schema, partial = (self.schema, self.partial) if here else (_no_packs, _no_packs)
        return replace(load_prompt(file, tree, resolve_reference=schema), resolve_partial=partial)

    def _home(self, requirement: Requirement) -> Tree:
        """Return the tree with the copy of a pack: this one if vendored, else the working folder (git has no copy)."""
        return self._tree if requirement.vendored else DiskTree(Path(self._project.root))

    def _export(self, kind: ExportKind, name: str, location: Location) -> tuple[Tree, str]:
        alias, export = _parts(name, location)
        pack = self.open(alias, location)
        file = pack.manifest.exports[kind].get(export)
        if file is None:
            raise self._no_export(kind, alias, export, location)
        return pack.tree, file

    def _no_export(self, kind: ExportKind, alias: str, name: str, location: Location | None) -> RunnerError:
        exports = self.open(alias).manifest.exports
        what = _KIND_OF[kind]
        other = next((each for each in exports if each != kind and name in exports[each]), None)
        hint = f"it exports a {_KIND_OF[other]} with that name" if other else self._listed(kind, alias, name)
        message = f'the pack {alias} exports no {what} "{name}"'
        if glob.has_magic(name):
            return NothingSelectedError(message, location=location, hint=hint)
        return UsageError(message, location=location, hint=hint)

    def _listed(self, kind: ExportKind, alias: str, name: str = "") -> str:
        names = self.open(alias).manifest.exports[kind]
        return (near(name, names) if name else None) or (
            f"it exports {', '.join(f'{alias}:{each}' for each in names)}" if names else "it exports none"
        )


def load_export(pack: OpenPack, alias: str, export: str) -> Prompt:
    """Load a prompt that a pack exports, named after the alias; it can refer to files of the pack only."""
    file = pack.manifest.exports["prompts"][export]
    prompt = load_prompt(file, pack.tree, in_pack=True, resolve_reference=no_other_pack)
    return replace(
        prompt,
        name=f"{alias}:{export}",
        origin=Origin(alias, export, prompt.name),
        resolve_partial=no_other_pack,
    )


def no_other_pack(name: str, location: Location) -> tuple[Tree, str]:
    """Raise FormatError for `ALIAS:NAME` inside a pack, which cannot refer to another pack."""
    raise FormatError(
        f"{name} refers to another pack, but a pack can only use its own files",
        location=location,
        hint="write the path of the file, relative to this one",
    )


def _no_packs(name: str, location: Location) -> tuple[Tree, str]:
    raise FormatError(
        f"{name} refers to a pack, but this prompt is outside the project",
        location=location,
        hint="run the command in the prompt's own project",
    )


def _parts(reference: str, location: Location | None) -> tuple[str, str]:
    found = REFERENCE.fullmatch(reference)
    if found is None:
        hint = "an alias consists of lower-case letters, digits and '-'"
        raise UsageError(f"{reference} is not ALIAS:NAME", location=location, hint=hint)
    return found[1], found[2]


def _difference(requirement: Requirement, locked: LockedPack) -> str:
    """Describe how a requirement differs from the locked one; keys that may hold a password are named without values."""
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
