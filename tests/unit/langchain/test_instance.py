"""The model as an object: importing, building, showing, copying and sharing it."""

# What LangChain calls is as good as public.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
import copy
import inspect
import json
import pickle
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.load import dumpd, dumps
from langchain_core.messages import (
    AIMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    trim_messages,  # pyright: ignore[reportUnknownVariableType] - its decorator has no types
)
from langchain_qwen import ChatQwen, QwenError
from qwen_endpoints import PROVIDERS, ModelOffer, Provider

from tests.unit.langchain.conftest import CHAT_COMPLETIONS, ENDPOINTS, Chats, each_endpoint, merged, whole

SECRETS = ("sk-secret-key", "header-secret")


def _build(**settings: Any) -> ChatQwen:
    given: dict[str, Any] = {"model": "qwen3.6-flash", "provider": "anyfast", "api_key": SECRETS[0]}
    return ChatQwen(**{**given, **settings})


# Importing and building


def _imported(code: str) -> set[str]:
    """The modules a fresh interpreter holds after running `code`."""
    script = f"{code}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60)  # noqa: S603
    return set(json.loads(ran.stdout.splitlines()[-1]))


def test_nothing_is_imported_that_the_framework_does_not_import() -> None:
    """Neither by importing nor by building, showing, copying or binding; the transport comes with the first call."""
    framework = _imported(
        "import copy, pickle, langchain_core.exceptions, langchain_core.load, langchain_core.runnables.retry; "
        "from langchain_core.language_models import BaseChatModel"
    )
    built = """if True:
        import copy, pickle
        from langchain_core.load import dumps
        from langchain_qwen import ChatQwen, QwenError
        llm = ChatQwen(model='qwen3.6-flash', provider='anyfast', api_key='x', timeout=5, max_retries=0)
        llm.profile, repr(llm), dumps(llm), llm.model_dump()
        copy.deepcopy(llm), pickle.loads(pickle.dumps(llm)), llm.model_copy(), llm.bind_tools([]).with_retry()
        """
    new = {name.partition(".")[0] for name in _imported(built) - framework} - sys.stdlib_module_names
    assert {name for name in new if not name.startswith("_")} <= {
        "langchain_qwen", "qwen_endpoints", "langchain_core", "pydantic", "tomli"
    }  # fmt: skip


def test_what_few_programs_need_is_imported_when_they_need_it() -> None:
    """Both take long: what draws answers, and langchain-core's tools, which its chat models do not import either."""
    later = {"qwen_endpoints.display", "langchain_qwen._display", "langchain_core.tools"}
    built = "from langchain_qwen import ChatQwen; ChatQwen(model='qwen3.6-flash', provider='anyfast', api_key='x')"
    assert later & _imported(built) == set()


def test_building_is_cheap() -> None:
    _build()
    started = time.process_time()
    for _ in range(50):
        _build()
    assert (time.process_time() - started) / 50 < 0.01


def test_building_sends_and_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ChatQwen(model="qwen3.6-flash", provider="anyfast").model == "qwen3.6-flash"
    assert ChatQwen(model="qwen3-32b").profile is None, "the provider is not known yet"
    monkeypatch.setenv("WCODE_API_KEY", "x")
    assert (ChatQwen(model="qwen/qwen3-235b-a22b").profile or {}).get("max_input_tokens") == 131_072


def test_other_names_of_arguments() -> None:
    names: dict[str, Any] = {"model_name": "qwen3.6-flash", "api_base": "http://localhost:1/v1"}
    names |= {"max_completion_tokens": 5, "stop_sequences": ["x"]}
    llm = ChatQwen(**names)
    assert (llm.model, llm.base_url, llm.max_tokens, llm.stop) == ("qwen3.6-flash", "http://localhost:1/v1", 5, ["x"])


def test_an_unknown_argument_warns_and_is_sent(chats: Chats) -> None:
    with pytest.warns(UserWarning, match="ChatQwen has no parameter 'temprature'") as caught:
        ChatQwen(model="qwen3.6-flash", provider="anyfast", temprature=0.2)  # pyright: ignore[reportCallIssue]
    assert caught[0].filename == __file__, "the warning points at the caller's line"
    with pytest.warns(UserWarning, match="'top_secret'"):
        llm = chats.answering(whole({"content": "x"}), top_secret=1, extra_body={"a": {"b": 2}})
    llm.invoke("hi")
    assert (chats.body["top_secret"], chats.body["a"]) == (1, {"b": 2})


def test_extra_body_comes_last_and_deep(chats: Chats) -> None:
    llm = chats.answering(whole({"content": "x"}), temperature=0.5, extra_body={"temperature": 3, "a": {"b": 1}})
    llm.invoke("hi", extra_body={"a": {"c": 2}})
    assert chats.body["temperature"] == 3
    assert chats.body["a"] == {"b": 1, "c": 2}
    assert llm.extra_body == {"temperature": 3, "a": {"b": 1}}


def test_headers_and_query(chats: Chats) -> None:
    llm = chats.at("flash", default_headers={"x-team": "a"}, default_query={"v": "1"})
    llm.invoke("hi", extra_headers={"x-call": "b"}, extra_query={"w": "2"})
    headers = chats.sandbox.last_request.headers
    assert (headers["x-team"], headers["x-call"]) == ("a", "b")
    assert headers["authorization"] == f"Bearer {chats.sandbox.api_key}"
    assert set(chats.body) == {"model", "messages"}


# Showing


def test_secrets_are_never_shown() -> None:
    llm = _build(default_headers={"Authorization": f"Bearer {SECRETS[1]}"})
    bound = llm.bind_tools([]).with_retry().with_config(tags=["x"])
    shown = [repr(llm), str(llm), dumps(llm), str(dumpd(llm)), str(llm.model_dump()), llm.model_dump_json()]
    shown += [str(llm._identifying_params), str(llm._get_ls_params()), repr(bound), dumps(bound)]
    shown += [str(llm._get_invocation_params()), llm._get_llm_string(), str(vars(llm).get("metadata"))]
    if hasattr(llm, "asdict"):
        shown.append(str(llm.asdict()))
    for text in shown:
        assert not any(secret in text for secret in SECRETS)
    assert "qwen3.6-flash" in repr(llm)


def test_what_tells_models_apart() -> None:
    """These are the keys of LangChain's cache: two models that may answer differently must differ."""
    first = _build()
    assert first._llm_type == "qwen-chat"
    assert first._identifying_params["model"] == "qwen3.6-flash"
    strings = {
        _build(**settings)._get_llm_string()
        for settings in cast(
            "list[dict[str, Any]]",
            [
                {},
                {"base_url": "https://example.com/v1"},
                {"temperature": 0.5},
                {"enable_thinking": True},
                {"extra_body": {"a": 1}},
                {"model": "qwen3-32b", "provider": "anyfast-cn"},
            ],
        )
    }
    assert len(strings) == 6
    assert _build(api_key="another")._get_llm_string() == first._get_llm_string()


@pytest.mark.parametrize(
    ("settings", "kwargs", "expected"),
    [
        ({}, {}, {"ls_model_name": "qwen3.6-flash"}),
        ({"temperature": 0.3, "max_tokens": 9}, {}, {"ls_temperature": 0.3, "ls_max_tokens": 9}),
        ({}, {"model": "other", "temperature": 0.1}, {"ls_model_name": "other", "ls_temperature": 0.1}),
        ({}, {"stop": ["x"]}, {"ls_stop": ["x"]}),
    ],
)
def test_tracing_parameters(settings: dict[str, Any], kwargs: dict[str, Any], expected: dict[str, Any]) -> None:
    params = _build(**settings)._get_ls_params(**kwargs)
    assert params.get("ls_provider") == "qwen"
    assert params.get("ls_model_type") == "chat"
    assert {key: params.get(key) for key in expected} == expected


# What the catalogue knows


@each_endpoint
def test_profile(chats: Chats, endpoint: str) -> None:
    profile = cast("dict[str, Any]", chats.at(endpoint).profile)
    expected = {
        "cn": {"max_output_tokens": 8192, "image_inputs": False, "reasoning_output": True},
        "flash": {
            "max_input_tokens": 1_000_000,
            "max_output_tokens": 65_536,
            "image_inputs": True,
            "video_inputs": True,
        },
        "text": {"max_input_tokens": 131_072, "text_inputs": True, "image_inputs": False, "reasoning_output": True},
        "vision": {"max_input_tokens": 262_144, "image_inputs": True, "audio_inputs": False, "reasoning_output": False},
        "messages": {"max_input_tokens": 131_072, "max_output_tokens": 16_384, "structured_output": False},
    }[endpoint]
    assert expected.items() <= profile.items()
    assert profile["tool_calling"] is True
    assert profile["name"] in ENDPOINTS[endpoint][1]
    assert None not in profile.values()


def test_a_profile_of_ones_own() -> None:
    own: Any = {"max_input_tokens": 5}
    assert _build(profile=own).profile == own
    offer = ModelOffer(profile={"context_window": 7})
    row = Provider(name="mine", base_url="http://localhost:1/v1", key_required=False, models={"qwen3-32b": offer})
    profile = cast("dict[str, Any]", ChatQwen(model="qwen3-32b", provider=row).profile)
    assert profile["max_input_tokens"] == 7


def test_an_unknown_model_warns_once() -> None:
    with pytest.warns(UserWarning, match="'qwen-zeta' is not in the catalogue"):
        llm = ChatQwen(model="qwen-zeta", provider="vllm")
    profile = cast("dict[str, Any]", llm.profile)
    assert "max_input_tokens" not in profile
    ChatQwen(model="qwen-zeta", provider="vllm")


# Counting tokens


def test_tokens_are_counted_offline() -> None:
    llm = _build()
    assert 0 < llm.get_num_tokens("hello world") < 20
    short = llm.get_num_tokens_from_messages([HumanMessage("hello")])
    long = llm.get_num_tokens_from_messages([HumanMessage("hello " * 100)])
    assert 0 < short < long
    schema = {"type": "function", "function": {"name": "f", "description": "d" * 200, "parameters": {"type": "object"}}}
    assert llm.get_num_tokens_from_messages([HumanMessage("hello")], tools=[schema]) > short
    kept = trim_messages(
        [SystemMessage("s"), HumanMessage("a" * 400), HumanMessage("b")],
        max_tokens=30,
        token_counter=llm,
        include_system=True,
    )
    assert [message.content for message in kept] == ["s", "b"]


def _characters(text: str) -> list[int]:
    return list(map(ord, text))


def test_tokens_are_counted_as_told() -> None:
    llm = _build(custom_get_token_ids=_characters)
    assert llm.get_num_tokens("four") == 4
    assert llm.get_num_tokens_from_messages([HumanMessage("four")]) == len("Human: four")


# Copying


def _copies(llm: ChatQwen) -> dict[str, ChatQwen]:
    return {
        "pickle": pickle.loads(pickle.dumps(llm)),  # noqa: S301 - our own
        "copy": copy.copy(llm),
        "deepcopy": copy.deepcopy(llm),
        "model_copy": llm.model_copy(),
        "model_copy deep": llm.model_copy(deep=True),
    }


def test_copies_work_before_a_call(chats: Chats) -> None:
    for way, twin in _copies(chats.at("flash")).items():
        assert twin.invoke("Say exactly: two").text == "two", way


@pytest.mark.parametrize("endpoint", ["flash", "messages"])
def test_copies_work_after_a_call(chats: Chats, endpoint: str) -> None:
    llm = chats.at(endpoint, temperature=0.5, extra_body={})
    assert llm.invoke("Say exactly: one").text == "one"
    for way, twin in _copies(llm).items():
        assert twin.api_key is not None, way
        assert twin.api_key.get_secret_value() == chats.sandbox.api_key
        assert twin.temperature == 0.5
        assert twin.invoke("Say exactly: two").text == "two", way
        assert merged(twin.stream("Say exactly: three")).text == "three"
    assert llm.invoke("Say exactly: four").text == "four"


@pytest.mark.parametrize("endpoint", ["flash", "messages"])
async def test_copies_work_after_an_async_call(chats: Chats, endpoint: str) -> None:
    llm = chats.at(endpoint)
    await llm.ainvoke("hi")
    for twin in _copies(llm).values():
        assert (await twin.ainvoke("Say exactly: two")).text == "two"


# Sharing


def _everything(llm: ChatQwen) -> dict[str, Any]:
    values = {name: getattr(llm, name) for name in type(llm).model_fields}
    return {**copy.deepcopy(values), "set": set(llm.model_fields_set), "shown": repr(llm), "dumped": llm.model_dump()}


@each_endpoint
async def test_nothing_is_changed(chats: Chats, endpoint: str) -> None:
    """Neither of the model nor of what the caller gives: messages, tools, settings."""
    own = {"user": "u"} if endpoint in CHAT_COMPLETIONS else {"metadata": {"user_id": "u"}}
    llm = chats.at(endpoint, extra_body=own, default_headers={"x-own": "a"}, stop=["zzz"], max_retries=0)
    schema: dict[str, Any] = {"title": "Answer", "type": "object", "properties": {"n": {"type": "integer"}}}
    tool: dict[str, Any] = {"type": "function", "function": {"name": "f", "parameters": schema}}
    call: Any = {"name": "f", "args": {"n": 1}, "id": "c", "type": "tool_call"}
    thought = {"reasoning_content": "R", "reasoning_details": [{"type": "reasoning.text", "text": "R"}]}
    given: dict[str, Any] = {
        "prompt": [
            HumanMessage([{"type": "text", "text": "Count from 1 to 3", "extras": {}}], id="h"),
            AIMessage("", tool_calls=[call], additional_kwargs=thought, id="a"),
            ToolMessage([{"type": "text", "text": "x"}], tool_call_id="c", artifact={"kept": [1]}),
        ],
        "tools": [tool],
        "kwargs": {"stop": ["yyy"], "extra_body": {"metadata": {"user_id": "1"}}, "extra_headers": {"x-call": "b"}},
        "schema": schema,
    }
    model, caller = _everything(llm), copy.deepcopy(given)
    prompt, tools, kwargs = given["prompt"], given["tools"], given["kwargs"]
    bound = llm.bind_tools(tools, tool_choice="any", **kwargs)
    bound.invoke(prompt)
    await llm.ainvoke(prompt, tools=tools, **kwargs)
    merged(llm.stream(prompt, **kwargs))
    llm.with_structured_output(given["schema"]).invoke("hi")
    if endpoint in CHAT_COMPLETIONS:
        llm.with_structured_output(given["schema"], method="json_mode", include_raw=True).invoke("hi")
    llm.batch([prompt, prompt], **kwargs)
    for failing in ("[[sandbox:500]]", "[[sandbox:401]]"):
        with pytest.raises(QwenError):
            llm.invoke(failing, **kwargs)
    with pytest.raises(QwenError):
        llm.invoke(prompt, temperature=9)
    assert _everything(llm) == model
    assert given == caller


def test_one_model_in_two_event_loops(chats: Chats) -> None:
    llm = chats.at("flash")

    async def both(number: int) -> tuple[str, str]:
        said = await llm.ainvoke(f"Say exactly: {number}")
        streamed = "".join([piece.text async for piece in llm.astream(f"Say exactly: {number}")])
        return said.text, streamed

    assert asyncio.run(both(1)) == ("1", "1")
    assert asyncio.run(both(2)) == ("2", "2")


def test_one_model_in_many_threads(chats: Chats) -> None:
    llm = chats.at("flash")

    def ask(number: int) -> str:
        if number % 2:
            return merged(llm.stream(f"Say exactly: {number}")).text
        return llm.invoke(f"Say exactly: {number}").text

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(24))) == [str(number) for number in range(24)]


def test_calls_of_many_threads_keep_their_settings(chats: Chats) -> None:
    llm = chats.at("flash")

    def ask(number: int) -> None:
        llm.invoke(f"number {number}", temperature=number / 100, stop=[str(number)], extra_body={"user": str(number)})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(1, 25)))
    assert len(chats.bodies) == 24
    for body in chats.bodies:
        number = body["messages"][0]["content"].split()[1]
        assert (body["temperature"], body["stop"], body["user"]) == (int(number) / 100, [number], number)


def test_event_loops_in_threads(chats: Chats) -> None:
    llm = chats.at("flash")

    def ask(number: int) -> str:
        return asyncio.run(llm.ainvoke(f"Say exactly: {number}")).text

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(8))) == [str(number) for number in range(8)]


async def test_closing(chats: Chats) -> None:
    llm = chats.at("flash")
    llm.invoke("hi")
    llm.close()
    llm.close()
    assert llm.invoke("Say exactly: again").text == "again"
    await llm.ainvoke("hi")
    await llm.aclose()
    await llm.aclose()
    assert (await llm.ainvoke("Say exactly: again")).text == "again"


def test_every_row_builds() -> None:
    for name in PROVIDERS:
        llm = ChatQwen(model="qwen3-32b", provider=name, base_url="http://localhost:1/v1", api_key=cast("Any", "x"))
        assert isinstance(llm, BaseChatModel)


def test_the_classs_own_hints_can_be_read() -> None:
    """Frameworks and tools evaluate them: none may need a name that only type checkers see."""
    assert inspect.get_annotations(ChatQwen, eval_str=True)
