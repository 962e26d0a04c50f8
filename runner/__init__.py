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
    from .api.batch_prompt import BatchPrompt as Prompt
    from .api.loaded_prompt import LoadedPrompt
    from .api.loading import load
    from .api.prompt_result import OutcomeError, Result
    from .api.text_stream import AsyncTextStream, TextStream
    from .errors import RunnerError

__all__ = [
    "AsyncTextStream",
    "LoadedPrompt",
    "OutcomeError",
    "Prompt",
    "Result",
    "RunnerError",
    "TextStream",
    "__version__",
    "load",
]

_PLACES = {
    "AsyncTextStream": "api.text_stream",
    "LoadedPrompt": "api.loaded_prompt",
    "OutcomeError": "api.prompt_result",
    "Prompt": "api.batch_prompt",
    "Result": "api.prompt_result",
    "RunnerError": "errors",
    "TextStream": "api.text_stream",
    "load": "api.loading",
}


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        from importlib import import_module

        # The class has a name of its own: inside runner, a Prompt is what a file declares.
        found = "BatchPrompt" if name == "Prompt" else name
        return getattr(import_module(f"{__name__}.{_PLACES[name]}"), found)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
