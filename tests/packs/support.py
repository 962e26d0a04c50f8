"""Packs, the repositories they come from, and projects that use them: real files, real git, nobody's configuration."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from runner.packs.lock import Lock, LockedPack, write_lock
from runner.packs.tree_hash import Contents
from tests.cli.project import ProjectFolder
from tests.faults import Received, Steps, completion
from tests.regress.repository import ENVIRON, GitFolder

__all__ = [
    "FILES",
    "MANIFEST",
    "OWN",
    "PROMPT",
    "SEES_PACKS",
    "SNAPSHOT",
    "Author",
    "Consumer",
    "answer_by_label",
    "forge",
    "write_all",
]

MANIFEST = """\
format: 1
name: acme-support
version: 1.0.0
description: Ticket triage
license: MIT
exports:
  prompts: {triage: prompts/triage.prompt.yaml}
  partials: {tone: partials/tone.j2}
  schemas: {ticket: schemas/ticket.json}
"""
PROMPT = """\
name: triage-ticket
model: gpt-test
inputs: {ticket: {type: string}}
messages:
  - role: system
    content: Classify. {% include "../partials/tone.j2" %}
  - {role: user, content: "{{ ticket }}"}
response_format:
  type: json_schema
  json_schema: {name: ticket, strict: true, schema_file: ../schemas/ticket.json}
tests:
  - {id: refund, vars: {ticket: I want my money back}, assert: [{type: equals, path: $.label, value: refund}]}
"""
SCHEMA = """\
{
  "type": "object",
  "properties": {"label": {"type": "string"}},
  "required": ["label"],
  "additionalProperties": false
}
"""
FILES = {
    "pack.yaml": MANIFEST,
    "prompts/triage.prompt.yaml": PROMPT,
    "partials/tone.j2": "Be kind.\n",
    "schemas/ticket.json": SCHEMA,
}
SNAPSHOT = "prompts/__snapshots__/triage-ticket/refund.snap.yaml"

OWN = """\
model: gpt-test
messages:
  - {role: user, content: '{{ x }} {% include "support:tone" %}'}
tests: [{id: one, vars: {x: hi}}]
"""
SEES_PACKS = (
    "check",
    "render",
    "run --dry-run",
    "test --offline",
    "diff --base HEAD",
    "pack verify",
    "pack sync",
)


def write_all(folder: Path, files: Mapping[str, str | bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


class Author(GitFolder):
    """A repository with a pack, tagged v1.0.0; one that is there already is taken as it is."""

    def __init__(self, folder: Path, files: Mapping[str, str | bytes] | None = None) -> None:
        if (folder / ".git").exists():
            self.folder = folder
            return
        super().__init__(folder)
        write_all(folder, FILES if files is None else files)
        self.commit()
        self.git("tag", "v1.0.0")

    def release(self, version: str, files: Mapping[str, str | bytes]) -> str:
        """Another version: these files, a new version in pack.yaml, a tag. The commit's name."""
        write_all(self.folder, files)
        manifest = self.folder / "pack.yaml"
        lines = manifest.read_text().splitlines()
        lines = [f"version: {version}" if line.startswith("version:") else line for line in lines]
        manifest.write_text("\n".join(lines) + "\n")
        commit = self.commit()
        self.git("tag", f"v{version}")
        return commit


class Consumer(ProjectFolder):
    """A project beside the author's repository."""

    def environ(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        return super().environ({**ENVIRON, **(env or {})})

    def add(self, author: Author, alias: str = "support", *args: str, rev: str = "v1.0.0") -> None:
        url = Path(os.path.relpath(author.folder, self.folder)).as_posix()
        done = self.run("pack", "add", alias, "--git", url, "--rev", rev, *args)
        assert done.code == 0, done.err

    def bytes(self, *folders: str) -> dict[str, bytes]:
        """Every file of the project, or of some of its folders, by its path."""
        places = [self.folder / name for name in folders] or [self.folder]
        paths = [path for place in places for path in ([place] if place.is_file() else place.rglob("*"))]
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in sorted(paths)
            if path.is_file() and ".git" not in path.relative_to(self.folder).parts
        }


def forge(
    consumer: ProjectFolder, files: Mapping[str, str | bytes], alias: str = "evil", settings: str = ""
) -> None:
    """A pack vendored and locked by somebody who asked none of our commands: the hashes are right, the rest may not be."""
    raw = {
        name: content if isinstance(content, bytes) else content.encode() for name, content in files.items()
    }
    contents = Contents.of(raw)
    manifest = raw["pack.yaml"].decode(errors="replace")
    said = (re.search(rf"^{key}: (.+)$", manifest, re.MULTILINE) for key in ("name", "version"))
    name, version = (found[1] if found else "0.0.0" for found in said)
    locked = LockedPack({"path": f"../{alias}"}, name, version, contents.integrity, contents.hashes)
    write_all(consumer.folder / "packs" / alias, raw)
    consumer.write("packs.lock", write_lock(Lock({alias: locked})))
    consumer.write("runner.yaml", f"{settings}packs:\n  {alias}: {{path: ../{alias}}}\n")


def answer_by_label(request: Received) -> Steps:
    """A label, by what is asked."""
    text = request.json["messages"][-1]["content"]
    return completion(json.dumps({"label": "refund" if "money" in text else "other"}))
