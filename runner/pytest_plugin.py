"""`pytest prompts/`: each case of a prompt file as a pytest item, judged as `runner test` judges it.

    pytest                                        # replays the approved answers: no network, no key, no cost
    pytest --runner-record new_episodes           # sends requests for new and changed cases
    pytest --runner-record new_episodes --runner-update changed
    pytest --runner-isolate                       # renders in a separate process (or RUNNER_ISOLATE=1)

Each file belongs to the project (runner.yaml) nearest to it, and is collected if that project's `prompts` include it.
Without a runner.yaml a file is collected if the command line names it or one of its folders, or if the ini option
`runner_prompts` matches it. A file that does not load is a failing item; the session continues.

A prompt with gates has an item `runner_gate`, which is judged with `--runner-record all`; single cases are then skipped.

Items are independent of each other (pytest-xdist may distribute them), and nothing is ever pruned. In a project without
prompt files this module only looks at the name of each file that pytest collects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

# Imports nothing of this package at module level: pytest loads this module in every project.
if TYPE_CHECKING:
    from .engine.journal.record import Record
    from .engine.plan.job import Job, Unit
    from .errors import RunnerError
    from .files.model import Case
    from .regress.claims import Claim
    from .regress.gates.gate_results import GateResult
    from .regress.gates.gate_rounds import Gates
    from .regress.lost import LostAnswers
    from .regress.results import CaseResult
    from .render.sandbox import Sandbox
    from .workspace import Workspace

__all__ = ["BrokenPrompt", "PromptCase", "PromptFile", "PromptGate", "RegressionFailure"]

ENDINGS = (".prompt.yaml", ".prompt.yml")
RECORD = ("none", "once", "new_episodes", "all")
UPDATE = ("none", "missing", "changed", "all")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the two modes of `runner test`, and the globs of prompt files outside a runner.yaml."""
    group = parser.getgroup("runner", "prompts and their snapshots")
    group.addoption(
        "--runner-record",
        choices=RECORD,
        default="none",
        help="which cases may send requests (runner test --record); default: none",
    )
    group.addoption(
        "--runner-update", choices=UPDATE, help="which answers are approved at once (runner test --update)"
    )
    group.addoption(
        "--runner-isolate", action="store_true", help="render in a separate process (runner test --isolate)"
    )
    parser.addini(
        "runner_prompts",
        "globs of prompt files, relative to the rootdir, that are collected even if no runner.yaml includes them",
        type="linelist",
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the prompt files of projects, except those of vendored packs, which their authors test."""
    if file_path.name.lower().endswith(ENDINGS) and _is_ours(file_path, parent.config):
        collector: pytest.Collector = PromptFile.from_parent(parent, path=file_path)
        return collector
    return None


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> str | None:
    """Report whether requests may be sent, if there are prompts."""
    record = config.getoption("--runner-record")
    if not any(isinstance(item, PromptCase) for item in items):
        return None
    if record == "none":
        return "runner: replaying approved answers; no request is sent (to send requests: --runner-record)"
    return f"runner: requests may be sent, --runner-record {record}"


def _is_ours(file: Path, config: pytest.Config) -> bool:
    """Return whether a prompt file belongs to a project or was asked for; other tools use these file names, too."""
    from .files.discover import is_prompt_of, matches_glob
    from .files.project_root import is_in_vendored_folder, project_above

    if is_in_vendored_folder(file):
        return False
    if _names(config, file):
        return True
    below = file.relative_to(config.rootpath) if file.is_relative_to(config.rootpath) else None
    globs = config.getini("runner_prompts")
    if below is not None and any(matches_glob(below.as_posix(), glob) for glob in globs):
        return True
    if project_above(file.parent) is None:
        return _names_folder(config, file) and not _is_of_github(file)
    home = _home_of(file, config)
    # If runner.yaml does not load, each of its prompts fails with that error.
    return home.workspace is None or is_prompt_of(home.workspace.project, file)


def _names(config: pytest.Config, file: Path) -> bool:
    """Return whether pytest's command line names this very file."""
    return any(path == file for path in _arguments(config))


def _names_folder(config: pytest.Config, file: Path) -> bool:
    """Return whether it names a folder of the file, other than those that pytest searches anyway."""
    everything = (config.rootpath, config.invocation_params.dir)
    return any(
        file.is_relative_to(path) and not any(each.is_relative_to(path) for each in everything)
        for path in _arguments(config)
    )


def _arguments(config: pytest.Config) -> list[Path]:
    """Return the paths that were typed; `testpaths` are not among them."""
    import os

    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        return []
    here = config.invocation_params.dir
    return [Path(os.path.normpath(here / argument.partition("::")[0])) for argument in config.args]


def _is_of_github(file: Path) -> bool:
    """Return whether a file has a key that only GitHub Models' format has."""
    import re

    try:
        return re.search(rb"(?m)^(modelParameters|testData|evaluators)\s*:", file.read_bytes()) is not None
    except OSError:
        return False


class _Home(NamedTuple):
    """The project of a folder. `error` is why it does not open.

    `claims` caches, by folder of prompts, the claims of its prompts to folders of snapshots; `lost` is empty until it
    is needed.
    """

    workspace: Workspace | None
    error: RunnerError | None
    claims: dict[str, list[Claim]]
    lost: list[LostAnswers]

    def lost_answers(self) -> LostAnswers | None:
        """Return the answers of renamed cases, searched for once in a session."""
        import os

        from .regress.lost import LostAnswers
        from .regress.snapshots.store import store_of

        if not self.lost and self.workspace is not None:
            project = self.workspace.project
            self.lost.append(LostAnswers((), project, store_of(project, os.environ)))
        return self.lost[0] if self.lost else None

    def beside(self, directory: str) -> list[Claim]:
        """Return the claims of the prompts in a folder, read once in a session."""
        from .regress.claims import taken_in

        if directory not in self.claims and self.workspace is not None:
            self.claims[directory] = taken_in(directory, self.workspace.project)
        return self.claims.get(directory, [])


_HOMES = pytest.StashKey[dict[Path, _Home]]()


def _home_of(file: Path, config: pytest.Config) -> _Home:
    """Return the project that a file belongs to, opened once in a session."""
    import os

    from .errors import RunnerError
    from .files.project_root import project_above
    from .workspace import Workspace

    above = project_above(file.parent)
    bases = (config.invocation_params.dir, config.rootpath, file.parent)
    root = above or next(base for base in bases if file.is_relative_to(base))
    homes = config.stash.setdefault(_HOMES, {})
    if root not in homes:
        workspace = error = None
        try:
            workspace = Workspace.open(root, os.environ, shown_from=Path.cwd())
            workspace.packs.verify_copies()
        except RunnerError as problem:
            error = problem
        homes[root] = _Home(workspace, error, {}, [])
    return homes[root]


class RegressionFailure(AssertionError):
    """A case that is not as approved; its text explains why."""


class PromptFile(pytest.File):
    """One prompt file, with an item for each case in each variant, and one for its gates."""

    def collect(self) -> Iterator[pytest.Item]:
        """Return the cases. A prompt that does not load becomes a failing item with our own message."""
        import os
        from dataclasses import replace

        from .engine.plan.selection import Selection
        from .errors import RunnerError
        from .regress.claims import refuse_shared
        from .regress.gates.declared import declared_gates
        from .visible import one_line

        try:
            sandbox = _sandbox(self.config)
        except RunnerError as error:  # an error in the session's options
            raise self.CollectError(_shown(str(error))) from None
        home = _home_of(self.path, self.config)
        try:
            if home.error is not None:
                raise home.error
            assert home.workspace is not None, "a project that is not opened has an error"
            workspace = replace(home.workspace, sandbox=sandbox)
            [prompt] = workspace.prompts([os.path.relpath(self.path)])
            refuse_shared((prompt,), workspace.project, beside=home.beside)
            for unit in workspace.units((prompt,)):
                for case in Selection().cases(unit):
                    name = case.id if unit.variant is None else f"{case.id}@{unit.variant}"
                    yield PromptCase.from_parent(self, name=one_line(name), unit=unit, case=case, home=home)
                if declared_gates(prompt, workspace.project) is not None:
                    name = "runner_gate" if unit.variant is None else f"runner_gate@{unit.variant}"
                    yield PromptGate.from_parent(self, name=one_line(name), unit=unit, home=home)
        except RunnerError as error:
            yield BrokenPrompt.from_parent(self, name="load", error=error)


class BrokenPrompt(pytest.Item):
    """A prompt file that does not load, or not completely: it fails, and the session continues."""

    def __init__(self, *, error: RunnerError, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._error = error

    def runtest(self) -> None:
        """Raise the error."""
        raise self._error

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """Return the error, its location and its hint, without a traceback."""
        return _shown(str(excinfo.value))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return the file, the line, and a title which says that it does not load."""
        location = self._error.location
        line = location.line if location is not None else None
        return self.path, line - 1 if line else None, _shown(f"{self.path.name} does not load")


class PromptCase(pytest.Item):
    """One case of a prompt."""

    def __init__(self, *, unit: Unit, case: Case, home: _Home, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        assert home.workspace is not None, "a prompt was loaded"
        self._home = home
        self._unit = unit
        self._case = case
        self._workspace = home.workspace
        for tag in {*unit.prompt.tags, *case.tags}:
            self.keywords[tag] = True  # `-k support` selects by tag

    def runtest(self) -> None:
        """Replay or send a request, as the options say. Raises RegressionFailure, or a RunnerError if it cannot.

        If every case is sent, the gates of the prompt decide about the case, and it is skipped, unless it must pass.
        """
        if self._is_gated():
            pytest.skip("the gates of the prompt judge all of its cases: see runner_gate")
        self._run()

    def _is_gated(self) -> bool:
        from .regress.gates.declared import declared_gates

        return (
            self.config.getoption("--runner-record") == "all"
            and not self._case.must_pass
            and declared_gates(self._unit.prompt, self._workspace.project) is not None
        )

    def _run(self) -> None:
        import os
        from functools import partial

        from .engine.plan.plan import Plan
        from .engine.plan.selection import Selection
        from .engine.trust import Trust
        from .regress.carry_out import carry_out
        from .regress.modes import is_ci, modes_for
        from .regress.regression_run import RegressionRun
        from .regress.snapshots.store import store_of

        results: list[CaseResult] = []
        modes = modes_for(
            ci=is_ci(os.environ),
            record=self.config.getoption("--runner-record"),  # explicit even if it is none
            update=self.config.getoption("--runner-update"),
            unreferenced="ignore",  # only a whole run can tell which snapshots are unreferenced
        )
        selection = Selection(given=self._case)
        regression = RegressionRun(
            Plan((self._unit,), selection.cases),
            selection,
            self._workspace.project,
            store_of(self._workspace.project, os.environ),
            modes,
            emit=results.append,
            unreferenced=lambda _: None,
            lost=self._home.lost_answers(),
        )
        root = self._workspace.root
        ending = carry_out(
            regression,
            (self._unit,),
            root=root,
            connect=partial(self._workspace.connect, trust=Trust(root, os.environ)),
            display=_Silence(),
        )
        if ending is not None and ending.unsent:
            raise RegressionFailure(f"stopped before the answer arrived: {ending.stopped}")
        [result] = results
        if result.verdict not in ("pass", "flaky"):
            raise RegressionFailure(self._explained(result, modes.record))
        if result.verdict == "flaky":
            self.add_report_section("call", "runner", _shown(self._explained(result, modes.record)))

    def _explained(self, result: CaseResult, record: str) -> str:
        from .files.project_root import find_root
        from .report.regression.regression_digest import facts_of, reason_of
        from .report.regression.review_table import field_row, field_table

        lines = [f"{result.verdict} ({result.kind or result.status}): {reason_of(result)}", *facts_of(result)]
        if result.fields:
            lines += field_table([field_row(change) for change in result.fields])
        # The commands have to be run in the project, which may not be pytest's working folder.
        here, named = "", result.named
        if find_root(Path.cwd()) != self._workspace.root:
            here, named = f" in {self._workspace.root}", self._unit.prompt.place
        if result.verdict == "pending":
            lines.append(f"to approve{here}: runner review")
        if result.verdict == "outdated":
            if record == "none":
                lines.append(
                    "no request was sent: pytest sends requests only with --runner-record, e.g. new_episodes"
                )
            lines.append(f"to record{here}: runner test {named} --case {result.case} --record new_episodes")
        return "\n".join(line.replace("\n", "\\n") for line in lines)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """Return our own errors as they are, without a traceback into this package."""
        from .errors import RunnerError

        if isinstance(excinfo.value, RegressionFailure | RunnerError):
            return _shown(str(excinfo.value))
        return str(super().repr_failure(excinfo, style))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return the location and the name of the case."""
        line = self._case.location.line
        return self.path, line - 1 if line else None, _shown(f"{self._unit.prompt.name}/{self.name}")


class PromptGate(pytest.Item):
    """The gates of a prompt in one variant: with `--runner-record all` every case is sent as often as they need.

    Items are independent of each other, so p-values are adjusted for the gates of this prompt only.
    """

    def __init__(self, *, unit: Unit, home: _Home, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        assert home.workspace is not None, "a prompt was loaded"
        self._unit = unit
        self._workspace = home.workspace

    def runtest(self) -> None:
        """Judge the gates. Raises RegressionFailure if one fails or cannot be judged, or a RunnerError."""
        from .report.regression.gate_lines import details, headline

        results = self._results()
        lines = [
            line.replace("\n", "\\n")
            for result in results
            for line in (f"{result.gate}: {headline(result)}", *(f"  {each}" for each in details(result)))
        ]
        if any(result.outcome != "ok" for result in results):
            raise RegressionFailure("\n".join(lines))
        if all(result.word == "skipped" for result in results):
            pytest.skip(f"{results[0].reason} (here: --runner-record all)")
        self.add_report_section("call", "runner", _shown("\n".join(lines)))

    def _results(self) -> list[GateResult]:
        import os
        from functools import partial

        from .engine.plan.plan import Plan
        from .engine.plan.selection import Selection
        from .regress.gates.declared import OFFLINE
        from .regress.gates.gate_rounds import Gates
        from .regress.snapshots.store import store_of

        unit, project = self._unit, self._workspace.project
        live = self.config.getoption("--runner-record") == "all"
        gates = Gates(
            (unit,), project, store_of(project, os.environ), samples=None, part=None if live else OFFLINE
        )
        plan = Plan((unit,), Selection().cases)
        preflight = plan.preflight(gates.see)
        if not live:
            return gates.results()
        for remark in gates.remarks(preflight.cases_of(plan.units)):
            self.add_report_section("call", "runner", _shown(f"{remark.code} {remark.message}"))
        wanted = {id(unit): range(gates.samples_of(unit) or 0)}
        while wanted:
            samples: Callable[[Unit], range] = partial(_of, wanted)
            stopped = self._ask(plan.more_samples(preflight, samples), gates)
            if stopped is not None:
                return gates.results(stopped)
            gates.asked(wanted)
            gates.look()
            wanted = gates.more()
        return gates.results()

    def _ask(self, jobs: dict[str, Iterator[Job]], gates: Gates) -> str | None:
        """Send the requests of one round; return why it was cut short, None if it was not."""
        import os
        from functools import partial

        from .engine.trust import Trust
        from .regress.carry_out import ask_again

        root = self._workspace.root
        ending = ask_again(
            jobs,
            (self._unit,),
            root=root,
            connect=partial(self._workspace.connect, trust=Trust(root, os.environ)),
            display=_Silence(),
            take=gates.take,
            facts={"command": "pytest"},
        )
        return (ending.stopped or "the run was stopped") if ending.unsent else None

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """Return our own errors as they are, without a traceback into this package."""
        from .errors import RunnerError

        if isinstance(excinfo.value, RegressionFailure | RunnerError):
            return _shown(str(excinfo.value))
        return str(super().repr_failure(excinfo, style))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return the file and the name of the item."""
        return self.path, None, _shown(f"{self._unit.prompt.name}/{self.name}")


def _of(wanted: dict[int, range], unit: Unit) -> range:
    return wanted[id(unit)]


_SANDBOX = pytest.StashKey["Sandbox"]()


def _sandbox(config: pytest.Config) -> Sandbox:
    """Return the sandbox for this session; the process of an isolated one ends with the session."""
    from .render.sandbox import IN_PROCESS

    if _SANDBOX not in config.stash:
        sandbox = IN_PROCESS
        if config.getoption("--runner-isolate") or _is_set("RUNNER_ISOLATE"):
            from .isolation.isolated_sandbox import Isolation

            sandbox = isolation = Isolation(patience=3)
            config.add_cleanup(isolation.close)
        config.stash[_SANDBOX] = sandbox
    return config.stash[_SANDBOX]


def _is_set(variable: str) -> bool:
    """Return whether a flag's variable is true, as the command line reads it. Raises UsageError."""
    import os

    from .errors import UsageError

    value = os.environ.get(variable, "")
    word = value.strip().lower()
    if word not in (*_YES, *_NO):
        known = ", ".join(sorted(filter(None, (*_YES, *_NO))))
        raise UsageError(f"{variable}: {value!r} is not a valid boolean. Recognized values: {known}")
    return word in _YES


_YES = ("1", "true", "t", "yes", "y", "on")
_NO = ("", "0", "false", "f", "no", "n", "off")


def _shown(text: str) -> str:
    """Return a text as pytest may print it, with the same characters made visible as in our own output."""
    from .report.terminal.outlet import shown

    return shown(text)


class _Silence:
    """A listener that shows nothing; pytest has its own display."""

    def record(self, record: Record) -> None:
        """Ignore a record."""

    def tick(self) -> None:
        """Do nothing."""

    def note(self, text: str) -> None:
        """Ignore a note."""
