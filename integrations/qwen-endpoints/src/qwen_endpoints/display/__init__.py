"""Answers and streams of LangChain and LlamaIndex, shown live in notebooks and terminals.

`show(llm.stream(...))`, `await ashow(llm.astream(...))`. What the adapters need to register their frameworks' types is
here as well.
"""

from qwen_endpoints.display import completions as completions  # registers the core's own replies
from qwen_endpoints.display.live import ashow, show
from qwen_endpoints.display.readers import Collector, Opened, TextCollector, collector_for, opened, shown_of
from qwen_endpoints.display.shown import (
    Shown,
    ShownCall,
    ShownMedia,
    ShownSource,
    ShownTokens,
    arguments_text,
    cost_from,
    mapping_in,
    tokens_from,
)

__all__ = [
    "Collector",
    "Opened",
    "Shown",
    "ShownCall",
    "ShownMedia",
    "ShownSource",
    "ShownTokens",
    "TextCollector",
    "arguments_text",
    "ashow",
    "collector_for",
    "cost_from",
    "mapping_in",
    "opened",
    "show",
    "shown_of",
    "tokens_from",
]
