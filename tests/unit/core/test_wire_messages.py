"""What a server receives: messages, media, tool definitions and replayed reasoning."""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from qwen_endpoints import ConfigurationError, Message, QwenClient, QwenSettings, ToolCall, plan_call

from .support import CHAT_ROWS, KEY, Server, encoded, endpoint, user

IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png?x=1"}}
VIDEO = {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}}
FRAMES = {"type": "video", "video": ["https://example.com/1.png", "https://example.com/2.png"]}
AUDIO = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
FILE = {"type": "file", "file": {"file_id": "f"}}


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


def sent(
    server: Server, client: QwenClient, provider: str, model: str, messages: list[Message], **call: Any
) -> dict[str, Any]:
    settings = QwenSettings(
        model=model, provider=provider, api_key=KEY, base_url=server.url, **call.pop("settings", {})
    )
    before = deepcopy((messages, call))
    client.complete(plan_call(settings, messages, **call))
    assert (messages, call) == before
    return server.last.json


def message_bodies(provider: str, model: str, *messages: Message, **request: Any) -> list[dict[str, Any]]:
    return encoded(endpoint(provider, model), messages=messages, **request).body["messages"]


def refusal(provider: str, model: str, *messages: Message, **request: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        message_bodies(provider, model, *messages, **request)
    assert provider in str(caught.value)
    assert model in str(caught.value)
    return caught.value.message


# Content


def test_roles_names_calls_and_results(server: Server, client: QwenClient) -> None:
    call = ToolCall(id="c1", name="weather", arguments='{"a":1}', parsed={"a": 1})
    body = sent(server, client, "wcode", "qwen/qwen3-235b-a22b", [
        Message(role="system", content="Be brief."),
        Message(role="user", content="Hi", name="Ann"),
        Message(role="assistant", content="", tool_calls=[call]),
        Message(role="tool", content="12", tool_call_id="c1"),
    ])  # fmt: skip
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi", "name": "Ann"},
        {"role": "assistant", "content": "", "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"a":1}'}}]},
        {"role": "tool", "content": "12", "tool_call_id": "c1"},
    ]  # fmt: skip


@pytest.mark.parametrize("arguments", ["", "  ", '{"a', "[1]"])
def test_replayed_arguments_are_always_an_object(arguments: str) -> None:
    parsed = {} if not arguments.strip() else None
    call = ToolCall(id="c1", name="f", arguments=arguments, parsed=parsed)
    answered = [Message(role="assistant", tool_calls=[call]), Message(role="tool", content="bad", tool_call_id="c1")]
    bodies = message_bodies("dashscope", "qwen-plus", user(), *answered)
    assert bodies[1]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_an_invalid_call_that_nothing_answers_is_not_replayed() -> None:
    call = ToolCall(id="c1", name="f", arguments="{", parsed=None, error="e")
    assert (
        "tool_calls"
        not in message_bodies("dashscope", "qwen-plus", user(), Message(role="assistant", tool_calls=[call]))[1]
    )


def test_no_messages_is_refused() -> None:
    assert "no messages" in refusal("dashscope", "qwen-plus")


@pytest.mark.parametrize(
    ("content", "flat"),
    [
        ([text("a"), text("b")], "a\nb"),
        ([text("a")], "a"),
        ([], ""),
        ([text("a", cache_control={"type": "ephemeral"}), text("b", annotations=[])], "a\nb"),
    ],
    ids=["several", "one", "none", "with other keys"],
)
def test_where_content_is_a_string_texts_are_joined(
    server: Server, client: QwenClient, content: list[Any], flat: str
) -> None:
    body = sent(server, client, "anyfast-cn", "qwen3-32b", [user(content)])
    assert body["messages"] == [{"role": "user", "content": flat}]


def test_elsewhere_several_parts_stay_parts_and_one_text_is_a_string(server: Server, client: QwenClient) -> None:
    body = sent(server, client, "wcode", "qwen/qwen3-235b-a22b", [user([text("a"), text("b")]), user([text("c")])])
    assert [message["content"] for message in body["messages"]] == [[text("a"), text("b")], "c"]


def test_what_a_tool_returned_is_one_string() -> None:
    result = Message(role="tool", content=[text("a"), text("b")], tool_call_id="c")
    assert message_bodies("wcode", "qwen/qwen3-235b-a22b", user(), result)[1]["content"] == "a\nb"


# Media


@pytest.mark.parametrize(
    ("provider", "model", "part"),
    [
        ("anyfast", "qwen3.6-flash", IMAGE),
        ("anyfast", "qwen3.6-flash", VIDEO),
        ("wcode", "qwen/qwen3-vl-32b-instruct", IMAGE),
        ("wcode", "qwen/qwen3-vl-32b-instruct", VIDEO),
        ("wcode", "qwen/qwen3-vl-32b-instruct", {**VIDEO, "fps": 2}),
        ("dashscope", "qwen3-vl-plus", FRAMES),
        ("generic", "qwen3-omni-flash", AUDIO),
        ("llamacpp", "qwen3-vl-32b-instruct", IMAGE),
        ("dashscope", "qwen3-vl-plus", {**IMAGE, "cache_control": {"type": "ephemeral"}}),
    ],
)
def test_media_travel_untouched(server: Server, client: QwenClient, provider: str, model: str, part: Any) -> None:
    body = sent(server, client, provider, model, [user([text("What?"), part])])
    assert body["messages"][0]["content"] == [text("What?"), part]


def test_videos_that_do_not_say_how_densely_to_look_at_them_are_told_the_setting(
    server: Server, client: QwenClient
) -> None:
    parts = [VIDEO, {**VIDEO, "fps": 2}, FRAMES, IMAGE]
    body = sent(server, client, "dashscope", "qwen3-vl-plus", [user(parts)], settings={"video_fps": 0.5})
    assert body["messages"][0]["content"] == [
        {**VIDEO, "fps": 0.5}, {**VIDEO, "fps": 2}, {**FRAMES, "fps": 0.5}, IMAGE,
    ]  # fmt: skip
    body = sent(server, client, "dashscope", "qwen3-vl-plus", [user([VIDEO])], overrides={"video_fps": 4})
    assert body["messages"][0]["content"] == [{**VIDEO, "fps": 4}]
    assert "fps" in refusal("anyfast", "qwen3.6-flash", user([VIDEO]), video_fps=1)
    assert "fps" not in sent(server, client, "anyfast", "qwen3.6-flash", [user()], settings={"video_fps": 1})


@pytest.mark.parametrize(
    ("provider", "model", "part", "words"),
    [
        ("anyfast-cn", "qwen3-32b", IMAGE, ["image_url", "text only"]),
        ("wcode", "qwen/qwen3-235b-a22b", IMAGE, ["image_url", "text only"]),
        ("wcode", "qwen/qwen3-235b-a22b", VIDEO, ["video_url", "video input"]),
        ("wcode", "qwen/qwen3-vl-32b-instruct", AUDIO, ["input_audio", "audio input"]),
        ("dashscope", "qwen3-vl-plus", FILE, ["file"]),
        ("llamacpp", "qwen3-vl-32b-instruct", VIDEO, ["video_url", "llamacpp"]),
        ("anyfast", "qwen3.6-flash", FRAMES, ["video", "anyfast"]),
        ("ollama", "qwen3-vl-32b-instruct", FRAMES, ["video", "ollama"]),
        ("anyfast", "qwen3.6-flash", {**VIDEO, "fps": 2}, ["fps", "anyfast"]),
        ("anyfast-cn", "qwen3-32b", {"type": "refusal", "refusal": "x"}, ["refusal", "anyfast-cn"]),
    ],
)
def test_media_that_cannot_be_taken_are_refused_by_name(provider: str, model: str, part: Any, words: list[str]) -> None:
    message = refusal(provider, model, user([text("What?"), part]))
    assert [word for word in words if word not in message] == []


@pytest.mark.filterwarnings("ignore:Model 'unheard-of'")
def test_where_content_is_a_string_even_an_unknown_model_gets_no_media() -> None:
    assert "anyfast-cn" in refusal("anyfast-cn", "unheard-of", user([IMAGE]))


@pytest.mark.parametrize("part", [IMAGE, VIDEO, FRAMES])
def test_media_in_system_messages_are_refused(part: Any) -> None:
    message = refusal("dashscope", "qwen3-vl-plus", Message(role="system", content=[part]), user())
    assert "system message" in message
    assert part["type"] in message


@pytest.mark.parametrize(("provider", "kept"), [("anyfast", False), ("wcode", True), ("dashscope", True)])
def test_cache_marks_are_kept_where_they_are_taken(provider: str, kept: bool) -> None:
    model = {"anyfast": "qwen3.6-flash", "wcode": "qwen/qwen3-vl-32b-instruct", "dashscope": "qwen3-vl-plus"}[provider]
    part = text("a", cache_control={"type": "ephemeral"})
    content = message_bodies(provider, model, user([part, IMAGE]))[0]["content"]
    assert ("cache_control" in content[0]) is kept


def test_nothing_of_the_request_is_shared_with_the_body() -> None:
    part, details = deepcopy(IMAGE), [{"type": "reasoning.text", "text": "a", "deep": [1]}]
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    extra, bias = {"a": {"b": [1]}}, {"1": 1.0}
    request = encoded(
        endpoint("openrouter", "qwen/qwen3-vl-32b-instruct"),
        messages=(user([part]), Message(role="assistant", reasoning_details=details)), tools=(tool,), extra_body=extra,
        parameters={"logit_bias": bias},
    )  # fmt: skip
    before = deepcopy((part, details, tool, extra, bias))
    body = request.body
    body["messages"][0]["content"][0]["image_url"]["url"] = "changed"
    body["messages"][1]["reasoning_details"][0]["deep"].append(2)
    body["tools"][0]["function"]["parameters"]["x"] = 1
    body["a"]["b"].append(2)
    body["logit_bias"]["2"] = 2
    assert (part, details, tool, extra, bias) == before


# Reasoning that is sent back

OLD = Message(
    role="assistant",
    content="a",
    reasoning="old",
    reasoning_details=[{"type": "reasoning.text", "text": "old", "x": None}],
)
NEW = Message(role="assistant", content="b", reasoning="new", reasoning_details=[{"type": "new", "v": [1]}],
              tool_calls=[ToolCall(id="c", name="f", arguments="{}", parsed={})])  # fmt: skip
TURNS = (user("1"), OLD, user("2"), NEW, Message(role="tool", content="r", tool_call_id="c"))


def replayed(provider: str, model: str, field: str, **request: Any) -> list[Any]:
    bodies = message_bodies(provider, model, *TURNS, **request)
    assert all(field not in bodies[place] for place in (0, 2, 4))
    return [bodies[1].get(field), bodies[3].get(field)]


@pytest.mark.parametrize(
    ("policy", "preserve", "model", "expected"),
    [
        ("auto", None, "qwen3-32b", [None, "new"]),
        ("auto", True, "qwen3-32b", ["old", "new"]),
        ("auto", None, "qwen3.6-plus", ["old", "new"]),
        ("auto", False, "qwen3.6-plus", [None, "new"]),
        ("always", None, "qwen3-32b", ["old", "new"]),
        ("always", False, "qwen3-32b", ["old", "new"]),
        ("tool_turns", None, "qwen3.6-plus", [None, "new"]),
        ("tool_turns", True, "qwen3.6-plus", [None, "new"]),
        ("never", True, "qwen3.6-plus", [None, None]),
    ],
)
def test_which_reasoning_is_sent_back(policy: str, preserve: bool | None, model: str, expected: list[Any]) -> None:
    asked = {"reasoning_replay": policy, "preserve_thinking": preserve}
    assert replayed("dashscope", model, "reasoning_content", **asked) == expected


def test_after_the_loop_has_ended_its_reasoning_is_old() -> None:
    bodies = message_bodies("dashscope", "qwen3-32b", *TURNS, Message(role="assistant", content="c"), user("3"))
    assert not any("reasoning_content" in body for body in bodies)


NAMES = {
    "anyfast-cn": "reasoning_content", "anyfast": "reasoning_content", "wcode": "reasoning",
    "dashscope": "reasoning_content", "dashscope-intl": "reasoning_content", "openrouter": "reasoning",
        "vllm": "reasoning",
    "sglang": "reasoning_content", "ollama": "reasoning", "llamacpp": "reasoning_content",
        "generic": "reasoning_content",
}  # fmt: skip


@pytest.mark.parametrize("provider", CHAT_ROWS)
def test_reasoning_goes_back_under_the_rows_own_name(server: Server, client: QwenClient, provider: str) -> None:
    settings = {"reasoning_replay": "always"}
    body = sent(server, client, provider, "qwen3-32b", list(TURNS), settings=settings)
    assistant = body["messages"][1]
    assert assistant[NAMES[provider]] == "old"
    assert not {"reasoning", "reasoning_content"} - {NAMES[provider]} & set(assistant)
    verbatim = provider in ("wcode", "openrouter")
    assert assistant.get("reasoning_details") == (OLD.reasoning_details if verbatim else None)


@pytest.mark.parametrize(("provider", "name"), [("generic", "reasoning"), ("dashscope", "reasoning_content")])
def test_an_unknown_server_gets_reasoning_back_as_it_sent_it(
    server: Server, client: QwenClient, provider: str, name: str
) -> None:
    earlier = Message(role="assistant", reasoning="old", reasoning_field="reasoning", content="a")
    settings = {"reasoning_replay": "always"}
    body = sent(server, client, provider, "qwen3-32b", [user(), earlier, user()], settings=settings)
    assert body["messages"][1] == {"role": "assistant", "content": "a", name: "old"}


# Tools


def tool(parameters: Any, **fields: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "f", "parameters": parameters, **fields}}


def parameters_sent(provider: str, parameters: Any) -> Any:
    place = endpoint(provider, "qwen3-32b")
    before = deepcopy(parameters)
    body = encoded(place, tools=(tool(parameters),)).body
    assert parameters == before
    return body["tools"][0]["function"]["parameters"]


CITY = {"type": "object", "properties": {"name": {"type": "string"}}}
NESTED = {
    "type": "object",
    "properties": {"trip": {"$ref": "#/$defs/Trip"}, "many": {"type": "array", "items": {"$ref": "#/$defs/City"}}},
    "$defs": {
        "Trip": {"type": "object", "properties": {"to": {"$ref": "#/$defs/City", "description": "Where"}}},
        "City": CITY,
    },
}
FLAT = {
    "type": "object",
    "properties": {
        "trip": {"type": "object", "properties": {"to": {**CITY, "description": "Where"}}},
        "many": {"type": "array", "items": CITY},
    },
}
INLINES = {"anyfast-cn", "anyfast", "dashscope", "dashscope-intl", "openrouter", "vllm", "sglang", "generic"}


@pytest.mark.parametrize("provider", sorted(set(CHAT_ROWS) - {"generic"}))
def test_references_are_inlined_where_the_row_says_so(provider: str) -> None:
    assert parameters_sent(provider, NESTED) == (FLAT if provider in INLINES else NESTED)


def test_a_recursive_definition_stays_with_the_definitions_it_needs() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}, "city": {"$ref": "#/$defs/City"}}}
    schema = {"properties": {"head": {"$ref": "#/$defs/Node"}}, "$defs": {"Node": node, "City": CITY}}
    found = parameters_sent("dashscope", schema)
    assert found["properties"]["head"]["properties"]["city"] == CITY
    assert found["properties"]["head"]["properties"]["next"] == {"$ref": "#/$defs/Node"}
    assert found["$defs"] == schema["$defs"]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        pytest.param({"items": {"$ref": "#/definitions/A"}, "definitions": {"A": CITY}}, {"items": CITY},
            id="definitions"),
        pytest.param({"a": {"$ref": "#/$defs/x~1y~0z"}, "$defs": {"x/y~z": CITY}}, {"a": CITY}, id="escaped pointers"),
        pytest.param({"properties": {"$ref": {"type": "string"}}}, {"properties": {"$ref": {"type": "string"}}},
                     id="a property called $ref"),
        pytest.param({"properties": {"$defs": CITY}}, {"properties": {"$defs": CITY}}, id="a property called $defs"),
        pytest.param({"$ref": "#/$defs/A", "$defs": {"A": CITY}}, CITY, id="the root itself"),
        pytest.param({"a": {"$ref": "#/$defs/gone"}, "$defs": {"A": CITY}}, {"a": {"$ref": "#/$defs/gone"},
            "$defs": {"A": CITY}},
                     id="a dangling reference"),
        pytest.param({"a": {"$ref": "https://x/y.json"}}, {"a": {"$ref": "https://x/y.json"}}, id="a remote reference"),
        pytest.param({"a": {"$ref": "#"}}, {"a": {"$ref": "#"}}, id="the whole schema"),
        pytest.param({}, {}, id="nothing"),
    ],
)  # fmt: skip
def test_unusual_references(schema: Any, expected: Any) -> None:
    assert parameters_sent("dashscope", schema) == expected


@pytest.mark.parametrize(
    ("provider", "kept"), [("anyfast", False), ("anyfast-cn", False), ("wcode", True), ("dashscope", True)]
)
def test_strict_is_kept_where_the_provider_keeps_it(provider: str, kept: bool) -> None:
    given = tool(CITY, strict=True, description="d")
    function = encoded(endpoint(provider, "qwen3-32b"), tools=(given,)).body["tools"][0]["function"]
    assert ("strict" in function) is kept
    assert (function["name"], function["description"], function["parameters"]) == ("f", "d", CITY)
    assert given["function"]["strict"] is True


def test_tools_of_the_endpoints_own_are_passed_on() -> None:
    own = {"type": "web_search", "web_search": {"enable": True}}
    assert encoded(endpoint(), tools=(own,)).body["tools"] == [own]


@pytest.mark.parametrize(
    ("tools", "choice"),
    [((), "required"), ((), "f"), ((tool({}),), "g"), ((), {"type": "function", "function": {"name": "f"}}),
     ((tool({}),), {"type": "function", "function": {"name": "g"}})],
)  # fmt: skip
def test_a_tool_choice_that_cannot_be_met_is_refused(tools: Any, choice: Any) -> None:
    with pytest.raises(ConfigurationError, match="cannot be met"):
        encoded(endpoint(), tools=tools, tool_choice=choice)
