"""The model as an object: what it costs, keeps, leaks and forgets."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import pickle
import ssl
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from unittest.mock import patch

import certifi
from langchain_core.caches import InMemoryCache
from langchain_core.load import dumps, loads
from langchain_core.tracers.context import collect_runs
from qwen_sandbox import Reply, Sandbox
from typing_extensions import override

from tests.compare.peers import KEY
from tests.compare.replies import refused, said
from tests.compare.row import Row
from tests.compare.sides import Side, list_of, object_of
from tests.compare.verdicts import Found, parts, raised_by

_FOREIGN: Final = {
    "OPENAI_API_KEY": "sk-foreign-key",
    "OPENAI_ORG_ID": "org-foreign",
    "OPENAI_ORGANIZATION": "org-foreign",
    "OPENAI_PROJECT_ID": "proj-foreign",
}


def _headers(side: Side) -> list[str]:
    return [str(request.headers) for request in side.gateway.requests]


def _foreign_key(side: Side) -> Found:
    """With a gateway's address and no key, nothing is sent, or nothing of OpenAI's."""
    arguments = side.arguments(said())
    del arguments["api_key"]
    with patch.dict(os.environ, _FOREIGN):
        error = raised_by(lambda: side.made(**arguments).invoke("hi"))
    if not side.gateway.requests:
        return error is not None
    return not any("sk-foreign-key" in sent for sent in _headers(side))


def _foreign_organisation(side: Side) -> Found:
    with patch.dict(os.environ, _FOREIGN):
        side.model(said()).invoke("hi")
    return bool(_headers(side)) and not any("-foreign" in sent for sent in _headers(side))


def _typo(side: Side) -> Found:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        error = raised_by(lambda: side.model(said(), temprature=0.2).invoke("hi"))
    notices = [error, *(notice.message for notice in told)]
    if any("temprature" in str(notice) for notice in notices):
        return True
    return "partly: sent without a word" if "temprature" in side.body else False


def _one_call(side: Side) -> Found:
    """Settings of one call are the call's alone."""
    model = side.model(said(), temperature=0.5)
    model.invoke("hi")
    before = side.body
    model.invoke("hi", temperature=0.1, stop=["x"], **side.named("other"))
    during = side.body
    model.invoke("hi")
    model_name = str(during.get("model")).rpartition("/")[2]
    changed = (during.get("temperature"), during.get("stop"), model_name) == (0.1, ["x"], "other")
    return changed and before == side.body and before["temperature"] == 0.5


def _once(side: Side) -> Found:
    error = raised_by(lambda: side.model(refused(500, "Down."), max_retries=0).invoke("hi"))
    times = len(side.bodies)
    return times == 1 and error is not None if times < 2 else f"no: asks {times} times"


def _two_gateways(side: Side) -> Found:
    cache = InMemoryCache()
    first, second = side.model(said("one"), cache=cache), side.model(said("two"), cache=cache)
    answers = [model.invoke("hi").text for model in (first, second, first)]
    return answers == ["one", "two", "one"] and len(side.bodies) == 2


def _secrets_of(dumped: Any) -> set[str]:
    """The names under which a dump leaves its secrets to the environment."""
    found = object_of(dumped)
    if found.get("type") == "secret":
        return set(found["id"])
    return {name for item in [*list_of(dumped), *found.values()] for name in _secrets_of(item)}


def _round_trip(side: Side) -> Found:
    model = side.model(said())
    text = dumps(model)
    if KEY in text:
        return False
    secrets: dict[str, str] = dict.fromkeys(_secrets_of(json.loads(text)), KEY)
    loaded: Any = loads(
        text,
        allowed_objects=[side.made],
        secrets_map=secrets,
        valid_namespaces=[side.peer.module],
    )
    return isinstance(loaded, side.made) and loaded.invoke("hi").text == "Hello"


def _shown(side: Side) -> Found:
    model = side.model(said())
    with collect_runs() as runs:
        model.invoke("hi")
    shown = [repr(model), str(model), dumps(model), *(repr(vars(run)) for run in runs.traced_runs)]
    return bool(side.bodies) and len(shown) > 3 and not any(KEY in text for text in shown)


def _seconds(build: Any, times: int) -> float:
    """CPU seconds of one build, the best of three rounds."""
    rounds: list[float] = []
    for _ in range(3):
        started = time.process_time()
        for _ in range(times):
            build()
        rounds.append((time.process_time() - started) / times)
    return min(rounds)


def _cheap(side: Side) -> Found:
    """Far cheaper than loading the certificates for one HTTPS client, which is what an eager client costs."""
    arguments = side.arguments(said())
    if side.made(**arguments).invoke("hi").text != "Hello":
        return False
    certificates = certifi.where()
    loading = _seconds(lambda: ssl.create_default_context(cafile=certificates), 10)
    return _seconds(lambda: side.made(**arguments), 10) < loading / 4


def _copies(side: Side) -> Found:
    def works(twin: Any) -> bool:
        return twin is not None and twin.invoke("hi").text == "Hello"

    def after_a_call() -> Any:
        model = side.model(said())
        works(model)
        return model

    return parts(
        copy=lambda: works(copy.copy(after_a_call())),
        deepcopy=lambda: works(copy.deepcopy(after_a_call())),
        pickle=lambda: works(_pickled(after_a_call())),
    )


def _pickled(model: Any) -> Any:
    try:
        return pickle.loads(pickle.dumps(model))  # noqa: S301 - our own
    except (AttributeError, TypeError, pickle.PicklingError):  # what pickle raises of an object that it cannot take
        return None


def _loops(side: Side) -> Found:
    model = side.model(said())
    return [asyncio.run(model.ainvoke("hi")).text for _ in range(3)] == ["Hello"] * 3


class _Counting(ThreadPoolExecutor):
    """A loop's threads, with the number of those at work."""

    busy = 0

    @override
    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        def run() -> Any:
            self.busy += 1
            try:
                return fn(*args, **kwargs)
            finally:
                self.busy -= 1

        return super().submit(run)


_DELAY: Final = 0.5  # seconds


def _native(side: Side) -> Found:
    """A call that waits for its reply must not keep a thread waiting."""
    threads = _Counting()
    halves = Reply(chunks=[b" ", said().body], content_type="application/json")

    async def call(slow: Side) -> bool:
        asyncio.get_running_loop().set_default_executor(threads)
        running = asyncio.create_task(slow.model(halves).ainvoke("hi"))
        while not slow.bodies and not running.done():  # noqa: ASYNC110 - another thread's list
            await asyncio.sleep(0.01)
        await asyncio.sleep(_DELAY / 2)
        waiting = not running.done() and threads.busy == 0
        return (await running).text == "Hello" and waiting

    with Sandbox(chunk_delay=_DELAY) as slow:
        return asyncio.run(call(Side(side.peer, slow)))


def _extra_joins(side: Side) -> Found:
    """What one call adds comes on top of the model's own settings, and is gone after it."""
    model = side.model(said(), **side.peer.thinking.get("on", {}))
    model.invoke("hi")
    before = side.body
    failed = raised_by(lambda: model.invoke("hi", extra_body={"top_k": 3}))
    if isinstance(failed, TypeError) and "extra_body" in str(failed):
        return "n/a: it takes no `extra_body`"
    during = side.body
    model.invoke("hi")
    if side.body != before or during.get("top_k") != 3:
        return False
    return True if during == {**before, "top_k": 3} else "no: replaces the model's own"


ROWS: Final = (
    Row("Without a key, does not send `OPENAI_API_KEY` to the gateway", _foreign_key),
    Row("… nor `OPENAI_ORG_ID` and `OPENAI_PROJECT_ID`", _foreign_organisation),
    Row("A misspelt constructor argument is reported", _typo),
    Row("Settings of one call do not stick", _one_call),
    Row("`extra_body` of one call joins the model's own and does not stick", _extra_joins),
    Row("`max_retries=0` asks once", _once),
    Row("Two gateways with one model name do not share cached answers", _two_gateways),
    Row("Key in no repr, dump or trace", _shown),
    Row("`dumps` and `loads` give the model back", _round_trip),
    Row("Copy, deepcopy and pickle after a call", _copies),
    Row("One model in several event loops", _loops),
    Row("Async calls wait without a thread", _native),
    Row("Cheap to construct", _cheap),
)
