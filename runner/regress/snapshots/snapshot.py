"""The approved answer of one case: what a `.snap.yaml` file says, and where it lies.

    prompts/triage.prompt.yaml
    prompts/__snapshots__/triage/refund-late.snap.yaml            <case>
    prompts/__snapshots__/triage/refund-late@gpt-6-luna.snap.yaml <case>@<variant>
    prompts/__snapshots__/triage.rates.yaml                       how often each case passes (`regress/rates.py`)
    __snapshots__/support/triage/refund-late.snap.yaml            of the prompt support:triage, which is a pack's

One file a case, addressed by its id and verified by the fingerprint of its request. It holds what a reviewer approves
and nothing that changes from run to run: no times, ids, usage, cost, headers or rendered messages.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ...files.device_names import is_device
from ...files.model import Prompt
from ...files.tree import is_git
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
    """Another output seen while recording, and in how many of the samples."""

    count: int
    output: Json


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was approved.

    `request` is the fingerprint of the body ("sha256:" + 64 hex) and `parts` the short hashes of its messages, params
    and schema, which say what changed when it is stale. `model` is the one that served it, for information. `output` is
    the parsed JSON where the prompt declares any, else the text. `outcome` and `finish_reason` are there only when they
    are not `ok` and `stop`. Of several `samples`, `output` is the most frequent one, `variants` are the others
    that passed by themselves, and `failed` counts those that did not; `unstable` lists the paths that varied while no rule covered them.
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

    @property
    def agreement(self) -> int:
        """How many of all the samples that were asked for gave `output`."""
        return self.samples - self.failed - sum(variation.count for variation in self.variants)


def snapshot_folder(prompt_file: str, prompt_name: str) -> str:
    """The folder of a prompt's snapshots, root-relative like `prompt_file`."""
    return posixpath.join(posixpath.dirname(prompt_file), FOLDER, _file_name(prompt_name))


def snapshot_file(prompt_file: str, prompt_name: str, case: str, variant: str | None = None) -> str:
    """The file of one case's snapshot, root-relative."""
    return posixpath.join(snapshot_folder(prompt_file, prompt_name), _case_file(case, variant))


def folder_of(prompt: Prompt) -> str:
    """The folder of a prompt's snapshots in the project that tests it, root-relative.

    A pack's prompts have theirs at the project's root, by alias and exported name: the pack itself is only read.
    """
    if prompt.origin is None:
        return snapshot_folder(prompt.file, prompt.name)
    return posixpath.join(pack_folder(prompt.origin.alias), _file_name(prompt.origin.export))


def pack_folder(alias: str) -> str:
    """The folder that has the folders of a pack's prompts, root-relative."""
    return posixpath.join(FOLDER, alias)


def file_of(prompt: Prompt, case: str, variant: str | None = None) -> str:
    """The file of one case's snapshot in the project that tests it, root-relative."""
    return posixpath.join(folder_of(prompt), _case_file(case, variant))


def rates_file(prompt: Prompt, variant: str | None = None) -> str:
    """The file of the rates of a prompt, in one variant, beside the folder of its snapshots; root-relative."""
    above = posixpath.dirname(folder_of(prompt))
    name = prompt.name if prompt.origin is None else prompt.origin.export
    return posixpath.join(above, _file_name(name if variant is None else f"{name}@{variant}") + RATES_SUFFIX)


def is_snapshot_file(path: str) -> bool:
    """Whether a root-relative path names a snapshot file in a prompt's folder below the root, and nothing else.

    Git's own folder has none.
    """
    parts = path.split("/")
    plain = "\\" not in path and ":" not in parts[0] and not {"", ".", ".."} & set(parts)
    plain = plain and not any(map(is_git, parts))
    return plain and (parts[-3:-2] == [FOLDER] or is_of_pack(path)) and path.endswith(SUFFIX)


def is_of_pack(path: str) -> bool:
    """Whether the root-relative path of a snapshot is that of a pack's prompt."""
    parts = path.split("/")
    return len(parts) == 4 and parts[0] == FOLDER


def _case_file(case: str, variant: str | None) -> str:
    return _file_name(case if variant is None else f"{case}@{variant}") + SUFFIX


def _file_name(text: str) -> str:
    """`text` as a file name on every system: itself if plain and short, else a slug and eight digits of its hash.

    What Windows takes for a device gets a `_` before it, with which no other name of ours begins as a whole.
    """
    name = text
    if not _PLAIN.fullmatch(text) or len(text) > LONGEST_NAME or text.endswith("."):
        slug = re.sub(r"[^a-z0-9._@+=-]+", "-", text.lower()).strip("-.")[: LONGEST_NAME - 9]
        name = f"{slug}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    return f"_{name}" if is_device(name) else name


def former_names(file: str) -> Iterator[str]:
    """Where a snapshot or a folder of snapshots may stand that was written before names of devices were avoided."""
    *above, last = file.split("/")
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
    """What a file or a folder, by its name alone, is called now that names of devices are avoided."""
    return f"_{former}" if is_device(former.removesuffix(SUFFIX)) else former


def _former_name(name: str) -> str | None:
    return name[1:] if name.startswith("_") and is_device(name[1:]) else None
