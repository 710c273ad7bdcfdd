"""Usage x price -> cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from datetime import date

    from qwen_endpoints.types import Usage

_PER_MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a host charges, per million tokens."""

    input: float
    """Per million input tokens."""
    output: float
    """Per million output tokens, reasoning included."""
    cached_input: float | None = None
    """Per million input tokens read from a cache; `None` charges them as other input."""
    currency: str = "CNY"
    """ISO 4217 code."""
    source: str = ""
    """The page the price was read from."""
    checked: date | None = None
    """When it was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one call cost."""

    amount: float
    """In units of `currency`."""
    currency: str
    """ISO 4217 code."""
    origin: Literal["computed", "reported"]
    """`computed` from usage and the price table, or `reported` by the endpoint itself."""
    source: str = ""
    """The page the price was read from; empty where the endpoint reported the amount, or nobody said."""
    checked: date | None = None
    """When it was read."""

    def as_json(self) -> dict[str, Any]:
        """Return the fields as JSON has them, the date in ISO 8601, without those that are not known."""
        checked = self.checked.isoformat() if self.checked else ""
        known = {"source": self.source, "checked": checked}
        told = {name: value for name, value in known.items() if value}
        return {"amount": self.amount, "currency": self.currency, "origin": self.origin, **told}


def cost_of(usage: Usage | None, price: Price | None) -> Cost | None:
    """Return what `usage` costs at `price`; `None` where either is unknown.

    An amount the endpoint itself reported (`Usage.reported_cost`, US dollars as OpenRouter states it) wins over the
    table, because discounts and routing are known only there.
    """
    if usage is None:
        return None
    if usage.reported_cost is not None:
        return Cost(amount=usage.reported_cost, currency="USD", origin="reported")
    if price is None:
        return None
    cached = min(usage.cached_tokens or 0, usage.input_tokens)
    if price.cached_input is None:
        cached = 0
    amount = (
        (usage.input_tokens - cached) * price.input
        + cached * (price.cached_input or 0.0)
        + usage.output_tokens * price.output
    )
    return Cost(
        amount=round(amount / _PER_MILLION, 10),
        currency=price.currency,
        origin="computed",
        source=price.source,
        checked=price.checked,
    )
