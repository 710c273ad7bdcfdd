"""Pictures that a retriever finds, shown to the model."""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import ImageNode, NodeWithScore, QueryBundle, TextNode
from typing_extensions import override

from tests.unit.llamaindex.ecosystem import CORE, NOTES, PIXEL, THOUGHT, say, sent

if TYPE_CHECKING:
    from collections.abc import Callable

    from llama_index.llms.qwen import Qwen
    from qwen_sandbox import Sandbox


class Pictures(BaseRetriever):
    """A picture and a note, found by every query."""

    @override
    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = [ImageNode(image=PIXEL), TextNode(text=NOTES[0])]
        return [NodeWithScore(node=node, score=1.0) for node in found]


@pytest.mark.parametrize("way", ["chat", "achat", "stream", "astream"])
async def test_pictures_that_were_found_are_shown(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, way: str
) -> None:
    engines: Any = pytest.importorskip(
        "llama_index.core.chat_engine.multi_modal_context", reason="a chat engine of newer cores"
    )
    memory = ChatMemoryBuffer.from_defaults()
    talk = engines.MultiModalContextChatEngine.from_defaults(
        Pictures(), multi_modal_llm=make_llm(enable_thinking=True), memory=memory, system_prompt="Be kind."
    )
    answer = await say(talk, way, "What does the image show?")
    assert "1×1" in answer
    assert THOUGHT not in answer
    picture, text = sent(qwen_sandbox)[-1]["content"]
    assert picture == {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    assert NOTES[0] in text["text"]


@pytest.mark.skipif(CORE < (0, 14, 23), reason="the framework's query engines take pictures from 0.14.23 on")
@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streaming"])
async def test_a_query_engine_shows_pictures(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, *, streaming: bool
) -> None:
    asked = RetrieverQueryEngine.from_args(
        Pictures(), llm=make_llm(enable_thinking=True), multimodal=True, streaming=streaming
    )
    answer = await asked.aquery("What does the image show?")
    # The text of a stream is read here: `str` of it would run another loop, whose connections stay open.
    told = [piece async for piece in answer.async_response_gen()] if streaming else [str(answer)]  # type: ignore[union-attr] - as asked for
    assert "1×1" in "".join(told)
    parts = [
        part for message in sent(qwen_sandbox) if isinstance(message["content"], list) for part in message["content"]
    ]
    assert {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}} in parts
