"""`runner.Prompt`: sent to other processes, called with batches of any kind, the same columns whatever the rows are."""

from __future__ import annotations

import json
import multiprocessing
import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import runner
from runner.api.tables import COLUMNS
from tests.faults import FaultServer, completion, reply

from .prompts import project

GOOD = {"id": [1, 2, 3], "text": ["a", "b", "c"]}


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


@pytest.fixture
def path(tmp_path: Path, server: FaultServer) -> Path:
    return project(tmp_path, server.base_url, concurrency=4)


def pandas_frame(columns: dict[str, Any]) -> Any:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    return pandas.DataFrame(columns)


def arrow_table(columns: dict[str, Any]) -> Any:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    return pyarrow.table(columns)


def record_batch(columns: dict[str, Any]) -> Any:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    return pyarrow.RecordBatch.from_pydict(columns)


def polars_frame(columns: dict[str, Any]) -> Any:
    polars = pytest.importorskip("polars", reason="polars is not installed")
    return polars.DataFrame(columns)


def numpy_columns(columns: dict[str, Any]) -> Any:
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")
    return {name: numpy.array(values) for name, values in columns.items()}


def column(batch: Any, name: str) -> list[Any]:
    found = batch[name]
    return [each.as_py() for each in found] if hasattr(found, "to_pylist") else list(found)


KINDS: list[Callable[[dict[str, Any]], Any]] = [
    dict,
    numpy_columns,
    pandas_frame,
    arrow_table,
    record_batch,
    polars_frame,
]


def names_of(batch: Any) -> list[str]:
    if isinstance(batch, dict):
        return list(batch)
    return list(
        batch.schema.names if hasattr(batch, "from_pydict") or hasattr(batch, "to_pydict") else batch.columns
    )


RESULT = [f"a_{name}" for name in COLUMNS]


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_comes_back_in_its_own_form_with_the_columns_of_the_results(
    path: Path, kind: Callable[[dict[str, Any]], Any]
) -> None:
    batch = kind(GOOD)
    found = runner.Prompt(path, prefix="a_")(batch)
    assert type(found) is type(batch)
    assert names_of(found) == ["id", "text", *RESULT]
    assert column(found, "id") == [1, 2, 3]
    assert column(found, "a_text") == ["a", "b", "c"]
    assert column(found, "a_passed") == [True] * 3


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_batch_has_the_columns_too_and_sends_nothing(
    path: Path, server: FaultServer, kind: Callable[[dict[str, Any]], Any]
) -> None:
    found = runner.Prompt(path, prefix="a_")(kind({"id": [], "text": []}))
    assert names_of(found) == ["id", "text", *RESULT]
    assert len(column(found, "a_outcome")) == 0
    assert server.requests == []


def test_a_column_of_the_result_that_the_batch_has_needs_a_prefix(path: Path, server: FaultServer) -> None:
    with pytest.raises(runner.RunnerError, match=r"already has a column text .*prefix"):
        runner.Prompt(path)(GOOD)
    assert server.requests == []


MIXED = {"id": [1, 2, 3, 4, 5], "text": ["good", None, "400", "refused", "good"]}


def mixed(request: Any) -> Any:
    text = str(request.json["messages"])
    if "400" in text:
        return reply(400, {"error": {"message": "no", "code": "bad"}})
    if "refused" in text:
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "refusal": "No."}}
        return reply(200, {"model": "m", "choices": [choice]})
    return completion("fine", usage={"prompt_tokens": 3, "completion_tokens": 2})


@pytest.mark.parametrize("kind", [arrow_table, record_batch, pandas_frame, polars_frame])
def test_the_types_are_the_same_whatever_the_rows_are(
    path: Path, server: FaultServer, kind: Callable[[dict[str, Any]], Any]
) -> None:
    server.play(mixed)
    call = runner.Prompt(path, prefix="a_")
    found = call(kind(MIXED))
    assert column(found, "a_outcome") == ["ok", "error", "error", "refused", "ok"]
    codes = [
        None if each is None or each != each else each for each in map(_plain, column(found, "a_error_code"))
    ]
    assert codes == [None, "row", "bad", None, None]
    good, bad = (call(kind({"id": [1], "text": [text]})) for text in ("good", "400"))
    assert (
        schema_of(good)
        == schema_of(bad)
        == schema_of(found)
        == schema_of(call(kind({"id": [1], "text": ["x"]})[:0]))
    )
    assert "null" not in str(schema_of(bad)).lower()


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) else None


def schema_of(batch: Any) -> Any:
    if hasattr(batch, "dtypes") and not hasattr(batch, "to_dicts"):
        import pyarrow

        return pyarrow.Schema.from_pandas(batch, preserve_index=False).remove_metadata()
    return batch.schema


def test_a_batch_without_a_needed_column_is_refused_before_anything_is_sent(
    path: Path, server: FaultServer
) -> None:
    with pytest.raises(
        runner.RunnerError, match=r"the batch has no column text, which p needs \(it has id, txt"
    ):
        runner.Prompt(path)({"id": [1], "txt": ["x"]})
    with pytest.raises(runner.RunnerError, match="not a string: 0"):
        runner.Prompt(path)({0: [1]})
    with pytest.raises(runner.RunnerError, match="different lengths"):
        runner.Prompt(path)({"text": ["a"], "id": []})
    with pytest.raises(runner.RunnerError, match="a batch is a dict of columns"):
        runner.Prompt(path)([{"text": "a"}])
    assert server.requests == []


@pytest.mark.parametrize("kind", [numpy_columns, pandas_frame, arrow_table, polars_frame])
def test_values_of_tables_become_json(
    tmp_path: Path, server: FaultServer, kind: Callable[[dict[str, Any]], Any]
) -> None:
    text = "model: m\nmessages: [{role: user, content: '{{ day }} {{ count + 1 }} {{ share }}'}]\n"
    call = runner.Prompt(project(tmp_path, server.base_url, text))
    batch = kind({"day": [date(2026, 11, 27)], "count": [3], "share": [0.5], "other": [float("nan")]})
    (answer,) = column(call(batch), "text")
    assert answer.removesuffix(" 4 0.5").startswith("2026-11-27")


def test_what_is_no_json_matters_only_in_a_variable(path: Path) -> None:
    found = runner.Prompt(path, prefix="a_")({"text": ["x", object()], "image": [object(), object()]})
    assert found["a_error_code"] == [None, "row"]


def test_a_lone_surrogate_is_an_escape(path: Path, server: FaultServer) -> None:
    server.play(
        reply(
            200,
            json.dumps(
                {
                    "model": "m",
                    "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "\ud83d"}}],
                }
            ),
        )
    )
    found = runner.Prompt(path, prefix="a_")(arrow_table({"text": ["x"]}))
    assert column(found, "a_text") == ["\\ud83d"]


def _in_a_process(pickled: bytes, columns: dict[str, Any]) -> Any:
    return pickle.loads(pickled)(columns)["a_text"]


@pytest.mark.slow
def test_it_runs_in_a_process_that_was_spawned(path: Path) -> None:
    pickled = pickle.dumps(runner.Prompt(path, prefix="a_"))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_in_a_process, (pickled, GOOD)) == ["a", "b", "c"]


def test_a_relative_path_means_the_folder_in_which_it_was_made(
    path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.chdir(path.parent)
    call = runner.Prompt(path.name, prefix="a_", journal="parts")
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert pickle.loads(pickle.dumps(call))(GOOD)["a_passed"] == [True] * 3
    assert len(list((path.parent / "parts").iterdir())) == 1


def test_copies_in_one_process_share_connections(path: Path, server: FaultServer) -> None:
    call = runner.Prompt(path, prefix="a_", jobs=3)
    copies = [pickle.loads(pickle.dumps(call)) for _ in range(6)]
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda copy: copy({"text": [str(number) for number in range(30)]}), copies))
    assert server.connections <= 3


def test_fields_and_options_are_those_of_load(path: Path, server: FaultServer) -> None:
    runner.Prompt(path, prefix="a_", temperature=0.5, model="other")(GOOD)
    assert {(request.json["temperature"], request.json["model"]) for request in server.requests} == {
        (0.5, "other")
    }
    with pytest.raises(runner.RunnerError, match="environ"):
        runner.Prompt(path, environ={})  # type: ignore[arg-type]
    with pytest.raises(runner.RunnerError, match="jobs="):
        runner.Prompt(path, jobs=0)


def test_a_batch_that_is_tried_again_costs_nothing(path: Path, server: FaultServer, tmp_path: Path) -> None:
    call = runner.Prompt(path, prefix="a_", journal=tmp_path / "parts")
    first = call(GOOD)
    again = pickle.loads(pickle.dumps(runner.Prompt(path, prefix="a_", journal=tmp_path / "parts")))(GOOD)
    assert again == first
    assert len(server.requests) == 3
    call({"id": [9], "text": ["other"]})
    assert len(list((tmp_path / "parts").iterdir())) == 2


def test_a_second_worker_with_the_same_batch_waits_for_the_first(
    path: Path, server: FaultServer, tmp_path: Path
) -> None:
    slow = threading.Event()
    server.play(lambda request: (slow, *completion("x")))
    call = runner.Prompt(path, prefix="a_", journal=tmp_path / "parts")
    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(call, GOOD) for _ in range(2)]
        while len(server.requests) < 3:
            pass
        slow.set()
        assert both[0].result() == both[1].result()
    assert len(server.requests) == 3


def test_the_schema_for_spark(path: Path) -> None:
    class Schema:
        def simpleString(self) -> str:
            return "struct<id:bigint,text:string>"

    call = runner.Prompt(path, prefix="a_")
    assert call.ddl().startswith("a_outcome:string,a_passed:boolean,")
    assert call.ddl(Schema()).startswith("id:bigint,text:string,a_outcome:string,")
    (found,) = call.arrow([record_batch(GOOD)])
    assert names_of(found) == ["id", "text", *RESULT]


def test_the_empty_frame_for_dask(path: Path, server: FaultServer) -> None:
    frame = pandas_frame(GOOD)
    call = runner.Prompt(path, prefix="a_")
    meta = call.meta(frame)
    assert len(meta) == 0
    assert server.requests == []
    assert (call(frame).dtypes == meta.dtypes).all()


@pytest.mark.slow
def test_no_engine_is_imported(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = "import sys, runner; runner.Prompt('x'); print({'pandas', 'pyarrow', 'polars', 'numpy', 'ray', 'dask'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout == "set()\n"


def test_errors_can_be_sent_from_one_process_to_another(path: Path) -> None:
    from runner import errors

    for raised in (
        errors.UsageError("a", location=errors.Location("f", 1), hint="b"),
        errors.CaseError("a", location=errors.Location("f", 1)),
        errors.Problems([errors.UsageError("a"), errors.UsageError("b")]),
        errors.StorageError("full", hint="x"),
    ):
        same = pickle.loads(pickle.dumps(raised))
        assert (type(same), str(same)) == (type(raised), str(raised))
    result = runner.load(path).run(text="x")
    assert pickle.loads(pickle.dumps(result)) == result
    assert pickle.loads(pickle.dumps(runner.OutcomeError(result))).result == result
