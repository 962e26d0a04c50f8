"""runner.yaml: endpoints, models and prices, and each mistake with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.errors import ConfigError, FormatError, Problems, RunnerError
from runner.files.model import Endpoint, ModelRule, Project
from runner.files.model_rules import endpoint_for, model_at, price_for
from runner.files.project import load_project


def load(folder: Path, text: str | None = None, **environ: str) -> Project:
    if text is not None:
        (folder / "runner.yaml").write_text(text)
    return load_project(folder, cwd=folder, environ=environ)


MAPPED = """
endpoints: {a: {base_url: 'http://a.example/v1'}, b: {base_url: 'http://b.example/v1'}}
models:
  special/one: {endpoint: a, model: uno}
  openai/*: {endpoint: a, model: "*"}
  "*-mini": {endpoint: b, model: "small-*-v1"}
  x/*: {endpoint: a}
"""


@pytest.mark.parametrize(
    ("model", "endpoint", "name"),
    [
        ("openai/gpt-4o", "a", "gpt-4o"),
        ("openai/a/b", "a", "a/b"),
        ("openai/gpt-4o-mini", "b", "small-openai/gpt-4o-v1"),
        ("special/one", "a", "uno"),
        ("special/one", "b", "special/one"),
        ("x/y", "a", "x/y"),
    ],
)
def test_an_endpoint_may_call_a_model_by_another_name(
    tmp_path: Path, model: str, endpoint: str, name: str
) -> None:
    (tmp_path / "runner.yaml").write_text(MAPPED)
    project = load_project(tmp_path, cwd=tmp_path, environ={})
    assert model_at(project, model, project.endpoints[endpoint]) == name


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ('"a*": {model: "**"}', "runner.yaml:1:24: models.a*.model is not valid"),
        (
            'a: {model: "*"}',
            "runner.yaml:1:21: the * in model stands for the * of the pattern, but a does not have exactly one *",
        ),
        (
            '"*a*": {model: "*"}',
            "runner.yaml:1:25: the * in model stands for the * of the pattern, but *a* does not have",
        ),
        ('"[ab]*": {model: "*"}', "runner.yaml:1:27: the * in model stands for the * of the pattern"),
        ('a: {model: ""}', "runner.yaml:1:21: models.a.model must not be empty"),
    ],
)
def test_a_name_that_the_pattern_does_not_give_is_refused(tmp_path: Path, entry: str, told: str) -> None:
    (tmp_path / "runner.yaml").write_text(f"models: {{{entry}}}\n")
    with pytest.raises(FormatError) as caught:
        load_project(tmp_path, cwd=tmp_path, environ={})
    assert str(caught.value).startswith(told)


def test_without_a_file_there_are_openai_and_local(tmp_path):
    project = load(tmp_path)
    assert (project.path, project.endpoint, project.root) == (None, "openai", str(tmp_path))
    assert dict(project.endpoints) == {
        "openai": Endpoint("openai", base_url="https://api.openai.com/v1", api_key_env="OPENAI_API_KEY"),
        "local": Endpoint("local", embedded="smollm2-135m-instruct"),
    }


def test_an_empty_file_marks_the_root_and_changes_nothing(tmp_path):
    project = load(tmp_path, "# nothing yet\n")
    assert (project.path, project.endpoint, sorted(project.endpoints)) == (
        "runner.yaml",
        "openai",
        ["local", "openai"],
    )


def test_openai_takes_its_url_from_the_environment(tmp_path):
    assert (
        load(tmp_path, OPENAI_BASE_URL="http://proxy:8080/v1").endpoints["openai"].base_url
        == "http://proxy:8080/v1"
    )


def test_an_empty_variable_is_an_unset_one(tmp_path):
    assert load(tmp_path, OPENAI_BASE_URL="").endpoints["openai"].base_url == "https://api.openai.com/v1"


def test_the_file_goes_before_the_environment(tmp_path):
    text = "endpoints: {openai: {base_url: https://eu.example/v1, api_key_env: EU_KEY}}\n"
    endpoint = load(tmp_path, text, OPENAI_BASE_URL="no URL at all").endpoints["openai"]
    assert (endpoint.base_url, endpoint.api_key_env) == ("https://eu.example/v1", "EU_KEY")


def test_another_server_does_not_get_the_openai_key(tmp_path):
    endpoint = load(tmp_path, "endpoints: {openai: {base_url: https://eu.example/v1}}\n").endpoints["openai"]
    assert endpoint.api_key_env is None


def test_a_built_in_endpoint_is_changed_key_by_key(tmp_path):
    endpoint = load(tmp_path, "endpoints: {openai: {rpm: 5}}\n").endpoints["openai"]
    assert (endpoint.rpm, endpoint.base_url) == (5, "https://api.openai.com/v1")


def test_every_key_of_an_endpoint_is_read(tmp_path):
    text = (
        "endpoint: mine\nendpoints:\n  mine:\n    base_url: http://localhost:8000/v1\n    api_key_env: MINE\n"
        "    headers: {X-Team: a b}\n    model: m\n    rpm: 1\n    tpm: 2\n    concurrency: 3\n    timeout: 4.5\n    max_retries: 0\n"
    )
    project = load(tmp_path, text)
    mine = project.endpoints["mine"]
    assert project.endpoint == "mine"
    assert mine == Endpoint(
        "mine",
        "http://localhost:8000/v1",
        "MINE",
        None,
        {"X-Team": "a b"},
        "m",
        1,
        2,
        3,
        4.5,
        0,
        mine.location,
    )
    assert str(mine.location) == "runner.yaml:3:3"


def test_a_model_file_is_relative_to_the_project(tmp_path):
    text = "endpoints: {near: {embedded: models/a.gguf}, far: {embedded: /models/a.gguf}}\n"
    endpoints = load(tmp_path, text).endpoints
    assert endpoints["near"].embedded == str(tmp_path / "models/a.gguf")
    assert endpoints["far"].embedded == "/models/a.gguf"


MODELS = """\
models:
  gpt-4o-mini: {price: {input: 0.15, output: 0.6, cached: 0.075}}
  "gpt-*": {endpoint: openai, price: {input: 2.5, output: 10}}
  "smol*": {endpoint: local}
"""


def test_the_first_model_rule_that_says_something_counts(tmp_path):
    project = load(tmp_path, MODELS)
    assert price_for(project, "gpt-4o-mini") == ModelRule("gpt-4o-mini", None, 0.15, 0.075, 0.6)
    assert price_for(project, "gpt-5").output_price == 10
    assert price_for(project, "smollm2") is None
    assert price_for(project, "GPT-5") is None


def test_an_endpoint_is_chosen_by_name_then_by_model_then_by_default(tmp_path):
    project = load(tmp_path, MODELS)
    assert endpoint_for(project, "smollm2").name == "local"
    assert endpoint_for(project, "smollm2", name="openai").name == "openai"
    assert endpoint_for(project, "other").name == "openai"
    assert endpoint_for(project, None).name == "openai"


def test_an_endpoint_that_is_not_declared_is_no_choice(tmp_path):
    with pytest.raises(ConfigError) as caught:
        endpoint_for(load(tmp_path), "m", name="locl")
    assert str(caught.value) == 'there is no endpoint "locl" (did you mean "local"?)'


def test_prompts_packs_and_redact_are_kept(tmp_path):
    text = "prompts: [p/*.yaml]\npacks: {a: {path: ../a}}\nredact: [{regex: '\\d{16}'}]\nx-team: us\n"
    project = load(tmp_path, text)
    assert (project.prompts, project.packs, project.redact) == (
        ("p/*.yaml",),
        {"a": {"path": "../a"}},
        ({"regex": "\\d{16}"},),
    )


QUERY_HINT = "keys do not belong in files or URLs: name a variable with api_key_env or headers_env"
ENV_HINT = "put the key in an environment variable and name that: api_key_env: NAME"
MISTAKES = {
    "version": ("version: 2\n", "runner.yaml:1:10: runner.yaml was written by a newer runner (format 2; this one reads up to 1): upgrade runner (pip install --upgrade prompt-runner)"),
    "unknown key": ("endpont: a\n", 'runner.yaml:1:1: unknown key "endpont" (did you mean "endpoint"?)'),
    "unknown key of an endpoint": ("endpoints: {a: {base_ur: b}}\n", 'runner.yaml:1:17: unknown key "base_ur" in endpoints.a (did you mean "base_url"?)'),
    "a key": ("endpoints: {a: {api_key: sk-1}}\n", 'runner.yaml:1:17: unknown key "api_key" in endpoints.a (keys do not belong in files: name their environment variable in runner.yaml (api_key_env))'),
    "a key as its name": ("endpoints: {a: {base_url: 'https://x', api_key_env: sk-proj-1}}\n", "runner.yaml:1:53: endpoints.a.api_key_env is not valid (write the name of an environment variable, not the key)"),
    "default unknown": ("endpoint: opnai\n", 'runner.yaml:1:11: there is no endpoint "opnai" (did you mean "openai"?)'),
    "default unlike any": ("endpoint: zzz\n", 'runner.yaml:1:11: there is no endpoint "zzz" (there are openai, local)'),
    "neither": ("endpoints: {a: {rpm: 1}}\n", 'runner.yaml:1:16: endpoints.a needs "base_url" (or "embedded" for a model on this machine)'),
    "both": ("endpoints: {a: {base_url: 'http://x', embedded: m}}\n", "runner.yaml:1:39: endpoints.a has both base_url and embedded (keep one of them)"),
    "embedded with key": ("endpoints: {a: {embedded: m, api_key_env: K}}\n", "runner.yaml:1:30: endpoints.a: an embedded model has no api_key_env (leave it out)"),
    "rpm zero": ("endpoints: {openai: {rpm: 0}}\n", "runner.yaml:1:27: endpoints.openai.rpm must be at least 1, not 0"),
    "timeout zero": ("endpoints: {openai: {timeout: 0}}\n", "runner.yaml:1:31: endpoints.openai.timeout must be more than 0, not 0"),
    "no http": ("endpoints: {a: {base_url: ftp://x}}\n", "runner.yaml:1:27: endpoints.a.base_url is not valid (write a URL that begins with https:// or http://)"),
    "no host": ("endpoints: {a: {base_url: 'https:///v1'}}\n", "runner.yaml:1:27: endpoints.a.base_url is not an http or https URL (write e.g. https://api.openai.com/v1)"),
    "bad port": ("endpoints: {a: {base_url: 'https://x:y/v1'}}\n", "runner.yaml:1:27: endpoints.a.base_url is not a URL (write e.g. https://api.openai.com/v1)"),
    "white space": ("endpoints: {a: {base_url: 'https://x /v1'}}\n", "runner.yaml:1:27: endpoints.a.base_url contains white space (write e.g. https://api.openai.com/v1)"),
    "query": ("endpoints: {a: {base_url: 'https://x/v1?key=1'}}\n", f"runner.yaml:1:27: endpoints.a.base_url contains a key in its query ({QUERY_HINT})"),
    "subscription key in the query": ("endpoints: {a: {base_url: 'https://x/v1?api-version=1&subscription-key=1'}}\n", f"runner.yaml:1:27: endpoints.a.base_url contains a key in its query ({QUERY_HINT})"),
    "key by another name in the query": ("endpoints: {a: {base_url: 'https://x/v1?v=sk-abcdefghijklmnop1'}}\n", f"runner.yaml:1:27: endpoints.a.base_url contains a key in its query ({QUERY_HINT})"),
    "fragment": ("endpoints: {a: {base_url: 'https://x/v1#a'}}\n", "runner.yaml:1:27: endpoints.a.base_url contains a fragment (end it before the number sign)"),
    "whole URL with a query": ("endpoints: {a: {base_url: 'https://x/chat/completions?api-version=1'}}\n", "runner.yaml:1:27: endpoints.a.base_url includes the operation (leave out /chat/completions, which runner adds)"),
    "port 0": ("endpoints: {a: {base_url: 'https://x:0/v1'}}\n", "runner.yaml:1:27: endpoints.a.base_url is not an http or https URL (write e.g. https://api.openai.com/v1)"),
    "not ASCII": ("endpoints: {a: {base_url: 'https://x/é'}}\n", "runner.yaml:1:27: endpoints.a.base_url is not an http or https URL (write e.g. https://api.openai.com/v1)"),
    "header of the request itself": ("endpoints: {a: {base_url: 'https://x', headers: {Content-Length: '1'}}}\n", "runner.yaml:1:50: endpoints.a.headers.Content-Length is set by the request itself (leave it out)"),
    "empty header": ("endpoints: {a: {base_url: 'https://x', headers: {X-Team: ''}}}\n", "runner.yaml:1:50: endpoints.a.headers.X-Team is not a valid HTTP header value (write printable ASCII without white space around it)"),
    "header twice": ("endpoints: {a: {base_url: 'https://x', headers: {X-Team: a}, headers_env: {x-team: B}}}\n", "runner.yaml:1:76: endpoints.a has the header x-team twice (keep one of them)"),
    "authorization and a key": ("endpoints: {a: {base_url: 'https://x', api_key_env: A, headers_env: {Authorization: B}}}\n", "runner.yaml:1:70: endpoints.a.headers_env.Authorization is also the header of the API key (leave one of them out)"),
    "key as the name of a header's variable": ("endpoints: {a: {base_url: 'https://x', headers_env: {X-Key: sk-proj-1}}}\n", "runner.yaml:1:61: endpoints.a.headers_env.X-Key is not valid (write the name of an environment variable, not the key)"),
    "key that has the form of a name": ("endpoints: {a: {base_url: 'https://x', api_key_env: gsk_abcdefghijklmnopqrst1}}\n", "runner.yaml:1:53: endpoints.a.api_key_env is a key, and keys do not belong in files (put it in an environment variable and name that)"),
    "key in the keyring's name": ("endpoints: {a: {base_url: 'https://x', api_key_keyring: openai/sk-abcdefghijklmnop1}}\n", "runner.yaml:1:57: endpoints.a.api_key_keyring is a key, and keys do not belong in files (put it in an environment variable and name that)"),
    "embedded with a header's variable": ("endpoints: {a: {embedded: m, headers_env: {X: K}}}\n", "runner.yaml:1:30: endpoints.a: an embedded model has no headers_env (leave it out)"),
    "password": ("endpoints: {a: {base_url: 'https://me:pw@x/v1'}}\n", f"runner.yaml:1:27: endpoints.a.base_url contains a user name or a password ({ENV_HINT})"),
    "whole URL": ("endpoints: {a: {base_url: 'https://x/v1/chat/completions'}}\n", "runner.yaml:1:27: endpoints.a.base_url includes the operation (leave out /chat/completions, which runner adds)"),
    "authorization": ("endpoints: {openai: {headers: {authorization: Bearer x}}}\n", "runner.yaml:1:32: endpoints.openai.headers.authorization looks like a key, and keys do not belong in files (put it in an environment variable and name that: headers_env: {authorization: NAME})"),
    "api-key": ("endpoints: {openai: {headers: {Api-Key: x}}}\n", "runner.yaml:1:32: endpoints.openai.headers.Api-Key looks like a key, and keys do not belong in files (put it in an environment variable and name that: headers_env: {Api-Key: NAME})"),
    "x-api-key": ("endpoints: {openai: {headers: {X-API-Key: x}}}\n", "runner.yaml:1:32: endpoints.openai.headers.X-API-Key looks like a key, and keys do not belong in files (put it in an environment variable and name that: headers_env: {X-API-Key: NAME})"),
    "key by another name": ("endpoints: {openai: {headers: {X-Team: sk-abcdefghijklmnopqrst}}}\n", "runner.yaml:1:32: endpoints.openai.headers.X-Team looks like a key, and keys do not belong in files (put it in an environment variable and name that: headers_env: {X-Team: NAME})"),
    "header name": ("endpoints: {openai: {headers: {a b: x}}}\n", 'runner.yaml:1:32: "a b" cannot be a key of endpoints.openai.headers (this is not an HTTP header name (RFC 9110, section 5.1))'),
    "header value": ('endpoints: {openai: {headers: {a: "x\\ny"}}}\n', "runner.yaml:1:35: endpoints.openai.headers.a is not valid (a header value is printable ASCII on one line)"),
    "endpoint name": ('endpoints: {"a b": {embedded: m}}\n', "runner.yaml:1:13: \"a b\" cannot be a key of endpoints (an endpoint's name consists of letters, digits, '_' and '-', and begins with a letter)"),
    "model endpoint": ("models: {m: {endpoint: lokal}}\n", 'runner.yaml:1:24: there is no endpoint "lokal" (did you mean "local"?)'),
    "half a price": ("models: {m: {price: {input: 1}}}\n", 'runner.yaml:1:21: models.m.price needs "output"'),
    "negative price": ("models: {m: {price: {input: -1, output: 1}}}\n", "runner.yaml:1:29: models.m.price.input must be at least 0, not -1"),
    "pack without rev": ("packs: {a: {git: 'https://x'}}\n", 'runner.yaml:1:12: packs.a needs "rev" beside "git"'),
    "pack without hash": ("packs: {a: {url: 'https://x'}}\n", 'runner.yaml:1:12: packs.a needs "sha256" beside "url"'),
    "pack of two sources": ("packs: {a: {path: x, python: y}}\n", "runner.yaml:1:12: packs.a needs one source, not path and python (one of git, path, url, python)"),
    "pack of no source": ("packs: {a: {vendored: true}}\n", "runner.yaml:1:12: packs.a needs one source, and has none (one of git, path, url, python)"),
    "key of another source": ("packs: {a: {path: x, rev: v1}}\n", "runner.yaml:1:22: packs.a.rev belongs to git, not to path"),
    "redact pattern": ("redact: [{regex: '('}]\n", "runner.yaml:1:18: redact[0].regex is not a regular expression: missing ), unterminated subpattern at position 0"),
    "redact nothing": ("redact: [{replace: x}]\n", 'runner.yaml:1:10: redact[0] needs "path" or "regex"'),
    "prompts": ("prompts: a/*.yaml\n", 'runner.yaml:1:10: prompts must be a list, not a string ("a/*.yaml")'),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_refused_with_its_place_and_a_hint(tmp_path, text, message):
    with pytest.raises(RunnerError) as caught:
        load(tmp_path, text)
    assert str(caught.value) == message


def test_all_mistakes_are_told_in_the_order_of_the_file(tmp_path):
    with pytest.raises(Problems) as caught:
        load(tmp_path, "endpoint: a\nmodels: {m: {endpoint: b}}\nredact: [{regex: '('}]\n")
    assert [str(error.location) for error in caught.value.errors] == [
        "runner.yaml:1:11", "runner.yaml:2:24", "runner.yaml:3:18",
    ]  # fmt: skip


@pytest.mark.parametrize("url", ["localhost:8000", "https://me:hunter2@x/v1"])
def test_an_environment_variable_that_is_no_base_url_is_refused_without_repeating_it(tmp_path, url):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, OPENAI_BASE_URL=url)
    assert str(caught.value).startswith("OPENAI_BASE_URL ")
    assert "hunter2" not in str(caught.value)


def test_finish_reasons_are_kept_by_their_key(tmp_path):
    text = (
        "endpoints: {e: {base_url: http://h/v1, finish_reasons: {Wandered-Off: stop, cut_short: length}}}\n"
    )
    declared = load(tmp_path, text).endpoints["e"].finish_reasons
    assert declared == {"wanderedoff": "stop", "cutshort": "length"}


@pytest.mark.parametrize(
    ("declared", "line", "said"),
    [
        ("      length: stop", 5, "the answer was cut off"),
        ("      RECITATION: stop", 5, "a filter withheld the answer"),
        ("      stop: error", 5, "the answer is complete"),
        ("      odd: stop\n      ODD: length", 6, "the same word is declared as stop"),
        ("      odd: pass", 5, "stop"),
        ("      odd: [stop]", 5, "finish_reasons"),
        ("      '': stop", 5, "finish_reasons"),
    ],
)
def test_a_finish_reason_that_cannot_be_declared_so_is_an_error_at_its_line(tmp_path, declared, line, said):
    text = f"endpoints:\n  e:\n    base_url: http://h/v1\n    finish_reasons:\n{declared}\n"
    with pytest.raises(RunnerError) as caught:
        load(tmp_path, text)
    assert caught.value.location.line == line
    assert said in str(caught.value)
