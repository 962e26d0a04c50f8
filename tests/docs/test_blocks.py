"""What the documents show is so: each YAML, JSON and Python block is read, each command is one that exists."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

import runner
from runner.cli.main import cli
from runner.files.disk.tree import MemoryTree
from runner.files.foreign import foreign_kind
from runner.files.formats import schema
from runner.files.project import load_project
from runner.packs.manifest import load_manifest
from runner.regress.snapshots.reader import read_snapshot
from tests.cli.project import ProjectFolder

from .blocks import DOCUMENTS, REPOSITORY, Block, blocks, commands
from .transcript import is_played

LANGUAGES = {"console", "json", "python", "sh", "text", "yaml"}
OTHER_PROGRAMS = {".", "bash", "export", "gh", "git", "pip", "pytest", "python", "python3", "ruff", "mypy", "lint-imports", "cd", "coverage", "mkdocs", "mkdir", "ollama", "vllm", "llama-server"}  # fmt: skip


def test_every_block_says_its_language() -> None:
    assert [str(block) for block in blocks() if block.language not in LANGUAGES] == []


# --- commands -----------------------------------------------------------------------------------------------------


def parse(words: list[str]) -> None:
    """Parse a command line of ours as click does, without running it. Raises click.UsageError."""
    command: click.Command = cli
    context = click.Context(cli, info_name="runner", **cli.context_settings)
    rest = words
    while isinstance(command, click.Group) and rest:
        name, found, rest = command.resolve_command(context, rest)
        assert found is not None, words
        command = found
        context = click.Context(command, parent=context, info_name=name)
    if not isinstance(command, click.Group):
        command.make_context(context.info_name, list(rest), parent=context.parent)


def ours(words: list[str]) -> bool:
    return words[0].rpartition("/")[2] == "runner"


SHELL = [*blocks("sh"), *(block for block in blocks("console") if not is_played(block.file))]


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_the_commands_of_a_shell_block_exist(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    found = [*block.commands()]
    assert found
    for words in found:
        program = words[0].rpartition("/")[2]
        if ours(words):
            parse(words[1:])
        elif program == "python" and words[1:2] == ["-m"] and words[2].startswith("tests"):
            assert (REPOSITORY / words[2].replace(".", "/") / "__main__.py").is_file() or (
                REPOSITORY / (words[2].replace(".", "/") + ".py")
            ).is_file(), words
        elif program in ("python", "bash") and len(words) > 1 and words[1].endswith((".py", "run")):
            assert (REPOSITORY / words[1]).is_file(), words
        else:
            assert program in OTHER_PROGRAMS, words


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_the_commands_within_sentences_exist(document: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`runner COMMAND` in code spans: the command exists, and where options follow, so do they."""
    if document.name in ("CHANGELOG.md", "SECURITY.md"):
        return  # of other versions; of attacks
    monkeypatch.chdir(REPOSITORY)
    text = re.sub(
        r"^( *)```.*?^\1```$", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    for span in re.findall(r"`(runner [a-z][^`\n]*)`", text):
        for words in alternatives(span):
            try:
                parse(words[1:])
            except click.UsageError as error:
                lacking = isinstance(error, click.MissingParameter) or "requires an argument" in error.message
                assert lacking, f"{document.name}: {span}: {error.message}"


def alternatives(span: str) -> list[list[str]]:
    """The command lines that a synopsis stands for: `[x]` and `x…` as `x`, `a\\|b` as `a` and as `b`."""
    lines: list[list[str]] = [[]]
    for raw in shlex.split(span.replace("\\|", "|")):
        if word := raw.strip("[]…"):
            lines = [[*line, each] for line in lines for each in word.split("|")]
    return lines


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_the_links_between_documents_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target, anchor in re.findall(r"\]\(([^)#\s:]*)(#[^)\s]*)?\)", text):
        to = document.parent / target if target else document
        assert to.exists(), f"{document.name}: {target}"
        if anchor and to.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", to.read_text(encoding="utf-8"), flags=re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor[1:] in slugs, f"{document.name}: {target}{anchor}"


def starter(words: list[str], folder: Path) -> list[str]:
    """The files of the repository that a command of ours names."""
    return [
        word for word in words if word.startswith(("prompts/", "examples/")) and (REPOSITORY / word).exists()
    ]


def test_the_readme_s_offline_commands_run(project: ProjectFolder) -> None:
    for folder in ("prompts", "schemas"):
        for path in (REPOSITORY / folder).rglob("*"):
            if path.is_file():
                project.write(path.relative_to(REPOSITORY).as_posix(), path.read_bytes())
    project.write("runner.yaml", (REPOSITORY / "runner.yaml").read_bytes())
    ran = []
    for block in blocks("sh"):
        for words in block.commands() if block.file == "README.md" else ():
            if words[:1] == [".venv/bin/runner"] and words[1] in ("render", "init", "check"):
                ran.append(words[1])
                done = project.run(*words[1:])
                assert done.code == 0, done.err
    assert ran == ["render", "init"]


# --- YAML -----------------------------------------------------------------------------------------------------------


ACTION = yaml.safe_load((REPOSITORY / "action.yml").read_text(encoding="utf-8"))
PROMPT_KEYS = {*schema("prompt")["properties"]}
PROJECT_KEYS = {*schema("project")["properties"]}

FILES = {
    "schemas/ticket.json": json.dumps(
        {
            "type": "object",
            "properties": {"category": {"type": "string"}},
            "required": ["category"],
            "additionalProperties": False,
        }
    ),
    "prompts/partials/tone.j2": "Be kind.",
    "prompts/cases/tickets.jsonl": '{"ticket": "Where is my parcel?"}\n',
    "prompts/cases/more.csv": "ticket_no,ticket\nt-1,Where is my parcel?\n",
    "judges/tone.prompt.yaml": """
model: judge-2026-01-01
messages: [{role: user, content: "{{ criterion }} {{ output }}"}]
response_format:
  type: json_schema
  json_schema:
    name: verdict
    schema:
      type: object
      properties: {reason: {type: string}, verdict: {type: string, enum: [pass, fail]}}
      required: [reason, verdict]
""",
    "prompts/images/receipt.png": "\x89PNG\r\n\x1a\n",
    "prompts/calls/one.wav": "RIFF\x04\0\0\0WAVEfmt ",
}
"""What the prompts of the documents refer to."""


def kind_of(value: Any) -> str:
    if (
        isinstance(value, list)
        or "jobs" in value
        or any("steps" in each and "type" not in each for each in _mappings(value))
    ):
        return "workflow"
    if "runner_snapshot" in value:
        return "snapshot"
    if "exports" in value:
        return "pack"
    if "content" in value:
        return "message"
    if foreign_kind("shown.yaml", yaml.safe_dump(value)) is not None:
        return "foreign"
    return "project" if {*value} <= PROJECT_KEYS else "prompt"


def _mappings(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = [*value.values()]
    for each in value if isinstance(value, list) else ():
        yield from _mappings(each)


def check_workflow(text: str, value: Any, project: ProjectFolder) -> None:
    found = [each["run"] for each in _mappings(value) if "run" in each]
    used = [each for each in _mappings(value) if str(each.get("uses", "")).startswith("OWNER/REPOSITORY@")]
    assert found or used
    for step in used:
        assert {*step.get("with", {})} <= {*ACTION["inputs"]}, step
    for words in (words for run in found for line in run.splitlines() for words in commands(line)):
        assert ours(words) or words[0] in OTHER_PROGRAMS, words
        if ours(words):
            parse(words[1:])


def check_snapshot(text: str, value: Any, project: ProjectFolder) -> None:
    read_snapshot(text, "a.snap.yaml")


def check_pack(text: str, value: Any, project: ProjectFolder) -> None:
    exported = [path for kind in value["exports"].values() for path in kind.values()]
    load_manifest(MemoryTree({"pack.yaml": text.encode(), **dict.fromkeys(exported, b"{}")}))


def check_message(text: str, value: Any, project: ProjectFolder) -> None:
    indented = "".join(f"    {line}\n" for line in text.splitlines())
    check_prompt(f"messages:\n  - role: user\n{indented}", {"messages": []}, project)


def check_project(text: str, value: Any, project: ProjectFolder) -> None:
    project.write("runner.yaml", text)
    load_project(project.folder, environ={})


def check_prompt(text: str, value: Any, project: ProjectFolder) -> None:
    rest = "" if "model" in value or "matrix" in value else "model: gpt-test\n"
    if "messages" not in value:
        rest += "messages: [{role: user, content: '{{ ticket }}'}]\n"
        names = {name: {"type": "string"} for test in value.get("tests", []) for name in test.get("vars", {})}
        rest += f"inputs: {json.dumps({'ticket': {'type': 'string', 'default': ''}} | names)}\n"
    project.write("runner.yaml", "judge: {model: judge-2026-01-01}\nsimilar: {model: small}\n")
    project.write("prompts/shown.prompt.yaml", text + "\n" + rest)
    for name, content in FILES.items():
        project.write(name, content.encode("latin-1"))
    done = project.run("check")
    assert done.code == 0, done.out + done.err


KINDS = {
    "workflow": check_workflow,
    "snapshot": check_snapshot,
    "pack": check_pack,
    "message": check_message,
    "project": check_project,
    "prompt": check_prompt,
    "foreign": lambda *_: None,  # tests/docs/test_coming_from.py imports them
}


@pytest.mark.parametrize("block", [each for each in blocks("yaml") if not is_played(each.file)], ids=str)
def test_a_yaml_block_is_a_file_or_a_part_of_one_that_is_accepted(
    block: Block, project: ProjectFolder
) -> None:
    value = yaml.safe_load(block.text)
    KINDS[kind_of(value)](block.text, value, project)


# --- JSON and Python -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_a_json_block_is_json(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_a_python_block_uses_names_that_exist(block: Block) -> None:
    for node in ast.walk(ast.parse(block.text)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "runner":
            assert node.attr in runner.__all__
