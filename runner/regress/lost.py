"""Find approved answers that a renamed case left behind, by the request that they answer.

A case, a prompt file or its `name` may have been renamed, or a prompt moved into another folder. Its answers are then
under the old name, and the same requests have no snapshot under the new one. If a case of the project still refers to
the file, it was copied, not renamed, and stays where it is.
"""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ..checks.json_key import identity
from ..engine.plan.job import Job, Unit
from ..engine.plan.selection import Selection
from ..engine.plan.units import variants_of
from ..errors import RunnerError
from ..files.case_ids import case_id
from ..files.cases import cases_of
from ..files.disk.tree import DiskTree
from ..files.model import Project, Prompt
from ..files.project_root import project_above
from ..packs.pack_set import PackSet
from .claims import Claim, Unnamed, claims_in
from .snapshots.snapshot import FOLDER, Snapshot, file_of, folder_of, is_of_pack, is_snapshot_file
from .snapshots.store import SnapshotStore

__all__ = ["LostAnswers", "LostFiles"]


class LostFiles(tuple[str, ...]):
    """The files that answer a request: one, or several different answers, between which runner cannot choose."""

    __slots__ = ()


class LostAnswers:
    """The lost answers of one project. They are read once, when the first case without a snapshot needs them."""

    def __init__(self, units: Sequence[Unit], project: Project, store: SnapshotStore) -> None:
        self._units = units
        self._project = project
        self._store = store
        self._packs = PackSet(project, DiskTree(Path(project.root)))
        self._by_request: Mapping[str, list[str]] | None = None
        self._claims: dict[str, list[Claim | Unnamed]] = {}
        self._kept: dict[str, frozenset[str] | None] = {}
        self.taken: set[str] = set()
        """The files that were handed out."""

    def take(self, job: Job, file: str) -> LostFiles | None:
        """Return the lost answer to a job whose own snapshot, `file`, does not exist; None if there is none.

        An answer of the same case is preferred, then one of the same prompt; each answer is handed out once.
        """
        found = [
            old
            for fingerprint in job.fingerprints()
            for old in self._requests().get(fingerprint, ())
            if old != file and old not in self.taken and not self._is_referred_to(old)
        ]
        for same in (posixpath.basename, posixpath.dirname):
            found = [old for old in found if same(old) == same(file)] or found
        if not found:
            return None
        if len({self._said(old) for old in found}) > 1:
            return LostFiles(found)
        self.taken.add(found[0])
        return LostFiles(found[:1])

    def _requests(self) -> Mapping[str, list[str]]:
        if self._by_request is None:
            found: dict[str, list[str]] = {}
            root = Path(self._project.root)
            for file in DiskTree(root).files():
                if is_snapshot_file(file):
                    request = self._store.request(file)
                    if request is not None and self._is_here(file):
                        found.setdefault(request, []).append(self._store.named_now(file))
            self._by_request = found
        return self._by_request

    def _is_here(self, file: str) -> bool:
        """Return whether the file belongs to this project and not to a runner.yaml in a subfolder."""
        root = Path(self._project.root)
        return project_above((root / file).parent) in (root, None)

    def _said(self, file: str) -> object:
        with contextlib.suppress(RunnerError):
            snapshot = self._store.read(file)
            return None if snapshot is None else _answer(snapshot)
        return file

    def _is_referred_to(self, file: str) -> bool:
        """Return whether a case of the project uses, or may use, this file: a prompt that does not load keeps its folder."""
        folder = posixpath.dirname(file)
        owners: Iterable[str | None]
        if is_of_pack(file):
            owners = self._exports(folder)
        else:
            directory = folder.rpartition(FOLDER)[0].rstrip("/")
            if directory not in self._claims:
                self._claims[directory] = [claim for claim, _ in claims_in(directory, self._project)]
            owners = (
                claim.place if isinstance(claim, Claim) else None
                for claim in self._claims[directory]
                if isinstance(claim, Unnamed) or claim.folder == folder
            )
        chosen = (unit.prompt.place for unit in self._units if folder_of(unit.prompt) == folder)
        return any(
            owner is None or (files := self._files_of(owner)) is None or file in files
            for owner in dict.fromkeys([*owners, *chosen])
        )

    def _exports(self, folder: str) -> Iterator[str | None]:
        """Yield the pack prompt that this folder belongs to; None if that cannot be determined."""
        _, alias, _ = folder.split("/")
        if alias not in self._packs.requirements:
            return
        try:
            for export in self._packs.open(alias).manifest.exports["prompts"]:
                prompt = self._packs.load(f"{alias}:{export}")
                if folder_of(prompt) == folder:
                    yield prompt.place
        except RunnerError:
            yield None

    def _files_of(self, place: str) -> frozenset[str] | None:
        """Return the snapshot files of the cases of a prompt; None if it does not load."""
        if place not in self._kept:
            files: frozenset[str] | None = None
            with contextlib.suppress(RunnerError):
                files = frozenset(self._cases_of(place))
            self._kept[place] = files
        return self._kept[place]

    def _cases_of(self, place: str) -> Iterator[str]:
        chosen = [unit for unit in self._units if unit.prompt.place == place]
        for unit in chosen:
            for case in Selection().cases(unit):
                yield file_of(unit.prompt, case.id, unit.variant)
        if chosen:
            return
        prompt = self._load(place)
        variants = [variant.name for variant in variants_of(prompt, self._project)]
        # Without tests it has at most the case without variables; whether it has that depends on its templates.
        ids = (case.id for case in cases_of(prompt)) if prompt.tests else iter((case_id({}),))
        for each in ids:
            for variant in variants:
                yield file_of(prompt, each, variant)

    def _load(self, place: str) -> Prompt:
        if ":" in place:
            return self._packs.load(place)
        return self._packs.load_own(place, DiskTree(Path(self._project.root)))


def _answer(snapshot: Snapshot) -> object:
    outputs = [variation.output for variation in snapshot.variants]
    return identity([snapshot.outcome, snapshot.output, snapshot.tool_calls, snapshot.refusal, outputs])
