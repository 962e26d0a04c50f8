"""One way to run a coroutine, two event loops behind it that must not differ."""

from __future__ import annotations

import asyncio
import importlib.util
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.engine.pool import event_loop
from runner.engine.pool.shutdown import Shutdown
from tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]

posix = pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals on Windows")


def without_uvloop(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "uvloop" else real(name))


@pytest.fixture(params=["uvloop", "asyncio"])
def loop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The library whose loop is used."""
    if request.param == "asyncio":
        without_uvloop(monkeypatch)
    else:
        pytest.importorskip("uvloop", reason="uvloop (extra 'fast') is not installed")
    name: str = request.param
    return name


def test_the_loop_is_the_one_it_says(loop: str) -> None:
    async def main() -> str:
        return type(asyncio.get_running_loop()).__module__.partition(".")[0]

    assert event_loop.run(main()) == event_loop.loop_name() == loop


def test_windows_has_asyncio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert event_loop.loop_name() == "asyncio"


@pytest.mark.usefixtures("loop")
def test_it_returns_what_the_coroutine_returns_and_raises_what_it_raises() -> None:
    async def main() -> int:
        await asyncio.sleep(0)
        return 7

    async def wrong() -> None:
        raise ValueError("mine")

    assert event_loop.run(main()) == 7
    with pytest.raises(ValueError, match="mine"):
        event_loop.run(wrong())


@pytest.mark.usefixtures("loop")
def test_a_time_limit_ends_what_it_is_about_and_nothing_else() -> None:
    async def main() -> str:
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await asyncio.sleep(36000)
            return "went on"

    assert event_loop.run(main()) == "went on"


@pytest.mark.usefixtures("loop")
def test_a_cancelled_main_task_is_told_and_cleans_up() -> None:
    cleaned = []

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().call_later(0.01, task.cancel)
        try:
            await asyncio.sleep(36000)
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    with pytest.raises(asyncio.CancelledError):
        event_loop.run(main())
    assert cleaned


@pytest.mark.usefixtures("loop")
def test_it_works_in_a_thread_that_is_not_the_main_one() -> None:
    answers = []

    async def main() -> None:
        control = Shutdown()
        with control.signals(lambda: None, lambda _: None):  # a thread of its own may set no handler
            answers.append(await asyncio.to_thread(lambda: 7))

    thread = threading.Thread(target=lambda: event_loop.run(main()))
    thread.start()
    thread.join()
    assert answers == [7]


@posix
@pytest.mark.usefixtures("loop")
def test_a_signal_handler_of_the_loop_is_called_and_the_one_before_comes_back() -> None:
    before = signal.getsignal(signal.SIGINT)

    async def main() -> list[str]:
        control, told = Shutdown(), []
        task = asyncio.current_task()
        assert task is not None
        with control.signals(lambda: told.append("again"), told.append):
            for number in (1, 2):
                signal.raise_signal(signal.SIGINT)
                while len(told) < number:
                    await asyncio.sleep(0)
        assert control.stopping
        return told

    first, second = event_loop.run(main())
    assert first.startswith("stopping")
    assert second == "again"
    assert signal.getsignal(signal.SIGINT) is before


SCRIPT = """
import asyncio, importlib.util, sys
if {asyncio_only}:
    real = importlib.util.find_spec
    importlib.util.find_spec = lambda name: None if name == "uvloop" else real(name)
from runner.engine.pool import event_loop

async def main():
    asyncio.get_running_loop().call_soon(lambda: print(event_loop.loop_name(), flush=True))  # once it sleeps
    try:
        await asyncio.sleep(36000)
    except asyncio.CancelledError:
        print("cancelled", flush=True)
        raise
    finally:
        print("cleaned up", flush=True)

try:
    event_loop.run(main())
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.fixture
def sleeper(loop: str) -> Iterator[subprocess.Popen[str]]:
    """A process that sleeps in the loop, once it has said which."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(asyncio_only=loop == "asyncio")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == loop
    yield process
    process.kill()
    process.stdout.close()
    process.wait()


@posix
def test_ctrl_c_cancels_the_main_task_first(sleeper: subprocess.Popen[str]) -> None:
    sleeper.send_signal(signal.SIGINT)
    told, _ = sleeper.communicate(timeout=PATIENCE)
    assert told.split("\n")[:3] == ["cancelled", "cleaned up", "interrupted"]
    assert sleeper.returncode == 0


@posix
def test_a_signal_nobody_handles_ends_the_process(sleeper: subprocess.Popen[str]) -> None:
    sleeper.send_signal(signal.SIGTERM)
    sleeper.communicate(timeout=PATIENCE)
    assert sleeper.returncode == -signal.SIGTERM
