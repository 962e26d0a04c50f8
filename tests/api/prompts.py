"""Projects with one prompt for a server of the tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import runner

__all__ = ["ECHO", "loaded", "project"]

ECHO = "model: m\ninputs: {text: {type: string}}\nmessages: [{role: user, content: '{{ text }}'}]\n"


def project(folder: Path, url: str, prompt: str = ECHO, **endpoint: Any) -> Path:
    """Write a project with one endpoint, and return the path of its prompt."""
    settings = "".join(f", {name}: {value}" for name, value in endpoint.items())
    (folder / "runner.yaml").write_text(
        f"endpoints: {{here: {{base_url: '{url}'{settings}}}}}\nendpoint: here\n"
    )
    path = folder / "p.prompt.yaml"
    path.write_text(prompt)
    return path


def loaded(
    folder: Path, url: str, prompt: str = ECHO, *, load: Mapping[str, Any] | None = None, **endpoint: Any
) -> runner.LoadedPrompt:
    return runner.load(project(folder, url, prompt, **endpoint), environ={}, **(load or {}))
