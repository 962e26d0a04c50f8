"""A loaded prompt: rendered and run any number of times, with the connections and limits that its calls share."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
)
from dataclasses import replace
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..engine.plan.job import Job, Unit
from ..engine.plan.lint import refuse_lint_errors
from ..errors import CaseError, Location, UsageError
from ..files.cases import case_from_vars
from ..files.model import Case, Prompt
from ..files.request_fields import field_value
from ..schema import json_path
from ..values import Json, find_non_json
from ..workspace import Workspace
from . import background
from .channel import Channel, Jobs, number_of_jobs, shared_among
from .decided import decided
from .html_table import html_table
from .part_journal import JournalInUseError, PartJournal
from .prompt_result import Result
from .pull import AsyncPull, Pull
from .row_map import RowMap
from .text_stream import AsyncTextStream, TextStream

__all__ = ["LoadedPrompt", "one_unit"]

LINT_HINT = "the provider would refuse it; load(..., lint=False) sends the request anyway"

_LOOK_EVERY = 0.1

MOST_OVERRIDES = 64
"""How many different overrides stay compiled."""


class LoadedPrompt:
    """A prompt file, checked and compiled once, ready to be rendered and run any number of times, from any thread.

    All calls share the connections to the endpoint, its limits (`concurrency`, `rpm`, `tpm`) and its circuit breaker: `run`,
    `stream` and `map` in all threads of the process, and `arun`, `astream` and `amap` on each event loop. If the endpoint is
    down, calls return the error `not_sent` at once, and every five seconds one request tries whether it is up again.
    `with` and `async with` close the connections at the end. So does the end of the event loop, and of the process.

    A prompt that was loaded with `isolate` has its own process, which ends with `close`, on leaving `with`, or when
    nothing refers to the prompt any more.
    """

    def __init__(
        self,
        unit: Unit,
        workspace: Workspace,
        *,
        endpoint: str | None = None,
        fields: Mapping[str, Json] | None = None,
        lint: bool = True,
        jobs: Jobs = None,
        of: int = 1,
    ) -> None:
        self._unit = unit
        self._workspace = workspace
        self._endpoint = endpoint
        self._fields = dict(fields or {})
        self._lint = lint
        self._jobs = jobs
        self._of = of
        self._units: dict[str, Unit] = {}
        self._channels: dict[tuple[int, str], tuple[asyncio.AbstractEventLoop, Channel]] = {}
        self._lock = threading.Lock()
        shared_among(unit.endpoint, jobs, of)  # so that a wrong number is an error now

    def __repr__(self) -> str:
        """Return its name only: a prompt with all its cases is long, and its environment contains keys."""
        return f"<LoadedPrompt {self.name}>"

    def _repr_html_(self) -> str:
        unit = self._unit
        shown: dict[str, Json] = {
            "file": unit.prompt.path,
            "model": unit.model,
            "endpoint": unit.endpoint.name,
            "variables": ", ".join(sorted(self.variables)),
        }
        return html_table(self.name, shown)

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError(
            f"{self!r} has open connections and cannot be sent to another process: use runner.Prompt(path, ...)"
        )

    # --- closing ----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the connections of all threads and loops, and end the rendering process, if there is one."""
        for loop, channel in self._leave():
            if loop.is_closed():
                continue
            if loop is background.loop_if_running():
                background.call(channel.aclose())
            elif loop.is_running():
                loop.call_soon_threadsafe(_close_soon, channel)
        self._workspace.sandbox.close()

    async def aclose(self) -> None:
        """Do the same as `close`, in a coroutine."""
        running = asyncio.get_running_loop()
        mine = [channel for loop, channel in self._channels.values() if loop is running]
        for key in [key for key, (loop, _) in self._channels.items() if loop is running]:
            del self._channels[key]
        for channel in mine:
            await channel.aclose()
        await asyncio.to_thread(self.close)

    def _leave(self) -> list[tuple[asyncio.AbstractEventLoop, Channel]]:
        with self._lock:
            left = list(self._channels.values())
            self._channels.clear()
        return left

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    # --- without a request ------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Return the name of the prompt, as in its results."""
        return self._unit.prompt.name

    @property
    def variables(self) -> frozenset[str]:
        """Return the variables that its templates use."""
        return self._unit.template.variables

    @property
    def required(self) -> frozenset[str]:
        """Return the variables that have no default."""
        return self._unit.required

    def render(
        self,
        vars: Mapping[str, Json] | None = None,  # noqa: A002 - the word of the prompt file
        overrides: Mapping[str, Json] | None = None,
        /,
        **variables: Json,
    ) -> list[dict[str, Json]]:
        """Return the messages without sending a request. Raises CaseError or TemplateError."""
        messages: Any = self.request(vars, overrides, **variables)["messages"]
        return list(messages)

    def request(
        self,
        vars: Mapping[str, Json] | None = None,  # noqa: A002
        overrides: Mapping[str, Json] | None = None,
        /,
        **variables: Json,
    ) -> dict[str, Json]:
        """Return the request body exactly as `run` would send it."""
        return self._unit_with(overrides).body(self._case(_merged(vars, variables)))

    # --- one request ------------------------------------------------------------------------------------------------

    def run(
        self,
        vars: Mapping[str, Json] | None = None,  # noqa: A002
        overrides: Mapping[str, Json] | None = None,
        /,
        **variables: Json,
    ) -> Result:
        """Call the model, validate and judge the answer.

        The variables are keywords, or the mapping `vars`. `overrides` are request fields for this call, such as
        `{"temperature": 0.7}`. Works in a notebook, too; `arun` does not block the event loop.
        """
        return background.call(self.arun(vars, overrides, **variables))

    async def arun(
        self,
        vars: Mapping[str, Json] | None = None,  # noqa: A002
        overrides: Mapping[str, Json] | None = None,
        /,
        **variables: Json,
    ) -> Result:
        """Do the same as `run`, as a coroutine; any number can run concurrently."""
        job = self._job(_merged(vars, variables), overrides)
        channel = await self._channel(job.unit)
        return Result.of(await decided(job, await channel.ask(job), self._channel))

    def stream(
        self,
        vars: Mapping[str, Json] | None = None,  # noqa: A002
        overrides: Mapping[str, Json] | None = None,
        /,
        **variables: Json,
    ) -> TextStream:
        """Call the model and return an iterator over the pieces of the answer's text as they arrive.

        Its `result()` is the whole answer, validated and judged: look at it before you use the text. A connection that
        breaks after the first piece is an `error`; the request is not sent again.
        """
        return TextStream(self.astream(vars, overrides, **variables))

    def astream(
        self,
        vars: Mapping[str, Json] | None = None,  # noqa: A002
        overrides: Mapping[str, Json] | None = None,
        /,
        **variables: Json,
    ) -> AsyncTextStream:
        """Do the same as `stream`, with an asynchronous iterator."""
        job = self._job(_merged(vars, variables), overrides)
        if not job.unit.dialect.streams:
            raise UsageError(
                f"with `api: {job.unit.dialect.name}` answers arrive whole", hint="use run or arun"
            )
        return AsyncTextStream(job, self._channel)

    # --- many requests ----------------------------------------------------------------------------------------------

    def map(
        self,
        rows: Iterable[Mapping[str, Json]],
        *,
        jobs: Jobs = None,
        journal: str | PathLike[str] | None = None,
        order: bool = True,
        overrides: Mapping[str, Json] | None = None,
    ) -> Iterator[Result]:
        """Call the model for each row, `jobs` at once, and yield a result for each, with its `row` and `index`.

        Rows are read as they are needed, so that any number of them takes the same memory. Each column is a variable; other
        columns stay in `row`. No row raises: one that does not fit has the outcome `error` with the code `row`. Errors of the
        setup raise before the first request. With `order=False`, results come as they arrive; otherwise a slow one
        holds back those after it, up to 4,096.

        `journal` is a file to which each answer is appended before it is yielded. The same call with the same file
        sends only what has no answer yet. Raises StorageError if it cannot be written, and nothing more is sent.
        """
        return self._map(Pull(rows), lambda: self._row_map(jobs, journal, overrides, order=order))

    def _map(self, pull: Pull, opened: Callable[[], Coroutine[Any, Any, RowMap]]) -> Iterator[Result]:
        running = background.call(opened())
        try:
            while not running.finished:
                given = pull.next(running.wanted)
                yield from background.call(running.step(given, ended=pull.ended))
        finally:
            background.call(running.close())
        pull.raise_any()

    def amap(
        self,
        rows: Iterable[Mapping[str, Json]] | AsyncIterable[Mapping[str, Json]],
        *,
        jobs: Jobs = None,
        journal: str | PathLike[str] | None = None,
        order: bool = True,
        overrides: Mapping[str, Json] | None = None,
    ) -> AsyncIterator[Result]:
        """Do the same as `map`, as an asynchronous iterator; `rows` may be one, too."""
        pull = AsyncPull(rows) if isinstance(rows, AsyncIterable) else Pull(rows)
        return self._amap(pull, lambda: self._row_map(jobs, journal, overrides, order=order))

    async def _amap(
        self, pull: Pull | AsyncPull, opened: Callable[[], Coroutine[Any, Any, RowMap]]
    ) -> AsyncGenerator[Result]:
        running = await opened()
        try:
            if isinstance(pull, AsyncPull):
                pull.feed(running)
            while not running.finished:
                given = [] if isinstance(pull, AsyncPull) else pull.next(running.wanted)
                for result in await running.step(given, ended=pull.ended):
                    yield result
        finally:
            if isinstance(pull, AsyncPull):
                await pull.close()
            await running.close()
        pull.raise_any()

    def _map_batch(self, rows: Iterable[Mapping[str, Any]], journal: Path | None) -> Iterator[Result]:
        """Do as `map` for the rows of a table, in which null means that there is no value.

        A value that JSON does not have matters only in a variable. If another worker is at work on the same rows, wait until
        it has finished, and use its answers.
        """
        unit = self._unit
        variables = unit.template.known if unit.prompt.inputs is None else unit.prompt.inputs.keys()
        kept = (
            {name: value for name, value in row.items() if name in variables or not find_non_json(value)}
            for row in rows
        )

        async def opened() -> RowMap:
            while True:
                try:
                    return await self._row_map(None, journal, None, order=True, nulls=True)
                except JournalInUseError:
                    await asyncio.sleep(_LOOK_EVERY)

        return self._map(Pull(kept), opened)

    async def _row_map(
        self,
        jobs: Jobs,
        journal: str | PathLike[str] | None,
        overrides: Mapping[str, Json] | None,
        *,
        order: bool,
        nulls: bool = False,
    ) -> RowMap:
        unit = self._unit_with(overrides)
        share = None if jobs is None else shared_among(unit.endpoint, number_of_jobs(jobs), self._of)[1]
        channel = await self._channel(unit)
        kept = None
        if journal is not None:
            kept = PartJournal.open(Path(journal), unit, self._workspace.root, channel.connection)
        return RowMap(unit, channel, self._channel, jobs=share, journal=kept, order=order, nulls=nulls)

    # --- inside -----------------------------------------------------------------------------------------------------

    def _job(self, variables: Mapping[str, Json], overrides: Mapping[str, Json] | None) -> Job:
        unit = self._unit_with(overrides)
        case = self._case(variables)
        unit.prepare(case)
        return unit.job(case)

    def _unit_with(self, overrides: Mapping[str, Json] | None) -> Unit:
        """Return the compiled prompt with these request fields, too. Raises UsageError for a field that is not valid."""
        if not overrides:
            return self._unit
        for name, value in overrides.items():
            if found := find_non_json(value):
                path, problem = found
                raise UsageError(f"overrides: {name}{json_path(path)[1:]}: {problem} is not JSON")
        fields = {
            **self._fields,
            **{name: field_value(name, value, "overrides") for name, value in overrides.items()},
        }
        key = repr(sorted(fields.items()))
        unit = self._units.get(key)
        if unit is None:
            unit = one_unit(
                self._workspace, self._unit.prompt, endpoint=self._endpoint, fields=fields, lint=self._lint
            )
            with self._lock:
                if len(self._units) >= MOST_OVERRIDES:
                    self._units.clear()
                self._units[key] = unit
        return unit

    async def _channel(self, unit: Unit) -> Channel:
        """Return the channel of the running loop to a unit's endpoint."""
        loop = asyncio.get_running_loop()
        key = id(loop), unit.endpoint.name
        known = self._channels.get(key)
        if known is not None and known[0] is loop:
            return known[1]
        endpoint, jobs = shared_among(unit.endpoint, self._jobs, self._of)
        connections = self._workspace.connect((replace(unit, endpoint=endpoint),), trust=None)
        channel = Channel(connections[endpoint.name], jobs)
        with self._lock:
            for other in [key for key, (loop, _) in self._channels.items() if loop.is_closed()]:
                del self._channels[other]
            self._channels[key] = loop, channel
        await channel.open()
        return channel

    def _case(self, variables: Mapping[str, Json]) -> Case:
        location = Location(self._unit.prompt.path)
        for name, value in variables.items():
            if found := find_non_json(value):
                path, problem = found
                raise CaseError(f"{name}{json_path(path)[1:]}: {problem} is not JSON", location=location)
        return case_from_vars(self._unit.prompt, variables, location=location)


def one_unit(
    workspace: Workspace,
    prompt: Prompt,
    *,
    endpoint: str | None,
    fields: Mapping[str, Json],
    lint: bool,
) -> Unit:
    """Compile a prompt with these request fields. Raises UsageError if they leave more than one variant."""
    units = workspace.units(
        (prompt,), endpoint=endpoint, fields={name: [value] for name, value in fields.items()}
    )
    if lint:
        refuse_lint_errors(units, hint=LINT_HINT)
    if len(units) > 1:
        names = ", ".join(str(unit.variant) for unit in units)
        axes = ", ".join(f"{name}=…" for name in prompt.matrix if name not in fields)
        raise UsageError(
            f"{prompt.path} declares a matrix of {len(units)} variants ({names})", hint=f"give {axes}"
        )
    return units[0]


def _merged(vars: Mapping[str, Json] | None, variables: Mapping[str, Json]) -> Mapping[str, Json]:  # noqa: A002
    if vars is None:
        return variables
    if not isinstance(vars, Mapping):
        raise UsageError(f"the variables are a mapping or keywords, not {type(vars).__name__}")
    if twice := vars.keys() & variables.keys():
        raise UsageError(f"{min(twice)} is given twice, in the mapping and as a keyword")
    return {**vars, **variables} if variables else vars


def _close_soon(channel: Channel) -> None:
    closing = asyncio.get_running_loop().create_task(channel.aclose())
    _closing.add(closing)
    closing.add_done_callback(_closing.discard)


_closing: set[asyncio.Task[None]] = set()
