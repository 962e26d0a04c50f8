"""The commands that ask nobody: check, render, schema, init, cache."""

from __future__ import annotations

import json
import shlex
import subprocess

import pytest

from tests.faults import FaultServer

from .project import ProjectFolder

MATH = """
model: gpt-4o-2024-08-06
messages:
  - role: system
    content: You are a helpful math tutor.
  - role: user
    content: solve {{ equation }}
response_format:
  type: json_schema
  json_schema: {name: math_response, strict: true, schema_file: schemas/math.json}
tests:
  - {id: linear, vars: {equation: "8x + 31 = 2"}}
"""

MATH_SCHEMA = {
    "type": "object",
    "properties": {
        "steps": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"explanation": {"type": "string"}, "output": {"type": "string"}},
                "required": ["explanation", "output"],
                "additionalProperties": False,
            },
        },
        "final_answer": {"type": "string"},
    },
    "required": ["steps", "final_answer"],
    "additionalProperties": False,
}

MATH_BODY = {
    "model": "gpt-4o-2024-08-06",
    "messages": [
        {"role": "system", "content": "You are a helpful math tutor."},
        {"role": "user", "content": "solve 8x + 31 = 2"},
    ],
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "math_response", "strict": True, "schema": MATH_SCHEMA},
    },
}


@pytest.fixture
def math(project: ProjectFolder) -> ProjectFolder:
    project.write("math.prompt.yaml", MATH)
    project.write("schemas/math.json", json.dumps(MATH_SCHEMA, indent=2))
    return project


def test_render_prints_the_body_key_for_key_and_in_order(math: ProjectFolder) -> None:
    done = math.run("render", "math.prompt.yaml", "--format", "request")
    assert done.code == 0
    assert done.out == json.dumps(MATH_BODY, indent=2) + "\n"


def test_render_prints_the_messages_by_default(math: ProjectFolder) -> None:
    assert json.loads(math.run("render").out) == MATH_BODY["messages"]


def test_the_curl_command_sends_the_same_body_and_names_the_key_without_its_value(
    math: ProjectFolder,
) -> None:
    with FaultServer() as server:
        env = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "sk-not-in-the-command-0123"}
        command = math.run("render", "--format", "curl", env=env).out
        assert env["OPENAI_API_KEY"] not in command
        words = shlex.split(command)
        assert words[0] == "curl"
        subprocess.run(["bash", "-c", command], env=math.environ(env), check=True, capture_output=True)
        [request] = server.requests
    assert request.json == MATH_BODY
    assert request.headers["authorization"] == "Bearer sk-not-in-the-command-0123"


def test_several_cases_are_named_on_standard_error_so_that_standard_output_stays_json(
    math: ProjectFolder,
) -> None:
    math.write("math.prompt.yaml", MATH + '  - {id: other, vars: {equation: "x = 1"}}\n')
    done = math.run("render", "--format", "request")
    decoder, text, bodies = json.JSONDecoder(), done.out.strip(), []
    while text:
        body, end = decoder.raw_decode(text)
        bodies.append(body)
        text = text[end:].strip()
    assert [body["messages"][1]["content"] for body in bodies] == ["solve 8x + 31 = 2", "solve x = 1"]
    assert done.err.splitlines() == ["# math.prompt.yaml linear", "# math.prompt.yaml other"]


def test_check_counts_what_it_looked_at(math: ProjectFolder) -> None:
    done = math.run("check")
    assert (done.code, done.out, done.err) == (0, "1 prompt, 1 case: 0 errors, 0 warnings\n", "")


def test_check_points_at_the_line_of_a_schema_in_its_own_file(math: ProjectFolder) -> None:
    math.write(
        "schemas/math.json",
        '{\n  "type": "object",\n  "properties": {\n    "a": {"type": "string"}\n  },\n  "required": []\n}\n',
    )
    done = math.run("check")
    assert done.code == 2
    assert "schemas/math.json:1:1: S010 " in done.err
    assert "S011 " in done.err


def test_check_points_at_the_line_of_a_schema_inside_the_prompt(project: ProjectFolder) -> None:
    project.write(
        "p.prompt.yaml",
        "model: m\nmessages: [{role: user, content: hi}]\nresponse_format:\n  type: json_schema\n  json_schema:\n"
        "    name: a\n    strict: true\n    schema:\n      type: object\n      properties:\n        u: {type: string, format: uri}\n"
        "      required: [u]\n      additionalProperties: false\n",
    )
    done = project.run("check")
    assert done.code == 2
    assert "p.prompt.yaml:11:" in done.err
    assert ": S040 " in done.err


def test_warnings_do_not_fail_a_check(project: ProjectFolder) -> None:
    project.write(
        "p.prompt.yaml",
        "model: m\ninputs: {a: {type: string}, b: {type: string}}\nmessages: [{role: user, content: '{{ a }}'}]\n",
    )
    done = project.run("check")
    assert done.code == 0
    assert "p.prompt.yaml:2:" in done.err
    assert "0 errors, 1 warning" in done.out


def test_check_goes_on_after_a_broken_prompt(math: ProjectFolder) -> None:
    math.write("broken.prompt.yaml", "model: [\n")
    done = math.run("check")
    assert done.code == 2
    assert "2 prompts, 1 case: 1 error" in done.out


@pytest.mark.parametrize("name", ["prompt", "project"])
def test_schema_prints_a_schema(project: ProjectFolder, name: str) -> None:
    from jsonschema import Draft202012Validator

    schema = json.loads(project.run("schema", name).out)
    Draft202012Validator.check_schema(schema)


def test_a_project_made_by_init_checks_clean_and_points_editors_at_its_schemas(
    project: ProjectFolder,
) -> None:
    assert project.run("init", "new").code == 0
    new = ProjectFolder(project.folder / "new")
    assert new.run("check").out == "1 prompt, 2 cases: 0 errors, 0 warnings\n"
    assert new.run("test", "--ci").code == 0
    for file in {*new.folder.rglob("*.yaml")} - {*new.folder.rglob("*.snap.yaml")}:
        first = file.read_text().splitlines()[0]
        assert first.startswith("# yaml-language-server: $schema=")
        assert (file.parent / first.partition("=")[2]).is_file()
    assert (new.folder / ".github" / "workflows" / "prompts.yml").is_file()


def test_init_leaves_alone_what_is_there(project: ProjectFolder) -> None:
    project.write("runner.yaml", "version: 1\n")
    done = project.run("init")
    assert "runner.yaml (left alone)" in done.out
    assert (project.folder / "runner.yaml").read_text() == "version: 1\n"
    assert "nothing to write" in project.run("init").out


def test_the_cache_is_counted_and_cleared(project: ProjectFolder) -> None:
    project.write("p.prompt.yaml", "model: m\nmessages: [{role: user, content: hi}]\n")
    with FaultServer() as server:
        project.run("run", env={"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "key-12345678"})
    assert project.run("cache").out.startswith("1 answer")
    assert project.run("cache", "clear").out == "1 answer deleted\n"
    assert project.run("cache").out.startswith("0 answers")


def test_models_lists_what_the_endpoint_offers(project: ProjectFolder) -> None:
    from tests.faults import reply

    with FaultServer(reply(200, {"object": "list", "data": [{"id": "b"}, {"id": "a"}]})) as server:
        env = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "key-12345678"}
        assert sorted(json.loads(project.run("models", "--json", env=env).out)) == ["a", "b"]
        assert server.requests[0].target == "/v1/models"


def test_models_of_an_endpoint_that_refuses_is_exit_3(project: ProjectFolder) -> None:
    from tests.faults import reply

    with FaultServer(reply(401, {"error": {"message": "bad key"}})) as server:
        done = project.run(
            "models", env={"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "key-12345678"}
        )
    assert done.code == 3
    assert "bad key" in done.err
