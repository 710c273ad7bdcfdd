"""The model as an object: importing, building, copying, sharing, leaving and closing it."""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import copy
import gc
import inspect
import json
import pickle
import subprocess
import sys
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock, ThinkingBlock, ToolCallBlock
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.llms.qwen import Qwen
from pydantic import BaseModel
from qwen_endpoints import PROVIDERS, ConfigurationError, QwenError
from typing_extensions import override

from tests.unit.llamaindex.watching import EIGHT, ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from qwen_sandbox import Sandbox

ASK = [ChatMessage("What is 2 + 3?")]


# Importing and building


def _imported(code: str) -> set[str]:
    """The modules a fresh interpreter holds after running `code`."""
    script = f"{code}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=110)  # noqa: S603
    return set(json.loads(ran.stdout.splitlines()[-1]))


def test_nothing_is_imported_that_the_framework_does_not_import() -> None:
    """Neither by importing nor by building, showing, copying or dumping; the transport comes with the first call."""
    framework = _imported("import copy, pickle; from llama_index.core.llms.function_calling import FunctionCallingLLM")
    built = """if True:
        import copy, pickle
        from llama_index.llms.qwen import Qwen
        llm = Qwen(model='qwen3.6-flash', provider='anyfast', api_key='x', timeout=5, max_retries=0)
        llm.metadata, llm.to_payload(), repr(llm), llm.to_dict(), llm.to_json()
        copy.deepcopy(llm), pickle.loads(pickle.dumps(llm)), llm.model_copy()
        """
    new = {name.partition(".")[0] for name in _imported(built) - framework} - sys.stdlib_module_names
    assert {name for name in new if not name.startswith("_")} <= {
        "llama_index", "llama_index_instrumentation", "qwen_endpoints", "pydantic", "tomli"
    }  # fmt: skip


def test_building_is_cheap() -> None:
    Qwen(model="qwen3.6-flash", provider="anyfast")
    started = time.process_time()
    for _ in range(50):
        Qwen(model="qwen3.6-flash", provider="anyfast")
    assert (time.process_time() - started) / 50 < 0.01


def test_every_row_builds() -> None:
    for name in PROVIDERS:
        llm = Qwen(model="qwen3-32b", provider=name, base_url="http://localhost:1/v1", api_key="x")  # pyright: ignore[reportArgumentType] - pydantic makes it a secret
        assert llm.metadata.context_window > 0


# Copying


COPIES: dict[str, Callable[[Qwen], Qwen]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "model_copy": lambda llm: llm.model_copy(),
    "deep model_copy": lambda llm: llm.model_copy(deep=True),
    "pickle": lambda llm: pickle.loads(pickle.dumps(llm)),  # noqa: S301 - our own bytes
    "dict": lambda llm: Qwen.from_dict(llm.to_dict(), api_key=llm.api_key),
    "json": lambda llm: Qwen.from_json(llm.to_json(), api_key=llm.api_key),
}
each_copy = pytest.mark.parametrize("name", COPIES)


@each_copy
@pytest.mark.parametrize("used", [False, True], ids=["new", "used"])
def test_a_copy_works_like_the_original(make_llm: Callable[..., Qwen], name: str, *, used: bool) -> None:
    llm = make_llm(temperature=0.5, stop=["END"], context_window=5000, extra_body={})
    if used:
        llm.chat(ASK)
        asyncio.run(llm.achat(ASK))
        list(llm.stream_chat(ASK))
    twin = COPIES[name](llm)
    assert twin.to_dict() == llm.to_dict()
    assert twin.api_key == llm.api_key
    assert twin.metadata == llm.metadata
    assert twin.chat(ASK).message.content == "2 + 3 = 5"
    assert asyncio.run(twin.achat(ASK)).message.content == "2 + 3 = 5"
    twin.close()
    assert llm.chat(ASK).message.content == "2 + 3 = 5"


@each_copy
def test_a_copy_is_its_own(make_llm: Callable[..., Qwen], name: str) -> None:
    llm = make_llm()
    before = llm.to_dict()
    COPIES[name](llm).temperature = 0.9
    assert llm.to_dict() == before


def test_a_copy_with_changes_is_judged_at_its_call(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    """The framework's `model_copy` checks nothing."""
    llm.model_copy(update={"temperature": 0.3, "enable_thinking": True}).chat(ASK)
    body = qwen_sandbox.last_request.json
    assert (body["temperature"], body["enable_thinking"]) == (0.3, True)
    with pytest.raises(ConfigurationError, match="temperature=9"):
        llm.model_copy(update={"temperature": 9}).chat(ASK)
    assert llm.temperature is None


class Lock:
    """Something of a limiter's that cannot be copied."""

    def __init__(self) -> None:
        self.asked = 0

    @override
    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle this")

    def acquire(self, num_tokens: int = 0) -> None:
        self.asked += 1 + num_tokens


@pytest.mark.parametrize("name", ["copy", "deepcopy", "model_copy", "deep model_copy"])
def test_copies_are_watched_and_limited_together(make_llm: Callable[..., Qwen], name: str) -> None:
    """A budget for a service is one budget, however many copies there are."""
    counter = TokenCountingHandler(tokenizer=list[str])
    limiter = {"rate_limiter": Lock()} if "rate_limiter" in Qwen.model_fields else {}
    llm = make_llm(callback_manager=CallbackManager([counter]), **limiter)
    COPIES[name](llm).chat(ASK)
    llm.chat(ASK)
    assert len(counter.llm_token_counts) == 2
    assert all(lock.asked == 2 for lock in limiter.values())


# Sharing


def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


class City(BaseModel):
    """A city."""

    name: str


def _everything(llm: Qwen) -> dict[str, Any]:
    names = set(Qwen.model_fields) - {"callback_manager", "rate_limiter"}
    values = {name: getattr(llm, name) for name in names}
    return {**copy.deepcopy(values), "set": set(llm.model_fields_set), "shown": repr(llm), "dumped": llm.model_dump()}


@pytest.mark.parametrize(
    "place",
    [("anyfast", "qwen3.6-flash"), ("anyfast-cn", "qwen3-32b"), ("wcode", "qwen/qwen3-vl-32b-instruct")],
    ids=lambda place: place[0],
)
async def test_nothing_is_changed(make_llm: Callable[..., Qwen], place: tuple[str, str]) -> None:
    """Neither of the model nor of what the caller gives: messages, tools, settings."""
    llm = make_llm(
        provider=place[0], model=place[1], extra_body={}, default_headers={"x-own": "a"}, stop=["zzz"], max_retries=0
    )
    image = [ImageBlock(image=b"\x89PNG\r\n\x1a\n")] if "vl" in place[1] else []
    call = ToolCallBlock(tool_call_id="c", tool_name="multiply", tool_kwargs={"a": 1, "b": 2})
    thought = ThinkingBlock(content="R", additional_information={"reasoning_details": [{"type": "x", "text": "R"}]})
    given: dict[str, Any] = {
        "messages": [
            ChatMessage(role="user", blocks=[TextBlock(text="Count from 1 to 3"), *image]),
            ChatMessage(role="assistant", blocks=[thought, call], additional_kwargs={"tool_calls": []}),
            ChatMessage(role="tool", blocks=[TextBlock(text="x")], additional_kwargs={"tool_call_id": "c"}),
        ],
        "kwargs": {"stop": ["yyy"], "extra_body": {}, "extra_headers": {"x-call": "b"}},
    }
    tools = [FunctionTool.from_defaults(multiply)]
    model, caller, metadata = _everything(llm), copy.deepcopy(given), copy.deepcopy(tools[0].metadata.to_openai_tool())
    messages, kwargs = given["messages"], given["kwargs"]
    for way in EIGHT:
        await ask(llm, way, messages if "chat" in way else "hi", **kwargs)
    llm.chat_with_tools(tools, chat_history=messages, **kwargs)
    await llm.achat_with_tools(tools, "hi", messages, **kwargs)
    list(llm.stream_chat_with_tools(tools, ChatMessage("hi"), messages, **kwargs))
    llm.structured_predict(City, PromptTemplate("The city is Paris, answer in JSON"), llm_kwargs=kwargs)
    for failing in ("[[sandbox:500]]", "[[sandbox:401]]"):
        with pytest.raises(QwenError):
            llm.complete(failing, **kwargs)
    with pytest.raises(QwenError):
        llm.chat(messages, temperature=9)
    assert _everything(llm) == model
    assert given == caller
    assert tools[0].metadata.to_openai_tool() == metadata


def test_one_model_in_two_event_loops(llm: Qwen) -> None:
    async def both(number: int) -> tuple[str, str]:
        said = await llm.acomplete(f"Say exactly: {number}")
        streamed = [frame.delta or "" async for frame in await llm.astream_complete(f"Say exactly: {number}")]
        return said.text, "".join(streamed)

    assert asyncio.run(both(1)) == ("1", "1")
    assert asyncio.run(both(2)) == ("2", "2")


async def test_fifty_calls_at_once(llm: Qwen) -> None:
    answers = await asyncio.gather(*(llm.acomplete(f"Say exactly: {number}") for number in range(50)))
    assert [answer.text for answer in answers] == [str(number) for number in range(50)]


def test_one_model_in_many_threads(llm: Qwen) -> None:
    def ask_for(number: int) -> str | None:
        if number % 2:
            return list(llm.stream_complete(f"Say exactly: {number}"))[-1].text
        return llm.complete(f"Say exactly: {number}").text

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask_for, range(24))) == [str(number) for number in range(24)]


def test_calls_of_many_threads_keep_their_settings(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    def ask_with(number: int) -> None:
        llm.complete(f"number {number}", temperature=number / 100, stop=[str(number)], top_p=number / 50)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask_with, range(1, 25)))
    bodies = [request.json for request in qwen_sandbox.requests]
    assert len(bodies) == 24
    for body in bodies:
        number = int(body["messages"][0]["content"].split()[1])
        assert (body["temperature"], body["stop"], body["top_p"]) == (number / 100, [str(number)], number / 50)


def test_event_loops_in_threads(llm: Qwen) -> None:
    def ask_for(number: int) -> str:
        return asyncio.run(llm.acomplete(f"Say exactly: {number}")).text

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask_for, range(8))) == [str(number) for number in range(8)]


# Leaving


async def test_it_can_be_closed_and_used_again(llm: Qwen) -> None:
    llm.close()
    llm.chat(ASK)
    llm.close()
    llm.close()
    assert llm.chat(ASK).message.content == "2 + 3 = 5"
    await llm.achat(ASK)
    await llm.aclose()
    await llm.aclose()
    assert (await llm.achat(ASK)).message.content == "2 + 3 = 5"
    await llm.aclose()


def test_a_model_nobody_holds_is_gone(make_llm: Callable[..., Qwen]) -> None:
    base = make_llm()
    llm = Qwen.from_dict(base.to_dict(), api_key=base.api_key)
    llm.chat(ASK)
    asyncio.run(llm.achat(ASK))
    for _ in llm.stream_chat(ASK):
        break
    seen = weakref.ref(llm)
    del llm
    gc.collect()
    assert seen() is None


def test_settings_of_a_call_do_not_stick(llm: Qwen) -> None:
    before = llm.to_dict()
    llm.chat(ASK, temperature=0.1, enable_thinking=True, max_tokens=5, extra_body={})
    assert llm.to_dict() == before


def test_the_classs_own_hints_can_be_read() -> None:
    """Frameworks and tools evaluate them: none may need a name that only type checkers see."""
    assert inspect.get_annotations(Qwen, eval_str=True)
