"""What the calls of a loaded prompt share: connections, limits, and the circuit breaker."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import runner
from runner.api import channel
from tests.faults import CLOSE, FaultServer, completion, reply
from tests.patience import wait_until

from .prompts import loaded, project


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


async def ask(prompt: runner.LoadedPrompt, count: int) -> list[runner.Result]:
    return await asyncio.gather(*(prompt.arun(text=str(number)) for number in range(count)))


def test_many_calls_at_once_use_as_many_connections_as_requests_may_be_in_flight(
    tmp_path: Path, server: FaultServer
) -> None:
    prompt = loaded(tmp_path, server.base_url, concurrency=8)
    results = asyncio.run(ask(prompt, 300))
    assert [result.text for result in results] == [str(number) for number in range(300)]
    assert server.connections <= 8


def test_calls_one_after_the_other_use_one_connection(tmp_path: Path, server: FaultServer) -> None:
    prompt = loaded(tmp_path, server.base_url)
    assert [prompt.run(text="x").outcome for _ in range(5)] == ["ok"] * 5
    assert server.connections == 1


def test_threads_share_connections(tmp_path: Path, server: FaultServer) -> None:
    with loaded(tmp_path, server.base_url, concurrency=3) as prompt, ThreadPoolExecutor(12) as threads:
        results = list(threads.map(lambda number: prompt.run(text=str(number)).text, range(60)))
    assert results == [str(number) for number in range(60)]
    assert server.connections <= 3


def test_jobs_limits_the_requests_in_flight(tmp_path: Path, server: FaultServer) -> None:
    prompt = loaded(tmp_path, server.base_url, load={"jobs": 2}, concurrency=8)
    asyncio.run(ask(prompt, 20))
    assert server.connections <= 2


@pytest.mark.slow
@pytest.mark.parametrize("ask_in", ["arun", "run"])
def test_a_declared_rate_holds_over_all_calls(tmp_path: Path, server: FaultServer, ask_in: str) -> None:
    prompt = loaded(tmp_path, server.base_url, rpm=6000, concurrency=64)  # 100 a second, and 200 at once
    began = time.monotonic()
    if ask_in == "arun":
        asyncio.run(ask(prompt, 260))
    else:
        with ThreadPoolExecutor(32) as threads:
            list(threads.map(lambda number: prompt.run(text=str(number)), range(260)))
    assert len(server.requests) == 260
    assert max(request.at for request in server.requests) - began > 0.55


@pytest.mark.slow
def test_workers_share_a_rate(tmp_path: Path, server: FaultServer) -> None:
    prompt = loaded(tmp_path, server.base_url, load={"of": 2}, rpm=6000, concurrency=64)
    began = time.monotonic()
    asyncio.run(ask(prompt, 130))  # 50 a second, and 100 at once
    assert max(request.at for request in server.requests) - began > 0.55


def test_workers_share_the_requests_in_flight(tmp_path: Path, server: FaultServer) -> None:
    prompt = loaded(tmp_path, server.base_url, load={"of": 4, "jobs": 8})
    asyncio.run(ask(prompt, 40))
    assert server.connections <= 2
    with pytest.raises(
        runner.RunnerError, match="3 requests at once to here cannot be shared among 4 workers"
    ):
        loaded(tmp_path, server.base_url, load={"of": 4}, concurrency=3)


@pytest.mark.parametrize(
    ("name", "value"), [("of", 0), ("of", True), ("jobs", 0), ("jobs", "many"), ("of", 1.5)]
)
def test_a_number_that_is_none_is_refused(tmp_path: Path, name: str, value: object) -> None:
    with pytest.raises(runner.RunnerError, match=f"{name}="):
        loaded(tmp_path, "http://127.0.0.1:9/v1", load={name: value})


@pytest.mark.slow
def test_a_pause_that_the_server_asks_for_holds_for_all_calls(tmp_path: Path, server: FaultServer) -> None:
    prompt = loaded(tmp_path, server.base_url, concurrency=1)
    server.play(reply(429, {"error": {"message": "slow"}}, headers={"retry-after": "1"}), completion("x"))
    asyncio.run(ask(prompt, 3))
    times = sorted(request.at for request in server.requests)
    assert times[1] - times[0] >= 0.99


def test_a_cancelled_call_frees_its_place(tmp_path: Path, server: FaultServer) -> None:
    never = threading.Event()
    prompt = loaded(tmp_path, server.base_url, concurrency=1)
    server.play((never,), completion("second"))

    async def work() -> runner.Result:
        first = asyncio.create_task(prompt.arun(text="a"))
        second = asyncio.create_task(prompt.arun(text="b"))
        while not server.requests:
            await asyncio.sleep(0.005)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return await second

    assert asyncio.run(work()).text == "second"
    never.set()


# --- closing ----------------------------------------------------------------------------------------------------------


def test_leaving_with_closes_the_connections(tmp_path: Path, server: FaultServer) -> None:
    with loaded(tmp_path, server.base_url) as prompt:
        prompt.run(text="x")
        assert server.closed == 0
    wait_until(lambda: server.closed == 1)


def test_leaving_async_with_closes_the_connections_of_this_loop(tmp_path: Path, server: FaultServer) -> None:
    async def work() -> None:
        async with loaded(tmp_path, server.base_url) as prompt:
            await prompt.arun(text="x")
        while not server.closed:
            await asyncio.sleep(0.005)

    asyncio.run(work())


@pytest.mark.slow
def test_a_prompt_that_nothing_refers_to_closes_its_connections(tmp_path: Path, server: FaultServer) -> None:
    loaded(tmp_path, server.base_url).run(text="x")

    def is_closed() -> bool:
        gc.collect()
        return server.closed == 1

    wait_until(is_closed)


def test_the_end_of_the_loop_closes_the_connections(tmp_path: Path, server: FaultServer) -> None:
    prompt = loaded(tmp_path, server.base_url)
    for number in (1, 2):
        asyncio.run(ask(prompt, 2))
        wait_until(lambda number=number: server.closed == server.connections >= number)
    assert len(prompt._channels) <= 1


def test_a_closed_prompt_may_be_used_again(tmp_path: Path, server: FaultServer) -> None:
    prompt = loaded(tmp_path, server.base_url)
    with prompt:
        prompt.run(text="x")
    assert prompt.run(text="y").text == "y"
    prompt.close()


PROGRAM = """
import asyncio, sys
import runner

prompt = runner.load(sys.argv[1], environ={})
print(prompt.run(text="a").text)
print(asyncio.run(prompt.arun(text="b")).text)
print([piece for piece in prompt.stream(text="c")])
"""


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["aiohttp", "httpx"])
def test_a_program_that_closes_nothing_ends_without_a_warning(
    tmp_path: Path, server: FaultServer, transport: str
) -> None:
    without = "import sys; sys.modules['aiohttp'] = None\n" if transport == "httpx" else ""
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            without + PROGRAM,
            str(project(tmp_path, server.base_url)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("a\nb\n")


def _run_in_a_fork(prompt: runner.LoadedPrompt) -> None:
    os._exit(0 if prompt.run(text="in the fork").text == "in the fork" else 1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_fork_opens_connections_of_its_own(tmp_path: Path, server: FaultServer) -> None:
    prompt = loaded(tmp_path, server.base_url)
    prompt.run(text="before")
    child = multiprocessing.get_context("fork").Process(target=_run_in_a_fork, args=(prompt,))
    child.start()
    child.join()
    assert child.exitcode == 0
    assert prompt.run(text="after").text == "after"
    assert [request.connection for request in server.requests] == [0, 1, 0]


# --- the circuit breaker ----------------------------------------------------------------------------------------------

DOWN = reply(500, {"error": {"message": "out of order"}})


def test_an_endpoint_that_is_down_gets_no_more_requests(tmp_path: Path, server: FaultServer) -> None:
    prompt = loaded(tmp_path, server.base_url, max_retries=0, concurrency=1)
    server.play(DOWN)
    results = asyncio.run(ask(prompt, 50))
    assert {result.outcome for result in results} == {"error"}
    assert len(server.requests) == 10
    last = results[-1].error
    assert last is not None
    assert last["code"] == "not_sent"
    assert "10 cases in a row got no answer (out of order)" in last["message"]


def test_one_request_tries_whether_the_endpoint_is_up_again(
    tmp_path: Path, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "COOL_DOWN", 0.0)
    prompt = loaded(tmp_path, server.base_url, max_retries=0, concurrency=1)

    async def work() -> list[runner.Result]:
        server.play(DOWN)
        await ask(prompt, 12)
        still_down = await prompt.arun(text="x")
        server.play(completion("up"))
        return [still_down, *await ask(prompt, 3)]

    assert [result.outcome for result in asyncio.run(work())] == ["error", "ok", "ok", "ok"]


def test_ten_bad_requests_say_nothing_about_the_next_one(tmp_path: Path, server: FaultServer) -> None:
    prompt = loaded(tmp_path, server.base_url, concurrency=1)
    server.play(*[reply(400, {"error": {"message": "too long"}})] * 15, completion("fine"))
    results = asyncio.run(ask(prompt, 16))
    assert [result.outcome for result in results] == [*["error"] * 15, "ok"]


def test_a_connection_that_breaks_is_a_result_and_the_next_call_gets_a_new_one(
    tmp_path: Path, server: FaultServer
) -> None:
    prompt = loaded(tmp_path, server.base_url, max_retries=0)
    server.play((CLOSE,), completion("fine"))
    assert [prompt.run(text="x").outcome for _ in range(2)] == ["error", "ok"]


def test_a_loaded_prompt_says_what_can_be_sent_to_another_process(tmp_path: Path) -> None:
    import pickle

    with pytest.raises(TypeError, match=r"runner\.Prompt"):
        pickle.dumps(loaded(tmp_path, "http://127.0.0.1:9/v1"))


def test_a_missing_key_is_an_error_of_every_call(tmp_path: Path) -> None:
    path = project(tmp_path, "http://127.0.0.1:9/v1", api_key_env="NO_SUCH_KEY")
    prompt = runner.load(path, environ={})
    for _ in range(2):
        with pytest.raises(runner.RunnerError, match="NO_SUCH_KEY"):
            prompt.run(text="x")
