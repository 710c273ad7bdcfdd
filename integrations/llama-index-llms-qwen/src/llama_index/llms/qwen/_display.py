"""What `qwen_endpoints.display.show` has to know of LlamaIndex: messages, the responses of models and engines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, cast

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    DocumentBlock,
    ImageBlock,
    ThinkingBlock,
    VideoBlock,
)
from llama_index.core.base.response.schema import AsyncStreamingResponse, PydanticResponse, Response, StreamingResponse
from llama_index.core.chat_engine.types import AgentChatResponse, BaseChatEngine, StreamingAgentChatResponse
from llama_index.core.schema import NodeWithScore
from qwen_endpoints.display import (
    Collector,
    Opened,
    Shown,
    ShownCall,
    ShownMedia,
    ShownSource,
    ShownTokens,
    TextCollector,
    arguments_text,
    collector_for,
    cost_from,
    opened,
    shown_of,
    tokens_from,
)
from typing_extensions import override

from llama_index.llms.qwen._tool_calls import INVALID_CALLS, PARTIAL, REFUSAL, facts_of, stated_calls

_Facts = Mapping[str, Any]
_NOTHING: Final[_Facts] = {}
_LABELS: Final = ("file_name", "file", "title", "url", "source", "page_label")
"""Metadata that name a source, as LlamaIndex's readers write them."""


def turn_of(message: ChatMessage, facts: _Facts = _NOTHING, *, growing: bool = False) -> Shown:
    """Return what a message has to show.

    Args:
        message: The message.
        facts: `additional_kwargs` of the response that it stands in.
        growing: Whether more may come; then calls are shown as far as they are written.
    """
    beside = cast("_Facts", message.additional_kwargs)
    thoughts = [block.content or "" for block in message.blocks if isinstance(block, ThinkingBlock)]
    return Shown(
        speaker=message.role.value,
        name=_word(beside.get("name")),
        reasoning="".join(thoughts),
        text=message.content or "",
        media=tuple(_media(message)),
        calls=tuple(_calls(message, facts, growing=growing)),
        call_id=_word(beside.get("tool_call_id")),
        failed=beside.get("is_error") is True,
        others=tuple(_other(choice) for choice in facts.get("other_choices") or ()),
        **_call_facts(facts),
        refusal=_word(facts.get(REFUSAL) or beside.get(REFUSAL)),
        growing=growing,
    )


def _call_facts(facts: _Facts) -> Any:
    return {
        "model": _word(facts.get("model")),
        "provider": _word(facts.get("provider")),
        "finish_reason": _word(facts.get("finish_reason")),
        "native_finish_reason": _word(facts.get("native_finish_reason")),
        "tokens": _tokens(facts),
        "cost": cost_from(facts.get("cost")),
        "notes": tuple(map(str, facts.get("notes") or ())),
    }


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""


def _tokens(facts: _Facts) -> ShownTokens | None:
    names = {"input": "prompt_tokens", "output": "completion_tokens"}
    return tokens_from(facts, **names, reasoning="reasoning_tokens", cached="cached_tokens")


def _calls(message: ChatMessage, facts: _Facts, *, growing: bool) -> list[ShownCall]:
    reasons = {call["id"]: call["error"] for call in facts.get(INVALID_CALLS) or ()}
    found: list[ShownCall] = []
    for call in stated_calls(message):
        error = "" if growing else reasons.get(call.id) or call.error or ""
        written = call.arguments if growing or call.parsed is None else arguments_text(call.parsed)
        found.append(ShownCall(id=call.id, name=call.name, arguments=written, error=error))
    return sorted(found, key=lambda call: bool(call.error))


def _other(choice: _Facts) -> Shown:
    """A further choice, as this package's facts hold it."""
    calls = choice.get("tool_calls") or ()
    message = ChatMessage(role="assistant", content=choice.get("text", ""), additional_kwargs={"tool_calls": calls})
    shown = turn_of(message, choice)
    return replace(shown, reasoning=choice.get("reasoning", ""))


def _media(message: ChatMessage) -> Iterator[ShownMedia]:
    for block in message.blocks:
        if isinstance(block, ImageBlock):
            yield ShownMedia(kind="image", address=_address(block.image, block, block.image_mimetype))
        elif isinstance(block, VideoBlock):
            yield ShownMedia(kind="video", address=_address(block.video, block, block.video_mimetype))
        elif isinstance(block, AudioBlock):
            yield ShownMedia(kind="audio", address=_address(block.audio, block, None))
        elif isinstance(block, DocumentBlock):
            yield ShownMedia(kind="file", address=block.title or _address(block.data, block, block.document_mimetype))


def _address(data: object, block: ImageBlock | VideoBlock | AudioBlock | DocumentBlock, media_type: str | None) -> str:
    """Return a data URL of an image's bytes, else where a block's content is. No file is read."""
    if isinstance(data, bytes) and isinstance(block, ImageBlock):  # kept as base64
        return f"data:{media_type or 'image/png'};base64,{data.decode('ascii', 'replace')}"
    return str(block.url or block.path or "data")


def _source(node: NodeWithScore) -> ShownSource:
    metadata = node.node.metadata
    named = [str(metadata[key]) for key in _LABELS if metadata.get(key)]
    label = " · ".join(dict.fromkeys(named)) or node.node.node_id
    return ShownSource(label=label, text=node.node.get_content(), score=node.score)


def _sources(nodes: Iterable[NodeWithScore]) -> tuple[ShownSource, ...]:
    return tuple(map(_source, nodes))


def _completion(response: CompletionResponse, *, growing: bool = False) -> Shown:
    """A completion, which has no message: reasoning and calls stand beside it."""
    facts = cast("_Facts", response.additional_kwargs)  # pyright: ignore[reportUnknownMemberType] - a bare dict
    calls = {"tool_calls": facts["tool_calls"]} if facts.get("tool_calls") else {}
    message = ChatMessage(role="assistant", content=response.text, additional_kwargs=calls)
    shown = turn_of(message, facts, growing=growing)
    return replace(shown, reasoning=_word(facts.get("thinking")))


class FrameCollector:
    """Keeps the last frame, which holds all that the others brought."""

    def __init__(self) -> None:
        self._last: Any = None

    def add(self, item: ChatResponse | CompletionResponse) -> bool:
        """Take a frame."""
        self._last = item
        return cast("_Facts", item.additional_kwargs).get(PARTIAL) is not True  # pyright: ignore[reportUnknownMemberType] - a bare dict

    def turns(self, *, growing: bool) -> tuple[Shown, ...]:
        """Return the one turn."""
        last: ChatResponse | CompletionResponse = self._last
        partial = growing and cast("_Facts", last.additional_kwargs).get(PARTIAL) is True  # pyright: ignore[reportUnknownMemberType] - a bare dict
        if isinstance(last, CompletionResponse):
            return (_completion(last, growing=partial),)
        return (turn_of(last.message, facts_of(last), growing=partial),)

    def whole(self) -> Any:
        """Return the last frame."""
        return self._last


class MessageCollector:
    """Takes messages and responses one after the other, as a conversation holds them."""

    def __init__(self) -> None:
        self._items: list[Any] = []

    def add(self, item: object) -> bool:
        """Take a message or a response."""
        self._items.append(item)
        return True

    def turns(self, *, growing: bool) -> tuple[Shown, ...]:
        """Return the turns of each."""
        del growing
        return tuple(turn for item in self._items for turn in shown_of(item))

    def whole(self) -> list[Any]:
        """Return the items."""
        return self._items


@shown_of.register(ChatMessage)
def _(thing: ChatMessage) -> tuple[Shown, ...]:
    return (turn_of(thing),)


@shown_of.register(ChatResponse)
def _(thing: ChatResponse) -> tuple[Shown, ...]:
    return (turn_of(thing.message, facts_of(thing)),)


@shown_of.register(CompletionResponse)
def _(thing: CompletionResponse) -> tuple[Shown, ...]:
    return (_completion(thing),)


@shown_of.register(Response)
@shown_of.register(PydanticResponse)
@shown_of.register(AgentChatResponse)
def _(thing: Response | PydanticResponse | AgentChatResponse) -> tuple[Shown, ...]:
    return (Shown(text=str(thing), sources=_sources(thing.source_nodes)),)


@shown_of.register(StreamingResponse)
@shown_of.register(AsyncStreamingResponse)
def _(thing: StreamingResponse | AsyncStreamingResponse) -> tuple[Shown, ...]:
    return (Shown(text=thing.response_txt or "", sources=_sources(thing.source_nodes)),)


@shown_of.register(StreamingAgentChatResponse)
def _(thing: StreamingAgentChatResponse) -> tuple[Shown, ...]:
    return (Shown(text=thing.response, sources=_sources(thing.source_nodes)),)


@shown_of.register(BaseLLM)
@shown_of.register(BaseQueryEngine)
@shown_of.register(BaseChatEngine)
def _(thing: object) -> tuple[Shown, ...]:
    method = "query" if isinstance(thing, BaseQueryEngine) else "stream_chat"
    raise TypeError(f"show() was given a {type(thing).__name__}, not what it answers: show(it.{method}(...)).")


@collector_for.register(ChatResponse)
@collector_for.register(CompletionResponse)
def _(item: object) -> Collector:
    del item
    return FrameCollector()


@collector_for.register(ChatMessage)
def _(item: object) -> Collector:
    del item
    return MessageCollector()


class _ResponseCollector(TextCollector):
    """Joins the text of an engine's response, whose sources are known from the start."""

    def __init__(self, response: StreamingResponse | AsyncStreamingResponse) -> None:
        super().__init__(Shown(sources=_sources(response.source_nodes)))
        self._response = response

    @override
    def whole(self) -> Any:
        """Return the response, whole; the one that streamed knows its text from now on, as after its own methods."""
        self._response.response_txt = self.text
        return Response(self.text, self._response.source_nodes, self._response.metadata)


class _ChatCollector(TextCollector):
    """Joins the text of a chat engine's response; it notes the text itself."""

    def __init__(self, response: StreamingAgentChatResponse) -> None:
        super().__init__(Shown(sources=_sources(response.source_nodes)))
        self._response = response

    @override
    def whole(self) -> StreamingAgentChatResponse:
        """Return the response."""
        return self._response


@opened.register(StreamingResponse)
def _(thing: StreamingResponse) -> Opened | None:
    if thing.response_txt is not None:
        return None
    return Opened(items=thing.response_gen, collector=_ResponseCollector(thing))


@opened.register(AsyncStreamingResponse)
def _(thing: AsyncStreamingResponse) -> Opened | None:
    if thing.response_txt is not None:
        return None
    return Opened(items=thing.async_response_gen(), collector=_ResponseCollector(thing))


@opened.register(StreamingAgentChatResponse)
def _(thing: StreamingAgentChatResponse) -> Opened | None:
    if thing.response:
        return None
    items = thing.response_gen if thing.achat_stream is None else thing.async_response_gen()
    return Opened(items=items, collector=_ChatCollector(thing))
