"""Assertions of type similar, which compare embeddings. The scripted embedding of a text is how often each letter occurs."""

from __future__ import annotations

import pytest

from tests.faults import FaultServer, Received, Steps, reply

from .asking import KEY, run
from .judging import paths, scripted, write_project
from .project import Done, ProjectFolder

PROMPT = """
name: said
model: gpt-test
inputs: {text: {type: string}}
messages: [{role: user, content: "{{ text }}"}]
assert: [ASSERT]
tests:
  - {id: one, vars: {text: "the refund is on its way"}}
"""
SIMILAR = "{type: similar, value: its way is on the refund, threshold: 0.9}"
EMBEDDING = "similar: {model: text-embedding-3-small}\n"


@pytest.fixture(autouse=True)
def _scripted(server: FaultServer, project: ProjectFolder) -> None:
    server.play(scripted())
    write_project(project, server.base_url, PROMPT.replace("ASSERT", SIMILAR), EMBEDDING)


def declare(project: ProjectFolder, *asserts: str) -> None:
    project.write("said.prompt.yaml", PROMPT.replace("ASSERT", ", ".join(asserts)))


def said(text: str) -> tuple[str, str]:
    return "--var", f"text={text}"


def run_test(project: ProjectFolder, *args: str) -> Done:
    return project.run("test", *args, env={"FAKE_KEY": KEY})


def test_a_text_that_is_similar_passes_and_another_fails_with_the_score(project: ProjectFolder) -> None:
    assert run(project).code == 0
    done = run(project, *said("zzz"))
    assert done.code == 1
    [check] = done.records()[0]["checks"]
    assert "the similarity is 0.00" in check["message"]
    assert check["judge"]["scores"] == [0.0]


def test_one_of_several_texts_is_enough_and_all_are_sent_together(
    project: ProjectFolder, server: FaultServer
) -> None:
    declare(project, "{type: similar, value: [zzz, the refund], threshold: 0.9, dimensions: 26}")
    assert run(project, *said("refund the")).code == 0
    asked = server.requests[-1].json
    assert asked == {
        "model": "text-embedding-3-small",
        "dimensions": 26,
        "input": ["refund the", "zzz", "the refund"],
    }
    declare(project, "{type: not-similar, value: [zzz, the refund], threshold: 0.9}")
    assert run(project, *said("refund the")).code == 1


def test_other_numbers_fail_without_a_call(project: ProjectFolder, server: FaultServer) -> None:
    declare(project, "{type: similar, value: It costs 3 crowns., threshold: 0.5, same: [numbers, negation]}")
    done = run(project, *said("It costs four crowns."))
    assert done.code == 1
    assert "its numbers are 4, not 3" in done.records()[0]["checks"][0]["message"]
    done = run(project, *said("It does not cost three crowns."))
    assert "one text negates what the other says" in done.records()[0]["checks"][0]["message"]
    assert "embeddings" not in paths(server.requests)
    assert run(project, *said("three crowns it costs.")).code == 0


def test_the_score_is_stored_and_replayed_with_the_threshold_of_today(
    project: ProjectFolder, server: FaultServer
) -> None:
    assert run_test(project, "--update", "missing").code == 0
    asked = len(server.requests)
    assert project.run("test", "--ci").code == 0
    declare(project, "{type: not-similar, value: its way is on the refund, threshold: 0.9}")
    assert project.run("test", "--ci").code == 1
    assert len(server.requests) == asked
    write_project(project, server.base_url, PROMPT.replace("ASSERT", SIMILAR), "similar: {model: other}\n")
    done = project.run("test", "--ci")
    assert done.code == 4
    assert "text-embedding-3-small then, other now" in done.out


@pytest.mark.parametrize(
    "answer",
    [
        reply(404, {"error": {"message": "Not Found"}}),
        reply(200, {"data": [{"index": 0, "embedding": [1.0, 2.0]}]}),
        reply(200, {"data": []}),
        reply(200, "<html>"),
    ],
)
def test_an_endpoint_without_embeddings_is_no_verdict(
    project: ProjectFolder, server: FaultServer, answer: Steps
) -> None:
    others = scripted()

    def broken(request: Received) -> Steps:
        return answer if request.target.endswith("/embeddings") else others(request)

    server.play(broken)
    done = run(project)
    assert done.code == 3, done.out
    assert done.records()[0]["error"]["code"] == "unchecked"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("{type: similar, value: x}", '"threshold"'),
        ("{type: similar, value: x, threshold: 0}", "can never fail"),
        ("{type: similar, value: x, threshold: 2}", "threshold"),
        ("{type: similar, value: x, threshold: 0.5, same: [number]}", 'did you mean "numbers"?'),
        ("{type: similar, value: [], threshold: 0.5}", "value"),
    ],
)
def test_an_assertion_that_makes_no_sense_is_an_error_at_its_place(
    project: ProjectFolder, spec: str, said: str
) -> None:
    declare(project, spec)
    done = project.run("check")
    assert done.code == 2
    assert said in done.err
    assert "said.prompt.yaml:6:" in done.err


def test_without_an_embedding_model_nothing_is_sent(project: ProjectFolder, server: FaultServer) -> None:
    write_project(project, server.base_url, PROMPT.replace("ASSERT", SIMILAR))
    done = run(project)
    assert done.code == 2
    assert "similar needs an embedding model" in done.err
    assert not server.requests
