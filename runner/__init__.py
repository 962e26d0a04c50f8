"""runner: prompts as declared, versioned, tested files.

    import runner

    prompt = runner.load("prompts/sentiment.prompt.yaml", endpoint="local")
    result = prompt.run(review="Best purchase ever!")
    print(result.output, result.outcome, result.usage)

`load` and what it returns are the whole Python interface; every error is a `RunnerError`. Names are imported on first
use, so that `import runner` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .api import LoadedPrompt, OutcomeError, Result, load
    from .errors import RunnerError

__all__ = ["LoadedPrompt", "OutcomeError", "Result", "RunnerError", "__version__", "load"]


def __getattr__(name: str) -> Any:
    if name == "RunnerError":
        from .errors import RunnerError

        return RunnerError
    if name in __all__:
        from . import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
