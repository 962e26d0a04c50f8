"""Two prompts that would overwrite each other's snapshots are an error that names both, and nothing is written."""

from __future__ import annotations

import subprocess

import pytest

from tests.faults import FaultServer, completion

from .project import Done, ProjectFolder

PROMPT = "model: m\nmessages: [{role: user, content: 'v1 {{ q }}'}]\ntests: [{id: refund, vars: {q: x}}]\n"
NAMED = f"name: triage\n{PROMPT}"

SHARING = {
    "one name in one folder": {
        "triage.prompt.yaml": NAMED,
        "triage-v2.prompt.yaml": NAMED.replace("v1", "v2"),
    },
    "two endings": {"triage.prompt.yaml": PROMPT, "triage.prompt.yml": PROMPT.replace("v1", "v2")},
    "a name and a file": {"triage.prompt.yaml": PROMPT, "other.prompt.yaml": NAMED},
    "hashed names": {
        "one.prompt.yaml": f"name: Triage Tickets\n{PROMPT}",
        "two.prompt.yaml": f'name: "Triage\\x20Tickets"\n{PROMPT}',
    },
}


@pytest.fixture
def server() -> FaultServer:
    with FaultServer(completion("fine")) as server:
        yield server


@pytest.fixture(params=SHARING.values(), ids=SHARING)
def sharing(request: pytest.FixtureRequest, project: ProjectFolder) -> ProjectFolder:
    for name, text in request.param.items():
        project.write(f"prompts/{name}", text)
    return project


def call(project: ProjectFolder, server: FaultServer, *args: str) -> Done:
    return project.run(*args, env={"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "key-12345678"})


def files(project: ProjectFolder) -> list[str]:
    return sorted(path.name for path in (project.folder / "prompts").iterdir())


def test_every_command_that_looks_at_snapshots_refuses(sharing: ProjectFolder, server: FaultServer) -> None:
    names = files(sharing)
    subprocess.run(["git", "init", "-q", "."], cwd=sharing.folder, check=True)
    subprocess.run(["git", "add", "-A"], cwd=sharing.folder, check=True)
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", *who, "commit", "-qm", "1"], cwd=sharing.folder, check=True)
    for command in (
        ("check",),
        ("test", "--update", "missing"),
        ("test", f"prompts/{names[0]}", "--update", "all"),
        ("test", "--offline"),
        ("explain", "refund"),
        ("prune",),
        ("diff", "--base", "HEAD"),
    ):
        done = call(sharing, server, *command)
        assert done.code == 2, command
        assert "would overwrite each other's snapshots in prompts/__snapshots__/" in done.err
        assert all(f"prompts/{name}" in done.err for name in names), done.err
        assert done.err.count("overwrite") == 1
    assert server.requests == []
    assert files(sharing) == names


def test_an_answer_that_waits_is_not_accepted_into_a_shared_folder(
    project: ProjectFolder, server: FaultServer
) -> None:
    project.write("prompts/triage.prompt.yaml", PROMPT)
    assert call(project, server, "test").code == 4
    project.write("prompts/copy.prompt.yaml", NAMED)
    for command in (("accept", "--all"), ("review",)):
        done = call(project, server, *command)
        assert done.code == 2
        assert "prompts/copy.prompt.yaml:1:7" in done.err
    assert files(project) == ["copy.prompt.yaml", "triage.prompt.yaml"]


def test_one_prompt_by_two_paths_is_refused(project: ProjectFolder, server: FaultServer) -> None:
    project.write("prompts/triage.prompt.yaml", PROMPT)
    (project.folder / "linked").symlink_to("prompts")
    done = call(project, server, "test", "prompts", "linked/triage.prompt.yaml", "--update", "missing")
    assert done.code == 2
    assert "linked/triage.prompt.yaml" in done.err
    assert "prompts/triage.prompt.yaml" in done.err
    assert files(project) == ["triage.prompt.yaml"]
    spelt = call(project, server, "test", "prompts", "./prompts/../prompts/triage.prompt.yaml")
    assert (spelt.code, len(server.requests)) == (4, 1)


def test_a_prompt_that_the_project_does_not_take_shares_nothing(
    project: ProjectFolder, server: FaultServer
) -> None:
    project.write("runner.yaml", "prompts: [prompts/*.prompt.yaml]\n")
    project.write("prompts/triage.prompt.yaml", PROMPT)
    project.write("prompts/triage.prompt.yml", PROMPT)
    assert call(project, server, "check").code == 0
    assert call(project, server, "check", "prompts/triage.prompt.yml").code == 2
    assert call(project, server, "check", "prompts").code == 2


def test_two_variants_of_one_name_are_refused(project: ProjectFolder, server: FaultServer) -> None:
    project.write("p.prompt.yaml", PROMPT + "matrix: {stop: [x, [x], '[\"x\"]']}\n")
    for command in ("check", "run", "test"):
        done = call(project, server, command)
        assert done.code == 2
        assert 'p.prompt.yaml:4:1: error: two variants of p have the name stop=["x"]' in done.err
    assert server.requests == []


def test_names_that_differ_in_case_have_folders_of_their_own(
    project: ProjectFolder, server: FaultServer
) -> None:
    project.write("prompts/a.prompt.yaml", f"name: triage\n{PROMPT}")
    project.write("prompts/b.prompt.yaml", f"name: Triage\n{PROMPT}")
    project.write("other/c.prompt.yaml", f"name: triage\n{PROMPT}")
    assert call(project, server, "test", "--update", "missing").code == 0
    assert call(project, server, "test", "--offline").code == 0
