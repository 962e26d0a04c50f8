"""Calculate what tokens cost, from a price in runner.yaml or from the list of genai-prices (`prices: genai`).

The list is part of the installed package (the extra `prices`) and is never downloaded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeAlias

from ..extras import load_extra

__all__ = ["DeclaredPrice", "ListedPrice", "Price", "require_price_list"]

_Cost: TypeAlias = Callable[[int, int, int], float]

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class DeclaredPrice:
    """A price from runner.yaml, in US dollars per million tokens; if `cached` is None, cached tokens cost as much as `input`."""

    input: float
    output: float
    cached: float | None = None

    def cost(self, prompt: int, completion: int, cached: int = 0) -> float:
        """Return the cost in US dollars; `cached` is the part of `prompt` that the provider read from its cache."""
        if self.cached is None:
            return (prompt * self.input + completion * self.output) / _MILLION
        dollars = (prompt - cached) * self.input + completion * self.output
        return (dollars + cached * self.cached) / _MILLION


@dataclass(frozen=True, slots=True)
class ListedPrice:
    """The price in the list for a model of the provider at `base_url`, looked up when first needed."""

    model: str
    base_url: str

    def cost(self, prompt: int, completion: int, cached: int = 0) -> float | None:
        """Return the cost in US dollars as `DeclaredPrice.cost` does; None if the list does not have the model."""
        found = _lookup(self.model, self.base_url)
        return None if found is None else found(prompt, completion, cached)


Price: TypeAlias = DeclaredPrice | ListedPrice


def require_price_list() -> Any:
    """Return the library with the list. Raises ConfigError if the extra `prices` is not installed."""
    return load_extra("genai_prices", "prices", "prices: genai")


@lru_cache(maxsize=256)
def _lookup(model: str, base_url: str) -> _Cost | None:
    library = require_price_list()

    def listed(prompt: int, completion: int, cached: int) -> Any:
        usage = library.Usage(input_tokens=prompt, output_tokens=completion, cache_read_tokens=cached)
        return library.calc_price(usage, model_ref=model, provider_api_url=base_url)

    try:
        price = listed(0, 0, 0).model_price
    except LookupError:
        return None
    cached_rate = price.input_mtok if price.cache_read_mtok is None else price.cache_read_mtok
    rates = price.input_mtok, price.output_mtok, cached_rate
    if all(isinstance(rate, Decimal) for rate in rates):
        read, written, again = map(float, rates)
        return DeclaredPrice(read, written, again).cost
    # If prices depend on the length of the request, the library calculates them, which is slower.
    return lambda prompt, completion, cached: float(listed(prompt, completion, cached).total_price)
