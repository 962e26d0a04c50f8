"""Prompts of packs in every command: by `ALIAS:NAME`, with their own files, their own answers and the project's model."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import runner
from runner.errors import RunnerError
from tests.cli.test_startup import modules_after
from tests.faults import FaultServer, Received, Steps, completion
from tests.regress.repository import GitFolder

from .support import FILES, PROMPT, SNAPSHOT, Author, Consumer

KEY = "sk-test-planted-key-0123456789"


def answer(request: Received) -> Steps:
    """A label, by what is asked."""
    text = request.json["messages"][-1]["content"]
    return completion(json.dumps({"label": "refund" if "money" in text else "other"}))


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(answer) as server:
        yield server


@pytest.fixture
def approved(author: Author, server: FaultServer) -> Author:
    """The author's repository with the answer that he approved, tagged v1.0.1."""
    own = Consumer(author.folder)
    own.write("runner.yaml", f"endpoint: e\nendpoints: {{e: {{base_url: '{server.base_url}'}}}}\n")
    assert own.run("test", "--update", "missing").code == 0
    assert own.run("pack", "check").code == 0
    author.git("config", "core.excludesFile", str(author.folder / ".git" / "ignored"))
    (author.folder / ".git" / "ignored").write_text(".runner/\n")
    author.release("1.0.1", {})
    server.requests.clear()
    return author


@pytest.fixture
def user(approved: Author, consumer: Consumer, server: FaultServer) -> Consumer:
    """A project with an endpoint that uses the pack as `support`."""
    consumer.write("runner.yaml", f"endpoint: e\nendpoints: {{e: {{base_url: '{server.base_url}'}}}}\n")
    consumer.add(approved, rev="v1.0.1")
    return consumer


# --- names ----------------------------------------------------------------------------------------------------------


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
            'the pack support exports no prompt "tone"\nhint: it has a partial of that name',
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
            "hint: it has a schema of that name",
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


# --- models ---------------------------------------------------------------------------------------------------------


def with_setting(user: Consumer, pack: str = "", models: str = "") -> None:
    text = (user.folder / "runner.yaml").read_text()
    user.write("runner.yaml", text.replace("    rev: v1.0.1\n", f"    rev: v1.0.1\n{pack}") + models)


def models_asked(user: Consumer, server: FaultServer, *args: str) -> list[str]:
    server.requests.clear()
    user.run("run", "support:triage", "--no-cache", *args)
    return [request.json["model"] for request in server.requests]


def test_a_model_of_a_pack_is_a_default(user: Consumer, server: FaultServer) -> None:
    assert models_asked(user, server) == ["gpt-test"]
    with_setting(user, "    model: gpt-mine\n")
    assert user.run("pack", "verify").code == 0
    assert models_asked(user, server) == ["gpt-mine"]
    assert models_asked(user, server, "--model", "gpt-third") == ["gpt-third"]


@pytest.mark.parametrize(
    "command",
    ["check", "check support:triage", "run support:triage", "test support:triage", "render support:triage"],
)
def test_a_model_that_the_project_denies_is_not_asked(
    command: str, user: Consumer, server: FaultServer
) -> None:
    with_setting(user, models='models: {"gpt-t*": {deny: true}}\n')
    done = user.run(*command.split())
    assert done.code == 2
    assert (
        f"{Path('packs/support/prompts/triage.prompt.yaml')}:2:8: error: support:triage would ask gpt-test, which this "
        "project denies at runner.yaml:7:10"
    ) in done.err
    assert "hint: set a model for the whole pack, packs.support.model, or give --model" in done.err
    assert server.requests == []


def test_another_model_is_the_way_out_and_an_exception_another(user: Consumer, server: FaultServer) -> None:
    with_setting(user, "    model: mine\n", 'models: {"gpt-*": {deny: true}}\n')
    assert user.run("check").code == 0
    assert models_asked(user, server) == ["mine"]
    assert models_asked(user, server, "--model", "gpt-5") == []
    text = (user.folder / "runner.yaml").read_text()
    user.write("runner.yaml", text.replace("models: {", "models: {gpt-5: {deny: false}, "))
    assert models_asked(user, server, "--model", "gpt-5") == ["gpt-5"]


def test_a_denied_model_is_denied_to_the_projects_own_prompts_too(user: Consumer) -> None:
    with_setting(user, "    model: mine\n", 'models: {"gpt-*": {deny: true}}\n')
    user.write("own.prompt.yaml", "model: gpt-5\nmessages: [{role: user, content: hi}]\n")
    done = user.run("check")
    assert done.code == 2
    assert (
        "own.prompt.yaml:1:8: error: own would ask gpt-5, which this project denies at runner.yaml:8:10"
        in done.err
    )


# --- answers --------------------------------------------------------------------------------------------------------


def test_the_tests_of_a_pack_pass_offline_with_the_answers_it_brought(
    user: Consumer, server: FaultServer
) -> None:
    done = user.run("test", "support:triage", "--ci")
    assert done.code == 0
    assert "1 passed" in done.out
    assert server.requests == []
    assert not (user.folder / "__snapshots__").exists()


def test_the_projects_own_answer_goes_before_that_of_the_pack(user: Consumer, server: FaultServer) -> None:
    before = user.bytes("packs")
    with_setting(user, "    model: gpt-mine\n")
    stale = user.run("test", "support:triage", "--ci")
    assert stale.code == 4
    assert "params changed" in stale.out.replace(
        "the request changed since it was approved: params", "params changed"
    )
    done = user.run("test", "support:triage")
    assert done.code == 4
    assert [entry["kind"] for entry in json.loads(user.run("pending", "--json").out)] == ["refreshed"]
    assert user.run("accept", "--all").code == 0
    file = user.folder / "__snapshots__/support/triage/refund.snap.yaml"
    assert "label: refund" in file.read_text()
    assert user.run("test", "support:triage", "--ci").code == 0
    assert user.bytes("packs") == before
    file.write_text(file.read_text().replace("label: refund", "label: other"))
    failing = user.run("test", "support:triage", "--ci")
    assert failing.code == 1
    assert "the approved answer no longer passes" in failing.out


def test_approving_never_writes_into_a_pack(user: Consumer, server: FaultServer) -> None:
    before = user.bytes("packs")
    server.play(
        completion(json.dumps({"label": "refund", "more": 1})), completion(json.dumps({"label": "refund"}))
    )
    for args in (
        ("test", "support:*", "--live", "--update", "all"),
        ("test", "support:*", "--live", "-u"),
        ("accept", "--all"),
        ("prune", "support:*"),
        ("test", "packs/support", "--live", "--update", "all"),
    ):
        user.run(*args)
        assert user.bytes("packs") == before
    assert user.run("pack", "verify").code == 0


def test_an_answer_that_changed_is_compared_with_that_of_the_pack(
    user: Consumer, server: FaultServer
) -> None:
    with_setting(user, "    model: gpt-mine\n")
    server.play(completion(json.dumps({"label": "refund!"})))
    done = user.run("test", "support:triage")
    assert done.code == 1
    assert "refund!" in done.out


def test_answers_that_no_case_refers_to_are_found_for_packs_too(user: Consumer, approved: Author) -> None:
    user.write("__snapshots__/support/triage/gone.snap.yaml", (approved.folder / SNAPSHOT).read_bytes())
    user.write("__snapshots__/support/former/refund.snap.yaml", (approved.folder / SNAPSHOT).read_bytes())
    done = user.run("test", "support:*", "--ci")
    assert done.code == 4
    assert "__snapshots__/support/triage/gone.snap.yaml" in done.out
    assert "__snapshots__/support/former/refund.snap.yaml" in done.out
    done = user.run("prune", "support:*")
    assert done.out.endswith("2 snapshots without a case\n")
    assert not (user.folder / "__snapshots__" / "support" / "former").exists()


def test_explain_says_which_answer_counts(user: Consumer, approved: Author) -> None:
    done = user.run("explain", "refund", "support:triage")
    assert done.code == 0
    assert "support:triage/refund\n" in done.out
    assert "  snapshot  __snapshots__/support/triage/refund.snap.yaml\n" in done.out
    assert f"  for now   {Path('packs/support') / SNAPSHOT}, which came with the pack\n" in done.out
    assert "  status    current" in done.out
    user.write("__snapshots__/support/triage/refund.snap.yaml", (approved.folder / SNAPSHOT).read_bytes())
    assert "for now" not in user.run("explain", "refund", "support:triage").out


def test_a_rule_for_a_prompt_of_a_pack_is_not_written_into_it() -> None:
    from runner.cli.rule_writing import RuleWriting
    from runner.regress.compare import FieldVerdict
    from runner.regress.results import PendingEntry
    from runner.regress.snapshot import Snapshot

    entry = PendingEntry(
        "changed", "support:triage", "packs/support/prompts/triage.prompt.yaml", "a", None,
        "__snapshots__/support/triage/a.snap.yaml", Snapshot("sha256:" + "0" * 64, {}, "x"),
    )  # fmt: skip
    rules = RuleWriting(Path.cwd())
    said = rules.add(entry, FieldVerdict("$.label", "a", "b", "exact", equal=False))
    assert "is a pack's, which is never edited: ask its author for this rule" in said
    assert rules.write() == []


# --- revisions ------------------------------------------------------------------------------------------------------


def test_diff_and_base_see_the_packs_of_each_revision(
    user: Consumer, approved: Author, server: FaultServer
) -> None:
    repository = GitFolder(user.folder)
    user.write(
        "mine.prompt.yaml", "model: m\nmessages: [{role: user, content: '{% include \"support:tone\" %}'}]\n"
    )
    repository.commit()
    approved.release("1.1.0", {"partials/tone.j2": "Be brief.\n"})
    assert user.run("pack", "update", "support", "--rev", "v1.1.0").code == 0
    done = user.run("diff", "--base", "HEAD", "--format", "json")
    assert [(each["file"], each["change"]) for each in json.loads(done.out)] == [
        ("mine.prompt.yaml", "changed")
    ]
    for name in ("support:triage", "support:*", "packs/support"):
        done = user.run("diff", "--base", "HEAD", name, "--format", "json")
        assert [(each["file"], each["case"], each["change"]) for each in json.loads(done.out)] == [
            ("support:triage", "refund", "changed")
        ]
    text = user.run("diff", "--base", "HEAD", "support:triage").out
    assert "-Classify. Be kind." in text
    assert "+Classify. Be brief." in text
    user.run("test", "support:triage", "--base", "HEAD", "--update", "all")
    assert len(server.requests) == 1
    repository.commit()
    assert user.run("diff", "--base", "HEAD", "support:triage", "--format", "json").out == "[]\n"


def test_a_pack_that_was_not_there_then_is_added(user: Consumer) -> None:
    repository = GitFolder(user.folder)
    files = user.bytes("packs", "packs.lock")
    text = (user.folder / "runner.yaml").read_text()
    for name in files:
        (user.folder / name).unlink()
    user.write("runner.yaml", text.partition("packs:")[0])
    repository.commit()
    user.write("runner.yaml", text)
    for name, data in files.items():
        user.write(name, data)
    done = user.run("diff", "--base", "HEAD", "support:triage", "--format", "json")
    assert [(each["file"], each["change"]) for each in json.loads(done.out)] == [("support:triage", "added")]


# --- from Python ----------------------------------------------------------------------------------------------------


def test_a_program_loads_a_prompt_of_a_pack(
    user: Consumer, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(user.folder)
    prompt = runner.load("support:triage")
    assert prompt.name == "support:triage"
    assert prompt.run(ticket="my money").output == {"label": "refund"}
    monkeypatch.chdir(user.folder.parent)
    assert (
        runner.load("support:triage", project=user.folder).render(ticket="x")[0]["content"]
        == "Classify. Be kind."
    )
    with pytest.raises(RunnerError, match='there is no pack "support"'):
        runner.load("support:triage")
    with pytest.raises(RunnerError, match="project is for a pack's prompts"):
        runner.load(user.folder / "packs/support/prompts/triage.prompt.yaml", project=user.folder)


def test_a_program_gets_no_pack_that_was_changed(user: Consumer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(user.folder)
    path = user.folder / "packs/support/partials/tone.j2"
    path.write_bytes(b"Be rude.\n")
    with pytest.raises(RunnerError, match=r"tone\.j2: the pack support was changed after it was locked"):
        runner.load("support:triage")
    with pytest.raises(RunnerError, match="was changed after it was locked"):
        runner.load("packs/support/prompts/triage.prompt.yaml")


def test_a_file_of_a_pack_that_is_loaded_by_its_path_is_the_packs_prompt(
    user: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(user.folder)
    assert runner.load("packs/support/prompts/triage.prompt.yaml").name == "support:triage"


# --- what it costs --------------------------------------------------------------------------------------------------

NETWORK = {
    "httpx",
    "httpcore",
    "aiohttp",
    "http.client",
    "urllib.request",
    "xllamacpp",
    "packaging.licenses",
}
FETCHING = {"runner.packs.fetch", "runner.packs.fetch_git", "runner.packs.fetch_url", "runner.packs.bench"}


@pytest.mark.parametrize(
    "args", ["check", "render support:triage", "run support:triage --dry-run", "check support:triage"]
)
def test_using_a_pack_loads_nothing_that_could_fetch_one(args: str, user: Consumer) -> None:
    loaded = modules_after(user, *args.split())
    assert "runner.packs.packs" in loaded
    assert loaded & (NETWORK | FETCHING) == set()
    assert args.startswith("run ") or not loaded & {"asyncio", "subprocess"}


@pytest.mark.parametrize("args", ["pack verify", "pack list", "pack sync --offline"])
def test_offline_commands_of_packs_load_no_http_library(args: str, user: Consumer) -> None:
    assert modules_after(user, *args.split()) & NETWORK == set()


def test_help_of_packs_loads_nothing_heavy(consumer: Consumer) -> None:
    for args in (("pack", "--help"), ("pack", "add", "--help"), ("--help",)):
        loaded = modules_after(consumer, *args)
        assert (
            loaded & {"httpx", "jinja2", "jsonschema", "yaml", "rich", "asyncio", "runner.packs.packs"}
            == set()
        )


def test_a_project_without_packs_reads_no_lock(consumer: Consumer) -> None:
    consumer.write("a.prompt.yaml", "model: m\nmessages: [{role: user, content: hi}]\n")
    consumer.write("packs.lock", "this is no lock: [\n")
    assert consumer.run("render").code == 0
    assert consumer.run("check").code == 2


def test_pytest_leaves_vendored_packs_to_their_authors(
    user: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runner.pytest_plugin import _is_vendored

    assert _is_vendored(user.folder / "packs/support/prompts/triage.prompt.yaml")
    assert not _is_vendored(user.folder / "prompts/triage.prompt.yaml")
    (user.folder / "packs.lock").unlink()
    assert not _is_vendored(user.folder / "packs/support/prompts/triage.prompt.yaml")


def test_names_of_packs_are_told_from_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from runner.files.pack_sources import is_reference

    assert all(map(is_reference, ["a:b", "support:triage", "support:*", "s-1:x_y", "c:x"]))
    assert not any(
        map(
            is_reference,
            ["C:\\prompts", "c:/prompts", "c:\\x", "a/b:c", "prompts", "Support:x", "-a:b", ":x"],
        )
    )
    if os.name != "nt":
        monkeypatch.chdir(tmp_path)
        (tmp_path / "a:b.prompt.yaml").write_text("model: m\nmessages: [{role: user, content: hi}]\n")
        assert runner.load("a:b.prompt.yaml").render() == [{"role": "user", "content": "hi"}]
