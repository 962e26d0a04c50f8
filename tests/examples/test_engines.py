"""The examples for engines run as they are: Parquet in, Parquet out, nothing lost and nothing paid twice for long."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults import FaultServer, Received, Steps, completion
from tests.patience import wait_until

EXAMPLES = Path(__file__).parents[2] / "examples" / "engines"
ROWS = 2000
JOBS = 64

pytestmark = pytest.mark.slow


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(answer) as server:
        yield server


def answer(request: Received) -> Steps:
    asked = request.json["messages"][-1]["content"]
    return completion(
        f"about {asked}", usage={"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
    )


def tickets(folder: Path, count: int = ROWS) -> Path:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    texts: list[str | None] = [f"ticket {number}" for number in range(count)]
    texts[7] = None  # a row that does not fit
    parquet.write_table(
        pyarrow.table({"id": range(count), "ticket": texts}),
        folder / "tickets.parquet",
        row_group_size=count // 8,
    )
    return folder / "tickets.parquet"


def started(script: str, folder: Path, server: FaultServer, count: int = ROWS) -> subprocess.Popen[str]:
    environ = {
        **os.environ,
        "OPENAI_BASE_URL": server.base_url,
        "OPENAI_API_KEY": "sk-test-planted-key-0123456789",
        "PYSPARK_PYTHON": sys.executable,
    }
    command = [sys.executable, str(EXAMPLES / script), str(tickets(folder, count)), "answers", "parts"]
    return subprocess.Popen(
        command, cwd=folder, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def ended(process: subprocess.Popen[str]) -> None:
    output, _ = process.communicate()
    assert process.returncode == 0, output


def assert_exact(folder: Path, count: int = ROWS) -> None:
    """Every row is there once, with its own answer."""
    dataset = pytest.importorskip("pyarrow.dataset", reason="pyarrow is not installed")
    found: Any = dataset.dataset(folder / "answers", format="parquet").to_table()
    rows = {row["id"]: row for row in found.to_pylist()}
    assert found.num_rows == len(rows) == count
    assert rows.pop(7)["answer_error_code"] == "row"
    assert {number: row["answer_text"] for number, row in rows.items()} == {
        number: f"about ticket {number}" for number in rows
    }
    assert "null" not in {str(field.type) for field in found.schema}


def workers(process: subprocess.Popen[str]) -> list[Any]:
    psutil = pytest.importorskip("psutil", reason="psutil is not installed")
    return [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if any("spawn_main" in word for word in child.cmdline())
    ]


def test_dask(tmp_path: Path, server: FaultServer) -> None:
    pytest.importorskip("dask.dataframe", reason="dask is not installed")
    ended(started("dask_tickets.py", tmp_path, server))
    assert_exact(tmp_path)
    assert len(server.requests) == ROWS - 1
    assert server.connections <= JOBS


def test_dask_when_a_worker_is_killed(tmp_path: Path, server: FaultServer) -> None:
    pytest.importorskip("dask.dataframe", reason="dask is not installed")
    process = started("dask_tickets.py", tmp_path, server)
    wait_until(lambda: len(server.requests) > ROWS // 3 or process.poll() is not None)
    os.kill(workers(process)[0].pid, signal.SIGKILL)
    ended(process)
    assert_exact(tmp_path)
    paid = Counter(request.json["messages"][-1]["content"] for request in server.requests)
    assert len(paid) == ROWS - 1
    assert paid.total() <= ROWS - 1 + JOBS // 2  # what the worker had in flight


@pytest.mark.parametrize(
    ("script", "module"),
    [
        ("ray_tickets.py", "ray.data"),
        ("spark_tickets.py", "pyspark"),
        ("polars_tickets.py", "polars"),
        ("daft_tickets.py", "daft"),
    ],
)
def test_another_engine(tmp_path: Path, server: FaultServer, script: str, module: str) -> None:
    pytest.importorskip(module, reason=f"{module.partition('.')[0]} is not installed")
    for _ in range(2):  # the second time from the journals
        ended(started(script, tmp_path, server, 400))
        assert_exact(tmp_path, 400)
    assert len(server.requests) == 399


@pytest.mark.skipif(os.name == "nt", reason="there is no sh")
def test_slurm(tmp_path: Path, server: FaultServer) -> None:
    source = tickets(tmp_path, 400)
    for name in ("prompts", "runner.yaml"):
        subprocess.run(["cp", "-R", EXAMPLES / name, tmp_path], check=True)
    environ = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "OPENAI_BASE_URL": server.base_url,
        "OPENAI_API_KEY": "sk-test-planted-key-0123456789",
    }
    import pyarrow
    import pyarrow.parquet

    # Files in are checked as a whole before the first request: a row that does not fit is named there.
    table = pyarrow.parquet.read_table(source)
    pyarrow.parquet.write_table(
        table.set_column(1, "ticket", [table["ticket"].fill_null("ticket 7")]), source
    )
    for task in ("1", "2", "2"):  # the second one is requeued
        array = {"SLURM_ARRAY_TASK_ID": task, "SLURM_ARRAY_TASK_COUNT": "2"}
        subprocess.run(
            ["sh", EXAMPLES / "slurm.sh", source],
            cwd=tmp_path,
            env=environ | array,
            check=True,
            capture_output=True,
        )
    runs = [str(run) for run in tmp_path.glob("shards/*/.runner/runs/*")]
    merge = ["runner", "merge", *runs, "--output", "answers.parquet"]
    subprocess.run(merge, cwd=tmp_path, env=environ, check=True, capture_output=True)
    found = pyarrow.parquet.read_table(tmp_path / "answers.parquet").to_pylist()
    assert [row["text"] for row in found] == [f"about ticket {number}" for number in range(400)]
    assert len(server.requests) == 400
