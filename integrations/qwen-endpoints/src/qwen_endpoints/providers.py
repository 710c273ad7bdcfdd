"""The table of endpoints: where each is, which variable holds its key, what it documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from qwen_endpoints import dialects
from qwen_endpoints.dialects import Dialect
from qwen_endpoints.pricing import Price
from qwen_endpoints.words import Json

_CHECKED: Final = date(2026, 11, 21)
ProtocolName = Literal["chat_completions", "messages"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A documented request parameter: its range and the default the endpoint states."""

    minimum: float | None = None
    maximum: float | None = None
    default: Any = None
    """What the endpoint uses when the parameter is not sent; `None` where the page does not say."""
    choices: tuple[str, ...] = ()
    """The accepted words, where the parameter is a word."""
    needs: str | None = None
    """Another parameter that must be true for this one to be accepted."""

    def accepts(self, value: object) -> bool:
        """Whether `value` lies within the documented range. Types other than numbers and words are not judged."""
        if isinstance(value, str):
            return not self.choices or value in self.choices
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return True
        return (self.minimum is None or value >= self.minimum) and (self.maximum is None or value <= self.maximum)

    @property
    def range_text(self) -> str:
        """The accepted values in words, for error messages and documentation."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.minimum is None and self.maximum is None:
            return "any value"
        if self.minimum == self.maximum:
            return f"{self.minimum:g} only"
        if self.maximum is None:
            return f"at least {self.minimum:g}"
        if self.minimum is None:
            return f"at most {self.maximum:g}"
        return f"{self.minimum:g} to {self.maximum:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOffer:
    """How one provider offers one model: what differs from the catalogue there."""

    profile: Json = field(default_factory=dict[str, Any])
    """`ModelProfile` fields that are different at this provider."""
    parameters: Mapping[str, Parameter] = field(default_factory=dict[str, Parameter])
    """Parameters whose documented range is this model's own."""
    dropped: Json = field(default_factory=dict[str, Any])
    """Parameters that this model's page lacks although the provider has them, with the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One endpoint. Pass your own, or `dataclasses.replace` a row: nothing needs subclassing."""

    name: str
    base_url: str
    dialect: Dialect = field(default_factory=Dialect)
    protocol: ProtocolName = "chat_completions"
    key_header: Literal["authorization", "x-api-key"] = "authorization"
    """Where the key goes: `authorization` has it after `Bearer`."""
    hosts: tuple[str, ...] = ()
    """Host names that mean this provider when only a `base_url` is given."""
    key_variables: tuple[str, ...] = ()
    """Environment variables that may hold the key, first wins."""
    key_required: bool = True
    """Whether a call without a key is refused before it is sent."""
    parameters: Mapping[str, Parameter] = field(default_factory=dict[str, Parameter])
    """Documented parameters by neutral name; one that is not here is sent unchecked."""
    while_thinking: Mapping[str, Parameter | None] = field(default_factory=dict[str, "Parameter | None"])
    """Parameters whose range is narrower for a request that reasons; `None`: they must not be sent then."""
    models: Mapping[str, ModelOffer] = field(default_factory=dict[str, ModelOffer])
    """Offers by model id as this provider spells it; `*` holds what differs for every model."""
    id_prefix: str | None = None
    """For a provider that serves the whole catalogue: how its model ids begin. `None`: only `models` are known to be
    there."""
    key_page: str = ""
    """Where a person gets a key."""
    key_hint: str = ""
    """Said beside a refusal of the key."""
    source: str = ""
    checked: date | None = None

    def owns(self, url: str) -> bool:
        """Whether `url` points at one of this provider's own hosts."""
        host = _host_of(url) if self.hosts else ""
        return any(host == own or host.endswith("." + own) for own in self.hosts)

    def offers(self, model: str) -> bool:
        """Whether this provider is known to have `model`, under this very id."""
        from qwen_endpoints.models import catalogue  # noqa: PLC0415 - read for the first model, not by an import

        named = any(name.lower() == model.lower() for name in self.models if name != "*")
        if named or self.id_prefix is None:
            return named
        prefix, slash, _ = model.rpartition("/")
        return (prefix + slash).lower() == self.id_prefix and catalogue().find(model) is not None


@lru_cache(maxsize=64)
def _host_of(url: str) -> str:
    """The host of an address, or nothing where it has none. Every call asks for it once for each row."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


_TEMPERATURE: Final = Parameter(minimum=0, maximum=2, default=1)
_TOP_P: Final = Parameter(minimum=0, maximum=1)
_PENALTY: Final = Parameter(minimum=-2, maximum=2, default=0)

# Plain dictionaries: a provider that is part of a configuration is copied and pickled with it.
_ANYFAST_PARAMETERS: Final[Mapping[str, Parameter]] = {
    "temperature": _TEMPERATURE,
    "top_p": _TOP_P,
    "frequency_penalty": _PENALTY,
    "presence_penalty": _PENALTY,
}

_WCODE_PARAMETERS: Final[Mapping[str, Parameter]] = {
    "reasoning_effort": Parameter(choices=("xhigh", "high", "medium", "low", "minimal", "none")),
    "temperature": _TEMPERATURE,
    "top_p": Parameter(minimum=0, maximum=1, default=1),
    "top_k": Parameter(minimum=0, default=0),
    "frequency_penalty": _PENALTY,
    "presence_penalty": _PENALTY,
    "repetition_penalty": Parameter(minimum=0, maximum=2, default=1),
    "min_p": Parameter(minimum=0, maximum=1, default=0),
    "top_a": Parameter(minimum=0, maximum=1, default=0),
    "seed": Parameter(),
    "max_tokens": Parameter(minimum=1),
    "logit_bias": Parameter(),
    "logprobs": Parameter(),
    "top_logprobs": Parameter(minimum=0, maximum=20, needs="logprobs"),
    "response_format": Parameter(),
    "structured_outputs": Parameter(),
    "stop": Parameter(),
    "tools": Parameter(),
    "tool_choice": Parameter(),
    "parallel_tool_calls": Parameter(default=True),
    "verbosity": Parameter(choices=("low", "medium", "high"), default="medium"),
}


def _cny_per_thousand(input_price: float, output_price: float, source: str) -> Price:
    """The pages state yuan per thousand tokens; the table holds prices per million."""
    return Price(input=input_price * 1000, output=output_price * 1000, source=source, checked=_CHECKED)


_WCODE_235B: Final = "https://wcode.net/model/qwen3-235b-a22b"
_WCODE_VL: Final = "https://wcode.net/model/qwen3-vl-32b-instruct"

_WHOLE_REASONING: Final = ModelOffer(profile={"thinking_streams_only": False})
"""Servers other than Alibaba's answer whole calls that reason."""

_CONSTRAINED: Final = ModelOffer(profile={"thinking_streams_only": False, "json_schema": True})
"""Servers of one's own write any model's answer by a schema's grammar, whatever hosts do with that model
(docs.vllm.ai structured_outputs, docs.sglang.ai structured_outputs, ollama.com/blog/structured-outputs, llama.cpp's
tools/server/README.md; read 2026-08, llama.cpp seen 2026-11-22)."""

_BY_TOOLS: Final = ModelOffer(profile={"thinking_streams_only": False, "json_schema": False})
"""Messages has no response_format: objects come as the arguments of a tool."""

_UNKNOWN_SERVER: Final = ModelOffer(profile={"thinking_streams_only": False, "json_schema": None})
"""What hosts refuse for a model says nothing about a server that is not known."""

_ROWS: Final = (
    Provider(
        name="anyfast-cn",
        base_url="https://www.anyfast.com.cn/v1",
        hosts=("anyfast.com.cn",),
        key_variables=("ANYFAST_CN_API_KEY",),
        dialect=dialects.ANYFAST_CN,
        parameters=_ANYFAST_PARAMETERS,
        models={
            "qwen3-32b": ModelOffer(
                parameters={"max_tokens": Parameter(minimum=1, maximum=8192, default=8192)},
                profile={"max_output_tokens": 8192},
            ),
        },
        key_page="https://www.anyfast.com.cn",
        source="https://docs.anyfast.com.cn/api-reference/model-api/alibaba/qwen3-32b",
        checked=_CHECKED,
    ),
    Provider(
        name="anyfast",
        base_url="https://www.anyfast.ai/v1",
        hosts=("anyfast.ai",),
        key_variables=("ANYFAST_API_KEY",),
        dialect=dialects.ANYFAST,
        parameters=_ANYFAST_PARAMETERS,
        models={
            "qwen3.6-flash": ModelOffer(
                parameters={
                    "max_tokens": Parameter(minimum=1, maximum=65536, default=65536),
                    "enable_thinking": Parameter(default=False),
                },
                profile={"thinking_default": False},
            ),
        },
        key_page="https://www.anyfast.ai",
        source="https://docs.anyfast.ai/api-reference/model-api/alibaba/qwen3.6-flash",
        checked=_CHECKED,
    ),
    Provider(
        name="wcode",
        base_url="https://wcode.net/api/gpt/v1",
        hosts=("wcode.net",),
        key_variables=("WCODE_API_KEY",),
        dialect=dialects.WCODE,
        parameters=_WCODE_PARAMETERS,
        models={
            "*": _WHOLE_REASONING,
            "qwen/qwen3-235b-a22b": ModelOffer(
                profile={
                    # The page's sample whole reply carries reasoning that was not asked for.
                    "thinking_streams_only": False,
                    "thinking_default": True,
                    "context_window": 131_072,
                    "price": _cny_per_thousand(0.0025, 0.00675, _WCODE_235B),
                },
            ),
            "qwen/qwen3-vl-32b-instruct": ModelOffer(
                profile={
                    "context_window": 262_144,
                    "inputs": frozenset({"text", "image", "video"}),
                    "price": _cny_per_thousand(0.0045, 0.014, _WCODE_VL),
                },
            ),
        },
        key_page="https://wcode.net/get-apikey",
        source=f"{_WCODE_235B}; {_WCODE_VL}",
        checked=_CHECKED,
    ),
    Provider(
        name="wcode-anthropic",
        base_url="https://wcode.net/api/anthropic",
        hosts=("wcode.net",),
        key_variables=("WCODE_API_KEY",),
        key_header="x-api-key",
        protocol="messages",
        dialect=dialects.MESSAGES,
        parameters={
            "temperature": Parameter(minimum=0, maximum=1, default=1),
            "top_p": _TOP_P,
            "top_k": Parameter(minimum=0),
            "max_tokens": Parameter(minimum=1),
            "thinking_budget": Parameter(minimum=1024),
        },
        while_thinking={
            "temperature": Parameter(minimum=1, maximum=1),
            "top_p": Parameter(minimum=0.95),
            "top_k": None,
        },
        models={
            "*": _BY_TOOLS,
            "qwen/qwen3-235b-a22b": ModelOffer(
                profile={
                    "context_window": 131_072,
                    "thinking_default": None,  # the page does not say
                    "price": _cny_per_thousand(0.0025, 0.00675, _WCODE_235B),
                },
            ),
        },
        key_page="https://wcode.net/get-apikey",
        source=f"{_WCODE_235B}; parameters: https://docs.anthropic.com/en/api/messages and "
        "https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking",
        checked=_CHECKED,
    ),
    Provider(
        name="dashscope",
        base_url="https://dashscope.aliyuncs.com/compatible-mode/v1",
        hosts=("dashscope.aliyuncs.com",),
        key_variables=("DASHSCOPE_API_KEY",),
        dialect=dialects.DASHSCOPE,
        parameters={"thinking_budget": Parameter(minimum=1)},
        id_prefix="",
        key_hint="Keys are bound to a region: for the international site use provider='dashscope-intl'.",
        key_page="https://bailian.console.aliyun.com",
        source="https://www.alibabacloud.com/help/en/model-studio/qwen-api-via-openai-chat-completions",
        checked=date(2026, 3, 1),
    ),
    Provider(
        name="dashscope-intl",
        base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        hosts=("dashscope-intl.aliyuncs.com", "dashscope-us.aliyuncs.com", "ap-southeast-1.maas.aliyuncs.com"),
        key_variables=("DASHSCOPE_API_KEY",),
        dialect=dialects.DASHSCOPE,
        parameters={"thinking_budget": Parameter(minimum=1)},
        id_prefix="",
        key_hint="Keys are bound to a region: for mainland China use provider='dashscope'.",
        key_page="https://modelstudio.console.alibabacloud.com",
        source="https://www.alibabacloud.com/help/en/model-studio/qwen-api-via-openai-chat-completions",
        checked=date(2026, 3, 1),
    ),
    Provider(
        name="openrouter",
        base_url="https://openrouter.ai/api/v1",
        hosts=("openrouter.ai",),
        key_variables=("OPENROUTER_API_KEY",),
        dialect=dialects.OPENROUTER,
        models={"*": _WHOLE_REASONING},
        id_prefix="qwen/",
        key_page="https://openrouter.ai/keys",
        source="https://openrouter.ai/docs/use-cases/reasoning-tokens",
        checked=date(2026, 8, 1),
    ),
    Provider(
        name="vllm",
        base_url="http://localhost:8000/v1",
        key_required=False,
        dialect=dialects.VLLM,
        models={"*": _CONSTRAINED},
        source="https://docs.vllm.ai/en/stable/features/reasoning_outputs.html",
        checked=date(2026, 8, 1),
    ),
    Provider(
        name="sglang",
        base_url="http://localhost:30000/v1",
        key_required=False,
        dialect=dialects.SGLANG,
        models={"*": _CONSTRAINED},
        source="https://docs.sglang.ai/advanced_features/separate_reasoning.html",
        checked=date(2026, 8, 1),
    ),
    Provider(
        name="ollama",
        base_url="http://localhost:11434/v1",
        key_required=False,
        dialect=dialects.OLLAMA,
        models={"*": _CONSTRAINED},
        source="https://docs.ollama.com/api/openai-compatibility",
        checked=date(2026, 8, 1),
    ),
    Provider(
        name="llamacpp",
        base_url="http://localhost:8080/v1",
        key_required=False,
        dialect=dialects.LLAMACPP,
        models={"*": _CONSTRAINED},
        source="https://github.com/ggml-org/llama.cpp/tree/master/tools/server",
        checked=date(2026, 8, 1),
    ),
    Provider(
        name="vllm-anthropic",
        base_url="http://localhost:8000",
        key_required=False,
        protocol="messages",
        dialect=dialects.MESSAGES_VLLM,
        models={"*": _BY_TOOLS},
        source="https://docs.vllm.ai/en/stable/serving/openai_compatible_server.html",
        checked=date(2026, 8, 1),
    ),
    Provider(
        name="llamacpp-anthropic",
        base_url="http://localhost:8080",
        key_required=False,
        protocol="messages",
        dialect=dialects.MESSAGES_LLAMACPP,
        models={"*": _BY_TOOLS},
        source="https://github.com/ggml-org/llama.cpp/tree/master/tools/server",
        checked=date(2026, 11, 22),
    ),
    Provider(
        name="generic",
        base_url="",
        key_required=False,
        dialect=dialects.GENERIC,
        models={"*": _UNKNOWN_SERVER},
        source="any server that speaks Chat Completions",
        checked=_CHECKED,
    ),
)

PROVIDERS: Final[Mapping[str, Provider]] = MappingProxyType({row.name: row for row in _ROWS})
"""Every row by name, in the order they are offered to a user."""

OWN_ROW: Final = " (a row of your own)"
"""Follows the name of a provider that is not in the table, or not as it stands there, wherever it is written down."""
