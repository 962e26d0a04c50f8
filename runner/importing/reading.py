"""Read one source with the reader of its kind, validate the result, and account for every item."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from ..errors import Location, Problems, RunnerError
from ..values import Json
from .dotprompt.reader import read_dotprompt
from .drafts import Draft
from .evals_registry import read_evals_registry
from .github import read_github
from .imported import Imported, OutFile
from .kept import kept_block
from .ledger import Ledger, RefusedSourceError
from .llm_template import read_llm_template
from .openai_evals import read_openai_evals
from .openai_request import read_openai_request
from .promptfoo.reader import read_promptfoo
from .prompty.reader import read_prompty
from .soundness import make_sound
from .sources import Folder

__all__ = ["READERS", "read_source"]

Reader: TypeAlias = Callable[[str, Folder, Ledger], tuple[list[Draft], dict[str, Json]]]

READERS: Mapping[str, Reader] = {
    "github": read_github,
    "promptfoo": read_promptfoo,
    "openai-evals": read_openai_evals,
    "openai-request": read_openai_request,
    "prompty": read_prompty,
    "dotprompt": read_dotprompt,
    "evals-registry": read_evals_registry,
    "llm-template": read_llm_template,
}
"""The reader of each kind of source."""


def read_source(kind: str, name: str, folder: Folder) -> Imported:
    """Import the source `name` in a folder. Never raises for the content of the source."""
    ledger = Ledger()
    shown = folder.shown_as(name)
    try:
        drafts, endpoints = READERS[kind](name, folder, ledger)
        files = _written(drafts, kind, name, ledger)
    except RunnerError as error:
        code = error.code if isinstance(error, RefusedSourceError) else "I900"
        if not list(ledger.items()):
            first = error.errors[0] if isinstance(error, Problems) else error
            ledger.add("prompt", first.location or Location(shown), "the file")
        ledger.lose_all(code, error.message)
        return Imported(shown, kind, (), tuple(ledger.items()), ledger.remarks, error)
    return Imported(shown, kind, files, tuple(ledger.items()), ledger.remarks, None, endpoints)


def _written(drafts: list[Draft], kind: str, name: str, ledger: Ledger) -> tuple[OutFile, ...]:
    """Return the files of the drafts, in the folder of the source. Raises RefusedSourceError if no draft is left."""
    inside = name.rpartition("/")[0]
    prefix = f"{inside}/" if inside else ""
    found: dict[str, bytes] = {}
    for draft in drafts:
        if "model" not in draft.fields and "x-import" not in draft.fields:
            draft.put("x-import", kept_block(kind, name, []))  # so that `runner check` knows the origin
        written = make_sound(draft)
        if written is None:
            continue
        found[f"{prefix}{draft.name}.prompt.yaml"] = written.text.encode()
        for file, data in draft.files.items():
            found[f"{prefix}{file}"] = data
    if not found:
        entry = drafts[0].entry
        raise RefusedSourceError(
            entry.code or "I190", entry.why or "no part of it can be imported", location=entry.location
        )
    return tuple(OutFile(file, data) for file, data in found.items())
