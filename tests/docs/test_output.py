"""The output that the documents show is what the commands print."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.cli.project import ProjectFolder
from tests.faults import FaultServer

from .blocks import Block, blocks

KEY = {"FAKE_KEY": "sk-test-planted-key-0123456789"}
PROMPT = """\
name: triage
model: gpt-test
inputs: {ticket: {type: string}}
messages:
  - {role: system, content: Be brief.}
  - {role: user, content: "{{ ticket }}"}
tests:
  - {id: refund-late, vars: {ticket: "I want my money back"}}
"""


@pytest.fixture
def asked(project: ProjectFolder) -> Iterator[ProjectFolder]:
    with FaultServer() as server:
        project.write(
            "runner.yaml",
            f"endpoint: openai\nendpoints: {{openai: {{base_url: '{server.base_url}', api_key_env: FAKE_KEY}}}}\n",
        )
        project.write("prompts/triage.prompt.yaml", PROMPT)
        yield project


def block_of(file: str, language: str, word: str) -> Block:
    (found,) = (block for block in blocks(language) if block.file == file and word in block.text)
    return found


def plain(text: str) -> str:
    """Output without what differs each time: durations and the ids of runs."""
    return re.sub(r"\d{8}T\d{9}Z-\w+", "RUN", re.sub(r"in \d+(\.\d+)? s", "in N s", text)).strip()


def test_what_a_gate_says_of_a_changed_prompt(asked: ProjectFolder) -> None:
    words, shown = block_of("docs/ci.md", "console", "stale").shown()
    assert asked.run("test", env=KEY).code == 4
    assert asked.run("accept", "--all").code == 0
    asked.write("prompts/triage.prompt.yaml", PROMPT.replace("Be brief.", "Be kind."))
    done = asked.run(*words[1:])
    assert done.code == 4
    assert plain(done.out) == plain(shown)


def test_what_resume_says_of_another_configuration(asked: ProjectFolder) -> None:
    words, shown = block_of("docs/bulk-runs.md", "console", "cannot be resumed").shown()
    assert asked.run("run", env=KEY).code == 0
    done = asked.run(*words[1:], env=KEY)
    assert done.code == 2
    assert plain(done.err) == plain(shown)


def test_what_check_says_of_an_open_object(project: ProjectFolder) -> None:
    shown = block_of("docs/strict-schemas.md", "text", "S010").text
    customer = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
    schema = {"type": "object", "properties": {"customer": customer}, "required": ["customer"]}
    schema |= {"additionalProperties": False}
    text = json.dumps(schema, indent=2).replace('"type": "object",\n  ', '"type": "object",\n\n\n  ', 1)
    project.write("schemas/ticket.json", text)
    project.write(
        "prompts/a.prompt.yaml",
        "model: gpt-test\nmessages: [{role: user, content: a}]\nresponse_format:\n  type: json_schema\n"
        "  json_schema: {name: ticket, strict: true, schema_file: ../schemas/ticket.json}\n",
    )
    done = project.run("check")
    assert done.code == 2
    place = r"ticket\.json:\d+:\d+"
    assert re.sub(place, "ticket.json:L:C", shown).strip() in re.sub(
        place, "ticket.json:L:C", done.out + done.err
    )


@pytest.mark.slow
def test_what_isolation_says_of_a_template_that_never_ends(project: ProjectFolder) -> None:
    words, shown = block_of("docs/isolation.md", "console", "greedy").shown()
    (line,) = re.findall(r"^  7 \|\s+(.*)$", shown, re.MULTILINE)
    project.write(
        "prompts/greedy.prompt.yaml",
        f"model: gpt-test\ninputs: {{list: {{type: array}}}}\nmessages:\n\n  - role: user\n    content: |-\n      {line}\n"
        f"tests: [{{id: a, vars: {{list: [{', '.join(['0'] * 40_000)}]}}}}]\n",
    )
    done = project.run(*words[1:])
    assert done.code == 2
    assert shown.strip() in done.out + done.err
