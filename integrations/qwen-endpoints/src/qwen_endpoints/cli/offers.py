"""Which models a provider's row is known to have, and under which ids."""

from __future__ import annotations

from qwen_endpoints.endpoint import resolve
from qwen_endpoints.models import ModelProfile, catalogue
from qwen_endpoints.providers import PROVIDERS, Provider
from qwen_endpoints.settings import QwenSettings


def row_named(name: str) -> Provider:
    """Return a provider's row.

    Raises:
        ConfigurationError: There is none; the message says which is meant, perhaps, and which there are.
    """
    return PROVIDERS[name] if name in PROVIDERS else resolve(QwenSettings(model="", provider=name)).provider


def listed_ids(row: Provider) -> list[str]:
    """Return the ids that a row itself names."""
    return [name for name in row.models if name != "*"]


def known_ids(row: Provider) -> list[str]:
    """Return every id that a row is known to have."""
    prefix = row.id_prefix
    return [*listed_ids(row), *(f"{prefix}{name}" for name in catalogue_ids() if prefix is not None)]


def catalogue_ids() -> list[str]:
    """Return the catalogue's ids, without aliases."""
    return list(dict.fromkeys(profile.id for profile in catalogue().profiles.values()))


def all_ids() -> list[str]:
    """Return every id that some row has."""
    return list(dict.fromkeys(name for row in PROVIDERS.values() for name in known_ids(row)))


def profile_at(row: Provider, model: str) -> ModelProfile:
    """Return what a model can do at a provider."""
    # Rows without an address of their own are asked about, not called.
    settings = QwenSettings(model=model, provider=row, base_url=row.base_url or "http://localhost")
    return resolve(settings, need_key=False, described=True).profile


def ids_of(row: Provider, model: str) -> list[str]:
    """Return the ids under which a provider has a model, however the caller spells it."""
    wanted = catalogue().find(model)
    if wanted is None:
        return [name for name in listed_ids(row) if name.lower() == model.lower()]
    return [name for name in known_ids(row) if catalogue().find(name) is wanted]
