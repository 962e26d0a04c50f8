"""`python -m tests.mutation [MODULE ...]`: do the tests of a module fail for each of its mutants? Resumable."""

from __future__ import annotations

import argparse
import ast
import hashlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import resource
import signal
import sys
import time
import tomllib
import traceback
from collections.abc import Iterator, Sequence
from math import ceil
from pathlib import Path
from types import ModuleType

from .loaded import Answer, try_in_forks
from .modules import MODULES
from .mutants import Mutant, mutants_of

ROOT = Path(__file__).resolve().parents[2]
SURVIVORS = Path(__file__).parent / "survivors.toml"

_LOADED_BEFORE = [
    "_pytest.assertion.rewrite",
    "aiohttp",
    "click",
    "concurrent.futures",
    "httpx",
    "hypothesis",
    "hypothesis.strategies",
    "jinja2",
    "jsonschema",
    "pytest",
    "referencing",
    "rich.console",
    "trustme",
    "uvloop",
    "xdist",
    "yaml",
]
"""What every test needs and no mutant changes: loaded once, and forked."""


class _Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads one module from this code instead of its file."""

    def __init__(self, name: str, code: str) -> None:
        self._name, self._code = name, code

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.util.spec_from_file_location(fullname, _file(self._name), loader=self)

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._code, str(_file(self._name)), "exec"), module.__dict__)


def _file(name: str) -> Path:
    return ROOT / (name.replace(".", "/") + ".py")


def main() -> int:
    """Try the mutants and print the table; 1 where one survives that is not explained, or one is that does not survive."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="such as engine/budget (default: all)")
    parser.add_argument("--state", type=Path, default=ROOT / ".mutation", help="where results are kept")
    parser.add_argument("--again", action="store_true", help="forget the results that are kept")
    options = parser.parse_args()
    if unknown := set(options.modules) - set(MODULES):
        parser.error(f"no such module: {', '.join(sorted(unknown))} (there are {', '.join(MODULES)})")
    os.chdir(ROOT)
    os.environ["CI"] = "1"  # the same examples for each mutant, and none is kept
    os.environ["RUNNER_TEST_EXAMPLES"] = (
        "20"  # what only the hundredth example notices has no test of its own
    )
    for module in _LOADED_BEFORE:
        importlib.import_module(module)
    options.state.mkdir(exist_ok=True)
    table, wrong = [], []
    for name in options.modules or MODULES:
        row, problems = _try(name, options.state / f"{name.replace('/', '.')}.jsonl", again=options.again)
        table.append(row)
        wrong += problems
    print(f"\n{'module':<22}{'mutants':>8}{'killed':>8}{'explained':>11}{'not':>5}")
    for row in table:
        print("{:<22}{:>8}{:>8}{:>11}{:>5}".format(*row))
    for problem in wrong:
        print(f"\n{problem}")
    return 1 if wrong else 0


def _try(name: str, kept: Path, *, again: bool) -> tuple[tuple[str, int, int, int, int], list[str]]:
    """The row of the table, and what is wrong."""
    module, tests = (
        f"runner.{name.replace('/', '.')}",
        [test for test in MODULES[name] if (ROOT / test).exists()],
    )
    source = _file(module).read_text(encoding="utf-8")
    mutants = mutants_of(source)
    explained = {_key(entry): entry for entry in _entries(name)}
    killed = set() if again else _read(kept, source)
    open_ = [mutant for mutant in mutants if mutant.key not in killed]
    survived = []
    with kept.open("a", encoding="utf-8") as file:
        for mutant, answer in _answers(name, module, source, tests, open_):
            if answer == "survived":
                survived.append(mutant)
                mark = "explained" if mutant.key in explained else "SURVIVED"
                print(f"{name}:{mutant.line} {mark}\n  - {mutant.before}\n  + {mutant.after}", flush=True)
            else:
                killed.add(mutant.key)
                file.write(json.dumps({"source": _digest(source), "killed": mutant.key}) + "\n")
                file.flush()
    keys = {mutant.key for mutant in survived}
    problems = [
        f"{name}:{mutant.line} in {mutant.function} survives:\n  - {mutant.before}\n  + {mutant.after}"
        for mutant in survived
        if mutant.key not in explained
    ] + [
        f"{SURVIVORS.name}: {name} has no such survivor any more: {key}"
        for key in explained
        if key not in keys
    ]
    row = (
        name,
        len(mutants),
        len(mutants) - len(survived),
        len(keys & set(explained)),
        len(keys - set(explained)),
    )
    return row, problems


def _answers(
    name: str, module: str, source: str, tests: Sequence[str], mutants: Sequence[Mutant]
) -> Iterator[tuple[Mutant, Answer]]:
    """What becomes of each mutant: in a fork where that can be told, else with the module loaded anew."""

    def load(plugin: object) -> int:
        return _pytest(tests, plugin)

    untried = []
    try:
        for mutant, answer in try_in_forks(load, str(_file(module)), source, mutants, _wait, _restrict):
            if answer == "untried":
                untried.append(mutant)
            else:
                yield mutant, answer
    except RuntimeError as error:
        sys.exit(f"{name}: {error}: {' '.join(tests)}")
    if not untried:
        return
    started, worked = time.monotonic(), _seconds_of_children()
    if (code := _run(module, source, tests, limit=3600, cpu=3600)) != 0:
        sys.exit(f"{name}: its tests fail without any mutant (pytest ended with {code}): {' '.join(tests)}")
    limit = 20 + 20 * (time.monotonic() - started)
    cpu = 2 + 2 * (_seconds_of_children() - worked)
    for mutant in untried:
        ended = _run(module, mutant.code, tests, limit, cpu)
        yield mutant, "survived" if ended == 0 else "killed"


def _seconds_of_children() -> float:
    """CPU time: what else the machine does makes no mutant slow."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _run(module: str, code: str, tests: Sequence[str], limit: float, cpu: float) -> int:
    """What pytest ends with in a process of its own, in which the module has this code.

    Less than 0 where it takes more CPU time than `cpu`, or waits for longer than `limit`: a loop without end.
    """
    child = os.fork()
    if child == 0:
        os.setsid()
        _restrict(cpu)
        ended = 3
        try:
            finder = _Mutated(module, code)
            sys.meta_path.insert(0, finder)
            importlib.import_module(module)  # before pytest, whose own loader would take it from its file
            sys.meta_path.remove(finder)
            ended = _pytest(tests)
        except BaseException:  # noqa: BLE001 - whatever it is, this process ends here
            traceback.print_exc()
        finally:
            os._exit(ended)
    return _wait(child, limit, cpu)


def _pytest(tests: Sequence[str], *plugins: object) -> int:
    """Run the tests quietly, up to the first that fails."""
    import pytest

    quiet = os.open(os.environ.get("MUTATION_LOG", os.devnull), os.O_RDWR | os.O_CREAT | os.O_APPEND)
    for descriptor in (0, 1, 2):
        os.dup2(quiet, descriptor)
    options = (
        "-x -q -n 0 -p no:cacheprovider -p no:prompt_runner -W ignore::pytest.PytestAssertRewriteWarning"
    )
    return int(pytest.main([*options.split(), *tests], plugins=list(plugins)))


def _restrict(cpu: float) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (ceil(cpu), ceil(cpu) + 5))


def _wait(child: int, limit: float, cpu: float) -> int:
    until = time.monotonic() + limit
    pause = 0.001
    while time.monotonic() < until:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            ended = os.waitstatus_to_exitcode(status)
            if ended == -signal.SIGKILL:
                sys.exit("the process of a mutant was killed from outside: nothing is known of it")
            return ended
        time.sleep(pause)
        pause = min(2 * pause, 0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -1


def _entries(name: str) -> list[dict[str, str]]:
    entries: list[dict[str, str]] = tomllib.loads(SURVIVORS.read_text(encoding="utf-8")).get("survivor", [])
    return [entry for entry in entries if entry["module"] == name]


def _key(entry: dict[str, str]) -> str:
    return f"{entry['function']} | {entry['before']} | {entry['after']} | {entry.get('number', 1)}"


def _digest(source: str) -> str:
    """Return a hash of the code, which is the same after an edit of docstrings, comments or line breaks."""
    tree = _WithoutDocstrings().visit(ast.parse(source))
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:16]


class _WithoutDocstrings(ast.NodeTransformer):
    """Removes each statement that is only a string."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        return None if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str) else node


def _read(kept: Path, source: str) -> set[str]:
    """Return the mutants of this code that tests have killed before; those that survived are tried again."""
    if not kept.exists():
        return set()
    records = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()]
    return {record["killed"] for record in records if record["source"] == _digest(source)}


if __name__ == "__main__":
    sys.exit(main())
