"""Group A: building an LLM, and what it says about itself."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, Final

import pytest
from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.base.llms.types import MessageRole
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import LLM

from llama_index_llm_tests.answers import Answer
from llama_index_llm_tests.asking import Mode, every_mode, heard, last, reply_for
from llama_index_llm_tests.bench import KEY, Bench, UnderTest
from llama_index_llm_tests.reading import SLIPS

_UNHEARD_OF: Final = "no-such-model-2099"
_BORROWED: Final = "sk-of-another-service-987"
_HEAVY: Final = ("torch", "transformers", "tensorflow", "jax", "pandas", "scipy", "sklearn", "matplotlib", "datasets")
_IMPORT: Final = """
import importlib, json, sys
called = []
sys.addaudithook(lambda event, _: called.append(event) if event in ("socket.connect", "socket.getaddrinfo") else None)
import llama_index.core.llms.function_calling
known = set(sys.modules)
importlib.import_module(sys.argv[1])
print(json.dumps({"called": called, "loaded": sorted(set(sys.modules) - known)}))
"""

may_warn = pytest.mark.filterwarnings("ignore::UserWarning")
"""To warn about a model nobody knows is right; to refuse it is not."""


class ConstructionTests(UnderTest):
    """An LLM is built without a server and describes itself truly."""

    def test_it_is_an_llm_of_the_framework(self, bench: Bench) -> None:
        """The class is a `FunctionCallingLLM`, which is what agents ask for."""
        llm = bench.llm(Answer(text="hi").whole())
        assert isinstance(llm, BaseLLM)
        assert isinstance(llm, FunctionCallingLLM)

    def test_building_sends_nothing(self, bench: Bench) -> None:
        """Neither the constructor nor `metadata` asks the server."""
        llm = bench.llm(Answer(text="hi").whole())
        assert llm.metadata.model_name
        assert not bench.server.requests

    def test_importing_is_cheap(self) -> None:
        """The import opens no connection and loads no machine learning library."""
        module = self.llm_class.__module__
        done = subprocess.run(  # noqa: S603 - this Python, with a script that stands above
            [sys.executable, "-c", _IMPORT, module], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        seen = json.loads(done.stdout.splitlines()[-1])
        assert seen["called"] == []
        assert [name for name in seen["loaded"] if name in _HEAVY] == []

    @every_mode
    def test_requests_go_where_they_were_told(self, bench: Bench, mode: Mode) -> None:
        """The key travels, in its header, to the protocol's path under the given address."""
        assert last(bench.answering(mode, Answer(text="hi")), mode).message.content == "hi"
        (request,) = bench.server.requests
        assert (request.method, request.path.endswith(bench.protocol.path)) == ("POST", True)
        assert bench.key == KEY

    @every_mode
    def test_a_key_for_another_service_stays_home(
        self, bench: Bench, mode: Mode, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without a key, one that the environment holds for another service is not sent."""
        monkeypatch.setenv(bench.protocol.foreign_key, _BORROWED)
        assert last(bench.answering(mode, Answer(text="hi")), mode).message.content == "hi"
        refusal = self._keyless_failure(bench, mode)
        assert not isinstance(refusal, SLIPS), "refusing to go without a key is right, but it should be said"
        sent = [value for request in bench.server.requests for value in request.headers.values()]
        assert [value for value in sent if _BORROWED in value] == []

    @every_mode
    def test_the_key_may_stand_in_the_environment(
        self, bench: Bench, mode: Mode, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without a key, the one in the class's own environment variable is sent."""
        if not self.key_variable:
            pytest.skip("the class says nothing of such a variable")
        monkeypatch.setenv(self.key_variable, "sk-from-outside")
        assert last(self._keyless(bench, mode), mode).message.content == "hi"
        assert bench.key == "sk-from-outside"

    def _keyless(self, bench: Bench, mode: Mode) -> LLM:
        given: dict[str, Any] = {**self.settings, self.address: bench.url(reply_for(mode, Answer(text="hi")))}
        return self.llm_class(**given)

    def _keyless_failure(self, bench: Bench, mode: Mode) -> Exception | None:
        try:
            return heard(self._keyless(bench, mode), mode)[1]
        except Exception as refusal:  # noqa: BLE001 - the test judges it
            return refusal

    @may_warn
    @every_mode
    def test_any_model_may_be_named(self, bench: Bench, mode: Mode) -> None:
        """A model that the class has never heard of is asked for by its name."""
        llm = bench.answering(mode, Answer(text="hi"), model=_UNHEARD_OF)
        assert last(llm, mode).message.content == "hi"
        assert bench.body["model"] == _UNHEARD_OF

    @may_warn
    @pytest.mark.parametrize("settings", [{}, {"model": _UNHEARD_OF}, {"max_tokens": 100}], ids=str)
    def test_metadata_can_be_planned_with(self, bench: Bench, settings: dict[str, Any]) -> None:
        """The window is larger than the room for an answer, and the model has its name."""
        metadata = bench.llm(Answer(text="hi").whole(), **settings).metadata
        room = metadata.context_window if metadata.num_output == -1 else metadata.num_output
        assert 0 < room <= metadata.context_window
        assert metadata.num_output != metadata.context_window
        assert metadata.model_name == settings.get("model", self.settings["model"])
        assert (metadata.is_chat_model, metadata.is_function_calling_model) == (True, True)
        assert metadata.system_role in {MessageRole.SYSTEM, MessageRole.DEVELOPER, MessageRole.USER}

    def test_the_answer_limit_is_in_the_metadata(self, bench: Bench) -> None:
        """`max_tokens` is the room that the framework keeps free for an answer."""
        assert bench.llm(Answer(text="hi").whole(), max_tokens=321).metadata.num_output == 321

    def test_the_class_has_a_name_of_its_own(self, bench: Bench) -> None:
        """`class_name` is the same on class, instance and dump, and not that of a base class."""
        llm = bench.llm(Answer(text="hi").whole())
        name = self.llm_class.class_name()
        assert llm.class_name() == name == llm.to_dict()["class_name"]
        bases = [base for base in self.llm_class.__mro__[1:] if issubclass(base, BaseLLM)]
        assert name not in {base.class_name() for base in bases if base.__module__.startswith("llama_index.core")}
