"""Prompts of packs in every command: by `ALIAS:NAME`, each name in its own pack."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults import FaultServer, completion

from .support import FILES, PROMPT, Author, Consumer


def test_a_prompt_of_a_pack_is_run_by_its_name(user: Consumer, server: FaultServer) -> None:
    done = user.run("run", "support:triage", "--var", "ticket=my money", "--json")
    assert (done.code, server.requests[0].json["messages"]) == (
        0,
        [{"role": "system", "content": "Classify. Be kind."}, {"role": "user", "content": "my money"}],
    )
    [record] = done.json_lines()
    assert record["prompt"] == "support:triage"
    assert record["output"] == {"label": "refund"}
    assert record["file"] == str(Path("packs/support/prompts/triage.prompt.yaml"))


def test_its_own_tests_are_run_without_variables(user: Consumer) -> None:
    done = user.run("run", "support:triage", "--json")
    assert [(record["case"], record["passed"]) for record in done.json_lines()] == [("refund", True)]


@pytest.mark.parametrize(
    "name",
    [
        "support:triage",
        "support:*",
        "support:tri*",
        "packs/support/prompts/triage.prompt.yaml",
        "packs/support",
        "packs/*/prompts/*.prompt.yaml",
    ],
)
def test_a_name_a_glob_and_the_file_itself_mean_the_same_prompt(name: str, user: Consumer) -> None:
    done = user.run("run", name, "--json")
    assert [record["prompt"] for record in done.json_lines()] == ["support:triage"]
    assert user.run("check", name).out.startswith("1 prompt, 1 case, 1 pack: 0 errors")
    assert user.run("test", name, "--offline").code == 0


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        ("run suport:triage", 2, 'there is no pack "suport" in runner.yaml'),
        ("run support:triag", 2, 'the pack support exports no prompt "triag"\nhint: did you mean "triage"?'),
        (
            "run support:tone",
            2,
            'the pack support exports no prompt "tone"\nhint: it exports a partial with that name',
        ),
        ("run support:zzz", 2, 'exports no prompt "zzz"\nhint: it exports support:triage'),
        ("run support:z*", 5, 'exports no prompt "z*"'),
        ("run support:", 2, 'exports no prompt ""'),
        ("run packs/support/prompts/private.prompt.yaml", 2, "there is no file"),
    ],
)
def test_a_name_that_is_none_is_told_with_the_likely_one(
    args: str, code: int, told: str, user: Consumer
) -> None:
    done = user.run(*args.split())
    assert done.code == code
    assert told in done.err


def test_what_a_pack_does_not_export_cannot_be_named(author: Author, consumer: Consumer) -> None:
    author.release("1.1.0", {"prompts/private.prompt.yaml": PROMPT})
    consumer.add(author, rev="v1.1.0")
    done = consumer.run("render", "packs/support/prompts/private.prompt.yaml")
    assert done.code == 2
    assert "the pack support does not export this prompt" in done.err
    assert "hint: it exports support:triage" in done.err
    assert consumer.run("check", "packs/support").out.startswith("1 prompt, 1 case, 1 pack")


def test_prompts_partials_and_schemas_are_named_in_prompts_of_the_project(
    user: Consumer, server: FaultServer
) -> None:
    user.write(
        "prompts/mine.prompt.yaml",
        """\
model: gpt-test
messages: [{role: user, content: '{{ x }} {% include "support:tone" %}'}]
response_format:
  type: json_schema
  json_schema: {name: t, strict: true, schema_file: "support:ticket"}
tests: [{id: a, vars: {x: hi}}]
""",
    )
    done = user.run("run", "--json")
    assert done.code == 0, done.err
    body = server.requests[0].json
    assert body["messages"] == [{"role": "user", "content": "hi Be kind."}]
    assert body["response_format"]["json_schema"]["schema"] == json.loads(FILES["schemas/ticket.json"])


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "messages: [{role: user, content: '{% include \"support:tune\" %}'}]",
            'exports no partial "tune"',
        ),
        (
            "messages: [{role: user, content: '{% include \"support:ticket\" %}'}]",
            "hint: it exports a schema with that name",
        ),
        (
            "messages: [{role: user, content: '{% include \"suport:tone\" %}'}]",
            'there is no pack "suport" in runner.yaml',
        ),
        (
            "messages: [{role: user, content: '{% include \"support:partials/tone.j2\" %}'}]",
            'exports no partial "partials/tone.j2"',
        ),
        (
            "messages: [{role: user, content: '{% include \"packs/support/partials/x.j2\" %}'}]",
            "there is no file",
        ),
    ],
)
def test_a_name_in_a_prompt_that_leads_nowhere_is_told_at_its_line(
    line: str, told: str, user: Consumer
) -> None:
    user.write("mine.prompt.yaml", f"model: m\n{line}\n")
    done = user.run("check")
    assert done.code == 2
    assert "mine.prompt.yaml:2" in done.err
    assert told in done.err


def test_the_prompts_of_packs_are_no_prompts_of_the_project_unless_it_says_so(user: Consumer) -> None:
    user.write("mine.prompt.yaml", "model: m\nmessages: [{role: user, content: hi}]\n")
    assert user.run("check").out.startswith("1 prompt, 1 case, 1 pack")
    text = (user.folder / "runner.yaml").read_text()
    user.write("runner.yaml", f"prompts: ['*.prompt.yaml', 'support:*']\n{text}")
    assert user.run("check").out.startswith("2 prompts, 2 cases, 1 pack")
    user.write("runner.yaml", f"prompts: ['support:triage']\n{text}")
    assert user.run("check").out.startswith("1 prompt, 1 case, 1 pack")
    assert user.run("test", "--ci").code == 0
    user.write("runner.yaml", f"prompts: ['support:x']\n{text}")
    done = user.run("check")
    assert done.code == 2
    assert 'runner.yaml:1:11: error: the pack support exports no prompt "x"' in done.err


def test_two_packs_with_the_same_inner_names_do_not_collide(
    author: Author, consumer: Consumer, server: FaultServer, tmp_path: Path
) -> None:
    other = {
        **FILES,
        "partials/tone.j2": "Be brief.\n",
        "schemas/ticket.json": FILES["schemas/ticket.json"].replace("label", "kind"),
    }
    other["prompts/triage.prompt.yaml"] = PROMPT.replace("$.label", "$.kind")
    second = Author(tmp_path / "second", other)
    consumer.write("runner.yaml", f"endpoint: e\nendpoints: {{e: {{base_url: '{server.base_url}'}}}}\n")
    consumer.add(author, "one")
    consumer.add(second, "two")
    consumer.write("partials/tone.j2", "Be yourself.\n")
    consumer.write("schemas/ticket.json", FILES["schemas/ticket.json"].replace("label", "mine"))
    consumer.write("prompts/triage.prompt.yaml", PROMPT.replace("$.label", "$.mine"))
    consumer.write(
        "prompts/both.prompt.yaml",
        """\
model: m
messages: [{role: user, content: '{% include "one:tone" %} {% include "two:tone" %} {% include "../partials/tone.j2" %}'}]
""",
    )

    def rendered(name: str) -> object:
        done = consumer.run("render", name, "--format", "request")
        assert done.code == 0, done.err
        body = json.loads(done.out)
        schema = (
            body["response_format"]["json_schema"]["schema"]["properties"]
            if "response_format" in body
            else {}
        )
        return body["messages"][0]["content"], list(schema)

    assert rendered("one:triage") == ("Classify. Be kind.", ["label"])
    assert rendered("two:triage") == ("Classify. Be brief.", ["kind"])
    assert rendered("prompts/triage.prompt.yaml") == ("Classify. Be yourself.", ["mine"])
    assert rendered("prompts/both.prompt.yaml") == ("Be kind. Be brief. Be yourself.", [])
    server.play(
        lambda request: completion(
            json.dumps(
                {next(iter(request.json["response_format"]["json_schema"]["schema"]["properties"])): "refund"}
            )
        )
    )
    done = consumer.run("test", "one:*", "two:*", "prompts/triage.prompt.yaml", "--update", "missing")
    assert done.code == 0, done.out
    snapshots = {name: data for name, data in consumer.bytes().items() if name.endswith(".snap.yaml")}
    assert sorted(snapshots) == [
        "__snapshots__/one/triage/refund.snap.yaml",
        "__snapshots__/two/triage/refund.snap.yaml",
        "prompts/__snapshots__/triage-ticket/refund.snap.yaml",
    ]
    assert len(set(snapshots.values())) == 3
    assert consumer.run("test", "one:*", "two:*", "prompts/triage.prompt.yaml", "--ci").code == 0
