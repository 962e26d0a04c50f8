"""Bad input, as a person meets it: one clear paragraph with file:line:column, exit 2, nothing sent, no traceback.

What is printed is compared with `tests/golden/bad-input/<name>.txt`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from tests.faults import FaultServer
from tests.golden_files import GOLDEN, assert_golden

from .project import ProjectFolder

HELLO = 'model: m\nmessages: [{role: user, content: "Hi {{ name }}"}]\n'


@dataclass(frozen=True)
class Mistake:
    """Files of a project, the command that meets the mistake, and its exit code."""

    files: Mapping[str, str | bytes]
    args: tuple[str, ...] = ("run", "p.prompt.yaml")
    env: Mapping[str, str] = field(default_factory=dict)
    code: int = 2


def prompt(text: str | bytes, **more: str | bytes) -> Mapping[str, str | bytes]:
    return {"p.prompt.yaml": text, **{name.replace("__", "."): content for name, content in more.items()}}


MISTAKES = {
    "yaml-syntax": Mistake(prompt("model: m\nmessages: [\n  {role: user, content: hi}\n")),
    "duplicate-key": Mistake(prompt("model: m\nmodel: n\nmessages: [{role: user, content: hi}]\n")),
    "unknown-key": Mistake(prompt("model: m\ntemprature: 0\nmessages: [{role: user, content: hi}]\n")),
    "wrong-type": Mistake(prompt('model: m\ntemperature: "0.2"\nmessages: [{role: user, content: hi}]\n')),
    "missing-file": Mistake({"page.prompt.yaml": HELLO}, ("run", "pge.prompt.yaml")),
    "encoding": Mistake(prompt(b'model: m\nmessages: [{role: user, content: "caf\xe9"}]\n')),
    "undefined-variable": Mistake(
        prompt(
            "model: m\ninputs: {name: {type: string}}\nmessages:\n  - role: user\n    content: |-\n"
            "      Hello\n      {{ nmae }}{{ name }}\n"
        )
    ),
    "template-syntax": Mistake(
        prompt("model: m\nmessages:\n  - role: user\n    content: |-\n      Hello\n      {% if name %}\n")
    ),
    "unquoted-braces": Mistake(prompt("model: m\nmessages:\n  - role: user\n    content: {{ name }}\n")),
    "include-of-a-variable": Mistake(
        prompt('model: m\nmessages:\n  - role: user\n    content: "{% include name %}"\n')
    ),
    "bad-schema": Mistake(
        prompt(
            "model: m\nmessages: [{role: user, content: hi}]\nresponse_format:\n  type: json_schema\n"
            "  json_schema:\n    name: a\n    schema: {type: objct}\n"
        )
    ),
    "bad-schema-file": Mistake(
        prompt(
            "model: m\nmessages: [{role: user, content: hi}]\nresponse_format:\n  type: json_schema\n"
            "  json_schema: {name: a, schema_file: s.json}\n",
            s__json='{\n  "type": "object",\n  "properties": []\n}\n',
        )
    ),
    "schema-outside": Mistake(
        prompt(
            "model: m\nmessages: [{role: user, content: hi}]\nresponse_format:\n  type: json_schema\n"
            "  json_schema: {name: a, schema_file: ../../secret.json}\n"
        )
    ),
    "schema-missing": Mistake(
        prompt(
            "model: m\nmessages: [{role: user, content: hi}]\nresponse_format:\n  type: json_schema\n"
            "  json_schema: {name: a, schema_file: tiket.json}\n",
            ticket__json='{"type": "object"}',
        )
    ),
    "bad-row": Mistake(
        prompt(HELLO + "tests: [{file: rows.jsonl}]\n", rows__jsonl='{"name": "a"}\n\n{"name": \n')
    ),
    "bad-csv-cell": Mistake(
        prompt(
            'model: m\ninputs: {age: {type: integer}}\nmessages: [{role: user, content: "{{ age }}"}]\n',
            rows__csv="age\n1\nforty\n",
        ),
        ("run", "p.prompt.yaml", "--input", "rows.csv"),
    ),
    "duplicate-id": Mistake(
        prompt(HELLO + "tests:\n  - {id: a, vars: {name: x}}\n  - {id: a, vars: {name: y}}\n")
    ),
    "value-fails-inputs": Mistake(
        prompt(
            'model: m\ninputs: {name: {type: string, maxLength: 3}}\nmessages: [{role: user, content: "{{ name }}"}]\n'
            "tests:\n  - id: long\n    vars: {name: abcdef}\n"
        )
    ),
    "undeclared-value": Mistake(
        prompt(
            'model: m\ninputs: {name: {type: string}}\nmessages: [{role: user, content: "{{ name }}"}]\n'
            "tests:\n  - id: a\n    vars: {name: x, nam: y}\n"
        )
    ),
    "bad-assertion": Mistake(
        prompt(HELLO + "tests:\n  - id: a\n    vars: {name: x}\n    assert: [{type: contians, value: y}]\n")
    ),
    "unknown-endpoint": Mistake(
        prompt(HELLO), ("run", "p.prompt.yaml", "--var", "name=x", "--endpoint", "opnai")
    ),
    "missing-key-variable": Mistake(prompt(HELLO), ("run", "p.prompt.yaml", "--var", "name=x")),
    "bad-base-url": Mistake(
        {**prompt(HELLO), "runner.yaml": "endpoint: e\nendpoints:\n  e:\n    base_url: localhost:8080\n"},
        ("run", "p.prompt.yaml", "--var", "name=x"),
    ),
    "unknown-model-file": Mistake(
        {**prompt(HELLO), "runner.yaml": "endpoint: e\nendpoints:\n  e: {embedded: models/none.gguf}\n"},
        ("run", "p.prompt.yaml", "--var", "name=x"),
    ),
    "key-in-a-file": Mistake(
        {
            **prompt(HELLO),
            "runner.yaml": "endpoints:\n  e:\n    base_url: http://x/v1\n    api_key: sk-abc\n",
        },
        ("check",),
    ),
    "no-model": Mistake(prompt("messages: [{role: user, content: hi}]\n")),
    "several-mistakes": Mistake(
        prompt("model: m\ntop_pp: 1\nseed: x\nmessages: [{role: usr, content: hi}]\n"),
    ),
    "unknown-field-set": Mistake(
        prompt(HELLO), ("run", "p.prompt.yaml", "--var", "name=x", "--set", "temprature=1")
    ),
    "nothing-selected": Mistake(prompt(HELLO), ("run", "p.prompt.yaml"), code=5),
    "no-prompt-at-all": Mistake({"notes.txt": ""}, ("run",), code=5),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_in_one_paragraph_and_nothing_is_sent(project: ProjectFolder, name: str) -> None:
    mistake = MISTAKES[name]
    for file, content in mistake.files.items():
        project.write(file, content)
    with FaultServer() as server:
        # Any request that should slip out goes to a server that notices.
        trap = {} if name == "missing-key-variable" else {"OPENAI_API_KEY": "k-12345678"}
        done = project.run(*mistake.args, env={"OPENAI_BASE_URL": server.base_url, **trap, **mistake.env})
        assert server.requests == []
    assert done.code == mistake.code
    assert done.out == "" or mistake.args == ("check",)
    assert not (project.folder / ".runner").exists()
    assert_golden(f"bad-input/{name}.txt", done.err.replace(str(project.folder), "FOLDER"))


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in (GOLDEN / "bad-input").glob("*.txt")} == set(MISTAKES)
