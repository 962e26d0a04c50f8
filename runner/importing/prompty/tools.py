"""Convert the tools in the front matter of a Prompty file to tools of chat completions."""

from __future__ import annotations

from ...values import Json
from ..nodes import Node
from .variables import JSON_TYPES

__all__ = ["are_tools", "function_of"]


def are_tools(value: Json) -> bool:
    """Return whether a value is a list of tools of chat completions."""
    return isinstance(value, list) and all(
        isinstance(each, dict) and each.get("type") == "function" and isinstance(each.get("function"), dict)
        for each in value
    )


def function_of(item: Node) -> Json:
    """Return the function of a tool of the kind `function`."""
    value = item.value if isinstance(item.value, dict) else {}
    made: dict[str, Json] = {"name": value["name"]}
    if isinstance(value.get("description"), str):
        made["description"] = value["description"]
    parameters = value.get("parameters")
    if isinstance(parameters, list):
        properties: dict[str, Json] = {}
        required: list[Json] = []
        for each in parameters:
            if isinstance(each, dict) and isinstance(each.get("name"), str):
                part: dict[str, Json] = {
                    "type": JSON_TYPES.get(str(each.get("kind", "string")).lower(), "string")
                }
                if isinstance(each.get("description"), str):
                    part["description"] = each["description"]
                properties[str(each["name"])] = part
                if each.get("required") is True:
                    required.append(each["name"])
        made["parameters"] = {
            "type": "object",
            "properties": properties,
            **({"required": required} if required else {}),
        }
    elif isinstance(parameters, dict):
        made["parameters"] = dict(parameters)
    if isinstance(value.get("strict"), bool):
        made["strict"] = value["strict"]
    return made
