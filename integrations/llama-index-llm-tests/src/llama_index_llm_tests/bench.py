"""The bench: the class under test at a server that gives scripted replies and keeps what it was sent."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, cast

import pytest
from llama_index.core.llms.llm import LLM
from qwen_sandbox import Reply, Sandbox

from llama_index_llm_tests.answers import Answer, Json
from llama_index_llm_tests.asking import CompletionMode, Mode, reply_for
from llama_index_llm_tests.messages.words import UnsayableError
from llama_index_llm_tests.protocols import PROTOCOLS, ProtocolName

KEY: Final = "sk-conformance-0123456789"
"""The key that every LLM is given; made up."""
_SCRIPTS: Final = itertools.count()


class UnderTest:
    """What the suite must know about a class. A subclass of the suite fills it in."""

    llm_class: ClassVar[type[LLM]]
    """The class to test."""
    protocol: ClassVar[ProtocolName] = "chat_completions"
    """What the class speaks: `chat_completions`, or `messages`, which is Anthropic's."""
    settings: ClassVar[Mapping[str, Any]] = {"model": "qwen3-32b", "max_retries": 0}
    """Constructor arguments of every test, beside the address and the key."""
    address: ClassVar[str] = "api_base"
    """The argument that takes the server's base URL (for Chat Completions it ends in `/v1`)."""
    key: ClassVar[str] = "api_key"
    """The argument that takes the key."""
    headers: ClassVar[str] = "default_headers"
    """The argument that takes headers for every request."""
    key_variable: ClassVar[str] = ""
    """The environment variable that the key is read from where none is given; empty: there is none."""
    thinking_on: ClassVar[Mapping[str, Any]] = {}
    """Arguments, of the constructor and of one call alike, that switch thinking on; empty: there is no such switch."""
    thinking_off: ClassVar[Mapping[str, Any]] = {}
    """As `thinking_on`, for off."""
    media_settings: ClassVar[Mapping[str, Any]] = {"model": "qwen3-omni-flash"}
    """Constructor arguments, over `settings`, of the tests with images, video and sound: a model that takes them."""
    not_applicable: ClassVar[Mapping[str, str]] = {}
    """Tests that make no sense for the class, by name, each with the reason; they are skipped with it."""

    def make_llm(self, base_url: str, **settings: Any) -> LLM:
        """Build an LLM for a server; `settings` go over those of the class."""
        given: dict[str, Any] = {**self.settings, self.address: base_url, self.key: KEY, **settings}
        return self.llm_class(**given)

    @pytest.fixture(autouse=True)
    def _applicable(self, request: pytest.FixtureRequest) -> None:
        name = getattr(request.node, "originalname", request.node.name)
        reason = {**PROTOCOLS[self.protocol].beyond, **self.not_applicable}.get(name)
        if reason is not None:
            pytest.skip(reason)

    @pytest.fixture(autouse=True)
    def _no_certificates(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Spare HTTP clients the system's certificates: the server speaks plain HTTP, and to load them takes long."""
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        monkeypatch.setenv("SSL_CERT_DIR", str(Path(__file__).parent))  # a folder that holds none

    @pytest.fixture
    def bench(self, qwen_sandbox: Sandbox) -> Bench:
        """The class under test at a scripted server."""
        return Bench(self, qwen_sandbox)


class Spelled(Reply):
    """A reply in the words of the protocol under test, given as it is."""


class Bench:
    """What a test is handed. Replies and requests are in the words of Chat Completions, whatever the class speaks."""

    def __init__(self, subject: UnderTest, server: Sandbox) -> None:
        self._subject = subject
        self.server = server
        self.protocol = PROTOCOLS[subject.protocol]

    def url(self, *replies: Reply) -> str:
        """The base URL of a server that gives these replies in order, the last one for ever."""
        told = [self.spelled(reply) for reply in replies]
        return self.protocol.address(self.server.script_sequence(f"conformance-{next(_SCRIPTS)}", told))

    def spelled(self, reply: Reply) -> Reply:
        """The reply in the words of the class's protocol. Where that has none, the test is skipped with the reason."""
        if isinstance(reply, Spelled):
            return reply
        try:
            return self.protocol.spelled(reply)
        except UnsayableError as gap:
            pytest.skip(f"not in {self._subject.protocol}: {gap}")

    def llm(self, *replies: Reply, **settings: Any) -> LLM:
        """An LLM whose server gives these replies in order, the last one for ever."""
        return self._subject.make_llm(self.url(*replies), **settings)

    def answering(self, mode: Mode | CompletionMode, *answers: Answer, **settings: Any) -> LLM:
        """An LLM whose server gives these answers in the form that the mode asks for."""
        return self.llm(*(reply_for(mode, answer) for answer in answers), **settings)

    @property
    def bodies(self) -> list[Json]:
        """The bodies that arrived, oldest first."""
        sent: Sequence[Any] = [request.json for request in self.server.requests if request.json]
        return [self.protocol.read(body) for body in cast("list[Json]", sent)]

    @property
    def body(self) -> Json:
        """The body that arrived last; empty if nothing did."""
        return self.bodies[-1] if self.bodies else {}

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that arrived last, by names in lower case; empty if nothing did."""
        return self.server.requests[-1].headers if self.server.requests else {}

    @property
    def key(self) -> str | None:
        """The key that arrived last."""
        return self.protocol.key_in(self.headers)

    @property
    def messages(self) -> list[Json]:
        """The messages that arrived last."""
        return self.body.get("messages", [])
