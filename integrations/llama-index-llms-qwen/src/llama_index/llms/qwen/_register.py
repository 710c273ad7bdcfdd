"""`load_llm`, for those who ask for it."""

from __future__ import annotations

from typing import Any, cast

from qwen_endpoints import ConfigurationError


def register() -> None:
    """Let `llama_index.core.llms.loading.load_llm(llm.to_dict())` make a `Qwen`.

    LlamaIndex keeps its list of classes in a table that nothing but its own code fills (llama-index-core 0.14), so that
    this writes into the table. It is done only when you call it, since importing that table imports every OpenAI
    integration that is installed. Calling it again changes nothing. A dump holds no key: it comes from the provider's
    variable.

    Raises:
        ConfigurationError: Another package has registered a class of this name, or there is no such table any more.
    """
    from llama_index.core.llms import loading  # noqa: PLC0415 - as said, not before it is asked for

    from llama_index.llms.qwen.base import Qwen  # noqa: PLC0415 - it goes with the line above

    table: object = getattr(loading, "RECOGNIZED_LLMS", None)
    if not isinstance(table, dict):
        raise ConfigurationError("This llama-index-core keeps its classes elsewhere: use Qwen.from_dict(...).")
    classes = cast("dict[str, Any]", table)
    name = Qwen.class_name()
    other = classes.get(name)
    if other not in (None, Qwen):
        raise ConfigurationError(f"load_llm knows another {name!r}, of {other.__module__}: use Qwen.from_dict(...).")
    classes[name] = Qwen
