# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import asyncio
import copy
import gc
import json
import os
import pickle
import subprocess
import sys
import threading
import warnings
from typing import Any, cast

import httpx2
import pytest
import qwen_endpoints
from qwen_endpoints import (
    Call,
    Completion,
    QwenClient,
    QwenSettings,
    StreamInterruptedError,
    plan_call,
)

from .support import (
    HELLO,
    KEY,
    SSE,
    Reply,
    Server,
    call_piece,
    calls_chunk,
    chunk,
    sse_body,
    sse_reply,
    user,
    whole_body,
)

USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


def call_to(server: Server, **settings: Any) -> Call:
    given: dict[str, Any] = {
        "provider": "wcode",
        "model": "qwen/qwen3-235b-a22b",
        "api_key": KEY,
        "base_url": server.url,
        "max_retries": 0,
    }
    return plan_call(QwenSettings(**{**given, **settings}), [user()])


def pickled(made: QwenClient) -> QwenClient:
    return cast("QwenClient", pickle.loads(pickle.dumps(made)))  # noqa: S301


# One reply, four ways

STREAM = (
    chunk({"role": "assistant", "content": "", "reasoning": "wh"}),
    chunk({"reasoning": "y"}),
    chunk({"content": "Hel"}),
    chunk({"content": "lo."}),
    calls_chunk(call_piece('{"a":', id="c1", name="f"), call_piece("{}", index=1, name="g")),
    calls_chunk(call_piece("1}", id="")),
    chunk({}, "tool_calls"),
    {"choices": [], "usage": USAGE},
)
MESSAGE = {
    "role": "assistant", "content": "Hello.", "reasoning": "why",
    "tool_calls": [call_piece('{"a":1}', id="c1", name="f"), call_piece("{}", index=1, name="g")],
}  # fmt: skip


async def test_whole_and_streamed_sync_and_async_give_one_completion(server: Server) -> None:
    client, call = QwenClient(), call_to(server)
    server.script(Reply((whole_body(MESSAGE, "tool_calls", usage=USAGE),)))
    found = [client.complete(call), await client.acomplete(call)]
    server.script(sse_reply(*STREAM))
    streams = [list(client.stream(call)), [delta async for delta in client.astream(call)]]
    found += [cast("Completion", deltas[-1].completion) for deltas in streams]
    assert found[1:] == found[:-1]
    assert found[0].first.text == "Hello."
    assert found[0].cost is not None
    assert streams[0] == streams[1]
    for deltas in streams:
        assert "".join(delta.text for delta in deltas) == "Hello."
        assert "".join(delta.reasoning for delta in deltas) == "why"
        assert all(delta.completion is None for delta in deltas[:-1])
    assert [request.json["messages"] for request in server.received] == [[{"role": "user", "content": "Hi"}]] * 4
    client.close()
    await client.aclose()


@pytest.mark.parametrize("label", ["application/json", "text/plain", SSE])
async def test_the_other_kind_of_reply_is_understood(server: Server, client: QwenClient, label: str) -> None:
    call = call_to(server)
    server.script(Reply((whole_body(),), content_type=label))
    assert list(client.stream(call))[-1].completion == client.complete(call)
    server.script(Reply((sse_body(*HELLO),), content_type=label))
    assert client.complete(call).first.text == "Hello."
    assert (await client.acomplete(call)).first.text == "Hello."
    await client.aclose()


async def test_deltas_arrive_while_the_stream_is_open(server: Server, client: QwenClient) -> None:
    server.script(sse_reply(HELLO[0], done=False, after="hold"))
    stream = client.stream(call_to(server))
    assert next(stream).text == "Hel"
    stream.close()
    astream = client.astream(call_to(server))
    assert (await anext(astream)).text == "Hel"
    await astream.aclose()
    await client.aclose()


def test_nothing_is_sent_before_the_first_delta_is_asked_for(server: Server, client: QwenClient) -> None:
    stream = client.stream(call_to(server))
    assert server.received == []
    next(stream)
    assert len(server.received) == 1


def test_a_stream_ends_at_done_even_if_the_connection_stays_open(server: Server, client: QwenClient) -> None:
    server.script(sse_reply(*HELLO, after="hold"))
    last = list(client.stream(call_to(server)))[-1].completion
    assert last is not None
    assert last.first.text == "Hello."


# Leaving early


def test_leaving_a_stream_closes_the_connection(server: Server, client: QwenClient) -> None:
    server.script(sse_reply(HELLO[0], done=False, after="hold"))
    for delta in client.stream(call_to(server)):
        assert delta.text
        break
    gc.collect()
    assert server.hang_up.wait(5)


async def test_leaving_an_async_stream_closes_the_connection(server: Server, client: QwenClient) -> None:
    server.script(sse_reply(HELLO[0], done=False, after="hold"))
    stream = client.astream(call_to(server))
    async for delta in stream:
        assert delta.text
        break
    await stream.aclose()
    assert await asyncio.to_thread(server.hang_up.wait, 5)
    await client.aclose()


async def test_cancelling_closes_the_connection_and_stays_a_cancellation(server: Server, client: QwenClient) -> None:
    server.script(sse_reply(HELLO[0], done=False, after="hold"))
    begun = asyncio.Event()

    async def consume() -> None:
        async for _ in client.astream(call_to(server)):
            begun.set()

    task = asyncio.create_task(consume())
    await asyncio.wait_for(begun.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(server.hang_up.wait, 5)
    await client.aclose()


async def test_what_the_consumer_raises_is_not_renamed(server: Server, client: QwenClient) -> None:
    server.script(sse_reply(*HELLO))
    with pytest.raises(OSError, match="mine"):  # noqa: PT012 - the loop is the point
        for _ in client.stream(call_to(server)):
            raise OSError("mine")
    astream = client.astream(call_to(server))
    with pytest.raises(OSError, match="mine"):  # noqa: PT012 - the loop is the point
        async for _ in astream:
            raise OSError("mine")
    await astream.aclose()
    await client.aclose()


# Connections


def test_connections_are_kept_and_shared_where_configuration_is_equal(server: Server) -> None:
    one, two = QwenClient(), QwenClient()
    for client in (one, two, one):
        client.complete(call_to(server, temperature=0.5))
    assert {request.connection for request in server.received} == {1}
    two.complete(call_to(server, api_key="another"))
    assert server.last.connection == 2
    one.close()
    two.close()
    two.complete(call_to(server))
    assert server.last.connection == 3
    two.close()


def test_an_http_client_of_ones_own_is_used(server: Server) -> None:
    with httpx2.Client(headers={"X-Mine": "1"}) as mine:
        client = QwenClient()
        client.complete(call_to(server, http_client=mine))
        client.complete(call_to(server))
        client.close()
    assert [request.header("X-Mine") for request in server.received] == ["1", None]


def test_settings_are_copied_without_copying_such_a_client() -> None:
    with httpx2.Client() as mine:
        given = QwenSettings(model="m", http_client=mine, extra_body={"a": {}})
        again = copy.deepcopy(given)
        assert again.http_client is mine
        assert again.extra_body == {"a": {}}
        assert again.extra_body is not given.extra_body


async def test_an_async_http_client_of_ones_own_is_used_and_left_open(server: Server) -> None:
    async with httpx2.AsyncClient(headers={"X-Mine": "1"}) as mine:
        await QwenClient().acomplete(call_to(server, async_http_client=mine))
        assert not mine.is_closed
    assert server.last.header("X-Mine") == "1"


def test_event_loops_one_after_another_leave_nothing_behind(server: Server) -> None:
    client = QwenClient()

    async def whole() -> str:
        return (await client.acomplete(call_to(server))).first.text

    async def stream() -> str:
        return "".join([delta.text async for delta in client.astream(call_to(server))])

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [asyncio.run(step()) for step in (whole, stream, whole)] == ["Hello."] * 3
        gc.collect()


def test_a_dropped_client_leaves_nothing_behind(server: Server) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        QwenClient().complete(call_to(server))
        gc.collect()


def test_threads_may_share_a_client(server: Server) -> None:
    client, found, lock = QwenClient(), list[str](), threading.Lock()

    def work() -> None:
        for _ in range(5):
            text = client.complete(call_to(server)).first.text
            with lock:
                found.append(text)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["Hello."] * 40
    client.close()


async def test_many_calls_at_once(server: Server, client: QwenClient) -> None:
    found = await asyncio.gather(*(client.acomplete(call_to(server, seed=seed)) for seed in range(20)))
    assert [completion.first.text for completion in found] == ["Hello."] * 20
    assert sorted(request.json["seed"] for request in server.received) == list(range(20))
    await client.aclose()


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, pickled])
def test_a_client_in_use_can_be_copied_and_pickled(server: Server, again: Any) -> None:
    client = QwenClient()
    client.complete(call_to(server))
    other = again(client)
    assert other is not client
    assert other.complete(call_to(server)).first.text == "Hello."
    client.close()
    other.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_can_call_and_the_parent_goes_on(server: Server) -> None:
    client = QwenClient()
    client.complete(call_to(server))
    child = os.fork()
    if child == 0:
        try:
            fine = client.complete(call_to(server)).first.text == "Hello."
            client.close()
        except BaseException:  # noqa: BLE001 - the child must not go on with the tests
            fine = False
        os._exit(0 if fine else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert client.complete(call_to(server)).first.text == "Hello."
    assert [request.connection for request in server.received] == [1, 2, 1]
    client.close()


def test_closing_twice_or_unused_is_fine() -> None:
    client = QwenClient()
    client.close()
    client.close()
    asyncio.run(client.aclose())


def test_a_dropped_whole_reply_is_an_error_of_ours(server: Server, client: QwenClient) -> None:
    server.script(Reply((b'{"choices": [',), after="drop"))
    with pytest.raises(qwen_endpoints.QwenError) as caught:
        client.complete(call_to(server))
    assert caught.value.retryable


def test_a_dropped_stream_is_interrupted(server: Server, client: QwenClient) -> None:
    server.script(sse_reply(*HELLO[:2], done=False, after="drop"))
    with pytest.raises(StreamInterruptedError) as caught:
        list(client.stream(call_to(server)))
    assert caught.value.partial is not None
    assert caught.value.partial.first.text == "Hello."


# What importing costs, and what there is


def test_importing_brings_neither_the_transport_nor_a_framework() -> None:
    script = (
        "import sys, json, qwen_endpoints as q\n"
        "s = q.QwenSettings(model='qwen3-32b', provider='vllm')\n"
        "q.plan_call(s, [q.Message(role='user', content='Hi')])\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)  # noqa: S603
    loaded = set(json.loads(done.stdout))
    assert "qwen_endpoints" in loaded
    assert not loaded & {
        "httpx",
        "httpx2",
        "anyio",
        "langchain_core",
        "llama_index",
        "requests",
        "qwen_sandbox",
    }


PUBLIC = """
ARGUMENTS AuthenticationError BudgetExceededError Call CallIds ChatRequest Choice Completion CompletionDelta
ConfigurationError ConnectionFailedError ContentFilteredError ContextOverflowError Cost CostTracker Dialect Endpoint
FinishReason InvalidRequestError Json MalformedResponseError Message ModelCosts ModelNotFoundError ModelOffer
ModelProfile PROVIDERS Parameter PermissionDeniedError Price Provider QuotaExhaustedError QwenClient QwenError
QwenSettings RateLimitError ReasoningEffort ReasoningReplay Role ServerError StreamInterruptedError StructuredMethod
TOKENIZERS TimedOutError ToolCall ToolCallDelta Usage __version__ answer_arguments can_force_tools catalogue
check_settings count_prompt_tokens count_tokens estimate_tokens parse_arguments plan_call read_json read_tool_call
request_of resolve response_format strip_fence structured_method text_tokenizer token_ids track_costs when_shown
wire_name
"""


def test_the_public_names_are_these() -> None:
    assert sorted(qwen_endpoints.__all__) == sorted(PUBLIC.split())
    assert all(hasattr(qwen_endpoints, name) for name in qwen_endpoints.__all__)
