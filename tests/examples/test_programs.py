"""The examples of programs run as they are: a web service, a notebook, pandas, OpenAI's own client."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import FaultServer, Received, Steps, completion, event_stream

EXAMPLES = Path(__file__).parents[2] / "examples" / "python-api"

pytestmark = pytest.mark.slow


def answer(request: Received) -> Steps:
    asked = request.json["messages"][-1]["content"]
    found = json.dumps({"sentiment": "negative" if "waste" in asked else "positive"})
    if request.json.get("stream"):
        chunk = {
            "model": "m",
            "choices": [{"index": 0, "delta": {"content": found}, "finish_reason": "stop"}],
        }
        return event_stream(chunk)
    return completion("{}" if "invalid" in asked else found)


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(answer) as server:
        yield server


def python(folder: Path, server: FaultServer, *command: str | Path) -> str:
    environ = {
        **os.environ,
        "OPENAI_BASE_URL": server.base_url,
        "OPENAI_API_KEY": "sk-test-planted-key-0123456789",
        "PYTHONPATH": str(EXAMPLES),
    }
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environ, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


VISIT = """
from fastapi.testclient import TestClient
from web_service import app

with TestClient(app) as client:
    for review in ("A waste.", "Great.", "", "invalid"):
        answer = client.post("/sentiment", json={"review": review})
        print(answer.status_code, answer.json())
    print(client.post("/stream", json={"review": "Great."}).text)
"""


def test_fastapi(tmp_path: Path, server: FaultServer) -> None:
    pytest.importorskip("fastapi", reason="fastapi is not installed")
    lines = python(tmp_path, server, "-c", VISIT).splitlines()
    assert lines[:2] == ["200 {'sentiment': 'negative'}", "200 {'sentiment': 'positive'}"]
    assert lines[2].startswith("422")
    assert lines[3].startswith("502 {'detail': 'invalid:")
    assert lines[4] == '{"sentiment": "positive"}'
    assert server.connections == 1


def test_pandas(tmp_path: Path, server: FaultServer) -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")
    (tmp_path / "reviews.csv").write_text("id,review\n1,Great.\n2,A waste.\n3,invalid\n")
    for _ in range(2):  # the second time from the journal
        python(tmp_path, server, EXAMPLES / "with_pandas.py", "reviews.csv")
        lines = (tmp_path / "classified.csv").read_text().splitlines()
        assert lines[0] == "id,review,outcome,sentiment,detail"
        assert lines[1:3] == ["1,Great.,ok,positive,", "2,A waste.,ok,negative,"]
        assert lines[3].startswith("3,invalid,invalid,,")
    assert len(server.requests) == 3


def test_openai_client(tmp_path: Path, server: FaultServer) -> None:
    pytest.importorskip("openai", reason="openai is not installed")
    assert python(tmp_path, server, EXAMPLES / "openai_client.py", "Great.") == '{"sentiment": "positive"}\n'
    code = f"import runner, json; print(json.dumps(runner.load({str(EXAMPLES / 'prompts/sentiment.prompt.yaml')!r}).request(review='Great.')))"
    assert server.requests[0].json == json.loads(python(tmp_path, server, "-c", code))


def test_notebook(tmp_path: Path, server: FaultServer) -> None:
    pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    shutil.copytree(EXAMPLES, tmp_path, dirs_exist_ok=True)
    code = (
        "import nbformat, nbclient, sys\n"
        "notebook = nbformat.read('notebook.ipynb', as_version=4)\n"
        "nbclient.NotebookClient(notebook, kernel_name='python3').execute()\n"
        "nbformat.write(notebook, 'done.ipynb')\n"
    )
    python(tmp_path, server, "-W", "ignore", "-c", code)
    cells = json.loads((tmp_path / "done.ipynb").read_text())["cells"]
    shown = [output["data"] for cell in cells[1:] for output in cell["outputs"] if "data" in output]
    assert "<caption>sentiment</caption>" in "".join(shown[0]["text/html"])
    assert "positive" in "".join(shown[1]["text/html"])
    assert "negative" in "".join(shown[2]["text/plain"])
    assert "('error'," in "".join(shown[3]["text/plain"])
