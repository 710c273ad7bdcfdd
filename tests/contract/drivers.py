"""The ways to ask: the bare core, LangChain and LlamaIndex, each whole or streamed, sync or async."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Any, Final, Generic, Literal, TypeVar, cast

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_qwen import ChatQwen
from llama_index.core.base.llms.types import ImageBlock, TextBlock, ToolCallBlock
from llama_index.core.llms import ChatMessage, ChatResponse
from llama_index.llms.qwen import Qwen
from qwen_endpoints import (
    Completion,
    CompletionDelta,
    Json,
    Message,
    QwenClient,
    QwenError,
    QwenSettings,
    plan_call,
    resolve,
)
from typing_extensions import override

from tests.contract.views import (
    View,
    view_of_completion,
    view_of_deltas,
    view_of_error,
    view_of_langchain,
    view_of_llamaindex,
)

Mode = Literal["whole", "stream", "whole async", "stream async"]
MODES: Final[tuple[Mode, ...]] = ("whole", "stream", "whole async", "stream async")


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A question, in no framework's words."""

    system: str = ""
    """What the model is told before."""
    prompt: str = "Hi"
    image: str | None = None
    """The URL of an image that goes with it."""
    tools: Sequence[Json] = ()
    """What may be called, in the shape of Chat Completions."""
    results: Sequence[str] = ()
    """What the called tools say, in order; with results there is a second round, and its answer counts."""
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Arguments of the call."""


_MessageT = TypeVar("_MessageT")
_AnswerT = TypeVar("_AnswerT")


class Driver(ABC, Generic[_MessageT, _AnswerT]):
    """Asks one framework's model."""

    name: str

    @abstractmethod
    def question(self, ask: Ask) -> list[_MessageT]: ...

    @abstractmethod
    async def answer(self, messages: list[_MessageT], mode: Mode, options: Mapping[str, Any]) -> _AnswerT: ...

    @abstractmethod
    def stream(self, ask: Ask) -> Iterator[object]:
        """The pieces of a streamed answer, as the framework gives them; so that a test can leave early."""

    @abstractmethod
    async def astream(self, ask: Ask) -> AsyncIterator[object]:
        """As `stream`."""

    @abstractmethod
    def view(self, answer: _AnswerT) -> View: ...

    @abstractmethod
    def second_round(self, answer: _AnswerT, results: Sequence[str]) -> list[_MessageT]:
        """The answer with its calls, and their results: as many as there are calls."""

    async def answers(self, asks: Sequence[Ask], mode: Mode) -> list[_AnswerT]:
        """Ask one thing after the other, and where there are results, ask again. Raises what the model raises."""
        messages: list[_MessageT] = []
        answers: list[_AnswerT] = []
        for ask in asks:
            messages += self.second_round(answers[-1], ()) if answers else ()
            messages += self.question(ask)
            options = {"tools": list(ask.tools), **ask.options} if ask.tools else ask.options
            answers.append(await self.answer(messages, mode, options))
            if ask.results:
                messages += self.second_round(answers[-1], ask.results)
                # A forced choice is for the first round.
                options = {name: value for name, value in options.items() if name != "tool_choice"}
                answers.append(await self.answer(messages, mode, options))
        return answers

    async def converse(self, ask: Ask, mode: Mode) -> list[View]:
        """As `answers` to one question, as views."""
        return [self.view(answer) for answer in await self.answers([ask], mode)]

    async def reply(self, ask: Ask, mode: Mode) -> View:
        """The view of the last answer, or of the error."""
        try:
            return (await self.converse(ask, mode))[-1]
        except QwenError as error:
            return view_of_error(error)


class Core(Driver[Message, "Completion | list[CompletionDelta]"]):
    """`QwenClient`, without a framework."""

    name = "core"

    def __init__(self, **settings: Any) -> None:
        self._settings = QwenSettings(**settings)
        self._client = QwenClient()

    @override
    def question(self, ask: Ask) -> list[Message]:
        image = {"type": "image_url", "image_url": {"url": ask.image}}
        content = [{"type": "text", "text": ask.prompt}, image] if ask.image else ask.prompt
        told = [Message(role="system", content=ask.system)] if ask.system else []
        return [*told, Message(role="user", content=content)]

    @override
    async def answer(
        self, messages: list[Message], mode: Mode, options: Mapping[str, Any]
    ) -> Completion | list[CompletionDelta]:
        named = {"tools", "tool_choice", "response_format"}
        call = plan_call(
            self._settings,
            messages,
            overrides={name: value for name, value in options.items() if name not in named},
            **{name: value for name, value in options.items() if name in named},
        )
        match mode:
            case "whole":
                return self._client.complete(call)
            case "stream":
                return list(self._client.stream(call))
            case "whole async":
                return await self._client.acomplete(call)
            case "stream async":
                return [delta async for delta in self._client.astream(call)]

    @override
    def stream(self, ask: Ask) -> Iterator[CompletionDelta]:
        return self._client.stream(plan_call(self._settings, self.question(ask)))

    @override
    async def astream(self, ask: Ask) -> AsyncIterator[CompletionDelta]:
        return self._client.astream(plan_call(self._settings, self.question(ask)))

    @override
    def view(self, answer: Completion | list[CompletionDelta]) -> View:
        return view_of_deltas(answer) if isinstance(answer, list) else view_of_completion(answer)

    @override
    def second_round(self, answer: Completion | list[CompletionDelta], results: Sequence[str]) -> list[Message]:
        completion = answer[-1].completion if isinstance(answer, list) else answer
        assert completion is not None
        said = completion.first
        assert len(said.tool_calls) == len(results)
        return [
            Message(
                role="assistant",
                content=said.text,
                reasoning=said.reasoning,
                reasoning_details=said.reasoning_details,
                reasoning_field=said.reasoning_field,
                origin=resolve(self._settings).provider.name,
                tool_calls=said.tool_calls,
            ),
            *(
                Message(role="tool", content=result, tool_call_id=call.id)
                for call, result in zip(said.tool_calls, results, strict=True)
            ),
        ]


class LangChain(Driver[BaseMessage, AIMessage]):
    """`ChatQwen`."""

    name = "langchain"

    def __init__(self, **settings: Any) -> None:
        self.model = ChatQwen(**settings)

    @override
    def question(self, ask: Ask) -> list[BaseMessage]:
        told = [SystemMessage(ask.system)] if ask.system else []
        if ask.image is None:
            return [*told, HumanMessage(ask.prompt)]
        return [*told, HumanMessage([{"type": "text", "text": ask.prompt}, {"type": "image", "url": ask.image}])]

    @override
    async def answer(self, messages: list[BaseMessage], mode: Mode, options: Mapping[str, Any]) -> AIMessage:
        match mode:
            case "whole":
                return self.model.invoke(messages, **options)
            case "stream":
                return reduce(add, self.model.stream(messages, **options))
            case "whole async":
                return await self.model.ainvoke(messages, **options)
            case "stream async":
                chunks = [chunk async for chunk in self.model.astream(messages, **options)]
                return reduce(add, chunks)

    @override
    def stream(self, ask: Ask) -> Iterator[AIMessageChunk]:
        return self.model.stream(self.question(ask))

    @override
    async def astream(self, ask: Ask) -> AsyncIterator[AIMessageChunk]:
        return self.model.astream(self.question(ask))

    @override
    def view(self, answer: AIMessage) -> View:
        return view_of_langchain(answer)

    @override
    def second_round(self, answer: AIMessage, results: Sequence[str]) -> list[BaseMessage]:
        return [
            answer,
            *(
                ToolMessage(result, tool_call_id=call["id"] or "")
                for call, result in zip(answer.tool_calls, results, strict=True)
            ),
        ]


class LlamaIndex(Driver[ChatMessage, ChatResponse]):
    """`Qwen`."""

    name = "llamaindex"

    def __init__(self, **settings: Any) -> None:
        self.model = Qwen(**settings)

    @override
    def question(self, ask: Ask) -> list[ChatMessage]:
        blocks = [TextBlock(text=ask.prompt), *([ImageBlock(url=ask.image)] if ask.image else [])]
        told = [ChatMessage(role="system", content=ask.system)] if ask.system else []
        return [*told, ChatMessage(role="user", blocks=blocks)]

    @override
    async def answer(self, messages: list[ChatMessage], mode: Mode, options: Mapping[str, Any]) -> ChatResponse:
        match mode:
            case "whole":
                return self.model.chat(messages, **options)
            case "stream":
                return last_frame(list(self.model.stream_chat(messages, **options)))
            case "whole async":
                return await self.model.achat(messages, **options)
            case "stream async":
                return last_frame([frame async for frame in await self.model.astream_chat(messages, **options)])

    @override
    def stream(self, ask: Ask) -> Iterator[ChatResponse]:
        return self.model.stream_chat(self.question(ask))

    @override
    async def astream(self, ask: Ask) -> AsyncIterator[ChatResponse]:
        return await self.model.astream_chat(self.question(ask))

    @override
    def view(self, answer: ChatResponse) -> View:
        return view_of_llamaindex(answer)

    @override
    def second_round(self, answer: ChatResponse, results: Sequence[str]) -> list[ChatMessage]:
        calls = [block for block in answer.message.blocks if isinstance(block, ToolCallBlock)]
        return [
            answer.message,
            *(
                ChatMessage(role="tool", content=result, additional_kwargs={"tool_call_id": call.tool_call_id})
                for call, result in zip(calls, results, strict=True)
            ),
        ]


def last_frame(frames: list[ChatResponse]) -> ChatResponse:
    """The complete frame, after a check that what the frames add is what it says."""
    whole = view_of_llamaindex(frames[-1])
    facts = [cast("Json", frame.additional_kwargs) for frame in frames]  # pyright: ignore[reportUnknownMemberType]
    assert "".join(frame.delta or "" for frame in frames) == whole.text
    assert "".join(fact.get("thinking_delta", "") for fact in facts) == whole.reasoning
    return frames[-1]


FRAMEWORKS: Final = (LangChain, LlamaIndex)
DRIVERS: Final = (Core, *FRAMEWORKS)
