"""Pages that are run from top to bottom: files are written as the page shows them, commands are typed, their output is compared.

A block under a line that ends with `` `PATH`: `` is a file. Each `$ command` of a console block is run by bash in the page's
folder, one after the other, so that `cd` and variables stay; what follows is its output, and `$ echo $?` shows its exit code.
A line with nothing but `…` stands for any lines. Durations and the ids of runs may differ.

A comment at the head of the page says what the server answers, by a text that the last message contains:

    <!-- answers:
    money back: Your refund is on its way.
    parcel: {status: 429, code: insufficient_quota, message: You have no credit., then: "It is on its way."}
    -->

An answer with a `status` is refused the first time; of a list the answers are given in turn.

`UPDATE_GOLDEN=1` writes the output into the page.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.cli.project import KEPT, REPOSITORY
from tests.faults import Behaviour, Received, Steps, completion, reply

__all__ = ["answers", "is_played", "played"]

_STEP = re.compile(
    r"`(?P<path>\w[\w./-]*|\.[\w/.-]+)`:\n\n```(?!console)\w+\n(?P<content>.*?)^```$|^```console\n(?P<typed>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
_ANSWERS = re.compile(r"<!-- answers:\n(.*?)-->", re.DOTALL)
_END = "--- end of "
_PROGRESS = re.compile(r"^\d+ cases?(?: · .*)? · \d+ s\n", re.MULTILINE)
"""What is printed every five seconds, so only on a slow machine."""
_ANY = "…"
OPENAI = "https://api.openai.com/v1"


def is_played(document: str) -> bool:
    """Whether a document, by its path in the repository, is run by `played`, with its files and commands."""
    return document == "docs/tutorial.md" or document.startswith("docs/how-to/")


def answers(page: str) -> Behaviour:
    """What the server of a page says: the answer whose text the last message contains first, else `ok`."""
    found = _ANSWERS.search(page)
    told: Mapping[str, Any] = yaml.safe_load(found[1]) if found else {}

    times: Counter[str] = Counter()

    def answer(request: Received) -> Steps:
        if not request.body:
            return completion()
        asked = request.json
        part = next((part for part in told if part in str(asked["messages"][-1]["content"])), "")
        said = told.get(part, "ok")
        times[part] += 1
        if isinstance(said, list):
            said = said[(times[part] - 1) % len(said)]
        if isinstance(said, Mapping):
            if times[part] == 1:
                return reply(said["status"], {"error": {key: said[key] for key in ("code", "message")}})
            said = said["then"]
        return completion(str(said), model=asked["model"])

    return answer


def played(page: str, folder: Path, env: Mapping[str, str]) -> str:
    """The page with the output that its commands really print, in `folder`, with this environment."""
    steps = [*_STEP.finditer(page)]
    script = ["set +e", "exec 2>&1", "shopt -s expand_aliases"]
    for number, step in enumerate(steps):
        if step["path"]:
            (folder / f".file-{number}").write_text(step["content"], encoding="utf-8")
            script.append(
                f'mkdir -p "$(dirname "{step["path"]}")"; cp "{folder}/.file-{number}" "{step["path"]}"'
            )
            continue
        for index, command in enumerate(_commands(step["typed"])):
            script += [command, f'__code=$?; printf "\\n{_END}{number}.{index}\\n"; (exit $__code)']
    done = subprocess.run(
        [shutil.which("bash") or "bash", "-c", "\n".join(script)],
        cwd=folder,
        env=_environment(folder, env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=False,
        timeout=600,
    )
    outputs = dict(_outputs(done.stdout.replace(env.get("OPENAI_BASE_URL", OPENAI), OPENAI)))
    text, end = "", 0
    for number, step in enumerate(steps):
        if step["path"]:
            continue
        text += page[end : step.start("typed")] + _shown(step["typed"], number, outputs)
        end = step.end("typed")
    return text + page[end:]


def _environment(folder: Path, env: Mapping[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    git = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com"}
    git |= {"GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com"}
    programs = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
    told = {
        "NO_COLOR": "1",
        "PYTHONPATH": str(REPOSITORY),
        "HOME": str(folder),
        "COLUMNS": "100",
        "RUNNER_JOBS": "1",
    }
    return {**kept, **git, **told, "PATH": programs, **env}


def _commands(typed: str) -> list[str]:
    return [line[2:] for line in typed.splitlines() if line.startswith("$ ")]


def _outputs(out: str) -> list[tuple[str, str]]:
    """The output of each command, by its number in the page."""
    parts = re.split(rf"\n{_END}(\d+\.\d+)\n", out)
    return [
        (key, _PROGRESS.sub("", text).rstrip("\n"))
        for text, key in zip(parts[0::2], parts[1::2], strict=False)
    ]


def _shown(typed: str, number: int, outputs: Mapping[str, str]) -> str:
    """The block with the real output, where it says something else than what is shown."""
    blocks = re.split(r"^\$ .*\n", typed, flags=re.MULTILINE)[1:]
    lines = []
    for index, (command, shown) in enumerate(zip(_commands(typed), blocks, strict=True)):
        real = outputs.get(f"{number}.{index}", "(the command did not end)")
        same = _matches(shown.rstrip("\n"), real)
        lines += [f"$ {command}", *([shown.rstrip("\n")] if same else [real])]
    return "".join(f"{line}\n" for line in lines if line)


def _matches(shown: str, real: str) -> bool:
    pattern = "\n".join(
        r"(?s:.*?)" if line.strip() == _ANY else re.escape(line) for line in _plain(shown).split("\n")
    )
    return re.fullmatch(pattern, _plain(real)) is not None


def _plain(text: str) -> str:
    """Output without what differs each time: durations, ids of runs, hashes of commits, temporary folders."""
    text = re.sub(r"\d{8}T\d{9}Z-\w+", "RUN", text)
    text = re.sub(r"\(([0-9a-f]{7,})\)", "(COMMIT)", text)
    text = re.sub(r"\b\d+(?:\.\d+)? ?(?:s|ms)\b", "N s", text)
    return re.sub(r" +$", "", text, flags=re.MULTILINE)
