"""The configuration that both adapters share. Every field is documented here, once."""

# Annotations are no strings here: pydantic would have to compile each.
import warnings
from collections.abc import Mapping
from typing import Annotated, Any, Final, cast

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    InstanceOf,
    SecretStr,
    field_serializer,
    model_validator,
)
from typing_extensions import Self, override

from qwen_endpoints.providers import OWN_ROW, PROVIDERS, Provider
from qwen_endpoints.words import ReasoningEffort, ReasoningReplay

PARAMETERS: Final = (
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "top_a",
    "max_tokens",
    "stop",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "repetition_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "verbosity",
    "parallel_tool_calls",
)
"""Settings that go into the request body under (almost) their own names."""


class QwenSettings(BaseModel):
    """How to reach a Qwen model and how it should answer.

    Whatever is unset (`None`) is not sent, so the endpoint's own default applies. Every field may also be given for
    one call; the call wins and the instance is left as it is.
    """

    model_config = ConfigDict(populate_by_name=True, arbitrary_types_allowed=True)

    model: str = Field(validation_alias=AliasChoices("model", "model_name"))
    """The model id as the endpoint spells it, e.g. `qwen3.6-flash` or `qwen/qwen3-235b-a22b`."""
    provider: Annotated[str | InstanceOf[Provider] | None, Field(union_mode="left_to_right")] = None
    """A row's name (`PROVIDERS` lists them), a `Provider` of your own, or `None` to find it: by the host of `base_url`,
    then by the variable QWEN_PROVIDER, then by the one key variable that is set."""
    api_key: SecretStr | None = Field(default=None, exclude=True, repr=False)
    """The key; `None` takes it from the provider's own variable (`Provider.key_variables`), never from another's."""
    base_url: str | None = Field(default=None, validation_alias=AliasChoices("base_url", "api_base"))
    """Where the endpoint is, up to and without `/chat/completions`; `None` takes the provider's."""
    allow_insecure: bool = False
    """Send the key over http:// to a public host. Off, such a call is refused."""

    temperature: float | None = None
    """Sampling temperature."""
    top_p: float | None = None
    """Nucleus sampling: the probability mass to choose from."""
    top_k: int | None = None
    """Choose among this many most likely tokens."""
    min_p: float | None = None
    """Least probability of a token, relative to the most likely one."""
    top_a: float | None = None
    """Least probability of a token, relative to the square of the most likely one's."""
    max_tokens: int | None = Field(
        default=None, validation_alias=AliasChoices("max_tokens", "max_completion_tokens", "max_output_tokens")
    )
    """Most tokens of the answer, reasoning included; sent under the provider's own key."""
    stop: str | list[str] | None = Field(default=None, validation_alias=AliasChoices("stop", "stop_sequences"))
    """Sequences that end the answer and are not part of it. An empty list is unset."""
    seed: int | None = None
    """Ask for repeatable sampling."""
    presence_penalty: float | None = None
    """Discourage tokens that have occurred."""
    frequency_penalty: float | None = None
    """Discourage tokens the more, the more often they have occurred."""
    repetition_penalty: float | None = None
    """Discourage repetition of the prompt's and the answer's tokens; 1 is neutral."""
    logit_bias: dict[str, float] | None = None
    """Token id (as text) to bias."""
    logprobs: bool | None = None
    """Return the log probability of each token."""
    top_logprobs: int | None = None
    """Return this many alternatives for each token; needs `logprobs`."""
    verbosity: str | None = None
    """`low`, `medium` or `high`, where the endpoint has such a parameter."""
    parallel_tool_calls: bool | None = None
    """Whether one answer may hold several tool calls. Sent only along with tools."""

    video_fps: float | None = Field(default=None, gt=0)
    """Frames per second to look at in videos that do not say so themselves. Model Studio takes 0.1 to 10, and 2 where
    nothing is said (alibabacloud.com, visual understanding, 2026)."""

    enable_thinking: bool | None = None
    """Reason before answering: on, off, or (`None`) as the model does by default."""
    thinking_budget: int | None = None
    """Most tokens of reasoning; implies thinking."""
    reasoning_effort: ReasoningEffort | None = None
    """How much to reason, in words; `none` switches thinking off, any other word switches it on."""
    preserve_thinking: bool | None = None
    """Ask the model to keep the reasoning of earlier turns in mind (Qwen3.6 and later)."""
    reasoning_replay: ReasoningReplay = "auto"
    """Which earlier reasoning is sent back: `tool_turns` within the current tool loop, `always`, `never`, or `auto`,
    which is `tool_turns` and, where thinking is preserved, `always`."""

    stream_usage: bool = True
    """Ask for token counts in streams."""
    connect_timeout: float | None = Field(default=None, gt=0)
    """Seconds to wait for a connection; `None` is 10, or `timeout` where that is less."""
    timeout: float | None = Field(default=None, gt=0)
    """Seconds a whole call may wait for the next byte that is no white space; `None` is 600."""
    stream_idle_timeout: float | None = Field(default=None, gt=0)
    """Seconds a stream may go without a chunk (keep-alives do not count); `None` takes `timeout`."""
    deadline: float | None = Field(default=None, gt=0)
    """Seconds that all of a call may take, from its first attempt to its last byte, repetitions and the pauses between
    them included; `None` is no limit. A stream's consumer spends them too."""
    max_retries: int = Field(default=2, ge=0)
    """How often to repeat a request that failed to connect, timed out, or was refused with 408, 409, 425, 429 or 5xx; a
    stream, only before its first piece. `Retry-After` is honoured up to a minute; whoever asks for more is not asked
    again."""
    default_headers: dict[str, str] | None = Field(default=None, exclude=True, repr=False)
    """Headers for every request. They may hold credentials, so they are kept out of dumps and reprs."""
    default_query: dict[str, Any] | None = Field(default=None, exclude=True, repr=False)
    """Query parameters for every request, kept out of dumps and reprs as headers are."""
    extra_body: dict[str, Any] | None = None
    """Merged deeply into every request body, last: the escape hatch for anything an endpoint takes."""
    http_client: Any = Field(default=None, exclude=True, repr=False)
    """An `httpx2.Client` (or `httpx.Client`) to use for sync calls. It stays open."""
    async_http_client: Any = Field(default=None, exclude=True, repr=False)
    """An `httpx2.AsyncClient` (or `httpx.AsyncClient`) to use for async calls. It stays open."""

    @model_validator(mode="before")
    @classmethod
    def _pass_unknown_arguments_on(cls, values: Any) -> Any:
        """Send unknown constructor arguments in the body, and say so: a typo must not vanish."""
        if not isinstance(values, Mapping):
            return values
        given = cast("Mapping[str, Any]", values)
        known = _fields_by_argument(cls)
        unknown = {name: value for name, value in given.items() if name not in known}
        if not unknown:
            return given
        warnings.warn(
            f"{cls.__name__} has no parameter {', '.join(map(repr, unknown))}; sending it in the request body as it "
            "is. Put it into extra_body to say that this is meant.",
            stacklevel=4,
        )
        kept = {name: value for name, value in given.items() if name in known}
        extra_body = {**unknown, **cast("dict[str, Any]", kept.get("extra_body") or {})}
        return {**kept, "extra_body": extra_body}

    @override
    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Copy everything but HTTP clients of the caller's own, which cannot be copied and are meant to be shared."""
        memo = {} if memo is None else memo
        memo.update({id(client): client for client in (self.http_client, self.async_http_client) if client is not None})
        return super().__deepcopy__(memo)

    @field_serializer("provider")
    def _provider_by_name(self, provider: str | Provider | None) -> str | None:
        """Name the row. One that no table holds is marked, so that what is read back is not mistaken for another."""
        if not isinstance(provider, Provider):
            return provider
        return provider.name if PROVIDERS.get(provider.name) == provider else provider.name + OWN_ROW


def _fields_by_argument(cls: type[BaseModel]) -> Mapping[str, str]:
    """Every name a constructor takes, aliases included, with the field it sets."""
    arguments: dict[str, str] = {}
    for name, field in cls.model_fields.items():
        arguments[name] = name
        if field.alias:
            arguments[field.alias] = name
        if isinstance(field.validation_alias, AliasChoices):
            arguments.update((choice, name) for choice in field.validation_alias.choices if isinstance(choice, str))
    return arguments


ARGUMENTS: Final = _fields_by_argument(QwenSettings)
"""Names that a call may override, aliases included, each with its field."""
