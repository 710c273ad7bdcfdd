"""Group B: the key and the headers stay where they are needed, and copies of an LLM work."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from typing import Any, Final

import pytest
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.llms.llm import LLM
from llama_index_instrumentation import get_dispatcher
from llama_index_instrumentation.base import BaseEvent
from typing_extensions import override

from llama_index_llm_tests.answers import Answer, failed
from llama_index_llm_tests.asking import HI, Mode, every_mode, heard, last, run
from llama_index_llm_tests.bench import KEY, Bench, UnderTest

_TOKEN: Final = "team-token-0123456789"
_HI: Final = Answer(text="hi")
_VIEWS: Final[dict[str, Callable[[LLM], str]]] = {
    "repr": repr,
    "str": str,
    "to_dict": lambda llm: repr(llm.to_dict()),
    "to_json": lambda llm: llm.to_json(),
    "to_payload": lambda llm: repr(llm.to_payload()),
    "model_dump": lambda llm: repr(llm.model_dump()),
    "model_dump_json": lambda llm: llm.model_dump_json(),
}
_SHOWN: Final = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            name == "to_payload" and not hasattr(LLM, "to_payload"), reason="this version of the framework has none"
        ),
    )
    for name in _VIEWS
]
_COPIES: Final[dict[str, Callable[[LLM], LLM]]] = {
    "pickle": lambda llm: pickle.loads(pickle.dumps(llm)),  # noqa: S301 - what was pickled in the same line
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
    "model_copy": lambda llm: llm.model_copy(),
}

every_copy = pytest.mark.parametrize("way", _COPIES)


class _Recorder(BaseEventHandler):
    """Keeps the events it is given."""

    seen: list[BaseEvent] = []  # noqa: RUF012 - a pydantic field, copied for each instance

    @classmethod
    @override
    def class_name(cls) -> str:
        return "ConformanceRecorder"

    @override
    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        self.seen.append(event)


class SecretsTests(UnderTest):
    """What is secret goes to the server and nowhere else."""

    def _used(self, bench: Bench, mode: Mode = "chat", **settings: Any) -> LLM:
        """An LLM that has answered once, with both secrets."""
        llm = bench.answering(mode, _HI, **{self.headers: {"x-team-token": _TOKEN}}, **settings)
        assert last(llm, mode).message.content == "hi"
        assert bench.key == KEY
        assert bench.headers["x-team-token"] == _TOKEN
        return llm

    @pytest.mark.parametrize("view", _SHOWN)
    def test_the_key_is_not_shown(self, bench: Bench, view: str) -> None:
        """The key is in no text form and in no dump of the LLM."""
        assert KEY not in _VIEWS[view](self._used(bench))

    @pytest.mark.parametrize("view", _SHOWN)
    def test_headers_are_not_shown(self, bench: Bench, view: str) -> None:
        """Headers may hold tokens: their values are in no text form and in no dump."""
        assert _TOKEN not in _VIEWS[view](self._used(bench))

    @every_mode
    def test_events_hold_no_secrets(self, bench: Bench, mode: Mode, request: pytest.FixtureRequest) -> None:
        """Instrumentation events and callbacks, which traces keep, hold neither key nor headers."""
        recorder = _Recorder()
        root = get_dispatcher()
        root.add_event_handler(recorder)
        request.addfinalizer(lambda: root.event_handlers.remove(recorder))
        debug = LlamaDebugHandler(print_trace_on_end=False)
        self._used(bench, mode, callback_manager=CallbackManager([debug]))
        names = [event.class_name() for event in recorder.seen]
        assert (names[0], names[-1]) == ("LLMChatStartEvent", "LLMChatEndEvent")
        payloads = [pair.payload for pair in debug.get_events()]
        assert payloads
        told = repr([event.model_dump() for event in recorder.seen]) + repr(payloads)
        assert [secret for secret in (KEY, _TOKEN) if secret in told] == []

    @every_mode
    @pytest.mark.parametrize("status", [401, 500])
    def test_errors_hold_no_secrets(self, bench: Bench, mode: Mode, status: int) -> None:
        """An exception, with all that led to it, holds neither key nor headers."""
        llm = bench.llm(failed(status, "the flux is out"), **{self.headers: {"x-team-token": _TOKEN}})
        _, error = heard(llm, mode)
        assert error is not None
        told = "".join(traceback.format_exception(type(error), error, error.__traceback__)) + repr(error)
        assert "the flux is out" in told
        assert bench.headers["x-team-token"] == _TOKEN
        assert [secret for secret in (KEY, _TOKEN) if secret in told] == []

    @every_mode
    def test_logs_hold_no_key(self, bench: Bench, mode: Mode, caplog: pytest.LogCaptureFixture) -> None:
        """The key is in no log record, however detailed the logs are."""
        with caplog.at_level(logging.DEBUG):
            self._used(bench, mode)
        assert [record.getMessage() for record in caplog.records if KEY in record.getMessage()] == []

    def test_a_dump_restores_the_llm(self, bench: Bench) -> None:
        """`from_dict` of a dump, with the key added, asks for the same as the original."""
        llm = self._used(bench, temperature=0.25, max_tokens=77)
        restored = self.llm_class.from_dict(llm.to_dict(), **{self.key: KEY})
        assert restored.to_dict() == llm.to_dict()
        _same_request(bench, llm, restored)

    def test_a_dump_in_json_restores_the_llm(self, bench: Bench) -> None:
        """`to_json` works, and `from_json` of it, with the key added, asks for the same."""
        llm = self._used(bench, temperature=0.25, max_tokens=77)
        dumped = llm.to_json()
        assert json.loads(dumped)["class_name"] == self.llm_class.class_name()
        _same_request(bench, llm, self.llm_class.from_json(dumped, **{self.key: KEY}))

    @every_copy
    def test_copies_work(self, bench: Bench, way: str) -> None:
        """A copy or pickle of an LLM that has been used answers, and asks for the same."""
        llm = self._used(bench, temperature=0.25)
        _same_request(bench, llm, _copied(llm, way))

    @every_copy
    def test_copies_work_in_async_code(self, bench: Bench, way: str) -> None:
        """A copy of an LLM that was used in the running event loop answers there."""

        async def answers() -> list[str | None]:
            llm = bench.llm(_HI.whole(), temperature=0.25)
            first = await llm.achat(HI)
            copied = _copied(llm, way)
            return [first.message.content, *[(await asked.achat(HI)).message.content for asked in (copied, llm)]]

        assert run(answers()) == ["hi", "hi", "hi"]
        assert bench.bodies[0] == bench.bodies[1] == bench.bodies[2]

    def test_a_copy_may_be_changed(self, bench: Bench) -> None:
        """A change of a copy does not reach the original."""
        llm = self._used(bench, temperature=0.25)
        changed = llm.model_copy(update={"temperature": 0.75})
        for asked in (changed, llm):
            assert last(asked, "chat", HI).message.content == "hi"
        assert [body["temperature"] for body in bench.bodies[-2:]] == [0.75, 0.25]


def _copied(llm: LLM, way: str) -> LLM:
    try:
        return _COPIES[way](llm)
    except Exception as error:  # noqa: BLE001 - without the long trace through the copied object
        pytest.fail(f"{way}: {error!r}", pytrace=False)


def _same_request(bench: Bench, llm: LLM, other: LLM) -> None:
    """Ask both, and compare what arrived, the key included."""
    for asked in (llm, other):
        assert last(asked, "chat").message.content == "hi"
    first, second = bench.server.requests[-2:]
    assert first.json == second.json
    assert [bench.protocol.key_in(request.headers) for request in (first, second)] == [KEY, KEY]
