"""`pytest prompts/`: each case of a prompt file as a pytest item, judged as `runner test` judges it.

    pytest prompts/                               # offline in a CI, asks for what changed elsewhere
    pytest prompts/ --runner-record none          # the gate: no network, no key
    pytest prompts/ --runner-record new_episodes --runner-update changed
    pytest prompts/ --runner-isolate              # render in a process of its own (or RUNNER_ISOLATE=1)

Items are independent of each other (pytest-xdist may spread them), and nothing is ever pruned. In a project without
prompt files this module costs one look at the name of each file that pytest collects.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

# Nothing of this package is imported up here: pytest loads this module in every project.
if TYPE_CHECKING:
    from .engine.plan import Unit
    from .engine.record import Record
    from .files.model import Case, Project
    from .regress.results import CaseResult
    from .render.sandbox import Sandbox

__all__ = ["PromptCase", "PromptFile", "RegressionFailure"]

ENDINGS = (".prompt.yaml", ".prompt.yml")
RECORD = ("none", "once", "new_episodes", "all")
UPDATE = ("none", "missing", "changed", "all")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The two axes of `runner test`."""
    group = parser.getgroup("runner", "prompts and their snapshots")
    group.addoption("--runner-record", choices=RECORD, help="which cases may be asked (runner test --record)")
    group.addoption(
        "--runner-update", choices=UPDATE, help="what may be approved at once (runner test --update)"
    )
    group.addoption(
        "--runner-isolate", action="store_true", help="render in a process of its own (runner test --isolate)"
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Prompt files, wherever pytest is told to look, but for those of vendored packs: their authors test them."""
    if file_path.name.lower().endswith(ENDINGS) and not _is_vendored(file_path):
        collector: pytest.Collector = PromptFile.from_parent(parent, path=file_path)
        return collector
    return None


def _is_vendored(file: Path) -> bool:
    return any(folder.name == "packs" and (folder.parent / "packs.lock").is_file() for folder in file.parents)


class RegressionFailure(AssertionError):
    """A case that is not as approved; its text is the explanation."""


class PromptFile(pytest.File):
    """One prompt file: an item for each case, in each variant."""

    def collect(self) -> Iterator[pytest.Item]:
        """The cases. A file that does not load is a collection error with our own message."""
        import os

        from .cli.selecting import load_prompts, open_project
        from .engine.plan import make_units
        from .engine.selection import Selection
        from .errors import RunnerError

        try:
            project, _ = open_project()
            [prompt] = load_prompts([os.path.relpath(self.path)], project)
            if isinstance(prompt, RunnerError):
                raise prompt
            for unit in make_units((prompt,), project, sandbox=_sandbox(self.config)):
                for case in Selection().cases(unit):
                    name = case.id if unit.variant is None else f"{case.id}@{unit.variant}"
                    yield PromptCase.from_parent(self, name=name, unit=unit, case=case, project=project)
        except RunnerError as error:
            raise self.CollectError(str(error)) from None


class PromptCase(pytest.Item):
    """One case of a prompt."""

    def __init__(self, *, unit: Unit, case: Case, project: Project, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._unit = unit
        self._case = case
        self._project = project
        for tag in {*unit.prompt.tags, *case.tags}:
            self.keywords[tag] = True  # `-k support` selects by tag

    def runtest(self) -> None:
        """Replay or ask, as the options say. Raises RegressionFailure, or the RunnerError that came in the way."""
        import os

        from .engine.selection import Selection
        from .engine.trust import Trust
        from .regress.asking import carry_out
        from .regress.modes import is_ci, modes_for
        from .regress.store import store_of
        from .regress.testing import Regression

        results: list[CaseResult] = []
        modes = modes_for(
            ci=is_ci(os.environ),
            record=self.config.getoption("--runner-record"),
            update=self.config.getoption("--runner-update"),
            unreferenced="ignore",  # what no case refers to can only be said of a whole run
        )
        regression = Regression(
            (self._unit,),
            Selection(given=self._case),
            self._project,
            store_of(self._project, os.environ),
            modes,
            emit=results.append,
            orphan=lambda _: None,
        )
        root = Path(self._project.root)
        ending = carry_out(
            regression,
            (self._unit,),
            root=root,
            environ=os.environ,
            display=_Silence(),
            trust=Trust(root, os.environ),
        )
        if ending is not None and ending.unsent:
            raise RegressionFailure(f"stopped before the answer came: {ending.stopped}")
        [result] = results
        if result.verdict not in ("pass", "flaky"):
            raise RegressionFailure(_explained(result))
        if result.verdict == "flaky":
            self.add_report_section("call", "runner", _explained(result))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """Our own errors as they are, without a traceback into this package."""
        from .errors import RunnerError

        if isinstance(excinfo.value, RegressionFailure | RunnerError):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo, style))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the case is declared, and its name."""
        line = self._case.location.line
        return self.path, line - 1 if line else None, f"{self._unit.prompt.name}/{self.name}"


_SANDBOX = pytest.StashKey["Sandbox"]()


def _sandbox(config: pytest.Config) -> Sandbox:
    """Where the prompts of this session are rendered; a process of its own ends with the session."""
    from .render.sandbox import IN_PROCESS

    if _SANDBOX not in config.stash:
        sandbox = IN_PROCESS
        if config.getoption("--runner-isolate") or _is_set("RUNNER_ISOLATE"):
            from .isolation.isolation import Isolation

            sandbox = isolation = Isolation(patience=3)
            config.add_cleanup(isolation.close)
        config.stash[_SANDBOX] = sandbox
    return config.stash[_SANDBOX]


def _is_set(variable: str) -> bool:
    """Whether a flag's variable says yes, as the command line reads it. Raises UsageError."""
    import os

    import click

    from .errors import UsageError

    value = os.environ.get(variable)
    try:
        return bool(value) and click.BOOL.convert(value, None, None)
    except click.BadParameter as error:
        raise UsageError(f"{variable}: {error.message}") from None


class _Silence:
    """pytest has its own display."""

    def record(self, record: Record) -> None:
        """Nothing to show."""

    def tick(self) -> None:
        """Nothing to show."""

    def note(self, text: str) -> None:
        """Nothing to show."""


def _explained(result: CaseResult) -> str:
    from .report.regression_digest import facts_of, reason_of
    from .report.review_table import field_row, field_table

    lines = [f"{result.verdict} ({result.kind or result.status}): {reason_of(result)}", *facts_of(result)]
    if result.fields:
        lines += field_table([field_row(change) for change in result.fields])
    if result.verdict == "pending":
        lines.append("to approve: runner review")
    if result.verdict == "outdated":
        lines.append(f"to record: runner test {result.named} --case {result.case} --record new_episodes")
    return "\n".join(lines)
