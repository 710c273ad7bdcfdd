"""What calls cost together, in both frameworks, over threads and tasks, and a limit to it."""

from __future__ import annotations

import threading
import warnings
import weakref
from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from html import escape
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from typing_extensions import Self, override

from qwen_endpoints.errors import BudgetExceededError, ConfigurationError

if TYPE_CHECKING:
    from qwen_endpoints.endpoint import Endpoint
    from qwen_endpoints.types import Completion


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCosts:
    """What calls of one model at one provider have used."""

    provider: str
    model: str
    """The id as it was asked for."""
    calls: int = 0
    """Replies that began. A request that was refused is none."""
    input_tokens: int = 0
    cached_tokens: int | None = None
    """Of the input, what was read from a cache, as far as the endpoint says; `None` where it never did."""
    output_tokens: int = 0
    reasoning_tokens: int | None = None
    """Of the output; as `cached_tokens`."""
    amounts: Mapping[str, float] = field(default_factory=dict[str, float])
    """By ISO 4217 code."""
    unpriced: int = 0
    """Calls that are in no amount: no price is known, or no token counts came."""

    def after(self, completion: Completion) -> ModelCosts:
        """Return the sums with a reply that has ended, which was one of `unpriced` until now."""
        usage, cost = completion.usage, completion.cost
        amounts = dict(self.amounts)
        if cost is not None:
            amounts[cost.currency] = amounts.get(cost.currency, 0.0) + cost.amount
        return replace(
            self,
            input_tokens=self.input_tokens + (usage.input_tokens if usage else 0),
            cached_tokens=_plus(self.cached_tokens, usage.cached_tokens if usage else None),
            output_tokens=self.output_tokens + (usage.output_tokens if usage else 0),
            reasoning_tokens=_plus(self.reasoning_tokens, usage.reasoning_tokens if usage else None),
            amounts=amounts,
            unpriced=self.unpriced - (cost is not None),
        )


def _plus(known: int | None, more: int | None) -> int | None:
    return known if more is None else (known or 0) + more


class CostTracker:
    """Sums up the calls made within its `with` block; made by `track_costs`. Printed, it is a table by model.

    Calls count that are made in the block itself, in tasks and threads it starts, and in theirs. So do those of nested
    blocks. A thread that was there before and is handed work without the block's context (a pool of your own from
    earlier, without `contextvars.copy_context().run`) is not seen.
    """

    def __init__(self, limit: float | None = None, currency: str | None = None) -> None:
        self.limit = limit
        self.currency = currency
        self._lock = threading.Lock()
        self._sums: dict[tuple[str, str], ModelCosts] = {}
        self._warned: set[str] = set()
        self._older: weakref.WeakSet[threading.Thread] = weakref.WeakSet()

    def __enter__(self) -> Self:
        self._older = weakref.WeakSet(threading.enumerate())
        _HERE.set((*_HERE.get(), self))
        with _OPEN_LOCK:
            _OPEN.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # Not by a token: a fixture may leave the block in another context than it entered it in.
        _HERE.set(tuple(tracker for tracker in _HERE.get() if tracker is not self))
        with _OPEN_LOCK:
            _OPEN.remove(self)

    @property
    def by_model(self) -> Sequence[ModelCosts]:
        """A row for each model and provider, in the order of their first calls."""
        with self._lock:
            return tuple(self._sums.values())

    @property
    def calls(self) -> int:
        """How many replies have begun."""
        return sum(row.calls for row in self.by_model)

    @property
    def unpriced(self) -> int:
        """How many calls are in no amount: no price is known, or no token counts came, as from a stream left early."""
        return sum(row.unpriced for row in self.by_model)

    @property
    def amounts(self) -> dict[str, float]:
        """What has been spent, by ISO 4217 code. Currencies are not converted."""
        sums: dict[str, float] = {}
        for row in self.by_model:
            for currency, amount in row.amounts.items():
                sums[currency] = sums.get(currency, 0.0) + amount
        return sums

    def rows(self) -> list[dict[str, Any]]:
        """Return the table as plain dictionaries, one for each model and currency, as `pandas.DataFrame` takes them."""
        return [line for row in self.by_model for line in _lines(row)]

    @override
    def __str__(self) -> str:
        table = [tuple(_TITLES.values()), *self._cells()]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = (map(_aligned, cells, widths, _TITLES) for cells in table)
        return "\n".join("  ".join(line).rstrip() for line in lines)

    __repr__ = __str__
    """What an interactive shell shows."""

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{title}</th>" for title in _TITLES.values())
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>" for cells in self._cells())
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _cells(self) -> list[tuple[str, ...]]:
        return [tuple(_shown(line[name], name) for name in _TITLES) for line in self.rows()]

    def is_younger_than(self, thread: threading.Thread) -> bool:
        """Whether a thread was there before the block was entered."""
        return thread in self._older

    def refuse_overspending(self, endpoint: Endpoint) -> None:
        """Refuse a call where the limit is reached.

        Raises:
            BudgetExceededError: It is. Nothing has been sent.
        """
        if self.limit is None or self.currency is None:
            return
        spent = self.amounts.get(self.currency, 0.0)
        if spent >= self.limit:
            raise endpoint.scope.error(
                BudgetExceededError,
                f"The budget of {self.limit:g} {self.currency} is used up ({spent:.6g} {self.currency} spent): "
                "nothing was sent.",
            )

    def begin(self, endpoint: Endpoint) -> None:
        """Take note of a reply that begins."""
        key = (endpoint.provider.name, endpoint.model)
        with self._lock:
            row = self._sums.get(key) or ModelCosts(provider=key[0], model=key[1])
            self._sums[key] = replace(row, calls=row.calls + 1, unpriced=row.unpriced + 1)

    def end(self, endpoint: Endpoint, completion: Completion) -> None:
        """Take note of a reply that has begun and is now whole."""
        key = (endpoint.provider.name, endpoint.model)
        with self._lock:
            self._sums[key] = self._sums[key].after(completion)
        if self.currency is not None and (completion.cost is None or completion.cost.currency != self.currency):
            self._warn(endpoint, completion)

    def _warn(self, endpoint: Endpoint, completion: Completion) -> None:
        cost = completion.cost
        why = "no price or no token count is known" if cost is None else f"they are charged in {cost.currency}"
        text = (
            f"Calls of {endpoint.model} at {endpoint.provider.name} do not count towards the budget in "
            f"{self.currency}: {why}. profile={{'price': Price(...)}} on a provider row sets a price."
        )
        with self._lock:
            if text in self._warned:
                return
            self._warned.add(text)
        warnings.warn(text, UserWarning, stacklevel=2)


def track_costs(*, limit: float | None = None, currency: str | None = None) -> CostTracker:
    """Sum up what the calls within a `with` block cost.

    Args:
        limit: Once so much has been spent, the next call raises `BudgetExceededError` and nothing is sent. Calls that
            are on their way then are finished and counted.
        currency: The currency of the limit (ISO 4217). Calls in others, or of unknown price, warn that they do not
            count towards it.

    Raises:
        ConfigurationError: A limit without a currency, or one that is negative.
    """
    if (limit is None) != (currency is None):
        raise ConfigurationError("A budget needs both: limit=5.0, currency='CNY'.")
    if limit is not None and not limit >= 0:
        raise ConfigurationError(f"limit={limit!r} is no amount of money.")
    return CostTracker(limit, currency.upper() if currency else None)


def trackers_here() -> tuple[CostTracker, ...]:
    """Return the trackers that a call made here and now belongs to.

    Threads do not inherit a context, unless a framework copies it for them. A call in a thread without any tracker
    therefore counts for those whose block was open when the thread was started.
    """
    inherited = _HERE.get()
    if inherited or not _OPEN:
        return inherited
    thread = threading.current_thread()
    with _OPEN_LOCK:
        return tuple(tracker for tracker in _OPEN if not tracker.is_younger_than(thread))


_HERE: Final[ContextVar[tuple[CostTracker, ...]]] = ContextVar("qwen_cost_trackers", default=())
_OPEN: Final[list[CostTracker]] = []
_OPEN_LOCK: Final = threading.Lock()

_TITLES: Final[Mapping[str, str]] = {
    "provider": "provider",
    "model": "model",
    "calls": "calls",
    "input_tokens": "input",
    "cached_tokens": "cached",
    "output_tokens": "output",
    "reasoning_tokens": "reasoning",
    "amount": "cost",
    "currency": "",
    "unpriced": "unpriced",
}


def _lines(row: ModelCosts) -> Iterable[dict[str, Any]]:
    """A model's row for each currency; the counts stand in the first, so that columns can be summed."""
    counts = {
        name: getattr(row, name)
        for name in ("calls", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "unpriced")
    }
    for place, (currency, amount) in enumerate(list(row.amounts.items()) or [("", None)]):
        shown = counts if place == 0 else dict.fromkeys(counts, 0)
        yield {"provider": row.provider, "model": row.model, **shown, "amount": amount, "currency": currency}


def _shown(value: object, name: str) -> str:
    if value is None:
        return "unknown" if name == "amount" else "?"
    return f"{value:.6f}" if isinstance(value, float) else str(value)


def _aligned(cell: str, width: int, key: str) -> str:
    return cell.ljust(width) if key in ("provider", "model", "currency") else cell.rjust(width)
