"""The readers of users' files: YAML, JSON, rows, prompts, runner.yaml and the JSON Schemas in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from runner.checks.assertions import AnswerView, compile_assertion
from runner.checks.judge import Judge
from runner.documents.documents import Document, parse_document
from runner.documents.text import decode
from runner.documents.yaml_compose import compose_c, compose_python
from runner.documents.yaml_reader import parse_yaml
from runner.errors import EncodingError, Problems, RunnerError, SyntaxFileError
from runner.files.cases import cases_of
from runner.files.disk.tree import MemoryTree
from runner.files.model import Case, Project, Prompt
from runner.files.project import load_project_from
from runner.files.prompt import load_prompt
from runner.files.rows import Row, read_rows
from runner.regress.snapshots.writer import emit
from runner.render.templates import CompiledPrompt, compile_prompt
from runner.schema import SchemaProblem, Validator
from runner.values import Json, JsonPath
from runner.wire.decoding import parse_answer

from .seeds import ROOT, answers, files
from .target import Target, as_text, hold, hold_error, hold_json, hold_text

__all__ = ["TARGETS", "as_json", "as_yaml", "values_of"]


def as_json(value: Json) -> bytes:
    """A value as JSON, which is YAML as well."""
    return json.dumps(value, ensure_ascii=len(str(value)) % 2 == 0).encode("utf-8", "replace")


def as_yaml(value: Json) -> bytes:
    """A mapping as block YAML; something else, and every other one, as JSON."""
    if not isinstance(value, dict) or len(str(value)) % 3 == 0:
        return as_json(value)
    return "".join(f"{line}\n" for line in emit(value)).encode("utf-8", "replace")


def values_of(seeds: tuple[bytes, ...]) -> Iterator[Json]:
    """What the seeds hold, where they are YAML or JSON at all."""
    for seed in seeds:
        try:
            yield parse_yaml(decode(seed, ""), "").value
        except RunnerError:
            continue


def _in(shown: str) -> Callable[[bytes, RunnerError], None]:
    return lambda data, error: hold_error(error, {shown: data})


# --- YAML and JSON ------------------------------------------------------------------------------------------------


def _paths(value: Json, path: JsonPath = ()) -> Iterator[tuple[JsonPath, Json]]:
    yield path, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _paths(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _paths(item, (*path, index))


def _document_laws(data: bytes, document: Document) -> None:
    """A value is JSON, and every part of it can be found in the file."""
    hold_json(document.value)
    lines = as_text(data).split("\n")
    for count, (path, value) in enumerate(_paths(document.value)):
        if count >= 200:
            break
        places = [document.locate(path), document.locate_key(path)]
        if isinstance(value, str) and count < 10:
            places += [document.text_location(path, line, column) for line, column in ((1, 1), (2, 7))]
        for place in places:
            hold(place.line and 1 <= place.line <= len(lines), "the line is inside the file", path, place)
            assert place.line
            width = len(lines[place.line - 1])
            hold(1 <= (place.column or 0) <= width + 1, "the column is inside the line", path, place, width)


def _same_by_both(data: bytes) -> list[Json]:
    """What the two YAML parsers read, for as many as accept the text."""
    text = decode(data[:4096], "f.yaml")  # the slow one shall not take all the time
    found: list[Json] = []
    refusal: SyntaxFileError | None = None
    for composing in (compose_c, compose_python):
        try:
            found.append(parse_yaml(text, "f.yaml", compose_with=composing).value)
        except SyntaxFileError as error:
            hold_error(error, {"f.yaml": text.encode()})
            refusal = error
    if not found:
        assert refusal
        raise refusal
    return found


def _agreement(_data: bytes, found: list[Json]) -> None:
    spelt = [json.dumps(value) for value in found]
    hold(len(set(spelt)) == 1, "both parsers of YAML read the same", *spelt)


def _read_strictly(data: bytes) -> Document:
    return parse_document(data, "f.json")


def _json_laws(data: bytes, document: Document) -> None:
    """Python's reader and the reader of answers agree with ours on what all accept."""
    _document_laws(data, document)
    text = decode(data, "f.json")
    spelt = json.dumps(document.value)
    hold(json.dumps(json.loads(text)) == spelt, "json.loads reads the same", spelt)
    hold(json.dumps(parse_answer(text)) == spelt, "parse_answer reads the same", spelt)


def _json_refused(data: bytes, error: RunnerError) -> None:
    """What is refused is no strict JSON: the reader of answers, which goes by the same rules, refuses it too."""
    hold_error(error, {"f.json": data})
    if isinstance(error, EncodingError):
        return
    text = decode(data, "f.json")
    try:
        value = parse_answer(text)
    except ValueError as refusal:
        hold(str(refusal).strip(), "the reason is not empty")
        hold_text(str(refusal), "the reason")
    else:
        hold(False, "parse_answer refuses what parse_json refuses", error, value)


# --- rows ---------------------------------------------------------------------------------------------------------


def _rows(shown: str) -> Callable[[bytes], list[Row]]:
    return lambda data: list(read_rows(data, shown))


def _row_laws(data: bytes, rows: list[Row]) -> None:
    lines = as_text(data).count("\n") + 1
    last = 0
    for row in rows:
        hold_json(dict(row.value))
        line = row.location.line
        hold(line and last <= line <= lines, "rows stand one below the other", line, last, lines)
        last = line or 0
        for key in row.value:
            where = row.locate((key,))
            hold(where.line and where.line <= lines, "the line is inside the file", where, lines)


def _rows_refused(shown: str) -> Callable[[bytes, RunnerError], None]:
    return lambda data, error: hold_error(error, {shown: data}, placed=False)


# --- prompts and projects -----------------------------------------------------------------------------------------

_PROMPT = "prompts/fuzzed.prompt.yaml"


@cache
def _around() -> dict[str, bytes]:
    """What a prompt may name: the schemas, cases and partials of this repository."""
    found = [
        path for folder in ("prompts", "schemas") for path in (ROOT / folder).rglob("*") if path.is_file()
    ]
    return {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in found}


def _read_prompt(data: bytes) -> tuple[Prompt, CompiledPrompt]:
    prompt = load_prompt(_PROMPT, MemoryTree({**_around(), _PROMPT: data}))
    for case in cases_of(prompt):
        hold_json(dict(case.vars))
    return prompt, compile_prompt(prompt)


def _prompt_laws(data: bytes, read: tuple[Prompt, CompiledPrompt]) -> None:
    prompt, compiled = read
    hold_json(dict(prompt.request))
    hold(compiled.required <= compiled.variables, "what is required is read", compiled)
    for warning in compiled.warnings:
        hold_text(warning.message, "a warning")
        lines = as_text({**_around(), _PROMPT: data}[warning.location.path]).count("\n") + 1
        hold(1 <= (warning.location.line or 1) <= lines, "the line is inside the file", warning)


def _prompt_refused(data: bytes, error: RunnerError) -> None:
    hold_error(error, {**_around(), _PROMPT: data}, placed=False)


# --- prompts of GitHub's ------------------------------------------------------------------------------------------

_GITHUB = ".github/prompts/fuzzed.prompt.yml"


def _read_github(data: bytes) -> tuple[Prompt, list[Case]]:
    prompt = load_prompt(_GITHUB, MemoryTree({_GITHUB: data}))
    cases = list(cases_of(prompt))
    judge = Judge(prompt)
    compiled = compile_prompt(prompt, also_read=judge.variables)
    for case in cases[:5]:
        judge.prepare(case)
        hold_json({"messages": compiled.render(case.vars)})
    return prompt, cases


def _github_laws(data: bytes, read: tuple[Prompt, list[Case]]) -> None:
    """Check that the result is JSON, that all of it is in the file, and that an evaluator that cannot be judged fails."""
    prompt, cases = read
    hold_json(dict(prompt.request))
    lines = as_text(data).count("\n") + 1
    places = [prompt.locate(*path) for path, _ in list(_paths(prompt.document.value))[:200]]
    places += [each.location for each in (*prompt.warnings, *prompt.asserts, *cases)]
    for place in places:
        hold(place.line and 1 <= place.line <= lines, "the line is inside the file", place, lines)
    for warning in prompt.warnings:
        hold_text(warning.message, "a warning")
    for each in prompt.asserts:
        result = compile_assertion(each).check(AnswerView())
        hold(not result.passed, "what is compared with nothing has failed", each.spec)


def _github_refused(data: bytes, error: RunnerError) -> None:
    hold_error(error, {_GITHUB: data}, placed=False)


def _read_project(data: bytes) -> Project:
    return load_project_from(MemoryTree({"runner.yaml": data}), Path("root"), environ={})


def _project_laws(_data: bytes, project: Project) -> None:
    hold(project.endpoint in project.endpoints, "the default endpoint is there", project.endpoint)
    for rule in project.models:
        hold(
            rule.endpoint is None or rule.endpoint in project.endpoints, "endpoints of models are there", rule
        )


_PROJECT_SEEDS = (
    b"version: 1\nprompts: ['prompts/**']\nendpoint: local\n",
    b"""\
endpoints:
  mine: {base_url: 'http://localhost:8000/v1', api_key_env: KEY, headers: {x-a: b}, rpm: 60, tpm: 1000,
    concurrency: 4, timeout: 60, max_retries: 2}
  own: {embedded: m.gguf}
models: {'gpt-*': {endpoint: mine, price: {input: 1.5, output: 2}}}
packs: {support: {git: 'https://example.org/p.git', rev: v1, subdirectory: a}, b: {path: ../b}}
redact: [{path: $.email}, {regex: '[0-9]{4}'}]
""",
)


# --- JSON Schema --------------------------------------------------------------------------------------------------

_SAMPLES: tuple[Json, ...] = (
    None,
    True,
    0,
    1.5,
    10**30,
    "",
    "a1",
    [],
    [1, 1, "a"],
    {},
    {"a": {"b": [1]}, "x": "y"},
)


def _read_schema(data: bytes) -> tuple[Json, Validator] | None:
    try:
        schema = parse_answer(data.decode())
    except ValueError:
        return None
    return schema, Validator(schema)


def _schema_laws(_data: bytes, read: tuple[Json, Validator] | None) -> None:
    for sample in _SAMPLES if read else ():
        assert read
        for violation in read[1].check(sample):
            hold(violation.message, "the message is not empty", violation)
            hold_text(violation.message, "the message")
            hold(len(violation.message) <= 2000, "the message is short", len(violation.message))
            hold_text(violation.json_path, "the path")


def _schema_refused(data: bytes, problem: SchemaProblem) -> None:
    hold(problem.message.strip(), "the message is not empty")
    hold_text(problem.message, "the message")
    value: Any = json.loads(data)
    for step in problem.path:
        if isinstance(value, str):
            break  # a reference, and the path goes on where it leads
        hold(isinstance(value, dict | list), "the path leads into the schema", problem.path)
        if isinstance(value, dict) and step not in value:
            break  # a keyword that is missing
        value = value[step]


@cache
def _schemas() -> tuple[bytes, ...]:
    named = [seed for seed in files(".json") if b'"properties"' in seed or b'"$schema"' in seed]
    more = [
        {"$defs": {"a": {"type": "object", "properties": {"b": {"$ref": "#/$defs/a"}}}}, "$ref": "#/$defs/a"},
        {
            "type": ["string", "null"],
            "pattern": "^[a-z]+$",
            "format": "date-time",
            "minLength": 1,
            "enum": ["a", None],
        },
        {
            "allOf": [{"if": {"type": "array"}, "then": {"items": {"multipleOf": 0.1}, "uniqueItems": True}}],
            "not": {},
        },
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "dependencies": {"a": ["b"]},
            "additionalProperties": False,
        },
        {
            "$id": "https://example.org/a",
            "$anchor": "x",
            "anyOf": [{"$ref": "#x"}, {"const": {"a": 1}}],
            "contains": True,
        },
        {
            "propertyNames": {"maxLength": 2},
            "prefixItems": [{}],
            "unevaluatedItems": False,
            "dependentSchemas": {"a": {}},
        },
    ]
    return (*named, *(json.dumps(each).encode() for each in more))


# --- all ----------------------------------------------------------------------------------------------------------


def _yaml_seeds() -> tuple[bytes, ...]:
    tricky = b"a: &a {b: 1}\nc: {<<: *a, d: [*a, !!int '3', 0x1F, .5e3]}\n? |\n  key\n: >+\n  folded\n\n  text\n'q''q': \"\\u00e9\\\n  x\"\n"
    return (tricky, *files(".yaml", ".yml", ".prompty", ".prompt"))


def _prompt_seeds() -> tuple[bytes, ...]:
    return tuple(seed for seed in files(".prompt.yaml", ".prompt.yml", "prompt.yml") if b"messages" in seed)


def _github_seeds() -> tuple[bytes, ...]:
    found = tuple(
        seed for seed in files("prompt.yml", "_evaluator.yml", "builtins.yml") if b"messages" in seed
    )
    return (*found, *(seed for seed in found if b"evaluators" in seed and b"testData" in seed))


def _json_seeds() -> tuple[bytes, ...]:
    return (*files(".json"), *(body for _, _, body in answers()))


def _jsonl_seeds() -> tuple[bytes, ...]:
    return (*files(".jsonl"), b'{"a": 1}\n\n{"vars": {"a": "b"}, "id": "x"}\r\n')


def _csv_seeds() -> tuple[bytes, ...]:
    return (*files(".csv"), b'a,b\n1,"x, ""y"""\n"two\nlines",\r\n')


_READING = (EncodingError, SyntaxFileError)

TARGETS = (
    Target("yaml", lambda data: parse_document(data, "f.yaml"), _READING, _document_laws, _in("f.yaml"), _yaml_seeds, as_yaml),
    Target("yaml-parsers", _same_by_both, _READING, _agreement, lambda _data, _error: None, _yaml_seeds, as_yaml),
    Target("json", _read_strictly, _READING, _json_laws, _json_refused, _json_seeds, as_json),
    Target("jsonl", _rows("f.jsonl"), (RunnerError,), _row_laws, _rows_refused("f.jsonl"), _jsonl_seeds),
    Target("csv", _rows("f.csv"), (RunnerError,), _row_laws, _rows_refused("f.csv"), _csv_seeds),
    Target("prompt", _read_prompt, (RunnerError, Problems), _prompt_laws, _prompt_refused, _prompt_seeds, as_yaml),
    Target("github-prompt", _read_github, (RunnerError, Problems), _github_laws, _github_refused, _github_seeds, as_yaml),
    Target("project", _read_project, (RunnerError,), _project_laws, _in("runner.yaml"), lambda: _PROJECT_SEEDS, as_yaml),
    Target("schema", _read_schema, (SchemaProblem,), _schema_laws, _schema_refused, _schemas, as_json),
)  # fmt: skip
