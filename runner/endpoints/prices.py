"""Calculate what tokens cost, from a price in runner.yaml or from the list of genai-prices (`prices: genai`).

The list is part of the installed package (the extra `prices`) and is never downloaded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from ..extras import load_extra

__all__ = ["DeclaredPrice", "ListedPrice", "Price", "Tokens", "require_price_list"]

_MILLION = 1_000_000


class Tokens(NamedTuple):
    """The tokens that are paid for.

    Parts of `prompt` were read from the provider's cache (`cached`), or written to it (`written`); a part of the latter
    is kept for an hour (`written_1h`).
    """

    prompt: int
    completion: int
    cached: int = 0
    written: int = 0
    written_1h: int = 0


_Cost: TypeAlias = Callable[[Tokens], float]


@dataclass(frozen=True, slots=True)
class DeclaredPrice:
    """A price from runner.yaml, in US dollars per million tokens.

    Tokens read from a cache, or written to it, cost as much as `input` if they have no price of their own; those that
    are kept for an hour cost as much as other written ones. `batch` is the part of these prices that requests in a batch
    cost, 0.5 for half; None if it is not declared.
    """

    input: float
    output: float
    cached: float | None = None
    cache_write: float | None = None
    cache_write_1h: float | None = None
    batch: float | None = None

    @property
    def in_batch(self) -> DeclaredPrice:
        """The price of requests in a batch; the full price, which is an upper bound, if none is declared."""
        if self.batch is None:
            return self
        part = self.batch

        def reduced(rate: float | None) -> float | None:
            return None if rate is None else rate * part

        return DeclaredPrice(
            self.input * part,
            self.output * part,
            reduced(self.cached),
            reduced(self.cache_write),
            reduced(self.cache_write_1h),
        )

    def cost(self, tokens: Tokens) -> float:
        """Return the cost in US dollars."""
        read, written = (self.input if rate is None else rate for rate in (self.cached, self.cache_write))
        kept = written if self.cache_write_1h is None else self.cache_write_1h
        new = tokens.prompt - tokens.cached - tokens.written
        dollars = new * self.input + tokens.cached * read + tokens.completion * self.output
        dollars += (tokens.written - tokens.written_1h) * written + tokens.written_1h * kept
        return dollars / _MILLION


@dataclass(frozen=True, slots=True)
class ListedPrice:
    """The price in the list for a model of the provider at `base_url`, looked up when first needed."""

    model: str
    base_url: str

    @property
    def in_batch(self) -> ListedPrice:
        """The full price, which is an upper bound: the list has no prices of batches."""
        return self

    def cost(self, tokens: Tokens) -> float | None:
        """Return the cost in US dollars as `DeclaredPrice.cost` does; None if the list does not have the model."""
        found = _lookup(self.model, self.base_url)
        return None if found is None else found(tokens)


Price: TypeAlias = DeclaredPrice | ListedPrice


def require_price_list() -> Any:
    """Return the library with the list. Raises ConfigError if the extra `prices` is not installed."""
    return load_extra("genai_prices", "prices", "prices: genai")


@lru_cache(maxsize=256)
def _lookup(model: str, base_url: str) -> _Cost | None:
    library = require_price_list()

    def listed(tokens: Tokens) -> Any:
        usage = library.Usage(
            input_tokens=tokens.prompt,
            output_tokens=tokens.completion,
            cache_read_tokens=tokens.cached,
            cache_write_tokens=tokens.written,
            cache_write_1h_tokens=tokens.written_1h,
        )
        return library.calc_price(usage, model_ref=model, provider_api_url=base_url)

    try:
        price = listed(Tokens(0, 0)).model_price
    except LookupError:
        return None
    needed = price.input_mtok, price.output_mtok
    others = price.cache_read_mtok, price.cache_write_mtok, price.cache_write_1h_mtok
    if all(isinstance(rate, Decimal) for rate in (*needed, *filter(None, others))):
        dollars, answer = map(float, needed)
        return DeclaredPrice(
            dollars, answer, *(None if rate is None else float(rate) for rate in others)
        ).cost
    # If prices depend on the length of the request, the library calculates them, which is slower.
    return lambda tokens: float(listed(tokens).total_price)
