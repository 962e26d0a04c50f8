"""Bulk runs: fewer cases, shards and their union, money and errors that end a run, as many requests as are good."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.faults import FaultServer, Received, Steps, completion, echo, reply
from tests.patience import PATIENCE

from .asking import KEY, rows, run, write_rows
from .project import Done, ProjectFolder

BULK = ("prompts/hello.prompt.yaml", "--input", "rows.jsonl", "--no-cache")

PRICE = "models: {gpt-test: {price: {input: 1000, output: 1000}}}\n"  # 15 tokens an answer: 1.5 cents


def names(done: Done) -> list[str]:
    return sorted(record["vars"]["name"] for record in done.records())


# --- fewer cases ----------------------------------------------------------------------------------------------------


def test_where_picks_rows_by_their_variables(asked: ProjectFolder) -> None:
    write_rows(asked, ["ada", "bob", "ann"])
    assert names(run(asked, *BULK, "--where", "vars.name.startswith('a')")) == ["ada", "ann"]


def test_a_where_that_matches_nothing_is_exit_5(asked: ProjectFolder, server: FaultServer) -> None:
    write_rows(asked, rows(3))
    done = run(asked, *BULK, "--where", "vars.name == 'zoe'")
    assert done.code == 5
    assert "no case matches --where" in done.err
    assert server.requests == []


def test_a_where_that_fails_at_a_row_sends_nothing(asked: ProjectFolder, server: FaultServer) -> None:
    write_rows(asked, rows(3))
    done = run(asked, *BULK, "--where", "vars.nmae == 'n1'")
    assert done.code == 2
    assert "rows.jsonl:1" in done.err
    assert server.requests == []


def test_a_sample_is_as_large_as_asked_and_the_same_each_time(asked: ProjectFolder) -> None:
    write_rows(asked, rows(50))
    first, again, other = (
        names(run(asked, *BULK, "--sample", "7", *seed)) for seed in ((), (), ("--seed", "1"))
    )
    assert len(first) == len(other) == 7
    assert first == again != other


def test_a_seed_without_a_sample_is_refused(asked: ProjectFolder) -> None:
    write_rows(asked, rows(3))
    assert run(asked, *BULK, "--seed", "1").code == 2


def test_a_limit_takes_the_first_cases_of_each_prompt(asked: ProjectFolder) -> None:
    asked.write("prompts/other.prompt.yaml", (asked.folder / "prompts/hello.prompt.yaml").read_text())
    asked.write(
        "prompts/other.prompt.yaml",
        (asked.folder / "prompts/other.prompt.yaml").read_text().replace("name: hello", "name: other"),
    )
    done = run(asked, "--limit", "1")
    assert sorted((record["prompt"], record["case"]) for record in done.records()) == [
        ("hello", "ada"),
        ("other", "ada"),
    ]


def test_results_say_which_row_they_belong_to(asked: ProjectFolder) -> None:
    write_rows(asked, rows(5))
    done = run(asked, *BULK)
    assert {record["index"]: record["vars"]["name"] for record in done.records()} == dict(enumerate(rows(5)))


@pytest.mark.slow
def test_output_can_be_in_the_order_of_the_input(asked: ProjectFolder, server: FaultServer) -> None:
    def the_first_is_slow(request: Received) -> Steps:
        return (0.3 if request.json["messages"][-1]["content"] == "Hello n0" else 0.0, *echo(request))

    server.play(the_first_is_slow)
    write_rows(asked, rows(12))
    assert run(asked, *BULK, "--output", "out.jsonl", "--in-order").code == 0
    lines = (asked.folder / "out.jsonl").read_text().splitlines()
    assert [json.loads(line)["vars"]["name"] for line in lines] == rows(12)
    came = [record["vars"]["name"] for record in run(asked, *BULK).records()]
    assert came != rows(12)


def test_in_order_without_an_output_is_refused(asked: ProjectFolder) -> None:
    assert run(asked, "--in-order").code == 2


# --- shards ---------------------------------------------------------------------------------------------------------


def shards(asked: ProjectFolder, count: int, *args: str) -> list[str]:
    """The folders of a run in so many shards."""
    for index in range(1, count + 1):
        assert run(asked, *BULK, "--shard", f"{index}/{count}", *args).code == 0
    return [str(folder) for folder in sorted((asked.folder / ".runner" / "runs").iterdir())]


def test_shards_are_the_whole_without_repeats_and_merge_is_in_order(
    asked: ProjectFolder, server: FaultServer
) -> None:
    write_rows(asked, rows(40))
    folders = shards(asked, 3)
    assert len(server.requests) == 40
    done = asked.run("merge", *folders, "--output", "all.jsonl")
    assert done.code == 0, done.err
    assert "40 passed, 0 failed, 0 errors" in done.out
    records: list[Any] = [json.loads(line) for line in (asked.folder / "all.jsonl").read_text().splitlines()]
    assert [record["vars"]["name"] for record in records] == rows(40)
    assert [record["index"] for record in records] == list(range(40))
    assert done.records() == records


def test_a_shard_without_a_case_is_a_shard_all_the_same(asked: ProjectFolder, server: FaultServer) -> None:
    write_rows(asked, ["only"])
    codes = [run(asked, *BULK, "--shard", f"{index}/3").code for index in (1, 2, 3)]
    assert sorted(codes) == [0, 5, 5]
    folders = sorted((asked.folder / ".runner" / "runs").iterdir())
    assert {json.loads((folder / "run.json").read_text())["status"] for folder in folders} == {"complete"}
    done = asked.run("merge", *map(str, folders))
    assert (done.code, len(done.records())) == (0, 1), done.err
    assert len(server.requests) == 1


def test_a_shard_in_order_is_in_order(asked: ProjectFolder) -> None:
    write_rows(asked, rows(30))
    assert run(asked, *BULK, "--shard", "1/2", "--output", "out.jsonl", "--in-order").code == 0
    indexes = [json.loads(line)["index"] for line in (asked.folder / "out.jsonl").read_text().splitlines()]
    assert 0 < len(indexes) < 30
    assert indexes == sorted(indexes)


def test_a_missing_shard_is_named_and_can_be_asked_for(asked: ProjectFolder, server: FaultServer) -> None:
    write_rows(asked, rows(40))
    folders = shards(asked, 3)
    done = asked.run("merge", folders[0], folders[2])
    assert done.code == 3
    assert "shard 2/3 is missing" in done.out
    server.requests.clear()
    resumed = run(asked, "--resume", "last", "--no-cache")
    assert resumed.code == 0
    assert names(resumed) == sorted(rows(40))
    assert 0 < len(server.requests) < 40


def test_shards_of_different_questions_are_not_merged(asked: ProjectFolder) -> None:
    write_rows(asked, rows(10))
    run(asked, *BULK, "--shard", "1/2")
    run(asked, *BULK, "--shard", "2/2", "--set", "temperature=1")
    folders = [str(folder) for folder in (asked.folder / ".runner" / "runs").iterdir()]
    done = asked.run("merge", *folders)
    assert done.code == 2
    assert "temperature" in done.err


def test_the_same_shard_twice_is_not_merged(asked: ProjectFolder) -> None:
    write_rows(asked, rows(10))
    for _ in range(2):
        run(asked, *BULK, "--shard", "1/2")
    folders = [str(folder) for folder in (asked.folder / ".runner" / "runs").iterdir()]
    done = asked.run("merge", *folders)
    assert done.code == 2
    assert "are both shard 1/2" in done.err


def test_what_is_no_shard_is_not_merged(asked: ProjectFolder) -> None:
    run(asked)
    done = asked.run("merge", "last")
    assert done.code == 2
    assert "is not a shard" in done.err


# --- what ends a run ------------------------------------------------------------------------------------------------


def test_a_run_stops_before_it_costs_more_than_it_may(asked: ProjectFolder, server: FaultServer) -> None:
    asked.write("runner.yaml", (asked.folder / "runner.yaml").read_text() + PRICE)
    write_rows(asked, rows(40))
    done = run(asked, *BULK, "--max-cost", "0.1", "--jobs", "8")
    assert done.code == 3
    assert len(server.requests) == 6  # at 1.5 cents each the seventh would go beyond 10
    assert "stopped early: --max-cost 0.1: 0.0900 has been spent; 34 not asked" in done.out
    assert run(asked, "--resume", "last", "--max-cost", "0.1").code == 3
    assert len(server.requests) == 6  # what was spent before counts


def test_an_answer_that_broke_off_was_paid_for_before_a_run_is_resumed_too(
    asked: ProjectFolder, server: FaultServer
) -> None:
    asked.write("runner.yaml", (asked.folder / "runner.yaml").read_text() + PRICE)
    write_rows(asked, rows(40))
    broken = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "wandered_off"}
    server.play(*[completion("hi", choices=[broken])] * 40)
    done = run(asked, *BULK, "--max-cost", "0.05", "--jobs", "1")
    assert (done.code, len(server.requests)) == (3, 3)  # 1.5 cents each
    assert run(asked, "--resume", "last", "--max-cost", "0.05").code == 3
    assert len(server.requests) == 3


@pytest.mark.slow
def test_an_answer_that_is_retried_was_paid_for_as_well(asked: ProjectFolder, server: FaultServer) -> None:
    asked.write("runner.yaml", (asked.folder / "runner.yaml").read_text() + PRICE)
    write_rows(asked, rows(4))
    broken = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "abort"}
    server.play(*[completion("hi", choices=[broken])] * 40)
    done = run(asked, *BULK, "--max-cost", "0.05", "--jobs", "1")
    assert (done.code, len(server.requests)) == (3, 3)  # 1.5 cents each
    assert "stopped early: --max-cost 0.05: 0.0450 has been spent" in done.out


@pytest.mark.slow
def test_the_cost_of_a_retried_answer_is_in_the_record_and_the_totals(
    asked: ProjectFolder, server: FaultServer
) -> None:
    asked.write("runner.yaml", (asked.folder / "runner.yaml").read_text() + PRICE)
    write_rows(asked, rows(2))
    broken = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "abort"}
    server.play(completion("hi", choices=[broken]), completion("hi"))
    done = run(asked, *BULK, "--jobs", "1")
    assert (done.code, len(server.requests)) == (0, 3)  # 1.5 cents each
    assert "$0.045" in done.out
    retried, plain = sorted(done.records(), key=lambda record: -record["attempts"])
    assert (retried["cost"], retried["retries_cost"]) == (pytest.approx(0.015), pytest.approx(0.015))
    assert "retries_cost" not in plain
    [run_json] = (asked.folder / ".runner" / "runs").glob("*/run.json")
    assert json.loads(run_json.read_text())["cost"] == pytest.approx(0.045)


@pytest.mark.slow
def test_the_cost_of_a_retried_answer_counts_when_a_run_is_resumed(
    asked: ProjectFolder, server: FaultServer
) -> None:
    asked.write("runner.yaml", (asked.folder / "runner.yaml").read_text() + PRICE)
    write_rows(asked, rows(4))
    broken = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "abort"}
    server.play(completion("hi", choices=[broken]), completion("hi"))
    assert run(asked, *BULK, "--max-cost", "0.035", "--jobs", "1").code == 3
    assert len(server.requests) == 2  # 1.5 cents each
    assert run(asked, "--resume", "last", "--max-cost", "0.035").code == 3
    assert len(server.requests) == 2


def test_a_cost_that_is_not_known_stops_a_run_that_has_a_bound(
    asked: ProjectFolder, server: FaultServer
) -> None:
    write_rows(asked, rows(40))
    done = run(asked, *BULK, "--max-cost", "5")
    assert done.code == 3
    assert "set a price for its model in runner.yaml" in done.out
    assert len(server.requests) == 1


@pytest.mark.parametrize("stated", ["-5", "1e999", "1" + 400 * "0", "1" + 5000 * "0", "NaN", "true"])
def test_a_cost_that_no_answer_can_have_is_not_known(
    asked: ProjectFolder, server: FaultServer, stated: str
) -> None:
    body = (
        '{"object": "chat.completion", "model": "gpt-test", "usage": {"cost": %s}, "choices":'
        ' [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]}'
    )
    server.play(reply(200, body % stated))
    write_rows(asked, rows(3))
    done = run(asked, *BULK, "--max-cost", "5")
    assert done.code == 3
    assert "the cost of an answer from fake is unknown" in done.out
    [record] = done.records()
    assert record["cost"] is None


@pytest.mark.parametrize(("bound", "most"), [("0", 1), ("3", 4), ("10%", 20)])
def test_errors_beyond_the_bound_stop_a_run(
    asked: ProjectFolder, server: FaultServer, bound: str, most: int
) -> None:
    write_rows(asked, rows(40))
    # Ten in the same words would stop it without any bound.
    server.play(*[reply(400, {"error": {"message": f"no {word}"}}) for word in "abcdefghijklmnopqrstu"])
    done = run(asked, *BULK, "--max-errors", bound, "--jobs", "1")
    assert done.code == 3
    assert len(server.requests) == most
    assert done.summary()["status"] == "stopped"


def test_errors_within_the_bound_do_not(asked: ProjectFolder, server: FaultServer) -> None:
    write_rows(asked, rows(40))
    server.play(*[reply(400, {"error": {"message": "no"}}), echo, echo, echo] * 10)
    assert run(asked, *BULK, "--max-errors", "30%", "--jobs", "1").summary()["done"] == 40


# --- how many at once -----------------------------------------------------------------------------------------------


class Busy:
    """A server that takes `most` requests at once and says 429 to any more."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.under_way = self.highest = self.refused = 0

    def __call__(self, request: Received) -> Steps:
        self.under_way += 1
        self.highest = max(self.highest, self.under_way)
        if self.under_way > self.most:
            self.under_way -= 1
            self.refused += 1
            return reply(429, {"error": {"message": "too many", "code": "rate_limit_exceeded"}})
        return (0.03, self._landed, *echo(request))

    def _landed(self) -> None:
        self.under_way -= 1


@pytest.mark.slow
def test_adaptive_concurrency_finds_what_the_endpoint_takes_and_says_how(
    asked: ProjectFolder, server: FaultServer
) -> None:
    busy = Busy(26)  # a fifth less than 32 is enough
    server.play(busy)
    text = (asked.folder / "runner.yaml").read_text()
    asked.write("runner.yaml", text.replace("max_retries: 2", "max_retries: 9"))
    write_rows(asked, rows(600))
    done = run(asked, *BULK, "--jobs", "adaptive")
    assert done.code == 0
    told = done.summary()["concurrency"]["fake"]
    assert told["history"][0] == {**told["history"][0], "from": 16, "to": 32, "reason": "slow_start"}
    assert "rate_limit" in {change["reason"] for change in told["history"]}
    assert told["rate_limited"] == busy.refused > 0
    assert told["peak"] > 26


def test_concurrency_can_be_adaptive_in_the_project_file(asked: ProjectFolder) -> None:
    text = (
        (asked.folder / "runner.yaml")
        .read_text()
        .replace("timeout: 300", "timeout: 300, concurrency: adaptive")
    )
    asked.write("runner.yaml", text)
    write_rows(asked, rows(100))
    told = run(asked, *BULK).summary()["concurrency"]["fake"]
    assert told["history"]


@pytest.mark.slow
def test_a_pause_the_provider_asks_for_is_kept_by_all_and_told_once(
    asked: ProjectFolder, server: FaultServer
) -> None:
    server.play(reply(429, {"error": {"message": "slow"}}, headers={"retry-after": "1"}), echo)
    write_rows(asked, rows(8))
    done = run(asked, *BULK, "--jobs", "1")
    assert done.code == 0
    assert done.out.count("rate limited by fake: waiting 1 s") == 1
    first, *others = (request.at for request in server.requests)
    assert min(others) - first >= 1.0


@pytest.mark.slow
def test_a_request_waiting_to_be_asked_again_holds_no_worker(
    asked: ProjectFolder, server: FaultServer
) -> None:
    server.play(reply(500, {"error": {"message": "oops"}}), echo)
    write_rows(asked, rows(6))
    done = run(asked, *BULK, "--jobs", "1")
    assert done.code == 0
    order = [request.json["messages"][-1]["content"] for request in server.requests]
    assert order == [*(f"Hello {name}" for name in rows(6)), "Hello n0"]


@pytest.mark.slow
def test_debug_tells_each_request_without_a_key(asked: ProjectFolder, server: FaultServer) -> None:
    server.play(reply(500, {"error": {"message": "oops"}}), completion())
    done = run(asked, "--case", "ada", "--debug")
    first, second = done.err.splitlines()
    assert first.startswith(f"POST {server.base_url}/chat/completions hello/ada#0 attempt 1: 500, ")
    assert "retrying in" in first
    assert " attempt 2: 200, " in second


# --- how many at once -----------------------------------------------------------------------------------------------


def test_there_are_no_more_workers_than_jobs(asked: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    write_rows(asked, rows(3))
    tasks, create_task = [], asyncio.TaskGroup.create_task

    def counted(group: asyncio.TaskGroup, work: Any, **more: Any) -> Any:
        tasks.append(work)
        return create_task(group, work, **more)

    monkeypatch.setattr(asyncio.TaskGroup, "create_task", counted)
    assert run(asked, *BULK, "--jobs", "300000").code == 0
    assert 3 <= len(tasks) < 20


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX systems")
@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
def test_more_at_once_than_files_may_be_open_is_as_many_as_there_may_be(
    asked: ProjectFolder, server: FaultServer, transport: str
) -> None:
    if transport == "aiohttp":
        pytest.importorskip("aiohttp")
    write_rows(asked, rows(150))
    server.play(lambda request: (0.05, *echo(request)))
    command = f'ulimit -n 80; exec "$0" -m runner run {" ".join(BULK)} --jobs 100 --transport {transport}'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable],
        cwd=asked.folder,
        env=asked.environ({"FAKE_KEY": KEY}),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (
        "32 requests at once to fake, not 100: the limit on open files is too low (ulimit -n)" in done.stdout
    )
    assert len(server.requests) == 150


# --- arguments ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("amount", ["nan", "inf", "0", "-1", "x"])
def test_a_bound_of_costs_is_an_amount(asked: ProjectFolder, server: FaultServer, amount: str) -> None:
    assert run(asked, "--max-cost", amount).code == 2
    assert not server.requests


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX only")
def test_rows_that_can_be_read_only_once_are_refused_and_why(asked: ProjectFolder) -> None:
    os.mkfifo(asked.folder / "pipe.jsonl")
    done = run(asked, "prompts/hello.prompt.yaml", "--input", "pipe.jsonl")
    assert done.code == 2
    assert "--input pipe.jsonl can be read only once" in done.err
    assert "save them to a file, or pass them on standard input: --input -" in done.err


def test_a_row_that_cannot_be_rendered_is_named(asked: ProjectFolder, server: FaultServer) -> None:
    asked.write(
        "prompts/share.prompt.yaml",
        'model: gpt-test\ninputs: {n: {type: integer}}\nmessages: [{role: user, content: "{{ 10 // n }}"}]\n',
    )
    asked.write("rows.jsonl", "".join(f'{{"n": {n}}}\n' for n in (1, 0, 2)))
    done = run(asked, "prompts/share.prompt.yaml", "--input", "rows.jsonl")
    assert done.code == 2
    assert "prompts/share.prompt.yaml:3: error: " in done.err
    assert "modulo by zero (with the variables of rows.jsonl:2:1)\n" in done.err
    assert not server.requests


def test_a_folder_of_rows_is_refused_and_why(asked: ProjectFolder) -> None:
    (asked.folder / "rows").mkdir()
    done = run(asked, "prompts/hello.prompt.yaml", "--input", "rows")
    assert done.code == 2
    assert "--input rows is a folder" in done.err
