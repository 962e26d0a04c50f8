"""A name of the package means one thing: whoever reads `Outcome` or looks for it finds one class."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path

import runner

PACKAGE = Path(runner.__file__).parent

SOURCES = "importing/"
"""Modules of the folders below it are named after the parts of the format that they read, such as promptfoo's assertions."""


def public_types(source: str) -> set[str]:
    """Return the names of the classes and type aliases that a module defines at its top level."""
    names = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if isinstance(target, ast.Name) and target.id[0].isupper() and not target.id.isupper():
                names.add(target.id)
    return {name for name in names if not name.startswith("_")}


def test_no_two_public_classes_of_the_package_share_a_name() -> None:
    modules: defaultdict[str, list[str]] = defaultdict(list)
    for file in sorted(PACKAGE.rglob("*.py")):
        for name in public_types(file.read_text(encoding="utf-8")):
            modules[name].append(file.relative_to(PACKAGE).as_posix())
    assert {name: places for name, places in modules.items() if len(places) > 1} == {}


def test_no_two_modules_share_a_name_but_a_command_and_its_options() -> None:
    folders: defaultdict[str, list[str]] = defaultdict(list)
    for file in sorted(PACKAGE.rglob("*.py")):
        folder = file.parent.relative_to(PACKAGE).as_posix()
        if not file.name.startswith("__") and not folder.startswith(SOURCES):
            folders[file.name].append(folder)
    shared = {name: places for name, places in folders.items() if len(places) > 1}
    assert {name: places for name, places in shared.items() if places != ["cli", "commands"]} == {}


def test_code_in_the_strings_of_tests_imports_modules_that_exist() -> None:
    """A type checker does not see it, and a child process that fails to start may look like one that was killed."""
    gone = set()
    for file in Path(__file__).parent.rglob("*.py"):
        for name in re.findall(r"\bfrom (runner[\w.]*) import\b", file.read_text(encoding="utf-8")):
            try:
                found = find_spec(name)
            except ModuleNotFoundError:
                found = None
            if found is None:
                gone.add(f"{file.name}: {name}")
    assert gone == set()
