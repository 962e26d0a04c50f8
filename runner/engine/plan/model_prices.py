"""The price of a model, and the models that a project denies."""

from __future__ import annotations

from ...endpoints.prices import DeclaredPrice, ListedPrice, Price
from ...errors import FormatError
from ...files.model import Endpoint, Project, Prompt
from ...files.model_rules import denial_of, price_for

__all__ = ["price_of", "refuse_denied"]


def price_of(project: Project, named: str, model: str, endpoint: Endpoint) -> Price | None:
    """Return the project's own price of a model, else that of the list it names."""
    rule = price_for(project, named, model)
    if rule is not None and rule.input_price is not None and rule.output_price is not None:
        return DeclaredPrice(
            rule.input_price,
            rule.output_price,
            rule.cached_price,
            rule.cache_write_price,
            rule.cache_write_1h_price,
            rule.batch_price,
        )
    if project.prices == "genai" and endpoint.base_url is not None:
        return ListedPrice(model, endpoint.base_url)
    return None


def refuse_denied(prompt: Prompt, project: Project, model: str) -> None:
    """Raise FormatError if the project denies `model`, which a prompt would use."""
    denial = denial_of(project, model)
    if denial is None:
        return
    # The prompt's own model is in its file; any other was chosen elsewhere.
    own = prompt.request.get("model") == model
    if prompt.origin is not None:
        hint = f"set a model for the whole pack, packs.{prompt.origin.alias}.model, or use --model"
    else:
        hint = "choose another model; `deny: false` on an entry above makes an exception"
    raise FormatError(
        f"{prompt.name} would use {model}, which this project denies at {denial}",
        location=prompt.locate("model") if own else prompt.locate(),
        hint=hint,
    )
