"""Local images, sound and documents in content parts."""

from __future__ import annotations

import base64

import pytest

from runner.errors import Location, RunnerError
from runner.files.disk.tree import MemoryTree
from runner.files.media import inline_media

PNG = b"\x89PNG\r\n\x1a\n..."
FILES = {
    "prompts/cat.png": PNG,
    "prompts/cat.jpg": b"\xff\xd8\xff\xe0...",
    "prompts/cat.gif": b"GIF89a...",
    "prompts/cat.webp": b"RIFF\x00\x00\x00\x00WEBPVP8 ",
    "prompts/hi.wav": b"RIFF\x00\x00\x00\x00WAVEfmt ",
    "prompts/hi.mp3": b"\xff\xfb\x90\x00...",
    "prompts/tagged.mp3": b"ID3\x04...",
    "prompts/a.pdf": b"%PDF-1.7...",
    "prompts/notes.txt": b"hello",
    "prompts/.secret/cat.png": PNG,
    "media/cat.png": PNG,
}
IMAGE = ("image_url", "url")
SOUND = ("input_audio", "data")
DOCUMENT = ("file", "file_data")


def inline(kind: tuple[str, str], value: str, **more: str) -> object:
    part = {"type": kind[0], kind[0]: {kind[1]: value, **more}}
    messages = [
        {"role": "system", "content": "x"},
        {"role": "user", "content": [{"type": "text", "text": "t"}, part]},
    ]
    done = inline_media(
        messages,
        MemoryTree(FILES),
        "prompts/p.prompt.yaml",
        lambda message, at: Location("prompts/p.prompt.yaml", message + 1, at + 1),
    )
    assert done[0] == messages[0]
    assert part == {"type": kind[0], kind[0]: {kind[1]: value, **more}}, "the given messages stay as they are"
    return done[1]["content"][1][kind[0]][kind[1]]


@pytest.mark.parametrize(
    ("kind", "name", "prefix"),
    [
        (IMAGE, "cat.png", "data:image/png;base64,"), (IMAGE, "cat.jpg", "data:image/jpeg;base64,"),
        (IMAGE, "cat.gif", "data:image/gif;base64,"), (IMAGE, "cat.webp", "data:image/webp;base64,"),
        (IMAGE, "../media/cat.png", "data:image/png;base64,"), (DOCUMENT, "a.pdf", "data:application/pdf;base64,"),
        (SOUND, "hi.wav", ""), (SOUND, "hi.mp3", ""), (SOUND, "tagged.mp3", ""),
    ],
)  # fmt: skip
def test_a_path_becomes_the_file(kind, name, prefix):
    text = inline(kind, name)
    assert text.startswith(prefix)
    data = FILES["media/cat.png"] if name.startswith("..") else FILES[f"prompts/{name}"]
    assert base64.b64decode(text.removeprefix(prefix)) == data


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (IMAGE, "https://example.com/a.png"), (IMAGE, "http://example.com/a.png"), (IMAGE, "data:image/png;base64,AA=="),
        (IMAGE, "HTTPS://example.com/a.png"), (DOCUMENT, "data:application/pdf;base64,AA=="), (SOUND, "UklGRg=="),
        (("file", "file_id"), "file-1"),
    ],
)  # fmt: skip
def test_what_is_no_path_stays_as_it_is(kind, value):
    assert inline(kind, value) == value


def test_a_message_without_parts_stays_as_it_is():
    message = {"role": "assistant", "content": None, "tool_calls": []}
    assert inline_media([message], MemoryTree({}), "p.yaml", lambda *_: Location("p.yaml")) == [message]


WHERE = "prompts/p.prompt.yaml:2:2: "
REFUSED = {
    "missing": (IMAGE, "cta.png", {}, WHERE + "there is no file prompts/cta.png (did you mean \"cat.png\"?)"),
    "outside": (IMAGE, "../../cat.png", {}, WHERE + "../../cat.png is outside the project root (move the file into the project)"),
    "absolute": (IMAGE, "/etc/passwd", {}, WHERE + "the path /etc/passwd is absolute (write paths relative to the file that uses them)"),
    "drive": (IMAGE, "C:/cat.png", {}, WHERE + "the path C:/cat.png is absolute (write paths relative to the file that uses them)"),
    "hidden folder": (IMAGE, ".secret/cat.png", {}, WHERE + ".secret/cat.png is hidden and is not read (files and folders whose names begin with a dot are not read: they may contain keys or belong to Git)"),
    "hidden file": (DOCUMENT, "../.env", {}, WHERE + "../.env is hidden and is not read (files and folders whose names begin with a dot are not read: they may contain keys or belong to Git)"),
    "file URL": (IMAGE, "file:///etc/passwd", {}, WHERE + "file: URLs cannot be sent (write an https URL, a data: URL, or a path relative to the prompt)"),
    "file URL of a sound": (SOUND, "s3://bucket/hi.mp3", {}, WHERE + "s3: URLs cannot be sent (write an https URL, a data: URL, or a path relative to the prompt)"),
    "no image": (IMAGE, "notes.txt", {}, WHERE + "notes.txt is not an image that can be sent: its first bytes match no known type (known types: png, jpeg, gif, webp)"),
    "another kind": (IMAGE, "a.pdf", {}, WHERE + "a.pdf is not an image that can be sent: it is pdf (known types: png, jpeg, gif, webp)"),
    "no document": (DOCUMENT, "cat.png", {}, WHERE + "cat.png is not a document that can be sent: it is png (known types: pdf)"),
    "other sound than declared": (SOUND, "hi.mp3", {"format": "wav"}, WHERE + "hi.mp3 is not a sound that can be sent: it is mp3 (known types: wav)"),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "more", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_to_be_sent_is_refused_at_its_part(kind, value, more, message):
    with pytest.raises(RunnerError) as caught:
        inline(kind, value, **more)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "url", ["https://x.example/hi.mp3", "HTTP://x.example/a.WAV", "data:audio/wav;name=a.wav"]
)
def test_the_url_of_a_sound_is_sent_as_it_stands(url):
    assert inline(SOUND, url, format="mp3") == url


def inline_whole(part: dict[str, object]) -> object:
    messages = [{"role": "user", "content": [part]}]
    done = inline_media(messages, MemoryTree(FILES), "prompts/p.prompt.yaml", lambda m, p: Location("p", 1))
    return done[0]["content"][0]


def test_a_path_that_stands_in_place_of_the_object_becomes_the_file_too():
    part = inline_whole({"type": "image_url", "image_url": "cat.png", "cache_control": {}})
    assert part["image_url"].startswith("data:image/png;base64,")
    assert part["cache_control"] == {}
    assert inline_whole({"type": "input_audio", "input_audio": "hi.wav"})["input_audio"].startswith("UklGR")


@pytest.mark.parametrize("value", ["clips/a.mp4", {"url": "clips/a.mp4"}])
@pytest.mark.parametrize("kind", ["video_url", "file_url", "document_url"])
def test_a_path_where_only_a_url_is_sent_is_refused(kind, value):
    with pytest.raises(RunnerError, match=rf"clips/a\.mp4 is a path, which {kind} cannot send"):
        inline_whole({"type": kind, kind: value})


@pytest.mark.parametrize(
    "value", ["https://x.example/a.mp4", {"url": "data:video/mp4;base64,AA", "fps": 1}, "JVBERi0xLjQK"]
)
def test_other_urls_are_sent_as_they_stand(value):
    assert inline_whole({"type": "video_url", "video_url": value}) == {
        "type": "video_url",
        "video_url": value,
    }
