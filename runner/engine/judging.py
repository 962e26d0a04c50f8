"""The second pass: answers that wait until the calls of their assertions are answered. Pure, except for its two files.

An answer whose assertions need calls is stored in `waiting.jsonl` as soon as it arrives. Its questions become jobs like
any others, and each answer to one is stored in `judged.jsonl`. When an answer has all it needs, it is judged again, and
becomes a result. So nothing that was paid for is lost in a crash, and nothing is asked twice.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeAlias

from ..checks.calls import CallQuestion, Found, combined, value_of
from ..errors import RunnerError
from ..values import JsonObject
from .journal.index import journal_lines
from .journal.record import Record
from .journal.side_file import JUDGED, WAITING, SideFile
from .plan.job import Job
from .pool.result import answer_in, rejudged

__all__ = ["Judging", "waits"]

MOST_HELD = 1000
"""How many answers may wait; then they are judged before more are requested, so that memory stays flat."""

_Key: TypeAlias = tuple[str, str]
"""A call: the name of its endpoint, and its fingerprint."""


@dataclass(slots=True)
class _Held:
    """An answer that waits: its records, and the calls that are not answered yet."""

    job: Job
    records: list[Record]
    missing: set[_Key] = field(default_factory=set)


@dataclass(slots=True)
class _Open:
    """A call that is being asked: its question, and the records of its votes so far."""

    question: CallQuestion
    waiter: Job
    votes: int
    records: dict[int, Record] = field(default_factory=dict)


class Judging:
    """The waiting answers of one attempt. `earlier` has the waiting answers of attempts before it.

    The files are in `folder`, that of the run; without one, nothing is stored.

    Raises StorageError for files that cannot be read or written.
    """

    def __init__(
        self, folder: Path | None, earlier: Callable[[Job], list[Record] | None] = lambda _: None
    ) -> None:
        self._waiting = SideFile(folder / WAITING) if folder else None
        self._judged = SideFile(folder / JUDGED) if folder else None
        self._earlier = earlier
        self._answered = _stored(self._judged) if self._judged else {}
        self._held: dict[int, _Held] = {}
        self._open: dict[_Key, _Open] = {}
        self._found: dict[_Key, Found] = {}
        self._queue: dict[str, list[Job]] = {}
        self._ready: list[_Held] = []

    def sync(self) -> None:
        """Flush both files to disk. Raises StorageError."""
        for file in (self._waiting, self._judged):
            if file is not None:
                file.sync()

    def close(self) -> None:
        """Sync and close both files."""
        with contextlib.ExitStack() as closing:
            for file in (self._waiting, self._judged):
                if file is not None:
                    closing.callback(file.close)

    @property
    def is_full(self) -> bool:
        """Whether so many answers wait that they must be judged before more are requested."""
        return len(self._held) + len(self._ready) >= MOST_HELD

    # --- the first pass ---------------------------------------------------------------------------------------------

    def drawn(self, jobs: Iterator[Job], exhausted: Callable[[], object]) -> Iterator[Job]:
        """Yield the jobs that must be sent until enough answers wait; `exhausted` is called when there are no more."""
        while not self.is_full:
            job = next(jobs, None)
            if job is None:
                exhausted()
                return
            records = self._earlier(job)
            if records is None:
                yield job
            else:
                self._hold(job, records)

    def take(
        self, finished: Sequence[tuple[Job, list[Record]]], lines_of: Callable[[list[Record]], bytes]
    ) -> list[tuple[Job, list[Record]]]:
        """Store and hold the answers that must wait, and return the others. `lines_of` makes lines without keys."""
        waiting = [each for each in finished if waits(each[1])]
        if not waiting:
            return list(finished)
        if self._waiting is not None:
            self._waiting.append(b"".join(lines_of(records) for _, records in waiting))
        for job, records in waiting:
            self._hold(job, records)
        return [each for each in finished if not waits(each[1])]

    def _hold(self, job: Job, records: list[Record]) -> None:
        held = _Held(job, records)
        for record in records:
            for question in self._questions(job, record):
                key = self._ask(job, question)
                if key is not None:
                    held.missing.add(key)
        if held.missing:
            self._held[id(held)] = held
        else:
            self._ready.append(held)

    def _questions(self, job: Job, record: Record) -> tuple[CallQuestion, ...]:
        if not record.get("waiting"):
            return ()
        judged = job.unit.judge.judge(
            answer_in(record),
            job.case,
            latency_ms=record["latency_ms"],
            cost=record["cost"],
            model=job.unit.model,
        )
        return judged.questions

    def _ask(self, waiter: Job, question: CallQuestion) -> _Key | None:
        """Queue the jobs of a question; return its key, or None if its answer is known."""
        asks = waiter.unit.asks
        assert asks is not None, "only a unit that asks has questions"
        try:
            jobs = asks.jobs(question)
        except (RunnerError, ValueError):
            return None  # `_find` says why
        key = _key(jobs[0])
        if key in self._found:
            return None
        if key in self._open:
            return key
        call = self._open[key] = _Open(question, waiter, len(jobs))
        for job in jobs:
            record = self._answered.get((job.fingerprint, job.sample))
            if record is None:
                self._queue.setdefault(job.unit.endpoint.name, []).append(job)
            else:
                call.records[job.sample] = record
        return None if self._settle(key) else key

    # --- the second pass --------------------------------------------------------------------------------------------

    def jobs(self) -> dict[str, Iterator[Job]]:
        """Return the calls to make, by endpoint; each is returned once."""
        queue, self._queue = self._queue, {}
        return {name: iter(jobs) for name, jobs in queue.items()}

    def ready(self) -> list[tuple[Job, list[Record]]]:
        """Return the answers that wait for nothing more, with their verdicts; each is returned once."""
        ready, self._ready = self._ready, []
        concluded = [(held.job, [self._decided(held.job, each) for each in held.records]) for held in ready]
        if not self._held:
            self._found.clear()
        return concluded

    def _decided(self, job: Job, record: Record) -> Record:
        return rejudged(job, record, partial(self._find, job)) if record.get("waiting") else record

    def answered(
        self, finished: Sequence[tuple[Job, list[Record]]], lines_of: Callable[[list[Record]], bytes]
    ) -> None:
        """Store and take the answers to calls. `lines_of` makes lines without keys."""
        calls = [(job, _reduced(job, records[0])) for job, records in finished]
        if self._judged is not None:
            self._judged.append(b"".join(lines_of([record]) for _, record in calls))
        for job, record in calls:
            key = _key(job)
            call = self._open.get(key)
            if call is not None:
                call.records[job.sample] = record
                self._settle(key)

    def _settle(self, key: _Key) -> bool:
        """Note what was found if all votes of a call are there, and release the answers that waited for it."""
        call = self._open[key]
        if len(call.records) < call.votes:
            return False
        del self._open[key]
        self._found[key] = _found_in(call, key[1])
        for name in [name for name, held in self._held.items() if key in held.missing]:
            held = self._held[name]
            held.missing.discard(key)
            if not held.missing:
                self._ready.append(self._held.pop(name))
        return True

    def _find(self, waiter: Job, question: CallQuestion) -> Found | None:
        asks = waiter.unit.asks
        assert asks is not None
        try:
            key = _key(asks.jobs(question)[0])
        except (RunnerError, ValueError) as error:
            text = error.message if isinstance(error, RunnerError) else str(error)
            problem = f"the question cannot be asked: {text}"
            return Found({}, "", asks.name(question), asks.model(question), problem)
        found = self._found.get(key)
        if found is not None:
            self._found[key] = found._replace(cost=None)  # it was paid for once, whoever else asks the same
        return found


def waits(records: Sequence[Record]) -> bool:
    """Return whether the answer to a job must be judged by calls before it is a result."""
    return any(record.get("waiting") for record in records)


def _reduced(job: Job, record: Record) -> Record:
    """Return the record of a call as it is stored: under the name of who answered, with the output that decides."""
    kept: Record = {**record, "file": job.unit.prompt.place}
    if job.unit.dialect.name == "embeddings" and not _is_whole(job, record):
        return {**kept, "output": {"vectors": []}}
    with contextlib.suppress(ValueError):  # an answer that decides nothing is stored as it is
        kept["output"] = _value(job.unit.dialect.name, record)
    return kept


def _is_whole(job: Job, record: Record) -> bool:
    """Return whether a response has a vector for each text."""
    texts, output = job.body["input"], record["output"]
    vectors = output.get("vectors") if isinstance(output, Mapping) else None
    return isinstance(texts, list) and isinstance(vectors, list) and len(texts) == len(vectors)


def _key(job: Job) -> _Key:
    return job.unit.endpoint.name, job.fingerprint


def _stored(file: SideFile) -> dict[tuple[str, int], Record]:
    """Return the answers to calls that earlier attempts stored, and drop a line that was half written."""
    found: dict[tuple[str, int], Record] = {}
    if not file.path.exists():
        return found
    sound = 0
    for offset, length, record in journal_lines(file.path):
        sound = offset + length
        if record["outcome"] != "error":
            found[record["fingerprint"], record["sample"]] = record
    if file.path.stat().st_size > sound:
        file.truncate(sound)
    return found


def _found_in(call: _Open, fingerprint: str) -> Found:
    """Return what the votes of a call say together."""
    asks = call.waiter.unit.asks
    assert asks is not None
    question, name = call.question, asks.name(call.question)
    values: list[JsonObject] = []
    problems: list[str] = []
    cost: float | None = None
    for _, record in sorted(call.records.items()):
        if record["cost"] is not None and not record["cached"]:
            cost = (cost or 0.0) + record["cost"]
        if (problem := _problem(name, record)) is not None:
            problems.append(problem)
            continue
        try:
            values.append(_value(question.target.operation, record))
        except ValueError as error:
            problems.append(f"the answer of {name} decides nothing: {error}")
    value, problem = combined(values, problems)
    return Found(value, fingerprint, name, asks.model(question), problem, cost)


def _value(operation: str, record: Record) -> JsonObject:
    return value_of(operation, record["output"])


def _problem(name: str, record: Record) -> str | None:
    """Return why the answer to a call decides nothing; None if it may decide."""
    if record["outcome"] == "error":
        error = record["error"]
        return f"{name} did not answer: {error['message'] if error else 'no answer arrived'}"
    if record["outcome"] != "ok":
        return f"the answer of {name} is {record['outcome']}: {record['detail'] or 'no reason is given'}"
    if not record["passed"]:
        failed = next(check["message"] for check in record["checks"] if not check["passed"])
        return f"the answer of {name} fails its own check: {failed}"
    return None
