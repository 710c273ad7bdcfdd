"""Keys and headers, of a model or of one call, are nowhere but on the wire."""

from __future__ import annotations

import json
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.llms.qwen import Qwen
from pydantic import BaseModel, SecretStr
from qwen_endpoints import QwenError
from qwen_sandbox import Reply

from tests.unit.llamaindex.watching import EIGHT, Watch, ask, each_way, listening

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from qwen_sandbox import Sandbox

SECRETS = ("sk-secret-key", "header-secret", "query-secret")
HIDDEN: dict[str, Any] = {
    "api_key": SECRETS[0], "default_headers": {"x-own": SECRETS[1]}, "default_query": {"token": SECRETS[2]}
}  # fmt: skip
OF_A_CALL: dict[str, Any] = {
    "api_key": SecretStr(SECRETS[0]),
    "extra_headers": {"X-Own": SECRETS[1]},
    "extra_query": {"token": SECRETS[2]},
}


@pytest.fixture
def watch() -> Iterator[Watch]:
    with listening() as heard:
        yield heard


def _found(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


def test_a_model_shows_none() -> None:
    llm = Qwen(model="qwen3.6-flash", provider="anyfast", **HIDDEN)
    shown = [repr(llm), str(llm), str(llm.to_dict()), llm.to_json(), str(llm.metadata), json.dumps(llm.model_dump())]
    shown += [llm.model_dump_json(), str(llm.to_payload()), str(llm.dict()), llm.json(), repr(llm.__dict__["api_key"])]
    assert _found("".join(shown)) == []
    assert "qwen3.6-flash" in repr(llm)


REPLIES: dict[str, Callable[[], Reply]] = {
    "good": lambda: Reply(
        json.dumps({"id": "c", "choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}}]}).encode()
    ),
    "refused": lambda: Reply(
        json.dumps({"error": {"message": f"Incorrect API key provided: {SECRETS[0]}"}}).encode(), status=401
    ),
    "broken": lambda: Reply(
        content_type="text/event-stream",
        chunks=[
            b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"x"}}]}\n\n',
            f'data: {{"error": {{"message": "Incorrect API key provided: {SECRETS[0]}"}}}}\n\n'.encode(),
        ],
    ),
}


@each_way
@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize(
    ("settings", "kwargs"),
    [(HIDDEN, {}), ({}, HIDDEN), ({}, OF_A_CALL)],
    ids=["of the model", "of a call", "headers of a call"],
)
async def test_nobody_who_watches_hears_one(  # noqa: PLR0917 - from the tables above
    scripted: Callable[..., Qwen],
    qwen_sandbox: Sandbox,
    watch: Watch,
    way: str,
    reply: str,
    settings: dict[str, Any],
    kwargs: dict[str, Any],
) -> None:
    """Neither events, spans nor the callback manager; not even where the endpoint repeats the key."""
    llm = watch.attach(scripted(REPLIES[reply](), **settings))
    with nullcontext() if reply == "good" else suppress(QwenError):
        await ask(llm, way, "hi", **kwargs)
    assert len(watch.events.of("ExceptionEvent")) == (reply != "good")
    assert _found(watch.text) == []
    sent = qwen_sandbox.last_request
    assert sent.headers["authorization"] == f"Bearer {SECRETS[0]}"
    assert sent.headers["x-own"] == SECRETS[1]
    assert _found(str(sent.json)) == []
    given = watch.callbacks.started[0][2]["additional_kwargs"]
    assert given == dict.fromkeys(kwargs, "***")


async def test_a_call_without_one_says_so(scripted: Callable[..., Qwen], watch: Watch) -> None:
    scripted(REPLIES["good"]()).chat([ChatMessage("hi")], api_key=None, extra_headers={})
    assert watch.events.seen[0].additional_kwargs == {"api_key": None, "extra_headers": {}}


def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


class City(BaseModel):
    """A city."""

    name: str


async def test_what_is_built_on_a_call_keeps_them_too(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, watch: Watch
) -> None:
    tool = FunctionTool.from_defaults(multiply)
    llm = watch.attach(make_llm())
    headers = {"x-own": SECRETS[1]}
    llm.chat_with_tools([tool], "What is 6 times 7?", extra_headers=headers)
    assert qwen_sandbox.last_request.headers["x-own"] == SECRETS[1]
    await llm.achat_with_tools([tool], "What is 6 times 7?", extra_headers=headers)
    list(llm.stream_chat_with_tools([tool], "What is 6 times 7?", extra_headers=headers))
    llm.structured_predict(City, PromptTemplate("The city is Paris"), llm_kwargs={"extra_headers": dict(headers)})
    assert qwen_sandbox.last_request.headers["x-own"] == SECRETS[1]
    # The framework's own spans around a structured call show the arguments as they were given.
    watch.spans.entered = [span for span in watch.spans.entered if span["id"].split("-")[0][5:] in EIGHT]
    assert len(watch.spans.entered) == 4
    assert _found(watch.text) == []
