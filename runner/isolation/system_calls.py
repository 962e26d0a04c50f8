"""Linux's filter of system calls (seccomp): every call not listed here is refused, permanently.

Resource limits count what a process opens, but a file can be deleted, renamed or inspected by name without being
opened. The filter leaves only what needs no name: memory, clocks, signals to the process itself, and the pipes that are
open.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Iterable, Iterator, Mapping

__all__ = ["filter_program", "refuse_system_calls"]

_NAMES = (  # noqa: SIM905 - a table, beside those of its numbers
    "read readv write writev close lseek fstat"
    " mmap munmap mremap mprotect madvise brk"
    " rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack restart_syscall setitimer getitimer"
    " clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday times getrusage getrlimit"
    " futex sched_yield sched_getaffinity set_robust_list set_tid_address rseq membarrier getcpu"
    " getpid getppid gettid getuid geteuid getgid getegid getrandom sysinfo exit exit_group"
).split()

_X86_64 = (
    "0 19 1 20 3 8 5"
    " 9 11 25 10 28 12"
    " 13 14 15 131 219 38 36"
    " 228 229 230 35 96 100 98 97"
    " 202 24 204 273 218 334 324 309"
    " 39 110 186 102 107 104 108 318 99 60 231"
)
_AARCH64 = (
    "63 65 64 66 57 62 80"
    " 222 215 216 226 233 214"
    " 134 135 139 132 128 103 102"
    " 113 114 115 101 169 153 165 163"
    " 98 124 123 99 96 293 283 168"
    " 172 173 178 174 175 176 177 278 179 93 94"
)
"""The numbers of these calls, in the same order."""


class _Machine:
    """A processor architecture: the kernel's name for it (AUDIT_ARCH) and its system call numbers."""

    def __init__(
        self, audit: int, allowed: str, *, prlimit: int, opening: Iterable[int], starting: Iterable[int]
    ) -> None:
        self.audit = audit
        self.allowed = [int(number) for number in allowed.split()]
        self.prlimit = prlimit
        self.opening = tuple(opening)
        self.starting = tuple(starting)
        assert len(self.allowed) == len(_NAMES)


_MACHINES: Mapping[str, _Machine] = {
    "x86_64": _Machine(
        0xC000003E,
        _X86_64,
        prlimit=302,
        opening=(2, 257, 437, 85, 41, 53, 22, 293, 32, 33, 292),
        starting=(56, 57, 58, 435),
    ),
    "aarch64": _Machine(
        0xC00000B7, _AARCH64, prlimit=261, opening=(56, 437, 198, 199, 59, 23, 24), starting=(220, 435)
    ),
}
"""`opening` and `starting` fail with the same errors as under the limits of files and of processes."""


def _machine() -> _Machine | None:
    if sys.platform != "linux" or sys.maxsize < 2**32:
        return None
    return _MACHINES.get(os.uname().machine)


_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16
"""Offsets in the kernel's `struct seccomp_data`."""


def filter_program(machine: _Machine) -> list[tuple[int, int, int, int]]:
    """Return the BPF program that the kernel runs for each call: code, jump if true, jump if false, operand."""
    return [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, machine.audit),
        (_RETURN, 0, 0, _KILL),  # other architectures have other numbers
        (_LOAD, 0, 0, _NUMBER),
        *_answering(machine.allowed, _ALLOW),
        *_answering(machine.opening, _ERROR | errno.EMFILE),
        *_answering(machine.starting, _ERROR | errno.EAGAIN),
        *_own_cpu_limit(machine.prlimit),
        (_RETURN, 0, 0, _ERROR | errno.EPERM),
    ]


def _answering(numbers: Iterable[int], answer: int) -> Iterator[tuple[int, int, int, int]]:
    for number in numbers:
        yield (_EQUAL, 0, 1, number)
        yield (_RETURN, 0, 0, answer)


def _own_cpu_limit(number: int) -> list[tuple[int, int, int, int]]:
    """Allow prlimit(pid, resource, new, old) for this process (0) only, and for RLIMIT_CPU (0), which Clock sets.

    A 64-bit argument is compared in two halves, the lower one first.
    """

    def zero(argument: int, otherwise: int) -> list[tuple[int, int, int, int]]:
        at = _ARGUMENTS + 8 * argument
        return [
            (_LOAD, 0, 0, at),
            (_EQUAL, 0, otherwise + 2, 0),
            (_LOAD, 0, 0, at + 4),
            (_EQUAL, 0, otherwise, 0),
        ]

    allow = (_RETURN, 0, 0, _ALLOW)
    resource = [*zero(1, 1), allow]  # else: continue with the next check, of the new limit
    new = [*zero(2, 1), allow]
    body = [*zero(0, len(resource) + len(new)), *resource, *new]
    return [(_EQUAL, 0, len(body), number), *body]


def refuse_system_calls() -> None:
    """Let the kernel refuse this process all system calls but those above. Raises OSError if it does not.

    There is a filter for Linux on 64-bit x86 and ARM; elsewhere this does nothing.
    """
    machine = _machine()
    if machine is None:
        return
    program = b"".join(struct.pack("=HBBI", *each) for each in filter_program(machine))
    code = ctypes.create_string_buffer(program, len(program))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(code)))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    for arguments in (
        (38, 1, 0, 0, 0),  # PR_SET_NO_NEW_PRIVS: without it only the administrator may set a filter
        (22, 2, ctypes.addressof(header), 0, 0),  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
    ):
        if prctl(*arguments) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"the kernel did not accept the system call filter: {os.strerror(number)}")
