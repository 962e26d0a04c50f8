"""The embedded model, for real: llama.cpp with the default model. `pytest -m e2e` (fetches 93 MB the first time)."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from runner.endpoints.base import Request, Response
from runner.endpoints.connect import Connection, resolve
from runner.endpoints.embedded import tell_progress
from runner.endpoints.list_models import list_models
from runner.errors import ConfigError
from runner.files.model import Endpoint
from tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]
MODEL = "smollm2-135m-instruct"

real = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        importlib.util.find_spec("xllamacpp") is None, reason="the extra 'local' is not installed"
    ),
]

SCHEMA = {
    "type": "object",
    "properties": {"label": {"type": "string", "enum": ["positive", "negative"]}, "why": {"type": "string"}},
    "required": ["label", "why"],
    "additionalProperties": False,
}


def body(text: str, **fields: object) -> bytes:
    messages = [{"role": "system", "content": "Classify the review."}, {"role": "user", "content": text}]
    return json.dumps({"model": MODEL, "max_tokens": 24, "messages": messages, **fields}).encode()


BODIES = [
    body("I love this, best purchase ever!"),
    body("Terrible. It broke after one day.", temperature=0),
    body("The parcel arrived on Tuesday. " * 20),
    body("The parcel arrived on Tuesday. " * 21, temperature=0),
    body("Good.", response_format={"type": "json_schema", "json_schema": {"name": "s", "schema": SCHEMA}}),
]


def connect() -> Connection:
    return resolve(Endpoint("local", embedded=MODEL), os.environ)


async def ask(connection: Connection, data: bytes) -> Response:
    transport = connection.transport()
    return await transport.send(
        Request("POST", connection.url("chat/completions"), connection.headers(), data), timeout=PATIENCE
    )


def text_of(response: Response) -> str:
    assert response.status == 200, response.body
    content: str = json.loads(response.body)["choices"][0]["message"]["content"]
    return content


async def texts(bodies: Sequence[bytes], *, together: bool) -> list[str]:
    async with connect() as connection:
        if together:
            return [text_of(one) for one in await asyncio.gather(*(ask(connection, data) for data in bodies))]
        return [text_of(await ask(connection, data)) for data in bodies]


class TestReal:
    pytestmark = real

    def test_the_same_request_gets_the_same_answer_whatever_runs_before_or_beside_it(self) -> None:
        alone = asyncio.run(texts(BODIES, together=False))
        backwards = asyncio.run(texts(BODIES[::-1], together=False))[::-1]
        crowded = asyncio.run(texts(BODIES * 2, together=True))
        assert backwards == alone
        assert crowded == alone * 2

    def test_another_process_gives_the_same_answer_and_ends_cleanly_and_quietly(self) -> None:
        code = (
            "import asyncio, json; from tests.endpoints.test_embedded import *;"
            "print(json.dumps(asyncio.run(texts(BODIES[:2], together=False))))"
        )
        told = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE
        )
        assert (told.returncode, told.stderr) == (0, "")
        assert json.loads(told.stdout) == asyncio.run(texts(BODIES[:2], together=False))

    def test_an_interrupt_ends_the_process_at_once(self) -> None:
        code = (
            "import asyncio, signal; from tests.endpoints.test_embedded import *\n"
            "async def main():\n"
            "    async with connect() as connection:\n"
            "        await ask(connection, body('Hi', max_tokens=1))\n"
            "        asyncio.get_running_loop().call_later(0.2, signal.raise_signal, signal.SIGINT)\n"
            "        await ask(connection, body('Hi', max_tokens=4000, ignore_eos=True))\n"
            "try:\n    asyncio.run(main())\nexcept KeyboardInterrupt:\n    print('interrupted')\n"
        )
        told = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE
        )
        assert (told.returncode, told.stdout, told.stderr) == (0, "interrupted\n", "")

    def test_a_response_format_is_obeyed(self) -> None:
        async def main() -> Response:
            async with connect() as connection:
                form = {"type": "json_schema", "json_schema": {"name": "s", "strict": True, "schema": SCHEMA}}
                return await ask(
                    connection, body("I love it!", response_format=form, max_tokens=200, temperature=0)
                )

        answer = json.loads(text_of(asyncio.run(main())))
        assert list(answer) == ["label", "why"]
        assert answer["label"] in ("positive", "negative")

    def test_a_prompt_that_does_not_fit_is_an_error_and_not_cut(self) -> None:
        async def main() -> Response:
            async with connect() as connection:
                return await ask(connection, body("word " * 10_000))

        response = asyncio.run(main())
        assert response.status == 400
        assert b"exceed_context_size_error" in response.body

    def test_the_model_is_listed_under_its_name(self) -> None:
        async def main() -> list[str]:
            async with connect() as connection:
                return [model.name for model in await list_models(connection)]

        assert asyncio.run(main()) == [MODEL]

    def test_a_file_that_llama_cpp_refuses_is_a_set_up_error(self, tmp_path: Path) -> None:
        (tmp_path / "bad.gguf").write_bytes(b"GGUF" + bytes(4000))

        async def main() -> None:
            async with resolve(Endpoint("local", embedded="./bad.gguf"), {}, root=tmp_path) as connection:
                await ask(connection, body("Hi"))

        with pytest.raises(ConfigError, match=r"llama\.cpp cannot load the model .*bad\.gguf"):
            asyncio.run(main())


def test_progress_off_a_terminal_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    show = tell_progress()
    show("tiny", 0, 93_000_000)
    show("tiny", 50_000_000, 93_000_000)
    show("tiny", 93_000_000, 93_000_000)
    assert capsys.readouterr().err == "downloading tiny, 93 MB, once\n"


def test_progress_on_a_terminal_is_a_bar_that_ends_its_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    show = tell_progress()
    show("tiny", 46_500_000, 93_000_000)
    for _ in range(3):  # the end may be reported more than once
        show("tiny", 93_000_000, 93_000_000)
    first, last = capsys.readouterr().err.split("\r")[1:]
    assert first == f"downloading tiny (once) [{'#' * 15:<30}] 46 of 93 MB"
    assert last == f"downloading tiny (once) [{'#' * 30}] 93 of 93 MB\n"
