"""`extra_body` in `matrix` and `--set`: a provider's own fields as variants, or chosen for one run."""

from __future__ import annotations

import json
from typing import Any

import pytest

import runner
from tests.faults import FaultServer, echo

from .asking import KEY
from .project import ProjectFolder

PROMPT = """model: m
messages: [{role: user, content: hi}]
extra_body: {provider: {order: [a], x: 1}, top_k: 3}
tests: [{id: one}]
"""


def bodies(project: ProjectFolder, *args: str) -> list[dict[str, Any]]:
    done = project.run("render", "--format", "request", *args)
    assert done.code == 0, done.err
    decoder, text, found = json.JSONDecoder(), done.out.strip(), []
    while text:
        value, end = decoder.raw_decode(text)
        found.append({key: each for key, each in value.items() if key not in ("model", "messages")})
        text = text[end:].strip()
    return found


@pytest.mark.parametrize(
    ("settings", "sent"),
    [
        (["extra_body.top_k=5"], {"provider": {"order": ["a"], "x": 1}, "top_k": 5}),
        (["extra_body.min_p=0.1"], {"provider": {"order": ["a"], "x": 1}, "top_k": 3, "min_p": 0.1}),
        (['extra_body.provider.order=["b"]'], {"provider": {"order": ["b"], "x": 1}, "top_k": 3}),
        (["extra_body.top_k.deep=1"], {"provider": {"order": ["a"], "x": 1}, "top_k": {"deep": 1}}),
        (
            ['extra_body={"top_k": 7, "a": null}'],
            {"provider": {"order": ["a"], "x": 1}, "top_k": 7, "a": None},
        ),
        (["extra_body.word=text"], {"provider": {"order": ["a"], "x": 1}, "top_k": 3, "word": "text"}),
    ],
)
def test_a_field_of_the_provider_is_set(
    project: ProjectFolder, settings: list[str], sent: dict[str, Any]
) -> None:
    project.write("a.prompt.yaml", PROMPT)
    assert bodies(project, *(word for each in settings for word in ("--set", each))) == [sent]


def test_several_values_are_variants_with_a_name_each(project: ProjectFolder, server: FaultServer) -> None:
    server.play(echo)
    endpoint = {"base_url": server.base_url, "api_key_env": "FAKE_KEY"}
    project.write("runner.yaml", json.dumps({"endpoint": "e", "endpoints": {"e": endpoint}}))
    project.write("a.prompt.yaml", PROMPT)
    done = project.run(
        "run", "--set", "extra_body.top_k=1", "--set", "extra_body.top_k=2", env={"FAKE_KEY": KEY}
    )
    assert done.code == 0, done.err
    assert sorted(record["variant"] for record in done.records()) == ["top_k=1", "top_k=2"]
    assert sorted(request.json["top_k"] for request in server.requests) == [1, 2]


def test_the_matrix_has_paths_and_objects(project: ProjectFolder) -> None:
    project.write(
        "a.prompt.yaml",
        f"{PROMPT}matrix: {{extra_body.provider.order: [[b], [c]], extra_body: [{{}}, {{top_k: 9}}]}}\n",
    )
    assert bodies(project) == [
        {"provider": {"order": [order], "x": 1}, "top_k": number} for order in "bc" for number in (3, 9)
    ]
    narrowed = bodies(project, "--set", 'extra_body.provider.order=["b"]')
    assert [body["provider"]["order"] for body in narrowed] == [["b"], ["b"]]
    done = project.run("render", "--format", "request")
    assert 'a.prompt.yaml one@provider.order=["b"]+top_k=9' in done.err


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        (
            "{extra_body: [{temperature: 1}]}",
            '5:23: error: matrix.extra_body: "temperature" is a request field',
        ),
        ("{extra_body.stream: [true]}", '5:30: error: matrix.extra_body.stream: "stream" is not allowed'),
        ("{extra_body.messages: [1]}", '"messages" is not allowed in extra_body'),
        ("{extra_body.n: [1]}", '"n" is a request field'),
        ("{extra_body: [1]}", "matrix.extra_body"),
        ("{extra_body: []}", "matrix.extra_body"),
        ("{extra_body.: [1]}", "extra_body."),
        ("{extra_body.top_k: [1, 1]}", "lists 1 twice"),
        ("{extra_body.top_k: [1], extra_body: [{top_k: 2}]}", "is set by another key of the matrix, too"),
    ],
)
def test_a_wrong_entry_is_refused_at_its_place(project: ProjectFolder, matrix: str, said: str) -> None:
    project.write("a.prompt.yaml", f"{PROMPT}matrix: {matrix}\n")
    done = project.run("check")
    assert done.code == 2
    assert said in done.err
    assert done.err.startswith("a.prompt.yaml:5:")


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("extra_body=5", "extra_body is an object"),
        ("extra_body.temperature=1", '"temperature" is a request field'),
        ('extra_body={"stream": true}', '"stream" is not allowed in extra_body'),
        ("extra_body.=1", "is not the path of a field"),
        ("extra_body..a=1", "is not the path of a field"),
        ("extra_body.top_k=5", "matrix.extra_body of a sets top_k, too"),
        ('extra_body={"min_p": 5}', "matrix.extra_body.min_p of a sets min_p, too"),
    ],
)
@pytest.mark.parametrize("command", ["run", "render"])
def test_a_wrong_setting_sends_nothing(
    project: ProjectFolder, server: FaultServer, setting: str, said: str, command: str
) -> None:
    endpoint = {"base_url": server.base_url}
    project.write("runner.yaml", json.dumps({"endpoint": "e", "endpoints": {"e": endpoint}}))
    project.write(
        "a.prompt.yaml", f"{PROMPT}matrix: {{extra_body.min_p: [0.1], extra_body: [{{top_k: 2}}]}}\n"
    )
    done = project.run(command, "--set", setting)
    assert (done.code, server.requests) == (2, [])
    assert said in done.err


@pytest.mark.parametrize("line", ["matrix: {extra_body.top_k: [1]}", "matrix: {extra_body: [{top_k: 1}]}"])
def test_a_pack_has_none(project: ProjectFolder, line: str) -> None:
    project.write("pack.yaml", "format: 1\nname: p\nversion: 1.0.0\nexports: {prompts: {a: a.prompt.yaml}}\n")
    project.write("a.prompt.yaml", f"model: m\nmessages: [{{role: user, content: hi}}]\n{line}\n")
    done = project.run("pack", "check")
    assert done.code == 2
    assert "extra_body is not allowed in a pack" in done.err


def test_a_setting_that_a_format_cannot_express_names_its_flag(project: ProjectFolder) -> None:
    project.write("runner.yaml", "endpoints: {openai: {api: responses}}\n")
    project.write("a.prompt.yaml", f"{PROMPT}max_completion_tokens: 5\n")
    done = project.run("render", "--set", "extra_body.max_output_tokens=7")
    assert done.code == 2
    assert "--set extra_body.max_output_tokens=7: max_output_tokens cannot be sent" in done.err


def test_a_program_sets_it_too(project: ProjectFolder) -> None:
    path = project.write("a.prompt.yaml", PROMPT)
    prompt = runner.load(path, extra_body={"top_k": 8})
    assert prompt.request()["top_k"] == 8
    assert prompt.request({}, {"extra_body.min_p": 0.2})["min_p"] == 0.2
