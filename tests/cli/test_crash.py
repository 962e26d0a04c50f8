"""What is paid for is never lost, whatever ends the process: kill -9, a full disk, a journal cut anywhere."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import pytest

from runner.engine.journal.index import JournalIndex
from runner.errors import StorageError
from tests.faults import FaultServer, Received, Steps, echo
from tests.patience import PATIENCE, wait_until

from .asking import KEY, held_after, read_until, rows, run, write_rows
from .project import ProjectFolder

pytestmark = pytest.mark.slow

JOBS = 4
BULK = ("run", "prompts/hello.prompt.yaml", "--input", "rows.jsonl", "--jobs", str(JOBS))

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits of POSIX systems")


def a_little_slow(request: Received) -> Steps:
    return (0.005, *echo(request))


def folder_of(project: ProjectFolder) -> Path:
    [folder] = (project.folder / ".runner" / "runs").iterdir()
    return folder


def journal_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


class KillLoop:
    """`kill -9` again and again, at a request that is drawn by lot or while it starts; what was asked, kept, paid again."""

    ROWS_A_ROUND = 25

    def __init__(self, project: ProjectFolder, server: FaultServer, rounds: int, seed: int) -> None:
        self.project, self.server, self.rounds = project, server, rounds
        # More than can be asked: at most a round's rows are answered in it, and as many as there are jobs are held.
        self.names = rows((self.ROWS_A_ROUND + JOBS) * rounds + 1)
        self.chance = random.Random(seed)
        self.most_under_way = 0
        write_rows(project, self.names)

    def kill(self, command: Callable[[], tuple[str, ...]]) -> None:
        """Kill the command that many times; no answer that was kept is lost or asked for again."""
        kept: set[str] = set()
        for number in range(self.rounds):
            before = len(self.server.requests)
            released = threading.Event()
            self.server.play(held_after(self.server, before + self.ROWS_A_ROUND, released))
            process = self.project.start(*command(), env={"FAKE_KEY": KEY})
            if number % 5 == 4:
                time.sleep(self.chance.uniform(0, 0.5))
            else:
                arrived = before + self.chance.randint(1, self.ROWS_A_ROUND + JOBS)
                wait_until(lambda arrived=arrived: len(self.server.requests) >= arrived)
                time.sleep(self.chance.uniform(0, 0.01))
            process.kill()
            process.communicate()
            released.set()
            wait_until(lambda: self.server.closed == self.server.connections)
            now, asked = self.kept(), self.asked(before)
            assert kept <= now
            assert not kept & set(asked), "an answer was kept, and asked for again"
            self.most_under_way = max(self.most_under_way, asked.total() - len(now - kept))
            kept = now
        assert self.most_under_way <= JOBS

    def kept(self) -> set[str]:
        """Whose answers the journals of the project have, whole lines only."""
        lines = [
            line
            for journal in (self.project.folder / ".runner" / "runs").glob("*/results.jsonl")
            for line in journal.read_bytes().split(b"\n")[:-1]
        ]
        return {json.loads(line)["vars"]["name"] for line in lines}

    def asked(self, since: int = 0) -> Counter[str]:
        said = (request.json["messages"][-1]["content"] for request in self.server.requests[since:])
        return Counter(text.removeprefix("Hello ") for text in said)

    def told(self) -> str:
        """The figures, once the command has come to its end."""
        asked = self.asked()
        assert set(asked) == set(self.names)
        again = asked.total() - len(self.names)
        assert again <= self.rounds * self.most_under_way
        return (
            f"{self.rounds} kills: {len(self.names):,} answers, 0 lost, {again} paid again, "
            f"{self.most_under_way} under way at most ({JOBS} jobs)"
        )


ROUNDS = [(5, 0)]
ROUNDS += [
    pytest.param(20, seed, marks=pytest.mark.e2e) for seed in range(int(os.environ.get("KILLS", "40")) // 20)
]
"""Kills, and the seed of the lots: many kills are many runs, since each start reads and renders all of a run's rows."""


@posix
@pytest.mark.parametrize(("rounds", "seed"), ROUNDS)
def test_killed_again_and_again_a_run_loses_nothing_and_pays_again_at_most_what_was_under_way(
    asked: ProjectFolder, server: FaultServer, rounds: int, seed: int
) -> None:
    loop = KillLoop(asked, server, rounds, seed)
    resume = ("run", "--resume", "last", "--jobs", str(JOBS), "--no-cache")
    loop.kill(lambda: resume if list(asked.folder.glob(".runner/runs/*/run.json")) else (*BULK, "--no-cache"))
    server.play(a_little_slow)
    done = run(asked, "--resume", "last", "--no-cache")
    assert done.code == 0, done.err
    records = journal_of(folder_of(asked))
    assert Counter(record["vars"]["name"] for record in records) == Counter(loop.names)
    print("run,", loop.told())


PROMPT_OF_MANY = """
name: hello
model: gpt-test
inputs: {name: {type: string}}
messages: [{role: user, content: "Hello {{ name }}"}]
tests: [{file: ../rows.jsonl}]
"""


@posix
@pytest.mark.parametrize(("rounds", "seed"), ROUNDS)
def test_killed_again_and_again_a_test_run_loses_nothing_and_pays_again_at_most_what_was_under_way(
    asked: ProjectFolder, server: FaultServer, rounds: int, seed: int
) -> None:
    asked.write("prompts/hello.prompt.yaml", PROMPT_OF_MANY)
    loop = KillLoop(asked, server, rounds, seed)
    loop.kill(lambda: ("test", "--jobs", str(JOBS)))
    server.play(a_little_slow)
    done = asked.run("test", env={"FAKE_KEY": KEY})
    assert done.code == 4, done.err
    assert "resuming the test run" in done.out
    waiting = json.loads(asked.run("pending", "--json").out)
    assert len(waiting) == len(loop.names)
    print("test,", loop.told())


def a_test_run_that_was_killed(asked: ProjectFolder, server: FaultServer) -> None:
    """Its journal has answers that nothing else has: no cache, no answers pending."""
    write_rows(asked, rows(8))
    asked.write("prompts/hello.prompt.yaml", PROMPT_OF_MANY)
    assert asked.run("test", env={"FAKE_KEY": KEY}).code == 4
    manifest = folder_of(asked) / "run.json"
    manifest.write_text(manifest.read_text().replace('"status": "complete"', '"status": "running"'))
    shutil.rmtree(asked.folder / ".runner" / "pending")
    (asked.folder / ".runner" / "cache.sqlite3").unlink()
    server.requests.clear()


def test_a_test_run_takes_the_answers_of_one_that_was_killed(
    asked: ProjectFolder, server: FaultServer
) -> None:
    a_test_run_that_was_killed(asked, server)
    assert asked.run("test", env={"FAKE_KEY": KEY}).code == 4
    assert server.requests == []
    assert len(json.loads(asked.run("pending", "--json").out)) == 8
    assert json.loads((folder_of(asked) / "run.json").read_text())["status"] == "complete"


def test_the_list_of_runs_counts_the_answers_that_a_killed_run_has_stored(
    asked: ProjectFolder, server: FaultServer
) -> None:
    write_rows(asked, rows(50))
    released = threading.Event()
    server.play(held_after(server, 5, released))
    process = asked.start(*BULK, "--no-cache", env={"FAKE_KEY": KEY})
    wait_until(lambda: len(server.requests) >= 5 + JOBS and len(journal_of(folder_of(asked))) >= 5)
    process.kill()
    process.communicate()
    released.set()
    stored = len(journal_of(folder_of(asked)))
    assert f"  killed  {stored}/50 " in asked.run("runs").out
    assert f"{stored} of 50" in asked.run("runs", "show", "last").out
    facts = json.loads(asked.run("runs", "show", "last", "--json").out)
    assert (facts["status"], facts["done"], facts["passed"]) == ("killed", stored, stored)


def test_a_damaged_journal_does_not_hide_the_other_runs(asked: ProjectFolder, server: FaultServer) -> None:
    a_test_run_that_was_killed(asked, server)
    journal = folder_of(asked) / "results.jsonl"
    journal.write_bytes(b"not a record\n" + journal.read_bytes())
    assert run(asked).code == 0
    listed = asked.run("runs")
    assert listed.code == 0
    assert re.search(r"killed +\? ", listed.out)
    assert " complete " in listed.out


@pytest.mark.parametrize("how", [["--record", "all"], ["--live"], ["--no-cache"]], ids=" ".join)
def test_a_test_run_that_asks_for_everything_takes_nothing_from_one_that_was_killed(
    asked: ProjectFolder, server: FaultServer, how: list[str]
) -> None:
    a_test_run_that_was_killed(asked, server)
    asked.run("test", *how, env={"FAKE_KEY": KEY})
    assert len(server.requests) == 8


@pytest.mark.parametrize(
    "changed",
    [
        ("model: gpt-test", "model: gpt-other"),
        ('"Hello {{ name }}"', '"Dear {{ name }}"'),
        ("tests:", "assert: [{type: contains, value: Goodbye}]\ntests:"),
    ],
    ids=["model", "message", "assertion"],
)
def test_an_answer_of_a_killed_test_run_is_not_taken_for_another_question_or_another_check(
    asked: ProjectFolder, server: FaultServer, changed: tuple[str, str]
) -> None:
    a_test_run_that_was_killed(asked, server)
    asked.write("prompts/hello.prompt.yaml", PROMPT_OF_MANY.replace(*changed))
    asked.run("test", env={"FAKE_KEY": KEY})
    assert len(server.requests) == 8


def test_a_damaged_journal_of_a_killed_test_run_is_told_and_left_alone(
    asked: ProjectFolder, server: FaultServer
) -> None:
    a_test_run_that_was_killed(asked, server)
    results = folder_of(asked) / "results.jsonl"
    results.write_bytes(results.read_bytes().replace(b"Hello n1", b"Jello n1"))
    before = results.read_bytes()
    done = asked.run("test", env={"FAKE_KEY": KEY})
    assert "is left alone" in done.out
    assert len(server.requests) == 8
    assert results.read_bytes() == before


def test_an_answer_out_of_which_a_key_was_cut_is_asked_for_again(
    asked: ProjectFolder, server: FaultServer
) -> None:
    a_test_run_that_was_killed(asked, server)
    write_rows(asked, [*rows(7), f"n7 {KEY}"])
    asked.run("test", env={"FAKE_KEY": KEY})
    shutil.rmtree(asked.folder / ".runner" / "pending")
    sent = len(server.requests)
    assert asked.run("test", env={"FAKE_KEY": KEY}).code == 2
    assert len(server.requests) > sent


def test_each_changed_bit_of_a_journal_is_told_and_never_a_verdict(
    asked: ProjectFolder, server: FaultServer, tmp_path: Path
) -> None:
    write_rows(asked, rows(3))
    run(asked, *BULK[1:], "--jobs", "1")
    folder = folder_of(asked)
    names = json.loads((folder / "run.json").read_text())["files"]
    first, middle, last = (folder / "results.jsonl").read_bytes().splitlines(keepends=True)
    copy = tmp_path / "flipped.jsonl"
    for bit in range(8 * (len(middle) - 1)):
        flipped = bytearray(middle)
        flipped[bit // 8] ^= 1 << bit % 8
        copy.write_bytes(first + flipped + last)
        with pytest.raises(StorageError, match=r"flipped\.jsonl:2: "):
            JournalIndex(copy, names)


def test_a_journal_of_a_version_without_checksums_is_resumed(
    asked: ProjectFolder, server: FaultServer
) -> None:
    write_rows(asked, rows(6))
    run(asked, *BULK[1:], "--jobs", "1", "--no-cache")
    results = folder_of(asked) / "results.jsonl"
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    for line in lines:
        del line["checksum"]
    results.write_text("".join(json.dumps(line) + "\n" for line in lines[:4]))
    server.requests.clear()
    done = run(asked, "--resume", "last", "--no-cache", "--output", "all.jsonl")
    assert done.code == 0
    assert len(server.requests) == 2
    written = [json.loads(line) for line in (asked.folder / "all.jsonl").read_text().splitlines()]
    assert sorted(record["vars"]["name"] for record in written) == rows(6)
    assert not any("checksum" in record for record in written)


@posix
def test_a_cache_that_cannot_be_written_any_more_ends_no_run_and_loses_no_answer(
    asked: ProjectFolder, server: FaultServer
) -> None:
    write_rows(asked, rows(300))
    server.play(a_little_slow)
    with asked.start(*BULK, env={"FAKE_KEY": KEY}) as process:
        place = asked.folder / ".runner" / "cache.sqlite3"
        while not place.exists() or len(server.requests) < 20:
            time.sleep(0.005)
        with contextlib.closing(sqlite3.connect(place, isolation_level=None, timeout=60)) as other:
            other.execute("BEGIN IMMEDIATE")
            out, err = process.communicate()
    assert process.returncode == 0, err
    assert (out + err).count("this run continues without it") == 1
    assert len(server.requests) == len(journal_of(folder_of(asked))) == 300


def test_a_journal_cut_at_any_byte_is_whole_up_to_its_last_job(
    asked: ProjectFolder, server: FaultServer, tmp_path: Path
) -> None:
    write_rows(asked, rows(4))
    run(asked, *BULK[1:], "--jobs", "1")
    folder = folder_of(asked)
    whole = (folder / "results.jsonl").read_bytes()
    names = json.loads((folder / "run.json").read_text())["files"]
    ends = [0, *(index + 1 for index, byte in enumerate(whole) if byte == 0x0A)]
    cut = tmp_path / "cut.jsonl"
    for size in range(len(whole) + 1):
        cut.write_bytes(whole[:size])
        past = JournalIndex(cut, names)
        assert past.sound == max(end for end in ends if end <= size)
        assert past.lost == size - past.sound
        assert len(past) == ends.index(past.sound)
        assert b"".join(whole[o : o + n] for _, o, n in past.records()) == whole[: past.sound]


def test_a_journal_cut_at_any_byte_resumes_to_the_same_results(
    asked: ProjectFolder, server: FaultServer
) -> None:
    write_rows(asked, rows(3))
    run(asked, *BULK[1:], "--jobs", "1", "--no-cache")
    folder = folder_of(asked)
    whole = (folder / "results.jsonl").read_bytes()
    ends = [index + 1 for index, byte in enumerate(whole) if byte == 0x0A]
    cuts = {0, 1, len(whole) - 1, len(whole), *(end + step for end in ends[:-1] for step in (-1, 0, 1))}
    cuts |= set(random.Random(0).sample(range(len(whole)), 12))
    for size in sorted(cuts):
        (folder / "results.jsonl").write_bytes(whole[:size])
        server.requests.clear()
        assert run(asked, "--resume", "last", "--no-cache", "--jobs", "1").code == 0
        answered = sum(end <= size for end in ends)
        assert len(server.requests) == 3 - answered
        assert sorted(record["text"] for record in journal_of(folder)) == ["Hello n0", "Hello n1", "Hello n2"]


def limited(project: ProjectFolder, size: int, *args: str) -> subprocess.CompletedProcess[str]:
    """The command where no file may grow beyond `size` bytes, as on a disk that is full."""
    import resource

    process = subprocess.run(
        [sys.executable, "-W", "error", "-m", "runner", *args],
        cwd=project.folder,
        env=project.environ({"FAKE_KEY": KEY}),
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY)),
        timeout=PATIENCE,
    )
    assert "Traceback" not in process.stderr, process.stderr
    return process


@posix
def test_a_full_disk_stops_spending_and_what_was_under_way_is_printed(
    asked: ProjectFolder, server: FaultServer
) -> None:
    write_rows(asked, rows(200))
    server.play(a_little_slow)
    done = limited(asked, 20_000, *BULK, "--no-cache")
    assert done.returncode == 3
    assert "results cannot be stored" in done.stderr
    records = journal_of(folder_of(asked))
    printed = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert 5 < len(records) < 100
    assert 1 <= len(printed) <= JOBS
    # Each request that was made has its answer in the one place or the other, and none was made after that.
    answered = {record["text"] for record in (*records, *printed)}
    assert answered == {request.json["messages"][-1]["content"] for request in server.requests}
    again = run(asked, "--resume", "last", "--no-cache")
    assert again.code == 0
    assert Counter(record["vars"]["name"] for record in journal_of(folder_of(asked))) == Counter(rows(200))


@posix
def test_a_disk_that_is_too_full_for_the_cache_stops_spending_too(
    asked: ProjectFolder, server: FaultServer
) -> None:
    write_rows(asked, rows(400))
    server.play(a_little_slow)
    done = limited(asked, 40_000, *BULK, "--set", f"user={'x' * 20}")
    assert done.returncode == 3
    assert len(server.requests) < 200
    assert len(journal_of(folder_of(asked))) >= len(server.requests) - JOBS


@posix
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux only")
def test_an_output_that_is_full_stops_spending_and_keeps_the_journal(
    asked: ProjectFolder, server: FaultServer
) -> None:
    (asked.folder / "out.jsonl").symlink_to("/dev/full")
    write_rows(asked, rows(100))
    server.play(a_little_slow)
    done = run(asked, *BULK[1:], "--output", "out.jsonl")
    assert done.code == 3
    assert "cannot be written: No space left on device" in done.err
    assert len(server.requests) <= 2 * JOBS
    assert len(journal_of(folder_of(asked))) == len(server.requests)


def test_what_the_journal_could_not_keep_stands_in_no_output_either(
    asked: ProjectFolder, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one exception nobody could tell afterwards: a record of the output that --resume asks and pays for again."""
    write, left = os.write, [3]

    def full_after_three(descriptor: int, data: bytes) -> int:
        if data.startswith(b'{"prompt"'):  # the journal's
            left[0] -= 1
            if left[0] < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr("runner.engine.journal.journal_file.os.write", full_after_three)
    write_rows(asked, rows(40))
    done = run(asked, *BULK[1:], "--no-cache", "--output", "out.jsonl")
    assert done.code == 3
    kept = {record["case"] for record in journal_of(folder_of(asked))}
    assert kept
    saved = {json.loads(line)["case"] for line in (asked.folder / "out.jsonl").read_text().splitlines()}
    assert saved <= kept


@posix
@pytest.mark.parametrize("how", [[], ["--json"], ["--stream"], ["--debug"]], ids=str)
def test_an_output_that_nobody_reads_any_more_stops_the_run_and_keeps_what_is_under_way(
    asked: ProjectFolder, server: FaultServer, how: list[str]
) -> None:
    write_rows(asked, rows(100))
    released = threading.Event()
    server.play(held_after(server, 20, released))
    jobs = [] if how == ["--stream"] else ["--jobs", str(JOBS)]
    with asked.start(*BULK[:4], *jobs, *how, env={"FAKE_KEY": KEY}) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        released.set()
        err = process.stderr.read()
    assert process.returncode == 141, err
    assert "Traceback" not in err
    assert "Exception" not in err
    assert 0 < len(server.requests) < 100
    assert len(journal_of(folder_of(asked))) == len(server.requests)
    assert json.loads((folder_of(asked) / "run.json").read_text())["status"] == "failed"
    assert run(asked, "--resume", "last").code == 0
    assert len(server.requests) == 100


@posix
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux only")
@pytest.mark.parametrize("how", [[], ["--json"], ["--stream"]], ids=str)
def test_a_full_standard_output_stops_the_run_and_keeps_what_is_under_way(
    asked: ProjectFolder, server: FaultServer, how: list[str]
) -> None:
    write_rows(asked, rows(100))
    server.play(a_little_slow)
    with Path("/dev/full").open("w") as full:
        process = subprocess.run(
            [sys.executable, "-m", "runner", *BULK[:4], *how],
            cwd=asked.folder,
            env=asked.environ({"FAKE_KEY": KEY}),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert process.returncode == 3
    assert "error: standard output cannot be written: No space left on device" in process.stderr
    assert "Traceback" not in process.stderr
    assert len(server.requests) <= 32
    assert len(journal_of(folder_of(asked))) == len(server.requests)


@posix
@pytest.mark.parametrize("closed", [1, 2])
def test_a_standard_stream_that_is_closed_from_the_start_is_no_error(
    asked: ProjectFolder, server: FaultServer, closed: int
) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -m runner run --json {closed}>&-', sys.executable],
        cwd=asked.folder,
        env=asked.environ({"FAKE_KEY": KEY}),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(journal_of(folder_of(asked))) == 2


@posix
def test_a_run_under_nohup_goes_on_when_the_terminal_closes(
    asked: ProjectFolder, server: FaultServer
) -> None:
    write_rows(asked, rows(100))
    server.play(a_little_slow)
    ignoring = "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    with subprocess.Popen(
        [sys.executable, "-c", ignoring, sys.executable, "-m", "runner", *BULK],
        cwd=asked.folder,
        env=asked.environ({"FAKE_KEY": KEY}),
        stdout=subprocess.DEVNULL,
    ) as process:
        wait_until(lambda: len(server.requests) >= 20)
        process.send_signal(signal.SIGHUP)
    assert process.returncode == 0
    assert len(server.requests) == 100


@posix
@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_drained_run_says_how_to_go_on_and_does(
    asked: ProjectFolder, server: FaultServer, number: str
) -> None:
    write_rows(asked, rows(300))
    released = threading.Event()
    server.play(held_after(server, 20, released))
    process = asked.start(*BULK, "--no-cache", env={"FAKE_KEY": KEY})
    wait_until(lambda: len(server.requests) == 20 + JOBS)
    process.send_signal(signal.Signals[number])
    read_until(process.stdout, "stopping")
    released.set()
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + signal.Signals[number], err
    records = journal_of(folder_of(asked))
    assert len(records) == len(server.requests) == 20 + JOBS
    assert f"to resume: runner run --resume {folder_of(asked).name}" in out
    assert json.loads((folder_of(asked) / "run.json").read_text())["status"] == "interrupted"
    assert run(asked, "--resume", "last").code == 0
    assert len(server.requests) == 300


COMMANDS = [
    ["--help"],
    ["runs"],
    ["check"],
    ["schema", "prompt"],
    ["run", "--dry-run"],
    ["test", "--update", "all"],
    ["--help"],
    ["run", "--help"],
]


@posix
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux only")
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_full_standard_output_is_exit_3_and_no_traceback(asked: ProjectFolder, command: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = ended(asked, command, full)
    assert done.returncode == 3
    assert "cannot be written: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


@posix
@pytest.mark.parametrize("command", COMMANDS[1:], ids=" ".join)
def test_an_output_that_nobody_reads_is_exit_141_and_no_word(
    asked: ProjectFolder, command: list[str]
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as gone:  # noqa: PTH123 - a descriptor
        done = ended(asked, command, gone)
    assert (done.returncode, done.stderr) == (141, "")


def ended(project: ProjectFolder, command: list[str], out: TextIO) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runner", *command],
        cwd=project.folder,
        env=project.environ({"FAKE_KEY": KEY}),
        stdout=out,
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@posix
@pytest.mark.parametrize("count", [40, 1000])
def test_a_run_whose_folder_is_deleted_stops_and_does_not_call_itself_complete(
    asked: ProjectFolder, server: FaultServer, count: int
) -> None:
    write_rows(asked, rows(count))
    released = threading.Event()
    server.play(held_after(server, 20, released, then=0.05))
    with asked.start(*BULK, "--no-cache", env={"FAKE_KEY": KEY}) as process:
        wait_until(lambda: len(server.requests) > 20)
        shutil.rmtree(asked.folder / ".runner")
        released.set()
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 3, err
    assert "results cannot be stored: the file was deleted during the run" in err
    assert "Traceback" not in err
    assert " passed, 0 failed" not in out.splitlines()[-1]
    assert len(server.requests) == 40 if count == 40 else len(server.requests) < 1000
