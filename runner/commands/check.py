"""What `runner check` adds to looking at each prompt: the packs as a whole, and each error told once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ..engine.plan.plan import refuse_denied_models
from ..errors import Diagnostic, NothingSelectedError, Problems, RunnerError
from ..files.model import Project, Prompt
from ..packs.packs import Packs
from .selection import load_prompts
from .show_errors import show_error

__all__ = ["Told", "faults_of_packs", "prompts_of"]


class Told:
    """The errors that were shown so far. Several prompts may fail for one and the same pack."""

    def __init__(self) -> None:
        self._errors: list[RunnerError] = []

    @property
    def count(self) -> int:
        """How many there were."""
        return len(self._errors)

    @property
    def exit_code(self) -> int:
        """The exit code that they come to."""
        return Problems(self._errors).exit_code if self._errors else 0

    def knows(self, error: RunnerError) -> bool:
        """Whether an error was shown."""
        each_of = error.errors if isinstance(error, Problems) else (error,)
        return all(any(each is told for told in self._errors) for each in each_of)

    def tell(self, error: RunnerError) -> None:
        """Show an error, each of several by itself."""
        for each in error.errors if isinstance(error, Problems) else (error,):
            if not self.knows(each):
                self._errors.append(each)
                show_error(each)


def prompts_of(
    paths: Sequence[str], project: Project, packs: Packs, told: Told, remark: Callable[[Diagnostic], None]
) -> Iterator[Prompt | RunnerError]:
    """The prompts that the paths name. A project of packs alone has none of its own, and was checked all the same."""
    try:
        yield from load_prompts(paths, project, packs, remark)
    except NothingSelectedError:
        if paths or not packs.requests:
            raise
    except RunnerError as error:
        if not told.knows(error):
            raise


def faults_of_packs(packs: Packs, project: Project, *, exports: bool) -> Iterator[RunnerError]:
    """What is wrong with the packs of a project, and with `exports` which of their prompts it does not let ask."""
    yield from packs.verify_all()
    for alias in packs.requests if exports else ():
        try:
            for name in packs.open(alias).manifest.exports["prompts"]:
                try:
                    refuse_denied_models(packs.load(f"{alias}:{name}"), project)
                except RunnerError as error:
                    yield error
        except RunnerError:
            continue  # told by verify_all
