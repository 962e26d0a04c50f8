"""The approved answer of one case: the contents and the path of a `.snap.yaml` file.

    prompts/triage.prompt.yaml
    prompts/__snapshots__/triage/refund-late.snap.yaml            <case>
    prompts/__snapshots__/triage/refund-late@gpt-6-luna.snap.yaml <case>@<variant>
    prompts/__snapshots__/triage.rates.yaml                       how often each case passes (`regress/rates.py`)
    __snapshots__/support/triage/refund-late.snap.yaml            for support:triage, a prompt of the pack support

There is one file per case, addressed by the case's id and verified by the fingerprint of its request. It contains what
a reviewer approves and nothing that changes from run to run: no times, ids, usage, cost, headers or rendered messages.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from ...files.disk.device_names import is_device
from ...files.disk.tree import is_git
from ...files.model import Prompt
from ...values import Json

__all__ = [
    "FOLDER",
    "RATES_SUFFIX",
    "SUFFIX",
    "Snapshot",
    "Variation",
    "file_of",
    "folder_of",
    "former_names",
    "is_of_pack",
    "is_snapshot_file",
    "pack_folder",
    "present_name",
    "rates_file",
    "refreshed",
    "snapshot_file",
    "snapshot_folder",
]

FOLDER = "__snapshots__"
SUFFIX = ".snap.yaml"
RATES_SUFFIX = ".rates.yaml"
LONGEST_NAME = 80

_PLAIN = re.compile(r"[a-z0-9][a-z0-9._@+=-]*")


@dataclass(frozen=True, slots=True)
class Variation:
    """Another output seen while recording, and the number of samples that gave it."""

    count: int
    output: Json


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was approved.

    `request` is the fingerprint of the body ("sha256:" + 64 hex) and `parts` the short hashes of its messages, params
    and schema, which show what changed when the snapshot is stale. `model` is the model that answered, for information.
    `output` is the parsed JSON if the prompt declares JSON, else the text. `outcome` and `finish_reason` are present
    only if they are not `ok` and `stop`. Of several `samples`, `output` is the most frequent one, `variants` are the
    others that passed their own checks, and `failed` counts those that did not; `unstable` lists the paths that varied
    and that no rule covered. `judged` has the answers of the calls that decided assertions, by their fingerprints.
    """

    request: str
    parts: Mapping[str, str]
    output: Json
    model: str | None = None
    outcome: str | None = None
    finish_reason: str | None = None
    refusal: str | None = None
    tool_calls: Json = None
    samples: int = 1
    variants: tuple[Variation, ...] = ()
    unstable: tuple[str, ...] = field(default=())
    failed: int = 0
    judged: Mapping[str, Json] = field(default_factory=dict)

    @property
    def agreement(self) -> int:
        """Return how many of all requested samples gave `output`."""
        return self.samples - self.failed - sum(variation.count for variation in self.variants)


def refreshed(approved: Snapshot, new: Snapshot) -> Snapshot:
    """Return the approved snapshot with the new request, and with what calls found about either answer."""
    judged = new.judged if approved.output == new.output else {**approved.judged, **new.judged}
    return replace(approved, request=new.request, parts=new.parts, model=new.model, judged=judged)


@lru_cache(maxsize=1024)  # of ten thousand cases, each asks for the folder of its prompt
def snapshot_folder(prompt_file: str, prompt_name: str) -> str:
    """Return the folder of a prompt's snapshots, root-relative like `prompt_file`."""
    return posixpath.join(posixpath.dirname(prompt_file), FOLDER, _file_name(prompt_name))


def snapshot_file(prompt_file: str, prompt_name: str, case: str, variant: str | None = None) -> str:
    """Return the path of one case's snapshot, root-relative."""
    return f"{snapshot_folder(prompt_file, prompt_name)}/{_case_file(case, variant)}"


def folder_of(prompt: Prompt) -> str:
    """Return the folder of a prompt's snapshots in the project that tests it, root-relative.

    Snapshots of a pack's prompts are below the project's root, by alias and exported name, because the pack is
    read-only.
    """
    if prompt.origin is None:
        return snapshot_folder(prompt.file, prompt.name)
    return posixpath.join(pack_folder(prompt.origin.alias), _file_name(prompt.origin.export))


def pack_folder(alias: str) -> str:
    """Return the folder that contains the snapshot folders of a pack's prompts, root-relative."""
    return posixpath.join(FOLDER, alias)


def file_of(prompt: Prompt, case: str, variant: str | None = None) -> str:
    """Return the path of one case's snapshot in the project that tests it, root-relative."""
    return f"{folder_of(prompt)}/{_case_file(case, variant)}"


def rates_file(prompt: Prompt, variant: str | None = None) -> str:
    """Return the path of the rates of a prompt in one variant, beside the folder of its snapshots; root-relative."""
    above = posixpath.dirname(folder_of(prompt))
    name = prompt.name if prompt.origin is None else prompt.origin.export
    return posixpath.join(above, _file_name(name if variant is None else f"{name}@{variant}") + RATES_SUFFIX)


def is_snapshot_file(path: str) -> bool:
    """Return whether a root-relative path is that of a snapshot file in a prompt's folder.

    Paths in git's own folder are not.
    """
    parts = path.split("/")
    plain = "\\" not in path and ":" not in parts[0] and not {"", ".", ".."} & set(parts)
    plain = plain and not any(map(is_git, parts))
    return plain and (parts[-3:-2] == [FOLDER] or is_of_pack(path)) and path.endswith(SUFFIX)


def is_of_pack(path: str) -> bool:
    """Return whether a root-relative snapshot path belongs to a pack's prompt."""
    parts = path.split("/")
    return len(parts) == 4 and parts[0] == FOLDER


def _case_file(case: str, variant: str | None) -> str:
    return _file_name(case if variant is None else f"{case}@{variant}") + SUFFIX


def _file_name(text: str) -> str:
    """Return a file name for every system: `text` if it is plain and short, else a slug and 8 digits of its hash.

    A reserved device name of Windows gets the prefix `_`, with which none of our other names begins.
    """
    name = text
    if not _PLAIN.fullmatch(text) or len(text) > LONGEST_NAME or text.endswith("."):
        slug = re.sub(r"[^a-z0-9._@+=-]+", "-", text.lower()).strip("-.")[: LONGEST_NAME - 9]
        name = f"{slug}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    return f"_{name}" if is_device(name) else name


def former_names(file: str) -> Iterator[str]:
    """Yield the paths that a snapshot or its folder may have if it was written before device names were avoided."""
    *above, last = file.split("/")
    if not (last.startswith("_") or (above and above[-1].startswith("_"))):
        return
    name, ending = (last.removesuffix(SUFFIX), SUFFIX) if last.endswith(SUFFIX) else (last, "")
    of_file = _former_name(name)
    of_folder = _former_name(above[-1]) if ending and above else None
    if of_file is not None:
        yield "/".join([*above, of_file + ending])
    if of_folder is not None:
        yield "/".join([*above[:-1], of_folder, last])
        if of_file is not None:
            yield "/".join([*above[:-1], of_folder, of_file + ending])


def present_name(former: str) -> str:
    """Return the current name of a file or folder, given its name from before device names were avoided."""
    return f"_{former}" if is_device(former.removesuffix(SUFFIX)) else former


def _former_name(name: str) -> str | None:
    return name[1:] if name.startswith("_") and is_device(name[1:]) else None
