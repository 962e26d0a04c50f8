"""What the process that renders cannot do, however it is made to try."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from runner.isolation.isolated_sandbox import Isolation
from tests.patience import PATIENCE

from .support import children, needs_posix, needs_proc, python, rendered

ATTEMPTS = """
import json, os, resource, socket, subprocess
from runner.isolation.confinement import confine

file = os.open(PATH, os.O_WRONLY)
if os.getuid() == 0:
    os.setuid(65534)  # what is forbidden to everybody else is not forbidden to the administrator
confine(64 * 2**20)

def attempt(do):
    try:
        do()
    except BaseException as error:
        return type(error).__name__
    return "done"

def close_and_open():
    os.close(0)
    open("/dev/null")

tried = {
    "read a file": attempt(lambda: open("/dev/null")),
    "read a file in the place of another": attempt(close_and_open),
    "write to a file that is open": attempt(lambda: os.write(file, b"x")),
    "open a socket": attempt(socket.socket),
    "open a pipe": attempt(os.pipe),
    "fork": attempt(os.fork),
    "start a program": attempt(lambda: subprocess.run(["/bin/true"])),
    "take memory": attempt(lambda: bytearray(128 * 2**20)),
    "take less memory": attempt(lambda: bytearray(16 * 2**20)),
    "raise the limit": attempt(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (9, 9))),
}
print(json.dumps(tried))
"""


@needs_posix
@needs_proc
def test_a_confined_process_can_compute_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with python(ATTEMPTS.replace("PATH", repr(str(file)))) as process:
        out, err = process.communicate(timeout=PATIENCE)
    assert err == ""
    assert json.loads(out) == {
        "read a file": "OSError",
        "read a file in the place of another": "OSError",
        "write to a file that is open": "OSError",
        "open a socket": "OSError",
        "open a pipe": "OSError",
        "fork": "BlockingIOError",
        "start a program": "OSError",
        "take memory": "MemoryError",
        "take less memory": "done",
        "raise the limit": "ValueError",
    }
    assert file.read_bytes() == b""


@needs_proc
def test_the_process_has_no_environment_no_files_and_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789")
    before = children()
    with Isolation() as isolation:
        assert rendered(isolation, "{{ a }}!", a=1) == "1!"
        [pid] = children() - before
        here = Path(f"/proc/{pid}")
        assert (here / "environ").read_bytes() == b""
        assert {fd.name for fd in (here / "fd").iterdir()} == {"0", "1", "2"}
        assert str((here / "fd" / "2").readlink()) == "/dev/null"
        assert str((here / "cwd").readlink()) == "/"
        assert b"-I\0-S\0" in (here / "cmdline").read_bytes()
        assert os.getsid(pid) == pid
        lines = (here / "limits").read_text().splitlines()
        limits = {line[:26].strip(): line[26:].split()[:2] for line in lines}
        for name in ("core file size", "file size", "processes", "open files"):
            assert limits[f"Max {name}"] == ["0", "0"]
        soft, hard = limits["Max address space"]
        assert soft == hard
        assert 512 * 2**20 < int(soft) < 1024 * 2**20
        assert limits["Max cpu time"][0] != "unlimited"
