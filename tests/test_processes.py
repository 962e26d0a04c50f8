"""Programs that we start are ended with us (runner/processes/start.py)."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import pytest

from runner.processes import start as starting
from runner.processes.start import ChildProcess, run

SLEEP = (sys.executable, "-c", "import time; time.sleep(36000)")


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_while_a_program_is_started_ends_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[ChildProcess] = []
    start = starting.start

    def interrupted(*args: Any, **options: Any) -> ChildProcess:
        process = start(*args, **options)
        started.append(process)
        os.kill(os.getpid(), signal.SIGINT)
        return process

    monkeypatch.setattr(starting, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(SLEEP, dict(os.environ), most=10)
    assert started[0].poll() is not None
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_program_that_cannot_be_started_leaves_the_handlers_as_they_were() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(OSError, match="No such file"):
        run(("/no/such/program",), {}, most=10)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
