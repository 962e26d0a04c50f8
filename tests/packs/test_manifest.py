"""pack.yaml: what it says, and each mistake at its place."""

from __future__ import annotations

import pytest

from runner import _version
from runner.errors import Problems, RunnerError
from runner.files.disk.tree import MemoryTree
from runner.packs import manifest as manifest_module
from runner.packs.manifest import load_manifest, refuse_other_runner
from runner.packs.pack_lint import open_sound

from .support import FILES, MANIFEST


def tree(manifest: str = MANIFEST, **files: str) -> MemoryTree:
    return MemoryTree(
        {name: content.encode() for name, content in {**FILES, **files, "pack.yaml": manifest}.items()}
    )


def told(manifest: str) -> list[str]:
    with pytest.raises(RunnerError) as caught:
        open_sound(tree(manifest), "support")
    error = caught.value
    assert error.exit_code == 2
    return [str(each) for each in (error.errors if isinstance(error, Problems) else (error,))]


def test_it_says_what_can_be_named_and_by_which_name() -> None:
    manifest = load_manifest(tree())
    assert (manifest.name, manifest.version, manifest.license) == ("acme-support", "1.0.0", "MIT")
    assert manifest.exports == {
        "prompts": {"triage": "prompts/triage.prompt.yaml"},
        "partials": {"tone": "partials/tone.j2"},
        "schemas": {"ticket": "schemas/ticket.json"},
    }


@pytest.mark.parametrize("version", ["0.0.0", "1.4.0-rc.1", "1.0.0-alpha+001", "10.20.30"])
def test_a_version_is_semantic(version: str) -> None:
    assert load_manifest(tree(MANIFEST.replace("1.0.0", version))).version == version


@pytest.mark.parametrize("version", ["1.0", "v1.0.0", "01.0.0", "1.0.0-", "1.0.0-01", "latest", "1.0.0 "])
def test_what_is_no_semantic_version_is_refused(version: str) -> None:
    [error] = told(MANIFEST.replace("1.0.0", f'"{version}"'))
    assert error.startswith("pack.yaml:3:10: version is not valid")
    assert "write a semantic version" in error


@pytest.mark.parametrize(
    "expression",
    ["MIT", "Apache-2.0 OR MIT", "LicenseRef-Proprietary", "GPL-2.0-only WITH Classpath-exception-2.0"],
)
def test_a_licence_is_an_spdx_expression(expression: str) -> None:
    assert open_sound(tree(MANIFEST.replace("MIT", expression)), "support").manifest.license == expression


MISTAKES = {
    "unknown key": ("license: MIT", "licence: MIT", ['pack.yaml:5:1: unknown key "licence" (did you mean "license"?)']),
    "no format": ("format: 1\n", "", ['pack.yaml:1:1: the file needs "format"']),
    "another format": ("format: 1", "format: 2", ["pack.yaml:1:9: pack.yaml was written by a newer runner (format 2; this one reads up to 1): upgrade runner (pip install --upgrade prompt-runner)"]),
    "name": ("acme-support", "Acme", ["pack.yaml:2:7: name is not valid: \"Acme\" (a pack's name consists of lower-case letters, digits and '-', begins with a letter and has at most 63 characters)"]),
    "licence": ("MIT", "MTI", ['pack.yaml:5:10: "MTI" is not an SPDX licence expression (see https://spdx.org/licenses; for your own licence write LicenseRef-NAME)']),
    "range": ("license: MIT", "requires: {runner: abc}", ['pack.yaml:5:20: "abc" is not a version range (write e.g. ">=0.1,<1")']),
    "other runner": ("license: MIT", 'requires: {runner: ">=99"}', [f"pack.yaml:5:20: acme-support 1.0.0 requires runner >=99, but this is {_version.__version__} (install such a version of prompt-runner, or use another version of the pack)"]),
    "dependencies": ("license: MIT", "dependencies: {other: 1.0.0}", ["pack.yaml:5:15: dependencies must be empty (a pack cannot depend on other packs: put what it needs into it)"]),
    "export missing": ("partials/tone.j2", "partials/tune.j2", ["pack.yaml:8:20: exports.partials.tone: there is no file partials/tune.j2 (did you mean \"tone.j2\"?)"]),
    "export outside": ("partials/tone.j2", "../tone.j2", ["pack.yaml:8:20: ../tone.j2 is outside the pack (a pack can only use its own files: move it into the pack)"]),
    "export absolute": ("partials/tone.j2", "/etc/passwd", ["pack.yaml:8:20: the path /etc/passwd is absolute (write paths relative to the file that uses them)"]),
    "export name": ("{tone:", "{Tone:", ["pack.yaml:8:14: \"Tone\" cannot be a key of exports.partials (a name consists of lower-case letters, digits, '-' and '_', begins with a letter or digit and has at most 63 characters)"]),
    "export of a template as a prompt": ("prompts/triage.prompt.yaml", "partials/tone.j2", ["pack.yaml:7:21: exports.prompts.triage is not a prompt file (prompts are YAML files)"]),
    "a key": ("license: MIT", "api_key: x", ['pack.yaml:5:1: unknown key "api_key" (keys do not belong in files: name their environment variable in runner.yaml (api_key_env))']),
    "a server": ("license: MIT", "base_url: https://x", ['pack.yaml:5:1: unknown key "base_url" (it belongs to an endpoint in runner.yaml)']),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_refused_where_it_stands(name: str) -> None:
    before, after, expected = MISTAKES[name]
    changed = MANIFEST.replace(before, after, 1)
    assert changed != MANIFEST
    assert told(changed) == expected


@pytest.mark.parametrize(
    ("wanted", "version", "fits"),
    [
        (">=0.3,<1", "0.4.0", True),
        (">=0.3", "0.3.0.dev1", False),
        ("==0.*", "0.9.1rc1", True),
        ("<1", "1.0.0", False),
    ],
)
def test_a_pack_says_for_which_versions_of_runner_it_is(
    wanted: str, version: str, fits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest_module, "__version__", version)
    manifest = load_manifest(tree(MANIFEST + f'requires: {{runner: "{wanted}"}}\n'))
    if fits:
        refuse_other_runner(manifest)
    else:
        with pytest.raises(RunnerError, match="requires runner"):
            refuse_other_runner(manifest)
