"""A reply with a value of the wrong type is an answer or a `QwenError`, in a bounded time, and never loses its text to
a value that the text does not hang on.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable
from typing import Any, Final

import httpx2
import pytest
from pydantic import SecretStr
from qwen_endpoints import Call, CompletionDelta, Message, QwenError, QwenSettings, plan_call
from qwen_endpoints.exchange import exchange_of, last_completion
from qwen_sandbox import Reply, Sandbox

from tests.contract.drivers import DRIVERS, Ask, Core, LangChain, LlamaIndex
from tests.contract.faults.wrong_types import Known, Spoilt, sandbox_replies, spoilt, written_replies

LONGEST: Final = 1.0
"""Seconds of computing for one reply."""
SAMPLE: Final = 150
SEED: Final = 7
WRITTEN: Final = written_replies()
_MODELS: Final = {
    "chat_completions": ("generic", "qwen3-32b"),
    "messages": ("wcode-anthropic", "qwen/qwen3-235b-a22b"),
}


def call_for(reply: Known) -> Call:
    provider, model = _MODELS[reply.protocol]
    settings = QwenSettings(
        provider=provider, model=model, base_url="http://127.0.0.1:9/v1", api_key=SecretStr("sk-x"), max_retries=0
    )
    return plan_call(settings, [Message(role="user", content="Hi")])


def text_of(call: Call, response: httpx2.Response, body: bytes) -> str | None:
    """Read a reply as a call does, but for the network; return its text, and nothing for a `QwenError`."""
    exchange = exchange_of(call, stream=True)
    deltas: list[CompletionDelta] = []
    try:
        with exchange.attempt():
            exchange.begin(response)
            deltas = [*exchange.feed(body), *exchange.finish()]
    except QwenError:
        return None
    return last_completion(deltas).first.text


def check(reply: Known) -> int:
    """Read a reply with each of its values spoilt; return how many that are."""
    call = call_for(reply)
    request = httpx2.Request("POST", call.endpoint.base_url)
    response = httpx2.Response(reply.status, headers={"content-type": reply.content_type}, request=request)
    text = text_of(call, response, reply.body())
    count = 0
    for count, case in enumerate(spoilt(reply), 1):  # noqa: B007 - it is returned
        began = time.thread_time()
        found = text_of(call, response, case.body)
        assert time.thread_time() - began < LONGEST, case.label
        if text is not None and not case.matters:
            assert found == text, case.label
    return count


@pytest.mark.parametrize("reply", WRITTEN, ids=lambda reply: reply.name)
def test_a_spoilt_value_of_a_written_reply_is_borne(reply: Known) -> None:
    assert check(reply) >= 12


def test_a_spoilt_value_of_what_the_sandbox_answers_is_borne(qwen_sandbox: Sandbox) -> None:
    replies = sandbox_replies(qwen_sandbox)
    assert {reply.protocol for reply in replies} == set(_MODELS)
    assert all(check(reply) > 200 for reply in replies)


@pytest.fixture(scope="module")
def sample() -> dict[str, list[Spoilt]]:
    """By protocol and kind, replies of both sources, the same each time."""
    with Sandbox() as sandbox:
        known = [*WRITTEN, *sandbox_replies(sandbox)]
    chosen = random.Random(SEED)  # noqa: S311 - no secret hangs on it
    kinds: dict[str, list[Spoilt]] = {}
    for reply in known:
        if reply.status == 200:
            kind = f"{reply.protocol}, {'stream' if reply.streamed else 'whole'}"
            kinds.setdefault(kind, []).extend(spoilt(reply))
    return {kind: chosen.sample(cases, SAMPLE) for kind, cases in kinds.items()}


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize(
    "kind", ["chat_completions, whole", "chat_completions, stream", "messages, whole", "messages, stream"]
)
async def test_frameworks_bear_them_over_a_socket(
    qwen_sandbox: Sandbox, sample: dict[str, list[Spoilt]], driver: type[Core | LangChain | LlamaIndex], kind: str
) -> None:
    protocol, _, mode = kind.partition(", ")
    cases = sample[kind]
    url = qwen_sandbox.script_sequence(
        f"wrong-types-{driver.name}-{protocol}-{mode}",
        [Reply(case.body, content_type=case.reply.content_type) for case in cases],
    )
    provider, model = _MODELS[protocol]
    asker: Any = driver(provider=provider, model=model, base_url=url, api_key="sk-x", max_retries=0)
    question = asker.question(Ask())
    ends = [await end_of(asker.answer(question, mode, {}), case) for case in cases]
    assert ends.count("answer") > SAMPLE / 2
    assert ends.count("error") > 0


async def end_of(asking: Awaitable[object], case: Spoilt) -> str:
    try:
        answer = await asking
    except QwenError:
        return "error"
    except Exception as error:
        raise AssertionError(case.label) from error
    assert repr(answer), case.label
    return "answer"
