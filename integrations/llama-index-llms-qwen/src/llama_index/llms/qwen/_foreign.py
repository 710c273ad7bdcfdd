"""Arguments of the framework's other LLMs.

Sent to an endpoint they would be refused there, in less clear words, and a key would travel in the body and show in
dumps.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Final

from qwen_endpoints import ConfigurationError

_HERE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "additional_kwargs": "give settings by name, and anything else in extra_body",
        "image_documents": "put an ImageBlock into a ChatMessage and call chat()",
        "incremental_output": "frames always hold what is new in delta; leave this out",
        "is_chat_model": "it is one; leave this out",
        "max_new_tokens": "it is max_tokens here",
        "num_output": "it follows max_tokens",
        "rate_limiter": "it needs llama-index-core 0.14.16 or newer",
        "request_timeout": "it is timeout here",
        "reuse_client": "connections are kept per event loop; leave this out",
        "should_use_structured_outputs": "set structured_output='json_schema'",
        "stream": "call stream_chat() or stream_complete()",
        "tokenizer": "set Settings.tokenizer = llm.text_tokenizer()",
    }
)
_KEYS: Final = "_api_key"
"""How arguments end that hold a key: `openai_api_key`, `dashscope_api_key`."""


def refuse_foreign(given: Iterable[str], known: Collection[str] = ()) -> None:
    """Refuse arguments that other LLMs of the framework take, unless they are `known`.

    Raises:
        ConfigurationError: It says what to do instead.
    """
    for name in given:
        hint = "it is api_key here" if name.endswith(_KEYS) else _HERE.get(name)
        if hint is not None and name not in known:
            raise ConfigurationError(f"Qwen has no argument {name!r}: {hint}.")
