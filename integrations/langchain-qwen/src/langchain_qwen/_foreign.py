"""Arguments of LangChain's other chat models.

Sent to an endpoint they would be refused there, in less clear words, and a key would travel in the body and show in
dumps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from langchain_qwen._errors import ConfigurationError

_HERE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "http_async_client": "it is async_http_client here",
        "model_kwargs": "give settings by name, and anything else in extra_body",
        "openai_api_base": "it is base_url here",
        "request_timeout": "it is timeout here",
        "use_responses_api": "the provider's row says which protocol is spoken; leave this out",
    }
)
_KEYS: Final = "_api_key"
"""How arguments end that hold a key: `openai_api_key`, `dashscope_api_key`."""


def refuse_foreign(given: Iterable[str]) -> None:
    """Refuse arguments that other chat models take.

    Raises:
        ConfigurationError: It says what to do instead.
    """
    for name in given:
        hint = "it is api_key here" if name.endswith(_KEYS) else _HERE.get(name)
        if hint is not None:
            raise ConfigurationError(f"ChatQwen has no argument {name!r}: {hint}.")
