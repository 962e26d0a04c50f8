"""`api: images`, `speech` and `transcriptions`, through the command line: media are files named by their hash."""

from __future__ import annotations

import json
import re
import subprocess
from base64 import b64encode
from email import message_from_bytes
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import runner
from tests.faults import FaultServer, Received, Steps, reply

from .asking import KEY
from .project import Done, ProjectFolder

PNG = b"\x89PNG\r\n\x1a\n" + b"image data " * 10
WEBP = b"RIFF\x10\x00\x00\x00WEBPVP8 data"
MP3 = b"ID3\x04" + bytes(range(256))
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(40)


def declare(project: ProjectFolder, server: FaultServer, api: str, prompt: str) -> None:
    endpoint = {"base_url": server.base_url, "api": api, "api_key_env": "FAKE_KEY", "max_retries": 0}
    models = {"m": {"price": {"input": 1, "output": 10}}}
    project.write(
        "runner.yaml", json.dumps({"endpoint": "e", "endpoints": {"e": endpoint}, "models": models}, indent=2)
    )
    project.write("a.prompt.yaml", f"model: m\n{prompt}")


IMAGE = "messages: [{role: user, content: 'A {{ what }}'}]\nextra_body: {size: 1024x1024}\ntests: [{id: cat, vars: {what: cat}}]\n"
SPEECH = (
    "audio: {voice: alloy, format: mp3}\nmessages:\n  - {role: system, content: Speak slowly.}\n"
    "  - {role: user, content: Hello.}\ntests: [{id: hello}]\n"
)
SOUND = (
    "temperature: 0\nlogprobs: true\nextra_body: {language: de}\nmessages:\n  - role: user\n    content:\n"
    "      - {type: text, text: 'Names: {{ name }}'}\n"
    "      - {type: input_audio, input_audio: {data: call.wav, format: wav}}\n"
    "tests: [{id: call, vars: {name: Ada}}]\n"
)


def run(project: ProjectFolder, *args: str) -> Done:
    return project.run(*args, env={"FAKE_KEY": KEY})


def images(*data: bytes, **more: Any) -> Steps:
    usage = {
        "input_tokens": 5,
        "output_tokens": 100,
        "total_tokens": 105,
        "input_tokens_details": {"text_tokens": 5},
    }
    listed = [{"b64_json": b64encode(each).decode(), "revised_prompt": "A fine cat"} for each in data]
    return reply(200, {"created": 1, "data": listed, "size": "1024x1024", "usage": usage, **more})


def sound(data: bytes = MP3, kind: str = "audio/mpeg") -> Steps:
    return reply(200, data, headers={"content-type": kind})


def described(kind: str, data: bytes) -> str:
    return f"{kind}, {len(data):,} bytes, sha256:{sha256(data).hexdigest()}"


def stored(project: ProjectFolder, record: dict[str, Any]) -> list[bytes]:
    return [(project.folder / each["file"]).read_bytes() for each in record["media"]]


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
def test_an_image_is_stored_under_its_hash_and_named_in_the_record(
    project: ProjectFolder, server: FaultServer, transport: str
) -> None:
    server.play(images(PNG))
    declare(project, server, "images", IMAGE)
    done = run(project, "run", "--transport", transport)
    assert done.code == 0, done.err
    [request] = server.requests
    assert request.target == "/v1/images/generations"
    assert request.json == {"model": "m", "prompt": "A cat", "size": "1024x1024"}
    [record] = done.records()
    assert record["text"] == described("image/png", PNG)
    [medium] = record["media"]
    run_id = next((project.folder / ".runner" / "runs").iterdir()).name
    name = sha256(PNG).hexdigest()
    assert medium == {
        "type": "image/png", "bytes": len(PNG), "sha256": name, "file": f".runner/runs/{run_id}/media/{name}.png",
    }  # fmt: skip
    assert stored(project, record) == [PNG]
    assert record["cost"] == pytest.approx((5 + 1000) / 1e6)
    assert record["extra"]["choice"] == {"revised_prompt": "A fine cat"}
    assert record["extra"]["completion"] == {"size": "1024x1024"}


def test_the_cache_has_the_image_too(project: ProjectFolder, server: FaultServer) -> None:
    server.play(images(PNG))
    declare(project, server, "images", IMAGE)
    run(project, "run")
    done = run(project, "run")
    assert len(server.requests) == 1
    [record] = done.records()
    assert record["cached"]
    assert stored(project, record) == [PNG]


def test_several_images_are_several_choices(project: ProjectFolder, server: FaultServer) -> None:
    server.play(images(PNG, WEBP))
    declare(project, server, "images", f"n: 2\n{IMAGE}")
    records = run(project, "run", "--no-cache").records()
    assert [stored(project, record) for record in records] == [[PNG], [WEBP]]
    assert [record["media"][0]["type"] for record in records] == ["image/png", "image/webp"]


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (reply(200, {"data": [{"url": "https://x.example/a.png"}]}), "no_image", "response_format: b64_json"),
        (reply(200, {"data": [{"b64_json": "!!"}]}), "no_image", "The server sent no image."),
        (reply(200, {"data": [{"b64_json": ""}]}), "no_image", "The server sent no image."),
        (reply(200, {"data": []}), "malformed_response", ""),
        (images(PNG, PNG), "surplus_choices", ""),
        (reply(400, {"error": {"message": "No.", "param": "prompt"}}), "400", ""),
    ],
)
def test_an_answer_without_its_image_is_an_error(
    project: ProjectFolder, server: FaultServer, answer: Steps, code: str, said: str
) -> None:
    server.play(answer)
    declare(project, server, "images", IMAGE)
    done = run(project, "run", "--no-cache")
    assert done.code == 3
    [record] = done.records()
    assert record["error"]["code"] == code
    assert said in record["error"]["message"]


def test_an_image_that_is_filtered_is_filtered(project: ProjectFolder, server: FaultServer) -> None:
    error = {
        "code": "moderation_blocked",
        "message": "Your request was rejected.",
        "type": "image_generation_user_error",
    }
    server.play(reply(400, {"error": error}))
    declare(project, server, "images", IMAGE.replace("vars:", "outcome: filtered, vars:"))
    assert run(project, "run", "--no-cache").code == 0


def test_a_snapshot_has_the_hash_and_the_size(project: ProjectFolder, server: FaultServer) -> None:
    server.play(images(PNG), images(WEBP))
    declare(project, server, "images", IMAGE)
    assert run(project, "test", "--update", "missing").code == 0
    [snapshot] = project.folder.rglob("*.snap.yaml")
    assert described("image/png", PNG) in snapshot.read_text()
    assert run(project, "test", "--offline").code == 0
    done = run(project, "test", "--record", "all")
    assert done.code == 1
    assert "differs from the approved answer" in done.out


def test_show_names_the_file_and_the_report_has_the_image(
    project: ProjectFolder, server: FaultServer
) -> None:
    server.play(images(PNG))
    declare(project, server, "images", IMAGE)
    [record] = run(project, "run", "--report", "now.html").records()
    assert record["media"][0]["file"] in run(project, "show").out
    assert run(project, "report", "--output", "r.html").code == 0
    for name in ("now.html", "r.html"):
        page = (project.folder / name).read_text()
        assert re.search(r"img-src data:; media-src data:", page)
        assert f"data:image/png;base64,{b64encode(PNG).decode()}" in unpacked(page)


def unpacked(page: str) -> str:
    import base64
    import zlib

    blocks = re.findall(r'<script type="application/gzip" class="block">([^<]+)</script>', page)
    return "".join(zlib.decompress(base64.b64decode(block), 31).decode() for block in blocks)


def test_a_report_shows_no_file_but_what_was_received(project: ProjectFolder, server: FaultServer) -> None:
    server.play(images(PNG))
    declare(project, server, "images", IMAGE)
    [record] = run(project, "run").records()
    (project.folder / record["media"][0]["file"]).write_bytes(b"another")
    assert run(project, "report", "--output", "r.html").code == 0
    found = unpacked((project.folder / "r.html").read_text())
    assert '"lost":true' in found
    assert "base64" not in found


def test_a_text_is_spoken_as_the_system_message_says(project: ProjectFolder, server: FaultServer) -> None:
    server.play(sound())
    declare(project, server, "speech", SPEECH)
    done = run(project, "run")
    assert done.code == 0, done.err
    [request] = server.requests
    assert request.target == "/v1/audio/speech"
    assert request.json == {
        "model": "m", "voice": "alloy", "response_format": "mp3", "instructions": "Speak slowly.", "input": "Hello.",
    }  # fmt: skip
    [record] = done.records()
    assert record["text"] == described("audio/mpeg", MP3)
    assert stored(project, record) == [MP3]
    [again] = run(project, "run").records()
    assert (again["cached"], stored(project, again)) == (True, [MP3])


@pytest.mark.parametrize(
    ("kind", "form", "type_"),
    [
        ("audio/mpeg; charset=binary", "mp3", "audio/mpeg"),
        ("audio/x-wav", "wav", "audio/wav"),
        ("application/octet-stream", "opus", "audio/opus"),
        ("audio/pcm", "pcm16", "audio/pcm"),
    ],
)
def test_the_type_of_a_sound_is_the_servers_or_the_declared_one(
    project: ProjectFolder, server: FaultServer, kind: str, form: str, type_: str
) -> None:
    server.play(sound(kind=kind))
    declare(project, server, "speech", SPEECH.replace("mp3", form))
    [record] = run(project, "run", "--no-cache").records()
    assert record["media"][0]["type"] == type_
    assert server.requests[0].json["response_format"] == ("pcm" if form == "pcm16" else form)


@pytest.mark.parametrize(
    ("answer", "outcome", "code"),
    [
        (reply(200, b"", headers={"content-type": "audio/mpeg"}), "empty", None),
        (reply(200, {"ok": True}), "error", "malformed_response"),
        (reply(200, b"<html>", headers={"content-type": "text/html"}), "error", "malformed_response"),
        (reply(200, {"error": {"message": "No.", "code": "no_voice"}}), "error", "no_voice"),
        (reply(429, {"error": {"message": "Slow down."}}), "error", "429"),
    ],
)
def test_what_is_no_sound_is_no_answer(
    project: ProjectFolder, server: FaultServer, answer: Steps, outcome: str, code: str | None
) -> None:
    server.play(answer)
    declare(project, server, "speech", SPEECH)
    [record] = run(project, "run", "--no-cache").records()
    assert (record["outcome"], (record["error"] or {}).get("code")) == (outcome, code)


def form(request: Received) -> list[tuple[str, str | None, bytes]]:
    head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode()
    parts = message_from_bytes(head + request.body).get_payload()
    assert isinstance(parts, list)
    found: list[tuple[str, str | None, bytes]] = []
    for part in parts:
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        found.append(
            (str(part.get_param("name", header="content-disposition")), part.get_filename(), content)
        )
    return found


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
def test_a_sound_is_sent_as_a_form_and_its_text_is_the_answer(
    project: ProjectFolder, server: FaultServer, transport: str
) -> None:
    usage = {"type": "tokens", "input_tokens": 14, "output_tokens": 4, "total_tokens": 18}
    logprobs = [{"token": "Hallo", "logprob": -0.1}]
    server.play(
        reply(200, {"text": "Hallo Ada.", "usage": usage, "logprobs": logprobs, "language": "german"})
    )
    project.write("call.wav", WAV)
    declare(project, server, "transcriptions", SOUND)
    done = run(project, "run", "--no-cache", "--transport", transport)
    assert done.code == 0, done.err
    [request] = server.requests
    assert request.target == "/v1/audio/transcriptions"
    assert form(request) == [
        ("model", None, b"m"),
        ("temperature", None, b"0"),
        ("include[]", None, b"logprobs"),
        ("file", "audio.wav", WAV),
        ("prompt", None, b"Names: Ada"),
        ("language", None, b"de"),
    ]
    [record] = done.records()
    assert (record["text"], record["outcome"]) == ("Hallo Ada.", "ok")
    assert record["logprobs"] == {"content": logprobs}
    assert record["extra"]["completion"] == {"language": "german"}
    assert record["cost"] == pytest.approx((14 + 40) / 1e6)


@pytest.mark.parametrize("word", ["text", "srt", "vtt"])
def test_a_format_that_is_not_json_is_the_text(
    project: ProjectFolder, server: FaultServer, word: str
) -> None:
    server.play(reply(200, b"Hallo \xc3\xa4.", headers={"content-type": "text/plain"}))
    project.write("call.wav", WAV)
    sound_only = SOUND.replace("logprobs: true\n", "").replace("language: de", f"response_format: {word}")
    declare(project, server, "transcriptions", sound_only)
    [record] = run(project, "run", "--no-cache").records()
    assert record["text"] == "Hallo ä."


def test_the_curl_command_sends_the_same_form(
    project: ProjectFolder, server: FaultServer, tmp_path: Path
) -> None:
    project.write("call.wav", WAV)
    declare(project, server, "transcriptions", SOUND)
    command = run(project, "render", "--format", "curl").out
    script = (
        'curl() { for a in "$@"; do printf "%s\\0" "$a"; done; od -v -An -tx1 | tr -d " \\n"; }; ' + command
    )
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    words = done.stdout.split("\0")
    assert f"{server.base_url}/audio/transcriptions" in words
    assert {"model=m", "temperature=0", "include[]=logprobs", "prompt=Names: Ada", "language=de"} <= {*words}
    assert "file=@-;filename=audio.wav" in words
    assert words[-1] == WAV.hex()


@pytest.mark.parametrize(
    ("api", "prompt", "place"),
    [
        ("images", IMAGE + "temperature: 1\n", "a.prompt.yaml:5:14: error: temperature cannot be sent with `api: images`"),
        ("images", IMAGE + "response_format: {type: json_object}\n", "a.prompt.yaml:5:"),
        ("images", IMAGE.replace("messages: [", "messages: [{role: system, content: x}, "), "a.prompt.yaml:2:"),
        ("speech", SPEECH.replace("audio: {voice: alloy, format: mp3}\n", ""), "it requires a voice"),
        ("speech", SPEECH + "n: 2\n", "a.prompt.yaml:7:4: error: n cannot be sent with `api: speech`"),
        ("speech", SPEECH.replace("role: user", "role: assistant"), "a.prompt.yaml:5:"),
        ("transcriptions", SOUND.replace("role: user", "role: system"), "a.prompt.yaml:6:"),
        ("transcriptions", SOUND + "max_tokens: 5\n", "a.prompt.yaml:11:13: error: max_tokens cannot be sent"),
        ("transcriptions", IMAGE, "there is no sound"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["check", "run"])
def test_a_key_without_a_place_is_refused_at_its_line(
    project: ProjectFolder, server: FaultServer, api: str, prompt: str, place: str, command: str
) -> None:
    project.write("call.wav", WAV)
    declare(project, server, api, prompt)
    done = run(project, command)
    assert (done.code, server.requests) == (2, [])
    assert place in done.err


@pytest.mark.parametrize(
    ("api", "prompt"), [("images", IMAGE), ("speech", SPEECH), ("transcriptions", SOUND)]
)
def test_answers_that_arrive_whole_are_not_streamed(
    project: ProjectFolder, server: FaultServer, api: str, prompt: str
) -> None:
    project.write("call.wav", WAV)
    declare(project, server, api, prompt)
    done = run(project, "run", "--stream")
    assert (done.code, server.requests) == (2, [])
    assert f"`api: {api}`, whose answers arrive whole" in done.err


def test_a_program_gets_the_bytes(project: ProjectFolder, server: FaultServer) -> None:
    server.play(images(PNG))
    declare(project, server, "images", IMAGE)
    prompt = runner.load(project.folder / "a.prompt.yaml", environ={"FAKE_KEY": KEY})
    with prompt:
        result = prompt.run(what="cat")
        [medium] = result.media
        assert medium["data"] == b64encode(PNG).decode()
        with pytest.raises(runner.RunnerError, match="answers arrive whole"):
            prompt.stream(what="cat")
