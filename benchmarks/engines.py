"""What do Dask and Ray add to `runner.Prompt`, and what is paid twice when a worker is killed? An engine that is not installed is left out.

The server answers at once, so that the cost of the engine shows; with a real model it disappears behind the answers.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from workbench import machine, serving

EXAMPLES = Path(__file__).parents[1] / "examples" / "engines"
SCRIPTS = {"polars": "polars_tickets.py", "dask": "dask_tickets.py", "ray": "ray_tickets.py"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    options = parser.parse_args()
    print(machine())
    print(
        f"{options.rows:,} rows\n\n| engine | seconds | rows/s | requests | paid twice |\n| --- | ---: | ---: | ---: | ---: |"
    )
    for engine, script in SCRIPTS.items():
        if find_spec(engine) is None:
            continue
        for title, disturb in ((engine, None), (f"{engine}, a worker killed", kill_a_worker)):
            if engine == "polars" and disturb:
                continue
            with serving() as url, tempfile.TemporaryDirectory() as folder:
                seconds = run(script, Path(folder), url, options.rows, disturb)
                requests = asked(url)
            print(
                f"| {title} | {seconds:.1f} | {options.rows / seconds:,.0f} | {requests:,} | {requests - options.rows:,} |"
            )


def run(script: str, folder: Path, url: str, rows: int, disturb: Callable[[int], None] | None) -> float:
    import pyarrow
    from pyarrow import parquet

    texts = [f"Parcel {number} has not come. " * 20 for number in range(rows)]
    parquet.write_table(pyarrow.table({"ticket": texts}), folder / "tickets.parquet", row_group_size=1000)
    environ = {**os.environ, "OPENAI_BASE_URL": url, "OPENAI_API_KEY": "none-needed"}
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, EXAMPLES / script, folder / "tickets.parquet", folder / "answers", folder / "parts"],
        cwd=folder,
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    if disturb is not None:
        threading.Thread(target=_when, args=(url, rows // 3, disturb, process.pid), daemon=True).start()
    _, errors = process.communicate()
    if process.returncode:
        raise SystemExit(errors.decode()[-3000:])
    found = parquet.read_table(folder / "answers")
    assert found.num_rows == len(set(found["ticket"].to_pylist())) == rows, found.num_rows
    return time.monotonic() - began


def _when(url: str, requests: int, disturb: Callable[[int], None], pid: int) -> None:
    while asked(url) < requests:
        time.sleep(0.1)
    disturb(pid)


def kill_a_worker(pid: int) -> None:
    import psutil

    for child in psutil.Process(pid).children(recursive=True):
        words: Any = child.cmdline()
        if any("spawn_main" in word for word in words) or any("MapWorker" in word for word in words):
            child.send_signal(signal.SIGKILL)
            return
    raise SystemExit("no worker was found")


def asked(url: str) -> int:
    """The number of requests that the server has received."""
    with urlopen(f"{url.removesuffix('/v1')}/count") as answer:
        return int(answer.read())


if __name__ == "__main__":
    main()
