"""The checks themselves. Each looks at one thing and never raises for what an endpoint does wrong."""

from __future__ import annotations

import difflib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final, Literal

from qwen_endpoints.calls import Call, plan_call
from qwen_endpoints.cli.network import proxy_for
from qwen_endpoints.client import QwenClient
from qwen_endpoints.endpoint import Endpoint, is_private_host
from qwen_endpoints.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    ContentFilteredError,
    InvalidRequestError,
    MalformedResponseError,
    ModelNotFoundError,
    PermissionDeniedError,
    QuotaExhaustedError,
    QwenError,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
    TimedOutError,
)
from qwen_endpoints.listing import Listing
from qwen_endpoints.settings import QwenSettings
from qwen_endpoints.types import Completion, Message
from qwen_endpoints.words import Json

State = Literal["ok", "warn", "FAIL", "skip"]

_MOST_SKEW: Final = 300
"""Seconds. Certificates and signatures are refused beyond a few minutes; a Date header is exact to a second."""

_SHORT: Final = 256
"""Tokens that a small answer may have."""
_LONG: Final = 4096
"""Tokens of an answer that thinks: over Messages, a budget of 1024 is the least, and this leaves room for it."""

_WEATHER: Final[Json] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}

FIXES: Final[Mapping[type[QwenError], str]] = MappingProxyType(
    {
        AuthenticationError: "Use a key of this very provider, whole and not expired.",
        PermissionDeniedError: "Allow the key this model, or use another key.",
        QuotaExhaustedError: "Add credit at the provider.",
        RateLimitError: "Wait a moment and check again, or ask the provider for a higher limit.",
        ModelNotFoundError: "See that --base-url is right, and pass --model with an id that the endpoint has.",
        ContentFilteredError: "The endpoint moderates even harmless text; ask the provider.",
        InvalidRequestError: "Choose the --provider that this endpoint is, so that its spelling is used.",
        ConfigurationError: "Change what the message names.",
        ConnectionFailedError: "See that the server runs, the address is right and no firewall or proxy is in between.",
        TimedOutError: "Try again with a larger --timeout; a server of your own may still be loading the model.",
        StreamInterruptedError: "See the server's log, and the time limits of proxies in between.",
        MalformedResponseError: "Check --base-url: it ends before /chat/completions, or before /v1/messages.",
        ServerError: "The endpoint has failed: try later, or read the server's log.",
    }
)
"""What to do about each kind of failure; the nearest kind counts."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check has seen."""

    state: State
    seen: str
    fix: str = ""


@dataclass
class Probe:
    """An endpoint that is being checked, and what is known so far."""

    settings: QwenSettings
    endpoint: Endpoint
    key_variable: str | None = None
    client: QwenClient = field(default_factory=QwenClient)
    blocked: str = ""
    """Why nothing further can be asked."""

    def plan(self, text: str, **more: Any) -> Call:
        """Plan a call with one question."""
        tools = more.pop("tools", ())
        return plan_call(self.settings, [Message(role="user", content=text)], tools=tools, overrides=more)

    @property
    def quiet(self) -> dict[str, Any]:
        """Overrides that keep an answer short, where thinking can be switched off."""
        if self.endpoint.profile.thinking == "hybrid":
            return {"enable_thinking": False, "max_tokens": _SHORT}
        return {"max_tokens": _SHORT if self.endpoint.profile.thinking == "none" else _LONG}

    @cached_property
    def listing(self) -> Listing:
        """The endpoint's answer to `GET /models`, asked for once."""
        return self.client.list_models(self.plan("Hello"))


def failed(error: QwenError) -> Finding:
    """Say what an error means."""
    return Finding("FAIL", str(error), next((FIXES[kind] for kind in type(error).__mro__ if kind in FIXES), ""))


def _key(probe: Probe) -> Finding:
    provider = probe.endpoint.provider
    if probe.endpoint.api_key is not None:
        return Finding("ok", f"{_key_source(probe)} is set")
    if not provider.key_required:
        return Finding("ok", "none is needed")
    probe.blocked = "needs a key"
    page = f" Keys are made at {provider.key_page}." if provider.key_page else ""
    names = " or ".join(provider.key_variables) or "a variable, and name it with --key-variable"
    return Finding("FAIL", "no key", f"Set {names}.{page}")


def _key_source(probe: Probe) -> str:
    own = (name for name in probe.endpoint.provider.key_variables if os.environ.get(name, "").strip())
    return probe.key_variable or next(own, "the key")


def _proxy(probe: Probe) -> Finding:
    url = probe.endpoint.base_url
    proxy = proxy_for(url)
    if proxy is None:
        return Finding("ok", "none is used for this address")
    host = url.split("/")[2].rpartition("@")[2]
    if is_private_host(host.rpartition(":")[0] or host):
        return Finding("warn", f"{proxy} is used for a private address", f"Add {host} to NO_PROXY.")
    return Finding("ok", f"{proxy} is used (from the environment)")


def _address(probe: Probe) -> Finding:
    try:
        probe.listing  # noqa: B018  # asks
    except QwenError as error:
        probe.blocked = "the address cannot be reached"
        return failed(error)
    return Finding("ok", f"{probe.endpoint.base_url} answers")


def _access(probe: Probe) -> Finding:
    refusal = probe.listing.refusal
    if isinstance(refusal, (AuthenticationError, PermissionDeniedError)):
        probe.blocked = "access is refused"
        return failed(refusal)
    return Finding("ok", "nobody is refused" if probe.endpoint.api_key is None else "the key is not refused")


def _clock(probe: Probe) -> Finding:
    skew = probe.listing.skew
    if skew is None:
        return Finding("skip", "the endpoint does not tell the time")
    if abs(skew) > _MOST_SKEW:
        way = "ahead" if skew > 0 else "behind"
        return Finding("FAIL", f"this machine is {abs(skew):.0f} s {way}", "Set this machine's clock (NTP).")
    return Finding("ok", f"within {_MOST_SKEW} s of the endpoint's")


def _model(probe: Probe) -> Finding:
    ids = probe.listing.ids
    if ids is None:
        return Finding("skip", "the endpoint gives no list of models")
    model = probe.endpoint.model
    if model in ids:
        return Finding("ok", f"{model} is listed, among {len(ids)}")
    near = difflib.get_close_matches(model, ids, n=3, cutoff=0.4) or ids[:5]
    return Finding("warn", f"{model} is not among the {len(ids)} listed", f"Pass --model: {', '.join(near)}")


def _call(probe: Probe) -> Finding:
    began = time.monotonic()
    try:
        completion = probe.client.complete(probe.plan("Reply with the word ok.", **probe.quiet))
    except QwenError as error:
        probe.blocked = "the small call failed"
        return failed(error)
    took = time.monotonic() - began
    if not completion.first.text.strip():
        ended = completion.first.finish_reason
        return Finding("FAIL", f"an empty answer (finish {ended})", "See whether the model is one for chat.")
    return Finding("ok", f"answered in {took:.1f} s, {_tokens(completion)}")


def _tokens(completion: Completion) -> str:
    usage = completion.usage
    return f"tokens {usage.input_tokens} in, {usage.output_tokens} out" if usage else "token counts are missing"


def _thinking(probe: Probe) -> Finding:
    if not probe.endpoint.profile.may_think:
        return Finding("skip", f"{probe.endpoint.model} does not think")
    call = probe.plan("What is 17 times 3?", enable_thinking=True, max_tokens=_LONG)
    completion = Completion()
    for delta in probe.client.stream(call):
        completion = delta.completion or completion
    choice = completion.first
    if choice.reasoning or choice.reasoning_details:
        return Finding("ok", f"{len(choice.reasoning)} characters of it came, streamed")
    if probe.endpoint.profile.thinking is None:
        return Finding("warn", "none came", "Nothing, if the model does not think.")
    return Finding("FAIL", "none came", "Start the server with a reasoning parser, or choose the right --provider.")


def _tools(probe: Probe) -> Finding:
    if probe.endpoint.profile.tools is False:
        return Finding("skip", f"{probe.endpoint.model} calls no tools")
    asked = probe.plan("What is the weather in Paris? Use get_weather.", tools=[_WEATHER], **probe.quiet)
    calls = probe.client.complete(asked).first.tool_calls
    if not calls:
        return Finding("FAIL", "the model called none", "Start the server with tool calling, or choose another model.")
    if calls[0].error is not None:
        return Finding("FAIL", f"a broken call: {calls[0].error}", "Try a larger model, or another tool parser.")
    return Finding("ok", f"{calls[0].name}({calls[0].arguments})")


def _asking(look: Callable[[Probe], Finding]) -> Callable[[Probe], Finding]:
    """A check that needs the endpoint: not made where nothing can be asked, and failed by any error."""

    def guarded(probe: Probe) -> Finding:
        if probe.blocked:
            return Finding("skip", probe.blocked)
        try:
            return look(probe)
        except QwenError as error:
            return failed(error)

    return guarded


CHECKS: Final[Mapping[str, Callable[[Probe], Finding]]] = MappingProxyType(
    {
        "key": _key,
        "proxy": _proxy,
        "address": _asking(_address),
        "clock": _asking(_clock),
        "access": _asking(_access),
        "model": _asking(_model),
        "call": _asking(_call),
        "thinking": _asking(_thinking),
        "tools": _asking(_tools),
    }
)
"""In the order in which they are made; a failed one may block those after it."""
