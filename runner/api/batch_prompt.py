"""`runner.Prompt`: a prompt that engines such as Ray, Dask and Spark send to their workers and call with batches."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import uuid
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..files.pack_sources import is_reference
from ..values import Json
from ..wire.usage import token_count
from .channel import Jobs, number_of_jobs, positive
from .loaded_prompt import LoadedPrompt
from .loading import load
from .prompt_result import Result
from .tables import COLUMNS, ddl_of, table_of

__all__ = ["BatchPrompt"]

MOST_LOADED = 16
"""How many different prompts a process keeps loaded."""


class BatchPrompt:
    """A prompt for engines that distribute data: picklable, and called with a batch of rows.

        classify = runner.Prompt("prompts/triage.prompt.yaml", endpoint="vllm", jobs=64, of=2, journal="parts")
        dataset.map_batches(classify, batch_format="pyarrow")

    The path and the options are those of `runner.load`; a worker loads the prompt on first use, and looks up keys in its own
    environment. All batches in a process share connections and limits. `of` is the number of workers that share `jobs`, `rpm`
    and `tpm`. `journal` is a folder that all workers see: the answers to a batch are stored there, in a file named after its
    rows, before they are returned, so that a batch that is tried again costs at most what was in flight.

    A batch is a dict of lists or arrays, a pandas or polars DataFrame, or a pyarrow Table or RecordBatch. The result is of the same
    kind: the columns of the batch, and those of the result, whose names begin with `prefix` and whose types never depend on the
    rows. No row raises.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        jobs: Jobs = None,
        of: int = 1,
        journal: str | os.PathLike[str] | None = None,
        prefix: str = "",
        project: str | os.PathLike[str] | None = None,
        endpoint: str | None = None,
        model: str | None = None,
        isolate: bool = False,
        lint: bool = True,
        **fields: Json,
    ) -> None:
        if "environ" in fields:
            raise UsageError(
                "runner.Prompt takes no environ", hint="workers look up keys in their own environment"
            )
        text = os.fspath(path)
        in_pack = is_reference(text) and not Path(text).exists()
        self._path = text if in_pack else os.path.abspath(text)  # noqa: PTH100 - by name only, links stay
        self._prefix = prefix
        self._journal = None if journal is None else os.path.abspath(journal)  # noqa: PTH100
        self._options: dict[str, Any] = {
            "jobs": number_of_jobs(jobs),
            "of": positive(of, "of"),
            "project": os.path.abspath(project or "") if in_pack else project,  # noqa: PTH100
            "endpoint": endpoint,
            "model": model,
            "isolate": isolate,
            "lint": lint,
            **fields,
        }
        self._id = uuid.uuid4().hex

    def __repr__(self) -> str:
        return f"runner.Prompt({self._path!r})"

    def load(self) -> LoadedPrompt:
        """Return the prompt as this process has loaded it. Raises what `runner.load` raises."""
        with _lock:
            found = _loaded.get(self._id)
            if found is None:
                found = _loaded[self._id] = load(self._path, **self._options)
                if len(_loaded) > MOST_LOADED:
                    _loaded.popitem(last=False)
            _loaded.move_to_end(self._id)
        return found

    def __call__(self, batch: Any) -> Any:
        """Call the model for each row of a batch, and return the batch with the columns of the results.

        Raises UsageError, before anything is sent, for a batch that lacks a column that the prompt needs, or that has a column
        of the result.
        """
        table = table_of(batch)
        prompt = self.load()
        if odd := [name for name in table.names if not isinstance(name, str)]:
            raise UsageError(f"the batch has a column whose name is not a string: {odd[0]!r}")
        names = {column: f"{self._prefix}{column}" for column in COLUMNS}
        if taken := [name for name in names.values() if name in table.names]:
            raise UsageError(
                f"the batch already has a column {taken[0]}",
                hint='give the columns of the result a prefix: prefix="answer_"',
            )
        if "vars" not in table.names and (missing := sorted(prompt.required - set(table.names))):
            raise UsageError(
                f"the batch has no column {missing[0]}, which {prompt.name} needs",
                hint=f"it has {', '.join(map(str, table.names)) or 'no columns'}",
            )
        rows = table.rows()
        found: dict[str, list[Any]] = {column: [] for column in COLUMNS}
        for result in self._results(prompt, rows) if rows else ():
            for column, value in _cells(result).items():
                found[column].append(value)
        return table.extended({names[column]: (COLUMNS[column], values) for column, values in found.items()})

    def arrow(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Call each of some batches, as Spark's `mapInArrow` wants it."""
        return map(self, batches)

    def meta(self, frame: Any) -> Any:
        """Return an empty frame with the columns and types of the result for `frame`, a pandas or Dask DataFrame; sends nothing."""
        return self(getattr(frame, "_meta", frame).head(0))

    def ddl(self, schema: Any = None) -> str:
        """Return the schema of the result in Spark's notation: the columns of `schema`, a DataFrame's, and those of the result."""
        return ddl_of(self._prefix, schema)

    def _results(self, prompt: LoadedPrompt, rows: Sequence[Mapping[str, Any]]) -> Iterator[Result]:
        journal = None
        if self._journal is not None:
            text = json.dumps([prompt.name, rows], default=str, sort_keys=True)
            digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=10).hexdigest()
            journal = Path(self._journal, f"{digest}.jsonl")
        return prompt._map_batch(rows, journal)


def _cells(result: Result) -> dict[str, Any]:
    usage, error = result.usage or {}, result.error
    return {
        "outcome": result.outcome,
        "passed": result.passed,
        "output": None if result.output is None else _text(json.dumps(result.output, ensure_ascii=False)),
        "text": _text(result.text),
        "detail": _text(result.detail),
        "error_code": _text(error["code"]) if error else None,
        "model": _text(result.served_model or result.model),
        "finish_reason": _text(result.finish_reason),
        "input_tokens": token_count(usage, "prompt_tokens"),
        "output_tokens": token_count(usage, "completion_tokens"),
        "cost": None if result.cost is None else float(result.cost),
        "latency_ms": None if result.latency_ms is None else float(result.latency_ms),
        "fingerprint": result.fingerprint or None,
    }


def _text(text: str | None) -> str | None:
    """Return a text with lone surrogates, which no table can hold, as escapes."""
    if text is None or text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode()


_loaded: OrderedDict[str, LoadedPrompt] = OrderedDict()
_lock = threading.Lock()


def _new_lock() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_lock)
