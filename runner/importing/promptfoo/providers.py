"""Read promptfoo's providers: find the models, their names and their request fields."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ...errors import RunnerError
from ...values import Json
from ..ledger import Entry, Ledger
from ..nodes import Node, root_of
from ..other_apis import need_api
from ..secrets import is_key_name, keys_in
from ..sources import Folder
from .transforms import Transform, read_transform

__all__ = ["ECHO", "Provider", "embedding_of", "is_named", "model_of", "read_providers"]

ECHO = "the provider is echo, which calls no model"
"""The description of a provider that only returns the prompt."""

_CHAT = {
    "openai", "azure", "azureopenai", "openrouter", "ollama", "groq", "mistral", "deepseek", "xai", "togetherai",
    "together", "fireworks", "perplexity", "cerebras", "litellm", "vllm", "localai", "lmstudio", "github", "nscale",
    "sambanova", "deepinfra", "hyperbolic", "cohere", "ai21", "alibaba", "alicloud", "aliyun", "dashscope", "aimlapi",
    "cometapi", "llamaapi", "nvidia", "nebius", "docker", "llamafile", "cloudflare-gateway", "helicone", "envoy",
    "moonshot", "zai", "zhipu", "minimax", "novita", "featherless", "siliconflow", "snowflake", "databricks",
    "jfrog", "truefoundry", "vercel", "portkey", "f5", "qwen", "inception", "modelslab", "quiverai", "requesty",
}  # fmt: skip
_OTHER_DOORS = {
    "anthropic", "google", "vertex", "palm", "bedrock", "sagemaker", "replicate", "huggingface", "cloudflare-ai", "watsonx",
    "gemini", "llama", "ibm", "adaline", "langfuse", "voyage", "cloudera", "abliteration", "writer", "bam",
}  # fmt: skip
_MODES = {"chat", "messages", "completion", "completions", "responses"}
_OTHER_APIS = {"responses": "responses", "completion": "completions", "completions": "completions"}
"""The API that a mode calls, if it is not chat completions."""
_OF_RESPONSES = {
    "instructions",
    "include",
    "truncation",
    "previous_response_id",
    "background",
    "text",
    "reasoning",
}
"""Fields that only the Responses API has; they are sent unchanged."""
_NO_MODEL = {
    "embedding",
    "embeddings",
    "image",
    "realtime",
    "moderation",
    "transcription",
    "assistant",
    "tts",
    "video",
    "live",
}
_APPLICATION = re.compile(
    r"(?i)^(?:file|python|exec|golang|go|ruby|package|webhook|https?|wss?|websocket|browser|mcp|sequence|promptfoo|"
    r"manual-input|slack|simulated-user|a2a|langgraph|agent)\b|(?:agent|codex|sdk|opencode|claude-code)[a-z0-9-]*(?::|$)"
    r"|\.(?:js|mjs|cjs|ts|mts|py|rb|go|sh)(?::|$)"
)

_SAME = {
    "temperature", "max_tokens", "max_completion_tokens", "top_p", "frequency_penalty", "presence_penalty", "stop", "seed",
    "response_format", "tools", "tool_choice", "reasoning_effort", "service_tier", "user", "metadata", "store", "verbosity",
    "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "modalities", "audio", "functions", "function_call",
    "logprobs", "top_logprobs", "parallel_tool_calls", "logit_bias", "n",
}  # fmt: skip
_CAMEL = {
    "maxTokens": "max_tokens", "topP": "top_p", "maxOutputTokens": "max_tokens", "stopSequences": "stop",
    "max_output_tokens": "max_tokens", "stop_sequences": "stop",
}  # fmt: skip
_ENDPOINT = {
    "apiBaseUrl", "apiHost", "apiKeyEnvar", "apiKeyRequired", "apiVersion", "organization", "timeout", "timeoutMs",
    "maxRetries", "inputCost", "outputCost", "cost", "headers", "region", "projectId", "location", "deployment_name",
    "base_url", "baseUrl", "baseURL", "apiKeyEnv", "deployment", "deploymentId", "deploymentName", "resourceName",
}  # fmt: skip
_TOOL_ONLY = {
    "maxConcurrency", "delay", "cache", "showThinking", "omitDefaults", "concurrency", "stream", "rateLimit", "isReasoningModel",
    "isReasoning", "label", "keepAlive",
}  # fmt: skip
_EXTRA = {
    "topK", "top_k", "min_p", "repetition_penalty", "num_ctx", "num_predict", "thinking", "think", "provider", "keep_alive",
}  # fmt: skip
"""Fields that promptfoo sends although chat completions do not have them."""
_OLLAMA_OPTIONS = {
    "num_keep", "typical_p", "repeat_last_n", "repeat_penalty", "num_batch", "num_gpu", "main_gpu", "use_mmap", "num_thread",
    "draft_num_predict", "tfs_z", "num_gqa", "f16_kv", "logits_all", "vocab_only", "low_vram", "use_mlock", "embedding_only",
    "rope_frequency_base", "rope_frequency_scale", "penalize_newline", "mirostat", "mirostat_tau", "mirostat_eta", "dimensions",
}  # fmt: skip
_SENDS_KNOWN_FIELDS = {"openai", "ollama"}
"""The providers of promptfoo that send only the fields they know."""
_CHANGES_ANSWERS = {
    "functionToolCallbacks", "mcp", "tool_resources", "reasoning", "format", "truncate", "suffix", "system", "template", "raw",
}  # fmt: skip
_ALWAYS_FIELDS = {"extra_body", "passthrough"}
_REASONING = re.compile(r"(?:^|/)(?:o1|o3|o4|gpt-5|gpt-6|gpt-daybreak)")


@dataclass(slots=True)
class Provider:
    """A model of a configuration: its names, its request fields, and its item."""

    model: str
    request: dict[str, Json]
    entry: Entry
    label: str
    ids: tuple[str, ...]
    endpoint: dict[str, Json] = field(default_factory=dict)
    prompts: tuple[str, ...] | None = None
    fields: dict[str, Entry] = field(default_factory=dict)
    transform: Transform | None = None
    of_test: bool = False
    """Whether only one test names it."""
    generates: bool = False
    """Return whether it is Ollama's generate endpoint, which wraps a text as a user message and has no messages."""


@dataclass(slots=True)
class _Given:
    id: Node
    config: Node | None
    rest: Node | None


def read_providers(
    node: Node | None, folder: Folder, base: str, ledger: Ledger, keys: set[str]
) -> tuple[list[Provider], list[str]]:
    """Return the models among the providers, and a description of each other provider.

    Literal keys are added only to `keys`.
    """
    models: list[Provider] = []
    others: list[str] = []
    for given in _each(node, folder, base, ledger, 0):
        keys.update(key for _, key in keys_in(given.rest or given.id))
        entry = ledger.add("provider", given.id.location, given.id.text or "provider")
        found = _provider(given, entry, folder, base, ledger)
        if isinstance(found, Provider):
            models.append(found)
        else:
            others.append(found)
            entry.lose("I201", found)
    return models, others


def model_of(identity: str) -> str | None:
    """Return the model that an id of a provider names; None if it is none."""
    kind = _kind(identity)
    return None if isinstance(kind, str) else kind[2] or None


def embedding_of(identity: str) -> str | None:
    """Return the model for embeddings that an id of a provider names; None if it is none."""
    vendor, _, rest = identity.partition(":")
    mode, _, model = rest.partition(":")
    known = vendor.lower() in _CHAT | _OTHER_DOORS and mode in ("embedding", "embeddings")
    return model if known and model else None


def is_named(provider: Provider, name: str) -> bool:
    """Return whether a test that names a provider means this one: by id, label or a prefix of them, as promptfoo does."""
    if name.endswith("*"):
        return any(each.startswith(name[:-1]) for each in provider.ids)
    return any(each == name or each.startswith(f"{name}:") for each in provider.ids)


def _each(node: Node | None, folder: Folder, base: str, ledger: Ledger, depth: int) -> Iterator[_Given]:
    if node is None or depth > 3:
        return
    if isinstance(node.value, str):
        if node.value.startswith("file://") and node.value.endswith((".yaml", ".yml", ".json")):
            try:
                name = folder.name_of(base, node.value.removeprefix("file://"), node.location)
                document = folder.document(name, node.location)
            except RunnerError as error:
                ledger.add("provider", node.location, node.value).lose("I302", error.message)
                return
            yield from _each(root_of(document), folder, base, ledger, depth + 1)
            return
        yield _Given(node, None, None)
        return
    if isinstance(node.value, list):
        for item in node.items():
            yield from _each(item, folder, base, ledger, depth + 1)
        return
    if (identity := node.get("id")) is not None and isinstance(identity.value, str):
        yield _Given(identity, node.get("config"), node)
        return
    members = list(node.entries())
    if len(members) == 1 and isinstance(members[0][1].value, dict):  # `- openai:gpt-4o: {config: …}`
        name, value = members[0]
        yield _Given(Node(name, value.document, value.path, value.fixed), value.get("config"), value)
        return
    if isinstance(node.value, dict):
        ledger.add("provider", node.location, "provider").lose("I201", "it has no id")


def _provider(given: _Given, entry: Entry, folder: Folder, base: str, ledger: Ledger) -> Provider | str:
    identity = str(given.id.value)
    kind = _kind(identity)
    if isinstance(kind, str):
        return kind
    vendor, mode, model = kind
    if (
        given.config is not None
        and (named := given.config.get("model")) is not None
        and named.text
        and not model
    ):
        model = named.text
    if not model:
        return f"{identity} does not name a model"
    label = given.rest.get("label") if given.rest else None
    ids = tuple(each for each in (identity, label.text if label else None) if each)
    provider = Provider(model, {}, entry, (label.text if label and label.text else model), ids)
    if vendor in _OTHER_DOORS:
        ledger.remark(
            given.id.location, "I204", f'provider "{identity}"',
            f"the model's name is kept; {vendor} needs an endpoint that supports OpenAI's chat completions",
        )  # fmt: skip
    if vendor == "ollama" and mode != "chat":
        provider.generates = True
    elif mode in _OTHER_APIS:
        provider.endpoint["api"] = _OTHER_APIS[mode]
        need_api(ledger, given.id.location, f'provider "{identity}"', _OTHER_APIS[mode])
    for key, node in given.rest.entries() if given.rest is not None else ():
        _of_provider(key, node, provider, ledger)
    for key, node in given.config.entries() if given.config is not None else ():
        _of_config(key, node, provider, vendor, folder, base, ledger)
    _defaults(provider, vendor, given, ledger)
    return provider


def _kind(identity: str) -> tuple[str, str, str] | str:
    """Return the vendor, mode and model of an id, or a description of a provider that is not a model."""
    low = identity.lower()
    if low == "echo":
        return ECHO
    if low.startswith(("file://", "python:", "golang:", "go:", "ruby:", "package:")) or re.search(
        r"\.(?:js|mjs|cjs|ts|mts|py|rb|go)(?::[\w.]+)?$", low
    ):
        return f"the provider is code ({identity}): this configuration tests an application, not a prompt"
    if low.startswith("exec:"):
        return (
            f"the provider is a program ({identity}): this configuration tests an application, not a prompt"
        )
    if re.match(r"(?:https?|wss?|websocket|webhook)(?::|$)", low):
        return f"the provider is an HTTP service ({identity}): this configuration tests an application, not a prompt"
    if _APPLICATION.search(low):
        return f"the provider is an agent or an application ({identity}): this configuration does not test a prompt"
    vendor, _, rest = identity.partition(":")
    vendor = vendor.lower()
    if vendor not in _CHAT and vendor not in _OTHER_DOORS:
        return f"the provider {identity} is not known"
    mode, _, model = rest.partition(":")
    if mode in _NO_MODEL:
        return f"the provider {identity} is not a chat model"
    if mode in _MODES:
        return vendor, mode, model
    return vendor, "completion" if vendor == "ollama" else "chat", rest


def _of_provider(key: str, node: Node, provider: Provider, ledger: Ledger) -> None:
    """Read the keys of a provider other than its id."""
    if key in ("id", "config"):
        return
    entry = ledger.add("key", node.key_location, f'"{key}" of the provider')
    if key == "label":
        return
    if key == "prompts" and isinstance(node.value, list):
        provider.prompts = tuple(str(each) for each in node.value)
    elif key == "transform":
        provider.transform = read_transform(node, entry)
    elif key in ("delay", "env", "inputs"):
        entry.drop("I102", "it is a setting of promptfoo itself")
    else:
        entry.lose("I101", "runner has nothing like it")


def _of_config(
    key: str, node: Node, provider: Provider, vendor: str, folder: Folder, base: str, ledger: Ledger
) -> None:
    entry = ledger.add("key", node.key_location, f'"{key}" of the provider\'s config')
    value = node.value
    is_responses = provider.endpoint.get("api") == "responses"
    if is_key_name(key):
        if isinstance(value, str) and not value.startswith(("{{", "$")):
            entry.drop(
                "I103",
                "a key is never copied; revoke it, because it was in a file, and name a variable: api_key_env",
            )
        else:
            entry.drop("I105", "keys come from the environment: api_key_env of the endpoint in runner.yaml")
        provider.endpoint.setdefault("api_key_env", "NAME_OF_THE_VARIABLE")
        return
    name = _CAMEL.get(key, key)
    if name in _SAME:
        if isinstance(value, str) and value.startswith("file://"):
            loaded = _loaded(node, folder, base, entry)
            if loaded is None:
                return
            value = loaded
        if _reads_environment(value):
            entry.lose("I104", "it reads the environment")
            return
        if name == "tools" and not _are_tools(value) and not is_responses:
            entry.lose("I202", "they are not tools of chat completions")
            return
        if vendor == "openai" and name in ("temperature", "max_tokens") and _REASONING.search(provider.model):
            entry.drop("I106", f"promptfoo does not send {name} to a reasoning model")
            return
        provider.request[name] = value
        provider.fields[name] = entry
        return
    if key == "generationConfig" and isinstance(value, dict):  # Google's parameters, one level deeper
        for inner, part in node.entries():
            _of_config(inner, part, provider, vendor, folder, base, ledger)
        return
    if key == "reasoning" and isinstance(value, dict) and set(value) == {"effort"}:
        provider.request["reasoning_effort"] = value["effort"]
        provider.fields["reasoning_effort"] = entry
        return
    if key in _ALWAYS_FIELDS and isinstance(value, dict):
        for each, part in value.items():
            if each in _SAME:
                provider.request[each] = part
                provider.fields[each] = entry
            elif each == "model" and isinstance(part, str):
                provider.model = part
            else:
                extra = provider.request.setdefault("extra_body", {})
                assert isinstance(extra, dict)
                extra[each] = part
                provider.fields["extra_body"] = entry
        return
    if (
        key in _EXTRA
        or (vendor == "ollama" and key in _OLLAMA_OPTIONS)
        or (is_responses and key in _OF_RESPONSES)
    ):
        extra = provider.request.setdefault("extra_body", {})
        assert isinstance(extra, dict)
        extra["top_k" if key == "topK" else key] = value
        provider.fields["extra_body"] = entry
        return
    if key in _ENDPOINT:
        entry.drop("I105", "it belongs to the endpoint, in runner.yaml")
        if (
            key in ("apiBaseUrl", "base_url", "baseUrl", "baseURL")
            and isinstance(value, str)
            and "{{" not in value
        ):
            provider.endpoint["base_url"] = value
        elif key in ("apiKeyEnvar", "apiKeyEnv") and isinstance(value, str):
            provider.endpoint["api_key_env"] = value
        return
    if key in _TOOL_ONLY:
        entry.drop("I102", "it is a setting of promptfoo itself")
        return
    if key == "model":
        return
    if vendor in _SENDS_KNOWN_FIELDS and key not in _CHANGES_ANSWERS:
        entry.drop("I106", f"promptfoo does not send {key} to this provider")
        return
    entry.lose("I202", "chat completions have no such field")


def _are_tools(value: Json) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, dict) and each.get("type") == "function" and isinstance(each.get("function"), dict)
        for each in value
    )


def _loaded(node: Node, folder: Folder, base: str, entry: Entry) -> Json:
    reference = str(node.value).removeprefix("file://")
    if not reference.endswith((".json", ".yaml", ".yml")):
        entry.lose("I202", f"{reference} is code, which is not run")
        return None
    try:
        return folder.document(folder.name_of(base, reference, node.location), node.location).value
    except RunnerError as error:
        entry.lose("I302", error.message)
        return None


def _defaults(provider: Provider, vendor: str, given: _Given, ledger: Ledger) -> None:
    """Set the fields that promptfoo sends by default, so that the request stays the same."""
    if vendor not in _CHAT - {"ollama", "localai", "vllm", "llamafile"} and vendor != "anthropic":
        return
    config = given.config
    if config is not None and (omit := config.get("omitDefaults")) is not None and omit.value is True:
        return
    if _REASONING.search(provider.model):
        return
    added: dict[str, Json] = {}
    if "temperature" not in provider.request:
        added["temperature"] = 0
    if "max_tokens" not in provider.request and "max_completion_tokens" not in provider.request:
        added["max_tokens"] = 1024
    if added:
        words = json.dumps(added)[1:-1].replace('"', "")
        ledger.remark(
            given.id.location,
            "I601",
            f'provider "{given.id.value}"',
            f"promptfoo sends {words} by default; added to the prompt file",
        )
    provider.request = {**added, **provider.request}


def _reads_environment(value: Json) -> bool:
    return "{{" in json.dumps(value) and re.search(r"\{\{[^}]*\benv\b", json.dumps(value)) is not None
