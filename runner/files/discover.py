"""Find the prompt files that a command line refers to."""

from __future__ import annotations

import glob
import itertools
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from ..errors import (
    Diagnostic,
    FormatError,
    Location,
    MissingFileError,
    NothingSelectedError,
    NotTextError,
    UsageError,
    close_to,
    did_you_mean,
)
from ..values import find_non_json
from .disk.plain_files import open_plain
from .disk.tree import MAX_FILE_BYTES, DiskTree, Tree
from .foreign import foreign_hint
from .model import Project
from .pack_sources import is_reference
from .project import PROJECT_FILE
from .project_root import FoundFile, ProjectBorder, absolute, find_root
from .prompt import PROMPT_ENDINGS

__all__ = [
    "find_prompts",
    "find_prompts_in",
    "is_prompt_of",
    "matches_glob",
    "refuse_other_projects",
]


def find_prompts(
    args: Sequence[str],
    *,
    project: Project,
    cwd: Path,
    remark: Callable[[Diagnostic], None] = lambda _: None,
) -> list[tuple[DiskTree, str]]:
    """Return the prompt files that `args` (files, folders, globs, relative to `cwd`) refer to, each with its tree.

    Without `args`, these are the matches of the globs in the project's `prompts`, else every `*.prompt.yaml` and
    `*.prompt.yml` under the root. Hidden folders other than `.github/prompts`, virtual environments, `node_modules` and
    vendored packs are skipped unless one is named.
    A YAML file that is named explicitly is a prompt whatever its name. Files of the project come first, then the others
    by path, without duplicates. A file outside every project belongs to its own folder.

    A file with a nearer runner.yaml, by its name or by the target of a link, belongs to that other project. It is
    refused if it is named; in a folder, in a glob and without `args` such files are skipped if there are prompts of this
    project, and `remark` is called with the runner.yaml that governs them.

    Raises MissingFileError for a name that does not exist, UsageError for one that cannot be a prompt or belongs to
    another project, FormatError for a glob of runner.yaml that matches nothing, and NothingSelectedError if there is no
    prompt.
    """
    root = Path(project.root)
    border = ProjectBorder(root, cwd)
    found: dict[Path, str | None] = {}  # absolute path -> its name in messages, if the user named it
    if args:
        for arg in args:
            for each in border.own(_named(arg, root, cwd)):
                found.setdefault(each.path, each.shown)
    else:
        found = dict.fromkeys(_of_project(project, border))
    for diagnostic in border.remarks():
        remark(diagnostic)
    if not found:
        hint = f"prompt files end with {' or '.join(PROMPT_ENDINGS)}; runner init writes one"
        if project.packs:
            named = " ".join(f"'{alias}:*'" for alias in list(project.packs)[:3])
            hint = f"prompts of packs are selected by name: {named}"
        raise NothingSelectedError(f"there is no prompt file in {_folder(root, cwd)}", hint=hint)
    return _in_trees(found, root, cwd)


def find_prompts_in(tree: Tree, args: Sequence[str], *, project: Project, cwd: Path) -> list[str]:
    """Return the prompt files that the same `args` refer to in a tree that is not on disk, such as a git revision.

    `project` is the one of that tree. A missing path is not an error: a prompt may exist in only one revision.
    """
    listed = list(tree.files())
    others = tuple(
        file.removesuffix(PROJECT_FILE) for file in listed if file.endswith(f"/{PROJECT_FILE}")
    )  # the folders of nested projects
    listed = [file for file in listed if not file.startswith(others)]
    if args:
        root = Path(project.root)
        names = [os.path.relpath(absolute(Path(arg), cwd), root).replace(os.sep, "/") for arg in args]
        meant = [file for file in listed if any(_means(name, file) for name in names)]
    elif project.prompts:
        meant = [file for file in listed if any(matches_glob(file, pattern) for pattern in project.prompts)]
    else:
        meant = [file for file in listed if _is_prompt(file)]
    for file in meant:
        _refuse_what_is_no_text(file, tree.shown(file))
    return meant


def is_prompt_of(project: Project, file: Path) -> bool:
    """Return whether a command without arguments selects a file: a prompt of this project, not of a nearer one."""
    root = Path(project.root)
    if not file.is_relative_to(root) or ProjectBorder(root, root).other_project(file) is not None:
        return False
    name = file.relative_to(root).as_posix()
    if project.prompts:
        return any(not is_reference(pattern) and matches_glob(name, pattern) for pattern in project.prompts)
    return _is_prompt(name)


def refuse_other_projects(words: Sequence[str], *, project: Project, cwd: Path) -> None:
    """Raise UsageError if one of the words is a path that belongs to another project."""
    border = ProjectBorder(Path(project.root), cwd)
    for word in words:
        path = absolute(Path(word), cwd)
        if path.exists() and (other := border.other_project(path)) is not None:
            raise border.refusal(FoundFile(path, word), other)


def _named(arg: str, root: Path, cwd: Path) -> Iterable[FoundFile]:
    path = absolute(Path(arg), cwd)
    if path.is_dir():
        below = [FoundFile(each, _join(arg, each, path)) for each in _prompts_below(path)]
        return below or _nothing(f"there is no prompt file in {arg}")
    if glob.has_magic(arg) and not path.is_file():
        return _globbed(arg, cwd) or _nothing(f"no prompt file matches {arg}")
    return [_file(arg, root, cwd)]


def _file(arg: str, root: Path, cwd: Path) -> FoundFile:
    path = absolute(Path(arg), cwd)
    if not path.is_file():
        raise MissingFileError(
            f"there is no {'file' if Path(arg).suffix or len(Path(arg).parts) > 1 else 'prompt or file'} {arg}",
            location=Location(arg),
            hint=_nearest(arg, root, cwd),
        )
    if path.suffix.lower() not in {".yaml", ".yml"}:
        foreign = _foreign(path, arg)
        raise (
            UsageError(*foreign[:1], location=Location(arg), hint=foreign[1])
            if foreign
            else UsageError(
                f"{arg} is not a prompt file",
                location=Location(arg),
                hint="prompts are YAML files (.prompt.yaml)",
            )
        )
    return FoundFile(path, arg)


def _foreign(path: Path, shown: str) -> tuple[str, str] | None:
    """Return what a file of another tool is, and the command that imports it, or None."""
    try:
        with os.fdopen(open_plain(path, follow=True), "rb") as file:
            text = file.read(MAX_FILE_BYTES).decode("utf-8", "replace")
    except OSError:
        return None
    return foreign_hint(path.name, text, shown)


def _globbed(pattern: str, cwd: Path) -> list[FoundFile]:
    """Return the prompt files that the pattern matches, and those below the folders that it matches."""
    fixed = Path(*itertools.takewhile(lambda part: not glob.has_magic(part), Path(pattern).parts))
    folder = absolute(fixed, cwd)
    known = [folder / file for file in DiskTree(folder).files()] if folder.is_dir() else []
    matches = glob.glob(pattern, root_dir=cwd, recursive=True)  # noqa: PTH207 - Path.glob knows no absolute patterns
    matched = {absolute(Path(match), cwd) for match in matches}
    return [
        FoundFile(path, _join(str(fixed), path, folder))
        for path in known
        if _is_prompt(path.name) and not matched.isdisjoint((path, *path.parents))
    ]


def _folder(root: Path, cwd: Path) -> str:
    name = os.path.relpath(root, cwd)
    return "this folder" if name == "." else name


def _nothing(message: str) -> list[FoundFile]:
    raise NothingSelectedError(message, hint=f"prompt files end with {' or '.join(PROMPT_ENDINGS)}")


def _of_project(project: Project, border: ProjectBorder) -> Iterator[Path]:
    root = Path(project.root)
    if not project.prompts:
        yield from (each.path for each in border.own(map(FoundFile, _prompts_below(root))))
        return
    assert project.document is not None, "globs come from a file"
    places = [project.document.locate(("prompts", index)) for index in range(len(project.prompts))]
    for pattern, location in zip(project.prompts, places, strict=True):
        if not is_reference(pattern) and _leads_outside(pattern):
            raise FormatError(
                f"{pattern} leads outside the project",
                location=location,
                hint="globs are relative to runner.yaml and stay in its folder",
            )
    listed = list(DiskTree(root).files())
    for pattern, location in zip(project.prompts, places, strict=True):
        if is_reference(pattern):
            continue  # a prompt of a pack, which is no file of the project
        # Matched against the files of the project: a search on disk would follow links to anywhere.
        files = [file for file in listed if matches_glob(file, pattern)]
        if not files:
            raise FormatError(
                f"{pattern} matches no file",
                location=location,
                hint="globs are relative to runner.yaml; ** stands for any folders",
            )
        try:
            yield from (each.path for each in border.own(FoundFile(root / file) for file in files))
        except UsageError as error:
            raise FormatError(error.message, location=location, hint=error.hint) from None


def _leads_outside(pattern: str) -> bool:
    """Return whether a glob of runner.yaml is absolute, specific to one system, or leads upward."""
    absolute = pattern.startswith("/") or "\\" in pattern or re.match(r"[A-Za-z]:", pattern) is not None
    return absolute or ".." in pattern.split("/") or pattern.startswith("~")


def _prompts_below(folder: Path) -> Iterator[Path]:
    return (folder / file for file in DiskTree(folder).files() if _is_prompt(file))


def _is_prompt(name: str) -> bool:
    return name.lower().endswith(PROMPT_ENDINGS)


def _means(name: str, file: str) -> bool:
    """Return whether an argument, as a path from the root, selects the file: by name, by a folder, or by a glob."""
    if name == file:
        return True
    folders = [file[:end] for end, char in enumerate(file) if char == "/"]
    return _is_prompt(file) and (
        name == "." or name in folders or any(matches_glob(each, name) for each in (*folders, file))
    )


def matches_glob(file: str, pattern: str) -> bool:
    """Return whether `glob.glob(pattern, recursive=True)` would find the file on disk."""
    return _parts_match(file.split("/"), pattern.split("/"))


def _parts_match(names: Sequence[str], patterns: Sequence[str]) -> bool:
    if not patterns:
        return not names
    if not names:
        return False
    first, rest = patterns[0], patterns[1:]
    hidden = names[0].startswith(".")
    if first == "**":
        # Any folders, none included; at the end of a pattern every file below.
        deeper = not hidden and (_parts_match(names[1:], patterns) or (not rest and len(names) == 1))
        return deeper or (bool(rest) and _parts_match(names, rest))
    return (
        (not hidden or first.startswith("."))
        and fnmatchcase(names[0], first)
        and _parts_match(names[1:], rest)
    )


def _refuse_what_is_no_text(name: str, shown: str) -> None:
    if find_non_json(name):
        raise NotTextError(f"the file name {shown!r}")


def _in_trees(found: dict[Path, str | None], root: Path, cwd: Path) -> list[tuple[DiskTree, str]]:
    by_root: dict[Path, dict[str, str | None]] = {}
    for path in sorted(found):
        _refuse_what_is_no_text(str(path), found[path] or os.path.relpath(path, cwd))
        home = root if path.is_relative_to(root) else find_root(path.parent)
        by_root.setdefault(home, {})[path.relative_to(home).as_posix()] = found[path]
    chosen: list[tuple[DiskTree, str]] = []
    for home in sorted(by_root, key=lambda each: (each != root, each)):
        names = {file: shown for file, shown in by_root[home].items() if shown is not None}
        tree = DiskTree(home, cwd, names)
        chosen += [(tree, file) for file in by_root[home]]
    return chosen


def _nearest(arg: str, root: Path, cwd: Path) -> str | None:
    """Return a hint with the prompt of the project that was probably meant, by path or by name, or None."""
    shown = {os.path.relpath(path, cwd).replace(os.sep, "/"): path for path in _prompts_below(root)}
    stems = {
        path.name.lower().removesuffix(".prompt.yaml").removesuffix(".prompt.yml"): name
        for name, path in shown.items()
    }
    close = close_to(arg, shown) or [stems[stem] for stem in close_to(Path(arg).name, stems)]
    return did_you_mean(close[0]) if close else None


def _join(arg: str, path: Path, folder: Path) -> str:
    rest = path.relative_to(folder).as_posix()
    return rest if arg in {".", "./"} else f"{arg.rstrip('/' + os.sep)}/{rest}"
