"""`--failed`: only the cases that failed in the last run."""

from __future__ import annotations

import json

import pytest

from tests.faults import FaultServer, echo, reply

from .asking import KEY, run
from .project import Done, ProjectFolder

PROMPT = """
name: triage
model: gpt-test
inputs: {ticket: {type: string}}
messages: [{role: user, content: "Ticket: {{ ticket }}"}]
assert: [{type: contains, value: parcel}]
"""
TESTS = """
tests:
  - {id: late, vars: {ticket: "My parcel is late"}}
  - {id: refund, vars: {ticket: "I want my money back"}}
  - {id: lost, vars: {ticket: "It is lost"}}
"""


@pytest.fixture
def triage(asked: ProjectFolder) -> ProjectFolder:
    """Prompts whose cases `refund` and `lost` fail, beside one whose cases all pass."""
    asked.write("prompts/triage.prompt.yaml", PROMPT + TESTS)
    return asked


def cases(done: Done) -> list[str]:
    return sorted(f"{record['prompt']}/{record['case']}" for record in done.records())


def regressed(project: ProjectFolder, *args: str, **env: str) -> Done:
    return project.run("test", *args, env={"FAKE_KEY": KEY, **env})


class TestRun:
    def test_it_asks_those_that_failed_in_the_last_run_again(self, triage: ProjectFolder) -> None:
        run(triage)
        assert cases(run(triage, "--failed", "--no-cache")) == ["triage/lost", "triage/refund"]

    def test_each_further_run_is_about_the_one_before(self, triage: ProjectFolder) -> None:
        run(triage)
        triage.write("prompts/triage.prompt.yaml", PROMPT.replace("value: parcel", "value: money") + TESTS)
        assert cases(run(triage, "--failed")) == ["triage/lost", "triage/refund"]
        assert cases(run(triage, "--failed")) == ["triage/lost"]

    def test_it_is_narrowed_by_what_else_is_given(self, triage: ProjectFolder) -> None:
        run(triage)
        assert cases(run(triage, "--failed", "--case", "l*")) == ["triage/lost"]

    def test_rows_of_a_file_are_known_by_their_content(self, triage: ProjectFolder) -> None:
        triage.write("rows.csv", "ticket\nMy parcel\nMy money\nmoney and parcel\n")
        run(triage, "triage", "--input", "rows.csv")
        done = run(triage, "triage", "--input", "rows.csv", "--failed")
        assert [record["vars"]["ticket"] for record in done.records()] == ["My money"]

    def test_errors_failed_as_well(self, asked: ProjectFolder, server: FaultServer) -> None:
        server.play(*[reply(400, {"error": {"message": "no"}})] * 2)
        run(asked)
        server.play(echo)
        done = run(asked, "--failed")
        assert (done.code, cases(done)) == (0, ["hello/ada", "hello/bob"])

    def test_a_run_of_the_failed_ones_can_be_resumed(
        self, triage: ProjectFolder, server: FaultServer
    ) -> None:
        run(triage)
        server.play(*[reply(400, {"error": {"message": "no"}})] * 2)
        run(triage, "--failed", "--no-cache")
        done = run(triage, "--resume", "last")
        assert "Traceback" not in done.err
        assert {record["case"] for record in done.records()} == {"refund", "lost"}

    def test_nothing_failed_selects_nothing(self, asked: ProjectFolder) -> None:
        run(asked)
        done = run(asked, "--failed")
        assert done.code == 5
        assert "nothing failed in the run" in done.err

    def test_without_a_run_it_is_an_error(self, asked: ProjectFolder) -> None:
        done = run(asked, "--failed")
        assert done.code == 2
        assert "--failed needs an earlier run, and there is none yet" in done.err

    def test_it_starts_a_new_run(self, triage: ProjectFolder) -> None:
        run(triage)
        done = run(triage, "--failed", "--resume", "last")
        assert done.code == 2
        assert "--failed starts a new run" in done.err


class TestTest:
    def approved(self, project: ProjectFolder) -> None:
        """All answers are approved; then `late` and `lost` ask something else."""
        project.write("prompts/triage.prompt.yaml", PROMPT.replace("value: parcel", "value: Ticket") + TESTS)
        assert regressed(project, "--update", "missing").code == 0
        changed = TESTS.replace("is late", "is very late").replace("It is lost", "All is lost")
        project.write(
            "prompts/triage.prompt.yaml", PROMPT.replace("value: parcel", "value: Ticket") + changed
        )

    def test_it_checks_those_that_did_not_pass_again(self, triage: ProjectFolder) -> None:
        self.approved(triage)
        assert regressed(triage, "--offline").code == 4
        done = regressed(triage, "--offline", "--failed")
        assert "2 out of date in" in done.out
        assert "\n0 passed" in done.out

    def test_an_offline_run_is_remembered_as_well(self, triage: ProjectFolder) -> None:
        self.approved(triage)
        regressed(triage, "--offline")
        kept = json.loads((triage.folder / ".runner" / "failed.json").read_text())
        place = "prompts/triage.prompt.yaml"
        assert kept == {"format": 1, "failed": [[place, "late"], [place, "lost"]]}

    def test_snapshots_of_other_cases_are_not_called_unreferenced(self, triage: ProjectFolder) -> None:
        self.approved(triage)
        regressed(triage, "--offline")
        done = regressed(triage, "--offline", "--failed", "--unreferenced", "reject")
        assert "no case refers to" not in done.out

    def test_nothing_failed_selects_nothing(self, triage: ProjectFolder) -> None:
        self.approved(triage)
        regressed(triage, "--offline")
        assert regressed(triage, "--offline", "--failed", "--case", "refund").code == 5
        regressed(triage, "--offline", "--case", "refund")
        done = regressed(triage, "--offline", "--failed")
        assert done.code == 5
        assert "nothing failed in the last runner test" in done.err

    @pytest.mark.parametrize(("args", "env"), [(["--ci"], {}), ([], {"CI": "true"})])
    def test_in_ci_nothing_is_written(
        self, triage: ProjectFolder, args: list[str], env: dict[str, str]
    ) -> None:
        assert regressed(triage, *args, **env).code == 4
        assert not (triage.folder / ".runner").exists()

    @pytest.mark.parametrize("text", ["{", "[]", '{"format": 1}', '{"format": 1, "failed": [["a", 1]]}'])
    def test_a_damaged_list_is_an_error(self, triage: ProjectFolder, text: str) -> None:
        triage.write(".runner/failed.json", text)
        done = regressed(triage, "--offline", "--failed")
        assert done.code == 2
        assert "the list of failed cases is damaged" in done.err

    def test_a_newer_list_says_upgrade(self, triage: ProjectFolder) -> None:
        triage.write(".runner/failed.json", '{"format": 2, "failed": []}')
        done = regressed(triage, "--offline", "--failed")
        assert done.code == 2
        assert "upgrade runner" in done.err
