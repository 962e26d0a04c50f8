"""Check that each snapshot folder belongs to one prompt only: two would overwrite each other's answers."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ..documents.documents import parse_document
from ..errors import FormatError, Location, RunnerError, raise_all
from ..files.discover import is_prompt_of
from ..files.disk.tree import DiskTree
from ..files.model import Project, Prompt
from ..files.prompt import PROMPT_ENDINGS, name_of
from .snapshots.snapshot import FOLDER, folder_of, is_of_pack, snapshot_folder

__all__ = [
    "Claim",
    "Unnamed",
    "claim_of",
    "claims_in",
    "refuse_shared",
    "refuse_shared_folders",
    "shared_by",
    "taken_in",
]

_Folder: TypeAlias = tuple[object, str]


@dataclass(frozen=True, slots=True)
class Claim:
    """A prompt's claim to the folder `folder`; `location` points to the name that determines it.

    `place` is the prompt's Prompt.place. `real` is the same for two paths that lead to one folder.
    """

    folder: str
    place: str
    location: Location
    real: _Folder


@dataclass(frozen=True, slots=True)
class Unnamed:
    """A prompt file that cannot be read, so its folder is unknown."""

    place: str


def claim_of(prompt: Prompt) -> Claim:
    """Return the claim of a loaded prompt."""
    folder = folder_of(prompt)
    location = prompt.locate("name") if _declares_name(prompt.document.value) else Location(prompt.path)
    if prompt.origin is not None or not isinstance(prompt.tree, DiskTree):
        return Claim(folder, prompt.place, location, (None, folder))
    return Claim(folder, prompt.place, location, _real(prompt.tree.root, folder))


def claims_in(
    directory: str, project: Project, *, besides: Iterable[str] = ()
) -> Iterator[tuple[Claim | Unnamed, bool]]:
    """Yield the claims of the prompt files in a folder of the project, and whether each belongs to the project.

    Files in `besides` are left out. Only the prompts' names are read: a prompt with other errors still claims its
    folder.
    """
    tree = DiskTree(Path(project.root))
    left_out = set(besides)
    try:
        names = sorted(path.name for path in (tree.root / directory).iterdir())
    except OSError:
        return
    for name in names:
        file = posixpath.join(directory, name)
        if not name.lower().endswith(PROMPT_ENDINGS) or file in left_out:
            continue
        taken = is_prompt_of(project, tree.root / file)
        try:
            document = parse_document(tree.read(file), tree.shown(file))
        except RunnerError:
            yield Unnamed(file), taken
            continue
        declared = _declares_name(document.value)
        spec = document.value if isinstance(document.value, Mapping) else {}
        folder = snapshot_folder(file, name_of(spec, file))
        location = document.locate(("name",)) if declared else Location(document.path)
        yield Claim(folder, file, location, _real(tree.root, folder)), taken


def taken_in(directory: str, project: Project, *, besides: Iterable[str] = ()) -> list[Claim]:
    """Return the claims of those prompts in a folder that belong to the project, without unreadable ones."""
    found = claims_in(directory, project, besides=besides)
    return [claim for claim, taken in found if taken and isinstance(claim, Claim)]


def _shared(claims: Iterable[Claim]) -> Iterator[FormatError]:
    """Yield an error for each folder that several prompts claim, naming all of them."""
    groups: dict[_Folder, list[Claim]] = {}
    for claim in claims:
        groups.setdefault(claim.real, []).append(claim)
    for group in groups.values():
        if len(group) > 1:
            *others, last = sorted(group, key=lambda claim: claim.place)
            named = " and ".join(str(other.location) for other in others)
            yield FormatError(
                f"prompts would overwrite each other's snapshots in {last.folder}: this one and {named}",
                location=last.location,
                hint="give each prompt its own `name`, or refer to a prompt by one path only",
            )


def shared_by(
    prompts: Iterable[Prompt], project: Project, *, beside: Callable[[str], Iterable[Claim]] | None = None
) -> Iterator[FormatError]:
    """Yield an error for each folder that one of these prompts shares with another of the project, selected or not.

    `beside` returns the claims in a folder if they are known already.
    """
    own = [claim_of(prompt) for prompt in prompts]
    known = {claim.place for claim in own}
    wanted = {claim.real for claim in own}
    others: list[Claim] = []
    for directory in sorted({posixpath.dirname(claim.place) for claim in own if claim.real[0] is not None}):
        found = beside(directory) if beside else taken_in(directory, project, besides=known)
        others += [claim for claim in found if claim.real in wanted and claim.place not in known]
    yield from _shared([*own, *others])


def refuse_shared(
    prompts: Iterable[Prompt], project: Project, *, beside: Callable[[str], Iterable[Claim]] | None = None
) -> None:
    """Raise FormatError, or Problems, if `shared_by` finds errors."""
    _refuse(shared_by(prompts, project, beside=beside))


def refuse_shared_folders(snapshot_files: Iterable[str], project: Project) -> None:
    """Raise FormatError, or Problems, if one of these snapshots is in a folder that several prompts claim."""
    folders = {posixpath.dirname(file) for file in snapshot_files if not is_of_pack(file)}
    claims: list[Claim] = []
    for directory in sorted({folder.rpartition(FOLDER)[0].rstrip("/") for folder in folders}):
        claims += [claim for claim in taken_in(directory, project) if claim.folder in folders]
    _refuse(_shared(claims))


def _refuse(errors: Iterable[FormatError]) -> None:
    found = list(errors)
    raise_all(found)


def _declares_name(spec: object) -> bool:
    return isinstance(spec, Mapping) and isinstance(spec.get("name"), str) and bool(spec["name"])


def _real(root: Path, folder: str) -> _Folder:
    """Return the identity of the folder, based on device and inode, whichever path leads to it."""
    directory, _, name = folder.rpartition(f"{FOLDER}/")
    try:
        status = (root / directory).stat()
    except OSError:
        return str(root / directory), name
    return (status.st_dev, status.st_ino), name
