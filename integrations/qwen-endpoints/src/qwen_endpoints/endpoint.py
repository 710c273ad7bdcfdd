"""Settings + tables -> one frozen `Endpoint`. The only place that joins the tables."""

from __future__ import annotations

import difflib
import ipaddress
import os
import socket
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from qwen_endpoints.errors import ConfigurationError
from qwen_endpoints.failures import ErrorScope
from qwen_endpoints.hidden import texts_of
from qwen_endpoints.models import ModelProfile, catalogue, unknown_model
from qwen_endpoints.providers import OWN_ROW, PROVIDERS, ModelOffer, Parameter, Provider

if TYPE_CHECKING:
    from qwen_endpoints.dialects import Dialect
    from qwen_endpoints.settings import QwenSettings

_NO_OFFER: Final = ModelOffer()
_PRIVATE_SUFFIXES: Final = (
    ".local",
    ".localhost",
    ".internal",
    ".lan",
    ".home",
    ".home.arpa",
    ".corp",
    ".intranet",
    ".private",
    ".localdomain",
    ".test",
    ".svc",
)
"""Name endings that no public registry hands out (RFC 6762, RFC 6761, RFC 8375, ICANN's `internal`, common use)."""

_ROUTES: Final = {"chat_completions": ("/chat/completions",), "messages": ("/messages", "/v1")}

_FULL_STOPS: Final = str.maketrans("\u3002\uff0e\uff61", "...")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One model at one place: everything the codec and the client need to know, with all layers joined."""

    provider: Provider
    model: str
    """The model id as it is sent."""
    profile: ModelProfile
    """The catalogue's profile with the provider's overrides."""
    base_url: str
    api_key: SecretStr | None
    """`None` where the provider needs none."""
    parameters: Mapping[str, Parameter]
    """Documented ranges, the model's own before the provider's."""
    dropped: Mapping[str, str]
    """Parameters known to be dropped here, with the reason."""
    hidden: tuple[str, ...] = field(default=(), repr=False)
    """The values of the caller's own headers and query: errors and logs do not repeat them."""

    @property
    def dialect(self) -> Dialect:
        """The provider's spelling."""
        return self.provider.dialect

    @property
    def scope(self) -> ErrorScope:
        """What errors about this endpoint say."""
        secret = self.api_key.get_secret_value() if self.api_key else None
        return ErrorScope(provider=self.provider.name, model=self.model, secret=secret, hidden=self.hidden)


def resolve(settings: QwenSettings, *, need_key: bool = True, described: bool = False) -> Endpoint:
    """Join settings and tables.

    Args:
        settings: The configuration, a call's overrides already applied.
        need_key: Refuse when a key is required and none is found. `False` serves questions about the model alone.
        described: The caller has described the model otherwise, so an unknown id is no reason to warn, now or later.

    Raises:
        ConfigurationError: The provider cannot be told, its name is unknown, the key is missing or would travel in
            clear text to a public host, or the URL is no URL. Nothing has been sent.
    """
    provider, named = _choose_provider(settings)
    base_url = _base_url(settings, provider)
    key = _key(settings, provider, base_url, named=named)
    if need_key:
        _refuse_missing_key(provider, settings.model, key)
    _refuse_clear_text(provider, settings, base_url, key)
    offer = _offer(provider, settings.model)
    common = provider.models.get("*", _NO_OFFER)
    return Endpoint(
        provider=provider,
        model=settings.model,
        profile=_profile(settings.model, common, offer, described=described),
        base_url=base_url,
        api_key=key,
        parameters={**provider.parameters, **common.parameters, **offer.parameters},
        dropped={**provider.dialect.dropped, **common.dropped, **offer.dropped},
        hidden=texts_of(settings.default_headers, settings.default_query),
    )


def _choose_provider(settings: QwenSettings) -> tuple[Provider, bool]:
    """Return the row, and whether the caller's own code names it (so that its key may go to another host)."""
    if isinstance(settings.provider, Provider):
        return settings.provider, True
    if settings.provider is not None:
        return _row(settings.provider, "provider"), True
    if settings.base_url is not None:
        owners = [row for row in PROVIDERS.values() if row.owns(settings.base_url)]
        if owners:
            # One host may speak several protocols, each under a path of its own.
            path = urlsplit(settings.base_url.strip()).path
            nearest = [row for row in owners if path.startswith(urlsplit(row.base_url).path)]
            return (nearest or owners)[0], True
    named = os.environ.get("QWEN_PROVIDER")
    if named:
        return _row(named, "the variable QWEN_PROVIDER"), False
    if settings.base_url is not None:
        return PROVIDERS["generic"], False
    return _by_key(settings.model), False


def _row(name: str, where: str) -> Provider:
    row = PROVIDERS.get(name)
    if row is None and name.endswith(OWN_ROW):
        raise ConfigurationError(
            f"{where} is {name.removesuffix(OWN_ROW)!r}, a row of somebody's own, of which a dump holds only the "
            "name: pass the Provider itself, provider=...",
        )
    if row is None:
        near = difflib.get_close_matches(name, PROVIDERS, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ConfigurationError(
            f"{where} is {name!r}, which is no provider.{hint} Known are {', '.join(PROVIDERS)}; or pass your own "
            "Provider(...).",
        )
    return row


def _by_key(model: str) -> Provider:
    """Find the provider whose key is set and who has the model; rows that share a variable count as one."""
    keyed: dict[tuple[str, ...], Provider] = {}
    for row in PROVIDERS.values():
        if _key_in_environment(row) is not None and row.offers(model):
            keyed.setdefault(row.key_variables, row)
    if len(keyed) == 1:
        return next(iter(keyed.values()))
    choices = ", ".join(
        f"{row.name} ({' or '.join(row.key_variables)})" for row in PROVIDERS.values() if row.key_variables
    )
    local = ", ".join(row.name for row in PROVIDERS.values() if not row.key_required and row.base_url)
    found = f"keys are set for {', '.join(row.name for row in keyed.values())}" if keyed else "no key variable is set"
    if not keyed and any(_key_in_environment(row) for row in PROVIDERS.values()):
        found = "no provider whose key is set lists this model"
    raise ConfigurationError(
        f"Cannot tell which provider to ask for {model!r}: {found}. Pass provider=... (or base_url=...), or set "
        f"QWEN_PROVIDER. With a key: {choices}. Local servers: {local}.",
        model=model,
    )


def _base_url(settings: QwenSettings, provider: Provider) -> str:
    url = (settings.base_url or provider.base_url).strip().rstrip("/")
    if not url:
        raise ConfigurationError(
            f"Provider {provider.name!r} has no address of its own: pass base_url=...",
            provider=provider.name,
            model=settings.model,
        )
    # Endpoint pages show the full route; the SDK appends it.
    for route in _ROUTES[provider.protocol]:
        url = url.removesuffix(route)
    if not _is_address(url):
        raise ConfigurationError(
            f"base_url={url!r} is not an http:// or https:// address.", provider=provider.name, model=settings.model
        )
    for held, place in _more_than_an_address(url):
        raise ConfigurationError(
            f"base_url holds {held}, which traces and errors would show: pass it in {place}, whose values are hidden.",
            provider=provider.name,
            model=settings.model,
        )
    return url


def _more_than_an_address(url: str) -> Iterator[tuple[str, str]]:
    """Give what does not belong in an address, and where it belongs."""
    parts = urlsplit(url)
    if "@" in parts.netloc:
        yield "a user or a password", "default_headers={'Authorization': 'Basic ...'}"
    if parts.query:
        yield "a query", "default_query={...}"


@lru_cache(maxsize=64)
def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a broken IPv6 address, or a port that is no number
        return False


def _key_in_environment(provider: Provider) -> str | None:
    for variable in provider.key_variables:
        value = os.environ.get(variable, "").strip()
        if value:
            return value
    return None


def _key(settings: QwenSettings, provider: Provider, base_url: str, *, named: bool) -> SecretStr | None:
    """The caller's key, or the provider's own variable, which must not go to a host nobody named it for."""
    if settings.api_key is not None:
        value = settings.api_key.get_secret_value().strip()  # keys read from files end in a line break
    elif settings.base_url is not None and not named and not provider.owns(base_url):
        return None
    else:
        value = _key_in_environment(provider) or ""
    if not (value.isascii() and value.isprintable()):
        raise ConfigurationError(
            "The API key holds characters that no HTTP header can carry: was something else pasted along?",
            provider=provider.name,
            model=settings.model,
        )
    return SecretStr(value) if value else None


def _refuse_missing_key(provider: Provider, model: str, key: SecretStr | None) -> None:
    if key is None and provider.key_required:
        page = f" Keys are made at {provider.key_page}." if provider.key_page else ""
        where = f"Set {' or '.join(provider.key_variables)}, or pass" if provider.key_variables else "Pass"
        raise ConfigurationError(
            f"No API key for provider {provider.name!r}. {where} api_key=...{page}", provider=provider.name, model=model
        )


def _refuse_clear_text(provider: Provider, settings: QwenSettings, base_url: str, key: SecretStr | None) -> None:
    parts = urlsplit(base_url)
    headers = {name.lower() for name in settings.default_headers or ()}
    secret = key is not None or headers & {"authorization", "x-api-key", "api-key"}
    if parts.scheme == "https" or not secret or settings.allow_insecure or is_private_host(parts.hostname or ""):
        return
    raise ConfigurationError(
        f"base_url={base_url!r} would carry the API key in clear text over the public internet. Use https://, or pass "
        "allow_insecure=True if you accept that.",
        provider=provider.name,
        model=settings.model,
    )


@lru_cache(maxsize=64)
def is_private_host(host: str) -> bool:
    """Whether `host` is loopback, a private address, or a name that no public registry knows."""
    # Clients read other scripts' full stops as dots, and percent signs mean something in an IPv6 zone only.
    host = host.translate(_FULL_STOPS).strip("[]").rstrip(".").lower()
    if ":" in host:
        host = host.partition("%")[0]
    elif "%" in host:
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        try:
            # Resolvers read `134744072` and `0x8.0x8.0x8.0x8` as addresses, so they are no names.
            address = ipaddress.IPv4Address(socket.inet_aton(host))
        except OSError:
            return "." not in host or host.endswith(_PRIVATE_SUFFIXES)
    mapped = getattr(address, "ipv4_mapped", None)
    return not (mapped or address).is_global


def _offer(provider: Provider, model: str) -> ModelOffer:
    lowered = model.lower()
    return next((offer for name, offer in provider.models.items() if name.lower() == lowered), _NO_OFFER)


_DESCRIBED: set[str] = set()
"""Unknown models that a warning has been given for, or that the caller has described."""


def _profile(model: str, common: ModelOffer, offer: ModelOffer, *, described: bool) -> ModelProfile:
    found = catalogue().find(model)
    if found is None:
        found = unknown_model(model)
        if not described and not offer.profile and model not in _DESCRIBED:
            warnings.warn(
                f"Model {model!r} is not in the catalogue: nothing is assumed about it. Its features are not limited; "
                "tell what it can do with context_window=... (LlamaIndex) or profile=... (LangChain), or with a "
                "provider row whose `models` holds its profile.",
                stacklevel=2,
            )
        _DESCRIBED.add(model)
    changes = {**common.profile, **offer.profile}
    return replace(found, **changes) if changes else found
