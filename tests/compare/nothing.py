"""A chat model that takes everything and does nothing. A probe that approves of it probes nothing."""

from __future__ import annotations

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import ConfigDict
from typing_extensions import override


class Nothing(BaseChatModel):
    """Sends nothing, answers nothing."""

    model_config = ConfigDict(extra="ignore")

    @property
    @override
    def _llm_type(self) -> str:
        return "nothing"

    @override
    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self.bind()

    @override
    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage(""))])
