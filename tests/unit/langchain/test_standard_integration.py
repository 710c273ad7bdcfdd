"""LangChain's own integration tests for chat models, against the sandbox's gateways.

Each model is tested with its reasoning on and off, and with objects by JSON schema and by tool call where its endpoint
takes both. What is skipped: PDF and audio, of which no endpoint's page speaks; images where the model takes text alone;
JSON mode over Messages, which has none.
"""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any, Literal, cast

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_qwen import ChatQwen
from qwen_endpoints import StructuredMethod
from qwen_sandbox import Sandbox
from typing_extensions import override

from tests.unit.langchain.conftest import ENDPOINTS, PIXEL, SEEING_MESSAGES, Chats, merged

pytest.importorskip("langchain_tests", reason="langchain-tests needs a newer langchain-core")

from langchain_tests.integration_tests import ChatModelIntegrationTests

# The suite calls `stream_events(version="v3")`, of which LangChain says that it may change.
pytestmark = pytest.mark.filterwarnings("ignore:.*is in beta")


@pytest.fixture(scope="module", autouse=True)
def _shared_connections(qwen_sandbox: Sandbox, _held: list[ChatQwen]) -> None:
    """Open the connections that the models of the suite share, so that none of them opens and drops its own."""
    chats = Chats(qwen_sandbox, _held)
    for endpoint in ENDPOINTS:
        chats.at(endpoint).invoke("hi")


@pytest.fixture(scope="module")
def vcr_config() -> dict[str, Any]:
    return {"record_mode": "new_episodes", "allow_playback_repeats": True}


@pytest.fixture(scope="module")
def vcr_cassette_dir(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("cassettes"))


class _AtTheSandbox(ChatModelIntegrationTests):
    endpoint = ""
    method: StructuredMethod = "function_calling"
    settings: dict[str, Any] = {}  # noqa: RUF012 - read only
    sandbox: Sandbox

    @pytest.fixture(autouse=True)
    def _reach_the_sandbox(self, chats: Chats, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sandbox = chats.sandbox

        def give_a_pixel(_url: str, **_: Any) -> Any:
            return SimpleNamespace(content=base64.b64decode(PIXEL))

        # The suite downloads its pictures; nothing of a test may come from the internet.
        monkeypatch.setattr("langchain_tests.integration_tests.chat_models.httpx.get", give_a_pixel)

    @property
    @override
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatQwen

    @property
    @override
    def chat_model_params(self) -> dict[str, Any]:
        provider, model = ENDPOINTS[self.endpoint]
        base_url = self.sandbox.base_url(cast("Any", provider))
        place = {"provider": provider, "base_url": base_url, "api_key": self.sandbox.api_key}
        return {"model": model, **place, **self.settings}

    @property
    @override
    def supports_json_mode(self) -> bool:
        return True

    @property
    @override
    def supports_anthropic_inputs(self) -> bool:
        return True

    @property
    @override
    def structured_output_kwargs(self) -> dict[str, Any]:
        return {"method": self.method}

    @property
    @override
    def enable_vcr_tests(self) -> bool:
        return True

    @pytest.fixture
    def benchmark(self, benchmark: Any, vcr: Any, model: BaseChatModel) -> Any:
        """The timer of `test_stream_time`, which times what has been recorded: here, and for this test alone."""
        list(model.stream("Write a story about a cat."))
        assert vcr.responses
        return benchmark

    @property
    @override
    def model_override_value(self) -> str:
        return ENDPOINTS[self.endpoint][1]  # the endpoint's only model, or the only one that takes the settings

    @override
    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        return self._asked("hello", stream=stream)

    @override
    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        return self._asked("hello", stream=stream)

    def _asked(self, prompt: str | list[BaseMessage], *, stream: bool) -> AIMessage:
        llm = ChatQwen(**self.chat_model_params)
        return merged(llm.stream(prompt)) if stream else llm.invoke(prompt)


class _Sees(_AtTheSandbox):
    """Images go in, and structured output goes by JSON schema."""

    method = "json_schema"

    @property
    @override
    def supports_image_inputs(self) -> bool:
        return True

    @property
    @override
    def supports_image_urls(self) -> bool:
        return True

    @property
    @override
    def supports_image_tool_message(self) -> bool:
        return True

    @property
    @override
    def supported_usage_metadata_details(self) -> Any:
        return {"invoke": ["cache_read_input"], "stream": ["cache_read_input"]}


class TestFlash(_Sees):
    endpoint = "flash"


class TestFlashByCalls(TestFlash):
    method = "function_calling"


class TestFlashThinking(_Sees):
    """Reasoning and a JSON schema exclude each other here, so that reasoning is off for those requests."""

    endpoint = "flash"
    settings = {"enable_thinking": True}  # noqa: RUF012 - read only

    @property
    @override
    def supported_usage_metadata_details(self) -> Any:
        both = ["reasoning_output", "cache_read_input"]
        return {"invoke": both, "stream": both}


class TestFlashThinkingByCalls(TestFlashThinking):
    """A forced call excludes reasoning as well."""

    method = "function_calling"


class TestCn(_AtTheSandbox):
    """A text model that reasons in streams only, and when it is told to."""

    endpoint = "cn"


class TestCnBySchema(TestCn):
    method = "json_schema"


class TestCnThinking(_AtTheSandbox):
    """Whole answers are streamed, too; reasoning is off for objects, as at the endpoint above."""

    endpoint = "cn"
    settings = {"enable_thinking": True}  # noqa: RUF012 - read only


class TestCnThinkingBySchema(TestCnThinking):
    method = "json_schema"


class TestTextThinking(_AtTheSandbox):
    """A text model that calls tools while it reasons. Its endpoint's page has no JSON schema, so objects are calls."""

    endpoint = "text"
    settings = {"enable_thinking": True}  # noqa: RUF012 - read only

    @property
    @override
    def supported_usage_metadata_details(self) -> Any:
        return {"invoke": ["reasoning_output"], "stream": ["reasoning_output"]}


class TestText(_AtTheSandbox):
    endpoint = "text"
    settings = {"enable_thinking": False}  # noqa: RUF012 - read only

    @property
    @override
    def model_override_value(self) -> str:
        return "qwen/qwen3-vl-32b-instruct"


class _OverMessages(_AtTheSandbox):
    """Off is JSON mode alone: the protocol has no `response_format`, so that objects come by tool calls."""

    endpoint = "messages"

    @property
    @override
    def supports_json_mode(self) -> bool:
        return False

    @property
    @override
    def supported_usage_metadata_details(self) -> Any:
        cached = ["cache_creation_input", "cache_read_input"]
        return {"invoke": cached, "stream": cached}

    @override
    def invoke_with_cache_creation_input(self, *, stream: bool = False) -> AIMessage:
        answer = self._asked(_marked("created", stream=stream), stream=stream)
        assert _cached(answer, "cache_creation") > 1024
        return answer

    @override
    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        self._asked(_marked("read", stream=stream), stream=stream)
        answer = self._asked(_marked("read", stream=stream), stream=stream)
        assert _cached(answer, "cache_read") > 1024
        return answer


class TestMessages(_OverMessages):
    """Images are off because the model takes text alone, at either of its endpoints."""

    settings = {"enable_thinking": False}  # noqa: RUF012 - read only


class TestMessagesThinkingAndSeeing(_OverMessages):
    """The protocol carries images, which the sandbox takes, but the row says that the model does not: hence its twin.

    PDF and audio are off as for every Qwen model.
    """

    settings = {"enable_thinking": True, "provider": SEEING_MESSAGES}  # noqa: RUF012 - read only

    @property
    @override
    def supports_image_inputs(self) -> bool:
        return True

    @property
    @override
    def supports_image_urls(self) -> bool:
        return True

    @property
    @override
    def supports_image_tool_message(self) -> bool:
        return True

    @property
    @override
    def supported_usage_metadata_details(self) -> Any:
        everything = ["reasoning_output", "cache_creation_input", "cache_read_input"]
        return {"invoke": everything, "stream": everything}


def _marked(label: str, *, stream: bool) -> list[BaseMessage]:
    """A prompt whose beginning is long enough to be cached, under a label of its own."""
    words = f"{label} {stream} " + "word " * 1500
    return [
        SystemMessage([{"type": "text", "text": words, "cache_control": {"type": "ephemeral"}}]),
        HumanMessage("hi"),
    ]


def _cached(answer: AIMessage, how: Literal["cache_creation", "cache_read"]) -> int:
    assert answer.usage_metadata is not None
    return answer.usage_metadata.get("input_token_details", {}).get(how, 0)


class TestVision(_Sees):
    endpoint = "vision"

    @property
    @override
    def model_override_value(self) -> str:
        return "qwen/qwen3-235b-a22b"


class TestVisionByCalls(TestVision):
    method = "function_calling"
