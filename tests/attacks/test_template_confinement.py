"""A template that got out of the sandbox, in the process that renders: it can name no file and reach no other process."""

from __future__ import annotations

import json
import os
import struct
import sys
from pathlib import Path

import pytest

from runner.isolation import system_calls
from runner.isolation.system_calls import filter_program
from tests.isolation.support import needs_proc, python
from tests.patience import PATIENCE

filtered = pytest.mark.skipif(
    sys.platform != "linux" or os.uname().machine not in ("x86_64", "aarch64"),
    reason="there is no filter of system calls for this system",
)

ATTEMPTS = """
import ctypes, json, os, resource, signal, socket, sys
from runner.isolation.confinement import confine

os.chdir(sys.argv[1])
if sys.argv[2] != "root":
    os.setgroups([]) if os.getuid() == 0 else None
    os.setuid(65534) if os.getuid() == 0 else None
confine(64 * 2**20)
libc = ctypes.CDLL(None, use_errno=True)

def attempt(do):
    try:
        do()
    except BaseException as error:
        return type(error).__name__
    return "done"

def call(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")

tried = {
    "stat": lambda: os.stat("file"),
    "lstat": lambda: os.lstat("file"),
    "access": lambda: os.access("file", os.R_OK) or 1 / 0,
    "readlink": lambda: os.readlink("link"),
    "list": lambda: os.listdir("."),
    "open": lambda: open("file"),
    "unlink": lambda: os.unlink("file"),
    "rmdir": lambda: os.rmdir("folder"),
    "rename": lambda: os.rename("file", "other"),
    "mkdir": lambda: os.mkdir("new"),
    "link": lambda: os.link("file", "new"),
    "symlink": lambda: os.symlink("file", "new"),
    "mkfifo": lambda: os.mkfifo("new"),
    "mknod": lambda: os.mknod("new"),
    "truncate": lambda: os.truncate("file", 0),
    "chmod": lambda: os.chmod("file", 0),
    "chown": lambda: os.chown("file", 0, 0),
    "utime": lambda: os.utime("file", (0, 0)),
    "setxattr": lambda: os.setxattr("file", "user.x", b"x"),
    "getxattr": lambda: os.getxattr("file", "user.x"),
    "statvfs": lambda: os.statvfs("."),
    "chdir": lambda: os.chdir("/"),
    "chroot": lambda: os.chroot("."),
    "getcwd": lambda: os.getcwd(),
    "umask": lambda: call(95 if os.uname().machine == "x86_64" else 166, 0),
    "sync": lambda: call(162 if os.uname().machine == "x86_64" else 81),
    "kill": lambda: os.kill(os.getppid(), 0),
    "kill a group": lambda: os.killpg(0, 0),
    "trace": lambda: call(101 if os.uname().machine == "x86_64" else 117, 16, os.getppid(), 0, 0),
    "read its memory": lambda: call(310 if os.uname().machine == "x86_64" else 270, os.getppid(), 0, 0, 0, 0, 0),
    "limit another": lambda: resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE),
    "nice": lambda: os.nice(1),
    "priority of another": lambda: os.setpriority(os.PRIO_PROCESS, os.getppid(), 5),
    "raise its own memory": lambda: resource.setrlimit(resource.RLIMIT_AS, (2**40, 2**40)),
    "raise its own files": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (9, 9)),
    "change its user": lambda: os.setuid(0),
    "namespaces": lambda: call(272 if os.uname().machine == "x86_64" else 97, 0x10000000),
    "io_uring": lambda: call(425, 1, 0),
    "bpf": lambda: call(321 if os.uname().machine == "x86_64" else 280, 0, 0, 0),
    "a file in memory": lambda: os.memfd_create("x"),
    "socket": lambda: socket.socket(),
    "two sockets": lambda: socket.socketpair(),
    "fork": lambda: os.fork(),
    "program": lambda: os.execv("/bin/true", ["true"]),
    "compute": lambda: sum(range(1000)),
    "time": lambda: __import__("time").process_time(),
    "its own CPU time": lambda: resource.setrlimit(resource.RLIMIT_CPU, (100, resource.getrlimit(resource.RLIMIT_CPU)[1])),
    "alarm": lambda: signal.setitimer(signal.ITIMER_REAL, 0),
}
print(json.dumps({name: attempt(do) for name, do in tried.items()}))
"""  # fmt: skip

STAYS = {"compute", "time", "its own CPU time", "alarm"}


@filtered
@needs_proc
@pytest.mark.parametrize("who", ["user", "root"])
def test_a_confined_process_names_no_file_and_reaches_no_process(tmp_path: Path, who: str) -> None:
    """Root, too: the filter does not ask who it is."""
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    for parent in folder.parents:
        if parent.stat().st_uid == os.getuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o755)
    (folder / "file").write_text("mine")
    (folder / "file").chmod(0o666)
    (folder / "folder").mkdir(mode=0o777)
    (folder / "link").symlink_to("file")
    before = sorted((path.name, path.lstat()) for path in folder.iterdir())
    code = ATTEMPTS.replace("sys.argv[1]", repr(str(folder))).replace("sys.argv[2]", repr(who))
    with python(code) as process:
        out, err = process.communicate(timeout=PATIENCE)
    assert err == ""
    tried = json.loads(out)
    assert {name for name, came in tried.items() if came == "done"} == STAYS
    assert sorted((path.name, path.lstat()) for path in folder.iterdir()) == before
    assert (folder / "file").read_text() == "mine"


# --- the filter of each machine, as the kernel runs it --------------------------------------------------------------


def answer(machine: str, number: int, *arguments: int, audit: int | None = None) -> str:
    """What the kernel does with a call: `allow`, `kill`, or the number of the error."""
    rules = system_calls._MACHINES[machine]
    padded = (*arguments, *[0] * (6 - len(arguments)))
    data = struct.pack("<iIQ6Q", number, rules.audit if audit is None else audit, 0, *padded)
    program, at, accumulator = filter_program(rules), 0, 0
    for _ in range(len(program)):
        code, when, otherwise, operand = program[at]
        assert 0 <= when < 256
        assert 0 <= otherwise < 256
        if code == 0x06:
            action = operand & 0xFFFF0000
            return {0x7FFF0000: "allow", 0x80000000: "kill", 0x00050000: str(operand & 0xFFFF)}[action]
        if code == 0x20:
            accumulator = int.from_bytes(data[operand : operand + 4], "little")
            at += 1
        else:
            assert code == 0x15
            at += 1 + (when if accumulator == operand else otherwise)
    raise AssertionError("the program has no end")


CALLS = {
    "x86_64": {"read": 0, "write": 1, "mmap": 9, "prlimit": 302, "openat": 257, "unlinkat": 263, "clone": 56, "x32": 0x40000000},
    "aarch64": {"read": 63, "write": 64, "mmap": 222, "prlimit": 261, "openat": 56, "unlinkat": 35, "clone": 220, "x32": 0x40000000},
}  # fmt: skip


@pytest.mark.parametrize("machine", CALLS)
def test_what_needs_no_name_is_allowed_and_nothing_else(machine: str) -> None:
    calls = CALLS[machine]
    assert {name: answer(machine, calls[name]) for name in ("read", "write", "mmap")} == {
        "read": "allow",
        "write": "allow",
        "mmap": "allow",
    }
    assert [answer(machine, calls[name]) for name in ("openat", "unlinkat", "clone", "x32")] == [
        "24",
        "1",
        "11",
        "1",
    ]
    allowed = {number for number in range(600) if answer(machine, number) == "allow"}
    assert allowed == {*system_calls._MACHINES[machine].allowed, calls["prlimit"]}


@pytest.mark.parametrize("machine", CALLS)
def test_calls_of_another_architecture_end_the_process(machine: str) -> None:
    assert answer(machine, CALLS[machine]["read"], audit=0x40000003) == "kill"


@pytest.mark.parametrize("machine", CALLS)
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((0, 0, 1, 0), "allow"),  # sets the limit of CPU time
        ((0, 7, 0, 1), "allow"),  # looks at another
        ((0, 7, 1, 0), "1"),  # sets another
        ((0, 7, 1 << 32, 0), "1"),
        ((0, 1 << 32, 1, 0), "1"),
        ((1, 0, 1, 0), "1"),  # of another process
        ((1 << 32, 0, 1, 0), "1"),
        ((1, 0, 0, 1), "1"),
    ],
)
def test_limits_are_its_own_and_only_that_of_cpu_time_changes(
    machine: str, arguments: tuple[int, ...], expected: str
) -> None:
    assert answer(machine, CALLS[machine]["prlimit"], *arguments) == expected
