"""Check a pack as its users will see it: load and compile every prompt, template and schema; execute nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from ..checks.judge import Judge
from ..documents.documents import parse_document
from ..errors import MissingFileError, PackError, Problems, RunnerError, raise_all
from ..files.disk.tree import OUTSIDE, Tree
from ..files.model import Prompt
from ..files.prompt import PROMPT_ENDINGS, load_prompt
from ..files.schema_files import check_schema, read_schema_file
from ..render.sandbox import IN_PROCESS, Sandbox
from ..render.templates import compile_prompt
from .file_rules import MANIFEST
from .manifest import load_manifest, refuse_other_runner, refuse_unknown_license
from .pack_set import OpenPack, load_export, no_other_pack

__all__ = ["open_sound"]


def open_sound(tree: Tree, alias: str, sandbox: Sandbox = IN_PROCESS) -> OpenPack:
    """Open a pack's tree and check all of it. Messages name its prompts after `alias`.

    Its templates are compiled in `sandbox`.

    Raises the error of the manifest, an export, a forbidden key, a reference that leaves the pack, a template or a
    schema; Problems if there are several.
    """
    try:
        pack = OpenPack(tree, load_manifest(tree))
        problems = list(_problems(pack, alias, sandbox))
        raise_all(problems)
    except RunnerError as error:
        raise _in_terms_of_packs(error) from None
    return pack


def _problems(pack: OpenPack, alias: str, sandbox: Sandbox) -> Iterator[RunnerError]:
    for check in (refuse_other_runner, refuse_unknown_license):
        yield from _raised(check, pack.manifest)
    exports = pack.manifest.exports
    for name in exports["prompts"]:
        yield from _raised(_compile, sandbox, load_export, pack, alias, name)
    for file in _private_prompts(pack):
        yield from _raised(_compile, sandbox, _load_private, file, pack.tree)
    for file in exports["partials"].values():
        yield from _raised(_compile, sandbox, _including, file, pack.tree)
    for file in exports["schemas"].values():
        yield from _raised(_check_schema_file, file, pack.tree)


def _raised(step: Callable[..., object], *args: object) -> Iterator[RunnerError]:
    """Yield the error that a step raises, if any."""
    try:
        step(*args)
    except RunnerError as error:
        yield error


def _compile(sandbox: Sandbox, load: Callable[..., Prompt], *args: object) -> None:
    prompt = load(*args)
    compile_prompt(prompt, resolve_reference=no_other_pack, sandbox=sandbox)
    Judge(prompt, sandbox)


def _private_prompts(pack: OpenPack) -> list[str]:
    """Return the prompts that are not exported. The keys that are forbidden in a pack are forbidden in them too."""
    files = {file for file in pack.tree.files() if file.lower().endswith(PROMPT_ENDINGS)}
    return sorted(files - set(pack.manifest.exports["prompts"].values()))


def _load_private(file: str, tree: Tree) -> Prompt:
    return load_prompt(file, tree, in_pack=True, resolve_reference=no_other_pack)


def _check_schema_file(file: str, tree: Tree) -> None:
    document = read_schema_file(file, tree)
    check_schema(document.value, document)


def _including(partial: str, tree: Tree) -> Prompt:
    """Return a prompt that only includes a template, so that the template is compiled as an included one."""
    messages = [{"role": "user", "content": f'{{% include "{partial}" %}}'}]
    document = parse_document(json.dumps({"messages": messages}).encode(), tree.shown(MANIFEST))
    return Prompt(document.path, MANIFEST, partial, {"messages": messages}, document, tree)


def _in_terms_of_packs(error: RunnerError) -> RunnerError:
    """Return the same error, except that a path out of the tree is described as a path out of the pack."""
    if isinstance(error, Problems):
        return Problems(map(_in_terms_of_packs, error.errors))
    if isinstance(error, MissingFileError) and error.location and OUTSIDE in error.message:
        message = error.message.replace(OUTSIDE, "is outside the pack")
        return PackError(
            message, location=error.location, hint="a pack can only use its own files: move it into the pack"
        )
    return error
