"""Paths, templates, snapshots and journals."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from runner.checks.jsonpath import Path as JsonPathQuery
from runner.checks.jsonpath import PathError, parse
from runner.documents.text import decode
from runner.engine.journal.index import JournalIndex
from runner.errors import EncodingError, FormatError, Location, RunnerError, StorageError, SyntaxFileError
from runner.files.disk.tree import MemoryTree
from runner.files.model import Prompt, Template
from runner.files.prompt import load_prompt
from runner.regress.rules.path_automaton import automaton_of
from runner.regress.snapshots.reader import MAX_BYTES, read_snapshot, snapshot_request
from runner.regress.snapshots.snapshot import Snapshot
from runner.regress.snapshots.writer import document, emit, write_snapshot
from runner.render.engines import compile_texts
from runner.render.expressions import compile_expression
from runner.render.sandbox import IN_PROCESS, Texts
from runner.render.template_sources import Files, LocatedUse, Source
from runner.values import Json

from .seeds import files
from .target import Target, hold, hold_error, hold_json, hold_text

__all__ = ["TARGETS"]


# --- paths --------------------------------------------------------------------------------------------------------

_VALUE: Json = {
    "a": [{"b": 1, "c d": [[], {}]}, "x", None],
    "items": {"0": [1, 2, 3]},
    "": {"a": {"a": {"a": 1}}},
}


def _read_path(data: bytes) -> JsonPathQuery:
    return parse(data.decode("utf-8", "replace"))


def _path_laws(_data: bytes, path: JsonPathQuery) -> None:
    """A path's own spelling is the same path, and each place that it finds is reached step by step."""
    spelling = str(path)
    hold_text(spelling, "the spelling")
    hold(parse(spelling) == path, "the spelling parses to the same path", spelling, path)
    hold(spelling[0] == "/" or len(spelling.splitlines()) == 1, "a path is one line", spelling)
    hold(len(path.specificity) == 4, "a path has a rank")
    found = path.find(_VALUE)
    hold(len({place for place, _ in found}) == len(found), "a place is found once", spelling, found)
    for place, value in found:
        here: Any = _VALUE
        at = automaton_of([path])
        for step in place:
            at = at.follow(step, len(here))
            here = here[step]
        hold(here is value or here == value, "what is found stands there", spelling, place)
        hold(at.selecting == (0,), "what is found is reached step by step", spelling, place)


def _path_refused(data: bytes, error: PathError) -> None:
    text = data.decode("utf-8", "replace")
    hold(error.reason.strip(), "the reason is not empty")
    hold_text(str(error), "the reason")
    hold(len(error.reason) <= 200, "the reason is short", error)
    hold(1 <= error.column <= len(text) + 1, "the column is inside the text", error, len(text))


_PATHS = (
    "$", "$.label", "$['a b'][0]", "$[-1]", "$..name", "$.items[*].score", "$.*", '$["\\u00e9\\n"]', "$..['x']..[0]",
    "$..*", "$..[*]", "/a/0/~1~0", "/", "$['\\ud83d\\ude00']", "$.é.ü_1", "$[0][1][2]", "$.a.b.c.d", "$['it\\'s']",
    "$[?(@.a)]", "$[1:2]", "$['a','b']", "$.", "$[", "$..", "a", "$['\\q']", "$[00]", "$[9999999999999999]",
)  # fmt: skip


# --- templates ----------------------------------------------------------------------------------------------------
#
# The first byte says what the rest is: an expression, a text of `engine: simple`, or else a template.

_TEMPLATE = "t.txt"
_INCLUDED = {
    "a.txt": b"{% macro m(x) %}{{ x }}{{ b }}{% endmacro %}{% set c = 1 %}A",
    "b/c.txt": b"{% include 'a.txt' %}",
    "d.txt": b"{{",
}
_NAMES = frozenset({"output", "text", "vars"})


_Read = tuple[Sequence[LocatedUse], Sequence[RunnerError], str]


@cache
def _prompt() -> Prompt:
    tree = MemoryTree({**_INCLUDED, "p.prompt.yaml": b"messages: [{role: user, content: x}]\n"})
    return load_prompt("p.prompt.yaml", tree)


def _read_template(data: bytes) -> _Read:
    kind, text = data[:1], data[1:].decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    if kind == b"e":
        compile_expression(text, names=_NAMES)
        return (), [], text
    prompt = _prompt()
    template = Template("simple" if kind == b"s" else "jinja2")

    def locate(line: int, column: int | None) -> Location:
        return Location(_TEMPLATE, line, column)

    source = Source(text, "messages[0]", locate, _TEMPLATE)
    texts = compile_texts(template, [source], Files(prompt.tree, None), IN_PROCESS)
    if not texts.problems:
        _render(texts, {use.name for use in texts.uses[0]}, {**_INCLUDED, _TEMPLATE: text.encode()})
    return texts.uses[0], texts.problems, text


def _render(texts: Texts, names: Iterable[str], around: Mapping[str, bytes]) -> None:
    """What compiles, and has all its variables, gives a text or an error of ours, whatever it does."""
    values: dict[str, Json] = dict.fromkeys(names, "n")
    try:
        (text,) = texts.render({**values, "a": [1, {"b": "x"}], "items": [{"title": "t"}]})
        hold_text(text, "the text")
    except RunnerError as error:
        hold_error(error, around, placed=False)


def _template_laws(_data: bytes, read: _Read) -> None:
    uses, problems, text = read
    around = {**_INCLUDED, _TEMPLATE: text.encode()}
    for problem in problems:
        hold_error(problem, around, placed=False)
        hold(problem.location and problem.location.line, "an error of a template has its line", problem)
    for use in uses[:50]:
        found = use.location
        lines = around[found.path].decode().split("\n")
        hold(found.line is not None, "a use has a line", use)
        assert found.line is not None
        hold(1 <= found.line <= len(lines), "a use has a line in the text", use, found)
        hold((found.column or 1) <= len(lines[found.line - 1]), "a use has a column in the line", use, found)


def _expression_refused(data: bytes, error: ValueError) -> None:
    hold(data[:1] == b"e", "only an expression raises ValueError", error)
    hold(str(error).strip(), "the reason is not empty")
    hold_text(str(error), "the reason")


_TEMPLATES = (
    "jHello {{ name }}, {% if lang == 'de' %}Hallo{% elif x %}{{ y | default('z') }}{% else %}Hi{% endif %}",
    "j{% for item in items %}{{ loop.index }}. {{ item.title | upper }}\n{% endfor %}",
    "j{% set total = namespace(n=0) %}{% macro row(a, b=2) %}{{ a ~ b }}{% endmacro %}{{ row(1) }}{% call row(2) %}x{% endcall %}",
    "j{% include 'a.txt' %}{% import 'a.txt' as lib %}{% from 'b/c.txt' import m with context %}{{ lib.m(1) }}",
    "j{% extends 'd.txt' %}{% block body %}{{ super() }}{% endblock %}",
    "j{% raw %}{{ not this }}{% endraw %}{# comment #}{%- if a -%}{{ a['b'][0:2] }}{%- endif +%}",
    "j{{ 1 + 2 ** 3 // 4 % 5 - -6 }}{{ [1, (2, 3), {'a': 4}] | tojson }}{{ a if b is defined and c not in d else none }}",
    "j{% filter upper %}{% with a = 1 %}{{ a }}{% endwith %}{% endfilter %}{% break %}{% autoescape true %}{% endautoescape %}",
    "sHello {{ a.0 }} {{ a.1.b }} {{b}} {{ c }}",
    "eoutput.label == 'refund' and text | length < 100 or vars.a is defined",
    "e[x for x in y]", "eoutput.items | map(attribute='a') | list | sum > 3",
)  # fmt: skip


def _template_seeds() -> Iterator[bytes]:
    yield from (text.encode() for text in _TEMPLATES)
    for seed in files(".jinja", ".jinja2", ".j2", ".txt", ".prompt", ".prompty", ".prompt.yaml"):
        if b"{{" in seed or b"{%" in seed:
            yield b"j" + seed


# --- snapshots ----------------------------------------------------------------------------------------------------

_SNAPSHOT = "a.snap.yaml"


def _read_snapshot(data: bytes) -> Snapshot:
    return read_snapshot(decode(data, _SNAPSHOT), _SNAPSHOT)


def _snapshot_laws(data: bytes, snapshot: Snapshot) -> None:
    """What is written is what was read, for good."""
    hold_json(document(snapshot))
    request = snapshot_request(data)
    hold(request in (None, snapshot.request), "the fingerprint is the request", request, snapshot.request)
    written = write_snapshot(snapshot)
    hold_text(written, "what is written")
    if len(written.encode()) > MAX_BYTES:
        return  # YAML has shorter spellings than ours; the store refuses to write so much
    again = read_snapshot(written, _SNAPSHOT)
    hold(
        json.dumps(document(again)) == json.dumps(document(snapshot)),
        "what was written is read again",
        snapshot,
        again,
    )
    hold(write_snapshot(again) == written, "the same value gives the same bytes", written)
    hold(snapshot_request(written.encode()) == snapshot.request, "the fingerprint is found", written)


def _snapshot_refused(data: bytes, error: RunnerError) -> None:
    hold_error(error, {_SNAPSHOT: data}, placed=False)
    hold(isinstance(error, FormatError) or error.location, "the error has a place", error)
    snapshot_request(data)


_HEAD = "runner_snapshot: 1\nrequest: sha256:" + "0123456789abcdef" * 4 + "\n"
_SNAPSHOTS = (
    _HEAD + "parts:\n  messages: abcd\n  params: '12'\nmodel: m\noutput: |-\n  two\n  lines\n",
    _HEAD + 'output:\n  a: 1\n  "b c": [1, 2.5]\n  d:\n    - - x\n      - y: z\n    - {}\n',
    _HEAD + 'outcome: refused\nfinish_reason: stop\nrefusal: "no\\u0085"\noutput: null\n',
    _HEAD + 'output: "a\\n\\\n  \\ b\\n\\\n  c"\nsamples: 3\nvariants:\n  - count: 1\n    output: x\nunstable:\n  - $.a\n',
    _HEAD + "output:\n  - id: t\n    type: function\ntool_calls:\n  - function:\n      name: f\n      arguments: \"{}\"\n",
    "<<<<<<< ours\n" + _HEAD + "=======\n" + _HEAD + ">>>>>>> theirs\noutput: 1\n",
)  # fmt: skip


def _snapshot_seeds() -> tuple[bytes, ...]:
    return (*(text.encode() for text in _SNAPSHOTS), *files(".snap.yaml"))


def _as_snapshot(value: Json) -> bytes:
    return "".join(
        f"{line}\n" for line in emit(value if isinstance(value, dict) else {"output": value})
    ).encode("utf-8", "replace")


# --- journals -----------------------------------------------------------------------------------------------------


@cache
def _journal() -> Path:
    """One file for all inputs, gone at the end."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder) / "results.jsonl"


def _past(data: bytes) -> JournalIndex:
    path = _journal()
    # Not truncated and written but replaced: no reader of an earlier input may hold the file.
    fresh = path.with_suffix(".new")
    fresh.write_bytes(data)
    os.replace(fresh, path)  # noqa: PTH105 - a million times
    return JournalIndex(path, {"p.prompt.yaml": "p.prompt.yaml"})


def _read_journal(data: bytes) -> tuple[int, int, list[tuple[Any, int, int]]]:
    past = _past(data)
    return past.sound, past.lost, list(past.records())


def _journal_laws(data: bytes, read: tuple[int, int, list[tuple[Any, int, int]]]) -> None:
    """What counts is whole lines, and cutting the rest off loses nothing."""
    sound, lost, records = read
    hold(sound + lost == len(data), "every byte is sound or lost", sound, lost, len(data))
    hold(not sound or data[:sound].endswith(b"\n"), "what is sound ends with a line", sound)
    for record, offset, length in records:
        hold(
            isinstance(record, dict) and offset + length <= sound,
            "a record is inside",
            record,
            offset,
            length,
        )
    hold(_read_journal(data[:sound]) == (sound, 0, records), "what is cut off did not count", sound)


def _journal_refused(_data: bytes, error: StorageError) -> None:
    hold(error.message.strip() and error.hint, "the message is not empty", error)
    hold_text(str(error), "the message")
    hold(len(str(error)) <= 2000, "the message is short", len(str(error)))


def _line(**changes: Any) -> str:
    record: dict[str, Any] = {
        "prompt": "p", "file": "p.prompt.yaml", "case": "a", "variant": None, "sample": 0, "outcome": "ok", "passed": True,
        "fingerprint": "sha256:" + "0123456789abcdef" * 4, "output": None, "text": "é", "error": None, "vars": {},
    }  # fmt: skip
    return json.dumps(record | changes, ensure_ascii=False) + "\n"


_JOURNALS = (
    _line() + _line(case="b") + _line(case="c")[:50],
    _line(choices=2, choice=0)
    + _line(choices=2, choice=1)
    + _line(case="b", outcome="error")
    + _line(case="b"),
    _line(sample=1, variant="gpt-5-mini") + "{}\n" + _line(),
    _line(file="other.prompt.yaml") + "\n",
    _line(choices=3) + _line(case="b"),
)


def _journal_seeds() -> tuple[bytes, ...]:
    return tuple(text.encode() for text in _JOURNALS)


def _as_journal(value: Json) -> bytes:
    changed = value if isinstance(value, dict) else {"output": value}
    return (_line() + json.dumps(changed) + "\n" + _line(case="z")[: -(len(str(value)) % 2) or None]).encode()


TARGETS = (
    Target(
        "path",
        _read_path,
        (PathError,),
        _path_laws,
        _path_refused,
        lambda: [path.encode() for path in _PATHS],
    ),
    Target("template", _read_template, (ValueError,), _template_laws, _expression_refused, _template_seeds),
    Target(
        "snapshot",
        _read_snapshot,
        (EncodingError, SyntaxFileError, FormatError),
        _snapshot_laws,
        _snapshot_refused,
        _snapshot_seeds,
        _as_snapshot,
    ),
    Target(
        "journal",
        _read_journal,
        (StorageError,),
        _journal_laws,
        _journal_refused,
        _journal_seeds,
        _as_journal,
    ),
)
