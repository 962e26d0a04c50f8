"""Fuzz the readers of other tools' files: every source is accounted for, or refused at its location."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from runner.files.disk.tree import MemoryTree
from runner.files.prompt import load_prompt
from runner.importing.imported import Imported
from runner.importing.reading import READERS, read_source
from runner.importing.sources import Folder
from tests import conformance

from .target import LARGEST, Target, hold, hold_error

__all__ = ["TARGETS"]

_RECORDED = {"github": "github-prompt-yml"}
"""The folder of the recordings of a kind, if its name differs from the kind."""
_NAMES = {
    "github": "p.prompt.yml",
    "promptfoo": "promptfooconfig.yaml",
    "openai-evals": "run.json",
    "openai-request": "r.json",
    "prompty": "p.prompty",
    "dotprompt": "p.prompt",
    "evals-registry": "e.yaml",
    "llm-template": "t.yaml",
}

_REQUEST = {
    "model": "gpt-5", "instructions": "Be kind.", "max_output_tokens": 20, "reasoning": {"effort": "low"},
    "input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
    "text": {"format": {"type": "json_schema", "name": "a", "schema": {"type": "object"}}},
    "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}],
}  # fmt: skip
_CHAT = {"model": "m", "messages": [{"role": "user", "content": "Say {{x}}"}], "temperature": 0, "min_p": 0.1}
_RUN = {
    "object": "eval.run", "eval_id": "e", "testing_criteria": [
        {"type": "string_check", "input": "{{sample.output_text}}", "operation": "ilike", "reference": "{{item.y}}"}],
    "data_source": {
        "type": "completions", "model": "m", "sampling_params": {"temperature": 0, "seed": 7},
        "input_messages": {"type": "template", "template": [
            {"type": "message", "role": "developer", "content": {"type": "input_text", "text": "Hi {{ item.x }}"}}]},
        "source": {"type": "file_content", "content": [{"item": {"x": "a", "y": "b"}}]}},
}  # fmt: skip
_WRITTEN: dict[str, tuple[str, ...]] = {
    "openai-evals": (json.dumps(_RUN), json.dumps([{**_RUN, "object": "eval"}, _RUN])),
    "openai-request": (json.dumps(_REQUEST), json.dumps(_CHAT)),
    "evals-registry": (
        'a.v0: {class: "evals.elsuite.basic.match:Match", args: {samples_jsonl: s.jsonl}}\na: {id: a.v0}\n',
    ),
    "llm-template": (
        "model: m\nsystem: Be $mood, $$5 ${name}\nprompt: 'Do $input'\ndefaults: {mood: kind}\n",
    ),
}


def _seeds(kind: str) -> Callable[[], Iterator[bytes]]:
    def seeds() -> Iterator[bytes]:
        yield from (text.encode() for text in _WRITTEN.get(kind, ()))
        ours = sorted((conformance.HERE / "import" / kind).rglob("*"))
        for path in (*ours, *conformance.recorded_below(f"import/{_RECORDED.get(kind, kind)}")):
            if path.is_file() and path.stat().st_size <= LARGEST // 2:
                yield path.read_bytes()

    return seeds


def _read(kind: str) -> Callable[[bytes], Imported]:
    def read(data: bytes) -> Imported:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / _NAMES[kind]).write_bytes(data)
            return read_source(kind, _NAMES[kind], Folder(Path(folder)))

    return read


def _laws(kind: str) -> Callable[[bytes, Imported], None]:
    def laws(data: bytes, found: Imported) -> None:
        counted = sum(outcomes.total() for outcomes in found.counts().values())
        hold(counted == len(found.items) > 0, "each item has one outcome", counted)
        for item in found.items:
            hold(
                item.outcome == "converted" or (item.code and item.why),
                "what is not converted says why",
                item,
            )
        hold((found.refused is None) is bool(found.files), "a source is refused or written", found.refused)
        if found.refused is not None:
            hold_error(found.refused, {_NAMES[kind]: data})
        files = {file.name: file.data for file in found.files}
        for name in files:
            if name.endswith(".prompt.yaml"):
                load_prompt(name, MemoryTree(files))  # it raises nothing

    return laws


TARGETS = [
    Target(f"import-{kind}", _read(kind), (), _laws(kind), lambda _, __: None, _seeds(kind))
    for kind in READERS
]
