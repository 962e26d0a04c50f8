"""`--isolate` with packs: from the moment a pack is fetched, what nobody has read runs in a process of its own."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest

import runner
from runner.isolation.process_limits import Limits
from tests.cli.test_startup import modules_after
from tests.isolation.test_bombs import TURNS, TWO

from .support import FILES, PROMPT, Author, Consumer, write_all

pytestmark = pytest.mark.slow

SLOW = (
    "Be kind.\n{% set l = range(100000) | list %}\n"
    + TURNS.replace("STEP", "{% if -1 in l %}{% endif %}")
    + "\n"
)
STUCK = TWO + "{{ n.v == n.w }}\n"
LARGE = "{{ label }}" * 20_000
"""A template that takes seconds, and hundreds of megabytes, to be compiled."""

USING = [
    ("check",),
    ("render",),
    ("render", "support:triage"),
    ("run", "--dry-run", "support:*"),
    ("test", "--offline", "support:triage"),
    ("diff", "--base", "HEAD"),
    ("pack", "lock"),
    ("pack", "update"),
    ("pack", "update", "--rev", "v1.1.0", "support", "--dry-run"),
    ("pack", "diff", "support", "--to", "v1.1.0"),
]


@pytest.fixture
def newer(author: Author, project: Consumer) -> Consumer:
    author.release("1.1.0", {"partials/tone.j2": "Be {{ 'brief' | upper }}.\n"})
    return project


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = partial(Limits, memory=128 * 2**20, seconds=1.5)
    monkeypatch.setattr("runner.isolation.isolated_sandbox.Limits", limits)


@pytest.mark.parametrize("command", USING, ids=" ".join)
def test_a_command_says_the_same_with_and_without_and_loads_no_jinja(
    newer: Consumer, command: tuple[str, ...]
) -> None:
    without, isolated = (newer.run(*command, *more) for more in ((), ("--isolate",)))
    told = [(done.code, re.sub(r" in [0-9.]+ s$", "", done.out), done.err) for done in (without, isolated)]
    assert told[0] == told[1]
    assert without.out
    loaded = modules_after(newer, *command, "--isolate")
    assert "jinja2" not in loaded


@pytest.mark.parametrize("command", ["check", "build"])
def test_a_pack_can_be_looked_at_in_isolation(consumer: Consumer, command: str) -> None:
    write_all(consumer.folder, FILES)
    without = consumer.run("pack", command)
    isolated = consumer.run("pack", command, "--isolate")
    assert (isolated.code, isolated.out, isolated.err) == (without.code, without.out, without.err)
    assert "jinja2" not in modules_after(consumer, "pack", command, "--isolate")


def test_a_pack_is_added_and_removed_in_isolation(author: Author, consumer: Consumer) -> None:
    consumer.add(author, "support", "--isolate")
    assert consumer.run("render", "support:triage", "--isolate").code == 0
    assert consumer.run("pack", "remove", "support", "--isolate").code == 0
    assert "jinja2" not in modules_after(
        consumer, "pack", "add", "support", "--git", "../author", "--rev", "v1.0.0", "--isolate"
    )
    assert "jinja2" not in modules_after(consumer, "pack", "remove", "support", "--isolate")


@pytest.mark.usefixtures("impatient")
def test_a_pack_with_a_bomb_for_the_compiler_is_not_added(author: Author, consumer: Consumer) -> None:
    author.release("1.1.0", {"partials/tone.j2": LARGE})
    before = consumer.bytes()
    done = consumer.run(
        "pack", "add", "support", "--git", "../author", "--rev", "v1.1.0", env={"RUNNER_ISOLATE": "1"}
    )
    assert done.code == 2
    assert "partials/tone.j2:1: error: the template " in done.err
    assert "with --isolate a prompt has 1.5 seconds and 128 MiB to render in" in done.err
    assert consumer.bytes() == before


@pytest.mark.usefixtures("impatient")
def test_an_update_to_a_bomb_is_told_and_what_still_works_is_compared(
    author: Author, project: Consumer
) -> None:
    author.release("1.1.0", {"partials/tone.j2": STUCK})
    done = project.run("pack", "update", "support", "--rev", "v1.1.0", "--dry-run", "--isolate")
    assert done.code == 0
    assert "warning: this no longer works:" in done.err
    assert "the template takes longer than 1.5 seconds" in done.err


@pytest.mark.usefixtures("impatient")
def test_a_slow_template_of_a_pack_is_told_at_its_line_in_the_pack(
    author: Author, consumer: Consumer
) -> None:
    author.release("1.1.0", {"partials/tone.j2": SLOW})
    consumer.add(author, "support", "--isolate", rev="v1.1.0")
    done = consumer.run("check", "--isolate", "support:triage")
    assert done.code == 2
    place = Path("packs/support/partials/tone.j2")
    assert f"{place}:3: error: messages[0]: the template takes longer than 1.5 seconds" in done.err


@pytest.mark.usefixtures("impatient")
def test_an_expression_of_a_pack_is_a_bomb_no_more_than_its_templates(
    author: Author, consumer: Consumer
) -> None:
    bomb = '{type: expr, value: "' + " or ".join(f"text == '{n}' ~ text" for n in range(12_000)) + '"}'
    author.release(
        "1.1.0",
        {"prompts/triage.prompt.yaml": PROMPT.replace("{type: equals, path: $.label, value: refund}", bomb)},
    )
    done = consumer.run("pack", "add", "support", "--git", "../author", "--rev", "v1.1.0", "--isolate")
    assert done.code == 2
    assert "prompts/triage.prompt.yaml:" in done.err
    assert "expr: value is not an expression: " in done.err


def test_a_program_can_load_a_prompt_of_a_pack_in_isolation(
    project: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.folder)
    with runner.load("support:triage", isolate=True) as prompt:
        isolated = prompt.render(ticket="x")
    assert isolated == runner.load("support:triage").render(ticket="x")
