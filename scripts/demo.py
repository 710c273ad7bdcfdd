"""`make demo`: Qwen through LangChain and LlamaIndex, streamed, with thinking, tools, retrieval and an image.

Without a key it starts the scripted sandbox and says so; with WCODE_API_KEY, ANYFAST_API_KEY, ANYFAST_CN_API_KEY or
DASHSCOPE_API_KEY set it asks that endpoint for real.
"""

from __future__ import annotations

import base64
import os
import struct
import zlib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langchain_qwen import ChatQwen
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.llms.qwen import Qwen
from qwen_endpoints import CostTracker, track_costs
from qwen_endpoints.display import show
from qwen_sandbox import Sandbox
from rich.console import Console
from rich.rule import Rule
from typing_extensions import override

DOCS = Path(__file__).parent.parent / "docs"
console = Console(highlight=False)


@dataclass(frozen=True)
class Scene:
    """Where one scene is played: constructor arguments for `ChatQwen` and `Qwen` alike."""

    model: str
    provider: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments, complete."""
        return {"model": self.model, "provider": self.provider, **self.arguments}


@dataclass(frozen=True)
class Programme:
    """The endpoint of each scene; no `vision` where the endpoint has no model that sees."""

    chat: Scene
    tools: Scene
    retrieval: Scene
    vision: Scene | None


_REAL = {
    "WCODE_API_KEY": ("wcode", "qwen/qwen3-235b-a22b", "qwen/qwen3-vl-32b-instruct"),
    "ANYFAST_API_KEY": ("anyfast", "qwen3.6-flash", "qwen3.6-flash"),
    "ANYFAST_CN_API_KEY": ("anyfast-cn", "qwen3-32b", None),
    "DASHSCOPE_API_KEY": ("dashscope", "qwen-plus", "qwen3-vl-plus"),
}


@contextmanager
def programme() -> Generator[Programme]:
    """Choose the endpoint whose key is set, or start the sandbox and play each scene on another of its endpoints."""
    variable = next((name for name in _REAL if os.environ.get(name)), None)
    if variable is not None:
        provider, model, vision = _REAL[variable]
        console.print(f"[bold]{variable} is set: asking {provider} for real.[/]")
        chat = Scene(model, provider)
        yield Programme(chat, chat, chat, Scene(vision, provider) if vision else None)
        return
    console.print("[bold]No key is set, so a local sandbox answers: its replies are scripted, no model is inside.[/]")
    console.print(f"[dim]Set one of {', '.join(_REAL)} to ask a real endpoint.[/]")
    with Sandbox() as sandbox:

        def scene(model: str, provider: Literal["anyfast-cn", "anyfast", "wcode"]) -> Scene:
            return Scene(model, provider, {"base_url": sandbox.base_url(provider), "api_key": sandbox.api_key})

        yield Programme(
            chat=scene("qwen3-32b", "anyfast-cn"),
            tools=scene("qwen/qwen3-235b-a22b", "wcode"),
            retrieval=scene("qwen3.6-flash", "anyfast"),
            vision=scene("qwen/qwen3-vl-32b-instruct", "wcode"),
        )


def open_scene(title: str, scene: Scene, prompt: str) -> None:
    """Announce a scene."""
    console.print()
    console.print(Rule(f"[bold cyan]{title}[/] [dim]{scene.provider} · {scene.model}[/]", align="left"))
    console.print(f"[bold]> {prompt}[/]")


def chain_with_thinking(scene: Scene) -> None:
    """`prompt | ChatQwen`, with the thinking visible."""
    question = "How much is 12 times 7?"
    open_scene("LangChain chain, thinking on", scene, question)
    prompt = ChatPromptTemplate.from_messages([("system", "You are a patient teacher."), ("human", "{question}")])
    chain = prompt | ChatQwen(**scene.settings, enable_thinking=True)
    show(chain.stream({"question": question}))


@tool
def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return {"Paris": "18°C and sunny", "London": "12°C and rain"}.get(city, "unknown")


def tool_round_trip(scene: Scene) -> None:
    """Ask, run the calls the model makes, and let it answer with their results."""
    question = "What is the weather in Paris and in London? Use the tool."
    open_scene("LangChain tool calls", scene, question)
    model = ChatQwen(**scene.settings).bind_tools([get_weather])
    messages: list[BaseMessage] = [HumanMessage(question)]
    answer = show(model.stream(messages))
    results = [get_weather.invoke(call) for call in answer.tool_calls]
    show(results)
    show(model.stream([*messages, answer, *results]))


class Paragraphs(BaseRetriever):
    """Finds the paragraphs of this project's documentation that share the most words with a question."""

    def __init__(self, folder: Path) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType] - untyped in LlamaIndex
        self._nodes = [
            TextNode(text=" ".join(paragraph.split()), metadata={"file": path.name})
            for path in sorted(folder.glob("*.md"))
            for paragraph in path.read_text(encoding="utf-8").split("\n\n")
            if len(paragraph) > 40 and not paragraph.startswith(("```", "|", "#"))  # noqa: PLR2004 - skips headings
        ]

    @override
    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        asked = _words(query_bundle.query_str)
        scored = [(len(asked & _words(node.text)) / (8 + len(_words(node.text))) ** 0.5, node) for node in self._nodes]
        best = sorted(scored, key=lambda pair: pair[0], reverse=True)[:3]
        return [NodeWithScore(node=node, score=score) for score, node in best]


def _words(text: str) -> set[str]:
    return {word.strip(".,:;?!()`*").lower() for word in text.split() if len(word) > 3}  # noqa: PLR2004 - skips "the"


def retrieval(scene: Scene) -> None:
    """A LlamaIndex query engine over `docs/`, with a local retriever: nothing is downloaded."""
    question = "Where do reasoning_details go back to?"
    open_scene("LlamaIndex retrieval over docs/", scene, question)
    engine = RetrieverQueryEngine.from_args(Paragraphs(DOCS), llm=Qwen(**scene.settings), streaming=True)
    show(engine.query(question))


def image_question(scene: Scene) -> None:
    """Show the model a small picture made here."""
    question = "What do you see in this picture?"
    open_scene("LangChain image question", scene, f"{question} [64x48 PNG]")
    picture = base64.b64encode(red_png(64, 48)).decode()
    message = HumanMessage(
        [
            {"type": "text", "text": question},
            {"type": "image", "base64": picture, "mime_type": "image/png"},
        ]
    )
    show(ChatQwen(**scene.settings).stream([message]))


def bill(costs: CostTracker) -> None:
    """Say what the scenes took."""
    console.print()
    console.print(Rule("[bold cyan]What it took[/]", align="left"))
    console.print(str(costs), soft_wrap=True)


def red_png(width: int, height: int) -> bytes:
    """Write a plain red PNG, so that the demo needs no image file and no image library."""

    def block(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\x00" + b"\xd0\x10\x10" * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + block(b"IHDR", header) + block(b"IDAT", zlib.compress(rows)) + block(b"IEND", b"")


def main() -> None:
    """Play the four scenes."""
    with programme() as scenes, track_costs() as costs:
        chain_with_thinking(scenes.chat)
        tool_round_trip(scenes.tools)
        retrieval(scenes.retrieval)
        if scenes.vision is None:
            console.print("\n[dim]This endpoint documents no model that sees, so there is no image question.[/]")
        else:
            image_question(scenes.vision)
        bill(costs)


if __name__ == "__main__":
    main()
