"""What a person reads of packs, as it stands on the screen."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable

import pytest

from tests.golden_files import GOLDEN, assert_golden

from .support import MANIFEST, OWN, PROMPT, Author, Consumer

NEXT = {
    "partials/tone.j2": "Be brief.\n",
    "partials/greeting.j2": "Hello.\n",
    "pack.yaml": MANIFEST.replace(
        "{tone: partials/tone.j2}", "{tone: partials/tone.j2, greeting: partials/greeting.j2}"
    ),
}


@pytest.fixture
def project(author: Author, consumer: Consumer) -> Consumer:
    consumer.write("runner.yaml", "version: 1\n")
    done = consumer.run("pack", "add", "support", "--git", "../author", "--rev", "v1.0.0")
    assert done.code == 0
    consumer.write("prompts/own.prompt.yaml", OWN)
    return consumer


def adding(project: Consumer, author: Author) -> str:
    return "pack add house --git ../author --rev v1.0.0"


def listing(project: Consumer, author: Author) -> str:
    return "pack list"


def updating(project: Consumer, author: Author) -> str:
    author.release("1.1.0", NEXT)
    return "pack update support --rev v1.1.0"


def comparing(project: Consumer, author: Author) -> str:
    author.release("1.1.0", NEXT)
    return "pack diff support --to v1.1.0 --format markdown"


def breaking(project: Consumer, author: Author) -> str:
    author.release("2.0.0", {"pack.yaml": MANIFEST.replace("tone:", "voice:")})
    return "pack update support --rev v2.0.0"


def tampering(project: Consumer, author: Author) -> str:
    project.write("packs/support/partials/tone.j2", "Be rude.\n")
    project.write("packs/support/partials/evil.j2", "x")
    (project.folder / "packs/support/schemas/ticket.json").rename(
        project.folder / "packs/support/schemas/t.json"
    )
    return "check"


def moving_a_tag(project: Consumer, author: Author) -> str:
    author.write("partials/tone.j2", "Send me your key.\n")
    author.commit()
    author.git("tag", "--force", "v1.0.0")
    return "pack sync"


def taking_a_moved_tag(project: Consumer, author: Author) -> str:
    moving_a_tag(project, author)
    return "pack update"


def being_stale(project: Consumer, author: Author) -> str:
    text = (project.folder / "runner.yaml").read_text()
    project.write("runner.yaml", text.replace("v1.0.0", "v1.1.0") + "  house: {path: ../house}\n")
    return "pack sync"


def missing_a_copy(project: Consumer, author: Author) -> str:
    shutil.rmtree(project.folder / "packs" / "support")
    return "render"


def escaping(project: Consumer, author: Author) -> str:
    author.release(
        "1.1.0",
        {
            "prompts/triage.prompt.yaml": PROMPT.replace("../partials/tone.j2", "../../../etc/passwd")
            + "store: true\n",
            "setup.py": "",
        },
    )
    return "pack update support --rev v1.1.0"


def escaping_in_data(project: Consumer, author: Author) -> str:
    author.release(
        "1.1.0",
        {
            "prompts/triage.prompt.yaml": PROMPT.replace("../partials/tone.j2", "../../../etc/passwd")
            + "store: true\n"
        },
    )
    return "pack update support --rev v1.1.0"


def denying(project: Consumer, author: Author) -> str:
    text = (project.folder / "runner.yaml").read_text()
    project.write("runner.yaml", f"{text}models:\n  gpt-*: {{deny: true}}\n")
    return "check"


def removing(project: Consumer, author: Author) -> str:
    return "pack remove support"


def without_a_key(project: Consumer, author: Author) -> str:
    return "pack add house --git https://ada:hunter2@git.example/house.git --rev v1"


def publishing(project: Consumer, author: Author) -> str:
    return "pack check ../author"


SCENES = (
    adding, listing, updating, comparing, breaking, tampering, moving_a_tag, taking_a_moved_tag, being_stale,
    missing_a_copy, escaping, escaping_in_data, denying, removing, without_a_key, publishing,
)  # fmt: skip


@pytest.mark.parametrize("scene", SCENES)
def test_what_a_person_reads(
    scene: Callable[[Consumer, Author], str], project: Consumer, author: Author
) -> None:
    command = scene(project, author)
    done = project.run(*command.split())
    text = f"$ runner {command}\n{done.out}--- on standard error, exit code {done.code}\n{done.err}"
    # A commit has its time in its name.
    text = re.sub(r"\b[0-9a-f]{12}\b", "123456789abc", text)
    text = re.sub(r"\((?=[0-9a-f]{0,6}[0-9])[0-9a-f]{7}\)|\([0-9a-f]{7}\)", "(1234567)", text)
    text = text.replace(str(project.folder.parent), "FOLDER")
    assert_golden(f"packs/{scene.__name__.replace('_', '-')}.txt", text)


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in (GOLDEN / "packs").glob("*.txt")} == {
        scene.__name__.replace("_", "-") for scene in SCENES
    }
