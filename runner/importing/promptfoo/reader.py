"""Read a promptfoo configuration: one prompt file for each prompt and each set of request fields."""

from __future__ import annotations

from collections.abc import Sequence

from ...values import Json
from ..comments import Comments
from ..drafts import Draft
from ..ledger import Ledger, RefusedSourceError
from ..names import file_stem
from ..nodes import Node, root_of
from ..other_apis import OPENAI
from ..secrets import report_keys
from ..sources import Folder
from .complete_tests import complete_tests
from .config import Config, read_defaults, read_top_level
from .prompt_files import make_drafts
from .prompts import SourcePrompt, read_prompts
from .providers import ECHO, Provider, read_providers

__all__ = ["read_promptfoo"]


def read_promptfoo(name: str, folder: Folder, ledger: Ledger) -> tuple[list[Draft], dict[str, Json]]:
    """Return the prompt files of a configuration, and the endpoints that it names.

    Raises RefusedSourceError if it tests an application or has no prompt that is text, RunnerError if a file cannot be
    read.
    """
    document = folder.document(name)
    root = root_of(document)
    if not isinstance(root.value, dict):
        raise RefusedSourceError("I901", "it is not a configuration of promptfoo", location=root.location)
    keys = set(report_keys(root, ledger))
    config = Config(root, folder, name.rpartition("/")[0], ledger, Comments(frozenset(keys)))
    header = config.comments.header(document)
    read_top_level(config)
    providers_node = root.get("providers") or root.get("targets")
    providers, others = read_providers(providers_node, folder, config.base, ledger, keys)
    config.comments.keys = frozenset(keys)
    prompts = read_prompts(root.get("prompts"), folder, config.base, ledger)
    read_defaults(config)
    complete_tests(config)
    _refuse(config, providers, others, prompts, providers_node)
    drafts = make_drafts(config, prompts, providers, header, name)
    endpoints: dict[str, Json] = {}
    for provider in providers:
        if provider.endpoint:
            vendor, api = file_stem(provider.ids[0].partition(":")[0]), provider.endpoint.get("api")
            default = OPENAI if vendor == "openai" and api else {}
            endpoints[f"{vendor}-{api}" if api else vendor] = {**default, **provider.endpoint}
    return drafts, endpoints


def _refuse(
    config: Config,
    providers: Sequence[Provider],
    others: Sequence[str],
    prompts: Sequence[SourcePrompt],
    node: Node | None,
) -> None:
    """Raise RefusedSourceError if nothing can be imported as a prompt."""
    place = node.location if node is not None else config.root.location
    application = [each for each in others if each != ECHO]
    if application and not providers:
        raise RefusedSourceError("I201", application[0], location=place)
    if "redteam" in (config.root.value if isinstance(config.root.value, dict) else {}) and not config.tests:
        location = (config.root.get("redteam") or config.root).key_location
        raise RefusedSourceError(
            "I906",
            "it is a red team configuration: it generates attacks, and contains no tests",
            location=location,
        )
    if not prompts:
        lost = next((item for item in config.ledger.items() if item.kind == "prompt"), None)
        why = f"it has no prompt that is text: {lost.why}" if lost else "it has no prompts"
        raise RefusedSourceError("I301", why, location=lost.location if lost else config.root.location)
