"""The Python interface to prompts: the same files and the same processing as on the command line.

    prompt = runner.load("prompts/triage.prompt.yaml")
    result = prompt.run(ticket="I want my money back")
    result.output["category"]

Nothing is written to disk here: a program stores its own results.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from .engine.journal.record import CheckRecord, ErrorRecord, Record
from .engine.plan.job import Job, Unit
from .engine.plan.lint import refuse_lint_errors
from .engine.pool import event_loop
from .engine.pool.execute import admissions_of, execute
from .engine.pool.pool_options import PoolOptions
from .engine.pool.shutdown import Shutdown
from .errors import CaseError, Location, RunnerError, UsageError, system_error
from .files.cases import case_from_vars
from .files.model import Case
from .files.pack_sources import is_reference
from .files.project_root import find_root
from .render.sandbox import IN_PROCESS
from .schema import json_path
from .values import Json, JsonObject, find_non_json
from .workspace import Workspace

if TYPE_CHECKING:
    from .isolation.isolated_sandbox import Isolation

__all__ = ["LoadedPrompt", "OutcomeError", "Result", "load"]


class OutcomeError(RunnerError):
    """Raised by `Result.raise_for_outcome` if the answer did not pass. `result` has all details."""

    exit_code = 1

    def __init__(self, result: Result) -> None:
        reason = result.detail or next(
            (check["message"] for check in result.checks if not check["passed"]), ""
        )
        super().__init__(f"{result.prompt}: {result.outcome}" + (f": {reason}" if reason else ""))
        self.result = result


@dataclass(frozen=True, slots=True)
class Result:
    """One answer. If the prompt requests several choices (`n`), `choices` has all of them, and this is the first.

    `outcome` is one of ok, refused, truncated, filtered, empty, unparsable, invalid, tool_call, error. `passed` is true
    only for an answer that may be used: then `output` is the parsed and validated JSON, if the prompt declares a
    schema. `usage` is the provider's token count, `cost` is in US dollars or None. `reasoning`, `logprobs`,
    `annotations`, `audio` and `extra` are the parts of the answer besides its text, or None.
    """

    prompt: str
    outcome: str
    passed: bool
    output: Any
    text: str | None
    checks: Sequence[CheckRecord]
    error: ErrorRecord | None
    detail: str | None
    usage: Mapping[str, Json] | None
    cost: float | None
    served_model: str | None
    finish_reason: str | None
    latency_ms: float | None
    attempts: int
    fingerprint: str
    tool_calls: Json = None
    reasoning: str | None = None
    logprobs: Json = None
    annotations: Json = None
    audio: Json = None
    extra: JsonObject | None = None
    choices: tuple[Result, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, records: Sequence[Record]) -> Result:
        """Return the result of one request's records, in choice order."""
        results = tuple(cls._one(record) for record in records)
        first = records[0]
        return cls._one(first, choices=results)

    @classmethod
    def _one(cls, record: Record, choices: tuple[Result, ...] = ()) -> Result:
        return cls(
            prompt=record["prompt"],
            outcome=record["outcome"],
            passed=record["passed"],
            output=record["output"],
            text=record["text"],
            checks=record["checks"],
            error=record["error"],
            detail=record["detail"],
            usage=record["usage"],
            cost=record["cost"],
            served_model=record["served_model"],
            finish_reason=record["finish_reason"],
            latency_ms=record["latency_ms"],
            attempts=record["attempts"],
            fingerprint=record["fingerprint"],
            tool_calls=record.get("tool_calls"),
            reasoning=record.get("reasoning"),
            logprobs=record.get("logprobs"),
            annotations=record.get("annotations"),
            audio=record.get("audio"),
            extra=record.get("extra"),
            choices=choices,
        )

    def raise_for_outcome(self) -> Result:
        """Return the result itself if it passed. Raises OutcomeError otherwise."""
        if not self.passed:
            raise OutcomeError(self)
        return self


@dataclass(frozen=True, slots=True, repr=False)
class LoadedPrompt:
    """A prompt file, checked and compiled once, ready to be rendered and run any number of times.

    A prompt that was loaded with `isolate` has its own process, which ends with `close`, on leaving `with`, or when
    nothing refers to the prompt any more.
    """

    _unit: Unit
    _workspace: Workspace

    def __repr__(self) -> str:
        """Return its name only: a prompt with all its cases is long, and its environment contains keys."""
        return f"<LoadedPrompt {self.name}>"

    def close(self) -> None:
        """End the rendering process, if there is one."""
        self._workspace.sandbox.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def name(self) -> str:
        """Return the name of the prompt, as in its results."""
        return self._unit.prompt.name

    @property
    def variables(self) -> frozenset[str]:
        """Return the variables that its templates use."""
        return self._unit.template.variables

    def render(self, **variables: Json) -> list[dict[str, Json]]:
        """Return the messages without sending a request. Raises CaseError or TemplateError."""
        messages: Any = self.request(**variables)["messages"]
        return list(messages)

    def request(self, **variables: Json) -> dict[str, Json]:
        """Return the request body exactly as `run` would send it."""
        return self._unit.body(self._case(variables))

    def run(self, **variables: Json) -> Result:
        """Call the model, validate and judge the answer. Use `arun` if an event loop is already running."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return event_loop.run(self.arun(**variables))
        raise UsageError(
            "run() was called inside a running event loop", hint="await prompt.arun(...) instead"
        )

    async def arun(self, **variables: Json) -> Result:
        """Do the same as `run`, as a coroutine; any number can run concurrently."""
        case = self._case(variables)
        self._unit.judge.prepare(case)
        job = self._unit.job(case)
        finished: list[Record] = []

        def emit(jobs: Sequence[tuple[Job, list[Record]]]) -> None:
            for _, records in jobs:
                finished.extend(records)

        connections = self._workspace.connect((self._unit,), trust=None)
        options = PoolOptions(workers=1)
        jobs = {self._unit.endpoint.name: iter((job,))}
        await execute(jobs, connections, emit, options, Shutdown(), admissions_of(connections, options))
        return Result.of(finished)

    def _case(self, variables: Mapping[str, Json]) -> Case:
        location = Location(self._unit.prompt.path)
        for name, value in variables.items():
            if found := find_non_json(value):
                path, problem = found
                raise CaseError(f"{name}{json_path(path)[1:]}: {problem} is not JSON", location=location)
        return case_from_vars(self._unit.prompt, variables, location=location)


def load(
    path: str | os.PathLike[str],
    *,
    endpoint: str | None = None,
    model: str | None = None,
    environ: Mapping[str, str] | None = None,
    project: str | os.PathLike[str] | None = None,
    isolate: bool = False,
    lint: bool = True,
) -> LoadedPrompt:
    """Load and compile a prompt file, or the prompt of a pack, named as `ALIAS:NAME`.

    `endpoint` and `model` override the project's and the prompt's. The project (runner.yaml) is the one that contains
    the file; for a pack's prompt, the one that contains the folder `project` (default: the current folder). Keys are
    looked up in `environ` (default: os.environ) when the prompt is run. With `isolate` its templates are compiled and
    rendered in a separate process with limits on memory and time. A schema that the provider would refuse (see `runner
    check`) is an error unless `lint` is False. Raises RunnerError, with the file's line, for any error.
    """
    try:
        return _load(
            os.fspath(path),
            endpoint=endpoint,
            model=model,
            environ=os.environ if environ is None else environ,
            project=project,
            isolate=isolate,
            lint=lint,
        )
    except OSError as error:
        if error.filename is None:
            raise
        raise system_error(error) from None


def _load(
    text: str,
    *,
    endpoint: str | None,
    model: str | None,
    environ: Mapping[str, str],
    project: str | os.PathLike[str] | None,
    isolate: bool,
    lint: bool,
) -> LoadedPrompt:
    in_pack = is_reference(text) and not Path(text).exists()
    if not in_pack and project is not None:
        raise UsageError(
            "project is only for prompts of packs", hint="a file belongs to the project that contains it"
        )
    root = find_root(Path(project or "").absolute() if in_pack else Path(text).absolute().parent)
    with ExitStack() as on_failure:
        sandbox = on_failure.enter_context(_isolation()) if isolate else IN_PROCESS
        workspace = Workspace.open(root, environ, sandbox=sandbox)
        found = workspace.find([text])
        if len(found) > 1:
            raise UsageError(f"{text} is more than one prompt", hint="load them one by one")
        [(tree, name)] = found
        prompt = workspace.load(tree, name)
        fields = {"model": [model]} if model else None
        units = workspace.units((prompt,), endpoint=endpoint, fields=fields)
        if lint:
            refuse_lint_errors(
                units, hint="the provider would refuse it; load(..., lint=False) sends the request anyway"
            )
        if len(units) > 1:
            names = ", ".join(str(unit.variant) for unit in units)
            raise UsageError(
                f"{text} declares a matrix of {len(units)} variants ({names})", hint="give model=…"
            )
        on_failure.pop_all()
    return LoadedPrompt(units[0], workspace)


def _isolation() -> Isolation:
    from .isolation.isolated_sandbox import Isolation

    return Isolation()
