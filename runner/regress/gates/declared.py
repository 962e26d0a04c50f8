"""The gates that a prompt declares, as they are written. `gate_rules` compiles them, with the statistics they need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

from ...errors import Location
from ...files.model import Project, Prompt

__all__ = ["OFFLINE", "DeclaredGates", "declared_gates"]

OFFLINE = "not judged: only --live sends every case"
"""The reason why no gate is judged in a run that sends nothing."""


class DeclaredGates(NamedTuple):
    """One gate or a list of them, and the function that returns the place of the key at a path in them."""

    spec: Any
    locate: Callable[..., Location]


def declared_gates(prompt: Prompt, project: Project) -> DeclaredGates | None:
    """Return the gates of a prompt: its own `regression.gate`, else the project's `gate`; None if there is neither."""
    own = cast("Mapping[str, Any]", prompt.regression).get("gate")
    if own is not None:
        return DeclaredGates(own, lambda *path: prompt.locate("regression", "gate", *path))
    document = project.document
    if project.gate is None or document is None:
        return None
    return DeclaredGates(project.gate, lambda *path: document.locate(("gate", *path)))
