"""`init_chat_model("qwen:...")`, for those who ask for it."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from langchain_qwen._errors import ConfigurationError

_NAME: Final = "qwen"
_TABLE: Final = "_BUILTIN_PROVIDERS"


def register() -> None:
    """Let `langchain.chat_models.init_chat_model("qwen:<model>", provider=..., ...)` make a `ChatQwen`.

    LangChain keeps its list of providers in a private table and has no way to join it (langchain 1.4), so that this
    writes into the table. It is done only when you call it, and calling it again changes nothing.

    Raises:
        ConfigurationError: `langchain` is not installed, or keeps no such table any more.
    """
    try:
        base = import_module("langchain.chat_models.base")
    except ImportError as error:
        raise ConfigurationError("register() needs the package langchain: pip install langchain") from error
    table = getattr(base, _TABLE, None)
    if not isinstance(table, dict):
        raise ConfigurationError("This langchain keeps its providers elsewhere: build ChatQwen(...) itself.")
    table[_NAME] = ("langchain_qwen", "ChatQwen", _make)


def _make(cls: type[Any], **arguments: Any) -> Any:
    return cls(**arguments)
