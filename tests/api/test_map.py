"""`map` and `amap`: a result for every row, in flat memory, with a journal to continue from."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

import runner
from tests.faults import FaultServer, completion, reply
from tests.patience import wait_until

from .prompts import ECHO, loaded, project


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


@pytest.fixture
def prompt(tmp_path: Path, server: FaultServer) -> Iterator[runner.LoadedPrompt]:
    with loaded(tmp_path, server.base_url, concurrency=4) as prompt:
        yield prompt


def rows(count: int) -> list[dict[str, Any]]:
    return [{"text": f"row {number}", "key": number} for number in range(count)]


async def collected(results: AsyncIterator[runner.Result]) -> list[runner.Result]:
    return [result async for result in results]


def test_each_row_has_its_result_in_the_order_of_the_rows(
    prompt: runner.LoadedPrompt, server: FaultServer
) -> None:
    given = rows(300)
    results = list(prompt.map(given))
    assert [result.text for result in results] == [row["text"] for row in given]
    assert [result.index for result in results] == list(range(300))
    assert [result.row for result in results] == given
    assert server.connections <= 4


def test_the_same_in_a_coroutine(prompt: runner.LoadedPrompt) -> None:
    given = rows(300)
    assert [r.row for r in asyncio.run(collected(prompt.amap(given)))] == given

    async def source() -> AsyncIterator[dict[str, Any]]:
        for row in given:
            yield row

    async def work() -> list[runner.Result]:
        return await collected(prompt.amap(source()))

    assert [r.row for r in asyncio.run(work())] == given


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 128, 129])
def test_any_number_of_rows(prompt: runner.LoadedPrompt, count: int) -> None:
    assert len(list(prompt.map(rows(count)))) == count


def test_results_come_as_they_arrive_if_the_order_does_not_matter(
    prompt: runner.LoadedPrompt, server: FaultServer
) -> None:
    slow = threading.Event()
    server.play(
        lambda request: (slow, *completion("slow")) if "row 0" in str(request.json) else completion("fast")
    )
    results = prompt.map(rows(40), order=False)
    first = [next(results).text for _ in range(39)]
    slow.set()
    assert (set(first), [result.text for result in results]) == ({"fast"}, ["slow"])


def test_a_slow_answer_holds_back_the_order_and_not_the_requests(
    prompt: runner.LoadedPrompt, server: FaultServer
) -> None:
    slow = threading.Event()
    server.play(
        lambda request: (slow, *completion("slow")) if "row 0" in str(request.json) else completion("fast")
    )
    found: list[runner.Result] = []
    reader = threading.Thread(target=lambda: found.extend(prompt.map(rows(500))))
    reader.start()
    wait_until(lambda: len(server.requests) == 500)
    assert found == []
    slow.set()
    reader.join()
    assert [result.index for result in found] == list(range(500))


def test_rows_are_read_as_they_are_needed(prompt: runner.LoadedPrompt) -> None:
    read = 0

    def source() -> Iterator[dict[str, str]]:
        nonlocal read
        while True:
            read += 1
            yield {"text": "x"}

    results = prompt.map(source())
    assert read == 0
    for _ in range(100):
        next(results)
    assert read < 1000
    results.close()  # type: ignore[attr-defined]  # it is a generator


def test_rows_are_read_in_the_thread_of_the_caller(prompt: runner.LoadedPrompt) -> None:
    threads = set()

    def source() -> Iterator[dict[str, str]]:
        for _ in range(50):
            threads.add(threading.current_thread())
            yield {"text": "x"}

    assert len(list(prompt.map(source()))) == 50
    assert threads == {threading.current_thread()}


def test_a_row_of_a_slow_source_is_sent_before_the_next_one_is_there(
    prompt: runner.LoadedPrompt, server: FaultServer
) -> None:
    def source() -> Iterator[dict[str, str]]:
        for number in range(3):
            wait_until(lambda number=number: len(server.requests) == number)
            import time

            time.sleep(0.006)  # longer than it waits for more rows
            yield {"text": "x"}

    assert len(list(prompt.map(source()))) == 3


def test_no_row_raises(tmp_path: Path, server: FaultServer) -> None:
    text = ECHO.replace("{type: string}", "{type: string, maxLength: 20}")
    bad = [
        {"text": 3},
        {"txt": "x"},
        {},
        "text",
        None,
        {"text": float("nan")},
        {"text": "x" * 21},
        {1: "x"},
        {"text": {1, 2}},
    ]
    server.play(
        lambda request: (
            reply(400, {"error": {"message": "no", "code": "bad"}})
            if "400" in str(request.json)
            else completion("x")
        )
    )
    given = [{"text": "good"}, *bad, {"text": "a 400"}, {"text": "good"}]
    with loaded(tmp_path, server.base_url, text) as prompt:
        results = list(prompt.map(given))  # type: ignore[arg-type]  # that is the point
        same = asyncio.run(collected(prompt.amap(given)))  # type: ignore[arg-type]
    codes = [result.error["code"] if result.error else None for result in results]
    assert codes == [None, *["row"] * len(bad), "bad", None]
    assert [result.row for result in results[:6]] == given[:6]
    assert [each.detail for each in same] == [each.detail for each in results]
    assert "rows[1]" in str(results[1].detail)
    assert all(not result.passed for result in results[1:-1])


def test_a_template_that_fails_for_a_row_is_a_result(tmp_path: Path, server: FaultServer) -> None:
    text = "model: m\nmessages: [{role: user, content: '{{ a.b }}'}]\n"
    with loaded(tmp_path, server.base_url, text) as prompt:
        results = list(prompt.map([{"a": {"b": "x"}}, {"a": {}}, {}]))
    assert [result.error["code"] if result.error else None for result in results] == [None, "row", "row"]


def test_what_the_rows_raise_is_raised_after_the_results_before_it(prompt: runner.LoadedPrompt) -> None:
    def source() -> Iterator[dict[str, str]]:
        yield from rows(50)
        raise OSError("the file is gone")

    results = prompt.map(source())
    assert [next(results).index for _ in range(50)] == list(range(50))
    with pytest.raises(OSError, match="the file is gone"):
        next(results)

    async def asource() -> AsyncIterator[dict[str, str]]:
        for row in rows(50):
            yield row
        raise OSError("the file is gone")

    async def work() -> int:
        count = 0
        with pytest.raises(OSError, match="the file is gone"):
            async for _ in prompt.amap(asource()):
                count += 1
        return count

    assert asyncio.run(work()) == 50


@pytest.mark.parametrize("wrong", ["text", b"x", {"text": "x"}, 3, None])
def test_rows_that_are_none_are_refused_at_once(prompt: runner.LoadedPrompt, wrong: Any) -> None:
    with pytest.raises(runner.RunnerError, match="rows is an iterable of mappings"):
        prompt.map(wrong)
    with pytest.raises(runner.RunnerError, match="rows is an iterable of mappings"):
        prompt.amap(wrong)


def test_a_setup_that_cannot_work_raises_before_the_first_request(
    tmp_path: Path, server: FaultServer
) -> None:
    prompt = runner.load(project(tmp_path, server.base_url, api_key_env="NO_SUCH_KEY"), environ={})
    with pytest.raises(runner.RunnerError, match="NO_SUCH_KEY"):
        list(prompt.map(rows(3)))
    with pytest.raises(runner.RunnerError, match="jobs="):
        list(prompt.map(rows(3), jobs=0))
    assert server.requests == []


def test_an_endpoint_that_is_down_gives_a_result_for_every_row(tmp_path: Path, server: FaultServer) -> None:
    server.play(reply(500, {"error": {"message": "out of order"}}))
    with loaded(tmp_path, server.base_url, concurrency=3, max_retries=0) as prompt:
        results = list(prompt.map(rows(300)))
        assert len(server.requests) <= 12
        assert [result.index for result in results] == list(range(300))
        last = results[-1].error
        assert last is not None
        assert (last["code"], "out of order" in last["message"]) == ("not_sent", True)
        server.play(completion("up"))
        assert [result.outcome for result in prompt.map(rows(3))] == ["ok"] * 3


def test_jobs_of_a_map_are_its_own(tmp_path: Path, server: FaultServer) -> None:
    with loaded(tmp_path, server.base_url, concurrency=2) as prompt:
        list(prompt.map(rows(100), jobs=6))
    assert 2 < server.connections <= 6


@pytest.mark.slow
def test_maps_and_calls_share_a_declared_rate(tmp_path: Path, server: FaultServer) -> None:
    import time

    began = time.monotonic()
    with loaded(tmp_path, server.base_url, rpm=6000) as prompt:

        async def work() -> None:
            await asyncio.gather(
                collected(prompt.amap(rows(130), jobs=8)),
                collected(prompt.amap(rows(80))),
                *(prompt.arun(text="x") for _ in range(50)),
            )

        asyncio.run(work())
    assert len(server.requests) == 260
    assert max(request.at for request in server.requests) - began > 0.55


def test_overrides_are_sent_with_every_row(prompt: runner.LoadedPrompt, server: FaultServer) -> None:
    list(prompt.map(rows(3), overrides={"temperature": 0.5}))
    assert [request.json["temperature"] for request in server.requests] == [0.5] * 3


def test_leaving_early_frees_everything(
    prompt: runner.LoadedPrompt, server: FaultServer, tmp_path: Path
) -> None:
    for result in prompt.map(iter(lambda: {"text": "x"}, None), journal=tmp_path / "j.jsonl"):
        assert result.passed
        break
    assert prompt.run(text="after").text == "after"
    assert len(list(prompt.map(rows(3), journal=tmp_path / "j.jsonl"))) == 3


# --- the journal ------------------------------------------------------------------------------------------------------


def test_the_same_call_with_the_same_journal_sends_what_is_missing(
    prompt: runner.LoadedPrompt, server: FaultServer, tmp_path: Path
) -> None:
    journal = tmp_path / "parts" / "p07.jsonl"
    first = list(prompt.map(rows(40), journal=journal))
    again = list(prompt.map(rows(60), journal=journal))
    assert [result.text for result in again[:40]] == [result.text for result in first]
    assert [result.row for result in again] == rows(60)
    assert len(server.requests) == 60
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    assert {line["prompt"] for line in lines} == {"p"}
    assert {line["file"] for line in lines} == {"p.prompt.yaml"}


def test_equal_rows_are_each_sent_once(
    prompt: runner.LoadedPrompt, server: FaultServer, tmp_path: Path
) -> None:
    for _ in range(2):
        assert len(list(prompt.map([{"text": "same"}] * 5, journal=tmp_path / "j.jsonl"))) == 5
    assert len(server.requests) == 5


def test_rows_in_another_order_find_their_answers(
    prompt: runner.LoadedPrompt, server: FaultServer, tmp_path: Path
) -> None:
    list(prompt.map(rows(20), journal=tmp_path / "j.jsonl"))
    again = list(prompt.map(rows(20)[::-1], journal=tmp_path / "j.jsonl"))
    assert [result.text for result in again] == [row["text"] for row in rows(20)[::-1]]
    assert [result.index for result in again] == list(range(20))
    assert len(server.requests) == 20


def test_a_changed_request_is_sent_again(
    prompt: runner.LoadedPrompt, server: FaultServer, tmp_path: Path
) -> None:
    list(prompt.map(rows(5), journal=tmp_path / "j.jsonl"))
    for _ in range(2):
        list(prompt.map(rows(5), journal=tmp_path / "j.jsonl", overrides={"seed": 1}))
    assert len(server.requests) == 10


def test_an_error_is_asked_again_and_an_answer_of_any_kind_is_not(
    tmp_path: Path, server: FaultServer
) -> None:
    server.play(completion(""), reply(400, {"error": {"message": "no"}}), completion("late"))
    with loaded(tmp_path, server.base_url, concurrency=1) as prompt:
        outcomes = [
            [result.outcome for result in prompt.map(rows(2), journal=tmp_path / "j.jsonl")] for _ in range(2)
        ]
    assert outcomes == [["empty", "error"], ["empty", "ok"]]
    assert len(server.requests) == 3


@pytest.mark.parametrize("cut", [1, 5, 9, 30, 200])
def test_a_torn_end_is_dropped(
    prompt: runner.LoadedPrompt, server: FaultServer, tmp_path: Path, cut: int
) -> None:
    journal = tmp_path / "j.jsonl"
    list(prompt.map(rows(3), journal=journal))
    journal.write_bytes(journal.read_bytes()[:-cut])
    assert len(list(prompt.map(rows(3), journal=journal))) == 3
    assert len(server.requests) == 4
    only = journal.read_bytes().splitlines(keepends=True)[0]
    journal.write_bytes(only[:-cut])
    assert len(list(prompt.map(rows(1), journal=journal))) == 1
    assert len(server.requests) == 5


@pytest.mark.parametrize("content", [b"id,text\n1,x\n", b"important", b'{"a": 1}\n', b"\n"])
def test_a_file_of_another_kind_is_never_touched(
    prompt: runner.LoadedPrompt, server: FaultServer, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "data.csv"
    file.write_bytes(content)
    with pytest.raises(runner.RunnerError, match="is not a journal of runner"):
        list(prompt.map(rows(3), journal=file))
    assert file.read_bytes() == content
    assert server.requests == []


def test_a_damaged_journal_is_reported_and_not_changed(prompt: runner.LoadedPrompt, tmp_path: Path) -> None:
    journal = tmp_path / "j.jsonl"
    list(prompt.map(rows(3), journal=journal))
    damaged = journal.read_bytes().replace(b"row 1", b"row 9", 1)
    journal.write_bytes(damaged)
    with pytest.raises(runner.RunnerError, match=r"j\.jsonl:\d"):
        list(prompt.map(rows(3), journal=journal))
    assert journal.read_bytes() == damaged


def test_two_maps_cannot_write_one_journal(prompt: runner.LoadedPrompt, tmp_path: Path) -> None:
    results = prompt.map(rows(50), journal=tmp_path / "j.jsonl")
    next(results)
    with pytest.raises(runner.RunnerError, match="being written by another process"):
        next(prompt.map(rows(50), journal=tmp_path / "j.jsonl"))
    assert len(list(results)) == 49


def test_a_journal_that_cannot_be_created_is_an_error_before_the_first_request(
    prompt: runner.LoadedPrompt, server: FaultServer, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x")
    for wrong in (tmp_path, tmp_path / "file" / "j.jsonl"):
        with pytest.raises(runner.RunnerError):
            list(prompt.map(rows(3), journal=wrong))
    assert server.requests == []


def test_keys_are_not_in_the_journal(tmp_path: Path, server: FaultServer) -> None:
    key = "sk-test-planted-key-0123456789"
    path = project(tmp_path, server.base_url, api_key_env="KEY")
    with runner.load(path, environ={"KEY": key}) as prompt:
        (result,) = prompt.map([{"text": f"my key is {key}"}], journal=tmp_path / "j.jsonl")
    assert key not in (tmp_path / "j.jsonl").read_text()
    assert result.passed


def test_a_full_disk_stops_the_requests(
    prompt: runner.LoadedPrompt, server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runner.engine.journal import journal_file

    def full(_descriptor: int, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(journal_file.os, "write", full)
    with pytest.raises(runner.RunnerError, match="No space left"):
        list(prompt.map(rows(500), journal=tmp_path / "j.jsonl"))
    assert len(server.requests) <= 20


PROGRAM = """
import sys
import runner

prompt = runner.load(sys.argv[1], environ={}, jobs=8)
rows = ({"text": f"row {number}"} for number in range(400))
with open(sys.argv[3], "a") as seen:
    for result in prompt.map(rows, journal=sys.argv[2], order=sys.argv[4] == "order"):
        seen.write(f"{result.index} {result.text}\\n")
        seen.flush()
print("complete")
"""


@pytest.mark.slow
@pytest.mark.parametrize("order", ["order", "as they come"])
def test_after_a_kill_at_most_what_was_in_flight_is_paid_again(
    tmp_path: Path, server: FaultServer, order: str
) -> None:
    path = project(tmp_path, server.base_url)
    command = [
        sys.executable,
        "-c",
        PROGRAM,
        str(path),
        str(tmp_path / "j.jsonl"),
        str(tmp_path / "seen"),
        order,
    ]
    kills = 3
    for number in range(1, kills + 1):
        child = subprocess.Popen(command, stdout=subprocess.PIPE)
        wait_until(lambda number=number: len(server.requests) >= 80 * number)
        child.send_signal(signal.SIGKILL)
        child.communicate()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "complete\n"
    assert 400 <= len(server.requests) <= 400 + 8 * kills
    (tmp_path / "seen").unlink()
    subprocess.run(command, check=True, capture_output=True)
    lines = (tmp_path / "seen").read_text().splitlines()
    assert sorted(lines) == sorted(f"{number} row {number}" for number in range(400))
    assert len(server.requests) <= 400 + 8 * kills
