"""A pack's model and answers are what its author proposes; those of the project go before them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults import FaultServer, completion

from .support import SNAPSHOT, Author, Consumer


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
        f"{Path('packs/support/prompts/triage.prompt.yaml')}:2:8: error: support:triage would use gpt-test, which this "
        "project denies at runner.yaml:7:10"
    ) in done.err
    assert "hint: set a model for the whole pack, packs.support.model, or use --model" in done.err
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
        "own.prompt.yaml:1:8: error: own would use gpt-5, which this project denies at runner.yaml:8:10"
        in done.err
    )


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
    assert f"  for now   {Path('packs/support') / SNAPSHOT}, from the pack\n" in done.out
    assert "  status    current" in done.out
    user.write("__snapshots__/support/triage/refund.snap.yaml", (approved.folder / SNAPSHOT).read_bytes())
    assert "for now" not in user.run("explain", "refund", "support:triage").out


def test_a_rule_for_a_prompt_of_a_pack_is_not_written_into_it() -> None:
    from runner.commands.review_rules import RuleWriting
    from runner.regress.results import PendingEntry
    from runner.regress.rules.compare_answers import FieldVerdict
    from runner.regress.snapshots.snapshot import Snapshot

    entry = PendingEntry(
        "changed", "support:triage", "packs/support/prompts/triage.prompt.yaml", "a", None,
        "__snapshots__/support/triage/a.snap.yaml", Snapshot("sha256:" + "0" * 64, {}, "x"),
    )  # fmt: skip
    rules = RuleWriting(Path.cwd())
    said = rules.add(entry, FieldVerdict("$.label", "a", "b", "exact", equal=False)).message
    assert "belongs to a pack and is never edited: ask its author for this rule" in said
    assert rules.write() == []
