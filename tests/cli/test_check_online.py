"""`runner check --online` and `runner models`: models that are gone, or will be."""

from __future__ import annotations

import json

import pytest

from tests.faults import FaultServer, reply

from .asking import KEY
from .project import Done, ProjectFolder

MODELS = {
    "data": [
        {"id": "gpt-test", "shutdown_date": "2027-01-14"},
        {"id": "gpt-other"},
        {"id": "gpt-odd", "shutdown_date": 7},
    ]
}


def call(project: ProjectFolder, *args: str) -> Done:
    return project.run(*args, env={"FAKE_KEY": KEY})


@pytest.fixture
def listed(asked: ProjectFolder, server: FaultServer) -> ProjectFolder:
    server.play(reply(200, MODELS))
    return asked


def test_a_model_that_will_be_shut_down_is_a_warning_at_its_line(listed: ProjectFolder) -> None:
    done = call(listed, "check", "--online")
    assert done.code == 0
    assert "hello.prompt.yaml:3:8: W025 endpoint fake will shut down gpt-test on 2027-01-14" in done.err


def test_a_model_that_the_endpoint_does_not_list_is_a_warning_with_a_proposal(listed: ProjectFolder) -> None:
    listed.write("gone.prompt.yaml", "model: gpt-othr\nmessages: [{role: user, content: hi}]\n")
    done = call(listed, "check", "gone.prompt.yaml", "--online")
    assert "gone.prompt.yaml:1:8: W024 endpoint fake does not list the model gpt-othr" in done.err
    assert 'did you mean "gpt-other"?' in done.err


def test_a_model_without_a_readable_date_is_no_warning(listed: ProjectFolder) -> None:
    listed.write("odd.prompt.yaml", "model: gpt-odd\nmessages: [{role: user, content: hi}]\n")
    done = call(listed, "check", "odd.prompt.yaml", "--online")
    assert (done.code, done.err) == (0, "")


def test_each_endpoint_is_asked_once(listed: ProjectFolder, server: FaultServer) -> None:
    listed.write("second.prompt.yaml", "model: gpt-other\nmessages: [{role: user, content: hi}]\n")
    call(listed, "check", "--online")
    assert [(each.method, each.target) for each in server.requests] == [("GET", "/v1/models")]


def test_an_endpoint_that_cannot_be_asked_is_an_error(asked: ProjectFolder, server: FaultServer) -> None:
    server.play(reply(401, {"error": {"message": "bad key", "code": "invalid_api_key"}}))
    done = call(asked, "check", "--online")
    assert done.code == 3
    assert "bad key" in done.err


def test_without_online_nothing_is_asked(listed: ProjectFolder, server: FaultServer) -> None:
    assert call(listed, "check").code == 0
    assert server.requests == []
    assert call(listed, "check", "--trust").code == 2


def test_models_names_those_that_will_be_shut_down_beside_the_list(listed: ProjectFolder) -> None:
    done = call(listed, "models", "--json")
    assert json.loads(done.out) == ["gpt-odd", "gpt-other", "gpt-test"]
    assert done.err == "warning: gpt-test will be shut down on 2027-01-14\n"


def test_a_dry_run_says_what_it_would_cost(asked: ProjectFolder) -> None:
    done = call(asked, "run", "--dry-run")
    assert "no price is known for gpt-test: declare it in runner.yaml" in done.out
    yaml = (asked.folder / "runner.yaml").read_text()
    asked.write("runner.yaml", yaml + "models: {gpt-test: {price: {input: 1000, output: 2000}}}\n")
    limited = (asked.folder / "prompts/hello.prompt.yaml").read_text() + "max_completion_tokens: 100\n"
    assert (
        "plus the answers, which are not limited by max_completion_tokens"
        in call(asked, "run", "--dry-run").out
    )
    asked.write("prompts/hello.prompt.yaml", limited)
    assert "for the input, at most $0.40 for the answers" in call(asked, "run", "--dry-run").out.replace(
        "$0.4000", "$0.40"
    )


def test_a_model_that_is_not_in_the_list_of_prices_is_not_told_to_use_the_list(asked: ProjectFolder) -> None:
    asked.write("p.prompt.yaml", "model: no-such-model\nmessages: [{role: user, content: hi}]\n")
    for prices, said in (
        ("", "under `models` or with `prices: genai`"),
        ("prices: genai\n", "under `models`\n"),
    ):
        asked.write("runner.yaml", prices or "version: 1\n")
        done = asked.run("run", "p.prompt.yaml", "--dry-run", env={"OPENAI_API_KEY": KEY})
        assert f"no price is known for no-such-model: declare it in runner.yaml, {said}" in done.out


def test_a_listed_price_is_used_where_runner_yaml_says_so(asked: ProjectFolder) -> None:
    asked.write("runner.yaml", "prices: genai\n")
    asked.write("p.prompt.yaml", "model: gpt-5-mini\nmessages: [{role: user, content: hi}]\n")
    done = asked.run("run", "p.prompt.yaml", "--dry-run", env={"OPENAI_API_KEY": KEY})
    assert "for the input" in done.out, done.err
    assert "no price" not in done.out
