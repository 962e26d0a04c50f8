"""Implement `runner pack init`, `check` and `build`, for authors of packs."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from ...engine.plan.lint import lint_prompt
from ...engine.plan.units import make_units
from ...errors import Diagnostic, Location, RunnerError, UsageError
from ...files.destination import Destination
from ...files.model import Project
from ...files.project import load_project
from ...files.project_root import find_root
from ...files.prompt import PROMPT_ENDINGS
from ...packs.archive import write_archive
from ...packs.fetch_path import find_in_folder
from ...packs.file_rules import MANIFEST, included
from ...packs.file_transaction import FileTransaction
from ...packs.listing import FetchedPack, collect
from ...packs.manifest import KINDS, Manifest, load_manifest
from ...packs.pack_lint import open_sound
from ...packs.pack_set import OpenPack, load_export
from ...packs.scaffold import fitting_name, manifest_text
from ...regress.pack_tests import Tested, replay_shipped, unused_answers
from ...render.sandbox import Sandbox
from ...report.terminal.figures import plural
from ...report.terminal.outlet import print_line
from ...report.terminal.terminal_text import visible
from ..check import ShownErrors
from ..init import refuse_links, write_starter
from ..open_workspace import sandbox_of
from ..show_errors import show_diagnostic

__all__ = ["build", "check", "init"]

_COUNTED = {"prompts": "prompt", "partials": "partial", "schemas": "schema"}


def init(folder: Path, name: str | None) -> int:
    """Write a pack.yaml for the files of a folder; if there is no prompt, write a first one too."""
    path = folder / MANIFEST
    shown = path
    if path.exists():
        raise UsageError(f"{shown} already exists", hint="check it with: runner pack check")
    refuse_links(folder, path)
    fitting = fitting_name(name or Path(os.path.realpath(folder)).name)
    if not any(file.lower().endswith(PROMPT_ENDINGS) for file in _files(folder)):
        # There is nothing to share yet: write a first prompt that passes the check immediately.
        write_starter(folder)
    text = manifest_text(fitting, _files(folder))
    transaction = FileTransaction()
    transaction.set_file(path, text.encode())
    transaction.commit()
    print_line(f"written  {shown}")
    there = "" if folder == Path() else f" {folder}"
    print_line()
    print_line(f"Review its exports, then:  runner pack check{there}")
    return 0


def check(folder: Path, *, isolate: bool) -> int:
    """Check a pack as its users will see it, and run its tests with its own approved answers."""
    with ExitStack() as closing:
        sandbox = sandbox_of(closing, isolate=isolate)
        sandbox.start()
        pack = _open(_collected(folder), sandbox)
        project = load_project(find_root(folder), cwd=Path.cwd(), environ=os.environ)
        shown_errors = ShownErrors()
        remarks = list(_remarks_on(pack.manifest))
        tests: list[Tested] = []
        for export in pack.manifest.exports["prompts"]:
            try:
                for finding in _examined(pack, export, project, sandbox):
                    if isinstance(finding, Diagnostic):
                        remarks.append(finding)
                    elif isinstance(finding, Tested):
                        tests.append(finding)
                    else:
                        shown_errors.show(finding)
            except RunnerError as error:
                shown_errors.show(error)
        if not shown_errors.count:
            remarks += _unused(pack, tests)
        for remark in remarks:
            show_diagnostic(remark)
        for test in tests:
            if test.verdict != "pass":
                print_line(f"{test.verdict:8} {visible(test.name)}: {visible(test.reason)}")
        verdicts: Counter[str] = Counter(test.verdict for test in tests)
        errors = shown_errors.count + sum(remark.severity == "error" for remark in remarks)
        warnings = sum(remark.severity == "warning" for remark in remarks)
        print_line(_summary(pack.manifest, verdicts, errors=errors, warnings=warnings))
        if verdicts["outdated"]:
            print_line("to get and approve the missing answers: runner test, then runner review", err=True)
        return 2 if errors else 1 if verdicts["fail"] else 4 if verdicts["outdated"] else 0


def build(folder: Path, output: str | None, *, isolate: bool) -> int:
    """Write a pack as an archive."""
    with ExitStack() as closing:
        sandbox = sandbox_of(closing, isolate=isolate)
        sandbox.start()
        fetched = _collected(folder)
        manifest = _open(fetched, sandbox).manifest
        name = f"{manifest.name}-{manifest.version}"
        data = write_archive(fetched.contents, name)
        path = Path(output) if output is not None else folder / "dist" / f"{name}.tar.gz"
        if output is None:
            refuse_links(folder, path)
        reads = [(f'"{folder / file}"', folder / file) for file in fetched.contents.files]
        Destination("--output", str(path), folder).check(reads)
        transaction = FileTransaction()
        transaction.set_file(path, data)
        transaction.commit()
        digest = hashlib.sha256(data).hexdigest()
        print_line(f"written    {path} ({plural(len(fetched.contents.files), 'file')})")
        print_line(f"sha256     {digest}")
        print_line(f"integrity  {fetched.contents.integrity}")
        print_line()
        print_line(f"Where you publish it:  runner pack add ALIAS --url https://… --sha256 {digest}")
        return 0


def _files(folder: Path) -> list[str]:
    """Return the files of a folder that belong to its pack; none if the folder does not exist yet."""
    if not folder.exists():
        return []
    return [entry.path for entry in included(find_in_folder(folder, shown=_shown(folder)).entries)]


def _collected(folder: Path) -> FetchedPack:
    return collect(find_in_folder(folder, shown=_shown(folder)))


def _open(fetched: FetchedPack, sandbox: Sandbox) -> OpenPack:
    """Open the pack, and raise its errors. Its own name is used in place of an alias."""
    return open_sound(fetched.tree, load_manifest(fetched.tree).name, sandbox)


def _shown(folder: Path) -> str:
    return os.path.normpath(folder)


def _examined(
    pack: OpenPack, export: str, project: Project, sandbox: Sandbox
) -> Iterator[Diagnostic | RunnerError | Tested]:
    """Yield the findings about a prompt, and the result of each of its tests."""
    prompt = load_export(pack, pack.manifest.name, export)
    found = lint_prompt(prompt, project, sandbox)
    yield from found.remarks
    yield from found.errors
    if not found.errors:
        yield from replay_shipped(make_units((prompt,), project, sandbox=sandbox))


def _remarks_on(manifest: Manifest) -> Iterator[Diagnostic]:
    for key, code, value in (
        ("description", "P001", manifest.description),
        ("license", "P002", manifest.license),
    ):
        if value is None:
            message = f"the pack has no {key}; add one so that others can tell whether they may use it"
            yield Diagnostic("warning", code, message, manifest.document.locate(()))


def _unused(pack: OpenPack, tests: list[Tested]) -> Iterator[Diagnostic]:
    for file in unused_answers(pack.tree, {test.file for test in tests}):
        location = Location(pack.tree.shown(file))
        yield Diagnostic("warning", "P003", "no test of an exported prompt refers to this answer", location)


def _summary(manifest: Manifest, verdicts: Counter[str], *, errors: int, warnings: int) -> str:
    exports = ", ".join(
        plural(len(manifest.exports[kind]), _COUNTED[kind]) for kind in KINDS if manifest.exports[kind]
    )
    words = {"pass": "passed", "fail": "failed", "outdated": "without a current answer"}
    tests = ", ".join(f"{plural(verdicts[each], 'test')} {words[each]}" for each in words if verdicts[each])
    name = f"{manifest.name} {manifest.version}"
    return (
        f"{name}: {exports}; {tests or 'no tests'}: {plural(errors, 'error')}, {plural(warnings, 'warning')}"
    )
