"""Index of the answers in a run's journal, so that resuming never re-sends a paid request.

A job whose last line is an answer of any kind is done. A job that ended in an `error` (no answer) is requested again, and
so is one whose finish_reason an older version misread as a normal end; the new line then supersedes the old one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType
from typing import Any, BinaryIO, cast

from ...errors import Location, StorageError, UsageError, elided
from ...files.model import Case
from ...finish_reasons import NONE_DECLARED, Declared, Ending, ending_of
from ...wire.fingerprint import FINGERPRINTERS, refuse_newer, version_of
from ..plan.job import Job, Unit
from .record import Record, read_journal_line

__all__ = ["JournalIndex", "identity_of", "journal_lines", "read_results"]

_LENGTH = 40
_OFFSET = 48


class JournalIndex:
    """Index of the current records of a journal: for each answered job, where its records are.

    `sound` is the number of bytes with complete jobs; the `lost` bytes after them were being written when the process
    was killed. `names` maps the path of a prompt file in the records to its path from the project's root; None if the
    records have that path. Raises StorageError for a journal that is damaged anywhere but at its end, NewerFormatError for a record of a newer runner.

    A job is identified by 64 bits of the digest of file, case, variant and sample. One number is stored for it: its
    offset, its length, and 64 bits of its fingerprint. A hundred thousand jobs take some 20 MB.
    """

    def __init__(self, path: Path, names: Mapping[str, str] | None) -> None:
        self._path = path
        self._names = None if names is None else dict(names)
        self._jobs: dict[int, int] = {}
        self._seen: set[int] = set()
        self._doubtful: dict[int, set[tuple[str, str]]] = {}
        self.sound, size = 0, 0
        if path.exists():
            size = path.stat().st_size
            self._read()
        self.lost = size - self.sound

    def __len__(self) -> int:
        """Return the number of jobs that are done."""
        return len(self._jobs)

    def _read(self) -> None:
        group: list[tuple[int, int, Record]] = []
        for offset, length, record in journal_lines(self._path):
            if group and not _same_job(group[-1][2], record):
                raise self._incomplete(group)
            group.append((offset, length, record))
            if len(group) >= record.get("choices", 1):
                self._note(group)
                group = []

    def _note(self, group: list[tuple[int, int, Record]]) -> None:
        first, last = group[0], group[-1]
        record = first[2]
        identity = identity_of(self._name(record), record["case"], record["variant"], record["sample"])
        self.sound = last[0] + last[1]
        self._doubtful.pop(identity, None)
        if all(record["outcome"] == "error" for _, _, record in group):
            self._jobs.pop(identity, None)
            return
        endings = {(record["outcome"], str(record.get("finish_reason") or "")) for _, _, record in group}
        if doubtful := {ending for ending in endings if _is_misread(*ending, NONE_DECLARED)}:
            self._doubtful[identity] = doubtful
        length = self.sound - first[0]
        self._jobs[identity] = (
            (_mark(record["fingerprint"]) << (_OFFSET + _LENGTH)) | (first[0] << _LENGTH) | length
        )

    def _incomplete(self, group: list[tuple[int, int, Record]]) -> StorageError:
        """Return the error for a job with missing records: they are written together, so only the last can be partial."""
        first = group[0][2]
        return StorageError(
            f"{self._path} has {len(group)} of the {first.get('choices')} choices of case {elided(first['case'], 100)},"
            " but other records follow",
            hint="a crash only ever damages the end; delete these lines by hand so that the case is run again",
        )

    def _name(self, record: Record) -> str:
        if self._names is None:
            return record["file"]
        try:
            return self._names[record["file"]]
        except KeyError:
            raise StorageError(
                f"{self._path} has a record of {record['file']}, which is not in its run.json",
                hint="the journal and the run.json beside it do not belong together",
            ) from None

    def shared_with(self, other: JournalIndex) -> int:
        """Return how many jobs are in both journals."""
        return len(self._jobs.keys() & other._jobs.keys())

    def visit(self, job: Job, name: str, repeat: int) -> None:
        """Compare the stored fingerprint of a job with the request that would be sent now.

        Raises UsageError if they differ.
        """
        for sample in range(repeat):
            identity = identity_of(name, job.case.id, job.unit.variant, sample)
            known = self._jobs.get(identity)
            if known is None:
                continue
            if self._was_misread(identity, job):
                del self._jobs[identity]  # an older version read its finish_reason as stop
                continue
            if not _is_mark_of(known >> (_OFFSET + _LENGTH), job):
                raise UsageError(
                    f"the run cannot be resumed: the request of {name} case {job.case.id} has changed",
                    location=job.case.location,
                    hint="an included file or an attached file changed; start a new run",
                )
            self._seen.add(identity)

    def _was_misread(self, identity: int, job: Job) -> bool:
        declared = job.unit.endpoint.finish_reasons
        return any(_is_misread(*ending, declared) for ending in self._doubtful.get(identity, ()))

    def refuse_unknown(self) -> None:
        """Raise UsageError if the journal has answers for cases that no longer exist. Call after visiting all cases."""
        stray = len(self._jobs) - len(self._seen)
        if stray:
            example = next(
                record
                for record, _, _ in self.records()
                if identity_of(self._name(record), record["case"], record["variant"], record["sample"])
                not in self._seen
            )
            raise UsageError(
                f"the run cannot be resumed: {stray} of its answers are for cases that no longer exist,"
                f" such as {example['case']} of {example['prompt']}",
                hint="start a new run",
            )

    def place(self, unit: Unit, name: str, case: Case, sample: int) -> tuple[int, int] | None:
        """Return the offset and length of a job's records in the journal, or None for a job that is not done."""
        known = self._jobs.get(identity_of(name, case.id, unit.variant, sample))
        if known is None:
            return None
        return (known >> _LENGTH) & ((1 << _OFFSET) - 1), known & ((1 << _LENGTH) - 1)

    def find(self, job: Job, name: str) -> list[Record] | None:
        """Return the stored records of a job, or None if the exact request has no answer yet."""
        identity = identity_of(name, job.case.id, job.unit.variant, job.sample)
        known = self._jobs.get(identity)
        if known is None or not _is_mark_of(known >> (_OFFSET + _LENGTH), job):
            return None
        if self._was_misread(identity, job):
            return None
        with self._path.open("rb") as file:
            return read_results(file, (known >> _LENGTH) & ((1 << _OFFSET) - 1), known & ((1 << _LENGTH) - 1))

    def records(self) -> Iterator[tuple[Record, int, int]]:
        """Yield the current records in the journal's order, each with the offset and length of its job."""
        if not self._path.exists():
            return
        current = {
            (known >> _LENGTH) & ((1 << _OFFSET) - 1): known & ((1 << _LENGTH) - 1)
            for known in self._jobs.values()
        }
        with self._path.open("rb") as file:
            for offset in sorted(current):
                for record in read_results(file, offset, current[offset]):
                    yield record, offset, current[offset]


def read_results(file: BinaryIO, offset: int, length: int) -> list[Record]:
    """Read the records of one job from a journal that is open for reading."""
    file.seek(offset)
    # Split at line feeds only: a lone carriage return is white space in JSON.
    lines = [line for line in file.read(length).split(b"\n") if line]
    records = [read_journal_line(line, lambda: Location(str(file.name))) for line in lines]
    if None in records:
        raise StorageError(f"{file.name} changed while it was being read", hint="run the command again")
    return cast("list[Record]", records)


def journal_lines(path: Path) -> Iterator[tuple[int, int, Record]]:
    """Yield the records with their offsets and lengths.

    Raises StorageError if a line that is not a record is followed by one that is.
    """
    damaged = None
    with path.open("rb") as file:
        offset = 0
        for number, line in enumerate(file, 1):
            record = _record(line, path, number)
            if record is None:
                damaged = damaged or number
            elif damaged:
                raise StorageError(
                    f"{path}:{damaged}: the line is not a record, but records follow it",
                    hint="a crash only ever damages the end; delete the line by hand so that its case is run again",
                )
            else:
                yield offset, len(line), record
            offset += len(line)


def _record(line: bytes, path: Path, number: int) -> Record | None:
    if not line.endswith(b"\n"):
        return None
    value = read_journal_line(line, lambda: Location(str(path), number))
    if value is None:
        return None
    refuse_newer(value, "fingerprint", "the fingerprint of this record", lambda: Location(str(path), number))
    return cast("Record", value) if _is_record(value) else None


def _is_record(value: Mapping[str, Any]) -> bool:
    """Return whether all keys that runner uses are present and have the right type: disks fail, and people edit files."""
    return (
        value.keys() <= _KEYS
        and _KINDS.keys() <= value.keys()
        and all(type(value[name]) in kinds for name, kinds in _KINDS.items())
        and all(type(value.get(name, 0)) is int for name in ("index", "choice", "choices"))
        and version_of(value["fingerprint"]) in FINGERPRINTERS
    )


def _is_misread(outcome: str, finish_reason: str, declared: Mapping[str, Declared]) -> bool:
    """Return whether a record claims a better outcome than its finish_reason allows, by the current meaning of words."""
    ending = ending_of(finish_reason, declared)
    if ending in (Ending.STOP, Ending.CALL) or outcome == "error":
        return False
    return outcome in ("ok", "tool_call") or ending in (Ending.BROKEN, Ending.PAUSE, Ending.UNKNOWN)


_KEYS = frozenset(Record.__annotations__)

_KINDS: Mapping[str, frozenset[type]] = {
    **dict.fromkeys(("prompt", "file", "case", "outcome", "model", "fingerprint"), frozenset({str})),
    **dict.fromkeys(
        ("variant", "text", "detail", "served_model", "finish_reason"), frozenset({str, NoneType})
    ),
    **dict.fromkeys(("passed", "cached"), frozenset({bool})),
    **dict.fromkeys(("sample", "attempts"), frozenset({int})),
    **dict.fromkeys(("cost", "latency_ms"), frozenset({int, float, NoneType})),
    **dict.fromkeys(("error", "usage"), frozenset({dict, NoneType})),
    "checks": frozenset({list}),
    "vars": frozenset({dict}),
    "output": frozenset({bool, int, float, str, list, dict, NoneType}),
}
"""The keys that a record of any version has, with the types of their values."""


def _same_job(one: Record, other: Record) -> bool:
    return all(one[key] == other[key] for key in ("file", "case", "variant", "sample"))


def identity_of(file: str, case: str, variant: str | None, sample: int) -> int:
    """Return the 64 bits that identify a job; `file` is the prompt file's path from the project's root."""
    digest = hashlib.blake2b(
        f"{file}\n{case}\n{variant}\n{sample}".encode("utf-8", "surrogatepass"), digest_size=8
    )
    return int.from_bytes(digest.digest(), "big")


def _mark(fingerprint: str) -> int:
    return int(fingerprint.rpartition(":")[2][:16], 16)


def _is_mark_of(mark: int, job: Job) -> bool:
    return any(mark == _mark(fingerprint) for fingerprint in job.fingerprints())
