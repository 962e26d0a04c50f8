"""pack.yaml becomes a `Manifest`: what a pack is called, and which of its files others may name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

from .._version import __version__
from ..documents.documents import Document, parse_document
from ..errors import FormatError, MissingFileError
from ..files.formats import validate
from ..files.problems import ProblemList
from ..files.tree import Tree, resolve
from ..files.versions import reader_of, version_in
from .file_rules import MANIFEST

__all__ = ["KINDS", "Kind", "Manifest", "load_manifest", "refuse_other_runner", "refuse_unknown_license"]

Kind: TypeAlias = Literal["prompts", "partials", "schemas"]
KINDS: tuple[Kind, ...] = ("prompts", "partials", "schemas")


@dataclass(frozen=True, slots=True)
class Manifest:
    """pack.yaml: `exports` has for each kind the files by the name they have outside."""

    name: str
    version: str
    exports: Mapping[Kind, Mapping[str, str]]
    document: Document
    description: str | None = None
    license: str | None = None
    requires_runner: str | None = None


def load_manifest(tree: Tree) -> Manifest:
    """The manifest of a pack's tree.

    Raises a FileError at the place of the mistake, or Problems with all that were found: MissingFileError for an export
    that is not there, FormatError for what breaks the format.
    """
    document = parse_document(tree.read(MANIFEST), tree.shown(MANIFEST))
    read = reader_of(_READERS, version_in(document, "format"), MANIFEST, lambda: document.locate(("format",)))
    return read(tree, document)


def _read_v1(tree: Tree, document: Document) -> Manifest:
    validate(document, "pack")
    spec = cast("Mapping[str, Any]", document.value)  # its shape was validated
    problems = ProblemList()
    exports: dict[Kind, dict[str, str]] = {kind: {} for kind in KINDS}
    for kind in KINDS:
        for name, path in spec["exports"].get(kind, {}).items():
            with problems.kept():
                exports[kind][name] = _exported(tree, document, kind, name, path)
    problems.raise_any()
    return Manifest(
        spec["name"],
        spec["version"],
        exports,
        document,
        spec.get("description"),
        spec.get("license"),
        spec.get("requires", {}).get("runner"),
    )


_READERS: dict[int, Callable[[Tree, Document], Manifest]] = {1: _read_v1}


def refuse_other_runner(manifest: Manifest) -> None:
    """Raise FormatError where the pack is not for this version of runner, or does not say for which."""
    if manifest.requires_runner is None:
        return
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    location = manifest.document.locate(("requires", "runner"))
    try:
        versions = SpecifierSet(manifest.requires_runner)
    except InvalidSpecifier:
        raise FormatError(
            f'"{manifest.requires_runner}" is no range of versions',
            location=location,
            hint='write e.g. ">=0.1,<1"',
        ) from None
    if not versions.contains(__version__, prereleases=True):
        raise FormatError(
            f"{manifest.name} {manifest.version} needs runner {manifest.requires_runner}, and this is {__version__}",
            location=location,
            hint="install that version of prompt-runner, or use another version of the pack",
        )


def refuse_unknown_license(manifest: Manifest) -> None:
    """Raise FormatError for a licence that SPDX does not know."""
    if manifest.license is None:
        return
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        canonicalize_license_expression(manifest.license)
    except InvalidLicenseExpression:
        raise FormatError(
            f'"{manifest.license}" is no SPDX licence',
            location=manifest.document.locate(("license",)),
            hint="see https://spdx.org/licenses; for one of your own write LicenseRef-NAME",
        ) from None


def _exported(tree: Tree, document: Document, kind: Kind, name: str, path: str) -> str:
    at = ("exports", kind, name)
    location = document.locate(at)
    file = resolve(MANIFEST, path, location=location)
    if not tree.exists(file):
        try:
            tree.read(file, location=location)
        except MissingFileError as error:
            # A pack's manifest stands at its root, so that a hint on where paths begin says nothing new.
            raise MissingFileError(
                f"exports.{kind}.{name}: {error.message}", location=location, hint=error.hint
            ) from None
    if kind == "prompts" and not file.lower().endswith((".yaml", ".yml")):
        raise FormatError(
            f"exports.{kind}.{name} is no prompt file", location=location, hint="prompts are YAML files"
        )
    return file
