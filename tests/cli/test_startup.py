"""What a command imports: `--help` next to nothing, the offline commands no HTTP library."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from .project import ProjectFolder

FAST = ("aiohttp", "uvloop", "jsonschema_rs", "yarl", "multidict")
"""What the extra `fast` brings."""

PROMPT = """
model: gpt-4o
messages: [{role: user, content: "Hello {{ name }}"}]
tests: [{id: one, vars: {name: Ada}}]
"""


def modules_after(project: ProjectFolder, *args: str) -> set[str]:
    code = (
        "import sys, json, runpy\n"
        f"sys.argv = ['runner', *{list(args)!r}]\n"
        "try: runpy.run_module('runner', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project.folder,
        env=project.environ(),
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("args", [("--help",), ("--version",), ("run", "--help"), ("check", "--help")])
def test_help_loads_nothing_heavy(project: ProjectFolder, args: tuple[str, ...]) -> None:
    heavy = {"httpx", *FAST, "jinja2", "jsonschema", "yaml", "rich", "asyncio"}
    assert modules_after(project, *args) & heavy == set()


def test_a_help_page_does_not_load_what_writes_other_output(project: ProjectFolder) -> None:
    loaded = modules_after(project, "--help")
    assert loaded & {"runner.report.terminal.outlet", "runner.report.terminal.painting"} == set()


def test_the_version_is_printed_without_modules_for_files_and_addresses(project: ProjectFolder) -> None:
    assert modules_after(project, "--version") & {"pathlib", "urllib.parse", "ipaddress"} == set()


OFFLINE = [
    ("check",),
    ("render",),
    ("render", "--format", "curl"),
    ("run", "--dry-run"),
    ("test", "--offline"),
]


@pytest.mark.slow
@pytest.mark.parametrize("args", OFFLINE)
def test_commands_that_receive_no_answer_do_not_load_what_reads_one(
    project: ProjectFolder, args: tuple[str, ...]
) -> None:
    project.write("hello.prompt.yaml", PROMPT)
    loaded = modules_after(project, *args)
    assert "runner.wire.dialects.chat" in loaded
    assert loaded & {"runner.wire.classify", "runner.wire.stream", "runner.wire.verdicts"} == set()


@pytest.mark.slow
@pytest.mark.parametrize("args", OFFLINE)
def test_offline_commands_load_no_http_library(project: ProjectFolder, args: tuple[str, ...]) -> None:
    project.write("hello.prompt.yaml", PROMPT)
    loaded = modules_after(project, *args)
    assert "runner.engine.plan.plan" in loaded
    assert loaded & {"httpx", "httpcore", *FAST, "http.client", "urllib.request", "xllamacpp"} == set()


@pytest.mark.slow
def test_a_run_without_output_does_not_load_what_writes_files_of_results(project: ProjectFolder) -> None:
    project.write("runner.yaml", "endpoints: {none: {base_url: 'http://127.0.0.1:9/v1', max_retries: 0}}\n")
    project.write("hello.prompt.yaml", PROMPT)
    loaded = modules_after(project, "run", "--endpoint", "none")
    assert "runner.engine.pool.pool" in loaded
    assert loaded & {"runner.report.run.output", "runner.report.run.junit", "openpyxl", "pyarrow"} == set()


@pytest.mark.slow
def test_a_run_without_batches_does_not_load_them(project: ProjectFolder) -> None:
    project.write("hello.prompt.yaml", PROMPT)
    loaded = modules_after(project, "run", "--dry-run")
    assert "runner.commands.run" in loaded
    assert loaded & {"runner.commands.batches", "runner.engine.batch.batch_run", "statistics"} == set()


@pytest.mark.slow
def test_the_offline_gate_draws_without_rich(project: ProjectFolder) -> None:
    project.write("hello.prompt.yaml", PROMPT)
    loaded = modules_after(project, "test", "--offline")
    assert "runner.report.regression.regression_reporter" in loaded
    assert "rich" not in loaded


RARE = {
    "email.utils": "the date in an answer's Retry-After",
    "html": "a page instead of an answer",
    "runner.regress.gates.gate_slices": "a gate",
    "runner.verdict.gate": "a gate",
    "statistics": "a gate",
}


@pytest.mark.slow
@pytest.mark.parametrize("args", [("test", "--offline"), ("check",)])
def test_a_command_does_not_load_what_only_a_gate_or_an_unusual_answer_needs(
    project: ProjectFolder, args: tuple[str, ...]
) -> None:
    project.write("hello.prompt.yaml", PROMPT)
    assert modules_after(project, *args) & RARE.keys() == set()


@pytest.mark.slow
def test_a_declared_gate_loads_its_statistics(project: ProjectFolder) -> None:
    project.write(
        "hello.prompt.yaml", PROMPT + "assert: [{type: contains, value: a}]\nregression: {gate: {min: 0.5}}\n"
    )
    assert "runner.verdict.gate" in modules_after(project, "test", "--offline")


def test_importing_the_package_loads_nothing_heavy(project: ProjectFolder) -> None:
    code = "import runner, sys; print([m for m in ('click', 'yaml', 'jinja2', 'httpx') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], env=project.environ(), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_ctrl_c_while_modules_are_loaded_is_no_traceback() -> None:
    code = """
import sys
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "click":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupting())
from runner.__main__ import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")
