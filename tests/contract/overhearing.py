"""Everything a program can hear of its calls, as text: logs, warnings, traces, events, and what exceptions hold."""

# ruff: noqa: PLC0415 - instrumentors are optional
# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import json
import logging
import pickle
import re
import threading
import traceback
import warnings
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from langchain_core.load import dumps
from langchain_core.tracers.base import BaseTracer
from langchain_core.tracers.langchain import LangChainTracer
from typing_extensions import override

from tests.unit.llamaindex.watching import Watch, listening

_QUERY: Final = re.compile(r"(?<=[\w/])\?[^\s'\")]+")


class _Records(logging.Handler):
    def __init__(self) -> None:
        super().__init__(0)
        self.kept: list[logging.LogRecord] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(record)


class _Runs(BaseTracer):
    """Keeps LangChain's runs as text."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[str] = []

    @override
    def _persist_run(self, run: Any) -> None:
        told = (run.inputs, run.outputs, run.extra, run.serialized, run.error, run.events)
        self.kept += (repr(run), dumps(told), str(told))


class _LangSmith:
    """Takes what is sent to LangSmith, on a port of this machine."""

    def __init__(self) -> None:
        from langsmith import Client

        self.kept: list[str] = []
        kept = self.kept

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the name is http.server's
                kept.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_PATCH = do_POST  # noqa: N815 - as do_POST

            @override
            def log_message(self, format: str, *args: Any) -> None:  # the name is http.server's
                return

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        url = f"http://127.0.0.1:{self._http.server_port}"
        self._client = Client(api_url=url, api_key="local", auto_batch_tracing=False)
        self.tracer = LangChainTracer(client=self._client)

    def close(self) -> None:
        self._client.cleanup()
        self._client.session.close()
        self._http.shutdown()
        self._http.server_close()


class Overheard:
    """Whatever has been told since it was last taken."""

    def __init__(self) -> None:
        self._records = _Records()
        self._runs = _Runs()
        self._langsmith = _LangSmith()
        self._spans: Any = None
        self._watch = Watch()
        self._warned: list[warnings.WarningMessage] = []
        self.callbacks: list[Any] = [self._runs, self._langsmith.tracer]
        """For LangChain's calls."""

    def attach(self, llm: Any) -> None:
        """Let a LlamaIndex model's callback manager tell this one too."""
        self._watch.attach(llm)

    @contextmanager
    def listening(self) -> Generator[None]:
        """Hear everything for a while."""
        root = logging.getLogger()
        level = root.level
        with ExitStack() as stack:
            self._warned = stack.enter_context(warnings.catch_warnings(record=True))
            warnings.simplefilter("always")
            self._watch = stack.enter_context(listening())
            self._spans = stack.enter_context(_spans())
            root.addHandler(self._records)
            root.setLevel(1)
            try:
                yield
            finally:
                root.removeHandler(self._records)
                root.setLevel(level)
                self._langsmith.close()

    def take(self) -> dict[str, str]:
        """Return what was told since the last time, by place."""
        self._langsmith.tracer.wait_for_futures()
        spans = self._spans.get_finished_spans() if self._spans else ()
        told = {
            "our log": "\n".join(_of_record(record) for record in self._records.kept if _is_ours(record)),
            "other logs": "\n".join(_of_record(record) for record in self._records.kept if not _is_ours(record)),
            "warnings": "\n".join(str(warning.message) for warning in self._warned),
            "runs": "\n".join(self._runs.kept),
            "LangSmith": "\n".join(self._langsmith.kept),
            "events, spans, callbacks": self._watch.text,
            "OpenTelemetry": "".join(span.to_json() for span in spans),
        }
        for kept in (self._records.kept, self._runs.kept, self._langsmith.kept, self._warned, self._watch.events.seen):
            kept.clear()
        for heard in (self._watch.spans.entered, self._watch.callbacks.started, self._watch.callbacks.ended):
            heard.clear()
        self._watch.spans.ended.clear()
        if self._spans:
            self._spans.clear()
        return told


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name.startswith("qwen")


def _of_record(record: logging.LogRecord) -> str:
    """A record with its arguments and extras. The transport writes addresses with their query."""
    told = f"{record.name} {record.getMessage()} {record.__dict__}"
    return told if _is_ours(record) else _QUERY.sub("?", told)


@contextmanager
def _spans() -> Generator[Any]:
    """The spans of OpenInference for both frameworks; nothing where it is not installed."""
    if not (find_spec("opentelemetry") and find_spec("openinference")):
        yield None
        return
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    memory, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    name = "openinference.instrumentation."
    instrumentors = [
        import_module(f"{name}langchain").LangChainInstrumentor(),
        import_module(f"{name}llama_index").LlamaIndexInstrumentor(),
    ]
    for instrumentor in instrumentors:
        instrumentor.instrument(tracer_provider=provider)
    try:
        yield memory
    finally:
        for instrumentor in instrumentors:
            instrumentor.uninstrument()
        provider.shutdown()


# Exceptions


def of_exception(error: BaseException, *, with_locals: bool) -> dict[str, str]:
    """All that an exception tells, by place; the frames of tests are not looked at, they hold the secrets."""
    links = list(_links(error))
    told = {
        "error": f"{error} {error!r} {error.args!r} {error.__dict__!r}",
        "pickled error": pickle.dumps(error).decode("latin-1"),
        "traceback": "".join(traceback.format_exception(type(error), error, error.__traceback__)),
        "chain": "\n".join(f"{link} {link!r} {link.args!r} {link.__dict__!r}" for link in links),
        "requests and replies": "\n".join(_of_http(link) for link in links),
    }
    if with_locals:
        told["locals"] = _locals(traceback.TracebackException.from_exception(error, capture_locals=True))
        told["locals by rich"] = _by_rich(error)
    return told


def _links(error: BaseException | None, seen: set[int] | None = None) -> Iterator[BaseException]:
    seen = set() if seen is None else seen
    if error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        yield from _links(error.__cause__, seen)
        yield from _links(error.__context__, seen)


def _of_http(link: BaseException) -> str:
    reply = _attribute(link, "response")
    told = ""
    for request in (_attribute(link, "request"), _attribute(reply, "request")):
        if request is not None:
            told += f"{request!r} {request.url} {request.headers.raw} {request.headers!r}"
    if reply is not None:
        told += f"{reply!r} {reply.headers.raw} {reply.text} {reply.content!r} {reply.url}"
    return told


def _attribute(holder: object, name: str) -> Any:
    try:
        return getattr(holder, name, None)
    except RuntimeError:  # httpx: an exception without a request
        return None


def _locals(told: traceback.TracebackException | None) -> str:
    if told is None:
        return ""
    frames = [str(frame.locals) for frame in told.stack if "/tests/" not in frame.filename]
    return "\n".join([*frames, _locals(told.__cause__), _locals(told.__context__)])


def _by_rich(error: BaseException) -> str:
    """What rich would print of local variables: it looks into containers, and cuts long texts."""
    from rich.traceback import Traceback

    trace = Traceback.extract(type(error), error, error.__traceback__, show_locals=True)
    frames = [frame for stack in trace.stacks for frame in stack.frames if "/tests/" not in frame.filename]
    return "\n".join(node.render() for frame in frames for node in (frame.locals or {}).values())


def of_answer(answer: Any) -> dict[str, str]:
    """All that an answer tells."""
    dumped = answer.model_dump() if hasattr(answer, "model_dump") else None
    return {"answer": f"{answer} {answer!r} {dumped!r} {json.dumps(dumped, default=repr)}"}
