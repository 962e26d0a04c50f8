"""Index of the answers in a run's journal, so that resuming it never sends a request again that was answered.

A job whose last line is an answer of any kind is done. One that ended in an `error` (no answer came) is asked again, and
one whose finish_reason an older version took for a good end; the line that then comes supersedes the old one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

from ...errors import Location, StorageError, UsageError, elided
from ...files.model import Case
from ...finish_reasons import NONE_DECLARED, Declared, Ending, ending_of
from ...wire.fingerprint import FINGERPRINTERS, refuse_newer, version_of
from ..plan.plan import Job, Unit
from .record import Record, read_journal_line

__all__ = ["JournalIndex", "identity_of", "journal_lines", "read_results"]

_LENGTH = 40
_OFFSET = 48


class JournalIndex:
    """The records of a journal as far as they count.

    `sound` is the number of its bytes that are whole jobs; the `lost` ones behind them were being written when the
    process was killed. `names` tells, for each path by which records call a prompt's file, what the project calls it.
    Raises StorageError for a journal that is damaged anywhere but at its end; NewerFormatError for a record that a newer
    runner wrote.

    A job is known by 64 bits of the digest of file, case, variant and sample, and keeps one number: where it stands,
    how long it is, and 64 bits of its fingerprint. A hundred thousand take some 20 MB.
    """

    def __init__(self, path: Path, names: Mapping[str, str]) -> None:
        self._path = path
        self._names = dict(names)
        self._jobs: dict[int, int] = {}
        self._seen: set[int] = set()
        self._doubtful: dict[int, set[tuple[str, str]]] = {}
        self.sound, size = 0, 0
        if path.exists():
            size = path.stat().st_size
            self._read()
        self.lost = size - self.sound

    def __len__(self) -> int:
        """The number of jobs that are done."""
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
        """The records of a job are written at once, so that only the last job's can be half there."""
        first = group[0][2]
        return StorageError(
            f"{self._path} has {len(group)} of the {first.get('choices')} choices of case {elided(first['case'], 100)},"
            " but other records follow",
            hint="a run is only ever cut at its end; remove these lines by hand to have the case asked again",
        )

    def _name(self, record: Record) -> str:
        try:
            return self._names[record["file"]]
        except KeyError:
            raise StorageError(
                f"{self._path} has a record of {record['file']}, which its run does not know",
                hint="the journal and the run.json beside it do not belong together",
            ) from None

    def shared_with(self, other: JournalIndex) -> int:
        """How many jobs stand in both journals."""
        return len(self._jobs.keys() & other._jobs.keys())

    def visit(self, job: Job, name: str, repeat: int) -> None:
        """Hold what is known of a job against what would be sent now. Raises UsageError where they differ."""
        for sample in range(repeat):
            identity = identity_of(name, job.case.id, job.unit.variant, sample)
            known = self._jobs.get(identity)
            if known is None:
                continue
            if self._was_misread(identity, job):
                del self._jobs[identity]  # its finish_reason was read as stop by an older version
                continue
            if not _is_mark_of(known >> (_OFFSET + _LENGTH), job):
                raise UsageError(
                    f"the run cannot be resumed: the request of {name} case {job.case.id} is not the one it asked",
                    location=job.case.location,
                    hint="an included file changed, or a file that is sent; start a new run",
                )
            self._seen.add(identity)

    def _was_misread(self, identity: int, job: Job) -> bool:
        declared = job.unit.endpoint.finish_reasons
        return any(_is_misread(*ending, declared) for ending in self._doubtful.get(identity, ()))

    def refuse_unknown(self) -> None:
        """UsageError where answers belong to no case of the run any more; after every case was visited."""
        stray = len(self._jobs) - len(self._seen)
        if stray:
            example = next(
                record
                for record, _, _ in self.records()
                if identity_of(self._name(record), record["case"], record["variant"], record["sample"])
                not in self._seen
            )
            raise UsageError(
                f"the run cannot be resumed: {stray} of its answers belong to no case any more,"
                f" such as {example['case']} of {example['prompt']}",
                hint="start a new run",
            )

    def place(self, unit: Unit, name: str, case: Case, sample: int) -> tuple[int, int] | None:
        """Where the journal has a job's records: offset and length in bytes. None for a job that is not done."""
        known = self._jobs.get(identity_of(name, case.id, unit.variant, sample))
        if known is None:
            return None
        return (known >> _LENGTH) & ((1 << _OFFSET) - 1), known & ((1 << _LENGTH) - 1)

    def find(self, job: Job, name: str) -> list[Record] | None:
        """The records of a job's answer, if it was given to this very request; None where it has to be asked."""
        identity = identity_of(name, job.case.id, job.unit.variant, job.sample)
        known = self._jobs.get(identity)
        if known is None or not _is_mark_of(known >> (_OFFSET + _LENGTH), job):
            return None
        if self._was_misread(identity, job):
            return None
        with self._path.open("rb") as file:
            return read_results(file, (known >> _LENGTH) & ((1 << _OFFSET) - 1), known & ((1 << _LENGTH) - 1))

    def records(self) -> Iterator[tuple[Record, int, int]]:
        """The records that count, in the journal's order, each with the offset and the length of its job."""
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
    """The records of one job of a journal that is open for reading."""
    file.seek(offset)
    # At nothing but line feeds: a lone carriage return is white space to JSON.
    lines = [line for line in file.read(length).split(b"\n") if line]
    records = [read_journal_line(line, lambda: Location(str(file.name))) for line in lines]
    if None in records:
        raise StorageError(f"{file.name} changed while it was read", hint="run it again")
    return cast("list[Record]", records)


def journal_lines(path: Path) -> Iterator[tuple[int, int, Record]]:
    """The records with their offsets and lengths; what is no record may stand at the end only."""
    damaged = None
    with path.open("rb") as file:
        offset = 0
        for number, line in enumerate(file, 1):
            record = _record(line, path, number)
            if record is None:
                damaged = damaged or number
            elif damaged:
                raise StorageError(
                    f"{path}:{damaged}: the line is no record, but whole ones follow it",
                    hint="a run is only ever cut at its end; remove the line by hand to have its case asked again",
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
    """Whether everything that others go by is there, and of its kind: bits flip on disks, and people edit."""
    return (
        value.keys() <= Record.__annotations__.keys()
        and all(name in value and isinstance(value[name], kind) for name, kind in _KINDS.items())
        and all(
            type(value.get(name, 0)) is int for name in ("sample", "attempts", "index", "choice", "choices")
        )
        and version_of(value["fingerprint"]) in FINGERPRINTERS
    )


def _is_misread(outcome: str, finish_reason: str, declared: Mapping[str, Declared]) -> bool:
    """Whether a record says more of an answer than its finish_reason allows, by what the words mean today."""
    ending = ending_of(finish_reason, declared)
    if ending in (Ending.STOP, Ending.CALL) or outcome == "error":
        return False
    return outcome in ("ok", "tool_call") or ending in (Ending.BROKEN, Ending.PAUSE, Ending.UNKNOWN)


_KINDS: Mapping[str, Any] = {
    **dict.fromkeys(("prompt", "file", "case", "outcome", "model", "fingerprint"), str),
    **dict.fromkeys(("variant", "text", "detail", "served_model", "finish_reason"), str | None),
    **dict.fromkeys(("passed", "cached"), bool),
    **dict.fromkeys(("sample", "attempts"), int),
    **dict.fromkeys(("cost", "latency_ms"), int | float | None),
    **dict.fromkeys(("error", "usage"), dict | None),
    "checks": list,
    "vars": dict,
    "output": object,
}
"""What every record has, whichever version wrote it."""


def _same_job(one: Record, other: Record) -> bool:
    return all(one[key] == other[key] for key in ("file", "case", "variant", "sample"))


def identity_of(file: str, case: str, variant: str | None, sample: int) -> int:
    """The 64 bits by which a job is known; `file` is what the project calls the prompt's file."""
    digest = hashlib.blake2b(
        f"{file}\n{case}\n{variant}\n{sample}".encode("utf-8", "surrogatepass"), digest_size=8
    )
    return int.from_bytes(digest.digest(), "big")


def _mark(fingerprint: str) -> int:
    return int(fingerprint.rpartition(":")[2][:16], 16)


def _is_mark_of(mark: int, job: Job) -> bool:
    return any(mark == _mark(fingerprint) for fingerprint in job.fingerprints())
