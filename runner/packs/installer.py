"""Lock, copy, update and remove the packs of a project for `runner pack`: all file changes are made, or none."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..errors import FetchError, Location, NothingSelectedError, PackError, RunnerError, raise_all
from ..files.disk.plain_files import NotPlainError, plain_folder, refuse_special
from ..files.disk.tree import DiskTree
from ..files.model import Project
from ..files.project import PROJECT_FILE
from .copies import STORE, VENDORED, copy_at, deviation_error, home_of, integrity_folder
from .fetch import moved_tag
from .file_transaction import FileTransaction, delete, leftovers
from .lock import LOCK_FILE, Lock, LockedPack, write_lock
from .pack_set import PackSet
from .requirement import Requirement
from .resolve import Resolved, fetch_locked, moved_tag_error
from .tree_hash import Contents

__all__ = ["Installer", "Synced"]

_ATTRIBUTES = (
    b"# Written by runner: packs are kept byte for byte, whatever git does to line ends elsewhere.\n* -text\n"
)
_IGNORE = ".runner/.gitignore"
_IGNORED = b"# written by runner: nothing in here belongs in git\n*\n"


@dataclass(frozen=True, slots=True)
class Synced:
    """The result of syncing one pack: whether its copy was `written`; `note` says what could not be checked."""

    alias: str
    locked: LockedPack
    written: bool
    note: str | None = None


class Installer:
    """Changes the packs of a project. Each method changes files as its last step: all of them, or none."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.root = Path(project.root)
        self.tree = DiskTree(self.root, Path.cwd())
        self.packs = PackSet(project, self.tree)

    @property
    def requirements(self) -> Mapping[str, Requirement]:
        """The packs that runner.yaml requires."""
        return self.packs.requirements

    @property
    def lock(self) -> Lock:
        """The contents of packs.lock."""
        return self.packs.lock

    def selected(self, aliases: Sequence[str]) -> list[Requirement]:
        """Return the requirements of these aliases, or all without aliases.

        Raises UsageError for an unknown alias, NothingSelectedError if the project has no packs.
        """
        if not self.requirements and not self.lock.packs:
            raise NothingSelectedError(
                "there is no pack in runner.yaml",
                hint="runner pack add ALIAS with --git, --path, --url or --python adds one",
            )
        return [self.packs.requirement(alias) for alias in aliases or self.requirements]

    # --- what has to be done ----------------------------------------------------------------------------------------

    def unlocked(self) -> list[Requirement]:
        """Return the requirements that are not in packs.lock as they are in runner.yaml."""
        return [
            requirement
            for requirement in self.requirements.values()
            if (locked := self.lock.packs.get(requirement.alias)) is None
            or locked.source != requirement.source
        ]

    def no_longer_required(self) -> list[str]:
        """Return the aliases in packs.lock that runner.yaml does not have any more."""
        return sorted(self.lock.packs.keys() - self.requirements.keys())

    def refuse_stale(self) -> None:
        """Raise StalePackError, or Problems, if packs.lock does not match runner.yaml."""
        errors = list(self.packs.not_required())
        for requirement in self.requirements.values():
            with _kept(errors):
                self.packs.locked(requirement)
        raise_all(errors)

    def leftover_errors(self) -> Iterator[RunnerError]:
        """Yield an error for each file or folder that a killed command left among the vendored packs."""
        for name in leftovers(self.root / VENDORED):
            yield PackError(
                "a killed command left this behind",
                location=Location(self.tree.shown(f"{VENDORED}/{name}")),
                hint="runner pack sync removes it",
            )

    def unknown_folders(self) -> Iterator[RunnerError]:
        """Yield an error for each folder among the vendored packs that belongs to no pack."""
        known = self.requirements.keys() | leftovers(self.root / VENDORED).keys()
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            for path in sorted((self.root / VENDORED).iterdir()):
                if path.is_dir() and path.name not in known and self.tree.exists(LOCK_FILE):
                    yield PackError(
                        f"this folder belongs to no pack in {PROJECT_FILE}",
                        location=Location(self.tree.shown(f"{VENDORED}/{path.name}")),
                        hint="move it elsewhere, or delete it",
                    )

    # --- doing it ---------------------------------------------------------------------------------------------------

    def sync(self, *, offline: bool) -> list[Synced]:
        """Install exactly what is locked. Unless `offline`, check at the source that each tag is still the same commit.

        Raises StalePackError if packs.lock does not match runner.yaml or a tag was moved, PackError for a copy that was
        changed, FetchError if a missing pack cannot be fetched.
        """
        self.refuse_stale()
        self._refuse_link()
        errors: list[RunnerError] = list(self.unknown_folders())
        done: list[Synced] = []
        missing: dict[str, Contents] = {}
        for requirement in self.requirements.values():
            locked = self.lock.packs[requirement.alias]
            with _kept(errors):
                note = None if offline else self._check_tag(requirement, locked)
                contents = self._missing(requirement, locked, offline=offline)
                if contents is not None:
                    missing[requirement.alias] = contents
                done.append(Synced(requirement.alias, locked, contents is not None, note))
        raise_all(errors)
        transaction = FileTransaction()
        for alias, contents in missing.items():
            self._place(transaction, self.requirements[alias], self.lock.packs[alias], contents)
        left = [alias for alias, requirement in self.requirements.items() if not requirement.vendored]
        for alias in left:
            self._drop_vendored(transaction, alias)
        if missing or left:
            self._keep_bytes(transaction, self.requirements)
        self._commit(transaction)
        return done

    def change(
        self,
        resolved: Iterable[Resolved],
        gone: Iterable[str] = (),
        *,
        project_file: bytes | None = None,
        requirements: Mapping[str, Requirement] | None = None,
    ) -> None:
        """Lock and copy the `resolved` packs and remove the aliases in `gone`.

        `project_file` is the new text of runner.yaml, if it changes, and `requirements` what it then requires. Raises
        PackError if a copy was edited by hand (the edit would be lost), StorageError if a file cannot be written.
        """
        self._refuse_link()
        resolved, gone = list(resolved), list(gone)
        for each in resolved:
            self._refuse_edited(each.requirement.alias, each.locked)
        for alias in gone:
            self._refuse_edited(alias)
        packs = {alias: locked for alias, locked in self.lock.packs.items() if alias not in gone}
        packs |= {each.requirement.alias: each.locked for each in resolved}
        transaction = FileTransaction()
        for each in resolved:
            self._place(transaction, each.requirement, each.locked, each.contents)
        for alias in gone:
            self._drop_vendored(transaction, alias)
        self._keep_bytes(transaction, requirements if requirements is not None else self.requirements)
        self._write_lock(transaction, Lock(packs))
        if project_file is not None:
            transaction.set_file(self.root / PROJECT_FILE, project_file)
        self._commit(transaction)

    def vendor(self, requirements: Sequence[Requirement], *, project_file: bytes | None = None) -> None:
        """Write the locked files of these packs into packs/, replacing what is there. Raises as `sync` does."""
        self._refuse_link()
        found = {}
        for requirement in requirements:
            locked = self.packs.locked(requirement)
            found[requirement.alias] = self._local(requirement, locked) or fetch_locked(
                requirement, locked, self.root
            )
        transaction = FileTransaction()
        for alias, contents in found.items():
            transaction.set_folder(self.root / VENDORED / alias, contents.files)
        self._keep_bytes(transaction, self.requirements, always=True)
        if project_file is not None:
            transaction.set_file(self.root / PROJECT_FILE, project_file)
        self._commit(transaction)

    # --- parts of it ------------------------------------------------------------------------------------------------

    def _check_tag(self, requirement: Requirement, locked: LockedPack) -> str | None:
        """Raise StalePackError for a tag that was moved. Return a note if its source could not be reached."""
        try:
            now = moved_tag(requirement, self.root, locked.commit)
            if now is not None:
                raise moved_tag_error(requirement, locked, now, self.root)
        except FetchError as error:
            commit = str(locked.commit)[:12]
            return f"could not check that {requirement.source['rev']} is still {commit}: {error.message}"
        return None

    def _missing(self, requirement: Requirement, locked: LockedPack, *, offline: bool) -> Contents | None:
        """Return the files of a pack without a copy, None if it has one. Raises PackError for a copy that was changed."""
        home = home_of(requirement, locked)
        if copy_at(home, locked, self.tree) is not None:
            self.packs.open(requirement.alias)
            return None
        local = self._local(requirement, locked)
        if local is None and offline:
            raise FetchError(
                f"the pack {requirement.alias} has no copy here, and --offline fetches nothing",
                hint="runner pack sync without --offline fetches it",
            )
        return local or fetch_locked(requirement, locked, self.root)

    def _local(self, requirement: Requirement, locked: LockedPack) -> Contents | None:
        """Return the locked files of a pack if a copy or a leftover of one on this machine has them all, else None."""
        homes = [f"{VENDORED}/{requirement.alias}", f"{STORE}/{integrity_folder(locked.integrity)}"]
        # A killed command may have moved the missing copy aside.
        homes += [
            f"{folder}/{name}" for folder in (VENDORED, STORE) for name in leftovers(self.root / folder)
        ]
        for home in homes:
            copy = copy_at(home, locked, self.tree)
            if copy is not None and not copy.deviations:
                return Contents(copy.files)
        return None

    def _place(
        self, transaction: FileTransaction, requirement: Requirement, locked: LockedPack, contents: Contents
    ) -> None:
        """Put the files of a pack where its copy belongs, unless they are there; drop a copy in the other place."""
        home = home_of(requirement, locked)
        copy = copy_at(home, locked, self.tree)
        if copy is None or copy.deviations:
            if not requirement.vendored and not (self.root / _IGNORE).exists():
                transaction.set_file(self.root / _IGNORE, _IGNORED)
            transaction.set_folder(self.root / home, contents.files)
        if not requirement.vendored:
            self._drop_vendored(transaction, requirement.alias)

    def _drop_vendored(self, transaction: FileTransaction, alias: str) -> None:
        """Remove the vendored folder of a pack, if there is one. Raises PackError if it was edited."""
        if (self.root / VENDORED / alias).exists():
            self._refuse_edited(alias)
            transaction.set_folder(self.root / VENDORED / alias, None)

    def _refuse_link(self) -> None:
        """Raise PackError if a write would leave the project.

        That happens if the folder of vendored packs or a part of .runner/ is a link, or a file is a link to outside.
        """
        if (self.root / VENDORED).is_symlink():
            raise self._refused(VENDORED, "is a link, and runner does not write through links")
        try:
            plain_folder(self.root, *PurePosixPath(STORE).parts)
            refuse_special(self.root / _IGNORE)
        except NotPlainError as error:
            place = Path(error.filename).relative_to(self.root).as_posix()
            raise self._refused(place, f"is not changed: {error.strerror}") from None
        for file in (LOCK_FILE, PROJECT_FILE, f"{VENDORED}/.gitattributes"):
            if not (self.root / file).resolve().is_relative_to(self.root.resolve()):
                raise self._refused(
                    file, "is a link to outside the project, and runner does not write through it"
                )

    def _refused(self, place: str, why: str) -> PackError:
        shown = self.tree.shown(place)
        return PackError(
            f"{shown} {why}", location=Location(shown), hint="replace it with a real folder or file"
        )

    def _refuse_edited(self, alias: str, after: LockedPack | None = None) -> None:
        """Raise PackError if overwriting the vendored folder would lose local edits. Files already as in `after` are fine."""
        home = f"{VENDORED}/{alias}"
        locked = self.lock.packs.get(alias)
        if locked is None:
            there = copy_at(home, after, self.tree) if after is not None else None
            if (self.root / home).exists() and (there is None or there.deviations):
                raise PackError(
                    f"this folder is in the way: there is no pack {alias} in {LOCK_FILE}",
                    location=Location(self.tree.shown(home)),
                    hint="move it elsewhere, or delete it",
                )
            return
        copy = copy_at(home, locked, self.tree)
        if copy is not None and copy.deviations:
            hint = (
                "nothing was changed, because your edit would be lost; "
                f"`runner pack vendor {alias}` discards it"
            )
            raise deviation_error(alias, home, copy, self.tree, hint)

    def _write_lock(self, transaction: FileTransaction, lock: Lock) -> None:
        path = self.root / LOCK_FILE
        if not lock.packs:
            if path.exists():
                transaction.set_file(path, None)
        elif lock != self.lock or not path.exists():
            transaction.set_file(path, write_lock(lock).encode())

    def _keep_bytes(
        self, transaction: FileTransaction, requirements: Mapping[str, Requirement], *, always: bool = False
    ) -> None:
        """Write packs/.gitattributes so that git keeps the bytes of vendored packs; a file of the user's own is kept."""
        path = self.root / VENDORED / ".gitattributes"
        wanted = always or any(requirement.vendored for requirement in requirements.values())
        if wanted and not path.exists():
            transaction.set_file(path, _ATTRIBUTES)
        elif not wanted and path.is_file() and path.read_bytes().replace(b"\r\n", b"\n") == _ATTRIBUTES:
            transaction.set_file(path, None)

    def _commit(self, transaction: FileTransaction) -> None:
        """Make all changes, then delete the leftovers of killed commands."""
        transaction.commit()
        for folder in (self.root, self.root / VENDORED, self.root / STORE, (self.root / STORE).parent):
            for name in leftovers(folder):
                delete(folder / name)
        with contextlib.suppress(OSError):  # not empty, or not there
            (self.root / VENDORED).rmdir()


@contextlib.contextmanager
def _kept(errors: list[RunnerError]) -> Iterator[None]:
    try:
        yield
    except RunnerError as error:
        errors.append(error)
