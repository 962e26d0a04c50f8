"""Samples are samples: they differ where they may, are the same in each run, and are counted as what they are."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.endpoints.connect import Connection
from tests.faults import FaultServer, Received, Steps, completion, echo

from .asking import run
from .project import Done, ProjectFolder

PROMPT = """
name: hello
model: gpt-test
{fields}
inputs: {{name: {{type: string}}}}
messages: [{{role: user, content: "Hello {{{{ name }}}}"}}]
assert: [{{type: contains, value: good}}]
tests:
  - {{id: ada, vars: {{name: Ada}}}}
  - {{id: bob, vars: {{name: Bob}}}}
"""


def in_turn(*texts: str) -> Callable[[Received], Steps]:
    """Answers with one text after the other, whoever asks."""
    left: Iterator[str] = iter(texts)
    return lambda _request: completion(next(left))


def write(project: ProjectFolder, fields: str = "") -> None:
    project.write("prompts/hello.prompt.yaml", PROMPT.format(fields=fields))


def test_(project: ProjectFolder, *args: str) -> Done:
    return project.run("test", *args, env={"FAKE_KEY": "not-a-secret-0"})


test_.__test__ = False  # type: ignore[attr-defined]


@pytest.fixture
def _embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every endpoint draws the same answer again, as the embedded one does, unless the request names a seed."""
    init = Connection.__init__

    def with_fixed_seed(self: Connection, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **{**kwargs, "fixed_seed": True})

    monkeypatch.setattr(Connection, "__init__", with_fixed_seed)


def seeds(server: FaultServer) -> list[int | None]:
    return sorted((request.json.get("seed") for request in server.requests), key=lambda seed: seed or 0)


@pytest.mark.usefixtures("_embedded")
def test_every_sample_but_the_first_has_a_seed_of_its_own(asked: ProjectFolder, server: FaultServer) -> None:
    done = run(asked, "--case", "ada", "--repeat", "4", "--no-cache")
    assert done.code == 0
    assert seeds(server) == [None, 1, 2, 3]
    assert len({record["fingerprint"] for record in done.records()}) == 1


@pytest.mark.usefixtures("_embedded")
@pytest.mark.parametrize("stream", [(), ("--stream",)])
def test_a_seed_that_the_prompt_names_is_kept(
    asked: ProjectFolder, server: FaultServer, stream: tuple[str, ...]
) -> None:
    write(asked, "seed: 7")
    run(asked, "--case", "ada", "--repeat", "3", "--no-cache", *stream)
    assert seeds(server) == [7, 7, 7]


@pytest.mark.usefixtures("_embedded")
def test_a_seed_of_null_names_none(asked: ProjectFolder, server: FaultServer) -> None:
    write(asked, "seed: null")
    run(asked, "--case", "ada", "--repeat", "2", "--no-cache")
    assert seeds(server) == [None, 1]


@pytest.mark.usefixtures("_embedded")
def test_samples_with_several_choices_keep_clear_of_each_other(
    asked: ProjectFolder, server: FaultServer
) -> None:
    write(asked, "n: 3")
    run(asked, "--case", "ada", "--repeat", "3", "--no-cache")
    assert seeds(server) == [None, 3, 6]


def test_other_endpoints_get_what_was_declared(asked: ProjectFolder, server: FaultServer) -> None:
    run(asked, "--case", "ada", "--repeat", "3", "--no-cache")
    assert seeds(server) == [None, None, None]


def test_the_cache_has_no_answer_from_before_samples_had_seeds(
    asked: ProjectFolder, server: FaultServer, request: pytest.FixtureRequest
) -> None:
    run(asked, "--case", "ada", "--repeat", "3")
    request.getfixturevalue("_embedded")
    server.requests.clear()
    done = run(asked, "--case", "ada", "--repeat", "3")
    assert seeds(server) == [1, 2]
    assert sorted(record["cached"] for record in done.records()) == [False, False, True]


# --- samples that are one sample --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "told"), [("", True), ("temperature: 0.7", True), ("temperature: 0", False)]
)
def test_samples_that_are_all_the_same_are_said_to_be_one(
    asked: ProjectFolder, server: FaultServer, fields: str, *, told: bool
) -> None:
    write(asked, fields)
    server.play(echo)
    words = "hello: all 3 samples of each case are the same answer"
    for done in (run(asked, "--repeat", "3"), test_(asked, "--samples", "3", "--live")):
        assert (words in done.out) is told


def test_one_sample_that_differs_is_enough_to_say_nothing(asked: ProjectFolder, server: FaultServer) -> None:
    write(asked)
    server.play(in_turn("good", "good", "good", "good!"))
    assert "the same answer" not in run(asked, "--repeat", "2", "-j", "1").out


def test_one_answer_a_case_is_no_sample_of_anything(asked: ProjectFolder, server: FaultServer) -> None:
    write(asked)
    assert "the same answer" not in run(asked).out


def test_a_seed_with_several_samples_is_told_before_they_are_paid_for(asked: ProjectFolder) -> None:
    write(asked, "seed: 7\ntemperature: 0")
    words = "hello sets seed 7: its 3 samples may all be the same"
    assert words in run(asked, "--repeat", "3").out
    assert words in test_(asked, "--samples", "3").out
    assert "sets seed" not in run(asked).out


# --- what is counted ------------------------------------------------------------------------------------------------


def test_calls_are_counted_as_calls(asked: ProjectFolder, server: FaultServer) -> None:
    write(asked)
    server.play(lambda _: completion("good"))
    assert "· 2 asked in 10 calls" in test_(asked, "--samples", "5").out
    assert "· 2 asked\n" in test_(asked, "--samples", "1", "--live").out


def test_a_run_of_several_samples_ends_with_its_rate(asked: ProjectFolder, server: FaultServer) -> None:
    write(asked)
    server.play(in_turn("good", "bad", "good", "good"))
    assert "3 passed, 1 failed, 0 errors" in (out := run(asked, "--repeat", "2", "--no-cache").out)
    assert "· 75.0 % passed" in out


def test_each_variant_ends_with_its_rate(asked: ProjectFolder, server: FaultServer) -> None:
    write(asked)
    server.play(lambda request: completion("good" if request.json["model"] == "a" else "bad"))
    out = run(asked, "--model", "a", "--model", "b").out
    [line] = [line for line in out.splitlines() if line.strip().startswith("rate ")]
    assert line.split() == ["rate", "100.0", "%", "0.0", "%"]


def test_agreement_is_stored_out_of_all_samples(asked: ProjectFolder, server: FaultServer) -> None:
    write(asked)
    server.play(in_turn("good", "good", "bad", "good", "good"))
    test_(asked, "--case", "ada", "--samples", "5", "-j", "1", "--update", "all")
    [snapshot] = (asked.folder / "prompts" / "__snapshots__").rglob("*.snap.yaml")
    text = snapshot.read_text()
    assert "runner_snapshot: 2\n" in text
    assert "samples: 5\nfailed: 1\n" in text
    assert "4 of 5 agreed when it was approved" in asked.run("explain", "hello/ada").out
    assert test_(asked, "--case", "ada", "--offline").code == 0


# --- the embedded model itself ----------------------------------------------------------------------------------------


@pytest.mark.e2e
@pytest.mark.skipif(
    importlib.util.find_spec("xllamacpp") is None, reason="the extra 'local' is not installed"
)
def test_samples_of_the_embedded_model_differ_and_are_the_same_in_each_run(tmp_path: Path) -> None:
    project = ProjectFolder(tmp_path)
    project.write(
        "prompts/story.prompt.yaml",
        "model: m\ntemperature: 0.9\nmax_tokens: 16\nmessages: [{role: user, content: Tell a story.}]\n"
        "tests: [{id: one, vars: {}}]\n",
    )
    texts = []
    for _ in range(2):
        done = project.run(
            "run",
            "--endpoint",
            "local",
            "--repeat",
            "4",
            "--no-cache",
            "--json",
            env={"HOME": str(Path.home())},
        )
        texts.append([json.loads(line)["text"] for line in done.out.splitlines()])
    assert len(set(texts[0])) > 1
    assert texts[0] == texts[1]


def test_each_streamed_answer_says_which_sample_of_which_variant_it_is(asked: ProjectFolder) -> None:
    write(asked)
    done = run(asked, "--case", "ada", "--repeat", "2", "--model", "a", "--model", "b", "--stream")
    headings = [line for line in done.out.splitlines() if line.startswith("──")]
    assert sorted(headings) == [f"── hello · ada@{which}" for which in ("a", "a #2", "b", "b #2")]


# --- an endpoint with one model ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("embedded", "model"),
    [("smollm2-135m-instruct", "smollm2-135m-instruct"), ("models/tiny.v2.gguf", "tiny.v2")],
)
def test_a_prompt_for_an_embedded_model_needs_no_model(
    asked: ProjectFolder, embedded: str, model: str
) -> None:
    asked.write("runner.yaml", f"endpoint: near\nendpoints: {{near: {{embedded: {embedded}}}}}\n")
    asked.write("prompts/hello.prompt.yaml", PROMPT.format(fields="").replace("model: gpt-test\n", ""))
    done = asked.run("render", "--case", "ada", "--format", "request")
    assert (done.code, done.err) == (0, "")
    assert f'"model": "{model}"' in done.out
    assert asked.run("check").code == 0


# --- models that are one model ----------------------------------------------------------------------------------------


def test_two_models_that_one_model_answered_for_are_said_to_be_one(
    asked: ProjectFolder, server: FaultServer
) -> None:
    write(asked)
    server.play(completion("good", model="the-only-one"))
    done = run(asked, "--model", "a", "--model", "b", "--model", "c")
    assert "used the-only-one for a, b and c: these columns compare one model with itself" in done.out
    assert "with itself" not in run(asked, "--model", "a").out


def test_models_that_answered_themselves_are_not_said_to_be_one(
    asked: ProjectFolder, server: FaultServer
) -> None:
    write(asked)
    server.play(echo)
    assert "with itself" not in run(asked, "--model", "a", "--model", "b").out
